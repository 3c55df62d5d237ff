// Documents as JSON, in the server's own form or as text: the schema's own shape, dates as epoch milliseconds, bigints as text, bytes as base64.
// Hidden members stand at the top, under names beginning with $.
import type { ValidationIssue } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { storedFields, storedNames } from "../schema/names.ts";
import { type Shape, shapeAt, type ShapeAtPath } from "../schema/shape.ts";
import { jsonPath } from "./place.ts";
import type { DocumentChange, EncodedDocument, HiddenMember, StorageCodec } from "./stored.ts";
import {
  holdsFreeJson,
  jsonReader,
  jsonWriter,
  type Mend,
  parseJson,
  stringifyJson,
  writeNumber,
} from "./json-value.ts";

const noFields: readonly string[] = [];
const noMends: readonly Mend[] = [];

/**
 * Compiles the JSON codec of an entity type.
 *
 * @param metadata - the entity type.
 * @returns the codec.
 */
export function jsonCodec(metadata: EntityMetadata): StorageCodec {
  const write = jsonWriter(metadata.shape, []);
  const read = jsonReader(metadata.shape, []);
  const { idField } = metadata;
  const { strips, open: keeps } = metadata.shape;
  const fields = storedFields(metadata.shape);
  // A string keeps the text of numbers as it is; a JSON server parses it.
  const free = metadata.storage === "string" && holdsFreeJson(metadata.shape);
  const notes = (): Mend[] | undefined => (metadata.storage === "json" ? [] : undefined);
  return {
    fields: [],
    encode(entity, encodedId, hidden): EncodedDocument {
      const mends = notes();
      const written = write === undefined ? { ...entity } : (write(entity, [], mends) as Record<string, unknown>);
      written[idField] = encodedId;
      for (const name in hidden) written[name] = hiddenMember(name, hidden[name], mends);
      return { body: stringifyJson(written, []), absent: noFields, mends: mends ?? noMends };
    },
    change(names, value): DocumentChange {
      const place = storedNames(metadata.shape, names);
      const path = jsonPath(place);
      if (value === undefined) return { set: [], absent: [path], mends: [] };
      const mends = notes();
      const { shape: field } = shapeAt(metadata.shape, names.join(".")) as ShapeAtPath;
      const writer = value === null ? undefined : jsonWriter(field, place);
      const written = writer === undefined ? value : writer(value, place, mends);
      return { set: [path, stringifyJson(written, place)], absent: [], mends: mends ?? noMends };
    },
    difference(stored, entity, encodedId): DocumentChange {
      const mends = notes();
      const written = write === undefined ? { ...entity } : (write(entity, [], mends) as Record<string, unknown>);
      written[idField] = encodedId;
      const held = parseJson(stored as string) as Record<string, unknown>;
      return changedProperties({ fields, keeps }, held, written, mends ?? noMends);
    },
    hide(hidden): DocumentChange {
      const set: string[] = [];
      const absent: string[] = [];
      const mends: Mend[] = [];
      for (const [name, value] of Object.entries(hidden)) {
        if (value === undefined) absent.push(jsonPath([name]));
        else set.push(jsonPath([name]), JSON.stringify(hiddenMember(name, value, mends)));
      }
      return { set, absent, mends };
    },
    decode(stored, issues): Record<string, unknown> | undefined {
      const parsed = parseDocument(stored as string, free, issues);
      if (parsed === undefined) return undefined;
      // Most schemas leave hidden members out themselves; for the others, a look for the sign is cheaper than one at each name.
      const open = strips || !(stored as string).includes("$") ? parsed : withoutHidden(parsed);
      return (read === undefined ? open : read(open, issues)) as Record<string, unknown>;
    },
  };
}

function hiddenMember(name: string, value: HiddenMember, mends: Mend[] | undefined): HiddenMember {
  return typeof value === "number" ? writeNumber(value, [name], mends) : value;
}

function changedProperties(
  { fields, keeps }: { readonly fields: ReadonlyMap<string, Shape>; readonly keeps: boolean },
  held: Readonly<Record<string, unknown>>,
  written: Readonly<Record<string, unknown>>,
  mends: readonly Mend[],
): DocumentChange {
  const set: string[] = [];
  const absent: string[] = [];
  const names = new Set([...Object.keys(held), ...Object.keys(written)]);
  for (const name of names) {
    // What the schema does not know, in an object that keeps no such properties, is none of ours.
    if (name.startsWith("$") || !(keeps || fields.has(name))) continue;
    const value = written[name];
    if (value === undefined) {
      if (held[name] !== undefined) absent.push(jsonPath([name]));
      continue;
    }
    const text = stringifyJson(value, [name]);
    if (fields.get(name)?.stored?.same?.(held[name], value) === true) continue;
    if (text !== JSON.stringify(held[name])) set.push(jsonPath([name]), text);
  }
  const changed = set.filter((_, at) => at % 2 === 0);
  return { set, absent, mends: mends.filter(([path]) => changed.some((name) => path.startsWith(name))) };
}

// A copy: deleting would leave an object that is slow to read for good.
function withoutHidden(parsed: Record<string, unknown>): Record<string, unknown> {
  const open: Record<string, unknown> = {};
  for (const name of Object.keys(parsed)) {
    if (!name.startsWith("$")) open[name] = parsed[name];
  }
  return open;
}

function parseDocument(text: string, free: boolean, issues: ValidationIssue[]): Record<string, unknown> | undefined {
  try {
    const parsed = parseJson(text, free);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
    issues.push({ path: [], message: "the document is not a JSON object" });
  } catch (error) {
    issues.push({ path: [], message: `the document is not JSON: ${(error as Error).message.slice(0, 40)}` });
  }
  return undefined;
}
