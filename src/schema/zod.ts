// Validation by zod, and the plain schemas that the mapper itself makes.
// Beside it: zod-fields.ts has its own kinds of fields, zod-shape.ts reads schemas, zod-sides.ts knows their pipes.
import { z } from "zod";
import type { ValidationIssue } from "../errors.ts";
import { propertyOf } from "./zod-sides.ts";

/** Any zod object schema. */
export type ZodObject = z.core.$ZodObject;
/** Any zod schema of an entity: an object, or a union of objects. */
export type EntitySchema = ZodObject | z.core.$ZodUnion;
/** Any zod schema. */
export type AnySchema = z.core.$ZodType;
/** What a schema's values are when they were read. */
export type ValueOf<S extends AnySchema> = z.output<S>;
/** The schema of anything that JSON can hold. */
export type JsonSchema = z.ZodJSONSchema;
/** What a schema takes as its values. */
export type ValueInputOf<S extends AnySchema> = z.input<S>;

/** The outcome of validating one input. */
export type Validated =
  | { readonly ok: true; readonly value: Record<string, unknown> }
  | { readonly ok: false; readonly issues: readonly ValidationIssue[] };

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
  anything: () => z.unknown(),
});

/**
 * Validates an input.
 *
 * @param schema - the entity's schema.
 * @param input - anything.
 * @returns the parsed value, or zod's issues with their paths.
 */
export function validate(schema: EntitySchema, input: unknown): Validated {
  const checked = validateValue(schema, input, []);
  return checked.ok ? { ok: true, value: checked.value as Record<string, unknown> } : checked;
}

/** The outcome of validating one value. */
export type ValidatedValue =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly ValidationIssue[] };

/**
 * Validates one value.
 *
 * @param schema - the value's schema; without one no value is right.
 * @param input - anything.
 * @param path - where it stands, for the issues.
 * @returns the parsed value, or zod's issues.
 */
export function validateValue(schema: AnySchema | undefined, input: unknown, path: readonly string[]): ValidatedValue {
  let result: z.core.util.SafeParseResult<unknown>;
  try {
    result = z.core.safeParse(schema ?? z.never(), input);
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

/**
 * Makes the schema of a part of an entity: its properties as they are, without what is said of the whole.
 *
 * @param schema - the entity's schema.
 * @param names - properties of it.
 * @returns a schema that ignores every other property.
 */
export function partOf(schema: EntitySchema, names: ReadonlySet<string>): EntitySchema {
  const { def } = schema._zod;
  if (def.type === "object")
    return z.object(Object.fromEntries(Object.entries(def.shape).filter(([name]) => names.has(name))));
  const { discriminator } = def as { readonly discriminator?: string };
  const parts = (def.options as readonly EntitySchema[]).map((option) => partOf(option, names));
  if (discriminator !== undefined && names.has(discriminator))
    return z.core.clone(schema, { ...def, options: parts, checks: [] } as never);
  // Nothing tells which option it is, so that each property may be missing that is not in every one.
  const everywhere = (name: string): boolean =>
    (def.options as readonly EntitySchema[]).every((option) => propertyOf(option, name) !== undefined);
  const properties = [...names].flatMap((name): [string, AnySchema][] => {
    const property = propertyOf(schema, name);
    if (property === undefined) return [];
    return [[name, everywhere(name) ? property : z.optional(z.union([z.undefined(), property]))]];
  });
  return z.object(Object.fromEntries(properties) as z.core.$ZodLooseShape);
}

/**
 * Tells whether a schema accepts whole numbers only, by asking it.
 *
 * @param schema - the entity's schema.
 * @param field - a property of it.
 * @returns true when 1 passes and 1.5 does not.
 */
export function isIntegerField(schema: EntitySchema, field: string): boolean {
  const inner = propertyOf(schema, field);
  if (inner === undefined) return false;
  return z.core.safeParse(inner, 1).success && !z.core.safeParse(inner, 1.5).success;
}
