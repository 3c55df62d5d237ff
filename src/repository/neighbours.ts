// The nearest vectors: an index proposes, the exact distances of the stored vectors decide.
// Servers compute with 32 bits, so more are asked for until none that was passed over can be as near.
import { distanceFrom, passedOver } from "../codec/vector.ts";
import { type Engine, everyMatch } from "../engines/engine.ts";
import { checkQuery } from "../query/check.ts";
import { both, type Condition, type QueryNode } from "../query/node.ts";
import { presenter, propertiesRead } from "../query/select.ts";
import { checkNearest, type NearestNode } from "../query/vector.ts";
import type { VectorSettings } from "../schema/index-kinds.ts";
import { decodeId } from "../schema/key.ts";
import { valueAt } from "../schema/shape.ts";
import type { TypeContext } from "./context.ts";
import type { Ask } from "./keyset.ts";
import { bestOf, byRate, type Rated, type Ranking } from "./ranked.ts";

type Row = Record<string, unknown>;

/** So many more are asked for than are wanted, then so many times as many, up to what servers give at once. */
const margin = 3;
const growth = 4;
const mostAtOnce = 10_000;

/**
 * Reads the entities whose vectors are nearest to one.
 *
 * @param context - the entity type.
 * @param query - says among which entities, and what is wanted of each.
 * @param node - the vector.
 * @param ask - runs the steps of a query.
 * @returns the entities with their distances, nearest first, ties by id.
 */
export async function nearestOf(context: TypeContext, query: QueryNode, node: NearestNode, ask: Ask): Promise<Row[]> {
  checkQuery(query);
  const { path, to, k, maxDistance, as } = node;
  const { vector, absentable, names } = checkNearest(query, node);
  const distance = distanceFrom(to, vector.metric);
  const rate = (entity: Row): number => {
    const held = valueAt(entity, names);
    // One that lost its vector since its index was asked.
    return held === undefined ? Number.POSITIVE_INFINITY : distance(held as readonly number[]);
  };
  let best = await proposedBy(context, query, node, vector, rate, ask);
  if (best === undefined) {
    const held: Condition = { type: "not", item: { type: "isNull", path } };
    const among = absentable ? { ...query, where: both(query.where, held) } : query;
    const ranking: Ranking = { among, rate, paths: [path], idSign: 1 };
    best = await bestOf(context, ranking, k, propertiesRead(query), ask);
  }
  const present = presenter(query);
  return best
    .filter((found) => Number.isFinite(found.rate) && found.rate <= maxDistance)
    .slice(0, k)
    .map((found) => Object.assign(present(found.entity), { [as]: found.rate }));
}

/**
 * Describes how the nearest would be found.
 *
 * @param context - the entity type.
 * @param query - says among which entities.
 * @param node - the vector.
 * @returns the plan; its requests are those of the first round trip.
 */
export function describeNearest(
  { engine }: TypeContext,
  query: QueryNode,
  node: NearestNode,
): ReturnType<Engine["describe"]> {
  checkQuery(query);
  checkNearest(query, node);
  const { path, k } = node;
  const requests = engine.neighbours?.(query, node, k + margin).requests ?? [];
  if (requests.length > 0) {
    const first = `ask the index of ${path} for ${k + margin} that are nearest`;
    const second =
      "rate them here by their exact distances, and ask for more while one that was passed over may be as near";
    return { plan: [first, second], requests, roundTrips: 1 };
  }
  const reading = engine.describe({ ...query, limit: everyMatch }, "rows");
  return { ...reading, plan: [...reading.plan, `read the vectors of ${path}, and sort by their exact distances here`] };
}

// What an index gives, in exact order; undefined where none can answer, and all that matches has to be read.
async function proposedBy(
  { engine, codec }: TypeContext,
  query: QueryNode,
  node: NearestNode,
  settings: VectorSettings,
  rate: (entity: Row) => number,
  ask: Ask,
): Promise<Rated[] | undefined> {
  const { k, path, maxDistance } = node;
  const approximate = settings.algorithm === "hnsw" && !node.exact;
  if (engine.neighbours === undefined) return undefined;
  if (!approximate && settings.metric === "ip") return undefined;
  const { select } = query;
  const wanted = select === undefined ? query : { ...query, select: [...select, path] };
  const part = codec.only(propertiesRead(wanted));
  for (let count = approximate ? k : k + margin; count <= mostAtOnce; count *= growth) {
    // eslint-disable-next-line no-await-in-loop -- more are asked for only where these are not enough
    const answer = await ask(engine.neighbours(wanted, node, count));
    if (answer.count < 0) return undefined;
    const rated = answer.rows.map(({ stored, encodedId }) => {
      const entity = part.decode(stored, decodeId(encodedId));
      return { entity, id: encodedId, rate: rate(entity) };
    });
    rated.sort(byRate(1));
    const others = passedOver(rated.at(-1)?.rate ?? 0, settings);
    const last = rated[k - 1]?.rate ?? Number.POSITIVE_INFINITY;
    if (approximate || answer.count < count || others > Math.min(last, maxDistance)) return rated;
  }
  return undefined;
}
