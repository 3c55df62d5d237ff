// Traps of numbers, dates, booleans and points: documents that leave the index without a word, and rounded values.
// What the mapper saves is always indexed, read back as it was, and found by its own value.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, geo, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "../behaviour/failures.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { Naive, namesOf, searching, searchingJson, searchingOnce, expectTrap } from "./naive.ts";

const kinds = (storage: Storage) =>
  defineEntity({
    name: "kinds",
    storage,
    schema: z.object({
      id: z.string(),
      word: z.string().nullable(),
      size: z.number().nullable(),
      when: z.date().nullable(),
      big: z.bigint().nullable(),
      yes: z.boolean().nullable(),
      list: z.array(z.string().nullable()).nullable(),
      bits: z.array(z.boolean()).nullable(),
      bigs: z.array(z.bigint()).nullable(),
      note: z.string().nullable(),
      // Without bounds of its own, so that only the index refuses what it cannot hold.
      place: z.object({ longitude: z.number(), latitude: z.number() }).nullable(),
    }),
    index: {
      word: [exact({ sortable: true }), range()],
      size: range(),
      when: range(),
      big: [exact(), range()],
      yes: exact({ sortable: true }),
      list: exact(),
      bits: exact(),
      bigs: exact(),
      note: text(),
      place: geo(),
    },
  });
const nothing = {
  word: null,
  size: null,
  when: null,
  big: null,
  yes: null,
  list: null,
  bits: null,
  bigs: null,
  note: null,
  place: null,
};

const amount = (storage: Storage) =>
  defineEntity({
    name: "amount",
    storage,
    schema: z.object({ id: z.string(), n: z.number(), at: z.date(), deep: z.object({ list: z.array(z.number()) }) }),
    index: { n: range(), at: range() },
  });
const flat = { at: new Date(0), deep: { list: [] } };

// The same numbers in each run: 17 digits, any exponent.
const hostileNumbers = Array.from({ length: 400 }, (_, at) => {
  const fraction = ((at + 1) * 0.618_033_988_749_894_9) % 1;
  return [fraction, fraction * 1e6, fraction / 3e-9, fraction * 10 ** ((at % 600) - 300), -fraction / 7][
    at % 5
  ] as number;
}).filter((n) => !Number.isInteger(n) || Math.abs(n) >= 1e21);

describeMatrix(
  "trap",
  ({ open, leg, storage }) => {
    test("one wrong value takes a whole document out of the index, and an older version with it", async () => {
      const opened = await open(kinds);
      const { repository, raw } = opened;
      const naive = await Naive.make(
        opened,
        storage,
        storage === "json" ? ["$.n", "AS", "n", "NUMERIC", "$.t", "AS", "t", "TAG"] : ["n", "NUMERIC", "t", "TAG"],
      );
      await naive.put("a", ...(storage === "json" ? ['{"n":1,"t":"x"}'] : ["n", "1", "t", "x"]));
      const before = await naive.ids("@t:{x}");
      await naive.put("a", ...(storage === "json" ? ['{"n":"abc","t":"x"}'] : ["n", "abc", "t", "x"]));
      const after = await naive.ids("@t:{x}");
      expectTrap(leg, "a bad number hides a good tag", before.join() === "a" && after.length === 0);

      // Whatever the mapper takes stays in the index.
      const good = [
        { id: "none", ...nothing },
        { id: "void", ...nothing, word: "", list: [], bits: [], bigs: [], note: "" },
        { id: "nulls", ...nothing, list: [null, "x", null], note: "!?", size: -0 },
        { id: "bits", ...nothing, bits: [true, false], bigs: [0n, -(2n ** 70n)], yes: false },
        { id: "edge", ...nothing, size: Number.MAX_VALUE, when: new Date(-8.64e15), big: 2n ** 200n },
        { id: "tiny", ...nothing, size: 5e-324, when: new Date(8.64e15), word: " \u0001 ", note: "\u0000" },
        { id: "east", ...nothing, place: { longitude: 180, latitude: 85.051_128_78 } },
        { id: "near", ...nothing, place: { longitude: -1.234_567_890_123_4e-7, latitude: 5e-324 } },
      ];
      expect((await repository.insertMany(good)).failed).toEqual([]);
      expect(await repository.indexes.status()).toMatchObject({ documents: good.length, failures: 0 });
      expect(await repository.query().count()).toBe(good.length);
      expect(await repository.query().where("list").contains("x").ids()).toEqual(["nulls"]);
      expect(await repository.query().where("bits").contains(false).ids()).toEqual(["bits"]);
      expect(
        await repository
          .query()
          .where("bigs")
          .contains(-(2n ** 70n))
          .ids(),
      ).toEqual(["bits"]);
      expect((await repository.query().whereNot("place").isNull().ids()).sort()).toEqual(["east", "near"]);
      expect(await repository.findById("near")).toEqual(good.at(-1));

      // Whatever would take it out is refused.
      const bad = [
        ["size", "abc"],
        ["size", Number.NaN],
        ["size", Infinity],
        ["size", "1"],
        ["size", true],
        ["when", "2020-01-01"],
        ["when", new Date(Number.NaN)],
        ["word", 5],
        ["yes", "true"],
        ["bits", [true, 1]],
        ["list", ["a", 1]],
        ["place", { longitude: 0, latitude: 86 }],
        ["place", { longitude: 181, latitude: 0 }],
        ["place", "2.35,48.85"],
      ] as const;
      for (const [field, value] of bad) {
        const input = { id: "none", ...nothing, [field]: value } as never;
        const error = await expectRefusal(opened, () => repository.save(input), "VALIDATION");
        expect(error, field).toMatchObject({ entity: "kinds", id: "none" });
        expect(error.field?.split(".")[0]).toBe(field);
      }

      // What a stranger does to a document expectTrap in the status, and a save heals it.
      const key = repository.key("edge");
      await (storage === "hash" ? raw("HSET", key, "size", "abc") : raw("JSON.SET", key, '$["size"]', '"abc"'));
      expect((await repository.indexes.status()).failures).toBeGreaterThan(0);
      expect(await expectFailure(repository.findById("edge"), "CORRUPT_ENTITY")).toMatchObject({
        entity: "kinds",
        id: "edge",
        field: "size",
      });
      await repository.save({ id: "edge", ...nothing, size: 7 });
      expect(await repository.query().where("size").eq(7).ids()).toEqual(["edge"]);
      expect(await repository.query().count()).toBe(good.length);
    });

    test("whole numbers beyond 2^53 are the same to the server", async () => {
      const opened = await open(kinds);
      const naive = await Naive.make(opened, "hash", ["n", "NUMERIC"]);
      await naive.put("one", "n", "9007199254740993");
      expectTrap(leg, "2^53 finds 2^53 + 1", (await naive.idsOf("@n:[$v $v]", "9007199254740992")).join() === "one");
      const { repository } = opened;
      for (const size of [2 ** 53, 2 ** 53 + 2, -(2 ** 60), 1e20]) {
        const error = await expectRefusal(opened, () => repository.insert({ id: "n", ...nothing, size }), "VALIDATION");
        expect(error).toMatchObject({ entity: "kinds", id: "n", field: "size" });
      }
      const bigs = [2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 64n, 2n ** 64n + 1n, 9n, 10n, -9n, -10n];
      await repository.insertMany(bigs.map((big, at) => ({ id: `b${at}`, ...nothing, big, bigs: [big] })));
      for (const [at, big] of bigs.entries()) {
        expect(await repository.query().where("big").eq(big).ids()).toEqual([`b${at}`]);
        expect(await repository.query().where("bigs").contains(big).ids()).toEqual([`b${at}`]);
      }
      const ordered = bigs.toSorted((left, right) => (left < right ? -1 : 1));
      expect((await repository.query().orderBy("big").all()).map(({ big }) => big)).toEqual(ordered);
    });

    test("numbers of seventeen digits lose a bit or two in JSON documents, and are rounded in rows", async () => {
      const opened = await open(amount);
      const { repository, raw } = opened;
      const naive = await Naive.make(opened, storage, [
        ...(storage === "json" ? ["$.n", "AS"] : []),
        "n",
        "NUMERIC",
        "SORTABLE",
      ]);
      await Promise.all(
        hostileNumbers.map((n, at) =>
          naive.put(`n${at}`, ...(storage === "json" ? [JSON.stringify({ n })] : ["n", String(n)])),
        ),
      );
      if (storage === "json") {
        const missed = await Promise.all(hostileNumbers.map((n) => naive.idsOf("@n:[$v $v]", String(n))));
        const lost = missed.filter((ids, at) => !ids.includes(`n${at}`)).length;
        expectTrap(leg, "many numbers are not found by themselves", lost > 10);
      }
      const rounded = await raw(
        "FT.AGGREGATE",
        naive.name,
        "@n:[0.5 0.6]",
        "LOAD",
        1,
        "@n",
        "LIMIT",
        0,
        100,
        "DIALECT",
        2,
      );
      const given = (rounded as [number, ...string[][]]).slice(1).map((row) => Number((row as string[])[1]));
      expectTrap(
        leg,
        "a loaded number has twelve digits",
        given.length > 0 && !given.every((n) => hostileNumbers.includes(n)),
      );

      const rows = hostileNumbers.map((n, at) => ({ id: `n${at}`, ...flat, n, deep: { list: [n, 1, -n] } }));
      expect((await repository.insertMany(rows)).failed).toEqual([]);
      expect(await repository.findByIds(rows.map(({ id }) => id))).toEqual(rows);
      const found = await Promise.all(rows.map(({ n }) => repository.query().where("n").between(n, n).ids()));
      for (const [at, { id, n }] of rows.entries()) expect(found[at], String(n)).toEqual([id]);
      const ordered = rows.toSorted((left, right) => left.n - right.n);
      expect(await repository.query().orderBy("n").all()).toEqual(ordered);
      expect((await repository.query().orderBy("n", "desc").page()).items).toEqual(ordered.toReversed());
      const page = await repository.query().page();
      expect(page.items.toSorted((left, right) => left.n - right.n)).toEqual(ordered);
    });

    test("the sign of zero, bounds that are left out, and times before the epoch", async () => {
      const { repository } = await open(amount);
      const times = [-8.64e15, -62_135_596_800_000, -1, 0, 1, 1_700_000_000_123, 253_402_300_799_999, 8.64e15];
      await repository.insertMany(
        times.map((time, n) => ({ id: `t${n}`, ...flat, n: n === 3 ? -0 : n - 3, at: new Date(time) })),
      );
      for (const [n, time] of times.entries()) {
        const at = new Date(time);
        expect(await repository.query().where("at").eq(at).ids()).toEqual([`t${n}`]);
        expect(await repository.query().where("at").lt(at).count()).toBe(n);
        expect(await repository.query().where("at").gt(at).count()).toBe(times.length - 1 - n);
        expect((await repository.findByIdOrThrow(`t${n}`)).at).toEqual(at);
      }
      expect(await repository.query().where("n").eq(-0).ids()).toEqual(["t3"]);
      expect(await repository.query().where("n").eq(0).ids()).toEqual(["t3"]);
      expect(Object.is((await repository.findByIdOrThrow("t3")).n, 0)).toBe(true);
      expect(
        await repository.query().where("n").between(0, 1, { excludeLower: true, excludeUpper: true }).ids(),
      ).toEqual([]);
      expect(await repository.query().where("n").between(2, 1).ids()).toEqual([]);
    });

    test("true and false are tags, not numbers", async () => {
      const opened = await open(kinds);
      const naive = await Naive.make(opened, storage, [...(storage === "json" ? ["$.b", "AS"] : []), "b", "NUMERIC"]);
      await naive.put("a", ...(storage === "json" ? ['{"b":true}'] : ["b", "true"]));
      expectTrap(leg, "a boolean is no number, and its document is gone", (await naive.ids("*")).length === 0);
      const { repository } = opened;
      await repository.insertMany([
        { id: "f", ...nothing, yes: false },
        { id: "n", ...nothing },
        { id: "t", ...nothing, yes: true },
      ]);
      expect(await repository.query().where("yes").eq(true).ids()).toEqual(["t"]);
      expect((await repository.query().where("yes").ne(true).ids()).sort()).toEqual(["f", "n"]);
      expect(await repository.query().orderBy("yes").ids()).toEqual(["f", "t", "n"]);
    });

    test("points off the map take their document out of the index; 180 degrees are two meridians", async () => {
      const opened = await open(kinds);
      const naive = await Naive.make(opened, "hash", ["p", "GEO"]);
      for (const [id, p] of Object.entries({ high: "0,86", far: "181,0", nan: "nan,1", fine: "2.35,48.85" })) {
        await naive.put(id, "p", p);
      }
      expectTrap(leg, "two of four are missing, and nan is not", (await naive.ids("*")).join() === "fine,nan");
      const { repository, raw } = opened;
      await repository.insertMany([
        { id: "east", ...nothing, place: { longitude: 180, latitude: 10 } },
        { id: "west", ...nothing, place: { longitude: -180, latitude: 10 } },
      ]);
      const { alias } = namesOf(opened.namespace, kinds(storage));
      const near = await raw("FT.SEARCH", alias, "@place_11:[-179.999 10 1 km]", "NOCONTENT", "DIALECT", 2);
      expect((near as [number])[0]).toBe(2);
      expect((await repository.findByIdOrThrow("east")).place).toEqual({ longitude: -180, latitude: 10 });
    });
  },
  searching,
);

const free = (storage: Storage) =>
  defineEntity({
    name: "free",
    storage,
    schema: z.object({ id: z.string(), record: z.record(z.string(), z.number()), any: z.unknown() }),
    index: {},
  });

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("numbers of the hash's own spelling are not ours", async () => {
      const opened = await open(amount);
      const naive = await Naive.make(opened, "hash", ["n", "NUMERIC"]);
      for (const n of ["0x10", "inf", ".5", "5.", "+7"]) await naive.put(n, "n", n);
      expectTrap(
        leg,
        "hexadecimal and infinity are numbers there",
        (await naive.ids("@n:[16 inf]")).join() === "0x10,inf",
      );
      const { repository, raw } = opened;
      for (const spelling of ["0x10", "inf", "nan", "1e400", "0b1"]) {
        await repository.save({ id: "a", ...flat, n: 1 });
        await raw("HSET", repository.key("a"), "n", spelling);
        const error = await expectFailure(repository.findById("a"), "CORRUPT_ENTITY");
        expect(error, spelling).toMatchObject({ entity: "amount", id: "a", field: "n" });
      }
    });
  },
  searchingOnce,
);

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("a name in a path must be quoted", async () => {
      const opened = await open(free);
      const { repository, raw } = opened;
      const key = `${opened.namespace}:naive`;
      await raw("JSON.SET", key, "$", '{"a b":1,"a.b":2}');
      const reply = await raw("JSON.GET", key, "$.a.b").catch(() => "error");
      expectTrap(leg, "a dot in a name is read as a step", reply === "[]");
      // Each of these numbers is mended by its path after it was written.
      const names = ["", "a b", "a.b", "'", "[0]", "$", "..", "*", "\n", "a\tb", "\u0000", "一", "em😀", "Ā"];
      const record = Object.fromEntries(names.map((name, at) => [name, ((at + 1) * 1.1) / 7]));
      const any = {
        list: [{ deep: record }, [record]],
        [names[5] as string]: { [names[3] as string]: 0.1 + 0.2 },
        'a"\\': 0.5,
      };
      await repository.insert({ id: "a", record, any });
      expect(await repository.findById("a")).toEqual({ id: "a", record, any });
    });
  },
  searchingJson,
);
