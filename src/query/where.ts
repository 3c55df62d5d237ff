// Which operators a field offers, by its index kinds, and what they compile to.
// The types are the promise; the object behind them is one and the same for every field.
import type { Index, IndexFeature, IndexKind } from "../schema/index-kinds.ts";
import type { IndexAt, PathValue, StoredOf } from "../schema/paths.ts";
import type { Comparison, Condition, Operand } from "./node.ts";
import { QueryError } from "../errors.ts";
import type { Area } from "./geo.ts";

/** A bound of `between`, when it is not simply the value: `{ exclusive: true }` leaves the value itself out. */
export interface BetweenOptions {
  /** Leave out the lower bound itself. */
  readonly excludeLower?: boolean;
  /** Leave out the upper bound itself. */
  readonly excludeUpper?: boolean;
}

/** Equality of a single value. */
export interface EqualityOperators<V, R> {
  /** The field equals the value. */
  eq(value: V): R;
  /** The field does not equal the value; true as well where the field is null or missing. */
  ne(value: V): R;
  /** The field equals one of the values; an empty list matches nothing. */
  in(values: readonly V[]): R;
  /** The field equals none of the values; true as well where the field is null or missing. */
  notIn(values: readonly V[]): R;
}

/** Order of a single value. */
export interface RangeOperators<V, R> {
  /** The field is greater than the value. */
  gt(value: V): R;
  /** The field is greater than or equal to the value. */
  gte(value: V): R;
  /** The field is less than the value. */
  lt(value: V): R;
  /** The field is less than or equal to the value. */
  lte(value: V): R;
  /** The field lies between the values, bounds included unless the options leave them out. */
  between(lower: V, upper: V, options?: BetweenOptions): R;
}

/** Membership in an array. */
export interface ArrayOperators<V, R> {
  /** The array has the value. */
  contains(value: V): R;
  /** The array has at least one of the values; an empty list matches nothing. */
  containsAny(values: readonly V[]): R;
  /** The array has every one of the values; an empty list matches every array. */
  containsAll(values: readonly V[]): R;
  /** The array has none of the values; true as well where the field is null or missing. */
  containsNone(values: readonly V[]): R;
}

/** The beginning of a string. */
export interface PrefixOperators<R> {
  /** The string begins with the text; every string begins with an empty one. */
  startsWith(text: string): R;
}

/** The inside of a string. */
export interface SubstringOperators<R> {
  /** The string ends with the text; every string ends with an empty one. */
  endsWith(text: string): R;
  /** The string has the text somewhere in it; every string has an empty one. */
  includes(text: string): R;
}

/** How near a word must come. */
export interface FuzzyOptions {
  /** How many characters may be missing, too many or wrong in each word: 1 (the default) or 2. */
  readonly distance?: 1 | 2;
}

/** Words of a text. */
export interface TextOperators<R> {
  /** The text has every word of the query. */
  match(query: string): R;
  /** The text has every word of the query, the last of which may be a beginning only: for search as one types. */
  matchPrefix(query: string): R;
  /** The text has, for every word of the query, one that is spelled nearly alike. */
  fuzzy(query: string, options?: FuzzyOptions): R;
}

/** Words of a text, in their order. */
export interface PhraseOperators<R> {
  /** The text has the words of the query next to each other, in this order. */
  phrase(query: string): R;
}

/** Words of a text by the search server's rules. */
export interface NativeTextOperators<R> {
  /**
   * The text has every word of the query, as the search server splits, stems and compares words; on other engines
   * refused by name.
   */
  matchNative(query: string): R;
}

/** Places. */
export interface GeoOperators<R> {
  /** The point lies in a circle or a box, borders included; exact to a metre. */
  within(area: Area): R;
}

/** Absence. */
export interface NullOperators<R> {
  /** The field is null or missing. */
  isNull(): R;
}

type KindOf<X> = X extends Index<infer K, boolean> ? K : never;
type FeatureOf<X> = X extends Index<infer _K, infer _S, infer F> ? F : never;
type Has<K, Kind extends IndexKind | IndexFeature> = Kind extends K ? true : false;
type If<Condition, T> = Condition extends true ? T : unknown;
type ArrayItem<V> = V extends readonly (infer E)[] ? NonNullable<E> : never;
type Absentable<V> = undefined extends V ? true : null extends V ? true : false;
type IsString<V> = "~decimal" extends keyof V ? false : [StoredOf<V>] extends [string] ? true : false;
// An enum reads as a union of its members: operators take members, not strings at large.
type Operators<V, K, F, R> = ([NonNullable<V>] extends [readonly unknown[]]
  ? If<Has<K, "exact">, ArrayOperators<ArrayItem<NonNullable<V>>, R>>
  : If<Has<K, "exact">, EqualityOperators<NonNullable<V>, R>> &
      If<Has<K, "range">, EqualityOperators<NonNullable<V>, R> & RangeOperators<NonNullable<V>, R>> &
      If<IsString<NonNullable<V>>, If<Has<F, "prefix">, PrefixOperators<R>>> &
      If<Has<F, "substring">, SubstringOperators<R>> &
      If<Has<K, "text">, TextOperators<R>> &
      If<Has<F, "phrase">, PhraseOperators<R>> &
      If<Has<K, "native">, NativeTextOperators<R>> &
      If<Has<K, "geo">, GeoOperators<R>>) &
  If<Absentable<V>, NullOperators<R>>;

/** The operators of the field at path P, each giving R. */
export type FieldOperators<O, I, P extends keyof I & string, R> = Operators<
  PathValue<O, P>,
  KindOf<IndexAt<I, P>>,
  FeatureOf<IndexAt<I, P>>,
  R
>;

/** Every operator there is, untyped: what {@link FieldOperators} narrows. */
export class AnyOperators<R> {
  readonly #path: string;
  readonly #done: (condition: Condition) => R;

  /**
   * @param path - the field.
   * @param done - receives the condition.
   */
  constructor(path: string, done: (condition: Condition) => R) {
    this.#path = path;
    this.#done = done;
  }

  #compare(comparison: Comparison): R {
    return this.#done(Object.freeze(comparison));
  }

  #not(comparison: Comparison): R {
    return this.#done(Object.freeze({ type: "not", item: Object.freeze(comparison) }));
  }

  eq(value: Operand): R {
    return this.#compare({ type: "in", path: this.#path, values: [value] });
  }
  ne(value: Operand): R {
    return this.#not({ type: "in", path: this.#path, values: [value] });
  }
  in(values: readonly Operand[]): R {
    return this.#compare({ type: "in", path: this.#path, values: list(values, this.#path) });
  }
  notIn(values: readonly Operand[]): R {
    return this.#not({ type: "in", path: this.#path, values: list(values, this.#path) });
  }
  gt(value: Operand): R {
    return this.#compare({ type: "range", path: this.#path, lower: { value, exclusive: true }, upper: undefined });
  }
  gte(value: Operand): R {
    return this.#compare({ type: "range", path: this.#path, lower: { value, exclusive: false }, upper: undefined });
  }
  lt(value: Operand): R {
    return this.#compare({ type: "range", path: this.#path, lower: undefined, upper: { value, exclusive: true } });
  }
  lte(value: Operand): R {
    return this.#compare({ type: "range", path: this.#path, lower: undefined, upper: { value, exclusive: false } });
  }
  between(lower: Operand, upper: Operand, options?: BetweenOptions | null): R {
    return this.#compare({
      type: "range",
      path: this.#path,
      lower: { value: lower, exclusive: options?.excludeLower === true },
      upper: { value: upper, exclusive: options?.excludeUpper === true },
    });
  }
  contains(value: Operand): R {
    return this.#compare({ type: "containsAny", path: this.#path, values: [value] });
  }
  containsAny(values: readonly Operand[]): R {
    return this.#compare({ type: "containsAny", path: this.#path, values: list(values, this.#path) });
  }
  containsAll(values: readonly Operand[]): R {
    return this.#compare({ type: "containsAll", path: this.#path, values: list(values, this.#path) });
  }
  containsNone(values: readonly Operand[]): R {
    return this.#not({ type: "containsAny", path: this.#path, values: list(values, this.#path) });
  }
  startsWith(text: string): R {
    return this.#compare({ type: "startsWith", path: this.#path, text });
  }
  endsWith(text: string): R {
    return this.#compare({ type: "endsWith", path: this.#path, text });
  }
  includes(text: string): R {
    return this.#compare({ type: "includes", path: this.#path, text });
  }
  match(text: string): R {
    return this.#compare({ type: "match", path: this.#path, text });
  }
  matchPrefix(text: string): R {
    return this.#compare({ type: "matchPrefix", path: this.#path, text });
  }
  matchNative(text: string): R {
    return this.#compare({ type: "matchNative", path: this.#path, text });
  }
  phrase(text: string): R {
    return this.#compare({ type: "phrase", path: this.#path, text });
  }
  fuzzy(text: string, options?: FuzzyOptions | null): R {
    const distance = options?.distance === undefined ? 1 : options.distance;
    return this.#compare({ type: "fuzzy", path: this.#path, text, distance });
  }
  within(area: Area): R {
    return this.#compare({ type: "within", path: this.#path, area: Object.freeze({ ...area }) });
  }
  isNull(): R {
    return this.#compare({ type: "isNull", path: this.#path });
  }
}

function list(values: readonly Operand[], path: string): readonly Operand[] {
  if (!Array.isArray(values)) throw new QueryError(`${path}: this operator takes an array of values`, { field: path });
  return Object.freeze([...values]) as readonly Operand[];
}
