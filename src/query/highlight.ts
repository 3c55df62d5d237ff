// Texts with the words marked that a query asked for; made from the texts themselves, so no engine needs to know.
// What is not a mark is escaped for HTML unless told otherwise, since texts come from anywhere.
import { words } from "../codec/term.ts";
import { QueryError } from "../errors.ts";
import type { Index } from "../schema/index-kinds.ts";
import type { IndexAt, IndexedPaths } from "../schema/paths.ts";
import { valueAt } from "../schema/shape.ts";
import type { QueryNode } from "./node.ts";
import { soughtWords } from "./relevance.ts";
import { passes, type WordTest } from "./spelling.ts";

/** The dotted paths that have a `text()` index. */
export type TextPaths<I> = {
  [P in IndexedPaths<I>]: [Extract<IndexAt<I, P>, Index<"text">>] extends [never] ? never : P;
}[IndexedPaths<I>];

/** What `highlight` accepts. */
export interface HighlightOptions {
  /** What stands before a word; `<mark>` when left out. */
  readonly open?: string;
  /** What stands behind it; `</mark>` when left out. */
  readonly close?: string;
  /** Whether the text is escaped for HTML; true when left out. */
  readonly escape?: boolean;
}

/** What is found, with its texts marked; null where there is no text. */
export type Highlighted<R, P extends string> = {
  [K in keyof R | "highlights"]: K extends "highlights" ? { [F in P]: string | null } : R[K & keyof R];
};

/** Texts to mark. */
export interface HighlightNode {
  readonly paths: readonly string[];
  readonly open: string;
  readonly close: string;
  readonly escape: boolean;
}

/** Name of the property that has the marked texts. */
export const highlightsName = "highlights";

/**
 * Checks the texts to mark.
 *
 * @param query - the query as built.
 * @throws QueryError when a field has no text, or the property's name is taken.
 */
export function checkHighlight({ metadata, highlight }: QueryNode): void {
  if (highlight === undefined) return;
  const { name } = metadata;
  if (highlight.paths.length === 0)
    throw new QueryError(`${name}: highlight takes at least one field`, { entity: name });
  for (const path of highlight.paths) {
    if (metadata.indexes.some((index) => index.path === path && index.kind === "text")) continue;
    throw new QueryError(`${name}.${String(path)} has no words to highlight: give it a text() index`, {
      entity: name,
      field: String(path),
    });
  }
  if ([highlight.open, highlight.close].some((mark) => typeof mark !== "string")) {
    throw new QueryError(`${name}: open and close of highlight are texts`, { entity: name });
  }
  if (!metadata.shape.fields.has(highlightsName)) return;
  throw new QueryError(`${name} has a field named ${highlightsName}: highlight cannot add one`, { entity: name });
}

/**
 * Prepares marking the texts of entities.
 *
 * @param query - a checked query.
 * @param node - which texts, and how.
 * @returns a function from an entity to its marked texts by path.
 */
export function highlighter(
  { where }: QueryNode,
  node: HighlightNode,
): (entity: unknown) => Record<string, string | null> {
  const sought = soughtWords(where);
  const fields = node.paths.map((path) => ({
    path,
    names: path.split("."),
    tests: sought.filter((word) => word.path === path).map(({ test }) => test),
  }));
  return (entity) =>
    Object.fromEntries(
      fields.map(({ path, names, tests }) => {
        const text = valueAt(entity, names);
        return [path, typeof text === "string" ? marked(text, tests, node) : null];
      }),
    );
}

function marked(text: string, tests: readonly WordTest[], { open, close, escape }: HighlightNode): string {
  const shown = (part: string): string => (escape ? escaped(part) : part);
  return runsOf(text)
    .map(({ part, isWord }) => {
      const hit = isWord && words(part).some((word) => tests.some((test) => passes(word, test)));
      return hit ? `${open}${shown(part)}${close}` : shown(part);
    })
    .join("");
}

interface Run {
  part: string;
  readonly isWord: boolean;
}

// Words are found in folded texts; here the text is cut where it stands, by what each character folds to.
function runsOf(text: string): Run[] {
  const runs: Run[] = [];
  for (const character of text) {
    const isWord = /^[\p{L}\p{M}\p{N}]+$/u.test(character.normalize("NFKC"));
    const last = runs.at(-1);
    if (last?.isWord === isWord) last.part += character;
    else runs.push({ part: character, isWord });
  }
  return runs;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] as string);
}
