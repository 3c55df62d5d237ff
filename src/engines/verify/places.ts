// Which key of a type is what: the index, registry or constraint that a key beside the documents belongs to.
// Told by its name alone; whether it holds what it should is for the script beside this file.
import { isDerived, type Layout } from "../layout.ts";

/** What a key is to its type. */
type Family =
  | "terms"
  | "grams"
  | "scores"
  | "lex"
  | "geo"
  | "vectors"
  | "absent"
  | "compound"
  | "rank"
  /** What stands in front of ids on a board. */
  | "front"
  /** The distinct scores of a board. */
  | "distinct"
  | "vocabulary"
  | "ids"
  | "expiry"
  | "snapshot"
  | "unique"
  /** It belongs to nothing that the definition knows. */
  | "nobody";

/** A key beside the documents. */
export interface Place {
  readonly key: string;
  readonly family: Family;
  /** Position in the snapshot, from 1; for compound indexes and leaderboards among these. */
  readonly position: number;
  /** For terms and grams the term; for vocabularies what the keys of its terms begin with; for distinct scores the board. */
  readonly value: string;
  /** The field's path, or the name of the constraint or compound index; empty for registries. */
  readonly field: string;
}

/**
 * Tells which place a key is.
 *
 * @param layout - the type's layout.
 * @returns a function over keys; undefined for those that index work has no say in.
 */
export function placesOf(layout: Layout): (key: string) => Place | undefined {
  const exact = new Map<string, Omit<Place, "key">>();
  const beginnings: [string, Omit<Place, "key">][] = [];
  const add = (key: string | undefined, family: Family, position = 0, field = "", value = ""): void => {
    if (key !== undefined) exact.set(key, { family, position, field, value });
  };
  add(layout.ids, "ids");
  add(layout.expiry, "expiry");
  add(layout.snapshot, "snapshot");
  for (const { kind, key, position, index, vocabulary } of layout.slots) {
    add(vocabulary, "vocabulary", 0, index.path, key);
    const place = { family: kind, position: position + 1, field: index.path, value: "" };
    if (kind === "terms" || kind === "grams") beginnings.push([key, place]);
    else exact.set(key, place);
  }
  for (const { key, position, path } of layout.absent) add(key, "absent", position + 1, path);
  for (const { key, position, name } of layout.uniques) add(key, "unique", position + 1, name);
  for (const [at, { key, texts, distinct, board }] of layout.boards.entries()) {
    add(key, "rank", at + 1, board.path);
    add(texts, "front", at + 1, board.path);
    add(distinct, "distinct", at + 1, board.path, key);
  }
  for (const [at, { key, absentKey, name }] of layout.compounds.entries()) {
    const place = { family: "compound", position: at + 1, field: name, value: "" } as const;
    beginnings.push([key, place]);
    if (absentKey !== undefined) beginnings.push([absentKey, place]);
  }
  // Of two beginnings that fit, the longer one is meant.
  beginnings.sort(([left], [right]) => right.length - left.length);
  return (key) => {
    const place = exact.get(key);
    if (place !== undefined) return { ...place, key };
    const [beginning, found] = beginnings.find(([start]) => key.startsWith(start)) ?? [];
    if (found !== undefined) return { ...found, key, value: key.slice(beginning?.length) };
    if (!isDerived(layout, key)) return undefined;
    return { key, family: "nobody", position: 0, value: "", field: "" };
  };
}
