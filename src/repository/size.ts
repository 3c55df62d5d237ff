// Sizes of documents: large ones are told of on a diagnostics channel, those that no server takes are refused.
// Looking costs next to nothing: lengths first, bytes only near a limit, fields only beyond one.
import type { DocumentCodec } from "../codec/document.ts";
import { pathAt } from "../codec/place.ts";
import type { DocumentChange, EncodedDocument, HiddenMembers } from "../codec/stored.ts";
import { ValidationError } from "../errors.ts";
import { hasLargeListeners, publishLargeDocument } from "../redis/diagnostics.ts";
import { decodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";

/** Limits on documents, in bytes. */
export interface SizeLimits {
  /** Documents beyond are told of. */
  readonly large: number;
  /** Documents beyond are refused. */
  readonly most: number;
}

/** What measures the documents of a type. */
interface Sized {
  readonly metadata: EntityMetadata;
  readonly codec: DocumentCodec;
  readonly sizes: SizeLimits;
}

type FieldSize = readonly [field: string, bytes: number];

/** UTF-8 takes up to three bytes for what is one unit of a string. */
const bytesPerUnit = 3;

/**
 * Encodes an entity, and looks at the size of its document.
 *
 * @param context - the entity type.
 * @param entity - a validated entity.
 * @param encodedId - its id as it stands in keys.
 * @param hidden - members the engine keeps in the document.
 * @returns the document.
 * @throws ValidationError when a value cannot be stored exactly, or the document is larger than servers take.
 */
export function encodeSized(
  context: Sized,
  entity: Record<string, unknown>,
  encodedId: string,
  hidden: HiddenMembers,
): EncodedDocument {
  const fields = (): FieldSize[] => fieldSizes(context, entity, encodedId);
  let document: EncodedDocument;
  try {
    document = context.codec.encode(entity, encodedId, hidden);
  } catch (error) {
    if (isTooLong(error)) throw tooLarge(context, encodedId, Number.POSITIVE_INFINITY, fields());
    throw error;
  }
  measure(context, encodedId, typeof document.body === "string" ? [document.body] : document.body, fields);
  return document;
}

/**
 * Looks at the size of what a patch writes.
 *
 * @param context - the entity type.
 * @param encodedId - the entity's id as it stands in keys.
 * @param changes - what is written.
 * @throws ValidationError when it is larger than servers take.
 */
export function measureChanges(context: Sized, encodedId: string, changes: readonly DocumentChange[]): void {
  const set = changes.flatMap((change) => change.set);
  measure(context, encodedId, set, () => sizesIn(context.metadata, set));
}

function measure(
  context: Sized,
  encodedId: string,
  words: readonly string[],
  fields: () => readonly FieldSize[],
): void {
  const { large, most } = context.sizes;
  let units = 0;
  for (const word of words) units += word.length;
  if (units * bytesPerUnit <= Math.min(large, most)) return;
  const bytes = words.reduce((sum, word) => sum + Buffer.byteLength(word), 0);
  if (bytes > most) throw tooLarge(context, encodedId, bytes, fields());
  if (bytes <= large || !hasLargeListeners()) return;
  const [field, fieldBytes] = largest(fields());
  publishLargeDocument({ entity: context.metadata.name, id: decodeId(encodedId), bytes, field, fieldBytes });
}

function tooLarge(
  { metadata: { name }, sizes }: Sized,
  encodedId: string,
  bytes: number,
  fields: readonly FieldSize[],
): ValidationError {
  const id = decodeId(encodedId);
  const [field, fieldBytes] = largest(fields);
  const size = Number.isFinite(bytes) ? `${bytes} bytes` : "more than a text can hold";
  const share = Number.isFinite(fieldBytes) ? `${fieldBytes} bytes` : "more than a text can hold";
  return new ValidationError(
    `${name} ${JSON.stringify(id)}: the document takes ${size}, of which ${field} takes ${share}; the limit is ${sizes.most} bytes: keep large values elsewhere, or split them`,
    { entity: name, id, field, issues: [{ path: field.split("."), message: `takes ${share}` }] },
  );
}

function fieldSizes({ metadata, codec }: Sized, entity: Record<string, unknown>, encodedId: string): FieldSize[] {
  return [...metadata.shape.fields.keys()].flatMap((name): readonly FieldSize[] => {
    try {
      return sizesIn(metadata, codec.change([name], entity[name], encodedId).set);
    } catch (error) {
      if (isTooLong(error)) return [[name, Number.POSITIVE_INFINITY]];
      throw error;
    }
  });
}

// Names or paths and values in turn.
function sizesIn(metadata: EntityMetadata, set: readonly string[]): FieldSize[] {
  return set.flatMap((word, at): readonly FieldSize[] =>
    at % 2 === 0 ? [[pathAt(metadata, word), Buffer.byteLength(set[at + 1] as string)]] : [],
  );
}

function largest(fields: readonly FieldSize[]): FieldSize {
  return fields.reduce((most, field) => (field[1] > most[1] ? field : most), ["", 0] as FieldSize);
}

// What the language says when a text would be longer than texts can be.
function isTooLong(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes("string length");
}
