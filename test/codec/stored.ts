// What a server would give back of a document: the fields in the codec's order, or the text.
import type { DocumentCodec } from "../../src/codec/document.ts";
import { steadyFields } from "../../src/codec/hash.ts";
import type { EntityDefinition } from "remora";

/** A document as it would be read, under the id `x`. */
export function stored(codec: DocumentCodec, { metadata }: EntityDefinition, body: unknown): never {
  if (!Array.isArray(body)) return body as never;
  const steady = steadyFields(metadata.shape, metadata.idField);
  const fields = new Map(steady.map((name, at) => [name, body[at] as string]));
  for (let at = steady.length; at < body.length; at += 2) fields.set(body[at] as string, body[at + 1] as string);
  fields.set(metadata.idField, "x");
  return codec.fields.map((field) => fields.get(field) ?? null) as never;
}
