// Hostile names of types and fields, and hostile ids: refused, or one key each that no pattern, slot or other type shares.
// Whatever is done to one of them is done to that one only.
import { z } from "zod";
import { expect } from "vitest";

import { defineEntity, exact, inc, range, type Repository } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { type Check, numbers, type Row, testTable } from "./hostile.ts";
import { type Bench, keysOf } from "./matrix.ts";

const named =
  (name: string, more: { readonly keyPrefix?: string } = {}) =>
  (storage: Storage) =>
    defineEntity({
      ...more,
      name,
      storage,
      schema: z.object({ id: z.string(), word: z.string(), size: z.number().default(0) }),
      index: { word: exact({ sortable: true }), size: range() },
      unique: { word: ["word"] },
    });
const note = named("note");
type Notes = Repository<ReturnType<typeof note>>;

// As plain JavaScript would call it.
const define = defineEntity as unknown as (options: Record<string, unknown>) => unknown;

/** The definition is refused, and what is wrong with it is named. */
async function expectNoDefinition(options: Record<string, unknown>, wrong: string): Promise<void> {
  const work = async (): Promise<unknown> => define({ name: "note", ...options });
  expect((await expectFailure(work(), "DEFINITION")).message).toContain(wrong);
}

/** A schema with one more field; an object literal would take `__proto__` for its prototype. */
function schemaWith(field: string): z.ZodObject {
  const shape = { id: z.string() };
  return z.object(Object.defineProperty(shape, field, { value: z.string(), enumerable: true }));
}

/** The field can be part of no type, neither at the top nor below. */
async function expectNoField(storage: Storage, field: string): Promise<void> {
  await expectNoDefinition({ storage, schema: schemaWith(field) }, field);
  await expectNoDefinition({ storage, schema: z.object({ id: z.string(), inner: schemaWith(field) }) }, field);
}

/** What is done to an entity of a strange id, also by work that goes over all keys, leaves its neighbours as they are. */
const alone =
  (ids: readonly string[], ...neighbours: string[]): Check =>
  async ({ open }) => {
    const { repository, raw, namespace } = await open(note);
    const all = [...ids, ...neighbours].map((id, at) => ({ id, word: `word ${at}`, size: at }));
    const rest = all.slice(ids.length);
    expect((await repository.insertMany(all)).failed).toEqual([]);
    await expectHeld(repository, all);
    // One key each, under the tag of the type: in a cluster all of them are of its slot.
    const keys = (await keysOf(raw, namespace)).filter((key) => key.startsWith(`${namespace}:{note}:`));
    expect(keys).toEqual(all.map(({ id }) => repository.key(id)).toSorted());
    for (const key of keys)
      expect([/\{([^}]*)\}/.exec(key)?.[1], key.replaceAll(/[^{}]/g, "")]).toEqual(["note", "{}"]);
    expect(await repository.indexes.sync({ rebuild: true })).toMatchObject({ state: "ready", faulty: 0 });
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
    await expectHeld(repository, all);
    for (const id of ids) {
      const row = await repository.findByIdOrThrow(id);
      await repository.update(id, { size: inc(100) });
      await expectHeld(repository, rest);
      expect(await repository.query().where("size").gte(100).ids(), id).toEqual([id]);
      expect(await repository.query().where("word").eq(row.word).delete()).toMatchObject({ matched: 1, changed: 1 });
      expect(await repository.exists(id)).toBe(false);
      await repository.insert(row);
      expect((await repository.deleteMany([id])).failed).toEqual([]);
      expect([await repository.findById(id), await repository.delete(id)]).toEqual([null, false]);
      await repository.save(row);
      expect(await repository.delete(id)).toBe(true);
      await expectHeld(repository, rest);
    }
    expect(await repository.count()).toBe(rest.length);
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
  };

/** Each entity is read and found under its own id. */
async function expectHeld(repository: Notes, rows: readonly { readonly id: string; readonly word: string }[]) {
  expect(await repository.findByIds(rows.map(({ id }) => id))).toEqual(rows);
  for (const { id, word } of rows) {
    expect(await repository.query().where("word").eq(word).ids()).toEqual([id]);
    expect((await repository.findUnique({ word }))?.id).toBe(id);
  }
}

/** The ids are refused by every call, and nothing is changed. */
const refused =
  (...ids: readonly unknown[]): Check =>
  async (bench) => {
    const opened = await bench.open(note);
    const { repository } = opened;
    await repository.insert({ id: "1", word: "kept" });
    await repository.insert({ id: "\ufffd", word: "twin" });
    for (const bad of ids) {
      const id = bad as string;
      for (const work of [
        () => repository.insert({ id, word: "t" }),
        () => repository.save({ id, word: "t" }),
        () => repository.update(id, { word: "t" }),
        () => repository.delete(id),
        () => repository.findById(id),
        () => repository.findByIds(["1", id]),
        () => repository.exists(id),
        async () => repository.key(id),
      ]) {
        expect(await expectRefusal(opened, work, "VALIDATION")).toMatchObject({ entity: "note" });
      }
      const { saved, failed } = await repository.saveMany([
        { id: "1", word: "kept" },
        { id, word: "t" },
      ]);
      expect([saved, failed.map(({ index, error }) => [index, error.code])]).toEqual([1, [[1, "VALIDATION"]]]);
    }
    expect((await repository.query().orderBy("word").all()).map(({ id }) => id)).toEqual(["1", "\ufffd"]);
  };

/** Two types of one database hold an entity each, and neither touches the other's. */
async function expectApart(
  { open, storage }: Bench,
  [Left, left]: readonly [typeof note, string],
  [Right, right]: readonly [typeof note, string],
): Promise<void> {
  const { repository, db } = await open(Left);
  const other = db.repository(Right(storage));
  await other.indexes.sync();
  const [mine, theirs] = [
    await repository.insert({ id: left, word: "left" }),
    await other.insert({ id: right, word: "right" }),
  ];
  expect(repository.key(left)).not.toBe(other.key(right));
  await expectHeld(repository, [mine]);
  await expectHeld(other, [theirs]);
  expect([await repository.count(), await other.count()]).toEqual([1, 1]);
  expect(await repository.delete(left)).toBe(true);
  expect([await repository.count(), await other.count()]).toEqual([0, 1]);
  await expectHeld(other, [theirs]);
}

const rows: readonly Row[] = [
  [
    31,
    'fields "a b", "a.b", "a"]"',
    "a schema",
    async ({ open, storage }) => {
      for (const field of ["a.b", 'a"]', "a\\", "$a"]) await expectNoField(storage, field);
      const { repository } = await open((form) =>
        defineEntity({
          name: "odd",
          storage: form,
          schema: z.object({ id: z.string(), "a b": z.string(), "*": z.number(), in: z.object({ "@x": z.string() }) }),
          index: { "a b": exact({ sortable: true }), "*": range(), "in.@x": exact() },
        }),
      );
      const stored = [1, 2].map((at) => ({ id: `${at}`, "a b": `${at} | *`, "*": at, in: { "@x": `x ${at}` } }));
      await repository.insertMany(stored);
      expect(await repository.findByIds(["1", "2"])).toEqual(stored);
      expect(await repository.query().where("a b").eq("2 | *").where("*").gt(1).all()).toEqual([stored[1]]);
      expect(await repository.query().where("in.@x").eq("x 1").orderBy("a b").all()).toEqual([stored[0]]);
      await repository.update("1", { "a b": "z", "in.@x": "y" });
      expect(await repository.query().orderBy("a b", "desc").ids()).toEqual(["1", "2"]);
    },
  ],
  [
    32,
    "fields __proto__, constructor, toString",
    "a schema",
    async ({ storage }) => {
      for (const field of ["__proto__", "constructor", "toString"]) await expectNoField(storage, field);
      expect(({} as Record<string, unknown>)["id"]).toBeUndefined();
    },
  ],
  [
    33,
    "names user:admin, {x}, *, the empty one",
    "a definition",
    async ({ storage }) => {
      for (const name of ["user:admin", "{x}", "*", "", "x y", "x$", "__proto__\u0000"]) {
        await expectNoDefinition({ name, storage, schema: schemaWith("word") }, "the name must be");
      }
      // With another name it is a definition.
      expect(define({ name: "_x", storage, schema: schemaWith("word") })).toBeDefined();
    },
  ],
  [
    34,
    "types A and a",
    "a definition",
    async (bench) => {
      await expectApart(bench, [named("A"), "same"], [named("a"), "same"]);
    },
  ],
  [35, "*", "an id", alone(["*"], "a", "abc", "**", "%2A")],
  [36, "[a-z]", "an id", alone(["[a-z]"], "a", "z", "[a-z", "-")],
  [37, "? and \\", "an id", alone(["?", "\\"], "a", "\\\\", "\\?", "??")],
  [38, "{a}", "an id", alone(["{a}"], "a", "{a", "a}", "%7Ba%7D")],
  [39, "}{, {}, {{a}}", "an id", alone(["}{", "{}", "{{a}}"], "{", "}", "{a}", "{note}")],
  [40, "1:idx:age and our own keys", "an id", alone(["1:idx:age", "$n:size", "$a", "$m"], "1", "idx:age", "$s")],
  [
    41,
    "a:b of X, b of X:a",
    "an id, a definition",
    async (bench) => {
      await expectNoDefinition({ name: "X:a", schema: schemaWith("word") }, "the name must be");
      await expectApart(bench, [named("X"), "a:b"], [named("X-a"), "b"]);
      // With prefixes of documents that were there before, the two could meet: the second type is refused.
      const { db, repository } = await bench.open(named("Y", { keyPrefix: "hostile:Y:" }));
      expect(repository.key("a:b")).toBe("hostile:Y:a%3Ab");
      const second = named("Z", { keyPrefix: "hostile:Y:a:" })(bench.storage);
      expect(await expectFailure((async () => db.repository(second))(), "DEFINITION")).toMatchObject({ entity: "Z" });
    },
  ],
  [42, "nothing but blanks", "an id", refused("", " ", "\t\n ", "\u00a0")],
  [
    43,
    "513 bytes",
    "an id",
    async (bench) => {
      await refused("x".repeat(513), `${"é".repeat(256)}x`, "x".repeat(2 ** 20))(bench);
      await alone(["x".repeat(512), "é".repeat(256)], "x".repeat(511))(bench);
    },
  ],
  [
    44,
    "\\r\\nDEL x\\r\\n",
    "an id",
    async (bench) => {
      const { repository, raw, namespace } = await bench.open(note);
      const victim = `${namespace}:victim`;
      await raw("SET", victim, "alive");
      const id = `a\r\nDEL ${victim}\r\n`;
      const row = await repository.insert({ id, word: "w" });
      await expectHeld(repository, [row]);
      expect(await repository.delete(id)).toBe(true);
      expect(await raw("GET", victim)).toBe("alive");
      await alone(["a\r\nDEL x\r\n"], "a", "x", "DEL x")(bench);
    },
  ],
  // Refused: what servers do with a NUL differs.
  [45, "NUL", "an id", refused("\u0000", "a\u0000b", "a\u0000")],
  [46, "é composed and not", "an id", alone(["é", "e\u0301"], "e", "É", "\u0301")],
  [47, "half a surrogate pair", "an id", refused("\ud800", "a\udc00b", "\udc00\ud800")],
  [
    48,
    "__proto__",
    "an id",
    async (bench) => {
      await alone(["__proto__", "constructor"], "toString", "proto")(bench);
      const Note = note(bench.storage);
      const { repository, db } = await bench.open(() => Note);
      await db.transaction(async (tx) => {
        const notes = tx.repository(Note);
        expect(await notes.findById("__proto__")).toBeNull();
        await notes.insert({ id: "__proto__", word: "__proto__" });
        await notes.insert({ id: "toString", word: "constructor" });
      });
      const row = { id: "__proto__", word: "__proto__", size: 0 };
      await repository.patchMany([{ id: "__proto__", patch: { size: inc(1) } }]);
      expect(await repository.findByIds(["valueOf", "__proto__", "constructor"])).toEqual([
        null,
        { ...row, size: 1 },
        null,
      ]);
      const { word } = await repository.query().orderBy("word").facets(["word"]);
      expect(word).toEqual([
        { value: "__proto__", count: 1 },
        { value: "constructor", count: 1 },
      ]);
      const plain: Record<string, unknown> = {};
      expect([plain["word"], plain["size"], Object.getPrototypeOf(plain)]).toEqual([
        undefined,
        undefined,
        Object.prototype,
      ]);
    },
  ],
  [
    49,
    '1 beside "1"',
    "an id",
    // An id is text; numbers are refused, not turned into text.
    refused(1, 1n, true, null, {}, ["1"], Object("1")),
  ],
];

testTable("hostile ids", numbers(31, 49), rows);
