// How many different ones there were: visitors, users of a day, of a week, of any range of days.
// Either estimated in at most 12 KB per stretch of time, whatever they are called, or exactly, by bitmaps of whole numbers.
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { defineScript, type Script } from "../redis/command.ts";
import { idProblem } from "../schema/key.ts";
import { type BucketLength, bucketLua, type BucketRange, Buckets, rangeLua } from "./buckets.ts";
import { Piece } from "./piece.ts";

/** What `uniques` accepts. */
export interface UniquesOptions {
  /** How long each stretch of time is, in UTC; `day` when left out. */
  readonly every?: BucketLength;
  /** How many stretches are kept, the present one among them: 1 to 10 000; 62 when left out. */
  readonly keep?: number;
}

/** What `uniqueNumbers` accepts. */
export interface UniqueNumbersOptions extends UniquesOptions {
  /** The highest number: each stretch of time takes an eighth of it in bytes. 10 000 000 when left out. */
  readonly max?: number;
}

/** What `add` accepts. */
export interface UniquesAddOptions extends CallOptions {
  /** When they were there; now, by the server's clock, when left out. */
  readonly at?: Date;
}

/** How many members one call takes. */
const mostAtOnce = 5000;
/** A bitmap has no more bits on any server. */
const mostBits = 2 ** 32 - 1;

/*
 * KEYS: what the keys of stretches begin with; they are in its slot. ARGV: when, the members.
 * Reply: how many were new, or nothing for a time that is not kept.
 */
const addScript = (name: string, add: string): Script =>
  defineScript(
    name,
    `#!lua
${bucketLua}
local at = placed(table.remove(ARGV, 1))
if at == nil then return false end
local key = KEYS[1] .. ':' .. at
local changed = 0
${add}
redis.call('PEXPIREAT', key, string.format('%.0f', first + (at + kept) * length))
return changed`,
  );

const guessAdd = addScript("add uniques", "changed = redis.call('PFADD', key, unpack(ARGV))");
const exactAdd = addScript(
  "add unique numbers",
  "for _, id in ipairs(ARGV) do changed = changed + 1 - redis.call('SETBIT', key, id, 1) end",
);

/* KEYS: as above. ARGV: the range, what else there is. Reply: a count. */
const countScript = (name: string, count: string): Script =>
  defineScript(
    name,
    `#!lua
${bucketLua}
${rangeLua}
local keys = {}
for at = from, to do keys[#keys + 1] = KEYS[1] .. ':' .. at end
if #keys == 0 then return 0 end
${count}`,
  );

/* Calls of Lua take some eight thousand arguments; most ranges are one call. */
const guessCount = countScript("count uniques", "return redis.call('PFCOUNT', unpack(keys))");
/* What the stretches have together is put down and taken away within the call, so that nobody sees it. */
const exactCount = countScript(
  "count unique numbers",
  `if #keys == 1 then return redis.call('BITCOUNT', keys[1]) end
local whole = KEYS[1] .. ':range'
redis.call('BITOP', ARGV[4], whole, unpack(keys))
local count = redis.call('BITCOUNT', whole)
redis.call('DEL', whole)
return count`,
);
const exactHas = countScript(
  "has unique number",
  `for _, key in ipairs(keys) do
  if redis.call('GETBIT', key, ARGV[4]) == 1 then return 1 end
end
return 0`,
);

/** What both kinds of counts have in common: where they are kept, and how they are written and counted. */
class Stretches {
  readonly piece: Piece;
  readonly #buckets: Buckets;
  readonly #part: string | undefined;

  constructor(piece: Piece, options: UniquesOptions, part?: string) {
    const { every = "day", keep = 62 } = options;
    if (keep > 5000) throw piece.invalid("keep is a whole number from 1 to 5000");
    this.piece = piece;
    this.#buckets = new Buckets(piece, every, keep);
    this.#part = part;
  }

  async add(script: Script, members: () => readonly string[], { at, ...options }: UniquesAddOptions): Promise<number> {
    const call = { operation: "add", write: true, id: this.#part, ...options };
    const reply = await this.piece.one(call, () => {
      const words = members();
      if (words.length === 0 || words.length > mostAtOnce) {
        throw this.piece.invalid(`takes 1 to ${mostAtOnce} members at once`, this.#part);
      }
      const args = [this.#buckets.time(at), ...words, ...this.#buckets.words];
      return { script, keys: [this.piece.tagged(this.#part)], args };
    });
    if (reply === null) throw this.#buckets.outside(this.#part);
    return Number(reply);
  }

  async count(
    operation: string,
    script: Script,
    range: BucketRange,
    more: () => readonly string[],
    options: CallOptions,
  ): Promise<number> {
    const call = { operation, write: false, id: this.#part, ...options };
    const reply = await this.piece.one(call, () => {
      const args = [...this.#buckets.range(range), ...more(), ...this.#buckets.words];
      return { script, keys: [this.piece.tagged(this.#part)], args };
    });
    return Number(reply);
  }
}

/** An estimate of how many different members there were by time. */
export class Uniques {
  readonly #stretches: Stretches;
  readonly #options: UniquesOptions;

  /**
   * Made by {@link uniques}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param options - which stretches of time, and how many.
   * @param part - the user's name for a part of it.
   */
  constructor(piece: Piece, options: UniquesOptions, part?: string) {
    this.#stretches = new Stretches(piece, options, part);
    this.#options = options;
  }

  /**
   * A count of its own, such as that of one page.
   *
   * @param part - its name: 1 to 512 bytes of text.
   * @returns the same for that part.
   */
  of(part: string): Uniques {
    return new Uniques(this.#stretches.piece, this.#options, part);
  }

  /**
   * Notes that members were there. One round trip (EVALSHA of PFADD).
   *
   * @param members - one of them, or up to 5000: 1 to 512 bytes of text each.
   * @param options - when it was, deadline in milliseconds, and signal.
   * @returns true when the estimate of that stretch of time changed.
   * @throws ValidationError when a member is refused, or the time is not kept; nothing was counted.
   */
  async add(members: string | readonly string[], options: UniquesAddOptions = {}): Promise<boolean> {
    const words = (): readonly string[] => {
      const all = typeof members === "string" ? [members] : members;
      for (const member of all) {
        const problem = typeof member === "string" ? idProblem(member) : "is no text";
        if (problem !== undefined) throw this.#stretches.piece.invalid(`a member ${problem}`);
      }
      return all;
    };
    return (await this.#stretches.add(guessAdd, words, options)) === 1;
  }

  /**
   * Estimates how many different members there were in a range, good to about 1 %. One round trip (EVALSHA of PFCOUNT).
   *
   * @param range - the newest stretches of time, or from one time to another.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many.
   */
  count(range: BucketRange, options: CallOptions = {}): Promise<number> {
    return this.#stretches.count("count", guessCount, range, () => [], options);
  }
}

/** How many different whole numbers there were by time, exactly. */
export class UniqueNumbers {
  readonly #stretches: Stretches;
  readonly #options: UniqueNumbersOptions;
  readonly #max: number;

  /**
   * Made by {@link uniqueNumbers}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param options - which stretches of time, how many, and the highest number.
   * @param part - the user's name for a part of it.
   */
  constructor(piece: Piece, options: UniqueNumbersOptions, part?: string) {
    const { max = 10_000_000 } = options;
    if (!Number.isInteger(max) || max < 0 || max > mostBits) {
      throw piece.invalid(`max is a whole number from 0 to ${mostBits}`);
    }
    this.#stretches = new Stretches(piece, options, part);
    this.#options = options;
    this.#max = max;
  }

  /**
   * A count of its own, such as that of one page.
   *
   * @param part - its name: 1 to 512 bytes of text.
   * @returns the same for that part.
   */
  of(part: string): UniqueNumbers {
    return new UniqueNumbers(this.#stretches.piece, this.#options, part);
  }

  /**
   * Notes that numbers were there. One round trip (EVALSHA of SETBIT).
   *
   * @param numbers - one of them, or up to 5000: whole numbers from 0 to `max`.
   * @param options - when it was, deadline in milliseconds, and signal.
   * @returns how many of them were not there before in that stretch of time.
   * @throws ValidationError when a number is refused, or the time is not kept; nothing was counted.
   */
  add(numbers: number | readonly number[], options: UniquesAddOptions = {}): Promise<number> {
    const words = (): string[] => (typeof numbers === "number" ? [numbers] : numbers).map((each) => this.#bit(each));
    return this.#stretches.add(exactAdd, words, options);
  }

  /**
   * Counts the different numbers in a range. One round trip (EVALSHA of BITCOUNT and BITOP).
   *
   * @param range - the newest stretches of time, or from one time to another.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many were there in any of them.
   */
  count(range: BucketRange, options: CallOptions = {}): Promise<number> {
    return this.#stretches.count("count", exactCount, range, () => ["OR"], options);
  }

  /**
   * Counts the numbers that were there in every stretch of a range, such as on each of seven days. One round trip (EVALSHA).
   *
   * @param range - the newest stretches of time, or from one time to another.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many.
   */
  countEvery(range: BucketRange, options: CallOptions = {}): Promise<number> {
    return this.#stretches.count("countEvery", exactCount, range, () => ["AND"], options);
  }

  /**
   * Tells whether a number was there in a range. One round trip (EVALSHA of GETBIT).
   *
   * @param number - the number.
   * @param range - the newest stretches of time, or from one time to another.
   * @param options - deadline in milliseconds, and signal.
   * @returns true when it was, in any of them.
   */
  async has(number: number, range: BucketRange, options: CallOptions = {}): Promise<boolean> {
    return (await this.#stretches.count("has", exactHas, range, () => [this.#bit(number)], options)) === 1;
  }

  #bit(number: number): string {
    if (Number.isInteger(number) && number >= 0 && number <= this.#max) return String(number);
    throw this.#stretches.piece.invalid(`takes a whole number from 0 to ${this.#max}, not ${String(number)}`);
  }
}

/**
 * Estimates of how many different members there were, such as users of a day, of seven days, of thirty.
 *
 * @param db - the database.
 * @param name - what to call it: the middle part of its keys.
 * @param options - how long a stretch of time is, and how many are kept.
 * @returns notes and counts; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 * @throws ValidationError when an option is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { uniques } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const active = uniques(db, "active", { every: "day", keep: 62 });
 * await active.add("ada");
 * await active.count({ last: 1 }); // of today
 * await active.count({ last: 30 }); // of thirty days, each counted once
 * await db.close();
 * ```
 */
export function uniques(db: Attachable, name: string, options: UniquesOptions = {}): Uniques {
  return new Uniques(new Piece(db, "uniques", name), options);
}

/**
 * Exact counts of how many different whole numbers there were, such as users with ids of a sequence.
 *
 * @param db - the database.
 * @param name - what to call it: the middle part of its keys.
 * @param options - how long a stretch of time is, how many are kept, and the highest number.
 * @returns notes and counts; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 * @throws ValidationError when an option is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { uniqueNumbers } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const active = uniqueNumbers(db, "active", { every: "day", keep: 31 });
 * await active.add([7, 12]);
 * await active.count({ last: 7 }); // 2
 * await active.countEvery({ last: 2 }); // there on both days
 * await db.close();
 * ```
 */
export function uniqueNumbers(db: Attachable, name: string, options: UniqueNumbersOptions = {}): UniqueNumbers {
  return new UniqueNumbers(new Piece(db, "numbers", name), options);
}
