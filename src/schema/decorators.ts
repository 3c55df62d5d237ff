// Entities as classes: decorators of both flavours, TypeScript's own and the language's, note fields on a class.
// What they say becomes the very definition that defineEntity makes; only `@Field()` without a schema looks at type metadata.
import type { z } from "zod";
import { DefinitionError } from "../errors.ts";
import { define, type EntityClass } from "./class.ts";
import {
  defineEntity,
  type EntityDefinition,
  type SlidingTtl,
  type FixedTtl,
  type ChangesOptions,
  type UniqueSpec,
} from "./entity.ts";
import type { UntypedHooks } from "./hooks.ts";
import type { AnyIndex } from "./board.ts";
import type { IdStrategy } from "./id.ts";
import type { CompoundDefinition } from "./compound.ts";
import type { Storage } from "./metadata.ts";
import type { IndexFor } from "./paths.ts";
import type { Clock } from "./timestamps.ts";
import { type AnySchema, objectOf, plainSchemas } from "./zod.ts";

/** What a property is beside a field. */
type Role = "id" | "version" | "createdAt" | "updatedAt" | "field";

/** What a decorator says of one property. */
interface FieldNote {
  readonly role: Role;
  /** Undefined when the property's own type has to say it. */
  readonly schema: AnySchema | undefined;
  readonly name?: string | undefined;
  readonly index?: AnyIndex | readonly AnyIndex[] | undefined;
  readonly unique?: boolean | string | undefined;
  readonly caseInsensitive?: boolean | undefined;
  readonly generate?: IdStrategy<never> | undefined;
  /** Why there is no schema, where the language noted no usable type. */
  readonly problem?: string | undefined;
}

type Notes = Map<string, FieldNote>;

/** Where a class, or what the language keeps beside it, holds its notes: the same for every copy of the package. */
const notesPlace = Symbol.for("remora.fields");

// Compilers agree on this place where the language has none of its own yet; classes declared before it is there have no notes.
const symbols = Symbol as unknown as { metadata?: symbol };
const metadataPlace = symbols.metadata ?? Symbol.for("Symbol.metadata");
if (symbols.metadata === undefined) Object.defineProperty(Symbol, "metadata", { value: metadataPlace });

/** What {@link Entity} takes: all of a definition but what the fields say. */
export interface EntityClassOptions {
  /** The entity's name: letters, digits, `_` and `-`; part of every key. The class's own may be another one once it is bundled. */
  readonly name: string;
  /** `hash` (default) or `json` (RedisJSON). */
  readonly storage?: Storage;
  /** Names in stored documents, of paths inside of properties. */
  readonly names?: Readonly<Record<string, string>>;
  /** The exact key prefix of existing documents, such as `user:`. */
  readonly keyPrefix?: string;
  /** The hash tag shared by types that one transaction may change together. */
  readonly colocate?: string;
  /** How many hash slots the entities are spread over. */
  readonly partitions?: number;
  /** Indexes of paths inside of properties. */
  readonly index?: Readonly<Record<string, AnyIndex | readonly AnyIndex[]>>;
  /** Name of a constraint to the fields that must be unique together. */
  readonly unique?: Readonly<Record<string, readonly string[] | UniqueSpec<string>>>;
  /** Name of a compound index to the fields that must be equal in it, and the one that orders. */
  readonly compound?: Readonly<Record<string, CompoundDefinition>>;
  /** Tells each change in a stream, for `watch`. */
  readonly changes?: true | ChangesOptions;
  /** Entities may expire. */
  readonly ttl?: FixedTtl | SlidingTtl;
  /** The field that `delete` sets. */
  readonly softDelete?: string;
  /** Whose clock tells the times of creation and change. */
  readonly clock?: Clock;
  /** Functions that run around writes. */
  readonly hooks?: UntypedHooks;
  /** What reads and saves give back: instances of the class (default), whose constructor is not called, or plain objects. */
  readonly results?: "instances" | "plain";
}

/** What {@link Field} takes beside the schema of values V. */
export interface FieldOptions<V> {
  /** The property's name in stored documents, where it is another one. */
  readonly name?: string;
  /** One index or several; only kinds that the values allow. */
  readonly index?: IndexFor<V>;
  /** No two entities have the same value; a text names the constraint, the property when it is true. */
  readonly unique?: boolean | string;
  /** Unique strings that differ in case only count as the same. */
  readonly caseInsensitive?: boolean;
}

/** A decorator of properties that hold values V, in both flavours. */
export interface PropertyDecorator<V> {
  /** TypeScript's own flavour. */
  <K extends string>(target: { readonly [P in K]?: V | null | undefined }, key: K): void;
  /** The language's. */
  <T extends V | null | undefined>(value: undefined, context: ClassFieldDecoratorContext<object, T>): void;
}

/** A decorator of properties of any type, in both flavours. */
export interface AnyPropertyDecorator {
  /** TypeScript's own flavour. */
  (target: object, key: string): void;
  /** The language's. */
  (value: undefined, context: ClassFieldDecoratorContext): void;
}

/** A decorator of classes, in both flavours. */
export interface ClassDecorator {
  /** TypeScript's own flavour. */
  <C extends EntityClass>(type: C): void;
  /** The language's. */
  <C extends EntityClass>(type: C, context: ClassDecoratorContext<C>): void;
}

/**
 * Marks a property as a field.
 *
 * @param schema - what its values are; they must fit the property's type.
 * @param options - name in stored documents, index and unique constraint.
 * @returns a decorator.
 */
export function Field<S extends AnySchema>(
  schema: S,
  options?: FieldOptions<NonNullable<z.output<S>>>,
): PropertyDecorator<NonNullable<z.output<S>>>;
/**
 * Marks a property as a field whose type the compiler notes: a string, number, boolean or Date, with `emitDecoratorMetadata`
 * and `reflect-metadata`.
 *
 * @returns a decorator.
 */
export function Field(): AnyPropertyDecorator;
export function Field(schema?: AnySchema, options: object = {}): AnyPropertyDecorator {
  return decorator({ ...(options as Partial<FieldNote>), role: "field", schema });
}

/**
 * Marks the property that holds the id, a string.
 *
 * @param options - how ids are made; ULIDs when left out.
 * @returns a decorator.
 */
export function Id(options: { readonly generate?: IdStrategy<never> } = {}): PropertyDecorator<string> {
  return decorator({ role: "id", schema: plainSchemas.string(), generate: options.generate });
}

/**
 * Marks the property that counts saves, for optimistic locking.
 *
 * @param options - name in stored documents.
 * @returns a decorator.
 */
export function Version(options: Pick<FieldOptions<number>, "name"> = {}): PropertyDecorator<number> {
  return decorator({ ...options, role: "version", schema: plainSchemas.int() });
}

/**
 * Marks the property that is set when an entity is first saved.
 *
 * @param options - name in stored documents, and index of the time.
 * @returns a decorator.
 */
export function CreatedAt(options: Pick<FieldOptions<Date>, "name" | "index"> = {}): PropertyDecorator<Date> {
  return decorator({ ...options, role: "createdAt", schema: plainSchemas.date() });
}

/**
 * Marks the property that is set by every save.
 *
 * @param options - name in stored documents, and index of the time.
 * @returns a decorator.
 */
export function UpdatedAt(options: Pick<FieldOptions<Date>, "name" | "index"> = {}): PropertyDecorator<Date> {
  return decorator({ ...options, role: "updatedAt", schema: plainSchemas.date() });
}

/**
 * Makes a class an entity type, to be given to `db.repository`.
 *
 * @param options - name, storage, and whatever concerns several fields.
 * @returns a decorator.
 * @throws DefinitionError listing every problem of the definition, when the class is declared.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { connect, exact, range } from "remora";
 * import { Entity, Field, Id, Version } from "remora/decorators";
 *
 * @Entity({ name: "movie" })
 * class Movie {
 *   @Id() id!: string;
 *   @Field(z.string(), { index: exact() }) title!: string;
 *   @Field(z.int().optional(), { index: range() }) year?: number;
 *   @Version() version!: number;
 * }
 * const db = await connect("redis://localhost:6379");
 * const movies = db.repository(Movie);
 * await movies.indexes.sync();
 * await movies.insert({ title: "Rio Bravo", year: 1959 });
 * await movies.query().where("year").lt(1960).all(); // [Movie { … }]
 * await db.close();
 * ```
 */
export function Entity(options: EntityClassOptions): ClassDecorator {
  return ((type: EntityClass, context?: ClassDecoratorContext) => {
    define(type, definitionFrom(type, notesOf(type, context?.metadata), options));
  }) as ClassDecorator;
}

// The flavours differ in their second argument: a name, or what the language says of the property.
function decorator(note: FieldNote): never {
  return ((target: object | undefined, at: string | symbol | ClassFieldDecoratorContext) => {
    if (typeof at !== "object") {
      const own = ownNotes((target as object).constructor);
      own.set(nameOf(at), completed(note, target as object, at));
      return;
    }
    if (at.static || at.private) throw new DefinitionError(`${String(at.name)}: a field is neither static nor private`);
    // A compiler that keeps nothing beside a class leaves nowhere to note its fields.
    const { metadata } = at as { metadata?: object };
    if (metadata === undefined) {
      throw new DefinitionError(
        `${String(at.name)}: the compiler keeps no metadata of classes: import remora/decorators before the class is declared`,
      );
    }
    ownNotes(metadata).set(nameOf(at.name), completed(note, undefined, at.name));
  }) as never;
}

function nameOf(key: string | symbol): string {
  if (typeof key === "string") return key;
  throw new DefinitionError("a field has a name, not a symbol");
}

function ownNotes(holder: object): Notes {
  const held = Object.getOwnPropertyDescriptor(holder, notesPlace)?.value as Notes | undefined;
  if (held !== undefined) return held;
  const notes: Notes = new Map();
  Object.defineProperty(holder, notesPlace, { value: notes });
  return notes;
}

/** What the language notes of a property, and the schema for it. */
const schemasByType = new Map<unknown, () => AnySchema>([
  [String, plainSchemas.string],
  [Number, plainSchemas.number],
  [Boolean, plainSchemas.boolean],
  [Date, plainSchemas.date],
]);

function completed(note: FieldNote, target: object | undefined, key: string | symbol): FieldNote {
  if (note.schema !== undefined) return note;
  const { getMetadata } = Reflect as { getMetadata?: (name: string, target: object, key: string | symbol) => unknown };
  const type = target === undefined ? undefined : getMetadata?.("design:type", target, key);
  const schema = schemasByType.get(type)?.();
  if (schema !== undefined) return { ...note, schema };
  const found =
    type === undefined
      ? "the compiler noted no type for it (emitDecoratorMetadata and reflect-metadata do)"
      : `the compiler noted no more than ${(type as { name?: string }).name} for it`;
  return { ...note, problem: `@Field() has no schema, and ${found}: give it one, as in @Field(z.string())` };
}

// From the most general class on: what a class says of a property of its parents counts.
function notesOf(type: EntityClass, metadata: object | undefined): Notes {
  const chain: object[] = [];
  for (let at: unknown = type; typeof at === "function"; at = Object.getPrototypeOf(at)) chain.unshift(at);
  const notes: Notes = new Map();
  for (const each of chain) {
    const beside = each === type ? metadata : Object.getOwnPropertyDescriptor(each, metadataPlace)?.value;
    for (const holder of [each, beside as object | undefined]) {
      const own = holder && (Object.getOwnPropertyDescriptor(holder, notesPlace)?.value as Notes | undefined);
      for (const [name, note] of own ?? []) notes.set(name, note);
    }
  }
  return notes;
}

function definitionFrom(
  type: EntityClass,
  notes: Notes,
  { name, clock, results, names, index, unique, ...options }: EntityClassOptions,
): EntityDefinition {
  const problems = [...notes].flatMap(([field, { problem }]) =>
    problem === undefined ? [] : [`${field}: ${problem}`],
  );
  const withRole = (role: Role): string | undefined => {
    const fields = [...notes].flatMap(([field, note]) => (note.role === role ? [field] : []));
    if (fields.length > 1) problems.push(`${fields.join(" and ")}: two properties have the role of one`);
    return fields[0];
  };
  const [id, version, createdAt, updatedAt] = (["id", "version", "createdAt", "updatedAt"] as const).map(withRole);
  if (id === undefined) problems.push("no property has @Id");
  if (problems.length > 0) {
    throw new DefinitionError(`entity ${JSON.stringify(name)}: ${problems.join("; ")}`, { entity: name });
  }
  const entries = [...notes];
  const generate = notes.get(id as string)?.generate;
  const uniques = entries.flatMap(([field, note]) => {
    if (note.unique === undefined || note.unique === false) return [];
    const constraint = note.caseInsensitive === true ? { fields: [field], caseInsensitive: true } : [field];
    return [[note.unique === true ? field : note.unique, constraint] as const];
  });
  const definition = defineEntity({
    ...options,
    name,
    schema: objectOf(Object.fromEntries(entries.map(([field, { schema }]) => [field, schema as AnySchema]))),
    id: { field: id, ...(generate === undefined ? {} : { generate }) },
    ...(version === undefined ? {} : { version }),
    timestamps: {
      ...(createdAt === undefined ? {} : { createdAt }),
      ...(updatedAt === undefined ? {} : { updatedAt }),
      ...(clock === undefined ? {} : { clock }),
    },
    names: { ...noted(notes, "name"), ...names },
    index: { ...noted(notes, "index"), ...index },
    unique: { ...Object.fromEntries(uniques), ...unique },
  } as never) as unknown as EntityDefinition;
  return results === "plain" ? definition : withInstances(definition, type);
}

// One thing that is said of some properties, by property.
function noted(notes: Notes, what: "name" | "index"): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...notes].flatMap(([field, note]) => (note[what] === undefined ? [] : [[field, note[what]]])),
  );
}

// Whatever comes out of the schema, read or saved, is one of the class.
function withInstances(definition: EntityDefinition, type: EntityClass): EntityDefinition {
  const { metadata } = definition;
  const instances =
    (validate: typeof metadata.validate): typeof metadata.validate =>
    (input) => {
      const result = validate(input);
      if (!result.ok) return result;
      return {
        ok: true,
        value: Object.assign(Object.create(type.prototype as object) as typeof result.value, result.value),
      };
    };
  const validate = instances(metadata.validate);
  const validateEntity = instances(metadata.validateEntity);
  return Object.freeze({ ...definition, metadata: Object.freeze({ ...metadata, validate, validateEntity }) });
}
