// The rules of native text: checked at the definition, and brought to one form, so that equal rules are equal data.
// A search server has one language and one list of stop words per index, so the fields of a type share them.
import { type NativeRules, phoneticLanguages, stemmedLanguages } from "./index-kinds.ts";

/** The rules of one native index. */
export interface NativeMetadata {
  readonly language: string;
  readonly stem: boolean;
  /** A language code, or null. */
  readonly phonetic: string | null;
  /** Without regard to the case of A to Z, in their order. */
  readonly stopWords: readonly string[];
}

const known = new Set(["language", "noStem", "phonetic", "stopWords"]);

/**
 * Brings rules to their one form.
 *
 * @param rules - as the definition has them; from JavaScript perhaps anything.
 * @param problem - told of whatever makes no sense.
 * @returns the rules.
 */
export function nativeMetadata(rules: NativeRules, problem: (message: string) => void): NativeMetadata {
  const { language = "english", noStem = false, phonetic, stopWords = [] } = Object(rules) as NativeRules;
  const unknown = Object.keys(Object(rules) as object).find((name) => !known.has(name));
  if (unknown !== undefined) problem(`native has no ${unknown}; it takes ${[...known].join(", ")}`);
  if (!stemmedLanguages.includes(language)) {
    problem(`native: no search server stems ${String(language)}; there are ${stemmedLanguages.join(", ")}`);
  }
  if (phonetic !== undefined && !phoneticLanguages.includes(phonetic)) {
    problem(`native: phonetic is one of ${phoneticLanguages.join(", ")}, not ${String(phonetic)}`);
  }
  if (typeof noStem !== "boolean") problem("native: noStem is true or false");
  const isList = Array.isArray(stopWords) && stopWords.every(isWord);
  if (!isList) problem("native: stopWords is a list of single words");
  return Object.freeze({
    language,
    stem: !noStem,
    phonetic: phonetic ?? null,
    stopWords: Object.freeze(isList ? [...new Set(stopWords.map(asciiFolded))].sort() : []),
  });
}

/**
 * Folds case as search servers do in native text: of A to Z, and of nothing else.
 *
 * @param word - any word.
 * @returns the folded word.
 */
export function asciiFolded(word: string): string {
  return word.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

// Letters, digits, the underscore, and whatever lies beyond ASCII: what servers take for one word.
function isWord(word: unknown): boolean {
  return typeof word === "string" && word.isWellFormed() && /^[0-9A-Z_a-z\u0080-\u{10ffff}]{1,64}$/u.test(word);
}

/**
 * Tells what the native fields of a type cannot disagree in.
 *
 * @param rules - the rules of all of them.
 * @returns the name of an option that differs, or undefined.
 */
export function nativeConflict(rules: readonly NativeMetadata[]): "language" | "stopWords" | undefined {
  const [first] = rules;
  const differs = (of: (one: NativeMetadata) => string): boolean =>
    first !== undefined && rules.some((one) => of(one) !== of(first));
  if (differs(({ language }) => language)) return "language";
  return differs(({ stopWords }) => stopWords.join(" ")) ? "stopWords" : undefined;
}
