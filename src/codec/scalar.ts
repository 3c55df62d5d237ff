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

function readNumber(text: string): number {
  if (!numberPattern.test(text)) throw new Unreadable(text, "a number");
  return Number(text);
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
  const parts = text.split(",");
  if (parts.length !== 2) throw new Unreadable(text, "longitude,latitude");
  return { longitude: readNumber((parts[0] ?? "").trim()), latitude: readNumber((parts[1] ?? "").trim()) };
}

/** How each kind of scalar is written and read. */
export const scalarCodecs: Readonly<Record<ScalarKind, ScalarCodec>> = {
  string: { write: String, read: (text) => text },
  number: { write: (value) => numberText(value as number), read: readNumber },
  boolean: { write: (value) => (value === true ? "true" : "false"), read: readBoolean },
  bigint: { write: String, read: readBigint },
  date: { write: (value) => String((value as Date).getTime()), read: readDate },
  bytes: { write: (value) => Buffer.from(value as Uint8Array).toString("base64"), read: readBytes },
  point: { write: (value) => pointText(value as never), read: readPoint },
};
