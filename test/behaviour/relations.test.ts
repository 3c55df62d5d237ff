// Related entities that reads bring along: whatever the kind of relation, in how many round trips, and what is refused.
// The same on every engine and storage.
import { expect, test } from "vitest";
import { z } from "zod";

import { type Database, defineEntity, definitionOf, exact, relations, type With } from "remora";
import { Entity, Field, Id } from "remora/decorators";
import { expectFailure } from "./failures.ts";
import { filledFilms, type films, openFilms } from "./films.ts";
import { describeMatrix } from "./matrix.ts";
import { trips } from "./sent.ts";

type Wanted = With<ReturnType<typeof films>["declared"][number], "movie">;

const ada = { id: "ada", name: "Ada" };
const hawks = { id: "hawks", name: "Howard Hawks", born: 1896 };
const brackett = { id: "brackett", name: "Leigh Brackett" };
const [western, classic, africa] = [
  { id: "western", name: "Western" },
  { id: "classic", name: "Classic" },
  { id: "africa", name: "Africa" },
];

describeMatrix(
  "relations",
  (bench) => {
    test("to one lead to an entity, or to null where there is none", async () => {
      const { movies, reviews } = await filledFilms(bench);
      const found = await movies.query().orderBy("year").with({ director: true, writer: true }).all();
      expect(found.map(({ id, director, writer }) => [id, director, writer])).toEqual([
        ["rio", hawks, brackett],
        ["hatari", hawks, null],
        ["lost", null, null],
      ]);
      const authors = await reviews
        .query()
        .where("movieId")
        .eq("rio")
        .with({ author: { select: ["name"] } })
        .all();
      expect(new Map(authors.map(({ id, author }) => [id, author]))).toEqual(
        new Map([
          ["r1", { name: "Ada" }],
          ["r2", { name: "Bob" }],
          ["r3", null],
          ["r4", null],
        ]),
      );
    });

    test("to many are lists by id, or in the order asked for, each with a limit of its own", async () => {
      const { movies } = await filledFilms(bench);
      const idsOf = async (reviews: NonNullable<Wanted["reviews"]>) => {
        // Whatever it is, lists come.
        const found = await movies
          .query()
          .orderBy("year")
          .with({ reviews: reviews as true })
          .all();
        return found.map((movie) => movie.reviews.map(({ id }) => id));
      };
      expect(await idsOf(true)).toEqual([["r1", "r2", "r3", "r4"], ["h1"], []]);
      expect(await idsOf({ orderBy: ["rating", "desc"] })).toEqual([["r1", "r3", "r4", "r2"], ["h1"], []]);
      expect(await idsOf({ orderBy: [["rating"]], limit: 3 })).toEqual([["r2", "r4", "r3"], ["h1"], []]);
      expect(await idsOf({ limit: 2 })).toEqual([["r1", "r2"], ["h1"], []]);
      expect(await idsOf({ limit: 0 })).toEqual([[], [], []]);
      expect(await idsOf({ where: (f) => f("rating").lt(4) })).toEqual([["r2", "r4"], ["h1"], []]);
      expect(await idsOf({ where: { rating: { lt: 4 } }, limit: 1, orderBy: ["rating", "desc"] })).toEqual([
        ["r4"],
        ["h1"],
        [],
      ]);
    });

    test("to many by entities between, and by lists of ids, have no holes and no order but the one asked for", async () => {
      const { movies, tags } = await filledFilms(bench);
      const found = await movies
        .query()
        .orderBy("year")
        .with({ tags: true, listed: { select: ["name"] } })
        .all();
      expect(found.map((movie) => [movie.tags, movie.listed.map(({ name }) => name)])).toEqual([
        [
          [classic, western],
          ["Western", "Classic", "Western"],
        ],
        [[africa], ["Classic"]],
        [[], []],
      ]);
      const byName = await movies.findByIdOrThrow("rio", {
        with: {
          tags: { orderBy: ["name", "desc"], limit: 1 },
          listed: { orderBy: ["name"], where: (f) => f("name").ne("Classic") },
        },
      });
      expect([byName.tags, byName.listed]).toEqual([[western], [western, western]]);
      const other = await tags
        .query()
        .orderBy("name")
        .with({ movies: { select: ["title"] } })
        .all();
      expect(other.map((tag) => [tag.id, tag.movies])).toEqual([
        ["africa", [{ title: "Hatari!" }]],
        ["classic", [{ title: "Rio Bravo" }]],
        ["western", [{ title: "Rio Bravo" }]],
      ]);
    });

    test("are counted, exactly as many as would come", async () => {
      const { movies } = await filledFilms(bench);
      const found = await movies
        .query()
        .orderBy("year")
        .with({ reviews: { count: true }, tags: { count: true }, listed: { count: true } })
        .all();
      expect(found.map(({ reviews, tags, listed }) => [reviews, tags, listed])).toEqual([
        [4, 2, 3],
        [1, 1, 1],
        [0, 0, 0],
      ]);
      const good = await movies.findByIds(["rio", "none", "hatari"], {
        with: {
          reviews: { count: true, where: (f) => f("rating").gte(4) },
          tags: { count: true, where: { name: "Western" } },
        },
      });
      expect(good.map((movie) => movie && [movie.reviews, movie.tags])).toEqual([[2, 1], null, [0, 0]]);
    });

    test("nest, and what is chosen is all that comes", async () => {
      const { movies, people } = await filledFilms(bench);
      const [rio] = await movies
        .query()
        .where("title")
        .eq("Rio Bravo")
        .select("title")
        .with({
          director: {
            select: ["name"],
            with: { directed: { orderBy: ["year"], select: ["title"], with: { reviews: { count: true } } } },
          },
          reviews: {
            orderBy: ["rating", "desc"],
            limit: 2,
            select: ["rating"],
            with: { author: true, movie: { select: ["year"] } },
          },
        })
        .all();
      expect(rio).toEqual({
        title: "Rio Bravo",
        director: {
          name: "Howard Hawks",
          directed: [
            { title: "Rio Bravo", reviews: 4 },
            { title: "Hatari!", reviews: 1 },
          ],
        },
        reviews: [
          { rating: 5, author: ada, movie: { year: 1959 } },
          { rating: 4, author: null, movie: { year: 1959 } },
        ],
      });
      const bob = await people.findById("bob", {
        select: ["name"],
        with: { reviews: { with: { movie: { with: { tags: true } } } } },
      });
      expect(bob).toMatchObject({
        name: "Bob",
        reviews: [{ id: "r2", movie: { title: "Rio Bravo", tags: [classic, western] } }],
      });
      expect(Object.keys(bob ?? {})).toEqual(["name", "reviews"]);
    });

    test("come along with every way of reading", async () => {
      const { movies, people } = await filledFilms(bench);
      const query = movies.query().orderBy("year").with({ director: true });
      const wanted = { id: "rio", director: hawks };
      expect(await query.first()).toMatchObject(wanted);
      expect(await query.firstOrThrow()).toMatchObject(wanted);
      expect(await query.where("year").lt(1960).one()).toMatchObject(wanted);
      expect(await query.where("year").lt(1000).first()).toBeNull();
      const page = await query.limit(2).page();
      expect([page.total, page.items.map(({ director }) => director)]).toEqual([3, [hawks, hawks]]);
      const { items, cursor } = await query.limit(1).keyset();
      expect(items).toMatchObject([wanted]);
      expect((await query.limit(1).keyset({ after: cursor })).items).toMatchObject([{ id: "hatari", director: hawks }]);
      const streamed: unknown[] = [];
      for await (const { id, director } of query.stream({ batchSize: 2 })) streamed.push([id, director]);
      expect(streamed).toEqual([
        ["rio", hawks],
        ["hatari", hawks],
        ["lost", null],
      ]);
      expect(await people.findUnique({ name: "Ada" }, { with: { reviews: { count: true } } })).toEqual({
        ...ada,
        reviews: 3,
      });
      expect(await people.findUnique({ name: "Nobody" }, { with: { reviews: { count: true } } })).toBeNull();
      expect(await movies.findById("none", { with: { director: true } })).toBeNull();
      await expectFailure(movies.findByIdOrThrow("none", { with: { director: true } }), "ENTITY_NOT_FOUND");
      expect(await query.count()).toBe(3);
      expect(await query.ids()).toEqual(["rio", "hatari", "lost"]);
    });

    test("of one level take one round trip, however many entities there are", async () => {
      const { movies, reviews, people } = await openFilms(bench);
      const many = Array.from({ length: 150 }, (_, at) => at);
      await people.insertMany(many.map((at) => ({ id: `p${at}`, name: `Person ${at}` })));
      await movies.insertMany(
        many.map((at) => ({ id: `m${at}`, title: `Movie ${at}`, year: at, directorId: `p${at % 100}` })),
      );
      await reviews.insertMany(
        many.flatMap((at) =>
          [1, 2, 3].map((rating) => ({
            id: `${at}-${rating}`,
            movieId: `m${at}`,
            authorId: `p${(at + rating) % 150}`,
            rating,
            text: "",
          })),
        ),
      );
      const query = movies.query().orderBy("year").limit(120);
      // The contexts of the types are made once.
      await query.with({ director: true, reviews: { with: { author: true } } }).all();
      const plain = await trips(() => query.all());
      const of = async (wanted: Wanted): Promise<number> =>
        (await trips(() => query.with(wanted as never).all())) - plain;
      expect(await of({ director: true })).toBe(1);
      // The memory engine reads everything, in as many steps as that takes.
      if (bench.engine === "memory") return;
      expect(await of({ reviews: { limit: 2, orderBy: ["rating", "desc"] } })).toBe(1);
      expect(await of({ reviews: { count: true } })).toBe(1);
      // What the engine needs for one query of 360 documents, which may be several steps.
      const all = await trips(() =>
        reviews
          .query()
          .where("movieId")
          .in(many.slice(0, 120).map((at) => `m${at}`))
          .all(),
      );
      expect(await of({ reviews: true })).toBe(all);
      // Two batches of 200 authors at most.
      expect(await of({ director: true, reviews: { limit: 2, with: { author: true } } })).toBe(3);
      const [first, , third] = await query.with({ reviews: { limit: 2, orderBy: ["rating", "desc"] } }).all();
      expect(first?.reviews.map(({ id }) => id)).toEqual(["0-3", "0-2"]);
      expect(third?.reviews.map(({ id }) => id)).toEqual(["2-3", "2-2"]);
    });

    test("are as many as may be read at once, and no fewer without a word", async () => {
      if (bench.engine === "memory") return;
      const { movies, reviews } = await filledFilms(bench);
      const many = Array.from({ length: 10_001 }, (_, at) => ({
        id: `m${at}`,
        movieId: "hatari",
        authorId: null,
        rating: at % 7,
        text: "",
      }));
      expect((await reviews.insertMany(many)).failed).toEqual([]);
      await expectFailure(movies.findById("hatari", { with: { reviews: true } }), "RESULT_TOO_LARGE");
      const few = await movies.findByIds(["hatari", "rio"], {
        with: { reviews: { limit: 3, orderBy: ["rating", "desc"] } },
      });
      expect(few.map((movie) => movie?.reviews.length)).toEqual([3, 3]);
      expect(await movies.findById("hatari", { with: { reviews: { count: true } } })).toMatchObject({
        reviews: 10_002,
      });
      await expectFailure(movies.findById("hatari", { with: { reviews: { limit: 10_001 } } }), "QUERY");
    });

    test("are refused by name where they make no sense, before anything is sent", async () => {
      const { movies, links } = await filledFilms(bench);
      await movies.count();
      const refused = async (wanted: unknown, text: RegExp): Promise<void> => {
        const sent = await trips(async () => {
          const work = async () =>
            movies
              .query()
              .with(wanted as never)
              .all();
          const error = await expectFailure(work(), "QUERY");
          expect(error.message).toMatch(text);
          await expectFailure(movies.findById("rio", { with: wanted as never }), "QUERY");
        });
        expect(sent).toBe(0);
      };
      await refused(
        { nope: true },
        /"nope" is no relation of movie; there are director, writer, reviews, tags, listed/,
      );
      await refused({ director: { with: { nope: true } } }, /movie\.director: "nope" is no relation of person/);
      await refused({ director: { limit: 1 } }, /movie\.director: limit is no option here; there are select, with/);
      await refused({ director: { select: ["nope"] } }, /person\.nope cannot be selected/);
      await refused({ director: false }, /takes true, or an object/);
      await refused({ reviews: { count: true, limit: 1 } }, /limit is no option here; there are count, where/);
      await refused({ reviews: { orderBy: ["text"] } }, /review\.text cannot be ordered by/);
      await refused({ reviews: { orderBy: "rating" } }, /orderBy takes a field and its direction/);
      await refused({ reviews: { orderBy: [{}] } }, /a key of orderBy is a field/);
      await refused({ reviews: { limit: -1 } }, /limit must be a whole number/);
      await refused({ reviews: { where: { text: "x" } } }, /text is no indexed field/);
      await refused({ reviews: { where: () => undefined } }, /must return a condition/);
      await refused({ reviews: { where: 7 } }, /where takes a callback, a condition or a filter object/);
      await refused({ tags: { count: 1 } }, /count is true or false/);
      await refused({ listed: { select: "name" } }, /select takes an array/);
      await refused("director", /with takes an object/);
      const deep: Record<string, unknown> = {};
      deep["director"] = { with: { directed: { with: deep } } };
      await refused(deep, /nested deeper than 16 levels/);
      const error = await expectFailure(
        links
          .query()
          .with({ x: true } as never)
          .all(),
        "QUERY",
      );
      expect(error.message).toMatch(/it has none: give them to connect/);
    });

    test("skip nothing for one document that does not fit", async () => {
      const { movies, reviews, raw } = await filledFilms(bench);
      const key = reviews.key("r2");
      if (bench.storage === "hash") await raw("HSET", key, "text", "", "rating", "x");
      else await raw("JSON.SET", key, "$.text", "7");
      // The search engine leaves documents out whose fields are of another type than their index.
      if (bench.engine === "scan") {
        await expectFailure(movies.findById("rio", { with: { reviews: { limit: 9 } } }), "CORRUPT_ENTITY");
        const told: unknown[] = [];
        const [rio] = await movies.findByIds(["rio"], {
          with: { reviews: true },
          onCorrupt: ({ id, entity }) => void told.push([entity, id]),
        });
        expect(rio?.reviews.map(({ id }) => id)).toEqual(["r1", "r3", "r4"]);
        expect(told).toEqual([["review", "r2"]]);
      }
    });

    test("are no part of what is saved, whatever the schema says of what it does not know", async () => {
      const { movies } = await filledFilms(bench);
      const rio = await movies.findByIdOrThrow("rio", { with: { director: true, reviews: true } });
      const saved = await movies.save({ ...rio, year: 1960 });
      expect(saved).toEqual(await movies.findById("rio"));
      expect(Object.keys(saved)).not.toContain("director");
      const { open, storage } = bench;
      const shape = { id: z.string(), parentId: z.string().optional() };
      for (const schema of storage !== "hash"
        ? [z.strictObject(shape), z.looseObject(shape)]
        : [z.strictObject(shape)]) {
        const Node = defineEntity({ name: "node", storage, schema: schema as z.ZodObject<typeof shape> });
        const declared = relations(Node, ({ one }) => ({ parent: one(Node, { field: "parentId" }) }));
        const { repository, db } = await open(() => Node, { relations: [declared] });
        await repository.insertMany([{ id: "a" }, { id: "b", parentId: "a" }]);
        const nodes = (db as Database<typeof declared>).repository(Node);
        const found = await nodes.findByIdOrThrow("b", { with: { parent: true } });
        expect(found).toEqual({ id: "b", parentId: "a", parent: { id: "a" } });
        expect(await nodes.save(found)).toEqual({ id: "b", parentId: "a" });
        expect((await nodes.saveMany([found])).failed).toEqual([]);
        await db.transaction(async (tx) => tx.repository(Node).save(found));
        expect(await nodes.findById("b")).toEqual({ id: "b", parentId: "a" });
      }
    });

    test("are those of classes, whose entities stay instances", async () => {
      @Entity({ name: "writer", storage: bench.storage })
      class Writer {
        @Id() id!: string;
        @Field(z.string()) name!: string;
        get initial(): string {
          return this.name.charAt(0);
        }
      }
      @Entity({ name: "novel", storage: bench.storage })
      class Novel {
        @Id() id!: string;
        @Field(z.string(), { index: exact() }) writerId!: string;
      }
      const declared = [
        relations(Writer, ({ many }) => ({ novels: many(Novel, { field: "writerId", onDelete: "cascade" }) })),
        relations(Novel, ({ one }) => ({ writer: one(Writer, { field: "writerId" }) })),
      ] as const;
      const opened = await bench.open(() => definitionOf(Writer) as never, { relations: declared });
      const db = opened.db as Database<(typeof declared)[number]>;
      const [writers, novels] = [db.repository(Writer), db.repository(Novel)];
      await novels.indexes.sync();
      const { id } = await writers.insert({ name: "Ada" });
      await novels.insert({ id: "n", writerId: id });
      const novel = await novels.findByIdOrThrow("n", { with: { writer: { with: { novels: { count: true } } } } });
      expect([novel instanceof Novel, novel.writer instanceof Writer]).toEqual([true, true]);
      expect([novel.writer?.initial, novel.writer?.novels]).toEqual(["A", 1]);
      await writers.delete(id);
      expect(await novels.count()).toBe(0);
    });

    test("that make no sense are refused when the database is opened", async () => {
      const { open, storage } = bench;
      const Node = defineEntity({ name: "node", storage, schema: z.object({ id: z.string(), to: z.string() }) });
      const wrong = relations(Node, ({ one }) => ({ id: one(Node, { field: "to" }) }) as never);
      const error = await expectFailure(
        open(() => Node, { relations: [wrong] }),
        "DEFINITION",
      );
      expect(error.message).toBe("relations: node.id: the schema has a property of that name; take another");
    });
  },
  ({ driver }) => driver === "ioredis6",
);
