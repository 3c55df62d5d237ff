// Traps of the query language: dialects, constants, parameters, names and sizes.
// First what the bare server does, then the right answer or a clear error of the mapper.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, type Query, range } from "remora";
import type { Condition } from "../../src/query/node.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { type Bench, describeMatrix } from "../behaviour/matrix.ts";
import { complaint, Naive, searching, searchingJson, searchingOnce, expectTrap } from "./naive.ts";

const pair = (storage: Storage) =>
  defineEntity({
    name: "pair",
    storage,
    schema: z.object({ id: z.string(), a: z.string(), b: z.string(), n: z.number(), tags: z.array(z.string()) }),
    index: { a: exact({ sortable: true }), b: exact(), n: range(), tags: exact() },
  });
const pairs = ["xx", "xy", "yx", "yy"].map((id, n) => ({
  id,
  a: id.charAt(0),
  b: id.charAt(1),
  n,
  tags: [id, "more"],
}));
const untyped = (query: unknown) =>
  query as {
    where(path: string): Record<string, (...values: unknown[]) => Query<unknown, unknown>>;
  };

const filled = async (open: Bench["open"]) => {
  const opened = await open(pair);
  expect((await opened.repository.insertMany(pairs)).failed).toEqual([]);
  return opened;
};
const naivePairs = async (opened: Parameters<typeof Naive.make>[0]) => {
  const naive = await Naive.make(opened, "hash", ["a", "TAG", "b", "TAG", "n", "NUMERIC"]);
  await Promise.all(pairs.map(({ id, a, b, n }) => naive.put(id, "a", a, "b", b, "n", String(n))));
  return naive;
};

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("the oldest dialect, which is the default, negates all that follows", async () => {
      const opened = await filled(open);
      const naive = await naivePairs(opened);
      const found = await naive.ids("-@a:{y} @b:{y}", "DIALECT", 1);
      expectTrap(leg, "a negation of dialect 1 swallows the next condition", found.join() === "xx,xy,yx");
      const query = opened.repository.query().where("a").ne("y").where("b").eq("y");
      expect(await query.ids()).toEqual(["xy"]);
      expect(await query.count()).toBe(1);
    });

    test("the newest dialect counts wrongly", async () => {
      const opened = await filled(open);
      const naive = await naivePairs(opened);
      const { total, ids } = await naive.ask("*", "DIALECT", 4);
      expectTrap(leg, "dialect 4 gives four rows and another total", ids.length === 4 && total !== 4);
      expect(await opened.repository.query().count()).toBe(4);
      expect(await opened.repository.query().page()).toMatchObject({ total: 4 });
      expect(await opened.repository.query().limit(1).page()).toMatchObject({ total: 4 });
    });

    test("a field that is not there, or of another type, finds nothing or all without a word", async () => {
      const opened = await filled(open);
      const naive = await naivePairs(opened);
      const found = await Promise.all(
        ["@nope:{x}", "-@nope:{x}", "@a:[0 9]", "@n:{1}"].map((query) => naive.ask(query)),
      );
      expectTrap(leg, "a search on an unknown field is no error", found.map(({ total }) => total).join() === "0,4,0,0");
      const query = untyped(opened.repository.query());
      const asked: [path: string, operator: string, value: unknown][] = [
        ["nope", "eq", "x"],
        ["nope", "ne", "x"],
        ["a", "gt", "x"],
        ["a", "eq", 1],
        ["n", "eq", "1"],
        ["n", "contains", 1],
      ];
      for (const [path, operator, value] of asked) {
        const work = Promise.resolve().then(() => query.where(path)[operator]?.(value).ids());
        expect(await expectFailure(work, "QUERY"), `${path} ${operator}`).toMatchObject({
          entity: "pair",
          field: path,
        });
      }
    });

    test("true and false inside a condition are syntax errors", async () => {
      const opened = await filled(open);
      const naive = await naivePairs(opened);
      const said = await Promise.all(["(* -@a:{y})", "-*", "()"].map((query) => naive.complaint(query)));
      expectTrap(leg, "a constant in a tree is refused", !said.includes(""));
      const [yes, no, leaf] = [
        { type: "and", items: [] },
        { type: "or", items: [] },
        { type: "in", path: "a", values: ["y"] },
      ] as const satisfies readonly Condition[];
      const count = (condition: Condition): Promise<number> =>
        opened.repository
          .query()
          .where(() => condition as never)
          .count();
      expect(await count(yes)).toBe(4);
      expect(await count(no)).toBe(0);
      expect(await count({ type: "and", items: [yes, { type: "not", item: leaf }] })).toBe(2);
      expect(await count({ type: "or", items: [no, leaf] })).toBe(2);
      expect(await count({ type: "or", items: [yes, leaf] })).toBe(4);
      expect(await count({ type: "not", item: yes })).toBe(0);
      expect(await opened.repository.query().where("a").in([]).count()).toBe(0);
      expect(await opened.repository.query().where("a").notIn([]).count()).toBe(4);
    });

    test("a value put into the text of a query becomes part of it", async () => {
      const opened = await filled(open);
      const naive = await naivePairs(opened);
      const value = "q} | @n:[0 10] | @a:{q";
      expectTrap(leg, "a value of the user's rewrites the query", (await naive.ids(`@a:{${value}}`)).length === 4);
      const { repository } = opened;
      expect(await repository.query().where("a").eq(value).count()).toBe(0);
      for (const hostile of [value, "*", "x|y", "$p0", "$now", "%x%", "=>{$weight:9}", "-x", "x) | (y"]) {
        expect(await repository.query().where("a").in([hostile]).ids(), hostile).toEqual([]);
        await repository.insert({ id: "own", a: hostile, b: "", n: 9, tags: [hostile] });
        expect(await repository.query().where("a").eq(hostile).ids(), hostile).toEqual(["own"]);
        expect(await repository.query().where("tags").contains(hostile).ids(), hostile).toEqual(["own"]);
        await repository.delete("own");
      }
    });

    test("a number given as text is read as the server likes", async () => {
      const opened = await filled(open);
      const naive = await naivePairs(opened);
      const closed = await naive.idsOf("@n:[$v 2]", "(0");
      expectTrap(leg, "an open bound in a value is closed without a word", closed.includes("xx"));
      const said = await naive.complaint("@n:[$v 2]", "PARAMS", 2, "v", "");
      expectTrap(leg, "an empty bound is taken without a word", said === "");
      const query = untyped(opened.repository.query());
      for (const value of ["(0", "", "five", Number.NaN, null, undefined, 1n]) {
        const work = Promise.resolve().then(() => query.where("n")["gte"]?.(value).ids());
        expect(await expectFailure(work, "QUERY"), String(value)).toMatchObject({ entity: "pair", field: "n" });
      }
      expect(await opened.repository.query().where("n").gt(0).where("n").lte(2).count()).toBe(2);
    });

    test("infinite bounds are refused by the server in half of the places", async () => {
      const opened = await filled(open);
      const naive = await naivePairs(opened);
      const said = await Promise.all([
        naive.complaint("@n:[$v +inf]", "PARAMS", 2, "v", "inf"),
        naive.complaint("@n:[-inf $v]", "PARAMS", 2, "v", "-inf"),
        naive.complaint("@n:[-inf $v]", "PARAMS", 2, "v", "Infinity"),
      ]);
      expectTrap(leg, "infinity as a parameter is an error", !said.includes(""));
      const where = () => opened.repository.query().where("n");
      expect(await where().gt(Infinity).count()).toBe(0);
      expect(await where().gte(Infinity).count()).toBe(0);
      expect(await where().lte(-Infinity).count()).toBe(0);
      expect(await where().lte(Infinity).count()).toBe(4);
      expect(await where().gt(-Infinity).count()).toBe(4);
      expect(await where().between(-Infinity, 1).count()).toBe(2);
      expect(await where().between(1, Infinity).count()).toBe(3);
      expect(await where().between(-Infinity, Infinity).count()).toBe(4);
    });

    test("deep nesting overflows the server's parser", async () => {
      const opened = await filled(open);
      const naive = await naivePairs(opened);
      const said = await naive.complaint(`${"(".repeat(300)}@a:{y}${")".repeat(300)}`);
      expectTrap(leg, "300 parentheses are too many", said !== "");
      const { repository } = opened;
      const nested = (levels: number) =>
        repository.query().where((f) => {
          let condition = f("a").eq("y");
          for (let level = 0; level < levels; level += 1) {
            // Neither flat nor foldable: each level has another kind, and a condition of its own.
            const own = f("n").ne(level + 100);
            condition =
              level % 2 === 0 ? f.and(condition, own) : f.or(f.not(f.and(f.not(condition), own)), f("n").eq(-1));
          }
          return condition;
        });
      // Each second level is: condition or a number from 100 on or -1; that leaves the condition.
      expect((await nested(24).ids()).sort()).toEqual(["yx", "yy"]);
      expect(await expectFailure(nested(100).ids(), "QUERY")).toMatchObject({ entity: "pair" });
    });

    test("thousands of values are one condition each, and all count", async () => {
      const { repository } = await filled(open);
      const many = Array.from({ length: 9000 }, (_, at) => `none${at}`);
      expect(
        await repository
          .query()
          .where("a")
          .in([...many, "y"])
          .count(),
      ).toBe(2);
      expect(
        await repository
          .query()
          .where("a")
          .notIn([...many, "y"])
          .count(),
      ).toBe(2);
      const numbers = Array.from({ length: 5000 }, (_, at) => at + 2);
      expect((await repository.query().where("n").in(numbers).ids()).sort()).toEqual(["yx", "yy"]);
      const either = repository
        .query()
        .where((f) => f.or(...numbers.slice(0, 4000).map((n) => f("n").ne(n)), f("a").eq("x")));
      expect(await either.count()).toBe(4);
      const tooMany = repository
        .query()
        .where("a")
        .in(Array.from({ length: 10_001 }, String));
      expect(await expectFailure(tooMany.ids(), "QUERY")).toMatchObject({ entity: "pair", field: "a" });
    });
  },
  searchingOnce,
);

const dying = (storage: Storage) =>
  defineEntity({
    name: "dying",
    storage,
    schema: z.object({ id: z.string(), a: z.string() }),
    index: { a: exact() },
    ttl: {},
  });

// A name as people give them, each of which the query language reads otherwise.
const names = [
  "a-b",
  "a b",
  "a_b",
  "a$",
  "@a",
  "a:b",
  "a,b",
  "a|b",
  "a*",
  "a'b",
  "é",
  "AS",
  "TAG",
  "-",
  "*",
  "(",
  "一",
];
const odd = (storage: Storage) =>
  defineEntity({
    name: "odd",
    storage,
    schema: z.object({
      id: z.string(),
      ...Object.fromEntries(names.map((name) => [name, z.string().nullable()])),
      a: z.object({ b: z.string() }),
    }),
    index: Object.fromEntries([...names, "a.b"].map((name) => [name, exact({ sortable: true })] as const)) as never,
  });
// Called as the attributes that the mapper makes up, and as those that servers look for themselves.
const borrowed = ["title_0", "n_1", "__id", "__absent", "__deadline", "__key", "__score", "__language", "__payload"];
const lender = (storage: Storage) =>
  defineEntity({
    name: "lender",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      n: z.number(),
      ...Object.fromEntries(borrowed.map((name) => [name, z.string()])),
    }),
    index: { title: exact({ sortable: true }), n: range() } as never,
  });

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("a script takes fewer words than a query may have values", async () => {
      const { repository } = await open(dying);
      await repository.insert({ id: "a", a: "y" });
      const many = (count: number) => Array.from({ length: count }, (_, at) => `none${at}`);
      expect(
        await repository
          .query()
          .where("a")
          .in([...many(3400), "y"])
          .ids(),
      ).toEqual(["a"]);
      const query = repository.query().where("a").in(many(9000));
      expect(await expectFailure(query.ids(), "UNSUPPORTED_QUERY")).toMatchObject({ entity: "dying" });
      expect(await expectFailure(query.count(), "UNSUPPORTED_QUERY")).toMatchObject({ entity: "dying" });
    });

    test("names of fields are syntax, and marks in them make two the same", async () => {
      const opened = await open(odd);
      const naive = await Naive.make(opened, "hash", ["a-b", "TAG", "a b", "TAG"]);
      await naive.put("x", "a-b", "v", "a b", "v");
      const said = await Promise.all(["@a-b:{v}", "@a b:{v}"].map((query) => naive.complaint(query)));
      expectTrap(leg, "a name with a mark is a syntax error", !said.includes(""));
      const twice = opened.raw("FT.CREATE", `${naive.name}2`, "SCHEMA", "a-b", "AS", "a_b", "TAG", "a_b", "TAG");
      expectTrap(leg, "one attribute cannot stand for two fields", (await complaint(twice)) !== "");
      const row = (id: string, value: string | null) =>
        ({ id, a: { b: `${value} inner` }, ...Object.fromEntries(names.map((name) => [name, value])) }) as never;
      const { repository } = opened;
      expect((await repository.insertMany([row("x", "v "), row("y", null), row("z", "w")])).failed).toEqual([]);
      const query = repository.query() as never as Query<Record<string, string | null>, Record<string, unknown>>;
      for (const name of names) {
        const where = untyped(query).where(name);
        expect(await where["eq"]?.("v ").ids(), name).toEqual(["x"]);
        expect(await where["isNull"]?.().ids(), name).toEqual(["y"]);
        expect(await query.orderBy(name as never).ids(), name).toEqual(["x", "z", "y"]);
      }
      expect(await untyped(query).where("a.b")["eq"]?.("w inner").ids()).toEqual(["z"]);
      expect(await repository.indexes.status()).toMatchObject({ documents: 3, failures: 0 });
    });

    test("a field may be called as an attribute is", async () => {
      const { repository } = await open(lender);
      const row = (id: string) =>
        ({
          id,
          title: `T${id}`,
          n: 0.1 + 0.2,
          ...Object.fromEntries(borrowed.map((name) => [name, `my ${name}`])),
        }) as never;
      expect((await repository.insertMany([row("a"), row("b")])).failed).toEqual([]);
      const wanted = [row("a"), row("b")];
      const query = repository.query() as never as Query<{ title: string; n: number }, Record<string, unknown>>;
      for (const asked of [query.orderBy("title" as never), query.orderBy("n" as never)]) {
        expect(await asked.all()).toEqual(wanted);
        expect(await asked.ids()).toEqual(["a", "b"]);
        expect(await asked.page()).toEqual({ items: wanted, total: 2 });
      }
      expect((await query.limit(5).all()).length).toBe(2);
      expect(await query.page()).toMatchObject({ total: 2, items: expect.arrayContaining(wanted) as never });
      expect(await repository.indexes.status()).toMatchObject({ documents: 2, failures: 0 });
    });
  },
  searching,
);

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("a list asked for by its path comes back as its first element", async () => {
      const opened = await filled(open);
      const naive = await Naive.make(opened, "json", ["$.tags[*]", "AS", "tags", "TAG"]);
      await naive.put("x", '{"tags":["one","two"]}');
      const reply = await opened.raw("FT.SEARCH", naive.name, "*", "RETURN", 1, "tags", "DIALECT", 2);
      expectTrap(leg, "only the first element comes back", JSON.stringify(reply).includes("two") === false);
      for (const found of [
        await opened.repository.query().where("a").eq("x").where("b").eq("y").all(),
        (await opened.repository.query().where("a").eq("x").where("b").eq("y").page()).items,
      ])
        expect(found).toEqual([pairs[1]]);
    });
  },
  searchingJson,
);
