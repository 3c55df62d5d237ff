// Bulk saves: chunks of script calls, a few in flight, one outcome per entity in the order given.
// A bad entity never holds up the good ones.
import { isRemoraError, type RemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { ScriptCall } from "../redis/command.ts";
import { inFlight } from "./flight.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { afterSave, beforeSave, hookError } from "./hooks.ts";
import { callOptions } from "./load.ts";
import type { Note } from "./observe.ts";
import { type Prepared, prepare, saveManyCall, saveErrors, type SaveMode } from "./save.ts";
import type { Ttl } from "./ttl.ts";
import type { TypeContext } from "./context.ts";

/** What became of one entity of a bulk save. */
export type SaveOutcome<T> =
  | {
      /** The entity was saved. */
      readonly ok: true;
      /** The entity as stored. */
      readonly entity: T;
    }
  | {
      /** The entity was not saved. */
      readonly ok: false;
      /** Why. */
      readonly error: RemoraError;
    };

/** An entity of a bulk save that was not saved. */
export interface SaveFailure {
  /** Its position among the entities given, from 0. */
  readonly index: number;
  /** Why. */
  readonly error: RemoraError;
}

/** What became of a bulk save. */
export interface BulkResult<T> {
  /** One outcome per entity, in the order given. */
  readonly outcomes: readonly SaveOutcome<T>[];
  /** How many were saved. */
  readonly saved: number;
  /** Those that were not, with their positions. */
  readonly failed: readonly SaveFailure[];
}

/** What a bulk save accepts. */
export interface BulkOptions extends CallOptions {
  /** How long the entities live; the definition's default when left out. */
  readonly ttl?: Ttl;
  /** Entities per script call; fewer when they are large. */
  readonly chunkSize?: number;
  /** Script calls in flight; 8 when left out. */
  readonly concurrency?: number;
}

/** Entities per call, and bytes: what a server works off in about a millisecond. */
const indexedChunk = { entities: 50, bytes: 64 * 1024 };
/** A plain document costs the server a tenth of an indexed one. */
const plainChunk = { entities: 250, bytes: 256 * 1024 };
const maxChunk = 1000;
/** Enough that the server never waits for the next call, few enough that others get their turn. */
const defaultConcurrency = 8;

interface Chunk {
  readonly prepared: Prepared[];
  /** The script's item of each, as JSON. */
  readonly items: string[];
  readonly positions: number[];
}

/**
 * Saves many entities.
 *
 * @param context - the entity type.
 * @param inputs - any number of entities.
 * @param mode - insert or save.
 * @param options - ttl, chunking, deadline and signal.
 * @param note - told of what is sent.
 * @returns one outcome per entity.
 */
export async function saveMany(
  context: TypeContext,
  inputs: Iterable<unknown>,
  mode: SaveMode,
  options: BulkOptions,
  note: Note,
): Promise<BulkResult<Record<string, unknown>>> {
  const { metadata } = context;
  const { hooks } = metadata;
  const outcomes: SaveOutcome<Record<string, unknown>>[] = [];
  const failed: SaveFailure[] = [];
  const fail = (index: number, error: RemoraError): void => {
    outcomes[index] = { ok: false, error };
    failed.push({ index, error });
  };
  const attempt = {
    operation: mode === "insert" ? "insertMany" : "saveMany",
    write: true,
    entity: metadata.name,
    ...callOptions(options),
  };
  const send = async ({ prepared, items, positions }: Chunk): Promise<void> => {
    const call = saveManyCall(context, prepared, items);
    note([call], prepared.length);
    const errors = await sendChunk(context, prepared, call, attempt);
    for (const [at, position] of positions.entries()) {
      const { entity } = prepared[at] as Prepared;
      // eslint-disable-next-line no-await-in-loop -- hooks run one after another
      const error = errors[at] ?? (hooks === undefined ? undefined : await told(metadata, entity, mode));
      if (error === undefined) outcomes[position] = { ok: true, entity };
      else fail(position, error);
    }
  };
  await inFlight(chunksOf(context, inputs, mode, options, fail), options.concurrency ?? defaultConcurrency, send);
  failed.sort((left, right) => left.index - right.index);
  return { outcomes, saved: outcomes.length - failed.length, failed };
}

// What a hook throws is the outcome of its entity, which is saved all the same.
async function told(
  metadata: EntityMetadata,
  entity: Record<string, unknown>,
  mode: SaveMode,
): Promise<RemoraError | undefined> {
  try {
    await afterSave(metadata, entity, mode);
    return undefined;
  } catch (error) {
    return hookError(metadata, error);
  }
}

async function sendChunk(
  context: TypeContext,
  prepared: readonly Prepared[],
  call: ScriptCall,
  attempt: Parameters<TypeContext["executor"]["one"]>[1],
): Promise<(RemoraError | undefined)[]> {
  try {
    const reply = await context.executor.one(call, attempt);
    return saveErrors(context, prepared, reply);
  } catch (error) {
    // What befell the call befell each of its entities; the other calls have outcomes of their own.
    if (isRemoraError(error)) return prepared.map(() => error);
    throw error;
  }
}

// Chunks are made only when there is room for them: encoding goes on while the server works.
async function* chunksOf(
  context: TypeContext,
  inputs: Iterable<unknown>,
  mode: SaveMode,
  options: BulkOptions,
  fail: (index: number, error: RemoraError) => void,
): AsyncGenerator<Chunk> {
  const { layout, metadata } = context;
  const hooked = metadata.hooks?.beforeSave !== undefined;
  const limits = layout.slots.length === 0 && layout.uniques.length === 0 ? plainChunk : indexedChunk;
  const limit = Math.max(1, Math.min(options.chunkSize ?? limits.entities, maxChunk));
  let chunk: Chunk = { prepared: [], items: [], positions: [] };
  let ids = new Set<string>();
  let bytes = 0;
  let position = -1;
  for (const input of inputs) {
    position += 1;
    let given = input;
    if (hooked) {
      try {
        // eslint-disable-next-line no-await-in-loop -- hooks run one after another
        given = await beforeSave(metadata, input, mode);
      } catch (error) {
        fail(position, hookError(metadata, error));
        continue;
      }
    }
    const prepared = prepareOne(context, given, mode, options.ttl, (error) => fail(position, error));
    if (prepared === undefined) continue;
    const item = JSON.stringify(prepared.item);
    const size = item.length + prepared.text.length;
    // One id once per call: a later save of the same entity then sees the earlier one.
    const full = chunk.prepared.length >= limit || bytes + size > limits.bytes || ids.has(prepared.encodedId);
    if (full && chunk.prepared.length > 0) {
      yield chunk;
      chunk = { prepared: [], items: [], positions: [] };
      ids = new Set();
      bytes = 0;
    }
    chunk.prepared.push(prepared);
    chunk.items.push(item);
    chunk.positions.push(position);
    ids.add(prepared.encodedId);
    bytes += size;
  }
  if (chunk.prepared.length > 0) yield chunk;
}

function prepareOne(
  context: TypeContext,
  input: unknown,
  mode: SaveMode,
  ttl: Ttl | undefined,
  fail: (error: RemoraError) => void,
): Prepared | undefined {
  try {
    return prepare(context, input, mode, ttl);
  } catch (error) {
    if (!isRemoraError(error)) throw error;
    fail(error);
    return undefined;
  }
}
