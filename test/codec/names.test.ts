// Documents of properties that are stored by other names: what others store, under those names.
// Most names are those of other properties, so that whatever takes one for the other is seen.
import fc from "fast-check";
import { z } from "zod";
import { expect, test } from "vitest";

import { DocumentCodec } from "../../src/codec/document.ts";
import { LineCodec } from "../../src/codec/line.ts";
import { pathAt, placeOf } from "../../src/codec/place.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { canonical, thing, thingIndex, thingShape } from "../property/entities.ts";
import { seed } from "../property/seed.ts";
import { stored } from "./stored.ts";
import { dateAs, defineEntity } from "remora";

const names = {
  title: "name",
  name: "code",
  code: "title",
  both: "n",
  n: "t",
  at: "both",
  big: "b",
  note: "at",
  tags: "*",
  bits: "bigs",
  bigs: "bits",
  inner: "place",
  "inner.colour": "deep",
  "inner.deep": "colour",
  place: "inner",
} as const;

const plain = (storage: Storage) =>
  defineEntity({ name: "thing", storage, schema: z.object(thingShape), index: thingIndex });
const named = (storage: Storage) =>
  defineEntity({ name: "thing", storage, schema: z.object(thingShape), index: thingIndex, names });

/** What a server would hold: the fields of a hash, or a document. */
function heldOf({ metadata }: ReturnType<typeof plain>, entity: Record<string, unknown>): Record<string, unknown> {
  const codec = new DocumentCodec(metadata);
  const { body } = codec.encode(entity, "x", { "$exact.tags": ["a"] });
  if (typeof body === "string") return JSON.parse(body) as Record<string, unknown>;
  const values = stored(codec, { metadata } as never, body) as unknown as (string | null)[];
  return Object.fromEntries(codec.fields.map((field, at) => [field, values[at]]));
}

/** A document as it would be with the names of the properties. */
function unnamed(storage: Storage, held: Record<string, unknown>): Record<string, unknown> {
  const { metadata } = named(storage);
  return Object.fromEntries(
    Object.entries(held).map(([name, value]) => {
      const path = pathAt(metadata, name);
      if (storage === "hash" && name === "$null" && typeof value === "string") {
        return [name, JSON.stringify((JSON.parse(value) as string[]).map((field) => pathAt(metadata, field)).sort())];
      }
      if (storage !== "hash" && path === "inner" && value !== null) {
        const inner = Object.entries(value as object);
        return [path, Object.fromEntries(inner.map(([at, each]) => [pathAt(metadata, `place.${at}`).slice(6), each]))];
      }
      return [path, value];
    }),
  );
}

const sorted = (held: Record<string, unknown>): Record<string, unknown> =>
  typeof held["$null"] === "string"
    ? { ...held, $null: JSON.stringify((JSON.parse(held["$null"]) as string[]).sort()) }
    : held;

test.each(["hash", "json", "string"] as const)("a %s document is the same but for its names", (storage) => {
  const codec = new DocumentCodec(named(storage).metadata);
  fc.assert(
    fc.property(thing, thing, (entity, other) => {
      const held = heldOf(named(storage), entity);
      expect(unnamed(storage, held)).toEqual(sorted(heldOf(plain(storage), entity)));
      const { body } = codec.encode(entity, "x", {});
      const document = stored(codec, named(storage), body);
      expect(codec.decode(document, "x")).toEqual(canonical({ ...entity, id: "x" }));
      const part = codec.only(["name", "inner"]);
      const fields = new Map(codec.fields.map((field, at) => [field, (document as readonly string[])[at]]));
      const cut = storage === "hash" ? part.fields.map((field) => fields.get(field) ?? null) : document;
      const { name, inner } = canonical(entity) as Record<string, unknown>;
      expect(part.decode(cut as never, "x")).toEqual(
        Object.fromEntries(Object.entries({ id: "x", name, inner }).filter(([, value]) => value !== undefined)),
      );
      // The difference leads from one to the other.
      const { set, absent } = codec.difference(document, other, "x");
      const wanted = heldOf(named(storage), other);
      const changed = storage === "hash" ? { ...held } : (JSON.parse(document) as Record<string, unknown>);
      for (const place of absent) delete changed[storage === "hash" ? place : place.slice(3, -2)];
      for (let at = 0; at < set.length; at += 2) {
        const place = set[at] as string;
        if (storage === "hash") changed[place] = set[at + 1];
        else changed[place.slice(3, -2)] = JSON.parse(set[at + 1] as string);
      }
      const present = (all: Record<string, unknown>): Record<string, unknown> =>
        Object.fromEntries(
          Object.entries(all).filter(([at, value]) => value !== null && value !== undefined && !at.startsWith("$e")),
        );
      expect(present(changed)).toEqual(present(wanted));
    }),
    { numRuns: 300, seed },
  );
});

test("a line has the names of the properties", () => {
  fc.assert(
    fc.property(thing, (entity) => {
      const lines = new LineCodec(named("hash").metadata);
      const text = lines.write(entity);
      expect(text).toBe(new LineCodec(plain("hash").metadata).write(entity));
      expect(lines.read(text, [])).toEqual(canonical(entity));
    }),
    { numRuns: 100, seed },
  );
});

test("a place in a document is that of the stored names, and leads back to the property", () => {
  for (const storage of ["hash", "json"] as const) {
    const { metadata } = named(storage);
    for (const path of ["id", "title", "flag", "inner", "inner.colour", "inner.deep", "place"]) {
      expect(pathAt(metadata, placeOf(metadata, path.split(".")))).toBe(path);
    }
  }
  expect(placeOf(named("hash").metadata, ["inner", "deep"])).toBe("place.colour");
  expect(placeOf(named("json").metadata, ["inner", "deep"])).toBe('$["place"]["colour"]');
  expect(pathAt(named("hash").metadata, "$exact.tags")).toBe("$exact.tags");
});

const open = defineEntity({
  name: "open",
  storage: "string",
  schema: z.looseObject({ id: z.string(), name: z.string().optional(), at: dateAs("iso").optional() }),
  names: { name: "n", at: "name" },
});

test("an object that keeps what it does not know keeps it beside the stored names", () => {
  const codec = new DocumentCodec(open.metadata);
  const entity = { id: "x", name: "a", more: { of: 1 } };
  const { body } = codec.encode(entity, "x", {});
  expect(JSON.parse(body as string)).toEqual({ id: "x", n: "a", more: { of: 1 } });
  expect(codec.decode(body as string, "x")).toEqual(entity);
  // What stands under the property's own name is the other property, or nobody's.
  expect(codec.decode('{"at":"nobody\'s","more":1}', "x")).toEqual({ id: "x", more: 1 });
  expect(() => codec.encode({ id: "x", n: "b" }, "x", {})).toThrowError(
    expect.objectContaining({ code: "VALIDATION", field: "name" }) as Error,
  );
});

test("what is wrong is said of the property", () => {
  const strict = new DocumentCodec(open.metadata);
  const failure = (stored: string): unknown => {
    try {
      return strict.decode(stored, "x");
    } catch (error) {
      return error;
    }
  };
  expect(failure('{"name":"no date"}')).toMatchObject({ field: "at", issues: [{ path: ["at"] }] });
  expect(failure('{"n":5}')).toMatchObject({ field: "name" });
  expect(strict.decode('{"name":"no date","n":"a"}', "x", "none")).toEqual({ id: "x", name: "a" });
  expect(strict.decode('{"name":"no date","n":"a"}', "x", "lenient")).toEqual({ id: "x", name: "a" });
  expect(() => strict.encode({ id: "x", name: "\ud800" }, "x", {})).toThrowError(
    expect.objectContaining({ field: "name", issues: [expect.objectContaining({ path: ["name"] })] }) as Error,
  );
  const hash = new DocumentCodec(named("hash").metadata);
  const at = hash.fields.indexOf("place.colour");
  const values = hash.fields.map((_, position) => (position === at ? "no number" : "1"));
  try {
    hash.decode(values, "x");
    expect.unreachable();
  } catch (error) {
    expect((error as { issues: unknown[] }).issues).toContainEqual(
      expect.objectContaining({ path: ["inner", "deep"] }) as unknown,
    );
  }
});
