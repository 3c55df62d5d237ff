// The index kinds, named by what they allow: exact, range, text, native text, geo and vector.
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
export type TextOptions = WordOptions | NativeTextOptions;

/** Options of {@link text} for words by the mapper's own rules, the same on every engine. */
export interface WordOptions {
  /** Weight of the field in relevance order; 1 when left out. */
  readonly weight?: number;
  /** Allow `phrase`: the words are kept in their order as well. */
  readonly phrase?: boolean;
  /** Words by the search server's rules instead. */
  readonly native?: never;
}

/** Options of {@link text} for words by the search server's rules. */
export interface NativeTextOptions {
  /** The rules; `{}` for the server's defaults. */
  readonly native: NativeRules;
  /** Only for words by the mapper's own rules. */
  readonly weight?: never;
  /** Only for words by the mapper's own rules. */
  readonly phrase?: never;
}

/** The languages whose words search servers bring to their stems. */
export const stemmedLanguages = [
  "arabic",
  "armenian",
  "basque",
  "catalan",
  "danish",
  "dutch",
  "english",
  "finnish",
  "french",
  "german",
  "greek",
  "hindi",
  "hungarian",
  "indonesian",
  "irish",
  "italian",
  "lithuanian",
  "nepali",
  "norwegian",
  "portuguese",
  "romanian",
  "russian",
  "serbian",
  "spanish",
  "swedish",
  "tamil",
  "turkish",
  "yiddish",
] as const;

/** The languages in which search servers know words by their sound. */
export const phoneticLanguages = ["en", "fr", "pt", "es"] as const;

/** By which of the search server's rules a text is split into words, and words are compared. */
export interface NativeRules {
  /** The language of the stems, `english` when left out; one for all such fields of a type. */
  readonly language?: (typeof stemmedLanguages)[number];
  /** Index words as they are, without their stems; of a word that is asked for, the server tries the stem all the same. */
  readonly noStem?: boolean;
  /** Find words that sound alike, too, as this language is spoken. */
  readonly phonetic?: (typeof phoneticLanguages)[number];
  /** Words that are neither indexed nor looked for, none when left out; one list for all such fields of a type. */
  readonly stopWords?: readonly string[];
}

/** How far apart two vectors are: by their angle, in a straight line, or by their inner product. */
export type VectorMetric = "cosine" | "l2" | "ip";

/** How the nearest vectors are found: by looking at all of them, or along a graph, which may miss some. */
export type VectorAlgorithm = "flat" | "hnsw";

interface CommonVectorOptions {
  /** How many numbers each vector has, from 1 to 32,768. */
  readonly dim: number;
  /** How far apart vectors are; `cosine` when left out. */
  readonly metric?: VectorMetric;
}

interface FlatVectorOptions extends CommonVectorOptions {
  readonly algorithm?: "flat";
  readonly m?: never;
  readonly efConstruction?: never;
  readonly efRuntime?: never;
}

interface HnswVectorOptions extends CommonVectorOptions {
  readonly algorithm: "hnsw";
  /** Neighbours per vector in the graph, from 4 to 512; 16 when left out. */
  readonly m?: number;
  /** Candidates looked at when a vector is added, from 1 to 4,096; 200 when left out. */
  readonly efConstruction?: number;
  /** Candidates looked at by a query, from 1 to 4,096; 100 when left out. */
  readonly efRuntime?: number;
}

/** Options of {@link vector}. */
export type VectorOptions = FlatVectorOptions | HnswVectorOptions;

/** What is known of a vector index. */
export interface VectorSettings {
  /** How many numbers each vector has. */
  readonly dim: number;
  /** How far apart vectors are. */
  readonly metric: VectorMetric;
  /** How the nearest are found. */
  readonly algorithm: VectorAlgorithm;
  /** Neighbours per vector in the graph; nothing where there is none, as below. */
  readonly m: number | undefined;
  /** Candidates looked at when a vector is added. */
  readonly efConstruction: number | undefined;
  /** Candidates looked at by a query. */
  readonly efRuntime: number | undefined;
}

/** What an index allows beyond its kind: `prefix` is startsWith, `substring` is endsWith and includes. */
export type IndexFeature = "prefix" | "substring" | "phrase";

/** The kinds of index; `native` is text by the search server's rules. */
export type IndexKind = "exact" | "range" | "text" | "native" | "geo" | "vector";

/** An index on one field, made by {@link exact}, {@link range}, {@link text}, {@link geo} or {@link vector}. */
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
  /** What a vector index was made with; nothing for other kinds. */
  readonly vector?: VectorSettings;
  /** The search server's rules for its words, where it goes by them. */
  readonly native?: NativeRules;
}

type ExactFeatures<O> =
  | (O extends { readonly sortable: true } ? "prefix" : never)
  | (O extends { readonly substring: true } ? "substring" : never);
type TextFeatures<O> = O extends { readonly phrase: true } ? "phrase" : never;
type TextIndex<O> = O extends { readonly native: NativeRules }
  ? Index<"native", false, never>
  : Index<"text", false, TextFeatures<O>>;

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
 * Indexes the words of a string field: runs of Unicode letters, marks and digits, folded. With `native`, by the search
 * server's rules instead: then only `matchNative` asks it, and only on the search engine.
 *
 * @param options - `weight` in relevance order, a positive number; `phrase` allows phrase; or `native` with the server's
 *   rules: `language`, `noStem`, `phonetic`, `stopWords`.
 * @returns the index, to be named in an entity's `index`.
 *
 * @example
 * ```ts
 * import { text } from "remora";
 *
 * text({ weight: 2 }).weight; // 2
 * text({ native: { language: "french" } }).kind; // "native"
 * ```
 */
export function text<const O extends TextOptions = Record<never, never>>(options?: O): TextIndex<O> {
  if (options?.native !== undefined) {
    const { stopWords } = options.native as NativeRules;
    const rules = {
      ...options.native,
      ...(Array.isArray(stopWords) ? { stopWords: Object.freeze([...stopWords]) } : {}),
    };
    return Object.freeze({ ...frozen("native", false, false, []), native: Object.freeze(rules) }) as TextIndex<O>;
  }
  return frozen("text", false, true, options?.phrase === true ? ["phrase"] : [], options?.weight) as TextIndex<O>;
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

/**
 * Indexes an array of numbers by what is nearest to it, for `nearest`.
 *
 * @param options - `dim`, the length of each vector; `metric`; `algorithm`: `flat` (default) is exact, `hnsw` is faster
 *   among very many and may miss some, and takes `m`, `efConstruction` and `efRuntime`.
 * @returns the index, to be named in an entity's `index`.
 *
 * @example
 * ```ts
 * import { vector } from "remora";
 *
 * vector({ dim: 3, metric: "cosine" }).kind; // "vector"
 * ```
 */
export function vector(options: VectorOptions): Index<"vector", false, never> {
  const { dim, metric = "cosine", algorithm = "flat", m, efConstruction, efRuntime } = options;
  const graph = algorithm === "hnsw";
  const settings = Object.freeze({
    dim,
    metric,
    algorithm,
    m: m ?? (graph ? 16 : undefined),
    efConstruction: efConstruction ?? (graph ? 200 : undefined),
    efRuntime: efRuntime ?? (graph ? 100 : undefined),
  });
  return Object.freeze({ ...frozen<"vector", false, never>("vector", false, false, []), vector: settings });
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
