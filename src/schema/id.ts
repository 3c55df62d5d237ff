// Where ids come from: a strategy by name, the user's own function, the entity's fields, or the save script's sequence.
// Names are those of the libraries that make them.
import { nanoid } from "nanoid";
import { monotonicFactory } from "ulid";
import { v4 as uuid, v7 as uuidv7 } from "uuid";
import type { DefinitionProblem } from "./metadata.ts";
import { type ObjectShape, shapeAt } from "./shape.ts";

/**
 * How ids are made: `ulid` and `uuidv7` sort by the time they were made, those of one process in their very order; `uuid` and
 * `nanoid` are random; `sequence` counts from 1, in the save itself; a function makes them of the input, at once or later.
 */
export type IdStrategy<Input = never> =
  | "ulid"
  | "uuidv7"
  | "uuid"
  | "nanoid"
  | "sequence"
  | ((input: Input) => string | Promise<string>);

/** By name. The ULIDs of a process go up, whatever its clock does. */
const generators: Readonly<Record<string, () => string>> = Object.freeze({
  ulid: monotonicFactory(),
  uuidv7: () => uuidv7(),
  uuid: () => uuid(),
  nanoid: () => nanoid(),
});

/** What makes the ids of a type. */
export interface IdMetadata {
  /** Makes an id of an input; not for sequences and ids that are made of fields. */
  readonly generateId: (input: unknown) => string | Promise<string>;
  /** Ids are made by a function of the user's, which may take its time. */
  readonly ownIds: boolean;
  /** Ids are numbers that the save script gives. */
  readonly sequence: boolean;
  /** The fields that the id is made of; none for other ids. */
  readonly idFrom: readonly string[];
}

/** The id of a definition as the user writes it. */
export interface IdDefinition {
  readonly field?: string;
  readonly generate?: IdStrategy<never>;
  readonly from?: readonly string[];
}

/**
 * Checks how ids are to be made.
 *
 * @param id - what the user wrote.
 * @param shape - the entity's shape.
 * @param partitions - how many slots the type is spread over.
 * @param problem - takes what is wrong.
 * @returns what makes them.
 */
export function compileId(
  { generate, from }: IdDefinition,
  shape: ObjectShape,
  partitions: number,
  problem: DefinitionProblem,
): IdMetadata {
  if (from !== undefined) {
    if (generate !== undefined) problem("", "id has both `generate` and `from`");
    checkParts(from, shape, problem);
  }
  const strategy = generate ?? "ulid";
  const sequence = strategy === "sequence";
  if (sequence && partitions > 1)
    problem("", "partitions do not go with ids of a sequence: no partition knows the next");
  if (typeof strategy !== "function" && !sequence && !Object.hasOwn(generators, strategy)) {
    const names = [...Object.keys(generators), "sequence"].join(", ");
    problem("", `id.generate must be ${names} or a function, not ${JSON.stringify(strategy)}`);
  }
  const named = generators[String(strategy)] ?? uuid;
  const own = typeof strategy === "function" && from === undefined;
  return {
    generateId: own ? (strategy as IdMetadata["generateId"]) : () => named(),
    ownIds: own,
    sequence,
    idFrom: Object.freeze([...(from ?? [])]),
  };
}

const partKinds = new Set(["string", "number", "boolean", "bigint", "date"]);

function checkParts(from: readonly string[], shape: ObjectShape, problem: DefinitionProblem): void {
  if (from.length === 0) problem("", "id.from names no field");
  if (new Set(from).size !== from.length) problem("", "id.from names a field twice");
  for (const name of from) {
    const found = name.includes(".") ? undefined : shapeAt(shape, name);
    if (found === undefined) problem(name, "named by id.from but no property in the schema");
    else if (!partKinds.has(found.shape.kind) || found.absentable) {
      problem(name, `id.from needs single values that are always there, not ${found.shape.kind}`);
    }
  }
}

/** What may be part of an id. */
export type IdPart = string | number | boolean | bigint | Date;

/**
 * Tells whether a value may be part of an id.
 *
 * @param value - any value.
 * @returns true for single values that are equal to themselves.
 */
export function isIdPart(value: unknown): value is IdPart {
  if (value instanceof Date) return !Number.isNaN(value.getTime());
  return typeof value === "number" ? Number.isFinite(value) : ["string", "boolean", "bigint"].includes(typeof value);
}

/**
 * The id that is made of some values: their texts with `:` between them, in which `%` and `:` are written as `%25` and `%3A`.
 *
 * @param parts - the values, in the order of the definition.
 * @returns the id; no two lists of one type have the same.
 */
export function composedId(parts: readonly IdPart[]): string {
  return parts.map((part) => textOf(part).replaceAll("%", "%25").replaceAll(":", "%3A")).join(":");
}

function textOf(part: IdPart): string {
  return part instanceof Date ? String(part.getTime()) : String(part);
}
