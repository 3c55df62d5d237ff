// Beginnings as ranges, and parts of strings inside of marked text: what both engines look for instead of the operator.
// Compared with JavaScript's own startsWith, endsWith and includes.
import fc from "fast-check";
import { expect, test } from "vitest";

import { afterPrefix, borderedPart, borderedText } from "../../src/codec/term.ts";
import { compareText } from "../../src/query/order.ts";
import { hostileString } from "../property/strings.ts";
import { seed } from "../property/seed.ts";

const dense = fc.string({
  unit: fc.constantFrom("\u0001", "\u0002", "\u0003", "a", "2", "3", "\ud7ff", "\ue000", "\uffff", "🎉", "\u{10ffff}"),
  maxLength: 8,
});
const string = fc.oneof(dense, hostileString).filter((text) => text.isWellFormed());
// A part that is there, more often than chance would have it.
const pair = fc
  .tuple(string, string, fc.nat(8), fc.nat(8), fc.boolean())
  .map(([text, other, from, length, own]): [string, string] => {
    const characters = Array.from(text);
    return [text, own ? characters.slice(from, from + length).join("") : other];
  });

test("what begins with a text lies between it and the one after", () => {
  fc.assert(
    fc.property(string, string, fc.boolean(), (text, other, joined) => {
      fc.pre(text !== "");
      const value = joined ? text + other : other;
      const end = afterPrefix(text);
      const between = compareText(text, value) <= 0 && (end === undefined || compareText(value, end) < 0);
      expect(between).toBe(value.startsWith(text));
      expect(end?.isWellFormed() ?? true).toBe(true);
    }),
    { numRuns: 10_000, seed },
  );
});

test.each([
  ["a", "b"],
  ["a\u{10ffff}", "b"],
  ["\ud7ff", "\ue000"],
  ["\uffff", "\u{10000}"],
  ["\u{10ffff}", undefined],
  ["\u{10ffff}\u{10ffff}", undefined],
])("after %j comes %j", (prefix, end) => {
  expect(afterPrefix(prefix)).toBe(end);
});

test("a marked text has a part exactly where the string has it", () => {
  fc.assert(
    fc.property(pair, ([text, part]) => {
      fc.pre(part !== "");
      expect(borderedText(text).includes(borderedPart(part, false))).toBe(text.includes(part));
      expect(borderedText(text).includes(borderedPart(part, true))).toBe(text.endsWith(part));
    }),
    { numRuns: 20_000, seed },
  );
});

test("a server finds nothing to trim or split in a marked text", () => {
  fc.assert(
    fc.property(string, (text) => {
      const marked = borderedText(text);
      expect(marked.trim()).toBe(marked);
      expect(marked).not.toContain("\u0001");
    }),
    { numRuns: 2000, seed },
  );
});
