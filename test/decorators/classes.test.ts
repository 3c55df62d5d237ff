// Classes as entities, on a server: what is read and saved are instances, and everything else is as for any type.
// Compiled by the compiler of the tests; what others make of it stands beside this file.
import { expect, test } from "vitest";
import { z } from "zod";

import { type Database, definitionOf, defineEntity, exact, inc, range } from "remora";
import { CreatedAt, Entity, Field, Id, UpdatedAt, Version } from "remora/decorators";
import { placeOf } from "../../src/codec/place.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { compilers, outcomeOf } from "./compile.ts";
import { Movie, ShortMovie } from "./movie.ts";

const input = {
  title: "Rio Bravo",
  year: 1959,
  rating: null,
  genre: "western" as const,
  slug: "rio-bravo",
  director: { name: "Howard Hawks" },
};

describeMatrix(
  "classes",
  ({ open }) => {
    let db: Database;
    const opened = async () => {
      const { db: database } = await open(() => definitionOf(Movie) as never);
      db = database;
      const movies = db.repository(Movie);
      await movies.indexes.sync();
      return movies;
    };

    test("give instances, whole, found by whatever means", async () => {
      const movies = await opened();
      const inserted = await movies.insert(input);
      expect(inserted).toBeInstanceOf(Movie);
      expect(inserted).toMatchObject({ label: "Rio Bravo (1959)", tags: [], version: 1 });
      const { id } = inserted;
      const found = await movies.findByIdOrThrow(id);
      expect(found).toBeInstanceOf(Movie);
      expect(found).toEqual(inserted);
      expect((await movies.findByIds([id, "none"]))[0]).toBeInstanceOf(Movie);
      expect(await movies.findUnique({ slug: "RIO-BRAVO" } as never)).toBeInstanceOf(Movie);
      found.rating = 8;
      const saved = await movies.save(found);
      expect(saved).toBeInstanceOf(Movie);
      expect(saved.version).toBe(2);
      const [first] = await movies.query().where("year").lt(1960).where("genre").eq("western").orderBy("rating").all();
      expect(first?.label).toBe("Rio Bravo (1959)");
      expect(await movies.query().where("title").match("bravo").select("title").all()).toEqual([
        { title: "Rio Bravo" },
      ]);
      expect(await movies.update(id, { year: inc(1) }, { returning: true })).toMatchObject({
        label: "Rio Bravo (1960)",
      });
      expect(await movies.modify(id, (movie) => Object.assign(movie, { title: "El Dorado" }))).toBeInstanceOf(Movie);
      const { outcomes } = await movies.saveMany([await movies.findByIdOrThrow(id)]);
      expect(outcomes[0]?.ok === true && outcomes[0].entity).toBeInstanceOf(Movie);
      await db.transaction(async (tx) => {
        const movie = await tx.repository(Movie).findByIdOrThrow(id);
        expect(movie).toBeInstanceOf(Movie);
        await tx.repository(Movie).save({ ...movie, year: 1967 });
      });
      expect((await movies.findByIdOrThrow(id)).label).toBe("El Dorado (1967)");
    });

    test("are refused for what they are not indexed for, or do not fit", async () => {
      const movies = await opened();
      await expectFailure(movies.query().where("slug").eq("x").all(), "QUERY");
      await expectFailure(movies.insert({ ...input, year: 1.5 }), "VALIDATION");
      await expectFailure(movies.insert({ ...input, genre: "opera" as never }), "VALIDATION");
    });
  },
  ({ driver }) => driver === "ioredis6",
);

test("a class of one copy of the package is known to another", async () => {
  const [compiler] = Object.values(compilers);
  // The file's own copy is bundled with it; this process has another.
  const program = "print(Object.getOwnPropertySymbols(file.Movie).map((symbol) => Symbol.keyFor(symbol)));";
  expect(await outcomeOf("movie.ts", compiler as never, program)).toContain("remora.definition");
  class Elsewhere {}
  const made = defineEntity({ name: "elsewhere", schema: z.object({ id: z.string() }) });
  Object.defineProperty(Elsewhere, Symbol.for("remora.definition"), { value: made });
  expect(definitionOf(Elsewhere)).toBe(made);
});

test("names in stored documents are those of a definition", () => {
  @Entity({ name: "named", names: { "director.name": "n" } })
  class Named {
    @Id() id!: string;
    @Field(z.string(), { name: "t", index: exact() }) title!: string;
    @Field(z.object({ name: z.string() }), { name: "d" }) director!: { name: string };
    @Version({ name: "v" }) version!: number;
    @CreatedAt({ name: "c" }) createdAt!: Date;
    @UpdatedAt({ name: "u", index: range() }) updatedAt!: Date;
  }
  const same = defineEntity({
    name: "named",
    schema: z.object({
      id: z.string(),
      title: z.string(),
      director: z.object({ name: z.string() }),
      version: z.int(),
      createdAt: z.date(),
      updatedAt: z.date(),
    }),
    names: { title: "t", director: "d", "director.name": "n", version: "v", createdAt: "c", updatedAt: "u" },
    index: { title: exact(), updatedAt: range() },
    version: "version",
    timestamps: { createdAt: "createdAt", updatedAt: "updatedAt" },
  });
  const { metadata } = definitionOf(Named);
  expect(metadata.layout).toBe(same.metadata.layout);
  expect(placeOf(metadata, ["director", "name"])).toBe("d.n");
});

test("what is no entity, or none of its own, is refused", () => {
  class Nothing {}
  class Longer extends ShortMovie {}
  for (const type of [Nothing, Longer]) {
    expect(() => definitionOf(type)).toThrowError(
      expect.objectContaining({ code: "DEFINITION", message: expect.stringContaining("@Entity") as string }) as Error,
    );
  }
});

test("every mistake of a class is told at once", () => {
  const declare = (): void => {
    @Entity({ name: "wrong" })
    class Wrong {
      @Version() version!: number;
      @Version() count!: number;
      @Field() free!: unknown;
    }
    void Wrong;
  };
  expect(declare).toThrowError(
    /count.*two properties have the role of one.*no property has @Id|free: @Field\(\) has no schema/s,
  );
  const illegal = (): void => {
    @Entity({ name: "illegal", index: { nope: exact() } })
    class Illegal {
      @Id() id!: string;
      @Field(z.string(), { index: range(), unique: "one" }) name!: string;
    }
    void Illegal;
  };
  expect(illegal).toThrowError(/nope: has an index but is not in the schema/);
});
