// Conditions in words, as rows of a tree: for explain, and for whoever reads it.
// Values are shown as they were given; nothing here decides how a query is answered.
import type { EntityMetadata } from "../schema/metadata.ts";
import type { Area } from "./geo.ts";
import { isCircle } from "./geo.ts";
import type { Bound, Comparison, Condition, Operand, QueryNode } from "./node.ts";

/** A row of the tree of conditions. */
export interface DescribedCondition {
  /** How deep it stands in the tree, from 0. */
  readonly depth: number;
  /** The condition in words. */
  readonly condition: string;
  /** The comparison, where it is one. */
  readonly comparison: Comparison | undefined;
}

/** Values that are written out; of more, the number is. */
const maxShown = 5;

/**
 * Lists a condition as rows of a tree.
 *
 * @param condition - any condition.
 * @param metadata - the entity type, which knows what must not be shown.
 * @param depth - how deep it stands.
 * @returns the rows, each parent before its children.
 */
export function describeCondition(condition: Condition, metadata: EntityMetadata, depth = 0): DescribedCondition[] {
  switch (condition.type) {
    case "and":
    case "or": {
      const [only] = condition.items;
      if (condition.items.length === 1 && only !== undefined) return describeCondition(only, metadata, depth);
      const empty = condition.type === "and" ? "everything" : "nothing";
      const name = condition.type === "and" ? "all of" : "any of";
      const inner = condition.items.flatMap((item) => describeCondition(item, metadata, depth + 1));
      return [{ depth, condition: inner.length === 0 ? empty : name, comparison: undefined }, ...inner];
    }
    case "not":
      return [
        { depth, condition: "not", comparison: undefined },
        ...describeCondition(condition.item, metadata, depth + 1),
      ];
    default:
      return [{ depth, condition: inWords(condition, metadata), comparison: condition }];
  }
}

/**
 * A query in words.
 *
 * @param query - a query.
 * @returns one line: conditions, order and window.
 */
export function describeQuery({
  metadata,
  where,
  raw = [],
  orderBy,
  near,
  relevance,
  limit,
  offset,
}: QueryNode): string {
  const order = orderBy.map(({ path, direction }) => `${path} ${direction}`);
  const parts = [
    `${metadata.name} where ${oneLine(where, metadata)}`,
    ...raw.map(({ texts }) => `raw ${texts.join("…")}`),
    ...(order.length === 0 ? [] : [`order by ${order.join(", ")}`]),
    ...(near === undefined ? [] : [`order by distance of ${near.path} ${near.direction}`]),
    ...(relevance === true ? ["order by relevance"] : []),
    ...(limit === undefined ? [] : [`limit ${limit}`]),
    ...(offset === 0 ? [] : [`offset ${offset}`]),
  ];
  return parts.join(", ");
}

function oneLine(condition: Condition, metadata: EntityMetadata): string {
  switch (condition.type) {
    case "and":
    case "or": {
      if (condition.items.length === 0) return condition.type === "and" ? "everything" : "nothing";
      const items = condition.items.map((item) => oneLine(item, metadata));
      return items.length === 1 ? (items[0] as string) : `(${items.join(` ${condition.type} `)})`;
    }
    case "not":
      return `not ${oneLine(condition.item, metadata)}`;
    default:
      return inWords(condition, metadata);
  }
}

function inWords(given: Comparison, metadata: EntityMetadata): string {
  const { path } = given;
  const secret = metadata.indexes.some((index) => index.path === path && index.secret === true);
  const comparison = secret && "values" in given ? { ...given, values: given.values.map(() => hidden) } : given;
  switch (comparison.type) {
    case "in":
      return comparison.values.length === 1
        ? `${path} = ${shown(comparison.values[0] as Operand)}`
        : `${path} is one of ${list(comparison.values)}`;
    case "range":
      return `${path}${bound(comparison.lower, ">")}${
        comparison.lower !== undefined && comparison.upper !== undefined ? " and" : ""
      }${bound(comparison.upper, "<")}`;
    case "containsAny":
      return `${path} has one of ${list(comparison.values)}`;
    case "containsAll":
      return `${path} has all of ${list(comparison.values)}`;
    case "within":
      return `${path} within ${area(comparison.area)}`;
    case "isNull":
      return `${path} is null or missing`;
    case "fuzzy":
      return `${path} ${comparison.type} ${shown(comparison.text)} (${comparison.distance})`;
    default:
      return `${path} ${comparison.type} ${shown(comparison.text)}`;
  }
}

function bound(value: Bound | undefined, sign: "<" | ">"): string {
  return value === undefined ? "" : ` ${sign}${value.exclusive ? "" : "="} ${shown(value.value)}`;
}

function list(values: readonly Operand[]): string {
  return values.length > maxShown ? `${values.length} values` : `[${values.map(shown).join(", ")}]`;
}

// Of an encrypted text nothing is shown.
const hidden = Object.freeze({ toString: () => "(hidden)" }) as unknown as Operand;

function shown(value: Operand): string {
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}

function area(within: Area): string {
  if (!isCircle(within)) return `${within.west}..${within.east}, ${within.south}..${within.north}`;
  const { center, radius, unit = "m" } = within;
  return `${radius} ${unit} of ${center.longitude}, ${center.latitude}`;
}
