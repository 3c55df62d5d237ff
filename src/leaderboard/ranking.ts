// From what a board's sorted set holds to rows with ranks.
// Pure: the place and the rank of the first row are known, those of the others follow.
import { compareText } from "../query/order.ts";
import { readMember, tieWidth } from "./encoding.ts";
import type { BoardRow, BoardSettings, SubmitResult } from "./options.ts";

/** A stored member and its score. */
export interface Stored {
  readonly text: string;
  readonly score: number;
}

/**
 * Reads members and scores in turn.
 *
 * @param reply - of ZRANGE WITHSCORES, flat or in pairs.
 * @returns stored members, in order.
 */
export function storedOf(reply: unknown): Stored[] {
  const flat = (reply as readonly unknown[]).flat() as (string | number)[];
  return flat.flatMap((text, at) => (at % 2 === 0 ? [{ text: String(text), score: Number(flat[at + 1]) }] : []));
}

/**
 * Puts together what was looked up of members.
 *
 * @param members - the members.
 * @param scores - of each; null for those that are not on the board.
 * @param ties - the text in front of each, where the board has such.
 * @returns a stored member or null for each.
 */
export function storedMembers(
  members: readonly string[],
  scores: readonly (string | null)[],
  ties?: readonly (string | null)[],
): (Stored | null)[] {
  return members.map((member, at) => {
    const score = scores[at];
    return score == null ? null : { text: (ties?.[at] ?? "") + member, score: Number(score) };
  });
}

/**
 * Makes one row.
 *
 * @param settings - the board.
 * @param stored - the member and its score.
 * @param rank - its rank.
 * @returns the row.
 */
export function rowOf(settings: BoardSettings, { text, score }: Stored, rank: number): BoardRow {
  if (settings.breaks === "member" && !settings.entities) return { member: text, score, rank };
  const { member, ...facts } = readMember(settings, text);
  return { member, score, rank, ...facts };
}

/**
 * Makes rows of members that follow each other.
 *
 * @param settings - the board.
 * @param stored - in the board's order.
 * @param start - how many stand before the first.
 * @param first - the rank of the first.
 * @returns the rows.
 */
export function rowsOf(settings: BoardSettings, stored: readonly Stored[], start: number, first: number): BoardRow[] {
  let rank = first;
  return stored.map((each, at) => {
    const before = stored[at - 1];
    if (before !== undefined && !(settings.ties !== "ordinal" && equal(settings, before, each))) {
      rank = settings.ties === "dense" ? rank + 1 : start + at + 1;
    }
    return rowOf(settings, each, rank);
  });
}

/**
 * What became of a submitted score.
 *
 * @param score - the score that counts now.
 * @param rank - the rank now; null when the member was dropped at once.
 * @param previousRank - the rank before; null for a new member.
 * @param improved - whether the score is better than before.
 * @param top - how many ranks are the top.
 * @returns the result.
 */
export function resultOf(
  score: number,
  rank: number | null,
  previousRank: number | null,
  improved: boolean,
  top: number,
): SubmitResult<number | null> {
  const enteredTop = rank !== null && rank <= top && (previousRank === null || previousRank > top);
  return { score, rank, previousRank, improved, enteredTop };
}

/**
 * Ranks members among themselves.
 *
 * @param settings - the board.
 * @param stored - in any order.
 * @returns rows in the board's order, with ranks from 1.
 */
export function rankedAmong(settings: BoardSettings, stored: readonly Stored[]): BoardRow[] {
  const sign = settings.order === "desc" ? -1 : 1;
  const sorted = stored.toSorted((a, b) =>
    a.score === b.score ? sign * compareText(a.text, b.text) : sign * (a.score - b.score),
  );
  return rowsOf(settings, sorted, 0, 1);
}

// Sub-scores break ties for good; times and members only decide who stands first.
function equal(settings: BoardSettings, a: Stored, b: Stored): boolean {
  if (a.score !== b.score) return false;
  if (settings.breaks !== "scores") return true;
  const front = tieWidth(settings);
  return a.text.slice(0, front) === b.text.slice(0, front);
}
