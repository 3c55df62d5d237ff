// Relevance: how well what matches fits the words that are asked for, the same on every engine.
// The more of the words, the rarer they are and the shorter the text, the better; weights of text() count.
import { words } from "../codec/term.ts";
import { QueryError } from "../errors.ts";
import { valueAt } from "../schema/shape.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { Comparison, Condition, QueryNode } from "./node.ts";
import { passes, type WordTest, typedWords } from "./spelling.ts";

/** A word that is asked for in a field, by its spelling, its beginning or nearly. */
export interface SoughtWord {
  readonly path: string;
  readonly test: WordTest;
  /** The condition that holds for whatever has the word. */
  readonly condition: Comparison;
}

/**
 * Lists the words that a query asks for; those that must not be there are not among them.
 *
 * @param condition - the query's condition.
 * @returns each word once per field.
 */
export function soughtWords(condition: Condition): SoughtWord[] {
  const found = new Map<string, SoughtWord>();
  for (const word of wordsOf(condition, false)) {
    const { test } = word;
    const distance = test.type === "near" ? test.distance : -1;
    found.set(JSON.stringify([word.path, test.text, distance]), word);
  }
  return [...found.values()];
}

function wordsOf(condition: Condition, negated: boolean): SoughtWord[] {
  switch (condition.type) {
    case "and":
    case "or":
      return condition.items.flatMap((item) => wordsOf(item, negated));
    case "not":
      return wordsOf(condition.item, !negated);
    case "match":
    case "phrase":
      return negated ? [] : words(condition.text).map((text) => exactly(condition.path, text));
    case "matchPrefix": {
      if (negated) return [];
      const { complete, last } = typedWords(condition.text);
      const { path } = condition;
      const beginning: SoughtWord[] =
        last === undefined
          ? []
          : [{ path, test: { type: "prefix", text: last }, condition: { type: "matchPrefix", path, text: last } }];
      return [...complete.map((text) => exactly(path, text)), ...beginning];
    }
    case "fuzzy": {
      const { path, distance } = condition;
      if (negated) return [];
      return words(condition.text).map((text) => ({
        path,
        test: { type: "near", text, distance },
        condition: { type: "fuzzy", path, text, distance },
      }));
    }
    default:
      return [];
  }
}

function exactly(path: string, text: string): SoughtWord {
  return { path, test: { type: "near", text, distance: 0 }, condition: { type: "match", path, text } };
}

/**
 * Checks an order by relevance.
 *
 * @param query - the query as built.
 * @throws QueryError when it asks for no words, or has another order as well.
 */
export function checkRelevance({ metadata, relevance, orderBy, near, where }: QueryNode): void {
  if (relevance !== true) return;
  const { name } = metadata;
  if (orderBy.length > 0 || near !== undefined) {
    throw new QueryError(`${name}: orderByRelevance stands alone, without another order`, { entity: name });
  }
  if (soughtWords(where).length > 0) return;
  throw new QueryError(
    `${name}: orderByRelevance needs words to rank by: match, matchPrefix, phrase, fuzzy or search`,
    { entity: name },
  );
}

/** What a field and the type say about a sought word. */
export interface CountedWord extends SoughtWord {
  /** How many entities have it. */
  readonly entities: number;
}

/**
 * Prepares rating entities: of each sought word the root of how often it stands in the text, times twice the logarithm of
 * how rare it is, times the field's weight, over the root of the text's length.
 *
 * @param sought - the words.
 * @param total - how many entities the type has.
 * @param metadata - the entity type.
 * @returns a function from an entity to its score; greater is better.
 */
export function scorer(
  sought: readonly CountedWord[],
  total: number,
  metadata: EntityMetadata,
): (entity: unknown) => number {
  const fields = [...new Set(sought.map(({ path }) => path))].map((path) => ({
    names: path.split("."),
    weight: metadata.indexes.find((index) => index.path === path && index.kind === "text")?.weight ?? 1,
    words: sought
      .filter((word) => word.path === path)
      .map(({ test, entities }) => ({ test, rarity: (1 + Math.log((total + 1) / (entities + 1))) ** 2 })),
  }));
  return (entity) => {
    let score = 0;
    for (const { names, weight, words: wanted } of fields) {
      const text = valueAt(entity, names);
      if (typeof text !== "string") continue;
      const held = words(text);
      for (const { test, rarity } of wanted) {
        const times = held.filter((word) => passes(word, test)).length;
        if (times > 0) score += (Math.sqrt(times) * rarity * weight) / Math.sqrt(held.length);
      }
    }
    return score;
  };
}
