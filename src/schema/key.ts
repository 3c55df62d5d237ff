// The key grammar: how ids and internal names become Redis keys, injectively.
// One hash tag per entity type, the same standalone and in a cluster.
import { ValidationError } from "../errors.ts";

const maxIdBytes = 512;
// Control characters and blanks, and what has a meaning in keys, patterns or the encoding itself.
const special = /[\u0000-\u0020\u007f{}:*?[\]\\%]/;
const specials = /[\u0000-\u0020\u007f{}:*?[\]\\%]/g;

/**
 * Encodes an id for use in a key: percent style, reversible, no two ids alike.
 *
 * @param id - 1 to 512 bytes of well-formed text.
 * @param entity - name of the entity type, for the error.
 * @returns the encoded id; ordinary ids come back unchanged.
 * @throws ValidationError when the id is not a string, empty, blank, too long, holds NUL or a lone surrogate.
 */
export function encodeId(id: unknown, entity: string): string {
  if (typeof id !== "string") {
    throw new ValidationError(`${entity}: an id must be a string, not ${id === null ? "null" : typeof id}`, { entity });
  }
  const problem = idProblem(id);
  if (problem !== undefined) {
    throw new ValidationError(`${entity}: the id ${JSON.stringify(id.slice(0, 64))} ${problem}`, {
      entity,
      id: id.slice(0, maxIdBytes),
    });
  }
  return special.test(id) ? id.replace(specials, percent) : id;
}

/**
 * Turns an encoded id back into the id.
 *
 * @param encoded - an id as found in a key or an index.
 * @returns the id.
 */
export function decodeId(encoded: string): string {
  return encoded.includes("%") ? encoded.replace(/%[0-9A-F]{2}/g, unpercent) : encoded;
}

/**
 * Says what is wrong with a name that others choose: an id, or a member of a leaderboard.
 *
 * @param id - any text.
 * @returns the problem, as the end of a sentence; undefined when there is none.
 */
export function idProblem(id: string): string | undefined {
  if (id.trim() === "") return "is empty or blank";
  if (id.includes("\u0000")) return "holds a NUL character";
  if (!id.isWellFormed()) return "holds half of a surrogate pair";
  // A UTF-16 unit is at most three bytes, so short ids need no counting.
  if (id.length * 3 > maxIdBytes && Buffer.byteLength(id) > maxIdBytes) {
    return `is longer than ${maxIdBytes} bytes`;
  }
  return undefined;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function unpercent(code: string): string {
  return String.fromCharCode(Number.parseInt(code.slice(1), 16));
}

/** The keys of one entity type in one namespace. */
export interface Keyspace {
  /** What every document's key begins with. */
  readonly documents: string;
  /** What every internal key begins with, up to and including the `$`. */
  readonly internal: string;
}

/** What decides the keys of an entity type. */
interface KeyOptions {
  readonly name: string;
  /** The exact prefix of existing documents, instead of the usual one. */
  readonly keyPrefix: string | undefined;
  /** The hash tag that the type shares with others, instead of its own name. */
  readonly colocate: string | undefined;
  /** How many hash slots the type is spread over; one when left out. */
  readonly partitions?: number;
}

/**
 * Lays out the keys of each partition of an entity type.
 *
 * @param type - its name, where its keys lie, and how many partitions it has.
 * @param namespace - put in front of every key; empty for none.
 * @returns the prefixes of each partition, in order.
 */
export function keyspaces(type: KeyOptions, namespace: string): readonly Keyspace[] {
  const { name, partitions = 1 } = type;
  if (partitions === 1) return [keyspace(type, namespace)];
  return Array.from({ length: partitions }, (_, at) =>
    keyspace({ ...type, colocate: undefined, name: `${name}.${at}` }, namespace),
  );
}

/**
 * Lays out the keys of an entity type.
 *
 * @param type - its name, and where its keys lie.
 * @param namespace - put in front of every key; empty for none.
 * @returns the prefixes of document keys and of internal keys, under one hash tag.
 */
export function keyspace({ name, keyPrefix, colocate }: KeyOptions, namespace: string): Keyspace {
  const front = namespace === "" ? "" : `${namespace}:`;
  if (colocate !== undefined) {
    const base = `${front}{${colocate}}${name}`;
    return { documents: keyPrefix ?? `${base}:`, internal: `${base}$` };
  }
  if (keyPrefix === undefined) {
    return { documents: `${front}{${name}}:`, internal: `${front}{${name}}$` };
  }
  // Existing documents that already carry a hash tag keep their slot: the indexes join them there.
  const tag = hashTag(keyPrefix);
  return {
    documents: keyPrefix,
    internal: tag === undefined ? `${front}{${name}}$` : `${front}{${tag}}${name}$`,
  };
}

/**
 * Finds the part of a key that decides its hash slot.
 *
 * @param key - a key or the beginning of one.
 * @returns the text between the first braces, or undefined when there is none.
 */
export function hashTag(key: string): string | undefined {
  const open = key.indexOf("{");
  if (open < 0) return undefined;
  const close = key.indexOf("}", open + 1);
  return close <= open + 1 ? undefined : key.slice(open + 1, close);
}

/**
 * Encodes a field's path for use inside an internal key, so that no path and value run together.
 *
 * @param path - a dotted path.
 * @returns the path with special characters percent-encoded.
 */
export function encodePath(path: string): string {
  return special.test(path) ? path.replace(specials, percent) : path;
}
