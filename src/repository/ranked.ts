// Orders that no index holds: by distance, by relevance. What matches is read, rated and sorted here.
// Memory holds as many entities as the window needs, however many match.
import { ResultTooLargeError } from "../errors.ts";
import { checkQuery } from "../query/check.ts";
import { measure } from "../query/distance.ts";
import type { QueryNode } from "../query/node.ts";
import { compareText } from "../query/order.ts";
import { scorer, soughtWords } from "../query/relevance.ts";
import { presenter, propertiesOf, propertiesRead } from "../query/select.ts";
import { encodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import type { Ask } from "./keyset.ts";
import { countOf, withinReach } from "./nearest.ts";

type Row = Record<string, unknown>;

/** What an order is made of. */
export interface Ranking {
  /** What may be among the first. */
  readonly among: QueryNode;
  /** Rates an entity: the lowest comes first; what cannot be rated comes last. */
  readonly rate: (entity: Row) => number;
  /** The fields that the rate is made of. */
  readonly paths: readonly string[];
  /** Ties go by id, upwards or downwards. */
  readonly idSign: 1 | -1;
}

/** An entity and its place in the order. */
export interface Rated {
  readonly entity: Row;
  readonly id: string;
  readonly rate: number;
}

/**
 * Reads what a query finds, in an order that no index holds.
 *
 * @param context - the entity type.
 * @param query - a query with an order by distance or relevance.
 * @param ask - runs the steps of a query.
 * @param ceiling - the most without a limit.
 * @returns the entities of the window, in order.
 * @throws ResultTooLargeError when more match than the ceiling, and there is no limit.
 */
export async function ranked(context: TypeContext, query: QueryNode, ask: Ask, ceiling: number): Promise<Row[]> {
  const { metadata } = context;
  checkQuery(query);
  const { limit, offset } = query;
  if (limit === 0) return [];
  const need = limit === undefined ? ceiling + 1 : offset + limit;
  const ranking = await rankingOf(context, query, need, ask);
  const best = await bestOf(context, ranking, need, propertiesRead(query), ask);
  if (limit === undefined && best.length > ceiling) {
    throw new ResultTooLargeError(`${metadata.name}: more than ${ceiling} entities match; set a limit`, {
      entity: metadata.name,
    });
  }
  const present = presenter(query);
  return best.slice(offset).map(({ entity }) => present(entity));
}

/**
 * Reads what some query finds, and keeps the first of it by some rate.
 *
 * @param context - the entity type.
 * @param ranking - the query and the rate.
 * @param need - how many to keep.
 * @param chosen - the properties that are wanted of each entity; undefined for all.
 * @param ask - runs the steps of a query.
 * @returns the entities with their rates, in order.
 */
export async function bestOf(
  { engine, metadata }: TypeContext,
  { among, rate, paths, idSign }: Ranking,
  need: number,
  chosen: readonly string[] | undefined,
  ask: Ask,
): Promise<Rated[]> {
  const order = byRate(idSign);
  let best: Rated[] = [];
  const take = (entity: Row): void => {
    best.push({ entity, id: encodeId(entity[metadata.idField], metadata.name), rate: rate(entity) });
    // Those that cannot be among the first any more are let go from time to time.
    if (best.length > 2 * need + 1000) best = best.sort(order).slice(0, need);
  };
  const wanted = chosen ?? [...metadata.shape.fields.keys()];
  await ask(engine.tally(among, [{ properties: [metadata.idField, ...propertiesOf(paths), ...wanted], take }]));
  return best.sort(order).slice(0, need);
}

/**
 * The order by rate.
 *
 * @param idSign - whether ties go by id upwards or downwards.
 * @returns a comparer.
 */
export function byRate(idSign: 1 | -1): (left: Rated, right: Rated) => number {
  return (left, right) =>
    left.rate === right.rate ? compareText(left.id, right.id) * idSign : left.rate < right.rate ? -1 : 1;
}

async function rankingOf(context: TypeContext, query: QueryNode, need: number, ask: Ask): Promise<Ranking> {
  const { near, relevance: _, limit: _limit, ...others } = query;
  const whole: QueryNode = { ...others, limit: undefined, offset: 0 };
  if (near === undefined) return byRelevance(context, whole, ask);
  const { path, from, direction } = near;
  const metres = measure(path, from);
  const sign = direction === "desc" ? -1 : 1;
  return {
    among: direction === "desc" ? whole : await withinReach(context, whole, near, need, ask),
    rate: (entity) => (metres(entity) ?? Number.POSITIVE_INFINITY * sign) * sign,
    paths: [path],
    idSign: sign,
  };
}

// How rare a word is, the indexes tell, all words in one go.
async function byRelevance(context: TypeContext, whole: QueryNode, ask: Ask): Promise<Ranking> {
  const { metadata } = whole;
  const sought = soughtWords(whole.where);
  const every = { metadata, orderBy: [], limit: undefined, offset: 0 };
  const [total, ...counts] = await Promise.all([
    countOf(context, { ...every, where: { type: "and", items: [] } }, ask),
    ...sought.map(({ condition }) => countOf(context, { ...every, where: condition }, ask)),
  ]);
  const score = scorer(
    sought.map((word, at) => ({ ...word, entities: counts[at] as number })),
    total,
    metadata,
  );
  return { among: whole, rate: (entity) => -score(entity), paths: sought.map(({ path }) => path), idSign: 1 };
}
