// Vectors: which an index takes, how far apart they are, and how near those may be that a server passed over.
// Distances against known ones, and against arithmetic of 32 bits in any order.
import fc from "fast-check";
import { expect, test } from "vitest";

import type { VectorMetric } from "remora";
import { distanceFrom, passedOver, vectorDigest, vectorProblem } from "../../src/codec/vector.ts";
import { seed } from "../property/seed.ts";
import { crowded } from "../property/vectors.ts";

const settings = (metric: VectorMetric, dim = 3) =>
  ({ dim, metric, algorithm: "flat", m: undefined, efConstruction: undefined, efRuntime: undefined }) as const;

test.each([
  ["cosine", [1, 0, 0], [0, 2, 0], 1],
  ["cosine", [1, 0, 0], [-3, 0, 0], 2],
  ["cosine", [0.1, 0.7, 0.3], [0.1, 0.7, 0.3], 0],
  ["l2", [1, 2, 3], [1, 2 + 3, 3 + 4], 5],
  ["ip", [1, 2, 3], [4, 5, 6], 1 - 32],
  // Both numbers are the same in 32 bits.
  ["l2", [1, 0, 0], [1 + 1e-9, 0, 0], 0],
] as const)("%s of %j and %j", (metric, from, to, distance) => {
  expect(distanceFrom(from, metric)(to)).toBe(distance);
  expect(distanceFrom(Float32Array.from(from), metric)(to)).toBe(distance);
});

test("what an index does not take has a reason", () => {
  for (const metric of ["cosine", "l2", "ip"] as const) {
    expect(vectorProblem([1, -2, 1e-9], settings(metric))).toBe(undefined);
    expect(vectorProblem([1e18, 0, 0], settings(metric))).toBe(undefined);
    for (const bad of [
      [1, 2],
      [1, 2, 3, 4],
      [1, 2, Number.NaN],
      [1, 2, Infinity],
      [1, 2, "3"],
      [1, 2, null],
      "123",
      null,
      {},
      [1e19, 0, 0],
      [1e200, 0, 0],
    ])
      expect(vectorProblem(bad, settings(metric)), JSON.stringify(bad)).toBeTypeOf("string");
    // Holes read as undefined.
    expect(vectorProblem(Array.from({ length: 3 }), settings(metric))).toContain("undefined");
    const zero = vectorProblem([0, -0, 1e-60], settings(metric));
    if (metric === "cosine") expect(zero).toContain("zero vector");
    else expect(zero).toBe(undefined);
  }
});

test("a digest tells numbers of 32 bits apart", () => {
  expect(vectorDigest([1, 2])).toBe(vectorDigest([1 + 1e-9, 2]));
  expect(vectorDigest([1, 2])).not.toBe(vectorDigest([1 + 1e-6, 2]));
  expect(vectorDigest([1, 2])).not.toBe(vectorDigest([2, 1]));
});

// Every step rounded to 32 bits, forwards or backwards, as a server may do it.
function rough(metric: VectorMetric, a: readonly number[], b: readonly number[], backwards: boolean): number {
  const round = Math.fround;
  const order = a.map((_, at) => (backwards ? a.length - 1 - at : at));
  const sum = (of: (at: number) => number) => order.reduce((total, at) => round(total + round(of(at))), 0);
  const [x, y] = [a.map(round), b.map(round)] as [number[], number[]];
  const number = (list: readonly number[], at: number) => list[at] as number;
  if (metric === "l2") return sum((at) => round(number(x, at) - number(y, at)) ** 2);
  const unit = (list: readonly number[]) => {
    const length = round(Math.sqrt(sum((at) => number(list, at) ** 2)));
    return list.map((part) => round(part / length));
  };
  const [u, v] = [unit(x), unit(y)];
  return round(1 - sum((at) => number(u, at) * number(v, at)));
}

test("what a server passed over is no nearer than the bound", () => {
  for (const metric of ["cosine", "l2"] as const) {
    fc.assert(
      fc.property(
        crowded(8),
        fc.array(crowded(8), { minLength: 20, maxLength: 60 }),
        fc.boolean(),
        (to, all, backwards) => {
          const exact = distanceFrom(to, metric);
          const ranked = all
            .map((vector) => ({ exact: exact(vector), rough: rough(metric, to, vector, backwards) }))
            .sort((left, right) => left.rough - right.rough);
          const [given, others] = [ranked.slice(0, 10), ranked.slice(10)];
          const bound = passedOver(Math.max(...given.map((one) => one.exact)), settings(metric, 8));
          for (const other of others) expect(other.exact).toBeGreaterThanOrEqual(bound);
        },
      ),
      { numRuns: 500, seed },
    );
  }
  expect(passedOver(3, settings("ip"))).toBe(Number.NEGATIVE_INFINITY);
});
