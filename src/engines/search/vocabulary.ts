// Words by their beginning or spelling: the index is asked for all its words, and those that are meant are picked here.
// Servers would stop looking after so many words, and count bytes where characters are meant.
import { UnsupportedQueryError } from "../../errors.ts";
import type { Formula, Leaf } from "../../query/normalise.ts";
import { passes } from "../../query/spelling.ts";
import { checkWords, closeWords, type NativeLeaf, type WaitingLeaf, waitingLeaves } from "../../query/vocabulary.ts";
import type { Reply, Request } from "../../redis/command.ts";
import type { Step } from "../engine.ts";
import type { Layout } from "../layout.ts";
import type { Attribute } from "./attributes.ts";
import { isPlain } from "./compile.ts";
import { checked } from "./reply.ts";

/**
 * The conditions of a formula that cannot be sent before something was looked up.
 *
 * @param formula - a formula.
 * @returns those that stand for words not known beforehand, and native words whose stems must be said.
 */
export function waitingIn(formula: Formula): (WaitingLeaf | NativeLeaf)[] {
  return [...waitingLeaves(formula), ...unexpanded(formula, false)];
}

// Below a NOT servers compare words without stems and sounds; there stems must be named one by one.
function unexpanded(formula: Formula, within: boolean): NativeLeaf[] {
  switch (formula.type) {
    case "every":
      return formula.items.flatMap((item) => unexpanded(item, within));
    case "some": {
      // Any other OR is sent as NOT of AND of NOTs.
      const turned = within || !formula.items.every(isPlain);
      return formula.items.flatMap((item) => unexpanded(item, turned));
    }
    case "native":
      return within || formula.negated ? [formula] : [];
    default:
      return [];
  }
}

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
  const waiting = waitingIn(formula);
  if (waiting.length === 0) return go(formula);
  const nameOf = (index: Leaf["index"]): string =>
    attributes.find((candidate) => candidate.index === index)?.name ?? "";
  const asked = [...new Set(waiting.flatMap((leaf) => (leaf.type === "native" ? [] : [leaf.index])))];
  const natives = waiting.filter((leaf) => leaf.type === "native");
  for (const leaf of natives) {
    if (leaf.index.native?.phonetic !== null) throw cannotTurn(leaf, layout, "no query can name a sound");
  }
  const requests: Request[] = [
    ...asked.map((index) => ({ name: "FT.TAGVALS", args: [layout.alias, nameOf(index)] })),
    ...natives.map(({ index, word }) => explaining(layout, nameOf(index), word)),
  ];
  return {
    requests,
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
      for (const [at, leaf] of natives.entries()) {
        found.set(leaf, expansionsOf(leaf, checked(replies[asked.length + at], layout), layout));
      }
      return go(closeWords(formula, found));
    },
  };
}

function explaining({ alias }: Layout, attribute: string, word: string): Request {
  const params = ["PARAMS", "2", "word", word.replaceAll("\\", "\\\\")];
  return { name: "FT.EXPLAIN", args: [alias, `@${attribute}:$word`, ...params, "DIALECT", "2"] };
}

// A word by itself on one line, or as the first of a union: `@a:UNION {`, `@a:running`, `@a:+run(expanded)`, `}`.
function expansionsOf(leaf: NativeLeaf, reply: Reply, layout: Layout): string[] {
  const { word } = leaf;
  const lines = String(reply as string)
    .trim()
    .split("\n")
    .map((line) => line.trim());
  if (lines.length === 1 && /^@\w+:/.test(lines[0] ?? "")) return [word];
  const others = lines.slice(2, -1).map((line) => /^@\w+:(.+)\(expanded\)$/.exec(line)?.[1]);
  const known = others.filter((term) => term !== undefined);
  if (/^@\w+:UNION \{$/.test(lines[0] ?? "") && lines.at(-1) === "}" && known.length === others.length) {
    return [word, ...known];
  }
  throw cannotTurn(leaf, layout, "this server does not tell in a known form which stems it compares");
}

function cannotTurn({ index }: NativeLeaf, { metadata: { name } }: Layout, reason: string): UnsupportedQueryError {
  return new UnsupportedQueryError(
    `${name}.${index.path}: ${reason}, so that matchNative cannot be turned round, nor joined by OR to what is turned ` +
      "round or joined by AND; ask without NOT, or two queries",
    { entity: name, field: index.path },
  );
}
