// Text by the search server's own rules: how it splits what is asked for into words, and who cannot answer it.
// Nothing here compares words: stems and sounds are the server's business.
import { UnsupportedQueryError } from "../errors.ts";
import type { Condition, QueryNode } from "./node.ts";

/** Bytes of a word; servers index no more of it. */
const maxWordBytes = 128;

/** Signs and blanks that end a word; the underscore does not. */
const separator = /^[\t !-/:-@[\]^`{-~]$/;
/** Characters that are as if they were not there. */
const control = /^[\u0001-\u001f\u007f]$/;

/**
 * Splits text as search servers do: at blanks and at ASCII's signs but the underscore. A backslash makes the sign behind it
 * part of the word; other control characters, line ends among them, are as if they were not there.
 *
 * @param text - any text without NUL.
 * @returns the words, repeated ones once.
 */
export function nativeWords(text: string): string[] {
  const words = new Set<string>();
  let word = "";
  let escaped = false;
  const end = (): void => {
    if (word !== "") words.add(shortened(word));
    word = "";
  };
  for (const character of text) {
    const literal: boolean = escaped && (character === "\\" || separator.test(character));
    escaped = !literal && character === "\\";
    if (control.test(character)) {
      if (character === "\t" && !literal) end();
    } else if (literal) word += character;
    else if (separator.test(character)) end();
    else if (!escaped) word += character;
  }
  end();
  return [...words];
}

// Cut amid a character it is no text any more, and what such a word is called nobody can say.
function shortened(word: string): string {
  return Buffer.byteLength(word) <= maxWordBytes ? word : Buffer.from(word).subarray(0, maxWordBytes).toString();
}

/**
 * Refuses conditions by the search server's rules.
 *
 * @param query - a query.
 * @param engine - the engine that would have to answer it.
 * @throws UnsupportedQueryError when the query has one.
 */
export function refuseNative({ metadata: { name }, where }: QueryNode, engine: string): void {
  const [path] = nativePaths(where);
  if (path === undefined) return;
  throw new UnsupportedQueryError(
    `${name}.${path}: matchNative goes by the rules of the search server, which the ${engine} engine does not have; ` +
      "give the field a text() index for match as well, or use the search engine for this type",
    { entity: name, field: path },
  );
}

function nativePaths(condition: Condition): string[] {
  switch (condition.type) {
    case "and":
    case "or":
      return condition.items.flatMap(nativePaths);
    case "not":
      return nativePaths(condition.item);
    default:
      return condition.type === "matchNative" ? [condition.path] : [];
  }
}
