// The printed file: the same for the same sample, and every document it was made from fits the type it defines.
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { inferEntity } from "../../../src/cli/infer/entity.ts";
import type { Sample } from "../../../src/cli/infer/sample.ts";
import { DocumentCodec } from "../../../src/codec/document.ts";
import { runs, seed } from "../../property/seed.ts";
import { hostileStrings } from "../../property/strings.ts";
import { definitionIn, printed, sampleOf } from "./draft.ts";

describe("a printed file", () => {
  it("of hashes", () => {
    const rows = Array.from({ length: 12 }, (_, at) => ({
      title: `title ${at}`,
      state: at % 2 === 0 ? "open" : "closed",
      count: String(at),
      ...(at < 9 ? { "owner.name": "Ada", "owner.mail": "ada@example.org" } : {}),
      place: "2.35,48.85",
      created: "1700000000",
    }));
    expect(printed(sampleOf("hash", rows, 90_000)))
      .toBe(`// A first draft, inferred from 12 documents: what was not seen, it does not know.
// Read it before you rely on it, and take away the indexes that nobody asks for.
import { dateAs, defineEntity, type EntityOf, exact, geo, geoPoint, range } from "remora";
import { z } from "zod";

export const Thing = defineEntity({
  name: "thing",
  keyPrefix: "thing:",
  storage: "hash",
  schema: z.object({
    id: z.string(), // what follows the prefix in the key
    title: z.string(),
    state: z.enum(["closed", "open"]),
    count: z.int(),
    owner: z.object({
      name: z.string(),
      mail: z.email(),
    }).optional(), // in 9 of 12
    place: geoPoint(),
    created: dateAs("s"), // seconds since 1970
  }),
  index: {
    title: exact(),
    state: exact(),
    count: range(),
    "owner.name": exact(),
    "owner.mail": exact(),
    place: geo(),
    created: range(),
  },
  ttl: {}, // 12 of 12 expire
});
export type Thing = EntityOf<typeof Thing>;
`);
  });

  it("is the same whatever the order of the keys", () => {
    const sample = sampleOf("json", [{ a: 1, b: [{ c: "x" }] }, { d: null, a: 2 }, { a: 3 }]);
    const turned: Sample = { ...sample, documents: sample.documents.toReversed() };
    expect(printed(turned)).toBe(printed(sample));
  });

  it("knows nested objects of hashes, also those of which nothing is stored", () => {
    const { draft } = inferEntity(sampleOf("hash", [{ "a.b": "x" }, { a: "{}" }, { c: "{}" }]));
    expect(draft?.fields).toEqual([
      {
        name: "a",
        guess: {
          kind: "object",
          fields: [{ name: "b", guess: { kind: "string" }, nullable: false, present: 1, of: 2 }],
        },
        nullable: false,
        present: 2,
        of: 3,
      },
      { name: "c", guess: { kind: "record" }, nullable: false, present: 1, of: 3 },
    ]);
  });

  it("has an id field that no field of the documents contradicts", () => {
    expect(printed(sampleOf("json", [{ id: "0" }, { id: "1" }]))).toContain("    id: z.string(), // what");
    const other = printed(sampleOf("json", [{ id: "x" }, { id: 7 }]));
    expect(other).toContain('id: { field: "key" }');
    expect(other).toContain("    key: z.string(), // what");
    expect(other).toContain("    id: z.unknown(), // of several kinds: number, string");
  });

  it("cannot be broken out of", () => {
    const hostile = { '"); process.exit(1); ("': "a", "`${x}`": "b", "*/ // \n": "c", ok: '"`${1}\\\n\u2028' };
    const { report } = inferEntity(sampleOf("json", [hostile]));
    const source = printed(
      sampleOf(
        "json",
        Array.from({ length: 9 }, (_, at) => ({ ...hostile, of: at % 2 === 0 ? '"a' : "b\\" })),
      ),
    );
    const { def } = definitionIn(source).schema._zod;
    expect(Object.keys("shape" in def ? def.shape : {})).toEqual(["id", "`${x}`", "ok", "of"]);
    expect(report.filter((line) => line.includes("the field"))).toHaveLength(2);
  });
});

describe("the report", () => {
  it("counts types, and says what was left out and why", () => {
    const sample = sampleOf("hash", [{ a: "1" }, { a: "2", "a.b": "x" }]);
    const { report, draft } = inferEntity({
      ...sample,
      documents: [
        ...sample.documents,
        { key: "thing:x:y", form: "hash", value: { z: "1" }, ttl: undefined },
        { key: "thing:9", form: "json", value: { z: 1 }, ttl: undefined },
      ],
      types: { hash: 3, zset: 4, "ReJSON-RL": 1 },
      unfit: { "strings that are not the text of a JSON object": 2 },
      partial: true,
    });
    expect(report).toEqual([
      '8 keys that begin with "thing:" were looked at, not all of them:',
      "  ReJSON-RL: 1",
      "  hash: 3",
      "  zset: 4",
      "left out: 2 strings that are not the text of a JSON object",
      "left out: 1 documents stored as json, since most are hash",
      expect.stringContaining("left out: 1 keys whose rest cannot be an id"),
      'left out: the field "a.b": another field has the name of its parent',
    ]);
    expect(draft?.fields.map(({ name }) => name)).toEqual(["a"]);
  });

  it("says that there is nothing", () => {
    const { draft, report } = inferEntity({ prefix: "x", documents: [], types: {}, unfit: {}, partial: false });
    expect(draft).toBeUndefined();
    expect(report).toEqual(['0 keys that begin with "x" were looked at, which is all of them:']);
  });
});

describe("every document of the sample fits the draft", () => {
  const text = fc.oneof(
    fc.constantFrom(...hostileStrings.filter((each) => each.isWellFormed())),
    fc.constantFrom(
      "1",
      "0",
      "true",
      "1.5",
      "1700000000000",
      "2024-01-02",
      "a|b",
      "2.5,48.1",
      "[1]",
      "{}",
      '{"a":1}',
      "a@b.co",
    ),
    fc.constantFrom(
      "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
      "https://a.org/",
      "2024-01-02T03:04:05Z",
      "9007199254740993",
    ),
  );
  const name = fc.constantFrom("a", "b", "created", "place", "a.b", "c.d", "c.e", "x y", "__proto__", "id", "key");

  it("as hashes", () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(name, text, { minKeys: 1 }), { minLength: 1, maxLength: 12 }), (rows) => {
        const source = printed(sampleOf("hash", rows));
        const codec = new DocumentCodec(definitionIn(source).metadata);
        for (const [at, row] of rows.entries()) {
          const stored = codec.fields.map((field) => (Object.hasOwn(row, field) ? (row[field] as string) : null));
          expect(() => codec.decode(stored, String(at))).not.toThrow();
        }
      }),
      { seed, numRuns: runs(300) },
    );
  });

  it("as JSON", () => {
    const leaf = fc.oneof(
      text,
      fc.boolean(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constant(null),
    );
    const inner = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(name, leaf, { maxKeys: 3 }));
    const value = fc.oneof(leaf, inner, fc.array(inner, { maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(fc.dictionary(name, value, { minKeys: 1 }), { minLength: 1, maxLength: 12 }), (rows) => {
        const source = printed(sampleOf("json", rows));
        const codec = new DocumentCodec(definitionIn(source).metadata);
        for (const [at, row] of rows.entries()) {
          expect(() => codec.decode(JSON.stringify(row), String(at))).not.toThrow();
        }
      }),
      { seed, numRuns: runs(300) },
    );
  });
});
