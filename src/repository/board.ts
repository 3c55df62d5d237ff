// A leaderboard over the entities of a type: what its reads accept and give.
// Types only: the room of leaderboards, which stands above this one, reads it.
import type { CallOptions, Page } from "../query/query.ts";
import type { BoardIndex, BoardMetadata } from "../schema/board.ts";
import type { EntityDefinition, EntityOf, IndexesOf } from "../schema/entity.ts";
import type { BoardPaths, IndexAt } from "../schema/paths.ts";
import type { TypeContext } from "./context.ts";
import type { FindOptions, ReadOptions } from "./load.ts";

/** One bar of a histogram. */
export interface Bucket {
  /** The lowest score that counts. */
  readonly from: number;
  /** The first score that does not count; that of the last bucket does. */
  readonly to: number;
  /** How many members have such a score. */
  readonly count: number;
}

/** What `between` accepts beside what reads do. */
export interface BetweenScoresOptions {
  /** Rows to skip; 0 when left out. */
  readonly offset?: number;
  /** Rows at most; 100 when left out, 2 000 at most. */
  readonly limit?: number;
}

/** What `entries` accepts beside what reads do. */
export interface EntriesOptions {
  /** Rows per round trip; 500 when left out, 2 000 at most. */
  readonly batch?: number;
}

/** What reads that give rows accept: what `findByIds` does, for the entities. */
export type EntityRowOptions = ReadOptions & FindOptions;

/** What rows tell beside the score: the fields that break ties, or since when the entity has its score. */
type FactsOf<X> =
  X extends BoardIndex<infer O>
    ? O extends { readonly tieBreak: { readonly fields: readonly { readonly field: infer F extends string }[] } }
      ? {
          /** The fields that break ties, by their paths. */
          readonly scores: { readonly [K in F]: number };
        }
      : O extends { readonly tieBreak: "member" }
        ? unknown
        : {
            /** Since when the entity has its score. */
            readonly at: Date;
          }
    : unknown;

/** A place on the leaderboard of the field P. */
export type EntityBoardRow<D extends EntityDefinition, P extends BoardPaths<IndexesOf<D>>> = {
  /** The entity's id. */
  readonly member: string;
  /** Its score. */
  readonly score: number;
  /** Its rank, from 1. */
  readonly rank: number;
  /** The entity; null when it went between the board's read and this one. */
  readonly entity: EntityOf<D> | null;
} & FactsOf<Extract<IndexAt<IndexesOf<D>, P>, BoardIndex>>;

/** How far an entity is from those with the nearest other scores. */
export interface EntityGap<E> {
  /** The id of the entity there. */
  readonly member: string;
  /** Its score. */
  readonly score: number;
  /** Points between the two scores; above 0. */
  readonly points: number;
  /** The entity; null when it went meanwhile. */
  readonly entity: E | null;
}

/** A row, and how far the nearest better and worse scores are. */
export interface EntityNeighbours<R extends Record<"entity", unknown>> {
  /** The row itself. */
  readonly row: R;
  /** The last entity with a better score; null at the top. */
  readonly ahead: EntityGap<NonNullable<R["entity"]>> | null;
  /** The first entity with a worse score; null at the end. */
  readonly behind: EntityGap<NonNullable<R["entity"]>> | null;
}

/**
 * A leaderboard of entities, for reading: saving, changing and deleting them is what moves it. Every read asks for the board once,
 * and those that give rows for the entities once more. Where entities have died since, a further trip or more sweeps them first.
 */
export interface EntityBoard<R extends Record<"entity", unknown>> {
  /** The type's name, a point, and the field. */
  readonly name: string;
  /**
   * Reads the best. Two round trips (EVALSHA_RO, and as findByIds).
   *
   * @param count - how many, 1 to 2 000; 10 when left out.
   * @param options - what `findByIds` takes.
   * @returns rows, the best first.
   */
  top(count?: number, options?: EntityRowOptions): Promise<R[]>;
  /**
   * Reads the worst. Two round trips, as {@link EntityBoard.top}.
   *
   * @param count - how many, 1 to 2 000; 10 when left out.
   * @param options - what `findByIds` takes.
   * @returns rows, the worst first.
   */
  bottom(count?: number, options?: EntityRowOptions): Promise<R[]>;
  /**
   * Reads one page. Two round trips, as {@link EntityBoard.top}.
   *
   * @param number - which, from 1.
   * @param size - rows per page, 1 to 2 000; 25 when left out.
   * @param options - what `findByIds` takes.
   * @returns the rows, and how many entities are on the board.
   */
  page(number: number, size?: number, options?: EntityRowOptions): Promise<Page<R>>;
  /**
   * Reads an entity and those around it; near the ends others fill up the places. Two round trips, as {@link EntityBoard.top}.
   *
   * @param id - the entity in the middle.
   * @param count - how many on each side, 0 to 999; 5 when left out.
   * @param options - what `findByIds` takes.
   * @returns rows, the best first; none when it is not on the board.
   */
  around(id: string, count?: number, options?: EntityRowOptions): Promise<R[]>;
  /**
   * Reads entities by their scores. Two round trips, as {@link EntityBoard.top}.
   *
   * @param low - the lowest score.
   * @param high - the highest score.
   * @param options - `offset` and `limit`, and what `findByIds` takes.
   * @returns rows, the best first.
   */
  between(low: number, high: number, options?: BetweenScoresOptions & EntityRowOptions): Promise<R[]>;
  /**
   * Goes over the whole board, best first, in pages of two round trips each. Who does not change meanwhile comes exactly once.
   *
   * @param options - rows per page, and what `findByIds` takes.
   * @returns rows, one by one.
   */
  entries(options?: EntriesOptions & EntityRowOptions): AsyncGenerator<R, void, undefined>;
  /**
   * Tells an entity's rank. One round trip (EVALSHA_RO), as the calls below that give no rows.
   *
   * @param id - the entity.
   * @param options - deadline in milliseconds, and signal.
   * @returns the rank from 1, or null when it is not on the board.
   */
  rankOf(id: string, options?: CallOptions): Promise<number | null>;
  /**
   * Tells the rows of some entities. Two round trips, as {@link EntityBoard.top}.
   *
   * @param ids - up to 5 000.
   * @param options - what `findByIds` takes.
   * @returns a row each, in order; null for those that are not on the board.
   */
  ranksOf(ids: readonly string[], options?: EntityRowOptions): Promise<(R | null)[]>;
  /**
   * Ranks some entities among themselves, such as friends. Two round trips, as {@link EntityBoard.top}.
   *
   * @param ids - up to 5 000.
   * @param options - what `findByIds` takes.
   * @returns rows, the best first, with ranks from 1 among them; without those that are not on the board.
   */
  among(ids: readonly string[], options?: EntityRowOptions): Promise<R[]>;
  /**
   * Reads an entity's score. One round trip.
   *
   * @param id - the entity.
   * @param options - deadline in milliseconds, and signal.
   * @returns the score, or null when it is not on the board.
   */
  scoreOf(id: string, options?: CallOptions): Promise<number | null>;
  /**
   * Tells the share of entities whose score is not better than this one's. One round trip.
   *
   * @param id - the entity.
   * @param options - deadline in milliseconds, and signal.
   * @returns a share above 0, up to 1, which the best have; null when it is not on the board.
   */
  percentileOf(id: string, options?: CallOptions): Promise<number | null>;
  /**
   * Tells the score that a share of the entities does not beat, by nearest rank. One round trip.
   *
   * @param quantile - 0, the worst, to 1, the best; 0.5 is the median.
   * @param options - deadline in milliseconds, and signal.
   * @returns a score that an entity has; null when the board is empty.
   */
  scoreAt(quantile: number, options?: CallOptions): Promise<number | null>;
  /**
   * Counts entities by their scores. One round trip.
   *
   * @param low - the lowest score that counts.
   * @param high - the highest score that counts.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many have such a score.
   */
  countBetween(low: number, high: number, options?: CallOptions): Promise<number>;
  /**
   * Counts entities by ranges of scores. One round trip.
   *
   * @param buckets - how many ranges of equal width, 1 to 500; or their edges, rising.
   * @param options - deadline in milliseconds, and signal.
   * @returns the ranges, lowest first.
   */
  histogram(buckets: number | readonly number[], options?: CallOptions): Promise<Bucket[]>;
  /**
   * Tells how many points part an entity from the next better and the next worse score. Two round trips.
   *
   * @param id - the entity.
   * @param options - what `findByIds` takes.
   * @returns its row and both gaps; null when it is not on the board.
   */
  neighbours(id: string, options?: EntityRowOptions): Promise<EntityNeighbours<R> | null>;
  /**
   * Counts the entities on the board. One round trip.
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many have a score.
   */
  total(options?: CallOptions): Promise<number>;
}

/** What opens boards needs of a repository. */
export interface BoardHome {
  readonly entity: string;
  readonly resolve: () => Promise<TypeContext>;
  readonly findByIds: (ids: readonly string[], options?: EntityRowOptions) => Promise<(object | null)[]>;
}

/** Opens a board over the entities of a type. */
export type OpenBoard = (board: BoardMetadata, home: BoardHome) => unknown;
