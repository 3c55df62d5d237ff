// How far one has to look for what is nearest: circles around the place that grow until one holds enough.
// Where little matches anyway, nothing is asked.
import { earthRadius } from "../query/geo.ts";
import { both, type NearNode, type QueryNode } from "../query/node.ts";
import type { TypeContext } from "./context.ts";
import type { Ask } from "./keyset.ts";

/** So many are read without asking first how far away they are. */
const readAtOnce = 500;
/** Metres of the first circle, and how much greater the next one is. */
const firstRadius = 500;
const growth = 4;
/** Metres by which servers may see a place nearer or farther, twice. */
const rounding = 2;

/**
 * Counts what a query matches.
 *
 * @param context - the entity type.
 * @param query - the query.
 * @param ask - runs the steps of a query.
 * @returns the number.
 */
export async function countOf({ engine }: TypeContext, query: QueryNode, ask: Ask): Promise<number> {
  return (await ask(engine.plan(query, "count"))).count;
}

/**
 * Narrows a query to what may be among the nearest.
 *
 * @param context - the entity type.
 * @param whole - the query, without order and window.
 * @param near - the place.
 * @param need - how many are wanted.
 * @param ask - runs the steps of a query.
 * @returns the query within the smallest of some circles that holds enough; the whole when little matches, or none does.
 */
export async function withinReach(
  context: TypeContext,
  whole: QueryNode,
  { path, from }: NearNode,
  need: number,
  ask: Ask,
): Promise<QueryNode> {
  if ((await countOf(context, whole, ask)) <= Math.max(need, readAtOnce)) return whole;
  const inside = (radius: number): QueryNode => {
    const where = both(whole.where, Object.freeze({ type: "within", path, area: { center: from, radius } }));
    return { ...whole, where };
  };
  for (let radius = firstRadius; radius < Math.PI * earthRadius; radius *= growth) {
    // eslint-disable-next-line no-await-in-loop -- a greater circle is asked for only where the smaller one holds too few
    if ((await countOf(context, inside(radius), ask)) >= need) return inside(radius + rounding);
  }
  return whole;
}
