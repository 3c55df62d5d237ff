// Queries: only indexed fields, only the operators of their index, only operands of their type.
// Never run; each expected error must be one, or the type check fails.
import { describe, expectTypeOf, test } from "vitest";

import { z } from "zod";
import {
  type BulkResult,
  type Database,
  defineEntity,
  type EntityOf,
  exact,
  geo,
  geoPoint,
  type Facet,
  type IndexesOf,
  type KeysetPage,
  type Page,
  type Query,
  type QueryChanges,
  range,
  type ReadOnlyRepository,
  type Repository,
  text,
  vector,
} from "remora";
import type { Movie as Definition } from "./definition.test-d.ts";

type Movie = EntityOf<typeof Definition>;
declare const movies: Repository<typeof Definition>;
const query = (): Query<Movie, IndexesOf<typeof Definition>> => movies.query();

describe("where", () => {
  test("what the indexes allow compiles", () => {
    query().where("title").eq("x").where("title").match("words");
    query().where("title").in(["x", "y"]);
    query().where("year").gte(1960).where("year").between(1, 2, { excludeUpper: true });
    query().where("rating").eq(1).where("rating").isNull();
    query().where("released").lt(new Date());
    query()
      .where("genres")
      .contains("drama")
      .where("genres")
      .containsAll(["comedy", "western"])
      .where("genres")
      .containsAny([]);
    query().where("director.name").ne("x").where("director.born").isNull();
    query().where("studio.code").gt(5n).where("studio.open").eq(true).where("studio.open").isNull();
    query().where("grade").eq("A").where("grade").notIn(["A", "B"]);
    query().where("premiere").isNull();
    query().whereNot("note").isNull();
    query().where((f) => f.or(f("genres").contains("western"), f.not(f("year").lt(1970)), f.and(f("note").isNull())));
  });

  test("fields without an index do not", () => {
    // @ts-expect-error not indexed
    query().where("slug");
    // @ts-expect-error not in the schema
    query().where("nope");
    // @ts-expect-error the object itself is not indexed
    query().where("director");
    // @ts-expect-error no such nested field
    query().where("director.nope");
    // @ts-expect-error not indexed
    query().whereNot("slug");
    // @ts-expect-error not indexed, inside a callback
    query().where((f) => f("slug").eq("x"));
  });

  test("operators of another kind do not", () => {
    // @ts-expect-error a number has no words
    query().where("year").match("x");
    // @ts-expect-error exact text has no order
    query().where("title").gt("x");
    // @ts-expect-error a single value contains nothing
    query().where("title").contains("x");
    // @ts-expect-error a list is not equal to one value
    query().where("genres").eq("drama");
    // @ts-expect-error a list has no order
    query().where("genres").gt("drama");
    // @ts-expect-error a required field is never null
    query().where("year").isNull();
    // @ts-expect-error a boolean has no order
    query().where("studio.open").gt(true);
    // @ts-expect-error without text() there are no words
    query().where("director.name").match("x");
    // @ts-expect-error a point has no equality
    query().where("premiere").eq({ longitude: 1, latitude: 2 });
    // @ts-expect-error the same inside a callback
    query().where((f) => f("year").match("x"));
  });

  test("operands of another type do not", () => {
    // @ts-expect-error a string for a number
    query().where("year").eq("1960");
    // @ts-expect-error a number for a string
    query().where("title").eq(1);
    // @ts-expect-error text for a date
    query().where("released").gte("2020-01-01");
    // @ts-expect-error a number for a bigint
    query().where("studio.code").eq(5);
    // @ts-expect-error text for a boolean
    query().where("studio.open").eq("true");
    // @ts-expect-error no member of the enum
    query().where("grade").eq("C");
    // @ts-expect-error one is no member of the enum
    query().where("grade").in(["A", "C"]);
    // @ts-expect-error no member of the list's enum
    query().where("genres").contains("horror");
    // @ts-expect-error one is no member of the list's enum
    query().where("genres").containsAny(["drama", "horror"]);
    // @ts-expect-error undefined is no operand
    query().where("title").eq(undefined);
    // @ts-expect-error neither is null: there is isNull
    query().where("rating").eq(null);
    // @ts-expect-error nor undefined inside a list
    query().where("year").in([1, undefined]);
    // @ts-expect-error in takes a list
    query().where("year").in(1);
    // @ts-expect-error between takes two
    query().where("year").between(1);
  });
});

describe("order and results", () => {
  test("only sortable fields have an order", () => {
    query().orderBy("title").orderBy("year", "desc").orderBy("director.born").orderBy("studio.code");
    // @ts-expect-error a list has no order
    query().orderBy("genres");
    // @ts-expect-error exact without sortable
    query().orderBy("director.name");
    // @ts-expect-error not indexed
    query().orderBy("slug");
    // @ts-expect-error no such path
    query().orderBy("director.nope");
    // @ts-expect-error a point has no order
    query().orderBy("premiere");
    // @ts-expect-error no such direction
    query().orderBy("year", "down");
    // @ts-expect-error a limit is a number
    query().limit("10");
  });

  test("results are entities", async () => {
    expectTypeOf(query().all()).resolves.toEqualTypeOf<Movie[]>();
    expectTypeOf(query().first()).resolves.toEqualTypeOf<Movie | null>();
    expectTypeOf(query().page()).resolves.toEqualTypeOf<Page<Movie>>();
    expectTypeOf(query().ids()).resolves.toEqualTypeOf<string[]>();
    expectTypeOf(movies.findById("a")).resolves.toEqualTypeOf<Movie | null>();
    expectTypeOf(movies.findByIds(["a"])).resolves.toEqualTypeOf<(Movie | null)[]>();
    expectTypeOf(movies.saveMany([])).resolves.toEqualTypeOf<BulkResult<Movie>>();
    const found = await movies.findByIdOrThrow("a");
    expectTypeOf(found.director.born).toEqualTypeOf<Date | undefined>();
    // @ts-expect-error no such property of a result
    void found.nope;
    // @ts-expect-error no such nested property of a result
    void found.director.nope;
    // @ts-expect-error it may be null
    void (await movies.findById("a")).title;
  });

  test("writes take inputs", () => {
    const input = { title: "t", year: 1, rating: null, director: { name: "n" }, released: new Date(), slug: "s" };
    void movies.insert(input);
    void movies.save({ ...input, id: "a", version: 3 });
    void movies.insert({ ...input, genres: ["drama"] }, { ttl: { ms: 5 } });
    // @ts-expect-error a property is missing
    void movies.insert({ title: "t" });
    // @ts-expect-error no member of the enum
    void movies.insert({ ...input, genres: ["horror"] });
    // @ts-expect-error a wrong type
    void movies.save({ ...input, year: "1" });
    // @ts-expect-error a nested property is missing
    void movies.save({ ...input, director: {} });
    // @ts-expect-error ids are strings
    void movies.findById(1);
    // @ts-expect-error no such time
    void movies.insert(input, { ttl: "1h" });
  });
});

const Place = defineEntity({
  name: "place",
  schema: z.object({
    id: z.string(),
    sorted: z.string().optional(),
    ranged: z.string(),
    plain: z.string(),
    parts: z.string().nullable(),
    grade: z.enum(["A", "B"]),
    size: z.number(),
    big: z.bigint(),
    about: z.string(),
    words: z.string(),
    tags: z.array(z.string()),
    at: geoPoint().optional(),
  }),
  index: {
    sorted: exact({ sortable: true }),
    ranged: range(),
    plain: exact({ caseInsensitive: true }),
    parts: exact({ substring: true }),
    grade: exact({ sortable: true }),
    size: range(),
    big: range(),
    about: [exact({ sortable: true, substring: true }), text({ phrase: true })],
    words: text({ weight: 2 }),
    tags: exact(),
    at: geo(),
  },
});
declare const places: Repository<typeof Place>;
const place = (): Query<EntityOf<typeof Place>, IndexesOf<typeof Place>> => places.query();

describe("parts of text, places", () => {
  test("what the indexes allow compiles", () => {
    place().where("sorted").startsWith("a").where("ranged").startsWith("b").where("grade").startsWith("A");
    place().where("parts").endsWith("a").where("parts").includes("b").where("ranged").between("a", "b");
    place().where("about").includes("a").where("about").startsWith("b").where("about").phrase("a b");
    place().where("words").match("a").where("words").matchPrefix("b").where("words").fuzzy("c", { distance: 2 });
    place()
      .where("at")
      .within({ center: { longitude: 1, latitude: 2 }, radius: 5, unit: "km" })
      .where("at")
      .within({ west: 1, south: 2, east: 3, north: 4 });
    place().where((f) => f.or(f("parts").includes("x"), f.not(f("words").fuzzy("y"))));
    places.query({
      sorted: { startsWith: "a" },
      parts: { includes: "b" },
      about: { phrase: "a b" },
      words: { fuzzy: ["c", { distance: 1 }], matchPrefix: "d" },
      at: { within: { west: 1, south: 2, east: 3, north: 4 } },
    });
  });

  test("beginnings are for sorted strings", () => {
    // @ts-expect-error exact without sortable
    place().where("plain").startsWith("a");
    // @ts-expect-error substring alone is not sortable
    place().where("parts").startsWith("a");
    // @ts-expect-error a number has no beginning
    place().where("size").startsWith("1");
    // @ts-expect-error neither has a bigint
    place().where("big").startsWith("1");
    // @ts-expect-error words are no string as a whole
    place().where("words").startsWith("a");
    // @ts-expect-error nor is a list
    place().where("tags").startsWith("a");
    // @ts-expect-error a number is no text
    place().where("sorted").startsWith(1);
    // @ts-expect-error the same in a filter
    places.query({ plain: { startsWith: "a" } });
  });

  test("ends and insides need substring", () => {
    // @ts-expect-error sortable alone
    place().where("sorted").endsWith("a");
    // @ts-expect-error range alone
    place().where("ranged").includes("a");
    // @ts-expect-error text alone
    place().where("words").includes("a");
    // @ts-expect-error the same in a filter
    places.query({ sorted: { endsWith: "a" } });
  });

  test("words and phrases need text, phrases their order too", () => {
    // @ts-expect-error text without phrase
    place().where("words").phrase("a b");
    // @ts-expect-error exact is not text
    place().where("plain").matchPrefix("a");
    // @ts-expect-error exact is not text
    place().where("plain").fuzzy("a");
    // @ts-expect-error three edits make another word
    place().where("words").fuzzy("a", { distance: 3 });
    // @ts-expect-error no edit is match
    place().where("words").fuzzy("a", { distance: 0 });
    // @ts-expect-error no such option
    place().where("words").fuzzy("a", { edits: 1 });
    // @ts-expect-error the same in a filter
    places.query({ words: { fuzzy: ["a", { distance: 3 }] } });
    // @ts-expect-error the same in a filter
    places.query({ words: { phrase: "a b" } });
  });

  test("the server's rules are asked for where they were declared, and nothing else is", () => {
    const Note = defineEntity({
      name: "note",
      schema: z.object({ id: z.string(), body: z.string(), both: z.string().nullable(), words: z.string() }),
      index: {
        body: text({ native: { language: "french", noStem: true, phonetic: "fr", stopWords: ["le"] } }),
        both: [text({ phrase: true }), exact(), text({ native: {} })],
        words: text(),
      },
    });
    const note = (): Query<EntityOf<typeof Note>, IndexesOf<typeof Note>> => places as never;
    note().where("body").matchNative("a").where("both").matchNative("b").where("both").match("c");
    note().whereNot("both").matchNative("a").where("both").isNull().where("both").phrase("a b");
    note().where((f) => f.or(f("body").matchNative("x"), f.not(f("both").matchNative("y"))));
    note()
      .where({ body: { matchNative: "a" } })
      .search("words")
      .highlight(["both", "words"]);
    // @ts-expect-error words by the mapper's rules
    note().where("words").matchNative("a");
    // @ts-expect-error words by the server's rules
    note().where("body").match("a");
    // @ts-expect-error they have no order either
    note().where("body").phrase("a");
    // @ts-expect-error nor are they equal to anything
    note().where("body").eq("a");
    // @ts-expect-error a text
    note().where("body").matchNative(1);
    // @ts-expect-error one text
    note().where("body").matchNative(["a"]);
    // @ts-expect-error the same in a filter
    note().where({ words: { matchNative: "a" } });
    // @ts-expect-error the mapper does not know where the server finds a word
    note().highlight(["body"]);
    // @ts-expect-error words are no order
    note().orderBy("body");
  });

  test("areas are for points, and whole", () => {
    // @ts-expect-error no place
    place().where("size").within({ west: 1, south: 2, east: 3, north: 4 });
    // @ts-expect-error no place
    place().where("words").within({ west: 1, south: 2, east: 3, north: 4 });
    // @ts-expect-error a box has four borders
    place().where("at").within({ west: 1, south: 2, east: 3 });
    place()
      .where("at")
      // @ts-expect-error a circle has a radius
      .within({ center: { longitude: 1, latitude: 2 } });
    place()
      .where("at")
      // @ts-expect-error no such unit
      .within({ center: { longitude: 1, latitude: 2 }, radius: 5, unit: "yd" });
    place()
      .where("at")
      // @ts-expect-error a point has both coordinates
      .within({ center: { longitude: 1 }, radius: 5 });
    // @ts-expect-error a point has no order
    place().where("at").gt({ longitude: 1, latitude: 2 });
  });
});

describe("deleting by query", () => {
  test("tells what it did", () => {
    expectTypeOf(
      query().where("year").lt(1950).limit(5).delete({ batchSize: 10 }),
    ).resolves.toEqualTypeOf<QueryChanges>();
    // @ts-expect-error no such option
    void query().delete({ limit: 5 });
  });
});

describe("chosen fields", () => {
  test("narrow what every terminal gives", async () => {
    const chosen = query().select("title", "rating", "note", "premiere");
    type Part = Pick<Movie, "title" | "rating" | "note" | "premiere">;
    expectTypeOf(chosen.all()).resolves.toEqualTypeOf<Part[]>();
    expectTypeOf(chosen.first()).resolves.toEqualTypeOf<Part | null>();
    expectTypeOf(chosen.page()).resolves.toEqualTypeOf<Page<Part>>();
    expectTypeOf(chosen.keyset()).resolves.toEqualTypeOf<KeysetPage<Part>>();
    for await (const each of chosen.stream()) expectTypeOf(each).toEqualTypeOf<Part>();
    const [row] = await chosen.where("year").gt(1).orderBy("released").limit(1).all();
    expectTypeOf(row).toEqualTypeOf<Part | undefined>();
    // @ts-expect-error not chosen
    void row?.year;
  });

  test("inside objects keep what may be missing on the way", () => {
    expectTypeOf(query().select("director.born", "studio.code").firstOrThrow()).resolves.toEqualTypeOf<{
      director: { born?: Date | undefined };
      studio?: { code: bigint } | undefined;
    }>();
    expectTypeOf(query().select("director.name", "director").firstOrThrow()).resolves.toEqualTypeOf<
      Pick<Movie, "director">
    >();
  });

  test("are fields of the schema, and at least one", () => {
    // @ts-expect-error no such field
    query().select("nope");
    // @ts-expect-error no such field inside
    query().select("title", "director.nope");
    // @ts-expect-error lists have no inner fields
    query().select("genres.0");
    // @ts-expect-error nothing chosen
    query().select();
    // @ts-expect-error a field, not several
    query().select(["title"]);
  });
});

describe("pages by place", () => {
  test("give entities and a cursor", async () => {
    expectTypeOf(query().keyset()).resolves.toEqualTypeOf<KeysetPage<Movie>>();
    const { items, cursor } = await query().keyset({ after: null, deadline: 5 });
    expectTypeOf(items).toEqualTypeOf<Movie[]>();
    expectTypeOf(cursor).toEqualTypeOf<string | null>();
    void query().keyset({ after: cursor });
    void query().keyset({ after: undefined });
    // @ts-expect-error a cursor is text
    void query().keyset({ after: 5 });
    // @ts-expect-error no such option
    void query().keyset({ before: cursor });
  });

  test("a stream gives entities one by one", async () => {
    const stream = query().stream({ batchSize: 5, signal: new AbortController().signal });
    expectTypeOf(stream).toEqualTypeOf<AsyncGenerator<Movie, void, undefined>>();
    for await (const each of stream) expectTypeOf(each).toEqualTypeOf<Movie>();
    // @ts-expect-error a number
    query().stream({ batchSize: "5" });
    // @ts-expect-error a stream has no cursor
    query().stream({ after: "a" });
  });

  test("one is an entity or null", () => {
    expectTypeOf(query().one()).resolves.toEqualTypeOf<Movie | null>();
    // @ts-expect-error no such option
    void query().one({ limit: 1 });
  });
});

describe("aggregations", () => {
  test("rows have the groups and the reducers", () => {
    const rows = query()
      .where("year")
      .gte(1960)
      .aggregate()
      .groupBy("genres", "director.name", "rating")
      .reduce((of) => ({ films: of.count(), codes: of.sum("studio.code"), mean: of.avg("rating") }))
      .reduce((of) => ({ newest: of.max("released"), first: of.min("title"), median: of.quantile("year", 0.5) }))
      .having((row) => row.films > 1 && (row.mean ?? 0) > 5)
      .orderBy("films", "desc")
      .orderBy("director.name")
      .limit(3)
      .all();
    expectTypeOf(rows).resolves.toEqualTypeOf<
      {
        genres: "drama" | "comedy" | "western" | null;
        "director.name": string | null;
        rating: number | null;
        films: number;
        codes: bigint;
        mean: number | null;
        newest: Date | null;
        first: string | null;
        median: number | null;
      }[]
    >();
    const every = query().aggregate();
    // @ts-expect-error an object is no group
    every.groupBy("director");
    // @ts-expect-error a point is no group
    every.groupBy("premiere");
    // @ts-expect-error no such field
    every.groupBy("nope");
    // @ts-expect-error nothing to group by
    every.groupBy();
    // @ts-expect-error no sum of texts
    every.reduce((of) => ({ x: of.sum("title") }));
    // @ts-expect-error no mean of dates
    every.reduce((of) => ({ x: of.avg("released") }));
    // @ts-expect-error an array has no least item here
    every.reduce((of) => ({ x: of.min("genres") }));
    // @ts-expect-error a share is wanted
    every.reduce((of) => ({ x: of.quantile("year") }));
    // @ts-expect-error no such name in the rows
    every.groupBy("year").orderBy("films");
    // @ts-expect-error no such name in the rows
    every.groupBy("year").having((row) => row.films > 1);
  });

  test("facets have the values of their fields", () => {
    const facets = query().facets(["genres", "grade"], { limit: 5, deadline: 100 });
    expectTypeOf(facets).resolves.toEqualTypeOf<{
      genres: Facet<"drama" | "comedy" | "western">[];
      grade: Facet<"A" | "B">[];
    }>();
    // @ts-expect-error an object has no facets
    void query().facets(["director"]);
    // @ts-expect-error nothing asked for
    void query().facets([]);
    // @ts-expect-error no such option
    void query().facets(["genres"], { top: 5 });
  });
});

describe("distances", () => {
  const here = { longitude: 1, latitude: 2 };

  test("are a property of what is found", () => {
    const near = query().orderByDistance("premiere", here, "desc").withDistance("premiere", here, { unit: "km" });
    expectTypeOf(near.firstOrThrow()).resolves.toHaveProperty("distance").toEqualTypeOf<number | null>();
    expectTypeOf(near.firstOrThrow()).resolves.toHaveProperty("title").toEqualTypeOf<string>();
    const away = query().select("title").withDistance("premiere", here, { as: "away" });
    expectTypeOf(away.firstOrThrow()).resolves.toEqualTypeOf<{ title: string; away: number | null }>();
  });

  test("want points", () => {
    // @ts-expect-error no point
    query().orderByDistance("title", here);
    // @ts-expect-error no such direction
    query().orderByDistance("premiere", here, "up");
    // @ts-expect-error half a place
    query().orderByDistance("premiere", { longitude: 1 });
    // @ts-expect-error no point
    query().withDistance("title", here);
    // @ts-expect-error no such unit
    query().withDistance("premiere", here, { unit: "parsec" });
  });
});

describe("relevance", () => {
  test("wants text, and marks it", () => {
    const found = query().where("title").match("x").orderByRelevance().highlight(["title"], { open: "*", close: "*" });
    expectTypeOf(found.firstOrThrow()).resolves.toHaveProperty("highlights").toEqualTypeOf<{ title: string | null }>();
    expectTypeOf(query().select("year").highlight(["title"]).firstOrThrow()).resolves.toEqualTypeOf<{
      year: number;
      highlights: { title: string | null };
    }>();
    // @ts-expect-error no text index
    query().highlight(["slug"]);
    // @ts-expect-error no field
    query().highlight([]);
    // @ts-expect-error no such option
    query().highlight(["title"], { tag: "b" });
    const plain = defineEntity({ name: "p", schema: z.object({ id: z.string(), n: z.int() }), index: { n: range() } });
    const wordless = {} as Query<EntityOf<typeof plain>, IndexesOf<typeof plain>>;
    // @ts-expect-error no text anywhere
    wordless.orderByRelevance();
  });
});

describe("raw conditions", () => {
  test("take values that an index holds", () => {
    expectTypeOf(
      query().whereRaw`@year:[${1960} ${new Date()}] @title:{${"x"} | ${true} | ${5n}}`.first(),
    ).resolves.toEqualTypeOf<Movie | null>();
    // @ts-expect-error no text that was put together
    void query().whereRaw("@year:[1 2]");
    // @ts-expect-error null is no value
    void query().whereRaw`@year:[${null} 1]`;
    // @ts-expect-error an object is none
    void query().whereRaw`@year:[${{ a: 1 }} 1]`;
  });
});

describe("nearest vectors", () => {
  const Pin = defineEntity({
    name: "pin",
    schema: z.object({
      id: z.string(),
      name: z.string(),
      at: z.array(z.number()),
      deep: z.object({ maybe: z.array(z.number()).nullable() }),
    }),
    index: { name: exact(), at: vector({ dim: 2 }), "deep.maybe": vector({ dim: 2, algorithm: "hnsw" }) },
  });
  const pins = {} as Query<EntityOf<typeof Pin>, IndexesOf<typeof Pin>>;

  test("give the entities with their distances", () => {
    expectTypeOf(pins.nearest("at", { to: [1, 2], k: 3 })).resolves.toEqualTypeOf<
      { id: string; name: string; at: number[]; deep: { maybe: number[] | null }; distance: number }[]
    >();
    const some = pins.where("name").eq("x").where("deep.maybe").isNull().select("name");
    expectTypeOf(
      some.nearest(
        "deep.maybe",
        { to: new Float32Array(2), k: 3, as: "away", exact: true, maxDistance: 1 },
        { deadline: 9 },
      ),
    ).resolves.toEqualTypeOf<{ name: string; away: number }[]>();
  });

  test("want a vector, and nothing else", () => {
    // @ts-expect-error no vector there
    void pins.nearest("name", { to: [1, 2], k: 3 });
    // @ts-expect-error no such field
    void pins.nearest("nope", { to: [1, 2], k: 3 });
    // @ts-expect-error how many?
    void pins.nearest("at", { to: [1, 2] });
    // @ts-expect-error nearest to what?
    void pins.nearest("at", { k: 3 });
    // @ts-expect-error texts are no numbers
    void pins.nearest("at", { to: ["1", "2"], k: 3 });
    // @ts-expect-error no such option
    void pins.nearest("at", { to: [1, 2], k: 3, radius: 1 });
    // @ts-expect-error a vector has no order
    pins.orderBy("at");
    // @ts-expect-error nor equality
    pins.where("at").eq([1, 2]);
    // @ts-expect-error and here it cannot be absent
    pins.where("at").isNull();
    // @ts-expect-error the same in a filter
    pins.where({ at: { isNull: true } });
    pins.where({ "deep.maybe": { isNull: true } });
    // @ts-expect-error no vector anywhere
    void query().nearest("title", { to: [1], k: 1 });
  });
});

describe("a repository that only reads", () => {
  test("has nothing that writes", () => {
    const reader = {} as ReadOnlyRepository<typeof Definition>;
    expectTypeOf(reader.findById("x")).resolves.toEqualTypeOf<Movie | null>();
    expectTypeOf(reader.query()).toEqualTypeOf<ReturnType<typeof movies.query>>();
    // @ts-expect-error it does not insert
    void reader.insert;
    // @ts-expect-error nor save
    void reader.saveMany;
    // @ts-expect-error nor change
    void reader.update;
    // @ts-expect-error nor delete
    void reader.delete;
    // @ts-expect-error nor prolong
    void reader.touch;
    // @ts-expect-error nor make indexes
    void reader.indexes.sync;
    const db = {} as Database;
    const definition = {} as typeof Definition;
    expectTypeOf(db.repository(definition, { readOnly: true })).toEqualTypeOf<ReadOnlyRepository<typeof Definition>>();
    expectTypeOf(db.repository(definition, { validate: "none" })).toEqualTypeOf<Repository<typeof Definition>>();
  });
});
