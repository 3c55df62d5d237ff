// Streams by id where a page costs a look at everything that matches: ids are looked up many at a time.
// Documents are read batch by batch, and whatever changed since its id was found is asked again whether it matches.
import { CorruptEntityError } from "../errors.ts";
import type { Condition, QueryNode } from "../query/node.ts";
import { matches } from "../query/matches.ts";
import type { CallOptions } from "../query/query.ts";
import { presenter, propertiesOf, propertiesRead } from "../query/select.ts";
import type { TypeContext } from "./context.ts";
import type { Ask, IdsAhead } from "./keyset.ts";
import { DocumentReader } from "../engines/documents.ts";
import { loadChunk, settle } from "./load.ts";
import type { Note } from "./observe.ts";

type Row = Record<string, unknown>;

/**
 * How many ids to look up at once.
 *
 * @param context - the entity type.
 * @param query - a query without an order.
 * @returns the number; undefined where pages cost little, or only the server can say what matches.
 */
export function idsAhead({ engine }: TypeContext, { where, raw }: QueryNode): number | undefined {
  // Servers round places: what lies on the border of an area is theirs to decide, like what they say in their own language.
  const theirs =
    raw !== undefined || comparisons(where).some(({ type }) => type === "within" || type === "matchNative");
  return theirs ? undefined : engine.idsAhead;
}

/**
 * Looks up the ids behind one.
 *
 * @param context - the entity type.
 * @param query - a query without an order; its limit is the most ids that are needed.
 * @param id - an id as it stands in keys.
 * @param most - how many to look up at once.
 * @param ask - runs the steps of a query.
 * @returns the ids in order.
 */
export async function idsBehind(
  { engine }: TypeContext,
  query: QueryNode,
  id: string,
  most: number,
  ask: Ask,
): Promise<IdsAhead> {
  const limit = Math.min(most, query.limit ?? most);
  const { ids } = await ask(engine.plan({ ...query, limit, after: { terms: [], id } }, "ids"));
  return { ids, more: ids.length >= limit };
}

/**
 * Reads what of some ids is still there and matches.
 *
 * @param context - the entity type.
 * @param query - the query that found them.
 * @param ids - ids as they stand in keys.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns the entities, in the order of the ids.
 */
export async function stillMatching(
  context: TypeContext,
  query: QueryNode,
  ids: readonly string[],
  options: CallOptions,
  note: Note,
): Promise<Row[]> {
  const chosen = propertiesRead(query);
  const asked = propertiesOf(comparisons(query.where).map(({ path }) => path));
  const codec = context.codec.only(chosen && [...chosen, ...asked]);
  const present = presenter(query);
  const reader = codec === context.codec ? context.reader : new DocumentReader(context.layout, codec);
  const found = await loadChunk(context, ids, options, note, "query.stream", { codec, reader });
  const rows = found.map((row) =>
    row === null || row instanceof CorruptEntityError || matches(query.where, row, context.metadata) ? row : null,
  );
  return settle(rows, undefined).flatMap((row) => (row === null ? [] : [present(row)]));
}

function comparisons(condition: Condition): Exclude<Condition, { type: "and" | "or" | "not" }>[] {
  switch (condition.type) {
    case "and":
    case "or":
      return condition.items.flatMap(comparisons);
    case "not":
      return comparisons(condition.item);
    default:
      return [condition];
  }
}
