// Ids: what is refused, and that everything else is stored, found and listed under its own name.
// Characters with a meaning in keys, patterns or queries stay characters.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { hostileStrings } from "../property/strings.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix, keysOf } from "./matrix.ts";

const note = (storage: Storage) =>
  defineEntity({
    name: "note",
    storage,
    schema: z.object({ id: z.string(), text: z.string() }),
    index: { text: exact({ sortable: true }) },
    unique: { text: ["text"] },
  });

const refused: [string, string][] = [
  ["empty", ""],
  ["blank", " "],
  ["blanks", "\t\n "],
  ["513 bytes", "x".repeat(513)],
  ["513 bytes of two", `${"é".repeat(256)}x`],
  ["NUL", "a\u0000b"],
  ["half a pair", "\ud800"],
  ["the other half", "a\udc00b"],
];

const strange = [
  ...hostileStrings.filter((id) => id.trim() !== ""),
  "{",
  "}",
  "{{a}}",
  "a:b",
  ":",
  "1:idx:age",
  "[a-z]",
  "?",
  "\\",
  "100%",
  "%25",
  "%7B",
  "{a}",
  "}{",
  "$m",
  "$a",
  "a\r\nDEL x\r\n",
  "é",
  "e\u0301",
  "x".repeat(512),
  "é".repeat(256),
  "../../x",
  "__proto__",
  "constructor",
];
const ids = [...new Set(strange)];

describeMatrix("ids", ({ open }) => {
  test.each(refused)("an id that is %s is refused everywhere", async (_name, id) => {
    const opened = await open(note);
    const { repository } = opened;
    for (const work of [
      () => repository.insert({ id, text: "t" }),
      () => repository.save({ id, text: "t" }),
      () => repository.findById(id),
      () => repository.findByIds(["a", id]),
      () => repository.exists(id),
      () => repository.delete(id),
    ]) {
      expect(await expectRefusal(opened, work, "VALIDATION")).toMatchObject({ entity: "note", id: id.slice(0, 512) });
    }
    const result = await repository.saveMany([
      { id: "fine", text: "a" },
      { id, text: "t" },
    ]);
    expect(result.failed.map(({ index, error }) => [index, error.code, error.id])).toEqual([
      [1, "VALIDATION", id.slice(0, 512)],
    ]);
    expect(() => repository.key(id)).toThrow("id");
  });

  test.each<[string, unknown]>([
    ["a number", 1],
    ["a bigint", 1n],
    ["an object", {}],
    ["a list", ["a"]],
    ["true", true],
  ])("an id that is %s is refused", async (_name, id) => {
    const opened = await open(note);
    const { repository } = opened;
    expect(
      await expectRefusal(opened, () => repository.insert({ id: id as string, text: "t" }), "VALIDATION"),
    ).toMatchObject({ entity: "note", field: "id" });
    expect(await expectFailure(repository.findById(id as string), "VALIDATION")).toMatchObject({ entity: "note" });
  });

  test("strange ids are stored, found, listed and deleted one by one", async () => {
    const { repository, raw, namespace } = await open(note);
    const rows = ids.map((id, at) => ({ id, text: `t${at}` }));
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    expect(await repository.count()).toBe(rows.length);
    expect(await repository.findByIds(ids)).toEqual(rows);
    expect(await repository.query().orderBy("text").ids()).toEqual(
      rows.toSorted((a, b) => (a.text < b.text ? -1 : 1)).map(({ id }) => id),
    );
    expect((await repository.query().all()).map(({ id }) => id).sort()).toEqual(ids.toSorted());
    const documents = (await keysOf(raw, namespace)).filter((key) => key.startsWith(`${namespace}:{note}:`));
    expect(documents).toEqual(ids.map((id) => repository.key(id)).sort());
    for (const [at, { id, text }] of rows.entries()) {
      expect(await repository.findById(id), id).toEqual({ id, text });
      expect(await repository.query().where("text").eq(text).all(), id).toEqual([{ id, text }]);
      expect(await repository.exists(id), id).toBe(true);
      const taken = await expectFailure(repository.insert({ id: "other", text }), "UNIQUE_VIOLATION");
      expect(taken.holderId).toBe(id);
      expect(await repository.delete(id), id).toBe(true);
      expect(await repository.count(), id).toBe(rows.length - at - 1);
    }
  });

  test("ids that look like the mapper's own keys meet nothing of its own", async () => {
    const { repository, raw } = await open(note);
    const meta = await raw("HGETALL", repository.key("x").replace(":x", "$m").replace("}:", "}"));
    await repository.insertMany(["$m", "$a", "$s", "$u:text", "$t:text:t"].map((id) => ({ id, text: id })));
    expect(await raw("HGETALL", repository.key("x").replace(":x", "$m").replace("}:", "}"))).toEqual(meta);
    expect(await repository.count()).toBe(5);
  });

  test("an id is made where none is given", async () => {
    const { repository } = await open(note);
    const made = await Promise.all(Array.from({ length: 50 }, (_, at) => repository.insert({ text: `${at}` })));
    expect(new Set(made.map(({ id }) => id)).size).toBe(50);
  });
});
