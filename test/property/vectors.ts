// Vectors that are hard to tell apart, and the distances between them, written once more from their definition.
// Used by the tests of both engines.
import fc from "fast-check";

import type { VectorMetric } from "remora";
import { evenly } from "./places.ts";

/**
 * How far apart two vectors are: of numbers of 32 bits, in sums of 64.
 *
 * @param metric - how far apart vectors are.
 * @param from - a vector.
 * @param to - another.
 * @returns the distance.
 */
export function away(metric: VectorMetric, from: readonly number[], to: readonly number[]): number {
  const [a, b] = [from.map(Math.fround), to.map(Math.fround)];
  const sum = (of: (x: number, y: number) => number) => a.reduce((total, x, at) => total + of(x, b[at] as number), 0);
  if (metric === "ip") return 1 - sum((x, y) => x * y);
  if (metric === "l2") return Math.sqrt(sum((x, y) => (x - y) ** 2));
  const cosine = sum((x, y) => x * y) / Math.sqrt(sum((x) => x ** 2) * sum((_, y) => y ** 2));
  return Math.max(0, 1 - cosine);
}

/** Vectors in crowds: each a hair's breadth from a few others, or the same, of any length. */
export function crowded(dim: number): fc.Arbitrary<number[]> {
  const whole = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: dim, maxLength: dim });
  const hair = fc.constantFrom(1e-8, 1e-7, 3e-7, 3e-7, 1e-6, 1e-5);
  const middles = Array.from({ length: 5 }, (_, n) => Array.from({ length: dim }, (_, at) => ((n + 2) * (at + 3)) % 7));
  const near = fc
    .tuple(fc.constantFrom(...middles), hair, fc.array(evenly(-1, 1), { minLength: dim, maxLength: dim }))
    .map(([middle, width, moves]) => middle.map((part, at) => part + width * (moves[at] as number)));
  const anywhere = fc.array(evenly(-3, 3), { minLength: dim, maxLength: dim });
  const scale = fc.constantFrom(1, 1, 1, 3, 1e-6, 1e9);
  return fc
    .tuple(fc.oneof({ weight: 2, arbitrary: whole }, { weight: 4, arbitrary: near }, anywhere), scale)
    .map(([vector, by]) => vector.map((part) => part * by))
    .filter((vector) => vector.some((part) => Math.abs(part) > 1e-12));
}
