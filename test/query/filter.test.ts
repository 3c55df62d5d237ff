// Filter objects, reusable conditions, when and search: the very nodes that the chain gives, or a refusal by name.
// Pure: the query goes to a runner that only keeps it.
import fc from "fast-check";
import { z } from "zod";
import { describe, expect, test, vi } from "vitest";

import {
  conditions,
  defineEntity,
  type EntityOf,
  exact,
  type Filter,
  type FilterOf,
  geo,
  geoPoint,
  type IndexesOf,
  Query,
  range,
  text,
} from "remora";
import { tokens } from "../../src/codec/term.ts";
import { checkQuery } from "../../src/query/check.ts";
import type { ConditionBuilder } from "../../src/query/conditions.ts";
import { matches } from "../../src/query/matches.ts";
import type { Condition, QueryNode } from "../../src/query/node.ts";
import type { QueryRunner } from "../../src/query/query.ts";
import { hostileString, phrase } from "../property/strings.ts";
import { seed } from "../property/seed.ts";

const Movie = defineEntity({
  name: "movie",
  schema: z.object({
    id: z.string(),
    title: z.string(),
    plot: z.string().nullable(),
    // A name that nodes have as well.
    type: z.enum(["film", "series"]),
    year: z.int(),
    rating: z.number().nullable(),
    released: z.date().optional(),
    budget: z.bigint().optional(),
    seen: z.boolean(),
    genres: z.array(z.enum(["drama", "comedy", "western"])).nullable(),
    director: z.object({ name: z.string() }),
    place: geoPoint(),
    plain: z.string(),
  }),
  index: {
    title: [exact(), text()],
    plot: text(),
    type: exact(),
    year: range(),
    rating: range(),
    released: range(),
    budget: [exact(), range()],
    seen: exact(),
    genres: exact(),
    "director.name": exact(),
    place: geo(),
  },
});
type Chain = Query<EntityOf<typeof Movie>, IndexesOf<typeof Movie>>;
type Build = ConditionBuilder<EntityOf<typeof Movie>, IndexesOf<typeof Movie>>;
const { metadata } = Movie;
const released = new Date(0);

const chainOf = <O, I>(entity: QueryNode["metadata"]): Query<O, I> =>
  Query.over<O, I, never>(entity, runner as unknown as QueryRunner<O>);
const query = (): Chain => chainOf(metadata);
const runner = { count: vi.fn<(node: QueryNode) => Promise<number>>(() => Promise.resolve(0)) };

// The condition of a query, as an engine gets it.
async function nodeOf<O, I>(chain: Query<O, I>): Promise<Condition> {
  runner.count.mockClear();
  await chain.count();
  return runner.count.mock.calls[0]?.[0].where as Condition;
}

const refusal = (field?: string, message: RegExp = /./): unknown =>
  expect.objectContaining({
    name: "QueryError",
    code: "QUERY",
    entity: "movie",
    message: expect.stringMatching(message) as string,
    ...(field === undefined ? {} : { field }),
  });

describe("a filter is the chain", () => {
  const pairs: [name: string, filter: FilterOf<typeof Movie>, chain: (query: Chain) => Chain][] = [
    ["nothing", {}, (q) => q],
    ["a plain number", { year: 1960 }, (q) => q.where("year").eq(1960)],
    ["a plain string", { title: "" }, (q) => q.where("title").eq("")],
    ["a plain member", { type: "film" }, (q) => q.where("type").eq("film")],
    ["a plain boolean", { seen: false }, (q) => q.where("seen").eq(false)],
    ["a plain date", { released }, (q) => q.where("released").eq(released)],
    ["a plain bigint", { budget: 0n }, (q) => q.where("budget").eq(0n)],
    ["a nested field", { "director.name": "Ford" }, (q) => q.where("director.name").eq("Ford")],
    ["eq", { year: { eq: 1 } }, (q) => q.where("year").eq(1)],
    ["ne", { title: { ne: "a" } }, (q) => q.where("title").ne("a")],
    ["in", { title: { in: ["a", "b"] } }, (q) => q.where("title").in(["a", "b"])],
    ["notIn", { seen: { notIn: [] } }, (q) => q.where("seen").notIn([])],
    ["gt", { year: { gt: 1 } }, (q) => q.where("year").gt(1)],
    ["lte", { released: { lte: released } }, (q) => q.where("released").lte(released)],
    ["two operators", { year: { gte: 1, lt: 2 } }, (q) => q.where("year").gte(1).where("year").lt(2)],
    ["no operator", { year: {} }, (q) => q],
    ["between", { year: { between: [1, 2] } }, (q) => q.where("year").between(1, 2)],
    [
      "between with options",
      { year: { between: [1, 2, { excludeUpper: true }] } },
      (q) => q.where("year").between(1, 2, { excludeUpper: true }),
    ],
    ["contains", { genres: { contains: "drama" } }, (q) => q.where("genres").contains("drama")],
    ["containsAny", { genres: { containsAny: ["drama"] } }, (q) => q.where("genres").containsAny(["drama"])],
    ["containsAll", { genres: { containsAll: [] } }, (q) => q.where("genres").containsAll([])],
    ["containsNone", { genres: { containsNone: ["comedy"] } }, (q) => q.where("genres").containsNone(["comedy"])],
    ["match", { plot: { match: "a b" } }, (q) => q.where("plot").match("a b")],
    ["isNull", { rating: { isNull: true } }, (q) => q.where("rating").isNull()],
    ["not isNull", { rating: { isNull: false } }, (q) => q.whereNot("rating").isNull()],
    ["several fields", { seen: true, year: { lt: 9 } }, (q) => q.where("seen").eq(true).where("year").lt(9)],
    ["an empty OR", { OR: [] }, (q) => q.where((f) => f.or())],
    ["an empty AND", { AND: [] }, (q) => q.where((f) => f.and())],
    [
      "OR",
      { OR: [{ year: 1 }, { year: 2, seen: true }, {}] },
      (q) => q.where((f) => f.or(f("year").eq(1), f.and(f("year").eq(2), f("seen").eq(true)), f.and())),
    ],
    ["AND", { AND: [{ year: { gt: 1 } }] }, (q) => q.where((f) => f.and(f("year").gt(1)))],
    ["NOT", { NOT: { seen: true } }, (q) => q.where((f) => f.not(f("seen").eq(true)))],
    ["NOT of nothing", { NOT: {} }, (q) => q.where((f) => f.not(f.and()))],
    [
      "all of it",
      { year: { gte: 1 }, OR: [{ NOT: { OR: [{ seen: true }] } }], AND: [], NOT: { rating: 5, title: "x" } },
      (q) =>
        q
          .where("year")
          .gte(1)
          .where((f) => f.or(f.not(f.or(f("seen").eq(true)))))
          .where((f) => f.and())
          .where((f) => f.not(f.and(f("rating").eq(5), f("title").eq("x")))),
    ],
  ];

  test.each(pairs)("%s", async (_name, filter, chain) => {
    const node = await nodeOf(query().where(filter));
    expect(node).toStrictEqual(await nodeOf(chain(query())));
    expectFrozen(node);
  });

  test("what comes first and after stays", async () => {
    const both = query().where("seen").eq(true).where({ year: 1 }).where({ title: "a" }).where("type").eq("film");
    const chain = query().where("seen").eq(true).where("year").eq(1).where("title").eq("a").where("type").eq("film");
    expect(await nodeOf(both)).toStrictEqual(await nodeOf(chain));
  });

  test("an object without a prototype is one, and so is one of JSON", async () => {
    const bare = Object.assign(Object.create(null) as object, { year: 1 });
    expect(await nodeOf(query().where(bare))).toStrictEqual(await nodeOf(query().where({ year: 1 })));
    const parsed = JSON.parse('{"year":{"gte":1},"OR":[{"seen":true}]}') as object;
    expect(await nodeOf(query().where(parsed))).toStrictEqual(
      await nodeOf(query().where({ year: { gte: 1 }, OR: [{ seen: true }] })),
    );
  });

  test("the objects given are not kept", async () => {
    const values = ["a"];
    const filter = { title: { in: values } };
    const chain = query().where(filter);
    values.push("b");
    filter.title = { in: [] };
    expect(await nodeOf(chain)).toStrictEqual(await nodeOf(query().where("title").in(["a"])));
  });

  test("as random ones", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(randomPair, { maxLength: 4 }), async (parts) => {
        // Later properties of one name would replace earlier ones; AND has room for all.
        const filter: FilterOf<typeof Movie> = { AND: parts.map((part) => part.filter) };
        const node = await nodeOf(query().where(filter));
        const chain = query().where((f) => f.and(...parts.map((part) => part.build(f))));
        expect(node).toStrictEqual(await nodeOf(chain));
        expect(() => checkQuery({ metadata, where: node, orderBy: [], limit: undefined, offset: 0 })).not.toThrow();
      }),
      { numRuns: 500, seed },
    );
  });
});

interface Pair {
  readonly filter: FilterOf<typeof Movie>;
  readonly build: (field: Build) => ReturnType<Build["and"]>;
}

const value = fc.integer({ min: -5, max: 5 });
const leaf: fc.Arbitrary<Pair> = fc.oneof(
  value.map((year): Pair => ({ filter: { year }, build: (f) => f("year").eq(year) })),
  fc.tuple(value, value).map(([gt, lte]): Pair => ({
    filter: { rating: { gt, lte } },
    build: (f) => f.and(f("rating").gt(gt), f("rating").lte(lte)),
  })),
  fc
    .tuple(value, value, fc.record({ excludeLower: fc.boolean() }, { requiredKeys: [] }))
    .map(([low, high, options]): Pair => ({
      filter: { year: { between: [low, high, options] } },
      build: (f) => f("year").between(low, high, options),
    })),
  hostileString.map((title): Pair => ({ filter: { title: { ne: title } }, build: (f) => f("title").ne(title) })),
  phrase.map((words): Pair => ({ filter: { plot: { match: words } }, build: (f) => f("plot").match(words) })),
  fc.subarray(["drama", "comedy", "western"] as const).map((genres): Pair => ({
    filter: { genres: { containsAll: genres } },
    build: (f) => f("genres").containsAll(genres),
  })),
  fc.boolean().map((isNull): Pair => ({
    filter: { budget: { isNull } },
    build: (f) => (isNull ? f("budget").isNull() : f.not(f("budget").isNull())),
  })),
);
const randomPair: fc.Arbitrary<Pair> = fc.letrec<{ tree: Pair }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    { weight: 4, arbitrary: leaf },
    {
      weight: 2,
      arbitrary: fc.array(tie("tree"), { maxLength: 4 }).map((items): Pair => ({
        filter: { OR: items.map(({ filter }) => filter) },
        build: (f) => f.or(...items.map(({ build }) => build(f))),
      })),
    },
    {
      weight: 1,
      arbitrary: tie("tree").map(({ filter, build }): Pair => ({
        filter: { NOT: filter },
        build: (f) => f.not(build(f)),
      })),
    },
  ),
})).tree;

function expectFrozen(node: Condition): void {
  expect(Object.isFrozen(node)).toBe(true);
  if (node.type === "not") expectFrozen(node.item);
  if (node.type === "and" || node.type === "or") {
    expect(Object.isFrozen(node.items)).toBe(true);
    node.items.forEach(expectFrozen);
  }
}

describe("a filter that is not understood is refused", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic["OR"] = [{ NOT: cyclic }];
  let deep: unknown = { year: 1 };
  for (let level = 0; level < 100_000; level += 1) deep = { NOT: deep };
  // Sixty levels that name the one below twice: small to write, endless to read.
  let twice: unknown = { year: 1 };
  for (let level = 0; level < 60; level += 1) twice = { OR: [twice, twice] };

  class Fields {
    year = 1;
  }

  test.each<[name: string, filter: unknown, field: string | undefined]>([
    ["undefined", undefined, undefined],
    ["null", null, undefined],
    ["a number", 1, undefined],
    ["an array", [], undefined],
    ["an array of filters", [{ year: 1 }], undefined],
    ["a date", new Date(), undefined],
    ["a map", new Map([["year", 1]]), undefined],
    ["an instance of a class", new Fields(), undefined],
    ["an object that inherits", Object.create({ year: 1 }), undefined],
    ["a node that nobody made", { type: "in", path: "year", values: [1] }, "path"],
    ["a junction that nobody made", { type: "or", items: [] }, "items"],
    ["an unknown field", { nope: 1 }, "nope"],
    ["an unknown field without operators", { nope: {} }, "nope"],
    ["an unknown nested field", { "director.nope": 1 }, "director.nope"],
    ["an unknown field deep inside", { AND: [{ OR: [{ NOT: { nope: 1 } }] }] }, "nope"],
    ["a field without an index", { plain: "x" }, "plain"],
    ["a parent of an indexed field", { director: { name: "x" } }, "director"],
    ["a lower-case or", { or: [] }, "or"],
    ["a symbol", { [Symbol("year")]: 1 }, "Symbol(year)"],
    ["a hidden property", Object.defineProperty({}, "nope", { value: 1 }), "nope"],
    ["__proto__ of JSON", JSON.parse('{"__proto__":{"year":1}}'), "__proto__"],
    ["constructor", JSON.parse('{"constructor":{"prototype":{}}}'), "constructor"],
    ["toString", { toString: "x" }, "toString"],
    ["__proto__ as an operator", { year: JSON.parse('{"__proto__":1}') as unknown }, "year"],
    ["constructor as an operator", { year: { constructor: 1 } }, "year"],
    ["toString as an operator", { year: { toString: 1 } }, "year"],
    ["an unknown operator", { year: { above: 1 } }, "year"],
    ["an operator of other mappers", { year: { $gt: 1 } }, "year"],
    ["a symbol as an operator", { year: { [Symbol("eq")]: 1 } }, "year"],
    ["an operator of another kind", { year: { match: "x" } }, "year"],
    ["a list's operator on a single value", { year: { containsAny: [1] } }, "year"],
    ["a single value's operator on a list", { genres: { eq: "drama" } }, "genres"],
    ["a plain value on a list", { genres: "drama" }, "genres"],
    ["a plain value on words", { plot: "x" }, "plot"],
    ["a plain point", { place: { longitude: 1, latitude: 1 } }, "place"],
    ["an undefined field", { year: undefined }, "year"],
    ["an undefined operand", { year: { gte: 1, lt: undefined } }, "year"],
    ["undefined in a list", { year: { in: [1, undefined] } }, "year"],
    ["a hole in a list", { year: { in: [1, , 2] } }, "year"], // oxlint-disable-line no-sparse-arrays
    ["an undefined bound", { year: { between: [1, undefined] } }, "year"],
    ["undefined words", { plot: { match: undefined } }, "plot"],
    ["undefined for isNull", { rating: { isNull: undefined } }, "rating"],
    ["null", { rating: null }, "rating"],
    ["a null operand", { rating: { eq: null } }, "rating"],
    ["an array for a value", { year: [1, 2] }, "year"],
    ["an array for an operand", { year: { eq: [1] } }, "year"],
    ["an object for an operand", { title: { eq: { toString: "x" } } }, "title"],
    ["a function", { title: () => "x" }, "title"],
    ["a class's instance for a value", { title: new Map() }, "title"],
    ["a string for a number", { year: "1960" }, "year"],
    ["text for a date", { released: { gte: "2020-01-01" } }, "released"],
    ["an invalid date", { released: new Date(Number.NaN) }, "released"],
    ["NaN", { year: Number.NaN }, "year"],
    ["a value for a list", { year: { in: 1 } }, "year"],
    ["something like a list", { year: { in: { length: 1, 0: 1 } } }, "year"],
    ["text for a list", { title: { in: "abc" } }, "title"],
    ["a number for words", { plot: { match: 1 } }, "plot"],
    ["text for isNull", { rating: { isNull: "false" } }, "rating"],
    ["null for isNull", { rating: { isNull: null } }, "rating"],
    ["one bound", { year: { between: [1] } }, "year"],
    ["a bound alone", { year: { between: 1 } }, "year"],
    ["four bounds", { year: { between: [1, 2, {}, 4] } }, "year"],
    ["bounds by name", { year: { between: { 0: 1, 1: 2 } } }, "year"],
    ["unknown options", { year: { between: [1, 2, { exclusive: true }] } }, "year"],
    ["options of another type", { year: { between: [1, 2, { excludeLower: "yes" }] } }, "year"],
    ["options that are null", { year: { between: [1, 2, null] } }, "year"],
    ["an object for OR", { OR: { year: 1 } }, "OR"],
    ["undefined for AND", { AND: undefined }, "AND"],
    ["null for NOT", { NOT: null }, "NOT"],
    ["an array for NOT", { NOT: [{ year: 1 }] }, "NOT"],
    ["undefined in OR", { OR: [{ year: 1 }, undefined] }, "OR"],
    ["a hole in AND", { AND: [, { year: 1 }] }, "AND"], // oxlint-disable-line no-sparse-arrays
    ["an array in OR", { OR: [[{ year: 1 }]] }, "OR"],
    ["text in AND", { AND: ["year"] }, "AND"],
    ["a cycle", cyclic, undefined],
    ["depth", deep, undefined],
    ["one filter in many places", twice, undefined],
    ["width", { OR: Array.from({ length: 10_001 }, () => ({ year: 1 })) }, undefined],
    ["many empty filters", { OR: Array.from({ length: 10_001 }, () => ({})) }, undefined],
    ["a long list", { year: { in: Array.from({ length: 10_001 }, (_, at) => at) } }, "year"],
  ])("%s", (_name, filter, field) => {
    expect(() => query().where(filter as never)).toThrowError(refusal(field));
  });

  test("with its place and the cure", () => {
    const cures: [filter: unknown, message: RegExp][] = [
      [{ rating: null }, /rating is null: write \{ isNull: true \}/],
      [
        { OR: [{ year: 1 }, { NOT: { year: { above: 1 } } }] },
        /OR\[1\]\.NOT\.year\.above is no operator; there are eq, /,
      ],
      [{ nope: 1 }, /nope is no indexed field; a filter has title, plot, .*director\.name, place, AND, OR, NOT/],
      [{ year: { between: [1, undefined] } }, /year\.between has an operand that is undefined/],
      [{ year: { match: "x" } }, /movie\.year has no index for match/],
    ];
    for (const [filter, message] of cures) {
      expect(() => query().where(filter as never)).toThrowError(refusal(undefined, message));
    }
  });

  test("and changes nothing of JavaScript's own", () => {
    const hostile = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as object;
    expect(() => query().where(hostile)).toThrowError(refusal("__proto__"));
    expect("polluted" in {}).toBe(false);
  });
});

describe("conditions made beforehand", () => {
  const modern = conditions(Movie)("year").gte(2000);

  test("are those of a callback", async () => {
    expect(await nodeOf(query().where(modern))).toStrictEqual(await nodeOf(query().where("year").gte(2000)));
    const f = conditions(Movie);
    const stored = f.or(modern, f.not(f.and(f("seen").eq(true), f.search("a"))));
    const chain = query().where((g) => g.or(g("year").gte(2000), g.not(g.and(g("seen").eq(true), g.search("a")))));
    expect(await nodeOf(query().where(stored))).toStrictEqual(await nodeOf(chain));
    expect(await nodeOf(query().where((g) => g.or(modern, g("seen").eq(true))))).toStrictEqual(
      await nodeOf(query().where((g) => g.or(g("year").gte(2000), g("seen").eq(true)))),
    );
    expectFrozen(await nodeOf(query().where(stored)));
  });

  test("of another entity type are refused, alone and inside", () => {
    const Book = defineEntity({
      name: "book",
      schema: z.object({ id: z.string(), year: z.int() }),
      index: { year: range() },
    });
    const foreign = conditions(Book)("year").eq(1) as never;
    const message = /^movie: a condition on book cannot be used here$/;
    expect(() => query().where(foreign)).toThrowError(refusal(undefined, message));
    expect(() => query().where(() => foreign)).toThrowError(refusal(undefined, message));
    expect(() => query().where((f) => f.or(modern, foreign))).toThrowError(refusal(undefined, message));
    expect(() => query().where((f) => f.not(foreign))).toThrowError(refusal(undefined, message));
  });

  test("are asked for where they belong", () => {
    for (const none of [undefined, null, false, "year", { year: 1 }, [modern]] as never[]) {
      expect(() => query().where((f) => f.and(modern, none))).toThrowError(refusal(undefined, /and\(\) takes cond/));
      expect(() => query().where((f) => f.not(none))).toThrowError(refusal(undefined, /not\(\) takes a condition/));
      expect(() => query().where(() => none)).toThrowError(refusal(undefined, /must return a condition/));
    }
    for (const none of [undefined, null, {}, "movie"] as never[]) {
      expect(() => conditions(none)).toThrowError(expect.objectContaining({ code: "QUERY" }));
    }
  });
});

describe("when", () => {
  test("applies what is given for a truthy value, with the value", async () => {
    const asked = (words: string | undefined): Promise<Condition> =>
      nodeOf(query().when(words, (chain, value) => chain.where("plot").match(value.toUpperCase())));
    expect(await asked("abc")).toStrictEqual(await nodeOf(query().where("plot").match("ABC")));
    expect(await asked("")).toStrictEqual(await nodeOf(query()));
    expect(await asked(undefined)).toStrictEqual(await nodeOf(query()));
  });

  test("gives the same query for every falsy value, and never calls back", () => {
    const chain = query().limit(1);
    const change = vi.fn<() => Chain>();
    for (const falsy of [undefined, null, false, 0, -0, 0n, "", Number.NaN])
      expect(chain.when(falsy, change)).toBe(chain);
    expect(change).not.toHaveBeenCalled();
  });

  test("refuses a callback that returns no query", () => {
    for (const none of [undefined, null, {}, Promise.resolve(query())] as never[]) {
      expect(() => query().when(true, () => none)).toThrowError(refusal(undefined, /when\(\) must return a query/));
    }
  });
});

describe("search", () => {
  test("is every word in any of the text fields", async () => {
    const sought = query().where((f) =>
      f.and(
        f.or(f("title").match("star"), f("plot").match("star")),
        f.or(f("title").match("wars"), f("plot").match("wars")),
      ),
    );
    const node = await nodeOf(query().search(" Star-WARS, star!"));
    expect(node).toStrictEqual(await nodeOf(sought));
    expectFrozen(node);
    expect(await nodeOf(query().where((f) => f.search("star wars")))).toStrictEqual(node);
  });

  test("without a word asks for a value in any of them", async () => {
    const none = await nodeOf(query().search("?!"));
    expect(none).toStrictEqual(await nodeOf(query().where((f) => f.or(f("title").match(""), f("plot").match("")))));
  });

  test("finds in one field what a match finds", async () => {
    const Note = defineEntity({
      name: "note",
      schema: z.object({ id: z.string(), body: z.string().nullable() }),
      index: { body: text() },
    });
    const notes = (): Query<EntityOf<typeof Note>, IndexesOf<typeof Note>> => chainOf(Note.metadata);
    await fc.assert(
      fc.asyncProperty(fc.option(phrase), phrase, async (body, words) => {
        const found = (where: Condition): boolean => matches(where, { id: "a", body }, Note.metadata);
        const sought = body === null ? words : tokens(body).slice(0, 2).join(" ");
        for (const each of [words, sought]) {
          const match = await nodeOf(notes().where("body").match(each));
          expect(found(await nodeOf(notes().search(each)))).toBe(found(match));
        }
      }),
      { numRuns: 500, seed },
    );
  });

  test("finds words that lie apart", async () => {
    const found = async (words: string, title: string, plot: string | null): Promise<boolean> =>
      matches(await nodeOf(query().search(words)), { title, plot }, metadata);
    expect(await found("star wars", "Wars", "of a star")).toBe(true);
    expect(await found("star wars", "Star Wars", null)).toBe(true);
    expect(await found("star wars", "Star", "stars")).toBe(false);
    expect(await found("", "", null)).toBe(true);
  });

  test("needs a text field and a string", () => {
    const Plain = defineEntity({
      name: "movie",
      schema: z.object({ id: z.string(), year: z.int() }),
      index: { year: range() },
    });
    const plain: Query<EntityOf<typeof Plain>, IndexesOf<typeof Plain>> = chainOf(Plain.metadata);
    const message = /give a string field a text\(\) index/;
    expect(() => plain.search("x" as never)).toThrowError(refusal(undefined, message));
    expect(() => plain.where((f) => f.search("x" as never))).toThrowError(refusal(undefined, message));
    for (const none of [undefined, null, 1, ["x"]] as never[]) {
      expect(() => query().search(none)).toThrowError(refusal(undefined, /search takes a string/));
    }
  });
});

test("a filter's type can be named over entities at large", async () => {
  const byYear = <O, I>(chain: Query<O, I>, filter: Filter<O, I>): Query<O, I> => chain.where(filter);
  expect(await nodeOf(byYear(query(), { year: 1 }))).toStrictEqual(await nodeOf(query().where("year").eq(1)));
});
