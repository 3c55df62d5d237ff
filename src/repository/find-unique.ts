// Entities by their unique values: found in one round trip, and saved over whoever has the value already.
// What two processes do at once ends as if one had come after the other.
import { uniqueValue } from "../codec/term.ts";
import type { StoredRow } from "../engines/engine.ts";
import { lookupCall, readLookup } from "../engines/lookup.ts";
import { isRemoraError, QueryError, ValidationError, VersionConflictError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { RunOptions } from "../redis/executor.ts";
import { decodeId } from "../schema/key.ts";
import type { EntityMetadata, UniqueMetadata } from "../schema/metadata.ts";
import { canonicalDecimal, decimalPattern } from "../schema/decimal.ts";
import { shapeAt } from "../schema/shape.ts";
import type { TypeContext } from "./context.ts";
import { afterSave, beforeSave } from "./hooks.ts";
import { callOptions, type FindOptions } from "./load.ts";
import { identified } from "./identify.ts";
import type { Note } from "./observe.ts";
import { prolongedLookup } from "./prolong.ts";
import { prepare } from "./save.ts";
import { saveOne } from "./save-one.ts";
import { shown } from "./shown.ts";
import type { Ttl } from "./ttl.ts";
import { changeOne } from "./update.ts";

type Row = Record<string, unknown>;

/** How often an upsert begins again when others come between. */
const maxTries = 100;

/**
 * Finds the entity that has a unique value.
 *
 * @param context - the entity type.
 * @param where - the fields of one constraint, and their values.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns the entity, or null.
 * @throws QueryError when the fields are not those of a constraint, or a value is of another type.
 */
export async function findUnique(
  context: TypeContext,
  where: unknown,
  options: FindOptions,
  note: Note,
): Promise<Row | null> {
  const { unique, value } = wanted(context.metadata, where);
  const prolongs = context.scripts.prolong !== undefined && options.prolong !== false;
  const row = await lookUp(context, unique, value, { operation: "findUnique", prolongs }, options, note);
  return shown(context.metadata, row?.entity ?? null, options.withDeleted);
}

interface Holder {
  readonly encodedId: string;
  readonly entity: Row;
}

async function lookUp(
  context: TypeContext,
  unique: UniqueMetadata,
  value: string,
  { operation, prolongs }: { readonly operation: string; readonly prolongs: boolean },
  options: CallOptions,
  note: Note,
): Promise<Holder | undefined> {
  const { metadata, codec } = context;
  const position = metadata.uniques.indexOf(unique);
  const attempt = { operation, write: false, entity: metadata.name, ...callOptions(options) };
  const row = await (prolongs ? prolongedLookup : plainLookup)(context, position, value, attempt, note);
  if (row === undefined) return undefined;
  const entity = codec.decode(row.stored, decodeId(row.encodedId));
  note([], 1);
  // Somebody may have changed the document around the mapper: it must be the one that was asked for.
  return uniqueValue(unique, entity) === value ? { encodedId: row.encodedId, entity } : undefined;
}

async function plainLookup(
  { layout, codec, executor }: TypeContext,
  position: number,
  value: string,
  attempt: RunOptions,
  note: Note,
): Promise<StoredRow | undefined> {
  const call = lookupCall(layout, position, value, codec.fields);
  note([call], 0);
  return readLookup(layout, await executor.one(call, attempt));
}

function wanted(metadata: EntityMetadata, where: unknown): { unique: UniqueMetadata; value: string } {
  const { name, uniques } = metadata;
  const refused = (reason: string, field?: string): QueryError =>
    new QueryError(`${name}: findUnique ${reason}`, { entity: name, field });
  if (typeof where !== "object" || where === null) throw refused("takes the fields of a unique constraint");
  const given = Object.entries(where);
  const unique = uniques.find(
    ({ paths }) => paths.length === given.length && paths.every((path) => Object.hasOwn(where, path)),
  );
  if (unique === undefined) {
    const known = uniques.map(({ paths }) => `{ ${paths.join(", ")} }`).join(" or ");
    throw refused(known === "" ? "needs `unique` in the definition" : `takes ${known}`);
  }
  const entity: Row = {};
  for (const [path, value] of given) {
    const kind = shapeAt(metadata.shape, path)?.shape.kind;
    const own = unique.encode?.[path]?.(value);
    const fits =
      own !== undefined
        ? own.ok
        : kind === "decimal"
          ? typeof value === "string" && decimalPattern.test(value)
          : kind === "date"
            ? value instanceof Date
            : typeof value === kind;
    if (!fits || (value instanceof Date && Number.isNaN(value.getTime())) || Number.isNaN(value)) {
      throw refused(`takes a ${kind} for ${path}`, path);
    }
    put(entity, path.split("."), kind === "decimal" ? canonicalDecimal(value as string) : value);
  }
  return { unique, value: uniqueValue(unique, entity) as string };
}

function put(holder: Row, [name, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) holder[name as string] = value;
  else put((holder[name as string] ??= {}) as Row, rest, value);
}

/** What `upsert` accepts. */
export interface UpsertOptions<K extends string = string> extends CallOptions {
  /** Name of the unique constraint by which an entity is known. */
  readonly by: K;
  /** How long the entity lives from now on; what the definition says when left out. */
  readonly ttl?: Ttl;
}

/**
 * Stores an entity in the place of the one that has its unique value, or as a new one.
 *
 * @param context - the entity type.
 * @param input - the entity.
 * @param options - the constraint, ttl, deadline and signal.
 * @param note - told of what is sent.
 * @returns the entity as stored.
 * @throws ValidationError when it does not fit the schema, or has no value for the constraint.
 * @throws UniqueViolationError when it breaks another constraint.
 */
export async function upsert(context: TypeContext, input: unknown, options: UpsertOptions, note: Note): Promise<Row> {
  const { metadata } = context;
  const entity = await upsertGiven(context, await beforeSave(metadata, input, "upsert"), options, note);
  await afterSave(metadata, entity, "upsert");
  return entity;
}

async function upsertGiven(context: TypeContext, given: unknown, options: UpsertOptions, note: Note): Promise<Row> {
  const { metadata } = context;
  const input = await identified(metadata, given);
  const { name, idField, createdAt } = metadata;
  const unique = metadata.uniques.find((one) => one.name === options.by);
  if (unique === undefined) {
    throw new QueryError(`${name}: upsert by ${JSON.stringify(options.by)}, which is no unique constraint`, {
      entity: name,
    });
  }
  const { entity } = prepare(context, input, "insert", options.ttl);
  const value = uniqueValue(unique, entity);
  if (value === undefined) {
    throw new ValidationError(`${name}: upsert by ${unique.name} needs a value for ${unique.paths.join(", ")}`, {
      entity: name,
      field: unique.paths[0],
    });
  }
  for (let tries = 0; tries < maxTries; tries += 1) {
    try {
      // eslint-disable-next-line no-await-in-loop -- each try begins with what the one before left
      const holder = await lookUp(context, unique, value, { operation: "upsert", prolongs: false }, options, note);
      // eslint-disable-next-line no-await-in-loop
      if (holder === undefined) return await saveOne(context, input, "insert", options, note);
      const replace = (before: Row): Row => {
        if (uniqueValue(unique, before) !== value) throw new Moved();
        return {
          ...entity,
          [idField]: decodeId(holder.encodedId),
          ...(createdAt && { [createdAt]: before[createdAt] }),
        };
      };
      // eslint-disable-next-line no-await-in-loop
      return await changeOne(context, holder.encodedId, replace, "upsert", options, note);
    } catch (error) {
      const taken = isRemoraError(error, "UNIQUE_VIOLATION") && error.unique === unique.name;
      if (!taken && !(error instanceof Moved) && !isRemoraError(error, "ENTITY_NOT_FOUND")) throw error;
    }
  }
  throw new VersionConflictError(
    `${name}: upsert by ${unique.name}: others came between ${maxTries} times; try again later`,
    {
      entity: name,
      expected: null,
      actual: null,
    },
  );
}

/** The value went to another entity between two steps. */
class Moved {}
