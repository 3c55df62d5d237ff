// Pages by their place in the order, and streams made of such pages.
// Nothing is kept on the server between two pages, so a page may be asked for days later, or never.
import { QueryError } from "../errors.ts";
import type { Answer, Step } from "../engines/engine.ts";
import { checkQuery } from "../query/check.ts";
import { type Position, type QueryNode, refuseRanked } from "../query/node.ts";
import { positionOf, readCursor, writeCursor } from "../query/position.ts";
import type { BatchOptions, CallOptions, KeysetOptions, KeysetPage, StreamOptions } from "../query/query.ts";
import { propertiesRead } from "../query/select.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { decodeRow, type ReadOptions, rowsOf } from "./load.ts";

/** Runs the steps of a query. */
export type Ask = (step: Step) => Promise<Answer>;

type Row = Record<string, unknown>;

/** Entities of a page when no limit is given. */
const defaultPage = 100;
/** Entities per round trip of a stream, when nothing else is said. */
export const defaultBatch = 200;
const maxBatch = 1000;

/**
 * Reads one page.
 *
 * @param context - the entity type.
 * @param query - the query; its limit is the size of the page.
 * @param options - the cursor, deadline and signal.
 * @param ask - runs the steps.
 * @returns entities, and the cursor of the next page.
 */
export async function keysetPage(
  context: TypeContext,
  query: QueryNode,
  options: KeysetOptions & ReadOptions,
  ask: Ask,
): Promise<KeysetPage<Row>> {
  const { name } = query.metadata;
  const { limit = defaultPage, offset } = query;
  refuseRanked(query, "keyset");
  if (offset !== 0) throw new QueryError(`${name}: keyset takes a cursor, not an offset`, { entity: name });
  if (limit === 0) throw new QueryError(`${name}: the limit of keyset is from 1`, { entity: name });
  const after = options.after === undefined || options.after === null ? "start" : readCursor(options.after, query);
  const paged: QueryNode = { ...query, limit, after };
  const found = await filled(() => ask(context.engine.plan(paged, "rows")));
  // A page that is short because documents vanished while it was read is not the last one.
  const last = found.rows.length + found.ghosts.length < limit ? undefined : found.rows.at(-1);
  const items = rowsOf(context, paged, found, options);
  if (last === undefined) return { items, cursor: null };
  const codec = context.codec.only(propertiesRead(paged));
  const entity = decodeRow(context, last.stored, decodeId(last.encodedId), codec, options);
  // The place of a document that fits no schema is not known.
  if (entity instanceof Error) throw entity;
  const position: Position = positionOf(entity, last.encodedId, query);
  return { items, cursor: writeCursor(position, query) };
}

/**
 * Reads again while nothing but vanished documents comes: they say nothing about what is behind them.
 *
 * @param read - asks the query; each time sees what the one before tidied up.
 * @returns the first answer with rows, or the last one.
 */
export async function filled(read: () => Promise<Answer>): Promise<Answer> {
  let found = await read();
  let before: string | undefined;
  while (found.rows.length === 0 && found.ghosts.length > 0 && found.ghosts[0] !== before) {
    [before] = found.ghosts;
    // eslint-disable-next-line no-await-in-loop -- each read sees what the one before tidied up
    found = await read();
  }
  return found;
}

/**
 * Checks how many entities a batch may have.
 *
 * @param options - what the caller said.
 * @param otherwise - the size when the caller said nothing.
 * @param name - the entity type's name.
 * @returns the size.
 * @throws QueryError when it is none.
 */
export function batchSizeOf({ batchSize }: BatchOptions, otherwise: number, name: string): number {
  const size = batchSize === undefined ? otherwise : batchSize;
  if (Number.isSafeInteger(size) && size >= 1 && size <= maxBatch) return size;
  throw new QueryError(`${name}: batchSize is a whole number from 1 to ${maxBatch}`, { entity: name });
}

/** What a stream is made of. */
export interface StreamParts {
  /** Reads a page. */
  readonly page: (query: QueryNode, options: KeysetOptions) => Promise<KeysetPage<Row>>;
  /** Looks up encoded ids behind one, up to the query's limit and `most`; undefined where pages do as well. */
  readonly idsBehind: (query: QueryNode, id: string, options: CallOptions) => Promise<IdsAhead | undefined>;
  /** Reads what of some ids still matches. */
  readonly read: (query: QueryNode, ids: readonly string[], options: CallOptions) => Promise<Row[]>;
}

/** Ids that a stream has looked up. */
export interface IdsAhead {
  readonly ids: readonly string[];
  /** Whether there may be more behind them. */
  readonly more: boolean;
}

/**
 * Streams everything that matches, page by page.
 *
 * @param query - the query; its limit ends the stream.
 * @param options - batch size, deadline and signal.
 * @param parts - read pages, ids and entities.
 * @returns the entities, in order.
 */
export async function* streamPages(
  query: QueryNode,
  options: StreamOptions,
  { page, idsBehind, read }: StreamParts,
): AsyncGenerator<Row, void, undefined> {
  const { name } = query.metadata;
  const { batchSize: _, ...call } = options;
  // Before the limit decides whether a page is read at all: no mistake may look like an empty result.
  checkQuery(query);
  refuseRanked(query, "stream");
  const batchSize = batchSizeOf(options, defaultBatch, name);
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  let cursor: string | null | undefined;
  let byPages = query.orderBy.length > 0;
  while (left > 0 && cursor !== null) {
    const limit = Math.min(batchSize, left);
    // eslint-disable-next-line no-await-in-loop -- each page begins where the last one ended
    const { items, cursor: next }: KeysetPage<Row> = await page({ ...query, limit }, { ...call, after: cursor });
    yield* items;
    left -= items.length;
    cursor = next;
    if (byPages || cursor === null) continue;
    let { id } = readCursor(cursor, query);
    while (left > 0) {
      // eslint-disable-next-line no-await-in-loop
      const ahead = await idsBehind({ ...query, limit: Number.isFinite(left) ? left : undefined }, id, call);
      byPages = ahead === undefined;
      if (ahead === undefined) break;
      for (let at = 0; at < ahead.ids.length; at += batchSize) {
        // eslint-disable-next-line no-await-in-loop -- no more is read than is taken
        const rows = await read(query, ahead.ids.slice(at, at + batchSize), call);
        yield* rows;
        left -= rows.length;
      }
      if (!ahead.more) return;
      id = ahead.ids.at(-1) ?? id;
    }
  }
}
