// Where everything of one entity type is kept: internal keys, and what each index writes to them.
// Shared by the scripts that write and the engines that read, so they cannot disagree.
import { createHash } from "node:crypto";
import { taggedFields } from "../codec/hash.ts";
import { encodePath, type Keyspace } from "../schema/key.ts";
import type { BoardMetadata } from "../schema/board.ts";
import type { EntityMetadata, IndexMetadata } from "../schema/metadata.ts";
import { storedNames } from "../schema/names.ts";
import { partitionOf } from "../schema/partitions.ts";
import { shapeAt } from "../schema/shape.ts";

/** The engines. */
export type EngineName = "scan" | "search" | "memory";

/** Version of the key layout; a change of it is a migration. */
const layoutVersion = 1;

/** What a slot of the snapshot is kept in. */
export type SlotKind =
  /** One set per term: exact values and words. */
  | "terms"
  /** One set per run of up to three characters of a string. */
  | "grams"
  /** Sorted set, the number as score. */
  | "scores"
  /** Sorted set, score 0, members `value NUL id`: byte order. */
  | "lex"
  /** Geo set. */
  | "geo"
  /** Vector set, which knows no other metric than `cosine`. */
  | "vectors";

/** One key family that an index keeps. */
export interface Slot {
  readonly kind: SlotKind;
  readonly index: IndexMetadata;
  /** Position of the index's value in the snapshot, from 0. */
  readonly position: number;
  /** The key; for terms and grams what every key begins with. */
  readonly key: string;
  /** Where terms or grams that are looked for by their beginning are listed. */
  readonly vocabulary?: string;
}

/** The ids of entities whose field has no value. */
interface AbsentSlot {
  readonly path: string;
  readonly position: number;
  readonly key: string;
}

/** A unique constraint's place. */
interface UniqueSlot {
  readonly name: string;
  readonly position: number;
  readonly key: string;
}

/** A compound index's place: per combination of values, the ids in order. */
export interface CompoundSlot {
  readonly name: string;
  /** Positions of the values that must be equal. */
  readonly eq: readonly number[];
  /** What orders the ids: sorted sets of scores or of `value NUL id`; undefined for the ids themselves. */
  readonly order: { readonly kind: "scores" | "lex"; readonly position: number } | undefined;
  /** What every key begins with; the values follow, a NUL between them. */
  readonly key: string;
  /** The same for ids without the value that orders; undefined where it cannot be missing. */
  readonly absentKey: string | undefined;
}

/** The place of a leaderboard over entities. */
export interface BoardSlot {
  readonly board: BoardMetadata;
  /** Position of the score in the snapshot. */
  readonly position: number;
  /** Positions of the numbers that break ties. */
  readonly fronts: readonly number[];
  /** Position of the time of soft deletion: whoever has one is not on the board. */
  readonly deleted: number | undefined;
  /** The sorted set of entities, text that breaks ties in front of each. */
  readonly key: string;
  /** What stands in front of each entity, and, where that is a time, for which score; undefined where ties go by id. */
  readonly texts: string | undefined;
  /** The distinct scores, where ranks are dense. */
  readonly distinct: string | undefined;
}

/** Keys and slots of one entity type in one namespace, for one engine. */
export interface Layout {
  readonly metadata: EntityMetadata;
  readonly engine: EngineName;
  /** What every document's key begins with. */
  readonly documents: string;
  /** The same of every partition of the type, this one among them. */
  readonly homes: readonly string[];
  /** What every internal key begins with. */
  readonly internal: string;
  readonly meta: string;
  /** All ids; undefined where the engine needs none. */
  readonly ids: string | undefined;
  /** Ids that expire, by time. */
  readonly expiry: string | undefined;
  /** What each entity's indexes hold. */
  readonly snapshot: string | undefined;
  readonly slots: readonly Slot[];
  readonly absent: readonly AbsentSlot[];
  readonly uniques: readonly UniqueSlot[];
  readonly compounds: readonly CompoundSlot[];
  readonly boards: readonly BoardSlot[];
  /** The stream of changes; undefined where they are not told. */
  readonly changes: string | undefined;
  /** What the keys of each collection begin with, and those of fences; an entity's id follows. */
  readonly owned: readonly string[];
  /** What the keys begin with that hold the fence under which each entity was saved; undefined where saves take none. */
  readonly fence: string | undefined;
  /** What the keys begin with under which operations leave their notes. */
  readonly operations: string;
  /** What the search engine asks: a name that exists only while the index is right for this very definition. */
  readonly alias: string;
  /** The search index's own name. */
  readonly index: string;
  /** What the scripts compare before they write, and the scan engine's before it answers. */
  readonly stamp: string;
  /** Digest of all that index entries depend on: definitions that agree in it can take over each other's indexes. */
  readonly indexing: string;
  /** Fields whose text in a hash document is kept safe from a search server's trimming. */
  readonly tagged: readonly string[];
  /** During a rebuild: which documents were rewritten for other tagged fields than the type's last ones. */
  readonly rewritten: string;
}

/**
 * Lays out an entity type.
 *
 * @param metadata - the entity type.
 * @param engine - the engine that answers its queries.
 * @param keys - its key prefixes.
 * @param vectorSets - whether the server has vector sets.
 * @param homes - what documents' keys begin with in each partition.
 * @returns every key and slot.
 */
export function layoutOf(
  metadata: EntityMetadata,
  engine: EngineName,
  keys: Keyspace,
  vectorSets: boolean = false,
  homes: readonly string[] = [keys.documents],
): Layout {
  const { documents, internal } = keys;
  const indexed = engine === "scan";
  const uniques = metadata.uniques.map((unique, at) => ({
    name: unique.name,
    position: metadata.indexes.length + at,
    key: `${internal}u:${unique.name}`,
  }));
  const slots = indexed
    ? metadata.indexes.flatMap((index, position) => slotsOf(index, position, internal, vectorSets))
    : [];
  const absent = indexed ? absentSlots(metadata, internal) : [];
  const boards = boardSlots(metadata, internal);
  const remembers = slots.length + absent.length + uniques.length + boards.length > 0;
  const listed = engine !== "search";
  // Where a server that has vector sets takes over from one that has none, they have to be filled first.
  const extra = slots.some(({ kind }) => kind === "vectors") ? ["vectors"] : [];
  const spread = homes.length > 1 ? [`${homes.length} partitions`] : [];
  const indexing = indexingOf(metadata, engine, extra);
  return Object.freeze({
    metadata,
    engine,
    documents,
    homes,
    internal,
    meta: `${internal}m`,
    ids: listed ? `${internal}a` : undefined,
    expiry:
      metadata.ttl !== undefined && (listed || remembers || metadata.changes !== undefined)
        ? `${internal}e`
        : undefined,
    snapshot: remembers ? `${internal}s` : undefined,
    slots: Object.freeze(uniqueKeys(slots)),
    absent: Object.freeze(absent),
    uniques: Object.freeze(uniques),
    compounds: Object.freeze(indexed ? compoundSlots(metadata, internal) : []),
    boards: Object.freeze(boards),
    changes: metadata.changes === undefined ? undefined : `${internal}k`,
    owned: Object.freeze([
      ...metadata.collections.map(({ name }) => `${internal}d:${name}:`),
      ...(metadata.fence ? [`${internal}f:`] : []),
    ]),
    fence: metadata.fence ? `${internal}f:` : undefined,
    operations: `${internal}o:`,
    alias: `${internal}i:${metadata.layout}`,
    index: `${internal}x:${indexing}`,
    stamp: [layoutVersion, engine, metadata.layout, ...extra, ...spread].join("|"),
    indexing,
    tagged: Object.freeze(metadata.storage === "hash" ? [...taggedFields(metadata)].sort() : []),
    rewritten: `${internal}r`,
  });
}

// Everything of a definition that decides what index entries and hidden members hold; the rest of the shape does not.
function indexingOf(metadata: EntityMetadata, engine: EngineName, extra: readonly string[]): string {
  const { storage, indexes, uniques, compounds, boards, ranked, idField, version, ttl, shape } = metadata;
  const kinds = uniques.map(({ paths }) => paths.map((path) => shapeAt(shape, path)?.shape.kind));
  const parts: unknown[] = [
    layoutVersion,
    engine,
    storage,
    indexes,
    uniques,
    kinds,
    idField,
    version,
    ttl !== undefined,
    ...extra,
  ];
  if (engine === "scan" && compounds.length > 0) parts.push(compounds);
  if (boards.length > 0) parts.push(boards, metadata.softDelete);
  const fields = uniques.flatMap(({ paths }) => paths).concat(version === undefined ? [] : [version]);
  const paths = [...[...indexes, ...ranked].map(({ path }) => path), ...fields];
  const renamed = paths.map((path) => [path, storedNames(shape, path.split(".")).join(".")] as const);
  if (renamed.some(([path, name]) => path !== name)) parts.push(renamed);
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

/** The letters of the key families that a rebuild makes anew from the documents: not `$m`, nor its own `$r`. */
const derivedFamilies = /^([aesutlngiwv0]|c0?|b[dt]?)(:|$)/;

/**
 * Tells whether a key holds nothing that the documents do not.
 *
 * @param layout - the type's layout.
 * @param key - a key that begins as the type's internal keys do.
 * @returns true for index entries, registries and unique values, of whatever definition.
 */
export function isDerived({ internal, boards }: Layout, key: string): boolean {
  // No document says since when it has its score.
  if (boards.some(({ texts, board }) => texts === key && board.breaks === "time")) return false;
  return derivedFamilies.test(key.slice(internal.length));
}

function slotsOf(index: IndexMetadata, position: number, internal: string, vectorSets: boolean): Slot[] {
  const path = encodePath(index.path);
  const slot = (kind: SlotKind, key: string): Slot => ({ kind, index, position, key: internal + key });
  switch (index.kind) {
    case "exact": {
      const slots = [slot("terms", `t:${path}:`)];
      if (index.sortable) slots.push(slot("lex", `l:${path}`));
      if (index.substring) slots.push({ ...slot("grams", `i:${path}:`), vocabulary: `${internal}i:${path}` });
      return slots;
    }
    case "range":
      return [isTextual(index) ? slot("lex", `l:${path}`) : slot("scores", `n:${path}`)];
    case "text":
      return [{ ...slot("terms", `w:${path}:`), vocabulary: `${internal}w:${path}` }];
    case "geo":
      return [slot("geo", `g:${path}`)];
    // Elsewhere what is nearest is found by reading the vectors of what matches.
    case "vector":
      return vectorSets && index.vector?.metric === "cosine" ? [slot("vectors", `v:${path}`)] : [];
    case "native":
      // Nobody but a search server knows its rules.
      return [];
  }
}

/**
 * Tells whether documents say themselves when they die, for searches to look at.
 *
 * @param layout - the type's layout.
 * @returns true on the search engine for types that may expire.
 */
export function keepsDeadline(layout: Layout): boolean {
  return layout.engine === "search" && layout.metadata.ttl !== undefined;
}

/**
 * Tells whether an index orders text rather than numbers.
 *
 * @param index - the index.
 * @returns true for strings, booleans and bigints.
 */
export function isTextual(index: IndexMetadata): boolean {
  return index.scalar !== "number" && index.scalar !== "date";
}

/**
 * The key of a document, in whatever partition it is at home.
 *
 * @param layout - the type's layout.
 * @param encodedId - the entity's id as it stands in the key.
 * @returns the key.
 */
export function documentKey({ homes }: Layout, encodedId: string): string {
  return (homes[partitionOf(encodedId, homes.length)] as string) + encodedId;
}

/**
 * What a type's meta hash holds.
 *
 * @param layout - the type's layout.
 * @returns field names and values in turn.
 */
export function metaFields({ engine, stamp, metadata, indexing, tagged, homes }: Layout): string[] {
  const { storage, layout } = metadata;
  const about = ["stamp", stamp, "layout", String(layoutVersion), "engine", engine, "storage", storage];
  const spread = homes.length > 1 ? ["partitions", String(homes.length)] : [];
  return [...about, ...spread, "schema", layout, "indexing", indexing, "tagged", JSON.stringify(tagged)];
}

// A field that is both sortable exact and range keeps one sorted set: the range's, whose values are never folded.
function uniqueKeys(slots: readonly Slot[]): Slot[] {
  const kept = new Map<string, Slot>();
  for (const slot of slots) {
    if (!kept.has(slot.key) || slot.index.kind === "range") kept.set(slot.key, slot);
  }
  return [...kept.values()];
}

function absentSlots(metadata: EntityMetadata, internal: string): AbsentSlot[] {
  const seen = new Set<string>();
  const slots: AbsentSlot[] = [];
  for (const [position, index] of metadata.indexes.entries()) {
    if (!index.absentable || seen.has(index.path)) continue;
    seen.add(index.path);
    slots.push({ path: index.path, position, key: `${internal}0:${encodePath(index.path)}` });
  }
  return slots;
}

/**
 * The keys of a leaderboard over entities.
 *
 * @param slot - its place.
 * @returns the ranking, then what is kept beside it.
 */
export function boardKeys({ key, texts, distinct }: BoardSlot): string[] {
  return [key, texts, distinct].filter((each) => each !== undefined);
}

function boardSlots({ indexes, uniques, ranked, boards, softDelete }: EntityMetadata, internal: string): BoardSlot[] {
  const positionOf = (path: string): number =>
    indexes.length + uniques.length + ranked.findIndex((field) => field.path === path);
  const deleted = indexes.findIndex(({ path, kind }) => path === softDelete && kind === "range");
  return boards.map((board) => {
    const path = encodePath(board.path);
    return Object.freeze({
      board,
      position: positionOf(board.path),
      fronts: board.fields.map(({ field }) => positionOf(field)),
      deleted: deleted < 0 ? undefined : deleted,
      key: `${internal}b:${path}`,
      texts: board.breaks === "member" ? undefined : `${internal}bt:${path}`,
      distinct: board.ties === "dense" ? `${internal}bd:${path}` : undefined,
    });
  });
}

function compoundSlots({ indexes, compounds }: EntityMetadata, internal: string): CompoundSlot[] {
  return compounds.map(({ name, eq, order }) => ({
    name,
    eq: eq.map((index) => indexes.indexOf(index)),
    order: order && { kind: isTextual(order) ? "lex" : "scores", position: indexes.indexOf(order) },
    key: `${internal}c:${name}:`,
    absentKey: order?.absentable === true ? `${internal}c0:${name}:` : undefined,
  }));
}
