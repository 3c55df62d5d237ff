// zod to shapes: reads a schema's own definition data into what each field holds.
// Every wrapper is honoured, and anything unknown is refused by name.
import type { z } from "zod";
import type { GeoPoint } from "./paths.ts";
import { jsonKind, type ObjectShape, type Shape, type UnionOption } from "./shape.ts";
import { ownShape } from "./zod-fields.ts";
import { converts, entitySide, fitsOf, inputSide, isReversible, recordKeys, storedForm } from "./zod-sides.ts";
import { discriminatorOf, type EntityOption, mergedFields } from "./zod-union.ts";
import type { AnySchema, ZodObject } from "./zod.ts";

/** Something in a schema that cannot be stored, with its path. */
export interface ShapeProblem {
  readonly path: string;
  readonly message: string;
}

/**
 * Reads the shape of an entity from the options of its schema.
 *
 * @param options - one, or the options of a union.
 * @param entity - name of the entity type.
 * @param problems - receives everything that cannot be stored.
 * @returns the shape; fields with problems are given as free JSON.
 */
export function shapeOf(options: readonly EntityOption[], entity: string, problems: ShapeProblem[]): ObjectShape {
  return new ShapeReader(entity, problems).entity(options);
}

interface Flags {
  readonly optional: boolean;
  readonly nullable: boolean;
}

class ShapeReader {
  readonly #entity: string;
  readonly #problems: ShapeProblem[];
  readonly #open = new Set<AnySchema>();

  constructor(entity: string, problems: ShapeProblem[]) {
    this.#entity = entity;
    this.#problems = problems;
  }

  entity(options: readonly EntityOption[]): ObjectShape {
    const flags = { optional: false, nullable: false };
    const [only] = options;
    if (options.length === 1 && only !== undefined) return this.object(only.schema, "", flags);
    const read = (schema: AnySchema, name: string): Shape => this.read(schema, name, flags);
    for (const { schema } of options) this.#open.add(schema);
    const fields = mergedFields(options, read, (path, message) => this.#problems.push({ path, message }));
    const catchalls = options.map(({ schema }) => schema._zod.def.catchall);
    return {
      kind: "object",
      fields,
      open: catchalls.some(keeps),
      strips: catchalls.every((catchall) => catchall === undefined),
      ...flags,
    };
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
    return { kind: "object", fields, open: keeps(def.catchall), strips: def.catchall === undefined, ...flags };
  }

  read(schema: AnySchema, path: string, flags: Flags): Shape {
    if (this.#open.has(schema)) return this.#refuse(path, "a schema that contains itself", flags);
    const own = ownShape(schema, this.#entity, path);
    if (own !== undefined) return { ...own, ...flags };
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
        return this.#record(schema as z.core.$ZodRecord, path, flags);
      case "object":
        return this.#object(schema as ZodObject, path, flags);
      case "union":
        return this.#union(schema, def.options, path, flags);
      case "tuple": {
        const items = def.items.map((item) => this.#inner(schema, item, `${path}[]`));
        const rest = def.rest === null ? undefined : this.#inner(schema, def.rest, `${path}[]`);
        if ([...items, ...(rest === undefined ? [] : [rest])].every(isPlainJson)) return { kind: "json", ...flags };
        return { kind: "tuple", items, rest, ...flags };
      }
      case "custom": {
        if (schema._zod.bag["Class"] === Uint8Array) return { kind: "bytes", ...flags };
        return this.#refuse(path, "z.custom and z.instanceof (other than Uint8Array) without custom()", flags);
      }
      case "pipe":
        return this.#pipe(schema, def.out, path, flags);
      case "transform":
        return this.#refuse(path, "a transform without a schema of its result (pipe it to one, or use z.codec)", flags);
      default:
        return this.#refuse(path, `z.${def.type}`, flags);
    }
  }

  // What only runs one way runs when it is given, and is stored as its output.
  #pipe(schema: AnySchema, out: AnySchema, path: string, flags: Flags): Shape {
    if (!converts(schema) || !isReversible(schema)) return this.read(out, path, flags);
    // What the output is made of concerns its codec alone.
    const problems: ShapeProblem[] = [];
    const held = new ShapeReader(this.#entity, problems).read(entitySide(out), path, flags);
    const shape: Shape = { ...this.read(inputSide(schema), path, flags), optional: false, nullable: false };
    const kind = problems.length > 0 ? "custom" : valueKind(held);
    if (kind === "json" || kind === valueKind(shape) || valueKind(shape) === "json") {
      this.#problems.push({ path, message: `nothing tells an input of this codec from its output; use custom()` });
    }
    const stored = storedForm(schema, shape);
    if (problems.length === 0 && isSingle(held.kind === "array" ? held.item : held)) return { ...held, stored };
    return { kind: "custom", optional: held.optional, nullable: held.nullable, stored };
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
    const single = first !== undefined && (isSingle(first) || first.kind === "json");
    if (single && shapes.every((shape) => shape.kind === first.kind)) {
      return { ...first, nullable, optional };
    }
    if (shapes.every(isPlainJson)) return { kind: "json", nullable, optional };
    return this.#told(options, shapes, path, { nullable, optional });
  }

  // What is stored has to tell the options apart: by what it is in JSON, or objects by a property.
  #told(options: readonly AnySchema[], shapes: readonly Shape[], path: string, flags: Flags): Shape {
    const entities = options.map(entitySide);
    const objects = entities.filter((_, at) => jsonKind(shapes[at] as Shape) === "object");
    const discriminator = objects.length > 1 ? discriminatorOf(objects) : undefined;
    const told = entities.flatMap((option, at): UnionOption[] => {
      const shape = shapes[at] as Shape;
      if (option._zod.def.type === "null") return [];
      const marks = discriminator === undefined ? undefined : option._zod.propValues?.[discriminator];
      return [{ shape, fits: fitsOf(option), ...(marks === undefined ? {} : { marks }) }];
    });
    const conflict = told.find(({ shape, marks }, at) =>
      told.some(
        (other, place) =>
          place < at &&
          !(isPlainJson(shape) && isPlainJson(other.shape)) &&
          marks === undefined &&
          meet(shape, other.shape),
      ),
    );
    if (conflict === undefined) return { kind: "union", options: told, discriminator, ...flags };
    return this.#refuse(
      path,
      `a union of ${told.map(({ shape }) => shape.kind).join(" and ")}, which are stored alike (use z.discriminatedUnion or custom()),`,
      flags,
    );
  }

  // Keys that are all known are fields of their own.
  #record(schema: z.core.$ZodRecord, path: string, flags: Flags): Shape {
    const { valueType } = schema._zod.def;
    const keys = recordKeys(schema);
    if (keys === undefined) return { kind: "record", value: this.#inner(schema, valueType, `${path}[]`), ...flags };
    const fields = keys.names.map((name): [string, Shape] => {
      const field = this.#inner(schema, valueType, `${path}.${name}`);
      return [name, { ...field, optional: field.optional || keys.optional }];
    });
    return { kind: "object", fields: new Map(fields), open: false, strips: false, ...flags };
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

function meet(left: Shape, right: Shape): boolean {
  const [one, other] = [jsonKind(left), jsonKind(right)];
  return one === other || one === "any" || other === "any";
}

function keeps(catchall: AnySchema | undefined): boolean {
  return catchall !== undefined && catchall._zod.def.type !== "never";
}

function isPoint(shape: ObjectShape): boolean {
  const { longitude, latitude } = Object.fromEntries(shape.fields) as Record<keyof GeoPoint, Shape | undefined>;
  return shape.fields.size === 2 && isRequiredNumber(longitude) && isRequiredNumber(latitude);
}

function isRequiredNumber(shape: Shape | undefined): boolean {
  return shape?.kind === "number" && !shape.optional && !shape.nullable;
}

function isPlainJson(shape: Shape): boolean {
  if (shape.stored !== undefined) return false;
  if (shape.kind === "array") return isPlainJson(shape.item);
  if (shape.kind === "record") return isPlainJson(shape.value);
  if (shape.kind === "object") return [...shape.fields.values()].every(isPlainJson);
  return !["date", "bigint", "bytes", "tuple", "union"].includes(shape.kind);
}

/** Whether an index can know the value: it is one, and stored as it is. */
function isSingle(shape: Shape): boolean {
  return (
    !["array", "object", "record", "json", "tuple", "union", "custom"].includes(shape.kind) &&
    shape.stored === undefined
  );
}

// What a value is at run time.
function valueKind({ kind }: Shape): Shape["kind"] {
  if (kind === "tuple") return "array";
  if (kind === "union") return "json";
  return kind === "record" || kind === "point" ? "object" : kind;
}
