// Filter objects, reusable conditions, when and search: typed as tightly as the chain.
// Never run; each expected error must be one, or the type check fails.
import { z } from "zod";
import { describe, expectTypeOf, test } from "vitest";

import {
  type Area,
  type Condition,
  type ConditionBuilder,
  type ConditionOf,
  conditions,
  defineEntity,
  type EntityOf,
  exact,
  type FieldFilter,
  type FilterOf,
  geo,
  geoPoint,
  type IndexesOf,
  type QueryOf,
  range,
  type Repository,
  text,
} from "remora";
import type { OperandOf } from "../../src/query/filter.ts";
import type { Movie as Definition } from "./definition.test-d.ts";

type Movie = EntityOf<typeof Definition>;
type MovieQuery = QueryOf<typeof Definition>;
declare const movie: typeof Definition;
declare const movies: Repository<typeof Definition>;
declare const maybe: string | undefined;

const Plain = defineEntity({
  name: "plain",
  schema: z.object({ id: z.string(), year: z.int(), place: geoPoint() }),
  index: { year: range(), place: geo() },
});
declare const plains: Repository<typeof Plain>;
const Bare = defineEntity({ name: "bare", schema: z.object({ id: z.string(), year: z.int() }) });
declare const bares: Repository<typeof Bare>;
const Words = defineEntity({
  name: "words",
  schema: z.object({ id: z.string(), both: z.string(), note: z.string() }),
  index: { both: [exact(), text()], note: text() },
});
declare const words: Repository<typeof Words>;

describe("filters", () => {
  test("what the indexes allow compiles", () => {
    expectTypeOf(movies.query({})).toEqualTypeOf<MovieQuery>();
    expectTypeOf(movies.query().where({ year: 1 })).toEqualTypeOf<MovieQuery>();
    movies.query({ year: { gte: 1960, lt: 1970 }, "director.name": "Ford", genres: { containsAny: ["drama"] } });
    movies.query({ title: "x", year: 1, rating: 5, released: new Date(), grade: "A" });
    movies.query({ "studio.code": 5n, "studio.open": true, note: "x", "director.born": new Date() });
    movies.query({ title: { match: "words", ne: "x", in: ["a"] }, grade: { notIn: ["A", "B"] } });
    movies.query({ rating: { isNull: true }, premiere: { isNull: false }, "studio.open": { isNull: true } });
    movies.query({
      year: { between: [1, 2] },
      released: { between: [new Date(), new Date(), { excludeUpper: true }] },
    });
    movies.query({ OR: [{ year: 1 }, { AND: [], NOT: { title: "x", OR: [] } }], AND: [{}], NOT: {} });
    movies.query({ genres: { contains: "drama", containsAll: [], containsNone: ["comedy", "western"] } });
    const bounds = [1, 2] as const;
    movies.query({ year: { between: bounds, in: bounds } });
    bares.query({ OR: [{}] });
  });

  test("fields without an index do not", () => {
    // @ts-expect-error not in the schema
    movies.query({ nope: 1 });
    // @ts-expect-error not indexed
    movies.query({ slug: "x" });
    // @ts-expect-error the object itself is not indexed
    movies.query({ director: { name: "x" } });
    // @ts-expect-error no such nested field
    movies.query({ "director.nope": "x" });
    // @ts-expect-error not indexed, on the chain
    movies.query().where({ slug: "x" });
    // @ts-expect-error not indexed, inside OR
    movies.query({ OR: [{ year: 1 }, { slug: "x" }] });
    // @ts-expect-error not in the schema, deep inside
    movies.query({ AND: [{ NOT: { OR: [{ nope: 1 }] } }] });
    // @ts-expect-error nothing is indexed
    bares.query({ year: 1 });
    // @ts-expect-error and nothing but an object is a filter
    bares.query(5);
    // @ts-expect-error nor is a string
    bares.query("year");
    // @ts-expect-error nor is a list
    movies.query([{ year: 1 }]);
    // @ts-expect-error junctions are written in capitals
    movies.query({ or: [] });
  });

  test("operators of another kind do not", () => {
    // @ts-expect-error a number has no words
    movies.query({ year: { match: "x" } });
    // @ts-expect-error exact text has no order
    movies.query({ title: { gt: "x" } });
    // @ts-expect-error a single value contains nothing
    movies.query({ title: { contains: "x" } });
    // @ts-expect-error a list is not equal to one value
    movies.query({ genres: { eq: "drama" } });
    // @ts-expect-error nor is it a plain one
    movies.query({ genres: "drama" });
    // @ts-expect-error nor a plain list
    movies.query({ genres: ["drama"] });
    // @ts-expect-error a required field is never null
    movies.query({ year: { isNull: true } });
    // @ts-expect-error without text() there are no words
    movies.query({ "director.name": { match: "x" } });
    // @ts-expect-error words are matched, not equal
    words.query({ note: "x" });
    // @ts-expect-error a point has no equality
    movies.query({ premiere: { eq: { longitude: 1, latitude: 2 } } });
    // @ts-expect-error nor is it a plain operand
    movies.query({ premiere: { longitude: 1, latitude: 2 } });
    // @ts-expect-error no such operator
    movies.query({ year: { above: 1 } });
    // @ts-expect-error no such operator beside one that is
    movies.query({ year: { gte: 1, $lt: 2 } });
    // @ts-expect-error the same inside NOT
    movies.query({ NOT: { year: { match: "x" } } });
  });

  test("operands of another type do not", () => {
    // @ts-expect-error a string for a number
    movies.query({ year: "1960" });
    // @ts-expect-error a string for a number, by operator
    movies.query({ year: { gte: "1960" } });
    // @ts-expect-error a number for a string
    movies.query({ title: 1 });
    // @ts-expect-error text for a date
    movies.query({ released: { gte: "2020-01-01" } });
    // @ts-expect-error a number for a bigint
    movies.query({ "studio.code": 5 });
    // @ts-expect-error text for a boolean
    movies.query({ "studio.open": "true" });
    // @ts-expect-error no member of the enum
    movies.query({ grade: "C" });
    // @ts-expect-error no member of the enum, by operator
    movies.query({ grade: { ne: "C" } });
    // @ts-expect-error one is no member of the enum
    movies.query({ grade: { in: ["A", "C"] } });
    // @ts-expect-error one is no member of the list's enum
    movies.query({ genres: { containsAny: ["drama", "horror"] } });
    // @ts-expect-error in takes a list
    movies.query({ year: { in: 1 } });
    // @ts-expect-error a plain list is no operand
    movies.query({ year: [1, 2] });
    // @ts-expect-error between takes two
    movies.query({ year: { between: [1] } });
    // @ts-expect-error between takes no single value
    movies.query({ year: { between: 1 } });
    // @ts-expect-error no such option
    movies.query({ year: { between: [1, 2, { exclusive: true }] } });
    // @ts-expect-error options that may be undefined
    movies.query({ year: { between: [1, 2, undefined] } });
    // @ts-expect-error isNull takes true or false
    movies.query({ rating: { isNull: "true" } });
    // @ts-expect-error OR takes a list
    movies.query({ OR: { year: 1 } });
    // @ts-expect-error NOT takes one filter
    movies.query({ NOT: [{ year: 1 }] });
  });

  test("neither do undefined and null", () => {
    // @ts-expect-error undefined is no operand
    movies.query({ title: undefined });
    // @ts-expect-error what may be undefined is none either
    movies.query({ title: maybe });
    // @ts-expect-error undefined is no operand, by operator
    movies.query({ title: { eq: undefined } });
    // @ts-expect-error nor inside a list
    movies.query({ title: { in: [maybe] } });
    // @ts-expect-error nor as a junction
    movies.query({ OR: undefined });
    // @ts-expect-error nor as a filter
    movies.query().where(undefined);
    // @ts-expect-error nor as the filter of a new query
    movies.query(undefined);
    // @ts-expect-error null is asked for by isNull
    movies.query({ rating: null });
    // @ts-expect-error also by operator
    movies.query({ rating: { eq: null } });
  });

  test("their type has a name", () => {
    const filter: FilterOf<typeof Definition> = { year: 1 };
    movies.query(filter).where(filter);
    // @ts-expect-error of another entity
    plains.query({ title: "x" } satisfies FilterOf<typeof Definition>);
    type Rating = FieldFilter<Movie, IndexesOf<typeof Definition>, "rating">;
    expectTypeOf<Extract<Rating, number>>().toEqualTypeOf<number>();
    expectTypeOf<Exclude<Rating, number>>().toEqualTypeOf<{
      readonly eq?: number;
      readonly ne?: number;
      readonly in?: readonly number[];
      readonly notIn?: readonly number[];
      readonly gt?: number;
      readonly gte?: number;
      readonly lt?: number;
      readonly lte?: number;
      readonly between?: readonly [
        lower: number,
        upper: number,
        options?: { readonly excludeLower?: boolean; readonly excludeUpper?: boolean },
      ];
      readonly isNull?: boolean;
    }>();
    // A point is compared by its place only.
    expectTypeOf<FilterOf<typeof Plain>["place"]>().toEqualTypeOf<{ readonly within?: Area } | undefined>();
  });

  test("operands follow the operators' parameters", () => {
    expectTypeOf<OperandOf<[]>>().toEqualTypeOf<boolean>();
    expectTypeOf<OperandOf<[value: string]>>().toEqualTypeOf<string>();
    expectTypeOf<OperandOf<[values: readonly string[]]>>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<OperandOf<[a: string, b: number]>>().toEqualTypeOf<readonly [a: string, b: number]>();
    expectTypeOf<OperandOf<[a: string, b?: number]>>().toEqualTypeOf<string | readonly [a: string, b?: number]>();
    expectTypeOf<OperandOf<[a: string[], b?: number]>>().toEqualTypeOf<readonly [a: string[], b?: number]>();
  });
});

describe("conditions", () => {
  test("know their entity", () => {
    const modern = conditions(movie)("year").gte(2000);
    expectTypeOf(modern).toEqualTypeOf<ConditionOf<typeof Definition>>();
    expectTypeOf(modern).toEqualTypeOf<Condition<Movie, IndexesOf<typeof Definition>>>();
    expectTypeOf(conditions(movie)).toEqualTypeOf<ConditionBuilder<Movie, IndexesOf<typeof Definition>>>();
    expectTypeOf(movies.query().where(modern)).toEqualTypeOf<MovieQuery>();
    movies.query().where((f) => f.or(modern, f.not(modern), f("title").eq("x"), f.search("x")));
    const f = conditions(movie);
    movies.query().where(f.and(modern, f.or(), f.search("x")));
  });

  test("do not fit another, be it wider or narrower", () => {
    const plain = conditions(Plain)("year").gte(2000);
    const bare = conditions(Bare).and();
    // @ts-expect-error of another entity
    movies.query().where(plain);
    // @ts-expect-error of another entity, by callback
    movies.query().where(() => plain);
    // @ts-expect-error of another entity, joined
    movies.query().where((f) => f.or(plain));
    // @ts-expect-error of another entity, turned round
    movies.query().where((f) => f.not(plain));
    // @ts-expect-error of an entity with fewer fields
    plains.query().where(bare);
    // @ts-expect-error of an entity with more fields
    bares.query().where(plain);
    // @ts-expect-error of another entity, outside
    conditions(movie).and(plain);
    // @ts-expect-error an object is no condition
    movies.query().where((f) => f.or({}));
    // @ts-expect-error neither is a node
    movies.query().where(() => ({ type: "in", path: "year", values: [1] }) as const);
    // @ts-expect-error a callback that forgets its return
    movies.query().where(() => undefined);
  });

  test("are checked as they are in a callback", () => {
    // @ts-expect-error not indexed
    conditions(movie)("slug");
    // @ts-expect-error no such operator
    conditions(movie)("year").match("x");
    // @ts-expect-error no member of the enum
    conditions(movie)("grade").eq("C");
    // @ts-expect-error no entity type
    conditions({});
  });
});

describe("when", () => {
  test("narrows the value", () => {
    const zero = 0 as 0 | 5 | null;
    const mixed = "" as "" | "x" | false | 0n;
    expectTypeOf(
      movies
        .query()
        .when(maybe, (query, value) => {
          expectTypeOf(query).toEqualTypeOf<MovieQuery>();
          expectTypeOf(value).toEqualTypeOf<string>();
          return query.where("title").match(value);
        })
        .when(zero, (query, value) => {
          expectTypeOf(value).toEqualTypeOf<5>();
          return query.where("year").eq(value);
        })
        .when(mixed, (query, value) => {
          expectTypeOf(value).toEqualTypeOf<"x">();
          return query;
        })
        .when(Math.random() > 0.5, (query, value) => {
          expectTypeOf(value).toEqualTypeOf<true>();
          return query.orderBy("year");
        }),
    ).toEqualTypeOf<MovieQuery>();
  });

  test("takes a callback that gives a query of the type", () => {
    // @ts-expect-error nothing returned
    movies.query().when(maybe, () => undefined);
    // @ts-expect-error a query over another entity
    movies.query().when(maybe, () => plains.query());
    // @ts-expect-error an operator is missing
    movies.query().when(maybe, (query) => query.where("year"));
    // @ts-expect-error the value is a string
    movies.query().when(maybe, (query, value) => query.where("year").eq(value));
  });
});

describe("search", () => {
  test("is there for entities with words", () => {
    expectTypeOf(movies.query().search("star wars")).toEqualTypeOf<MovieQuery>();
    words.query().search("x");
    words.query().where((f) => f.or(f.search("x"), f("both").eq("x")));
    // @ts-expect-error a number is no text
    movies.query().search(1);
    // @ts-expect-error nor is undefined
    movies.query().search(maybe);
    // @ts-expect-error no text() index
    plains.query().search("x");
    // @ts-expect-error no text() index, by callback
    plains.query().where((f) => f.search("x"));
    // @ts-expect-error no text() index, outside
    conditions(Plain).search("x");
    // @ts-expect-error no index at all
    bares.query().search("x");
    // @ts-expect-error a search has its method, no property
    movies.query({ search: "x" });
  });
});
