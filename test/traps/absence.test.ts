// Traps of what is not there: null, missing, empty, and the fields of objects that are null themselves.
// To the mapper null and missing are one and the same absence.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, geo, geoPoint, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { Naive, searching, searchingJson, expectTrap } from "./naive.ts";

const sparse = (storage: Storage) =>
  defineEntity({
    name: "sparse",
    storage,
    schema: z.object({
      id: z.string(),
      word: z.string().nullish(),
      size: z.number().nullish(),
      when: z.date().nullish(),
      list: z.array(z.string().nullable()).nullish(),
      note: z.string().nullish(),
      place: geoPoint().nullish(),
      box: z.object({ word: z.string().nullish(), inner: z.object({ size: z.number() }).nullish() }).nullish(),
    }),
    index: {
      word: exact({ sortable: true }),
      size: range(),
      when: range(),
      list: exact(),
      note: text(),
      place: geo(),
      "box.word": exact(),
      "box.inner.size": range(),
    },
  });

const rows = [
  { id: "missing" },
  { id: "null", word: null, size: null, when: null, list: null, note: null, place: null, box: null },
  { id: "inner", box: { word: null, inner: null } },
  { id: "bare", box: {} },
  { id: "empty", word: "", size: 0, when: new Date(0), list: [], note: "", place: { longitude: 0, latitude: 0 } },
  { id: "hollow", list: [null], box: { word: "", inner: { size: 0 } } },
];
const all = rows.map(({ id }) => id).sort();
const paths = ["word", "size", "when", "list", "note", "place", "box.word", "box.inner.size"] as const;
const present: Readonly<Record<(typeof paths)[number], readonly string[]>> = {
  word: ["empty"],
  size: ["empty"],
  when: ["empty"],
  list: ["empty", "hollow"],
  note: ["empty"],
  place: ["empty"],
  "box.word": ["hollow"],
  "box.inner.size": ["hollow"],
};

describeMatrix(
  "trap",
  ({ open }) => {
    test("null, missing, empty and hidden in a parent are told apart as the values say", async () => {
      const { repository } = await open(sparse);
      expect((await repository.insertMany(rows)).failed).toEqual([]);
      for (const path of paths) {
        const holders = present[path];
        expect((await repository.query().whereNot(path).isNull().ids()).sort(), path).toEqual(holders);
        const without = all.filter((id) => !holders.includes(id));
        expect((await repository.query().where(path).isNull().ids()).sort(), path).toEqual(without);
        expect(await repository.query().where(path).isNull().count(), path).toBe(without.length);
      }
      expect((await repository.query().where("word").ne("x").ids()).sort()).toEqual(all);
      expect((await repository.query().where("list").containsNone(["x"]).ids()).sort()).toEqual(all);
      expect((await repository.query().where("list").containsAll([]).ids()).sort()).toEqual(["empty", "hollow"]);
      expect(await repository.query().where("size").lte(0).ids()).toEqual(["empty"]);
      expect(await repository.findByIds(rows.map(({ id }) => id))).toEqual(rows);
    });

    test("a value that comes or goes takes its absence along", async () => {
      const { repository } = await open(sparse);
      await repository.insert({ id: "a", word: "x", box: { word: "y" } });
      const absent = (path: (typeof paths)[number]) => repository.query().where(path).isNull().count();
      expect([await absent("word"), await absent("box.word"), await absent("size")]).toEqual([0, 0, 1]);
      await repository.save({ id: "a", size: 1, box: null });
      expect([await absent("word"), await absent("box.word"), await absent("size")]).toEqual([1, 1, 0]);
      await repository.save({ id: "a", word: null, size: null, box: { word: "" } });
      expect([await absent("word"), await absent("box.word"), await absent("size")]).toEqual([1, 0, 1]);
    });
  },
  searching,
);

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("the server's own test for missing values knows no null, and errs without an option", async () => {
      const opened = await open(sparse);
      const naive = await Naive.make(opened, "json", [
        ...["$.v", "AS", "v", "TAG", "INDEXMISSING"],
        ...["$.a[*]", "AS", "a", "TAG", "INDEXMISSING"],
        ...["$.w", "AS", "w", "TAG"],
      ]);
      const documents = {
        value: '{"v":"x","a":["x"]}',
        null: '{"v":null,"a":null}',
        missing: "{}",
        empty: '{"v":"","a":[]}',
      };
      for (const [id, document] of Object.entries(documents)) await naive.put(id, document);
      expectTrap(leg, "null is not missing", (await naive.ids("ismissing(@v)")).join() === "missing");
      expectTrap(leg, "an empty list is missing", (await naive.ids("ismissing(@a)")).join() === "empty,missing,null");
      expectTrap(
        leg,
        "asking is an error where the index does not say so",
        (await naive.complaint("ismissing(@w)")) !== "",
      );
      expectTrap(
        leg,
        "asking for a field that is not there finds nothing",
        (await naive.ids("ismissing(@nope)")).length === 0,
      );
      const { repository } = opened;
      await repository.insertMany([
        { id: "value", word: "x", list: ["x"] },
        { id: "null", word: null, list: null },
        { id: "missing" },
        { id: "empty", word: "", list: [] },
      ]);
      expect((await repository.query().where("word").isNull().ids()).sort()).toEqual(["missing", "null"]);
      expect((await repository.query().where("list").isNull().ids()).sort()).toEqual(["missing", "null"]);
    });
  },
  searchingJson,
);
