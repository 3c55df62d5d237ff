// What a definition can say: field kinds, nesting, defaults, nulls, indexes, uniques, version, timestamps.
// Run it with `npx tsx examples/schema.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { z } from "zod";
import {
  bytes,
  connect,
  defineEntity,
  exact,
  geoPoint,
  isRemoraError,
  range,
  text,
  type EntityOf,
  type InputOf,
} from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

const Movie = defineEntity({
  name: "movie",
  schema: z.object({
    id: z.string(),
    title: z.string().min(1),
    year: z.int(),
    rating: z.number().nullable(),
    seen: z.boolean().default(false),
    gross: z.bigint().optional(),
    genres: z.array(z.enum(["drama", "comedy", "western"])).default([]),
    director: z.object({ name: z.string(), born: z.date().optional() }),
    premiere: geoPoint().optional(),
    poster: bytes().optional(),
    awards: z.record(z.string(), z.int()).default({}),
    slug: z.string(),
    version: z.int(),
    createdAt: z.date(),
    updatedAt: z.date(),
  }),
  id: { generate: "uuidv7" },
  index: {
    title: [exact({ sortable: true }), text()],
    year: range(),
    rating: range(),
    genres: exact(),
    "director.name": exact({ caseInsensitive: true }),
  },
  unique: { slug: ["slug"] },
  version: "version",
  timestamps: { createdAt: "createdAt", updatedAt: "updatedAt" },
});

// The types come from the schema; in the input, what is generated or has a default may be left out.
type Movie = EntityOf<typeof Movie>;
const input: InputOf<typeof Movie> = {
  title: "Rio Bravo",
  year: 1959,
  rating: null,
  gross: 5_750_000n,
  genres: ["western"],
  director: { name: "Howard Hawks", born: new Date("1896-05-30") },
  premiere: { longitude: -118.24, latitude: 34.05 },
  poster: new Uint8Array([137, 80, 78, 71]),
  slug: "rio-bravo",
};

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
await using db = await connect(server.url, { namespace: namespace.name });
const movies = db.repository(Movie);
await movies.indexes.sync();

const movie: Movie = await movies.insert(input);
assert.equal(movie.version, 1);
assert.equal(movie.seen, false);
assert.ok(movie.createdAt instanceof Date);

// What is read is what was stored: dates are dates, bigints are bigints, null is null, missing is missing.
const found = await movies.findByIdOrThrow(movie.id);
assert.deepEqual(found, movie);

// Equality on a field that folds case; the stored text keeps its case.
const [byDirector] = await movies.query().where("director.name").eq("howard HAWKS").all();
assert.equal(byDirector?.director.name, "Howard Hawks");

// A slug belongs to one movie.
const twin: unknown = await movies.insert({ ...input, title: "Another" }).catch((error: unknown) => error);
assert.ok(isRemoraError(twin, "UNIQUE_VIOLATION"));
assert.equal(twin.holderId, movie.id);

// Input that does not fit the schema is refused before anything is sent.
const wrong: unknown = await movies.insert({ ...input, title: "", slug: "x" }).catch((error: unknown) => error);
assert.ok(isRemoraError(wrong, "VALIDATION"));
assert.equal(wrong.field, "title");

// A definition that cannot work says everything that is wrong with it, at once.
assert.throws(
  () =>
    defineEntity({
      name: "no good",
      schema: z.object({ id: z.string(), at: z.date(), tag: z.symbol() }),
    }),
  (error) => isRemoraError(error, "DEFINITION") && error.message.includes("name") && error.message.includes("tag"),
);

await movies.delete(movie.id);
console.log(`schema.ts: every claim holds on ${server.flavour} ${server.version}`);
