// One value and its text: how each kind of scalar is written into a hash field and read back.
// Reading never guesses: text that is not of the kind is reported as corrupt.
import type { ScalarKind } from "../schema/shape.ts";
import { numberText, pointText } from "./term.ts";

/** Text that is not of the kind it should be; turned into a CorruptEntityError by the caller. */
export class Unreadable {
  readonly text: string;
  readonly expected: string;

  /**
   * @param text - what was stored.
   * @param expected - what it should have been.
   */
  constructor(text: string, expected: string) {
    this.text = text;
    this.expected = expected;
  }
}

/** Writes and reads one kind of value. */
export interface ScalarCodec {
  /** Value to text. */
  readonly write: (value: unknown) => string;
  /** Text to value; throws {@link Unreadable}. */
  readonly read: (text: string) => unknown;
}

const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const nine = 0x39;
const zero = 0x30;

function readNumber(text: string): number {
  // What begins with a digit other than 0 and ends with a digit is decimal, or not a number at all.
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  const value = Number(text);
  if (first > zero && first <= nine && last >= zero && last <= nine && value === value) return value;
  if (!numberPattern.test(text)) throw new Unreadable(text, "a number");
  return value;
}

function readDate(text: string): Date {
  const date = new Date(readNumber(text));
  if (Number.isNaN(date.getTime())) throw new Unreadable(text, "a date in epoch milliseconds");
  return date;
}

function readBoolean(text: string): boolean {
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw new Unreadable(text, "true or false");
}

function readBigint(text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new Unreadable(text, "a whole number");
  return BigInt(text);
}

function readBytes(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new Unreadable(text, "base64");
  return new Uint8Array(Buffer.from(text, "base64"));
}

function readPoint(text: string): unknown {
  const comma = text.indexOf(",");
  if (comma < 0) throw new Unreadable(text, "longitude,latitude");
  return { longitude: readNumber(text.slice(0, comma).trim()), latitude: readNumber(text.slice(comma + 1).trim()) };
}

/** How each kind of scalar is written and read. */
export const scalarCodecs: Readonly<Record<ScalarKind, ScalarCodec>> = {
  string: { write: String, read: (text) => text },
  number: { write: (value) => numberText(value as number), read: readNumber },
  boolean: { write: (value) => (value === true ? "true" : "false"), read: readBoolean },
  bigint: { write: String, read: readBigint },
  date: { write: (value) => String((value as Date).getTime()), read: readDate },
  bytes: { write: (value) => Buffer.from(value as Uint8Array).toString("base64"), read: readBytes },
  decimal: { write: String, read: (text) => text },
  point: { write: (value) => pointText(value as never), read: readPoint },
};
