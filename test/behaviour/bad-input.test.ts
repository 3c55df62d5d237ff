// Bad input: refused by name, with entity, id and field, and nothing changed by it.
// Bad documents: reported when read, without taking the good ones along.
import { z } from "zod";
import { expect, test } from "vitest";

import { type CorruptEntityError, defineEntity, exact, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix, dump } from "./matrix.ts";

const person = (storage: Storage) =>
  defineEntity({
    name: "person",
    storage,
    schema: z.object({
      id: z.string(),
      name: z.string().min(1),
      age: z.number().nullable(),
      born: z.date().optional(),
      seen: z.bigint().optional(),
      home: z.object({ street: z.string(), rooms: z.array(z.object({ size: z.int() })) }).optional(),
      meta: z.record(z.string(), z.unknown()).optional(),
    }),
    index: { name: exact({ sortable: true }), age: range(), "home.street": exact() },
    ttl: {},
  });

const good = { name: "Ada", age: 36 };

describeMatrix("bad input", ({ open, storage }) => {
  test.each<[string, unknown, string, (string | number)[]]>([
    ["a missing field", { age: 1 }, "name", ["name"]],
    ["a wrong type", { ...good, age: "36" }, "age", ["age"]],
    ["a rule of the schema", { ...good, name: "" }, "name", ["name"]],
    ["a nested wrong type", { ...good, home: { street: 1, rooms: [] } }, "home.street", ["home", "street"]],
    [
      "a wrong element",
      { ...good, home: { street: "s", rooms: [{ size: 1 }, { size: 1.5 }] } },
      "home.rooms.1.size",
      ["home", "rooms", 1, "size"],
    ],
    ["NaN", { ...good, age: Number.NaN }, "age", ["age"]],
    ["infinity", { ...good, age: Infinity }, "age", ["age"]],
    ["minus infinity", { ...good, age: -Infinity }, "age", ["age"]],
    ["a whole number beyond 2^53", { ...good, age: 2 ** 53 }, "age", ["age"]],
    ["an invalid date", { ...good, born: new Date(Number.NaN) }, "born", ["born"]],
    ["text for a date", { ...good, born: "2020-01-01" }, "born", ["born"]],
    ["a number for a bigint", { ...good, seen: 1 }, "seen", ["seen"]],
    ["half a surrogate pair", { ...good, name: "a\ud800" }, "name", ["name"]],
    ["half a pair inside", { ...good, home: { street: "\udc00", rooms: [] } }, "home.street", ["home", "street"]],
    ["half a pair in a record", { ...good, meta: { a: ["x", "\ud83d"] } }, "meta.a.1", ["meta", "a", 1]],
    ["a date in free JSON", { ...good, meta: { a: new Date(0) } }, "meta.a", ["meta", "a"]],
    ["a function in free JSON", { ...good, meta: { a: { b: () => 1 } } }, "meta.a.b", ["meta", "a", "b"]],
    ["a symbol in free JSON", { ...good, meta: { a: Symbol("s") } }, "meta.a", ["meta", "a"]],
    ["a bigint in free JSON", { ...good, meta: { a: 1n } }, "meta.a", ["meta", "a"]],
    ["NaN in free JSON", { ...good, meta: { a: [Number.NaN] } }, "meta.a.0", ["meta", "a", 0]],
    [
      "__proto__ in free JSON",
      { ...good, meta: { a: JSON.parse('{"__proto__":{"admin":true}}') as unknown } },
      "meta.a.__proto__",
      ["meta", "a", "__proto__"],
    ],
  ])("%s is refused with its path", async (_name, input, field, path) => {
    const opened = await open(person);
    const { repository } = opened;
    for (const work of [
      () => repository.insert({ id: "a", ...(input as typeof good) }),
      () => repository.save({ id: "a", ...(input as typeof good) }),
    ]) {
      const error = await expectRefusal(opened, work, "VALIDATION");
      expect(error).toMatchObject({ entity: "person", id: "a", field });
      expect(error.issues[0]?.path).toEqual(path);
      expect(error.message).toContain("person");
      expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
    }
  });

  test("free JSON nested too deeply is refused before it is sent", async () => {
    const opened = await open(person);
    let deep: unknown = 1;
    for (let level = 0; level < 200; level += 1) deep = [deep];
    const error = await expectRefusal(
      opened,
      () => opened.repository.insert({ id: "a", ...good, meta: { deep } }),
      "VALIDATION",
    );
    expect(error).toMatchObject({ entity: "person", id: "a" });
    expect(error.field).toContain("meta");
  });

  test.each<[string, unknown]>([
    ["null", null],
    ["undefined", undefined],
    ["text", "x"],
    ["a list", []],
    ["a number", 1],
  ])("%s is no entity", async (_name, input) => {
    const opened = await open(person);
    expect(await expectRefusal(opened, () => opened.repository.insert(input as never), "VALIDATION")).toMatchObject({
      entity: "person",
    });
  });

  test("every problem is told at once", async () => {
    const { repository } = await open(person);
    const error = await expectFailure(repository.insert({ id: "a", name: 1, age: "x" } as never), "VALIDATION");
    expect(error.issues.map(({ path }) => path)).toEqual([["name"], ["age"]]);
  });

  test("a property called __proto__ pollutes nothing", async () => {
    const { repository } = await open(person);
    const input = JSON.parse('{"id":"a","name":"x","age":1,"__proto__":{"admin":true}}') as {
      id: string;
      name: string;
      age: number;
    };
    const stored = await repository.insert(input);
    for (const row of [stored, await repository.findByIdOrThrow("a"), await repository.query().firstOrThrow()]) {
      expect((row as Record<string, unknown>)["admin"]).toBeUndefined();
      expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    }
    expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
  });

  test("one bad entity in the middle of a thousand is refused alone", async () => {
    const { repository } = await open(person);
    const rows = Array.from({ length: 1000 }, (_, at) => ({
      id: `p${at}`,
      name: `n${at}`,
      age: at === 500 ? Number.NaN : at,
    }));
    const result = await repository.saveMany(rows);
    expect(result.saved).toBe(999);
    expect(result.failed.map(({ index, error }) => [index, error.code, error.entity, error.id, error.field])).toEqual([
      [500, "VALIDATION", "person", "p500", "age"],
    ]);
    expect(result.outcomes).toHaveLength(1000);
    expect(result.outcomes[500]?.ok).toBe(false);
    expect(await repository.count()).toBe(999);
    expect(await repository.exists("p500")).toBe(false);
    expect(await repository.query().where("age").eq(501).ids()).toEqual(["p501"]);
  });

  test("bad queries are refused before anything is sent", async () => {
    const { repository } = await open(person);
    const query = () =>
      repository.query() as unknown as Record<
        "where",
        (path: string) => Record<string, (...args: unknown[]) => { ids(): Promise<unknown> }>
      >;
    const bad: [path: string, operator: string, args: unknown[]][] = [
      ["age", "eq", [undefined]],
      ["age", "eq", [null]],
      ["age", "eq", [Number.NaN]],
      ["age", "eq", [Infinity]],
      ["age", "gt", [Number.NaN]],
      ["age", "gt", ["1"]],
      ["age", "in", [[1, undefined]]],
      ["age", "in", ["no list"]],
      ["age", "between", [1]],
      ["age", "gte", ["0 inf] | *"]],
      ["age", "match", ["x"]],
      ["name", "eq", [1]],
      ["name", "contains", ["x"]],
      ["name", "gt", ["x"]],
      ["born", "eq", [new Date()]],
      ["nope", "eq", ["x"]],
      ["__proto__", "eq", ["x"]],
      ["constructor", "isNull", []],
      ["age DESC", "isNull", []],
      ["$..*", "isNull", []],
    ];
    for (const [path, operator, args] of bad) {
      const name = `${path} ${operator}`;
      const build = (): Promise<unknown> =>
        Promise.resolve().then(() =>
          query()
            .where(path)
            [operator]?.(...args)
            .ids(),
        );
      expect(await expectFailure(build(), "QUERY"), name).toMatchObject({ field: path });
    }
    const chain = repository.query();
    for (const limit of [-1, 1.5, Number.NaN, Infinity, "5" as never]) {
      expect(await expectFailure(chain.limit(limit).ids(), "QUERY")).toMatchObject({ entity: "person" });
      expect(await expectFailure(chain.offset(limit).all(), "QUERY")).toMatchObject({ entity: "person" });
    }
    for (const path of ["age DESC", "__proto__", "home.street", "nope"]) {
      expect(await expectFailure(chain.orderBy(path as never).ids(), "QUERY")).toMatchObject({
        entity: "person",
        field: path,
      });
    }
    expect(await expectFailure(chain.orderBy("age", "DESC" as never).ids(), "QUERY")).toMatchObject({
      entity: "person",
      field: "age",
    });
  });

  test("a query nested too deeply is refused, not a stack overflow", async () => {
    const { repository } = await open(person);
    const deep = repository.query().where((f) => {
      let condition = f("age").eq(1);
      for (let level = 0; level < 5000; level += 1) condition = f.not(f.and(condition));
      return condition;
    });
    expect(await expectFailure(deep.count(), "QUERY")).toMatchObject({ entity: "person" });
  });

  test("a document that no longer fits is reported with its issues, and the good rows", async () => {
    const { repository, raw } = await open(person);
    await repository.insertMany([
      { id: "a", ...good },
      { id: "b", ...good },
      { id: "c", ...good },
    ]);
    const key = repository.key("b");
    await (storage === "hash" ? raw("HDEL", key, "name") : raw("JSON.DEL", key, '$["name"]'));
    const one = await expectFailure(repository.findById("b"), "CORRUPT_ENTITY");
    expect(one).toMatchObject({ entity: "person", id: "b", field: "name" });
    expect(one.issues[0]?.path).toEqual(["name"]);
    const many = await expectFailure(repository.findByIds(["a", "b", "c"]), "CORRUPT_ENTITY");
    expect(many).toMatchObject({ entity: "person", id: "b", rows: [{ id: "a" }, null, { id: "c" }] });
    const told: CorruptEntityError[] = [];
    expect(await repository.findByIds(["a", "b", "c"], { onCorrupt: (error) => told.push(error) })).toMatchObject([
      { id: "a" },
      null,
      { id: "c" },
    ]);
    expect(told.map(({ id }) => id)).toEqual(["b"]);
    await repository.save({ id: "b", ...good });
    expect(await repository.findById("b")).toEqual({ id: "b", ...good });
  });

  test.each<[string, string, string, string]>([
    ["a number that is none", "age", "abc", '"abc"'],
    ["a number beyond all", "age", "1e400", '"1e400"'],
    ["a bigint that is none", "seen", "1.5", '"1.5"'],
    ["a date that is none", "born", "yesterday", '"yesterday"'],
    ["a date beyond all", "born", "1e300", "1e300"],
    ["broken JSON", "meta", "{", "[]"],
  ])("%s in a stored document is reported", async (_name, field, text, json) => {
    const { repository, raw } = await open(person);
    await repository.insert({ id: "a", ...good, born: new Date(0), seen: 1n, meta: {} });
    const key = repository.key("a");
    await (storage === "hash" ? raw("HSET", key, field, text) : raw("JSON.SET", key, `$["${field}"]`, json));
    expect(await expectFailure(repository.findById("a"), "CORRUPT_ENTITY")).toMatchObject({
      entity: "person",
      id: "a",
      field,
    });
  });

  test("what a stranger added to a document is ignored", async () => {
    const { repository, raw } = await open(person);
    await repository.insert({ id: "a", ...good, meta: { x: 1 } });
    const key = repository.key("a");
    if (storage === "hash") {
      await raw("HSET", key, "__proto__", '{"admin":true}', "other", "1", "meta", '{"x":1,"__proto__":{"admin":true}}');
    } else {
      await raw("JSON.SET", key, '$["__proto__"]', '{"admin":true}');
      await raw("JSON.SET", key, '$["other"]', "1");
      await raw("JSON.SET", key, '$["meta"]', '{"x":1,"__proto__":{"admin":true}}');
    }
    const found = await repository.findByIdOrThrow("a");
    expect(found).toEqual({ id: "a", ...good, meta: { x: 1 } });
    expect((found.meta as Record<string, unknown>)["admin"]).toBeUndefined();
    expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
  });

  test("a key of another type is named, and left as it is", async () => {
    const opened = await open(person);
    const { repository, raw, namespace } = opened;
    await raw("LPUSH", repository.key("a b"), "foreign");
    await repository.insert({ id: "c", ...good });
    const before = await dump(raw, namespace);
    expect(await expectFailure(repository.findById("a b"), "CORRUPT_ENTITY")).toMatchObject({
      entity: "person",
      id: "a b",
    });
    expect(await expectFailure(repository.save({ id: "a b", ...good }), "CORRUPT_ENTITY")).toMatchObject({
      entity: "person",
      id: "a b",
    });
    expect((await repository.saveMany([{ id: "a b", ...good }])).failed[0]?.error).toMatchObject({
      code: "CORRUPT_ENTITY",
      id: "a b",
    });
    expect(await dump(raw, namespace)).toEqual(before);
    if (storage === "hash") {
      expect(await expectFailure(repository.findByIds(["c", "a b"]), "CORRUPT_ENTITY")).toMatchObject({
        id: "a b",
        rows: [{ id: "c" }, null],
      });
    } else {
      // Of many JSON documents at once the server says only which are there: a stranger's key counts as missing.
      expect(await repository.findByIds(["c", "a b"])).toMatchObject([{ id: "c" }, null]);
    }
  });
});
