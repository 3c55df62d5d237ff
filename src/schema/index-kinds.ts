// The index kinds, named by what they allow: exact, range, text and geo.
// An index is frozen data; which kind is legal on which field is checked by the compiler and at definition.

/** Options of {@link exact}. */
export interface ExactOptions {
  /** Allow `orderBy` on the field (single values only). */
  readonly sortable?: boolean;
  /** Match without regard to case, by the same folding on every engine. */
  readonly caseInsensitive?: boolean;
  /** Allow `endsWith` and `includes` (single strings only); costs an entry per character on the scan engine. */
  readonly substring?: boolean;
}

/** Options of {@link text}. */
export interface TextOptions {
  /** Weight of the field in relevance order; 1 when left out. */
  readonly weight?: number;
  /** Allow `phrase`: the words are kept in their order as well. */
  readonly phrase?: boolean;
}

/** What an index allows beyond its kind: `prefix` is startsWith, `substring` is endsWith and includes. */
export type IndexFeature = "prefix" | "substring" | "phrase";

/** The kinds of index. */
export type IndexKind = "exact" | "range" | "text" | "geo";

/** An index on one field, made by {@link exact}, {@link range}, {@link text} or {@link geo}. */
export interface Index<
  K extends IndexKind = IndexKind,
  S extends boolean = boolean,
  F extends IndexFeature = IndexFeature,
> {
  /** What the index allows. */
  readonly kind: K;
  /** Whether `orderBy` may use it. */
  readonly sortable: S;
  /** Whether case is folded. */
  readonly caseInsensitive: boolean;
  /** Weight in relevance order. */
  readonly weight: number;
  /** What it allows beyond its kind. */
  readonly features: readonly F[];
}

type ExactFeatures<O> =
  | (O extends { readonly sortable: true } ? "prefix" : never)
  | (O extends { readonly substring: true } ? "substring" : never);
type TextFeatures<O> = O extends { readonly phrase: true } ? "phrase" : never;

/**
 * Indexes a field for equality: strings, enums, booleans, bigints, and arrays of these.
 *
 * @param options - `sortable` allows orderBy and startsWith; `caseInsensitive` folds case; `substring` allows
 *   endsWith and includes.
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
): Index<"exact", O["sortable"] extends true ? true : false, ExactFeatures<O>> {
  const sortable = options?.sortable === true;
  const features: IndexFeature[] = [];
  if (sortable) features.push("prefix");
  if (options?.substring === true) features.push("substring");
  return frozen("exact", sortable, options?.caseInsensitive === true, features);
}

/**
 * Indexes a field for order and ranges: numbers, dates, bigints and strings (which also get startsWith).
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
export function range(): Index<"range", true, "prefix"> {
  return frozen("range", true, false, ["prefix"]);
}

/**
 * Indexes the words of a string field: runs of Unicode letters, marks and digits, folded.
 *
 * @param options - `weight` in relevance order, a positive number; `phrase` allows phrase.
 * @returns the index, to be named in an entity's `index`.
 *
 * @example
 * ```ts
 * import { text } from "remora";
 *
 * text({ weight: 2 }).weight; // 2
 * ```
 */
export function text<const O extends TextOptions = Record<never, never>>(
  options?: O,
): Index<"text", false, TextFeatures<O>> {
  return frozen("text", false, true, options?.phrase === true ? ["phrase"] : [], options?.weight);
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
export function geo(): Index<"geo", false, never> {
  return frozen("geo", false, false, []);
}

function frozen<K extends IndexKind, S extends boolean, F extends IndexFeature>(
  kind: K,
  sortable: boolean,
  caseInsensitive: boolean,
  features: readonly IndexFeature[],
  weight = 1,
): Index<K, S, F> {
  return Object.freeze({ kind, sortable, caseInsensitive, weight, features: Object.freeze(features) }) as Index<
    K,
    S,
    F
  >;
}
