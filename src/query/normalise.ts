// The query made plain: negations at the leaves, constants folded, values turned into index terms.
// Both engines compile this form, so they cannot read a condition differently.
import { afterPrefix, comparable, foldCase, termOf, tokens, words } from "../codec/term.ts";
import type { EntityMetadata, IndexMetadata } from "../schema/metadata.ts";
import { asciiFolded } from "../schema/native.ts";
import { canonicalLongitude } from "../schema/shape.ts";
import { indexFor } from "./check.ts";
import { type Area, earthRadius, isCircle, radiusOf } from "./geo.ts";
import { nativeWords } from "./native.ts";
import { compareText } from "./order.ts";
import { typedWords, type WordTest } from "./spelling.ts";
import type { Bound, Comparison, Condition, Operand } from "./node.ts";

/** A bound as the index holds it: a decimal number, or text compared by bytes. */
export interface TermBound {
  readonly term: string;
  readonly exclusive: boolean;
}

/** A condition on one index. */
export type Leaf = { readonly negated: boolean; readonly index: IndexMetadata } & (
  | {
      /** An exact or text index holds one of the terms. */
      readonly type: "terms";
      readonly terms: readonly string[];
    }
  | {
      /** A range index holds one of the values. */
      readonly type: "points";
      readonly terms: readonly string[];
    }
  | {
      /** A range index holds a value between the bounds. */
      readonly type: "range";
      readonly lower: TermBound | undefined;
      readonly upper: TermBound | undefined;
    }
  | {
      /** A string has the text in it, or at its end. */
      readonly type: "infix";
      readonly text: string;
      readonly atEnd: boolean;
      /** Runs of characters one of which every match has, when a vocabulary was asked for them. */
      readonly grams?: readonly string[];
    }
  | {
      /** A text index holds the words next to each other. */
      readonly type: "phrase";
      readonly words: readonly string[];
    }
  | {
      /** A text index holds a word that passes a test: to be replaced by `terms`, once its words are known. */
      readonly type: "words";
      readonly test: WordTest;
    }
  | {
      /** A native text has the word, by the search server's rules. */
      readonly type: "native";
      readonly word: string;
      /** All that the server takes for that word, when it was asked. */
      readonly terms?: readonly string[];
    }
  | {
      /** A point lies in an area. */
      readonly type: "within";
      readonly area: Area;
    }
  | {
      /** The field is null or missing. */
      readonly type: "absent";
    }
);

/** A condition in plain form. */
export type Formula =
  | { readonly type: "all" }
  | { readonly type: "none" }
  | { readonly type: "every"; readonly items: readonly Formula[] }
  | { readonly type: "some"; readonly items: readonly Formula[] }
  | Leaf;

/** The formula that is true of everything. */
export const all: Formula = Object.freeze({ type: "all" });
/** The formula that is true of nothing. */
export const none: Formula = Object.freeze({ type: "none" });

/**
 * Brings a checked condition into plain form.
 *
 * @param condition - a condition that passed the check.
 * @param metadata - the entity type.
 * @returns the formula.
 */
export function normalise(condition: Condition, metadata: EntityMetadata): Formula {
  return plain(condition, false, metadata);
}

function plain(condition: Condition, negated: boolean, metadata: EntityMetadata): Formula {
  switch (condition.type) {
    case "not":
      return plain(condition.item, !negated, metadata);
    case "and":
    case "or": {
      const items = condition.items.map((item) => plain(item, negated, metadata));
      return (condition.type === "and") !== negated ? every(items) : some(items);
    }
    default: {
      const index = indexFor(metadata, condition);
      const formula = comparison(encodedOperands(condition, index, metadata.name), index);
      return negated ? complement(formula) : formula;
    }
  }
}

/**
 * Joins formulas with AND.
 *
 * @param items - formulas.
 * @returns one formula, constants folded away.
 */
export function every(items: readonly Formula[]): Formula {
  const flat = items.flatMap((item) => (item.type === "every" ? item.items : [item]));
  if (flat.some((item) => item.type === "none")) return none;
  const kept = flat.filter((item) => item.type !== "all");
  if (kept.length === 0) return all;
  return kept.length === 1 ? (kept[0] as Formula) : { type: "every", items: kept };
}

/**
 * Joins formulas with OR.
 *
 * @param items - formulas.
 * @returns one formula, constants folded away.
 */
export function some(items: readonly Formula[]): Formula {
  const flat = items.flatMap((item) => (item.type === "some" ? item.items : [item]));
  if (flat.some((item) => item.type === "all")) return all;
  const kept = flat.filter((item) => item.type !== "none");
  if (kept.length === 0) return none;
  return kept.length === 1 ? (kept[0] as Formula) : { type: "some", items: kept };
}

/**
 * The formula that is true exactly where another is false.
 *
 * @param formula - a formula.
 * @returns its complement, in plain form.
 */
export function complement(formula: Formula): Formula {
  switch (formula.type) {
    case "all":
      return none;
    case "none":
      return all;
    case "every":
      return some(formula.items.map(complement));
    case "some":
      return every(formula.items.map(complement));
    default:
      return { ...formula, negated: !formula.negated };
  }
}

// Custom fields are compared by what their codec stores.
function encodedOperands(node: Comparison, index: IndexMetadata, name: string): Comparison {
  if (index.encode === undefined) return node;
  const encoded = (value: Operand): Operand => comparable(index, value, name) as Operand;
  const bound = (given: Bound | undefined): Bound | undefined => given && { ...given, value: encoded(given.value) };
  if ("values" in node) return { ...node, values: node.values.map(encoded) };
  return node.type === "range" ? { ...node, lower: bound(node.lower), upper: bound(node.upper) } : node;
}

function comparison(node: Comparison, index: IndexMetadata): Formula {
  switch (node.type) {
    case "in": {
      const terms = usableTerms(node.values, index);
      if (terms.length === 0) return none;
      return { type: index.kind === "range" ? "points" : "terms", index, terms, negated: false };
    }
    case "containsAny": {
      const terms = usableTerms(node.values, index);
      return terms.length === 0 ? none : { type: "terms", index, terms, negated: false };
    }
    case "containsAll": {
      const terms = usableTerms(node.values, index);
      if (terms.length < new Set(node.values.map((value) => termOf(index, value))).size) return none;
      return allTerms(terms, index);
    }
    case "startsWith":
      return prefixLeaf(index, node.text);
    case "endsWith":
    case "includes":
      return infixLeaf(index, node.text, node.type === "endsWith");
    case "match":
      return allTerms(tokens(node.text), index);
    case "matchPrefix": {
      const { complete, last } = typedWords(node.text);
      if (last === undefined) return allTerms(complete, index);
      return every([...termLeaves(complete, index), wordsLeaf(index, { type: "prefix", text: last })]);
    }
    case "fuzzy": {
      const near = tokens(node.text).map((text) => wordsLeaf(index, { type: "near", text, distance: node.distance }));
      return near.length === 0 ? absent(index, true) : every(near);
    }
    case "phrase": {
      const sequence = words(node.text);
      return sequence.length < 2
        ? allTerms(sequence, index)
        : { type: "phrase", index, words: sequence, negated: false };
    }
    case "matchNative":
      return nativeLeaves(index, node.text);
    case "within":
      return withinLeaf(index, node.area);
    case "isNull":
      return absent(index, false);
    case "range":
      return rangeLeaf(index, node.lower, node.upper);
  }
}

// Every term present; of no terms at all, only that there is a value.
function allTerms(terms: readonly string[], index: IndexMetadata): Formula {
  return terms.length === 0 ? absent(index, true) : every(termLeaves(terms, index));
}

function termLeaves(terms: readonly string[], index: IndexMetadata): Leaf[] {
  return terms.map((term) => ({ type: "terms", index, terms: [term], negated: false }));
}

function wordsLeaf(index: IndexMetadata, test: WordTest): Leaf {
  return { type: "words", index, test, negated: false };
}

// What begins with a text lies between the text and the lowest one above all of those.
function prefixLeaf(index: IndexMetadata, text: string): Formula {
  if (text === "") return absent(index, true);
  if (!isStorable(text)) return none;
  const prefix = index.caseInsensitive ? foldCase(text) : text;
  const end = afterPrefix(prefix);
  const upper = end === undefined ? undefined : { term: end, exclusive: true };
  return { type: "range", index, lower: { term: prefix, exclusive: false }, upper, negated: false };
}

function infixLeaf(index: IndexMetadata, text: string, atEnd: boolean): Formula {
  if (text === "") return absent(index, true);
  if (!isStorable(text)) return none;
  return { type: "infix", index, text: index.caseInsensitive ? foldCase(text) : text, atEnd, negated: false };
}

// Text that cannot be stored cannot be found either.
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\u0000");
}

// Of no words at all, only that there is a value; words that are none to the server are found nowhere by themselves.
function nativeLeaves(index: IndexMetadata, text: string): Formula {
  if (!isStorable(text)) return none;
  const sought = nativeWords(text);
  if (sought.length === 0) return absent(index, true);
  const kept = sought.filter((word) => index.native?.stopWords.includes(asciiFolded(word)) !== true);
  if (kept.length === 0) return none;
  return every(kept.map((word): Leaf => ({ type: "native", index, word, negated: false })));
}

function withinLeaf(index: IndexMetadata, area: Area): Formula {
  if (isCircle(area)) {
    const { longitude, latitude } = area.center;
    const radius = radiusOf(area);
    if (radius >= Math.PI * earthRadius) return absent(index, true);
    // One meridian, two names: servers know the points at the western one.
    const center = { longitude: canonicalLongitude(longitude), latitude };
    return { type: "within", index, area: { center, radius }, negated: false };
  }
  return { type: "within", index, area, negated: false };
}

function absent(index: IndexMetadata, negated: boolean): Formula {
  if (!index.absentable) return negated ? all : none;
  return { type: "absent", index, negated };
}

// Values that cannot be stored are left out rather than sent.
function usableTerms(values: readonly Operand[], index: IndexMetadata): string[] {
  const terms = new Set<string>();
  for (const value of values) {
    if (typeof value !== "string" || isStorable(value)) terms.add(termOf(index, value));
  }
  return [...terms];
}

function rangeLeaf(index: IndexMetadata, lower: Bound | undefined, upper: Bound | undefined): Formula {
  const textual = ["string", "bigint", "decimal"].includes(index.scalar);
  if (!textual) return numericRange(index, lower, upper);
  const from = lower && textBound(index, lower, true);
  const to = upper && textBound(index, upper, false);
  if (from !== undefined && to !== undefined) {
    const order = compareText(from.term, to.term);
    if (order > 0 || (order === 0 && (from.exclusive || to.exclusive))) return none;
  }
  if (from === undefined && to === undefined) return absent(index, true);
  return { type: "range", index, lower: from, upper: to, negated: false };
}

function numericRange(index: IndexMetadata, lower: Bound | undefined, upper: Bound | undefined): Formula {
  const from = lower && numberOf(lower.value);
  const to = upper && numberOf(upper.value);
  // Nothing stored is infinite, so a bound at infinity keeps everything or nothing.
  if (from === Infinity || to === -Infinity) return none;
  const low = lower === undefined || from === -Infinity ? undefined : numericBound(index, lower);
  const high = upper === undefined || to === Infinity ? undefined : numericBound(index, upper);
  if (low !== undefined && high !== undefined && from !== undefined && to !== undefined) {
    if (from > to || (from === to && (low.exclusive || high.exclusive))) return none;
  }
  if (low === undefined && high === undefined) return absent(index, true);
  return { type: "range", index, lower: low, upper: high, negated: false };
}

function numberOf(value: Operand): number {
  return value instanceof Date ? value.getTime() : (value as number);
}

function numericBound(index: IndexMetadata, bound: Bound): TermBound {
  return { term: termOf(index, bound.value), exclusive: bound.exclusive };
}

function textBound(index: IndexMetadata, bound: Bound, lower: boolean): TermBound {
  if (index.scalar !== "string") return { term: termOf(index, bound.value), exclusive: bound.exclusive };
  const value = index.caseInsensitive ? foldCase(bound.value as string) : (bound.value as string);
  const nul = value.indexOf("\u0000");
  if (nul < 0) return { term: value, exclusive: bound.exclusive };
  // No stored text holds NUL, so such a bound stands just above the text before it.
  return { term: value.slice(0, nul), exclusive: lower };
}
