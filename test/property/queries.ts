// Random queries over the random entities: every operator, nested and negated, with orders and windows.
// Built as data, which is what the typed chain builds too.
import fc from "fast-check";

import type { Bound, Comparison, Condition, Operand, OrderKey } from "../../src/query/node.ts";
import type { Area } from "../../src/query/geo.ts";
import { evenly } from "./places.ts";
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

const texts = (
  path: string,
  value: fc.Arbitrary<string>,
  ...types: readonly ("match" | "matchPrefix" | "phrase" | "startsWith" | "endsWith" | "includes")[]
): fc.Arbitrary<Comparison> =>
  fc.record({ type: fc.constantFrom(...types), path: fc.constant(path), text: fc.oneof(value, value.map(partOf)) });

// Half of a text is found more often than a whole other one.
function partOf(text: string): string {
  const characters = Array.from(text);
  return characters.slice(characters.length >> 2, (characters.length >> 1) + 1).join("");
}

const fuzzy = (path: string): fc.Arbitrary<Comparison> =>
  fc.record({
    type: fc.constant("fuzzy" as const),
    path: fc.constant(path),
    text: fc.oneof(phrase, fc.constantFrom("qick", "brwn fox", "helo", "nwe", "runing", "bra")),
    distance: fc.constantFrom(1, 2),
  });

const angle = (limit: number): fc.Arbitrary<number> =>
  fc.oneof(evenly(-limit, limit), fc.double({ min: -limit, max: limit, noNaN: true }));

const area: fc.Arbitrary<Area> = fc.oneof(
  fc.record({
    center: fc.record({
      longitude: fc.oneof(fc.constantFrom(0, 180, -180, 2.35), angle(180)),
      latitude: fc.oneof(fc.constantFrom(0, 85, 48.85), angle(85)),
    }),
    radius: fc.oneof(
      fc.constantFrom(0.5, 20, 900, 1500, 9000, 30_000),
      fc.double({ min: 1, max: 20_000, noNaN: true }),
    ),
    unit: fc.constantFrom("km" as const, "mi" as const),
  }),
  fc
    .tuple(angle(180), angle(90), fc.oneof(angle(180), fc.constant(180)), angle(90))
    .map(([west, a, east, b]) => ({ west, east, south: Math.min(a, b), north: Math.max(a, b) })),
);

const places: fc.Arbitrary<Comparison> = area.map((within) => ({ type: "within", path: "place", area: within }));

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
  texts("title", phrase, "match", "matchPrefix"),
  texts("note", phrase, "match", "matchPrefix"),
  fuzzy("note"),
  absent,
  absent,
);

/** Conditions that the search engine answers by filters, so not in every company. */
const filtered = fc.oneof(
  between("code", hostileString),
  between("both", hostileString),
  between("big", anyBigint),
  texts("title", hostileString, "startsWith", "endsWith", "includes"),
  texts("name", hostileString, "startsWith", "endsWith", "includes"),
  texts("code", hostileString, "startsWith"),
  texts("both", hostileString, "startsWith"),
  texts("title", phrase, "phrase"),
  texts("note", phrase, "phrase"),
  places,
  places,
);

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

const one = (path: string, value: fc.Arbitrary<Operand>): fc.Arbitrary<Condition> =>
  value.map((each): Condition => ({ type: "in", path, values: [each] }));

const flag = one("flag", fc.boolean());

/** What a compound index answers, with or without its range or something more. */
const together = fc
  .record({
    equal: fc.oneof(
      fc.tuple(flag),
      fc.tuple(one("inner.colour", colour)),
      fc.tuple(flag, one("inner.colour", colour)),
      fc.tuple(one("name", hostileString)),
      fc.tuple(one("n", storableNumber), one("both", hostileString)),
    ),
    bounds: fc.option(
      fc.oneof(
        between("n", storableNumber),
        between("at", anyDate),
        between("both", hostileString),
        between("code", hostileString),
        between("big", anyBigint),
      ),
      { nil: undefined },
    ),
    more: fc.option(comparison, { nil: undefined, freq: 2 }),
  })
  .map(({ equal, bounds: within, more }): Condition => {
    const items: Condition[] = [...equal];
    for (const item of [within, more]) if (item !== undefined) items.push(item);
    return { type: "and", items };
  });

/** Any query. */
export const randomQuery: fc.Arbitrary<RandomQuery> = fc.record({
  where: fc.oneof(
    { weight: 3, arbitrary: together },
    { weight: 4, arbitrary: conditions(comparison) },
    { weight: 1, arbitrary: conditions(fc.oneof(comparison, filtered)) },
    { weight: 2, arbitrary: conditions(filtered) },
    {
      // What needs a filter, joined by OR to what lists and words are asked.
      weight: 2,
      arbitrary: fc
        .tuple(
          fc.array(filtered, { minLength: 1, maxLength: 2 }),
          fc.array(comparison, { minLength: 1, maxLength: 3 }),
          fc.array(comparison, { maxLength: 1 }),
          fc.boolean(),
        )
        .map(([more, some, others, turned]): Condition => {
          const mixed: Condition = { type: "or", items: [...more, { type: "and", items: some.slice(1) }, ...some] };
          const narrow: Condition = { type: "or", items: [...more, ...some] };
          return {
            type: "and",
            items: [...others, turned ? { type: "not", item: narrow } : some.length > 1 ? mixed : narrow],
          };
        }),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.array(comparison, { maxLength: 2 }), fc.array(filtered, { minLength: 1, maxLength: 2 }))
        .map(([some, more]): Condition => ({ type: "and", items: [...some, ...more] })),
    },
  ),
  orderBy: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 8, arbitrary: orderKey.map((key) => [key]) },
    { weight: 4, arbitrary: fc.uniqueArray(orderKey, { minLength: 2, maxLength: 3, selector: ({ path }) => path }) },
  ),
  limit: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined, freq: 2 }),
  offset: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 12 }) }),
});

const filters = new Set(["startsWith", "endsWith", "includes", "phrase", "within"]);

/** Whether some condition that needs a filter stands under an OR or a NOT. */
export function isEntangled(condition: Condition, within = false): boolean {
  switch (condition.type) {
    case "and":
      return condition.items.some((item) => isEntangled(item, within));
    case "or":
      return condition.items.some((item) => isEntangled(item, true));
    case "not":
      return isEntangled(condition.item, true);
    case "range":
      return within && ["code", "both", "big"].includes(condition.path);
    default:
      return within && filters.has(condition.type);
  }
}

/** The areas that a condition names. */
export function areasOf(condition: Condition): Area[] {
  if (condition.type === "and" || condition.type === "or") return condition.items.flatMap(areasOf);
  if (condition.type === "not") return areasOf(condition.item);
  return condition.type === "within" ? [condition.area] : [];
}
