// Hostile values: stored, found by themselves alone, and read back unchanged.
// Strings that servers trim, split, fold or cut; numbers that parsers round; dates before the epoch.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { hostileStrings } from "../property/strings.ts";
import { expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const thing = (storage: Storage) =>
  defineEntity({
    name: "thing",
    storage,
    schema: z.object({
      id: z.string(),
      text: z.string(),
      list: z.array(z.string()),
      free: z.string(),
      number: z.number(),
      date: z.date(),
    }),
    index: { text: exact({ sortable: true }), list: exact(), number: range(), date: range() },
    unique: { text: ["text"] },
  });

const long = "ä".repeat(2047);
const strings = [...new Set([...hostileStrings, `${long}x`, `${long}y`, "x".repeat(4095), `${"x".repeat(4094)}y`])];
const numbers = [
  0,
  1,
  -1,
  0.1,
  0.1 + 0.2,
  0.3,
  1 / 3,
  -1 / 3,
  5e-324,
  -5e-324,
  2.2250738585072014e-308,
  1e308,
  -1e308,
  Number.MAX_VALUE,
  1e21,
  1e-7,
  123_456_789.123_456_78,
  0.000_123_456_789_012_345_6,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  1.000_000_000_000_000_2,
];
const dates = [0, -1, 1, -62_135_596_800_000, 8_640_000_000_000_000, -8_640_000_000_000_000, 1_700_000_000_123].map(
  (time) => new Date(time),
);
const base = { text: "", list: [], free: "", number: 0, date: new Date(0) };

describeMatrix("hostile values", ({ open }) => {
  test("strings are found by themselves alone, and read back", async () => {
    const { repository } = await open(thing);
    const rows = strings.map((text, at) => ({ ...base, id: `s${at}`, text, list: [text, "also"], free: text }));
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    expect(await repository.findByIds(rows.map(({ id }) => id))).toEqual(rows);
    for (const { id, text } of rows) {
      const name = JSON.stringify(text.slice(0, 20));
      expect(await repository.query().where("text").eq(text).ids(), name).toEqual([id]);
      expect(await repository.query().where("list").contains(text).ids(), name).toEqual([id]);
      expect(await repository.query().where("list").containsAll([text, "also"]).all(), name).toEqual(
        rows.filter((row) => row.id === id),
      );
    }
    const ordered = rows.toSorted((left, right) => Buffer.compare(Buffer.from(left.text), Buffer.from(right.text)));
    expect(await repository.query().orderBy("text").all()).toEqual(ordered);
    expect(await repository.query().orderBy("text", "desc").ids()).toEqual(ordered.map(({ id }) => id).reverse());
  });

  test("numbers are found by themselves alone, and read back", async () => {
    const { repository } = await open(thing);
    const rows = numbers.map((number, at) => ({ ...base, id: `n${at}`, text: `${at}`, number }));
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    expect(await repository.findByIds(rows.map(({ id }) => id))).toEqual(rows);
    for (const { id, number } of rows) {
      expect(await repository.query().where("number").eq(number).ids(), String(number)).toEqual([id]);
      const above = rows.filter((row) => row.number > number).map((row) => row.id);
      expect((await repository.query().where("number").gt(number).ids()).sort(), String(number)).toEqual(above.sort());
      expect(await repository.query().where("number").between(number, number).count(), String(number)).toBe(1);
    }
    const ordered = rows.toSorted((left, right) => left.number - right.number);
    expect(await repository.query().orderBy("number").ids()).toEqual(ordered.map(({ id }) => id));
  });

  test("minus zero is stored as zero", async () => {
    const { repository } = await open(thing);
    await repository.insert({ ...base, id: "z", number: -0 });
    expect(Object.is((await repository.findByIdOrThrow("z")).number, 0)).toBe(true);
    expect(await repository.query().where("number").eq(0).ids()).toEqual(["z"]);
  });

  test("dates are found by themselves alone, and read back", async () => {
    const { repository } = await open(thing);
    const rows = dates.map((date, at) => ({ ...base, id: `d${at}`, text: `${at}`, date }));
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    expect(await repository.findByIds(rows.map(({ id }) => id))).toEqual(rows);
    for (const { id, date } of rows) {
      expect(await repository.query().where("date").eq(date).ids(), String(date.getTime())).toEqual([id]);
      expect(await repository.query().where("date").lt(date).count()).toBe(
        rows.filter((row) => row.date < date).length,
      );
    }
  });

  test("strings too long for an index are refused, others of that length are not", async () => {
    const opened = await open(thing);
    const { repository } = opened;
    for (const text of ["x".repeat(4096), "🎉".repeat(1024), `${"x".repeat(4094)}  `]) {
      expect(
        await expectRefusal(opened, () => repository.insert({ ...base, id: "l", text }), "VALIDATION"),
      ).toMatchObject({
        entity: "thing",
        id: "l",
        field: "text",
      });
      const inList = await expectRefusal(
        opened,
        () => repository.insert({ ...base, id: "l", list: ["a", text] }),
        "VALIDATION",
      );
      expect(inList).toMatchObject({ entity: "thing", id: "l", field: "list" });
    }
    const free = "x".repeat(1_000_000);
    await repository.insert({ ...base, id: "free", free });
    expect((await repository.findByIdOrThrow("free")).free).toBe(free);
  });

  test("NUL is refused where it is indexed, and kept where it is not", async () => {
    const opened = await open(thing);
    const { repository } = opened;
    const error = await expectRefusal(
      opened,
      () => repository.insert({ ...base, id: "n", text: "a\u0000b" }),
      "VALIDATION",
    );
    expect(error).toMatchObject({ id: "n", field: "text" });
    await repository.insert({ ...base, id: "n", free: "a\u0000b" });
    expect((await repository.findByIdOrThrow("n")).free).toBe("a\u0000b");
    expect(await repository.query().where("text").eq("a\u0000b").ids()).toEqual([]);
    expect(await repository.query().where("text").ne("a\u0000b").ids()).toEqual(["n"]);
  });
});
