// A leaderboard: scores come in by one script call each, and every question about the board is one round trip.
// Input is checked before anything is sent.
import type { ValidationError } from "../errors.ts";
import type { CallOptions, Page } from "../query/query.ts";
import type { Executor } from "../redis/executor.ts";
import { boardProblem, checkAtMost, checkedBounds, checkedWhole } from "./asked.ts";
import { checkedMember, checkedScore, tieText } from "./encoding.ts";
import {
  type BoardRow,
  boardSettings,
  type LeaderboardOptions,
  type Submission,
  type SubmitArguments,
  type SubmitResult,
  type SubmittedRank,
} from "./options.ts";
import { rankedAmong, resultOf, rowOf, rowsOf, type Stored, storedMembers, storedOf } from "./ranking.ts";
import { BoardSender } from "./sending.ts";

/** How far a member is from those with the nearest other scores. */
export interface Gap {
  /** The member there. */
  readonly member: string;
  /** Its score. */
  readonly score: number;
  /** Points between the two scores; above 0. */
  readonly points: number;
}

/** A member's row, and how far the nearest better and worse scores are. */
export interface Neighbours<O extends LeaderboardOptions = LeaderboardOptions> {
  /** The member's own row. */
  readonly row: BoardRow<O>;
  /** The last member with a better score; null at the top. */
  readonly ahead: Gap | null;
  /** The first member with a worse score; null at the end. */
  readonly behind: Gap | null;
}

/** One bar of a histogram. */
export interface Bucket {
  /** The lowest score that counts. */
  readonly from: number;
  /** The first score that does not count; that of the last bucket does. */
  readonly to: number;
  /** How many members have such a score. */
  readonly count: number;
}

/** What `between` accepts. */
export interface BetweenScoresOptions extends CallOptions {
  /** Rows to skip; 0 when left out. */
  readonly offset?: number;
  /** Rows at most; 100 when left out, 2 000 at most. */
  readonly limit?: number;
}

/** What `entries` accepts. */
export interface EntriesOptions extends CallOptions {
  /** Rows per round trip; 500 when left out, 2 000 at most. */
  readonly batch?: number;
}

/** What one call may take or give. Each is bounded so that none holds the server up for 10 ms, on boards of millions too. */
const mostRows = 2000;
const mostMembers = 5000;
const mostSubmissions = 250;
const mostBuckets = 1000;
/** Members that one script looks up, ranks or takes off; more go to several scripts in one round trip. */
const [lookedUpAtOnce, rankedAtOnce, removedAtOnce] = [1000, 125, 250];

/** A board of members ranked by their scores; made by `db.leaderboard`. */
export class Leaderboard<O extends LeaderboardOptions = LeaderboardOptions> {
  /** The board's name. */
  readonly name: string;
  readonly #sender: BoardSender;
  readonly #top: number;
  readonly #noScores: Readonly<Record<string, number>>;

  /**
   * @internal
   * @param name - the board's name.
   * @param options - how it ranks.
   * @param executor - sends.
   * @param namespace - put in front of every key.
   */
  constructor(name: string, options: O, executor: Executor, namespace: string) {
    const settings = boardSettings(name, options);
    this.name = name;
    this.#top = settings.top;
    this.#noScores = Object.fromEntries(settings.scores.map((score) => [score.name, 0]));
    this.#sender = new BoardSender(settings, executor, namespace);
  }

  /**
   * Submits a score; whether it counts is decided by `keep`. One round trip (EVALSHA).
   *
   * @param member - who has it: 1 to 512 bytes of text.
   * @param score - a finite number; whole ones up to 2^53 - 1.
   * @param args - options: `scores` on a board with sub-scores, deadline in milliseconds, and signal.
   * @returns the score that counts, and the ranks now and before.
   * @throws ValidationError when member or score are refused, or a sum would leave the range; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async submit(member: string, score: number, ...args: SubmitArguments<O>): Promise<SubmitResult<SubmittedRank<O>>> {
    const [options = {}] = args as [(CallOptions & { readonly scores?: unknown })?];
    const entry = { member, score, scores: options.scores };
    const [result] = await this.#submit("submit", () => this.#words(entry), options, member);
    return result as SubmitResult<SubmittedRank<O>>;
  }

  /**
   * Submits many scores, one after the other as they are given, in one call: all of them, or none. One round trip (EVALSHA).
   *
   * @param entries - up to 250 members and scores.
   * @param options - deadline in milliseconds, and signal.
   * @returns what became of each, in order.
   * @throws ValidationError when one of them is refused, or a sum would leave the range; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async submitMany(
    entries: readonly Submission<O>[],
    options: CallOptions = {},
  ): Promise<SubmitResult<SubmittedRank<O>>[]> {
    if (entries.length === 0) return [];
    const words = (): readonly (string | number)[] => {
      this.#atMost(entries.length, mostSubmissions, "scores");
      return entries.flatMap((entry) => this.#words(entry));
    };
    return this.#submit("submitMany", words, options);
  }

  /**
   * Adds to a member's score, which is 0 for a new one, whatever `keep` says. One round trip (EVALSHA).
   *
   * @param member - the member.
   * @param by - a finite number of points.
   * @param options - deadline in milliseconds, and signal.
   * @returns the new score, and the ranks now and before.
   * @throws ValidationError when member or points are refused, or the sum would leave the range; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async increment(member: string, by = 1, options: CallOptions = {}): Promise<SubmitResult<SubmittedRank<O>>> {
    const entry = { member, score: by, scores: this.#noScores };
    const [result] = await this.#submit("increment", () => this.#words(entry), options, member);
    return result as SubmitResult<SubmittedRank<O>>;
  }

  /**
   * Takes points from a member's score, whatever `keep` says. One round trip (EVALSHA).
   *
   * @param member - the member.
   * @param by - a finite number of points.
   * @param options - deadline in milliseconds, and signal.
   * @returns the new score, and the ranks now and before.
   * @throws ValidationError when member or points are refused, or the difference would leave the range; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  decrement(member: string, by = 1, options: CallOptions = {}): Promise<SubmitResult<SubmittedRank<O>>> {
    return this.increment(member, typeof by === "number" ? -by : by, options);
  }

  /**
   * Takes members off the board. One round trip (EVALSHA); more than 250 go in several scripts, so that others are served between
   * them.
   *
   * @param members - one member, or up to 5 000.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many were on it.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async remove(members: string | readonly string[], options: CallOptions = {}): Promise<number> {
    const list = typeof members === "string" ? [members] : members;
    if (list.length === 0) return 0;
    const { scripts } = this.#sender;
    const counts = await this.#inSlices(list, removedAtOnce, (words) =>
      this.#sender.write("remove", scripts.remove, words, options),
    );
    return counts.reduce<number>((sum, count) => sum + Number(count), 0);
  }

  /**
   * Takes everybody off the board whose score is in a range. One round trip (EVALSHA) for each 250 members, in which others
   * are served between them, and one more; who gets such a score meanwhile goes too.
   *
   * @param low - the lowest score that goes.
   * @param high - the highest score that goes.
   * @param options - deadline of each round trip in milliseconds, and signal.
   * @returns how many went.
   * @throws ValidationError when a bound is refused; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async removeBetween(low: number, high: number, options: CallOptions = {}): Promise<number> {
    return this.#cut("removeBetween", () => ["between", ...this.#bounds(low, high)], options);
  }

  /**
   * Keeps only the best. One round trip (EVALSHA) for each 250 members that go, in which others are served between them, and
   * one more. A board with a `limit` does so by itself.
   *
   * @param count - how many stay, from 1.
   * @param options - deadline of each round trip in milliseconds, and signal.
   * @returns how many went.
   * @throws ValidationError when the count is refused; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async trim(count: number, options: CallOptions = {}): Promise<number> {
    return this.#cut("trim", () => ["trim", this.#whole(count, 1, Number.MAX_SAFE_INTEGER, "count")], options);
  }

  /**
   * Empties the board; it may then be opened with other options. One round trip (UNLINK).
   *
   * @param options - deadline in milliseconds, and signal.
   */
  async clear(options: CallOptions = {}): Promise<void> {
    await this.#sender.clear(options);
  }

  /**
   * Reads the best. One round trip (ZRANGE).
   *
   * @param count - how many, 1 to 2 000; 10 when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns rows, the best first.
   */
  async top(count = 10, options: CallOptions = {}): Promise<BoardRow<O>[]> {
    const { keys, settings } = this.#sender;
    const command = (): { readonly name: string; readonly args: string[] } => {
      const last = String(this.#whole(count, 1, mostRows, "count") - 1);
      const order = settings.order === "desc" ? ["REV"] : [];
      return { name: "ZRANGE", args: [keys.ranking, "0", last, ...order, "WITHSCORES"] };
    };
    const reply = await this.#sender.read("top", command, options);
    return rowsOf(settings, storedOf(reply), 0, 1) as BoardRow<O>[];
  }

  /**
   * Reads the worst. One round trip (EVALSHA_RO).
   *
   * @param count - how many, 1 to 2 000; 10 when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns rows, the worst first.
   */
  async bottom(count = 10, options: CallOptions = {}): Promise<BoardRow<O>[]> {
    const words = () => ["bottom", "", this.#whole(count, 1, mostRows, "count")];
    return (await this.#window("bottom", words, options)).items.reverse();
  }

  /**
   * Reads one page. One round trip (EVALSHA_RO).
   *
   * @param number - which, from 1.
   * @param size - rows per page, 1 to 2 000; 25 when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns the rows, and how many members there are in all.
   */
  page(number: number, size = 25, options: CallOptions = {}): Promise<Page<BoardRow<O>>> {
    const words = () => {
      const rows = this.#whole(size, 1, mostRows, "size");
      return ["page", (this.#whole(number, 1, Number.MAX_SAFE_INTEGER / mostRows, "page") - 1) * rows, rows];
    };
    return this.#window("page", words, options);
  }

  /**
   * Reads a member and those around it; near the ends of the board others fill up the places. One round trip (EVALSHA_RO).
   *
   * @param member - the member in the middle.
   * @param count - how many on each side, 0 to 999; 5 when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns rows, the best first; none when the member is not on the board.
   */
  async around(member: string, count = 5, options: CallOptions = {}): Promise<BoardRow<O>[]> {
    const words = () => ["around", this.#member(member), this.#whole(count, 0, (mostRows - 1) >> 1, "count")];
    return (await this.#window("around", words, options)).items;
  }

  /**
   * Reads members by their scores. One round trip (EVALSHA_RO).
   *
   * @param low - the lowest score.
   * @param high - the highest score.
   * @param options - `offset` and `limit`, deadline in milliseconds, and signal.
   * @returns rows, the best first.
   */
  async between(low: number, high: number, options: BetweenScoresOptions = {}): Promise<BoardRow<O>[]> {
    const words = () => {
      const [from, to] = this.#bounds(low, high);
      const ends = this.#sender.settings.order === "desc" ? [to, from] : [from, to];
      const offset = this.#whole(options.offset ?? 0, 0, Number.MAX_SAFE_INTEGER, "offset");
      return ["between", ...ends, offset, this.#whole(options.limit ?? 100, 1, mostRows, "limit")];
    };
    return (await this.#window("between", words, options)).items;
  }

  /**
   * Goes over the whole board, best first, in pages of one round trip each (EVALSHA_RO). Members whose score does not change
   * meanwhile come exactly once.
   *
   * @param options - rows per page, deadline in milliseconds of each page, and signal.
   * @returns rows, one by one.
   */
  async *entries(options: EntriesOptions = {}): AsyncGenerator<BoardRow<O>, void, undefined> {
    const { settings, scripts } = this.#sender;
    const batch = this.#whole(options.batch ?? 500, 1, mostRows, "batch");
    let words: readonly (string | number)[] = ["page", 0, batch];
    for (;;) {
      const sent = words;
      // eslint-disable-next-line no-await-in-loop -- each page begins where the one before ended
      const reply = await this.#sender.ask("entries", scripts.window, () => sent, options);
      const [, start, first, rows] = reply as [number, number, number, unknown];
      const stored = storedOf(rows);
      yield* rowsOf(settings, stored, start, first) as BoardRow<O>[];
      const last = stored.at(-1);
      if (last === undefined || stored.length < batch) return;
      words = ["after", last.text, batch, last.score];
    }
  }

  /**
   * Tells a member's rank. One round trip (ZRANK or ZREVRANK where ranks are ordinal and ties go by member, else EVALSHA_RO).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns the rank from 1, or null when it is not on the board.
   */
  async rankOf(member: string, options: CallOptions = {}): Promise<number | null> {
    const { settings, keys } = this.#sender;
    if (settings.ties !== "ordinal" || settings.breaks !== "member") {
      return (await this.#ranks("rankOf", [member], options))[0]?.rank ?? null;
    }
    const name = settings.order === "desc" ? "ZREVRANK" : "ZRANK";
    const command = () => ({ name, args: [keys.ranking, this.#member(member)] });
    const place = await this.#sender.read("rankOf", command, options);
    return place === null ? null : Number(place) + 1;
  }

  /**
   * Tells the rows of some members. One round trip (EVALSHA_RO); each 125 of them are seen at one moment.
   *
   * @param members - up to 5 000.
   * @param options - deadline in milliseconds, and signal.
   * @returns a row each, in order; null for those that are not on the board.
   */
  async ranksOf(members: readonly string[], options: CallOptions = {}): Promise<(BoardRow<O> | null)[]> {
    return members.length === 0 ? [] : this.#ranks("ranksOf", members, options);
  }

  /**
   * Ranks some members among themselves, such as friends. One round trip (ZMSCORE where ties go by member, else EVALSHA_RO); each
   * 1 000 of them are seen at one moment.
   *
   * @param members - up to 5 000.
   * @param options - deadline in milliseconds, and signal.
   * @returns rows, the best first, with ranks from 1 among them; without those that are not on the board.
   */
  async among(members: readonly string[], options: CallOptions = {}): Promise<BoardRow<O>[]> {
    const unique = Array.isArray(members) ? [...new Set(members)] : [];
    if (unique.length === 0) return [];
    const found = await this.#stored("among", unique, options);
    return rankedAmong(
      this.#sender.settings,
      found.filter((each) => each !== null),
    ) as BoardRow<O>[];
  }

  /**
   * Reads a member's score. One round trip (ZMSCORE or EVALSHA_RO).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns the score, or null when it is not on the board.
   */
  async scoreOf(member: string, options: CallOptions = {}): Promise<number | null> {
    return (await this.#stored("scoreOf", [member], options))[0]?.score ?? null;
  }

  /**
   * Tells how much of the board a member keeps up with: the share of members whose score is not better than its own. One round
   * trip (EVALSHA_RO).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns a share above 0, up to 1, which the best have; null when the member is not on the board.
   */
  async percentileOf(member: string, options: CallOptions = {}): Promise<number | null> {
    const { scripts } = this.#sender;
    const reply = await this.#sender.ask("percentileOf", scripts.percentile, () => [this.#member(member)], options);
    if (!Array.isArray(reply)) return null;
    const [kept = 0, total = 1] = reply.map(Number);
    return kept / total;
  }

  /**
   * Tells the score at a quantile: the one that a share of the members does not beat, by nearest rank. One round trip
   * (EVALSHA_RO).
   *
   * @param quantile - 0, the worst, to 1, the best; 0.5 is the median.
   * @param options - deadline in milliseconds, and signal.
   * @returns a score that a member has; null when the board is empty.
   */
  async scoreAt(quantile: number, options: CallOptions = {}): Promise<number | null> {
    const words = () => {
      if (typeof quantile === "number" && quantile >= 0 && quantile <= 1) return [quantile];
      throw this.#problem(`a quantile is a number from 0 to 1, not ${String(quantile)}`);
    };
    const reply = await this.#sender.ask("scoreAt", this.#sender.scripts.quantile, words, options);
    return reply === null ? null : Number(reply);
  }

  /**
   * Counts members by their scores. One round trip (ZCOUNT).
   *
   * @param low - the lowest score that counts.
   * @param high - the highest score that counts.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many have such a score.
   */
  async countBetween(low: number, high: number, options: CallOptions = {}): Promise<number> {
    const { keys } = this.#sender;
    const command = () => ({ name: "ZCOUNT", args: [keys.ranking, ...this.#bounds(low, high).map(String)] });
    return Number(await this.#sender.read("countBetween", command, options));
  }

  /**
   * Counts members by ranges of scores. One round trip (EVALSHA_RO).
   *
   * @param buckets - how many ranges of equal width from the lowest score to the highest, 1 to 1 000; or their edges, rising.
   * @param options - deadline in milliseconds, and signal.
   * @returns the ranges, lowest first; one where all scores are equal, none where there are none.
   */
  async histogram(buckets: number | readonly number[], options: CallOptions = {}): Promise<Bucket[]> {
    const words = () => {
      if (!Array.isArray(buckets)) return ["count", this.#whole(buckets as number, 1, mostBuckets, "buckets")];
      const edges = (buckets as readonly number[]).map((edge) => this.#score(edge, "an edge"));
      if (edges.length < 2 || edges.some((edge, at) => at > 0 && !(edge > (edges[at - 1] as number))))
        throw this.#problem("edges are at least two numbers, each above the one before");
      this.#atMost(edges.length - 1, mostBuckets, "buckets");
      return ["edges", ...edges];
    };
    const reply = await this.#sender.ask("histogram", this.#sender.scripts.histogram, words, options);
    const [edges, counts] = (reply as [unknown[], unknown[]]).map((list) => list.map(Number));
    return (counts ?? []).map((count, at) => ({ from: edges?.[at] as number, to: edges?.[at + 1] as number, count }));
  }

  /**
   * Tells how many points part a member from the next better and the next worse score. One round trip (EVALSHA_RO).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns its row and both gaps; null when it is not on the board.
   */
  async neighbours(member: string, options: CallOptions = {}): Promise<Neighbours<O> | null> {
    const { settings, scripts } = this.#sender;
    const reply = await this.#sender.ask("neighbours", scripts.gaps, () => [this.#member(member)], options);
    if (!Array.isArray(reply)) return null;
    const [text, score, rank, ...sides] = reply as [string, string, number, unknown, unknown];
    const row = rowOf(settings, { text, score: Number(score) }, rank);
    const [ahead = null, behind = null] = sides.map((side) => {
      const [stored] = storedOf(side);
      if (stored === undefined) return null;
      const { member: other } = rowOf(settings, stored, 0);
      return { member: other, score: stored.score, points: Math.abs(stored.score - row.score) };
    });
    return { row: row as BoardRow<O>, ahead, behind };
  }

  /**
   * Counts the members. One round trip (ZCARD).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many are on the board.
   */
  async total(options: CallOptions = {}): Promise<number> {
    const { keys } = this.#sender;
    return Number(await this.#sender.read("total", () => ({ name: "ZCARD", args: [keys.ranking] }), options));
  }

  async #cut(operation: string, words: () => readonly (string | number)[], options: CallOptions): Promise<number> {
    for (let removed = 0; ;) {
      const slice = (): readonly (string | number)[] => [...words(), removedAtOnce];
      // eslint-disable-next-line no-await-in-loop -- others are served between slices
      const count = Number(await this.#sender.write(operation, this.#sender.scripts.cut, slice, options));
      removed += count;
      if (count < removedAtOnce) return removed;
    }
  }

  async #submit(
    operation: "submit" | "submitMany" | "increment",
    words: () => readonly (string | number)[],
    options: CallOptions,
    member?: string,
  ): Promise<SubmitResult<SubmittedRank<O>>[]> {
    const { scripts } = this.#sender;
    const how = operation === "increment" ? operation : "submit";
    const reply = await this.#sender.write(operation, scripts.submit, () => [how, ...words()], options, member);
    return (reply as readonly (readonly unknown[])[]).map(([score, rank, previous, improved]) => {
      const [now = null, before = null] = [rank, previous].map((each) => (each === null ? null : Number(each)));
      const result = resultOf(Number(score), now, before, improved === 1, this.#top);
      return result as SubmitResult<SubmittedRank<O>>;
    });
  }

  #words(entry: { readonly member: string; readonly score: number; readonly scores?: unknown }): (string | number)[] {
    const member = this.#member(entry.member);
    const score = this.#score(entry.score, "a score", member);
    return [member, score, tieText(this.#sender.settings, entry.scores, member)];
  }

  async #window(
    operation: string,
    words: () => readonly (string | number)[],
    options: CallOptions,
  ): Promise<Page<BoardRow<O>>> {
    const { settings, scripts } = this.#sender;
    const reply = await this.#sender.ask(operation, scripts.window, words, options);
    const [total, start, first, rows] = reply as [number, number, number, unknown];
    return { items: rowsOf(settings, storedOf(rows), start, first) as BoardRow<O>[], total };
  }

  async #ranks(operation: string, members: readonly string[], options: CallOptions): Promise<(BoardRow<O> | null)[]> {
    const { settings, scripts } = this.#sender;
    const replies = await this.#inSlices(members, rankedAtOnce, (words) =>
      this.#sender.ask(operation, scripts.ranks, words, options),
    );
    return (replies.flat() as ([string, string, number] | null)[]).map((found) => {
      if (found === null) return null;
      const [text, score, rank] = found;
      return rowOf(settings, { text, score: Number(score) }, rank) as BoardRow<O>;
    });
  }

  async #stored(operation: string, members: readonly string[], options: CallOptions): Promise<(Stored | null)[]> {
    const { settings, keys, scripts } = this.#sender;
    const replies = await this.#inSlices(members, lookedUpAtOnce, (words) =>
      settings.breaks === "member"
        ? this.#sender.read(operation, () => ({ name: "ZMSCORE", args: [keys.ranking, ...words()] }), options)
        : this.#sender.ask(operation, scripts.scores, words, options),
    );
    if (settings.breaks === "member") return storedMembers(members, replies.flat() as (string | null)[]);
    const parts = replies as [(string | null)[], (string | null)[]][];
    const [ties, scores] = [parts.flatMap(([texts]) => texts), parts.flatMap(([, numbers]) => numbers)];
    return storedMembers(members, scores, ties);
  }

  // In as many requests as it takes, sent in one go; all members are checked before the first is sent.
  #inSlices<T>(members: readonly string[], size: number, send: (words: () => string[]) => Promise<T>): Promise<T[]> {
    let checked: string[] | undefined;
    const slices: Promise<T>[] = [];
    for (let from = 0; from < members.length; from += size) {
      slices.push(send(() => (checked ??= this.#members(members)).slice(from, from + size)));
    }
    return Promise.all(slices);
  }

  #members(members: readonly string[]): string[] {
    this.#atMost(members.length, mostMembers, "members");
    return members.map((member) => this.#member(member));
  }

  #member(member: string): string {
    return checkedMember(member, this.name);
  }

  #score(score: number, what: string, member?: string): number {
    return checkedScore(score, what, this.name, member);
  }

  #bounds(low: number, high: number): [number, number] {
    return checkedBounds(low, high, this.name);
  }

  #whole(value: number, least: number, most: number, what: string): number {
    return checkedWhole(value, least, most, what, this.name);
  }

  #atMost(count: number, most: number, what: string): void {
    checkAtMost(count, most, what, this.name);
  }

  #problem(message: string): ValidationError {
    return boardProblem(message, this.name);
  }
}
