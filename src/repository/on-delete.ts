// What relations say of entities that are to be deleted: who forbids it, who goes before them, who loses the reference.
// Children go first, so that whatever breaks off midway leaves nobody who refers to nothing.
import { unset } from "../codec/patch/operators.ts";
import { DeadlineError, RelationError, VersionConflictError } from "../errors.ts";
import { undeleted } from "../query/deleted.ts";
import { both, type Condition, everything, type QueryNode } from "../query/node.ts";
import type { CallOptions } from "../query/query.ts";
import type { EntityDefinition } from "../schema/entity.ts";
import { decodeId, encodeId } from "../schema/key.ts";
import type { DeleteRule, RelationGraph } from "../schema/relation-graph.ts";
import { shapeAt, valueAt } from "../schema/shape.ts";
import type { TypeContext } from "./context.ts";
import { answer } from "./find.ts";
import { filled } from "./keyset.ts";
import { rowsOf } from "./load.ts";
import type { Note } from "./observe.ts";
import { removeFound } from "./remove-found.ts";
import { defaultBackoff, patchRetries, pauseBeforeRetry } from "./retry.ts";
import { deleteFound, updateFound } from "./update-found.ts";

/** The relations of a database, and what follows from them. */
export interface RelatedTypes {
  readonly graph: RelationGraph;
  /** The context of a type. */
  readonly contextOf: (definition: EntityDefinition) => Promise<TypeContext>;
  /**
   * Does what relations say of entities that are about to be deleted.
   *
   * @throws RelationError when one of them, or of those that would go with it, is still referred to; nothing was changed.
   */
  readonly prepareDeletion: (
    context: TypeContext,
    encodedIds: readonly string[],
    options: CallOptions,
    note: Note,
    deletion?: Deletion,
  ) => Promise<void>;
}

/** One deletion on its way through the relations. */
export interface Deletion {
  /** Encoded ids of those that wait for what goes before them, by type; only of types that may be met again. */
  readonly leaving: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Ids that a look ahead takes at once. */
const pageSize = 1000;

/**
 * Makes what operations know of other types.
 *
 * @param graph - the relations.
 * @param contextOf - the context of a type.
 * @returns both, and what deletions do because of them.
 */
export function relatedTypes(graph: RelationGraph, contextOf: RelatedTypes["contextOf"]): RelatedTypes {
  return { graph, contextOf, prepareDeletion };
}

/** What each step of a deletion needs. */
interface Call {
  readonly options: CallOptions;
  readonly note: Note;
}

async function prepareDeletion(
  context: TypeContext,
  encodedIds: readonly string[],
  options: CallOptions,
  note: Note,
  deletion?: Deletion,
): Promise<void> {
  const { metadata, related } = context;
  const { rules, cyclic, restricts } = related.graph.rulesOf(metadata.name);
  if (rules.length === 0) return;
  const call = { options, note };
  // Everything that would go is looked at before anything does.
  if (restricts && deletion === undefined) await refuseReferred(context, encodedIds, call, new Set());
  const leaving = new Map(deletion?.leaving);
  if (cyclic) leaving.set(metadata.name, new Set([...(leaving.get(metadata.name) ?? []), ...encodedIds]));
  for (const rule of rules) {
    // eslint-disable-next-line no-await-in-loop -- one after another, so that a failure leaves the rest as it is
    if (rule.action !== "restrict") await follow(context, rule, encodedIds, call, { leaving });
  }
}

async function follow(
  context: TypeContext,
  { child, path, action, relation }: DeleteRule,
  encodedIds: readonly string[],
  { options, note }: Call,
  deletion: Deletion,
): Promise<void> {
  const { metadata } = child;
  const target = await context.related.contextOf(child);
  const ask = asker(target, { options, note });
  const change = (): ReturnType<typeof removeFound> => {
    if (action === "setNull") {
      // What is deleted softly may come back, and shall not refer to nothing then.
      const query = referring(child, path, encodedIds, everything);
      const nullable = shapeAt(metadata.shape, path)?.shape.nullable === true;
      return updateFound(target, query, { [path]: nullable ? null : unset() }, options, ask, note);
    }
    const query = referring(child, path, encodedIds, undeleted(metadata));
    return metadata.softDelete === undefined
      ? removeFound(target, query, options, ask, note, "delete", deletion)
      : deleteFound(target, query, options, ask, note);
  };
  for (let tries = 0; ; tries += 1) {
    // eslint-disable-next-line no-await-in-loop -- again, where others changed what was found
    const { conflicts } = await change();
    if (conflicts === 0) return;
    const { name } = metadata;
    const parent = context.metadata.name;
    if (tries >= patchRetries) {
      throw new VersionConflictError(
        `${name}: entities that refer to a ${parent} (${relation}) were changed by others ${tries + 1} times while they were ` +
          `being deleted or changed; the ${parent} was not deleted: try again later`,
        { entity: name, expected: null, actual: null },
      );
    }
    const late = (cause: unknown): DeadlineError =>
      new DeadlineError(`${parent}.delete: the signal fired; the ${parent} was not deleted`, { entity: parent, cause });
    // eslint-disable-next-line no-await-in-loop
    await pauseBeforeRetry(tries, defaultBackoff, options.signal, late);
  }
}

// Goes over all that a deletion would take along, and deletes nothing.
async function refuseReferred(
  context: TypeContext,
  encodedIds: readonly string[],
  call: Call,
  seen: Set<string>,
): Promise<void> {
  const { metadata, related } = context;
  const { rules, cyclic } = related.graph.rulesOf(metadata.name);
  const placeOf = (id: string): string => `${metadata.name} ${id}`;
  const fresh = encodedIds.filter((id) => !seen.has(placeOf(id)));
  if (cyclic) for (const id of fresh) seen.add(placeOf(id));
  if (fresh.length === 0) return;
  for (const rule of rules) {
    const { child, path, action } = rule;
    // eslint-disable-next-line no-await-in-loop -- the first that forbids it ends it
    const target = await related.contextOf(child);
    const query = referring(child, path, fresh, undeleted(child.metadata));
    // eslint-disable-next-line no-await-in-loop
    if (action === "restrict") await refuse(context, target, rule, query, fresh, call);
    if (action !== "cascade" || child.metadata.softDelete !== undefined) continue;
    if (!related.graph.rulesOf(child.name).restricts) continue;
    // eslint-disable-next-line no-await-in-loop
    for await (const ids of pagesOf(target, query, call)) await refuseReferred(target, ids, call, seen);
  }
}

async function refuse(
  { metadata: { name } }: TypeContext,
  target: TypeContext,
  { child, path, relation }: DeleteRule,
  query: QueryNode,
  encodedIds: readonly string[],
  call: Call,
): Promise<void> {
  const { idField } = child.metadata;
  // Those that go themselves forbid nothing.
  const own = child.name === name ? new Set(encodedIds) : new Set<string>();
  const few = { ...query, select: [idField, path], limit: own.size + 1 };
  const found = await filled(() => asker(target, call)(target.engine.plan(few, "rows")));
  const referrer = rowsOf(target, few, found, {}).find((row) => !own.has(encodeId(row[idField], child.name)));
  if (referrer === undefined) return;
  const [id, referrerId] = [String(valueAt(referrer, path.split("."))), String(referrer[idField])];
  throw new RelationError(
    `${name} ${JSON.stringify(id)} is not deleted: ${child.name} ${JSON.stringify(referrerId)} refers to it by ${path}, ` +
      `and ${relation} says restrict; delete or change what refers to it first`,
    { entity: name, id, relation, referrer: child.name, referrerId },
  );
}

async function* pagesOf(target: TypeContext, query: QueryNode, call: Call): AsyncGenerator<readonly string[]> {
  let after: QueryNode["after"] = "start";
  for (;;) {
    const page: QueryNode = { ...query, limit: pageSize, after };
    // eslint-disable-next-line no-await-in-loop -- each page begins where the last one ended
    const { ids } = await asker(target, call)(target.engine.plan(page, "ids"));
    const last = ids.at(-1);
    if (last === undefined) return;
    yield ids;
    after = { terms: [], id: last };
  }
}

function asker(
  target: TypeContext,
  { options, note }: Call,
): (step: Parameters<typeof answer>[1]) => ReturnType<typeof answer> {
  return (step) => answer(target, step, "delete", options, note);
}

function referring(
  { metadata }: EntityDefinition,
  path: string,
  encodedIds: readonly string[],
  among: Condition,
): QueryNode {
  const values = encodedIds.map(decodeId);
  return { metadata, where: both(among, { type: "in", path, values }), orderBy: [], limit: undefined, offset: 0 };
}
