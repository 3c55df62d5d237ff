// Words as people type them: the last one unfinished, or spelled a little differently.
// Distances count whole characters, not bytes or UTF-16 units.
import { words } from "../codec/term.ts";

/** The words of a text that is still being typed. */
export interface TypedWords {
  readonly complete: readonly string[];
  /** The beginning of a word; undefined when the text ends behind a word. */
  readonly last: string | undefined;
}

/** Which words of a vocabulary are meant. */
export type WordTest =
  | { readonly type: "prefix"; readonly text: string }
  | { readonly type: "near"; readonly text: string; readonly distance: number };

/**
 * Splits text as typed so far.
 *
 * @param text - any text.
 * @returns its words; the last one apart, unless something follows it.
 */
export function typedWords(text: string): TypedWords {
  const all = words(text);
  const finished = !/[\p{L}\p{M}\p{N}]$/u.test(text.normalize("NFKC"));
  return finished || all.length === 0
    ? { complete: all, last: undefined }
    : { complete: all.slice(0, -1), last: all.at(-1) };
}

/**
 * Tells whether two words are at most so many edits apart.
 *
 * @param left - a word.
 * @param right - another.
 * @param distance - how many characters may be missing, too many or wrong.
 * @returns true when they are.
 */
export function isNear(left: string, right: string, distance: number): boolean {
  if (left === right) return true;
  const [a, b] = [Array.from(left), Array.from(right)];
  if (Math.abs(a.length - b.length) > distance) return false;
  let row = b.map((_character, at) => at + 1);
  for (const [at, character] of a.entries()) {
    let diagonal = at;
    let before = at + 1;
    row = row.map((above, column) => {
      const here = Math.min(above + 1, before + 1, diagonal + (character === b[column] ? 0 : 1));
      diagonal = above;
      before = here;
      return here;
    });
    if (Math.min(at + 1, ...row) > distance) return false;
  }
  return (row.at(-1) ?? a.length) <= distance;
}

/**
 * Tells whether a word passes a test.
 *
 * @param word - a word of a vocabulary.
 * @param test - the test.
 * @returns true when it does.
 */
export function passes(word: string, test: WordTest): boolean {
  return test.type === "prefix" ? word.startsWith(test.text) : isNear(test.text, word, test.distance);
}
