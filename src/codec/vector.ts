// Vectors: which ones an index can hold, and how far apart two of them are.
// Distances are of the numbers rounded to 32 bits, which is what servers keep, computed in 64 bits, one after another.
import { createHash } from "node:crypto";
import type { VectorMetric, VectorSettings } from "../schema/index-kinds.ts";

/** Servers compute with 32 bits: the square of a longer vector's length would be infinite, that of a shorter one inexact. */
const longest = 1e18;
const shortest = 1e-15;
/** What a number of 32 bits may be wrong by, relatively; and how great the least one with all its digits is. */
const rounding = 2 ** -24;
const least = 2 ** -126;

/**
 * Tells why a vector cannot be compared with others, if so.
 *
 * @param value - what should be a vector.
 * @param settings - of the index.
 * @returns the reason, or undefined when it can.
 */
export function vectorProblem(value: unknown, { dim, metric }: VectorSettings): string | undefined {
  if (!Array.isArray(value) && !(value instanceof Float32Array)) return "is no list of numbers";
  if (value.length !== dim) return `has ${value.length} numbers, but its vector() index says dim ${dim}`;
  let square = 0;
  for (const part of value as readonly unknown[]) {
    if (typeof part !== "number" || !Number.isFinite(part)) return `holds ${String(part)}, which is no finite number`;
    square += Math.fround(part) ** 2;
  }
  const length = Math.sqrt(square);
  if (length > longest) return `is a vector longer than ${longest}, beyond what servers compute with; scale it`;
  if (metric !== "cosine" || length >= shortest) return undefined;
  return square === 0
    ? "is a zero vector, which has no direction; metric l2 or ip can hold it"
    : `is a vector shorter than ${shortest}, beyond what servers compute with; scale it`;
}

/**
 * What tells a vector from others: where its numbers are needed, they are read from the document.
 *
 * @param vector - a vector without a problem.
 * @returns a digest of its numbers, rounded to 32 bits.
 */
export function vectorDigest(vector: readonly number[]): string {
  return createHash("sha1")
    .update(new Uint8Array(Float32Array.from(vector).buffer))
    .digest("base64url")
    .slice(0, 20);
}

/**
 * Prepares telling how far vectors are from one of them.
 *
 * @param from - a vector without a problem.
 * @param metric - how far apart vectors are.
 * @returns a function from a vector of the same length to its distance: for `cosine` 1 minus the cosine of the angle, for
 *   `l2` the length of the straight line between them, for `ip` 1 minus the inner product.
 */
export function distanceFrom(from: ArrayLike<number>, metric: VectorMetric): (to: ArrayLike<number>) => number {
  const origin = Float64Array.from(from, Math.fround);
  const dot = (other: ArrayLike<number>): number => {
    let sum = 0;
    for (let at = 0; at < origin.length; at += 1) sum += (origin[at] as number) * Math.fround(other[at] as number);
    return sum;
  };
  if (metric === "ip") return (other) => 1 - dot(other);
  if (metric === "l2") {
    return (other) => {
      let sum = 0;
      for (let at = 0; at < origin.length; at += 1)
        sum += ((origin[at] as number) - Math.fround(other[at] as number)) ** 2;
      return Math.sqrt(sum);
    };
  }
  const own = dot(origin);
  return (other) => {
    let square = 0;
    for (let at = 0; at < origin.length; at += 1) square += Math.fround(other[at] as number) ** 2;
    // One root of both, so that a vector is at no distance from itself.
    return Math.max(0, 1 - dot(other) / Math.sqrt(own * square));
  };
}

/**
 * How near to a vector those may be that a server passed over, whose arithmetic has 32 bits.
 *
 * @param farthest - the greatest exact distance among those that it gave as the nearest.
 * @param settings - of the index.
 * @returns a bound of the exact distance; minus infinity where there is none, since inner products have no limit.
 */
export function passedOver(farthest: number, { dim, metric }: VectorSettings): number {
  // Bounds of the error of sums in any order, with the error of making both vectors one long.
  if (metric === "cosine") return farthest - 2 * (4 * dim + 64) * rounding;
  if (metric === "ip") return Number.NEGATIVE_INFINITY;
  const share = 2 * (dim + 8) * rounding;
  const square = (farthest ** 2 * (1 - share) - 2 * dim * least) / (1 + share);
  return square > 0 ? Math.sqrt(square) : 0;
}
