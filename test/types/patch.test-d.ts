// Patches: only fields of the schema, only operators and values of their type, never what the mapper keeps itself.
// Never run; each expected error must be one, or the type check fails.
import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";

import {
  addToSet,
  defineEntity,
  type EntityOf,
  inc,
  merge,
  pop,
  pull,
  push,
  type RemainingTime,
  type Repository,
  toggle,
  unset,
} from "remora";
import type { Movie as Definition } from "./definition.test-d.ts";

type Movie = EntityOf<typeof Definition>;
declare const movies: Repository<typeof Definition>;

describe("update", () => {
  test("what the schema allows compiles", () => {
    void movies.update("1", { title: "x", year: inc(), rating: inc(0.5, { min: 0 }), genres: push("drama") });
    void movies.update("1", { rating: null, genres: ["comedy"], "director.name": "y" });
    void movies.update("1", { genres: addToSet("western", "drama") });
    void movies.update("1", { genres: pull("western") });
    void movies.update("1", { genres: pop("first"), director: merge({ name: "z" }) });
    void movies.update("1", { "director.born": unset(), genres: unset(), rating: unset(), studio: unset() });
    void movies.update("1", { "studio.code": inc(2n), "studio.open": toggle() });
    void movies.update("1", {}, { ifVersion: 3, ttl: 60 });
  });

  test("gives the entity back only when asked to", () => {
    expectTypeOf(movies.update("1", {})).resolves.toEqualTypeOf<void>();
    expectTypeOf(movies.update("1", {}, { returning: true })).resolves.toEqualTypeOf<Movie>();
    expectTypeOf(movies.modify("1", (movie) => movie)).resolves.toEqualTypeOf<Movie>();
    expectTypeOf(movies.ttl("1")).resolves.toEqualTypeOf<RemainingTime>();
  });

  test("fields that may be absent and have no index may expire", () => {
    expectTypeOf(movies.expireField("1", "poster", 60)).resolves.toEqualTypeOf<boolean>();
    expectTypeOf(movies.fieldTtl("1", "poster")).resolves.toEqualTypeOf<RemainingTime>();
    void movies.persistField("1", "poster");
    // @ts-expect-error it must be there
    void movies.expireField("1", "title", 60);
    // @ts-expect-error it has an index
    void movies.expireField("1", "rating", 60);
    // @ts-expect-error not in the schema
    void movies.persistField("1", "nope");
  });

  test("deletion, and reads of what was deleted", () => {
    expectTypeOf(movies.restore("1")).resolves.toEqualTypeOf<boolean>();
    expectTypeOf(movies.purge("1")).resolves.toEqualTypeOf<boolean>();
    expectTypeOf(movies.findById("1", { withDeleted: true, prolong: false })).resolves.toEqualTypeOf<Movie | null>();
    expectTypeOf(movies.query().withDeleted().all()).resolves.toEqualTypeOf<Movie[]>();
    // @ts-expect-error queries do not prolong
    void movies.query().all({ prolong: false });
  });

  test("what it does not is an error", () => {
    // @ts-expect-error not in the schema
    void movies.update("1", { nope: 1 });
    // @ts-expect-error no such nested field
    void movies.update("1", { "director.nope": 1 });
    // @ts-expect-error the id never changes
    void movies.update("1", { id: "2" });
    // @ts-expect-error the mapper counts versions
    void movies.update("1", { version: 2 });
    void movies.query().where("title").eq("x").update({ rating: null, "director.name": "y" });
    // @ts-expect-error the id never changes
    void movies.query().update({ id: "2" });
    // @ts-expect-error the mapper counts versions, whatever the query is made of
    void movies.query().where("title").eq("x").orderBy("title").limit(3).update({ version: 3 });
    // @ts-expect-error the mapper keeps timestamps
    void movies.update("1", { updatedAt: new Date() });
    // @ts-expect-error another type
    void movies.update("1", { year: "1960" });
    // @ts-expect-error not null
    void movies.update("1", { title: null });
    // @ts-expect-error no member of the enum
    void movies.update("1", { genres: push("horror") });
    // @ts-expect-error no member of the enum
    void movies.update("1", { genres: ["horror"] });
    // @ts-expect-error strings are not added up
    void movies.update("1", { title: inc() });
    // @ts-expect-error a bigint takes a bigint
    void movies.update("1", { "studio.code": inc(2) });
    // @ts-expect-error a number takes no bigint
    void movies.update("1", { year: inc(2n) });
    // @ts-expect-error no array
    void movies.update("1", { title: push("x") });
    // @ts-expect-error no boolean
    void movies.update("1", { title: toggle() });
    // @ts-expect-error no object
    void movies.update("1", { title: merge({}) });
    // @ts-expect-error another type inside
    void movies.update("1", { director: merge({ name: 5 }) });
    // @ts-expect-error must have a value
    void movies.update("1", { title: unset() });
    // @ts-expect-error must have a value
    void movies.update("1", { "director.name": unset() });
    // @ts-expect-error no such end
    void movies.update("1", { genres: pop("middle") });
    // @ts-expect-error versions are numbers
    void movies.update("1", {}, { ifVersion: "1" });
    // @ts-expect-error a change gives the entity back
    void movies.modify("1", () => ({ title: "x" }));
  });

  test("by query", () => {
    void movies.query().update({ year: inc(1), genres: push("drama") });
    // @ts-expect-error not in the schema
    void movies.query().update({ nope: 1 });
    // @ts-expect-error strings are not added up
    void movies.query().update({ title: inc() });
  });
});

describe("unique values", () => {
  test("are those of one constraint", () => {
    expectTypeOf(movies.findUnique({ slug: "x" })).resolves.toEqualTypeOf<Movie | null>();
    void movies.upsert({} as Movie, { by: "slug" });
    // @ts-expect-error no unique field
    void movies.findUnique({ title: "x" });
    // @ts-expect-error another type
    void movies.findUnique({ slug: 5 });
    // @ts-expect-error no value
    void movies.findUnique({ slug: null });
    // @ts-expect-error nothing given
    void movies.findUnique({});
    // @ts-expect-error no constraint of that name
    void movies.upsert({} as Movie, { by: "title" });
    const schema = z.object({ id: z.string(), email: z.string(), n: z.number() });
    const Folded = defineEntity({ name: "x", schema, unique: { email: { fields: ["email"], caseInsensitive: true } } });
    const folded = {} as Repository<typeof Folded>;
    void folded.findUnique({ email: "x" });
    // @ts-expect-error not in the constraint
    void folded.findUnique({ n: 1 });
    // @ts-expect-error not in the schema
    defineEntity({ name: "x", schema, unique: { email: { fields: ["mail"] } } });
  });
});
