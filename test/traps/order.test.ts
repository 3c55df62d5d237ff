// Traps of order and windows: folded and byte order, absent values, ties, and cuts that nobody mentions.
// Caps of the server's configuration are in own-server.test.ts.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { Naive, searching, searchingJson, searchingOnce, expectTrap } from "./naive.ts";

const entry = (storage: Storage) =>
  defineEntity({
    name: "entry",
    storage,
    schema: z.object({ id: z.string(), word: z.string().nullable(), rank: z.int().nullish(), other: z.string() }),
    index: { word: [exact({ sortable: true }), range()], rank: range() },
  });
const row = (id: string, word: string | null = null, rank: number | null = null) => ({ id, word, rank, other: "" });

describeMatrix(
  "trap",
  ({ open }) => {
    test("order goes by code point, neither folded nor as JavaScript compares", async () => {
      const { repository } = await open(entry);
      const words = [
        "",
        " ",
        "\u0001",
        "\u0002",
        "\u001f",
        "!",
        "A",
        "B",
        "a",
        "aB",
        "aa",
        "b",
        "é",
        "ß",
        "ss",
        "\uffee",
        "😀",
        "a ",
        " a",
      ];
      await repository.insertMany(words.map((word, at) => row(`w${at}`, word)));
      const ordered = words.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
      expect((await repository.query().orderBy("word").all()).map(({ word }) => word)).toEqual(ordered);
      expect((await repository.query().orderBy("word", "desc").all()).map(({ word }) => word)).toEqual(
        ordered.toReversed(),
      );
      expect(ordered.at(-1)).toBe("😀");
    });

    test("absent values come last both ways", async () => {
      const { repository } = await open(entry);
      const { rank: _rank, ...missing } = row("missing");
      await repository.insertMany([row("null"), missing, row("one", "b", 1), row("two", "a", 2), row("zero", "", 0)]);
      const ids = (path: "word" | "rank", direction: "asc" | "desc") =>
        repository.query().orderBy(path, direction).ids();
      expect(await ids("rank", "asc")).toEqual(["zero", "one", "two", "missing", "null"]);
      expect(await ids("rank", "desc")).toEqual(["two", "one", "zero", "null", "missing"]);
      expect(await ids("word", "asc")).toEqual(["zero", "two", "one", "missing", "null"]);
      expect(await ids("word", "desc")).toEqual(["one", "two", "zero", "null", "missing"]);
    });

    test("ties stay in place whatever is written", async () => {
      const { repository } = await open(entry);
      const ids = Array.from({ length: 30 }, (_, at) => `e${String(at).padStart(2, "0")}`);
      await repository.insertMany(ids.map((id, at) => row(id, "same", at % 3)));
      const query = () => repository.query().orderBy("word");
      expect(await query().ids()).toEqual(ids);
      await repository.save({ ...row("e05", "same", 2), other: "changed" });
      await repository.save({ ...row("e00", "same", 0), other: "changed" });
      expect(await query().ids()).toEqual(ids);
      expect(await repository.query().orderBy("word", "desc").ids()).toEqual(ids.toReversed());
      const pages = await Promise.all([0, 7, 14, 21, 28].map((offset) => query().limit(7).offset(offset).ids()));
      expect(pages.flat()).toEqual(ids);
      expect((await query().limit(4).offset(5).page()).items.map(({ id }) => id)).toEqual(ids.slice(5, 9));
    });

    test("two orders hold together, and no window is cut or invented", async () => {
      const { repository } = await open(entry);
      const ids = Array.from({ length: 40 }, (_, at) => `e${String(at).padStart(2, "0")}`);
      await repository.insertMany(ids.map((id, at) => row(id, `w${at % 3}`, at % 5)));
      const wanted = ids
        .map((id, at) => ({ id, word: `w${at % 3}`, rank: at % 5 }))
        .toSorted((a, b) => b.word.localeCompare(a.word) || a.rank - b.rank || (a.id < b.id ? -1 : 1))
        .map(({ id }) => id);
      expect(await repository.query().orderBy("word", "desc").orderBy("rank").ids()).toEqual(wanted);
      expect(await repository.query().orderBy("word").ids()).toHaveLength(40);
      expect(await repository.query().orderBy("word").all()).toHaveLength(40);
      expect(await repository.query().ids()).toHaveLength(40);
      expect(await repository.query().all()).toHaveLength(40);
      expect(await repository.query().orderBy("word").limit(3).page()).toMatchObject({ total: 40 });
      expect(await repository.query().limit(0).page()).toEqual({ items: [], total: 40 });
      expect(await repository.query().orderBy("rank").limit(10).offset(35).ids()).toHaveLength(5);
      expect(await repository.query().orderBy("rank").limit(10).offset(40).ids()).toEqual([]);
      expect(await repository.query().limit(0).ids()).toEqual([]);
    });
  },
  searching,
);

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("what the bare server makes of orders", async () => {
      const opened = await open(entry);
      const naive = await Naive.make(opened, "hash", ["w", "TAG", "SORTABLE", "n", "NUMERIC", "SORTABLE", "t", "TAG"]);
      const words = ["b", "A", "a", "B"];
      for (const [at, word] of words.entries()) await naive.put(`${at}`, "w", word, "n", "1");
      const folded = (await naive.ask("*", "SORTBY", "w")).ids.map((id) => words[Number(id)]).join("");
      expectTrap(leg, "sortable text is folded", folded.toLowerCase() === "aabb" && folded !== "ABab");
      await opened.raw("HSET", naive.key("0"), "unindexed", "1");
      const tied = (await naive.ask("*", "SORTBY", "n")).ids;
      expectTrap(leg, "a write moves a tie to the end", tied.at(-1) === "0");
      expectTrap(
        leg,
        "two orders are refused",
        (await naive.complaint("*", "SORTBY", "w", "ASC", "SORTBY", "n")) !== "",
      );
      for (let at = 4; at < 25; at += 1) await naive.put(`${at}`, "w", "x", "n", "2");
      const cut = (await opened.raw("FT.AGGREGATE", naive.name, "*", "SORTBY", 1, "@w")) as unknown[];
      expectTrap(leg, "an order without a limit gives ten rows", cut.length === 11);
      const counted = (await opened.raw("FT.AGGREGATE", naive.name, "*", "LIMIT", 0, 5)) as unknown[];
      expectTrap(leg, "the first element of an aggregation is no count", counted[0] !== 25);
    });
  },
  searchingOnce,
);

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("null comes first in the bare server's order", async () => {
      const opened = await open(entry);
      const naive = await Naive.make(opened, "json", ["$.n", "AS", "n", "NUMERIC"]);
      await naive.put("null", '{"n":null}');
      await naive.put("one", '{"n":1}');
      await naive.put("missing", "{}");
      expectTrap(
        leg,
        "null first, missing last",
        (await naive.ask("*", "SORTBY", "n")).ids.join() === "null,one,missing",
      );
      await opened.repository.insertMany([row("null"), row("one", null, 1), row("two", null, 2)]);
      expect(await opened.repository.query().orderBy("rank").ids()).toEqual(["one", "two", "null"]);
    });
  },
  searchingJson,
);
