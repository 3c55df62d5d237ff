// What is nearest, or farthest: everything that may be among it is read, and sorted here by exact distance.
// Where only the first few are wanted, circles that grow find out how far one has to look.
import { ResultTooLargeError } from "../errors.ts";
import { checkQuery } from "../query/check.ts";
import { measure } from "../query/distance.ts";
import { earthRadius } from "../query/geo.ts";
import { both, type NearNode, type QueryNode } from "../query/node.ts";
import { compareText } from "../query/order.ts";
import { presenter, propertiesRead } from "../query/select.ts";
import { encodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import type { Ask } from "./keyset.ts";

type Row = Record<string, unknown>;

interface Ranked {
  readonly entity: Row;
  readonly id: string;
  readonly metres: number;
}

/** So many are read without asking first how far away they are. */
const readAtOnce = 500;
/** Metres of the first circle, and how much greater the next one is. */
const firstRadius = 500;
const growth = 4;
/** Metres by which servers may see a place nearer or farther, twice. */
const rounding = 2;

/**
 * Reads what a query finds, ordered by distance.
 *
 * @param context - the entity type.
 * @param query - a query with an order by distance.
 * @param ask - runs the steps of a query.
 * @param ceiling - the most without a limit.
 * @returns the entities of the window, in order.
 * @throws ResultTooLargeError when more match than the ceiling, and there is no limit.
 */
export async function nearest(context: TypeContext, query: QueryNode, ask: Ask, ceiling: number): Promise<Row[]> {
  const { engine, metadata } = context;
  checkQuery(query);
  const { near, limit, offset, ...others } = query;
  const { path, from, direction } = near as NearNode;
  const whole: QueryNode = { ...others, metadata, limit: undefined, offset: 0 };
  const need = limit === undefined ? ceiling + 1 : offset + limit;
  if (limit === 0) return [];
  const among = direction === "desc" ? whole : await withinReach(context, whole, near as NearNode, need, ask);
  const metresOf = measure(path, from);
  const sign = direction === "desc" ? -1 : 1;
  const order = (left: Ranked, right: Ranked): number => {
    if (left.metres === right.metres) return compareText(left.id, right.id) * sign;
    // What has no point comes last in both directions.
    if (left.metres === none || right.metres === none) return left.metres === none ? 1 : -1;
    return (left.metres - right.metres) * sign;
  };
  let best: Ranked[] = [];
  const take = (entity: Row): void => {
    const metres = metresOf(entity) ?? none;
    best.push({ entity, id: encodeId(entity[metadata.idField], metadata.name), metres });
    // Those that cannot be among the first any more are let go from time to time.
    if (best.length > 2 * need + 1000) best = best.sort(order).slice(0, need);
  };
  const properties = propertiesRead(query) ?? [...metadata.shape.fields.keys()];
  await ask(
    engine.tally(among, [{ properties: [metadata.idField, path.split(".", 1)[0] as string, ...properties], take }]),
  );
  if (limit === undefined && best.length > ceiling) {
    throw new ResultTooLargeError(`${metadata.name}: more than ${ceiling} entities match; set a limit`, {
      entity: metadata.name,
    });
  }
  const present = presenter(query);
  return best
    .sort(order)
    .slice(offset, need)
    .map(({ entity }) => present(entity));
}

/** The distance of what has no point. */
const none = Number.POSITIVE_INFINITY;

// The smallest of some circles that holds enough; everything when there is not much, or none holds enough.
async function withinReach(
  { engine }: TypeContext,
  whole: QueryNode,
  { path, from }: NearNode,
  need: number,
  ask: Ask,
): Promise<QueryNode> {
  const countOf = async (query: QueryNode): Promise<number> => (await ask(engine.plan(query, "count"))).count;
  if ((await countOf(whole)) <= Math.max(need, readAtOnce)) return whole;
  const inside = (radius: number): QueryNode => {
    const where = both(whole.where, Object.freeze({ type: "within", path, area: { center: from, radius } }));
    return { ...whole, where };
  };
  for (let radius = firstRadius; radius < Math.PI * earthRadius; radius *= growth) {
    // eslint-disable-next-line no-await-in-loop -- a greater circle is asked for only where the smaller one holds too few
    if ((await countOf(inside(radius))) >= need) return inside(radius + rounding);
  }
  return whole;
}
