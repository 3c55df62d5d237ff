// The order of everything: code points for text, absent last both ways, ids for ties.
// Text is compared with the order of its UTF-8 bytes.
import fc from "fast-check";
import { expect, test } from "vitest";

import { comparator, compareText } from "../../src/query/order.ts";
import { metadata } from "./things.ts";

test("text goes by code point, as its bytes do", () => {
  const text = fc.string({ unit: "binary", maxLength: 6 });
  const near = fc.string({
    unit: fc.constantFrom("a", "\uffee", "\u{1f600}", "\ue000", "\ud7ff", "\u{10ffff}", "\u0001"),
    maxLength: 4,
  });
  fc.assert(
    fc.property(fc.oneof(text, near), fc.oneof(text, near), (left, right) => {
      expect(Math.sign(compareText(left, right))).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)));
    }),
    { numRuns: 5000 },
  );
});

test("absent values are last both ways, ties go by id with the last key", () => {
  const rows = [
    { id: "a", size: 1 },
    { id: "b", size: null },
    { id: "c", size: 1 },
    { id: "d" },
    { id: "e", size: -1 },
  ];
  const sorted = (direction: "asc" | "desc"): string[] =>
    rows.toSorted(comparator(metadata, [{ path: "size", direction }]) as never).map(({ id }) => id);
  expect(sorted("asc")).toEqual(["e", "a", "c", "b", "d"]);
  expect(sorted("desc")).toEqual(["c", "a", "e", "d", "b"]);
});

test("folded fields are ordered folded", () => {
  const rows = [
    { id: "1", loose: "b" },
    { id: "2", loose: "A" },
    { id: "3", loose: "a" },
  ];
  expect(rows.toSorted(comparator(metadata, [{ path: "loose", direction: "asc" }])).map(({ id }) => id)).toEqual([
    "2",
    "3",
    "1",
  ]);
});

test("ids go by their encoded form, ascending without an order", () => {
  const rows = ["b", "a:", "a!", "a", "é", "B"].map((id) => ({ id }));
  expect(rows.toSorted(comparator(metadata, [])).map(({ id }) => id)).toEqual(["B", "a", "a!", "a:", "b", "é"]);
});
