// Filter objects, reusable conditions, when and search: the same answers on every engine.
// What is found is written out by hand, and a chain that says the same finds the same.
import { z } from "zod";
import { expect, test } from "vitest";

import {
  conditions,
  defineEntity,
  type EntityOf,
  exact,
  type FilterOf,
  type IndexesOf,
  type Query,
  range,
  text,
} from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "./matrix.ts";

const movie = (storage: Storage) =>
  defineEntity({
    name: "movie",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      plot: z.string().nullable(),
      year: z.int(),
      rating: z.number().nullable(),
      genres: z.array(z.enum(["drama", "comedy", "western", "space"])),
      director: z.object({ name: z.string() }),
    }),
    index: {
      title: [exact({ sortable: true }), text()],
      plot: text(),
      year: range(),
      rating: range(),
      genres: exact(),
      "director.name": exact(),
    },
  });
type Movie = ReturnType<typeof movie>;
type Chain = Query<EntityOf<Movie>, IndexesOf<Movie>>;

const rows: EntityOf<Movie>[] = [
  row("fort", "Fort Apache", "A colonel and the Apache.", 1948, 7.4, ["western", "drama"], "Ford"),
  row("rio", "Rio Bravo", "A sheriff holds a fort.", 1959, 8, ["western"], "Hawks"),
  row("star", "Star Wars", "A farm boy among the stars.", 1977, 8.6, ["space"], "Lucas"),
  row("war", "Wars", "Of one star and another.", 1960, null, [], "Nobody"),
  row("lost", "", null, 1927, null, ["drama"], "ΑΣ'Α"),
  row("quiet", "The Quiet Man", null, 1952, 7.7, ["comedy", "drama"], "Ford"),
];

function row(
  id: string,
  title: string,
  plot: string | null,
  year: number,
  rating: number | null,
  genres: EntityOf<Movie>["genres"],
  director: string,
): EntityOf<Movie> {
  return { id, title, plot, year, rating, genres, director: { name: director } };
}

const filters: [name: string, filter: FilterOf<Movie>, chain: (query: Chain) => Chain, ids: string[]][] = [
  ["nothing", {}, (q) => q, ["fort", "lost", "quiet", "rio", "star", "war"]],
  ["a value", { "director.name": "Ford" }, (q) => q.where("director.name").eq("Ford"), ["fort", "quiet"]],
  [
    "several fields",
    { year: { gte: 1948, lt: 1960 }, genres: { containsAny: ["drama"] }, rating: { isNull: false } },
    (q) =>
      q
        .where("year")
        .gte(1948)
        .where("year")
        .lt(1960)
        .where("genres")
        .containsAny(["drama"])
        .whereNot("rating")
        .isNull(),
    ["fort", "quiet"],
  ],
  [
    "OR",
    {
      OR: [
        { rating: { isNull: true } },
        { year: { between: [1948, 1959, { excludeUpper: true }] }, title: { ne: "" } },
      ],
    },
    (q) =>
      q.where((f) =>
        f.or(f("rating").isNull(), f.and(f("year").between(1948, 1959, { excludeUpper: true }), f("title").ne(""))),
      ),
    ["fort", "lost", "quiet", "war"],
  ],
  ["an empty OR", { OR: [] }, (q) => q.where((f) => f.or()), []],
  ["an empty AND", { AND: [], year: 1927 }, (q) => q.where("year").eq(1927), ["lost"]],
  [
    "NOT",
    { NOT: { rating: { gt: 7.5 } }, AND: [{ NOT: { genres: { contains: "western" } } }] },
    (q) => q.whereNot("rating").gt(7.5).whereNot("genres").contains("western"),
    ["lost", "war"],
  ],
];

const searches: [words: string, ids: string[]][] = [
  ["star wars", ["star", "war"]],
  ["FORT", ["fort", "rio"]],
  ["fort apache sheriff", []],
  ["apache-colonel", ["fort"]],
  ["the", ["fort", "quiet", "star"]],
  ["wars", ["star", "war"]],
  ["nobody", []],
  ["?!", ["fort", "lost", "quiet", "rio", "star", "war"]],
];

describeMatrix("filters", ({ open }) => {
  const filled = async () => {
    const { repository } = await open(movie);
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    return repository;
  };
  const found = async (query: Chain): Promise<string[]> => (await query.ids()).sort();

  test("find what the chain finds", async () => {
    const movies = await filled();
    for (const [name, filter, chain, ids] of filters) {
      expect(await found(movies.query(filter)), name).toEqual(ids);
      expect(await found(movies.query().where(filter)), name).toEqual(ids);
      expect(await found(chain(movies.query())), name).toEqual(ids);
      expect(await movies.query(filter).count(), name).toBe(ids.length);
    }
    const page = movies
      .query({ genres: { contains: "drama" } })
      .orderBy("year", "desc")
      .limit(2);
    expect(await page.ids()).toEqual(["quiet", "fort"]);
  });

  test("that are not understood are refused before anything is sent", async () => {
    const { repository } = await open(movie);
    for (const [filter, field] of [
      [undefined, undefined],
      [null, undefined],
      [{ nope: 1 }, "nope"],
      [{ OR: [{ year: { above: 1 } }] }, "year"],
      [{ year: "1960" }, "year"],
    ] as const) {
      const refusal = expect.objectContaining({ code: "QUERY", entity: "movie", field }) as Error;
      expect(() => repository.query(filter as never)).toThrowError(refusal);
      expect(() => repository.query().where(filter as never)).toThrowError(refusal);
    }
  });

  test("conditions made beforehand serve several queries", async () => {
    const movies = await filled();
    const condition = conditions(movie("hash"));
    const old = condition("year").lt(1950);
    const western = condition("genres").contains("western");
    expect(await found(movies.query().where(old))).toEqual(["fort", "lost"]);
    expect(await found(movies.query().where(old).where(western))).toEqual(["fort"]);
    expect(await found(movies.query().where((f) => f.or(old, western, f("title").eq("Wars"))))).toEqual([
      "fort",
      "lost",
      "rio",
      "war",
    ]);
    expect(await found(movies.query({ rating: { gt: 1 } }).where(condition.not(western)))).toEqual(["quiet", "star"]);
  });

  test("when and search", async () => {
    const movies = await filled();
    for (const [words, ids] of searches) {
      expect(await found(movies.query().search(words)), words).toEqual(ids);
      expect(await found(movies.query().where((f) => f.not(f.search(words)))), words).toEqual(
        rows
          .map(({ id }) => id)
          .filter((id) => !ids.includes(id))
          .sort(),
      );
    }
    const asked = (words?: string): Chain => movies.query().when(words, (query, value) => query.search(value));
    expect(await found(asked("star").where("year").gt(1970))).toEqual(["star"]);
    expect(await asked().count()).toBe(rows.length);
  });
});
