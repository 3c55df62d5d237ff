// What the inference makes of the values of one field. Pure: values in, guess out.
import { describe, expect, it } from "vitest";

import { type Form, guess } from "../../../src/cli/infer/guess.ts";

const times = (count: number, ...values: readonly unknown[]): unknown[] =>
  Array.from({ length: count }, () => values).flat();

describe("the text of hash fields", () => {
  it.each<[string, string, readonly string[]]>([
    ["boolean", "open", ["true", "false", "true"]],
    ["bit", "open", ["1", "0", "1"]],
    ["int", "open", ["1", "1"]],
    ["int", "count", ["0", "-7", "12"]],
    ["number", "price", ["1.50", "3", "1e-7"]],
    ["bigint", "serial", ["9007199254740993", "1"]],
    ["string", "zip", ["01234", "98765"]],
    ["string", "count", ["1", ""]],
    ["string", "note", ["Infinity", "NaN"]],
    ["date", "created", ["1700000000000", "1700000000001"]],
    ["date", "bornAt", ["-100000000000", "1700000000000"]],
    ["int", "population", ["1400000000", "800000"]],
    ["seconds", "created_at", ["1700000000", "1700000000.123"]],
    ["seconds", "publishedOn", ["1700000000"]],
    ["seconds", "joined", ["1700000000"]],
    ["number", "lat", ["48.85", "1700000000.5"]],
    ["isoDate", "day", ["2024-02-29"]],
    ["string", "day", ["2023-02-29"]],
    ["isoDateTime", "when", ["2024-01-02T03:04:05.678Z", "2024-01-02T03:04:05Z"]],
    ["isoOffset", "when", ["2024-01-02T03:04:05+02:00", "2024-01-02T03:04:05Z"]],
    ["string", "when", ["2023-02-30T00:00:00Z"]],
    ["uuid", "ref", ["3f2504e0-4f89-41d3-9a0c-0305e82c3301"]],
    ["string", "ref", ["3f2504e0-4f89-01d3-9a0c-0305e82c3301"]],
    ["email", "mail", ["ada@example.org", "b.c+d@e-f.co.uk"]],
    ["string", "mail", ["ada@example.org", "nobody"]],
    ["url", "link", ["https://example.org/a?b=c"]],
    ["point", "place", ["2.35,48.85", "-0.1,51.5"]],
    ["point", "location", ["2,48"]],
    ["string", "pair", ["2,48"]],
    ["string", "place", ["200.5,48.85"]],
    ["joined", "tags", ["a|b|c", "d"]],
    ["string", "tags", ["a|b|", "d"]],
    ["record", "extra", ['{"a":1}', "{}"]],
    ["string", "broken", ["{a", "[b"]],
    ["prose", "text", ["the quick brown fox", "jumps over the dog", "x"]],
    ["prose", "text", ["x".repeat(81)]],
  ])("%s: %s %j", (kind, name, values) => {
    expect(guess(name, values, "text")).toEqual({ kind });
  });

  it("lists in JSON, as the mapper writes them", () => {
    expect(guess("tags", ['["a"]', "[]"], "text")).toEqual({ kind: "array", item: { kind: "string" } });
  });
});

describe("few strings, seen often", () => {
  it("are an enumeration, in order", () => {
    expect(guess("state", times(10, "open", "closed"), "text")).toEqual({ kind: "enum", values: ["closed", "open"] });
  });

  it.each<[string, readonly unknown[]]>([
    ["too few samples", times(3, "open", "closed")],
    ["one value", times(20, "open")],
    ["too many values", Array.from({ length: 60 }, (_, at) => `v${at % 12}`)],
    ["no letters", times(20, "+-", "--")],
    ["an empty one", times(20, "a", "")],
  ])("are not with %s", (_why, values) => {
    expect(guess("state", values, "text")).toEqual({ kind: "string" });
  });
});

describe("values in JSON", () => {
  it.each<[string, string, readonly unknown[]]>([
    ["boolean", "open", [true, false]],
    ["int", "count", [1, 2]],
    ["number", "count", [1, 2.5]],
    ["number", "count", [2 ** 60]],
    ["date", "created", [1_700_000_000_000]],
    ["seconds", "created", [1_700_000_000.5]],
    ["string", "count", ["1", "2"]],
    ["string", "open", ["true", "false"]],
    ["string", "tags", ["a|b"]],
    ["pointText", "place", ["2.35,48.85"]],
    ["point", "place", [{ longitude: 2.35, latitude: 48.85 }]],
    ["unknown", "nothing", []],
    ["record", "empty", [{}]],
    ["record", "scores", Array.from({ length: 50 }, (_, at) => ({ [`k${at}`]: 1 }))],
  ])("%s: %s %j", (kind, name, values) => {
    expect(guess(name, values, "json")).toEqual({ kind });
  });

  it.each<[Form]>([["json"], ["text"]])("of several kinds are named (%s)", (form) => {
    expect(guess("x", [1, "a", [1]], form)).toEqual({ kind: "mixed", kinds: ["array", "number", "string"] });
  });

  it("of lists with nulls, and of lists of lists", () => {
    expect(guess("x", [[1, null]], "json")).toEqual({ kind: "array", item: { kind: "mixed", kinds: ["null"] } });
    expect(guess("x", [[[1]]], "json")).toEqual({ kind: "array", item: { kind: "array", item: { kind: "int" } } });
    expect(guess("x", [[]], "json")).toEqual({ kind: "array", item: { kind: "unknown" } });
  });

  it("of objects: each field with its share, and null apart", () => {
    const found = guess("owner", [{ a: 1, b: null }, { a: 2 }, { a: 3, b: "x" }], "json");
    expect(found).toEqual({
      kind: "object",
      fields: [
        { name: "a", guess: { kind: "int" }, nullable: false, present: 3, of: 3 },
        { name: "b", guess: { kind: "string" }, nullable: true, present: 2, of: 3 },
      ],
    });
  });
});
