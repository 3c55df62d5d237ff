// Reads that bring related entities along: what they are about is read first, then what is related to it.
// Reads that want nothing beside pass through untouched.
import { QueryError } from "../errors.ts";
import { highlightsName } from "../query/highlight.ts";
import type { QueryNode } from "../query/node.ts";
import type { QueryRunner, StreamOptions } from "../query/query.ts";
import type { TypeContext } from "./context.ts";
import { batchSizeOf, defaultBatch } from "./keyset.ts";
import { callOptions, type ReadOptions } from "./load.ts";
import { chosen, fieldsFor, relate, wantedOf } from "./relate.ts";

type Row = Record<string, unknown>;

/** What a read by id or unique value brings along, beside choosing fields. */
export interface RelatedRead {
  readonly select?: readonly string[];
  readonly with?: unknown;
}

/**
 * Reads entities and what is related to them.
 *
 * @param context - the entity type.
 * @param options - the chosen fields, what is wanted beside, and what holds for every read.
 * @param read - reads the entities, with nothing but some fields or whole; null where there is none.
 * @returns the entities, in the same places.
 */
export async function readRelated(
  context: TypeContext,
  { select, with: given, ...options }: RelatedRead & ReadOptions,
  read: (select: readonly string[] | undefined) => Promise<(Row | null)[]>,
): Promise<(Row | null)[]> {
  if (given === undefined) return read(select);
  const { metadata } = context;
  const wanted = wantedOf(context, given);
  const rows = await read(fieldsFor(metadata, select, wanted));
  const present = rows.filter((row) => row !== null);
  await relate(context, present, wanted, readingOptions(options));
  const finish = chosen(metadata, select, wanted);
  return rows.map((row) => (row === null ? null : finish(row)));
}

/**
 * Reads one entity and what is related to it.
 *
 * @param context - the entity type.
 * @param options - the chosen fields, what is wanted beside, and what holds for every read.
 * @param read - reads the entity, with nothing but some fields or whole.
 * @returns the entity, or null where there is none.
 */
export async function oneRelated(
  context: TypeContext,
  options: RelatedRead & ReadOptions,
  read: (select: readonly string[] | undefined) => Promise<Row | null>,
): Promise<Row | null> {
  const [found = null] = await readRelated(context, options, async (select) => [await read(select)]);
  return found;
}

/**
 * Makes what a query chain calls to be answered, related entities included.
 *
 * @param runner - answers queries that want nothing beside.
 * @param resolve - gives the type's context.
 * @returns the runner.
 */
export function relatingRunner(runner: QueryRunner<Row>, resolve: () => Promise<TypeContext>): QueryRunner<Row> {
  // Answers the query without what is wanted beside, then reads that.
  const around = async <T>(
    node: QueryNode,
    options: ReadOptions,
    read: (query: QueryNode) => Promise<T>,
    relateIn: (found: T, complete: Complete) => Promise<T>,
    added: readonly string[] = [],
  ): Promise<T> => {
    if (node.related === undefined) return read(node);
    const { related, ...query } = node;
    const context = await resolve();
    const { fields, complete } = plannedRead(context, query, related, options, added);
    return relateIn(await read(fields), complete);
  };
  const one = async (found: Row | null, complete: Complete): Promise<Row | null> =>
    found === null ? null : ((await complete([found]))[0] as Row);
  return {
    ...runner,
    all: (query, options) =>
      around(
        query,
        options,
        (plain) => runner.all(plain, options),
        (found, complete) => complete(found),
      ),
    first: (query, options) => around(query, options, (plain) => runner.first(plain, options), one),
    firstOrThrow: (query, options) =>
      around(
        query,
        options,
        (plain) => runner.firstOrThrow(plain, options),
        async (found, complete) => (await complete([found]))[0] as Row,
      ),
    one: (query, options) => around(query, options, (plain) => runner.one(plain, options), one),
    page: (query, options) =>
      around(
        query,
        options,
        (plain) => runner.page(plain, options),
        async ({ items, total }, complete) => ({ items: await complete(items), total }),
      ),
    keyset: (query, options) =>
      around(
        query,
        options,
        (plain) => runner.keyset(plain, options),
        async ({ items, cursor }, complete) => ({ items: await complete(items), cursor }),
      ),
    nearest: (query, node, options) =>
      around(
        query,
        options,
        (plain) => runner.nearest(plain, node, options),
        (found, complete) => complete(found),
        [node.as],
      ),
    stream: (query, options) =>
      query.related === undefined ? runner.stream(query, options) : streamRelated(runner, resolve, query, options),
  };
}

async function* streamRelated(
  runner: QueryRunner<Row>,
  resolve: () => Promise<TypeContext>,
  { related, ...query }: QueryNode,
  options: StreamOptions,
): AsyncGenerator<Row, void, undefined> {
  const size = batchSizeOf(options, defaultBatch, query.metadata.name);
  const context = await resolve();
  const { fields, complete } = plannedRead(context, query, related, options, []);
  let batch: Row[] = [];
  for await (const row of runner.stream(fields, options)) {
    batch.push(row);
    if (batch.length < size) continue;
    yield* await complete(batch);
    batch = [];
  }
  yield* await complete(batch);
}

type Complete = (rows: readonly Row[]) => Promise<Row[]>;

/** A query that reads what relations need, and what makes of its rows what the caller asked for. */
interface PlannedRead {
  readonly fields: QueryNode;
  readonly complete: Complete;
}

function plannedRead(
  context: TypeContext,
  query: QueryNode,
  related: unknown,
  options: ReadOptions,
  added: readonly string[],
): PlannedRead {
  const { metadata, select, measured, highlight } = query;
  const wanted = wantedOf(context, related);
  const others = [
    ...added,
    ...(measured === undefined ? [] : [measured.as]),
    ...(highlight === undefined ? [] : [highlightsName]),
  ];
  const taken = wanted.find(({ relation }) => others.includes(relation.name))?.relation.name;
  if (taken !== undefined) {
    throw new QueryError(`${metadata.name}: ${taken} is a relation, and the name of what the query adds; give { as }`, {
      entity: metadata.name,
    });
  }
  const fields = fieldsFor(metadata, select, wanted);
  const finish = chosen(metadata, select, wanted, others);
  return {
    fields: fields === undefined ? query : { ...query, select: fields },
    async complete(rows) {
      await relate(context, rows, wanted, readingOptions(options));
      return rows.map(finish);
    },
  };
}

// What holds for whatever is read; whether deleted entities are shown, or times prolonged, is said of the entities alone.
function readingOptions({ validate, onCorrupt, ...options }: ReadOptions): ReadOptions {
  return {
    ...callOptions(options),
    ...(validate === undefined ? {} : { validate }),
    ...(onCorrupt === undefined ? {} : { onCorrupt }),
  };
}
