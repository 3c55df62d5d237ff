// Stretches of time of one length, counted from 1970 by the server's clock in UTC: minutes, hours, days, weeks.
// What is counted by time is kept in them, and the old ones go.
import type { Piece } from "./piece.ts";

/** How long one stretch is; days begin at midnight UTC, weeks on Monday. */
export type BucketLength = "minute" | "hour" | "day" | "week";

/** Which stretches are meant. */
export type BucketRange =
  | {
      /** How many of the newest, the present one among them. */
      readonly last: number;
    }
  | {
      /** A time in the first. */
      readonly from: Date;
      /** A time in the last; now when left out. */
      readonly to?: Date;
    };

const minute = 60_000;
const lengths: Readonly<Record<BucketLength, number>> = {
  minute,
  hour: 60 * minute,
  day: 1440 * minute,
  week: 7 * 1440 * minute,
};
/** 1970 began on a Thursday; weeks begin on a Monday. */
const firstMonday = 4 * 1440 * minute;

/** How many stretches are kept at the most. */
const mostKept = 10_000;

/**
 * What scripts begin with that keep something by time: `number(ms)` is a stretch's number, `present` the present one's.
 * ARGV ends with the stretches' length, the time that the first began, and how many are kept.
 */
export const bucketLua = `
local kept, first, length = tonumber(table.remove(ARGV)), tonumber(table.remove(ARGV)), tonumber(table.remove(ARGV))
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function number(ms) return math.floor((ms - first) / length) end
local present = number(now)
-- The number of a stretch that something may be counted in: the present one, one that is kept, or the next, for clocks that run ahead.
local function placed(ms)
  if ms == '' then return present end
  local at = number(tonumber(ms))
  if at > present - kept and at <= present + 1 then return at end
end`;

/**
 * The stretches that are asked for, from the first to the last. ARGV begins with how many of the newest, or nothing, and two times.
 */
export const rangeLua = `
local from, to
if ARGV[1] ~= '' then
  from, to = present - tonumber(ARGV[1]) + 1, present
else
  from, to = number(tonumber(ARGV[2])), ARGV[3] == '' and present or number(tonumber(ARGV[3]))
end
-- What is older is not there any more, and nothing is there of what is to come.
from, to = math.max(from, present - kept + 1), math.min(to, present + 1)`;

/** Stretches of one length, of which some are kept. */
export class Buckets {
  readonly #piece: Piece;
  readonly #length: number;
  readonly #first: number;
  readonly #kept: number;

  /**
   * @param piece - whose they are, for errors.
   * @param every - how long each is.
   * @param keep - how many are kept.
   * @throws ValidationError when one of them is refused.
   */
  constructor(piece: Piece, every: BucketLength, keep: number) {
    if (!Object.hasOwn(lengths, every)) throw piece.invalid("every is minute, hour, day or week");
    if (!Number.isInteger(keep) || keep < 1 || keep > mostKept) {
      throw piece.invalid(`keep is a whole number from 1 to ${mostKept}`);
    }
    this.#piece = piece;
    this.#length = lengths[every];
    this.#first = every === "week" ? firstMonday : 0;
    this.#kept = keep;
  }

  /** What the arguments of every script end with. */
  get words(): readonly string[] {
    return [this.#length, this.#first, this.#kept].map(String);
  }

  /**
   * Reads a time.
   *
   * @param at - a date; now, by the server's clock, when left out.
   * @returns milliseconds as text; nothing for now.
   * @throws ValidationError when it is no date.
   */
  time(at: Date | undefined): string {
    if (at === undefined) return "";
    const time = at instanceof Date ? at.getTime() : Number.NaN;
    if (Number.isNaN(time)) throw this.#piece.invalid("a time is a valid date");
    return String(time);
  }

  /**
   * Reads a range.
   *
   * @param range - the newest stretches, or two times.
   * @returns three words for a script.
   * @throws ValidationError when it is none, or has more stretches than are kept.
   */
  range(range: BucketRange): readonly [last: string, from: string, to: string] {
    if ("last" in range) {
      const { last } = range;
      if (Number.isInteger(last) && last >= 1 && last <= this.#kept) return [String(last), "", ""];
      throw this.#piece.invalid(`last is a whole number from 1 to ${this.#kept}, which are kept`);
    }
    const words = ["", this.time(range.from), this.time(range.to)] as const;
    if (words[2] !== "" && Number(words[1]) > Number(words[2])) throw this.#piece.invalid("from comes after to");
    return words;
  }

  /**
   * When a stretch begins.
   *
   * @param number - its number.
   * @returns its first moment.
   */
  start(number: number): Date {
    return new Date(this.#first + number * this.#length);
  }

  /**
   * Refuses a time that is not kept.
   *
   * @param id - what it was about.
   * @returns the error.
   */
  outside(id: string | undefined): Error {
    return this.#piece.invalid(`only the last ${this.#kept} stretches of time are kept; nothing was counted`, id);
  }
}
