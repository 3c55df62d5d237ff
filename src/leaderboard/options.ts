// What a leaderboard is told when it is opened: its order, whose scores count, who shares a rank, and how ties are broken.
// Checked once, and frozen into settings that scripts and codec are made from.
import { DefinitionError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { FindOptions, ReadOptions } from "../repository/load.ts";
import type { BoardMetadata, BoardOrder, RankType } from "../schema/board.ts";
import type { BoardJoin, EntityOfJoin, JoinedBoard } from "./join.ts";
import { type BoardPeriods, type PeriodSettings, periodSettings } from "./periods.ts";

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
  /** How many members the board keeps: whoever stands behind them is dropped, with its score; all when left out. */
  readonly limit?: number;
  /** Periods that scores are kept of beside all time, or instead of it; none when left out. */
  readonly periods?: BoardPeriods;
  /** The IANA name of the time zone of its periods; `UTC` when left out. */
  readonly timeZone?: string;
  /** Which period the board's own calls are about, where `periods` does not have `allTime: true`. */
  readonly main?: string;
  /** Tells in a stream whose rank changed, for `watch`; it keeps about `maxLength` changes (10 000 when left out). */
  readonly events?: true | BoardEvents;
  /** The hash tag that it shares with other boards, so that one call can write them; its own name when left out. */
  readonly colocate?: string;
  /** The repository whose entities rows carry, by member; or it and what makes ids of members. None when left out. */
  readonly join?: BoardJoin;
}

/** What reads that give rows accept on a board with the options O: where it is joined, what the repository's reads do. */
export type RowReadOptions<O extends LeaderboardOptions = LeaderboardOptions> = O extends JoinedBoard
  ? ReadOptions & FindOptions
  : CallOptions;

/** How changes are told. */
export interface BoardEvents {
  /** About how many changes the stream keeps, from 1. */
  readonly maxLength?: number;
}

/** The names of the periods of a board with the options O. */
export type PeriodName<O extends LeaderboardOptions> =
  O extends WithPeriods<infer P>
    ? Exclude<keyof P, "allTime" | "custom"> | CustomName<P>
    : "periods" extends keyof O
      ? string
      : never;

/** Options of boards with periods. */
export interface WithPeriods<P extends BoardPeriods> {
  /** The periods. */
  readonly periods: P;
}

/** Periods with a board of all time. */
export interface WithAllTime {
  /** It is kept. */
  readonly allTime: true;
}

/** The names of a board's own calendars. */
export type CustomName<P extends BoardPeriods> =
  P extends Pick<Required<BoardPeriods>, "custom"> ? keyof P["custom"] & string : never;

/** What options must be beside {@link LeaderboardOptions}: no unknown period, and one that is the main one. */
export type SoundOptions<O extends LeaderboardOptions> =
  O extends WithPeriods<infer P>
    ? {
        /** Periods have no other names than these. */
        readonly periods: { readonly [K in Exclude<keyof P, keyof BoardPeriods>]: never };
      } & (P extends WithAllTime
        ? {
            /** The board of all time is the main one. */
            readonly main?: never;
          }
        : {
            /** Without a board of all time, one of the periods is the main one. */
            readonly main: PeriodName<O>;
          })
    : unknown;

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

/** What became of a score that was submitted to a board with the options O: on the main board, and in each period. */
export type SubmitResultOf<O extends LeaderboardOptions> = [PeriodName<O>] extends [never]
  ? SubmitResult<SubmittedRank<O>>
  : string extends PeriodName<O>
    ? SubmitResult<SubmittedRank<O>> & {
        /** The same for each period, by name, on boards that have periods. */
        readonly periods?: Readonly<Record<string, SubmitResult<SubmittedRank<O>>>>;
      }
    : SubmitResult<SubmittedRank<O>> & {
        /** The same for each period, by name. */
        readonly periods: { readonly [P in PeriodName<O>]: SubmitResult<SubmittedRank<O>> };
      };

/** The rank of a submitted score on a board with the options O: with a limit, null for one that was dropped at once. */
export type SubmittedRank<O extends LeaderboardOptions> = "limit" extends keyof O ? number | null : number;

/** What became of a submitted score. */
export interface SubmitResult<R extends number | null = number> {
  /** The score that the member has now; on a board with a limit also one that is dropped at once. */
  readonly score: number;
  /** The member's rank now, from 1; on a board with a limit null when the score was dropped at once. */
  readonly rank: R;
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
  /** How many members it keeps; undefined for all. */
  readonly limit: number | undefined;
  readonly periods: readonly PeriodSettings[];
  /** The board of all time is kept. */
  readonly allTime: boolean;
  /** The period that the board's own calls are about; undefined where that is all time. */
  readonly main: string | undefined;
  readonly events: { readonly maxLength: number } | undefined;
  readonly colocate: string | undefined;
  /** Members are entities: their ids stand there as in keys. */
  readonly entities?: true;
  /** What decides the stored form, as text: boards that differ in it cannot share keys. */
  readonly stamp: string;
}

const boardName = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$/;
const scoreName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/**
 * Checks a board's name.
 *
 * @param name - what was given.
 * @returns the name.
 * @throws DefinitionError when it is none.
 */
export function checkedName(name: unknown): string {
  if (typeof name === "string" && boardName.test(name)) return name;
  throw new DefinitionError(
    `leaderboard ${JSON.stringify(name)}: a name is 1 to 128 letters, digits, _, -, . and :, and begins with none of the last three`,
    { entity: String(name) },
  );
}

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
  checkedName(name);
  const one = <T extends string>(option: string, value: unknown, known: readonly T[]): T => {
    const found = known.find((each) => each === value);
    if (found === undefined) throw fail(`${option} is one of ${known.join(", ")}, not ${JSON.stringify(value)}`);
    return found;
  };
  const { tieBreak = "time", top = 10, limit, colocate } = options;
  if (colocate !== undefined && !(typeof colocate === "string" && boardName.test(colocate))) {
    throw fail("colocate is a hash tag, written like the name of a board");
  }
  const order = one("order", options.order ?? "desc", ["desc", "asc"]);
  const keep = one("keep", options.keep ?? "best", ["best", "last", "sum", "first", "worst"]);
  const ties = one("ties", options.ties ?? "ordinal", ["ordinal", "competition", "dense"]);
  for (const [option, value] of Object.entries({ top, limit: limit ?? 1 })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw fail(`${option} is a whole number from 1, not ${String(value)}`);
  }
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
  return Object.freeze({
    ...{ name, order, keep, ties, breaks, scores: Object.freeze(scores), top, limit, stamp },
    ...periodOptions(name, options, fail),
    events: eventOptions(options, top, fail),
    colocate: options.colocate,
  });
}

function periodOptions(
  name: string,
  { periods, timeZone, main }: LeaderboardOptions,
  fail: (message: string) => DefinitionError,
): Pick<BoardSettings, "periods" | "allTime" | "main"> {
  if (periods === undefined) {
    if (timeZone !== undefined || main !== undefined) throw fail("timeZone and main are for boards with periods");
    return { periods: [], allTime: true, main: undefined };
  }
  const found = periodSettings(name, periods, timeZone === undefined ? "UTC" : timeZone, fail);
  const { allTime = false } = periods;
  if (typeof allTime !== "boolean") throw fail("allTime is true or false");
  if (allTime && main !== undefined)
    throw fail("main is for boards without allTime, which is the main one where it is kept");
  if (!allTime && !found.some((period) => period.name === main)) {
    throw fail(
      `say which period the board's own calls are about, by main: one of ${found.map((period) => period.name).join(", ")}; or keep allTime: true`,
    );
  }
  return { periods: found, allTime, main };
}

/** More work than that would be done for one score. */
const mostTold = 100;
const defaultChanges = 10_000;

function eventOptions(
  { events }: LeaderboardOptions,
  top: number,
  fail: (message: string) => DefinitionError,
): BoardSettings["events"] {
  if (events === undefined) return undefined;
  const { maxLength = defaultChanges } = (events as unknown) === true ? {} : (events as BoardEvents);
  if (!Number.isSafeInteger(maxLength) || maxLength < 1) throw fail("events.maxLength is a whole number from 1");
  if (top > mostTold) throw fail(`events tell of a top of ${mostTold} ranks at most, not ${top}`);
  return Object.freeze({ maxLength });
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
    ...{ name, order, keep: "last" as const, ties, breaks, scores: Object.freeze(scores), top: 1, stamp },
    ...{ limit: undefined, periods: [], allTime: true, main: undefined, events: undefined, colocate: undefined },
    entities: true as const,
  });
}
