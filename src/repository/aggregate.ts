// Aggregations and facets run: the engine gives the fields of every match, the groups are made here.
// One fold for every engine, so that none of them can compute differently.
import { QueryError } from "../errors.ts";
import type { Engine, Step } from "../engines/engine.ts";
import { type AggregateNode, checkAggregate, type Facet, type FacetOptions } from "../query/aggregate.ts";
import type { Operand, QueryNode } from "../query/node.ts";
import { compareValues } from "../query/order.ts";
import { Grouping } from "../query/reducers.ts";
import { propertiesOf } from "../query/select.ts";
import type { TypeContext } from "./context.ts";
import type { Ask } from "./keyset.ts";

type Row = Record<string, unknown>;

/** A name that no field has. */
const counter = "\u0000count";

/** Values per field when no limit is given. */
const defaultFacets = 100;

/**
 * Answers an aggregation.
 *
 * @param context - the entity type.
 * @param node - a checked aggregation.
 * @param ask - runs the steps of a query.
 * @returns one row per group, in no order.
 */
export async function aggregated({ engine }: TypeContext, node: AggregateNode, ask: Ask): Promise<Row[]> {
  const grouping = new Grouping(node);
  await ask(tallyOf(engine, node, grouping));
  return grouping.rows();
}

/**
 * The first step of an aggregation.
 *
 * @param engine - answers it.
 * @param node - the aggregation.
 * @param grouping - takes what is found.
 * @returns the step.
 */
export function tallyOf(engine: Engine, node: AggregateNode, grouping?: Grouping): Step {
  checkAggregate(node);
  const paths = [...node.groupBy, ...Object.values(node.reducers).flatMap(({ path }) => path ?? [])];
  return engine.tally(node.query, [{ properties: propertiesOf(paths), take: grouping?.take ?? (() => undefined) }]);
}

/**
 * Counts the values of some fields.
 *
 * @param context - the entity type.
 * @param query - says among which entities.
 * @param paths - the fields.
 * @param options - the most values per field.
 * @param ask - runs the steps of a query.
 * @returns the values of each field, most frequent first.
 */
export async function facetsOf(
  { engine }: TypeContext,
  query: QueryNode,
  paths: readonly string[],
  { limit = defaultFacets }: FacetOptions,
  ask: Ask,
): Promise<Record<string, Facet<unknown>[]>> {
  const { name } = query.metadata;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new QueryError(`${name}: the limit of facets is a whole number from 1, not ${String(limit)}`, {
      entity: name,
    });
  }
  const { metadata, where, raw } = query;
  const all: QueryNode = { metadata, where, limit: undefined, offset: 0, orderBy: [] };
  const among = raw === undefined ? all : { ...all, raw };
  const counted = paths.map((path) => {
    const node: AggregateNode = {
      query: among,
      groupBy: [path],
      reducers: { [counter]: { type: "count", path: undefined, share: undefined } },
    };
    checkAggregate(node);
    return { path, grouping: new Grouping(node) };
  });
  await ask(
    engine.tally(
      among,
      counted.map(({ path, grouping }) => ({ properties: propertiesOf([path]), take: grouping.take })),
    ),
  );
  return Object.fromEntries(counted.map(({ path, grouping }) => [path, mostFrequent(grouping.rows(), path, limit)]));
}

function mostFrequent(rows: readonly Row[], path: string, limit: number): Facet<unknown>[] {
  const facets = rows.flatMap((row) => {
    const value = row[path] as Operand | null;
    return value === null ? [] : [{ value, count: row[counter] as number }];
  });
  facets.sort((left, right) => right.count - left.count || compareValues(left.value, right.value));
  return facets.slice(0, limit);
}
