// Bulk calls that count all at once or not at all: saves and patches as a transaction, deletions by the delete script.
// One call has room for so many entities; more are refused before anything is sent.
import { QueryError } from "../errors.ts";
import type { PatchFor } from "../codec/patch/operators.ts";
import type { EntityDefinition } from "../schema/entity.ts";
import { encodeId } from "../schema/key.ts";
import type { BulkCallOptions, BulkRun, BulkSource } from "./bulk.ts";
import {
  checkEntry,
  type DeleteManyOutcome,
  type PatchEntry,
  type PatchManyOptions,
  type PatchManyOutcome,
  sendDeletions,
} from "./change-many.ts";
import type { TypeContext } from "./context.ts";
import { callOptions } from "./load.ts";
import type { Note } from "./observe.ts";
import type { SaveMode } from "./save.ts";
import type { BulkOptions, SaveOutcome } from "./save-many.ts";
import { runTransaction, type TransactionHost } from "./transaction.ts";
import { maxEntities } from "./transaction-member.ts";
import type { Ttl } from "./ttl.ts";
import { requireVersion, versionConflict } from "./versions.ts";

type Row = Record<string, unknown>;
type Listener<O> = ((outcome: O, index: number) => void) | undefined;

/**
 * Saves some entities: all of them, or none.
 *
 * @param host - what transactions work with.
 * @param definition - the entity type.
 * @param inputs - up to a thousand entities.
 * @param mode - insert or save.
 * @param options - ttl, deadline and signal.
 * @param onOutcome - told of outcomes in order; they are kept when it is left out.
 * @returns the entities as stored, in order.
 * @throws the error of the first entity that could not be saved; nothing was.
 */
export async function saveTogether(
  host: TransactionHost,
  definition: EntityDefinition,
  inputs: BulkSource<unknown>,
  mode: SaveMode,
  options: BulkOptions,
  onOutcome: Listener<SaveOutcome<Row>>,
): Promise<BulkRun<SaveOutcome<Row>>> {
  const all = await collect(inputs, `${mode}Many`, definition.name);
  const entities = await runTransaction(
    host,
    async (transaction) => {
      const repository = transaction.repository(definition);
      const saved: Row[] = [];
      for (const input of all) {
        // eslint-disable-next-line no-await-in-loop -- in order, since one id may come twice; nothing is sent
        saved.push(await repository[mode](input as never, ttlOf(options)));
      }
      return saved;
    },
    callOptions(options),
  );
  return told(
    entities.map((entity) => ({ ok: true, entity })),
    options,
    onOutcome,
  );
}

/**
 * Patches some entities: all of them, or none.
 *
 * @param host - what transactions work with.
 * @param definition - the entity type.
 * @param context - the entity type.
 * @param entries - up to a thousand ids and patches.
 * @param options - ttl, deadline and signal.
 * @param onOutcome - told of outcomes in order; they are kept when it is left out.
 * @returns one outcome per entry.
 * @throws the error of the first entity that could not be changed; nothing was.
 */
export async function patchTogether(
  host: TransactionHost,
  definition: EntityDefinition,
  context: TypeContext,
  entries: BulkSource<PatchEntry<unknown>>,
  options: PatchManyOptions,
  onOutcome: Listener<PatchManyOutcome>,
): Promise<BulkRun<PatchManyOutcome>> {
  const all = await collect(entries, "patchMany", definition.name);
  const { metadata } = context;
  for (const entry of all) {
    checkEntry(context, entry);
    if (entry.ifVersion !== undefined) requireVersion(metadata, entry.id);
  }
  const { version } = metadata;
  await runTransaction(
    host,
    async (transaction) => {
      const repository = transaction.repository(definition);
      const ids = [...new Set(all.map(({ id }) => id))];
      const found = await Promise.all(ids.map((id) => repository.findById(id, { withDeleted: true })));
      const stored = new Map(ids.map((id, at) => [id, found[at] as Row | null]));
      for (const { id, patch, ifVersion } of all) {
        const entity = stored.get(id);
        const actual = version === undefined ? undefined : (entity?.[version] as number | undefined);
        if (ifVersion !== undefined && entity !== null && actual !== ifVersion) {
          throw versionConflict(metadata, id, "changed", ifVersion, actual);
        }
        // eslint-disable-next-line no-await-in-loop -- in order, since one id may come twice; nothing is sent
        stored.set(id, await repository.update(id, patch as PatchFor<never, never>, ttlOf(options)));
      }
    },
    callOptions(options),
  );
  return told(
    all.map(({ id }) => ({ ok: true, id })),
    options,
    onOutcome,
  );
}

/**
 * Deletes some entities: all of them, or none. One round trip (EVALSHA); a transaction, which reads them, where the type
 * deletes softly or has hooks for this.
 *
 * @param host - what transactions work with.
 * @param definition - the entity type.
 * @param context - the entity type.
 * @param ids - up to a thousand ids.
 * @param options - deadline and signal.
 * @param onOutcome - told of outcomes in order; they are kept when it is left out.
 * @param note - told of what is sent.
 * @returns one outcome per id.
 * @throws CorruptEntityError when the key of one holds something else; nothing was deleted.
 * @throws QueryError when relations say what comes before a deletion.
 */
export async function deleteTogether(
  host: TransactionHost,
  definition: EntityDefinition,
  context: TypeContext,
  ids: BulkSource<string>,
  options: BulkCallOptions,
  onOutcome: Listener<DeleteManyOutcome>,
  note: Note,
): Promise<BulkRun<DeleteManyOutcome>> {
  const { name, softDelete, hooks } = context.metadata;
  if (softDelete === undefined && context.related.graph.isRuled(name)) {
    throw new QueryError(
      `${name}.deleteMany: atomic and onDelete do not go together, since what relations take along is deleted in calls of its own; ` +
        "leave atomic out, or delete all of it in a transaction",
      { entity: name },
    );
  }
  const all = await collect(ids, "deleteMany", name);
  const encodedIds = all.map((id) => encodeId(id, name));
  if (softDelete !== undefined || hooks?.beforeDelete !== undefined || hooks?.afterDelete !== undefined) {
    return told(await deleteEach(host, definition, all, options), options, onOutcome);
  }
  const outcomes = encodedIds.length === 0 ? [] : await sendDeletions(context, encodedIds, true, options, note);
  for (const outcome of outcomes) if (!outcome.ok) throw outcome.error;
  return told(outcomes, options, onOutcome);
}

function deleteEach(
  host: TransactionHost,
  definition: EntityDefinition,
  ids: readonly string[],
  options: BulkCallOptions,
): Promise<DeleteManyOutcome[]> {
  return runTransaction(
    host,
    async (transaction) => {
      const repository = transaction.repository(definition);
      await Promise.all([...new Set(ids)].map((id) => repository.findById(id)));
      const outcomes: DeleteManyOutcome[] = [];
      for (const id of ids) {
        // eslint-disable-next-line no-await-in-loop -- in order, since one id may come twice; nothing is sent
        const deleted = (await repository.findById(id)) !== null;
        // eslint-disable-next-line no-await-in-loop
        if (deleted) await repository.delete(id);
        outcomes.push({ ok: true, id, deleted });
      }
      return outcomes;
    },
    callOptions(options),
  );
}

function ttlOf({ ttl }: { readonly ttl?: Ttl }): { readonly ttl?: Ttl } {
  return ttl === undefined ? {} : { ttl };
}

async function collect<I>(source: BulkSource<I>, operation: string, name: string): Promise<I[]> {
  const all: I[] = [];
  for await (const input of source) {
    if (all.length >= maxEntities) {
      throw new QueryError(
        `${name}.${operation}: atomic takes up to ${maxEntities} entities, what one call has room for; leave atomic out, or split them`,
        { entity: name },
      );
    }
    all.push(input);
  }
  return all;
}

function told<O>(outcomes: readonly O[], { onProgress }: BulkCallOptions, onOutcome: Listener<O>): BulkRun<O> {
  if (onOutcome !== undefined) for (const [index, outcome] of outcomes.entries()) onOutcome(outcome, index);
  onProgress?.({ done: outcomes.length, failed: 0 });
  return { outcomes, done: outcomes.length, failed: 0, stopped: false };
}
