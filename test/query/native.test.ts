// Words as the search server splits them, and the rules of native text in a definition.
// The traps test compares the words with the server's own.
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, isRemoraError, text } from "remora";
import { nativeWords } from "../../src/query/native.ts";
import type { NativeRules } from "../../src/schema/index-kinds.ts";

test.each<[string, string[]]>([
  ["", []],
  ["!!! -- ", []],
  ["Running Shoes", ["Running", "Shoes"]],
  ["a a A", ["a", "A"]],
  ["foo-bar_baz 3.14", ["foo", "bar_baz", "3", "14"]],
  ["John's `x` [y] {z}|w~", ["John", "s", "x", "y", "z", "w"]],
  ["new\nline\ttab\rend", ["newline", "tabend"]],
  ["a\u0001b\u007fc", ["abc"]],
  ["x\\-y z\\", ["x-y", "z"]],
  ["a\\b", ["ab"]],
  ["a\\\\", ["a\\"]],
  ["a\\\\-b", ["a\\", "b"]],
  ["a\\ b", ["a b"]],
  ["a\\\tb", ["ab"]],
  ["naïve 日本語\u00a0x—y", ["naïve", "日本語\u00a0x—y"]],
  [`${"a".repeat(130)}`, ["a".repeat(128)]],
])("the words of %j", (given, words) => {
  expect(nativeWords(given)).toEqual(words);
});

describe("the rules", () => {
  const book = (a: NativeRules, b: NativeRules = {}) =>
    defineEntity({
      name: "book",
      schema: z.object({ id: z.string(), a: z.string(), b: z.string() }),
      index: { a: text({ native: a }), b: text({ native: b }) },
    });
  const layout = (...rules: [NativeRules, NativeRules?]): string => book(...rules).metadata.layout;

  test("are part of what an index is", () => {
    const plain = layout({});
    expect(layout({ language: "english", noStem: false, stopWords: [] })).toBe(plain);
    const others = [layout({ noStem: true }), layout({ phonetic: "en" }), layout({ phonetic: "fr" })];
    const shared = [{ language: "french" as const }, { stopWords: ["the"] }].map((rules) => layout(rules, rules));
    expect(new Set([plain, ...others, ...shared]).size).toBe(6);
    expect(layout({ stopWords: ["The", "of"] }, { stopWords: ["of", "the", "of"] })).toBe(
      layout({ stopWords: ["of", "the"] }, { stopWords: ["of", "the"] }),
    );
  });

  test.each<[string, unknown, RegExp]>([
    ["language", { language: "klingon" }, /a: native: no search server stems klingon/],
    ["phonetic", { phonetic: "de" }, /a: native: phonetic is one of en, fr, pt, es/],
    ["noStem", { noStem: 1 }, /a: native: noStem is true or false/],
    ["stopWords", { stopWords: ["two words"] }, /a: native: stopWords is a list of single words/],
    ["stopWords", { stopWords: "the" }, /a: native: stopWords is a list/],
    ["another", { stem: false }, /a: native has no stem; it takes language, noStem/],
  ])("are checked: %s", (_name, rules, message) => {
    expect(() => book(rules as NativeRules)).toThrow(message);
  });

  test("are one for a type where servers have one per index", () => {
    expect(() => book({ language: "french" })).toThrow(/native texts of one type must have the same language/);
    expect(() => book({ stopWords: ["the"] })).toThrow(/native texts of one type must have the same stopWords/);
    try {
      book({ language: "french" });
    } catch (error) {
      expect(isRemoraError(error, "DEFINITION")).toBe(true);
    }
  });
});
