// A small film club: people, films, reviews and tags that refer to each other, read together and deleted together.
// Run it with `npx tsx examples/relations.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { z } from "zod";
import { connect, defineEntity, exact, isRemoraError, range, relations } from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

const Person = defineEntity({ name: "person", schema: z.object({ id: z.string(), name: z.string() }) });
const Film = defineEntity({
  name: "film",
  schema: z.object({ id: z.string(), title: z.string(), year: z.int(), directorId: z.string().nullable() }),
  index: { year: range(), directorId: exact() },
});
const Review = defineEntity({
  name: "review",
  schema: z.object({ id: z.string(), filmId: z.string(), authorId: z.string(), rating: z.int(), text: z.string() }),
  index: { filmId: exact(), authorId: exact(), rating: range() },
});
const Tag = defineEntity({
  name: "tag",
  schema: z.object({ id: z.string(), name: z.string() }),
  index: { name: exact({ sortable: true }) },
});
const FilmTag = defineEntity({
  name: "filmTag",
  schema: z.object({ id: z.string(), filmId: z.string(), tagId: z.string() }),
  index: { filmId: exact(), tagId: exact() },
});

// Declared after the types, in whatever modules: they are looked at when the database is opened.
const filmRelations = relations(Film, ({ one, many }) => ({
  director: one(Person, { field: "directorId", onDelete: "setNull" }),
  reviews: many(Review, { field: "filmId", onDelete: "cascade" }),
  tags: many(Tag, { through: FilmTag, from: "filmId", to: "tagId", onDelete: "cascade" }),
}));
const reviewRelations = relations(Review, ({ one }) => ({
  author: one(Person, { field: "authorId", onDelete: "restrict" }),
}));
const personRelations = relations(Person, ({ many }) => ({ films: many(Film, { field: "directorId" }) }));

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
await using db = await connect(server.url, {
  namespace: namespace.name,
  relations: [filmRelations, reviewRelations, personRelations],
});
const [people, films, reviews] = [db.repository(Person), db.repository(Film), db.repository(Review)];
const [tags, filmTags] = [db.repository(Tag), db.repository(FilmTag)];
await Promise.all([people, films, reviews, tags, filmTags].map(({ indexes }) => indexes.sync()));

await people.insertMany([
  { id: "hawks", name: "Howard Hawks" },
  { id: "ada", name: "Ada" },
]);
await films.insertMany([
  { id: "rio", title: "Rio Bravo", year: 1959, directorId: "hawks" },
  { id: "hatari", title: "Hatari!", year: 1962, directorId: "hawks" },
]);
await reviews.insertMany(
  [5, 3, 4].map((rating, at) => ({ id: `r${at}`, filmId: "rio", authorId: "ada", rating, text: `number ${at}` })),
);
await tags.insertMany([
  { id: "w", name: "western" },
  { id: "a", name: "adventure" },
]);
await filmTags.insertMany([
  { filmId: "rio", tagId: "w" },
  { filmId: "hatari", tagId: "a" },
]);

// One query brings along what is wanted: one round trip per relation and level, however many films there are.
const listed = await films
  .query()
  .where("year")
  .gte(1950)
  .orderBy("year")
  .with({
    director: { select: ["name"] },
    reviews: {
      where: (review) => review("rating").gte(4),
      orderBy: ["rating", "desc"],
      limit: 2,
      with: { author: true },
    },
    tags: { orderBy: ["name"] },
  })
  .all();
const [rio, hatari] = listed;
assert.deepEqual(rio?.director, { name: "Howard Hawks" });
assert.deepEqual(
  rio?.reviews.map(({ rating, author }) => [rating, author?.name]),
  [
    [5, "Ada"],
    [4, "Ada"],
  ],
);
assert.deepEqual([hatari?.reviews, hatari?.tags.map(({ name }) => name)], [[], ["adventure"]]);

// Numbers instead of lists, and reads by id.
const hawks = await people.findByIdOrThrow("hawks", { with: { films: { with: { reviews: { count: true } } } } });
assert.deepEqual(hawks.films.map(({ title, reviews: count }) => `${title} ${count}`).toSorted(), [
  "Hatari! 0",
  "Rio Bravo 3",
]);

// Who is referred to stays, where a relation says restrict.
await assert.rejects(people.delete("ada"), (error) => isRemoraError(error, "RELATION") && error.referrer === "review");
// What refers to a film goes before it; who made films is forgotten by them.
await films.delete("rio");
assert.deepEqual([await reviews.count(), await filmTags.count(), await tags.count()], [0, 1, 2]);
await people.delete("hawks");
assert.equal((await films.findByIdOrThrow("hatari")).directorId, null);
assert.equal(await people.delete("ada"), true);
console.log("relations.ts: every claim holds");
