// Documents as hashes: one field per scalar, nested objects flattened to dotted names, the rest as JSON text.
// A missing field is null or undefined, whichever the schema allows; `$null` tells them apart where it allows both.
import type { ValidationIssue } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { ObjectShape, Shape } from "../schema/shape.ts";
import type { EncodedDocument, HiddenMembers, StorageCodec, StoredDocument } from "./stored.ts";
import { checkNumber, jsonReader, jsonWriter, parseJson, stringifyJson, Unstorable } from "./json-value.ts";
import { scalarCodecs, Unreadable } from "./scalar.ts";
import { tagSeparator, tagText, textProblem, untagText } from "./term.ts";

/** Lists the dotted names of nulls, for fields that may be both null and missing. */
const nullsField = "$null";
/** Stands for a nested object that is present but has nothing stored in it. */
const emptyObject = "{}";

interface Leaf {
  readonly type: "leaf";
  readonly property: string;
  readonly field: string;
  readonly position: number;
  readonly optional: boolean;
  readonly nullable: boolean;
  readonly write: (value: unknown) => string;
  readonly read: (text: string) => unknown;
}

interface Branch {
  readonly type: "branch";
  readonly property: string;
  readonly field: string;
  /** Position of the marker of an empty object; -1 when the object is always there. */
  readonly position: number;
  readonly optional: boolean;
  readonly nullable: boolean;
  readonly nodes: readonly Node[];
  /** Every field below. */
  readonly below: readonly string[];
}

type Node = Leaf | Branch;

interface Layout {
  readonly fields: string[];
  readonly tagged: ReadonlySet<string>;
  hasNulls: boolean;
}

/**
 * Compiles the hash codec of an entity type.
 *
 * @param metadata - the entity type.
 * @returns the codec.
 */
export function hashCodec(metadata: EntityMetadata): StorageCodec {
  const layout: Layout = { fields: [], tagged: taggedFields(metadata), hasNulls: false };
  const nodes = compileNodes(metadata.shape, [], layout);
  if (layout.hasNulls) layout.fields.push(nullsField);
  const { fields, hasNulls } = layout;
  const idField = metadata.idField;
  return {
    fields: Object.freeze(fields),
    encode(entity, encodedId, hidden): EncodedDocument {
      const pairs: string[] = [idField, encodedId];
      const absent: string[] = [];
      const nulls: string[] = [];
      for (const node of nodes) {
        if (node.field !== idField) encodeNode(node, entity[node.property], pairs, absent, nulls);
      }
      if (nulls.length > 0) pairs.push(nullsField, JSON.stringify(nulls));
      else if (hasNulls) absent.push(nullsField);
      encodeHidden(hidden, pairs, absent);
      return { body: pairs, absent, mends: [] };
    },
    decode(stored, issues): Record<string, unknown> {
      const values = stored as Exclude<StoredDocument, string>;
      const nulls = hasNulls ? readNulls(values[fields.length - 1]) : noNulls;
      return decodeNodes(nodes, values, nulls, issues).value;
    },
  };
}

// Strings that a search index reads straight from the document are kept safe from its trimming and splitting.
function taggedFields(metadata: EntityMetadata): Set<string> {
  const direct = metadata.indexes.filter(
    (index) => index.scalar === "string" && !index.array && !index.caseInsensitive && index.kind !== "text",
  );
  return new Set(direct.map((index) => index.path));
}

function compileNodes(shape: ObjectShape, path: readonly string[], layout: Layout): Node[] {
  return [...shape.fields].map(([property, field]) => compileNode(field, property, [...path, property], layout));
}

function compileNode(shape: Shape, property: string, path: readonly string[], layout: Layout): Node {
  const field = path.join(".");
  const { optional, nullable } = shape;
  layout.hasNulls ||= optional && nullable;
  if (shape.kind === "object") {
    const before = layout.fields.length;
    const position = optional || nullable ? layout.fields.push(field) - 1 : -1;
    const nodes = compileNodes(shape, path, layout);
    const below = layout.fields.slice(before);
    return { type: "branch", property, field, position, optional, nullable, nodes, below };
  }
  const position = layout.fields.push(field) - 1;
  return { type: "leaf", property, field, position, optional, nullable, ...leafCodec(shape, path, layout) };
}

function leafCodec(shape: Shape, path: readonly string[], layout: Layout): Pick<Leaf, "write" | "read"> {
  switch (shape.kind) {
    case "string":
      return layout.tagged.has(path.join("."))
        ? taggedCodec(path)
        : { write: (value) => checkText(value, path), read: String };
    case "number": {
      const { read } = scalarCodecs.number;
      return { write: (value) => String(checkNumber(value as number, path)), read };
    }
    case "boolean":
    case "bigint":
    case "date":
    case "bytes":
    case "point":
      return scalarCodecs[shape.kind];
    default:
      return jsonLeaf(shape, path);
  }
}

function taggedCodec(path: readonly string[]): Pick<Leaf, "write" | "read"> {
  return { write: (value) => tagText(checkText(value, path)), read: untagText };
}

function checkText(value: unknown, path: readonly string[]): string {
  const problem = textProblem(value as string);
  if (problem !== undefined) throw new Unstorable(path, problem);
  return value as string;
}

function jsonLeaf(shape: Shape, path: readonly string[]): Pick<Leaf, "write" | "read"> {
  const writer = jsonWriter(shape);
  const reader = jsonReader(shape);
  return {
    // Hash fields keep the text of numbers as it is, so nothing needs mending.
    write: (value) => stringifyJson(writer === undefined ? value : writer(value, path, []), path),
    read(text) {
      const parsed = readJson(text);
      return reader === undefined ? parsed : reader(parsed);
    },
  };
}

function readJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new Unreadable(text, "JSON");
  }
}

function encodeNode(node: Node, value: unknown, pairs: string[], absent: string[], nulls: string[]): void {
  if (value === undefined || value === null) {
    if (node.type === "leaf") absent.push(node.field);
    else absent.push(...node.below);
    if (value === null && node.nullable && node.optional) nulls.push(node.field);
    return;
  }
  if (node.type === "leaf") {
    pairs.push(node.field, node.write(value));
    return;
  }
  const before = pairs.length;
  const source = value as Record<string, unknown>;
  for (const inner of node.nodes) encodeNode(inner, source[inner.property], pairs, absent, nulls);
  if (node.position < 0) return;
  if (pairs.length === before) pairs.push(node.field, emptyObject);
  else absent.push(node.field);
}

function encodeHidden(hidden: HiddenMembers, pairs: string[], absent: string[]): void {
  for (const [name, value] of Object.entries(hidden)) {
    if (value === undefined) absent.push(name);
    else pairs.push(name, typeof value === "string" ? tagText(value) : value.map(tagText).join(tagSeparator));
  }
}

const noNulls: ReadonlySet<string> = new Set();

function readNulls(text: string | null | false | undefined): ReadonlySet<string> {
  if (typeof text !== "string") return noNulls;
  try {
    const parsed = parseJson(text);
    return Array.isArray(parsed) ? new Set(parsed.map(String)) : noNulls;
  } catch {
    // A damaged list only blurs null and missing, which queries never tell apart.
    return noNulls;
  }
}

function decodeNodes(
  nodes: readonly Node[],
  values: readonly (string | null | false)[],
  nulls: ReadonlySet<string>,
  issues: ValidationIssue[],
): { value: Record<string, unknown>; found: boolean } {
  const value: Record<string, unknown> = {};
  let found = false;
  for (const node of nodes) {
    const stored = node.position < 0 ? undefined : values[node.position];
    if (node.type === "leaf") {
      if (typeof stored === "string") {
        found = true;
        value[node.property] = readLeaf(node, stored, issues);
        continue;
      }
    } else {
      const inner = decodeNodes(node.nodes, values, nulls, issues);
      if (inner.found || typeof stored === "string" || node.position < 0) {
        found ||= inner.found || typeof stored === "string";
        value[node.property] = inner.value;
        continue;
      }
    }
    if (node.nullable && (!node.optional || nulls.has(node.field))) value[node.property] = null;
  }
  return { value, found };
}

function readLeaf(leaf: Leaf, text: string, issues: ValidationIssue[]): unknown {
  try {
    return leaf.read(text);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    issues.push({ path: leaf.field.split("."), message: `expected ${error.expected}` });
    return undefined;
  }
}
