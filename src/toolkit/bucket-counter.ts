// Counts by time: how often something happened in each minute, hour, day or week.
// One hash per thing that is counted, with a field per stretch; the call that begins a new one takes the old ones away.
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { defineScript } from "../redis/command.ts";
import { type BucketLength, bucketLua, type BucketRange, Buckets, rangeLua } from "./buckets.ts";
import { partNaming } from "./keyed.ts";
import { KeyCommands } from "./key-commands.ts";
import { Piece } from "./piece.ts";

/** What `bucketCounter` accepts. */
export interface BucketCounterOptions {
  /** How long each stretch of time is, in UTC. */
  readonly every: BucketLength;
  /** How many stretches are kept, the present one among them: 1 to 10 000. */
  readonly keep: number;
}

/** What `increment` accepts. */
export interface BucketIncrementOptions extends CallOptions {
  /** When it happened; now, by the server's clock, when left out. */
  readonly at?: Date;
}

/** A stretch of time, and how often it happened. */
export interface Bucket {
  /** When it begins. */
  readonly start: Date;
  /** How often it happened. */
  readonly count: number;
}

/* KEYS: the counts. ARGV: how much, when. Reply: the count, or nothing for a time that is not kept. */
const countScript = defineScript(
  "count by time",
  `#!lua
${bucketLua}
local at = placed(ARGV[2])
if at == nil then return false end
local new = redis.call('HEXISTS', KEYS[1], at) == 0
local count = redis.call('HINCRBY', KEYS[1], at, ARGV[1])
if new then
  for _, each in ipairs(redis.call('HKEYS', KEYS[1])) do
    if tonumber(each) <= present - kept then redis.call('HDEL', KEYS[1], each) end
  end
end
-- Nothing is left of it when the present stretch would go.
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', first + (present + 1 + kept) * length))
return count`,
);

/* KEYS: the counts. ARGV: the range. Reply: the first stretch's number, and the counts of all of them. */
const seriesScript = defineScript(
  "series by time",
  `#!lua flags=no-writes
${bucketLua}
${rangeLua}
local reply = { from }
for start = from, to, 1000 do
  local names = {}
  for at = start, math.min(to, start + 999) do names[#names + 1] = at end
  for _, count in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do reply[#reply + 1] = count or '0' end
end
return reply`,
);

/** Counts by time. */
export class BucketCounter extends KeyCommands {
  readonly #piece: Piece;
  readonly #buckets: Buckets;

  /**
   * Made by {@link bucketCounter}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param options - which stretches, and how many.
   */
  constructor(piece: Piece, options: BucketCounterOptions) {
    super(piece, partNaming(piece));
    this.#piece = piece;
    this.#buckets = new Buckets(piece, options.every, options.keep);
  }

  /**
   * Counts something. One round trip (EVALSHA).
   *
   * @param key - what is counted: 1 to 512 bytes of text.
   * @param by - how much: a whole number; 1 when left out.
   * @param options - when it happened, deadline in milliseconds, and signal.
   * @returns the count of that stretch of time.
   * @throws ValidationError when a value is refused, or the time is not kept; nothing was counted.
   */
  async increment(key: string, by = 1, options: BucketIncrementOptions = {}): Promise<number> {
    const { at, ...rest } = options;
    const call = { operation: "increment", write: true, id: key, ...rest };
    const reply = await this.#piece.one(call, () => {
      if (!Number.isSafeInteger(by)) throw this.#piece.invalid(`takes a whole number, not ${String(by)}`, key);
      const args = [String(by), this.#buckets.time(at), ...this.#buckets.words];
      return { script: countScript, keys: [this.#piece.key(key)], args };
    });
    if (reply === null) throw this.#buckets.outside(key);
    return Number(reply);
  }

  /**
   * How often it happened in each stretch of a range. One round trip (EVALSHA_RO).
   *
   * @param key - what is counted.
   * @param range - the newest stretches, or from one time to another; what is not kept any more is left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns the stretches, the oldest first, those with no count among them.
   */
  async series(key: string, range: BucketRange, options: CallOptions = {}): Promise<Bucket[]> {
    const call = { operation: "series", write: false, id: key, ...options };
    const reply = await this.#piece.one(call, () => ({
      script: seriesScript,
      keys: [this.#piece.key(key)],
      args: [...this.#buckets.range(range), ...this.#buckets.words],
    }));
    const [from, ...counts] = (reply as (string | number)[]).map(Number);
    return counts.map((count, at) => ({ start: this.#buckets.start((from as number) + at), count }));
  }

  /**
   * How often it happened in a range. One round trip (EVALSHA_RO).
   *
   * @param key - what is counted.
   * @param range - the newest stretches, or from one time to another.
   * @param options - deadline in milliseconds, and signal.
   * @returns the sum.
   */
  async sum(key: string, range: BucketRange, options: CallOptions = {}): Promise<number> {
    return (await this.series(key, range, options)).reduce((sum, { count }) => sum + count, 0);
  }
}

/**
 * Counts by time, such as page views per address and day. Old stretches go when new ones come, and a count that nothing is added to
 * goes as a whole.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param options - how long a stretch of time is, and how many are kept.
 * @returns counts and sums; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 * @throws ValidationError when an option is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { bucketCounter } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const views = bucketCounter(db, "views", { every: "day", keep: 90 });
 * await views.increment("/home");
 * await views.sum("/home", { last: 7 });
 * await views.series("/home", { last: 2 }); // [{ start: …, count: 0 }, { start: …, count: 1 }]
 * await db.close();
 * ```
 */
export function bucketCounter(db: Attachable, name: string, options: BucketCounterOptions): BucketCounter {
  return new BucketCounter(new Piece(db, "buckets", name), options);
}
