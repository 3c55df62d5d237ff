// Explaining queries: conditions with what the indexes know of them, and what a query that was run did.
// Estimates are never below the truth, and exact where one index tells all.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "./matrix.ts";

const book = (storage: Storage) =>
  defineEntity({
    name: "book",
    storage,
    schema: z.object({
      id: z.string(),
      kind: z.string(),
      pages: z.int().nullable(),
      tags: z.array(z.string()),
      note: z.string(),
    }),
    index: { kind: exact({ sortable: true }), pages: range(), tags: exact(), note: text({ phrase: true }) },
  });
const rows = Array.from({ length: 30 }, (_, at) => ({
  id: `b${at}`,
  kind: at % 3 === 0 ? "third" : "other",
  pages: at === 7 ? null : at,
  tags: at % 2 === 0 ? ["even"] : [],
  note: `note ${at} of thirty`,
}));

describeMatrix("explain", ({ open, engine }) => {
  const opened = async () => {
    const { repository } = await open(book);
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    return repository;
  };
  const known = (count: number) => (engine === "memory" ? null : count);

  test("tells the conditions with estimates", async () => {
    const books = await opened();
    const query = books
      .query()
      .where("kind")
      .eq("third")
      .where((f) => f.or(f("pages").between(3, 5), f.not(f("tags").contains("even")), f("pages").isNull()))
      .whereNot("note")
      .match("seven")
      .orderBy("pages", "desc")
      .limit(4);
    const { conditions, entities, query: inWords, text: shown, roundTrips, commands, actual } = await query.explain();
    expect(entities).toBe(30);
    expect(conditions).toEqual([
      { depth: 0, condition: "all of", estimate: null },
      { depth: 1, condition: 'kind = "third"', estimate: known(10) },
      { depth: 1, condition: "any of", estimate: null },
      { depth: 2, condition: "pages >= 3 and <= 5", estimate: known(3) },
      { depth: 2, condition: "not", estimate: null },
      { depth: 3, condition: 'tags has one of ["even"]', estimate: known(15) },
      { depth: 2, condition: "pages is null or missing", estimate: known(1) },
      { depth: 1, condition: "not", estimate: null },
      { depth: 2, condition: 'note match "seven"', estimate: known(0) },
    ]);
    expect(inWords).toMatch(/^book where \(kind = "third" and \(pages >= 3/);
    expect(inWords).toMatch(/order by pages desc, limit 4$/);
    expect(shown.split("\n").slice(0, 5)).toEqual([
      inWords,
      `${engine} engine, 30 entities, ${roundTrips} round trip${roundTrips === 1 ? "" : "s"}`,
      "conditions",
      "  all of",
      engine === "memory" ? '    kind = "third"' : '    kind = "third"  (about 10)',
    ]);
    expect(commands.length).toBeGreaterThan(0);
    expect(actual).toBe(undefined);
  });

  test("tells what happened to a query that is run", async () => {
    const books = await opened();
    const query = books.query().where("pages").lt(6).orderBy("kind");
    const { actual, text: shown } = await query.explain({ analyze: true });
    expect(actual?.rows).toBe(6);
    expect(actual?.roundTrips).toBe(actual?.calls.length);
    expect(actual?.calls.length).toBeGreaterThan(0);
    for (const { command, milliseconds } of actual?.calls ?? []) {
      expect(command).toMatch(/EVALSHA|FT\.|HMGET|JSON/);
      expect(milliseconds).toBeGreaterThan(0);
    }
    expect(shown).toMatch(/actual: 6 rows in \d+\.\d\d ms/);
    expect((await query.limit(2).explain({ analyze: true })).actual?.rows).toBe(2);
    const { actual: nothing } = await books.query().where("kind").in([]).explain({ analyze: true });
    expect(nothing).toMatchObject({ rows: 0, roundTrips: engine === "memory" ? 1 : 0 });
  });

  test.runIf(engine !== "search")("tells of queries that go over everything", async () => {
    const books = await opened();
    const goes = async (query: ReturnType<typeof books.query>): Promise<boolean> =>
      (await query.explain()).plan.some((line) => line.startsWith("goes over all 30 entities"));
    const memory = engine === "memory";
    expect(await goes(books.query().where("kind").ne("third"))).toBe(true);
    expect(await goes(books.query().whereNot("tags").contains("even").orderBy("pages"))).toBe(true);
    expect(await goes(books.query().where((f) => f.or(f("kind").eq("third"), f("tags").containsNone(["even"]))))).toBe(
      true,
    );
    expect(await goes(books.query())).toBe(memory);
    expect(await goes(books.query().where("kind").ne("third").where("pages").isNull())).toBe(memory);
    expect(await goes(books.query().whereNot("pages").gt(3))).toBe(memory);
    expect(await goes(books.query().where((f) => f.or(f("kind").eq("third"), f.not(f("pages").gt(3)))))).toBe(memory);
  });

  test("an estimate is no less than the truth", async () => {
    const books = await opened();
    const queries = [
      books.query().where("note").phrase("note 3"),
      books.query().where("note").matchPrefix("note thir"),
      books.query().where("kind").startsWith("th"),
      books.query().where("tags").containsAll(["even", "odd"]),
      books.query().where("kind").in(["third", "other", "none"]),
    ];
    const tooLow = queries.map(async (query) => {
      const [{ conditions, query: inWords }, count] = await Promise.all([query.explain(), query.count()]);
      return conditions.some(({ estimate }) => estimate !== null && estimate < count) ? inWords : undefined;
    });
    expect((await Promise.all(tooLow)).filter((one) => one !== undefined)).toEqual([]);
  });
});
