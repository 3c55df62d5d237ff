// Conditions in words: every operator, the tree, and what is too long to show.
// Written from the conditions that the chain builds.
import { expect, test } from "vitest";

import { describeCondition, describeQuery } from "../../src/query/describe.ts";
import type { Condition } from "../../src/query/node.ts";
import { defineEntity } from "remora";
import { z } from "zod";

const { metadata } = defineEntity({ name: "book", schema: z.object({ id: z.string() }) });
const bound = (value: number | string | bigint | Date, exclusive = false) => ({ value, exclusive });
const words: readonly (readonly [Condition, string])[] = [
  [{ type: "in", path: "a.b", values: ['x"y'] }, 'a.b = "x\\"y"'],
  [{ type: "in", path: "a", values: [1, true, 3n] }, "a is one of [1, true, 3]"],
  [{ type: "in", path: "a", values: [1, 2, 3, 4, 5, 6] }, "a is one of 6 values"],
  [{ type: "in", path: "a", values: [] }, "a is one of []"],
  [{ type: "range", path: "a", lower: bound(1), upper: undefined }, "a >= 1"],
  [{ type: "range", path: "a", lower: undefined, upper: bound("z", true) }, 'a < "z"'],
  [
    { type: "range", path: "a", lower: bound(new Date(0), true), upper: bound(5n) },
    "a > 1970-01-01T00:00:00.000Z and <= 5",
  ],
  [{ type: "containsAny", path: "a", values: ["x"] }, 'a has one of ["x"]'],
  [{ type: "containsAll", path: "a", values: ["x", "y"] }, 'a has all of ["x", "y"]'],
  [{ type: "startsWith", path: "a", text: "x".repeat(61) }, `a startsWith "${"x".repeat(60)}…"`],
  [{ type: "match", path: "a", text: "two words" }, 'a match "two words"'],
  [{ type: "fuzzy", path: "a", text: "wrod", distance: 2 }, 'a fuzzy "wrod" (2)'],
  [{ type: "isNull", path: "a" }, "a is null or missing"],
  [
    { type: "within", path: "a", area: { center: { longitude: 1, latitude: 2 }, radius: 3, unit: "km" } },
    "a within 3 km of 1, 2",
  ],
  [{ type: "within", path: "a", area: { west: 1, south: 2, east: 3, north: 4 } }, "a within 1..3, 2..4"],
  [{ type: "and", items: [] }, "everything"],
  [{ type: "or", items: [] }, "nothing"],
];

test.each(words.map(([condition, text]) => ({ condition, text })))("$text", ({ condition, text }) => {
  expect(describeCondition(condition, metadata).map((row) => row.condition)).toEqual([text]);
});

test("a tree has its parents before their children, and a line says the same", () => {
  const one: Condition = { type: "isNull", path: "a" };
  const tree: Condition = { type: "and", items: [one, { type: "not", item: { type: "or", items: [one, one] } }] };
  expect(describeCondition(tree, metadata).map(({ depth, condition }) => [depth, condition])).toEqual([
    [0, "all of"],
    [1, "a is null or missing"],
    [1, "not"],
    [2, "any of"],
    [3, "a is null or missing"],
    [3, "a is null or missing"],
  ]);
  const near = { path: "at", from: { longitude: 0, latitude: 0 }, direction: "asc" } as const;
  const query = { metadata, where: tree, orderBy: [], limit: 5, offset: 2, near };
  expect(describeQuery(query)).toBe(
    "book where (a is null or missing and not (a is null or missing or a is null or missing)), " +
      "order by distance of at asc, limit 5, offset 2",
  );
  const ordered = { metadata, where: { type: "and", items: [one] } as const, limit: undefined, offset: 0 };
  expect(describeQuery({ ...ordered, orderBy: [{ path: "a", direction: "desc" }] })).toBe(
    "book where a is null or missing, order by a desc",
  );
});
