// Raw conditions made ready for the server: fields by the names they have in the index, values as parameters.
// A value is written the way the index of the field before it holds values.
import { comparable, foldCase, tagText, termOf } from "../../codec/term.ts";
import { QueryError } from "../../errors.ts";
import type { Operand } from "../../query/node.ts";
import type { RawNode } from "../../query/raw.ts";
import type { EntityMetadata } from "../../schema/metadata.ts";
import { isTextual } from "../layout.ts";
import type { Attribute } from "./attributes.ts";

/** A field in a raw text: its path, the kind of index where it has several, and what opens its values. */
const field = /@([\p{L}_$][\p{L}\p{N}_$]*(?:\.[\p{L}\p{N}_$]+)*)(?:#(exact|range|text|native|geo))?(?=\s*:\s*(.?))/gu;

/**
 * Compiles a raw condition.
 *
 * @param node - the condition.
 * @param metadata - the entity type.
 * @param attributes - its attributes, one per index.
 * @param param - takes a value, gives the name of its parameter.
 * @returns query text.
 * @throws QueryError for a field without an index, or a value that no field stands before.
 */
export function compileRaw(
  { texts, values }: RawNode,
  metadata: EntityMetadata,
  attributes: readonly Attribute[],
  param: (value: string) => string,
): string {
  let current: Attribute | undefined;
  const parts = texts.map((text, at) => {
    const named = text.replaceAll(field, (_all, path: string, kind: string | undefined, opening: string) => {
      current = attributeOf(path, kind, opening, metadata, attributes);
      return `@${current.name}`;
    });
    if (at >= values.length) return named;
    return named + param(valueText(values[at] as Operand, current, metadata));
  });
  return `(${parts.join("")})`;
}

function attributeOf(
  path: string,
  kind: string | undefined,
  opening: string,
  { name, indexes }: EntityMetadata,
  attributes: readonly Attribute[],
): Attribute {
  const candidates = attributes.filter(
    ({ index }) => index.path === path && (kind === undefined || index.kind === kind),
  );
  // Square brackets hold numbers and places, everything else terms.
  const numeric = opening === "[";
  const fitting = candidates.find(
    ({ index }) => numeric === (index.kind === "geo" || (index.kind === "range" && !isTextual(index))),
  );
  if (fitting !== undefined) return fitting;
  const known = [...new Set(indexes.map((index) => index.path))].join(", ");
  const what = `${path}${kind === undefined ? "" : `#${kind}`}${numeric ? " of numbers" : ""}`;
  throw new QueryError(`${name}: whereRaw names @${what}, and there is no such index; indexed are ${known}`, {
    entity: name,
    field: path,
  });
}

function valueText(value: Operand, attribute: Attribute | undefined, { name, storage }: EntityMetadata): string {
  if (attribute === undefined) {
    throw new QueryError(`${name}: whereRaw has a value that no field stands before`, { entity: name });
  }
  const { index } = attribute;
  if (index.kind === "native") return String(value).replaceAll("\\", "\\\\");
  if (index.kind === "text") return tagged(foldCase(String(value).normalize("NFKC")), storage);
  const term = termOf(index, comparable(index, value, name));
  return index.kind === "geo" || (index.kind === "range" && !isTextual(index))
    ? term.replace("Infinity", "inf")
    : tagged(term, storage);
}

// The server takes one level of escapes off terms.
function tagged(term: string, storage: EntityMetadata["storage"]): string {
  return (storage === "hash" ? tagText(term) : term).replaceAll("\\", "\\\\");
}
