// A place in the order of a query, as the search engine goes on from it.
// A filter decides exactly; where the first key is a number, the query itself passes over most of what came before.
import type { IndexMetadata } from "../../schema/metadata.ts";
import { tagText } from "../../codec/term.ts";
import { sortIndex } from "../../query/check.ts";
import type { OrderKey, Position, QueryNode } from "../../query/node.ts";
import { all, type Formula, some } from "../../query/normalise.ts";
import { isTextual } from "../layout.ts";
import { type Attribute, idAttribute } from "./attributes.ts";
import { filterNumber, filterText } from "./filter.ts";

/**
 * A condition that holds for everything behind a place, and for little before it.
 *
 * @param query - the query.
 * @param position - the place.
 * @returns a condition that the query language knows; always true where it has none.
 */
export function startOf(query: QueryNode, position: Position): Formula {
  const [key] = query.orderBy;
  const index = key && sortIndex(query.metadata, key.path);
  const term = position.terms[0] ?? null;
  if (key === undefined || index === undefined || term === null || isTextual(index)) return all;
  const bound = { term, exclusive: false };
  const range: Formula = {
    type: "range",
    index,
    lower: key.direction === "asc" ? bound : undefined,
    upper: key.direction === "asc" ? undefined : bound,
    negated: false,
  };
  return index.absentable ? some([range, { type: "absent", index, negated: false }]) : range;
}

/**
 * The filter for everything behind a place.
 *
 * @param query - the query.
 * @param position - the place.
 * @param attributes - the type's attributes.
 * @returns an expression.
 */
export function behindFilter(query: QueryNode, position: Position, attributes: readonly Attribute[]): string {
  const { metadata, orderBy } = query;
  const tagged = metadata.storage === "hash" ? tagText : String;
  const down = orderBy.at(-1)?.direction === "desc";
  const equal: string[] = [];
  const ways: string[] = [];
  for (const [at, key] of orderBy.entries()) {
    const index = sortIndex(metadata, key.path) as IndexMetadata;
    const name = `@${attributes.find((attribute) => attribute.index === index)?.name}`;
    const term = position.terms[at] ?? null;
    const literal = term === null ? "" : isTextual(index) ? filterText(tagged(term)) : filterNumber(term);
    const beyond = beyondKey(name, key, literal, term === null);
    if (beyond !== "") ways.push([...equal, beyond].join(" && "));
    equal.push(term === null ? `!exists(${name})` : `exists(${name}) && ${name} == ${literal}`);
  }
  ways.push([...equal, `@${idAttribute} ${down ? "<" : ">"} ${filterText(position.id)}`].join(" && "));
  return `(${ways.map((way) => `(${way})`).join(" || ")})`;
}

// Absent values come last in both directions, so behind one of them there is no other value.
function beyondKey(name: string, { direction }: OrderKey, literal: string, absent: boolean): string {
  return absent
    ? ""
    : `(!exists(${name}) || (exists(${name}) && ${name} ${direction === "asc" ? ">" : "<"} ${literal}))`;
}
