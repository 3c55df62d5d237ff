// How a place on a board is stored, so that the server's own order of sorted sets is the board's, exactly.
// The score is the sorted set's, a plain double; what breaks ties stands in front of the member, as text of a fixed width.
import { ValidationError } from "../errors.ts";
import { decodeId, encodeId, idProblem } from "../schema/key.ts";
import type { BoardSettings } from "./options.ts";

/*
 * The arithmetic. A sorted set keeps a double, which holds whole numbers up to 2^53. Scores and times that share one leave little
 * for either: 20 years of seconds take 2^29.2 values and leave whole scores up to 14 280 820, milliseconds 14 280, and fractions
 * none. So nothing is packed. Sorted sets order members of equal scores by their bytes, in the direction in which the set is read,
 * and what breaks ties is text in front of the member that sorts by bytes as it should:
 *
 * - a time: microseconds of the server's clock, 16 digits. On a board that is read from the highest score down the text is read
 *   backwards too, so there it is 2^53 - 1 less the time. Both are whole numbers below 2^53, until the year 2255. Three digits
 *   follow: which of the up to 1 000 scores of its call it was, counted backwards there as well.
 * - a sub-score: the 64 bits of the double, 16 hexadecimal digits. Of numbers from 0 the first bit is set, of negative ones all bits
 *   are turned around; then bytes compare as numbers do. Turned around once more where its order is not the board's.
 *
 * A hash leads from the member to that text. Boards with tieBreak "member" have neither: plain members with plain scores.
 */

/** Digits of a time, and of each sub-score. */
const width = 16;
/** Digits of a place within a call. */
const turnWidth = 3;
const latest = Number.MAX_SAFE_INTEGER;
const allBits = 0xffff_ffff_ffff_ffffn;
const signBit = 0x8000_0000_0000_0000n;

/**
 * How much text stands in front of members.
 *
 * @param settings - the board.
 * @returns bytes; 0 where members stand alone.
 */
export function tieWidth({ breaks, scores }: BoardSettings): number {
  return breaks === "time" ? width + turnWidth : width * scores.length;
}

/**
 * Checks a score.
 *
 * @param score - what was given.
 * @param what - what to call it.
 * @param board - the board's name.
 * @param member - whose it is, where that is known.
 * @returns the score, without a negative zero.
 * @throws ValidationError when it is no finite number, or beyond the whole numbers that doubles have.
 */
export function checkedScore(score: unknown, what: string, board: string, member?: string): number {
  if (typeof score === "number" && Math.abs(score) <= latest) return score === 0 ? 0 : score;
  throw new ValidationError(
    `${board}: ${what} is a finite number from -(2^53 - 1) to 2^53 - 1, not ${typeof score === "number" ? score : typeof score}`,
    { entity: board, id: member },
  );
}

/**
 * Checks a member.
 *
 * @param member - what was given.
 * @param settings - the board.
 * @returns the member as the board has it.
 * @throws ValidationError when it is not 1 to 512 bytes of well-formed text, or blank.
 */
export function checkedMember(member: unknown, { name: board, entities }: BoardSettings): string {
  if (entities) return encodeId(member, board);
  const problem = typeof member === "string" ? idProblem(member) : "is no string";
  if (problem === undefined) return member as string;
  const shown = typeof member === "string" ? JSON.stringify(member.slice(0, 64)) : typeof member;
  throw new ValidationError(`${board}: the member ${shown} ${problem}`, { entity: board });
}

/**
 * The text for sub-scores.
 *
 * @param settings - the board.
 * @param given - sub-scores by name.
 * @param member - whose they are, for the error.
 * @returns the text; empty where the board has none.
 * @throws ValidationError when one is missing, unknown, or no finite number.
 */
export function tieText(settings: BoardSettings, given: unknown, member: string): string {
  const { name, scores, order } = settings;
  const values = (given ?? {}) as Record<string, unknown>;
  const unknown = Object.keys(values).find((key) => !scores.some((score) => score.name === key));
  if (unknown !== undefined)
    throw new ValidationError(`${name}: it has no score called ${JSON.stringify(unknown)}`, {
      entity: name,
      id: member,
    });
  return scores
    .map((score) => turned(bitsOf(checkedScore(values[score.name], score.name, name, member)), score.order !== order))
    .map((bits) => bits.toString(16).padStart(width, "0"))
    .join("");
}

/** What stands in front of a member, made readable: its sub-scores, or since when it has its score. */
export type TieFacts = { readonly scores?: Record<string, number>; readonly at?: Date };

/**
 * Takes a stored member apart.
 *
 * @param settings - the board.
 * @param stored - what the sorted set has.
 * @returns the member, and what the text in front of it says.
 */
export function readMember(settings: BoardSettings, stored: string): { readonly member: string } & TieFacts {
  const { breaks, scores, order, entities } = settings;
  const front = tieWidth(settings);
  const held = stored.slice(front);
  const member = entities ? decodeId(held) : held;
  if (breaks === "member") return { member };
  if (breaks === "time") {
    const time = Number(stored.slice(0, width));
    return { member, at: new Date(Math.floor((order === "desc" ? latest - time : time) / 1000)) };
  }
  const values = scores.map((score, at) => {
    const bits = BigInt(`0x${stored.slice(at * width, (at + 1) * width)}`);
    return [score.name, doubleOf(turned(bits, score.order !== order))];
  });
  return { member, scores: Object.fromEntries(values) as Record<string, number> };
}

const view = new DataView(new ArrayBuffer(8));

function bitsOf(value: number): bigint {
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  return (bits & signBit) === 0n ? bits | signBit : bits ^ allBits;
}

function doubleOf(bits: bigint): number {
  view.setBigUint64(0, (bits & signBit) === 0n ? bits ^ allBits : bits ^ signBit);
  return view.getFloat64(0);
}

function turned(bits: bigint, around: boolean): bigint {
  return around ? bits ^ allBits : bits;
}
