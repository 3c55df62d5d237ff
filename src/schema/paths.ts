// Types of dotted paths: which paths an entity has, what lies at their end, which index may stand on them.
// Types only; nothing here exists at run time.
import type { BoardIndex } from "./board.ts";
import type { Index } from "./index-kinds.ts";

/** A place on the globe, in degrees. */
export interface GeoPoint {
  /** Degrees east, from -180 to 180. */
  longitude: number;
  /** Degrees north, from -85.05112878 to 85.05112878. */
  latitude: number;
}

/** A value V that its own codec stores as a T. */
export type Coded<V, T> = V & {
  /**
   * Carries the type only; never present at run time.
   *
   * @internal
   */
  readonly "~stored"?: T;
};

/** A decimal number as text. */
export type Decimal = string & {
  /**
   * Carries the type only; never present at run time.
   *
   * @internal
   */
  readonly "~decimal"?: true;
};

/** A text that is stored encrypted. */
export type Encrypted = string & {
  /**
   * Carries the type only; never present at run time.
   *
   * @internal
   */
  readonly "~encrypted"?: true;
};

type Leaf = string | number | boolean | bigint | symbol | Date | Uint8Array | readonly unknown[] | GeoPoint;

// A union of object types, a record and `unknown` end a path: their inner fields are not all known. So does an instance of a
// class, by the methods it has.
type IsUnion<T, U = T> = T extends unknown ? ([U] extends [T] ? false : true) : never;
type IsOpen<T> = unknown extends T
  ? true
  : "~stored" extends keyof T
    ? true
    : [T] extends [Leaf]
      ? true
      : [T] extends [object]
        ? string extends keyof T
          ? true
          : HasMethod<T> extends true
            ? true
            : IsUnion<T>
        : true;
type HasMethod<T> = true extends {
  [K in keyof T]-?: T[K] extends (...operands: never) => unknown ? true : never;
}[keyof T]
  ? true
  : false;

type Plain = string | number | boolean | bigint | Date;

/** An entity T as indexes see it, whose input is I: what a codec makes of one plain value is not looked into. */
export type Indexable<T, I> = {
  [K in keyof T]: K extends keyof I
    ? [NonNullable<T[K]>] extends [Leaf]
      ? T[K]
      : [NonNullable<I[K]>] extends [Plain]
        ? symbol
        : T[K]
    : T[K];
};

/** Every dotted path of an entity. */
export type Paths<T> = T extends unknown
  ? {
      [K in keyof T & string]-?: IsOpen<NonNullable<T[K]>> extends true ? K : K | `${K}.${Paths<NonNullable<T[K]>>}`;
    }[keyof T & string]
  : never;

/**
 * The type of the value at a dotted path; undefined or null are in it when a parent may be absent, and
 * undefined when an option of a union does not have it.
 */
export type PathValue<T, P extends string> = T extends unknown
  ? P extends `${infer K}.${infer R}`
    ? K extends keyof T
      ? PathValue<NonNullable<T[K]>, R> | Extract<T[K], null | undefined>
      : undefined
    : P extends keyof T
      ? T[P]
      : undefined
  : never;

/** The paths of fields that may expire by themselves: those that may be absent, and have no index. */
export type ExpirablePaths<T, I> = T extends unknown ? ExpirableIn<T, I> : never;
type ExpirableIn<T, I> = {
  [P in Paths<T>]: P extends keyof I
    ? never
    : [null] extends [PathValue<T, P>]
      ? P
      : [undefined] extends [PathValue<T, P>]
        ? P
        : never;
}[Paths<T>];

type ScalarIndex<V> = "~stored" extends keyof V
  ? PlainIndex<StoredOf<V>>
  : "~encrypted" extends keyof V
    ? Index<"exact", false, never>
    : "~decimal" extends keyof V
      ? Index<"exact", false, never> | Index<"range">
      : PlainIndex<V>;
/** What indexes hold of a value V. */
export type StoredOf<V> = "~stored" extends keyof V
  ? V extends { readonly "~stored"?: infer T }
    ? NonNullable<T>
    : never
  : V;
type PlainIndex<V> = [V] extends [string]
  ? Index<"exact"> | Index<"range"> | Index<"text"> | Index<"native", false, never>
  : [V] extends [boolean]
    ? Index<"exact", boolean, "prefix">
    : [V] extends [bigint]
      ? Index<"exact", false, never> | Index<"range">
      : [V] extends [number | Date]
        ? Index<"range"> | ([V] extends [number] ? BoardIndex : never)
        : [V] extends [GeoPoint]
          ? Index<"geo">
          : never;

/** The index kinds legal on a value of type V. */
export type AllowedIndex<V> = [V] extends [readonly (infer E)[]]
  ? [StoredOf<NonNullable<E>>] extends [string | boolean | bigint]
    ? Index<"exact", false, never>
    : [E] extends [number]
      ? Index<"vector", false, never>
      : never
  : ScalarIndex<V>;

/** The index kinds legal on a value of type V: one, or several in an array. */
export type IndexFor<V> = AllowedIndex<NonNullable<V>> | readonly AllowedIndex<NonNullable<V>>[];

/** The `index` part of a definition: dotted path to index. */
export type IndexSpecs<T> = { readonly [P in Paths<T>]?: IndexFor<PathValue<T, P>> };

/** The union of indexes on one path. */
export type IndexAt<I, P extends keyof I> = I[P] extends readonly (infer X)[] ? X : I[P];

/** The dotted paths that have an index which queries ask: all but those of leaderboards. */
export type IndexedPaths<I> = {
  [P in keyof I & string]: [Exclude<IndexAt<I, P>, BoardIndex>] extends [never] ? never : P;
}[keyof I & string];

/** The dotted paths that have a leaderboard. */
export type BoardPaths<I> = {
  [P in keyof I & string]: [Extract<IndexAt<I, P>, BoardIndex>] extends [never] ? never : P;
}[keyof I & string];

/** The dotted paths that orderBy accepts. */
export type SortablePaths<I> = {
  [P in keyof I & string]: true extends SortableOf<IndexAt<I, P>> ? P : never;
}[keyof I & string];
type SortableOf<X> = X extends Index<infer _K, infer S, infer _F> ? S : never;

/** The dotted paths that `eq` accepts: single values with `exact` or `range`. */
export type EqualityPaths<I, T> = {
  [P in keyof I & string]: [NonNullable<PathValue<T, P>>] extends [readonly unknown[]]
    ? never
    : true extends ComparesOf<IndexAt<I, P>>
      ? P
      : never;
}[keyof I & string];
type ComparesOf<X> =
  X extends Index<infer K, infer _S, infer _F> ? (K extends "exact" | "range" ? true : false) : never;

/** The dotted paths that hold one id of another entity, and have `exact()`, by which such entities are found. */
export type ForeignKeyPaths<I, T> = {
  [P in keyof I & string]: [NonNullable<PathValue<T, P>>] extends [string]
    ? true extends ExactOf<IndexAt<I, P>>
      ? P
      : never
    : never;
}[keyof I & string];
type ExactOf<X> = X extends Index<infer K, infer _S, infer _F> ? (K extends "exact" ? true : false) : never;

/** The dotted paths whose values are of type V, where they are not absent. */
export type PathsOfType<T, V> = {
  [P in Paths<T>]: [NonNullable<PathValue<T, P>>] extends [never]
    ? never
    : [NonNullable<PathValue<T, P>>] extends [V]
      ? P
      : never;
}[Paths<T>];

/** The `compound` part of a definition: name to the fields that must be equal, and the one that orders. */
export interface CompoundSpec<I, T> {
  /** The fields that must be equal: single values with `exact` or `range`. */
  readonly eq: readonly [EqualityPaths<I, T>, ...EqualityPaths<I, T>[]];
  /** The field that orders, one that `orderBy` accepts; the id when left out. */
  readonly orderBy?: SortablePaths<I>;
}
