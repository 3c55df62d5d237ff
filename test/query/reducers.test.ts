// Sums, means and quantiles of groups, against arithmetic that cannot round.
// The order and the number of equal values must not change a digit.
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity } from "remora";
import type { Reducer } from "../../src/query/aggregate.ts";
import { Grouping } from "../../src/query/reducers.ts";
import { everything } from "../../src/query/node.ts";
import { seed } from "../property/seed.ts";

const { metadata } = defineEntity({ name: "one", schema: z.object({ id: z.string(), n: z.number() }) });
const query = { metadata, where: everything, orderBy: [], limit: undefined, offset: 0 };

function reduced(
  type: Reducer<unknown>["type"],
  values: readonly (readonly [number, number])[],
  share?: number,
): unknown {
  const grouping = new Grouping({ query, groupBy: [], reducers: { it: { type, path: "n", share } } });
  for (const [n, count] of values) grouping.take({ n }, count);
  return grouping.rows()[0]?.["it"];
}

// Every double is a whole number of 2 ** -1074.
function exactly(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & ((1n << 52n) - 1n);
  const size = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return bits >> 63n === 1n ? -size : size;
}

function nearest(exact: bigint): number {
  if (exact < 0n) return -nearest(-exact);
  const length = exact.toString(2).length;
  if (length <= 53) return Number(exact) * 2 ** -1074;
  const shift = BigInt(length - 53);
  const [head, tail, half] = [exact >> shift, exact & ((1n << shift) - 1n), 1n << (shift - 1n)];
  const up = tail > half || (tail === half && head % 2n === 1n);
  // In two steps, since 2 ** -1074 times 2 ** 2000 is no double on the way.
  return Number(up ? head + 1n : head) * 2 ** (Number(shift) - 1074);
}

const number = fc.oneof(
  fc.constantFrom(0.1, 0.2, 0.3, 1e16, -1e16, 1, -1, 5e-324, 2 ** 53, 1.5),
  fc.double({ min: -1e30, max: 1e30, noNaN: true }),
  fc.integer(),
);
const values = fc.array(fc.tuple(number, fc.integer({ min: 1, max: 1000 })), { maxLength: 40 });

test("a sum is rounded once, whatever came in which order", () => {
  fc.assert(
    fc.property(values, (pairs) => {
      const exact = pairs.reduce((sum, [value, count]) => sum + exactly(value) * BigInt(count), 0n);
      expect(reduced("sum", pairs)).toBe(nearest(exact));
      expect(reduced("sum", pairs.toReversed())).toBe(nearest(exact));
    }),
    { numRuns: 5000, seed },
  );
});

test("a quantile is the value at its rank", () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 0, max: 100 }), (pairs, percent) => {
      const all = pairs.flatMap(([value, count]) => Array.from({ length: count }, () => value)).sort((a, b) => a - b);
      const rank = Math.max(1, Math.ceil((percent * all.length) / 100));
      expect(reduced("quantile", pairs, percent / 100)).toBe(all.length === 0 ? null : all[rank - 1]);
    }),
    { numRuns: 500, seed },
  );
});

test("means, extremes and numbers of values", () => {
  const pairs = [
    [4, 1],
    [1, 3],
    [-2, 2],
  ] as const;
  expect(reduced("avg", pairs)).toBe(0.5);
  expect(reduced("min", pairs)).toBe(-2);
  expect(reduced("max", pairs)).toBe(4);
  expect(reduced("countDistinct", pairs)).toBe(3);
  expect(reduced("count", pairs)).toBe(6);
  expect(reduced("avg", [])).toBe(null);
});
