// Definitions: what the compiler infers from the zod schema alone, and what it refuses.
// Never run; each expected error must be one, or the type check fails.
import { z } from "zod";
import { describe, expectTypeOf, test } from "vitest";

import {
  bit,
  bytes,
  custom,
  type Database,
  dateAs,
  decimal,
  defineEntity,
  encrypted,
  type EntityOf,
  exact,
  geo,
  type GeoPoint,
  geoPoint,
  type Index,
  type InputOf,
  joined,
  pointText,
  range,
  type SaveOperation,
  text,
  vector,
} from "remora";

export const Movie = defineEntity({
  name: "movie",
  schema: z.object({
    id: z.string(),
    title: z.string(),
    year: z.int(),
    rating: z.number().nullable(),
    genres: z.array(z.enum(["drama", "comedy", "western"])).default([]),
    director: z.object({ name: z.string(), born: z.date().optional() }),
    released: z.date(),
    premiere: geoPoint().optional(),
    slug: z.string(),
    note: z.string().nullish(),
    studio: z.object({ code: z.bigint(), open: z.boolean() }).optional(),
    grade: z.enum(["A", "B"]).optional(),
    poster: bytes().optional(),
    version: z.int(),
    createdAt: z.date(),
    updatedAt: z.date(),
  }),
  id: { field: "id", generate: "ulid" },
  storage: "hash",
  index: {
    title: [exact({ sortable: true }), text({ weight: 2 })],
    year: range(),
    rating: range(),
    released: range(),
    genres: exact(),
    "director.name": exact(),
    "director.born": range(),
    premiere: geo(),
    note: exact(),
    "studio.code": [exact(), range()],
    "studio.open": exact(),
    grade: exact(),
  },
  unique: { slug: ["slug"], place: ["director.name", "year"] },
  compound: { byDirector: { eq: ["director.name", "grade"], orderBy: "year" }, byYear: { eq: ["year"] } },
  version: "version",
  timestamps: { createdAt: "createdAt", updatedAt: "updatedAt" },
  ttl: { seconds: 86_400, sliding: "none", onUpdate: "keep" },
});
export type Movie = EntityOf<typeof Movie>;

type Genre = "drama" | "comedy" | "western";

describe("the entity's types", () => {
  test("what is read has everything", () => {
    expectTypeOf<Movie["id"]>().toEqualTypeOf<string>();
    expectTypeOf<Movie["rating"]>().toEqualTypeOf<number | null>();
    expectTypeOf<Movie["genres"]>().toEqualTypeOf<Genre[]>();
    expectTypeOf<Movie["director"]>().toEqualTypeOf<{ name: string; born?: Date | undefined }>();
    expectTypeOf<Movie["premiere"]>().toEqualTypeOf<GeoPoint | undefined>();
    expectTypeOf<Movie["version"]>().toEqualTypeOf<number>();
    expectTypeOf<Movie["createdAt"]>().toEqualTypeOf<Date>();
  });

  test("what is inserted may leave out what is made", () => {
    type Input = InputOf<typeof Movie>;
    const least: Input = {
      title: "t",
      year: 1,
      rating: null,
      director: { name: "n" },
      released: new Date(),
      slug: "s",
    };
    expectTypeOf(least).toEqualTypeOf<Input>();
    expectTypeOf<Input["id"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Input["version"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Input["updatedAt"]>().toEqualTypeOf<Date | undefined>();
    expectTypeOf<Input["genres"]>().toEqualTypeOf<Genre[] | undefined>();
    // What a read returned is an input as well.
    expectTypeOf<Movie>().toExtend<Input>();
    // @ts-expect-error the title is missing
    const missing: Input = { year: 1, rating: null, director: { name: "n" }, released: new Date(), slug: "s" };
    // @ts-expect-error the version is required in what is read
    const read: Movie = { ...least, id: "a", genres: [], createdAt: new Date(), updatedAt: new Date() };
    void [missing, read];
  });

  test("the title is a string", () => {
    // @ts-expect-error no such property
    type Nope = Movie["nope"];
    expectTypeOf<Movie["title"]>().toEqualTypeOf<string>();
    expectTypeOf<Nope>().toBeAny();
  });
});

const schema = z.object({
  id: z.string(),
  name: z.string(),
  age: z.number(),
  at: z.date(),
  on: z.boolean(),
  big: z.bigint(),
  list: z.array(z.string()),
  place: geoPoint(),
  inner: z.object({ deep: z.string() }),
  data: z.unknown(),
  counts: z.record(z.string(), z.number()),
  version: z.int(),
});

describe("definitions that do not compile", () => {
  test("paths that do not exist", () => {
    // @ts-expect-error no such field
    defineEntity({ name: "x", schema, index: { nope: exact() } });
    // @ts-expect-error no such nested field
    defineEntity({ name: "x", schema, index: { "inner.nope": exact() } });
    // @ts-expect-error the path goes on below a string
    defineEntity({ name: "x", schema, index: { "name.length": exact() } });
    // @ts-expect-error what a record holds is not known
    defineEntity({ name: "x", schema, index: { "counts.x": range() } });
    // @ts-expect-error no such field in a unique
    defineEntity({ name: "x", schema, unique: { one: ["nope"] } });
    // @ts-expect-error no such nested field in a unique
    defineEntity({ name: "x", schema, unique: { one: ["inner.nope"] } });
  });

  test("stored names of what is no field", () => {
    defineEntity({ name: "x", schema, names: { name: "n", inner: "i", "inner.deep": "d" }, version: "version" });
    defineEntity({ name: "x", schema, names: { id: "i" }, id: { field: "name" } });
    // @ts-expect-error no such field
    defineEntity({ name: "x", schema, names: { nope: "n" } });
    // @ts-expect-error no such nested field
    defineEntity({ name: "x", schema, names: { "inner.nope": "n" } });
    // @ts-expect-error what a record holds is not known
    defineEntity({ name: "x", schema, names: { "counts.x": "n" } });
    // @ts-expect-error the id keeps its name
    defineEntity({ name: "x", schema, names: { id: "n" } });
    // @ts-expect-error so does the id of another name
    defineEntity({ name: "x", schema, names: { name: "n" }, id: { field: "name" } });
    // @ts-expect-error a name is a text
    defineEntity({ name: "x", schema, names: { name: 1 } });
  });

  test("index kinds that the field cannot have", () => {
    // @ts-expect-error a number has range
    defineEntity({ name: "x", schema, index: { age: exact() } });
    // @ts-expect-error a number has no words
    defineEntity({ name: "x", schema, index: { age: text() } });
    // @ts-expect-error a date has range
    defineEntity({ name: "x", schema, index: { at: exact() } });
    // @ts-expect-error a boolean has exact
    defineEntity({ name: "x", schema, index: { on: range() } });
    // @ts-expect-error a list has exact
    defineEntity({ name: "x", schema, index: { list: range() } });
    // @ts-expect-error a list has no order
    defineEntity({ name: "x", schema, index: { list: exact({ sortable: true }) } });
    // @ts-expect-error exact bigints have no order, range has
    defineEntity({ name: "x", schema, index: { big: exact({ sortable: true }) } });
    // @ts-expect-error a point has geo
    defineEntity({ name: "x", schema, index: { place: exact() } });
    // @ts-expect-error a string is no point
    defineEntity({ name: "x", schema, index: { name: geo() } });
    // @ts-expect-error an object has no index of its own
    defineEntity({ name: "x", schema, index: { inner: exact() } });
    // @ts-expect-error one of several is wrong
    defineEntity({ name: "x", schema, index: { age: [range(), text()] } });
  });

  test("vectors stand on arrays of numbers, with options that fit", () => {
    const embedded = z.object({
      id: z.string(),
      at: z.array(z.number()),
      maybe: z.array(z.int()).nullish(),
      inner: z.object({ deep: z.array(z.number()) }).optional(),
      holes: z.array(z.number().nullable()),
      grid: z.array(z.array(z.number())),
      words: z.array(z.string()),
      one: z.number(),
    });
    const hnsw = vector({ dim: 3, metric: "ip", algorithm: "hnsw", m: 8, efConstruction: 100, efRuntime: 20 });
    const index = { at: vector({ dim: 3 }), maybe: vector({ dim: 3, metric: "l2" }), "inner.deep": hnsw } as const;
    defineEntity({ name: "x", schema: embedded, index });
    // @ts-expect-error a list with holes is no vector
    defineEntity({ name: "x", schema: embedded, index: { holes: vector({ dim: 3 }) } });
    // @ts-expect-error a list of lists is none
    defineEntity({ name: "x", schema: embedded, index: { grid: vector({ dim: 3 }) } });
    // @ts-expect-error a list of words is none
    defineEntity({ name: "x", schema: embedded, index: { words: vector({ dim: 3 }) } });
    // @ts-expect-error a number is none
    defineEntity({ name: "x", schema: embedded, index: { one: vector({ dim: 3 }) } });
    // @ts-expect-error a list of numbers has no other index
    defineEntity({ name: "x", schema: embedded, index: { at: exact() } });
    // @ts-expect-error the length is needed
    vector({ metric: "l2" });
    // @ts-expect-error no such metric
    vector({ dim: 3, metric: "hamming" });
    // @ts-expect-error no such algorithm
    vector({ dim: 3, algorithm: "ivf" });
    // @ts-expect-error a flat index has no graph
    vector({ dim: 3, algorithm: "flat", m: 8 });
    // @ts-expect-error nor has one without a word
    vector({ dim: 3, efRuntime: 8 });
  });

  test("compounds of fields that cannot be in them", () => {
    const index = {
      name: exact(),
      age: range(),
      list: exact(),
      "inner.deep": [exact({ sortable: true }), text()],
    } as const;
    defineEntity({ name: "x", schema, index, compound: { one: { eq: ["name", "inner.deep"], orderBy: "age" } } });
    defineEntity({ name: "x", schema, index, compound: { one: { eq: ["age"], orderBy: "inner.deep" } } });
    // @ts-expect-error no such field
    defineEntity({ name: "x", schema, index, compound: { one: { eq: ["nope"], orderBy: "age" } } });
    // @ts-expect-error the field has no index
    defineEntity({ name: "x", schema, index, compound: { one: { eq: ["at"], orderBy: "age" } } });
    // @ts-expect-error a list is not equal to one value
    defineEntity({ name: "x", schema, index, compound: { one: { eq: ["list"], orderBy: "age" } } });
    // @ts-expect-error words are not equal to one value
    defineEntity({ name: "x", schema, index: { name: text() }, compound: { one: { eq: ["name"] } } });
    // @ts-expect-error its index gives no order
    defineEntity({ name: "x", schema, index, compound: { one: { eq: ["age"], orderBy: "name" } } });
    // @ts-expect-error without an index there is no order
    defineEntity({ name: "x", schema, index, compound: { one: { eq: ["age"], orderBy: "big" } } });
    // @ts-expect-error nothing to be equal
    defineEntity({ name: "x", schema, index, compound: { one: { eq: [], orderBy: "age" } } });
    // @ts-expect-error nothing is indexed
    defineEntity({ name: "x", schema, compound: { one: { eq: ["name"] } } });
  });

  test("special fields of the wrong type", () => {
    // @ts-expect-error the id must be a string
    defineEntity({ name: "x", schema, id: { field: "age" } });
    // @ts-expect-error no such id field
    defineEntity({ name: "x", schema, id: { field: "nope" } });
    // @ts-expect-error no such way of making ids
    defineEntity({ name: "x", schema, id: { generate: "random" } });
    // @ts-expect-error the version must be a number
    defineEntity({ name: "x", schema, version: "name" });
    // @ts-expect-error a timestamp must be a date
    defineEntity({ name: "x", schema, timestamps: { createdAt: "name" } });
    defineEntity({ name: "x", schema, partitions: 8 });
    defineEntity({ name: "x", schema, partitions: 1, unique: { name: ["name"] } });
    // @ts-expect-error no partition knows the values of the others
    defineEntity({ name: "x", schema, partitions: 8, unique: { name: ["name"] } });
    // @ts-expect-error there is no one order of changes over several slots
    defineEntity({ name: "x", schema, partitions: 8, changes: true });
    // @ts-expect-error one slot is what it asks for
    defineEntity({ name: "x", schema, partitions: 8, colocate: "shop" });
    // @ts-expect-error the documents lie where they lie
    defineEntity({ name: "x", schema, partitions: 8, keyPrefix: "x:" });
    // @ts-expect-error there are two clocks
    defineEntity({ name: "x", schema, timestamps: { clock: "sundial" } });
    // @ts-expect-error no such storage
    defineEntity({ name: "x", schema, storage: "xml" });
    // @ts-expect-error no such rule
    defineEntity({ name: "x", schema, ttl: { onUpdate: "double" } });
    defineEntity({ name: "x", schema, ttl: { seconds: 5, sliding: "write" } });
    defineEntity({ name: "x", schema, ttl: { seconds: 5, sliding: "read", onUpdate: "reset" } });
    defineEntity({
      name: "x",
      schema,
      version: "age",
      hooks: {
        beforeSave: (input, { operation }) => {
          expectTypeOf(input.name).toEqualTypeOf<string>();
          expectTypeOf(input.id).toEqualTypeOf<string | undefined>();
          expectTypeOf(operation).toEqualTypeOf<SaveOperation>();
          return operation === "insert" ? { ...input, name: input.name.trim() } : undefined;
        },
        afterSave: async (entity) => expectTypeOf(entity.id).toEqualTypeOf<string>(),
        beforeDelete: (entity) => expectTypeOf(entity.name).toEqualTypeOf<string>(),
        afterDelete: (id) => expectTypeOf(id).toEqualTypeOf<string>(),
      },
    });
    // @ts-expect-error a hook gives an entity back, or nothing
    defineEntity({ name: "x", schema, hooks: { beforeSave: () => 5 } });
    // @ts-expect-error of the right type
    defineEntity({ name: "x", schema, hooks: { beforeSave: (input) => ({ ...input, name: 5 }) } });
    // @ts-expect-error no such hook
    defineEntity({ name: "x", schema, hooks: { beforeLoad: () => undefined } });
    const softly = z.object({ id: z.string(), at: z.date(), gone: z.date().optional(), left: z.date().nullable() });
    defineEntity({ name: "x", schema: softly, index: { gone: range() }, softDelete: "gone" });
    defineEntity({ name: "x", schema: softly, index: { left: range() }, softDelete: "left" });
    // @ts-expect-error it needs an index
    defineEntity({ name: "x", schema: softly, index: { gone: range() }, softDelete: "left" });
    // @ts-expect-error it must be able to be absent
    defineEntity({ name: "x", schema: softly, index: { at: range() }, softDelete: "at" });
    // @ts-expect-error a time that slides must be known
    defineEntity({ name: "x", schema, ttl: { sliding: "write" } });
    // @ts-expect-error it begins anew, which is not to keep it
    defineEntity({ name: "x", schema, ttl: { seconds: 5, sliding: "read", onUpdate: "keep" } });
    // @ts-expect-error the schema must be an object
    defineEntity({ name: "x", schema: z.string() });
  });

  test("a function may make the id from the input", () => {
    defineEntity({ name: "x", schema, id: { generate: (input) => input.name.toLowerCase() } });
    defineEntity({ name: "x", schema, id: { generate: async (input) => input.name.toLowerCase() } });
    defineEntity({ name: "x", schema, id: { generate: "sequence" } });
    // @ts-expect-error: no partition knows the next number
    defineEntity({ name: "x", schema, id: { generate: "sequence" }, partitions: 2 });
    const made = defineEntity({ name: "x", schema, id: { from: ["name"] } });
    expectTypeOf(made.idOf).parameters.toEqualTypeOf<[Readonly<{ name: string }>]>();
    // @ts-expect-error: no such property
    defineEntity({ name: "x", schema, id: { from: ["nope"] } });
    const listed = z.object({ id: z.string(), list: z.array(z.string()) });
    // @ts-expect-error: a list is no part of an id
    defineEntity({ name: "x", schema: listed, id: { from: ["list"] } });
    // @ts-expect-error: ids that are not made of fields need no such function
    expectTypeOf(defineEntity({ name: "x", schema }).idOf).toBeFunction();
    // @ts-expect-error the input has no such field
    defineEntity({ name: "x", schema, id: { generate: (input) => input.nope } });
  });

  test("native text goes by the server's rules alone", () => {
    expectTypeOf(text({ native: {} })).toEqualTypeOf<Index<"native", false, never>>();
    expectTypeOf(text({ phrase: true })).toEqualTypeOf<Index<"text", false, "phrase">>();
    expectTypeOf(text()).toEqualTypeOf<Index<"text", false, never>>();
    // @ts-expect-error phrases are the mapper's
    text({ native: {}, phrase: true });
    // @ts-expect-error so is relevance
    text({ native: {}, weight: 2 });
    // @ts-expect-error no such language
    text({ native: { language: "klingon" } });
    // @ts-expect-error no sounds of that one
    text({ native: { phonetic: "de" } });
    // @ts-expect-error no such rule
    text({ native: { stem: false } });
    defineEntity({
      name: "bad",
      schema: z.object({ id: z.string(), n: z.number(), list: z.array(z.string()) }),
      // @ts-expect-error a number has no words
      index: { n: text({ native: {} }) },
    });
    defineEntity({
      name: "bad",
      schema: z.object({ id: z.string(), n: z.number(), list: z.array(z.string()) }),
      // @ts-expect-error a list has no words
      index: { list: text({ native: {} }) },
    });
  });

  test("codecs are what they give, and take either side", () => {
    class Money {
      readonly cents = 1;
      plus(): Money {
        return this;
      }
    }
    const coded = z.object({
      id: z.string(),
      at: z.codec(z.string(), z.date(), { decode: (text) => new Date(text), encode: (date) => date.toISOString() }),
      on: z.stringbool(),
      size: z.string().transform(Number).pipe(z.number()),
      price: z.codec(z.number(), z.instanceof(Money), { decode: () => new Money(), encode: () => 1 }),
      address: z.codec(z.string(), z.object({ city: z.string() }), { decode: (city) => ({ city }), encode: () => "" }),
    });
    const Coded = defineEntity({ name: "x", schema: coded, index: { at: range(), on: exact(), size: range() } });
    expectTypeOf<EntityOf<typeof Coded>["at"]>().toEqualTypeOf<Date>();
    expectTypeOf<InputOf<typeof Coded>["at"]>().toEqualTypeOf<string | Date>();
    expectTypeOf<InputOf<typeof Coded>["size"]>().toEqualTypeOf<string | number>();
    expectTypeOf<EntityOf<typeof Coded>>().toExtend<InputOf<typeof Coded>>();
    // @ts-expect-error a date has range, whatever is stored of it
    defineEntity({ name: "x", schema: coded, index: { at: exact() } });
    // @ts-expect-error a boolean has exact
    defineEntity({ name: "x", schema: coded, index: { on: range() } });
    // @ts-expect-error nobody knows the order of an object
    defineEntity({ name: "x", schema: coded, index: { price: range() } });
    // @ts-expect-error nor what is in it
    defineEntity({ name: "x", schema: coded, index: { "price.cents": range() } });
    // @ts-expect-error what a codec makes of a text has no fields of its own
    defineEntity({ name: "x", schema: coded, index: { "address.city": exact() } });
  });

  test("the mapper's own kinds have the indexes of what they are", () => {
    class Money {
      readonly cents = 1;
      plus(): Money {
        return this;
      }
    }
    const price = custom({
      schema: z.instanceof(Money),
      as: "number",
      encode: ({ cents }) => cents,
      decode: () => new Money(),
    });
    const word = custom({ schema: z.instanceof(Money), as: "string", encode: () => "", decode: () => new Money() });
    const owned = z.object({
      id: z.string(),
      at: dateAs("s"),
      size: decimal(),
      sizes: z.array(decimal()),
      price: price.optional(),
      word,
      words: z.array(word),
    });
    const Owned = defineEntity({
      name: "x",
      schema: owned,
      index: {
        at: range(),
        size: [exact(), range()],
        sizes: exact(),
        price: range(),
        word: [exact({ sortable: true }), text()],
        words: exact(),
      },
      unique: { price: ["price"] },
    });
    const plain: string = "1.5";
    const entity: EntityOf<typeof Owned> = {
      id: "a",
      at: new Date(),
      size: plain,
      sizes: [plain],
      price: new Money(),
      word: new Money(),
      words: [],
    };
    const read: string = entity.size;
    const money: Money | undefined = entity.price?.plus();
    void [read, money];
    expectTypeOf<EntityOf<typeof Owned>["at"]>().toEqualTypeOf<Date>();
    expectTypeOf<InputOf<typeof Owned>["size"]>().toEqualTypeOf<string>();
    // @ts-expect-error a date has range
    defineEntity({ name: "x", schema: owned, index: { at: exact() } });
    // @ts-expect-error a decimal has no words
    defineEntity({ name: "x", schema: owned, index: { size: text() } });
    // @ts-expect-error exact() does not order decimals
    defineEntity({ name: "x", schema: owned, index: { size: exact({ sortable: true }) } });
    // @ts-expect-error nor does it know their parts
    defineEntity({ name: "x", schema: owned, index: { size: exact({ substring: true }) } });
    // @ts-expect-error what is stored as a number has range
    defineEntity({ name: "x", schema: owned, index: { price: exact() } });
    // @ts-expect-error what is in a custom value is not stored
    defineEntity({ name: "x", schema: owned, index: { "price.cents": range() } });
    // @ts-expect-error a list has no order
    defineEntity({ name: "x", schema: owned, index: { words: range() } });
    const foreign = z.object({ id: z.string(), open: bit(), tags: joined("|").default([]), place: pointText() });
    const Foreign = defineEntity({ name: "x", schema: foreign, index: { open: exact(), tags: exact(), place: geo() } });
    expectTypeOf<EntityOf<typeof Foreign>["tags"]>().toEqualTypeOf<string[]>();
    expectTypeOf<EntityOf<typeof Foreign>["open"]>().toEqualTypeOf<boolean>();
    // @ts-expect-error a list has no order
    defineEntity({ name: "x", schema: foreign, index: { tags: range() } });
    // @ts-expect-error a boolean is no number
    defineEntity({ name: "x", schema: foreign, index: { open: range() } });
    // @ts-expect-error a point is no text
    defineEntity({ name: "x", schema: foreign, index: { place: text() } });
    // @ts-expect-error no such unit
    dateAs("ms");
    // @ts-expect-error encode gives what is stored
    custom({ schema: z.instanceof(Money), as: "string", encode: () => 1, decode: () => new Money() });
    // @ts-expect-error decode gives the value
    custom({ schema: z.instanceof(Money), as: "string", encode: () => "", decode: () => 1 });
    // @ts-expect-error nothing is stored as such
    custom({ schema: z.instanceof(Money), as: "symbol", encode: () => "", decode: () => new Money() });
    const db = {} as Database;
    const query = db.repository(Owned).query();
    query.where("size").gt(plain);
    query.where("word").startsWith("a");
    query.where("price").gt(new Money());
    // @ts-expect-error a decimal has no beginning
    query.where("size").startsWith("1");
    // @ts-expect-error compared with what it is
    query.where("price").gt(5);
    // @ts-expect-error a number is no decimal
    query.where("size").gt(5);
  });

  test("listed keys of records are fields", () => {
    const priced = z.object({
      id: z.string(),
      prices: z.record(z.enum(["eur", "usd"]), z.number()),
      since: z.partialRecord(z.enum(["eur", "usd"]), z.date()),
      either: z.union([z.string(), z.date()]),
    });
    defineEntity({ name: "x", schema: priced, index: { "prices.eur": range(), "since.usd": range() } });
    // @ts-expect-error no such key
    defineEntity({ name: "x", schema: priced, index: { "prices.gbp": range() } });
    // @ts-expect-error a number has range
    defineEntity({ name: "x", schema: priced, index: { "prices.eur": exact() } });
    // @ts-expect-error a union of kinds has no index
    defineEntity({ name: "x", schema: priced, index: { either: range() } });
  });

  test("encrypted texts are equal or not, and nothing else", () => {
    const keys = { current: "a", keys: { a: new Uint8Array(32) }, index: new Uint8Array(32) };
    const secret = z.object({
      id: z.string(),
      mail: encrypted(z.email(), keys),
      all: z.array(encrypted(z.string(), keys)),
    });
    const Secret = defineEntity({
      name: "x",
      schema: secret,
      index: { mail: exact(), all: exact() },
      unique: { mail: ["mail"] },
    });
    const plain: string = "a@example.org";
    const entity: EntityOf<typeof Secret> = { id: "a", mail: plain, all: [plain] };
    const read: string = entity.mail;
    void read;
    expectTypeOf<InputOf<typeof Secret>["mail"]>().toEqualTypeOf<string>();
    const query = ({} as Database).repository(Secret).query();
    query.where("mail").eq(plain);
    // @ts-expect-error nobody knows their order
    query.where("mail").gt(plain);
    // @ts-expect-error nor how they begin
    query.where("mail").startsWith("a");
    // @ts-expect-error nothing is ordered by them
    query.orderBy("mail");
    // @ts-expect-error no ranges
    defineEntity({ name: "x", schema: secret, index: { mail: range() } });
    // @ts-expect-error no words
    defineEntity({ name: "x", schema: secret, index: { mail: text() } });
    // @ts-expect-error no order
    defineEntity({ name: "x", schema: secret, index: { mail: exact({ sortable: true }) } });
    // @ts-expect-error no parts
    defineEntity({ name: "x", schema: secret, index: { mail: exact({ substring: true }) } });
    // @ts-expect-error only texts
    encrypted(z.number(), keys);
    // @ts-expect-error a current key is needed
    encrypted(z.string(), { keys: {} });
  });

  test("derived properties are made of the others, with their types", () => {
    const person = z.object({ id: z.string(), first: z.string(), age: z.number(), name: z.string() });
    const Person = defineEntity({
      name: "x",
      schema: person,
      index: { name: exact() },
      derive: {
        name: (entity) => {
          expectTypeOf(entity).toEqualTypeOf<{ id: string; first: string; age: number }>();
          return entity.first;
        },
      },
    });
    expectTypeOf<EntityOf<typeof Person>["name"]>().toEqualTypeOf<string>();
    expectTypeOf<InputOf<typeof Person>["name"]>().toEqualTypeOf<string | undefined>();
    const people = ({} as Database).repository(Person);
    void people.update("a", { first: "b" });
    // @ts-expect-error it is derived
    void people.update("a", { name: "b" });
    // @ts-expect-error of another type
    defineEntity({ name: "x", schema: person, derive: { name: ({ age }) => age } });
    // @ts-expect-error no such property
    defineEntity({ name: "x", schema: person, derive: { nope: () => "" } });
    // @ts-expect-error it is not made of itself
    defineEntity({ name: "x", schema: person, derive: { name: ({ name }) => name } });
  });
});
