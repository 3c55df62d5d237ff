// Changing what a query finds, batch by batch: each document once, and only if it is as it was when it was found.
// Without a limit they are gone through by id, which no patch changes, so that none is met again after its change.
import { applySteps } from "../codec/patch/apply.ts";
import { planPatch } from "../codec/patch/plan.ts";
import { QueryError } from "../errors.ts";
import type { StoredRow } from "../engines/engine.ts";
import { leavesDeletedOut } from "../query/deleted.ts";
import { checkQuery } from "../query/check.ts";
import { type QueryNode, refuseRanked } from "../query/node.ts";
import type { BatchOptions, QueryChanges } from "../query/query.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { defaultCeiling } from "./explain.ts";
import { afterDelete, afterSave, beforeDelete, beforeSave, forEach } from "./hooks.ts";
import { type Ask, batchSizeOf, filled } from "./keyset.ts";
import { callOptions } from "./load.ts";
import type { Note } from "./observe.ts";
import { differenceItem, type PatchItem } from "./patch-item.ts";
import { deletedNow } from "./soft-delete.ts";
import { complete, sendItems } from "./update.ts";

type Row = Record<string, unknown>;

/** Documents per script call: what a server works off in a millisecond or two. */
const defaultBatch = 50;
/** Documents per search where each goes over everything that matches. */
const searchedBatch = 1000;

/**
 * Changes everything that a query finds.
 *
 * @param context - the entity type.
 * @param query - the query; its limit is the most that may be changed.
 * @param patch - the changes.
 * @param options - batch size, deadline and signal.
 * @param ask - runs the steps of a query.
 * @param note - told of what is sent.
 * @returns how many were found, changed, and left alone.
 */
export function updateFound(
  context: TypeContext,
  query: QueryNode,
  patch: unknown,
  options: BatchOptions,
  ask: Ask,
  note: Note,
): Promise<QueryChanges> {
  const { metadata } = query;
  const { steps } = planPatch(metadata, patch, undefined, context.now);
  const hooked = metadata.hooks !== undefined;
  return changeFound(context, query, options, ask, note, {
    operation: "update",
    change(entity, id) {
      const patched = applySteps(metadata, entity, steps, id);
      return hooked ? beforeSave(metadata, patched, "update") : patched;
    },
    changed: (entity) => afterSave(metadata, entity, "update"),
  });
}

/**
 * Deletes softly what a query finds.
 *
 * @param context - a type that deletes softly.
 * @param query - the query; its limit is the most that may be deleted.
 * @param options - batch size, deadline and signal.
 * @param ask - runs the steps of a query.
 * @param note - told of what is sent.
 * @returns how many were found, deleted, and left alone.
 */
export function deleteFound(
  context: TypeContext,
  query: QueryNode,
  options: BatchOptions,
  ask: Ask,
  note: Note,
): Promise<QueryChanges> {
  const { metadata } = query;
  if (!leavesDeletedOut(query)) {
    throw new QueryError(`${metadata.name}: delete finds no deleted entities; use purge, or leave withDeleted() out`, {
      entity: metadata.name,
    });
  }
  return changeFound(context, query, options, ask, note, {
    operation: "delete",
    async change(entity) {
      await beforeDelete(metadata, entity);
      return deletedNow(context, entity);
    },
    changed: (_entity, id) => afterDelete(metadata, id),
  });
}

/** A change of everything that a query finds. */
interface Change {
  readonly operation: "update" | "delete";
  /** From an entity to what it shall be. */
  readonly change: (entity: Row, id: string) => unknown;
  /** Runs once an entity was written. */
  readonly changed: (entity: Row, id: string) => Promise<void>;
}

async function changeFound(
  context: TypeContext,
  query: QueryNode,
  options: BatchOptions,
  ask: Ask,
  note: Note,
  change: Change,
): Promise<QueryChanges> {
  const { name } = query.metadata;
  const { operation } = change;
  const batchSize = batchSizeOf(options, defaultBatch, name);
  checkQuery(query);
  refuseRanked(query, operation);
  if (query.offset !== 0) throw new QueryError(`${name}: ${operation} takes a limit, but no offset`, { entity: name });
  if ((query.limit ?? 0) > defaultCeiling) {
    throw new QueryError(`${name}: ${operation} takes a limit up to ${defaultCeiling}, or none`, { entity: name });
  }
  let [matched, changed] = [0, 0];
  for await (const rows of found(context, query, batchSize, ask)) {
    for (let at = 0; at < rows.length; at += batchSize) {
      const batch = rows.slice(at, at + batchSize);
      // eslint-disable-next-line no-await-in-loop -- one batch at a time, so that others get their turn
      changed += await changeBatch(context, change, batch, options, note);
      matched += batch.length;
    }
  }
  return { matched, changed, conflicts: matched - changed };
}

async function* found(
  { engine }: TypeContext,
  query: QueryNode,
  batchSize: number,
  ask: Ask,
): AsyncGenerator<readonly StoredRow[]> {
  // Whole documents are compared.
  const { select: _, ...whole } = query;
  if (whole.limit !== undefined) {
    yield (await filled(() => ask(engine.plan(whole, "rows")))).rows;
    return;
  }
  const limit = engine.idsAhead === undefined ? batchSize : Math.max(batchSize, searchedBatch);
  let after: QueryNode["after"] = "start";
  for (;;) {
    const page: QueryNode = { ...whole, orderBy: [], limit, after };
    // eslint-disable-next-line no-await-in-loop -- each page begins where the last one ended
    const { rows, ghosts } = await filled(() => ask(engine.plan(page, "rows")));
    yield rows;
    const last = rows.at(-1);
    // A page that is short because documents vanished while it was read is not the last one.
    if (last === undefined || rows.length + ghosts.length < limit) return;
    after = { terms: [], id: last.encodedId };
  }
}

async function changeBatch(
  context: TypeContext,
  { operation, change, changed }: Change,
  rows: readonly StoredRow[],
  options: BatchOptions,
  note: Note,
): Promise<number> {
  const { metadata, codec } = context;
  const items: PatchItem[] = [];
  const entities: Row[] = [];
  for (const { encodedId, stored } of rows) {
    const id = decodeId(encodedId);
    const before = codec.decode(stored, id);
    const given = change(before, id);
    // eslint-disable-next-line no-await-in-loop -- hooks run one after another
    const after = complete(context, id, before, given instanceof Promise ? await given : given);
    items.push(differenceItem(context, encodedId, { stored, before, after }).item);
    entities.push(after);
  }
  const attempt = { operation: `query.${operation}`, write: true, entity: metadata.name, ...callOptions(options) };
  const outcomes = await sendItems(context, items, false, attempt, note);
  const done = entities.filter((_, at) => outcomes[at]?.kind === "done");
  if (metadata.hooks !== undefined) {
    await forEach(done, (entity) => changed(entity, entity[metadata.idField] as string));
  }
  for (const outcome of outcomes) {
    // What is gone was not left as it was found either.
    if (outcome.kind === "failed" && outcome.error.code !== "ENTITY_NOT_FOUND") throw outcome.error;
  }
  return done.length;
}
