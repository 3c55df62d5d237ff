// Conditions joined and nested, results ordered, cut and paged.
// Ties go by id in the direction of the order; absent values come last both ways.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "./matrix.ts";

const film = (storage: Storage) =>
  defineEntity({
    name: "film",
    storage,
    schema: z.object({
      id: z.string(),
      genre: z.string().nullable(),
      year: z.int().optional(),
      seen: z.boolean(),
      title: z.string(),
    }),
    index: {
      genre: exact({ sortable: true }),
      year: range(),
      seen: exact({ sortable: true }),
      title: exact({ sortable: true, caseInsensitive: true }),
    },
  });

const rows = [
  { id: "a", genre: "drama", year: 1960, seen: true, title: "b" },
  { id: "b", genre: "drama", year: 1980, seen: false, title: "A" },
  { id: "c", genre: "comedy", year: 1960, seen: true, title: "a" },
  { id: "d", genre: null, year: 1970, seen: false, title: "C" },
  { id: "e", genre: "western", seen: true, title: "c" },
  { id: "f", genre: null, seen: true, title: "B" },
];

describeMatrix("joined conditions", ({ open, engine }) => {
  const filled = async () => {
    const { repository } = await open(film);
    await repository.insertMany(rows);
    return repository;
  };

  test("repeated where is and", async () => {
    const films = await filled();
    expect(await films.query().where("genre").eq("drama").where("year").lt(1970).ids()).toEqual(["a"]);
    expect(
      await films.query().where("seen").eq(true).whereNot("year").isNull().where("genre").ne("comedy").ids(),
    ).toEqual(["a"]);
  });

  test("and, or and not nest", async () => {
    const films = await filled();
    const ids = async (query: ReturnType<typeof films.query>): Promise<string[]> => (await query.ids()).sort();
    expect(await ids(films.query().where((f) => f.or(f("genre").eq("western"), f("year").lt(1970))))).toEqual([
      "a",
      "c",
      "e",
    ]);
    expect(await ids(films.query().where((f) => f.not(f.or(f("genre").eq("western"), f("year").lt(1970)))))).toEqual([
      "b",
      "d",
      "f",
    ]);
    expect(
      await ids(
        films.query().where((f) => f.and(f.not(f("genre").isNull()), f.or(f("year").isNull(), f("year").gte(1980)))),
      ),
    ).toEqual(["b", "e"]);
    expect(
      await ids(
        films
          .query()
          .where((f) =>
            f.or(
              f.and(f("genre").eq("drama"), f.not(f("seen").eq(true))),
              f.and(f("genre").isNull(), f.or(f("year").eq(1970), f("title").eq("b"))),
            ),
          ),
      ),
    ).toEqual(["b", "d", "f"]);
    expect(await ids(films.query().where((f) => f.not(f.not(f.not(f("seen").eq(true))))))).toEqual(["b", "d"]);
    expect(
      await ids(films.query().where((f) => f.and(f("year").gte(1960), f("year").lte(1970), f("year").ne(1970)))),
    ).toEqual(["a", "c"]);
  });

  test("and of nothing is true, or of nothing is false", async () => {
    const films = await filled();
    expect(
      await films
        .query()
        .where((f) => f.and())
        .count(),
    ).toBe(6);
    expect(
      await films
        .query()
        .where((f) => f.or())
        .count(),
    ).toBe(0);
    expect(
      await films
        .query()
        .where((f) => f.not(f.or()))
        .count(),
    ).toBe(6);
    expect(
      await films
        .query()
        .where((f) => f.or(f.and(), f("seen").eq(true)))
        .count(),
    ).toBe(6);
    expect(
      await films
        .query()
        .where((f) => f.and(f.or(), f("seen").eq(true)))
        .all(),
    ).toEqual([]);
    expect(
      await films
        .query()
        .where((f) => f.or())
        .page(),
    ).toEqual({ items: [], total: 0 });
  });

  test("a chain is never changed by what is built on it", async () => {
    const films = await filled();
    const base = films.query().where("seen").eq(true);
    const narrower = base.where("genre").eq("drama");
    expect(await base.count()).toBe(4);
    expect(await narrower.count()).toBe(1);
    expect(await base.limit(1).ids()).toHaveLength(1);
    expect(await base.ids()).toHaveLength(4);
  });

  test("order with ties, absent values last both ways", async () => {
    const films = await filled();
    const query = films.query();
    expect(await query.orderBy("year").ids()).toEqual(["a", "c", "d", "b", "e", "f"]);
    expect(await query.orderBy("year", "desc").ids()).toEqual(["b", "d", "c", "a", "f", "e"]);
    expect(await query.orderBy("genre").ids()).toEqual(["c", "a", "b", "e", "d", "f"]);
    expect(await query.orderBy("genre", "desc").ids()).toEqual(["e", "b", "a", "c", "f", "d"]);
    expect(await query.orderBy("title").ids()).toEqual(["b", "c", "a", "f", "d", "e"]);
    expect(await query.orderBy("title", "desc").ids()).toEqual(["e", "d", "f", "a", "c", "b"]);
    expect((await query.where("seen").eq(true).orderBy("year").all()).map(({ id }) => id)).toEqual([
      "a",
      "c",
      "e",
      "f",
    ]);
    expect(await query.where("year").gte(1970).orderBy("year", "desc").ids()).toEqual(["b", "d"]);
    expect(await query.where("year").isNull().orderBy("year").ids()).toEqual(["e", "f"]);
  });

  test("several orders", async () => {
    const films = await filled();
    const query = films.query().orderBy("genre", "desc").orderBy("year");
    expect(await query.ids()).toEqual(["e", "a", "b", "c", "d", "f"]);
    expect(await films.query().orderBy("year").orderBy("genre", "desc").ids()).toEqual(["a", "c", "d", "b", "e", "f"]);
    expect(await films.query().orderBy("seen", "desc").orderBy("year", "desc").ids()).toEqual([
      "c",
      "a",
      "f",
      "e",
      "b",
      "d",
    ]);
  });

  test("limits and offsets cut the order", async () => {
    const films = await filled();
    const query = films.query().orderBy("year");
    expect(await query.limit(2).ids()).toEqual(["a", "c"]);
    expect(await query.limit(2).offset(3).ids()).toEqual(["b", "e"]);
    expect(await query.offset(4).ids()).toEqual(["e", "f"]);
    expect(await query.limit(9).offset(6).ids()).toEqual([]);
    expect(await query.limit(0).ids()).toEqual([]);
    expect(await query.limit(0).all()).toEqual([]);
    expect(await query.limit(3).count()).toBe(6);
    expect((await query.offset(1).first())?.id).toBe("c");
    expect((await query.firstOrThrow()).id).toBe("a");
    expect(await query.limit(0).first()).toBeNull();
    expect(await query.limit(100_000).ids()).toHaveLength(6);
  });

  test("a page has its items and the total", async () => {
    const films = await filled();
    const query = films.query().where("seen").eq(true).orderBy("year");
    expect(await query.limit(2).page()).toEqual({ items: [rows[0], rows[2]], total: 4 });
    expect(await query.limit(2).offset(3).page()).toEqual({ items: [rows[5]], total: 4 });
    expect(await query.limit(2).offset(9).page()).toEqual({ items: [], total: 4 });
    expect(await query.limit(0).page()).toEqual({ items: [], total: 4 });
    const any = await films.query().limit(4).page();
    expect([any.items.length, any.total]).toEqual([4, 6]);
  });

  test("pages without an order hold each entity once", async () => {
    const { repository } = await open(film);
    await repository.insertMany(
      Array.from({ length: 300 }, (_, at) => ({
        id: `i${(at * 7) % 300}`,
        genre: null,
        year: at,
        seen: at % 2 === 0,
        title: "t",
      })),
    );
    for (const query of [
      repository.query(),
      repository.query().where("year").gte(50),
      repository.query().where("seen").eq(true),
    ]) {
      const total = await query.count();
      const seen: string[] = [];
      for (let offset = 0; offset < total; offset += 10) seen.push(...(await query.limit(10).offset(offset).ids()));
      expect(new Set(seen).size).toBe(total);
      expect(seen).toHaveLength(total);
    }
  });

  test("a plan can be asked for", async () => {
    const films = await filled();
    const {
      engine: name,
      plan,
      commands,
      roundTrips,
    } = await films.query().where("genre").eq("drama").orderBy("year").limit(3).explain();
    expect(name).toBe(engine);
    expect(plan.length).toBeGreaterThan(0);
    expect(commands.length).toBeGreaterThan(0);
    expect(roundTrips).toBeGreaterThanOrEqual(1);
    expect(
      await films
        .query()
        .where((f) => f.or())
        .explain(),
    ).toMatchObject({ engine });
  });
});
