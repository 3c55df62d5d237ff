// Declarations of relations: what becomes of them, and everything that is wrong with them told at once.
// The compiler refuses most of it already; here it is written past the compiler.
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, range, relations, type Relations } from "remora";
import { Entity, Field, Id } from "remora/decorators";
import { compileRelations } from "../../src/schema/relation-graph.ts";

const Person = defineEntity({ name: "person", schema: z.object({ id: z.string(), name: z.string() }) });
const Movie = defineEntity({
  name: "movie",
  schema: z.object({
    id: z.string(),
    title: z.string(),
    year: z.int(),
    directorId: z.string(),
    slug: z.string().nullable(),
    tags: z.array(z.string()),
    years: z.array(z.number()),
  }),
  index: { directorId: exact(), slug: exact({ caseInsensitive: true }), title: range(), tags: exact() },
});

type Builder = Record<"one" | "many", (target: unknown, by: unknown) => never>;

/** Relations written past the compiler. */
function loose(entity: unknown, build: (builder: Builder) => object): Relations {
  return relations(entity as typeof Movie, build as never);
}

function problemsOf(...declared: Relations[]): string[] {
  try {
    compileRelations(declared);
  } catch (error) {
    expect(error).toMatchObject({ code: "DEFINITION", entity: expect.any(String) as string });
    return (error as Error).message.replace("relations: ", "").split("; ");
  }
  return [];
}

describe("relations", () => {
  test("are looked at when all types are there, and not before", () => {
    let built = 0;
    const declared = relations(Movie, ({ one }) => {
      built += 1;
      return { director: one(Person, { field: "directorId" }) };
    });
    expect(built).toBe(0);
    const graph = compileRelations([declared]);
    expect(built).toBe(1);
    expect([...graph.relationsOf("movie").values()]).toEqual([
      { name: "director", target: Person, kind: "one", path: "directorId" },
    ]);
    expect(graph.relationsOf("person").size).toBe(0);
    expect(graph.isRuled("person")).toBe(false);
  });

  test("are told all that is wrong with them at once, each with its place and cure", () => {
    const wrong = loose(Movie, ({ one, many }) => ({
      nowhere: one(Person, { field: "nope" }),
      number: one(Person, { field: "year" }),
      unfound: one(Person, { field: "title", onDelete: "cascade" }),
      gone: many(Movie, { field: "nope" }),
      ranged: many(Movie, { field: "title" }),
      folded: many(Movie, { field: "slug" }),
      listed: many(Movie, { field: "tags" }),
      single: many(Person, { ids: "title" }),
      numbers: many(Person, { ids: "years" }),
      between: many(Person, { through: Movie, from: "nope", to: "directorId" }),
      title: one(Person, { field: "directorId" }),
      constructor: one(Person, { field: "directorId" }),
      never: many(Movie, { field: "directorId", onDelete: "setNull" }),
      odd: many(Movie, { field: "directorId", onDelete: "ignore" }),
      none: one({}, { field: "directorId" }),
      bare: one(class Bare {}, { field: "directorId" }),
    }));
    expect(problemsOf(wrong)).toEqual([
      "movie.nowhere: movie.nope is not in the schema",
      "it must be an id (z.string())",
      "movie.number: movie.year is number",
      "it must be an id (z.string())",
      "movie.unfound: movie.title has no exact() index, by which it is found",
      "movie.gone: movie.nope is not in the schema",
      "it must be an id (z.string())",
      "movie.ranged: movie.title has no exact() index, by which it is found",
      "movie.folded: the exact() of movie.slug must not fold case",
      "movie.listed: movie.tags is array",
      "it must be an id (z.string())",
      "movie.single: movie.title is string",
      "it must be a list of ids (z.array(z.string()))",
      "movie.numbers: movie.years is array",
      "it must be a list of ids (z.array(z.string()))",
      "movie.between: movie.nope is not in the schema",
      "it must be an id (z.string())",
      "movie.title: the schema has a property of that name",
      "take another",
      "movie.constructor: is no name for a relation",
      "take another",
      'movie.never: movie.directorId is neither nullable nor optional, so onDelete cannot be "setNull"',
      'movie.odd: onDelete is "cascade", "restrict" or "setNull", not "ignore"',
      "movie.none: leads to no entity type: name one made by defineEntity, or a class with @Entity",
      "movie.bare: Bare is no entity: put @Entity on it",
    ]);
  });

  test("of several declarations are one, and must agree", () => {
    const other = defineEntity({ name: "person", schema: z.object({ id: z.string() }) });
    const first = relations(Movie, ({ one }) => ({
      director: one(Person, { field: "directorId", onDelete: "cascade" }),
    }));
    const again = relations(Movie, ({ one }) => ({ director: one(Person, { field: "directorId" }) }));
    const rule = relations(Person, ({ many }) => ({
      movies: many(Movie, { field: "directorId", onDelete: "restrict" }),
    }));
    const same = relations(Person, ({ many }) => ({
      movies: many(Movie, { field: "directorId", onDelete: "cascade" }),
    }));
    const stranger = relations(Movie, ({ one }) => ({ maker: one(other, { field: "directorId" }) }));
    expect(problemsOf(first, again, rule, stranger)).toEqual([
      "movie.director: is declared twice",
      "take another name for one of them",
      'person.movies: onDelete of movie.directorId is "restrict" here and "cascade" in movie.director',
      'movie.maker: two entity types are called "person"',
    ]);
    const graph = compileRelations([first, same]);
    expect(graph.rulesOf("person").rules).toMatchObject([{ relation: "movie.director", action: "cascade" }]);
  });

  test("tell which deletions lead back, and which may be refused", () => {
    const type = (name: string, softDelete = false) =>
      defineEntity({
        name,
        schema: z.object({ id: z.string(), to: z.string(), gone: z.date().optional() }),
        index: { to: exact(), gone: range() },
        ...(softDelete ? { softDelete: "gone" } : {}),
      });
    const [a, b, c, soft] = [type("a"), type("b"), type("c"), type("soft", true)];
    const by = (from: typeof a, to: typeof a, onDelete: "cascade" | "restrict") =>
      relations(from, ({ many }) => ({ [`${to.name}s`]: many(to, { field: "to", onDelete }) }));
    const graph = compileRelations([
      by(a, b, "cascade"),
      by(b, a, "cascade"),
      by(b, c, "restrict"),
      by(c, soft, "cascade"),
      by(soft, c, "restrict"),
    ]);
    const told = ["a", "b", "c", "soft", "none"].map((name) => {
      const { cyclic, restricts } = graph.rulesOf(name);
      return [name, cyclic, restricts, graph.isRuled(name)];
    });
    expect(told).toEqual([
      ["a", true, true, true],
      ["b", true, true, true],
      ["c", false, false, true],
      ["soft", false, true, true],
      ["none", false, false, false],
    ]);
  });

  test("may be about classes", () => {
    @Entity({ name: "author" })
    class Author {
      @Id() id!: string;
    }
    @Entity({ name: "book" })
    class Book {
      @Id() id!: string;
      @Field(z.string(), { index: exact() }) authorId!: string;
      @Field(z.string()) publisherId!: string;
    }
    const graph = compileRelations([
      relations(Author, ({ many }) => ({ books: many(Book, { field: "authorId", onDelete: "cascade" }) })),
    ]);
    expect(graph.rulesOf("author").rules).toMatchObject([{ relation: "author.books", path: "authorId" }]);
    // The compiler cannot know which properties are indexed.
    expect(problemsOf(relations(Author, ({ many }) => ({ books: many(Book, { field: "publisherId" }) })))).toEqual([
      "author.books: book.publisherId has no exact() index, by which it is found",
    ]);
  });
});
