// The search server's own profile in an analyzed query: its times, what it read, what became of the rows.
// Engines without such a server give none, and a user who may not ask for it is told so, and told the rest.
import { expect, test } from "vitest";
import { z } from "zod";

import { connect, defineEntity, exact, geo, geoPoint, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "./matrix.ts";

const shapeOf = (storage: Storage, name: string) => ({
  name,
  storage,
  schema: z.object({ id: z.string(), kind: z.string(), n: z.number().nullable(), note: z.string(), at: geoPoint() }),
  index: { kind: exact({ sortable: true }), n: range(), note: text(), at: geo() },
});
const lasting = (storage: Storage) => defineEntity(shapeOf(storage, "thing"));
const mortal = (storage: Storage) => defineEntity({ ...shapeOf(storage, "thing"), ttl: {} });
const rows = Array.from({ length: 30 }, (_, at) => ({
  id: `t${at}`,
  kind: at % 3 === 0 ? "third" : "other",
  n: at,
  note: `note ${at}`,
  at: { longitude: at, latitude: 0 },
}));

describeMatrix("the server's profile", ({ open, engine }) => {
  const opened = async (define: typeof lasting | typeof mortal) => {
    const found = await open(define);
    expect((await found.repository.insertMany(rows)).failed).toEqual([]);
    return found;
  };

  test.each([
    ["lasting", lasting],
    ["mortal", mortal],
  ])("of a query that is run, of %s entities", async (_name, define) => {
    const { repository } = await opened(define);
    const query = repository.query().where("kind").eq("third").whereNot("n").lt(6).orderBy("n", "desc").offset(2);
    const { actual, text: shown } = await query.explain({ analyze: true });
    expect(actual?.rows).toBe(6);
    expect(actual?.roundTrips).toBe(actual?.calls.length);
    expect(actual).not.toHaveProperty("unprofiled");
    const profiles = actual?.calls.flatMap((call) => call.profiles ?? []) ?? [];
    if (engine !== "search") {
      expect(profiles).toEqual([]);
      expect(shown).not.toContain("server");
      return;
    }
    // The rows, and since there are fewer than the ceiling, their count.
    expect(profiles.map(({ command }) => command)).toEqual(["FT.AGGREGATE", "FT.SEARCH"]);
    const [{ iterators, processors, milliseconds, parsing, pipeline } = expect.fail()] = profiles;
    expect(iterators.find(({ type }) => type === "TAG")).toMatchObject({ term: "third", size: 10 });
    expect(iterators.find(({ type }) => type === "NOT")?.depth).toBe(1);
    expect(iterators[0]).toMatchObject({ depth: 0, type: "INTERSECT", count: 8 });
    expect(processors.map(({ type }) => type)).toEqual(expect.arrayContaining(["Index", "Sorter", "Loader"]));
    expect(processors.at(-1)?.count).toBeGreaterThan(0);
    for (const time of [milliseconds, parsing, pipeline, iterators[0]?.milliseconds]) {
      expect(time).toBeGreaterThanOrEqual(0);
    }
    expect(shown).toMatch(/\n {2}(FT\.AGGREGATE|EVALSHA\S* search) {2}\S+ ms\n {4}server: \S+ ms, parsing/);
    expect(shown).toMatch(/\n +INTERSECT {2}8 read, \S+ ms\n/);
    expect(shown).toMatch(/\n +TAG "third" {2}\d+ of 10 read, /);
  });

  test("of what is looked up word by word, and read by cursor", async () => {
    const { repository } = await opened(lasting);
    const near = repository
      .query()
      .where("note")
      .matchPrefix("not")
      .orderByDistance("at", { longitude: 3, latitude: 0 });
    const { actual } = await near.limit(3).explain({ analyze: true });
    expect(actual?.rows).toBe(3);
    expect(actual).not.toHaveProperty("unprofiled");
    if (engine !== "search") return;
    const profiled = actual?.calls.filter((call) => call.profiles !== undefined) ?? [];
    expect(profiled.length).toBeGreaterThan(0);
    for (const { command } of profiled) expect(command).toMatch(/FT\.(SEARCH|AGGREGATE)/);
    expect(actual?.calls.some(({ command }) => command === "FT.TAGVALS")).toBe(true);
  });

  test("where nothing is sent", async () => {
    const { repository } = await opened(lasting);
    const { actual } = await repository.query().where("kind").in([]).explain({ analyze: true });
    expect(actual?.calls.flatMap((call) => call.profiles ?? [])).toEqual([]);
    expect(actual).not.toHaveProperty("unprofiled");
  });
});

describeMatrix(
  "a user without FT.PROFILE",
  ({ open, engine, storage, leg }) => {
    test.each([
      ["lasting", lasting],
      ["mortal", mortal],
    ])("is told so, of %s entities", async (_name, define) => {
      const { repository, raw, namespace } = await open(define);
      expect((await repository.insertMany(rows)).failed).toEqual([]);
      await raw("ACL", "SETUSER", namespace, "on", ">pw", "~*", "+@all", "-ft.profile");
      const url = new URL(leg.url);
      url.username = namespace;
      url.password = "pw";
      const db = await connect(url.href, { namespace, engine });
      try {
        const query = db.repository(define(storage)).query().where("kind").eq("third");
        const { actual, text: shown } = await query.explain({ analyze: true });
        expect(actual?.rows).toBe(10);
        expect(actual?.unprofiled).toMatch(/permission|NOPERM|ACL|can't run/i);
        expect(actual?.calls.flatMap((call) => call.profiles ?? [])).toEqual([]);
        expect(shown).toContain(`the server gave no profile: ${actual?.unprofiled}`);
      } finally {
        await db.close();
        await raw("ACL", "DELUSER", namespace);
      }
    });
  },
  ({ engine }) => engine === "search",
);
