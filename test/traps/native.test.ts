// Traps of the server's own text: sounds that are forgotten, stop words that turn round, words glued and cut.
// Queries of the mapper have their words taken apart as the server takes apart texts, one parameter each.
import fc from "fast-check";
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, text } from "remora";
import { nativeWords } from "../../src/query/native.ts";
import { asciiFolded } from "../../src/schema/native.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { runs, seed } from "../property/seed.ts";
import { expectTrap, Naive, searching } from "./naive.ts";

const note = (storage: Storage) =>
  defineEntity({
    name: "note",
    storage,
    schema: z.object({ id: z.string(), kind: z.string(), body: z.string(), author: z.string() }),
    index: {
      kind: exact(),
      body: [exact(), text({ native: { stopWords: ["the", "of"] } })],
      author: text({ native: { phonetic: "en", stopWords: ["of", "the"] } }),
    },
  });
const one = { kind: "a", body: "", author: "" };

describeMatrix(
  "trap",
  ({ open, leg, storage }) => {
    const field = (name: string, ...type: string[]): string[] =>
      storage === "json" ? [`$.${name}`, "AS", name, ...type] : [name, ...type];
    const put = (naive: Naive, id: string, content: Record<string, string>): Promise<unknown> =>
      naive.put(id, ...(storage === "json" ? [JSON.stringify(content)] : Object.entries(content).flat()));

    test("a text has no sound behind an attribute of another kind", async () => {
      const opened = await open(note);
      const sounding = field("author", "TEXT", "PHONETIC", "dm:en");
      const behind = await Naive.make(opened, storage, [...field("kind", "TAG"), ...sounding], "behind");
      const before = await Naive.make(opened, storage, [...sounding, ...field("kind", "TAG")], "before");
      for (const naive of [behind, before]) await put(naive, "1", { kind: "a", author: "Smyth" });
      expectTrap(leg, "smith is not smyth", (await behind.idsOf("@author:$v", "smith")).length === 0);
      expect(await before.idsOf("@author:$v", "smith")).toEqual(["1"]);

      const { repository } = opened;
      await repository.insert({ ...one, id: "1", author: "Smyth" });
      expect(await repository.query().where("author").matchNative("smith").ids()).toEqual(["1"]);
    });

    test("stop words are left out of texts, not of parameters, and alone they find nothing, nor does their opposite", async () => {
      const opened = await open(note);
      const naive = await Naive.make(opened, storage, field("body", "TEXT"));
      await put(naive, "1", { body: "the house" });
      expectTrap(leg, "as text it is left out", (await naive.ids("@body:(the house)")).length === 1);
      expectTrap(leg, "as a parameter it is not", (await naive.idsOf("@body:($v house)", "the")).length === 0);
      expectTrap(leg, "alone it is nothing", (await naive.ids("@body:(the)")).length === 0);
      expectTrap(leg, "and so is its opposite", (await naive.ids("-@body:(the)")).length === 0);

      const { repository } = opened;
      await repository.insert({ ...one, id: "1", body: "The house" });
      const query = repository.query();
      expect(await query.where("body").matchNative("the house").ids()).toEqual(["1"]);
      expect(await query.where("body").matchNative("THE of").ids()).toEqual([]);
      expect(await query.whereNot("body").matchNative("the").ids()).toEqual(["1"]);
    });

    test("below a NOT there are neither stems nor sounds", async () => {
      const opened = await open(note);
      const naive = await Naive.make(opened, storage, field("body", "TEXT", "PHONETIC", "dm:en"));
      const bodies = ["rests", "Smyth", "other"];
      for (const [at, body] of bodies.entries()) {
        // eslint-disable-next-line no-await-in-loop -- three rows
        await put(naive, String(at), { body });
      }
      expect(await naive.idsOf("@body:$v", "resting")).toEqual(["0"]);
      expectTrap(leg, "what is found is in the opposite", (await naive.idsOf("-@body:$v", "resting")).includes("0"));
      expectTrap(leg, "so is what sounds alike", (await naive.idsOf("-@body:$v", "smith")).includes("1"));

      const { repository } = opened;
      await repository.insertMany(bodies.map((author, at) => ({ ...one, id: String(at), author, body: author })));
      const opposite = async (path: "body", words: string): Promise<string[]> =>
        (await repository.query().whereNot(path).matchNative(words).ids()).sort();
      expect(await opposite("body", "resting")).toEqual(["1", "2"]);
      await expectFailure(repository.query().whereNot("author").matchNative("smith").ids(), "UNSUPPORTED_QUERY");
      expect(await opposite("body", "smith")).toEqual(["0", "1", "2"]);
    });

    test("of texts without stems the stem of what is asked for is found", async () => {
      const opened = await open(note);
      const naive = await Naive.make(opened, storage, field("body", "TEXT", "NOSTEM"));
      await put(naive, "1", { body: "shoe" });
      await put(naive, "2", { body: "running" });
      expectTrap(leg, "shoes find shoe", (await naive.idsOf("@body:$v", "shoes")).length === 1);
      expectTrap(leg, "but run does not find running", (await naive.idsOf("@body:$v", "run")).length === 0);
    });

    test("what a hash keeps safe from trimming is not what it says", async () => {
      const { repository } = await open(note);
      // Two of these are stored in another form, where a tag reads the same field.
      const bodies = ["\nJpad", " pad", "pad "];
      await repository.insertMany(bodies.map((body, at) => ({ ...one, id: String(at), body })));
      const ids = async (words: string): Promise<string[]> =>
        (await repository.query().where("body").matchNative(words).ids()).sort();
      expect(await ids("jpad")).toEqual(["0"]);
      expect(await ids("pad")).toEqual(["1", "2"]);
      expect(await ids("jjpad")).toEqual([]);
      expect(await repository.query().where("body").eq(" pad").ids()).toEqual(["1"]);
    });

    test("lines run together, long words are cut, and NUL ends the text", async () => {
      const opened = await open(note);
      const naive = await Naive.make(opened, storage, field("body", "TEXT"));
      const long = "z".repeat(200);
      await put(naive, "1", { body: `new\nline ${long} a\u0000b` });
      expectTrap(leg, "newline is a word", (await naive.idsOf("@body:$v", "newline")).length === 1);
      expectTrap(leg, "a long word is not found", (await naive.idsOf("@body:$v", long)).length === 0);
      expectTrap(leg, "what stands behind NUL is lost", (await naive.idsOf("@body:$v", "b")).length === 0);

      const { repository } = opened;
      await repository.insert({ ...one, id: "1", body: `new\nline ${long}` });
      const query = repository.query();
      expect(await query.where("body").matchNative("newline").ids()).toEqual(["1"]);
      expect(await query.where("body").matchNative("new\nline").ids()).toEqual(["1"]);
      expect(await query.where("body").matchNative(long).ids()).toEqual(["1"]);
      await expectFailure(repository.insert({ ...one, id: "2", author: "a\u0000b" }), "VALIDATION");
    });

    test("a word is nothing but a word", async () => {
      const opened = await open(note);
      const naive = await Naive.make(opened, storage, [...field("body", "TEXT"), ...field("kind", "TAG")]);
      await put(naive, "1", { body: "house", kind: "a" });
      for (const language of [
        "*",
        "hous*",
        "%hause%",
        "house|x",
        "-x",
        "x) | (@kind:{a}",
        '"house"',
        "w'*'",
        "house x",
      ]) {
        // eslint-disable-next-line no-await-in-loop -- one table
        expect(await naive.idsOf("@body:$v", language), language).toEqual([]);
      }
    });

    test("words are those that the server's own index has", async () => {
      const opened = await open(note);
      const letters = Array.from("bcXZ01_ \t\n\r\u0001\u007f.,-'\"\\@{}()|*%~$:;!?/<>=&^`#+[]éÉß日—“\u00a0\u3000");
      const texts = fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 14 }).map((all) => all.join(""));
      let made = 0;
      await fc.assert(
        fc.asyncProperty(texts, async (body) => {
          made += 1;
          const naive = await Naive.make(opened, storage, field("body", "TEXT", "NOSTEM"), `words${made}`);
          await put(naive, "1", { body });
          const terms = (await opened.raw("FT.DEBUG", "DUMP_TERMS", naive.name)) as string[];
          await opened.raw("FT.DROPINDEX", naive.name);
          expect([...new Set(nativeWords(body).map(asciiFolded))].sort()).toEqual(terms.sort());
        }),
        { seed, numRuns: runs(300) },
      );
    });
  },
  searching,
);
