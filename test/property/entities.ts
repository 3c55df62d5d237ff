// The entity type of the random tests: every index on every kind of field it may stand on, absent or not.
// One definition per storage; the values come from small pools so that queries find something.
import fc from "fast-check";
import { z } from "zod";

import { defineEntity, exact, geo, geoPoint, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { canonicalLongitude } from "../../src/schema/shape.ts";
import { evenly } from "./places.ts";
import { anyBigint, anyDate, hostileString, phrase, storableNumber } from "./strings.ts";

const colours = ["red", "green", "blue"] as const;

/** Every kind of field that can be indexed. */
export const thingShape = {
  id: z.string(),
  title: z.string(),
  name: z.string().nullish(),
  code: z.string().optional(),
  both: z.string().nullable(),
  n: z.number().nullable(),
  at: z.date().optional(),
  big: z.bigint().nullable(),
  flag: z.boolean().nullish(),
  note: z.string().nullable(),
  tags: z.array(z.string()).nullable(),
  labels: z.array(z.string().nullable()).optional(),
  bits: z.array(z.boolean()),
  bigs: z.array(z.bigint()),
  inner: z.object({ colour: z.enum(colours).nullable(), deep: z.number().optional() }).optional(),
  place: geoPoint().nullable(),
};

/** Every index that may stand on one of them. */
export const thingIndex = {
  title: [exact({ sortable: true, substring: true }), text({ phrase: true })],
  name: exact({ sortable: true, caseInsensitive: true, substring: true }),
  code: range(),
  both: [exact({ sortable: true, caseInsensitive: true }), range()],
  n: range(),
  at: range(),
  big: [exact(), range()],
  flag: exact({ sortable: true }),
  note: text({ phrase: true }),
  tags: exact(),
  labels: exact({ caseInsensitive: true }),
  bits: exact(),
  bigs: exact(),
  "inner.colour": exact(),
  "inner.deep": range(),
  place: geo(),
};

/** Defines the type, in one slot or spread over several. */
export function anyEntity(storage: Storage, partitions: number = 1) {
  return defineEntity({
    name: "thing",
    storage,
    partitions,
    schema: z.object(thingShape),
    index: thingIndex,
    compound: {
      flagged: { eq: ["flag"], orderBy: "n" },
      coloured: { eq: ["inner.colour", "flag"], orderBy: "both" },
      dated: { eq: ["inner.colour"], orderBy: "at" },
      named: { eq: ["name"], orderBy: "code" },
      numbered: { eq: ["n", "both"], orderBy: "big" },
      plain: { eq: ["flag", "inner.colour"] },
    },
  });
}

/** The type's definition. */
export type AnyEntity = ReturnType<typeof anyEntity>;

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 3 });
const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 3 });

const degrees = (limit: number): fc.Arbitrary<number> =>
  fc.oneof(evenly(-limit, limit), fc.double({ min: -limit, max: limit, noNaN: true }));
const point = fc.record({
  longitude: fc.oneof(fc.constantFrom(0, 180, -180, 1e-7, 2.35), degrees(180)),
  latitude: fc.oneof(fc.constantFrom(0, 85, -85, -1e-7, 48.85), degrees(85)),
});

/** An id: anything that is not empty, blank or NUL. */
const anyId = fc
  .oneof(fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 8 }), hostileString)
  .filter((id) => id.trim() !== "");

/** One entity, without the properties that are undefined. */
export const thing = fc
  .record({
    id: anyId,
    title: hostileString,
    name: optional(nullable(hostileString)),
    code: optional(hostileString),
    both: nullable(hostileString),
    n: nullable(storableNumber),
    at: optional(anyDate),
    big: nullable(anyBigint),
    flag: optional(nullable(fc.boolean())),
    note: nullable(phrase),
    tags: nullable(fc.array(hostileString, { maxLength: 3 })),
    labels: optional(fc.array(nullable(hostileString), { maxLength: 3 })),
    bits: fc.array(fc.boolean(), { maxLength: 2 }),
    bigs: fc.array(anyBigint, { maxLength: 2 }),
    inner: optional(
      fc.record({ colour: nullable(fc.constantFrom(...colours)), deep: optional(storableNumber) }).map(compact),
    ),
    place: nullable(point),
  })
  .map(compact);

/** Without the properties that are undefined. */
function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as T;
}

/** As it is read back: zero has no sign, and the meridian of 180 degrees is written as -180. */
export function canonical(value: unknown, name = ""): unknown {
  if (typeof value === "number") return (name === "longitude" ? canonicalLongitude(value) : value) || 0;
  if (Array.isArray(value)) return value.map((item) => canonical(item));
  if (
    typeof value !== "object" ||
    value === null ||
    ![Object.prototype, null].includes(Object.getPrototypeOf(value) as null)
  )
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, canonical(inner, key)]));
}
