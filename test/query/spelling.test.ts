// Words as people type them, against a Levenshtein distance written as in a textbook.
// Characters are whole ones: what is two units of UTF-16 counts once.
import fc from "fast-check";
import { expect, test } from "vitest";

import { isNear, passes, typedWords } from "../../src/query/spelling.ts";
import { phrase } from "../property/strings.ts";
import { seed } from "../property/seed.ts";

function levenshtein(left: readonly string[], right: readonly string[]): number {
  const table = [right.map((_, at) => at), ...left.map(() => [] as number[])];
  const cell = (row: number, column: number): number => table[row]?.[column] as number;
  for (let row = 0; row <= left.length; row += 1) {
    for (let column = 0; column <= right.length; column += 1) {
      const line = table[row] as number[];
      if (row === 0 || column === 0) line[column] = row + column;
      else {
        const change = left[row - 1] === right[column - 1] ? 0 : 1;
        line[column] = Math.min(
          cell(row - 1, column) + 1,
          cell(row, column - 1) + 1,
          cell(row - 1, column - 1) + change,
        );
      }
    }
  }
  return cell(left.length, right.length);
}

const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "é", "🎉", "😀"), maxLength: 7 });

test("near is what a plain Levenshtein distance says", () => {
  fc.assert(
    fc.property(word, word, fc.integer({ min: 0, max: 3 }), (left, right, distance) => {
      expect(isNear(left, right, distance)).toBe(levenshtein(Array.from(left), Array.from(right)) <= distance);
      expect(isNear(right, left, distance)).toBe(isNear(left, right, distance));
    }),
    { numRuns: 5000, seed },
  );
});

test.each<[string, readonly string[], string | undefined]>([
  ["", [], undefined],
  [" !", [], undefined],
  ["st", [], "st"],
  ["Star W", ["star"], "w"],
  ["Star W ", ["star", "w"], undefined],
  ["star-wars!", ["star", "wars"], undefined],
  ["  É", [], "é"],
  ["ﬁ", [], "fi"],
  ["x🎉", ["x"], undefined],
  ["a\u0301", [], "á"],
])("%j is typed as %j and %j", (text, complete, last) => {
  expect(typedWords(text)).toEqual({ complete, last });
});

test("a text with a blank behind it has the same words, all of them complete", () => {
  fc.assert(
    fc.property(phrase, (text) => {
      const { complete, last } = typedWords(text);
      expect(typedWords(`${text} `)).toEqual({
        complete: last === undefined ? complete : [...complete, last],
        last: undefined,
      });
    }),
    { numRuns: 2000, seed },
  );
});

test("a word passes by its beginning, or by its spelling", () => {
  expect(passes("wars", { type: "prefix", text: "wa" })).toBe(true);
  expect(passes("wa", { type: "prefix", text: "wars" })).toBe(false);
  expect(passes("wars", { type: "near", text: "wards", distance: 1 })).toBe(true);
  expect(passes("wars", { type: "near", text: "wizards", distance: 2 })).toBe(false);
});
