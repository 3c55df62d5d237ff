// Queries run: the engine's steps are sent one after another, and the rows they give are decoded.
// Nothing is cut: more than the ceiling is an error that names the cure.
import { EntityNotFoundError, isRemoraError, QueryError, ResultTooLargeError } from "../errors.ts";
import { type Answer, type Engine, isStep, type Step } from "../engines/engine.ts";
import { softDeleteOf } from "../query/deleted.ts";
import { isRanked, type QueryNode } from "../query/node.ts";
import type { CallOptions, Page, QueryRunner } from "../query/query.ts";
import { requestWords } from "../redis/command.ts";
import { toRemoraError } from "../redis/failures.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { callOptions, rowsOf } from "./load.ts";
import { describeNearest, nearestOf } from "./neighbours.ts";
import { ranked } from "./ranked.ts";
import { type Note, observe } from "./observe.ts";
import { aggregated, facetsOf, tallyOf } from "./aggregate.ts";
import { defaultCeiling, explained } from "./explain.ts";
import { idsAhead, idsBehind, stillMatching } from "./ahead.ts";
import { type Ask, keysetPage, streamPages } from "./keyset.ts";
import { perPartition } from "./partitions.ts";
import { removeFound } from "./remove-found.ts";
import { deleteFound, updateFound } from "./update-found.ts";
import { forgetCall } from "./remove.ts";
import { forbidden } from "./save.ts";

/** How many vanished documents one read tidies up after. */
const maxReaped = 1000;

type Row = Record<string, unknown>;

/**
 * Makes what a query chain calls to be answered.
 *
 * @param resolve - gives the type's context.
 * @returns the runner.
 */
export function queryRunner(resolve: () => Promise<TypeContext>): QueryRunner<Row> {
  const run = async <T>(
    operation: string,
    query: QueryNode,
    options: CallOptions,
    work: (context: TypeContext, ask: Ask, note: Note) => Promise<T>,
  ): Promise<T> => {
    const context = await resolve();
    return observe(
      context.metadata,
      operation,
      () => context.engine.describe(query, "rows").plan,
      (note) => work(context, (step) => answer(context, step, operation, options, note), note),
    );
  };

  const runner: QueryRunner<Row> = {
    all: (query, options) =>
      run("query.all", query, options, async (context, ask) => {
        if (isRanked(query)) return ranked(context, query, ask, defaultCeiling);
        return rowsOf(context, query, await every(context.engine, query, "rows", ask), options);
      }),
    first: (query, options) =>
      run("query.first", query, options, async (context, ask) => {
        const [row = null] = await upTo(1, context, query, options, ask);
        return row;
      }),
    async firstOrThrow(query, options) {
      const row = await runner.first(query, options);
      if (row !== null) return row;
      throw new EntityNotFoundError(`${query.metadata.name}: no entity matches the query`, {
        entity: query.metadata.name,
      });
    },
    one: (query, options) =>
      run("query.one", query, options, async (context, ask) => {
        const [row = null, second] = await upTo(2, context, query, options, ask);
        if (second === undefined) return row;
        const { name } = query.metadata;
        throw new QueryError(`${name}: one() found several entities; narrow the query, or take first()`, {
          entity: name,
        });
      }),
    keyset: (query, options) =>
      run("query.keyset", query, options, (context, ask) => keysetPage(context, query, options, ask)),
    stream: (query, options) =>
      streamPages(query, options, {
        page: (page, call) => runner.keyset(page, call),
        async idsBehind(page, id, call) {
          const most = idsAhead(await resolve(), page);
          if (most === undefined) return undefined;
          return run("query.ids", page, call, (context, ask) => idsBehind(context, page, id, most, ask));
        },
        read: (page, ids, call) =>
          run("query.keyset", page, call, (context, _ask, note) => stillMatching(context, page, ids, call, note)),
      }),
    page: (query, options) =>
      run("query.page", query, options, async (context, ask): Promise<Page<Row>> => {
        const limited = { ...query, limit: query.limit ?? defaultCeiling };
        if (isRanked(query)) {
          const { near: _, relevance: _relevance, ...unordered } = limited;
          const { count } = await ask(context.engine.plan(unordered, "count"));
          return { items: await ranked(context, limited, ask, defaultCeiling), total: count };
        }
        const found = await ask(context.engine.plan(limited, "page"));
        return { items: rowsOf(context, query, found, options), total: found.count };
      }),
    nearest: (query, node, options) =>
      run("query.nearest", query, options, (context, ask) => nearestOf(context, query, node, ask)),
    count: (query, options) =>
      run(
        "query.count",
        query,
        options,
        async (context, ask) => (await ask(context.engine.plan(query, "count"))).count,
      ),
    ids: (query, options) =>
      run("query.ids", query, options, async (context, ask) => {
        if (!isRanked(query)) return (await every(context.engine, query, "ids", ask)).ids.map(decodeId);
        const { idField } = query.metadata;
        const rows = await ranked(context, { ...query, select: [idField] }, ask, defaultCeiling);
        return rows.map((row) => row[idField] as string);
      }),
    delete: (query, options) =>
      run("query.delete", query, options, (context, ask, note) =>
        (context.metadata.softDelete === undefined ? removeFound : deleteFound)(context, query, options, ask, note),
      ),
    purge: (query, options) =>
      run("query.purge", query, options, (context, ask, note) => {
        softDeleteOf(context.metadata, "purge");
        return removeFound(context, query, options, ask, note, "purge");
      }),
    update: (query, patch, options) =>
      run("query.update", query, options, (context, ask, note) =>
        updateFound(context, query, patch, options, ask, note),
      ),
    aggregate: (node, options) =>
      run("query.aggregate", node.query, options, (context, ask) => aggregated(context, node, ask)),
    facets: (query, paths, options) =>
      run("query.facets", query, options, (context, ask) => facetsOf(context, query, paths, options, ask)),
    explainAggregate: (node) =>
      run("query.explain", node.query, {}, async (context, ask) => {
        const { requests } = tallyOf(context.engine, node);
        const { plan, text, ...rest } = await explained(context, node.query, {}, ask, () => Promise.resolve(0));
        const last = "group and reduce here, as the rows come";
        return { ...rest, plan: [...plan, last], commands: requests.map(requestWords), text: `${text}\n  ${last}` };
      }),
    explainNearest: (query, node, options) =>
      run("query.explain", query, options, (context, ask) =>
        explained(
          context,
          query,
          options,
          ask,
          async (timed) => (await nearestOf(context, query, node, timed)).length,
          describeNearest(context, query, node),
        ),
      ),
    explain: (query, options) =>
      run("query.explain", query, options, (context, ask) => {
        const limited = { ...query, limit: query.limit ?? defaultCeiling };
        return explained(context, query, options, ask, async (timed) =>
          !isRanked(query)
            ? (await timed(context.engine.plan(limited, "rows"))).rows.length
            : (await ranked(context, limited, timed, defaultCeiling)).length,
        );
      }),
  };
  return runner;
}

async function upTo(
  most: number,
  context: TypeContext,
  query: QueryNode,
  options: CallOptions,
  ask: Ask,
): Promise<Row[]> {
  const few = { ...query, limit: Math.min(query.limit ?? most, most) };
  if (isRanked(query)) return ranked(context, few, ask, defaultCeiling);
  return rowsOf(context, query, await ask(context.engine.plan(few, "rows")), options);
}

async function every(engine: Engine, query: QueryNode, want: "rows" | "ids", ask: Ask): Promise<Answer> {
  if (query.limit !== undefined) return ask(engine.plan(query, want));
  const found = await ask(engine.exhaust(query, defaultCeiling, want));
  if (found.count <= defaultCeiling) return found;
  const { name } = query.metadata;
  throw new ResultTooLargeError(
    `${name}: more than ${defaultCeiling} entities match; set a limit, page through them, or count them`,
    { entity: name },
  );
}

/**
 * Runs the steps of a query.
 *
 * @param context - the entity type.
 * @param first - the first step.
 * @param operation - what is being done, for errors.
 * @param options - deadline of each round trip, and signal.
 * @param note - told of what is sent.
 * @returns the answer.
 */
export async function answer(
  context: TypeContext,
  first: Step,
  operation: string,
  options: CallOptions,
  note: (commands: Step["requests"], rows: number) => void,
): Promise<Answer> {
  const { executor, metadata } = context;
  const attempt = { operation, write: false, entity: metadata.name, ...callOptions(options) };
  let outcome: Answer | Step = first;
  while (isStep(outcome)) {
    const { requests, read, abandon }: Step = outcome;
    note(requests, 0);
    try {
      // eslint-disable-next-line no-await-in-loop -- each step depends on the reply to the one before
      const replies = requests.length === 0 ? [] : await executor.many(requests, attempt);
      outcome = readStep(
        () => read(replies),
        (error) => toRemoraError(error, attempt),
      );
    } catch (error) {
      // eslint-disable-next-line no-await-in-loop -- the loop ends here
      if (abandon !== undefined) await freed(context, abandon, operation);
      throw error;
    }
  }
  note([], Math.max(outcome.rows.length, outcome.ids.length));
  if (outcome.ghosts.length > 0) await reap(context, outcome.ghosts);
  return outcome;
}

// What the server keeps for a query that failed midway is given back; it would let go of it by itself, later.
async function freed(context: TypeContext, requests: Step["requests"], operation: string): Promise<void> {
  try {
    await context.executor.many(requests, { operation, write: false, entity: context.metadata.name });
  } catch (error) {
    if (!isRemoraError(error)) throw error;
  }
}

// Engines throw what the driver gave them; here it becomes one of our errors.
function readStep(read: () => Answer | Step, explain: (error: Error) => Error): Answer | Step {
  try {
    return read();
  } catch (error) {
    throw isRemoraError(error) ? error : explain(error as Error);
  }
}

// Documents that vanished behind our back leave index entries: they are forgotten on sight.
async function reap(context: TypeContext, encodedIds: readonly string[]): Promise<void> {
  const { metadata } = context;
  if (context.readOnly) return;
  try {
    await observe(metadata, "reap", undefined, async (note) => {
      const send = async (home: TypeContext, own: readonly string[]): Promise<readonly never[]> => {
        const call = forgetCall(home, home.scripts.reap, own);
        note([call], own.length);
        const reply = await home.executor.one(call, { operation: "reap", write: true, entity: metadata.name });
        if (reply !== "OK") throw forbidden(home, String(reply));
        return [];
      };
      await perPartition(context, encodedIds.slice(0, maxReaped), (id) => id, send);
    });
  } catch (error) {
    // The read itself succeeded, perhaps by a user who may not write: the failure was published, no more.
    if (!isRemoraError(error)) throw error;
  }
}
