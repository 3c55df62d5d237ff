// Traps of JSON documents: nulls that stay or go, depth, halves of characters, names of JavaScript's own, time to live.
// A save replaces the whole document, so that nothing of an older one is left.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "../behaviour/failures.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { complaint, searchingJson, expectTrap } from "./naive.ts";

const paper = (storage: Storage) =>
  defineEntity({
    name: "paper",
    storage,
    schema: z.object({
      id: z.string(),
      word: z.string().nullish(),
      n: z.number().optional(),
      box: z.object({ inner: z.object({ word: z.string().nullish() }).optional() }).optional(),
      free: z.unknown().optional(),
    }),
    index: { word: exact({ sortable: true }), n: range(), "box.inner.word": exact() },
    ttl: { onUpdate: "keep" },
  });
const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("merging drops nulls, and setting under a missing parent does nothing", async () => {
      const opened = await open(paper);
      const { repository, raw } = opened;
      const key = `${opened.namespace}:naive`;
      await raw("JSON.SET", key, "$", '{"a":1,"b":{"c":1}}');
      await raw("JSON.MERGE", key, "$", '{"a":null,"b":{"c":null}}');
      expectTrap(leg, "a null that is merged deletes", (await raw("JSON.GET", key)) === '{"b":{}}');
      expectTrap(leg, "a missing parent is no error", (await raw("JSON.SET", key, '$["x"]["y"]', "1")) === null);
      expectTrap(
        leg,
        "nor is adding to text",
        (await raw("JSON.SET", key, "$", '{"t":"x"}').then(() => raw("JSON.NUMINCRBY", key, '$["t"]', 1))) === "[null]",
      );
      const versions = [
        { id: "a", word: "x", n: 1, box: { inner: { word: "in" } }, free: { deep: [null, { x: null }] } },
        { id: "a", word: null, box: { inner: { word: null } }, free: null },
        { id: "a", n: 0.1 + 0.2, box: {} },
        { id: "a", word: "", box: { inner: { word: "back" } }, free: [] },
        { id: "a" },
      ];
      for (const version of versions) {
        await repository.save(version);
        expect(await repository.findById("a")).toEqual(version);
        expect(await repository.query().all()).toEqual([version]);
        const there = async (path: "word" | "n" | "box.inner.word") =>
          (await repository.query().whereNot(path).isNull().count()) === 1;
        expect([await there("word"), await there("n"), await there("box.inner.word")]).toEqual([
          typeof version.word === "string",
          version.n !== undefined,
          typeof version.box?.inner?.word === "string",
        ]);
      }
    });

    test("setting a document leaves its time to live, though one would think otherwise", async () => {
      const opened = await open(paper);
      const { repository, raw } = opened;
      const naive = `${opened.namespace}:naive`;
      await raw("JSON.SET", naive, "$", "{}");
      await raw("PEXPIRE", naive, 100_000);
      await raw("JSON.SET", naive, "$", '{"a":1}');
      expectTrap(leg, "a document set anew still dies", Number(await raw("PTTL", naive)) > 0);
      const key = repository.key("a");
      await repository.insert({ id: "a", word: "x" }, { ttl: 100 });
      await repository.save({ id: "a", word: "y" });
      expect(Number(await raw("PTTL", key))).toBeGreaterThan(0);
      await repository.save({ id: "a", word: "z" }, { ttl: null });
      expect(Number(await raw("PTTL", key))).toBe(-1);
      // Nor does a deadline stay behind that would hide it from queries.
      expect(JSON.parse((await raw("JSON.GET", key)) as string)).toEqual({
        id: "a",
        word: "z",
        $absent: ["n", "box.inner.word"],
      });
      expect(await repository.query().where("word").eq("z").ids()).toEqual(["a"]);
    });

    test("documents nested too deeply are refused by the server with a message of its parser", async () => {
      const opened = await open(paper);
      const { repository, raw } = opened;
      const said = await complaint(raw("JSON.SET", `${opened.namespace}:naive`, "$", JSON.stringify(nested(128))));
      expectTrap(leg, "128 levels are too deep", said !== "");
      await repository.insert({ id: "deep", free: nested(99) });
      expect((await repository.findByIdOrThrow("deep")).free).toEqual(nested(99));
      for (const levels of [110, 128, 3000]) {
        const error = await expectRefusal(
          opened,
          () => repository.insert({ id: "d", free: nested(levels) }),
          "VALIDATION",
        );
        expect(error).toMatchObject({ entity: "paper", id: "d" });
        expect(error.field).toMatch(/^free/);
      }
    });

    test("a blank in front of a name in a path is dropped, and another name is meant", async () => {
      const opened = await open(paper);
      const { repository, raw } = opened;
      const key = `${opened.namespace}:naive`;
      await raw("JSON.SET", key, "$", '{" a":1,"a":2}');
      expectTrap(leg, "the other property comes", (await raw("JSON.GET", key, '$[" a"]')) === "[2]");
      // Long numbers are mended by their path; those under other names, and short ones, are not.
      const error = await expectRefusal(
        opened,
        () => repository.insert({ id: "a", free: { " a": 0.1 + 0.2, a: 5 } }),
        "VALIDATION",
      );
      expect(error).toMatchObject({ entity: "paper", id: "a", field: "free. a" });
      const free = { " a": 0.5, a: 0.1 + 0.2, "a ": 1 / 3, " b": "x", "\ta": 2 / 3 };
      await repository.insert({ id: "a", free });
      expect((await repository.findByIdOrThrow("a")).free).toEqual(free);
      for (const inner of [{ " a": z.string() }, { box: z.object({ " a": z.string() }) }]) {
        expect(() =>
          defineEntity({ name: "blank", storage: "json", schema: z.object({ id: z.string(), ...inner }), index: {} }),
        ).toThrowError(
          expect.objectContaining({
            code: "DEFINITION",
            entity: "blank",
            field: "box" in inner ? "box. a" : " a",
          }) as Error,
        );
      }
      // Hashes have no paths: there any name and any number will do.
      const hashed = defineEntity({
        name: "hashed",
        schema: z.object({ id: z.string(), " a": z.string(), a: z.string(), free: z.unknown() }),
        index: { " a": exact() },
      });
      const other = opened.db.repository(hashed);
      await other.indexes.sync();
      const row = { id: "x", " a": " one", a: "two", free: { " a": 0.1 + 0.2, a: 5 } };
      await other.insert(row);
      expect(await other.query().where(" a").eq(" one").all()).toEqual([row]);
    });

    test("numbers under names with quotes or backslashes are not changed by their path", async () => {
      const opened = await open(paper);
      const { repository, raw } = opened;
      const key = `${opened.namespace}:naive`;
      await raw("JSON.SET", key, "$", JSON.stringify({ 'a"b': 1, "a\\b": 1 }));
      const add = async (path: string): Promise<unknown> => {
        await raw("JSON.NUMINCRBY", key, path, "1").catch(() => undefined);
        return raw("JSON.GET", key, path);
      };
      expectTrap(leg, "a quote makes the change go nowhere", (await add('$["a\\"b"]')) === "[1]");
      expectTrap(leg, "so does a backslash", (await add('$["a\\\\b"]')) === "[1]");
      for (const name of ['a"b', "a\\b"]) {
        const error = await expectRefusal(
          opened,
          () => repository.insert({ id: "q", free: { [name]: 0.1 + 0.2 } }),
          "VALIDATION",
        );
        expect(error).toMatchObject({ entity: "paper", id: "q", field: `free.${name}` });
        const free = { [name]: 0.5 };
        await repository.save({ id: "p", free });
        expect((await repository.findByIdOrThrow("p")).free).toEqual(free);
      }
    });

    test("halves of characters are refused, names of JavaScript's own are not let in", async () => {
      const opened = await open(paper);
      const { repository, raw } = opened;
      const said = await complaint(raw("JSON.SET", `${opened.namespace}:naive`, "$", '{"a":"\\ud800"}'));
      expectTrap(leg, "half a surrogate pair is refused", said !== "");
      for (const [field, change] of [
        ["word", { word: "a\ud800" }],
        ["free.x.0", { free: { x: ["\udc00"] } }],
      ] as const) {
        const error = await expectRefusal(opened, () => repository.insert({ id: "h", ...change }), "VALIDATION");
        expect(error).toMatchObject({ entity: "paper", id: "h", field });
      }
      await repository.insert({ id: "a", word: "x", free: { x: 1 } });
      await raw("JSON.SET", repository.key("a"), '$["free"]', '{"__proto__":{"admin":true},"x":1}');
      const found = await repository.findByIdOrThrow("a");
      expect(found).toEqual({ id: "a", word: "x", free: { x: 1 } });
      expect((found.free as Record<string, unknown>)["admin"]).toBeUndefined();
      expect(await repository.query().all()).toEqual([found]);
    });

    test("of many documents a missing one and a stranger's look the same to the server", async () => {
      const opened = await open(paper);
      const { repository, raw } = opened;
      await repository.insert({ id: "a", word: "x" });
      await raw("SET", repository.key("s"), "a stranger's");
      const many = (await raw("JSON.MGET", repository.key("s"), repository.key("none"), "$")) as unknown[];
      expectTrap(leg, "both are nothing", many.join() === ",");
      expect(await repository.findByIds(["none", "a", "s"])).toEqual([null, { id: "a", word: "x" }, null]);
      const error = await expectFailure(repository.findById("s"), "CORRUPT_ENTITY");
      expect(error).toMatchObject({ entity: "paper", id: "s" });
    });
  },
  searchingJson,
);
