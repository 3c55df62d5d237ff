// Random queries over the random entities: every operator, nested and negated, with orders and windows.
// Built as data, which is what the typed chain builds too.
import fc from "fast-check";

import type { Bound, Comparison, Condition, Operand, OrderKey } from "../../src/query/node.ts";
import { anyBigint, anyDate, hostileString, phrase, storableNumber } from "./strings.ts";

/** A random query. */
export interface RandomQuery {
  readonly where: Condition;
  readonly orderBy: readonly OrderKey[];
  readonly limit: number | undefined;
  readonly offset: number;
}

const colour = fc.constantFrom("red", "green", "blue");

const values = (path: string, value: fc.Arbitrary<Operand>): fc.Arbitrary<Comparison> =>
  fc.array(value, { maxLength: 6 }).map((list) => ({ type: "in", path, values: list }));

const bound = (value: fc.Arbitrary<Operand>): fc.Arbitrary<Bound | undefined> =>
  fc.option(fc.record({ value, exclusive: fc.boolean() }), { nil: undefined, freq: 4 });

const between = (path: string, value: fc.Arbitrary<Operand>): fc.Arbitrary<Comparison> =>
  fc.record({ type: fc.constant("range" as const), path: fc.constant(path), lower: bound(value), upper: bound(value) });

const arrays = (path: string, value: fc.Arbitrary<Operand>): fc.Arbitrary<Comparison> =>
  fc.record({
    type: fc.constantFrom("containsAny" as const, "containsAll" as const),
    path: fc.constant(path),
    values: fc.array(value, { maxLength: 3 }),
  });

const words = (path: string): fc.Arbitrary<Comparison> => phrase.map((text) => ({ type: "match", path, text }));

const absent = fc
  .constantFrom(
    "name",
    "code",
    "both",
    "n",
    "at",
    "big",
    "flag",
    "note",
    "tags",
    "labels",
    "inner.colour",
    "inner.deep",
    "place",
    "title",
  )
  .map((path): Comparison => ({ type: "isNull", path }));

const bounds = fc.oneof(storableNumber, fc.constantFrom(Infinity, -Infinity));

/** Comparisons that every engine answers. */
const comparison = fc.oneof(
  values("title", hostileString),
  values("name", hostileString),
  values("both", hostileString),
  values("code", hostileString),
  values("n", storableNumber),
  values("at", anyDate),
  values("big", anyBigint),
  values("flag", fc.boolean()),
  values("inner.colour", colour),
  values("inner.deep", storableNumber),
  between("n", bounds),
  between("at", anyDate),
  between("inner.deep", bounds),
  arrays("tags", hostileString),
  arrays("labels", hostileString),
  arrays("bits", fc.boolean()),
  arrays("bigs", anyBigint),
  words("title"),
  words("note"),
  absent,
  absent,
);

/** Ranges over text, which some engine may refuse. */
const textRange = fc.oneof(between("code", hostileString), between("both", hostileString), between("big", anyBigint));

function conditions(leaf: fc.Arbitrary<Condition>): fc.Arbitrary<Condition> {
  return fc.letrec<{ tree: Condition }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      { weight: 4, arbitrary: leaf },
      { weight: 2, arbitrary: joined("and", tie("tree")) },
      { weight: 2, arbitrary: joined("or", tie("tree")) },
      { weight: 1, arbitrary: tie("tree").map((item): Condition => ({ type: "not", item })) },
    ),
  })).tree;
}

function joined(type: "and" | "or", item: fc.Arbitrary<Condition>): fc.Arbitrary<Condition> {
  return fc.array(item, { maxLength: 4 }).map((items): Condition => ({ type, items }));
}

const orderKey = fc.record({
  path: fc.constantFrom("title", "name", "code", "both", "n", "at", "big", "flag", "inner.deep"),
  direction: fc.constantFrom("asc" as const, "desc" as const),
});

/** Any query. */
export const randomQuery: fc.Arbitrary<RandomQuery> = fc.record({
  where: fc.oneof(
    { weight: 4, arbitrary: conditions(comparison) },
    { weight: 1, arbitrary: conditions(fc.oneof(comparison, textRange)) },
  ),
  orderBy: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 8, arbitrary: orderKey.map((key) => [key]) },
    { weight: 1, arbitrary: fc.uniqueArray(orderKey, { minLength: 2, maxLength: 3, selector: ({ path }) => path }) },
  ),
  limit: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined, freq: 2 }),
  offset: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 12 }) }),
});

/** Whether some condition compares text by order. */
export function hasTextRange(condition: Condition): boolean {
  switch (condition.type) {
    case "and":
    case "or":
      return condition.items.some(hasTextRange);
    case "not":
      return hasTextRange(condition.item);
    case "range":
      return ["code", "both", "big"].includes(condition.path);
    default:
      return false;
  }
}
