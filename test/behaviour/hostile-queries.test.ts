// Hostile operands, fields and pages of queries: they are literal, or refused before anything is sent.
// What reads like a query language, a pattern or a path finds itself and nothing else, on every engine alike.
import { expect } from "vitest";

import type { FilterOf, Query, Repository } from "remora";
import { expectFailure, expectRefusal } from "./failures.ts";
import { type Check, numbers, type Row, testTable } from "./hostile.ts";
import { literal, sorted, thing } from "./literal.ts";
import type { Bench } from "./matrix.ts";
import { sent } from "./sent.ts";

type Things = Repository<ReturnType<typeof thing>>;

/** A query as a caller without types writes it. */
interface Untyped {
  where(path: string): Record<string, (...operands: unknown[]) => Untyped>;
  orderBy(path: string): Untyped;
  select(...paths: string[]): Untyped;
  ids(): Promise<string[]>;
}
const untyped = (repository: Things): Untyped => repository.query() as unknown as Untyped;

/** The text is a list of words, of which each must be there. */
const words =
  (input: string, found: readonly string[], passed: readonly string[]): Check =>
  async ({ open }) => {
    const { repository } = await open(thing);
    const named = (notes: readonly string[], name: string) => notes.map((note, at) => ({ id: `${name} ${at}`, note }));
    const [all, others] = [named(found, "found"), named(passed, "passed")];
    await repository.insertMany([...all, ...others.map((each) => ({ ...each, tenant: "b" }))]);
    const query = () => repository.query();
    const ids = all.map(({ id }) => id);
    for (const each of [
      query().where("note").match(input),
      query().search(input),
      repository.query({ note: { match: input } }),
    ]) {
      expect(await sorted(each)).toEqual(ids);
      expect(await each.count()).toBe(ids.length);
    }
    expect(await sorted(query().whereNot("note").match(input))).toEqual(others.map(({ id }) => id));
    // The other words of the text are words as well, never conditions.
    expect(await query().where("tenant").eq("b").where("note").match(input).ids()).toEqual([]);
    for (const each of [
      query().where("note").phrase(input),
      query().where("note").matchPrefix(input),
      query().where("note").fuzzy(input),
    ]) {
      expect(await each.count()).toBeLessThanOrEqual(all.length + others.length);
    }
  };

/** Whatever is built is refused before anything is sent, and the rest goes on. */
async function expectNothingSent(
  repository: Things,
  works: readonly (() => Promise<unknown>)[],
  facts: { readonly field?: string } = {},
): Promise<void> {
  const commands = await sent(async () => {
    for (const work of works) {
      const refused = (async () => work())();
      expect(await expectFailure(refused, "QUERY")).toMatchObject({ entity: "thing", ...facts });
    }
  });
  expect(commands).toEqual([]);
  expect(await repository.query().ids()).toEqual(["a"]);
}

/** Opens a repository with one entity. */
async function one({ open }: Bench) {
  const opened = await open(thing);
  await opened.repository.insert({ id: "a", word: "w", size: 1 });
  return opened;
}

/** What takes the place of a bound is refused by every operator. */
const noBound =
  (...bounds: readonly unknown[]): Check =>
  async (bench) => {
    const opened = await one(bench);
    const { repository } = opened;
    const works = bounds.flatMap((bound) => [
      ...["eq", "ne", "gt", "gte", "lt", "lte"].map(
        (operator) => () => untyped(repository).where("size")[operator]?.(bound).ids() as Promise<unknown>,
      ),
      () => untyped(repository).where("size")["in"]?.([1, bound]).ids() as Promise<unknown>,
      () => untyped(repository).where("size")["between"]?.(0, bound).ids() as Promise<unknown>,
      () => untyped(repository).where("size")["between"]?.(bound, 9).ids() as Promise<unknown>,
      () => repository.query({ size: bound } as never).ids(),
      () => repository.query({ size: { gte: bound } } as never).count(),
    ]);
    await expectNothingSent(repository, works, { field: "size" });
    for (const size of bounds) {
      const work = () => repository.insert({ id: "b", size: size as number });
      expect(await expectRefusal(opened, work, "VALIDATION")).toMatchObject({
        entity: "thing",
        id: "b",
        field: "size",
      });
    }
  };

/** Opens a repository with these sizes, each the id as well. */
async function sizes({ open }: Bench, ...values: readonly number[]) {
  const opened = await open(thing);
  const rows = values.map((size) => ({ id: String(size), size }));
  expect((await opened.repository.insertMany(rows)).failed).toEqual([]);
  expect((await opened.repository.findByIds(values.map(String))).map((each) => each?.size)).toEqual(values);
  return opened;
}

/** What is no field can be neither asked for, nor ordered by, nor selected. */
const noField =
  (field: string): Check =>
  async (bench) => {
    const { repository } = await one(bench);
    const works = [
      () => untyped(repository).orderBy(field).ids(),
      () => untyped(repository).where(field)["isNull"]?.().ids() as Promise<unknown>,
      () => untyped(repository).where(field)["eq"]?.("x").ids() as Promise<unknown>,
      () => untyped(repository).select("id", field).ids(),
      () =>
        repository
          .query(JSON.parse(JSON.stringify({ x: { eq: 1 } }).replace("x", JSON.stringify(field).slice(1, -1))) as never)
          .ids(),
      () => repository.query().facets([field as "word"]),
    ];
    await expectNothingSent(repository, works, { field });
    expect(({} as Record<string, unknown>)["eq"]).toBeUndefined();
  };

const rows: readonly Row[] = [
  [1, "x} | @tenant:{b", "equality", literal("x} | @tenant:{b", "x", "b", "x} | @tenant:{a")],
  [2, "a | b", "equality", literal("a | b", "a", "b", "a|b", "a  |  b")],
  [3, "*", "equality", literal("*", "", "a", "**", "\\*")],
  [4, "a*", "equality", literal("a*", "a", "ab", "a*b", "a\\*")],
  [5, "a,b", "equality, stored and asked", literal("a,b", "a", "b", "b,a", "a,b,", "a, b")],
  [6, "the empty text", "equality", literal("", " ", "a", "''", "null")],
  [7, "a\\", "equality", literal("a\\", "a", "a\\\\", "\\a")],
  [8, "both quotes", "equality", literal(`"a'b"'`, '"', "'", "ab", `"a'b"`, `'"b'a"`)],
  [
    9,
    "hello) | (@tenant:{b}",
    "text",
    words("hello) | (@tenant:{b}", ["hello tenant b", "B! Tenant, (hello)"], ["hello", "x", "tenant b", "hello b"]),
  ],
  [10, "-hello", "text", words("-hello", ["hello there", "say -hello"], ["goodbye", "", "hellohello"])],
  [11, "%%%hello%%%", "text", words("%%%hello%%%", ["hello"], ["hallo", "hell", "help", "hello1"])],
  [12, "w'*'", "text", words("w'*'", ["w", "w'*'", "* w"], ["word", "ww", ""])],
  [13, "=>{$weight:9}", "text", words("=>{$weight:9}", ["weight 9", "$9 weight"], ["weight", "9", "weight9"])],
  [14, "is it, which are stop words", "text", words("is it", ["this is it", "it is"], ["this", "is", "it", "the"])],
  [15, "0 inf] | *", "a bound", noBound("0 inf] | *", "(1", "+inf")],
  [16, "NaN", "a bound, a field", noBound(Number.NaN)],
  [
    17,
    "infinities",
    "a bound, a field",
    async (bench) => {
      const opened = await sizes(bench, -1, 0, 1e308);
      const { repository } = opened;
      const size = () => repository.query().where("size");
      const all = ["-1", "0", "1e+308"];
      for (const query of [
        size().lte(Infinity),
        size().lt(Infinity),
        size().gt(-Infinity),
        size().between(-Infinity, Infinity),
      ]) {
        expect(await sorted(query)).toEqual(all);
      }
      for (const query of [size().gt(Infinity), size().gte(Infinity), size().lt(-Infinity)])
        expect(await query.ids()).toEqual([]);
      for (const value of [Infinity, -Infinity]) {
        const work = () => repository.save({ id: "0", size: value });
        expect(await expectRefusal(opened, work, "VALIDATION")).toMatchObject({ id: "0", field: "size" });
      }
    },
  ],
  [
    18,
    "-0",
    "a number",
    async ({ open }) => {
      const { repository } = await open(thing);
      await repository.insertMany([
        { id: "minus", size: -0 },
        { id: "plus", size: 0 },
        { id: "one", size: 1, list: [-0] },
      ]);
      for (const zero of [0, -0]) {
        const size = () => repository.query().where("size");
        for (const query of [size().eq(zero), size().in([zero]), size().between(zero, zero), size().lte(zero)]) {
          expect(await sorted(query)).toEqual(["minus", "plus"]);
        }
        expect(await size().gt(zero).ids()).toEqual(["one"]);
      }
      // Zero has no sign once it is stored.
      const found = await repository.findByIds(["minus", "plus", "one"]);
      expect(found.map((each) => [each?.size, each?.list])).toEqual([
        [0, []],
        [0, []],
        [1, [0]],
      ]);
    },
  ],
  [
    19,
    "9007199254740993",
    "a number, a bigint",
    async ({ open }) => {
      const opened = await open(thing);
      const { repository } = opened;
      const beyond = Number("9007199254740993");
      const work = () => repository.insert({ id: "n", size: beyond });
      expect(await expectRefusal(opened, work, "VALIDATION")).toMatchObject({ id: "n", field: "size" });
      const exactly = [9007199254740992n, 9007199254740993n, 9007199254740994n];
      await repository.insertMany(exactly.map((big) => ({ id: `${big}`, big })));
      for (const big of exactly) {
        expect(await repository.query().where("big").eq(big).all()).toMatchObject([{ id: `${big}`, big }]);
      }
      expect(await repository.query().where("big").gt(9007199254740992n).orderBy("big").ids()).toEqual([
        "9007199254740993",
        "9007199254740994",
      ]);
    },
  ],
  [
    20,
    "1e400",
    "a number in a stored document",
    async ({ open, storage }) => {
      const { repository, raw } = await open(thing);
      const stored = ["a", "b", "c"].map((id) => ({ id, size: 2, list: [1] }));
      await repository.insertMany(stored);
      const [size, list] = [repository.key("a"), repository.key("b")];
      if (storage === "hash") {
        await raw("HSET", size, "size", "1e400");
        await raw("HSET", list, "list", "[1e400]");
      } else if (storage === "string") {
        await raw("JSON.SET", size, "$.size", "1e400");
        await raw("JSON.SET", list, "$.list", "[1e400]");
      } else {
        // The server itself refuses such a number; its text is what can be there.
        await expect(raw("JSON.SET", size, "$.size", "1e400")).rejects.toThrow("number out of range");
        await raw("JSON.SET", size, "$.size", '"1e400"');
        await raw("JSON.SET", list, "$.list", '["1e400"]');
      }
      for (const [id, field] of [
        ["a", "size"],
        ["b", "list.0"],
      ] as const) {
        expect(await expectFailure(repository.findById(id), "CORRUPT_ENTITY")).toMatchObject({ id, field });
      }
      const { rows: good } = await expectFailure(repository.findByIds(["a", "b", "c"]), "CORRUPT_ENTITY");
      expect(good).toMatchObject([null, null, { id: "c", size: 2, list: [1] }]);
    },
  ],
  [
    21,
    "0.1 + 0.2",
    "equality and order",
    async (bench) => {
      const sum = 0.1 + 0.2;
      const { repository } = await sizes(bench, 0.4, sum, 0.3, 0.2);
      expect(await repository.query().where("size").eq(sum).ids()).toEqual([String(sum)]);
      expect(await repository.query().where("size").eq(0.3).ids()).toEqual(["0.3"]);
      expect(await repository.query().orderBy("size", "desc").ids()).toEqual(["0.4", String(sum), "0.3", "0.2"]);
    },
  ],
  [
    22,
    "5e-324 and 1.7976931348623157e308",
    "a range",
    async (bench) => {
      const [least, most] = [5e-324, Number.MAX_VALUE];
      const { repository } = await sizes(bench, most, 0, least, -most, 1e-323);
      const size = () => repository.query().where("size");
      const ids = (...values: number[]) => values.map(String);
      expect(await size().gt(0).orderBy("size").ids()).toEqual(ids(least, 1e-323, most));
      expect(await size().lte(least).orderBy("size").ids()).toEqual(ids(-most, 0, least));
      expect(await size().eq(least).ids()).toEqual(ids(least));
      expect(await size().gte(most).ids()).toEqual(ids(most));
      expect(await size().gt(most).ids()).toEqual([]);
      expect(await size().between(-most, 0).orderBy("size").ids()).toEqual(ids(-most, 0));
    },
  ],
  [23, "age DESC", "a field to order by", noField("age DESC")],
  [24, "__proto__", "a field to order by or select", noField("__proto__")],
  [
    25,
    "-1, 1.5 and NaN",
    "a page",
    async (bench) => {
      const { repository } = await one(bench);
      const bad = [-1, 1.5, Number.NaN, Infinity, "1; DEL", null];
      const works = bad.flatMap((value) => {
        const query = (): Query<unknown, unknown> => repository.query() as never;
        const number = value as number;
        return [
          () => query().limit(number).ids(),
          () => query().offset(number).all(),
          () => query().limit(1).offset(number).page(),
          () => query().limit(number).keyset(),
        ];
      });
      await expectNothingSent(repository, works);
    },
  ],
  [
    26,
    "offset 10 001",
    "a page",
    async ({ open }) => {
      const { repository } = await open(thing);
      const many = Array.from({ length: 10_003 }, (_, size) => ({ id: `n${String(size).padStart(5, "0")}`, size }));
      expect((await repository.insertMany(many, { deadline: 30_000 })).saved).toBe(10_003);
      const late = repository.query().orderBy("size").offset(10_001);
      expect(await late.limit(10).ids()).toEqual(["n10001", "n10002"]);
      const { items, total } = await late.limit(1).page();
      expect([items.map(({ id }) => id), total]).toEqual([["n10001"], 10_003]);
      expect(await repository.query().orderBy("size").offset(10_003).limit(1).all()).toEqual([]);
      expect(await expectFailure(repository.query().ids(), "RESULT_TOO_LARGE")).toMatchObject({ entity: "thing" });
    },
  ],
  [
    27,
    "100 000 elements",
    "a list",
    async (bench) => {
      const { repository } = await one(bench);
      const list = (length: number) => ["w", ...Array.from({ length: length - 1 }, (_, at) => `v${at}`)];
      // Refused, not chunked: a list has ten thousand elements at most.
      const works = [
        () => repository.query().where("word").in(list(100_000)).ids(),
        () => repository.query().where("word").notIn(list(100_000)).ids(),
        () => repository.query().where("tags").containsAny(list(100_000)).count(),
        () => repository.query().where("word").in(list(10_001)).ids(),
        () => repository.query({ word: { in: list(100_000) } }).ids(),
      ];
      await expectNothingSent(repository, works);
      expect(await repository.query().where("word").in(list(10_000)).ids()).toEqual(["a"]);
      expect(await repository.query().where("word").notIn(list(10_000)).ids()).toEqual([]);
    },
  ],
  [
    28,
    "5 000 levels",
    "nested conditions",
    async (bench) => {
      const { repository } = await one(bench);
      const chain = (join: "and" | "or", levels: number) =>
        repository.query().where((f) => {
          let condition = f("size").eq(1);
          for (let level = 0; level < levels; level += 1) {
            condition = f[join](f.not(f.not(condition)), f("word").eq("w"));
          }
          return condition;
        });
      const object = (levels: number) => {
        let filter: Record<string, unknown> = { size: 1 };
        for (let level = 0; level < levels; level += 1)
          filter = level % 2 === 0 ? { OR: [filter] } : { NOT: { NOT: filter } };
        return filter as FilterOf<ReturnType<typeof thing>>;
      };
      const works = [
        () => chain("and", 5000).ids(),
        () => chain("or", 5000).count(),
        () => repository.query(object(5000)).ids(),
        () => repository.query().where(object(5000)).ids(),
      ];
      await expectNothingSent(repository, works);
      expect(await chain("or", 15).ids()).toEqual(["a"]);
      expect(await repository.query(object(20)).ids()).toEqual(["a"]);
    },
  ],
  [
    29,
    "an empty list",
    "a list",
    async (bench) => {
      const { repository } = await one(bench);
      const query = () => repository.query();
      for (const none of [
        query().where("word").in([]),
        query().where("size").in([]),
        query().where("tags").containsAny([]),
        repository.query({ word: { in: [] } }),
      ]) {
        expect([await none.ids(), await none.count(), await none.first()]).toEqual([[], 0, null]);
      }
      for (const all of [
        query().where("word").notIn([]),
        query().where("tags").containsNone([]),
        query().whereNot("word").in([]),
      ]) {
        expect(await all.ids()).toEqual(["a"]);
      }
    },
  ],
  [30, "$..*", "a field", noField("$..*")],
];

testTable("hostile queries", numbers(1, 30), rows);
