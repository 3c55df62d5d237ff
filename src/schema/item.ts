// Values that stand alone, outside of entities: items of collections, and what the toolkit keeps under keys of its own.
// Here is what they are and how they are validated; the codec writes and reads them.
import type { Shape } from "./shape.ts";
import { type AnySchema, objectOf, type Validated, validate } from "./zod.ts";
import { shapeOf, type ShapeProblem } from "./zod-shape.ts";
import { optionsOf } from "./zod-union.ts";
import { sidesOf } from "./zod-sides.ts";

/** A value that stands alone, as the other rooms know it. */
export interface ItemMetadata {
  /** What to call one in errors, such as `an item of comments`. */
  readonly subject: string;
  /** What it belongs to: the field that errors name. */
  readonly name: string;
  readonly shape: Shape;
  /** Validates `{ item }` as it is given. */
  readonly validate: (input: unknown) => Validated;
  /** Validates `{ item }` as it was read. */
  readonly validateStored: (input: unknown) => Validated;
}

/** Kinds of values that have one text each. */
const memberKinds: ReadonlySet<string> = new Set(["string", "number", "boolean", "bigint", "date", "decimal"]);

/**
 * Compiles what a value that stands alone is.
 *
 * @param schema - what the user wrote.
 * @param entity - name of the entity type or piece it belongs to.
 * @param subject - what to call one in errors.
 * @param name - what it belongs to, for errors.
 * @param tell - takes what is wrong.
 * @returns the value's metadata; undefined when it cannot be stored.
 */
export function compileItem(
  schema: AnySchema,
  entity: string,
  subject: string,
  name: string,
  tell: (message: string) => void,
): ItemMetadata | undefined {
  const problems: ShapeProblem[] = [];
  const sides = sidesOf(objectOf({ item: schema }));
  const shape = shapeOf(optionsOf(objectOf({ [name]: schema }), tell), entity, problems).fields.get(name);
  for (const { message } of problems) tell(message);
  if (shape === undefined) return undefined;
  return Object.freeze({
    subject,
    name,
    shape,
    validate: (input: unknown) => validate(sides.given, input),
    validateStored: (input: unknown) => validate(sides.entity, input),
  });
}

/**
 * Tells whether values may be members of sets: each has one text, so that no value is two members.
 *
 * @param shape - the values' shape.
 * @returns true for single values as they are.
 */
export function isMember(shape: Shape): boolean {
  return memberKinds.has(shape.kind) && shape.stored === undefined;
}

/**
 * Says why values may not be members.
 *
 * @param shape - the values' shape.
 * @returns the problem.
 */
export function notMember(shape: Shape): string {
  return `its members must be single values, not ${shape.kind}: two texts of one value would be two members`;
}
