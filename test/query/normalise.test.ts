// The plain form of conditions: negations at the leaves, constants folded, values as terms.
// Written as text, so that the whole formula is seen at once.
import { expect, test } from "vitest";

import type { Condition } from "../../src/query/node.ts";
import { complement, type Formula, normalise } from "../../src/query/normalise.ts";
import { absent, and, any, between, every, from, isIn, match, metadata, not, or, to } from "./things.ts";

function show(formula: Formula): string {
  switch (formula.type) {
    case "all":
    case "none":
      return formula.type;
    case "every":
      return `(${formula.items.map(show).join(" & ")})`;
    case "some":
      return `(${formula.items.map(show).join(" | ")})`;
    default: {
      const sign = formula.negated ? "!" : "";
      const name = `${sign}${formula.index.path}/${formula.index.kind}`;
      if (formula.type === "absent") return `${sign}absent ${formula.index.path}`;
      if (formula.type === "range") {
        const { lower, upper } = formula;
        return `${name}${lower?.exclusive === true ? "(" : "["}${lower?.term ?? ""}..${upper?.term ?? ""}${upper?.exclusive === true ? ")" : "]"}`;
      }
      if (formula.type === "terms" || formula.type === "points") return `${name}{${formula.terms.join(",")}}`;
      const { negated: _negated, index: _index, ...rest } = formula;
      return `${name}${JSON.stringify(rest)}`;
    }
  }
}

const cases: [condition: Condition, formula: string][] = [
  [isIn("word", "a"), "word/exact{a}"],
  [isIn("word", "a", "b", "a"), "word/exact{a,b}"],
  [isIn("word"), "none"],
  [not(isIn("word")), "all"],
  [isIn("word", "a\u0000"), "none"],
  [isIn("word", "a\u0000", "b"), "word/exact{b}"],
  [isIn("word", "\ud800"), "none"],
  [isIn("loose", "É", "é", "ß"), "loose/exact{é,ss}"],
  [isIn("size", 1, -0, 0.1), "size/range{1,0,0.1}"],
  [isIn("when", new Date(-5)), "when/range{-5}"],
  [isIn("big", 12n), "big/exact{12}"],
  [isIn("yes", true), "yes/exact{true}"],
  [any("tags", "a", "a"), "tags/exact{a}"],
  [any("tags"), "none"],
  [every("tags", "a", "b"), "(tags/exact{a} & tags/exact{b})"],
  [every("tags"), "!absent tags"],
  [every("tags", "a", "b\u0000"), "none"],
  [match("note", "The FOX the"), "(note/text{the} & note/text{fox})"],
  [match("note", "?!"), "!absent note"],
  [absent("size"), "absent size"],
  [absent("word"), "none"],
  [not(absent("word")), "all"],
  [absent("place"), "absent place"],
  [from("size", 5), "size/range[5..]"],
  [from("size", 5, true), "size/range(5..]"],
  [to("size", 5, true), "size/range[..5)"],
  [between("size", 1, 2), "size/range[1..2]"],
  [between("size", 2, 1), "none"],
  [between("size", 2, 2), "size/range[2..2]"],
  [
    { type: "range", path: "size", lower: { value: 2, exclusive: true }, upper: { value: 2, exclusive: false } },
    "none",
  ],
  [from("size", -Infinity), "!absent size"],
  [from("full", -Infinity), "all"],
  [from("size", Infinity), "none"],
  [to("size", -Infinity), "none"],
  [not(to("size", Infinity)), "absent size"],
  [from("when", new Date(0)), "when/range[0..]"],
  [from("big", -3n), "big/range[-9999986..]"],
  [between("word", "a", "b"), "word/range[a..b]"],
  [between("word", "\u{1f600}", "\uffee"), "none"],
  [between("word", "\uffee", "\u{1f600}"), "word/range[\uffee..\u{1f600}]"],
  [from("word", "a\u0000b"), "word/range(a..]"],
  [to("word", "a\u0000b"), "word/range[..a]"],
  [and(), "all"],
  [or(), "none"],
  [and(isIn("word", "a")), "word/exact{a}"],
  [and(isIn("word", "a"), and(isIn("yes", true), and())), "(word/exact{a} & yes/exact{true})"],
  [or(isIn("word", "a"), or(isIn("yes", true), or())), "(word/exact{a} | yes/exact{true})"],
  [and(isIn("word", "a"), or()), "none"],
  [or(isIn("word", "a"), and()), "all"],
  [not(and(isIn("word", "a"), isIn("yes", true))), "(!word/exact{a} | !yes/exact{true})"],
  [not(or(isIn("word", "a"), not(isIn("yes", true)))), "(!word/exact{a} & yes/exact{true})"],
  [not(not(not(isIn("word", "a")))), "!word/exact{a}"],
  [not(every("tags", "a", "b")), "(!tags/exact{a} | !tags/exact{b})"],
  [
    and(or(isIn("word", "a"), isIn("word", "b")), not(absent("size"))),
    "((word/exact{a} | word/exact{b}) & !absent size)",
  ],
];

test.each(cases.map(([condition, formula], at) => [at, formula, condition] as const))(
  "case %i becomes %s",
  (_at, formula, condition) => {
    expect(show(normalise(condition, metadata))).toBe(formula);
  },
);

test("the complement of the complement is the formula", () => {
  for (const [condition, formula] of cases) {
    const plain = normalise(condition, metadata);
    expect(show(complement(complement(plain)))).toBe(formula);
    expect(show(complement(plain))).toBe(show(normalise(not(condition), metadata)));
  }
});
