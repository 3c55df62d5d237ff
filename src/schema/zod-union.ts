// Entities that are of several kinds: the options of a union, what tells them apart, and the one shape they are stored in.
// A property of any option is a field; what is not in every option may be missing.
import type { Foreign, ObjectShape, Shape } from "./shape.ts";
import { unwrapped } from "./zod-sides.ts";
import type { AnySchema, EntitySchema, ZodObject } from "./zod.ts";

/** One kind of entity. */
export interface EntityOption {
  readonly schema: ZodObject;
  /** What the properties that tell options apart may be, by name. */
  readonly marks: ReadonlyMap<string, ReadonlySet<unknown>>;
}

/**
 * The options of an entity's schema; those of a union in a union among them.
 *
 * @param schema - an object, or a union of objects.
 * @param problem - told of options that cannot be told apart, or are no objects.
 * @param marks - what is known of the options already.
 * @returns the options; a single one without marks for an object.
 */
export function optionsOf(
  schema: AnySchema,
  problem: (message: string) => void,
  marks: EntityOption["marks"] = new Map(),
): readonly EntityOption[] {
  const { def } = (schema as EntitySchema)._zod;
  if (def.type === "object") return [{ schema: schema as ZodObject, marks }];
  if (def.type !== "union") {
    problem(
      `the schema must be an object, or a discriminated union of objects, not ${String((def as { type: string }).type)}`,
    );
    return [];
  }
  const { options } = def;
  const discriminator = (def as { readonly discriminator?: string }).discriminator ?? discriminatorOf(options);
  if (discriminator === undefined) {
    problem(
      "no property tells the options of the schema apart; give each a z.literal() of its own, in z.discriminatedUnion",
    );
    return [];
  }
  return options.flatMap((option) => {
    const values = option._zod.propValues?.[discriminator] ?? new Set();
    if (![...values].every((value) => typeof value === "string"))
      problem(`${discriminator} tells the options of the schema apart, and must be a string in each`);
    return optionsOf(option, problem, new Map([...marks, [discriminator, values]]));
  });
}

/**
 * The property that tells objects apart.
 *
 * @param objects - schemas of objects.
 * @returns its name; undefined where there is none.
 */
export function discriminatorOf(objects: readonly AnySchema[]): string | undefined {
  const [first, ...others] = objects.map((object) => object._zod.propValues ?? {});
  return Object.keys(first ?? {}).find((name) => {
    const values = [first, ...others].map((marks) => marks?.[name]);
    const all = values.flatMap((marks) => [...(marks ?? [])]);
    const plain = all.every((mark) => ["string", "number", "boolean"].includes(typeof mark));
    return plain && values.every((marks) => marks !== undefined) && new Set(all).size === all.length;
  });
}

/**
 * Makes the question which properties of an entity are those of other options.
 *
 * @param options - the options.
 * @returns the question; undefined where there is one option only.
 */
export function foreignOf(options: readonly EntityOption[]): Foreign | undefined {
  if (options.length < 2) return undefined;
  const all = new Set(options.flatMap(namesOf));
  const others = options.map((option) => {
    const own = new Set(namesOf(option));
    return { marks: [...option.marks], names: [...all].filter((name) => !own.has(name)) };
  });
  return (entity) => {
    const option = others.find(({ marks }) => marks.every(([name, values]) => values.has(entity[name])));
    return option?.names.filter((name) => entity[name] !== undefined) ?? [];
  };
}

/**
 * The shape that several options are stored in.
 *
 * @param options - the options.
 * @param read - reads the shape of a property.
 * @param problem - told of properties that the options store differently.
 * @returns the shapes of all properties, by name.
 */
export function mergedFields(
  options: readonly EntityOption[],
  read: (schema: AnySchema, name: string) => Shape,
  problem: (path: string, message: string) => void,
): Map<string, Shape> {
  const fields = new Map<string, Shape>();
  for (const name of new Set(options.flatMap(namesOf))) {
    // What several options share is read once, and told of once.
    const known = new Map<AnySchema, Shape>();
    const held = options.flatMap((option) => {
      const schema = propertyIn(option, name);
      if (schema === undefined) return [];
      const shape = known.get(schema) ?? read(schema, name);
      known.set(schema, shape);
      return [{ option, schema, shape }];
    });
    const [first, ...rest] = held as [(typeof held)[number], ...typeof held];
    let shape: Shape | undefined = first.shape;
    for (const { option, schema, shape: next } of rest) {
      const same = unwrapped(schema) === unwrapped(first.schema);
      const joined: Shape | undefined = same ? present(shape, next) : merged(shape, next);
      if (joined === undefined) {
        const places = `${first.shape.kind} where ${saidOf(first.option)}, but as ${next.kind} where ${saidOf(option)}`;
        problem(name, `is stored as ${places}; give it one type, or a name of its own in one of them`);
        break;
      }
      shape = joined;
    }
    fields.set(name, held.length === options.length ? shape : onlyIn(shape));
  }
  return fields;
}

function namesOf({ schema }: EntityOption): string[] {
  return Object.keys(schema._zod.def.shape);
}

function propertyIn({ schema }: EntityOption, name: string): AnySchema | undefined {
  const { shape } = schema._zod.def;
  return Object.hasOwn(shape, name) ? shape[name] : undefined;
}

function saidOf({ marks }: EntityOption): string {
  return [...marks]
    .map(([name, values]) => `${name} is ${[...values].map((value) => JSON.stringify(value)).join(" or ")}`)
    .join(" and ");
}

// Missing in some options, whatever it is in the others.
function onlyIn(shape: Shape): Shape {
  return shape.optional ? shape : { ...shape, optional: true, ofOption: true };
}

function present(left: Shape, right: Shape): Shape {
  const shape = { ...left, optional: left.optional || right.optional, nullable: left.nullable || right.nullable };
  const alike = left.optional === right.optional && left.nullable === right.nullable;
  return alike && right.ofOption === undefined ? shape : { ...shape, ofOption: true };
}

// The same kind in the same form; functions of codecs cannot be compared, so these have to be of one schema.
function merged(left: Shape, right: Shape): Shape | undefined {
  if (left.kind !== right.kind || left.stored !== right.stored) return undefined;
  const shape = present(left, right);
  if (shape.kind === "array" && right.kind === "array") {
    const item = merged(shape.item, right.item);
    return item && { ...shape, item };
  }
  if (shape.kind === "record" && right.kind === "record") {
    const value = merged(shape.value, right.value);
    return value && { ...shape, value };
  }
  if (shape.kind === "object" && right.kind === "object") return mergedObjects(shape, right);
  return shape.kind === "tuple" || shape.kind === "union" ? undefined : shape;
}

function mergedObjects(left: ObjectShape, right: ObjectShape): ObjectShape | undefined {
  const fields = new Map<string, Shape>();
  for (const name of new Set([...left.fields.keys(), ...right.fields.keys()])) {
    const [one, other] = [left.fields.get(name), right.fields.get(name)];
    const field = one !== undefined && other !== undefined ? merged(one, other) : onlyIn((one ?? other) as Shape);
    if (field === undefined) return undefined;
    fields.set(name, field);
  }
  return { ...left, fields, open: left.open || right.open, strips: left.strips && right.strips };
}
