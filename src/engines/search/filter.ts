// What a search query cannot say, as a FILTER expression: order of strings, parts of strings, phrases, far places.
// Expressions take no parameters, so strings go through one escaper, and nothing but attributes of ours is named.
import { borderedPart, tagSeparator, tagText } from "../../codec/term.ts";
import { UnsupportedQueryError } from "../../errors.ts";
import {
  type Area,
  type Box,
  boundsOf,
  type Circle,
  circleAround,
  earthRadius,
  isCircle,
  radiusOf,
  widthOf,
  wrapped,
} from "../../query/geo.ts";
import type { Formula, Leaf, TermBound } from "../../query/normalise.ts";
import type { EntityMetadata } from "../../schema/metadata.ts";
import { isTextual } from "../layout.ts";
import { absentAttribute, type Attribute, wordSequence } from "./attributes.ts";

/** Degrees between two meridians that servers, which round, could mistake for those opposite. */
const narrow = 1;
/** Servers lose points of larger circles. */
const maxCircle = 1_000_000;
/** Values that a filter looks for in a list: each of them is looked for in every document. */
const maxHeld = 100;
/** Degrees of latitude up to which they do. */
const maxParallel = 80;

/**
 * Tells whether a condition can only be said in a filter.
 *
 * @param formula - a condition.
 * @returns true when it, or a part of it, is beyond the query language.
 */
export function needsFilter(formula: Formula): boolean {
  switch (formula.type) {
    case "every":
    case "some":
      return formula.items.some(needsFilter);
    case "range":
      return isTextual(formula.index);
    case "within":
      return !isCircle(formula.area) || !isExact(formula.area);
    default:
      return formula.type === "infix" || formula.type === "phrase";
  }
}

// Of larger circles, and of those that come near a pole, servers leave out places.
function isExact(circle: Circle): boolean {
  const { south, north } = boundsOf(circle);
  return radiusOf(circle) <= maxCircle && south >= -maxParallel && north <= maxParallel;
}

/**
 * What a query can say towards a condition that needs a filter, so that the filter sees fewer documents.
 *
 * @param formula - a condition that must hold.
 * @returns conditions that hold wherever it does.
 */
export function narrowing(formula: Formula): Leaf[] {
  if (!("negated" in formula) || formula.negated) return [];
  const { index } = formula;
  if (formula.type === "phrase") {
    return [...new Set(formula.words)].map((word) => ({ type: "terms", index, terms: [word], negated: false }));
  }
  if (formula.type !== "within" || isCircle(formula.area)) return [];
  const around = circleAround(formula.area);
  if (around === undefined || !isExact(around)) return [];
  return [{ type: "within", index, area: around, negated: false }];
}

/** Writes FILTER expressions over the attributes of a type. */
export class FilterWriter {
  /** Attributes that the server must read from the documents first. */
  readonly load = new Set<string>();
  readonly #metadata: EntityMetadata;
  readonly #attributes: readonly Attribute[];

  /**
   * @param metadata - the entity type.
   * @param attributes - its attributes, one per index.
   */
  constructor(metadata: EntityMetadata, attributes: readonly Attribute[]) {
    this.#metadata = metadata;
    this.#attributes = attributes;
  }

  /**
   * Writes a condition.
   *
   * @param formula - the condition.
   * @returns the expression.
   * @throws UnsupportedQueryError for a condition that no expression can say.
   */
  expression(formula: Formula): string {
    switch (formula.type) {
      case "all":
      case "none":
        // Folded away before.
        return "1";
      case "every":
      case "some":
        return `(${formula.items.map((item) => this.expression(item)).join(formula.type === "every" ? " && " : " || ")})`;
      default: {
        const text = this.#leaf(formula);
        return formula.negated ? `!(${text})` : `(${text})`;
      }
    }
  }

  // Every expression is guarded: of a document without the attribute the server would make an error.
  #leaf(leaf: Leaf): string {
    const { index } = leaf;
    const attribute = this.#attributes.find((candidate) => candidate.index === index) as Attribute;
    const name = `@${attribute.name}`;
    switch (leaf.type) {
      case "range": {
        const bounds = [...this.#bound(leaf, leaf.lower, ">"), ...this.#bound(leaf, leaf.upper, "<")];
        return [`exists(${name})`, ...bounds.map((bound) => `${name} ${bound}`)].join(" && ");
      }
      case "infix": {
        const part = `@${attribute.filtered?.name}`;
        return `exists(${part}) && contains(${part}, ${filterText(borderedPart(leaf.text, leaf.atEnd))})`;
      }
      case "phrase": {
        const words = `@${attribute.filtered?.name}`;
        this.load.add(words);
        return `exists(${words}) && contains(${words}, ${filterText(wordSequence(leaf.words))})`;
      }
      case "within":
        this.load.add(name);
        return `exists(${name}) && ${within(name, leaf.area)}`;
      case "points":
      case "terms":
        if (!index.sortable) return this.#held(leaf, name, leaf.terms);
        return `exists(${name}) && (${leaf.terms.map((term) => `${name} == ${this.#literal(leaf, term)}`).join(" || ")})`;
      case "absent":
        return index.sortable ? `!exists(${name})` : this.#held(leaf, `@${absentAttribute}`, [index.path]);
      case "words":
      case "native":
        throw this.#unsupported(leaf);
    }
  }

  // A hash holds lists, words and single values alike: escaped terms between separators, which are put around them as well.
  #held(leaf: Leaf, name: string, terms: readonly string[]): string {
    if (this.#metadata.storage !== "hash" || terms.length > maxHeld) throw this.#unsupported(leaf);
    this.load.add(name);
    const all = `format("${tagSeparator}%s${tagSeparator}", ${name})`;
    const parts = terms.map((term) => `contains(${all}, ${filterText(tagSeparator + tagText(term) + tagSeparator)})`);
    return `exists(${name}) && (${parts.join(" || ")})`;
  }

  #bound(leaf: Leaf, bound: TermBound | undefined, sign: "<" | ">"): string[] {
    if (bound === undefined) return [];
    return [`${sign}${bound.exclusive ? "" : "="} ${this.#literal(leaf, bound.term)}`];
  }

  #literal({ index }: Leaf, term: string): string {
    if (!isTextual(index)) return filterNumber(term);
    return filterText(this.#metadata.storage === "hash" ? tagText(term) : term);
  }

  #unsupported(leaf: Leaf): UnsupportedQueryError {
    const { name, storage } = this.#metadata;
    const { index, type } = leaf;
    const many = storage === "hash" && "terms" in leaf ? ` of more than ${maxHeld} values` : "";
    return new UnsupportedQueryError(
      `${name}.${index.path}: the search engine cannot join this condition (${type}${many}) by or with a range of strings, a ` +
        "part of a string, a phrase, a box, a circle above 1,000 km or near a pole; ask two queries, or use the scan engine",
      { entity: name, field: index.path },
    );
  }
}

/**
 * Writes a number into a filter.
 *
 * @param term - the number's shortest text.
 * @returns the same number as expressions read it.
 */
export function filterNumber(term: string): string {
  return term.replace("e+", "e");
}

/**
 * Writes a string into a filter.
 *
 * @param text - any text without NUL.
 * @returns an expression whose value is exactly that text.
 */
export function filterText(text: string): string {
  // The server takes away every backslash before a sign or a blank, so a backslash must come from elsewhere.
  const parts = text.split(/(\\)/).filter((part) => part !== "");
  if (parts.length === 0) return '""';
  const words = parts.map((part) =>
    part === "\\" ? 'substr("x\\\\y", 1, 1)' : `"${part.replace(/["\n]/g, (sign) => `\\${sign}`)}"`,
  );
  return words.length === 1 ? (words[0] as string) : `format("${"%s".repeat(words.length)}", ${words.join(", ")})`;
}

function within(name: string, area: Area): string {
  if (isCircle(area)) {
    return `${metres(name, area.center.longitude, area.center.latitude)} <= ${decimal(radiusOf(area))}`;
  }
  const { south, north } = area;
  const bounds = [
    ...(south > -90 ? [parallel(name, south, "north")] : []),
    ...(north < 90 ? [parallel(name, north, "south")] : []),
    ...meridians(name, area),
  ];
  return bounds.length === 0 ? "1" : bounds.join(" && ");
}

// A point lies north of a parallel when the pole is near enough, and the nearer pole tells more exactly.
function parallel(name: string, latitude: number, side: "north" | "south"): string {
  const pole = latitude >= 0 ? 90 : -90;
  const reach = (earthRadius * Math.abs(pole - latitude) * Math.PI) / 180;
  const inside = (side === "north") === (pole === 90);
  return `${metres(name, 0, pole)} ${inside ? "<=" : ">="} ${decimal(reach)}`;
}

// A point lies east of a meridian when the place on the equator 90 degrees further is within a quarter of the globe.
function meridians(name: string, box: Box): string[] {
  const width = widthOf(box);
  if (width >= 360) return [];
  const quarter = decimal((earthRadius * Math.PI) / 2);
  const east = (longitude: number): string => metres(name, wrapped(longitude + 90), 0);
  const west = (longitude: number): string => metres(name, wrapped(longitude - 90), 0);
  // Between two meridians that lie close together, rounding would also find what lies opposite, behind both poles.
  const near = (from: number, across: number): string[] =>
    across < narrow ? [`${metres(name, wrapped(from + across / 2), 0)} < ${quarter}`] : [];
  if (width <= 180) {
    return [`${east(box.west)} <= ${quarter}`, `${west(box.east)} <= ${quarter}`, ...near(box.west, width)];
  }
  // What is left out is less than half of the globe.
  const out = [`${east(box.east)} < ${quarter}`, `${west(box.west)} < ${quarter}`, ...near(box.east, 360 - width)];
  return [`!(${out.join(" && ")})`];
}

function metres(name: string, longitude: number, latitude: number): string {
  return `geodistance(${name}, ${decimal(longitude)}, ${decimal(latitude)})`;
}

function decimal(value: number): string {
  return filterNumber(String(value === 0 ? 0 : value));
}
