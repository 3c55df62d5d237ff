// Every kind of field without a server: what a value becomes, what is written, and what is read back, on both storages.
// Inputs are told from what a read returned, and what a codec refuses is reported.
import fc from "fast-check";
import { z } from "zod";
import { describe, expect, test } from "vitest";

import { custom, dateAs, decimal, defineEntity, isRemoraError } from "remora";
import { DocumentCodec } from "../../src/codec/document.ts";
import { LineCodec } from "../../src/codec/line.ts";
import { kinds, typeOf } from "../property/kinds.ts";
import { seed } from "../property/seed.ts";
import { anyDate } from "../property/strings.ts";
import { stored } from "./stored.ts";

describe.each(kinds)("$name", (kind) => {
  test.each(["hash", "json"] as const)("comes back from %s as it was, and may be saved again", (storage) => {
    const definition = typeOf(kind, storage);
    const { metadata } = definition;
    const codec = new DocumentCodec(metadata);
    fc.assert(
      fc.property(kind.value, (field) => {
        const given = metadata.validate({ id: "x", field });
        expect(given).toEqual({ ok: true, value: { id: "x", field } });
        const { body } = codec.encode({ id: "x", field }, "x", {});
        const read = codec.decode(stored(codec, definition, body), "x");
        expect(read).toEqual({ id: "x", field });
        const change = codec.change(["field"], field, "x");
        const text =
          storage === "json" ? JSON.stringify((JSON.parse(body as string) as { field: unknown }).field) : undefined;
        if (text !== undefined && kind.varies !== true) expect(change.set[1]).toBe(text);
        const difference = codec.difference(stored(codec, definition, body), read, "x");
        // Lists of encrypted texts are written anew.
        if (!(kind.varies === true && Array.isArray(field))) expect(difference).toMatchObject({ set: [], absent: [] });
      }),
      { numRuns: 200, seed },
    );
  });

  test("comes back from a line of an export", () => {
    const { metadata } = typeOf(kind, "hash");
    const codec = new LineCodec(metadata);
    fc.assert(
      fc.property(kind.value, (field) => {
        const read = codec.read(codec.write({ id: "x", field }), []);
        expect(metadata.validate(read)).toEqual({ ok: true, value: { id: "x", field } });
      }),
      { numRuns: 50, seed },
    );
  });

  test("takes inputs", () => {
    const { metadata } = typeOf(kind, "hash");
    for (const [input, value] of kind.inputs ?? []) {
      expect(metadata.validate({ id: "x", ...(input === undefined ? {} : { field: input }) })).toEqual({
        ok: true,
        value: { id: "x", field: value },
      });
      if (input !== undefined) expect(metadata.rules("field")?.validate(input)).toEqual({ ok: true, value });
    }
  });
});

describe.each(["hash", "json"] as const)("codecs that refuse, on %s documents", (storage) => {
  const even = z.codec(z.string(), z.number(), {
    decode(text, context) {
      if (Number(text) % 2 !== 0) context.issues.push({ code: "custom", message: "odd", input: text });
      return Number(text);
    },
    encode(value, context) {
      if (value % 2 !== 0) context.issues.push({ code: "custom", message: "odd", input: value });
      return value === 4 ? (undefined as never) : String(value);
    },
  });
  const definition = defineEntity({
    name: "even",
    storage,
    schema: z.object({
      id: z.string(),
      even: even.optional(),
      list: z.array(even).optional(),
      late: z.codec(z.string(), z.number(), { decode: async (text) => Number(text), encode: String }).optional(),
    }),
  });
  const { metadata } = definition;
  const codec = new DocumentCodec(metadata);
  const failure = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return isRemoraError(error) ? { code: error.code, field: error.field, message: error.message } : error;
    }
  };

  test("values that cannot be encoded are not written", () => {
    for (const [entity, field] of [
      [{ even: 3 }, "even"],
      [{ even: 4 }, "even"],
      [{ list: [2, 3] }, "list.1"],
    ] as const) {
      expect(failure(() => codec.encode({ id: "x", ...entity }, "x", {}))).toMatchObject({ code: "VALIDATION", field });
    }
  });

  test("texts that cannot be decoded are reported, and lenient reads leave them out", () => {
    for (const [property, good, bad] of [
      ["even", '"2"', '"3"'],
      ["list", '["2"]', '["2","3"]'],
      ["late", undefined, '"3"'],
    ] as const) {
      const document = (text: string): never =>
        storage === "json"
          ? (`{"id":"x",${JSON.stringify(property)}:${text}}` as never)
          : (codec.fields.map((field) =>
              field === "id" ? "x" : field === property ? (property === "list" ? text : JSON.parse(text)) : null,
            ) as never);
      if (good !== undefined) expect(codec.decode(document(good), "x")).toMatchObject({ id: "x" });
      const read = failure(() => codec.decode(document(bad), "x"));
      expect(read).toMatchObject({
        code: "CORRUPT_ENTITY",
        field: property === "list" && storage === "json" ? "list.[]" : property,
      });
      expect(codec.decode(document(bad), "x", "lenient")).toEqual({ id: "x" });
    }
  });

  test("what is neither input nor output is refused as an input", () => {
    expect(metadata.validate({ id: "x", even: true })).toMatchObject({ ok: false, issues: [{ path: ["even"] }] });
    expect(metadata.validate({ id: "x", even: "3" })).toMatchObject({
      ok: false,
      issues: [{ path: ["even"], message: "odd" }],
    });
    expect(metadata.validate({ id: "x", late: "3" })).toMatchObject({ ok: false });
  });
});

test("a transform that changes its own result is refused when it does", () => {
  const { metadata } = defineEntity({
    name: "cut",
    schema: z.object({
      id: z.string(),
      cut: z
        .string()
        .transform((text) => text.slice(1))
        .pipe(z.string()),
    }),
  });
  expect(metadata.validate({ id: "x", cut: "" })).toEqual({ ok: true, value: { id: "x", cut: "" } });
  expect(metadata.validate({ id: "x", cut: "ab" })).toMatchObject({ ok: false, issues: [{ path: ["cut"] }] });
});

test("decimals are digits, with a sign and a fraction", () => {
  for (const text of ["", "-", ".5", "1.", "+1", "1e3", "1,5", "0x1", " 1", "1\n", "١", "NaN", "1.2.3", "--1"]) {
    expect(decimal().safeParse(text).success, text).toBe(false);
  }
});

test("texts of dates say their zone, and days that there are", () => {
  const { metadata } = defineEntity({
    name: "dated",
    storage: "json",
    schema: z.object({ id: z.string(), iso: dateAs("iso").optional(), s: dateAs("s").optional() }),
  });
  const codec = new DocumentCodec(metadata);
  const read = (property: object): unknown => codec.decode(JSON.stringify({ id: "x", ...property }), "x", "lenient");
  for (const [iso, time] of [
    ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000Z"],
    ["2024-02-29T12:00:00.123456+02:00", "2024-02-29T10:00:00.123Z"],
    ["2024-02-29T12:00-00:30", "2024-02-29T12:30:00.000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000Z"],
    ["0004-02-29", "0004-02-29T00:00:00.000Z"],
  ] as const) {
    expect(read({ iso })).toEqual({ id: "x", iso: new Date(time) });
  }
  for (const iso of [
    "2024-02-29T12:00:00",
    "2023-02-29",
    "2024-13-01",
    "2024-00-10",
    "2024-01-00",
    "1/2/2024",
    "now",
    5,
  ]) {
    expect(read({ iso }), String(iso)).toEqual({ id: "x" });
  }
  expect(read({ s: 1.001 })).toEqual({ id: "x", s: new Date(1001) });
  for (const s of [1e300, "5", null]) expect(read({ s }), String(s)).toEqual({ id: "x" });
});

test("custom fields whose functions break their word are reported", () => {
  const as = (encoded: unknown) =>
    defineEntity({
      name: "broken",
      storage: "json",
      schema: z.object({
        id: z.string(),
        field: custom({
          schema: z.string(),
          as: "number",
          encode(value) {
            if (value === "throw") throw new RangeError("no number");
            return encoded as number;
          },
          decode: String,
        }),
      }),
    });
  const codec = new DocumentCodec(as("5").metadata);
  for (const field of ["a", "throw"]) {
    expect(() => codec.encode({ id: "x", field }, "x", {})).toThrow(/field cannot be encoded/);
  }
  expect(() => codec.decode('{"id":"x","field":"5"}', "x")).toThrow(/field: cannot be decoded: expected a number/);
});

test("an object that keeps everything else is one of JSON documents", () => {
  const definition = defineEntity({
    name: "open",
    storage: "json",
    schema: z.object({ id: z.string(), open: z.looseObject({ at: dateAs("iso"), price: z.stringbool().optional() }) }),
  });
  const codec = new DocumentCodec(definition.metadata);
  fc.assert(
    fc.property(anyDate, fc.dictionary(fc.string({ minLength: 1 }), fc.string()), (at, more) => {
      fc.pre(!("__proto__" in more) || !Object.hasOwn(more, "__proto__"));
      const entity = { id: "x", open: { ...more, at, price: true } };
      const { body } = codec.encode(entity, "x", {});
      expect(codec.decode(body as string, "x")).toEqual(entity);
    }),
    { numRuns: 200, seed },
  );
});
