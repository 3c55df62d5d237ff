// An entry of a cache as text: until when it is fresh, the versions of its tags, and the value.
// What another shape or another hand left there is corrupt, which a cache counts as a miss.
import { CorruptEntityError } from "../errors.ts";
import { plainSchemas } from "../schema/zod.ts";
import type { Piece, ValueCodec } from "./piece.ts";

/*
 * `<fresh until>;<u for undefined><tags>` and a line break, then the value's text.
 * Fresh until: milliseconds of the server's clock, put in by the script that stores it; nothing where the key's own time says it.
 * Tags: a JSON list of names and versions in turn; nothing for none.
 */

/** Versions of tags, by name. */
export type TagVersions = ReadonlyMap<string, string>;

/** An entry as it was read. */
export interface CacheEntry {
  /** When it stops to be fresh, by the server's clock; undefined when the key ends then. */
  readonly freshUntil: number | undefined;
  readonly tags: TagVersions;
  readonly isUndefined: boolean;
  /** The value's text. */
  readonly body: string;
}

const noTags: TagVersions = new Map();
const plain = ";\n";

/**
 * Writes an entry, but for its beginning, which says until when it is fresh.
 *
 * @param body - the value's text; undefined for the value `undefined`.
 * @param tags - versions of its tags.
 * @returns the text.
 */
export function entryText(body: string | undefined, tags: TagVersions): string {
  const list = tags.size === 0 ? "" : JSON.stringify([...tags].flat());
  return `;${body === undefined ? "u" : ""}${list}\n${body ?? ""}`;
}

/**
 * Reads an entry.
 *
 * @param text - what is stored.
 * @returns the entry; undefined when it is none.
 */
export function readEntry(text: string): CacheEntry | undefined {
  if (text.startsWith(plain)) {
    return { freshUntil: undefined, tags: noTags, isUndefined: false, body: text.slice(plain.length) };
  }
  const line = text.indexOf("\n");
  const header = /^(\d*);(u?)(\[.*\])?$/.exec(line < 0 ? "" : text.slice(0, line));
  if (header === null) return undefined;
  const [, fresh = "", nothing, list] = header;
  const tags = list === undefined ? noTags : readTags(list);
  if (tags === undefined) return undefined;
  return {
    freshUntil: fresh === "" ? undefined : Number(fresh),
    tags,
    isUndefined: nothing === "u",
    body: text.slice(line + 1),
  };
}

function readTags(list: string): TagVersions | undefined {
  let words: unknown;
  try {
    words = JSON.parse(list);
  } catch {
    return undefined;
  }
  if (!Array.isArray(words) || words.length % 2 === 1 || !words.every((word) => typeof word === "string")) {
    return undefined;
  }
  const tags = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2) tags.set(words[at] as string, words[at + 1] as string);
  return tags;
}

/**
 * A codec of anything that JSON can hold: checked when it is written, and only parsed when it is read.
 *
 * @param piece - the cache.
 * @returns the codec.
 */
export function jsonCodec(piece: Piece): ValueCodec {
  const codec = piece.codec(plainSchemas.anything(), "the value", "field");
  return {
    ...codec,
    read(text, id) {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw new CorruptEntityError(`${piece.title} ${JSON.stringify(id)}: the value is not JSON`, {
          entity: piece.title,
          id,
        });
      }
    },
  };
}
