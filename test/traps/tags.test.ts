// Traps of exact strings: what servers trim, split, cut, fold or take for syntax.
// Each value must be found by itself alone, or be refused by name.
import { z } from "zod";
import { expect, test } from "vitest";

import { bytes, defineEntity, type EntityOf, exact, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectRefusal } from "../behaviour/failures.ts";
import { type Bench, describeMatrix } from "../behaviour/matrix.ts";
import { Naive, searching, searchingOnce, expectTrap } from "./naive.ts";

const word = (storage: Storage) =>
  defineEntity({
    name: "word",
    storage,
    schema: z.object({
      id: z.string(),
      exactly: z.string(),
      folded: z.string(),
      list: z.array(z.string()),
      raw: bytes().optional(),
    }),
    index: { exactly: exact({ sortable: true }), folded: exact({ caseInsensitive: true }), list: exact() },
  });

type Words = EntityOf<ReturnType<typeof word>>;

/** Saves one entity per value, and looks for each by every index that compares exactly. */
async function expectEachAlone(open: Bench["open"], values: readonly string[]) {
  const opened = await open(word);
  const { repository } = opened;
  const rows = values.map((value, at) => ({ id: `v${at}`, exactly: value, folded: "", list: [value, "also"] }));
  expect((await repository.insertMany(rows)).failed).toEqual([]);
  const asked = await Promise.all(
    rows.map(async ({ exactly }) => [
      await repository.query().where("exactly").eq(exactly).ids(),
      await repository.query().where("list").contains(exactly).ids(),
      await repository.query().where("exactly").ne(exactly).count(),
    ]),
  );
  for (const [at, { id, exactly }] of rows.entries()) {
    expect(asked[at], JSON.stringify(exactly.slice(0, 20))).toEqual([[id], [id], rows.length - 1]);
  }
  expect(await repository.findByIds(rows.map(({ id }) => id))).toEqual(rows);
  expect(await repository.indexes.status()).toMatchObject({ documents: rows.length, failures: 0 });
  return opened;
}

const marks = Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)).filter((mark) => /\W|_/.test(mark));
const controls = Array.from({ length: 31 }, (_, at) => String.fromCharCode(1 + at));

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("most marks are syntax inside a tag", async () => {
      const opened = await expectEachAlone(open, [
        "ab",
        "a",
        "b",
        ...marks.flatMap((mark) => [`a${mark}b`, mark, `${mark}${mark}`]),
      ]);
      const naive = await Naive.make(opened, "hash", ["t", "TAG", "SEPARATOR", "\u0001"]);
      await Promise.all(marks.map((mark) => naive.put(mark, "t", `a${mark}b`)));
      const wrong: string[] = [];
      for (const mark of marks) {
        const ids = (await naive.complaint(`@t:{a${mark}b}`)) === "" ? await naive.ids(`@t:{a${mark}b}`) : [];
        if (ids.join() !== mark) wrong.push(mark);
      }
      expectTrap(leg, "a tag with a mark in it is not found by its own text", wrong.length > 20);
    });

    test("a backslash in a parameter takes the next mark along", async () => {
      const values = ["a\\|b", "a|b", "a\\\\|b", "a\\b", "a\\ b", "a b", "\\", "\\\\", "\\,", ",", "a\\", "\\*", "*"];
      const opened = await expectEachAlone(open, values);
      const naive = await Naive.make(opened, "hash", ["t", "TAG", "SEPARATOR", "\u0001"]);
      await naive.put("one", "t", "a\\|b");
      await naive.put("none", "t", "a|b");
      const found = await naive.idsOf("@t:{$v}", "a\\|b");
      expectTrap(leg, "another value is found in its place", found.join() === "none");
    });

    test("blanks at the ends are cut off hash tags", async () => {
      const blanks = [" ", "\t", "\n", "\u000b", "\f", "\r", "\u00a0", "\u2003", "\u3000", "\ufeff", "\u0085"];
      const opened = await expectEachAlone(open, [
        "pad",
        "",
        ...blanks.flatMap((blank) => [blank, `${blank}${blank}`, `${blank}pad`, `pad${blank}`, `${blank}pad${blank}`]),
      ]);
      const naive = await Naive.make(opened, "hash", ["t", "TAG"]);
      await naive.put("one", "t", " pad ");
      const found = [await naive.idsOf("@t:{$v}", " pad "), await naive.idsOf("@t:{$v}", "pad")];
      expectTrap(leg, "a padded value is found without its blanks only", found.join(";") === ";one");
    });

    test("separators split a hash's tag in two", async () => {
      const opened = await expectEachAlone(open, [
        "a,b",
        "a",
        "b",
        "a, b ,,c",
        "a|b",
        "a;b",
        ",",
        ...controls.flatMap((control) => (control.trim() === "" ? [] : [control, `a${control}b`])),
        "\u0002A",
        "a\u0001\u0002b",
      ]);
      const naive = await Naive.make(opened, "hash", ["t", "TAG"]);
      await naive.put("one", "t", "a,b");
      const found = [await naive.idsOf("@t:{$v}", "a,b"), await naive.idsOf("@t:{$v}", "a")];
      expectTrap(leg, "a value with a comma is found as its halves", found.join(";") === ";one");
    });

    test("a tag ends at its NUL", async () => {
      const opened = await open(word);
      const naive = await Naive.make(opened, "hash", ["t", "TAG"]);
      await naive.put("one", "t", "a\u0000b");
      const found = [await naive.idsOf("@t:{$v}", "a"), await naive.idsOf("@t:{$v}", "a\u0000b")];
      expectTrap(leg, "only what stands before the NUL is found", found[0]?.join() === "one");
      const { repository } = opened;
      const row = { id: "n", exactly: "", folded: "", list: [] };
      for (const [field, change] of [
        ["exactly", { exactly: "a\u0000b" }],
        ["folded", { folded: "\u0000" }],
        ["list", { list: ["fine", "a\u0000"] }],
      ] as [string, Partial<Words>][]) {
        const error = await expectRefusal(opened, () => repository.insert({ ...row, ...change }), "VALIDATION");
        expect(error).toMatchObject({ entity: "word", id: "n", field });
      }
      await repository.insert({ ...row, exactly: "a", list: ["a"] });
      for (const asked of ["a\u0000b", "a\u0000", "\u0000"]) {
        expect(await repository.query().where("exactly").eq(asked).ids()).toEqual([]);
        expect(await repository.query().where("exactly").ne(asked).ids()).toEqual(["n"]);
        expect(await repository.query().where("list").containsAll(["a", asked]).ids()).toEqual([]);
      }
      // Half a character leaves the driver as another one, which may well be stored.
      await repository.save({ ...row, exactly: "\ufffd", list: ["a", "\ufffd"] });
      for (const asked of ["\ud800", "\udfff"]) {
        expect(await repository.query().where("exactly").eq(asked).ids()).toEqual([]);
        expect(await repository.query().where("exactly").in(["x", asked]).ids()).toEqual([]);
        expect(await repository.query().where("exactly").ne(asked).ids()).toEqual(["n"]);
        expect(await repository.query().where("list").containsAll(["a", asked]).ids()).toEqual([]);
      }
    });

    test("long tags are cut at 4096 bytes", async () => {
      const long = (end: string): string => "x".repeat(4094) + end;
      const opened = await expectEachAlone(open, [
        long("y"),
        long("z"),
        long(""),
        "ä".repeat(2047),
        `${"ä".repeat(2047)}x`,
      ]);
      const naive = await Naive.make(opened, "hash", ["t", "TAG"]);
      await naive.put("one", "t", long("xx1"));
      await naive.put("two", "t", long("xx2"));
      const found = [await naive.idsOf("@t:{$v}", long("xx1")), await naive.idsOf("@t:{$v}", long("xx"))];
      expectTrap(leg, "a long value is not found, and its beginning finds two", found.join(";") === ";one,two");
      const row = { id: "l", exactly: "", folded: "", list: [] };
      for (const [field, change] of [
        ["exactly", { exactly: long("xx") }],
        ["exactly", { exactly: `${"x".repeat(4094)} ` + " " }],
        ["folded", { folded: "🎉".repeat(1024) }],
        ["list", { list: ["fine", long("xx1")] }],
      ] as [string, Partial<Words>][]) {
        const error = await expectRefusal(opened, () => opened.repository.insert({ ...row, ...change }), "VALIDATION");
        expect(error).toMatchObject({ entity: "word", id: "l", field });
      }
      // The bound is each element's, not the list's.
      const list = Array.from({ length: 3000 }, (_, at) => `element ${at} `);
      await opened.repository.insert({ ...row, list });
      expect(await opened.repository.query().where("list").containsAll(["element 0 ", "element 2999 "]).ids()).toEqual([
        "l",
      ]);
    });

    test("tags fold the case of A to Z and of nothing else", async () => {
      const opened = await expectEachAlone(open, ["abc", "ABC", "é", "É", "Σ", "σ", "ς", "ß", "ẞ", "İ", "i", "I", "ı"]);
      const naive = await Naive.make(opened, "hash", ["t", "TAG"]);
      await naive.put("abc", "t", "abc");
      await naive.put("é", "t", "é");
      const found = [await naive.idsOf("@t:{$v}", "ABC"), await naive.idsOf("@t:{$v}", "É")];
      expectTrap(leg, "ABC is abc, but É is not é", found.join(";") === "abc;");
      const { repository } = opened;
      await repository.saveMany(
        ["É", "é", "ΣΑΣ", "σας", "Straße", "STRASSE"].map((folded, at) => ({
          id: `f${at}`,
          exactly: "f",
          folded,
          list: [],
        })),
      );
      const ids = async (value: string) => (await repository.query().where("folded").eq(value).ids()).sort();
      expect(await ids("é")).toEqual(["f0", "f1"]);
      expect(await ids("σασ")).toEqual(["f2", "f3"]);
      expect(await ids("strasse")).toEqual(["f4", "f5"]);
      expect(await repository.query().where("exactly").eq("F").ids()).toEqual([]);
    });

    test("letters composed in two ways are two tags, and bytes are no text", async () => {
      const { repository } = await expectEachAlone(open, ["é", "e\u0301", "Å", "\u212b", "ﬁ", "fi", "Ａ", "A"]);
      const raw = new Uint8Array([0xff, 0xfe, 0x80, 0x00, 0x0a]);
      await repository.insert({ id: "raw", exactly: "raw", folded: "", list: [], raw });
      expect((await repository.findByIdOrThrow("raw")).raw).toEqual(raw);
      expect((await repository.query().where("exactly").eq("raw").firstOrThrow()).raw).toEqual(raw);
    });

    test("an empty string is no tag unless asked for, and blanks count as empty", async () => {
      const opened = await expectEachAlone(open, ["", " ", "   ", "''", '""']);
      const naive = await Naive.make(opened, "hash", ["t", "TAG", "e", "TAG", "INDEXEMPTY"]);
      await naive.put("one", "t", "", "e", "   ");
      expectTrap(leg, "an empty tag is an error", (await naive.complaint('@t:{""}')) !== "");
      expectTrap(leg, "three blanks are found as nothing", (await naive.idsOf("@e:{$v}", "")).join() === "one");
      const { repository } = opened;
      await repository.insertMany([
        { id: "none", exactly: "n", folded: "", list: [] },
        { id: "twice", exactly: "t", folded: " ", list: ["", ""] },
        { id: "among", exactly: "m", folded: "x", list: ["x", ""] },
        { id: "first", exactly: "f", folded: "", list: ["", "x"] },
      ]);
      const ids = async (value: string) => (await repository.query().where("list").contains(value).ids()).sort();
      expect(await ids("")).toEqual(["among", "first", "twice", "v0"]);
      expect(await ids("x")).toEqual(["among", "first"]);
      expect(
        (await repository.query().where("folded").eq("").where("exactly").in(["n", "t", "f"]).ids()).sort(),
      ).toEqual(["first", "none"]);
    });
  },
  searching,
);

const note = (storage: Storage) =>
  defineEntity({
    name: "note",
    storage,
    schema: z.object({ id: z.string(), body: z.string() }),
    index: { body: text() },
  });

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("the server's own idea of words: stop words, stems, signs and glued lines", async () => {
      const opened = await open(note);
      const naive = await Naive.make(opened, "hash", ["body", "TEXT"]);
      const notes = { the: "the quick", run: "running runs", line: "new\nline", sign: "hello-world", pi: "it is 3.14" };
      await Promise.all(Object.entries(notes).map(([id, body]) => naive.put(id, "body", body)));
      expectTrap(leg, "the is a stop word", (await naive.ids("the")).length === 0);
      expectTrap(leg, "run finds running", (await naive.ids("run")).join() === "run");
      expectTrap(leg, "a line's end glues two words", (await naive.ids("newline")).join() === "line");
      expectTrap(leg, "a hyphen negates", (await naive.ids("hello-world")).length === 0);
      const { repository } = opened;
      await repository.insertMany(Object.entries(notes).map(([id, body]) => ({ id, body })));
      const ids = async (words: string) => (await repository.query().where("body").match(words).ids()).sort();
      expect(await ids("the")).toEqual(["the"]);
      expect(await ids("run")).toEqual([]);
      expect(await ids("RUNNING")).toEqual(["run"]);
      expect(await ids("newline")).toEqual([]);
      expect(await ids("line new")).toEqual(["line"]);
      expect(await ids("hello-world")).toEqual(["sign"]);
      expect(await ids("3.14 it")).toEqual(["pi"]);
      expect(await ids("quic")).toEqual([]);
    });

    test("words longer than 128 bytes are cut, and marks in front of them lost", async () => {
      const opened = await open(note);
      const naive = await Naive.make(opened, "hash", ["body", "TEXT"]);
      const long = "x".repeat(200);
      await naive.put("one", "body", `${long}1`);
      const found = [await naive.ids(`${long}1`), await naive.ids(long.slice(0, 128))];
      expectTrap(leg, "a long word is found by its beginning only", found.join(";") === ";one");
      const { repository } = opened;
      await repository.insertMany([
        { id: "one", body: `${long}1 🎉party` },
        { id: "two", body: `${long}2 ÉCOLE` },
      ]);
      expect(await repository.query().where("body").match(`${long}2`).ids()).toEqual(["two"]);
      expect(await repository.query().where("body").match("party").ids()).toEqual(["one"]);
      expect(await repository.query().where("body").match("école").ids()).toEqual(["two"]);
    });
  },
  searchingOnce,
);
