// Conditions that stand for words not known beforehand: which they are, and what becomes of them once they are known.
// Each engine asks for the words in its own way, between the plain form of a query and its plan.
import { UnsupportedQueryError } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { all, every, type Formula, type Leaf, none, some } from "./normalise.ts";

/** Words that one condition may stand for. */
const maxWords = 20_000;

type InfixLeaf = Extract<Leaf, { type: "infix" }>;
type WordsLeaf = Extract<Leaf, { type: "words" }>;

/** A condition that waits for a vocabulary. */
export type WaitingLeaf = InfixLeaf | WordsLeaf;
/** A condition that waits for what a server takes for a word. */
export type NativeLeaf = Extract<Leaf, { type: "native" }>;

/**
 * The leaves of a formula that wait for a vocabulary.
 *
 * @param formula - a formula.
 * @param waits - tells whether a part of a string does.
 * @returns the leaves, in order.
 */
export function waitingLeaves(formula: Formula, waits: (leaf: InfixLeaf) => boolean = () => false): WaitingLeaf[] {
  if (formula.type === "every" || formula.type === "some") {
    return formula.items.flatMap((item) => waitingLeaves(item, waits));
  }
  if (formula.type === "words") return [formula];
  return formula.type === "infix" && waits(formula) ? [formula] : [];
}

/**
 * Replaces leaves that waited for a vocabulary.
 *
 * @param formula - a formula.
 * @param found - what the vocabulary has for each of them.
 * @returns the formula, with nothing to wait for.
 */
export function closeWords(formula: Formula, found: ReadonlyMap<Leaf, readonly string[]>): Formula {
  if (formula.type === "every") return every(formula.items.map((item) => closeWords(item, found)));
  if (formula.type === "some") return some(formula.items.map((item) => closeWords(item, found)));
  if (formula.type !== "words" && formula.type !== "infix" && formula.type !== "native") return formula;
  const terms = found.get(formula);
  if (terms === undefined) return formula;
  if (formula.type === "native") return { ...formula, terms };
  const { index, negated } = formula;
  if (terms.length === 0) return negated ? all : none;
  return formula.type === "infix" ? { ...formula, grams: terms } : { type: "terms", index, terms, negated };
}

/**
 * Checks that a condition does not stand for more words than a query can carry.
 *
 * @param words - what was found so far.
 * @param leaf - the condition.
 * @param metadata - the entity type.
 * @throws UnsupportedQueryError when there are too many.
 */
export function checkWords(words: readonly string[], { index }: Leaf, metadata: EntityMetadata): void {
  if (words.length <= maxWords) return;
  throw new UnsupportedQueryError(
    `${metadata.name}.${index.path}: more than ${maxWords} words fit; ask for a longer beginning`,
    { entity: metadata.name, field: index.path },
  );
}
