// Lengths of time as the toolkit takes them: seconds, or milliseconds.
// Unlike a time to live they never name a date.
import type { TtlMilliseconds } from "../repository/ttl.ts";
import type { Piece } from "./piece.ts";

/** A length of time: seconds, or `{ ms }`. */
export type Duration = number | TtlMilliseconds;

/** A year; nothing here is meant to last longer. */
const longest = 366 * 86_400_000;

/**
 * Reads a length of time.
 *
 * @param piece - whose argument it is.
 * @param duration - what the caller gave.
 * @param subject - what to call it in errors.
 * @param shortest - the least that makes sense, in milliseconds.
 * @returns whole milliseconds.
 * @throws ValidationError when it is no time, shorter than that, or longer than a year.
 */
export function milliseconds(piece: Piece, duration: Duration, subject: string, shortest: 0 | 1): number {
  const given: unknown = typeof duration === "number" ? duration * 1000 : duration.ms;
  const whole = typeof given === "number" ? Math.round(given) : Number.NaN;
  if (!(whole >= shortest && whole <= longest)) {
    throw piece.invalid(`${subject} must be a ${shortest === 0 ? "" : "positive "}time of at most a year`);
  }
  return whole;
}
