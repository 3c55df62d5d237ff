// Bulk saves: chunks of the save script, or all of it in one transaction.
// Each entity is validated and encoded when there is room to send it.
import { isRemoraError, type RemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { ScriptCall } from "../redis/command.ts";
import type { SaveOperation } from "../schema/hooks.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
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
import { afterSave, failureOf, hooked } from "./hooks.ts";
import type { Note } from "./observe.ts";
import { withIdentity } from "./identify.ts";
import { perPartition } from "./partitions.ts";
import { encoded, type Prepared, saveErrors, saveManyCall, type SaveMode, type Valid, validated } from "./save.ts";
import { differenceOf, type DifferentEntity, sendDifferences } from "./save-difference.ts";
import type { Ttl } from "./ttl.ts";

type Row = Record<string, unknown>;

/** An entity of a bulk save that was saved. */
export interface SavedOutcome<T> {
  /** The entity was saved. */
  readonly ok: true;
  /** The entity as stored. */
  readonly entity: T;
}

/** What became of one entity of a bulk save. */
export type SaveOutcome<T> = SavedOutcome<T> | FailedOutcome;

/** What became of a bulk save. */
export interface BulkResult<T> extends BulkOutcomes<SavedOutcome<T>> {
  /** How many were saved. */
  readonly saved: number;
}

/** What a bulk save accepts. */
export interface BulkOptions extends BulkCallOptions {
  /** How long the entities live; the definition's default when left out. */
  readonly ttl?: Ttl;
}

/** An entity ready to be sent, with the script's item as JSON. */
export interface PreparedItem {
  readonly prepared: Prepared;
  readonly item: string;
}

/**
 * Saves many entities.
 *
 * @param context - the entity type.
 * @param inputs - any number of entities.
 * @param mode - insert or save.
 * @param options - ttl, chunking, deadline and signal.
 * @param onOutcome - told of outcomes in order; they are kept when it is left out.
 * @param note - told of what is sent.
 * @returns one outcome per entity.
 */
export function saveMany(
  context: TypeContext,
  inputs: BulkSource<unknown>,
  mode: SaveMode,
  options: BulkOptions,
  onOutcome: ((outcome: SaveOutcome<Row>, index: number) => void) | undefined,
  note: Note,
): Promise<BulkRun<SaveOutcome<Row>>> {
  const { metadata } = context;
  const { hooks } = metadata;
  const operation = mode === "insert" ? "insertMany" : "saveMany";
  const ready = (input: unknown): Ready<SaveUnit> => readyUnit(context, validated(context, input, mode), options.ttl);
  const work = {
    operation,
    prepare(input: unknown): Ready<SaveUnit> | Promise<Ready<SaveUnit>> {
      const given = hooks?.beforeSave === undefined ? input : hooked(metadata, input, mode);
      return withIdentity(metadata, given, ready);
    },
    async send(units: readonly SaveUnit[]): Promise<SaveOutcome<Row>[]> {
      const errors = await sendUnits(context, units, operation, options, note);
      const entities = units.map(entityOf);
      if (hooks?.afterSave !== undefined) await tellSaved(metadata, entities, mode, errors);
      return entities.map((entity, at) => {
        const error = errors[at];
        return error === undefined ? { ok: true, entity } : { ok: false, error };
      });
    },
    failed: (error: RemoraError): SaveOutcome<Row> => ({ ok: false, error }),
  };
  return runBulk(context, inputs, work, options, onOutcome);
}

/** An entity to be saved whole, or by what is different. */
type SaveUnit = PreparedItem | DifferentEntity;

function readyUnit(context: TypeContext, valid: Valid, ttl: Ttl | undefined): Ready<SaveUnit> {
  const different = differenceOf(context, valid, ttl);
  if (different === undefined) return readyItem(encoded(context, valid, ttl));
  const bytes = different.change.set.reduce((sum, word) => sum + word.length, 0);
  return { unit: different, encodedId: different.encodedId, bytes };
}

function entityOf(unit: SaveUnit): Row {
  return "prepared" in unit ? unit.prepared.entity : unit.valid.entity;
}

async function sendUnits(
  context: TypeContext,
  units: readonly SaveUnit[],
  operation: string,
  options: BulkOptions,
  note: Note,
): Promise<(RemoraError | undefined)[]> {
  const whole = units.flatMap((unit, at) => ("prepared" in unit ? [{ unit, at }] : []));
  const different = units.flatMap((unit, at) => ("prepared" in unit ? [] : [{ unit, at }]));
  const sendWhole = (own: readonly { readonly unit: PreparedItem }[]): Promise<(RemoraError | undefined)[]> =>
    own.length === 0
      ? Promise.resolve([])
      : sendPrepared(
          context,
          own.map(({ unit }) => unit),
          operation,
          options,
          note,
        );
  if (different.length === 0) return sendWhole(whole);
  const errors: (RemoraError | undefined)[] = Array.from({ length: units.length });
  const place = (own: readonly { readonly at: number }[], found: readonly (RemoraError | undefined)[]): void => {
    for (const [position, { at }] of own.entries()) errors[at] = found[position];
  };
  const attempt = chunkAttempt(context, operation, options);
  const entities = different.map(({ unit }) => unit);
  // What befalls one call says nothing of the others.
  const alone = <T>(own: readonly unknown[], sending: Promise<T[]>): Promise<(T | RemoraError)[]> =>
    sending.catch((error: unknown) => {
      if (!isRemoraError(error)) throw error;
      return own.map(() => error);
    });
  const [results, found] = await Promise.all([
    alone(entities, sendDifferences(context, entities, attempt, note)),
    alone(whole, sendWhole(whole)),
  ]);
  place(whole, found);
  const again = different.flatMap(({ unit, at }, position) => {
    const result = results[position];
    if (result !== "whole") errors[at] = result;
    return result === "whole" ? [{ unit: readyItem(encoded(context, unit.valid, options.ttl)).unit, at }] : [];
  });
  place(again, await alone(again, sendWhole(again)));
  return errors;
}

/**
 * Tells a hook of the entities that a call saved. What it throws is the outcome of its entity, which is saved all the same.
 *
 * @param metadata - the entity type.
 * @param entities - those of the call, as stored.
 * @param operation - what was done.
 * @param errors - one per entity that was not saved; those of the hook are added.
 */
export async function tellSaved(
  metadata: EntityMetadata,
  entities: readonly Row[],
  operation: SaveOperation,
  errors: (RemoraError | undefined)[],
): Promise<void> {
  for (const [at, entity] of entities.entries()) {
    // eslint-disable-next-line no-await-in-loop -- hooks run one after another
    errors[at] ??= await failureOf(metadata, "afterSave", () => afterSave(metadata, entity, operation));
  }
}

/**
 * Prepares a validated entity for a bulk call.
 *
 * @param prepared - the entity.
 * @returns it, with the script's item as JSON, and their size.
 */
export function readyItem(prepared: Prepared): Ready<PreparedItem> {
  const item = JSON.stringify(prepared.item);
  return { unit: { prepared, item }, encodedId: prepared.encodedId, bytes: item.length + prepared.text.length };
}

/**
 * Sends prepared entities in one script call.
 *
 * @param context - the entity type.
 * @param units - the entities, with distinct ids.
 * @param operation - what is being done, for errors.
 * @param options - the deadline.
 * @param note - told of what is sent.
 * @returns one error per entity that was not saved, undefined or nothing for the others.
 */
export async function sendPrepared(
  context: TypeContext,
  units: readonly PreparedItem[],
  operation: string,
  options: CallOptions,
  note: Note,
): Promise<(RemoraError | undefined)[]> {
  const send = async (
    home: TypeContext,
    own: readonly PreparedItem[],
  ): Promise<readonly (RemoraError | undefined)[]> => {
    const prepared = own.map((unit) => unit.prepared);
    const items = own.map(({ item }) => item);
    const call: ScriptCall = saveManyCall(home, prepared, items);
    note([call], own.length);
    return saveErrors(home, prepared, await home.executor.one(call, chunkAttempt(home, operation, options)));
  };
  const idOf = ({ prepared }: PreparedItem): string => prepared.encodedId;
  return [...(await perPartition(context, units, idOf, send, (error) => error))];
}
