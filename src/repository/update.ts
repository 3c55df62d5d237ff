// Changing stored entities: by a patch in one script call, or by reading, changing and writing what is different.
// Whoever reads first writes only what nobody changed meanwhile, and begins again when somebody did.
import { applySteps, outOfBounds } from "../codec/patch/apply.ts";
import { patchError, type PatchPlan, planPatch } from "../codec/patch/plan.ts";
import { pathAt } from "../codec/place.ts";
import type { StoredDocument } from "../codec/stored.ts";
import { wrongType } from "../engines/documents.ts";
import { stampError } from "../engines/stamp.ts";
import {
  ConnectionError,
  DeadlineError,
  EntityNotFoundError,
  type RemoraError,
  ValidationError,
  VersionConflictError,
} from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { ReplyFailure, type ScriptCall } from "../redis/command.ts";
import type { RunOptions } from "../redis/executor.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { afterSave, beforeSave } from "./hooks.ts";
import { callOptions } from "./load.ts";
import { perPartition } from "./partitions.ts";
import { settleId } from "./identify.ts";
import type { Note } from "./observe.ts";
import { differenceItem, directItem, type PatchItem } from "./patch-item.ts";
import { defaultBackoff, defaultRetries, patchRetries, pauseBeforeRetry } from "./retry.ts";
import { askRights, forbidden, invalid, uniqueError } from "./save.ts";
import type { Ttl } from "./ttl.ts";
import { corruptVersion, expectVersion, requireVersion, versionConflict } from "./versions.ts";

type Row = Record<string, unknown>;

/** What `update` accepts. */
export interface UpdateOptions extends CallOptions {
  /** The version that must be stored; any when left out. */
  readonly ifVersion?: number;
  /** How long the entity lives from now on; what the definition's `onUpdate` says when left out. */
  readonly ttl?: Ttl;
  /** Give the changed entity back, in the same round trip. */
  readonly returning?: boolean;
}

/** What `modify` accepts. */
export interface ModifyOptions extends CallOptions {
  /** How often to begin again when others changed the entity meanwhile; 10 when left out. */
  readonly retries?: number;
  /** How long to wait before the first retry, in milliseconds, twice as long each time; 5 when left out. */
  readonly backoff?: number;
  /** How long the entity lives from now on; what the definition's `onUpdate` says when left out. */
  readonly ttl?: Ttl;
}

/** What became of one item. */
export type PatchOutcome =
  | { readonly kind: "done"; readonly stored: StoredDocument | undefined }
  /** Somebody changed the document meanwhile; the version now stored, where there is one. */
  | { readonly kind: "conflict"; readonly version: number | undefined }
  /** The script leaves it to whoever reads first. */
  | { readonly kind: "unread" }
  | { readonly kind: "failed"; readonly error: RemoraError };

/**
 * Changes one entity by a patch.
 *
 * @param context - the entity type.
 * @param encodedId - its id as it stands in the key.
 * @param patch - what the caller gave.
 * @param options - version, ttl, returning, deadline and signal.
 * @param note - told of what is sent.
 * @returns the changed entity, where it was asked for.
 */
export async function updateOne(
  context: TypeContext,
  encodedId: string,
  patch: unknown,
  options: UpdateOptions,
  note: Note,
): Promise<Row | undefined> {
  const { metadata, codec } = context;
  const id = decodeId(encodedId);
  const { ifVersion, ttl, returning = false } = options;
  const plan = planUpdate(context, id, patch, ifVersion);
  const { hooks } = metadata;
  // A hook that may change the entity has to see it first.
  if (plan.direct && hooks?.beforeSave === undefined) {
    const item = directItem(context, encodedId, plan, { version: ifVersion }, ttl);
    const wanted = returning || hooks?.afterSave !== undefined;
    const [outcome] = await sendItems(context, [item], wanted, attemptOf(context, "update", options, id), note);
    if (outcome?.kind === "failed") throw outcome.error;
    if (outcome?.kind === "conflict") throw versionConflict(metadata, id, "changed", ifVersion, outcome.version);
    if (outcome?.kind === "done") {
      if (outcome.stored === undefined) return undefined;
      const entity = codec.decode(outcome.stored, id);
      await afterSave(metadata, entity, "update");
      return entity;
    }
  }
  return updateByReading(context, encodedId, plan, options, note);
}

/**
 * Plans the patch of one entity.
 *
 * @param context - the entity type.
 * @param id - the entity's id.
 * @param patch - what the caller gave.
 * @param ifVersion - the version that must be stored.
 * @returns the plan.
 * @throws ValidationError when the patch does not fit the schema, or the type has no version.
 */
export function planUpdate(
  { metadata, now }: TypeContext,
  id: string,
  patch: unknown,
  ifVersion: number | undefined,
): PatchPlan {
  if (ifVersion !== undefined) requireVersion(metadata, id);
  return planPatch(metadata, patch, id, now);
}

/**
 * Makes a patch that a script cannot: by reading, changing and writing, until nobody comes between.
 *
 * @param context - the entity type.
 * @param encodedId - the entity's id as it stands in the key.
 * @param plan - the patch.
 * @param options - version, ttl, deadline and signal.
 * @param note - told of what is sent.
 * @returns the changed entity.
 */
export async function updateByReading(
  context: TypeContext,
  encodedId: string,
  plan: PatchPlan,
  options: UpdateOptions,
  note: Note,
): Promise<Row> {
  const { metadata } = context;
  const id = decodeId(encodedId);
  const change = (entity: Row): unknown =>
    beforeSave(metadata, patched(context, plan, id, entity, options.ifVersion), "update");
  const changed = await changeOne(context, encodedId, change, "update", { ...options, retries: patchRetries }, note);
  await afterSave(metadata, changed, "update");
  return changed;
}

/**
 * Changes one entity by a function.
 *
 * @param context - the entity type.
 * @param encodedId - its id as it stands in the key.
 * @param change - from the entity to what it shall be; may be called several times.
 * @param options - retries, backoff, ttl, deadline for all of it, and signal.
 * @param note - told of what is sent.
 * @returns the changed entity.
 */
export async function modifyOne(
  context: TypeContext,
  encodedId: string,
  change: (entity: Row) => unknown,
  options: ModifyOptions,
  note: Note,
): Promise<Row> {
  const { metadata } = context;
  const hooked = async (entity: Row): Promise<unknown> => beforeSave(metadata, await change(entity), "modify");
  const changed = await changeOne(context, encodedId, hooked, "modify", options, note);
  await afterSave(metadata, changed, "modify");
  return changed;
}

function patched(
  context: TypeContext,
  { steps }: PatchPlan,
  id: string,
  entity: Row,
  ifVersion: number | undefined,
): Row {
  const { metadata } = context;
  return applySteps(metadata, expectVersion(metadata, id, "changed", entity, ifVersion), steps, id);
}

/**
 * Reads an entity, has it changed, and writes what is different; again from the start when others came between.
 *
 * @param context - the entity type.
 * @param encodedId - its id as it stands in the key.
 * @param change - from the entity to what it shall be; may be called several times.
 * @param operation - what is being done, for errors.
 * @param options - retries, backoff, ttl, deadline for all of it, and signal.
 * @param note - told of what is sent.
 * @returns the changed entity.
 * @throws EntityNotFoundError when there is none.
 * @throws VersionConflictError when others came between each time.
 */
export async function changeOne(
  context: TypeContext,
  encodedId: string,
  change: (entity: Row) => unknown,
  operation: string,
  options: ModifyOptions,
  note: Note,
): Promise<Row> {
  const { codec } = context;
  const { retries = defaultRetries, backoff = defaultBackoff, signal } = options;
  const id = decodeId(encodedId);
  const end = performance.now() + (options.deadline ?? context.executor.defaultDeadline);
  for (let tries = 0; ; tries += 1) {
    const deadline = remaining(context, end, operation, id);
    const attempt = attemptOf(context, operation, { ...options, deadline }, id);
    // eslint-disable-next-line no-await-in-loop -- each try begins with what the one before left
    const stored = await readStored(context, encodedId, attempt, note);
    const before = codec.decode(stored, id);
    // What the change does to its entity must not blur what was read.
    // eslint-disable-next-line no-await-in-loop
    const after = complete(context, id, before, await change(codec.decode(stored, id)));
    const { item } = differenceItem(context, encodedId, { stored, before, after, ttl: options.ttl });
    // eslint-disable-next-line no-await-in-loop
    const [outcome] = await sendItems(context, [item], false, attempt, note);
    if (outcome?.kind === "done") return after;
    if (outcome?.kind === "failed") throw outcome.error;
    if (tries >= retries) {
      throw new VersionConflictError(
        `${who(context, id)} was changed by others ${tries + 1} times while it was being changed; try again later`,
        { entity: context.metadata.name, id, field: context.metadata.version, expected: null, actual: null },
      );
    }
    // eslint-disable-next-line no-await-in-loop
    await pauseBeforeRetry(tries, backoff, signal, (cause) => late(context, operation, id, "the signal fired", cause));
  }
}

/**
 * What is left of an operation's time.
 *
 * @param context - the entity type.
 * @param end - when it is over, in milliseconds of the performance clock.
 * @param operation - what is being done, for errors.
 * @param id - the entity's id.
 * @returns milliseconds.
 * @throws DeadlineError when nothing is left.
 */
export function remaining(context: TypeContext, end: number, operation: string, id: string): number {
  const left = end - performance.now();
  if (left > 0) return left;
  throw late(context, operation, id, "the deadline passed", undefined);
}

/**
 * The error for an operation that ended between two tries.
 *
 * @param context - the entity type.
 * @param operation - what was being done.
 * @param id - the entity's id.
 * @param reason - what ended it.
 * @param cause - the lower-level error.
 * @returns the error.
 */
export function late(
  context: TypeContext,
  operation: string,
  id: string,
  reason: string,
  cause: unknown,
): DeadlineError {
  const { name } = context.metadata;
  return new DeadlineError(`${operation} of ${who(context, id)}: ${reason} between two tries`, {
    entity: name,
    id,
    cause,
  });
}

async function readStored(
  context: TypeContext,
  encodedId: string,
  attempt: RunOptions,
  note: Note,
): Promise<StoredDocument> {
  const { reader, executor } = context;
  const request = reader.one(encodedId);
  note([request], 0);
  const stored = reader.readOne(await executor.one(request, { ...attempt, write: false }));
  if (stored === undefined || stored instanceof ReplyFailure) throw notFound(context, decodeId(encodedId));
  return stored;
}

/**
 * Makes what is to be stored of what a change gave: validated, with the next version and a new time.
 *
 * @param context - the entity type.
 * @param id - the entity's id.
 * @param before - the entity as it was.
 * @param changed - what the change gave.
 * @returns the entity.
 * @throws ValidationError when it does not fit the schema, or changed what never changes.
 */
export function complete({ metadata, now }: TypeContext, id: string, before: Row, changed: unknown): Row {
  const { name, idField, version, updatedAt } = metadata;
  if (typeof changed !== "object" || changed === null || Array.isArray(changed)) {
    throw new ValidationError(`${name} ${JSON.stringify(id)}: a change must give the entity back`, {
      entity: name,
      id,
    });
  }
  const source: Row = { ...changed };
  if (source[idField] !== undefined && source[idField] !== id) {
    throw new ValidationError(`${name} ${JSON.stringify(id)}: the id of an entity never changes`, {
      entity: name,
      id,
      field: idField,
    });
  }
  source[idField] = id;
  if (version !== undefined) source[version] = (before[version] as number) + 1;
  if (updatedAt !== undefined) source[updatedAt] = now();
  const result = metadata.validate(source);
  if (!result.ok) throw invalid(metadata, source, result.issues);
  settleId(metadata, result.value, id);
  return result.value;
}

/**
 * Sends items of distinct entities to the patch script.
 *
 * @param context - the entity type.
 * @param items - the items.
 * @param returning - whether to give the documents back.
 * @param attempt - what it is, for errors and deadlines.
 * @param note - told of what is sent.
 * @returns what became of each.
 * @throws CapabilityError when the user lacks a right; nothing was changed.
 * @throws IndexNotReadyError when stored data is laid out for another definition, or is being rebuilt.
 */
export function sendItems(
  context: TypeContext,
  items: readonly PatchItem[],
  returning: boolean,
  attempt: RunOptions,
  note: Note,
): Promise<readonly PatchOutcome[]> {
  const send = (home: TypeContext, own: readonly PatchItem[]): Promise<PatchOutcome[]> =>
    sendOwn(home, own, returning, attempt, note);
  const failed = (error: RemoraError): PatchOutcome => ({ kind: "failed", error });
  return perPartition(context, items, (item) => String(item[0]), send, failed);
}

async function sendOwn(
  context: TypeContext,
  items: readonly PatchItem[],
  returning: boolean,
  attempt: RunOptions,
  note: Note,
): Promise<PatchOutcome[]> {
  const { layout, fixedKeys, scripts, codec } = context;
  const fingerprinted = returning || items.some((item) => item[2] !== "");
  const call: ScriptCall = {
    script: scripts.patch,
    keys: [...fixedKeys, ...items.map((item) => layout.documents + String(item[0]))],
    args: [
      askRights(context, scripts.patch),
      JSON.stringify(items),
      fingerprinted ? JSON.stringify(codec.fields) : "[]",
      returning ? "1" : "",
    ],
    ...context.identity,
  };
  note([call], items.length);
  const [failures, ...documents] = (await context.executor.one(call, attempt)) as [unknown, ...unknown[]];
  const outcomes: PatchOutcome[] = items.map((_, at) => ({
    kind: "done",
    stored: documents[at] as StoredDocument | undefined,
  }));
  if (!Array.isArray(failures)) {
    context.allowed.add(scripts.patch);
    return outcomes;
  }
  for (const [position, code, first, second] of failures as [number, string, string, string][]) {
    if (position === 0) throw code === "STAMP" ? stampError(layout, first) : forbidden(context, first);
    outcomes[position - 1] = outcomeOf(context, decodeId(String(items[position - 1]?.[0])), code, first, second);
  }
  return outcomes;
}

function outcomeOf(context: TypeContext, id: string, code: string, first: string, second: string): PatchOutcome {
  const { metadata, layout } = context;
  const failed = (error: RemoraError): PatchOutcome => ({ kind: "failed", error });
  switch (code) {
    case "CHANGED":
      return { kind: "conflict", version: undefined };
    case "VERSION":
      return { kind: "conflict", version: Number(first) };
    case "READ":
      return { kind: "unread" };
    case "MISSING":
      return failed(notFound(context, id));
    case "TYPE":
      return failed(wrongType(layout, id));
    case "NOVERSION":
      return failed(corruptVersion(metadata, id));
    case "RANGE": {
      const path = pathAt(metadata, first);
      return failed(patchError(metadata, id, [{ path: path.split("."), message: outOfBounds(path, second) }]));
    }
    case "UNIQUE":
      return failed(uniqueError(metadata, id, first, second));
    default:
      return failed(
        new ConnectionError(`${who(context, id)}: the patch script answered ${code}`, { entity: metadata.name, id }),
      );
  }
}

/**
 * What the sending of a write is, for errors and deadlines.
 *
 * @param context - the entity type.
 * @param operation - what the caller asked for.
 * @param options - deadline and signal.
 * @param id - the entity's id.
 * @returns the attempt.
 */
export function attemptOf(
  { metadata }: TypeContext,
  operation: string,
  options: CallOptions,
  id: string | undefined,
): RunOptions {
  return { operation, write: true, entity: metadata.name, id, ...callOptions(options) };
}

function who({ metadata }: TypeContext, id: string): string {
  return `${metadata.name} ${JSON.stringify(id)}`;
}

function notFound(context: TypeContext, id: string): EntityNotFoundError {
  return new EntityNotFoundError(`${who(context, id)} does not exist`, { entity: context.metadata.name, id });
}
