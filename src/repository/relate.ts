// Related entities, read along with what a read found: one batch per relation and level, however many entities there are.
// They are put on the entities as properties; nothing is read later, behind the back of whoever looks at them.
import { isRemoraError, ResultTooLargeError } from "../errors.ts";
import { type Answer, noAnswer, type Step } from "../engines/engine.ts";
import { joined } from "../engines/partitioned.ts";
import { undeleted } from "../query/deleted.ts";
import { matches } from "../query/matches.ts";
import { refuseNative } from "../query/native.ts";
import { both, type Condition, everything, type QueryNode } from "../query/node.ts";
import { comparator } from "../query/order.ts";
import { mostRelated, readWanted, type Wanted } from "../query/related.ts";
import { presenter } from "../query/select.ts";
import type { EntityDefinition } from "../schema/entity.ts";
import { encodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { valueAt } from "../schema/shape.ts";
import type { TypeContext } from "./context.ts";
import { answer } from "./find.ts";
import { inFlight } from "./flight.ts";
import { loadMany, type ReadOptions, rowsOf } from "./load.ts";
import { observe } from "./observe.ts";
import { selectionOf } from "./partial.ts";

type Row = Record<string, unknown>;
type Rows = readonly Row[];

/** Entities asked for by one query, where all that is related to any of them is wanted. */
const askedTogether = 1000;
/** Entities with a query of their own in one round trip, where so many are wanted of each. */
const askedApart = 200;
const chunksInFlight = 4;

/**
 * Reads what is wanted beside entities of one type.
 *
 * @param context - the entity type.
 * @param given - an object of relations, as the caller wrote it.
 * @returns what is wanted.
 * @throws QueryError naming the place, for whatever makes no sense.
 */
export function wantedOf({ metadata, related }: TypeContext, given: unknown): readonly Wanted[] {
  return readWanted(given, metadata, related.graph.relationsOf);
}

/**
 * The fields to read of entities, so that what is related to them can be found.
 *
 * @param metadata - their type.
 * @param select - the chosen fields; everything when left out.
 * @param wanted - what is wanted beside them.
 * @returns fields to read; everything when left out.
 */
export function fieldsFor(
  { idField }: EntityMetadata,
  select: readonly string[] | undefined,
  wanted: readonly Wanted[],
): readonly string[] | undefined {
  if (select === undefined || wanted.length === 0) return select;
  const sources = wanted.flatMap(({ relation }) =>
    relation.kind === "one" || relation.kind === "ids" ? [relation.path] : [],
  );
  return [...new Set([...select, idField, ...sources])];
}

/**
 * Reads what is related to some entities, and puts it on them.
 *
 * @param context - their type.
 * @param rows - the entities, with the fields that {@link fieldsFor} names.
 * @param wanted - what is wanted.
 * @param options - validation, deadline of each round trip, and signal.
 * @throws ResultTooLargeError when more is related than may be read at once.
 */
export async function relate(
  context: TypeContext,
  rows: Rows,
  wanted: readonly Wanted[],
  options: ReadOptions,
): Promise<void> {
  if (rows.length === 0) return;
  const settled = await Promise.allSettled(wanted.map((each) => relateBy(context, rows, each, options)));
  for (const one of settled) if (one.status === "rejected") throw one.reason;
}

/**
 * Takes the chosen fields out of entities that have what is related to them.
 *
 * @param metadata - their type.
 * @param select - the chosen fields; everything when left out.
 * @param wanted - what is wanted beside them.
 * @param others - names of further properties that stay.
 * @returns a function from an entity to what the caller gets of it.
 */
export function chosen(
  metadata: EntityMetadata,
  select: readonly string[] | undefined,
  wanted: readonly Wanted[],
  others: readonly string[] = [],
): (row: Row) => Row {
  if (select === undefined) return (row) => row;
  const pick = presenter({ ...plainQuery(metadata, everything), select });
  const kept = [...others, ...wanted.map(({ relation }) => relation.name)];
  return (row) => ({ ...pick(row), ...Object.fromEntries(kept.map((name) => [name, row[name]])) });
}

async function relateBy(context: TypeContext, rows: Rows, wanted: Wanted, options: ReadOptions): Promise<void> {
  const { name, target, kind } = wanted.relation;
  const related = await context.related.contextOf(target);
  const find = new Finder(related, wanted, options);
  switch (kind) {
    case "one": {
      const { path } = wanted.relation;
      const found = await find.byIds(rows.flatMap((row) => idsAt(row, path)));
      for (const row of rows) put(row, name, found.get(idsAt(row, path)[0] ?? "") ?? null);
      return;
    }
    case "ids": {
      const { path } = wanted.relation;
      const found = await find.byIds(rows.flatMap((row) => idsAt(row, path)));
      for (const row of rows) put(row, name, find.among(idsAt(row, path), found));
      return;
    }
    case "many": {
      const { path } = wanted.relation;
      const parents = idsOf(rows, context.metadata);
      if (wanted.count) {
        const counts = await find.counts(path, parents);
        for (const [at, row] of rows.entries()) put(row, name, counts.get(parents[at] as string) ?? 0);
        return;
      }
      const found = await find.byKey(path, parents);
      for (const [at, row] of rows.entries()) put(row, name, found.get(parents[at] as string) ?? []);
      return;
    }
    case "through": {
      const { through, from, to } = wanted.relation;
      const parents = idsOf(rows, context.metadata);
      const between = await betweenOf(context, { name, through, from, to }, parents, options);
      const found = await find.byIds([...between.values()].flat());
      // However often two entities are put together, they are related once.
      for (const [at, row] of rows.entries()) {
        put(row, name, find.among(new Set(between.get(parents[at] as string)), found));
      }
    }
  }
}

/** The entities between two that are related, and their fields with the ids of both. */
interface Between {
  readonly name: string;
  readonly through: EntityDefinition;
  readonly from: string;
  readonly to: string;
}

// The ids that each parent is put together with, by the entities between.
async function betweenOf(
  context: TypeContext,
  { name, through, from, to }: Between,
  parents: readonly string[],
  options: ReadOptions,
): Promise<ReadonlyMap<string, string[]>> {
  const relation = { name, kind: "many", target: through, path: from } as const;
  const links = { relation, select: [to], where: everything, orderBy: [], limit: undefined, count: false, within: [] };
  const find = new Finder(await context.related.contextOf(through), links, options);
  const found = await find.byKey(from, parents, (row) => idsAt(row, to));
  return new Map([...found].map(([parent, ids]) => [parent, ids.flat()]));
}

/** Finds the targets of one relation. */
class Finder {
  readonly #context: TypeContext;
  readonly #wanted: Wanted;
  readonly #options: ReadOptions;
  readonly #finish: (row: Row) => Row;

  constructor(context: TypeContext, wanted: Wanted, options: ReadOptions) {
    this.#context = context;
    this.#wanted = wanted;
    this.#options = options;
    this.#finish = chosen(context.metadata, wanted.select, wanted.within);
  }

  /** Entities by their ids, each read once; those that do not meet the condition are not among them. */
  async byIds(ids: readonly string[]): Promise<Map<string, Row>> {
    const { metadata } = this.#context;
    const { where, orderBy, within, count, select } = this.#wanted;
    refuseNative(plainQuery(metadata, where), "relation");
    const distinct = [...new Set(ids)].filter((id) => isId(id, metadata));
    if (distinct.length > mostRelated) throw this.#tooMany();
    if (distinct.length === 0) return new Map();
    // Conditions and orders may be about any field.
    const whole = where !== everything || orderBy.length > 0;
    const fields = whole ? undefined : fieldsFor(metadata, count ? [metadata.idField] : select, within);
    const found = await observe(metadata, "with", undefined, (note) => {
      const encodedIds = distinct.map((id) => encodeId(id, metadata.name));
      const selection = selectionOf(this.#context, fields === undefined ? undefined : withId(fields, metadata));
      return loadMany(this.#context, encodedIds, { ...this.#options, prolong: false }, note, selection);
    });
    const rows = found.filter((row) => row !== null).filter((row) => matches(where, row, metadata));
    const sorted = orderBy.length === 0 ? rows : rows.sort(comparator(metadata, orderBy));
    await relate(this.#context, sorted, within, this.#options);
    // In the order that is wanted, where one is.
    return new Map(sorted.map((row) => [row[metadata.idField] as string, this.#finish(row)]));
  }

  /** Those of some ids that were found: in the order asked for, else as the ids stand. */
  among(ids: Iterable<string>, found: ReadonlyMap<string, Row>): readonly Row[] | number {
    const { orderBy, limit, count, relation } = this.#wanted;
    const { metadata } = this.#context;
    let present = [...ids].filter((id) => found.has(id));
    if (count) return present.length;
    if (orderBy.length > 0) {
      const places = new Map([...found.keys()].map((id, at) => [id, at]));
      present.sort((left, right) => (places.get(left) as number) - (places.get(right) as number));
    } else if (relation.kind === "through") {
      const byId = comparator(metadata, []);
      const idOf = (id: string): Row => ({ [metadata.idField]: id });
      present.sort((left, right) => byId(idOf(left), idOf(right)));
    }
    if (limit !== undefined) present = present.slice(0, limit);
    return present.map((id) => found.get(id) as Row);
  }

  /** Entities by a field that holds the id of what they are related to, in order. */
  byKey(path: string, parents: readonly string[]): Promise<Map<string, Row[]>>;
  byKey<T>(path: string, parents: readonly string[], take: (row: Row) => T): Promise<Map<string, T[]>>;
  async byKey(path: string, parents: readonly string[], take = this.#finish): Promise<Map<string, unknown[]>> {
    const { metadata } = this.#context;
    const { limit, orderBy, select, within } = this.#wanted;
    const fields = fieldsFor(metadata, select, within);
    const read = fields === undefined ? {} : { select: withId([...fields, path], metadata) };
    const query = { ...plainQuery(metadata, this.#condition()), orderBy, ...read };
    const rows =
      limit === undefined ? await this.#all(query, path, parents) : await this.#some(query, path, parents, limit);
    await relate(this.#context, rows, within, this.#options);
    const found = new Map<string, unknown[]>();
    for (const row of rows) {
      const parent = valueAt(row, path.split(".")) as string;
      const own = found.get(parent) ?? [];
      found.set(parent, own);
      own.push(take(row));
    }
    return found;
  }

  /** How many entities hold each id in a field. */
  async counts(path: string, parents: readonly string[]): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    const query = plainQuery(this.#context.metadata, this.#condition());
    await inFlight(chunksOf(parents, askedApart), chunksInFlight, async (ids) => {
      const steps = ids.map((id) => this.#context.engine.plan(holding(query, path, [id]), "count"));
      await this.#ask(
        joined(steps, (answers) => {
          for (const [at, { count }] of answers.entries()) counts.set(ids[at] as string, count);
          return { ...noAnswer, ghosts: answers.flatMap(({ ghosts }) => ghosts) };
        }),
      );
    });
    return counts;
  }

  // Everything that is related to any of the parents.
  async #all(query: QueryNode, path: string, parents: readonly string[]): Promise<Row[]> {
    const found: Rows[] = [];
    let total = 0;
    await inFlight(chunksOf(parents, askedTogether), chunksInFlight, async (ids, at) => {
      const step = this.#context.engine.exhaust(holding(query, path, ids), mostRelated, "rows");
      const rows = await this.#ask(step);
      total += Math.max(rows.count, rows.rows.length);
      if (total > mostRelated) throw this.#tooMany();
      found[at] = this.#decoded(query, rows);
    });
    const rows = found.flat();
    // No index is asked to put them in the order of their ids.
    return query.orderBy.length === 0 ? rows.sort(comparator(query.metadata, [])) : rows;
  }

  // The first so many of each parent: a query each, and one round trip for many of them.
  async #some(query: QueryNode, path: string, parents: readonly string[], limit: number): Promise<Row[]> {
    const found: Rows[] = [];
    const limited: QueryNode = { ...query, limit, ...(query.orderBy.length === 0 ? { after: "start" } : {}) };
    await inFlight(chunksOf(parents, askedApart), chunksInFlight, async (ids, at) => {
      const steps = ids.map((id) => this.#context.engine.plan(holding(limited, path, [id]), "rows"));
      found[at] = this.#decoded(limited, await this.#ask(joined(steps, concatenated)));
    });
    return found.flat();
  }

  #condition(): Condition {
    return both(undeleted(this.#context.metadata), this.#wanted.where);
  }

  #ask(step: Step): Promise<Answer> {
    return observe(this.#context.metadata, "with", undefined, (note) =>
      answer(this.#context, step, "with", this.#options, note),
    );
  }

  #decoded(query: QueryNode, found: Answer): Row[] {
    return rowsOf(this.#context, query, found, this.#options);
  }

  #tooMany(): ResultTooLargeError {
    const { name } = this.#context.metadata;
    return new ResultTooLargeError(
      `${name}: more than ${mostRelated} entities are related by ${this.#wanted.relation.name}; ` +
        "set a limit per entity, or read fewer entities at once",
      { entity: name },
    );
  }
}

function plainQuery(metadata: EntityMetadata, where: Condition): QueryNode {
  return { metadata, where, orderBy: [], limit: undefined, offset: 0 };
}

function holding(query: QueryNode, path: string, values: readonly string[]): QueryNode {
  return { ...query, where: both(query.where, { type: "in", path, values }) };
}

function concatenated(answers: readonly Answer[]): Answer {
  return {
    rows: answers.flatMap(({ rows }) => rows),
    ids: [],
    count: 0,
    ghosts: answers.flatMap(({ ghosts }) => ghosts),
  };
}

function withId(fields: readonly string[], { idField }: EntityMetadata): readonly string[] {
  return [...new Set([...fields, idField])];
}

function idsOf(rows: Rows, { idField }: EntityMetadata): string[] {
  return rows.map((row) => row[idField] as string);
}

// One id or a list of them; none where the field has no value.
function idsAt(row: Row, path: string): readonly string[] {
  const value = valueAt(row, path.split("."));
  return value === undefined ? [] : ([value].flat() as string[]);
}

// What no entity can have for an id leads nowhere.
function isId(id: string, { name }: EntityMetadata): boolean {
  try {
    encodeId(id, name);
    return true;
  } catch (error) {
    if (isRemoraError(error, "VALIDATION")) return false;
    throw error;
  }
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}

// Whatever the class of an entity has of that name stays what it is.
function put(row: Row, name: string, value: unknown): void {
  Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
}
