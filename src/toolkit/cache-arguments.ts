// From the arguments of a call to a text that is the same for equal arguments, and another one for all others.
// What has no such text (functions, instances of classes, circles) is refused rather than guessed.
import { createHash } from "node:crypto";
import { ValidationError } from "../errors.ts";

/** Longer texts are given by their digest. */
const longest = 96;
/** What a server takes as nesting of JSON, and far below what a stack holds. */
const deepest = 100;

/**
 * Names a call by its arguments.
 *
 * @param title - what is called, for errors.
 * @param args - the arguments: single values, Dates, bigints, bytes, URLs, and lists, plain objects, Maps and Sets of these.
 * @returns a text of at most 96 characters, or the digest of a longer one; the order of an object's properties, of a Map's
 *   entries and of a Set's members makes no difference.
 * @throws ValidationError when an argument is something else, or lies too deep.
 */
export function argumentsKey(title: string, args: readonly unknown[]): string {
  let text = "";
  for (const [at, value] of args.entries()) {
    const word =
      typeof value === "string" ? JSON.stringify(value) : textOf(value, { title, place: `argument ${at + 1}` }, 0);
    text += at === 0 ? word : `,${word}`;
  }
  // Parentheses tell a text from a digest.
  return text.length <= longest && text.isWellFormed()
    ? `(${text})`
    : createHash("sha256").update(text).digest("base64url");
}

interface Place {
  readonly title: string;
  readonly place: string;
}

function textOf(value: unknown, place: Place, depth: number): string {
  switch (typeof value) {
    case "string":
      // Halves of surrogate pairs come out escaped, so that no two texts have one digest.
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "boolean":
    case "undefined":
      return String(value);
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : objectText(value, place, depth);
    default:
      throw refused(place, `is a ${typeof value}`);
  }
}

function objectText(value: object, place: Place, depth: number): string {
  if (depth > deepest) throw refused(place, `is nested more than ${deepest} deep, or in a circle`);
  const inner = (each: unknown): string => textOf(each, place, depth + 1);
  if (Array.isArray(value)) return `[${Array.from(value, inner).join(",")}]`;
  if (value instanceof Date) {
    const time = value.getTime();
    if (Number.isNaN(time)) throw refused(place, "holds an invalid date");
    return `Date(${time})`;
  }
  if (value instanceof Map) {
    return `Map(${sorted(Array.from(value, ([key, each]) => `${inner(key)}:${inner(each)}`))})`;
  }
  if (value instanceof Set) return `Set(${sorted(Array.from(value, inner))})`;
  if (ArrayBuffer.isView(value)) {
    return `${value.constructor.name}(${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")})`;
  }
  if (value instanceof URL) return `URL(${JSON.stringify(value.href)})`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refused(place, `is an instance of ${value.constructor?.name ?? "a class"}`);
  }
  const entries = Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}:${inner(each)}`);
  return `{${sorted(entries)}}`;
}

function sorted(words: string[]): string {
  return words.toSorted((one, other) => (one < other ? -1 : 1)).join(",");
}

function refused({ title, place }: Place, problem: string): ValidationError {
  return new ValidationError(
    `${title}: ${place} ${problem}, which no key can be made of; say what the key is: { key: … }`,
    {
      entity: title,
    },
  );
}
