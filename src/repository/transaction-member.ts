// What a transaction knows of the entities of one type: what they were when they were read, and what they shall be.
// Reads and writes within the transaction come here; its end turns the wishes into one script call.
import { fingerprintOf } from "../engines/write/remove.ts";
import { QueryError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { ReplyFailure } from "../redis/command.ts";
import type { SaveOperation } from "../schema/hooks.ts";
import { decodeId, encodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { afterDelete, afterSave, forEach } from "./hooks.ts";
import { commonHome } from "./partitions.ts";
import { refusePending } from "./identify.ts";
import { observe } from "./observe.ts";
import { prepare, type Prepared } from "./save.ts";
import type { Ttl } from "./ttl.ts";

type Row = Record<string, unknown>;

/** What is done to an entity that stays; a deletion is one that marks it. */
export type Operation = SaveOperation | "delete";

/** What a transaction knows of one entity. */
export interface Held {
  /** What it was when it was read; undefined when it was not read. */
  read: { readonly entity: Row | null; readonly print: string } | undefined;
  /** What it shall be: saved, deleted, or as it was. */
  wish:
    | { readonly kind: "save"; readonly prepared: Prepared; readonly operation: Operation }
    | { readonly kind: "delete" }
    | undefined;
}

/** One type in a transaction. */
export interface Member {
  readonly context: TypeContext;
  readonly held: Map<string, Held>;
}

/** Entities that one transaction may read and write: what a server works off in a few milliseconds. */
export const maxEntities = 1000;

/**
 * The error for what a transaction deletes and then stores as new.
 *
 * @param name - the type's name.
 * @param prepared - what was to be stored.
 * @returns the error.
 */
export function deletedBefore(name: string, { encodedId }: Prepared): QueryError {
  return new QueryError(`${name}: a transaction cannot store again what it deletes; save the entity instead`, {
    entity: name,
    id: decodeId(encodedId),
  });
}

/**
 * What a transaction knows of one entity, which counts as one of its own from now on.
 *
 * @param member - the type.
 * @param encodedId - the entity's id as it stands in the key.
 * @returns what is known.
 * @throws QueryError when there are too many.
 * @throws CrossSlotError when it lies in another partition than those before.
 */
export function heldOf({ held, context }: Member, encodedId: string): Held {
  const known = held.get(encodedId);
  if (known !== undefined) return known;
  if (held.size >= maxEntities) {
    throw new QueryError(`${context.metadata.name}: a transaction takes up to ${maxEntities} entities of a type`, {
      entity: context.metadata.name,
    });
  }
  const [first = encodedId] = held.keys();
  commonHome(context, [first, encodedId], "a transaction");
  const fresh: Held = { read: undefined, wish: undefined };
  held.set(encodedId, fresh);
  return fresh;
}

/**
 * An entity as the transaction sees it: what it wishes for, or else what is stored.
 *
 * @param member - the type.
 * @param encodedId - the entity's id as it stands in the key.
 * @param options - deadline and signal.
 * @returns the entity, or null.
 */
export async function current(member: Member, encodedId: string, options: CallOptions): Promise<Row | null> {
  const held = heldOf(member, encodedId);
  if (held.wish !== undefined) return held.wish.kind === "save" ? held.wish.prepared.entity : null;
  held.read ??= await readOne(member.context, encodedId, options);
  return held.read.entity;
}

async function readOne(
  { reader, executor, codec, metadata }: TypeContext,
  encodedId: string,
  options: CallOptions,
): Promise<Exclude<Held["read"], undefined>> {
  const attempt = { operation: "transaction.findById", write: false, entity: metadata.name, ...options };
  const reply = await observe(metadata, attempt.operation, undefined, (note) => {
    const request = reader.one(encodedId);
    note([request], 1);
    return executor.one(request, attempt);
  });
  const stored = reader.readOne(reply);
  if (stored === undefined || stored instanceof ReplyFailure) return { entity: null, print: "" };
  return { entity: codec.decode(stored, decodeId(encodedId)), print: fingerprintOf(stored) };
}

/**
 * Wishes for an entity to be saved. Several saves of one are one, from the version that the first of them began with.
 *
 * @param member - the type.
 * @param name - its name.
 * @param input - the entity.
 * @param ttl - the caller's wish.
 * @param operation - what is being done to it.
 * @returns the entity as it will be stored.
 */
export function saved(member: Member, name: string, input: unknown, ttl: Ttl | undefined, operation: Operation): Row {
  const { context } = member;
  const { idField, version } = context.metadata;
  const source = { ...(input as Row) };
  const given = source[idField];
  const held = typeof given === "string" ? heldOf(member, encodeId(given, name)) : undefined;
  const before = held?.wish?.kind === "save" ? held.wish.prepared : undefined;
  if (version !== undefined && before !== undefined) {
    if (before.expected === undefined) delete source[version];
    else source[version] = before.expected;
  }
  const prepared = prepare(context, source, before?.mode ?? "save", ttl);
  refusePending(context.metadata, prepared.encodedId);
  const place = held ?? heldOf(member, prepared.encodedId);
  if (place.wish?.kind === "delete") throw deletedBefore(name, prepared);
  const earlier = held?.wish?.kind === "save" ? held.wish.operation : operation;
  const first = earlier === "delete" || operation === "delete" ? operation : earlier;
  place.wish = { kind: "save", prepared, operation: first };
  return prepared.entity;
}

/**
 * Tells a type's hooks of what was written.
 *
 * @param member - the type.
 */
export async function tellHooks({ context: { metadata }, held }: Member): Promise<void> {
  if (metadata.hooks === undefined) return;
  await forEach(held, async ([encodedId, { wish }]) => {
    if (wish?.kind === "save" && wish.operation !== "delete") {
      await afterSave(metadata, wish.prepared.entity, wish.operation);
    } else if (wish !== undefined) await afterDelete(metadata, decodeId(encodedId));
  });
}
