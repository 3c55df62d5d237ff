// Saving: input, validation, encoding, one script call, outcome.
// Nothing is sent for an input that fails; nothing is written for an entity whose checks fail.
import { indexValues, type IndexValue } from "../codec/term.ts";
import {
  CapabilityError,
  ConnectionError,
  EntityExistsError,
  isRemoraError,
  LockLostError,
  type RemoraError,
  UniqueViolationError,
  ValidationError,
  VersionConflictError,
} from "../errors.ts";
import { wrongType } from "../engines/documents.ts";
import { stampError } from "../engines/stamp.ts";
import type { Script, ScriptCall } from "../redis/command.ts";
import { decodeId, encodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { TypeContext } from "./context.ts";
import { completeId, knownId, settleId } from "./identify.ts";
import { encodeSized } from "./size.ts";
import { type Ttl, ttlArguments } from "./ttl.ts";
import { corruptVersion } from "./versions.ts";

/** Whether a save may meet an entity of the same id. */
export type SaveMode = "insert" | "save";

/** How an entity is stored that keeps version and timestamps: as a new one, or in the place of whatever is there. */
export type RestoreMode = "insert" | "replace";

/** An entity ready to be sent. */
export interface Prepared {
  readonly encodedId: string;
  readonly entity: Record<string, unknown>;
  readonly mode: SaveMode;
  /** The version the caller started from; undefined for a new entity or a type without versions. */
  readonly expected: number | undefined;
  /** The script's item, word by word. */
  readonly item: readonly string[];
  /** A JSON document's text, which goes beside the items, so that it is not written as JSON twice; else empty. */
  readonly text: string;
}

/** One in so many single saves sweeps for all of them. */
const singlesPerSweep = 8;

const mustBeNew = "0";
const whatever = "1";
const mustHaveVersion = "2";

/** An entity that fits its schema, and what must be there for it to be saved. */
export interface Valid extends Pick<Prepared, "entity" | "mode" | "expected"> {
  /** The script's word for what must be there. */
  readonly check: string;
}

/**
 * Validates an input, with its next version and its times.
 *
 * @param context - the entity type.
 * @param input - what the caller gave.
 * @param mode - insert or save.
 * @returns the entity as it will be stored.
 * @throws ValidationError naming entity, id and field.
 */
export function validated(context: TypeContext, input: unknown, mode: SaveMode): Valid {
  const { metadata, related } = context;
  const { source, given, expected } = complete(context, input, mode);
  // What a read brought along is no part of the entity; most schemas drop it anyway.
  if (!metadata.shape.strips) for (const name of related.graph.relationsOf(metadata.name).keys()) delete source[name];
  const entity = completed(metadata, source, given);
  const versioned = metadata.version !== undefined;
  const check =
    mode === "insert" || (versioned && expected === undefined) ? mustBeNew : versioned ? mustHaveVersion : whatever;
  return { entity, mode, expected, check };
}

/**
 * Validates an entity whose id may not be known before, and gives it its id.
 *
 * @param metadata - the entity type.
 * @param source - the entity, with its id or what stands in its place.
 * @param given - the id that the caller gave.
 * @returns the entity.
 * @throws ValidationError naming entity, id and field.
 */
export function completed(
  metadata: EntityMetadata,
  source: Record<string, unknown>,
  given: unknown,
): Record<string, unknown> {
  const { idField, derived } = metadata;
  const result = metadata.validate(source);
  if (!result.ok) throw invalid(metadata, { ...source, [idField]: given }, result.issues);
  settleId(metadata, result.value, given);
  const id = result.value[idField];
  // Functions that derive properties saw what stood in the id's place.
  if (derived.length === 0 || id === source[idField]) return result.value;
  return completed(metadata, { ...source, [idField]: id }, given);
}

/**
 * Validates and encodes an input.
 *
 * @param context - the entity type.
 * @param input - what the caller gave.
 * @param mode - insert or save.
 * @param ttl - the caller's wish.
 * @returns the entity as it will be stored, and the script's item.
 * @throws ValidationError naming entity, id and field.
 */
export function prepare(context: TypeContext, input: unknown, mode: SaveMode, ttl: Ttl | undefined): Prepared {
  return encoded(context, validated(context, input, mode), ttl);
}

/**
 * Encodes an entity that is stored as it is, version and timestamps included.
 *
 * @param context - the entity type.
 * @param entity - a validated entity.
 * @param mode - insert or replace.
 * @param ttl - the caller's wish.
 * @returns the entity, and the script's item.
 * @throws ValidationError naming entity, id and field.
 */
export function prepareRestored(
  context: TypeContext,
  entity: Record<string, unknown>,
  mode: RestoreMode,
  ttl: Ttl | undefined,
): Prepared {
  const check = mode === "insert" ? mustBeNew : whatever;
  const saved = mode === "insert" ? "insert" : "save";
  return encoded(context, { entity, mode: saved, expected: undefined, check }, ttl);
}

/**
 * Encodes an entity.
 *
 * @param context - the entity type.
 * @param valid - the entity.
 * @param ttl - the caller's wish.
 * @param fence - the number of the lock that it is saved under.
 * @returns it, and the script's item.
 * @throws ValidationError when a value cannot be stored or indexed exactly.
 */
export function encoded(
  context: TypeContext,
  { entity, mode, expected, check }: Valid,
  ttl: Ttl | undefined,
  fence?: number,
): Prepared {
  const { metadata, engine, layout } = context;
  const encodedId = encodeId(entity[metadata.idField], metadata.name);
  const values =
    metadata.indexes.length + metadata.uniques.length + metadata.ranked.length === 0
      ? noValues
      : withId(metadata, encodedId, () => indexValues(metadata, entity));
  const document = encodeSized(context, entity, encodedId, engine.hidden(values));
  const [ttlMode, ttlValue] = ttlArguments(metadata, ttl);
  const versioned = metadata.version !== undefined;
  const json = typeof document.body === "string";
  const item = ["", encodedId, check];
  if (versioned) item.push(expected === undefined ? "0" : String(expected));
  if (layout.snapshot !== undefined) item.push(snapshotOf(metadata, values));
  if (metadata.ttl !== undefined) item.push(ttlMode, ttlValue);
  if (metadata.fence) item.push(fence === undefined ? "" : String(fence));
  const extras = json ? document.mends.flat() : document.absent;
  item.push(String(extras.length));
  for (const word of extras) item.push(word);
  if (!json) for (const word of document.body) item.push(word);
  item[0] = String(item.length);
  return { encodedId, entity, mode, expected, item, text: json ? (document.body as string) : "" };
}

const noValues: readonly IndexValue[] = [];

/**
 * What the scripts remember of an entity, so that they can undo its index entries.
 *
 * @param metadata - the entity type.
 * @param values - what indexes and unique constraints hold for it.
 * @returns JSON text.
 */
export function snapshotOf(metadata: EntityMetadata, values: readonly IndexValue[]): string {
  return JSON.stringify(values.map((value, position) => rememberedValue(metadata, position, value)));
}

/**
 * What the scripts remember of one index or unique constraint.
 *
 * @param metadata - the entity type.
 * @param position - its position in the snapshot.
 * @param value - what it holds.
 * @returns the value; 0 is what the scripts take for an absent one.
 */
export function rememberedValue({ indexes }: EntityMetadata, position: number, value: IndexValue): unknown {
  // Of a native text no entry is kept, so that it counts only that there is one.
  return value !== undefined && indexes[position]?.kind === "native" ? "" : (value ?? 0);
}

function complete(
  { metadata, now: timeOf }: TypeContext,
  input: unknown,
  mode: SaveMode,
): { source: Record<string, unknown>; given: unknown; expected: number | undefined } {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw new ValidationError(`${metadata.name}: an entity must be an object`, { entity: metadata.name });
  }
  const source: Record<string, unknown> = { ...input };
  const given = source[metadata.idField];
  completeId(metadata, source);
  const { version, createdAt, updatedAt } = metadata;
  if (createdAt !== undefined || updatedAt !== undefined) {
    const now = timeOf();
    if (createdAt !== undefined) source[createdAt] ??= now;
    if (updatedAt !== undefined) source[updatedAt] = now;
  }
  if (version === undefined) return { source, given, expected: undefined };
  const before = source[version];
  if (mode === "insert" || before === undefined) {
    source[version] = 1;
    return { source, given, expected: undefined };
  }
  if (!Number.isSafeInteger(before) || (before as number) < 0 || (before as number) >= Number.MAX_SAFE_INTEGER) {
    throw new ValidationError(`${metadata.name}.${version}: a version is a whole number below 2^53 - 1`, {
      entity: metadata.name,
      id: String(source[metadata.idField]),
      field: version,
    });
  }
  source[version] = (before as number) + 1;
  return { source, given, expected: before as number };
}

/**
 * The error for an entity that does not fit its schema.
 *
 * @param metadata - the entity type.
 * @param source - the entity.
 * @param issues - what is wrong.
 * @returns the error.
 */
export function invalid(
  metadata: EntityMetadata,
  source: Record<string, unknown>,
  issues: ValidationError["issues"],
): ValidationError {
  const { name, idField } = metadata;
  const id = source[idField];
  const list = issues.map((issue) => `${issue.path.join(".") || "(entity)"}: ${issue.message}`).join("; ");
  const who = typeof id === "string" ? `${name} ${JSON.stringify(id.slice(0, 64))}` : name;
  return new ValidationError(`${who} does not fit the schema: ${list}`, {
    entity: name,
    id: typeof id === "string" ? id : undefined,
    field: issues[0]?.path.join("."),
    issues,
  });
}

/**
 * Adds the id to errors of the indexes, which know the field only.
 *
 * @param metadata - the entity type.
 * @param encodedId - the entity's id as it stands in keys.
 * @param work - what may fail.
 * @returns what it gave.
 */
export function withId<T>(metadata: EntityMetadata, encodedId: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isRemoraError(error, "VALIDATION")) throw error;
    throw new ValidationError(error.message, {
      entity: metadata.name,
      id: decodeId(encodedId),
      field: error.field,
      issues: error.issues,
    });
  }
}

/**
 * The script call that saves some entities.
 *
 * @param context - the entity type.
 * @param prepared - entities with distinct ids.
 * @param items - the script's item of each, as JSON.
 * @returns the call.
 */
export function saveManyCall(
  context: TypeContext,
  prepared: readonly Prepared[],
  items: readonly string[],
): ScriptCall {
  const { layout, fixedKeys, scripts } = context;
  const texts = layout.metadata.storage === "hash" ? [] : prepared.map(({ text }) => text);
  return {
    script: scripts.save,
    keys: [...fixedKeys, ...prepared.map(({ encodedId }) => layout.documents + encodedId)],
    args: [sweepLimit(context, prepared.length), askRights(context, scripts.save), payload(items), ...texts],
    ...context.identity,
  };
}

/**
 * Whether a writing script shall look at the user's rights first: until it ran to its end once.
 *
 * @param context - the entity type.
 * @param script - the script.
 * @returns the script's argument.
 */
export function askRights(context: TypeContext, script: Script): string {
  return context.allowed.has(script) ? "0" : "1";
}

/**
 * The error for a user who may not run what a script needs.
 *
 * @param context - the entity type.
 * @param command - the forbidden command.
 * @returns the error.
 */
export function forbidden({ metadata }: TypeContext, command: string): CapabilityError {
  return new CapabilityError(
    `${metadata.name}: the user may not run ${command} on the type's keys; nothing was changed: grant the commands listed in the docs`,
    { entity: metadata.name },
  );
}

// One flat array of all items. Item by item: one string beyond Latin-1 would make the joined text slower to write.
function payload(items: readonly string[]): Buffer {
  let size = 1;
  for (const item of items) size += Buffer.byteLength(item) - 1;
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const item of items) {
    bytes[at] = at === 0 ? 0x5b : 0x2c;
    at += 1 + bytes.write(item.slice(1, -1), at + 1);
  }
  bytes[at] = 0x5d;
  return bytes;
}

/**
 * How many dead entities a save forgets: twice as many as it saves; single saves take turns, since looking costs as much as
 * saving.
 *
 * @param context - the entity type.
 * @param saved - how many are saved.
 * @returns the script's argument.
 */
export function sweepLimit({ layout, sweeps }: TypeContext, saved: number): string {
  if (layout.expiry === undefined) return "0";
  if (saved > 1) return String(2 * saved);
  sweeps.count = (sweeps.count + 1) % singlesPerSweep;
  return sweeps.count === 1 ? String(2 * singlesPerSweep) : "0";
}

/**
 * Reads the save script's reply.
 *
 * @param context - the entity type.
 * @param prepared - the entities of the call.
 * @param reply - the list of failures.
 * @returns one error per entity that was not saved, undefined or nothing for the others.
 */
export function saveErrors(
  context: TypeContext,
  prepared: readonly Prepared[],
  answer: unknown,
): (RemoraError | undefined)[] {
  const errors: (RemoraError | undefined)[] = [];
  const reply = numbered(context.metadata, prepared, answer);
  // 0 says that everything was saved.
  if (!Array.isArray(reply)) {
    context.allowed.add(context.scripts.save);
    return errors;
  }
  errors.length = prepared.length;
  const failures = reply as [position: number, code: string, first: string, second: string][];
  for (const [position, code, first, second] of failures) {
    if (position === 0)
      return errors.fill(code === "STAMP" ? stampError(context.layout, first) : forbidden(context, first));
    errors[position - 1] = saveError(context, prepared[position - 1] as Prepared, code, first, second);
  }
  return errors;
}

// Entities whose ids were left to the script get them.
function numbered({ idField }: EntityMetadata, prepared: readonly Prepared[], reply: unknown): unknown {
  if (!Array.isArray(reply) || reply[0] !== "IDS") return reply;
  const [, failures, ids] = reply as [string, unknown, readonly string[]];
  for (const [at, { entity }] of prepared.entries()) if (ids[at] !== "") entity[idField] = ids[at];
  return failures;
}

// One whose id the script would have given has none.
function calledIn(name: string, id: string | undefined): string {
  return id === undefined ? `a new ${name}` : `${name} ${JSON.stringify(id)}`;
}

/**
 * The error for an entity that was not saved.
 *
 * @param context - the entity type.
 * @param prepared - the entity.
 * @param code - the script's word for the reason.
 * @param first - what belongs to it: a version, or the name of a constraint.
 * @param second - whose a unique value is.
 * @returns the error.
 */
export function saveError(
  context: TypeContext,
  prepared: Pick<Prepared, "encodedId" | "mode" | "expected">,
  code: string,
  first: string,
  second: string,
): RemoraError {
  const { name, version } = context.metadata;
  const id = knownId(prepared.encodedId);
  const who = calledIn(name, id);
  const details = { entity: name, id };
  switch (code) {
    case "EXISTS":
      if (prepared.mode === "insert") return new EntityExistsError(`${who} exists already`, details);
      return new VersionConflictError(
        `${who} exists already, at version ${first}, but was saved without a version; read it first`,
        { ...details, field: version, expected: null, actual: Number(first) },
      );
    case "VERSION": {
      const actual = first === "" ? null : Number(first);
      const found = actual === null ? "it no longer exists" : `version ${actual} is stored`;
      return new VersionConflictError(
        `${who} was saved from version ${prepared.expected}, but ${found}; read it again`,
        {
          ...details,
          field: version,
          expected: prepared.expected ?? null,
          actual,
        },
      );
    }
    case "UNIQUE":
      return uniqueError(context.metadata, id, first, second);
    case "FENCE":
      return new LockLostError(
        `${who} was saved meanwhile under fence ${first}, by a later holder of the lock; nothing was written: stop the work`,
        { ...details, newerFence: Number(first) },
      );
    case "NOVERSION":
      return corruptVersion(context.metadata, decodeId(prepared.encodedId));
    case "TYPE":
      return wrongType(context.layout, decodeId(prepared.encodedId));
    default:
      return new ConnectionError(`${who}: the save script answered ${code}`, details);
  }
}

/**
 * The error for a unique value that belongs to another entity.
 *
 * @param metadata - the entity type.
 * @param id - the entity that was refused; undefined for a new one whose id the script would have given.
 * @param unique - name of the constraint.
 * @param holder - id of the one that has the value, as it stands in keys.
 * @returns the error.
 */
export function uniqueError(
  { name, uniques }: EntityMetadata,
  id: string | undefined,
  unique: string,
  holder: string,
): UniqueViolationError {
  const paths = uniques.find((one) => one.name === unique)?.paths ?? [];
  const holderId = decodeId(holder);
  const who = calledIn(name, id);
  return new UniqueViolationError(
    `${who}: ${paths.join(", ")} (unique ${unique}) belongs to ${JSON.stringify(holderId)}`,
    { entity: name, id, field: paths[0], unique, holderId },
  );
}
