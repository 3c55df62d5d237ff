// Types that refer to each other in every way there is, with their relations, and a few entities of each.
// For the tests of relations.
import { z } from "zod";

import { type Database, defineEntity, type EntityDefinition, exact, range, relations } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import type { Bench } from "./matrix.ts";

/** The types and relations, for documents of one kind. */
export function films(storage: Storage) {
  const Person = defineEntity({
    name: "person",
    storage,
    schema: z.object({ id: z.string(), name: z.string(), born: z.int().optional() }),
    index: { name: exact({ sortable: true }), born: range() },
    unique: { name: ["name"] },
  });
  const Movie = defineEntity({
    name: "movie",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      year: z.int(),
      directorId: z.string().nullable(),
      credits: z.object({ writerId: z.string().optional() }).optional(),
      tagIds: z.array(z.string()).default([]),
    }),
    index: { title: exact({ sortable: true }), year: range(), directorId: exact(), "credits.writerId": exact() },
  });
  const Review = defineEntity({
    name: "review",
    storage,
    schema: z.object({
      id: z.string(),
      movieId: z.string(),
      authorId: z.string().nullable(),
      rating: z.int(),
      text: z.string(),
    }),
    index: { movieId: exact(), authorId: exact(), rating: range() },
  });
  const Tag = defineEntity({
    name: "tag",
    storage,
    schema: z.object({ id: z.string(), name: z.string() }),
    index: { name: exact({ sortable: true }) },
  });
  const MovieTag = defineEntity({
    name: "movieTag",
    storage,
    schema: z.object({ id: z.string(), movieId: z.string(), tagId: z.string() }),
    index: { movieId: exact(), tagId: exact() },
  });
  const declared = [
    relations(Movie, ({ one, many }) => ({
      director: one(Person, { field: "directorId" }),
      writer: one(Person, { field: "credits.writerId" }),
      reviews: many(Review, { field: "movieId" }),
      tags: many(Tag, { through: MovieTag, from: "movieId", to: "tagId" }),
      listed: many(Tag, { ids: "tagIds" }),
    })),
    relations(Review, ({ one }) => ({
      movie: one(Movie, { field: "movieId" }),
      author: one(Person, { field: "authorId" }),
    })),
    relations(Person, ({ many }) => ({
      directed: many(Movie, { field: "directorId" }),
      reviews: many(Review, { field: "authorId" }),
    })),
    relations(Tag, ({ many }) => ({ movies: many(Movie, { through: MovieTag, from: "tagId", to: "movieId" }) })),
  ];
  return { Person, Movie, Review, Tag, MovieTag, declared };
}

/** The repositories of the types, in a namespace of their own. */
export async function openFilms({ open, storage }: Pick<Bench, "open" | "storage">) {
  const { Person, Movie, Review, Tag, MovieTag, declared } = films(storage);
  const opened = await open((): EntityDefinition => Movie, { relations: declared });
  const db = opened.db as unknown as Database<(typeof declared)[number]>;
  const repositories = {
    movies: db.repository(Movie),
    people: db.repository(Person),
    reviews: db.repository(Review),
    tags: db.repository(Tag),
    links: db.repository(MovieTag),
  };
  await Promise.all(Object.values(repositories).map(({ indexes }) => indexes.sync()));
  return { ...opened, db, ...repositories };
}

/** The same with entities: three movies, of which the last has nothing that it refers to. */
export async function filledFilms(bench: Pick<Bench, "open" | "storage">) {
  const opened = await openFilms(bench);
  const { movies, people, reviews, tags, links } = opened;
  await people.insertMany([
    { id: "hawks", name: "Howard Hawks", born: 1896 },
    { id: "brackett", name: "Leigh Brackett" },
    { id: "ada", name: "Ada" },
    { id: "bob", name: "Bob" },
  ]);
  await movies.insertMany([
    {
      id: "rio",
      title: "Rio Bravo",
      year: 1959,
      directorId: "hawks",
      credits: { writerId: "brackett" },
      tagIds: ["western", "gone", "classic", "western"],
    },
    { id: "hatari", title: "Hatari!", year: 1962, directorId: "hawks", tagIds: ["classic"] },
    { id: "lost", title: "Lost", year: 1999, directorId: "nobody" },
  ]);
  await reviews.insertMany(
    [
      ["r1", "rio", "ada", 5],
      ["r2", "rio", "bob", 3],
      ["r3", "rio", null, 4],
      ["r4", "rio", "gone", 3],
      ["h1", "hatari", "ada", 2],
      ["x1", "elsewhere", "ada", 1],
    ].map(([id, movieId, authorId, rating]) => ({
      id: id as string,
      movieId: movieId as string,
      authorId: authorId as string | null,
      rating: rating as number,
      text: `of ${String(movieId)}`,
    })),
  );
  await tags.insertMany([
    { id: "western", name: "Western" },
    { id: "classic", name: "Classic" },
    { id: "africa", name: "Africa" },
  ]);
  await links.insertMany([
    { id: "1", movieId: "rio", tagId: "western" },
    { id: "2", movieId: "rio", tagId: "classic" },
    { id: "3", movieId: "rio", tagId: "western" },
    { id: "4", movieId: "hatari", tagId: "africa" },
    { id: "5", movieId: "hatari", tagId: "gone" },
    { id: "6", movieId: "elsewhere", tagId: "classic" },
  ]);
  return opened;
}
