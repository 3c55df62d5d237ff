// zod to shapes: the only file that uses zod's values.
// Reads a schema's own definition data, so every wrapper is honoured and anything unknown is refused by name.
import { z } from "zod";
import type { ValidationIssue } from "../errors.ts";
import type { GeoPoint } from "./paths.ts";
import { maxLatitude, type ObjectShape, type Shape } from "./shape.ts";

/** Any zod object schema. */
export type ZodObject = z.core.$ZodObject;
/** Any zod schema. */
export type AnySchema = z.core.$ZodType;

/** The outcome of validating one input. */
export type Validated =
  | { readonly ok: true; readonly value: Record<string, unknown> }
  | { readonly ok: false; readonly issues: readonly ValidationIssue[] };

/** The properties of a point's schema. */
export type GeoPointShape = {
  /** Degrees east. */
  readonly longitude: z.ZodNumber;
  /** Degrees north. */
  readonly latitude: z.ZodNumber;
};

/**
 * The schema of a point: `{ longitude, latitude }` in degrees, within what a geo index can hold.
 *
 * @returns a zod object schema.
 *
 * @example
 * ```ts
 * import { geoPoint } from "remora";
 *
 * geoPoint().parse({ longitude: 2.35, latitude: 48.85 });
 * ```
 */
export function geoPoint(): z.ZodObject<GeoPointShape> {
  return z.object({
    longitude: z.number().min(-180).max(180),
    latitude: z.number().min(-maxLatitude).max(maxLatitude),
  });
}

/**
 * The schema of an object, from those of its properties.
 *
 * @param properties - names and schemas.
 * @returns a zod object schema, which strips what it does not know.
 */
export function objectOf(properties: Readonly<Record<string, AnySchema>>): ZodObject {
  return z.object(properties as z.core.$ZodLooseShape);
}

/** The schemas of fields that say no more than their type: what a language notes of a property, or the mapper fills in. */
export const plainSchemas = Object.freeze({
  string: () => z.string(),
  number: () => z.number(),
  boolean: () => z.boolean(),
  date: () => z.date(),
  int: () => z.int(),
});

/**
 * The schema of raw bytes, stored as base64.
 *
 * @returns a zod schema of Uint8Array.
 *
 * @example
 * ```ts
 * import { bytes } from "remora";
 *
 * bytes().parse(new Uint8Array([1, 2, 3]));
 * ```
 */
export function bytes(): z.ZodType<Uint8Array, Uint8Array> {
  return z.instanceof(Uint8Array);
}

/**
 * Validates an input.
 *
 * @param schema - the entity's schema.
 * @param input - anything.
 * @returns the parsed value, or zod's issues with their paths.
 */
export function validate(schema: ZodObject, input: unknown): Validated {
  const checked = validateValue(schema, input, []);
  return checked.ok ? { ok: true, value: checked.value as Record<string, unknown> } : checked;
}

/** The outcome of validating one value. */
type ValidatedValue =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly ValidationIssue[] };

function validateValue(schema: AnySchema, input: unknown, path: readonly string[]): ValidatedValue {
  let result: z.core.util.SafeParseResult<unknown>;
  try {
    result = z.core.safeParse(schema, input);
  } catch (error) {
    // An asynchronous or a failing refinement of the user's: the input counts as not validated.
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, issues: [{ path, message: `the schema could not be evaluated: ${reason}` }] };
  }
  if (result.success) return { ok: true, value: result.data };
  return {
    ok: false,
    issues: result.error.issues.map((issue) => ({
      path: [...path, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))],
      message: issue.message,
      code: issue.code,
    })),
  };
}

/** Bounds of a number; undefined where there is none. */
interface NumberBounds {
  readonly integer: boolean;
  readonly min: { readonly value: number; readonly inclusive: boolean } | undefined;
  readonly max: { readonly value: number; readonly inclusive: boolean } | undefined;
}

/** What a schema says of one field, for changes of that field alone. */
export interface FieldRules {
  /** Validates a value of the field. */
  readonly validate: (value: unknown) => ValidatedValue;
  /** Validates an element, where the field is an array. */
  readonly validateElement: (value: unknown) => ValidatedValue;
  /** An object that holds the field is checked as a whole: a change of the field alone may break it. */
  readonly entangled: boolean;
  /** What a number must keep, where that is nothing but bounds. */
  readonly bounds: NumberBounds | undefined;
  /** The schema says nothing of the value beyond its type and that of its elements. */
  readonly unchecked: boolean;
}

/**
 * What a schema says of one field.
 *
 * @param schema - the entity's schema.
 * @param names - the property names of a dotted path.
 * @returns the rules, or undefined when the path leads nowhere.
 */
export function rulesOf(schema: ZodObject, names: readonly string[]): FieldRules | undefined {
  let field: AnySchema = schema;
  let entangled = false;
  for (const name of names) {
    const { inner, checked } = unwrap(field);
    const { def } = (inner as z.core.$ZodTypes)._zod;
    if (def.type !== "object" || !Object.hasOwn(def.shape, name)) return undefined;
    entangled ||= checked || hasChecks(inner);
    field = def.shape[name] as AnySchema;
  }
  const { inner, checked } = unwrap(field);
  const { def } = (inner as z.core.$ZodTypes)._zod;
  return Object.freeze({
    validate: (value: unknown) => validateValue(field, value, names),
    validateElement: (value: unknown) =>
      validateValue(def.type === "array" ? def.element : z.never(), value, [...names, "[]"]),
    entangled,
    bounds: checked || def.type !== "number" ? undefined : boundsOf(inner as z.core.$ZodNumber),
    unchecked: !checked && !hasChecks(inner),
  });
}

// Takes off what makes a value optional, nullable and the like; checks may stand on each layer.
function unwrap(schema: AnySchema): { readonly inner: AnySchema; readonly checked: boolean } {
  let inner = schema;
  let checked = false;
  for (;;) {
    const { def } = (inner as z.core.$ZodTypes)._zod;
    switch (def.type) {
      case "optional":
      case "nullable":
      case "default":
      case "prefault":
      case "catch":
      case "nonoptional":
      case "readonly":
        checked ||= hasChecks(inner);
        inner = def.innerType;
        break;
      case "lazy":
        checked ||= hasChecks(inner);
        inner = (inner as z.core.$ZodLazy)._zod.innerType;
        break;
      default:
        return { inner, checked };
    }
  }
}

function hasChecks(schema: AnySchema): boolean {
  return (schema._zod.def.checks ?? []).length > 0;
}

function boundsOf(schema: z.core.$ZodNumber): NumberBounds | undefined {
  const format = (schema as z.core.$ZodNumberFormat)._zod.def.format as string | undefined;
  if (format !== undefined && format !== "safeint") return undefined;
  let integer = format === "safeint";
  let [min, max]: [NumberBounds["min"], NumberBounds["max"]] = [undefined, undefined];
  for (const check of schema._zod.def.checks ?? []) {
    const def = (check as z.core.$ZodChecks)._zod.def;
    if (def.check === "greater_than" && typeof def.value === "number") {
      if (min === undefined || def.value > min.value || (def.value === min.value && !def.inclusive))
        min = { value: def.value, inclusive: def.inclusive };
    } else if (def.check === "less_than" && typeof def.value === "number") {
      if (max === undefined || def.value < max.value || (def.value === max.value && !def.inclusive))
        max = { value: def.value, inclusive: def.inclusive };
    } else if (def.check === "number_format" && def.format === "safeint") integer = true;
    else return undefined;
  }
  return { integer, min, max };
}

/**
 * Makes the schema of a part of an entity: its properties as they are, without what is said of the whole.
 *
 * @param schema - the entity's schema.
 * @param names - properties of it.
 * @returns a schema that ignores every other property.
 */
export function partOf(schema: ZodObject, names: ReadonlySet<string>): ZodObject {
  return z.object(Object.fromEntries(Object.entries(schema._zod.def.shape).filter(([name]) => names.has(name))));
}

/**
 * Tells whether a schema accepts whole numbers only, by asking it.
 *
 * @param schema - the entity's schema.
 * @param field - a property of it.
 * @returns true when 1 passes and 1.5 does not.
 */
export function isIntegerField(schema: ZodObject, field: string): boolean {
  const inner = schema._zod.def.shape[field];
  if (inner === undefined) return false;
  return z.core.safeParse(inner, 1).success && !z.core.safeParse(inner, 1.5).success;
}

/** Something in a schema that cannot be stored, with its path. */
export interface ShapeProblem {
  readonly path: string;
  readonly message: string;
}

/**
 * Reads the shape of an entity from its schema.
 *
 * @param schema - a zod object schema.
 * @param problems - receives everything that cannot be stored.
 * @returns the shape; fields with problems are given as free JSON.
 */
export function shapeOf(schema: ZodObject, problems: ShapeProblem[]): ObjectShape {
  return new ShapeReader(problems).object(schema, "", { optional: false, nullable: false });
}

interface Flags {
  readonly optional: boolean;
  readonly nullable: boolean;
}

class ShapeReader {
  readonly #problems: ShapeProblem[];
  readonly #open = new Set<AnySchema>();

  constructor(problems: ShapeProblem[]) {
    this.#problems = problems;
  }

  object(schema: ZodObject, path: string, flags: Flags): ObjectShape {
    const def = schema._zod.def;
    const fields = new Map<string, Shape>();
    this.#open.add(schema);
    for (const [name, inner] of Object.entries(def.shape)) {
      const at = path === "" ? name : `${path}.${name}`;
      fields.set(name, this.read(inner, at, { optional: false, nullable: false }));
    }
    this.#open.delete(schema);
    const open = def.catchall !== undefined && def.catchall._zod.def.type !== "never";
    return { kind: "object", fields, open, strips: def.catchall === undefined, ...flags };
  }

  read(schema: AnySchema, path: string, flags: Flags): Shape {
    if (this.#open.has(schema)) return this.#refuse(path, "a schema that contains itself", flags);
    const def = (schema as z.core.$ZodTypes)._zod.def;
    switch (def.type) {
      case "optional":
        return this.read(def.innerType, path, { ...flags, optional: true });
      case "nullable":
        return this.read(def.innerType, path, { ...flags, nullable: true });
      case "default":
      case "prefault":
      case "catch":
      case "nonoptional":
        // The parsed value is never undefined, whatever lies inside.
        return { ...this.read(def.innerType, path, flags), optional: false };
      case "readonly":
        return this.read(def.innerType, path, flags);
      case "lazy":
        // The inner schema as zod keeps it: the getter may make a new one each time.
        return this.read((schema as z.core.$ZodLazy)._zod.innerType, path, flags);
      case "string":
      case "template_literal":
        return { kind: "string", ...flags };
      case "number":
      case "boolean":
      case "bigint":
      case "date":
        return { kind: def.type, ...flags };
      case "enum":
        return this.#values(enumValues(def.entries), path, flags);
      case "literal":
        return this.#values(def.values, path, flags);
      case "null":
        return { kind: "json", ...flags, nullable: true };
      case "any":
      case "unknown":
        return { kind: "json", ...flags, nullable: true };
      case "array":
        return { kind: "array", item: this.#inner(schema, def.element, `${path}[]`), ...flags };
      case "record":
        return { kind: "record", value: this.#inner(schema, def.valueType, `${path}[]`), ...flags };
      case "object":
        return this.#object(schema as ZodObject, path, flags);
      case "union":
        return this.#union(schema, def.options, path, flags);
      case "tuple":
        return this.#plain(schema, [...def.items, ...(def.rest === null ? [] : [def.rest])], path, "z.tuple", flags);
      case "custom": {
        if (schema._zod.bag["Class"] === Uint8Array) return { kind: "bytes", ...flags };
        return this.#refuse(path, "z.custom and z.instanceof (other than Uint8Array)", flags);
      }
      case "pipe":
      case "transform":
        return this.#refuse(path, "transforms, pipes and codecs", flags);
      default:
        return this.#refuse(path, `z.${def.type}`, flags);
    }
  }

  #inner(outer: AnySchema, inner: AnySchema, path: string): Shape {
    this.#open.add(outer);
    const shape = this.read(inner, path, { optional: false, nullable: false });
    this.#open.delete(outer);
    return shape;
  }

  #object(schema: ZodObject, path: string, flags: Flags): Shape {
    const shape = this.object(schema, path, flags);
    return isPoint(shape) ? { kind: "point", ...flags } : shape;
  }

  // Options that are all of one single-value kind are that kind; other unions are stored as JSON.
  #union(schema: AnySchema, options: readonly AnySchema[], path: string, flags: Flags): Shape {
    this.#open.add(schema);
    const shapes = options.map((option) => this.read(option, path, { optional: false, nullable: false }));
    this.#open.delete(schema);
    const nullable = flags.nullable || shapes.some((shape) => shape.nullable);
    const optional = flags.optional || shapes.some((shape) => shape.optional);
    const [first] = shapes;
    const single = first !== undefined && !["array", "record", "object"].includes(first.kind);
    if (single && shapes.every((shape) => shape.kind === first.kind)) {
      return { ...first, nullable, optional };
    }
    return this.#plain(schema, options, path, "z.union", { nullable, optional });
  }

  #plain(schema: AnySchema, parts: readonly AnySchema[], path: string, name: string, flags: Flags): Shape {
    const shapes = parts.map((part) => this.#inner(schema, part, path));
    if (!shapes.every(isPlainJson)) {
      return this.#refuse(path, `${name} of dates, bigints or bytes`, flags);
    }
    return { kind: "json", ...flags };
  }

  #values(values: readonly unknown[], path: string, flags: Flags): Shape {
    const nullable = flags.nullable || values.includes(null);
    const optional = flags.optional || values.includes(undefined);
    const kinds = new Set(values.filter((value) => value !== null && value !== undefined).map((value) => typeof value));
    const [kind] = kinds;
    if (kinds.size === 1 && (kind === "string" || kind === "number" || kind === "boolean" || kind === "bigint")) {
      return { kind, nullable, optional };
    }
    if (kinds.has("bigint")) return this.#refuse(path, "literals that mix bigint with others", flags);
    return { kind: "json", nullable, optional };
  }

  #refuse(path: string, what: string, flags: Flags): Shape {
    this.#problems.push({ path, message: `${what} cannot be stored` });
    return { kind: "json", ...flags };
  }
}

function enumValues(entries: Readonly<Record<string, string | number>>): (string | number)[] {
  // TypeScript's numeric enums carry reverse entries ("1" -> "A"), which are not values.
  const numbers = new Set(Object.values(entries).filter((value) => typeof value === "number"));
  return Object.entries(entries)
    .filter(([name]) => !numbers.has(Number(name)))
    .map(([, value]) => value);
}

function isPoint(shape: ObjectShape): boolean {
  const { longitude, latitude } = Object.fromEntries(shape.fields) as Record<keyof GeoPoint, Shape | undefined>;
  return shape.fields.size === 2 && isRequiredNumber(longitude) && isRequiredNumber(latitude);
}

function isRequiredNumber(shape: Shape | undefined): boolean {
  return shape?.kind === "number" && !shape.optional && !shape.nullable;
}

function isPlainJson(shape: Shape): boolean {
  if (shape.kind === "array") return isPlainJson(shape.item);
  if (shape.kind === "record") return isPlainJson(shape.value);
  if (shape.kind === "object") return [...shape.fields.values()].every(isPlainJson);
  return shape.kind !== "date" && shape.kind !== "bigint" && shape.kind !== "bytes";
}
