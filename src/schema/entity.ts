// defineEntity: the one call every definition goes through, and the types inferred from it.
// Wrong paths, illegal index kinds and missing fields are compile errors here.
import type { z } from "zod";
import { ValidationError } from "../errors.ts";
import type { Collections } from "./collections.ts";
import type { EntityHooks } from "./hooks.ts";
import { composedId, type IdPart, type IdStrategy, isIdPart } from "./id.ts";
import type { BoardPaths, CompoundSpec, Indexable, IndexSpecs, Paths, PathValue } from "./paths.ts";
import { compileMetadata, type Definition, type EntityMetadata, type Storage } from "./metadata.ts";
import type { Clock } from "./timestamps.ts";
import type { TtlOnUpdate } from "./ttl.ts";
import type { EntitySchema, ZodObject } from "./zod.ts";

type KeysOfType<T, V> = { [K in keyof T & string]-?: [T[K]] extends [V] ? K : never }[keyof T & string];
type Simplify<T> = { [K in keyof T]: T[K] };
/** Refuses properties that are no path of the entity, which a type parameter alone would let through. */
type OnlyPaths<I, O> = { readonly [K in Exclude<keyof I, Paths<O>>]: never };

/** Unique constraints over paths P: the fields, or those and how strings are compared. */
type UniqueSpecs<P extends string> = Readonly<Record<string, readonly P[] | UniqueSpec<P>>>;

/** A unique constraint over paths P, with how its strings are compared. */
export interface UniqueSpec<P extends string> {
  /** The fields that must be unique together. */
  readonly fields: readonly P[];
  /** Strings that differ in case only count as the same. */
  readonly caseInsensitive?: boolean;
}

/** Nothing may stand here where the entities are spread over several slots. */
type WholeOnly<P> = [P] extends [1] ? unknown : never;

/** No partition knows the ranks of the others. */
type BoardsOver<P, I> = [P] extends [1] ? unknown : { readonly [K in BoardPaths<I>]: never };

/** No partition knows the next number of a sequence. */
type IdsOver<P, Strategy> = [P] extends [1] ? Strategy : Exclude<Strategy, "sequence">;

/** Properties that an id may be made of. */
type IdParts<T> = { [K in keyof T & string]-?: [T[K]] extends [IdPart] ? K : never }[keyof T & string];

/** What types with ids that are made of fields F have beside. */
export interface ComposedIds<T, F extends string> {
  /**
   * The id of an entity with some values in the fields that ids are made of.
   *
   * @param parts - the values.
   * @returns the id.
   * @throws ValidationError when one of them is missing or no single value.
   */
  readonly idOf: (parts: Readonly<Pick<T, F & keyof T>>) => string;
}

/** What types whose entities own collections L have beside. */
export interface WithCollections<L extends Collections> {
  /**
   * Carries the types only; never present at run time.
   *
   * @internal
   */
  readonly "~collections"?: L;
}

/** How changes are told. */
export interface ChangesOptions {
  /** About how many changes the stream keeps; 10,000 when left out. */
  readonly maxLength?: number;
}

/** The object schemas that a schema is one of: itself, or the options of a union. */
export type OptionOf<S> = S extends ZodObject
  ? S
  : S extends { readonly _zod: { readonly def: { readonly options: readonly (infer O)[] } } }
    ? OptionOf<O>
    : never;

type Held<S extends EntitySchema> = HeldBy<OptionOf<S>>;
type HeldBy<X> = X extends ZodObject ? Indexable<z.output<X>, z.input<X>> : never;

type AbsentableDates<T> = {
  [K in keyof T & string]-?: [T[K]] extends [Date | null | undefined]
    ? [null] extends [T[K]]
      ? K
      : [undefined] extends [T[K]]
        ? K
        : never
    : never;
}[keyof T & string];

// A codec's field takes what the codec decodes, and what a read returned as well.
type Accepted<I, O> = { [K in keyof I]: K extends keyof O ? ([O[K]] extends [I[K]] ? I[K] : I[K] | O[K]) : I[K] };

/** What is inserted, of which some properties may be left out. */
type GivenInput<S extends EntitySchema, G extends string> = GivenTo<OptionOf<S>, G>;
type GivenTo<X, G extends string> = X extends ZodObject
  ? Simplify<Omit<WholeInput<X>, G> & Partial<Pick<WholeInput<X>, G & keyof z.input<X>>>>
  : never;

/** Entities live a time that begins when they are made. */
export interface FixedTtl {
  /** The default time to live; for ever when left out. */
  readonly seconds?: number;
  /** Reads do not prolong the time, and writes do what `onUpdate` says. */
  readonly sliding?: "none";
  /** What a later write does to the remaining time; `keep` when left out. */
  readonly onUpdate?: TtlOnUpdate;
}

/** Entities live a time that begins anew whenever they are used. */
export interface SlidingTtl {
  /** The time to live, from the last use on. */
  readonly seconds: number;
  /** `write`: every save and patch begins the time anew; `read`: in addition reads by id and unique value prolong it. */
  readonly sliding: "write" | "read";
  /** Nothing else goes with a sliding time. */
  readonly onUpdate?: "reset";
}

/** Makes the property K of an entity O, from what else it holds. */
type Derivation<O, K extends string> = K extends keyof O ? (entity: Without<O, K>) => O[K] : never;
type Without<O, K extends string> = O extends unknown ? Omit<O, K> : never;

/** What {@link defineEntity} takes. */
export interface EntityOptions<
  S extends EntitySchema,
  I,
  Id extends string,
  V extends string,
  C extends string,
  U extends string,
  Q,
  P extends number = 1,
  N extends string = string,
  F extends string = never,
  L extends Collections = Record<never, never>,
  D extends string = never,
> {
  /** The entity's name: letters, digits, `_` and `-`; part of every key. */
  readonly name: N;
  /** A zod object schema, or a discriminated union of such; its output type is the entity's type. */
  readonly schema: S;
  /** The id field (default `id`) and how ids are made (default ULIDs). */
  readonly id?: {
    /** The id field; `id` when left out. */
    readonly field?: Id & KeysOfType<z.output<S>, string>;
    /** How ids are made; ULIDs when left out. */
    readonly generate?: IdsOver<P, IdStrategy<z.input<S>>>;
    /** The fields that the id is made of, which never change: properties that are single values and always there. */
    readonly from?: readonly (F & IdParts<z.output<S>>)[];
  };
  /** `hash` (default), `json` (RedisJSON), or `string` (the same JSON as text, on any server; for the scan engine). */
  readonly storage?: Storage;
  /**
   * Dotted path to the name of that one property in stored documents, where it is another one; in a nested object the name of the
   * path's last part. Everything but what is stored speaks of the property. The id keeps its name.
   */
  readonly names?: { readonly [K in Exclude<Paths<z.output<S>>, NoInfer<Id>>]?: string };
  /** The exact key prefix of existing documents, such as `user:`. */
  readonly keyPrefix?: string & WholeOnly<P>;
  /** The hash tag shared by types that one transaction may change together; fixed once entities are stored. */
  readonly colocate?: string & WholeOnly<P>;
  /**
   * How many hash slots the entities are spread over, by their ids, from 1 (default) to 256; fixed once entities are stored. For
   * types that are too large for one node of a cluster. Not with `unique`, `changes`, `colocate` or `keyPrefix`.
   */
  readonly partitions?: P;
  /** Dotted path to index, or to several indexes. */
  readonly index?: I & OnlyPaths<I, Held<S>> & BoardsOver<NoInfer<P>, I>;
  /** Name of a constraint to the fields that must be unique together, or `{ fields, caseInsensitive }`. */
  readonly unique?: Q & WholeOnly<P>;
  /** Name of a compound index to the fields that must be equal in it, and the one that orders; for the scan engine. */
  readonly compound?: Readonly<Record<string, CompoundSpec<NoInfer<I>, z.output<S>>>>;
  /** Tells each change in a stream, for `watch`; the stream keeps about `maxLength` changes (10,000 when left out). */
  readonly changes?: (true | ChangesOptions) & WholeOnly<P>;
  /** The field that counts saves, for optimistic locking. */
  readonly version?: V & KeysOfType<z.output<S>, number>;
  /** The fields that are set when an entity is first and last saved. */
  readonly timestamps?: {
    /** Set when an entity is first saved. */
    readonly createdAt?: C & KeysOfType<z.output<S>, Date>;
    /** Set by every save. */
    readonly updatedAt?: U & KeysOfType<z.output<S>, Date>;
    /** Whose clock tells the time: this process's (`client`, default) or the server's, to half a round trip. */
    readonly clock?: Clock;
  };
  /**
   * Property to the function that makes it, out of an entity that is about to be written; what is given for it is not looked at.
   * Patches of such a type read the entity first.
   */
  readonly derive?: { readonly [K in D]: Derivation<z.output<S>, K> };
  /** Entities may expire: the default in seconds (none when left out), and what later writes and reads do to it. */
  readonly ttl?: FixedTtl | SlidingTtl;
  /** The field that `delete` sets, an optional or nullable date with `range()`; reads and queries leave such entities out. */
  readonly softDelete?: AbsentableDates<z.output<S>> & keyof NoInfer<I> & string;
  /** Lists, sets, sorted sets and counters that each entity owns, by name: deleted and expired with it. */
  readonly collections?: L;
  /** True lets `insert` and `save` take the `fence` of a lock, and refuse one that a later holder has overtaken. */
  readonly fence?: boolean;
  /** Functions that run around writes. */
  readonly hooks?: EntityHooks<NoInfer<GivenInput<S, Id | V | C | U | D>>, NoInfer<Simplify<z.output<S>>>>;
}

/** An entity type: what {@link defineEntity} returns. */
export interface EntityDefinition<
  S extends EntitySchema = EntitySchema,
  I = unknown,
  G extends string = string,
  Q = unknown,
  N extends string = string,
> {
  /** The entity's name. */
  readonly name: N;
  /** The schema given. */
  readonly schema: S;
  /**
   * The compiled definition, for the mapper's own use.
   *
   * @internal
   */
  readonly metadata: EntityMetadata;
  /**
   * Carries the types only; never present at run time.
   *
   * @internal
   */
  readonly "~types"?: { readonly index: I; readonly generated: G; readonly unique: Q };
}

/** The type of an entity as it is read. */
export type EntityOf<D extends EntityDefinition> = Simplify<z.output<D["schema"]>>;

/** The type of an entity as it is inserted: id, version, timestamps and defaults may be left out. */
export type InputOf<D extends EntityDefinition> =
  D extends EntityDefinition<infer S, infer _I, infer G, infer _Q> ? GivenInput<S, G> : never;

/** The indexes of an entity type, by dotted path. */
export type IndexesOf<D extends EntityDefinition> =
  D extends EntityDefinition<infer _S, infer I, infer _G, infer _Q> ? I : never;

/** The type of an entity before validation, with nothing left out but what has a default. */
export type WholeInput<S extends EntitySchema> = WholeOf<OptionOf<S>>;
type WholeOf<X> = X extends ZodObject ? Accepted<z.input<X>, z.output<X>> : never;

/** The properties of an entity type that the mapper keeps: id, version and timestamps. */
export type GivenOf<D extends EntityDefinition> =
  D extends EntityDefinition<infer _S, infer _I, infer G, infer _Q> ? G : never;

type UniquesOf<D extends EntityDefinition> =
  D extends EntityDefinition<infer _S, infer _I, infer _G, infer Q> ? Q : never;

/** The names of an entity type's unique constraints. */
export type UniqueNames<D extends EntityDefinition> = keyof UniquesOf<D> & string;

/** The fields of one of an entity type's unique constraints, and their values. */
export type UniqueOf<D extends EntityDefinition> = {
  [K in UniqueNames<D>]: UniqueFields<UniquesOf<D>[K]> extends infer P extends string
    ? { readonly [X in P]: NonNullable<PathValue<EntityOf<D>, X>> }
    : never;
}[UniqueNames<D>];
type UniqueFields<U> = U extends readonly (infer P)[]
  ? P
  : U extends { readonly fields: readonly (infer P)[] }
    ? P
    : never;

/**
 * Defines an entity type from a zod schema.
 *
 * @param options - name, schema, and what to index, alone or together, keep unique, version, time, derive and expire.
 * @returns the definition, to be given to `db.repository`.
 * @throws DefinitionError listing every problem of the definition.
 *
 * With `id.from` the definition has `idOf`, which makes an id of the fields' values.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { defineEntity, exact, range } from "remora";
 *
 * const Movie = defineEntity({
 *   name: "movie",
 *   schema: z.object({ id: z.string(), title: z.string(), year: z.int() }),
 *   index: { title: exact(), year: range() },
 * });
 * Movie.name; // "movie"
 * ```
 */
export function defineEntity<
  S extends EntitySchema,
  const I extends IndexSpecs<Held<S>> = Record<never, never>,
  const Id extends string = "id",
  const V extends string = never,
  const C extends string = never,
  const U extends string = never,
  const Q extends UniqueSpecs<Paths<z.output<S>>> = Record<never, never>,
  const P extends number = 1,
  const N extends string = string,
  const F extends string = never,
  L extends Collections = Record<never, never>,
  const D extends string = never,
>(
  options: EntityOptions<S, I, Id, V, C, U, Q, P, N, F, L, D>,
): EntityDefinition<S, I, Id | V | C | U | D, Q, N> &
  ([F] extends [never] ? unknown : ComposedIds<z.output<S>, F>) &
  ([keyof L] extends [never] ? unknown : WithCollections<L>) {
  const metadata = compileMetadata(options as unknown as Definition);
  const definition = { name: options.name, schema: options.schema, metadata };
  const composed = metadata.idFrom.length === 0 ? {} : { idOf: (parts: object) => idOfParts(metadata, parts) };
  return Object.freeze({ ...definition, ...composed }) as never;
}

function idOfParts({ name, idFrom }: EntityMetadata, parts: object): string {
  const values = idFrom.map((field) => (parts as Record<string, unknown>)[field]);
  if (values.every(isIdPart)) return composedId(values);
  const field = idFrom[values.findIndex((value) => !isIdPart(value))];
  throw new ValidationError(`${name}: the id needs a value for ${field}`, { entity: name, field });
}
