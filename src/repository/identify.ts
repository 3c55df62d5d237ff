// Ids of entities that are saved: given, made here, made of their fields, or left to the save script's sequence.
// Until the script has given a number, a mark stands in its place that no entity can have.
import { randomBytes } from "node:crypto";
import { isRemoraError, QueryError, ValidationError } from "../errors.ts";
import { composedId, type IdPart, isIdPart } from "../schema/id.ts";
import { decodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";

type Row = Record<string, unknown>;

const mark = `$${randomBytes(12).toString("hex")}-`;
let marks = 0;

/** A sequence counts from 1; what it gave last fits any schema that allows ids of a sequence. */
const sample = "1";
const sequenceId = /^[1-9][0-9]{0,15}$/;

/**
 * Tells whether the save script is going to give an id.
 *
 * @param encodedId - what stands in the id's place.
 * @returns true for a mark.
 */
function isPending(encodedId: string): boolean {
  return encodedId.startsWith(mark);
}

/**
 * The id for an error's details.
 *
 * @param encodedId - the id as it stands in keys, or a mark.
 * @returns the id; undefined while there is none.
 */
export function knownId(encodedId: string): string | undefined {
  return isPending(encodedId) ? undefined : decodeId(encodedId);
}

/**
 * Lets a function of the user's make the id of an input that has none.
 *
 * @param metadata - the entity type.
 * @param input - what the caller gave.
 * @returns the input with its id, at once or later; as it was for other types.
 * @throws ValidationError when the function fails.
 */
export function identified(metadata: EntityMetadata, input: unknown): unknown {
  const { ownIds, idField, generateId } = metadata;
  if (!ownIds || typeof input !== "object" || input === null || Array.isArray(input)) return input;
  const source = input as Row;
  if (source[idField] !== undefined) return input;
  const withId = (id: string): Row => ({ ...source, [idField]: id });
  try {
    const made = generateId(input);
    return typeof made === "string"
      ? withId(made)
      : Promise.resolve(made).then(withId, (error) => failed(metadata, error));
  } catch (error) {
    return failed(metadata, error);
  }
}

/**
 * Goes on with an input once it has its id.
 *
 * @param metadata - the entity type.
 * @param input - what the caller gave, or a promise of it.
 * @param work - what to do with it.
 * @returns what that gave, at once where nothing has to be waited for.
 */
export function withIdentity<T>(metadata: EntityMetadata, input: unknown, work: (input: unknown) => T): T | Promise<T> {
  if (input instanceof Promise) return input.then((given: unknown) => identified(metadata, given)).then(work);
  const given = identified(metadata, input);
  return given instanceof Promise ? given.then(work) : work(given);
}

function failed({ name, idField }: EntityMetadata, error: unknown): never {
  if (isRemoraError(error)) throw error;
  const reason = error instanceof Error ? error.message : String(error);
  throw new ValidationError(`${name}: id.generate failed: ${reason}`, { entity: name, field: idField, cause: error });
}

/**
 * Puts an id into an entity that is going to be validated, or what may stand in its place so far.
 *
 * @param metadata - the entity type.
 * @param source - the entity; it gets the id.
 */
export function completeId(metadata: EntityMetadata, source: Row): void {
  const { idField, sequence, idFrom } = metadata;
  const given = source[idField];
  if (sequence) source[idField] = given ?? sample;
  else if (idFrom.length > 0) source[idField] = given ?? composed(metadata, source) ?? sample;
  else if (given === undefined) source[idField] = metadata.generateId(source);
}

/**
 * Puts the id into an entity that was validated.
 *
 * @param metadata - the entity type.
 * @param entity - the entity; it gets the id.
 * @param given - the id that the caller gave.
 * @throws ValidationError when that is not the entity's.
 */
export function settleId(metadata: EntityMetadata, entity: Row, given: unknown): void {
  const { name, idField, sequence, idFrom } = metadata;
  const refuse = (message: string): never => {
    const issues = [{ path: [idField], message }];
    const id = typeof given === "string" ? given.slice(0, 64) : undefined;
    throw new ValidationError(`${name} ${JSON.stringify(id)}: ${message}`, {
      entity: name,
      id,
      field: idField,
      issues,
    });
  };
  if (sequence) {
    if (given === undefined) {
      marks += 1;
      entity[idField] = `${mark}${marks}`;
    } else if (typeof given !== "string" || !sequenceId.test(given) || Number(given) > Number.MAX_SAFE_INTEGER)
      refuse("ids of a sequence are whole numbers from 1, as text");
  } else if (idFrom.length > 0) {
    const id = composed(metadata, entity) as string;
    if (given !== undefined && given !== id)
      refuse(`the id is made of ${idFrom.join(", ")}, which say ${JSON.stringify(id)}`);
    entity[idField] = id;
  }
}

function composed({ idFrom }: EntityMetadata, source: Row): string | undefined {
  const parts = idFrom.map((field) => source[field]);
  return parts.every(isIdPart) ? composedId(parts as IdPart[]) : undefined;
}

/**
 * Refuses an entity whose id would be known too late.
 *
 * @param metadata - the entity type.
 * @param encodedId - its id, or a mark.
 * @throws QueryError when the save script would have to give it.
 */
export function refusePending({ name }: EntityMetadata, encodedId: string): void {
  if (!isPending(encodedId)) return;
  throw new QueryError(
    `${name}: in a transaction, or with atomic, the next id of a sequence is not known before the end; give the id, or insert on its own`,
    { entity: name },
  );
}
