// Reading parts of entities by id: the chosen fields, or whether one has a value.
// A property is read whole, since only so its own schema can say whether it is right.
import { parseJson } from "../codec/json-value.ts";
import { placeOf } from "../codec/place.ts";
import { DocumentReader } from "../engines/documents.ts";
import { everything } from "../query/node.ts";
import type { CallOptions } from "../query/query.ts";
import { checkSelect, presenter, propertiesOf } from "../query/select.ts";
import { type Reply, ReplyFailure, type Request } from "../redis/command.ts";
import { toRemoraError } from "../redis/failures.ts";
import { decodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { storedNames } from "../schema/names.ts";
import { shapeAt, valueAt } from "../schema/shape.ts";
import type { TypeContext } from "./context.ts";
import { callOptions, type FindOptions, loadOne, type Selection } from "./load.ts";
import type { Note } from "./observe.ts";

/** The choice of fields of a read by id. */
export interface SelectOptions<P extends string> {
  /** Dotted paths of the fields to read, at least one. */
  readonly select: readonly [P, ...P[]];
}

/** What `hasField` accepts. */
export type HasFieldOptions = Omit<FindOptions, "prolong">;

/**
 * Prepares reading some fields.
 *
 * @param context - the entity type.
 * @param select - dotted paths; all of the entity when left out.
 * @returns what reads them.
 * @throws QueryError when the schema has no such field.
 */
export function selectionOf(context: TypeContext, select: readonly string[] | undefined): Selection {
  if (select === undefined) return context;
  const { metadata, layout } = context;
  const query = { metadata, where: everything, orderBy: [], limit: undefined, offset: 0, select };
  checkSelect(query);
  // Whether an entity is deleted is read along.
  const properties = propertiesOf(metadata.softDelete === undefined ? select : [...select, metadata.softDelete]);
  const codec = context.codec.only(properties);
  // Of a hash the codec reads the id too, which tells a document that has none of the fields from none at all.
  const reader = new DocumentReader(layout, codec, properties);
  return { codec, reader, present: presenter(query) };
}

/**
 * Tells whether a field of an entity has a value.
 *
 * @param context - the entity type.
 * @param encodedId - the entity's id as it stands in the key.
 * @param path - dotted path of the field.
 * @param options - deadline, signal and `withDeleted`.
 * @param note - told of what is sent.
 * @returns true when it is stored and not null, and the entity is not deleted.
 * @throws QueryError when the schema has no such field.
 */
export async function hasField(
  context: TypeContext,
  encodedId: string,
  path: string,
  options: HasFieldOptions,
  note: Note,
): Promise<boolean> {
  const { metadata, executor } = context;
  checkSelect({ metadata, where: everything, orderBy: [], limit: undefined, offset: 0, select: [path] });
  const { softDelete } = metadata;
  const paths = softDelete === undefined || options.withDeleted === true ? [path] : [path, softDelete];
  const requests = paths.map((each) => evidenceRequest(context, encodedId, each));
  note(requests, 1);
  const attempt = { operation: "hasField", write: false, entity: metadata.name, id: decodeId(encodedId) };
  const replies = await executor.many(requests, { ...attempt, ...callOptions(options) });
  const [found, deleted = false] = replies.map((reply, at) => {
    if (reply instanceof ReplyFailure) throw toRemoraError(reply.error, attempt);
    return isEvidence(metadata, reply, paths[at] as string);
  });
  return found === true && !deleted;
}

/**
 * Tells whether an entity is stored, and not deleted softly.
 *
 * @param context - the entity type.
 * @param encodedId - the entity's id as it stands in the key.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns true when it is.
 */
export async function isStored(
  context: TypeContext,
  encodedId: string,
  options: CallOptions,
  note: Note,
): Promise<boolean> {
  const { executor, metadata, layout } = context;
  if (metadata.softDelete !== undefined) {
    return (await loadOne(context, encodedId, { ...options, prolong: false }, note)) !== null;
  }
  const request = { name: "EXISTS", args: [layout.documents + encodedId] };
  note([request], 1);
  const attempt = { operation: "exists", write: false, entity: metadata.name, id: decodeId(encodedId) };
  return (await executor.one(request, { ...attempt, ...callOptions(options) })) === 1;
}

function evidenceRequest(context: TypeContext, encodedId: string, path: string): Request {
  const { metadata, layout } = context;
  const key = layout.documents + encodedId;
  switch (metadata.storage) {
    case "hash":
      return { name: "HMGET", args: [key, ...evidenceOf(context, path)] };
    case "json":
      return { name: "JSON.TYPE", args: [key, placeOf(metadata, path.split("."))] };
    case "string":
      return { name: "GET", args: [key] };
  }
}

// No document, a path that leads nowhere, null; or what stands there.
function isEvidence({ storage, shape }: EntityMetadata, reply: Reply, path: string): boolean {
  if (storage === "string") {
    return typeof reply === "string" && valueAt(parsed(reply), storedNames(shape, path.split("."))) !== undefined;
  }
  const found = (reply ?? []) as readonly unknown[];
  return found.some((value) => value !== null && !(storage === "json" && value === "null"));
}

// What is no JSON has no field; reading all of it says what is wrong.
function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

// The hash fields of which one is there if the field has a value: its own, those below, and where an object is
// always in its parent, those of the parent; of the entity itself its id.
function evidenceOf({ metadata, codec }: Pick<TypeContext, "metadata" | "codec">, path: string): string[] {
  const { shape } = shapeAt(metadata.shape, path) as NonNullable<ReturnType<typeof shapeAt>>;
  if (shape.kind === "object" && !shape.optional && !shape.nullable) {
    const parent = path.split(".").slice(0, -1).join(".");
    return parent === "" ? [metadata.idField] : evidenceOf({ metadata, codec }, parent);
  }
  const place = placeOf(metadata, path.split("."));
  return codec.fields.filter((field) => field === place || field.startsWith(`${place}.`));
}
