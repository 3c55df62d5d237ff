// Leaderboards of entities: the index kind that ranks a type's entities by a number field, and its checks.
// What saves keep of it is laid out by the engines; its reads are in the room of leaderboards.
import type { Index } from "./index-kinds.ts";
import { type ObjectShape, shapeAt } from "./shape.ts";

/** `desc`: the highest score is best; `asc`: the lowest. */
export type BoardOrder = "desc" | "asc";

/** What members with equal scores get: ranks of their own (1, 2, 3, 4), or one (1, 2, 2, 4 or 1, 2, 2, 3). */
export type RankType = "ordinal" | "competition" | "dense";

/** A field that decides between entities with equal scores. */
export interface TieField {
  /** Dotted path of a number that is always there. */
  readonly field: string;
  /** Which of its values is better; `desc`, the highest, when left out. */
  readonly order?: BoardOrder;
}

/** What decides between equal scores: who was there first, the ids' bytes, or up to three other fields. */
export type BoardTieBreak =
  | "time"
  | "member"
  | {
      /** The fields, the one that decides first in front. */
      readonly fields: readonly [TieField] | readonly [TieField, TieField] | readonly [TieField, TieField, TieField];
    };

/** Options of {@link leaderboard}. */
export type BoardIndexOptions = SharedRanks | DenseRanks;

interface SharedRanks {
  /** Which end is best; `desc` when left out. */
  readonly order?: BoardOrder;
  /** What entities with equal scores get; `ordinal`, a rank each, when left out. */
  readonly ties?: "ordinal" | "competition";
  /** What decides between equal scores; `time`, who had the score first, when left out. */
  readonly tieBreak?: BoardTieBreak;
}

interface DenseRanks {
  readonly order?: BoardOrder;
  readonly ties: "dense";
  /** Fields would make a rank of each combination with the score. */
  readonly tieBreak?: "time" | "member";
}

/** A leaderboard over a number field, made by {@link leaderboard}; named in an entity's `index`. */
export interface BoardIndex<O extends BoardIndexOptions = BoardIndexOptions> {
  /** Tells it from indexes that queries ask. */
  readonly kind: "leaderboard";
  /** How it ranks. */
  readonly board: O;
}

/** What may stand in a definition's `index`. */
export type AnyIndex = Index | BoardIndex;

/** A leaderboard of a type. */
export interface BoardMetadata {
  /** Dotted path of the score. */
  readonly path: string;
  readonly order: BoardOrder;
  readonly ties: RankType;
  readonly breaks: "time" | "member" | "scores";
  /** The fields that break ties, in order; none unless these do. */
  readonly fields: readonly Required<TieField>[];
}

/** A number that boards need of each entity. */
export interface RankedField {
  readonly path: string;
  readonly names: readonly string[];
}

/**
 * Ranks the entities of a type by a number field: saving one moves its rank in the same call, and whatever ends it takes it off
 * the board. `repository.leaderboard(path)` reads it. One without a score is not on the board.
 *
 * @param options - which end is best, who shares a rank, and what breaks ties: by `time`, by `member` (the id), or by `fields`.
 * @returns the board, to be named in an entity's `index`, alone or beside `range()`.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { defineEntity, leaderboard } from "remora";
 *
 * const Player = defineEntity({
 *   name: "player",
 *   schema: z.object({ id: z.string(), points: z.number().nullable() }),
 *   index: { points: leaderboard({ ties: "competition" }) },
 * });
 * Player.name; // "player"
 * ```
 */
export function leaderboard<const O extends BoardIndexOptions = Record<never, never>>(options?: O): BoardIndex<O> {
  return Object.freeze({ kind: "leaderboard", board: Object.freeze({ ...options }) as O });
}

/**
 * Tells a board from other indexes.
 *
 * @param index - what stands in a definition's `index`.
 * @returns true for what {@link leaderboard} made.
 */
export function isBoard(index: { readonly kind: string }): index is BoardIndex {
  return index.kind === "leaderboard";
}

/**
 * Checks a board.
 *
 * @param path - the field with the score.
 * @param options - how it ranks.
 * @param shape - the entity's shape.
 * @param partitions - over how many the entities are spread.
 * @param problem - told of what is wrong.
 * @returns its metadata.
 */
export function compileBoard(
  path: string,
  options: BoardIndexOptions,
  shape: ObjectShape,
  partitions: number | undefined,
  problem: (message: string) => void,
): BoardMetadata {
  const one = <T extends string>(option: string, value: unknown, known: readonly T[]): T => {
    const found = known.find((each) => each === value);
    if (found === undefined) problem(`leaderboard(): ${option} is one of ${known.join(", ")}`);
    return found ?? (known[0] as T);
  };
  if (partitions !== undefined && partitions !== 1) {
    problem("leaderboard() needs a type of one partition: ranks over several could not be kept right by one call");
  }
  const { tieBreak = "time" } = options;
  const held = shapeAt(shape, path)?.shape;
  if (held?.kind !== "number") problem(`leaderboard() cannot stand on ${held?.kind}: a score is a number`);
  const order = one("order", options.order ?? "desc", ["desc", "asc"]);
  const ties = one("ties", options.ties ?? "ordinal", ["ordinal", "competition", "dense"]);
  const given: readonly TieField[] = typeof tieBreak === "object" ? tieBreak.fields : [];
  const breaks = typeof tieBreak === "object" ? "scores" : one("tieBreak", tieBreak, ["time", "member"]);
  if (breaks === "scores" && !(given.length >= 1 && given.length <= 3))
    problem("leaderboard(): 1 to 3 fields break ties");
  const fields = given.map((each) => {
    const at = shapeAt(shape, each.field);
    if (at?.shape.kind !== "number" || at.absentable) {
      problem(
        `leaderboard(): ${JSON.stringify(each.field)} cannot break ties, since it is no number that is always there`,
      );
    }
    return Object.freeze({
      field: each.field,
      order: one(`the order of ${each.field}`, each.order ?? "desc", ["desc", "asc"]),
    });
  });
  if (new Set([path, ...given.map(({ field }) => field)]).size <= given.length) {
    problem("leaderboard(): the score and the fields that break ties are different ones");
  }
  if (ties === "dense" && breaks === "scores") {
    problem("leaderboard(): dense ranks go with ties broken by time or member; take competition ranks, or no fields");
  }
  return Object.freeze({ path, order, ties, breaks, fields: Object.freeze(fields) });
}

/**
 * The numbers that boards need of each entity.
 *
 * @param boards - the boards of a type.
 * @returns the fields, each once.
 */
export function rankedFields(boards: readonly BoardMetadata[]): RankedField[] {
  const paths = boards.flatMap(({ path, fields }) => [path, ...fields.map(({ field }) => field)]);
  return [...new Set(paths)].map((path) => Object.freeze({ path, names: Object.freeze(path.split(".")) }));
}
