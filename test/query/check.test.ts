// Queries that make no sense are refused by name, and those that do are not.
// The compiler refuses most of them already; data from outside comes here.
import { expect, test } from "vitest";

import { checkQuery } from "../../src/query/check.ts";
import { type Condition, everything, type QueryNode } from "../../src/query/node.ts";
import { absent, and, any, between, every, from, isIn, match, metadata, not, or } from "./things.ts";

const query = (change: Partial<QueryNode>): QueryNode => ({
  metadata,
  where: everything,
  orderBy: [],
  limit: undefined,
  offset: 0,
  ...change,
});
const refusal = (field?: string): unknown =>
  expect.objectContaining({ code: "QUERY", entity: "thing", ...(field === undefined ? {} : { field }) });

test.each<[string, Condition]>([
  ["an unknown field", isIn("nope", 1)],
  ["a field without an index", isIn("plain", "x")],
  ["a prototype's property", isIn("__proto__", "x")],
  ["no index of the kind", match("word", "x")],
  ["equality on a list", isIn("tags", "x")],
  ["a list's operator on a single value", any("word", "x")],
  ["order on a boolean", from("yes", true)],
  ["order on a list", from("tags", "x")],
  ["equality on a point", isIn("place", "x")],
  ["a string for a number", isIn("size", "1")],
  ["a number for a string", isIn("word", 1)],
  ["a number for a bigint", isIn("big", 1)],
  ["a number for a date", isIn("when", 1)],
  ["an invalid date", from("when", new Date(Number.NaN))],
  ["NaN", from("size", Number.NaN)],
  ["an infinite value", isIn("size", Infinity)],
  ["undefined", isIn("word", undefined as never)],
  ["null", isIn("word", null as never)],
  ["an object", isIn("word", {} as never)],
  ["one bad value of several", every("tags", "a", 1)],
  ["a bad upper bound", between("size", 1, "2")],
  ["words that are none", match("note", 1 as never)],
  ["an inner condition", and(or(not(isIn("size", "1"))))],
])("%s is refused", (_name, where) => {
  expect(() => checkQuery(query({ where }))).toThrowError(refusal());
});

test.each<[string, Condition]>([
  ["an infinite bound", from("size", -Infinity)],
  ["isNull on any indexed field", and(absent("tags"), absent("note"), absent("place"), absent("word"))],
  ["empty lists", and(isIn("word"), any("tags"), every("tags"))],
  ["text with NUL", isIn("word", "\u0000")],
])("%s is taken", (_name, where) => {
  expect(() => checkQuery(query({ where }))).not.toThrow();
});

test("a bound that is half a character is refused", () => {
  for (const where of [from("word", "\ud800"), not(from("word", "a\udc00"))]) {
    expect(() => checkQuery(query({ where }))).toThrowError(refusal("word"));
  }
  expect(() => checkQuery(query({ where: isIn("word", "\ud800") }))).not.toThrow();
});

test("windows are whole numbers from 0", () => {
  for (const value of [-1, 1.5, Number.NaN, Infinity, 2 ** 53, "1" as never]) {
    expect(() => checkQuery(query({ limit: value }))).toThrowError(refusal());
    expect(() => checkQuery(query({ offset: value }))).toThrowError(refusal());
  }
  expect(() => checkQuery(query({ limit: 0, offset: 0 }))).not.toThrow();
});

test("orders need a sortable index and a direction", () => {
  for (const path of ["yes", "tags", "note", "place", "plain", "nope"]) {
    expect(() => checkQuery(query({ orderBy: [{ path, direction: "asc" }] }))).toThrowError(refusal(path));
  }
  expect(() => checkQuery(query({ orderBy: [{ path: "size", direction: "up" as never }] }))).toThrowError(
    refusal("size"),
  );
  expect(() =>
    checkQuery(
      query({
        orderBy: [
          { path: "word", direction: "desc" },
          { path: "big", direction: "asc" },
        ],
      }),
    ),
  ).not.toThrow();
});

test("depth and size are bounded", () => {
  let deep: Condition = isIn("word", "a");
  for (let level = 0; level < 100_000; level += 1) deep = not(deep);
  expect(() => checkQuery(query({ where: deep }))).toThrowError(refusal());
  const wide = or(...Array.from({ length: 10_001 }, () => isIn("word", "a")));
  expect(() => checkQuery(query({ where: wide }))).toThrowError(refusal());
  const long = isIn("word", ...Array.from({ length: 10_001 }, (_, at) => `${at}`));
  expect(() => checkQuery(query({ where: long }))).toThrowError(refusal("word"));
});
