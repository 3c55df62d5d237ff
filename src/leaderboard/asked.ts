// What calls of boards are asked for, checked before anything is sent: counts, ranges of scores, lengths of lists.
// Scores and members themselves are checked where they are encoded.
import { ValidationError } from "../errors.ts";
import { checkedScore } from "./encoding.ts";

/**
 * The error for a call that asks for nonsense.
 *
 * @param message - what is wrong.
 * @param board - the board's name.
 * @returns the error.
 */
export function boardProblem(message: string, board: string): ValidationError {
  return new ValidationError(`${board}: ${message}`, { entity: board });
}

/**
 * Checks a whole number.
 *
 * @param value - what was given.
 * @param least - the lowest that will do.
 * @param most - the highest that will do.
 * @param what - what to call it.
 * @param board - the board's name.
 * @returns the number.
 * @throws ValidationError when it is none, or outside the two.
 */
export function checkedWhole(value: number, least: number, most: number, what: string, board: string): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw boardProblem(`${what} is a whole number from ${least} to ${Math.floor(most)}, not ${String(value)}`, board);
}

/**
 * Checks how many were given.
 *
 * @param count - how many.
 * @param most - how many will do.
 * @param what - what to call them.
 * @param board - the board's name.
 * @throws ValidationError when there are more.
 */
export function checkAtMost(count: number, most: number, what: string, board: string): void {
  if (count > most) throw boardProblem(`at most ${most} ${what} at once, not ${count}; send them in parts`, board);
}

/**
 * Checks a range of scores.
 *
 * @param low - its lowest score.
 * @param high - its highest score.
 * @param board - the board's name.
 * @returns both.
 * @throws ValidationError when one is no score, or the first is above the second.
 */
export function checkedBounds(low: number, high: number, board: string): [number, number] {
  const bounds: [number, number] = [checkedScore(low, "a bound", board), checkedScore(high, "a bound", board)];
  if (bounds[0] <= bounds[1]) return bounds;
  throw boardProblem(`the lowest score comes first, and ${low} is above ${high}`, board);
}
