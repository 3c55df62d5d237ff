// The index kinds, named by what they allow: exact, range, text and geo.
// An index is frozen data; which kind is legal on which field is checked by the compiler and at definition.

/** Options of {@link exact}. */
export interface ExactOptions {
  /** Allow `orderBy` on the field (single values only). */
  readonly sortable?: boolean;
  /** Match without regard to case, by the same folding on every engine. */
  readonly caseInsensitive?: boolean;
}

/** Options of {@link text}. */
export interface TextOptions {
  /** Weight of the field in relevance order; 1 when left out. */
  readonly weight?: number;
}

/** The kinds of index. */
export type IndexKind = "exact" | "range" | "text" | "geo";

/** An index on one field, made by {@link exact}, {@link range}, {@link text} or {@link geo}. */
export interface Index<K extends IndexKind = IndexKind, S extends boolean = boolean> {
  /** What the index allows. */
  readonly kind: K;
  /** Whether `orderBy` may use it. */
  readonly sortable: S;
  /** Whether case is folded. */
  readonly caseInsensitive: boolean;
  /** Weight in relevance order. */
  readonly weight: number;
}

/**
 * Indexes a field for equality: strings, enums, booleans, bigints, and arrays of these.
 *
 * @param options - `sortable` allows orderBy; `caseInsensitive` folds case.
 * @returns the index, to be named in an entity's `index`.
 *
 * @example
 * ```ts
 * import { exact } from "remora";
 *
 * exact({ sortable: true }).kind; // "exact"
 * ```
 */
export function exact<const O extends ExactOptions = Record<never, never>>(
  options?: O,
): Index<"exact", O["sortable"] extends true ? true : false> {
  return Object.freeze({
    kind: "exact",
    sortable: options?.sortable === true,
    caseInsensitive: options?.caseInsensitive === true,
    weight: 1,
  }) as Index<"exact", O["sortable"] extends true ? true : false>;
}

/**
 * Indexes a field for order and ranges: numbers, dates, bigints and strings.
 *
 * @returns the index, to be named in an entity's `index`.
 *
 * @example
 * ```ts
 * import { range } from "remora";
 *
 * range().sortable; // true
 * ```
 */
export function range(): Index<"range", true> {
  return Object.freeze({ kind: "range", sortable: true, caseInsensitive: false, weight: 1 });
}

/**
 * Indexes the words of a string field: runs of Unicode letters, marks and digits, folded.
 *
 * @param options - `weight` in relevance order, a positive number.
 * @returns the index, to be named in an entity's `index`.
 *
 * @example
 * ```ts
 * import { text } from "remora";
 *
 * text({ weight: 2 }).weight; // 2
 * ```
 */
export function text(options?: TextOptions): Index<"text", false> {
  return Object.freeze({
    kind: "text",
    sortable: false,
    caseInsensitive: true,
    weight: options?.weight ?? 1,
  });
}

/**
 * Indexes a point by its place on the globe.
 *
 * @returns the index, to be named in an entity's `index`.
 *
 * @example
 * ```ts
 * import { geo } from "remora";
 *
 * geo().kind; // "geo"
 * ```
 */
export function geo(): Index<"geo", false> {
  return Object.freeze({ kind: "geo", sortable: false, caseInsensitive: false, weight: 1 });
}
