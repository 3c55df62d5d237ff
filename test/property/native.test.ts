// Random texts and random words that are asked of them by the search server's rules, against plain code.
// Without stems, on words that are their own: then the server's rules are few enough to be written down.
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, text } from "remora";
import { nativeWords } from "../../src/query/native.ts";
import { asciiFolded } from "../../src/schema/native.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { runs, seed } from "./seed.ts";

const paper = (storage: Storage) =>
  defineEntity({
    name: "paper",
    storage,
    schema: z.object({ id: z.string(), tagged: z.string(), plain: z.string().nullable() }),
    index: {
      tagged: [exact(), text({ native: { noStem: true } })],
      plain: text({ native: { noStem: true } }),
    },
  });

const letters = Array.from("bcxBC01_ \t\n\u0001\u0002.,-'\"\\@{}()|*%~$:;!?[]^é日—🎉\u00a0");
const words = fc
  .array(fc.constantFrom(...letters), { maxLength: 8 })
  .map((all) => all.join(""))
  // No query can name a word with a backslash before another sign.
  .filter((given) => nativeWords(given).every((word) => !/\\[!-/:-@[-`{-~ ]/.test(word)));
const texts = fc.oneof(
  words,
  fc
    .array(fc.constantFrom("b", "c b", "x,b", "é-x", "B\nc", " 01", "🎉b"), { maxLength: 4 })
    .map((all) => all.join(" ")),
);

const wordsOf = (given: string): string[] => nativeWords(given).map(asciiFolded);

function holds(held: string | null, sought: string): boolean {
  return held !== null && wordsOf(sought).every((word) => wordsOf(held).includes(word));
}

describeMatrix(
  "native words",
  ({ open }) => {
    test("are found where they stand, and nowhere else", { timeout: 600_000 }, async () => {
      const { repository } = await open(paper);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(texts, fc.option(texts)), { minLength: 1, maxLength: 12 }),
          fc.array(texts, { minLength: 1, maxLength: 6 }),
          async (bodies, asked) => {
            const rows = bodies.map(([tagged, plain], at) => ({ id: String(at), tagged, plain }));
            await repository.query().delete();
            expect((await repository.insertMany(rows)).failed).toEqual([]);
            const sought = asked.concat(rows.map(({ tagged }) => tagged));
            await Promise.all(
              sought.flatMap((given) =>
                (["tagged", "plain"] as const).map(async (path) => {
                  const wanted = rows.filter((row) => holds(row[path], given)).map(({ id }) => id);
                  const query = repository.query();
                  const [found, rest] = await Promise.all([
                    query.where(path).matchNative(given).ids(),
                    query.whereNot(path).matchNative(given).count(),
                  ]);
                  expect(found.sort(), JSON.stringify([path, given])).toEqual(wanted.sort());
                  expect(rest).toBe(rows.length - wanted.length);
                }),
              ),
            );
          },
        ),
        { seed, numRuns: runs(60) },
      );
    });
  },
  ({ engine, driver }) => engine === "search" && driver === "ioredis6",
);
