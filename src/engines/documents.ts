// Reading documents by key: one request per hash, one for many JSON documents or texts.
// Hashes are read field by field in the codec's order, which is cheaper than reading everything.
import type { DocumentCodec } from "../codec/document.ts";
import { parseJson } from "../codec/json-value.ts";
import { placeOf } from "../codec/place.ts";
import type { StoredDocument } from "../codec/stored.ts";
import { CorruptEntityError } from "../errors.ts";
import type { QueryNode } from "../query/node.ts";
import { propertiesRead } from "../query/select.ts";
import { fixedWords, type FixedWords, type Reply, ReplyFailure, type Request } from "../redis/command.ts";
import { partitionOf } from "../schema/partitions.ts";
import type { Storage } from "../schema/metadata.ts";
import { storedName } from "../schema/names.ts";
import { documentKey, type Layout } from "./layout.ts";
import { readCommand } from "./write/text.ts";

/** A document, nothing, or the error that came in its place. */
export type ReadDocument = StoredDocument | undefined | ReplyFailure;

/** Reads the documents of one entity type. */
export class DocumentReader {
  readonly #layout: Layout;
  readonly #storage: Storage;
  readonly #fields: FixedWords;
  /** JSON: the members to read of each document, and their paths; undefined for all of it. */
  readonly #parts: readonly (readonly [name: string, path: string])[] | undefined;

  /**
   * @param layout - the type's layout.
   * @param codec - the type's codec, or one of some properties.
   * @param properties - JSON: the only properties to read, at least one; all of the document when left out.
   */
  constructor(layout: Layout, codec: DocumentCodec, properties?: readonly string[]) {
    this.#layout = layout;
    const { metadata } = layout;
    this.#storage = metadata.storage;
    // Text in a string is read whole, and the codec takes the properties out of it.
    this.#parts =
      this.#storage === "json"
        ? properties?.map((name) => [storedName(metadata.shape, name), placeOf(metadata, [name])])
        : undefined;
    const words = this.#parts?.map(([, path]) => path) ?? [];
    this.#fields =
      this.#storage === "hash" ? fixedWords("HMGET", codec.fields) : fixedWords(readCommand(this.#storage), words);
  }

  /**
   * The request that reads one document.
   *
   * @param encodedId - its id as it stands in the key.
   * @returns the request.
   */
  one(encodedId: string): Request {
    const key = documentKey(this.#layout, encodedId);
    return { name: this.#storage === "hash" ? "HMGET" : readCommand(this.#storage), key, rest: this.#fields };
  }

  /**
   * The requests that read some documents in one round trip.
   *
   * @param encodedIds - which documents.
   * @returns one request per hash; for others one per partition, unless only some properties are read.
   */
  many(encodedIds: readonly string[]): Request[] {
    if (this.#storage === "hash" || this.#parts !== undefined) return encodedIds.map((id) => this.one(id));
    return this.#groups(encodedIds).map((positions) => {
      const keys = positions.map((at) => documentKey(this.#layout, encodedIds[at] as string));
      return this.#storage === "json" ? { name: "JSON.MGET", args: [...keys, "$"] } : { name: "MGET", args: keys };
    });
  }

  // Positions of the ids that one command may read together.
  #groups(encodedIds: readonly string[]): number[][] {
    const { length } = this.#layout.homes;
    if (length === 1) return [[...encodedIds.keys()]];
    const groups = new Map<number, number[]>();
    for (const [at, id] of encodedIds.entries()) {
      const home = partitionOf(id, length);
      const group = groups.get(home);
      if (group === undefined) groups.set(home, [at]);
      else group.push(at);
    }
    return [...groups.values()];
  }

  /**
   * Reads the reply of {@link DocumentReader.one}.
   *
   * @param reply - the reply.
   * @returns the document, or undefined when there is none.
   */
  readOne(reply: Reply): ReadDocument {
    if (reply === null || reply === undefined) return undefined;
    if (reply instanceof ReplyFailure) return reply;
    if (typeof reply === "string") return this.#parts === undefined ? reply : wholeText(this.#parts, reply);
    const values = reply as (string | null)[];
    // The id is stored first, and with it nearly every search ends.
    return values.some((value) => value !== null) ? values : undefined;
  }

  /**
   * Reads the replies of {@link DocumentReader.many}.
   *
   * @param replies - the replies, in order.
   * @param encodedIds - the documents that were asked for.
   * @returns one document per id, undefined for those that do not exist, or the error of one.
   */
  readMany(replies: readonly Reply[], encodedIds: readonly string[]): ReadDocument[] {
    if (this.#storage === "hash" || this.#parts !== undefined) return replies.map((reply) => this.readOne(reply));
    const documents: ReadDocument[] = [];
    for (const [group, positions] of this.#groups(encodedIds).entries()) {
      const reply = replies[group] as ReplyFailure | (string | null)[];
      for (const [place, at] of positions.entries()) {
        // JSON.MGET wraps each document in a list; another type's key counts as missing.
        if (reply instanceof ReplyFailure) documents[at] = reply;
        else documents[at] = (this.#storage === "json" ? reply[place]?.slice(1, -1) : reply[place]) ?? undefined;
      }
    }
    return documents;
  }
}

// One path is answered by a list of what stands there; several by an object from path to such a list.
function wholeText(parts: readonly (readonly [name: string, path: string])[], reply: string): string {
  const found = parseJson(reply) as readonly unknown[] | Record<string, readonly unknown[]>;
  const document: Record<string, unknown> = {};
  for (const [name, path] of parts) {
    const values = Array.isArray(found) ? found : (found as Record<string, readonly unknown[]>)[path];
    if (values !== undefined && values.length > 0) document[name] = values[0];
  }
  return JSON.stringify(document);
}

/**
 * Makes what reads the documents of a query: all of each, or the properties that the query needs.
 *
 * @param codec - the type's codec.
 * @param make - makes it for a codec; called once per choice of properties, as long as that is remembered.
 * @returns a function from queries to what was made.
 */
export function perChoice<T extends object>(
  codec: DocumentCodec,
  make: (part: DocumentCodec) => T,
): (query: QueryNode) => T {
  const made = new WeakMap<DocumentCodec, T>();
  return (query) => {
    const part = codec.only(propertiesRead(query));
    const known = made.get(part);
    if (known !== undefined) return known;
    const fresh = make(part);
    made.set(part, fresh);
    return fresh;
  };
}

/**
 * Makes of a document as one codec reads it what another one reads, which is part of it.
 *
 * @param source - read the document.
 * @param target - reads less of it.
 * @returns a function over documents.
 */
export function cutter(source: DocumentCodec, target: DocumentCodec): (stored: StoredDocument) => StoredDocument {
  if (source === target) return (stored) => stored;
  const positions = target.fields.map((field) => source.fields.indexOf(field));
  return (stored) => (typeof stored === "string" ? stored : positions.map((position) => stored[position] ?? null));
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
