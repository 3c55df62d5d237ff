// Items of the patch script: a planned patch as it is, or the difference between a document as read and an entity.
// Both write nothing but the fields that change, and what indexes and the engine keep of those.
import { applySteps } from "../codec/patch/apply.ts";
import { covers, type PatchPlan, type PatchStep } from "../codec/patch/plan.ts";
import { jsonPath, pathAt, placeOf } from "../codec/place.ts";
import type { DocumentChange, StoredDocument } from "../codec/stored.ts";
import { type IndexValue, indexValueAt, indexValues } from "../codec/term.ts";
import { fingerprintOf } from "../engines/write/remove.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { TypeContext } from "./context.ts";
import { rememberedValue, withId } from "./save.ts";
import { measureChanges } from "./size.ts";
import { type Ttl, ttlArguments } from "./ttl.ts";

type Row = Record<string, unknown>;

/** An item as the patch script takes it; the script says what each word is. */
export type PatchItem = readonly unknown[];

/** What the item's document must be: of this version, or unchanged; anything when left out. */
interface Guard {
  readonly version?: number | undefined;
  readonly fingerprint?: string | undefined;
  /** When the entity must have been created, as it is stored. */
  readonly created?: string | undefined;
  /** The version is neither looked at nor counted. */
  readonly uncounted?: boolean;
}

/**
 * The item of a patch that the script can make by itself.
 *
 * @param context - the entity type.
 * @param encodedId - the entity's id as it stands in the key.
 * @param plan - a direct plan.
 * @param guard - the version that must be stored.
 * @param ttl - the caller's wish.
 * @returns the item.
 * @throws ValidationError when a value cannot be stored or indexed exactly.
 */
export function directItem(
  context: TypeContext,
  encodedId: string,
  { steps }: PatchPlan,
  guard: Guard,
  ttl: Ttl | undefined,
): PatchItem {
  const { metadata, codec, engine } = context;
  const sets = steps.filter(({ kind }) => kind === "set");
  const known = applySteps(metadata, {}, sets);
  const touched = positionsOf(metadata, sets);
  const values: IndexValue[] = [];
  withId(metadata, encodedId, () => {
    for (const position of touched) values[position] = indexValueAt(metadata, position, known);
  });
  const changes = sets.map((step) => codec.change(step.names, step.kind === "set" ? step.value : undefined, encodedId));
  changes.push(codec.hide(engine.hiddenAt(values, touched)));
  const operations = steps.flatMap((step) => operationOf(context, encodedId, step));
  return itemOf(context, encodedId, guard, ttl, changes, {
    objects: metadata.storage === "hash" ? [] : parentsOf(metadata, steps),
    values: [...touched].flatMap((position) => [position + 1, rememberedValue(metadata, position, values[position])]),
    whole: false,
    operations,
    fields: JSON.stringify(steps.map(({ path }) => path)),
  });
}

/** What becomes of a document as it was read. */
export interface Difference {
  /** The document as read. */
  readonly stored: StoredDocument;
  /** The entity it holds, or only when that was created and its version. */
  readonly before: Row;
  /** The entity it shall hold, validated. */
  readonly after: Row;
  /** The caller's wish. */
  readonly ttl?: Ttl | undefined;
  /** It is told as a save. */
  readonly saved?: boolean;
}

/**
 * The item that turns a document as it was read into an entity.
 *
 * @param context - the entity type.
 * @param encodedId - the entity's id as it stands in the key.
 * @param difference - the document and the entity.
 * @returns the item, which the script refuses when the document was changed meanwhile, and what it changes.
 * @throws ValidationError when a value cannot be stored or indexed exactly.
 */
export function differenceItem(
  context: TypeContext,
  encodedId: string,
  { stored, before, after, ttl, saved = false }: Difference,
): { readonly item: PatchItem; readonly change: DocumentChange } {
  const { metadata, codec, engine } = context;
  const values = withId(metadata, encodedId, () => indexValues(metadata, after));
  const change = codec.difference(stored, after, encodedId);
  const fields = changedFields(metadata, change);
  const touched = new Set(
    metadata.indexes.flatMap(({ path }, position) => (fields.some((field) => covers(field, path)) ? [position] : [])),
  );
  const { version } = metadata;
  const guard =
    version === undefined
      ? { fingerprint: fingerprintOf(stored) }
      : { version: before[version] as number, created: createdText(context, before) };
  const changes = [change, codec.hide(engine.hiddenAt(values, touched))];
  const item = itemOf(context, encodedId, guard, ttl, changes, {
    objects: [],
    values: values.flatMap((value, position) => [position + 1, rememberedValue(metadata, position, value)]),
    whole: true,
    operations: [],
    fields: JSON.stringify(fields),
    saved,
  });
  return { item, change };
}

// As the script finds it. A version alone would not tell an entity from one that was deleted and made anew meanwhile.
function createdText({ metadata, codec }: TypeContext, before: Row): string | undefined {
  const { createdAt, storage } = metadata;
  if (createdAt === undefined || before[createdAt] === undefined || before[createdAt] === null) return undefined;
  const text = codec.change([createdAt], before[createdAt], undefined).set[1] as string;
  return storage === "hash" ? text : `[${text}]`;
}

function changedFields(metadata: EntityMetadata, { set, absent }: DocumentChange): string[] {
  return [...set.filter((_, at) => at % 2 === 0), ...absent].map((place) => pathAt(metadata, place));
}

interface ItemParts {
  readonly objects: readonly string[];
  readonly values: readonly unknown[];
  readonly whole: boolean;
  readonly operations: readonly (readonly unknown[])[];
  /** Names of changed fields as JSON; empty when the entity itself does not change. */
  readonly fields: string;
  readonly saved?: boolean;
}

function itemOf(
  context: TypeContext,
  encodedId: string,
  { version, fingerprint, created = "", uncounted = false }: Guard,
  ttl: Ttl | undefined,
  changes: readonly DocumentChange[],
  { objects, values, whole, operations, fields, saved = false }: ItemParts,
): PatchItem {
  measureChanges(context, encodedId, changes);
  const [ttlMode, ttlValue] = ttlArguments(context.metadata, ttl);
  return [
    encodedId,
    uncounted ? "-" : version === undefined ? "" : String(version),
    fingerprint ?? "",
    ttlMode,
    ttlValue,
    changes.flatMap(({ set }) => set),
    changes.flatMap(({ absent }) => absent),
    changes.flatMap(({ mends }) => mends.flat()),
    objects,
    values,
    whole ? "1" : "",
    operations,
    fields,
    saved ? "save" : "update",
    created,
  ];
}

// Positions of the snapshot whose values follow from fields that are set.
function positionsOf({ indexes, uniques, ranked }: EntityMetadata, sets: readonly PatchStep[]): ReadonlySet<number> {
  const changed = (path: string): boolean => sets.some((step) => covers(step.path, path));
  const positions = [
    ...indexes.map(({ path }) => [path]),
    ...uniques.map(({ paths }) => paths),
    ...ranked.map(({ path }) => [path]),
  ];
  return new Set(positions.flatMap((paths, position) => (paths.some(changed) ? [position] : [])));
}

function parentsOf(metadata: EntityMetadata, steps: readonly PatchStep[]): string[] {
  const parents = steps.flatMap(({ names }) => (names.length > 1 ? [placeOf(metadata, names.slice(0, -1))] : []));
  return [...new Set(parents)];
}

function operationOf(context: TypeContext, encodedId: string, step: PatchStep): (readonly unknown[])[] {
  const { metadata, engine } = context;
  const { path, names, rules } = step;
  const place = placeOf(metadata, names);
  const held = metadata.indexes.flatMap((index, position) => (index.path === path ? [position] : []));
  const behind = metadata.indexes.length + metadata.uniques.length;
  const ranked = metadata.ranked.flatMap((field, at) => (field.path === path ? [behind + at] : []));
  const positions = [...held, ...ranked].map((position) => position + 1);
  switch (step.kind) {
    case "set":
    case "merge":
      return [];
    case "inc": {
      const { by, min, max } = step.value;
      const least = tightest(rules.bounds?.min, min, (left, right) => left > right);
      const greatest = tightest(rules.bounds?.max, max, (left, right) => left < right);
      return [["inc", place, String(by), ...least, ...greatest, positions]];
    }
    case "toggle":
      return [["toggle", place, positions]];
    case "pop":
      return [["pop", place, step.value, memberOf(context, held), positions]];
    case "push":
    case "addToSet":
    case "pull": {
      // As the list would be stored: checked, and each element in its stored form.
      const text = context.codec.change(names, step.value, encodedId).set[1] as string;
      const added = applySteps(metadata, {}, [{ ...step, kind: "set" } as PatchStep]);
      if (step.kind !== "pull") {
        withId(metadata, encodedId, () => held.map((position) => indexValueAt(metadata, position, added)));
      }
      return [[step.kind, place, JSON.parse(text) as unknown, memberOf({ metadata, engine }, held), positions]];
    }
  }
}

function memberOf({ metadata, engine }: Pick<TypeContext, "metadata" | "engine">, held: readonly number[]): string {
  for (const position of held) {
    const member = engine.termsMember(position);
    if (member !== undefined) return metadata.storage === "hash" ? member : jsonPath([member]);
  }
  return "";
}

function tightest(
  bound: { readonly value: number; readonly inclusive: boolean } | undefined,
  wish: number | bigint | undefined,
  tighter: (left: number, right: number) => boolean,
): [value: string, inclusive: string] {
  const value = wish === undefined ? undefined : Number(wish);
  if (bound === undefined) return [value === undefined ? "" : String(value), "1"];
  if (value !== undefined && tighter(value, bound.value)) return [String(value), "1"];
  return [String(bound.value), bound.inclusive ? "1" : "0"];
}

/**
 * The item that changes nothing but how long an entity lives.
 *
 * @param context - the entity type.
 * @param encodedId - the entity's id as it stands in the key.
 * @param ttl - how long, from now on.
 * @returns the item.
 * @throws ValidationError when the type has no `ttl`, or the value is not a time to come.
 */
export function expiryItem(context: TypeContext, encodedId: string, ttl: Ttl): PatchItem {
  const nothing = { objects: [], values: [], whole: false, operations: [], fields: "" };
  return itemOf(context, encodedId, { uncounted: true }, ttl, [], nothing);
}
