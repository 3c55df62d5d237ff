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
import type { Note } from "./observe.ts";
import { directItem, type PatchItem } from "./patch-item.ts";
import { forgetCall, sendRemoval } from "./remove.ts";
import type { Ttl } from "./ttl.ts";
import { planUpdate, sendItems, updateByReading, versionConflict } from "./update.ts";

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
  const item = plan.direct ? directItem(context, encodedId, plan, { version: ifVersion }, ttl) : undefined;
  const bytes = item === undefined ? 0 : JSON.stringify(item).length;
  return { unit: { encodedId, id, plan, ifVersion, item }, encodedId, bytes };
}

async function sendPatches(
  context: TypeContext,
  units: readonly PlannedPatch[],
  options: PatchManyOptions,
  note: Note,
): Promise<PatchManyOutcome[]> {
  const outcomes: PatchManyOutcome[] = units.map(({ id }) => ({ ok: true, id }));
  const direct = units.flatMap(({ item }, at) => (item === undefined ? [] : [{ item, at }]));
  const reading = new Set(units.flatMap(({ item }, at) => (item === undefined ? [at] : [])));
  if (direct.length > 0) {
    const items = direct.map(({ item }) => item);
    const attempt = chunkAttempt(context, "patchMany", options);
    try {
      const replies = await sendItems(context, items, false, attempt, note);
      for (const [position, reply] of replies.entries()) {
        const at = direct[position]?.at as number;
        const { id, ifVersion } = units[at] as PlannedPatch;
        if (reply.kind === "unread") reading.add(at);
        if (reply.kind === "failed") outcomes[at] = failed(reply.error);
        if (reply.kind === "conflict") outcomes[at] = failed(versionConflict(context, id, ifVersion, reply.version));
      }
    } catch (error) {
      // What befell the call says nothing of those that are read first.
      if (!isRemoraError(error)) throw error;
      for (const { at } of direct) outcomes[at] = failed(error);
    }
  }
  await inFlight(reading, readingAtOnce, async (at) => {
    const { encodedId, plan, ifVersion } = units[at] as PlannedPatch;
    const { signal: _, ...rest } = options;
    try {
      await updateByReading(
        context,
        encodedId,
        plan,
        { ...rest, ...(ifVersion === undefined ? {} : { ifVersion }) },
        note,
      );
    } catch (error) {
      if (!isRemoraError(error)) throw error;
      outcomes[at] = failed(error);
    }
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
    send: (encodedIds: readonly string[]) => sendDeletions(context, encodedIds, "0", options, note),
    failed,
  };
  return runBulk(context, ids, work, options, onOutcome);
}

/**
 * Deletes some entities in one script call.
 *
 * @param context - the entity type.
 * @param encodedIds - their ids as they stand in keys.
 * @param together - `1` when all or none shall go.
 * @param options - deadline.
 * @param note - told of what is sent.
 * @returns one outcome per id; when all or none shall go and a key holds something else, only those of such keys say so.
 */
export async function sendDeletions(
  context: TypeContext,
  encodedIds: readonly string[],
  together: "0" | "1",
  options: BulkCallOptions,
  note: Note,
): Promise<DeleteManyOutcome[]> {
  const call = forgetCall(context, context.scripts.remove, encodedIds, [together]);
  note([call], encodedIds.length);
  const removed = await sendRemoval(context, call, chunkAttempt(context, "deleteMany", options));
  return encodedIds.map((encodedId, at) => {
    const id = decodeId(encodedId);
    return removed[at] === -1 ? failed(wrongType(context.layout, id)) : { ok: true, id, deleted: removed[at] === 1 };
  });
}
