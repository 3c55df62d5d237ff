// Relations between entity types: declared after the types, and looked at when a database is opened.
// The builder only notes what was said; `relation-graph.ts` checks it, and all of it together.
import type { ClassDefinition, EntityClass } from "./class.ts";
import type { EntityDefinition, EntityOf, IndexesOf } from "./entity.ts";
import type { ForeignKeyPaths, PathsOfType, PathValue } from "./paths.ts";

/** An entity type as relations name it: a definition, or a class that `@Entity` stands on. */
export type EntityType = EntityDefinition | EntityClass;

/** The definition of an entity type. */
export type DefinitionOf<X> = Extract<X extends EntityClass<infer T> ? ClassDefinition<T> : X, EntityDefinition>;

/** What becomes of the entities that refer to one that is deleted: deleted as well, a reason to refuse, or set to null. */
export type OnDelete = "cascade" | "restrict" | "setNull";

/**
 * What `onDelete` may say of each field by which entities T with the indexes I are found: `setNull` where it may be absent.
 */
export type OnDeleteOf<T, I> = {
  readonly [P in ForeignKeyPaths<I, T>]:
    | "cascade"
    | "restrict"
    | ([null] extends [PathValue<T, P>] ? "setNull" : [undefined] extends [PathValue<T, P>] ? "setNull" : never);
};

/** Whether a relation leads to one entity or to any number of them. */
export type Cardinality = "one" | "many";

/** One relation, made by the builder that {@link relations} hands out. */
export interface Relation<K extends Cardinality = Cardinality, T extends EntityDefinition = EntityDefinition> {
  /** Whether it leads to one entity or to many. */
  readonly cardinality: K;
  /**
   * The entity type that it leads to.
   *
   * @internal
   */
  readonly target: EntityType;
  /**
   * How it leads there.
   *
   * @internal
   */
  readonly by: RelationBy;
  /**
   * Carries the types only; never present at run time.
   *
   * @internal
   */
  readonly "~types"?: { readonly target: T };
}

/** How a relation leads to its target, as it was declared. */
export type RelationBy =
  | { readonly field: string; readonly onDelete?: OnDelete | undefined }
  | {
      readonly through: EntityType;
      readonly from: string;
      readonly to: string;
      readonly onDelete?: OnDelete | undefined;
    }
  | { readonly ids: string };

/** The relations of one entity type, made by {@link relations}. */
export interface Relations<N extends string = string, R = unknown> {
  /**
   * The entity type.
   *
   * @internal
   */
  readonly entity: EntityType;
  /**
   * Gives the relations, once every entity type is there.
   *
   * @internal
   */
  readonly build: () => Readonly<Record<string, Relation>>;
  /**
   * Carries the types only; never present at run time.
   *
   * @internal
   */
  readonly "~types"?: { readonly name: N; readonly relations: R };
}

/** How `one` leads from entities T with the indexes I to its target: by a field that holds the target's id. */
export interface OneBy<T, I, F extends string> {
  /** The field with the target's id. */
  readonly field: F & PathsOfType<T, string>;
  /** What becomes of this entity when the target is deleted; the field then needs `exact()`. */
  readonly onDelete?: F extends keyof OnDeleteOf<T, I> ? OnDeleteOf<T, I>[F] : never;
}

/** How `many` leads to its targets, entities T with the indexes I: by a field of theirs that holds this entity's id. */
export interface ManyByField<T, I, F extends string> {
  /** The targets' field with the id of this entity; it needs `exact()`. */
  readonly field: F & ForeignKeyPaths<I, T>;
  /** What becomes of the targets when this entity is deleted. */
  readonly onDelete?: F extends keyof OnDeleteOf<T, I> ? OnDeleteOf<T, I>[F] : never;
}

/** How `many` leads to its targets: by entities of the type J, which hold one id of each side. */
export interface ManyThrough<J extends EntityType> {
  /** The type of these entities. */
  readonly through: J;
  /** Their field with the id of this entity; it needs `exact()`. */
  readonly from: ForeignKeyPaths<IndexesOf<DefinitionOf<J>>, EntityOf<DefinitionOf<J>>>;
  /** Their field with the id of the target; it needs `exact()`. */
  readonly to: ForeignKeyPaths<IndexesOf<DefinitionOf<J>>, EntityOf<DefinitionOf<J>>>;
  /** What becomes of them, not of the targets, when this entity is deleted. */
  readonly onDelete?: "cascade" | "restrict";
}

/** How `many` leads from entities T to its targets: by a field with a list of their ids. */
export interface ManyByIds<T> {
  /** The field with the ids. */
  readonly ids: PathsOfType<T, readonly string[]>;
}

/** Makes the relations of entities T with the indexes I. */
export interface RelationBuilder<T, I> {
  /** A relation to the one entity whose id a field holds. */
  readonly one: <X extends EntityType, const F extends string>(
    target: X,
    by: OneBy<T, I, F>,
  ) => Relation<"one", DefinitionOf<X>>;
  /** A relation to every entity that a field of theirs, entities between, or a list of ids lead to. */
  readonly many: <X extends EntityType, const F extends string = never, J extends EntityType = never>(
    target: X,
    by: ManyByField<EntityOf<DefinitionOf<X>>, IndexesOf<DefinitionOf<X>>, F> | ManyThrough<J> | ManyByIds<T>,
  ) => Relation<"many", DefinitionOf<X>>;
}

/** Refuses names that the entity has already. */
type OnlyNewNames<R, X extends EntityType> = {
  readonly [K in keyof R]: K extends keyof EntityOf<DefinitionOf<X>> ? never : Relation;
};

/**
 * Declares the relations of an entity type, to be given to `connect`. Nothing is looked at before that, so types may refer to
 * each other from whatever modules.
 *
 * @param entity - made by `defineEntity`, or a class that `@Entity` stands on.
 * @param build - receives `one` and `many`; gives the relations by name.
 * @returns the relations.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { connect, defineEntity, exact, relations } from "remora";
 *
 * const Person = defineEntity({ name: "person", schema: z.object({ id: z.string(), name: z.string() }) });
 * const Movie = defineEntity({
 *   name: "movie",
 *   schema: z.object({ id: z.string(), title: z.string(), directorId: z.string() }),
 *   index: { directorId: exact() },
 * });
 * const movieRelations = relations(Movie, ({ one }) => ({ director: one(Person, { field: "directorId" }) }));
 * const personRelations = relations(Person, ({ many }) => ({ movies: many(Movie, { field: "directorId" }) }));
 *
 * const db = await connect("redis://localhost:6379", { relations: [movieRelations, personRelations] });
 * const [movies, people] = [db.repository(Movie), db.repository(Person)];
 * await Promise.all([movies.indexes.sync(), people.indexes.sync()]);
 * const hawks = await people.insert({ name: "Howard Hawks" });
 * await movies.insert({ title: "Rio Bravo", directorId: hawks.id });
 * const found = await people.findByIdOrThrow(hawks.id, { with: { movies: true } });
 * found.movies.map(({ title }) => title); // ["Rio Bravo"]
 * await db.close();
 * ```
 */
export function relations<X extends EntityType, R extends Readonly<Record<string, Relation>>>(
  entity: X,
  build: (builder: RelationBuilder<EntityOf<DefinitionOf<X>>, IndexesOf<DefinitionOf<X>>>) => R & OnlyNewNames<R, X>,
): Relations<DefinitionOf<X>["name"], R> {
  const builder = {
    one: (target: EntityType, by: RelationBy) => ({ cardinality: "one", target, by }),
    many: (target: EntityType, by: RelationBy) => ({ cardinality: "many", target, by }),
  } as unknown as RelationBuilder<EntityOf<DefinitionOf<X>>, IndexesOf<DefinitionOf<X>>>;
  return Object.freeze({ entity, build: () => build(builder) });
}
