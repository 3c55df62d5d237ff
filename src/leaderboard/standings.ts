// What can be asked of a board: every question is one round trip.
// Input is checked before anything is sent.
import type { CallOptions, Page } from "../query/query.ts";
import type { BetweenScoresOptions, Bucket, EntriesOptions } from "../repository/board.ts";
import { BoardInput, lookedUpAtOnce, mostRows, rankedAtOnce } from "./input.ts";
import type { Join } from "./join.ts";
import type { BoardRow, EntityFactOf, LeaderboardOptions, RowReadOptions } from "./options.ts";
import { rankedAmong, rowOf, rowsOf, type Stored, storedMembers, storedOf } from "./ranking.ts";
import type { BoardRequests, MakeRequest } from "./sending.ts";

/** How far a member is from those with the nearest other scores. */
export type Gap<O extends LeaderboardOptions = LeaderboardOptions> = {
  /** The member there. */
  readonly member: string;
  /** Its score. */
  readonly score: number;
  /** Points between the two scores; above 0. */
  readonly points: number;
} & EntityFactOf<O>;

/** A member's row, and how far the nearest better and worse scores are. */
export interface Neighbours<O extends LeaderboardOptions = LeaderboardOptions> {
  /** The member's own row. */
  readonly row: BoardRow<O>;
  /** The last member with a better score; null at the top. */
  readonly ahead: Gap<O> | null;
  /** The first member with a worse score; null at the end. */
  readonly behind: Gap<O> | null;
}

const mostBuckets = 500;

/** Members ranked by their scores, for reading: a leaderboard, one of its periods, or an archive. */
export class Standings<O extends LeaderboardOptions = LeaderboardOptions> {
  /** The board's name. */
  readonly name: string;
  readonly #sender: BoardRequests;
  readonly #input: BoardInput;
  readonly #join: Join | undefined;

  /**
   * @internal
   * @param sender - sends for the board.
   * @param join - puts entities to rows; undefined for boards without.
   */
  constructor(sender: BoardRequests, join?: Join) {
    this.name = sender.settings.name;
    this.#sender = sender;
    this.#input = new BoardInput(sender.settings);
    this.#join = join;
  }

  /**
   * Reads the best. One round trip (ZRANGE).
   *
   * @param count - how many, 1 to 2 000; 10 when left out.
   * @param options - deadline in milliseconds of each round trip, and signal; on a joined board what `findByIds` takes.
   * @returns rows, the best first.
   */
  async top(count = 10, options?: RowReadOptions<O>): Promise<BoardRow<O>[]> {
    const { settings } = this.#sender;
    const command: MakeRequest = (keys) => {
      const last = String(this.#input.whole(count, 1, mostRows, "count") - 1);
      const order = settings.order === "desc" ? ["REV"] : [];
      return { name: "ZRANGE", args: [keys.ranking, "0", last, ...order, "WITHSCORES"] };
    };
    const reply = await this.#sender.read("top", command, options ?? {});
    return this.#rows(rowsOf(settings, storedOf(reply), 0, 1), options);
  }

  /**
   * Reads the worst. One round trip (EVALSHA_RO).
   *
   * @param count - how many, 1 to 2 000; 10 when left out.
   * @param options - deadline in milliseconds of each round trip, and signal; on a joined board what `findByIds` takes.
   * @returns rows, the worst first.
   */
  async bottom(count = 10, options?: RowReadOptions<O>): Promise<BoardRow<O>[]> {
    const words = () => ["bottom", "", this.#input.whole(count, 1, mostRows, "count")];
    return (await this.#window("bottom", words, options)).items.reverse();
  }

  /**
   * Reads one page. One round trip (EVALSHA_RO).
   *
   * @param number - which, from 1.
   * @param size - rows per page, 1 to 2 000; 25 when left out.
   * @param options - deadline in milliseconds of each round trip, and signal; on a joined board what `findByIds` takes.
   * @returns the rows, and how many members there are in all.
   */
  page(number: number, size = 25, options?: RowReadOptions<O>): Promise<Page<BoardRow<O>>> {
    const words = () => {
      const rows = this.#input.whole(size, 1, mostRows, "size");
      return ["page", (this.#input.whole(number, 1, Number.MAX_SAFE_INTEGER / mostRows, "page") - 1) * rows, rows];
    };
    return this.#window("page", words, options);
  }

  /**
   * Reads a member and those around it; near the ends of the board others fill up the places. One round trip (EVALSHA_RO).
   *
   * @param member - the member in the middle.
   * @param count - how many on each side, 0 to 999; 5 when left out.
   * @param options - deadline in milliseconds of each round trip, and signal; on a joined board what `findByIds` takes.
   * @returns rows, the best first; none when the member is not on the board.
   */
  async around(member: string, count = 5, options?: RowReadOptions<O>): Promise<BoardRow<O>[]> {
    const words = () => [
      "around",
      this.#input.member(member),
      this.#input.whole(count, 0, (mostRows - 1) >> 1, "count"),
    ];
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
  async between(low: number, high: number, options?: BetweenScoresOptions & RowReadOptions<O>): Promise<BoardRow<O>[]> {
    const words = () => {
      const [from, to] = this.#input.bounds(low, high);
      const ends = this.#sender.settings.order === "desc" ? [to, from] : [from, to];
      const { offset = 0, limit = 100 }: BetweenScoresOptions = options ?? {};
      const skipped = this.#input.whole(offset, 0, Number.MAX_SAFE_INTEGER, "offset");
      return ["between", ...ends, skipped, this.#input.whole(limit, 1, mostRows, "limit")];
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
  async *entries(options?: EntriesOptions & RowReadOptions<O>): AsyncGenerator<BoardRow<O>, void, undefined> {
    const { settings, scripts } = this.#sender;
    const sender = await this.#sender.pinned();
    const { batch: wanted = 500 }: EntriesOptions = options ?? {};
    const batch = this.#input.whole(wanted, 1, mostRows, "batch");
    let words: readonly (string | number)[] = ["page", 0, batch];
    for (;;) {
      const sent = words;
      // eslint-disable-next-line no-await-in-loop -- each page begins where the one before ended
      const reply = await sender.ask("entries", scripts.window, () => sent, options ?? {});
      const [, start, first, rows] = reply as [number, number, number, unknown];
      const stored = storedOf(rows);
      // eslint-disable-next-line no-await-in-loop -- nobody may want the next page
      yield* await this.#rows(rowsOf(settings, stored, start, first), options);
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
    const { settings } = this.#sender;
    if (settings.ties !== "ordinal" || settings.breaks !== "member") {
      return (await this.#ranks("rankOf", [member], options))[0]?.rank ?? null;
    }
    const name = settings.order === "desc" ? "ZREVRANK" : "ZRANK";
    const command: MakeRequest = (keys) => ({ name, args: [keys.ranking, this.#input.member(member)] });
    const place = await this.#sender.read("rankOf", command, options);
    return place === null ? null : Number(place) + 1;
  }

  /**
   * Tells the rows of some members. One round trip (EVALSHA_RO); each 125 of them are seen at one moment.
   *
   * @param members - up to 5 000.
   * @param options - deadline in milliseconds of each round trip, and signal; on a joined board what `findByIds` takes.
   * @returns a row each, in order; null for those that are not on the board.
   */
  async ranksOf(members: readonly string[], options?: RowReadOptions<O>): Promise<(BoardRow<O> | null)[]> {
    if (members.length === 0) return [];
    const rows = await this.#ranks("ranksOf", members, options ?? {});
    return (await this.#complete(rows, options)) as (BoardRow<O> | null)[];
  }

  /**
   * Ranks some members among themselves, such as friends. One round trip (ZMSCORE where ties go by member, else EVALSHA_RO); each
   * 1 000 of them are seen at one moment.
   *
   * @param members - up to 5 000.
   * @param options - deadline in milliseconds of each round trip, and signal; on a joined board what `findByIds` takes.
   * @returns rows, the best first, with ranks from 1 among them; without those that are not on the board.
   */
  async among(members: readonly string[], options?: RowReadOptions<O>): Promise<BoardRow<O>[]> {
    const unique = Array.isArray(members) ? [...new Set(members)] : [];
    if (unique.length === 0) return [];
    const found = await this.#stored("among", unique, options ?? {});
    const stored = found.filter((each) => each !== null);
    return this.#rows(rankedAmong(this.#sender.settings, stored), options);
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
    const reply = await this.#sender.ask(
      "percentileOf",
      scripts.percentile,
      () => [this.#input.member(member)],
      options,
    );
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
      throw this.#input.problem(`a quantile is a number from 0 to 1, not ${String(quantile)}`);
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
    const command: MakeRequest = (keys) => ({
      name: "ZCOUNT",
      args: [keys.ranking, ...this.#input.bounds(low, high).map(String)],
    });
    return Number(await this.#sender.read("countBetween", command, options));
  }

  /**
   * Counts members by ranges of scores. One round trip (EVALSHA_RO).
   *
   * @param buckets - how many ranges of equal width from the lowest score to the highest, 1 to 500; or their edges, rising.
   * @param options - deadline in milliseconds, and signal.
   * @returns the ranges, lowest first; one where all scores are equal, none where there are none.
   */
  async histogram(buckets: number | readonly number[], options: CallOptions = {}): Promise<Bucket[]> {
    const words = () => {
      if (!Array.isArray(buckets)) return ["count", this.#input.whole(buckets as number, 1, mostBuckets, "buckets")];
      const edges = (buckets as readonly number[]).map((edge) => this.#input.score(edge, "an edge"));
      if (edges.length < 2 || edges.some((edge, at) => at > 0 && !(edge > (edges[at - 1] as number))))
        throw this.#input.problem("edges are at least two numbers, each above the one before");
      this.#input.atMost(edges.length - 1, mostBuckets, "buckets");
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
   * @param options - deadline in milliseconds of each round trip, and signal; on a joined board what `findByIds` takes.
   * @returns its row and both gaps; null when it is not on the board.
   */
  async neighbours(member: string, options?: RowReadOptions<O>): Promise<Neighbours<O> | null> {
    const { settings, scripts } = this.#sender;
    const reply = await this.#sender.ask("neighbours", scripts.gaps, () => [this.#input.member(member)], options ?? {});
    if (!Array.isArray(reply)) return null;
    const [text, score, rank, ...sides] = reply as [string, string, number, unknown, unknown];
    const row = rowOf(settings, { text, score: Number(score) }, rank);
    const gaps = sides.map((side) => {
      const [stored] = storedOf(side);
      if (stored === undefined) return null;
      const { member: other } = rowOf(settings, stored, 0);
      return { member: other, score: stored.score, points: Math.abs(stored.score - row.score) };
    });
    const complete = await this.#complete([row, ...gaps], options);
    const [own, ahead, behind] = complete as [BoardRow<O>, Gap<O> | null, Gap<O> | null];
    return { row: own, ahead, behind };
  }

  /**
   * Counts the members. One round trip (ZCARD).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many are on the board.
   */
  async total(options: CallOptions = {}): Promise<number> {
    return Number(await this.#sender.read("total", (keys) => ({ name: "ZCARD", args: [keys.ranking] }), options));
  }

  async #window(
    operation: string,
    words: () => readonly (string | number)[],
    options: RowReadOptions<O> | undefined,
  ): Promise<Page<BoardRow<O>>> {
    const { settings, scripts } = this.#sender;
    const reply = await this.#sender.ask(operation, scripts.window, words, options ?? {});
    const [total, start, first, rows] = reply as [number, number, number, unknown];
    return { items: await this.#rows(rowsOf(settings, storedOf(rows), start, first), options), total };
  }

  // Rows as they are given: where the board is joined, with their entities.
  async #rows(rows: readonly BoardRow[], options: RowReadOptions<O> | undefined): Promise<BoardRow<O>[]> {
    return (await this.#complete(rows, options)) as BoardRow<O>[];
  }

  async #complete<R extends object & { readonly member: string }>(
    rows: readonly (R | null)[],
    options: RowReadOptions<O> | undefined,
  ): Promise<readonly (R | null)[]> {
    return this.#join === undefined ? rows : this.#join.complete(rows, options);
  }

  async #ranks(operation: string, members: readonly string[], options: CallOptions): Promise<(BoardRow | null)[]> {
    const { settings, scripts } = this.#sender;
    const replies = await this.#input.inSlices(members, rankedAtOnce, (words) =>
      this.#sender.ask(operation, scripts.ranks, words, options),
    );
    return (replies.flat() as ([string, string, number] | null)[]).map((found) => {
      if (found === null) return null;
      const [text, score, rank] = found;
      return rowOf(settings, { text, score: Number(score) }, rank);
    });
  }

  async #stored(operation: string, members: readonly string[], options: CallOptions): Promise<(Stored | null)[]> {
    const { settings, scripts } = this.#sender;
    const replies = await this.#input.inSlices(members, lookedUpAtOnce, (words) => {
      const command: MakeRequest = (keys) => ({ name: "ZMSCORE", args: [keys.ranking, ...words()] });
      return settings.breaks === "member"
        ? this.#sender.read(operation, command, options)
        : this.#sender.ask(operation, scripts.scores, words, options);
    });
    const held = (): readonly string[] => (settings.entities ? this.#input.members(members) : members);
    if (settings.breaks === "member") return storedMembers(held(), replies.flat() as (string | null)[]);
    const parts = replies as [(string | null)[], (string | null)[]][];
    const [ties, scores] = [parts.flatMap(([texts]) => texts), parts.flatMap(([, numbers]) => numbers)];
    return storedMembers(held(), scores, ties);
  }
}
