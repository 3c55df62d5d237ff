// Hostile content of stored documents, and of free JSON on its way there: told of by id and field, or ignored.
// Nothing half read leaves the mapper, no prototype is touched, and what is refused changes nothing.
import { z } from "zod";
import { expect } from "vitest";

import { defineEntity } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { numbers, type Row, testTable } from "./hostile.ts";
import type { Bench } from "./matrix.ts";
import { type Papers, refused, two } from "./papers.ts";
import { sent } from "./sent.ts";

/** Writes a field past the mapper: its text in a hash, its JSON in a document. */
async function spoil({ repository, raw }: Papers, storage: Storage, field: string, texts: readonly [string, string]) {
  const key = repository.key("a");
  if (storage === "hash") await raw("HSET", key, field, texts[0]);
  else await raw("JSON.SET", key, `$["${field}"]`, texts[1]);
}

/** The spoilt entity is told of wherever it is read, and takes no other along. */
async function expectCorrupt({ engine }: Bench, { repository }: Papers, facts: { readonly field?: string } = {}) {
  const wanted = { entity: "paper", id: "a", ...facts };
  expect(await expectFailure(repository.findById("a"), "CORRUPT_ENTITY")).toMatchObject(wanted);
  const many = await expectFailure(repository.findByIds(["b", "a"]), "CORRUPT_ENTITY");
  expect(many).toMatchObject({ ...wanted, rows: [{ id: "b" }, null] });
  expect(await expectFailure(repository.query().where("name").eq("name a").all(), "CORRUPT_ENTITY")).toMatchObject(
    wanted,
  );
  const others = repository.query().where("name").eq("name b").all();
  // The memory engine looks at every document for every query.
  if (engine === "memory") expect(await expectFailure(others, "CORRUPT_ENTITY")).toMatchObject(wanted);
  else expect(await others).toMatchObject([{ id: "b" }]);
}

const polluted = JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>;

function expectClean(...things: unknown[]): void {
  for (const each of [{}, ...things]) expect((each as Record<string, unknown>)["admin"]).toBeUndefined();
}

const rows: readonly Row[] = [
  [
    50,
    '{"__proto__":{"admin":true}}',
    "free JSON",
    async (bench) => {
      await refused("free.x.__proto__", { free: { x: polluted } })(bench);
      const opened = await two(bench);
      const { repository } = opened;
      // zod passes over such a property of a record, as long as nothing lies around it.
      const { free } = await repository.insert({ id: "c", name: "c", free: polluted });
      expect([free, (await repository.findByIdOrThrow("c")).free]).toEqual([{}, {}]);
      expectClean(free);
      const text = '{"__proto__":{"admin":true},"deep":{"__proto__":{"admin":true},"x":1}}';
      await spoil(opened, bench.storage, "free", [text, text]);
      for (const row of [
        await repository.findByIdOrThrow("a"),
        await repository.query().where("name").eq("name a").firstOrThrow(),
      ]) {
        expect(row.free).toEqual({ deep: { x: 1 } });
        expectClean(row, row.free, row.free["deep"]);
      }
    },
  ],
  [
    51,
    "a field __proto__",
    "a stored document",
    async (bench) => {
      const opened = await two(bench);
      const before = await opened.repository.findByIdOrThrow("a");
      await spoil(opened, bench.storage, "__proto__", ['{"admin":true}', '{"admin":true}']);
      const row = await opened.repository.findByIdOrThrow("a");
      expect([row, Object.getPrototypeOf(row)]).toEqual([before, Object.prototype]);
      expectClean(row);
      await opened.repository.update("a", { name: "new" });
      expectClean(await opened.repository.findById("a"));
    },
  ],
  [
    52,
    "version abc",
    "a stored document",
    async (bench) => {
      const opened = await two(bench);
      const { repository } = opened;
      await spoil(opened, bench.storage, "version", ["abc", '"abc"']);
      await expectCorrupt(bench, opened, { field: "version" });
      for (const work of [
        () => repository.save({ id: "a", name: "x", version: 1 }),
        () => repository.update("a", { name: "x" }),
        () => repository.modify("a", (row) => ({ ...row, name: "x" })),
        () => repository.delete("a", { ifVersion: 1 }),
      ]) {
        expect(await expectRefusal(opened, work, "CORRUPT_ENTITY")).toMatchObject({ entity: "paper", id: "a" });
      }
    },
  ],
  [
    53,
    "version 9007199254740992",
    "an input, a stored document",
    async (bench) => {
      const beyond = 2 ** 53;
      const opened = await two(bench);
      const { repository } = opened;
      for (const id of ["a", "c"]) {
        const work = () => repository.save({ id, name: "x", version: beyond });
        expect(await expectRefusal(opened, work, "VALIDATION")).toMatchObject({ entity: "paper" });
      }
      // The last version that can be is read, and nothing is saved over it.
      await spoil(opened, bench.storage, "version", [`${beyond - 1}`, `${beyond - 1}`]);
      expect(await repository.findById("a")).toMatchObject({ version: beyond - 1 });
      for (const work of [
        () => repository.save({ id: "a", name: "x", version: beyond - 1 }),
        () => repository.modify("a", (row) => ({ ...row, name: "x" })),
      ]) {
        await expectRefusal(opened, work, "VALIDATION");
      }
      for (const returning of [false, true]) {
        const work = () => repository.update("a", { name: "x" }, returning ? { returning } : {});
        await expectRefusal(opened, work, "CORRUPT_ENTITY");
      }
      await spoil(opened, bench.storage, "version", [`${beyond}`, `${beyond}`]);
      await expectCorrupt(bench, opened, { field: "version" });
    },
  ],
  [
    54,
    "a field that nobody knows",
    "a stored document",
    async (bench) => {
      const opened = await two(bench);
      const before = await opened.repository.findByIdOrThrow("a");
      await spoil(opened, bench.storage, "other", ["1", "1"]);
      expect(await opened.repository.findById("a")).toEqual(before);
      expect(await opened.repository.query().where("name").eq("name a").all()).toEqual([before]);
      // Where the schema keeps what it does not know, so does the mapper; hashes have no place for it.
      const open = (storage: Storage) =>
        defineEntity({ name: "open", storage, schema: z.looseObject({ id: z.string(), name: z.string() }) });
      if (bench.storage === "hash") return expectFailure((async () => open("hash"))(), "DEFINITION");
      const { repository, raw } = await bench.open(open);
      await repository.insert({ id: "a", name: "x" });
      await raw("JSON.SET", repository.key("a"), "$.other", '{"deep":[1]}');
      return expect(await repository.findById("a")).toEqual({ id: "a", name: "x", other: { deep: [1] } });
    },
  ],
  [
    55,
    "a required field that is gone",
    "a stored document",
    async (bench) => {
      const opened = await two(bench);
      const key = opened.repository.key("a");
      await (bench.storage === "hash" ? opened.raw("HDEL", key, "name") : opened.raw("JSON.DEL", key, "$.name"));
      expect((await expectFailure(opened.repository.findById("a"), "CORRUPT_ENTITY")).issues[0]?.path).toEqual([
        "name",
      ]);
    },
  ],
  [
    56,
    "a string, a list",
    "the key of a document",
    async (bench) => {
      const opened = await two(bench);
      const { repository, raw } = opened;
      for (const command of [bench.storage === "string" ? "SADD" : "SET", "RPUSH"]) {
        await raw("DEL", repository.key("s"));
        await raw(command, repository.key("s"), "a stranger's");
        for (const work of [
          () => repository.findById("s"),
          () => repository.insert({ id: "s", name: "x" }),
          () => repository.save({ id: "s", name: "x" }),
          () => repository.save({ id: "s", name: "x", version: 1 }),
          () => repository.update("s", { name: "x" }),
          () => repository.modify("s", (row) => row),
          () => repository.delete("s"),
        ]) {
          expect(await expectRefusal(opened, work, "CORRUPT_ENTITY")).toMatchObject({ entity: "paper", id: "s" });
        }
      }
    },
  ],
  [
    57,
    "a JSON array",
    "in place of an object",
    async (bench) => {
      const opened = await two(bench);
      await spoil(opened, bench.storage, "free", ["[1]", "[1]"]);
      await expectCorrupt(bench, opened, { field: "free" });
      if (bench.storage !== "hash") {
        await opened.raw("JSON.SET", opened.repository.key("a"), "$", "[1,2]");
        expect(await expectFailure(opened.repository.findById("a"), "CORRUPT_ENTITY")).toMatchObject({ id: "a" });
      }
    },
  ],
  [
    58,
    "200 levels",
    "free JSON",
    async (bench) => {
      const opened = await two(bench);
      const { repository } = opened;
      const nested = (levels: number) => {
        let deep: unknown = 1;
        for (let level = 0; level < levels; level += 1) deep = level % 2 === 0 ? [deep] : { deep };
        return { deep };
      };
      const commands = await sent(async () => {
        for (const levels of [200, 5000]) {
          const error = await expectFailure(
            repository.insert({ id: "c", name: "c", free: nested(levels) }),
            "VALIDATION",
          );
          expect(error.field).toMatch(/^free\.deep/);
        }
      });
      expect(commands).toEqual([]);
      const free = nested(80);
      await repository.update("b", { free });
      expect(await repository.findById("b")).toMatchObject({ free });
    },
  ],
  [
    59,
    "a key twice in an object",
    "a stored document",
    async (bench) => {
      const opened = await two(bench);
      const text = '{"x":1,"y":0,"x":2}';
      await spoil(opened, bench.storage, "free", [text, text]);
      // The last one counts.
      expect((await opened.repository.findByIdOrThrow("a")).free).toEqual({ x: 2, y: 0 });
    },
  ],
];

testTable("hostile documents", numbers(50, 59), rows);
