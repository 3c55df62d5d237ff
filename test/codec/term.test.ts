// Terms: the encodings that must keep order and lose nothing.
// Compared with the plain order of the values themselves.
import fc from "fast-check";
import { expect, test } from "vitest";

import { foldCase, numberText, pointText, sortableBigint, tagText, tokens, untagText } from "../../src/codec/term.ts";
import { hostileString, storableNumber } from "../property/strings.ts";
import { canonicalLongitude } from "../../src/schema/shape.ts";
import { seed } from "../property/seed.ts";

const bytewise = (left: string, right: string): number =>
  Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right)));
const text = fc.oneof(
  hostileString,
  fc.string({
    unit: fc.constantFrom("\u0001", "\u0002", "\u0003", " ", "\t", "\n", "A", "a", "`", "\u001f", "!", "é"),
    maxLength: 6,
  }),
);

test("bigints keep their order as text", () => {
  const big = fc.oneof(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.bigInt({ min: -1000n, max: 1000n }));
  fc.assert(
    fc.property(big, big, (left, right) => {
      expect(bytewise(sortableBigint(left), sortableBigint(right))).toBe(left < right ? -1 : left > right ? 1 : 0);
    }),
    { numRuns: 5000, seed },
  );
});

test("strings come back from a tag, and a server finds nothing to trim or split in it", () => {
  fc.assert(
    fc.property(text, (value) => {
      const tag = tagText(value);
      expect(untagText(tag)).toBe(value);
      expect(tag).not.toMatch(/^[ \t-\r]|[ \t-\r]$|\u0001/);
    }),
    { numRuns: 10_000, seed },
  );
});

test("strings keep their order as tags, and no two share one", () => {
  fc.assert(
    fc.property(text, text, (left, right) => {
      expect(bytewise(tagText(left), tagText(right))).toBe(bytewise(left, right));
    }),
    { numRuns: 20_000, seed },
  );
});

test("ordinary strings are their own tags", () => {
  for (const value of ["", "a", "a b", "é", "🎉", "a|b,c", "\\", "日本"]) expect(tagText(value)).toBe(value);
});

test("numbers read back from their text", () => {
  fc.assert(
    fc.property(storableNumber, (value) => {
      expect(Number(numberText(value))).toBe(value === 0 ? 0 : value);
    }),
    { numRuns: 2000, seed },
  );
  expect(numberText(-0)).toBe("0");
});

test("points read back as they were, and have one meridian of 180 degrees", () => {
  expect(pointText({ longitude: 180, latitude: -0 })).toBe("-180,0");
  expect(pointText({ longitude: 1.5e-7, latitude: -5e-324 })).toBe("1.5e-7,-5e-324");
  fc.assert(
    fc.property(
      fc.double({ min: -180, max: 180, noNaN: true }),
      fc.double({ min: -85, max: 85, noNaN: true }),
      (longitude, latitude) => {
        const wanted = [canonicalLongitude(longitude), latitude].map((degrees) => (degrees === 0 ? 0 : degrees));
        expect(pointText({ longitude, latitude }).split(",").map(Number)).toEqual(wanted);
      },
    ),
    { numRuns: 2000, seed },
  );
});

test("words are runs of letters, marks and digits, folded", () => {
  expect(tokens("The quick-brown\nFOX, fox!")).toEqual(["the", "quick", "brown", "fox"]);
  expect(tokens("e\u0301cole École")).toEqual(["école"]);
  expect(tokens("straße STRASSE ﬁne Ⅷ ①２")).toEqual(["strasse", "fine", "viii", "12"]);
  expect(tokens("日本 語")).toEqual(["日本", "語"]);
  expect(tokens("3.14 don't foo_bar")).toEqual(["3", "14", "don", "t", "foo", "bar"]);
  expect(tokens("  !?\u0001")).toEqual([]);
});

test("a word of a text is the same word alone", () => {
  expect(tokens("ΑΣ'Α")).toEqual([...tokens("ΑΣ"), ...tokens("Α")]);
  expect(tokens("ß\u0301")).toEqual(tokens("sś"));
  fc.assert(
    fc.property(hostileString, (value) => {
      for (const word of tokens(value)) expect(tokens(word)).toEqual([word]);
    }),
    { numRuns: 2000, seed },
  );
});

test("folding meets in one form, and folding twice changes nothing", () => {
  for (const [left, right] of [
    ["ß", "SS"],
    ["ẞ", "ß"],
    ["ς", "Σ"],
    ["σ", "ς"],
    ["É", "é"],
    ["ﬀ", "FF"],
  ] as const)
    expect(foldCase(left)).toBe(foldCase(right));
  expect(foldCase("é")).not.toBe(foldCase("e\u0301"));
  fc.assert(
    fc.property(hostileString, (value) => {
      expect(foldCase(foldCase(value))).toBe(foldCase(value));
    }),
    { numRuns: 3000, seed },
  );
});
