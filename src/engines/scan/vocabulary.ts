// Words and grams by their beginning or spelling: looked up in a vocabulary before the query itself.
// Read in pages, so that no vocabulary holds up the server.
import { afterPrefix } from "../../codec/term.ts";
import type { Formula, Leaf } from "../../query/normalise.ts";
import { passes, type WordTest } from "../../query/spelling.ts";
import { checkWords, closeWords, type WaitingLeaf, waitingLeaves } from "../../query/vocabulary.ts";
import type { Command, Reply } from "../../redis/command.ts";
import { ReplyFailure } from "../../redis/command.ts";
import type { Answer, Step } from "../engine.ts";
import type { Layout } from "../layout.ts";

/** Words read per request. */
const pageSize = 5000;
/** Characters of a gram. */
const gramLength = 3;

/**
 * The grams that a text has, if it is long enough to have any.
 *
 * @param text - a part of a string.
 * @param atEnd - whether it is the last part.
 * @returns runs of three characters; undefined when the text is shorter than that.
 */
export function gramsOf(text: string, atEnd: boolean): string[] | undefined {
  const characters = Array.from(text + (atEnd ? "\u0000" : ""));
  if (characters.length < gramLength) return undefined;
  const found = new Set<string>();
  for (let at = 0; at + gramLength <= characters.length; at += 1) {
    found.add(characters.slice(at, at + gramLength).join(""));
  }
  return [...found];
}

/**
 * Tells whether a part of a string is too short to have grams.
 *
 * @param leaf - the condition.
 * @returns true when a vocabulary must be asked which grams begin with it.
 */
export function isShort({ text, atEnd }: Extract<Leaf, { type: "infix" }>): boolean {
  return gramsOf(text, atEnd) === undefined;
}

/**
 * Looks up what the conditions of a formula stand for, then goes on with the formula.
 *
 * @param layout - the type's layout.
 * @param formula - a formula.
 * @param go - takes the formula that waits for nothing.
 * @returns the first step.
 * @throws UnsupportedQueryError when a condition stands for too many words.
 */
export function withVocabulary(
  layout: Layout,
  formula: Formula,
  go: (formula: Formula) => Answer | Step,
): Answer | Step {
  const waiting = waitingLeaves(formula, isShort);
  const found = new Map<Leaf, string[]>(waiting.map((leaf) => [leaf, []]));
  const next = (at: number, from: string): Answer | Step => {
    const leaf = waiting[at];
    if (leaf === undefined) return go(closeWords(formula, found));
    return {
      requests: [pageOf(layout, leaf, from)],
      read([reply]) {
        const page = readPage(reply);
        const words = found.get(leaf) as string[];
        const test = testOf(leaf);
        for (const word of page) if (passes(word, test)) words.push(word);
        checkWords(words, leaf, layout.metadata);
        return page.length < pageSize ? next(at + 1, "") : next(at, page.at(-1) as string);
      },
    };
  };
  return next(0, "");
}

function testOf(leaf: WaitingLeaf): WordTest {
  if (leaf.type === "words") return leaf.test;
  return { type: "prefix", text: leaf.text + (leaf.atEnd ? "\u0000" : "") };
}

function pageOf(layout: Layout, leaf: WaitingLeaf, from: string): Command {
  const kind = leaf.type === "words" ? "terms" : "grams";
  const slot = layout.slots.find((candidate) => candidate.index === leaf.index && candidate.kind === kind);
  const test = testOf(leaf);
  const prefix = test.type === "prefix" ? test.text : "";
  const end = prefix === "" ? undefined : afterPrefix(prefix);
  const low = from === "" ? (prefix === "" ? "-" : `[${prefix}`) : `(${from}`;
  const high = end === undefined ? "+" : `(${end}`;
  return {
    name: "ZRANGE",
    args: [slot?.vocabulary ?? "", low, high, "BYLEX", "LIMIT", "0", String(pageSize)],
  };
}

function readPage(reply: Reply): readonly string[] {
  if (reply instanceof ReplyFailure) throw reply.error;
  return reply as string[];
}
