// Words by their beginning or spelling: the index is asked for all its words, and those that are meant are picked here.
// Servers would stop looking after so many words, and count bytes where characters are meant.
import type { Formula, Leaf } from "../../query/normalise.ts";
import { passes } from "../../query/spelling.ts";
import { checkWords, closeWords, waitingLeaves } from "../../query/vocabulary.ts";
import type { Step } from "../engine.ts";
import type { Layout } from "../layout.ts";
import type { Attribute } from "./attributes.ts";
import { checked } from "./reply.ts";

/**
 * Looks up what the conditions of a formula stand for, then goes on with the formula.
 *
 * @param layout - the type's layout.
 * @param attributes - the type's attributes.
 * @param formula - a formula.
 * @param go - takes the formula that waits for nothing.
 * @returns the first step.
 * @throws UnsupportedQueryError when a condition stands for too many words.
 */
export function withVocabulary(
  layout: Layout,
  attributes: readonly Attribute[],
  formula: Formula,
  go: (formula: Formula) => Step,
): Step {
  const waiting = waitingLeaves(formula);
  if (waiting.length === 0) return go(formula);
  const asked = [...new Set(waiting.map(({ index }) => index))];
  return {
    requests: asked.map((index) => {
      const attribute = attributes.find((candidate) => candidate.index === index)?.name ?? "";
      return { name: "FT.TAGVALS", args: [layout.alias, attribute] };
    }),
    read(replies) {
      const words = new Map(
        asked.map((index, at) => {
          const reply = checked(replies[at], layout);
          return [index, (reply as unknown[]).map(String)];
        }),
      );
      const found = new Map<Leaf, string[]>();
      for (const leaf of waiting) {
        if (leaf.type !== "words") continue;
        const meant = (words.get(leaf.index) ?? []).filter((word) => passes(word, leaf.test));
        checkWords(meant, leaf, layout.metadata);
        found.set(leaf, meant);
      }
      return go(closeWords(formula, found));
    },
  };
}
