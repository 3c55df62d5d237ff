// Documents without a server: every kind of field written and read back, on both storages.
// What cannot be stored is refused; what cannot be read is reported with its path.
import fc from "fast-check";
import { z } from "zod";
import { describe, expect, test } from "vitest";

import { DocumentCodec } from "../../src/codec/document.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { anyEntity, canonical, thing } from "../property/entities.ts";
import { seed } from "../property/seed.ts";
import { anyBigint, anyDate, hostileString, storableNumber } from "../property/strings.ts";
import { stored } from "./stored.ts";
import { bytes, defineEntity, exact, geoPoint } from "remora";

const every = (storage: Storage) =>
  defineEntity({
    name: "every",
    storage,
    schema: z.object({
      id: z.string(),
      both: z.string().nullish(),
      nil: z.string().nullable(),
      maybe: z.number().optional(),
      tagged: z.string(),
      at: z.date(),
      big: z.bigint(),
      raw: bytes(),
      point: geoPoint().nullish(),
      any: z.unknown(),
      list: z.array(z.union([z.string(), z.null()])),
      dates: z.array(z.date().nullable()),
      map: z.record(z.string(), z.bigint()),
      inner: z.object({ a: z.string().nullish(), b: z.object({ c: z.date().optional() }).nullish() }).nullish(),
      must: z.object({ x: z.number().optional() }),
      pair: z.tuple([z.string(), z.number()]).optional(),
    }),
    index: { tagged: exact(), "inner.a": exact() },
  });

const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    hostileString,
    storableNumber,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(
      // Under names that begin with a blank, or hold quotes or backslashes, JSON documents take short numbers only.
      hostileString.filter((name) => name !== "__proto__" && !/^ |["\\]/.test(name)),
      tie("value"),
      { maxKeys: 3 },
    ),
  ),
})).value;
const may = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> =>
  fc.option(fc.option(value), { nil: undefined });
const name = hostileString.filter((text) => text !== "__proto__");

const value = fc
  .record({
    id: fc.constant("x"),
    both: may(hostileString),
    nil: fc.option(hostileString),
    maybe: fc.option(storableNumber, { nil: undefined }),
    tagged: hostileString,
    at: anyDate,
    big: anyBigint,
    raw: fc.uint8Array(),
    point: may(
      fc.record({ longitude: fc.integer({ min: -180, max: 179 }), latitude: fc.integer({ min: -85, max: 85 }) }),
    ),
    any: json,
    list: fc.array(fc.option(hostileString)),
    dates: fc.array(fc.option(anyDate)),
    map: fc.dictionary(name, anyBigint),
    inner: may(fc.record({ a: may(hostileString), b: may(fc.record({ c: fc.option(anyDate, { nil: undefined }) })) })),
    must: fc.record({ x: fc.option(storableNumber, { nil: undefined }) }),
    pair: fc.option(fc.tuple(hostileString, storableNumber), { nil: undefined }),
  })
  .map(prune);

// Properties that are undefined are not there, at any depth.
function prune<T>(source: T): T {
  if (
    typeof source !== "object" ||
    source === null ||
    Array.isArray(source) ||
    ![Object.prototype, null].includes(Object.getPrototypeOf(source) as null)
  )
    return source;
  return Object.fromEntries(
    Object.entries(source).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, prune(inner) as unknown]])),
  ) as T;
}

describe.each(["hash", "json"] as const)("%s documents", (storage) => {
  test("come back as they were", () => {
    const definition = every(storage);
    const codec = new DocumentCodec(definition.metadata);
    fc.assert(
      fc.property(value, (entity) => {
        const { body } = codec.encode(entity, "x", {});
        expect(codec.decode(stored(codec, definition, body), "x")).toEqual(canonical(entity));
      }),
      { numRuns: 1500, seed },
    );
  });

  test("of the random tests' type come back as they were", () => {
    const definition = anyEntity(storage);
    const codec = new DocumentCodec(definition.metadata);
    fc.assert(
      fc.property(thing, (entity) => {
        const { body } = codec.encode(entity, "x", {});
        expect(codec.decode(stored(codec, definition, body), entity.id)).toEqual(canonical(entity));
      }),
      { numRuns: 500, seed },
    );
  });

  test("tell null and missing apart, also inside", () => {
    const definition = every(storage);
    const codec = new DocumentCodec(definition.metadata);
    const base = {
      id: "x",
      nil: null,
      tagged: "",
      at: new Date(0),
      big: 0n,
      raw: new Uint8Array(),
      any: null,
      list: [],
      dates: [],
      map: {},
      must: {},
    };
    for (const entity of [
      base,
      { ...base, both: null },
      { ...base, inner: null },
      { ...base, inner: {} },
      { ...base, inner: { a: null } },
      { ...base, inner: { b: null } },
      { ...base, inner: { b: {} } },
      { ...base, inner: { a: null, b: null } },
      { ...base, point: null },
    ]) {
      const read = codec.decode(stored(codec, definition, codec.encode(entity, "x", {}).body), "x");
      expect(read).toStrictEqual(entity);
    }
  });

  test("take their id from the key, whatever they say", () => {
    const definition = defineEntity({ name: "e", storage, schema: z.object({ id: z.string() }) });
    const codec = new DocumentCodec(definition.metadata);
    const body = storage === "hash" ? ["id", "other"] : '{"id":"other"}';
    expect(codec.decode(stored(codec, definition, body), "mine")).toEqual({
      id: "mine",
    });
  });
});

describe("hidden members of JSON documents", () => {
  const fields = { id: z.string(), a: z.string(), in: z.object({ b: z.string() }).optional() };
  const entity = { id: "x", a: "$a", in: { b: "c" } };
  const hidden = { "$text.a": ["a"], $absent: ["in"], $deadline: undefined };
  const stray = (text: string): string => text.replace("{", '{"stray":1,');

  test.each<[string, z.ZodObject, object | undefined]>([
    ["an object", z.object(fields), entity],
    ["a refined object", z.object(fields).refine((all) => !("$text.a" in all)), entity],
    ["a strict object", z.strictObject(fields), undefined],
    ["a loose object", z.looseObject(fields), { ...entity, stray: 1 }],
    ["an object with a catchall", z.object(fields).catchall(z.number()), { ...entity, stray: 1 }],
  ])("are no part of %s", (_name, schema, withStray) => {
    const definition = defineEntity({ name: "e", storage: "json", schema });
    const codec = new DocumentCodec(definition.metadata);
    const text = codec.encode(entity, "x", hidden).body as string;
    expect(text).toContain("$text.a");
    expect(codec.decode(text, "x")).toStrictEqual(entity);
    expect(codec.only(["a"]).decode(text, "x")).toStrictEqual({ id: "x", a: "$a" });
    expect(codec.only(["a"]).decode(stray(text), "x")).toStrictEqual({ id: "x", a: "$a" });
    if (withStray === undefined) expect(() => codec.decode(stray(text), "x")).toThrow(/does not fit the schema/);
    else expect(codec.decode(stray(text), "x")).toStrictEqual(withStray);
  });
});

test("numbers beyond doubles in free JSON of a hash are reported, other large numbers are not", () => {
  const definition = defineEntity({
    name: "free",
    schema: z.object({ id: z.string(), any: z.unknown(), map: z.record(z.string(), z.unknown()) }),
  });
  const codec = new DocumentCodec(definition.metadata);
  const decode = (any: string, map: string): unknown =>
    codec.decode(
      codec.fields.map((field) => ({ id: "a", any, map })[field as "id"] ?? null),
      "a",
    );
  expect(decode("1e300", '{"x":"1e400"}')).toEqual({ id: "a", any: 1e300, map: { x: "1e400" } });
  for (const [any, map, field] of [
    ["1e400", "{}", "any"],
    ["1", '{"x":[1,-1E+999]}', "map"],
  ] as const) {
    expect(() => decode(any, map)).toThrowError(expect.objectContaining({ code: "CORRUPT_ENTITY", field }) as Error);
  }
});

describe("a choice of properties", () => {
  const named = defineEntity({
    name: "named",
    schema: z.object({ id: z.string(), a: z.string(), b: z.string(), "a b": z.string(), "a,b": z.string() }),
  });

  test.each([["a b"], ["a", "b"], ["a"], ["b", "a,b"], ["b", "a"]])("reads these and the id: %j, %j", (...names) => {
    const codec = new DocumentCodec(named.metadata);
    // Whatever was chosen before, in names that read alike when they are joined.
    for (const before of [["a b"], ["a", "b"], ["b", "a,b"], ["b"]]) codec.only(before);
    const chosen = names.filter((name) => name !== undefined);
    expect(new Set(codec.only(chosen).fields)).toEqual(new Set(["id", ...chosen]));
    expect(codec.only(chosen.toReversed())).toBe(codec.only(chosen));
  });

  test("of everything is the codec itself", () => {
    const codec = new DocumentCodec(named.metadata);
    expect(codec.only(undefined)).toBe(codec);
  });
});
