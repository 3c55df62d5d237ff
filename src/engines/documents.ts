// Reading documents by key: one request per hash, one for many JSON documents.
// Hashes are read field by field in the codec's order, which is cheaper than reading everything.
import type { DocumentCodec } from "../codec/document.ts";
import type { StoredDocument } from "../codec/stored.ts";
import { CorruptEntityError } from "../errors.ts";
import { type Reply, ReplyFailure, type Request } from "../redis/command.ts";
import type { Layout } from "./layout.ts";

/**
 * The requests that read some documents in one round trip.
 *
 * @param layout - the type's layout.
 * @param codec - the type's codec.
 * @param encodedIds - which documents.
 * @returns one request per hash; for JSON a single one.
 */
export function readRequests(layout: Layout, codec: DocumentCodec, encodedIds: readonly string[]): Request[] {
  const keys = encodedIds.map((id) => layout.documents + id);
  if (layout.metadata.storage === "hash") {
    const { fieldRead } = codec;
    return keys.map((key) => ({ name: "HMGET", key, rest: fieldRead }));
  }
  const [first] = keys;
  if (first === undefined) return [];
  return keys.length === 1 ? [{ name: "JSON.GET", args: [first] }] : [{ name: "JSON.MGET", args: [...keys, "$"] }];
}

/**
 * Reads the replies of {@link readRequests}.
 *
 * @param layout - the type's layout.
 * @param replies - the replies, in order.
 * @param count - how many documents were asked for.
 * @returns one document per id, undefined for those that do not exist, or the error of one.
 */
export function readDocuments(
  layout: Layout,
  replies: readonly Reply[],
  count: number,
): (StoredDocument | undefined | ReplyFailure)[] {
  const { storage } = layout.metadata;
  if (storage === "hash" || count === 1) return replies.map((reply) => readDocument(reply));
  const [reply] = replies;
  if (reply instanceof ReplyFailure) return Array.from({ length: count }, () => reply);
  // JSON.MGET wraps each document in a list; another type's key counts as missing.
  return (reply as (string | null)[]).map((text) => (text === null ? undefined : text.slice(1, -1)));
}

function readDocument(reply: Reply): StoredDocument | undefined | ReplyFailure {
  if (reply === null || reply === undefined) return undefined;
  if (reply instanceof ReplyFailure || typeof reply === "string") return reply;
  const values = reply as (string | null)[];
  return values.some((value) => value !== null) ? values : undefined;
}

/**
 * The error for a document whose key holds something else.
 *
 * @param layout - the type's layout.
 * @param id - the entity's id.
 * @returns the error.
 */
export function wrongType(layout: Layout, id: string): CorruptEntityError {
  const { name, storage } = layout.metadata;
  return new CorruptEntityError(
    `${name} ${JSON.stringify(id)}: its key holds something else than a ${storage} document`,
    { entity: name, id },
  );
}
