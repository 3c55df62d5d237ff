// The query as data: frozen unions of conditions, orders and a window.
// Builders make it, engines read it; nothing here knows how either works.
import { QueryError } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { GeoPoint } from "../schema/paths.ts";
import type { RawNode } from "./raw.ts";
import type { MeasureNode } from "./distance.ts";
import type { HighlightNode } from "./highlight.ts";
import type { Area } from "./geo.ts";

/** A single value that a query compares with. */
export type Operand = string | number | boolean | bigint | Date;

/** A bound of a range. */
export interface Bound {
  readonly value: Operand;
  /** The bound itself is outside the range. */
  readonly exclusive: boolean;
}

/** Comparisons with a piece of text. */
type TextComparison = "startsWith" | "endsWith" | "includes" | "match" | "matchPrefix" | "phrase" | "matchNative";

/** A condition on one field. */
export type Comparison =
  | { readonly type: "in"; readonly path: string; readonly values: readonly Operand[] }
  | {
      readonly type: "range";
      readonly path: string;
      readonly lower: Bound | undefined;
      readonly upper: Bound | undefined;
    }
  | { readonly type: "containsAny"; readonly path: string; readonly values: readonly Operand[] }
  | { readonly type: "containsAll"; readonly path: string; readonly values: readonly Operand[] }
  | { readonly type: TextComparison; readonly path: string; readonly text: string }
  | { readonly type: "fuzzy"; readonly path: string; readonly text: string; readonly distance: number }
  | { readonly type: "within"; readonly path: string; readonly area: Area }
  | { readonly type: "isNull"; readonly path: string };

/** Several conditions joined. */
interface Junction {
  readonly type: "and" | "or";
  readonly items: readonly Condition[];
}

/** A condition turned round. */
interface Negation {
  readonly type: "not";
  readonly item: Condition;
}

/** Any condition: plain frozen data, made by the operators of a query. */
export type Condition = Comparison | Junction | Negation;

/** Ascending or descending. */
export type Direction = "asc" | "desc";

/** One sort key. */
export interface OrderKey {
  readonly path: string;
  readonly direction: Direction;
}

/** A place in the order of a query. */
export interface Position {
  /** What the index of each sort key holds; null where the field has no value. */
  readonly terms: readonly (string | null)[];
  /** The id as it stands in keys. */
  readonly id: string;
}

/** The order by distance. */
export interface NearNode {
  readonly path: string;
  readonly from: GeoPoint;
  readonly direction: Direction;
}

/** A whole query over one entity type. */
export interface QueryNode {
  readonly metadata: EntityMetadata;
  readonly where: Condition;
  readonly orderBy: readonly OrderKey[];
  readonly limit: number | undefined;
  readonly offset: number;
  /** The dotted paths that are wanted of each entity; all of it when left out. */
  readonly select?: readonly string[];
  /** Conditions in the search server's own language; all of them must hold as well. */
  readonly raw?: readonly RawNode[];
  /** The order by distance from a place, instead of `orderBy`. */
  readonly near?: NearNode;
  /** The order by relevance, instead of `orderBy`. */
  readonly relevance?: true;
  /** Texts in which the sought words are marked. */
  readonly highlight?: HighlightNode;
  /** The distance from a place, as a property of what is found. */
  readonly measured?: MeasureNode;
  /** Every entity may be looked at, where no index narrows the conditions. */
  readonly fullScan?: true;
  /** The relations that are wanted, by name, as the caller wrote it. */
  readonly related?: Readonly<Record<string, unknown>>;
  /** Only what stands behind a place, or `start`; both make the order total, down to the id. */
  readonly after?: Position | "start";
}

/** True for every entity. */
export const everything: Condition = Object.freeze({ type: "and", items: Object.freeze([]) });

/**
 * Joins conditions with AND; repeated joins stay flat.
 *
 * @param left - a condition.
 * @param right - another.
 * @returns both.
 */
export function both(left: Condition, right: Condition): Condition {
  const items = left.type === "and" ? [...left.items, right] : [left, right];
  return Object.freeze({ type: "and", items: Object.freeze(items) });
}

/**
 * Tells whether the order of a query is one that no index holds.
 *
 * @param query - a query.
 * @returns true for an order by distance or relevance.
 */
export function isRanked({ near, relevance }: QueryNode): boolean {
  return near !== undefined || relevance === true;
}

/**
 * Refuses such an order where a place in it is needed.
 *
 * @param query - the query.
 * @param operation - what it is asked for.
 * @throws QueryError when the query is ordered by distance or relevance.
 */
export function refuseRanked(query: QueryNode, operation: string): void {
  if (!isRanked(query)) return;
  const { name } = query.metadata;
  const order = query.near === undefined ? "orderByRelevance" : "orderByDistance";
  throw new QueryError(`${name}: ${operation} takes no ${order}; use all, first or page with a limit`, {
    entity: name,
  });
}
