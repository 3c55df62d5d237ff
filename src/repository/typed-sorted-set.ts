// A typed sorted set: what can be done with members and their scores, each in one round trip.
// Members are in the order of their scores; equal ones in the order of their texts.
import type { CallOptions } from "../query/query.ts";
import type { Holding } from "./holding.ts";

/** A member of a sorted set, and its score. */
export interface Scored<T> {
  /** The member. */
  readonly member: T;
  /** Its score. */
  readonly score: number;
}

/** Which scores are meant, both ends included. */
export interface ScoreRange {
  /** The lowest; no end when left out. */
  readonly min?: number;
  /** The highest; no end when left out. */
  readonly max?: number;
}

/** What `byScore` accepts. */
export interface ByScoreOptions extends CallOptions, ScoreRange {
  /** True gives those with the highest scores first. */
  readonly reverse?: boolean;
  /** How many at most. */
  readonly limit?: number;
  /** How many to leave out at the beginning; with `limit`. */
  readonly offset?: number;
}

/** A sorted set. */
export class TypedSortedSet<T, I = T> {
  readonly #holding: Holding;

  /**
   * Made for a key, or an entity.
   *
   * @internal
   * @param holding - sends its commands.
   */
  constructor(holding: Holding) {
    this.#holding = holding;
  }

  /**
   * Gives a member its score. One round trip (ZADD).
   *
   * @param member - the member, new or not.
   * @param score - a finite number.
   * @returns true when it is new.
   * @throws ValidationError when it does not fit its schema.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async set(member: I, score: number): Promise<boolean> {
    const [text = ""] = this.#holding.texts([member]);
    return Number(await this.#holding.write("set", "ZADD", this.#holding.finite(score), text)) === 1;
  }

  /**
   * Adds to a member's score, which is 0 for a new one. One round trip (ZINCRBY).
   *
   * @param member - the member.
   * @param by - a finite number.
   * @returns the new score.
   * @throws ValidationError when the member does not fit its schema.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async increment(member: I, by: number): Promise<number> {
    const [text = ""] = this.#holding.texts([member]);
    return Number(await this.#holding.write("increment", "ZINCRBY", this.#holding.finite(by), text));
  }

  /**
   * Takes members away. One round trip (ZREM).
   *
   * @param members - up to 5000 of them.
   * @returns how many were in it.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async remove(...members: readonly I[]): Promise<number> {
    if (members.length === 0) return 0;
    return Number(await this.#holding.write("remove", "ZREM", ...this.#holding.texts(members)));
  }

  /**
   * Reads a member's score. One round trip (ZSCORE).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns the score, or null when it is not in it.
   */
  async score(member: I, options: CallOptions = {}): Promise<number | null> {
    const [text = ""] = this.#holding.texts([member]);
    const score = await this.#holding.read("score", options, "ZSCORE", text);
    return score === null ? null : Number(score);
  }

  /**
   * Reads members by their places, those with the lowest scores first. One round trip (ZRANGE).
   *
   * @param from - place of the first, from 0; negative ones count from the end.
   * @param to - place of the last; -1, the end, when left out.
   * @param options - `reverse` for those with the highest scores first; deadline in milliseconds, and signal.
   * @returns the members and their scores.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async range(from = 0, to = -1, options: CallOptions & { readonly reverse?: boolean } = {}): Promise<Scored<T>[]> {
    const { reverse = false, ...call } = options;
    const places = [this.#holding.whole(from), this.#holding.whole(to)];
    const more = reverse ? ["REV", "WITHSCORES"] : ["WITHSCORES"];
    return this.#scored(await this.#holding.read("range", call, "ZRANGE", ...places, ...more));
  }

  /**
   * Reads members by their scores. One round trip (ZRANGE with BYSCORE).
   *
   * @param options - lowest and highest score, `reverse`, `limit` and `offset`; deadline in milliseconds, and signal.
   * @returns the members and their scores.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async byScore(options: ByScoreOptions = {}): Promise<Scored<T>[]> {
    const { min: _min, max: _max, reverse = false, limit, offset, ...call } = options;
    if (offset !== undefined && limit === undefined) throw this.#holding.problem("an offset needs a limit");
    const [low, high] = this.#ends(options);
    const some = limit === undefined ? [] : ["LIMIT", this.#holding.count(offset ?? 0), this.#holding.count(limit)];
    const words = reverse ? [high, low, "BYSCORE", "REV"] : [low, high, "BYSCORE"];
    return this.#scored(await this.#holding.read("byScore", call, "ZRANGE", ...words, ...some, "WITHSCORES"));
  }

  /**
   * Counts members by their scores. One round trip (ZCOUNT).
   *
   * @param options - lowest and highest score; deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async count(options: ScoreRange & CallOptions = {}): Promise<number> {
    const { min: _min, max: _max, ...call } = options;
    return Number(await this.#holding.read("count", call, "ZCOUNT", ...this.#ends(options)));
  }

  /**
   * Takes members away by their scores. One round trip (ZREMRANGEBYSCORE).
   *
   * @param range - lowest and highest score.
   * @returns how many there were.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async removeByScore(range: ScoreRange): Promise<number> {
    return Number(await this.#holding.write("removeByScore", "ZREMRANGEBYSCORE", ...this.#ends(range)));
  }

  /**
   * Tells the place of a member. One round trip (ZRANK; ZREVRANK with `reverse`).
   *
   * @param member - the member.
   * @param options - `reverse` counts from the highest score; deadline in milliseconds, and signal.
   * @returns its place from 0, or null when it is not in it.
   */
  async rank(member: I, options: CallOptions & { readonly reverse?: boolean } = {}): Promise<number | null> {
    const { reverse = false, ...call } = options;
    const [text = ""] = this.#holding.texts([member]);
    const rank = await this.#holding.read("rank", call, reverse ? "ZREVRANK" : "ZRANK", text);
    return rank === null ? null : Number(rank);
  }

  /**
   * Counts the members. One round trip (ZCARD).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async size(options: CallOptions = {}): Promise<number> {
    return Number(await this.#holding.read("size", options, "ZCARD"));
  }

  /** Takes every member away. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }

  #ends({ min, max }: ScoreRange): [low: string | number, high: string | number] {
    return [
      min === undefined ? "-inf" : this.#holding.finite(min),
      max === undefined ? "+inf" : this.#holding.finite(max),
    ];
  }

  // Pairs come one by one, or as lists of two, as the protocol is.
  #scored(reply: unknown): Scored<T>[] {
    const pairs = (reply as unknown[]).flat() as (string | number)[];
    return pairs.flatMap((text, at) =>
      at % 2 === 0 ? [{ member: this.#holding.item(text) as T, score: Number(pairs[at + 1]) }] : [],
    );
  }
}
