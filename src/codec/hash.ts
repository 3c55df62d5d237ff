// Documents as hashes: one field per scalar, nested objects flattened to dotted names, the rest as JSON text.
// A missing field is null or undefined, whichever the schema allows; `$null` tells them apart where it allows both.
import type { ValidationIssue } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { storedName, storedNames } from "../schema/names.ts";
import type { ObjectShape, Shape, StoredForm } from "../schema/shape.ts";
import type { DocumentChange, EncodedDocument, HiddenMembers, StorageCodec, StoredDocument } from "./stored.ts";
import {
  checkNumber,
  encodeStored,
  holdsFreeJson,
  jsonReader,
  jsonWriter,
  parseJson,
  stringifyJson,
  Unstorable,
} from "./json-value.ts";
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
  /** Whether one text may stay in the place of another; only for those that differ where the value does not. */
  readonly same?: StoredForm["same"];
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

type LeafCodec = Pick<Leaf, "write" | "read" | "same">;

type Node = Leaf | Branch;

interface Layout {
  readonly fields: string[];
  readonly tagged: ReadonlySet<string>;
  hasNulls: boolean;
}

/** Calls in Lua take some two hundred arguments. */
const maxSteady = 80;

/**
 * The fields that every document of a type has, so that their names need not be sent.
 *
 * @param shape - the entity's shape.
 * @param idField - the id, which is known anyway.
 * @returns dotted stored names, in order.
 */
export function steadyFields(shape: ObjectShape, idField: string): string[] {
  return steadyPaths(shape, [])
    .map((path) => path.join("."))
    .filter((field) => field !== idField)
    .slice(0, maxSteady);
}

function steadyPaths(shape: ObjectShape, path: readonly string[]): (readonly string[])[] {
  return [...shape.fields].flatMap(([property, field]) => {
    const at = [...path, storedName(shape, property)];
    // Free JSON may be anything, even nothing.
    if (field.optional || field.nullable || field.kind === "json") return [];
    return field.kind === "object" ? steadyPaths(field, at) : [at];
  });
}

interface Steady {
  readonly field: string;
  readonly property: string;
  /** The property's object, when it is not the entity itself. */
  readonly parents: readonly string[] | undefined;
  readonly write: (value: unknown) => string;
}

function steadyLeaves(nodes: readonly Node[], names: ReadonlySet<string>, parents: readonly string[]): Steady[] {
  return nodes.flatMap((node) => {
    if (node.type === "branch") return steadyLeaves(node.nodes, names, [...parents, node.property]);
    if (!names.has(node.field)) return [];
    return [
      {
        field: node.field,
        property: node.property,
        parents: parents.length === 0 ? undefined : parents,
        write: node.write,
      },
    ];
  });
}

function otherNodes(nodes: readonly Node[], names: ReadonlySet<string>): Node[] {
  return nodes.flatMap((node): Node[] => {
    if (node.type === "leaf") return names.has(node.field) ? [] : [node];
    // An object that may be missing is not steady, and neither is anything in it.
    if (node.position >= 0) return [node];
    const inner = otherNodes(node.nodes, names);
    return inner.length === 0 ? [] : [{ ...node, nodes: inner }];
  });
}

function valueOf(entity: Record<string, unknown>, { parents, property }: Steady): unknown {
  let holder = entity;
  if (parents !== undefined) for (const name of parents) holder = (holder[name] ?? {}) as Record<string, unknown>;
  return holder[property];
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
  const quick = quickDecoder(nodes);
  const names = new Set(steadyFields(metadata.shape, idField));
  const steady = steadyLeaves(nodes, names, []);
  const varying = varyingFields(nodes);
  const others = otherNodes(nodes, names).filter((node) => node.field !== idField);
  return {
    fields: Object.freeze(fields),
    encode(entity, _encodedId, hidden): EncodedDocument {
      const pairs: string[] = [];
      const absent: string[] = [];
      const nulls: string[] = [];
      for (const leaf of steady) {
        const value = valueOf(entity, leaf);
        // Only a schema whose own functions break their word gets here.
        if (value === undefined || value === null)
          throw new Unstorable(leaf.field.split("."), "is missing, against its schema");
        pairs.push(leaf.write(value));
      }
      for (const node of others) encodeNode(node, entity[node.property], pairs, absent, nulls);
      if (nulls.length > 0) pairs.push(nullsField, JSON.stringify(nulls));
      else if (hasNulls) absent.push(nullsField);
      encodeHidden(hidden, pairs, absent);
      return { body: pairs, absent, mends: [] };
    },
    change(path, value): DocumentChange {
      const set: string[] = [];
      const absent: string[] = [];
      encodeNode(nodeAt(nodes, path), value, set, absent, []);
      return { set, absent, mends: [] };
    },
    difference(stored, entity): DocumentChange {
      const pairs: string[] = [];
      const nulls: string[] = [];
      for (const node of nodes) if (node.field !== idField) encodeNode(node, entity[node.property], pairs, [], nulls);
      if (nulls.length > 0) pairs.push(nullsField, JSON.stringify(nulls));
      return changedFields(fields, varying, stored as Exclude<StoredDocument, string>, pairs, idField);
    },
    hide(hidden): DocumentChange {
      const set: string[] = [];
      const absent: string[] = [];
      encodeHidden(hidden, set, absent);
      return { set, absent, mends: [] };
    },
    decode(stored, issues): Record<string, unknown> {
      const values = stored as Exclude<StoredDocument, string>;
      const whole = quick?.(values);
      if (whole !== undefined) return whole;
      const nulls = hasNulls ? readNulls(values[fields.length - 1]) : noNulls;
      return decodeNodes(nodes, values, nulls, issues).value;
    },
  };
}

function nodeAt(nodes: readonly Node[], [name, ...rest]: readonly string[]): Node {
  const node = nodes.find(({ property }) => property === name) as Node;
  return rest.length === 0 ? node : nodeAt((node as Branch).nodes, rest);
}

function varyingFields(nodes: readonly Node[]): ReadonlyMap<string, NonNullable<Leaf["same"]>> {
  const found = new Map<string, NonNullable<Leaf["same"]>>();
  for (const node of nodes) {
    if (node.type === "branch") for (const [field, same] of varyingFields(node.nodes)) found.set(field, same);
    else if (node.same !== undefined) found.set(node.field, node.same);
  }
  return found;
}

function changedFields(
  fields: readonly string[],
  varying: ReturnType<typeof varyingFields>,
  stored: readonly (string | null | false)[],
  pairs: readonly string[],
  idField: string,
): DocumentChange {
  const set: string[] = [];
  const absent: string[] = [];
  // Both are in the order of the schema.
  let next = 0;
  for (let at = 0; at < fields.length; at += 1) {
    const field = fields[at] as string;
    if (pairs[next] === field) {
      const value = pairs[next + 1] as string;
      const kept = value === stored[at] || varying.get(field)?.(stored[at], value) === true;
      if (!kept) set.push(field, value);
      next += 2;
    } else if (typeof stored[at] === "string" && field !== idField) absent.push(field);
  }
  return { set, absent, mends: [] };
}

/**
 * The fields that a search index reads straight from the document: their text is kept safe from trimming and splitting.
 *
 * @param metadata - the entity type.
 * @returns dotted stored names.
 */
export function taggedFields(metadata: EntityMetadata): Set<string> {
  const direct = metadata.indexes.filter(
    ({ scalar, array, apart, caseInsensitive, kind }) =>
      apart === undefined && scalar === "string" && !array && !caseInsensitive && kind !== "text" && kind !== "native",
  );
  return new Set(direct.map((index) => storedNames(metadata.shape, index.names).join(".")));
}

function compileNodes(shape: ObjectShape, path: readonly string[], layout: Layout): Node[] {
  return [...shape.fields].map(([property, field]) =>
    compileNode(field, property, [...path, storedName(shape, property)], layout),
  );
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

function leafCodec(shape: Shape, path: readonly string[], layout: Layout): LeafCodec {
  if (shape.stored !== undefined) return storedLeaf(shape.stored, path, layout);
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
    case "decimal":
      return scalarCodecs[shape.kind];
    default:
      return jsonLeaf(shape, path);
  }
}

function storedLeaf(stored: StoredForm, path: readonly string[], layout: Layout): LeafCodec {
  const inner = leafCodec(stored.shape, path, layout);
  return {
    ...(stored.same === undefined ? {} : { same: stored.same }),
    write: (value) => inner.write(encodeStored(stored, value, path)),
    read(text) {
      const decoded = stored.decode(inner.read(text));
      if (decoded.ok) return decoded.value;
      throw new Unreadable(text, `what its codec decodes: ${decoded.message}`);
    },
  };
}

function taggedCodec(path: readonly string[]): LeafCodec {
  return { write: (value) => tagText(checkText(value, path)), read: untagText };
}

function checkText(value: unknown, path: readonly string[]): string {
  const problem = textProblem(value as string);
  if (problem !== undefined) throw new Unstorable(path, problem);
  return value as string;
}

function jsonLeaf(shape: Shape, path: readonly string[]): LeafCodec {
  const writer = jsonWriter(shape);
  const reader = jsonReader(shape, []);
  const free = holdsFreeJson(shape);
  return {
    // Hash fields keep the text of numbers as it is, so nothing needs mending.
    write: (value) => stringifyJson(writer === undefined ? value : writer(value, path, undefined), path),
    read(text) {
      const parsed = readJson(text, free);
      if (reader === undefined) return parsed;
      const issues: ValidationIssue[] = [];
      const value = reader(parsed, issues);
      if (issues[0] === undefined) return value;
      throw new Unreadable(text, `values that their codec decodes: ${issues[0].message}`);
    },
  };
}

function readJson(text: string, free: boolean): unknown {
  try {
    return parseJson(text, free);
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
    else pairs.push(name, typeof value === "object" ? value.map(tagText).join(tagSeparator) : String(value));
  }
}

type QuickDecoder = (values: readonly (string | null | false)[]) => Record<string, unknown> | undefined;

/**
 * Writes the decoder of a type as program text: one object literal, made in one go.
 * It gives up on whatever is not complete and well-formed, which is then decoded, and reported, the long way.
 *
 * @param nodes - the type's fields.
 * @returns the decoder, or undefined where programs may not be made from text, or for types whose fields come and go.
 */
function quickDecoder(nodes: readonly Node[]): QuickDecoder | undefined {
  const readers: ((text: string) => unknown)[] = [];
  const positions: number[] = [];
  const literal = (inner: readonly Node[]): string | undefined => {
    const members = inner.map((node) => {
      if (node.optional || node.nullable) return undefined;
      const name = JSON.stringify(node.property);
      if (node.type === "branch") {
        const text = literal(node.nodes);
        return text && `${name}: ${text}`;
      }
      positions.push(node.position);
      if (node.read === String) return `${name}: v${node.position}`;
      readers.push(node.read);
      return `${name}: r${readers.length - 1}(v${node.position})`;
    });
    return members.includes(undefined) ? undefined : `{ ${members.join(", ")} }`;
  };
  const text = literal(nodes);
  if (text === undefined) return undefined;
  const reads = positions.map((at) => `const v${at} = v[${at}]; if (typeof v${at} !== "string") return undefined;`);
  try {
    // eslint-disable-next-line typescript/no-implied-eval -- nothing but names and positions of the definition, all quoted
    return new Function(
      ...readers.map((_, at) => `r${at}`),
      `return (v) => { ${reads.join(" ")} try { return ${text}; } catch { return undefined; } };`,
    )(...readers) as QuickDecoder;
  } catch {
    return undefined;
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
