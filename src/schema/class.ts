// Classes as entity types: where a class keeps its definition, and the types that follow from it.
// What decorators state never reaches the compiler's idea of a class, so operators are those that its properties allow.
import { DefinitionError } from "../errors.ts";
import type { EntityDefinition } from "./entity.ts";
import type { AllowedIndex, Paths, PathValue } from "./paths.ts";
import type { ZodObject } from "./zod.ts";

/** A class of entities. */
export type EntityClass<T extends object = object> = new () => T;

/** Whether two types are the same, down to what is readonly. */
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;

/** The properties of a class that are data: all but its methods, and what is readonly, as getters are. */
export type EntityData<T> = {
  [
    K in keyof T as T[K] extends (...args: never[]) => unknown
      ? never
      : Same<Pick<T, K>, Readonly<Pick<T, K>>> extends true
        ? never
        : K
  ]: T[K];
};

/** The indexes of a class, as far as the compiler knows: whatever may stand on each property. */
export type ClassIndexes<T> = {
  readonly [P in Paths<EntityData<T>>]: AllowedIndex<NonNullable<PathValue<EntityData<T>, P>>>;
};

/** The schema of a class, as far as the compiler knows. */
export interface ClassSchema<T> extends ZodObject {
  /** What zod says of the types. */
  readonly _zod: Omit<ZodObject["_zod"], "output" | "input"> & {
    /** What reads give. */
    readonly output: { [K in keyof T]: T[K] };
    /** What saves take. */
    readonly input: EntityData<T>;
  };
}

/** Properties that the mapper fills in, by the names they usually have. */
type Given = "id" | "version" | "createdAt" | "updatedAt";

/** The name of a class's entities: only its decorator knows it, so the compiler tells classes apart by what they are. */
export type ClassName<T> = string & {
  /** Carries the type only; never present at run time. */
  readonly "~class"?: T;
};

/** The definition of a class. */
export type ClassDefinition<T extends object> = EntityDefinition<
  ClassSchema<T>,
  ClassIndexes<T>,
  Given,
  unknown,
  ClassName<T>
>;

/** Where a class keeps its definition: the same for every copy of the package that is loaded. */
const place = Symbol.for("remora.definition");

/**
 * Gives a class its definition.
 *
 * @param type - the class.
 * @param definition - the definition.
 */
export function define(type: EntityClass, definition: EntityDefinition): void {
  Object.defineProperty(type, place, { value: definition });
}

/**
 * The definition of a class that `@Entity` stands on, for whatever takes definitions.
 *
 * @param type - the class.
 * @returns its definition.
 * @throws DefinitionError when `@Entity` does not stand on this very class.
 *
 * @example
 * ```ts
 * import { definitionOf } from "remora";
 * import { Entity, Id } from "remora/decorators";
 *
 * @Entity({ name: "user" })
 * class User {
 *   @Id() id!: string;
 * }
 * definitionOf(User).name; // "user"
 * ```
 */
export function definitionOf<T extends object>(type: EntityClass<T>): ClassDefinition<T> {
  return definitionFor(type) as unknown as ClassDefinition<T>;
}

/**
 * The definition that is meant by a definition or a class.
 *
 * @param given - either of them.
 * @returns the definition.
 * @throws DefinitionError when `@Entity` does not stand on this very class.
 */
export function definitionFor(given: EntityDefinition | EntityClass): EntityDefinition {
  if (typeof given !== "function") return given;
  // Of this very class: what extends an entity is another one, or none.
  const own = Object.getOwnPropertyDescriptor(given, place)?.value as EntityDefinition | undefined;
  if (own !== undefined) return own;
  const { name } = given as { readonly name?: string };
  throw new DefinitionError(
    `${name === undefined || name === "" ? "the class" : name} is no entity: put @Entity on it`,
  );
}
