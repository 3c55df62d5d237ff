// Relations: what may be declared, what reads may bring along, and the types of what comes.
// Never run; each expected error must be one, or the type check fails.
import { z } from "zod";
import { describe, expectTypeOf, test } from "vitest";

import {
  connect,
  type Database,
  defineEntity,
  type EntityOf,
  exact,
  range,
  relations,
  type Relations,
  type Repository,
} from "remora";
import { Entity, Field, Id } from "remora/decorators";

const named = { schema: z.object({ id: z.string(), name: z.string() }), index: { name: exact({ sortable: true }) } };
const Person = defineEntity({ name: "person", ...named });
// Of the very same structure: only the name tells them apart.
const Tag = defineEntity({ name: "tag", ...named });
const Movie = defineEntity({
  name: "movie",
  schema: z.object({
    id: z.string(),
    title: z.string(),
    year: z.int(),
    directorId: z.string(),
    producerId: z.string().nullable(),
    credits: z.object({ writerId: z.string().optional() }).optional(),
    tagIds: z.array(z.string()),
    years: z.array(z.number()),
  }),
  index: { directorId: exact(), producerId: exact(), year: range(), tagIds: exact() },
});
const Review = defineEntity({
  name: "review",
  schema: z.object({
    id: z.string(),
    movieId: z.string(),
    authorId: z.string().nullable(),
    editorId: z.string().optional(),
    source: z.string(),
    rating: z.number(),
  }),
  index: { movieId: exact(), authorId: exact(), editorId: exact(), rating: range(), source: range() },
});
const MovieTag = defineEntity({
  name: "movieTag",
  schema: z.object({ id: z.string(), movieId: z.string(), tagId: z.string(), weight: z.number() }),
  index: { movieId: exact(), tagId: exact(), weight: range() },
});

const movieRelations = relations(Movie, ({ one, many }) => ({
  director: one(Person, { field: "directorId", onDelete: "restrict" }),
  producer: one(Person, { field: "producerId", onDelete: "setNull" }),
  writer: one(Person, { field: "credits.writerId" }),
  reviews: many(Review, { field: "movieId", onDelete: "cascade" }),
  tags: many(Tag, { through: MovieTag, from: "movieId", to: "tagId", onDelete: "cascade" }),
  listed: many(Tag, { ids: "tagIds" }),
}));
const reviewRelations = relations(Review, ({ one }) => ({
  movie: one(Movie, { field: "movieId" }),
  author: one(Person, { field: "authorId", onDelete: "setNull" }),
}));
const personRelations = relations(Person, ({ many }) => ({
  directed: many(Movie, { field: "directorId" }),
  written: many(Review, { field: "authorId" }),
}));

type Known = typeof movieRelations | typeof reviewRelations | typeof personRelations;
declare const db: Database<Known>;
const movies = () => db.repository(Movie);
const query = () => movies().query();

describe("declarations", () => {
  test("name fields that can lead there", () => {
    relations(Movie, ({ one, many }) => ({
      // @ts-expect-error no such field
      nowhere: one(Person, { field: "nope" }),
      // @ts-expect-error a number is no id
      year2: one(Person, { field: "year" }),
      // @ts-expect-error a list is not one id
      first: one(Person, { field: "tagIds" }),
      // @ts-expect-error not indexed, so who refers cannot be found
      titled: one(Person, { field: "title", onDelete: "cascade" }),
      // @ts-expect-error not indexed
      unindexed: many(Review, { field: "nope" }),
      // @ts-expect-error range() is no exact()
      ranged: many(Review, { field: "source" }),
      // @ts-expect-error a number is no id
      rated: many(Review, { field: "rating" }),
      // @ts-expect-error no such field of the entities between
      between: many(Tag, { through: MovieTag, from: "movieId", to: "nope" }),
      // @ts-expect-error a number is no id
      weighed: many(Tag, { through: MovieTag, from: "weight", to: "tagId" }),
      // @ts-expect-error one text is no list
      single: many(Tag, { ids: "title" }),
      // @ts-expect-error numbers are no ids
      numbers: many(Tag, { ids: "years" }),
      // @ts-expect-error one or the other
      both: many(Tag, { ids: "tagIds", through: MovieTag }),
    }));
  });

  test("set to null only what may be null", () => {
    relations(Movie, ({ one, many }) => ({
      // @ts-expect-error neither nullable nor optional
      a: one(Person, { field: "directorId", onDelete: "setNull" }),
      // @ts-expect-error neither nullable nor optional
      b: many(Review, { field: "movieId", onDelete: "setNull" }),
      c: many(Review, { field: "editorId", onDelete: "setNull" }),
      // @ts-expect-error entities between are deleted or not
      d: many(Tag, { through: MovieTag, from: "movieId", to: "tagId", onDelete: "setNull" }),
      // @ts-expect-error no such action
      e: many(Review, { field: "movieId", onDelete: "ignore" }),
    }));
  });

  test("take no name that the entity has", () => {
    // @ts-expect-error a field has that name
    relations(Movie, ({ one }) => ({ title: one(Person, { field: "directorId" }) }));
  });
});

describe("with", () => {
  test("gives entities their relations", async () => {
    const [movie] = await query()
      .with({
        director: true,
        reviews: {
          where: (f) => f("rating").gte(3),
          orderBy: ["rating", "desc"],
          limit: 5,
          select: ["rating"],
          with: { author: { select: ["name"] }, movie: { with: { director: true } } },
        },
        tags: { count: true },
        listed: { orderBy: [["name", "desc"]], where: { name: "Western" } },
      })
      .all();
    if (movie === undefined) return;
    expectTypeOf(movie.title).toEqualTypeOf<string>();
    expectTypeOf(movie.director).toEqualTypeOf<{ id: string; name: string } | null>();
    expectTypeOf(movie.tags).toEqualTypeOf<number>();
    expectTypeOf(movie.listed).toEqualTypeOf<{ id: string; name: string }[]>();
    const [review] = movie.reviews;
    expectTypeOf(review?.rating).toEqualTypeOf<number | undefined>();
    expectTypeOf(review?.author).toEqualTypeOf<{ name: string } | null | undefined>();
    expectTypeOf(review?.movie?.director?.name).toEqualTypeOf<string | undefined>();
    // @ts-expect-error not selected
    void review?.source;
    // @ts-expect-error not asked for
    void movie.producer;
  });

  test("adds to what select chose, and to what with added before", async () => {
    const first = await query().select("title").with({ director: true }).with({ tags: true }).first();
    expectTypeOf(first).toEqualTypeOf<{
      title: string;
      director: EntityOf<typeof Person> | null;
      tags: EntityOf<typeof Tag>[];
    } | null>();
    expectTypeOf(
      query()
        .with({ tags: { count: true } })
        .page(),
    ).resolves.toHaveProperty("total");
    for await (const { tags } of query()
      .with({ tags: { count: true } })
      .stream())
      expectTypeOf(tags).toEqualTypeOf<number>();
  });

  test("refuses what is no relation, and no option", () => {
    // @ts-expect-error no such relation
    query().with({ nope: true });
    // @ts-expect-error no such relation, beside one
    query().with({ director: true, nope: true });
    // @ts-expect-error no such relation of a person
    query().with({ director: { with: { nope: true } } });
    // @ts-expect-error no such relation of a review, beside one
    query().with({ reviews: { with: { author: true, nope: true } } });
    // @ts-expect-error tags have no relations, though people of the same structure do
    query().with({ tags: { with: { directed: true } } });
    // @ts-expect-error true or options
    query().with({ director: false });
    // @ts-expect-error one is not limited
    query().with({ director: { limit: 1 } });
    // @ts-expect-error one is not counted
    query().with({ director: { count: true } });
    // @ts-expect-error no such option
    query().with({ reviews: { limt: 1 } });
    // @ts-expect-error what is counted has no limit
    query().with({ reviews: { count: true, limit: 1 } });
    // @ts-expect-error no such field
    query().with({ reviews: { select: ["nope"] } });
    // @ts-expect-error at least one field
    query().with({ reviews: { select: [] } });
    // @ts-expect-error nothing orders by this one
    query().with({ reviews: { orderBy: ["movieId"] } });
    // @ts-expect-error no such direction
    query().with({ reviews: { orderBy: ["rating", "up"] } });
    // @ts-expect-error not indexed
    query().with({ tags: { where: (f) => f("id").eq("x") } });
    // @ts-expect-error a text is no rating
    query().with({ reviews: { where: (f) => f("rating").gte("x") } });
    // @ts-expect-error a text is no rating
    query().with({ reviews: { where: { rating: "x" } } });
    // @ts-expect-error a tag has no relations
    db.repository(Tag).query().with({ directed: true });
  });

  test("comes along with reads by id and unique value", () => {
    expectTypeOf(movies().findById("a", { with: { director: true } }))
      .resolves.exclude<null>()
      .toHaveProperty("director")
      .toEqualTypeOf<EntityOf<typeof Person> | null>();
    expectTypeOf(
      movies().findById("a", { select: ["title"], with: { tags: { count: true } } }),
    ).resolves.toEqualTypeOf<{
      title: string;
      tags: number;
    } | null>();
    expectTypeOf(
      movies().findByIds(["a"], { select: ["title"], with: { tags: { count: true } } }),
    ).resolves.toEqualTypeOf<({ title: string; tags: number } | null)[]>();
    expectTypeOf(movies().findByIdOrThrow("a", { with: { tags: { count: true } } }))
      .resolves.toHaveProperty("tags")
      .toEqualTypeOf<number>();
    expectTypeOf(movies().findById("a")).resolves.toEqualTypeOf<EntityOf<typeof Movie> | null>();
    // @ts-expect-error no such relation
    void movies().findById("a", { with: { nope: true } });
    // @ts-expect-error no such relation
    void movies().findByIds(["a"], { with: { nope: true } });
    // @ts-expect-error no such relation
    void movies().findByIdOrThrow("a", { with: { nope: true } });
  });
});

describe("a database", () => {
  test("knows the relations it was opened with", async () => {
    const opened = await connect("redis://localhost", { relations: [movieRelations, personRelations] });
    expectTypeOf(opened).toEqualTypeOf<Database<typeof movieRelations | typeof personRelations>>();
    const found = opened.repository(Movie).query();
    found.with({ director: { with: { directed: true } } });
    // @ts-expect-error the relations of reviews were not given
    found.with({ reviews: { with: { author: true } } });
    const bare = await connect("redis://localhost");
    // @ts-expect-error no relations at all
    void bare.repository(Movie).query().with({ director: true });
  });

  test("with relations will do where any is wanted", () => {
    const plain: Database = db;
    expectTypeOf(plain.repository(Movie)).toEqualTypeOf<Repository<typeof Movie>>();
    const repository: Repository<typeof Movie> = movies();
    expectTypeOf(repository.findById("a")).resolves.toEqualTypeOf<EntityOf<typeof Movie> | null>();
    expectTypeOf(movieRelations).toExtend<Relations>();
  });

  test("puts the relations of several declarations together", () => {
    const more = relations(Movie, ({ many }) => ({ others: many(Movie, { field: "producerId" }) }));
    const both = db as Database<Known | typeof more>;
    void both
      .repository(Movie)
      .query()
      .with({ others: { with: { director: true } }, tags: true });
  });
});

@Entity({ name: "author" })
class Author {
  @Id() id!: string;
  @Field(z.string(), { index: exact({ sortable: true }) }) name!: string;
  get initial(): string {
    return this.name.charAt(0);
  }
}

@Entity({ name: "book" })
class Book {
  @Id() id!: string;
  @Field(z.string(), { index: exact() }) authorId!: string;
  @Field(z.int()) pages!: number;
}

describe("classes", () => {
  const declared = [
    relations(Author, ({ many }) => ({ books: many(Book, { field: "authorId", onDelete: "cascade" }) })),
    relations(Book, ({ one }) => ({ author: one(Author, { field: "authorId" }) })),
  ] as const;

  test("have relations as other types do", async () => {
    const opened = db as unknown as Database<(typeof declared)[number]>;
    const [book] = await opened
      .repository(Book)
      .query()
      .with({ author: { with: { books: { count: true } } } })
      .all();
    expectTypeOf(book?.author?.initial).toEqualTypeOf<string | undefined>();
    expectTypeOf(book?.author?.books).toEqualTypeOf<number | undefined>();
    // @ts-expect-error of another class
    void opened.repository(Book).query().with({ books: true });
    // @ts-expect-error no such property
    relations(Book, ({ one }) => ({ writer: one(Author, { field: "writerId" }) }));
    // @ts-expect-error a number is no id
    relations(Book, ({ one }) => ({ writer: one(Author, { field: "pages" }) }));
    // @ts-expect-error a property has that name
    relations(Author, ({ many }) => ({ name: many(Book, { field: "authorId" }) }));
    // @ts-expect-error so has a getter
    relations(Author, ({ many }) => ({ initial: many(Book, { field: "authorId" }) }));
  });
});
