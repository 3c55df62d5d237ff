// What a zod schema says of one field, for changes of that field alone: its checks, and whether others hang on it.
// Reads the schema's own definition data; a script may enforce bounds, anything else is asked of zod itself.
import type { z } from "zod";
import { elementOf, hasChecks, isUnion, propertyOf, type Sides, wrapped } from "./zod-sides.ts";
import { type AnySchema, type EntitySchema, type ValidatedValue, validateValue } from "./zod.ts";

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
 * @param sides - the entity's schema.
 * @param names - the property names of a dotted path.
 * @returns the rules, or undefined when the path leads nowhere.
 */
export function rulesOf(sides: Sides<EntitySchema>, names: readonly string[]): FieldRules | undefined {
  let { given, entity }: Sides = sides;
  // Whether a value fits depends on which option the entity is of.
  let entangled = isUnion(sides.entity);
  for (const name of names) {
    const { inner, checked } = unwrap(entity);
    const property = propertyOf(inner, name);
    if (property === undefined) return undefined;
    entangled ||= checked || hasChecks(inner);
    given = propertyOf(unwrap(given).inner, name) as AnySchema;
    entity = property;
  }
  const field = given;
  const { inner, checked } = unwrap(entity);
  const { def } = (inner as z.core.$ZodTypes)._zod;
  const element = elementOf(unwrap(given).inner) ?? elementOf(inner);
  return Object.freeze({
    validate: (value: unknown) => validateValue(field, value, names),
    validateElement: (value: unknown) => validateValue(element, value, [...names, "[]"]),
    entangled,
    bounds: checked || def.type !== "number" ? undefined : boundsOf(inner as z.core.$ZodNumber),
    unchecked: !checked && !hasChecks(inner),
  });
}

// Takes off what makes a value optional, nullable and the like; checks may stand on each layer.
function unwrap(schema: AnySchema): { readonly inner: AnySchema; readonly checked: boolean } {
  let inner = schema;
  let checked = false;
  for (let next = wrapped(inner); next !== undefined; next = wrapped(inner)) {
    checked ||= hasChecks(inner);
    inner = next;
  }
  return { inner, checked };
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
