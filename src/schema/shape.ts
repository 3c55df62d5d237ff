// The shape of an entity: what each field holds, as plain frozen data.
// Everything below the schema room works on shapes and never sees the validator.

/** The largest latitude that a geo index can hold, in degrees. */
export const maxLatitude = 85.05112878;

/**
 * The one name of a meridian that has two: 180 degrees is -180, and so is all that servers would round to it.
 *
 * @param longitude - degrees east, within 180.
 * @returns the longitude to store and to ask for.
 */
export function canonicalLongitude(longitude: number): number {
  return (longitude + 180) / 360 >= 1 ? -180 : longitude;
}

/** What a single value is, once nullability and defaults are taken off. */
export type ScalarKind = "string" | "number" | "boolean" | "bigint" | "date" | "bytes" | "point" | "decimal";

/** A value after its conversion, or why it could not be converted. */
export type Converted =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

/** What is stored of a value that is not stored as it is. */
export interface StoredForm {
  /** The shape of what is stored. */
  readonly shape: Shape;
  /** From the entity's value to what is stored. */
  readonly encode: (value: unknown) => Converted;
  /** From what is stored to the entity's value. */
  readonly decode: (stored: unknown) => Converted;
  /** Whether one may stay in the place of the other, where the same value is not always stored as the same. */
  readonly same?: (left: unknown, right: unknown) => boolean;
}

/** Whether a value may be missing or null, and whether it is stored in another form. */
interface Presence {
  /** The property may be missing (undefined). */
  readonly optional: boolean;
  /** The property may be null. */
  readonly nullable: boolean;
  /** Which entities it may be missing in depends on their option. */
  readonly ofOption?: true;
  /** What is stored, where that is not the value itself; null and missing are stored as such all the same. */
  readonly stored?: StoredForm;
}

/** A single value. */
interface ScalarShape extends Presence {
  readonly kind: ScalarKind;
}

/** Free JSON: anything that JSON itself can hold. */
interface JsonShape extends Presence {
  readonly kind: "json";
}

/** An array whose elements share one shape. */
interface ArrayShape extends Presence {
  readonly kind: "array";
  readonly item: Shape;
}

/** An object with string keys that share one value shape. */
interface RecordShape extends Presence {
  readonly kind: "record";
  readonly value: Shape;
}

/** Names of properties in stored documents, of those only that have another one there. */
interface StoredNames {
  /** By property. */
  readonly stored: ReadonlyMap<string, string>;
  /** The properties, by stored name. */
  readonly properties: ReadonlyMap<string, string>;
}

/** An object with known properties. */
export interface ObjectShape extends Presence {
  readonly kind: "object";
  readonly fields: ReadonlyMap<string, Shape>;
  /** Left out where all properties are stored by their own names. */
  readonly names?: StoredNames;
  /** Unknown properties are kept (a loose object). */
  readonly open: boolean;
  /** Unknown properties are dropped by validation (neither loose nor strict). */
  readonly strips: boolean;
}

/** The shape of any value. */
export type Shape =
  | ScalarShape
  | JsonShape
  | ArrayShape
  | RecordShape
  | ObjectShape
  | TupleShape
  | UnionShape
  | CustomShape;

/** An array of which each place has a shape of its own. */
interface TupleShape extends Presence {
  readonly kind: "tuple";
  readonly items: readonly Shape[];
  /** What follows; undefined where nothing may. */
  readonly rest: Shape | undefined;
}

/** One of several shapes that a value may have. */
export interface UnionOption {
  readonly shape: Shape;
  /** Tells whether an entity's value is of this shape. */
  readonly fits: (value: unknown) => boolean;
  /** Of objects, what their discriminator may be. */
  readonly marks?: ReadonlySet<unknown>;
}

/** A value of one of several shapes, which what is stored of it tells apart. */
export interface UnionShape extends Presence {
  readonly kind: "union";
  readonly options: readonly UnionOption[];
  /** The property that tells objects apart. */
  readonly discriminator: string | undefined;
}

/** What a value is in JSON; `any` where that is not known. */
export type JsonKind = "string" | "number" | "boolean" | "array" | "object" | "any";

/**
 * What a value of a shape is in JSON, null apart.
 *
 * @param shape - the shape.
 * @returns its kind.
 */
export function jsonKind(shape: Shape): JsonKind {
  if (shape.stored !== undefined) return jsonKind(shape.stored.shape);
  switch (shape.kind) {
    case "string":
    case "bigint":
    case "bytes":
    case "decimal":
      return "string";
    case "number":
    case "date":
      return "number";
    case "boolean":
      return "boolean";
    case "array":
    case "tuple":
      return "array";
    case "object":
    case "record":
    case "point":
      return "object";
    default:
      return "any";
  }
}

/** A value that only its own codec knows. */
export interface CustomShape extends Presence {
  readonly kind: "custom";
  readonly stored: StoredForm;
  /** What is stored is a single value, on which an index may stand. */
  readonly indexed?: true;
  /** It is encrypted: what an index holds instead of it, which is undefined without a key for that. */
  readonly secret?: { readonly blind: StoredForm["encode"] | undefined };
}

/** A shape found at the end of a dotted path. */
export interface ShapeAtPath {
  readonly shape: Shape;
  /** The value may be null or missing, here or because a parent is. */
  readonly absentable: boolean;
}

/**
 * Follows a dotted path through nested objects.
 *
 * @param root - the entity's shape.
 * @param path - dotted property names.
 * @returns the shape found, or undefined when the path leads nowhere.
 */
export function shapeAt(root: ObjectShape, path: string): ShapeAtPath | undefined {
  let shape: Shape = root;
  let absentable = false;
  for (const name of path.split(".")) {
    if (shape.kind !== "object") return undefined;
    const next: Shape | undefined = shape.fields.get(name);
    if (next === undefined) return undefined;
    shape = next;
    absentable ||= shape.optional || shape.nullable;
  }
  return { shape, absentable };
}

/**
 * Reads the value at a dotted path; null and missing both come back as undefined.
 *
 * @param entity - an entity as plain object.
 * @param path - the property names.
 * @returns the value, or undefined when it, or a parent, is null or missing.
 */
export function valueAt(entity: unknown, path: readonly string[]): unknown {
  let value: unknown = entity;
  for (const name of path) {
    if (value === undefined || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value ?? undefined;
}

/** Gives the properties of an entity that its option does not have. */
export type Foreign = (entity: Readonly<Record<string, unknown>>) => readonly string[];

/**
 * An entity without the properties of other options.
 *
 * @param entity - the entity.
 * @param foreign - tells which these are; undefined for types of one option.
 * @returns the entity itself where it has none.
 */
export function withoutForeign(entity: Record<string, unknown>, foreign: Foreign | undefined): Record<string, unknown> {
  const names = foreign?.(entity) ?? [];
  if (names.length === 0) return entity;
  return Object.fromEntries(Object.entries(entity).filter(([name]) => !names.includes(name)));
}

/**
 * How deep a shape goes.
 *
 * @param shape - the shape.
 * @returns 0 for single values; one more for each object or array around them.
 */
export function depthOf(shape: Shape): number {
  if (shape.kind === "array") return 1 + depthOf(shape.item);
  if (shape.kind !== "object") return 0;
  return 1 + Math.max(0, ...[...shape.fields.values()].map(depthOf));
}

/**
 * Counts what a shape is made of.
 *
 * @param shape - the shape.
 * @returns its fields, those of objects inside it, and those objects themselves.
 */
export function countFields(shape: Shape): number {
  if (shape.kind !== "object") return 1;
  let count = 1;
  for (const field of shape.fields.values()) count += countFields(field);
  return count;
}
