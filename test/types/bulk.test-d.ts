// Bulk calls and reads of parts: what they take, and what they give back, by the options.
// Never run; each expected error must be one, or the type check fails.
import { describe, expectTypeOf, test } from "vitest";

import {
  type BulkResult,
  type BulkSummary,
  type DeleteManyOutcome,
  type DeleteManyResult,
  type EntityOf,
  inc,
  type InputOf,
  type PatchManyResult,
  type Repository,
  type SaveOutcome,
} from "remora";
import type { Movie as Definition } from "./definition.test-d.ts";

type Movie = EntityOf<typeof Definition>;
declare const movies: Repository<typeof Definition>;
declare const inputs: InputOf<typeof Definition>[];
declare const stream: AsyncGenerator<InputOf<typeof Definition>>;

describe("bulk calls", () => {
  test("take arrays, iterables and async iterables", () => {
    void movies.saveMany(inputs);
    void movies.insertMany(new Set(inputs));
    void movies.saveMany(stream, { atomic: true, ttl: null });
    void movies.patchMany([{ id: "1", patch: { year: inc(), "director.name": "x" }, ifVersion: 1 }]);
    void movies.deleteMany(new Set(["1"]));
    // @ts-expect-error no entity
    void movies.saveMany([{ nope: 1 }]);
    // @ts-expect-error a patch names fields of the schema
    void movies.patchMany([{ id: "1", patch: { nope: 1 } }]);
    // @ts-expect-error ids are text
    void movies.deleteMany([1]);
  });

  test("give outcomes back, or tell of them", () => {
    expectTypeOf(movies.saveMany(inputs)).resolves.toEqualTypeOf<BulkResult<Movie>>();
    expectTypeOf(movies.patchMany([])).resolves.toEqualTypeOf<PatchManyResult>();
    expectTypeOf(movies.deleteMany([])).resolves.toEqualTypeOf<DeleteManyResult>();
    const told = movies.insertMany(stream, {
      onOutcome: (outcome, index) => {
        expectTypeOf(outcome).toEqualTypeOf<SaveOutcome<Movie>>();
        expectTypeOf(index).toBeNumber();
      },
    });
    expectTypeOf(told).resolves.toEqualTypeOf<BulkSummary>();
    const outcomes: DeleteManyOutcome[] = [];
    expectTypeOf(
      movies.deleteMany([], { onOutcome: (outcome) => void outcomes.push(outcome) }),
    ).resolves.toEqualTypeOf<BulkSummary>();
  });
});

describe("reads of parts", () => {
  test("give what was chosen", async () => {
    const found = await movies.findById("1", { select: ["title", "director.name", "studio.open"] });
    expectTypeOf(found?.title).toEqualTypeOf<string | undefined>();
    expectTypeOf(found?.director.name).toEqualTypeOf<string | undefined>();
    // @ts-expect-error not chosen
    void found?.year;
    // @ts-expect-error not chosen
    void found?.director.born;
    const rows = await movies.findByIds(["1"], { select: ["year"], onCorrupt: () => undefined });
    expectTypeOf(rows).toEqualTypeOf<({ year: number } | null)[]>();
    expectTypeOf(movies.findById("1", { deadline: 5 })).resolves.toEqualTypeOf<Movie | null>();
    expectTypeOf(movies.hasField("1", "director.born")).resolves.toBeBoolean();
    expectTypeOf(movies.findById("1", { select: ["year"], withDeleted: true, prolong: false })).resolves.toEqualTypeOf<{
      year: number;
    } | null>();
    expectTypeOf(movies.hasField("1", "year", { withDeleted: true })).resolves.toBeBoolean();
    // @ts-expect-error it never prolongs
    void movies.hasField("1", "year", { prolong: true });
    // @ts-expect-error no such field
    void movies.findById("1", { select: ["nope"] });
    // @ts-expect-error at least one field
    void movies.findById("1", { select: [] });
    // @ts-expect-error no such field
    void movies.findByIds(["1"], { select: ["director.nope"] });
    // @ts-expect-error no such field
    void movies.hasField("1", "nope");
  });
});
