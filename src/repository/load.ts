// Loading by id: one entity, or many in few batches, in the order asked for.
// A document that no longer fits the schema never takes the good ones with it.
import { CorruptEntityError, isRemoraError } from "../errors.ts";
import type { Answer } from "../engines/engine.ts";
import type { DocumentCodec } from "../codec/document.ts";
import type { StoredDocument } from "../codec/stored.ts";
import { type DocumentReader, wrongType } from "../engines/documents.ts";
import type { QueryNode } from "../query/node.ts";
import type { CallOptions, ReadCallOptions } from "../query/query.ts";
import { presenter, propertiesRead } from "../query/select.ts";
import { ReplyFailure, type Request } from "../redis/command.ts";
import { toRemoraError } from "../redis/failures.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { inFlight } from "./flight.ts";
import type { Note } from "./observe.ts";
import { perPartition } from "./partitions.ts";
import { prolongedRead } from "./prolong.ts";
import { shown } from "./shown.ts";

/** What reads of several entities accept. */
export interface ReadOptions extends ReadCallOptions {
  /** Told of each document that does not fit the schema, which then counts as missing; without it the read throws. */
  readonly onCorrupt?: (error: CorruptEntityError) => void;
}

/** What reads by id and unique value accept. */
export interface FindOptions extends ReadCallOptions {
  /** False leaves the time of an entity as it is where `ttl.sliding` is `read`. */
  readonly prolong?: boolean;
  /** True finds entities that were deleted softly as well. */
  readonly withDeleted?: boolean;
}

/** Documents per batch: more gains nothing, and holds the server up. */
const chunkSize = 200;
const chunksInFlight = 4;

const nothingSent: readonly Request[] = [];

/** What reads documents, or the parts of them that are wanted. */
export interface Selection {
  readonly reader: DocumentReader;
  readonly codec: DocumentCodec;
  /** Takes the chosen fields out of what was read; everything when left out. */
  readonly present?: (entity: Record<string, unknown>) => Record<string, unknown>;
}

/**
 * Loads one entity.
 *
 * @param context - the entity type.
 * @param encodedId - its id as it stands in the key.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @param selection - what of it to read; all of it when left out.
 * @returns the entity, or null.
 */
export function loadOne(
  context: TypeContext,
  encodedId: string,
  options: FindOptions,
  note: Note,
  selection: Selection = context,
): Promise<Record<string, unknown> | null> {
  const { executor, metadata, scripts } = context;
  const { reader, codec } = selection;
  const id = decodeId(encodedId);
  const { deadline, signal } = options;
  const attempt = { operation: "findById", write: false, entity: metadata.name, id, deadline, signal };
  if (scripts.prolong !== undefined && options.prolong !== false) {
    return prolongedRead(context, [encodedId], codec, attempt, note).then(([stored]) => {
      if (stored === 0) throw wrongType(context.layout, id);
      if (stored === null || stored === undefined) return null;
      return presented(context, decoded(context, stored, id, codec, options), options, selection);
    });
  }
  const request = reader.one(encodedId);
  note([request], 0);
  return executor.one(request, attempt).then((reply) => {
    const stored = reader.readOne(reply);
    if (stored === undefined || stored instanceof ReplyFailure) return null;
    note(nothingSent, 1);
    return presented(context, decoded(context, stored, id, codec, options), options, selection);
  });
}

// Documents that were read whole are remembered, since one of them may be saved next.
function decoded(
  context: TypeContext,
  stored: StoredDocument,
  id: string,
  codec: DocumentCodec,
  { validate = context.validation }: ReadCallOptions,
): Record<string, unknown> {
  const entity = codec.decode(stored, id, validate);
  if (context.loaded !== undefined && codec === context.codec && validate === "strict")
    context.loaded.remember(id, entity, stored);
  return entity;
}

/**
 * Loads many entities.
 *
 * @param context - the entity type.
 * @param encodedIds - their ids, in any number.
 * @param options - deadline, signal and what to do about corrupt documents.
 * @param note - told of what is sent.
 * @param selection - what of each to read; all of it when left out.
 * @returns one entity or null per id, in order.
 * @throws CorruptEntityError with the good rows, when a document does not fit the schema.
 */
export async function loadMany(
  context: TypeContext,
  encodedIds: readonly string[],
  options: ReadOptions & FindOptions,
  note: Note,
  selection: Selection = context,
): Promise<(Record<string, unknown> | null)[]> {
  const prolongs = context.scripts.prolong !== undefined && options.prolong !== false;
  const chunks: (readonly string[])[] = [];
  for (let at = 0; at < encodedIds.length; at += chunkSize) chunks.push(encodedIds.slice(at, at + chunkSize));
  const found: Found[][] = Array.from({ length: chunks.length });
  await inFlight(chunks, chunksInFlight, async (ids, at) => {
    found[at] = await (prolongs
      ? prolongChunk(context, ids, options, note, selection)
      : loadChunk(context, ids, options, note, "findByIds", selection));
  });
  const rows = found.flat();
  const asRead = context.metadata.softDelete === undefined && selection.present === undefined;
  const given = asRead ? rows : rows.map((row) => presented(context, row, options, selection));
  return settle(given, options.onCorrupt);
}

// Whether it is deleted is looked at before the chosen fields are taken out.
function presented<T extends Found>(
  { metadata }: TypeContext,
  row: T,
  { withDeleted }: FindOptions,
  { present }: Selection,
): T | Record<string, unknown> | null {
  const entity = shown(metadata, row, withDeleted);
  return present === undefined || entity === null || entity instanceof CorruptEntityError ? entity : present(entity);
}

/** An entity, nothing, or the error that says why a document is none. */
export type Found = Record<string, unknown> | null | CorruptEntityError;

/**
 * Loads a batch of entities.
 *
 * @param context - the entity type.
 * @param encodedIds - their ids, a few hundred at most.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @param operation - what is being done, for errors.
 * @param selection - what of each to read; all of it when left out.
 * @returns one per id, in order.
 */
export async function loadChunk(
  context: TypeContext,
  encodedIds: readonly string[],
  options: ReadCallOptions,
  note: Note,
  operation = "findByIds",
  { reader, codec }: Omit<Selection, "present"> = context,
): Promise<Found[]> {
  const { layout, executor, metadata } = context;
  const attempt = { operation, write: false, entity: metadata.name };
  const requests = reader.many(encodedIds);
  note(requests, encodedIds.length);
  const replies = await executor.many(requests, { ...attempt, ...callOptions(options) });
  return reader.readMany(replies, encodedIds).map((stored, at) => {
    if (stored === undefined) return null;
    const id = decodeId(encodedIds[at] as string);
    if (!(stored instanceof ReplyFailure)) return decodeRow(context, stored, id, codec, options);
    const error = toRemoraError(stored.error, attempt);
    if (isRemoraError(error, "CORRUPT_ENTITY")) return wrongType(layout, id);
    throw error;
  });
}

async function prolongChunk(
  context: TypeContext,
  encodedIds: readonly string[],
  options: ReadCallOptions,
  note: Note,
  { codec }: Selection,
): Promise<Found[]> {
  const attempt = { operation: "findByIds", write: false, entity: context.metadata.name, ...callOptions(options) };
  const read = (home: TypeContext, own: readonly string[]): ReturnType<typeof prolongedRead> =>
    prolongedRead(home, own, codec, attempt, note);
  const documents = await perPartition(context, encodedIds, (id) => id, read);
  return documents.map((stored, at) => {
    if (stored === null) return null;
    const id = decodeId(encodedIds[at] as string);
    return stored === 0 ? wrongType(context.layout, id) : decodeRow(context, stored, id, codec, options);
  });
}

/**
 * Only what a call takes, without what a reader adds.
 *
 * @param options - the caller's options.
 * @returns deadline and signal.
 */
export function callOptions(options: CallOptions): CallOptions {
  const { deadline, signal } = options;
  return { ...(deadline === undefined ? {} : { deadline }), ...(signal === undefined ? {} : { signal }) };
}

/**
 * Decodes a document that was found.
 *
 * @param context - the entity type.
 * @param stored - the document.
 * @param id - the entity's id.
 * @param codec - reads it.
 * @param options - what the schema has to say of it.
 * @returns the entity, or the error that says why it is none.
 */
export function decodeRow(
  context: TypeContext,
  stored: StoredDocument,
  id: string,
  codec: DocumentCodec,
  options: ReadCallOptions,
): Record<string, unknown> | CorruptEntityError {
  try {
    return decoded(context, stored, id, codec, options);
  } catch (error) {
    if (isRemoraError(error, "CORRUPT_ENTITY")) return error;
    throw error;
  }
}

/**
 * Gives back the good rows, and tells of the bad ones.
 *
 * @param found - entities, nulls and errors, in order.
 * @param onCorrupt - told of each error; without it the first is thrown, with the good rows on it.
 * @returns entities and nulls.
 */
export function settle(
  found: readonly Found[],
  onCorrupt: ((error: CorruptEntityError) => void) | undefined,
): (Record<string, unknown> | null)[] {
  if (!found.some((row) => row instanceof CorruptEntityError)) return found as (Record<string, unknown> | null)[];
  const rows = found.map((row) =>
    isRemoraError(row, "CORRUPT_ENTITY") ? null : (row as Record<string, unknown> | null),
  );
  const errors = found.filter((row): row is CorruptEntityError => isRemoraError(row, "CORRUPT_ENTITY"));
  if (onCorrupt !== undefined) {
    for (const error of errors) onCorrupt(error);
    return rows;
  }
  const [first] = errors;
  if (first === undefined) return rows;
  const more = errors.length === 1 ? "" : ` (and ${errors.length - 1} more)`;
  throw new CorruptEntityError(`${first.message}${more}; the good rows are on this error, or pass onCorrupt`, {
    entity: first.entity,
    id: first.id,
    field: first.field,
    issues: first.issues,
    rows,
    cause: first,
  });
}

/**
 * Decodes the rows of an answer.
 *
 * @param context - the entity type.
 * @param query - the query, which may want some fields only.
 * @param answer - the answer.
 * @param options - told of rows that do not fit the schema.
 * @returns the entities, in order.
 */
export function rowsOf(
  context: TypeContext,
  query: QueryNode,
  { rows }: Answer,
  options: ReadOptions,
): Record<string, unknown>[] {
  const present = presenter(query);
  const codec = context.codec.only(propertiesRead(query));
  const found = rows.map(({ encodedId, stored }) => {
    const row = decodeRow(context, stored, decodeId(encodedId), codec, options);
    return row instanceof CorruptEntityError ? row : present(row);
  });
  return settle(found, options.onCorrupt).filter((row) => row !== null);
}
