// What a leaderboard is told when it is opened: its order, whose scores count, who shares a rank, and how ties are broken.
// Checked once, and frozen into settings that scripts and codec are made from.
import { DefinitionError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { FindOptions, ReadOptions } from "../repository/load.ts";
import type { BoardMetadata, BoardOrder, RankType } from "../schema/board.ts";
import type { BoardJoin, EntityOfJoin, JoinedBoard } from "./join.ts";

/** Which of a member's scores the board keeps. */
export type KeptScore = "best" | "last" | "sum" | "first" | "worst";

/** A score that decides between equal ones. */
export interface SubScore {
  /** What it is called where scores are given and read. */
  readonly name: string;
  /** Which of its values is better; `desc`, the highest, when left out. */
  readonly order?: BoardOrder;
}

/** What decides between equal scores: who was there first, the members' bytes, or up to three further scores. */
export type TieBreak =
  | "time"
  | "member"
  | {
      /** The sub-scores, the one that decides first in front. */
      readonly scores: readonly [SubScore] | readonly [SubScore, SubScore] | readonly [SubScore, SubScore, SubScore];
    };

/** What `db.leaderboard` accepts beside the name. */
export interface LeaderboardOptions {
  /** Which end is best; `desc` when left out. */
  readonly order?: BoardOrder;
  /** Which of a member's scores is kept; `best` when left out. */
  readonly keep?: KeptScore;
  /** What members with equal scores get; `ordinal`, a rank each, when left out. */
  readonly ties?: RankType;
  /** What decides between equal scores; `time`, who was there first, when left out. */
  readonly tieBreak?: TieBreak;
  /** How many ranks are the top, of which `enteredTop` tells; 10 when left out. */
  readonly top?: number;
  /** The repository whose entities rows carry, by member; or it and what makes ids of members. None when left out. */
  readonly join?: BoardJoin;
}

/** What reads that give rows accept on a board with the options O: where it is joined, what the repository's reads do. */
export type RowReadOptions<O extends LeaderboardOptions = LeaderboardOptions> = O extends JoinedBoard
  ? ReadOptions & FindOptions
  : CallOptions;

/** The names of the sub-scores of a board with the options O. */
export type SubScoreName<O> = O extends BrokenByScores<infer S> ? S["name"] : never;

/** Options of boards with sub-scores. */
export interface BrokenByScores<S extends Pick<SubScore, "name">> {
  /** What decides between equal scores. */
  readonly tieBreak: {
    /** The sub-scores. */
    readonly scores: readonly S[];
  };
}

/** The sub-scores of a board with the options O, by name; nothing where it has none. */
export type SubScoresOf<O extends LeaderboardOptions> = [SubScoreName<O>] extends [never]
  ? {
      /** It has none. */
      readonly scores?: never;
    }
  : {
      /** A finite number for each, by name. */
      readonly scores: { readonly [K in SubScoreName<O>]: number };
    };

/** One submitted score. */
export type Submission<O extends LeaderboardOptions = LeaderboardOptions> = {
  /** Who has it. */
  readonly member: string;
  /** A finite number; whole ones up to 2^53 - 1. */
  readonly score: number;
} & SubScoresOf<O>;

/** What follows member and score in a call: options, which a board with sub-scores needs. */
export type SubmitArguments<O extends LeaderboardOptions> = [SubScoreName<O>] extends [never]
  ? [options?: CallOptions]
  : [options: CallOptions & SubScoresOf<O>];

/** A place on a board with the options O. */
export type BoardRow<O extends LeaderboardOptions = LeaderboardOptions> = {
  /** Who has it. */
  readonly member: string;
  /** The member's score. */
  readonly score: number;
  /** The member's rank, from 1. */
  readonly rank: number;
} & TieFactsOf<O> &
  EntityFactOf<O>;

/** The entity that rows of a joined board carry. */
export type EntityFactOf<O extends LeaderboardOptions> = LeaderboardOptions extends O
  ? {
      /** The member's entity; null when there is none. */
      readonly entity?: object | null;
    }
  : O extends JoinedBoard<infer J>
    ? {
        /** The member's entity; null when there is none, such as one that has expired or was deleted. */
        readonly entity: EntityOfJoin<J> | null;
      }
    : unknown;

/** What rows tell beside the score: sub-scores, or since when the member has its score, where that breaks ties. */
export type TieFactsOf<O extends LeaderboardOptions> = LeaderboardOptions extends O
  ? {
      /** Since when the member has its score. */
      readonly at?: Date;
      /** The member's sub-scores, by name. */
      readonly scores?: Readonly<Record<string, number>>;
    }
  : [SubScoreName<O>] extends [never]
    ? O extends Record<"tieBreak", "member">
      ? unknown
      : {
          /** Since when the member has its score. */
          readonly at: Date;
        }
    : SubScoresOf<O>;

/** What became of a submitted score. */
export interface SubmitResult {
  /** The score that the member has now. */
  readonly score: number;
  /** The member's rank now, from 1. */
  readonly rank: number;
  /** The rank before, by the board as it was; null for a new member. */
  readonly previousRank: number | null;
  /** The member is new, or has a better score than before. */
  readonly improved: boolean;
  /** The member is among the top, and was not before. */
  readonly enteredTop: boolean;
}

/** Checked options. */
export interface BoardSettings {
  readonly name: string;
  readonly order: BoardOrder;
  readonly keep: KeptScore;
  readonly ties: RankType;
  readonly breaks: "time" | "member" | "scores";
  /** The sub-scores, in order; none unless they break ties. */
  readonly scores: readonly Required<SubScore>[];
  readonly top: number;
  /** Members are entities: their ids stand there as in keys. */
  readonly entities?: true;
  /** What decides the stored form, as text: boards that differ in it cannot share keys. */
  readonly stamp: string;
}

const boardName = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$/;
const scoreName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/**
 * Checks what a board is told.
 *
 * @param name - the board's name.
 * @param options - its options.
 * @returns settings with every default in place.
 * @throws DefinitionError when the name or an option makes no sense.
 */
export function boardSettings(name: string, options: LeaderboardOptions): BoardSettings {
  const fail = (message: string): DefinitionError =>
    new DefinitionError(`leaderboard ${JSON.stringify(name)}: ${message}`, { entity: String(name) });
  if (typeof name !== "string" || !boardName.test(name)) {
    throw fail("a name is 1 to 128 letters, digits, _, -, . and :, and begins with none of the last three");
  }
  const one = <T extends string>(option: string, value: unknown, known: readonly T[]): T => {
    const found = known.find((each) => each === value);
    if (found === undefined) throw fail(`${option} is one of ${known.join(", ")}, not ${JSON.stringify(value)}`);
    return found;
  };
  const { tieBreak = "time", top = 10 } = options;
  const order = one("order", options.order ?? "desc", ["desc", "asc"]);
  const keep = one("keep", options.keep ?? "best", ["best", "last", "sum", "first", "worst"]);
  const ties = one("ties", options.ties ?? "ordinal", ["ordinal", "competition", "dense"]);
  if (!Number.isSafeInteger(top) || top < 1) throw fail(`top is a whole number from 1, not ${String(top)}`);
  const given: readonly SubScore[] = typeof tieBreak === "object" ? tieBreak.scores : [];
  const breaks = typeof tieBreak === "object" ? "scores" : one("tieBreak", tieBreak, ["time", "member"]);
  if (breaks === "scores" && !(given.length >= 1 && given.length <= 3)) throw fail("ties are broken by 1 to 3 scores");
  const scores = given.map((each) => {
    if (!scoreName.test(each.name)) throw fail(`${JSON.stringify(each.name)} is no name for a score`);
    return { name: each.name, order: one(`the order of ${each.name}`, each.order ?? "desc", ["desc", "asc"]) };
  });
  if (new Set(scores.map((each) => each.name)).size < scores.length) throw fail("two scores have one name");
  if (breaks === "scores" && keep === "sum") {
    throw fail('a board that sums cannot break ties by scores; sum them yourself and use keep: "last"');
  }
  const keys = scores.map((each) => `${each.name} ${each.order}`).join(",");
  const stamp = [order, breaks, keys, ties === "dense" ? "dense" : ""].join("|");
  return Object.freeze({ name, order, keep, ties, breaks, scores: Object.freeze(scores), top, stamp });
}

/**
 * What a board over entities is told, in the same form.
 *
 * @param entity - name of the entity type.
 * @param board - the board.
 * @returns settings.
 */
export function entityBoardSettings(
  entity: string,
  { path, order, ties, breaks, fields }: BoardMetadata,
): BoardSettings {
  const scores = fields.map((each) => Object.freeze({ name: each.field, order: each.order }));
  const stamp = [order, breaks, scores.length].join("|");
  const name = `${entity}.${path}`;
  return Object.freeze({
    name,
    order,
    keep: "last",
    ties,
    breaks,
    scores: Object.freeze(scores),
    top: 1,
    entities: true,
    stamp,
  });
}
