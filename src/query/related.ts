// What a read wants of related entities, from the object that the caller wrote to plain data.
// The compiler refuses nearly all that is refused here; some of it comes from outside.
import { QueryError } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { RelationMetadata } from "../schema/relation-graph.ts";
import { checkQuery } from "./check.ts";
import { conditionBuilder, isCondition, nodeOf } from "./conditions.ts";
import { filterConditions } from "./filter.ts";
import { type Condition, everything, type OrderKey } from "./node.ts";

/** How many of a level's entities may come, all in all; and the most that may be asked for per entity. */
export const mostRelated = 10_000;
/** How many levels of relations one read may bring along. */
const maxLevels = 16;

/** What is wanted of one relation. */
export interface Wanted {
  readonly relation: RelationMetadata;
  /** Dotted paths; everything when left out. */
  readonly select: readonly string[] | undefined;
  readonly where: Condition;
  readonly orderBy: readonly OrderKey[];
  /** Per entity that they are related to. */
  readonly limit: number | undefined;
  /** Their number is wanted, not they. */
  readonly count: boolean;
  readonly within: readonly Wanted[];
}

/** The relations of an entity type, by its name. */
export type RelationsByType = (name: string) => ReadonlyMap<string, RelationMetadata>;

/**
 * Reads what is wanted beside entities of one type.
 *
 * @param given - an object of relations.
 * @param metadata - the entity type.
 * @param relationsOf - the relations of every type.
 * @returns what is wanted.
 * @throws QueryError naming the place, for whatever makes no sense.
 */
export function readWanted(given: unknown, metadata: EntityMetadata, relationsOf: RelationsByType): readonly Wanted[] {
  return new WantedReader(relationsOf).read(given, metadata, metadata.name, 1);
}

/**
 * Takes what a caller wrote for an object of relations.
 *
 * @param given - what was written.
 * @param metadata - the entity type.
 * @returns the object.
 * @throws QueryError when it is none.
 */
export function relationsIn(given: unknown, { name }: EntityMetadata): Readonly<Record<string, unknown>> {
  return isObject(given) ? given : refuser(name, name)("with takes an object of relations");
}

class WantedReader {
  readonly #relationsOf: RelationsByType;

  constructor(relationsOf: RelationsByType) {
    this.#relationsOf = relationsOf;
  }

  read(given: unknown, { name: entity }: EntityMetadata, at: string, level: number): readonly Wanted[] {
    const refuse: Refuse = refuser(entity, at);
    if (level > maxLevels) refuse(`with is nested deeper than ${maxLevels} levels`);
    if (!isObject(given)) refuse("with takes an object of relations");
    const relations = this.#relationsOf(entity);
    return Object.entries(given).map(([name, options]) => {
      const relation = relations.get(name);
      if (relation !== undefined) return this.#wanted(relation, options, `${at}.${name}`, level);
      const known = [...relations.keys()].join(", ");
      const cure = known === "" ? "it has none: give them to connect" : `there are ${known}`;
      return refuse(`${JSON.stringify(name)} is no relation of ${entity}; ${cure}`);
    });
  }

  #wanted(relation: RelationMetadata, given: unknown, at: string, level: number): Wanted {
    const { metadata } = relation.target;
    const refuse: Refuse = refuser(metadata.name, at);
    if (given !== true && !isObject(given)) refuse("a relation takes true, or an object of options");
    const options = given === true ? {} : given;
    const legal = legalOptions(relation, options);
    for (const name of Object.keys(options)) {
      if (!legal.includes(name)) refuse(`${name} is no option here; there are ${legal.join(", ")}`);
    }
    const { select, limit, count = false } = options as { select?: string[]; limit?: number; count?: unknown };
    if (typeof count !== "boolean") refuse("count is true or false");
    if (limit !== undefined && limit > mostRelated) refuse(`limit is the most per entity, and at most ${mostRelated}`);
    if (select !== undefined && !Array.isArray(select)) refuse("select takes an array of fields");
    const where = conditionOf(options["where"], metadata, refuse);
    const orderBy = orderOf(options["orderBy"], refuse);
    checkQuery({ metadata, where, orderBy, limit, offset: 0, ...(select === undefined ? {} : { select }) });
    const within = options["with"] === undefined ? [] : this.read(options["with"], metadata, at, level + 1);
    return { relation, select, where, orderBy, limit, count, within };
  }
}

type Options = Readonly<Record<string, unknown>>;
type Refuse = (problem: string) => never;

function refuser(entity: string, at: string): Refuse {
  return (problem) => {
    throw new QueryError(`${at}: ${problem}`, { entity });
  };
}

function legalOptions({ kind }: RelationMetadata, { count }: Options): readonly string[] {
  if (kind === "one") return ["select", "with"];
  return count === true ? ["count", "where"] : ["select", "with", "where", "orderBy", "limit", "count"];
}

function conditionOf(given: unknown, metadata: EntityMetadata, refuse: Refuse): Condition {
  if (given === undefined) return everything;
  if (typeof given === "function") {
    const made: unknown = given(conditionBuilder(metadata));
    return nodeOf(made, metadata, "the callback of where must return a condition");
  }
  if (isCondition(given)) return nodeOf(given, metadata, "where takes a condition");
  if (!isObject(given)) refuse("where takes a callback, a condition or a filter object");
  return Object.freeze({ type: "and", items: filterConditions(given, metadata) });
}

// One key, or a list of keys: what stands first tells.
function orderOf(given: unknown, refuse: Refuse): readonly OrderKey[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) refuse('orderBy takes a field and its direction, such as ["year", "desc"]');
  const keys = typeof given[0] === "string" ? [given] : given;
  return keys.map((key: unknown) => {
    if (!Array.isArray(key) || key.length < 1 || key.length > 2) {
      refuse('a key of orderBy is a field and its direction, such as ["year", "desc"]');
    }
    const [path, direction = "asc"] = key as [string, OrderKey["direction"]?];
    return Object.freeze({ path, direction });
  });
}

function isObject(value: unknown): value is Options {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
