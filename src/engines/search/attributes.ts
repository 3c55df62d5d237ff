// The search index of a type: one attribute per index, read from the document or from a hidden member.
// Attribute names are generated, so no name of a field ever reaches a query's text.
import type { HiddenMember, HiddenMembers } from "../../codec/stored.ts";
import { taggedFields } from "../../codec/hash.ts";
import { CapabilityError } from "../../errors.ts";
import { placeOf } from "../../codec/place.ts";
import { borderedText, type IndexValue, tagSeparator, tagText } from "../../codec/term.ts";
import type { Command } from "../../redis/command.ts";
import type { VectorSettings } from "../../schema/index-kinds.ts";
import type { EntityMetadata, IndexMetadata } from "../../schema/metadata.ts";
import { isTextual, type Layout } from "../layout.ts";

/** Attribute of the id, for order. */
export const idAttribute = "__id";
/** Attribute of the names of fields without a value. */
export const absentAttribute = "__absent";
/** Attribute of the time after which an entity is dead. */
export const deadlineAttribute = "__deadline";

/** How many attributes servers take, two of our own apart. */
const maxAttributes = 1022;

/** Up to how many fields a whole document is read by name. */
const maxNamed = 40;

/** Hidden member that lists the fields without a value. */
export const absentMember = "$absent";
const deadlineMember = "$deadline";

/** An index as an attribute of the search index. */
export interface Attribute {
  readonly index: IndexMetadata;
  readonly name: string;
  /** Name of the hidden member that holds its terms; undefined when the document itself does. */
  readonly member: string | undefined;
  /** A second attribute, over which filters look for parts of a string or words in their order. */
  readonly filtered: FilteredAttribute | undefined;
}

/** An attribute that no query text names, only filters. */
interface FilteredAttribute {
  readonly name: string;
  readonly member: string;
}

/**
 * The attributes of a type, one per index, in the definition's order.
 *
 * @param metadata - the entity type.
 * @returns the attributes.
 */
export function attributesOf(metadata: EntityMetadata): Attribute[] {
  return metadata.indexes.map((index, position) => {
    const name = `${index.path.replace(/[^A-Za-z0-9]/g, "_")}_${position}`;
    const extra = index.substring ? "substring" : index.phrase ? "phrase" : undefined;
    return {
      index,
      name,
      member: needsMember(index, metadata) ? `$${index.kind}.${index.path}` : undefined,
      filtered: extra === undefined ? undefined : { name: `${name}_${extra}`, member: `$${extra}.${index.path}` },
    };
  });
}

/**
 * The hash fields by whose names a search gives documents.
 *
 * @param fields - what is to be read.
 * @param attributes - the type's attributes.
 * @param whole - whether these are all fields of the type.
 * @returns the names, or undefined where the server shall send whole hashes.
 */
export function readableNames(
  fields: readonly string[],
  attributes: readonly Attribute[],
  whole: boolean,
): readonly string[] | undefined {
  // Names cost the server more than they save, unless they leave out something that it would send.
  const hidden = attributes.some(({ member, filtered }) => member !== undefined || filtered !== undefined);
  if (fields.length === 0 || (whole && (!hidden || fields.length > maxNamed))) return undefined;
  // By its own name a field comes as it is stored; by an attribute's, it would be that attribute, and numbers rounded.
  const taken = new Set(
    [
      "as",
      idAttribute,
      absentAttribute,
      deadlineAttribute,
      ...attributes.flatMap(({ name, filtered }) => [name, ...(filtered === undefined ? [] : [filtered.name])]),
    ].map((name) => name.toLowerCase()),
  );
  const readable = (field: string): boolean => /^[A-Za-z_$][\w.$-]*$/.test(field) && !taken.has(field.toLowerCase());
  return fields.every(readable) ? fields : undefined;
}

/**
 * Words in their order, as filters find them.
 *
 * @param words - words of a text.
 * @returns the words between signs that no word has.
 */
export function wordSequence(words: readonly string[]): string {
  return `_${words.join("_")}_`;
}

// Whatever the document does not hold in the form the index needs is kept beside it.
function needsMember(index: IndexMetadata, metadata: EntityMetadata): boolean {
  if (index.kind === "text" || index.caseInsensitive || index.apart === true) return true;
  if (index.kind === "geo") return metadata.storage === "json";
  // What is kept safe from trimming is not the text any more.
  if (index.kind === "native")
    return metadata.storage === "hash" && taggedFields(metadata).has(placeOf(metadata, index.names));
  if (index.kind === "range") return index.scalar === "bigint" || index.scalar === "decimal";
  // A JSON tag reads lists of strings itself, but a list of booleans would drop the document from the index.
  return index.array && (metadata.storage === "hash" || index.scalar === "boolean");
}

/**
 * What the search engine keeps inside a document.
 *
 * @param layout - the type's layout.
 * @param attributes - the type's attributes.
 * @returns functions from index values to hidden members: to all of them, and to those of some positions.
 */
export function hiddenMembers(
  layout: Layout,
  attributes: readonly Attribute[],
): {
  readonly all: (values: readonly IndexValue[]) => HiddenMembers;
  readonly at: (values: readonly IndexValue[], positions: ReadonlySet<number>) => HiddenMembers;
} {
  const members = attributes.flatMap(({ member }, position) => (member === undefined ? [] : [{ member, position }]));
  const filtered = attributes.flatMap(({ filtered: extra, index }, position) =>
    extra === undefined ? [] : [{ member: extra.member, position, substring: index.substring }],
  );
  const absentable = layout.metadata.indexes.flatMap((index, position) =>
    index.absentable ? [{ path: index.path, position }] : [],
  );
  if (members.length + filtered.length + absentable.length === 0) return { all: () => ({}), at: () => ({}) };
  const json = layout.metadata.storage === "json";
  const safe = json ? String : tagText;
  const at = (
    values: readonly IndexValue[],
    positions: ReadonlySet<number> | undefined,
  ): Record<string, HiddenMember> => {
    const hidden: Record<string, HiddenMember> = {};
    for (const { member, position } of members) {
      if (positions?.has(position) === false) continue;
      const value = values[position];
      const index = layout.metadata.indexes[position] as IndexMetadata;
      if (index.kind === "native") hidden[member] = value;
      else if (typeof value === "string" && isNumeric(index)) hidden[member] = json ? Number(value) : value;
      // An empty string is a value; an empty list and an absent value have nothing to index.
      else if (typeof value === "string") hidden[member] = safe(value);
      else hidden[member] = value === undefined || value.length === 0 ? undefined : value;
    }
    for (const { member, position, substring } of filtered) {
      if (positions?.has(position) === false) continue;
      const value = values[position];
      if (value === undefined) hidden[member] = undefined;
      else hidden[member] = substring ? borderedText(value as string) : wordSequence(value as readonly string[]);
    }
    return hidden;
  };
  return {
    at,
    all(values) {
      const hidden = at(values, undefined);
      if (absentable.length > 0) {
        const absent = absentable.filter(({ position }) => values[position] === undefined).map(({ path }) => path);
        hidden[absentMember] = absent.length === 0 ? undefined : [...new Set(absent)];
      }
      return hidden;
    },
  };
}

/**
 * Tells whether a member of a document may be one that the search engine keeps for some definition's indexes.
 *
 * @param name - a top-level name of the document.
 * @returns true for hidden members other than the document's own `$null`.
 */
export function isHiddenMember(name: string): boolean {
  return (
    name === absentMember ||
    name === deadlineMember ||
    /^\$(exact|range|text|native|geo|vector|substring|phrase)\./.test(name)
  );
}

/**
 * The command that creates the search index.
 *
 * @param layout - the type's layout.
 * @param name - name of the index.
 * @returns FT.CREATE.
 */
export function createIndex(layout: Layout, name: string): Command {
  const { metadata } = layout;
  const json = metadata.storage === "json";
  const place = (path: string, each: boolean): string => (json ? `$["${path}"]${each ? "[*]" : ""}` : path);
  const attributes = attributesOf(metadata);
  const isNative = ({ index }: Attribute): boolean => index.kind === "native";
  // Servers forget about sounds where a text stands behind an attribute of another kind.
  const ordered = [...attributes.filter(isNative), ...attributes.filter((attribute) => !isNative(attribute))];
  const fields = ordered.flatMap(({ index, name: attribute, member, filtered }) => {
    const inDocument = placeOf(metadata, index.names) + (json && isList(index) ? "[*]" : "");
    const path = member === undefined ? inDocument : place(member, isList(index));
    const extra =
      filtered === undefined ? [] : [place(filtered.member, false), "AS", filtered.name, ...filterType(index, json)];
    return [path, "AS", attribute].concat(attributeType(index, json), extra);
  });
  const count = fields.filter((word) => word === "AS").length + 1;
  if (count > maxAttributes) {
    throw new CapabilityError(
      `${metadata.name}: its indexes need ${count} attributes, and a search index holds ${maxAttributes}; ` +
        "index fewer fields, or use the scan engine for this type",
      { entity: metadata.name },
    );
  }
  return {
    name: "FT.CREATE",
    args: [
      name,
      "ON",
      json ? "JSON" : "HASH",
      "PREFIX",
      "1",
      layout.documents,
      ...languageOf(metadata),
      "SCHEMA",
      ...fields,
      place(metadata.idField, false),
      "AS",
      idAttribute,
      ...tagType(json),
      "SORTABLE",
      "UNF",
      ...(metadata.indexes.some(isAlwaysHeld) ? ["NOINDEX"] : []),
      // An attribute that documents never fill still costs time on each of them.
      ...(metadata.indexes.some((index) => index.absentable)
        ? [place(absentMember, true), "AS", absentAttribute, ...tagType(json)]
        : []),
      ...(metadata.ttl === undefined ? [] : [place(deadlineMember, false), "AS", deadlineAttribute, "NUMERIC"]),
    ],
  };
}

// The id is there for order only; but a document of which nothing is indexed is not found at all.
function isAlwaysHeld(index: IndexMetadata): boolean {
  return !index.absentable && !index.array && index.kind !== "text";
}

// One language and one list of stop words per index; without native text neither means anything.
function languageOf({ indexes }: EntityMetadata): string[] {
  const rules = indexes.find(({ native }) => native !== undefined)?.native;
  const stopWords = rules?.stopWords ?? [];
  const language = rules === undefined ? [] : ["LANGUAGE", rules.language];
  return [...language, "STOPWORDS", String(stopWords.length), ...stopWords];
}

function isNumeric(index: IndexMetadata): boolean {
  return index.kind === "range" && !isTextual(index);
}

function isList(index: IndexMetadata): boolean {
  return (index.array && index.vector === undefined) || index.kind === "text";
}

function attributeType(index: IndexMetadata, json: boolean): string[] {
  if (index.vector !== undefined) return vectorType(index.vector);
  if (index.kind === "geo") return ["GEO"];
  if (index.native !== undefined) {
    const { stem, phonetic } = index.native;
    return ["TEXT", ...(stem ? [] : ["NOSTEM"]), ...(phonetic === null ? [] : ["PHONETIC", `dm:${phonetic}`])];
  }
  if (isNumeric(index)) return ["NUMERIC", "SORTABLE"];
  return index.sortable ? [...tagType(json), "SORTABLE", "UNF"] : tagType(json);
}

function vectorType({ dim, metric, algorithm, m, efConstruction, efRuntime }: VectorSettings): string[] {
  const words = ["TYPE", "FLOAT32", "DIM", String(dim), "DISTANCE_METRIC", metric.toUpperCase()];
  if (algorithm === "hnsw") {
    words.push("M", String(m), "EF_CONSTRUCTION", String(efConstruction), "EF_RUNTIME", String(efRuntime));
  }
  return ["VECTOR", algorithm.toUpperCase(), String(words.length), ...words];
}

// Parts of strings are looked for in memory, long texts in the few documents that have all the words.
function filterType(index: IndexMetadata, json: boolean): string[] {
  return [...tagType(json), ...(index.substring ? ["SORTABLE", "UNF"] : []), "NOINDEX"];
}

function tagType(json: boolean): string[] {
  // JSON tags have no separator of their own; a hash's must be one that values cannot hold.
  return json
    ? ["TAG", "CASESENSITIVE", "INDEXEMPTY"]
    : ["TAG", "SEPARATOR", tagSeparator, "CASESENSITIVE", "INDEXEMPTY"];
}
