// From a formula to a search query: values only as parameters, boolean trees only in the form servers answer rightly.
// Never an OR over anything but plain positive conditions, and every other OR as NOT of AND of NOTs.
import { numberText, tagText } from "../../codec/term.ts";
import { type Circle, radiusOf } from "../../query/geo.ts";
import { complement, type Formula, type Leaf, type TermBound } from "../../query/normalise.ts";
import type { RawNode } from "../../query/raw.ts";
import type { EntityMetadata } from "../../schema/metadata.ts";
import { isTextual } from "../layout.ts";
import { compileRaw } from "./raw.ts";
import { FilterWriter, narrowing, needsFilter } from "./filter.ts";
import { absentAttribute, type Attribute, deadlineAttribute } from "./attributes.ts";

/** A compiled condition. */
export interface CompiledQuery {
  readonly text: string;
  /** Names and values in turn. */
  readonly params: readonly string[];
  /** What only an aggregation can ask, after the query: a FILTER expression, or nothing. */
  readonly filter: string;
  /** Attributes that the filter needs read from the documents. */
  readonly load: readonly string[];
}

/** Name of the parameter that the server's clock fills in. */
const nowParam = "now";

/**
 * Compiles a formula.
 *
 * @param metadata - the entity type.
 * @param attributes - its attributes, one per index.
 * @param formula - a condition in plain form, not `none`.
 * @param raw - conditions in the server's own language, which must hold as well.
 * @returns query text and parameters; with a `now` parameter where entities may expire.
 * @throws UnsupportedQueryError for what the engine does not answer.
 */
export function compileSearch(
  metadata: EntityMetadata,
  attributes: readonly Attribute[],
  formula: Formula,
  raw: readonly RawNode[] = [],
): CompiledQuery {
  const compiler = new SearchCompiler(metadata, attributes);
  const writer = new FilterWriter(metadata, attributes);
  const items = formula.type === "every" ? formula.items : formula.type === "all" ? [] : [formula];
  const filtered = items.filter(needsFilter);
  const filter = filtered.map((item) => writer.expression(item)).join(" && ");
  const said = [...items.filter((item) => !needsFilter(item)), ...filtered.flatMap(narrowing)];
  const parts =
    said.length === 0
      ? []
      : [compiler.formula(said.length === 1 ? (said[0] as Formula) : { type: "every", items: said })];
  for (const node of raw) parts.push(compileRaw(node, metadata, attributes, (value) => compiler.param(value)));
  if (metadata.ttl !== undefined) {
    parts.push(`-@${deadlineAttribute}:[-inf ($${nowParam}]`);
    compiler.params.push(nowParam, "0");
  }
  const text = parts.length === 0 ? "*" : parts.join(" ");
  return { text, params: compiler.params, filter, load: [...writer.load] };
}

class SearchCompiler {
  readonly params: string[] = [];
  readonly #metadata: EntityMetadata;
  readonly #attributes: readonly Attribute[];

  constructor(metadata: EntityMetadata, attributes: readonly Attribute[]) {
    this.#metadata = metadata;
    this.#attributes = attributes;
  }

  formula(formula: Formula): string {
    switch (formula.type) {
      case "all":
      case "none":
        // Folded away before; a constant inside a tree would be a syntax error.
        return "*";
      case "every":
        return `(${formula.items.map((item) => this.formula(item)).join(" ")})`;
      case "some":
        if (formula.items.every(isPlain)) return `(${formula.items.map((item) => this.formula(item)).join("|")})`;
        return `-${this.#grouped(complement(formula))}`;
      default:
        return formula.negated ? `-${this.#leaf(formula)}` : this.#leaf(formula);
    }
  }

  #grouped(formula: Formula): string {
    const text = this.formula(formula);
    return text.startsWith("(") ? text : `(${text})`;
  }

  #leaf(leaf: Leaf): string {
    const { index } = leaf;
    if (leaf.type === "absent") return `@${absentAttribute}:{${this.#tag(index.path)}}`;
    const attribute = this.#attributes.find((candidate) => candidate.index === index)?.name ?? "";
    switch (leaf.type) {
      case "terms":
        return `@${attribute}:{${leaf.terms.map((term) => this.#tag(term)).join("|")}}`;
      case "points": {
        if (isTextual(index)) return `@${attribute}:{${leaf.terms.map((term) => this.#tag(term)).join("|")}}`;
        const points = leaf.terms.map((term) => {
          const name = this.param(term);
          return `@${attribute}:[${name} ${name}]`;
        });
        return points.length === 1 ? (points[0] as string) : `(${points.join("|")})`;
      }
      case "native": {
        const words = (leaf.terms ?? [leaf.word]).map((word) => `@${attribute}:${this.#escaped(word)}`);
        return words.length === 1 ? (words[0] as string) : `(${words.join("|")})`;
      }
      case "within":
        return this.#circle(attribute, leaf.area as Circle);
      case "infix":
      case "phrase":
      case "words":
        throw new TypeError(`${index.path}: ${leaf.type} is for filters`);
      case "range":
        return `@${attribute}:[${this.#bound(leaf.lower, "-inf")} ${this.#bound(leaf.upper, "+inf")}]`;
    }
  }

  #circle(attribute: string, circle: Circle): string {
    const { longitude, latitude } = circle.center;
    const words = [longitude, latitude, radiusOf(circle)].map((number) => this.param(numberText(number)));
    return `@${attribute}:[${words.join(" ")} m]`;
  }

  #bound(bound: TermBound | undefined, open: string): string {
    return bound === undefined ? open : `${bound.exclusive ? "(" : ""}${this.param(bound.term)}`;
  }

  #tag(term: string): string {
    return this.#escaped(this.#metadata.storage === "hash" ? tagText(term) : term);
  }

  // Terms and words in parameters are unescaped once by the server.
  #escaped(term: string): string {
    return this.param(term.replaceAll("\\", "\\\\"));
  }

  /** Takes a value; gives the name of its parameter. */
  param(value: string): string {
    const name = `p${this.params.length / 2}`;
    this.params.push(name, value);
    return `$${name}`;
  }
}

/**
 * Tells what may stand in an OR.
 *
 * @param formula - a condition.
 * @returns true for a positive leaf, and an AND of positive leaves.
 */
export function isPlain(formula: Formula): boolean {
  if (formula.type === "every") return formula.items.every((item) => isPositiveLeaf(item));
  return isPositiveLeaf(formula);
}

function isPositiveLeaf(formula: Formula): boolean {
  return "negated" in formula && !formula.negated;
}
