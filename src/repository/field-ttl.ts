// How long single fields of a hash live, where the server can say so; the field then reads as absent.
// Only fields that may be absent and that no index or constraint holds, so that nothing goes stale.
import { placeOf } from "../codec/place.ts";
import { CapabilityError, UnsupportedStorageError, ValidationError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { Command } from "../redis/command.ts";
import { decodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { shapeAt } from "../schema/shape.ts";
import type { TypeContext } from "./context.ts";
import type { RemainingTime } from "./expire.ts";
import { callOptions } from "./load.ts";
import type { Note } from "./observe.ts";
import { type Ttl, wishedTime } from "./ttl.ts";

/** Servers keep the times of fields in 48 bits. */
const latest = 2 ** 48 - 2;

/** One field of one entity. */
export interface FieldPlace {
  /** The entity's id as it stands in the key. */
  readonly encodedId: string;
  /** The field's dotted path. */
  readonly path: string;
}

/**
 * Changes how long a field lives.
 *
 * @param context - the entity type.
 * @param place - the field.
 * @param ttl - how long, from now on.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns true when the field has a value.
 * @throws ValidationError when the field must be there or is indexed, or the value is not a time to come.
 * @throws UnsupportedStorageError for JSON documents.
 * @throws CapabilityError when the server cannot.
 */
export async function expireField(
  context: TypeContext,
  place: FieldPlace,
  ttl: Ttl,
  options: CallOptions,
  note: Note,
): Promise<boolean> {
  if (ttl === null) return persistField(context, place, options, note);
  const { metadata } = context;
  checkField(context, place, "expireField");
  const [mode, value] = wishedTime(metadata, ttl);
  if (Number(value) + (mode === "at" ? 0 : Date.now()) > latest) {
    throw new ValidationError(`${metadata.name}.${place.path}: ttl is too far away for a field`, {
      entity: metadata.name,
      field: place.path,
    });
  }
  const words = fieldWords(context, place, value);
  const request = mode === "at" ? { name: "HPEXPIREAT", args: words } : { name: "HPEXPIRE", args: words };
  return (await send(context, place, request, "expireField", options, note)) !== -2;
}

/**
 * Lets a field live as long as its entity.
 *
 * @param context - the entity type.
 * @param place - the field.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns true when the field has a value.
 */
export async function persistField(
  context: TypeContext,
  place: FieldPlace,
  options: CallOptions,
  note: Note,
): Promise<boolean> {
  checkField(context, place, "persistField");
  const request = { name: "HPERSIST", args: fieldWords(context, place) };
  return (await send(context, place, request, "persistField", options, note)) !== -2;
}

/**
 * Asks how long a field still lives.
 *
 * @param context - the entity type.
 * @param place - the field.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns milliseconds, `never`, or `missing` when the field has no value.
 */
export async function fieldTtl(
  context: TypeContext,
  place: FieldPlace,
  options: CallOptions,
  note: Note,
): Promise<RemainingTime> {
  checkField(context, place, "fieldTtl");
  const request = { name: "HPTTL", args: fieldWords(context, place) };
  const left = await send(context, place, request, "fieldTtl", options, note);
  if (left === -2) return "missing";
  return left === -1 ? "never" : left;
}

function fieldWords({ layout, metadata }: TypeContext, { encodedId, path }: FieldPlace, ...time: string[]): string[] {
  return [layout.documents + encodedId, ...time, "FIELDS", "1", placeOf(metadata, path.split("."))];
}

async function send(
  { executor, metadata }: TypeContext,
  { encodedId, path }: FieldPlace,
  request: Command,
  operation: string,
  options: CallOptions,
  note: Note,
): Promise<number> {
  note([request], 1);
  const write = operation !== "fieldTtl";
  const attempt = { operation, write, entity: metadata.name, id: decodeId(encodedId), field: path };
  const reply = await executor.one(request, { ...attempt, ...callOptions(options) });
  // A document that is not there has no field either; some servers answer with nothing then.
  return Array.isArray(reply) ? Number(reply[0]) : -2;
}

function checkField({ metadata, fieldExpiry }: TypeContext, { path }: FieldPlace, operation: string): void {
  const { name, storage } = metadata;
  if (storage !== "hash") {
    throw new UnsupportedStorageError(
      `${name}: ${operation} is for storage hash; fields of ${storage} documents cannot expire`,
      { entity: name, field: path },
    );
  }
  const reason = refusal(metadata, path);
  if (reason !== undefined) {
    throw new ValidationError(`${name}.${path}: ${operation} ${reason}`, { entity: name, field: path });
  }
  if (!fieldExpiry) {
    throw new CapabilityError(`${name}: ${operation} needs Redis 7.4 or Valkey 9.0, where fields may expire`, {
      entity: name,
      field: path,
    });
  }
}

function refusal(metadata: EntityMetadata, path: string): string | undefined {
  const at = shapeAt(metadata.shape, path);
  if (at === undefined) return "names a field that is not in the schema";
  if (at.shape.kind === "object") return "is for single fields, not for an object of several";
  if ((!at.shape.optional && !at.shape.nullable) || at.shape.ofOption === true)
    return "is for optional or nullable fields; this one must be there";
  const parent = path.includes(".") ? shapeAt(metadata.shape, path.slice(0, path.lastIndexOf("."))) : undefined;
  // Without its last field such an object would be gone as well.
  if (parent?.absentable === true) return "cannot tell an object that may be absent from one that lost its field";
  if (metadata.indexes.some((index) => index.path === path)) return "would leave its index behind; take the index away";
  if (metadata.uniques.some(({ paths }) => paths.includes(path))) return "would leave its unique value behind";
  return undefined;
}
