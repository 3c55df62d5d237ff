// One text sought in all text fields at once: every word somewhere, different words in different places.
// Made of matches that are there already, so no engine needs to know of it.
import { tokens } from "../codec/term.ts";
import { QueryError } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { TextPaths } from "./highlight.ts";
import type { Condition } from "./node.ts";

/** What `search` takes: a string where the type has a `text()` index, otherwise nothing at all. */
export type Searchable<I> = [TextPaths<I>] extends [never] ? never : string;

/**
 * Makes the condition that every word of a text is in some text field.
 *
 * @param text - any text; without a word in it, some text field must have a value.
 * @param metadata - the entity type.
 * @returns the condition.
 * @throws QueryError when the type has no text field, or the text is no string.
 */
export function searchCondition(text: unknown, metadata: EntityMetadata): Condition {
  const { name } = metadata;
  const paths = metadata.indexes.filter((index) => index.kind === "text").map((index) => index.path);
  if (paths.length === 0) {
    throw new QueryError(`${name} has nothing to search: give a string field a text() index`, { entity: name });
  }
  if (typeof text !== "string") {
    throw new QueryError(`${name}: search takes a string, not ${text === null ? "null" : typeof text}`, {
      entity: name,
    });
  }
  const words = tokens(text);
  // A match without words holds where there is a value; so does a search.
  if (words.length === 0) return somewhere("", paths);
  return Object.freeze({ type: "and", items: Object.freeze(words.map((word) => somewhere(word, paths))) });
}

function somewhere(text: string, paths: readonly string[]): Condition {
  const items = paths.map((path): Condition => Object.freeze({ type: "match", path, text }));
  return Object.freeze({ type: "or", items: Object.freeze(items) });
}
