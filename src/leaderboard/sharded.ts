// A leaderboard over several hash slots: shards by ranges of scores, each with a ranking of its own, and a directory of members.
// Ranks are exact, by adding up what the shards of better scores hold; how many round trips a call takes is said at each.
import type { CallOptions, Page } from "../query/query.ts";
import type { Executor } from "../redis/executor.ts";
import { boardProblem, checkAtMost, checkedBounds, checkedWhole } from "./asked.ts";
import { checkedMember, checkedScore } from "./encoding.ts";
import type { BoardRow, SubmitResult } from "./options.ts";
import { rankedAmong, resultOf, rowOf, rowsOf, type Stored, storedOf } from "./ranking.ts";
import type { BoardSender } from "./sending.ts";
import { mostRows } from "./input.ts";
import { type Entry, Shards } from "./sharded-moves.ts";
import { shardOf, type ShardedLeaderboardOptions, shardedSettings } from "./sharded-options.ts";
import { shardKeys } from "./sharded-scripts.ts";

/** What `entries` of a sharded board accepts. */
export interface ShardedEntriesOptions extends CallOptions {
  /** Rows per round trip; 500 when left out, 2 000 at most. */
  readonly batch?: number;
}

/** Members that one call may move, each by scripts of its own. */
const mostMoves = 250;
/** Members that one call may take: each is looked up in the directory, and ranked in its shard. */
const mostMembers = 500;

/** A board whose members are spread over hash slots by their scores; made by `db.shardedLeaderboard`. */
export class ShardedLeaderboard<O extends ShardedLeaderboardOptions = ShardedLeaderboardOptions> {
  /** The board's name. */
  readonly name: string;
  readonly #shards: Shards;

  /**
   * @internal
   * @param name - the board's name.
   * @param options - how it ranks, and where its scores are divided.
   * @param executor - sends.
   * @param namespace - put in front of every key.
   */
  constructor(name: string, options: O, executor: Executor, namespace: string) {
    this.name = name;
    this.#shards = new Shards(shardedSettings(name, options), executor, namespace);
  }

  /**
   * Submits a score; whether it counts is decided by `keep`. Three round trips (EVALSHA and ZCARD): the directory decides, the
   * rankings follow, and the directory notes it; two when nothing changes.
   *
   * @param member - who has it: 1 to 512 bytes of text.
   * @param score - a finite number; whole ones up to 2^53 - 1.
   * @param options - deadline in milliseconds of all of it, and signal.
   * @returns the score that counts, and the ranks now and before.
   * @throws ValidationError when member or score are refused, or a sum would leave the range; nothing was changed.
   * @throws OutcomeUnknownError when the connection broke; its message says whether the score counts already.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async submit(member: string, score: number, options: CallOptions = {}): Promise<SubmitResult> {
    return this.#move("submit", "submit", member, score, options);
  }

  /**
   * Submits many scores, each as `submit` does, all on their way at once: those of one member count in the order given, and one that
   * fails leaves the others. Three round trips.
   *
   * @param entries - up to 250 members and scores.
   * @param options - deadline in milliseconds, and signal.
   * @returns what became of each, in order.
   * @throws ValidationError when one of them is refused; nothing was changed.
   * @throws RemoraError what the first that failed says, when all have settled.
   */
  async submitMany(
    entries: readonly { readonly member: string; readonly score: number }[],
    options: CallOptions = {},
  ): Promise<SubmitResult[]> {
    checkAtMost(entries.length, mostMoves, "scores", this.name);
    for (const { member, score } of entries) this.#score(score, "a score", this.#member(member));
    return all(entries.map(({ member, score }) => this.submit(member, score, options)));
  }

  /**
   * Adds to a member's score, which is 0 for a new one, whatever `keep` says. Round trips as for `submit`.
   *
   * @param member - the member.
   * @param by - a finite number of points; below 0 to take some away.
   * @param options - deadline in milliseconds of all of it, and signal.
   * @returns the new score, and the ranks now and before.
   * @throws ValidationError when member or points are refused, or the sum would leave the range; nothing was changed.
   * @throws OutcomeUnknownError when the connection broke; its message says whether the points count already.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async increment(member: string, by = 1, options: CallOptions = {}): Promise<SubmitResult> {
    return this.#move("increment", "increment", member, by, options);
  }

  /**
   * Takes members off the board, each for itself. Three round trips (EVALSHA).
   *
   * @param members - one member, or up to 250.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many were on it.
   * @throws OutcomeUnknownError when the connection broke; its message says whether the member is taken off already.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async remove(members: string | readonly string[], options: CallOptions = {}): Promise<number> {
    const list = typeof members === "string" ? [members] : members;
    checkAtMost(list.length, mostMoves, "members", this.name);
    for (const member of list) this.#member(member);
    const gone = await all(list.map((member) => this.#shards.move("remove", "remove", member, "0", options)));
    return gone.filter(({ was }) => was).length;
  }

  /**
   * Empties the board. One round trip (UNLINK in every shard). Scores that are on their way meanwhile may stay in part: let nobody
   * submit.
   *
   * @param options - deadline in milliseconds, and signal.
   */
  async clear(options: CallOptions = {}): Promise<void> {
    const { senders, keys } = this.#shards;
    await all(
      keys.map((own, at) => {
        const gone = [...own.all, ...shardKeys(own).beside, own.stamp];
        return (senders[at] as BoardSender).clear(gone, options);
      }),
    );
  }

  /**
   * Finishes what was decided and did not get through, such as when a process was killed between two steps. What is on its way
   * meanwhile is not disturbed. One round trip (EVALSHA) in each shard, and two more for each 100 members found there.
   *
   * @param options - deadline of each round trip in milliseconds, and signal.
   * @returns how many members' places were looked after; 0 when everything was right.
   */
  repair(options: CallOptions = {}): Promise<number> {
    return this.#shards.repair(options);
  }

  /**
   * Reads the best. One round trip (ZCARD and EVALSHA_RO) where the best shard has enough, else two.
   *
   * @param count - how many, 1 to 2 000; 10 when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns rows, the best first.
   */
  async top(count = 10, options: CallOptions = {}): Promise<BoardRow<O>[]> {
    const most = this.#whole(count, 1, mostRows, "count");
    const best = this.#inOrder()[0] as number;
    const [counts, first] = await Promise.all([
      this.#shards.counts("top", options, "members"),
      this.#ask("top", best, ["page", 0, most], options),
    ]);
    const own = rowsOf(this.#board, first.rows, 0, first.rank) as BoardRow<O>[];
    if (own.length === most) return own;
    return own.concat(await this.#slice("top", counts, own.length, most - own.length, options));
  }

  /**
   * Reads the worst. Two round trips (ZCARD, EVALSHA_RO).
   *
   * @param count - how many, 1 to 2 000; 10 when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns rows, the worst first.
   */
  async bottom(count = 10, options: CallOptions = {}): Promise<BoardRow<O>[]> {
    const most = this.#whole(count, 1, mostRows, "count");
    const counts = await this.#shards.counts("bottom", options, "members");
    const start = Math.max(0, sum(counts) - most);
    return (await this.#slice("bottom", counts, start, most, options)).toReversed();
  }

  /**
   * Reads one page. Two round trips (ZCARD, EVALSHA_RO).
   *
   * @param number - which, from 1.
   * @param size - rows per page, 1 to 2 000; 25 when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns the rows, and how many members there are in all.
   */
  async page(number: number, size = 25, options: CallOptions = {}): Promise<Page<BoardRow<O>>> {
    const rows = this.#whole(size, 1, mostRows, "size");
    const start = (this.#whole(number, 1, Number.MAX_SAFE_INTEGER / mostRows, "page") - 1) * rows;
    const counts = await this.#shards.counts("page", options, "members");
    return { items: await this.#slice("page", counts, start, rows, options), total: sum(counts) };
  }

  /**
   * Reads a member and those around it; near the ends of the board others fill up the places. Three round trips (HMGET, then
   * ZCARD and EVALSHA_RO, then EVALSHA_RO).
   *
   * @param member - the member in the middle.
   * @param count - how many on each side, 0 to 999; 5 when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns rows, the best first; none when the member is not on the board.
   */
  async around(member: string, count = 5, options: CallOptions = {}): Promise<BoardRow<O>[]> {
    const side = this.#whole(count, 0, (mostRows - 1) >> 1, "count");
    const [entry] = await this.#shards.entries("around", [this.#member(member)], options);
    if (entry === null || entry === undefined) return [];
    const [[standing], counts] = await Promise.all([
      this.#shards.standing("around", entry.shard, [entry], options),
      this.#shards.counts("around", options, "members"),
    ]);
    const at = this.#shards.ahead(counts, entry.shard) + (standing?.[0] ?? 0);
    const start = Math.max(0, Math.min(at - side, sum(counts) - 2 * side - 1));
    return this.#slice("around", counts, start, 2 * side + 1, options);
  }

  /**
   * Goes over the whole board, best first, in pages of one round trip each (ZCARD and EVALSHA_RO). Members whose score does not
   * change meanwhile come exactly once; who moves from one shard to another may come twice, or not at all.
   *
   * @param options - rows per page, deadline in milliseconds of each page, and signal.
   * @returns rows, one by one.
   */
  async *entries(options: ShardedEntriesOptions = {}): AsyncGenerator<BoardRow<O>, void, undefined> {
    const batch = this.#whole(options.batch ?? 500, 1, mostRows, "batch");
    for (const shard of this.#inOrder()) {
      let words: readonly (string | number)[] | undefined = ["page", 0, batch];
      while (words !== undefined) {
        // eslint-disable-next-line no-await-in-loop -- each page begins where the one before ended
        const { rows, stored } = await this.#read("entries", shard, words, options);
        yield* rows;
        const last: Stored | undefined = stored.at(-1);
        words = last === undefined || stored.length < batch ? undefined : ["after", last.text, batch, last.score];
      }
    }
  }

  /**
   * Tells a member's rank. Two round trips (HMGET, then ZCARD and EVALSHA_RO).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns the rank from 1, or null when it is not on the board.
   */
  async rankOf(member: string, options: CallOptions = {}): Promise<number | null> {
    return (await this.#rows("rankOf", [member], options))[0]?.rank ?? null;
  }

  /**
   * Tells the rows of some members. Two round trips (HMGET, then ZCARD and EVALSHA_RO).
   *
   * @param members - up to 500.
   * @param options - deadline in milliseconds, and signal.
   * @returns a row each, in order; null for those that are not on the board.
   */
  async ranksOf(members: readonly string[], options: CallOptions = {}): Promise<(BoardRow<O> | null)[]> {
    return members.length === 0 ? [] : this.#rows("ranksOf", members, options);
  }

  /**
   * Ranks some members among themselves, such as friends. One round trip (HMGET).
   *
   * @param members - up to 500.
   * @param options - deadline in milliseconds, and signal.
   * @returns rows, the best first, with ranks from 1 among them; without those that are not on the board.
   */
  async among(members: readonly string[], options: CallOptions = {}): Promise<BoardRow<O>[]> {
    const unique = Array.isArray(members) ? [...new Set(members)] : [];
    const found = await this.#shards.entries("among", this.#members(unique), options);
    return rankedAmong(
      this.#board,
      found.filter((each) => each !== null),
    ) as BoardRow<O>[];
  }

  /**
   * Reads a member's score. One round trip (HMGET).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns the score, or null when it is not on the board.
   */
  async scoreOf(member: string, options: CallOptions = {}): Promise<number | null> {
    return (await this.#shards.entries("scoreOf", [this.#member(member)], options))[0]?.score ?? null;
  }

  /**
   * Tells how much of the board a member keeps up with: the share of members whose score is not better than its own. Two round
   * trips (HMGET, then ZCARD and EVALSHA_RO).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns a share above 0, up to 1, which the best have; null when the member is not on the board.
   */
  async percentileOf(member: string, options: CallOptions = {}): Promise<number | null> {
    const [entry] = await this.#shards.entries("percentileOf", [this.#member(member)], options);
    if (entry === null || entry === undefined) return null;
    const [[standing], counts] = await Promise.all([
      this.#shards.standing("percentileOf", entry.shard, [entry], options),
      this.#shards.counts("percentileOf", options, "members"),
    ]);
    const total = sum(counts);
    return (total - this.#shards.ahead(counts, entry.shard) - (standing?.[2] ?? 0)) / total;
  }

  /**
   * Counts members by their scores. One round trip (ZCOUNT in the shards of such scores).
   *
   * @param low - the lowest score that counts.
   * @param high - the highest score that counts.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many have such a score.
   */
  async countBetween(low: number, high: number, options: CallOptions = {}): Promise<number> {
    const bounds = checkedBounds(low, high, this.name);
    const { edges } = this.#shards.settings;
    const senders = this.#shards.senders.slice(shardOf(edges, low), shardOf(edges, high) + 1);
    const counts = senders.map((sender) =>
      sender.read("countBetween", (keys) => ({ name: "ZCOUNT", args: [keys.ranking, ...bounds.map(String)] }), options),
    );
    return sum((await Promise.all(counts)).map(Number));
  }

  /**
   * Counts the members. One round trip (ZCARD in every shard).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many are on the board.
   */
  async total(options: CallOptions = {}): Promise<number> {
    return sum(await this.#shards.counts("total", options, "members"));
  }

  get #board() {
    return this.#shards.settings.board;
  }

  /** The shards, that of the best scores first. */
  #inOrder(): number[] {
    const places = [...this.#shards.senders.keys()];
    return this.#board.order === "desc" ? places.toReversed() : places;
  }

  async #move(
    operation: string,
    how: "submit" | "increment",
    member: string,
    score: number,
    options: CallOptions,
  ): Promise<SubmitResult> {
    const points = String(this.#score(score, "a score", this.#member(member)));
    const { moved } = await this.#shards.move(operation, how, member, points, options);
    if (moved === null) throw boardProblem(`${member} is not on the board after it was put there`, this.name);
    const { score: now, rank, previousRank, improved } = moved;
    return resultOf(now, rank, previousRank, improved, this.#board.top) as SubmitResult;
  }

  async #rows(operation: string, members: readonly string[], options: CallOptions): Promise<(BoardRow<O> | null)[]> {
    const found = await this.#shards.entries(operation, this.#members(members), options);
    const groups = new Map<number, Entry[]>();
    for (const entry of found) {
      if (entry !== null) groups.set(entry.shard, [...(groups.get(entry.shard) ?? []), entry]);
    }
    if (groups.size === 0) return found.map(() => null);
    const counted = this.#shards.counts(operation, options, "ranks");
    const ranks = new Map<Entry, number>();
    const ask = async ([shard, entries]: [number, Entry[]]): Promise<void> => {
      const standings = await this.#shards.standing(operation, shard, entries, options);
      const ahead = this.#shards.ahead(await counted, shard);
      for (const [at, entry] of entries.entries()) ranks.set(entry, ahead + (standings[at]?.[1] ?? 0) + 1);
    };
    await Promise.all([counted, ...[...groups].map(ask)]);
    return found.map((entry) => entry && (rowOf(this.#board, entry, ranks.get(entry) as number) as BoardRow<O>));
  }

  /** Rows by their place on the whole board. */
  async #slice(
    operation: string,
    counts: readonly number[],
    start: number,
    count: number,
    options: CallOptions,
  ): Promise<BoardRow<O>[]> {
    const parts: Promise<BoardRow<O>[]>[] = [];
    let [before, left] = [0, count];
    for (const shard of this.#inOrder()) {
      const own = counts[shard] as number;
      const from = Math.max(0, start - before);
      const taken = Math.min(left, own - from);
      if (taken > 0) {
        parts.push(this.#read(operation, shard, ["page", from, taken], options).then(({ rows }) => rows));
        left -= taken;
      }
      before += own;
    }
    return (await Promise.all(parts)).flat();
  }

  /** Some rows of a shard, with their ranks on the whole board. */
  async #read(
    operation: string,
    shard: number,
    words: readonly (string | number)[],
    options: CallOptions,
  ): Promise<{ readonly rows: BoardRow<O>[]; readonly stored: readonly Stored[] }> {
    const dense = this.#board.ties === "dense";
    const members = this.#shards.counts(operation, options, "members");
    const [counts, ranks, found] = await Promise.all([
      members,
      dense ? this.#shards.counts(operation, options, "ranks") : members,
      this.#ask(operation, shard, words, options),
    ]);
    const place = this.#shards.ahead(counts, shard) + found.start;
    const rows = rowsOf(this.#board, found.rows, place, this.#shards.ahead(ranks, shard) + found.rank);
    return { rows: rows as BoardRow<O>[], stored: found.rows };
  }

  async #ask(operation: string, shard: number, words: readonly (string | number)[], options: CallOptions) {
    const sender = this.#shards.senders[shard] as BoardSender;
    const reply = await sender.ask(operation, sender.scripts.window, () => words, options);
    const [, start, rank, rows] = reply as [number, number, number, unknown];
    return { start, rank, rows: storedOf(rows) };
  }

  #members(members: readonly string[]): string[] {
    checkAtMost(members.length, mostMembers, "members", this.name);
    return members.map((member) => this.#member(member));
  }

  #member(member: string): string {
    return checkedMember(member, this.#board);
  }

  #score(score: number, what: string, member?: string): number {
    return checkedScore(score, what, this.name, member);
  }

  #whole(value: number, least: number, most: number, what: string): number {
    return checkedWhole(value, least, most, what, this.name);
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** Lets all settle before the first failure is told. */
async function all<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}
