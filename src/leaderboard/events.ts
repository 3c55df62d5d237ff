// Changes of ranks, as a board's scripts tell them in its stream.
import type { BlockingConnection } from "../redis/blocking.ts";
import { momentOf, type WatchOptions, watchStream } from "../repository/watch.ts";
import type { BoardSettings, LeaderboardOptions, PeriodName } from "./options.ts";

/** Somebody whom another member passed. */
export interface Overtaken {
  /** Who stood ahead. */
  readonly member: string;
  /** The rank since, from 1. */
  readonly rank: number;
}

/** A member whose rank changed, since a score was submitted for it. */
export interface BoardChange<O extends LeaderboardOptions = LeaderboardOptions> {
  /** Its place in the stream: pass it as `from` to go on behind it. */
  readonly position: string;
  /** When it was, by the server's clock. */
  readonly at: Date;
  /** In which period; null for the board of all time. */
  readonly period: PeriodName<O> | null;
  /** Whose rank it is. */
  readonly member: string;
  /** The score now. */
  readonly score: number;
  /** The rank now, from 1. */
  readonly rank: number;
  /** The rank before; null for a new member. */
  readonly previousRank: number | null;
  /** The member is among the top, and was not before. */
  readonly enteredTop: boolean;
  /**
   * Whom it passed, the best first: all who are among the top or were so far, and the one who is right behind now. Others who were
   * passed are not told of.
   */
  readonly overtaken: readonly Overtaken[];
}

/**
 * Watches a board.
 *
 * @param settings - the board.
 * @param key - its stream.
 * @param open - opens a connection that may wait.
 * @param options - group, place to begin, signal.
 * @returns the changes, as they come.
 */
export function watchBoard<O extends LeaderboardOptions>(
  { name }: BoardSettings,
  key: string,
  open: () => BlockingConnection,
  options: WatchOptions,
): AsyncGenerator<BoardChange<O>, void, undefined> {
  return watchStream({ name, key, read: changeOf<O> }, open, options);
}

function changeOf<O extends LeaderboardOptions>(
  position: string,
  words: Readonly<Record<string, string>>,
): BoardChange<O> | undefined {
  const { member, score, rank, previous, entered, period = null, overtaken = "[]" } = words;
  if (member === undefined || score === undefined || rank === undefined) return undefined;
  const passed = JSON.parse(overtaken) as (string | number)[];
  return {
    position,
    at: momentOf(position),
    period: period as PeriodName<O> | null,
    member,
    score: Number(score),
    rank: Number(rank),
    previousRank: previous === undefined ? null : Number(previous),
    enteredTop: entered !== undefined,
    overtaken: passed.flatMap((each, at) =>
      at % 2 === 0 ? [{ member: String(each), rank: Number(passed[at + 1]) }] : [],
    ),
  };
}
