// Deleting what a query finds, batch by batch: a document goes only if it is as it was when it was found.
// Nothing is remembered on the server; what others changed meanwhile is counted and left alone.
import { QueryError } from "../errors.ts";
import type { StoredRow } from "../engines/engine.ts";
import { checkQuery } from "../query/check.ts";
import { type QueryNode, refuseRanked } from "../query/node.ts";
import type { BatchOptions, QueryChanges } from "../query/query.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { afterDelete, beforeDelete, forEach } from "./hooks.ts";
import { type Ask, batchSizeOf, filled } from "./keyset.ts";
import { callOptions } from "./load.ts";
import type { Note } from "./observe.ts";
import type { Deletion } from "./on-delete.ts";
import { removeUnchanged } from "./remove.ts";

/** Documents per script call: what a server works off in a millisecond or two. */
const defaultBatch = 50;
/** How often one is deleted that may refer to others of its batch, and is changed when these lose what refers to them. */
const triesAfterRules = 3;

/**
 * Deletes everything that a query finds.
 *
 * @param context - the entity type.
 * @param query - the query; its limit is the most that may be deleted.
 * @param options - batch size, deadline and signal.
 * @param ask - runs the steps of a query.
 * @param note - told of what is sent.
 * @param operation - what is being done, for errors.
 * @param deletion - what this is part of, where relations lead here.
 * @returns how many were found, deleted, and left alone.
 */
export async function removeFound(
  context: TypeContext,
  query: QueryNode,
  options: BatchOptions,
  ask: Ask,
  note: Note,
  operation: "delete" | "purge" = "delete",
  deletion?: Deletion,
): Promise<QueryChanges> {
  const { name } = query.metadata;
  const batchSize = batchSizeOf(options, defaultBatch, name);
  checkQuery(query);
  refuseRanked(query, operation);
  if (query.offset !== 0) throw new QueryError(`${name}: ${operation} takes a limit, but no offset`, { entity: name });
  // Whole documents are compared. Which ones come first matters only where not all may go.
  const { select: _, ...unselected } = query;
  const whole: QueryNode = query.limit === undefined ? { ...unselected, orderBy: [] } : unselected;
  const most = query.limit ?? Number.POSITIVE_INFINITY;
  const { hooks } = context.metadata;
  const attempt = { operation: `query.${operation}`, write: true, entity: name, ...callOptions(options) };
  // What others changed may be found again: it counts once. What relations changed first is tried again.
  const conflicts = new Set<string>();
  const tries = context.related.graph.isRuled(name) ? triesAfterRules : 1;
  const failures = new Map<string, number>();
  // Those that wait for these to go are left to whoever began with them.
  const leaving = deletion?.leaving.get(name);
  const waiting = new Set<string>();
  let changed = 0;
  for (;;) {
    const left = Math.min(batchSize, most - changed - conflicts.size);
    if (left <= 0) break;
    const passed = conflicts.size + waiting.size;
    const wanted: QueryNode = { ...whole, limit: left + passed };
    // eslint-disable-next-line no-await-in-loop -- what is deleted makes room for what is found next
    const { rows } = await filled(() => ask(context.engine.plan(wanted, "rows")));
    for (const { encodedId } of rows) if (leaving?.has(encodedId) === true) waiting.add(encodedId);
    const fresh = rows.filter(({ encodedId }) => !conflicts.has(encodedId) && !waiting.has(encodedId)).slice(0, left);
    if (fresh.length === 0 && conflicts.size + waiting.size > passed) continue;
    if (fresh.length === 0) break;
    // eslint-disable-next-line no-await-in-loop
    if (hooks?.beforeDelete !== undefined) await askAll(context, fresh);
    const ids = fresh.map(({ encodedId }) => encodedId);
    // eslint-disable-next-line no-await-in-loop
    await context.related.prepareDeletion(context, ids, callOptions(options), note, deletion);
    // eslint-disable-next-line no-await-in-loop
    const removed = await removeUnchanged(context, fresh, attempt, note);
    const gone = fresh.filter((_row, at) => removed[at] === 1);
    changed += gone.length;
    for (const [at, id] of ids.entries()) {
      if (removed[at] === 1) continue;
      failures.set(id, (failures.get(id) ?? 0) + 1);
      if (failures.get(id) === tries) conflicts.add(id);
    }
    // eslint-disable-next-line no-await-in-loop
    if (hooks !== undefined) await forEach(gone, ({ encodedId }) => afterDelete(context.metadata, decodeId(encodedId)));
  }
  return { matched: changed + conflicts.size, changed, conflicts: conflicts.size };
}

// Nothing of a batch is deleted when a hook refuses one of it.
async function askAll({ metadata, codec }: TypeContext, rows: readonly StoredRow[]): Promise<void> {
  for (const { encodedId, stored } of rows) {
    // eslint-disable-next-line no-await-in-loop -- hooks run one after another
    await beforeDelete(metadata, codec.decode(stored, decodeId(encodedId)));
  }
}
