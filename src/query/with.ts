// Related entities that a read brings along: what may be asked for, and the types of what comes.
import type { EntityDefinition, EntityOf, IndexesOf } from "../schema/entity.ts";
import type { SortablePaths } from "../schema/paths.ts";
import type { Relation, Relations } from "../schema/relations.ts";
import type { Condition, ConditionBuilder } from "./conditions.ts";
import type { Filter } from "./filter.ts";
import type { Direction } from "./node.ts";
import type { SelectablePaths, Selected } from "./select.ts";

// Of every declaration that is about the very type called N; a wider or narrower name is another type.
type DeclaredFor<A, N> =
  A extends Relations<infer M, infer R> ? ([M] extends [N] ? ([N] extends [M] ? R : never) : never) : never;
type NamesIn<U> = U extends unknown ? keyof U : never;
type RelationIn<U, K> = U extends unknown ? (K extends keyof U ? U[K] : never) : never;

/** The relations of the entity type called N, of all those declared, A. */
export type RelationsOf<A, N> = {
  readonly [K in NamesIn<DeclaredFor<A, N>> & string]: RelationIn<DeclaredFor<A, N>, K>;
};

/** What a condition on related entities is made of: a callback, a condition made beforehand, or a filter object. */
export type WhereRelated<T extends EntityDefinition> =
  | ((field: ConditionBuilder<EntityOf<T>, IndexesOf<T>>) => Condition<EntityOf<T>, IndexesOf<T>>)
  | Condition<EntityOf<T>, IndexesOf<T>>
  | Filter<EntityOf<T>, IndexesOf<T>>;

type SortKey<T extends EntityDefinition> = readonly [SortablePaths<IndexesOf<T>>, Direction?];

/** What is wanted of one related entity. */
export interface OneOptions<A, T extends EntityDefinition> {
  /** Dotted paths of the fields to read; all of it when left out. */
  readonly select?: readonly [SelectablePaths<EntityOf<T>>, ...SelectablePaths<EntityOf<T>>[]];
  /** What is related to it in turn. */
  readonly with?: With<A, T["name"]>;
}

/** Which related entities are wanted, and what of them. */
export interface ManyOptions<A, T extends EntityDefinition> extends OneOptions<A, T> {
  /** A condition on them. */
  readonly where?: WhereRelated<T>;
  /** A sortable field and its direction, or a list of such; by id when left out. */
  readonly orderBy?: SortKey<T> | readonly SortKey<T>[];
  /** The most of them per entity. */
  readonly limit?: number;
  /** They are read, not counted. */
  readonly count?: never;
}

/** That related entities are to be counted instead of read. */
export interface CountOptions<T extends EntityDefinition> {
  /** Give their number. */
  readonly count: true;
  /** A condition on them. */
  readonly where?: WhereRelated<T>;
}

type OptionsOf<A, X> =
  X extends Relation<infer K, infer T>
    ? K extends "one"
      ? true | OneOptions<A, T>
      : true | ManyOptions<A, T> | CountOptions<T>
    : never;

/** What may be brought along with entities of the type called N, by the relations A. */
export type With<A, N> = { readonly [K in keyof RelationsOf<A, N>]?: OptionsOf<A, RelationsOf<A, N>[K]> };

/** Refuses what a type parameter alone would let through: names of no relation, and of no option. */
export type OnlyRelations<A, N, W> = {
  readonly [K in keyof W]: K extends keyof RelationsOf<A, N> ? OnlyOptions<A, RelationsOf<A, N>[K], W[K]> : never;
};
type OnlyOptions<A, X, O> =
  X extends Relation<infer K, infer T>
    ? O extends object
      ? {
          readonly [P in keyof O]: P extends "with"
            ? OnlyRelations<A, T["name"], O[P]>
            : P extends OptionName<K, O>
              ? unknown
              : never;
        }
      : unknown
    : never;

type OptionName<K, O> = K extends "one"
  ? "select" | "with"
  : O extends { readonly count: true }
    ? "count" | "where"
    : "select" | "with" | "where" | "orderBy" | "limit" | "count";

/** Entities R with what W brings along. */
export type Loaded<R, A, N, W> = Joined<
  R,
  { [K in keyof W & keyof RelationsOf<A, N>]: Related<A, RelationsOf<A, N>[K], W[K]> }
>;
type Joined<R, X> = { [K in keyof (R & X)]: (R & X)[K] };
type Related<A, X, O> =
  X extends Relation<infer K, infer T>
    ? O extends { readonly count: true }
      ? number
      : K extends "one"
        ? LoadedAs<A, T, O> | null
        : LoadedAs<A, T, O>[]
    : never;
type LoadedAs<A, T extends EntityDefinition, O> = Loaded<ChosenOf<EntityOf<T>, O>, A, T["name"], WithinOf<O>>;
type ChosenOf<E, O> = O extends { readonly select: readonly (infer P extends string)[] } ? Selected<E, P> : E;
type WithinOf<O> = O extends { readonly with: infer W } ? W : Record<never, never>;
