// The sides of a schema with pipes: what may be given, what an entity holds, and what is stored of it.
// A schema without pipes has one side only, and stays the very same.
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Converted, Shape, StoredForm } from "./shape.ts";
import type { AnySchema } from "./zod.ts";

/** A schema as it is written to, and as its entities are. */
export interface Sides<S extends AnySchema = AnySchema> {
  /** Accepts what is given to be stored, and what entities hold already; gives what entities hold. */
  readonly given: S;
  /** Accepts what entities hold. */
  readonly entity: S;
}

type Replace = (pipe: z.core.$ZodPipe) => AnySchema;

/**
 * The sides of a schema.
 *
 * @param schema - a schema.
 * @returns both, of the same structure.
 */
export function sidesOf<S extends AnySchema>(schema: S): Sides<S> {
  const given: Replace = (pipe) => (converts(pipe) ? either(pipe) : pipe);
  return { given: rewritten(schema, given) as S, entity: entitySide(schema) as S };
}

/**
 * The schema of what entities hold.
 *
 * @param schema - a schema.
 * @returns the schema with the end of each pipe in its place.
 */
export function entitySide(schema: AnySchema): AnySchema {
  return rewritten(schema, (pipe) => entitySide(pipe._zod.def.out));
}

/**
 * The schema of what goes into a pipe.
 *
 * @param schema - a schema.
 * @returns the schema with the beginning of each pipe in its place.
 */
export function inputSide(schema: AnySchema): AnySchema {
  return rewritten(schema, (pipe) => inputSide(pipe._zod.def.in));
}

/**
 * Makes the question whether a value fits a schema.
 *
 * @param schema - a schema.
 * @returns the question.
 */
export function fitsOf(schema: AnySchema): (value: unknown) => boolean {
  return (value) => z.core.safeParse(schema, value).success;
}

/** The keys of a record. */
export interface RecordKeys {
  readonly names: readonly string[];
  /** Each may be missing. */
  readonly optional: boolean;
}

/**
 * The keys of a record, where its schema lists them.
 *
 * @param schema - a record's schema.
 * @returns the keys; undefined where they may be anything, or no names of fields.
 */
export function recordKeys(schema: z.core.$ZodRecord): RecordKeys | undefined {
  const { keyType, mode, partial } = schema._zod.def as z.core.$ZodRecordDef & { mode?: string; partial?: boolean };
  const { def, values } = (keyType as z.core.$ZodTypes)._zod;
  const listed: readonly unknown[] | undefined =
    def.type === "enum" ? Object.values(def.entries) : def.type === "literal" ? def.values : undefined;
  const isName = (name: unknown): boolean =>
    typeof name === "string" && /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name) && !(name in Object.prototype);
  if (mode === "loose" || listed === undefined || !listed.every(isName)) return undefined;
  // Older versions of zod make a key optional by forgetting what it may be.
  return { names: [...new Set(listed as string[])], optional: partial === true || values === undefined };
}

/**
 * The schema of a property; of a union, what it may be in any option.
 *
 * @param schema - a schema.
 * @param name - a name.
 * @returns its schema; undefined where there is no such property.
 */
export function propertyOf(schema: AnySchema, name: string): AnySchema | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === "object") return Object.hasOwn(def.shape, name) ? def.shape[name] : undefined;
  if (def.type === "union") {
    const found = new Set(def.options.flatMap((option) => propertyOf(unwrapped(option), name) ?? []));
    return found.size > 1 ? z.union([...found]) : [...found][0];
  }
  const keys = def.type === "record" ? recordKeys(schema as z.core.$ZodRecord) : undefined;
  if (def.type !== "record" || keys?.names.includes(name) !== true) return undefined;
  return keys.optional ? z.optional(def.valueType) : def.valueType;
}

/**
 * The schema of an array's elements; of a union, what they may be in any option.
 *
 * @param schema - a schema.
 * @returns their schema; undefined where there is no array.
 */
export function elementOf(schema: AnySchema): AnySchema | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === "array") return def.element;
  if (def.type !== "union") return undefined;
  const found = new Set(def.options.flatMap((option) => elementOf(unwrapped(option)) ?? []));
  return found.size > 1 ? z.union([...found]) : [...found][0];
}

/**
 * Tells whether a schema is a union.
 *
 * @param schema - a schema.
 * @returns true for z.union and z.discriminatedUnion.
 */
export function isUnion(schema: AnySchema): boolean {
  return schema._zod.def.type === "union";
}

/**
 * Tells whether a schema says more of a value than its type.
 *
 * @param schema - a schema.
 * @returns true where it has checks.
 */
export function hasChecks(schema: AnySchema): boolean {
  return (schema._zod.def.checks ?? []).length > 0;
}

/**
 * Tells whether values change on their way through a schema's pipes.
 *
 * @param schema - a schema.
 * @returns true where a codec or a transform is in it.
 */
export function converts(schema: AnySchema): boolean {
  return some(schema, (part) => isTransform(part) || isCodec(part));
}

/**
 * Tells whether what comes out of a schema can be brought back.
 *
 * @param schema - a schema.
 * @returns true where no transform is in it.
 */
export function isReversible(schema: AnySchema): boolean {
  return !some(schema, isTransform);
}

function isTransform(schema: AnySchema): boolean {
  return schema._zod.def.type === "transform";
}

function isCodec(schema: AnySchema): boolean {
  return (schema._zod.def as Partial<z.core.$ZodCodecDef>).reverseTransform !== undefined;
}

/**
 * The way between an entity's value and what is stored of it, by a codec of the user's.
 *
 * @param codec - a schema that is reversible.
 * @param shape - the shape of what goes into it.
 * @returns the way.
 */
export function storedForm(codec: AnySchema, shape: Shape): StoredForm {
  return {
    shape,
    encode: (value) => converted(() => z.core.safeEncode(codec, value)),
    decode: (stored) => converted(() => z.core.safeDecode(codec, stored)),
  };
}

function converted(work: () => z.core.util.SafeParseResult<unknown>): Converted {
  try {
    const result = work();
    if (result.success) return { ok: true, value: result.data };
    return { ok: false, message: result.error.issues.map(({ message }) => message).join("; ") };
  } catch (error) {
    // The user's functions may do anything, and may be asynchronous.
    return { ok: false, message: `the codec failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

// Of a codec, what entities hold is told from an input by its kind, so that the order does not matter. A transform may turn
// a text into a text, and has to run on all of them.
function either(pipe: z.core.$ZodPipe): AnySchema {
  const entity = entitySide(pipe);
  const reversible = isReversible(pipe);
  return z.transform((value, payload) => {
    const held = reversible ? z.core.safeParse(entity, value) : undefined;
    if (held?.success === true) return held.data;
    const made = z.core.safeParse(pipe, value);
    if (made.success) {
      if (!reversible && !isSettled(pipe, made.data))
        payload.issues.push({ code: "custom", message: unsettled, input: value });
      return made.data;
    }
    const kept = reversible ? held : z.core.safeParse(entity, value);
    if (kept?.success === true) return kept.data;
    for (const issue of made.error.issues)
      payload.issues.push({ ...issue, path: [...issue.path], input: value } as never);
    return value;
  });
}

const unsettled =
  "the transform changes its own result, so that each save would change it again; give it back unchanged, or use z.codec";

function isSettled(pipe: AnySchema, value: unknown): boolean {
  const again = z.core.safeParse(pipe, value);
  return !again.success || isDeepStrictEqual(again.data, value);
}

function some(schema: AnySchema, test: (part: AnySchema) => boolean, seen: Set<AnySchema> = new Set()): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  return test(schema) || partsOf(schema).some((part) => some(part, test, seen));
}

function partsOf(schema: AnySchema): readonly AnySchema[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  if (def.type === "pipe") return [def.in, def.out];
  const parts: AnySchema[] = [];
  changedParts(schema, (part) => {
    parts.push(part);
    return part;
  });
  return parts;
}

function rewritten(schema: AnySchema, replace: Replace, open: ReadonlySet<AnySchema> = new Set()): AnySchema {
  // A schema that contains itself is refused by whoever reads its shape.
  if (open.has(schema)) return schema;
  const def = (schema as z.core.$ZodTypes)._zod.def;
  if (def.type === "pipe") return replace(schema as z.core.$ZodPipe);
  const inside = new Set([...open, schema]);
  const change = (part: AnySchema): AnySchema => rewritten(part, replace, inside);
  const changes = changedParts(schema, change);
  if (def.type === "lazy") return (changes as { readonly innerType: AnySchema } | undefined)?.innerType ?? schema;
  return changes === undefined ? schema : z.core.clone(schema, { ...def, ...changes } as never);
}

/**
 * What a schema makes optional, nullable and the like.
 *
 * @param schema - a schema.
 * @returns the schema inside; undefined for one that is no wrapper.
 */
export function wrapped(schema: AnySchema): AnySchema | undefined {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "catch":
    case "nonoptional":
    case "readonly":
      return def.innerType;
    case "lazy":
      // As zod keeps it: the getter may make a new one each time.
      return (schema as z.core.$ZodLazy)._zod.innerType;
    default:
      return undefined;
  }
}

/**
 * A schema without what makes it optional, nullable and the like.
 *
 * @param schema - a schema.
 * @returns the innermost schema.
 */
export function unwrapped(schema: AnySchema): AnySchema {
  const inner = wrapped(schema);
  return inner === undefined ? schema : unwrapped(inner);
}

/** What a schema's definition becomes when its parts change; undefined when none does. */
function changedParts(schema: AnySchema, change: (part: AnySchema) => AnySchema): object | undefined {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  const inner = wrapped(schema);
  if (inner !== undefined) return changedList([inner], change, ([innerType]) => ({ innerType }));
  switch (def.type) {
    case "array":
      return changedList([def.element], change, ([element]) => ({ element }));
    case "record":
      return changedList([def.valueType], change, ([valueType]) => ({ valueType }));
    case "union":
      return changedList(def.options, change, (options) => ({ options }));
    case "tuple":
      return changedList([...def.items, ...(def.rest === null ? [] : [def.rest])], change, (parts) => ({
        items: parts.slice(0, def.items.length),
        rest: parts[def.items.length] ?? null,
      }));
    case "object": {
      const names = Object.keys(def.shape);
      return changedList(Object.values(def.shape), change, (parts) => ({
        shape: Object.fromEntries(parts.map((part, at) => [names[at], part])),
      }));
    }
    default:
      return undefined;
  }
}

function changedList(
  parts: readonly AnySchema[],
  change: (part: AnySchema) => AnySchema,
  join: (parts: readonly AnySchema[]) => object,
): object | undefined {
  const changed = parts.map(change);
  return changed.some((part, at) => part !== parts[at]) ? join(changed) : undefined;
}
