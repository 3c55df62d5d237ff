// What a leaderboard over several hash slots is told: what an ordinary one is, and where its scores are divided.
// Checked once; each shard is a board of its own, under a hash tag of its own.
import { DefinitionError } from "../errors.ts";
import { boardProblem, checkedWhole } from "./asked.ts";
import { checkedScore } from "./encoding.ts";
import { type BoardSettings, boardSettings, type LeaderboardOptions } from "./options.ts";

/** What `db.shardedLeaderboard` accepts beside the name. */
export interface ShardedLeaderboardOptions extends Pick<LeaderboardOptions, "order" | "keep" | "ties" | "top"> {
  /** Where scores are divided, rising: each edge is the lowest score of the shard above it. One shard more than edges, up to 256. */
  readonly edges: readonly number[];
  /** What decides between equal scores; `time`, who was there first, when left out. */
  readonly tieBreak?: "time" | "member";
  /** There is none: no shard knows how many the others have. */
  readonly limit?: never;
}

/** Checked options. */
export interface ShardedSettings {
  /** Those of the whole board, and of each shard. */
  readonly board: BoardSettings;
  readonly edges: readonly number[];
}

const mostShards = 256;

/**
 * Checks what a sharded board is told.
 *
 * @param name - the board's name.
 * @param options - its options.
 * @returns settings with every default in place.
 * @throws DefinitionError when the name or an option makes no sense.
 */
export function shardedSettings(name: string, options: ShardedLeaderboardOptions): ShardedSettings {
  const fail = (message: string): DefinitionError =>
    new DefinitionError(`leaderboard ${JSON.stringify(name)}: ${message}`, { entity: String(name) });
  const { edges, limit }: { readonly edges: unknown; readonly limit?: unknown } = options;
  const board = boardSettings(name, options);
  if (board.breaks === "scores") throw fail("a board in shards breaks ties by time or by member");
  if (limit !== undefined) throw fail("a board in shards has no limit; no shard knows how many the others have");
  if (!Array.isArray(edges) || edges.length < 1 || edges.length >= mostShards) {
    throw fail(`edges are 1 to ${mostShards - 1} scores`);
  }
  const given = edges as readonly number[];
  for (const [at, edge] of given.entries()) {
    if (typeof edge !== "number" || !(Math.abs(edge) <= Number.MAX_SAFE_INTEGER)) {
      throw fail(`an edge is a finite number from -(2^53 - 1) to 2^53 - 1, not ${String(edge)}`);
    }
    if (at > 0 && !(edge > (given[at - 1] as number))) throw fail(`edges rise, and ${edge} follows ${given[at - 1]}`);
  }
  // What differs in its edges lies elsewhere, and no ordinary board may take a shard for one of its own.
  const stamp = `${board.stamp}|shards ${given.join(",")}`;
  return Object.freeze({ board: Object.freeze({ ...board, stamp }), edges: Object.freeze([...given]) });
}

/**
 * The shard that a score lies in.
 *
 * @param edges - where scores are divided.
 * @param score - the score.
 * @returns its position, from 0 for the lowest scores.
 */
export function shardOf(edges: readonly number[], score: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] as number) <= score) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Proposes where to divide scores, so that shards have about as many members each.
 *
 * @param sample - scores such as the board will have: some thousands of them, in any order.
 * @param shards - how many shards there should be, 2 to 256.
 * @returns edges, rising; fewer where many of the scores are equal.
 * @throws ValidationError when the sample holds something else than scores, or fewer than two different ones.
 *
 * @example
 * ```ts
 * import { proposeEdges } from "remora";
 *
 * proposeEdges([1, 2, 3, 4, 5, 6, 7, 8], 4); // [3, 5, 7]
 * ```
 */
export function proposeEdges(sample: readonly number[], shards: number): number[] {
  const what = "proposeEdges";
  checkedWhole(shards, 2, mostShards, "shards", what);
  const sorted = sample.map((score) => checkedScore(score, "a score", what)).toSorted((left, right) => left - right);
  const lowest = sorted[0];
  const edges = Array.from({ length: shards - 1 }, (_, at) => sorted[Math.floor(((at + 1) * sorted.length) / shards)]);
  const distinct = [...new Set(edges)].filter((edge): edge is number => edge !== undefined && edge !== lowest);
  if (distinct.length > 0) return distinct;
  const above = sorted.find((score) => score !== lowest);
  if (above === undefined) throw boardProblem("a sample has at least two different scores", what);
  return [above];
}
