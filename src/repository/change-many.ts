// Bulk patches and deletions: chunks of the patch and the delete script.
// Patches that a script cannot make are made one entity at a time, a few at once.
import { wrongType } from "../engines/documents.ts";
import { isRemoraError, type RemoraError, ValidationError } from "../errors.ts";
import type { PatchPlan } from "../codec/patch/plan.ts";
import { decodeId, encodeId } from "../schema/key.ts";
import {
  type BulkCallOptions,
  type BulkOutcomes,
  type BulkRun,
  type BulkSource,
  chunkAttempt,
  type FailedOutcome,
  type Ready,
  runBulk,
} from "./bulk.ts";
import type { TypeContext } from "./context.ts";
import { inFlight } from "./flight.ts";
import { afterDelete, afterSave, failureOf } from "./hooks.ts";
import type { Note } from "./observe.ts";
import { directItem, type PatchItem } from "./patch-item.ts";
import { commonHome, homeOf, perPartition } from "./partitions.ts";
import { forgetCall, sendRemoval } from "./remove.ts";
import { deleteOne } from "./soft-delete.ts";
import type { Ttl } from "./ttl.ts";
import { type PatchOutcome, planUpdate, sendItems, updateByReading } from "./update.ts";
import { versionConflict } from "./versions.ts";

/** One patch of many. */
export interface PatchEntry<P> {
  /** The entity's id. */
  readonly id: string;
  /** Dotted path to new value or operator. */
  readonly patch: P;
  /** The version that must be stored; any when left out. */
  readonly ifVersion?: number;
}

/** An entity of a bulk patch that was changed. */
export interface PatchedOutcome {
  /** The entity was changed. */
  readonly ok: true;
  /** Its id. */
  readonly id: string;
}

/** What became of one entity of a bulk patch. */
export type PatchManyOutcome = PatchedOutcome | FailedOutcome;

/** What became of a bulk patch. */
export interface PatchManyResult extends BulkOutcomes<PatchedOutcome> {
  /** How many were changed. */
  readonly patched: number;
}

/** What a bulk patch accepts. */
export interface PatchManyOptions extends BulkCallOptions {
  /** How long the entities live from now on; what the definition's `onUpdate` says when left out. */
  readonly ttl?: Ttl;
}

/** An id of a bulk deletion that is no longer there. */
export interface DeletedOutcome {
  /** There is no such entity any more. */
  readonly ok: true;
  /** Its id. */
  readonly id: string;
  /** Whether there was one. */
  readonly deleted: boolean;
}

/** What became of one id of a bulk deletion. */
export type DeleteManyOutcome = DeletedOutcome | FailedOutcome;

/** What became of a bulk deletion. */
export interface DeleteManyResult extends BulkOutcomes<DeletedOutcome> {
  /** How many there were; ids of nobody do not count. */
  readonly deleted: number;
}

/** Entities that are read and written one by one, at once in each chunk. */
const readingAtOnce = 8;

/** A patch, with the script's item where the script can make it. */
interface PlannedPatch {
  readonly encodedId: string;
  readonly id: string;
  readonly plan: PatchPlan;
  readonly ifVersion: number | undefined;
  readonly item: PatchItem | undefined;
}

/**
 * Patches many entities.
 *
 * @param context - the entity type.
 * @param entries - any number of ids and patches.
 * @param options - ttl, chunking, deadline and signal.
 * @param onOutcome - told of outcomes in order; they are kept when it is left out.
 * @param note - told of what is sent.
 * @returns one outcome per entry.
 */
export function patchMany(
  context: TypeContext,
  entries: BulkSource<PatchEntry<unknown>>,
  options: PatchManyOptions,
  onOutcome: ((outcome: PatchManyOutcome, index: number) => void) | undefined,
  note: Note,
): Promise<BulkRun<PatchManyOutcome>> {
  const work = {
    operation: "patchMany",
    prepare: (entry: PatchEntry<unknown>) => planned(context, entry, options.ttl),
    send: (units: readonly PlannedPatch[]) => sendPatches(context, units, options, note),
    failed,
  };
  return runBulk(context, entries, work, options, onOutcome);
}

const failed = (error: RemoraError): FailedOutcome => ({ ok: false, error });

/**
 * Checks that an entry of a bulk patch is one.
 *
 * @param context - the entity type.
 * @param entry - what the caller gave.
 * @throws ValidationError when it is none.
 */
export function checkEntry({ metadata: { name } }: TypeContext, entry: unknown): void {
  if (typeof entry === "object" && entry !== null && "id" in entry && "patch" in entry) return;
  throw new ValidationError(`${name}: patchMany takes objects with an id and a patch`, { entity: name });
}

function planned(context: TypeContext, entry: PatchEntry<unknown>, ttl: Ttl | undefined): Ready<PlannedPatch> {
  checkEntry(context, entry);
  const { id, patch, ifVersion } = entry;
  const encodedId = encodeId(id, context.metadata.name);
  const plan = planUpdate(context, id, patch, ifVersion);
  // A hook that may change the entity has to see it first.
  const direct = plan.direct && context.metadata.hooks?.beforeSave === undefined;
  const item = direct ? directItem(context, encodedId, plan, { version: ifVersion }, ttl) : undefined;
  const bytes = item === undefined ? 0 : JSON.stringify(item).length;
  return { unit: { encodedId, id, plan, ifVersion, item }, encodedId, bytes };
}

async function sendPatches(
  context: TypeContext,
  units: readonly PlannedPatch[],
  options: PatchManyOptions,
  note: Note,
): Promise<PatchManyOutcome[]> {
  const { metadata } = context;
  const outcomes: PatchManyOutcome[] = units.map(({ id }) => ({ ok: true, id }));
  const direct = units.flatMap(({ item }, at) => (item === undefined ? [] : [{ item, at }]));
  const reading = new Set(units.flatMap(({ item }, at) => (item === undefined ? [at] : [])));
  if (direct.length > 0) {
    const items = direct.map(({ item }) => item);
    const attempt = chunkAttempt(context, "patchMany", options);
    const wanted = metadata.hooks?.afterSave !== undefined;
    let replies: readonly PatchOutcome[] = [];
    try {
      replies = await sendItems(context, items, wanted, attempt, note);
    } catch (error) {
      // What befell the call says nothing of those that are read first.
      if (!isRemoraError(error)) throw error;
      for (const { at } of direct) outcomes[at] = failed(error);
    }
    for (const [position, reply] of replies.entries()) {
      const at = direct[position]?.at as number;
      const { id, ifVersion } = units[at] as PlannedPatch;
      if (reply.kind === "unread") reading.add(at);
      if (reply.kind === "failed") outcomes[at] = failed(reply.error);
      if (reply.kind === "conflict") {
        outcomes[at] = failed(versionConflict(metadata, id, "changed", ifVersion, reply.version));
      }
      if (reply.kind !== "done" || reply.stored === undefined) continue;
      const { stored } = reply;
      const tell = (): Promise<void> => afterSave(metadata, context.codec.decode(stored, id), "update");
      // eslint-disable-next-line no-await-in-loop -- hooks run one after another
      const error = await failureOf(metadata, "afterSave", async () => tell());
      if (error !== undefined) outcomes[at] = failed(error);
    }
  }
  await inFlight(reading, readingAtOnce, async (at) => {
    const { encodedId, plan, ifVersion } = units[at] as PlannedPatch;
    const { signal: _, ...rest } = options;
    const patch = { ...rest, ...(ifVersion === undefined ? {} : { ifVersion }) };
    const error = await failureOf(metadata, "beforeSave", () =>
      updateByReading(homeOf(context, encodedId), encodedId, plan, patch, note),
    );
    if (error !== undefined) outcomes[at] = failed(error);
  });
  return outcomes;
}

/**
 * Deletes many entities.
 *
 * @param context - the entity type.
 * @param ids - any number of ids.
 * @param options - chunking, deadline and signal.
 * @param onOutcome - told of outcomes in order; they are kept when it is left out.
 * @param note - told of what is sent.
 * @returns one outcome per id.
 */
export function deleteMany(
  context: TypeContext,
  ids: BulkSource<string>,
  options: BulkCallOptions,
  onOutcome: ((outcome: DeleteManyOutcome, index: number) => void) | undefined,
  note: Note,
): Promise<BulkRun<DeleteManyOutcome>> {
  const work = {
    operation: "deleteMany",
    prepare(id: string): Ready<string> {
      const encodedId = encodeId(id, context.metadata.name);
      return { unit: encodedId, encodedId, bytes: encodedId.length };
    },
    send: (encodedIds: readonly string[]) => deleteChunk(context, encodedIds, options, note),
    failed,
  };
  return runBulk(context, ids, work, options, onOutcome);
}

// Whoever has to see an entity before it goes, or what refers to it, or marks it only, takes one at a time.
async function deleteChunk(
  context: TypeContext,
  encodedIds: readonly string[],
  options: BulkCallOptions,
  note: Note,
): Promise<DeleteManyOutcome[]> {
  const { metadata } = context;
  const { hooks } = metadata;
  const ruled = context.related.graph.isRuled(metadata.name);
  if (!ruled && metadata.softDelete === undefined && hooks?.beforeDelete === undefined) {
    const outcomes = await sendDeletions(context, encodedIds, false, options, note);
    return hooks?.afterDelete === undefined ? outcomes : toldOf(context, outcomes);
  }
  const { deadline } = options;
  const outcomes: DeleteManyOutcome[] = [];
  await inFlight(encodedIds, readingAtOnce, async (encodedId, at) => {
    let deleted = false;
    const error = await failureOf(metadata, "beforeDelete", async () => {
      deleted = await deleteOne(
        homeOf(context, encodedId),
        encodedId,
        deadline === undefined ? {} : { deadline },
        note,
      );
    });
    outcomes[at] = error === undefined ? { ok: true, id: decodeId(encodedId), deleted } : failed(error);
  });
  return outcomes;
}

async function toldOf({ metadata }: TypeContext, outcomes: DeleteManyOutcome[]): Promise<DeleteManyOutcome[]> {
  for (const [at, outcome] of outcomes.entries()) {
    if (!outcome.ok || !outcome.deleted) continue;
    // eslint-disable-next-line no-await-in-loop -- hooks run one after another
    const error = await failureOf(metadata, "afterDelete", () => afterDelete(metadata, outcome.id));
    if (error !== undefined) outcomes[at] = failed(error);
  }
  return outcomes;
}

/**
 * Deletes some entities in one script call, and runs no hooks.
 *
 * @param context - the entity type.
 * @param encodedIds - their ids as they stand in keys.
 * @param together - whether all or none shall go.
 * @param options - deadline.
 * @param note - told of what is sent.
 * @returns one outcome per id; when all or none shall go and a key holds something else, only those of such keys say so.
 */
export async function sendDeletions(
  context: TypeContext,
  encodedIds: readonly string[],
  together: boolean,
  options: BulkCallOptions,
  note: Note,
): Promise<DeleteManyOutcome[]> {
  const send = async (home: TypeContext, own: readonly string[]): Promise<DeleteManyOutcome[]> => {
    const call = forgetCall(home, home.scripts.remove, own, together ? ["", "1"] : []);
    note([call], own.length);
    const removed = await sendRemoval(home, call, chunkAttempt(home, "deleteMany", options));
    return own.map((encodedId, at) => {
      const id = decodeId(encodedId);
      return removed[at] === -1 ? failed(wrongType(home.layout, id)) : { ok: true, id, deleted: removed[at] === 1 };
    });
  };
  if (together) return send(commonHome(context, encodedIds, "deleteMany with atomic"), encodedIds);
  return [...(await perPartition(context, encodedIds, (id) => id, send, failed))];
}
