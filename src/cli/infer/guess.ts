// What the values of one field seem to be. Every value that was seen must fit the guess: a draft that refuses the data it was
// made from would be worth nothing.

/** How a field's values are written: as text in a hash field, or as JSON. */
export type Form = "text" | "json";

/** What the values of a field seem to be. */
export type Guess =
  | { readonly kind: ScalarGuess }
  /** Some few strings, in their order. */
  | { readonly kind: "enum"; readonly values: readonly string[] }
  | { readonly kind: "array"; readonly item: Guess }
  | { readonly kind: "object"; readonly fields: readonly FieldGuess[] }
  /** Values of several kinds. */
  | { readonly kind: "mixed"; readonly kinds: readonly string[] };

/** What single values seem to be. */
export type ScalarGuess =
  | "string"
  /** Strings of several words. */
  | "prose"
  | "uuid"
  | "email"
  | "url"
  | "isoDate"
  | "isoDateTime"
  | "isoOffset"
  | "int"
  | "number"
  | "bigint"
  | "boolean"
  /** `1` and `0`, which redis-om writes for booleans. */
  | "bit"
  /** Milliseconds since 1970. */
  | "date"
  /** Seconds since 1970, perhaps with a fraction, as redis-om writes them. */
  | "seconds"
  | "point"
  /** `longitude,latitude` as text. */
  | "pointText"
  /** `a|b|c`, as redis-om writes lists into hashes. */
  | "joined"
  /** An object whose names are data. */
  | "record"
  /** Nothing was seen but null or empty lists. */
  | "unknown";

/** One field: its name, what it seems to be, and how often it was there. */
export interface FieldGuess {
  readonly name: string;
  readonly guess: Guess;
  /** Null was seen. */
  readonly nullable: boolean;
  /** How many of the objects that could have it did. */
  readonly present: number;
  readonly of: number;
}

const maxDigits = 15;
/** An enumeration has at most so many values, each seen so many times on average. */
const maxEnum = 10;
const timesEach = 4;
const longestEnum = 40;
/** Strings of so many words, or so long, are read rather than compared. */
const wordsOfProse = 4;
const lengthOfProse = 80;
/** An object of so many names, most of which are rare, is a dictionary. */
const namesOfRecord = 30;
const shareOfRecord = 0.3;

const number = /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i;
const whole = /^-?(0|[1-9]\d*)$/;
const point = /^-?\d+(\.\d+)?,-?\d+(\.\d+)?$/;
const uuid =
  /^([0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|0{8}-(0{4}-){3}0{12}|f{8}-(f{4}-){3}f{12})$/i;
const email = /^(?!\.)(?!.*\.\.)([a-z0-9_'+\-.]*)[a-z0-9_+-]@([a-z0-9][a-z0-9-]*\.)+[a-z]{2,}$/i;
const isoDate = /^\d{4}-\d{2}-\d{2}$/;
const isoDateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const isoOffset = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** Words of times, beside those that tell that something was done: created, joined. */
const timeWords = new Set(
  "at on date time timestamp ts since until born birth birthday birthdate expires expiry seen login due".split(" "),
);
const placeWords = new Set("location point position coordinates coords geo place latlon lonlat".split(" "));

/**
 * Guesses what the values of a field are.
 *
 * @param name - the field's name, which tells times and places from other numbers.
 * @param values - what was seen, in a fixed order; neither undefined nor null.
 * @param form - how they are written.
 * @returns the guess, which all of them fit.
 */
export function guess(name: string, values: readonly unknown[], form: Form): Guess {
  if (values.length === 0) return { kind: "unknown" };
  const kinds = new Set(values.map(kindOf));
  if (kinds.size > 1) return { kind: "mixed", kinds: [...kinds].sort() };
  const [kind] = kinds;
  switch (kind) {
    case "boolean":
      return { kind };
    case "number":
      return { kind: guessNumber(name, values as number[]) };
    case "string":
      return form === "text" ? guessText(name, values as string[]) : guessString(name, values as string[]);
    case "array":
      return { kind: "array", item: guessItems(name, values as unknown[][]) };
    default:
      return guessObject(values as Record<string, unknown>[], form);
  }
}

/**
 * Guesses the fields of objects.
 *
 * @param objects - what was seen, in a fixed order.
 * @param form - how their fields are written.
 * @returns the fields, in the order they were first seen.
 */
export function guessFields(objects: readonly Readonly<Record<string, unknown>>[], form: Form): FieldGuess[] {
  const seen = new Map<string, unknown[]>();
  for (const object of objects) {
    for (const [name, value] of Object.entries(object)) {
      // Such a name would not be a property in a program.
      if (value === undefined || name === "__proto__") continue;
      const values = seen.get(name) ?? [];
      values.push(value);
      seen.set(name, values);
    }
  }
  return [...seen].map(([name, values]) => {
    const given = values.filter((value) => value !== null);
    return {
      name,
      guess: guess(name, given, form),
      nullable: given.length < values.length,
      present: values.length,
      of: objects.length,
    };
  });
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return value === null ? "null" : typeof value;
}

function guessItems(name: string, lists: readonly (readonly unknown[])[]): Guess {
  const items = lists.flat();
  // A list may hold nulls, which no guess about the others tells.
  return items.includes(null) ? { kind: "mixed", kinds: ["null"] } : guess(name, items, "json");
}

function guessObject(objects: readonly Record<string, unknown>[], form: Form): Guess {
  if (objects.every(isPoint)) return { kind: "point" };
  const fields = guessFields(objects, form);
  const rare = fields.filter(({ present, of }) => present < of * shareOfRecord);
  if (fields.length === 0) return { kind: "record" };
  if (form === "json" && fields.length >= namesOfRecord && rare.length > fields.length / 2) return { kind: "record" };
  return { kind: "object", fields };
}

function isPoint(value: Readonly<Record<string, unknown>>): boolean {
  const { longitude, latitude } = value;
  if (Object.keys(value).length !== 2 || typeof longitude !== "number" || typeof latitude !== "number") return false;
  return inRange(longitude, latitude);
}

function inRange(longitude: number, latitude: number): boolean {
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 85.051_128_78;
}

function guessText(name: string, values: readonly string[]): Guess {
  const all = (test: (text: string) => boolean): boolean => values.every(test);
  if (all((text) => text === "true" || text === "false")) return { kind: "boolean" };
  if (values.includes("0") && values.includes("1") && all((text) => text === "0" || text === "1")) {
    return { kind: "bit" };
  }
  if (all((text) => whole.test(text)) && values.some((text) => !Number.isSafeInteger(Number(text)))) {
    return { kind: "bigint" };
  }
  if (all(isNumber)) return { kind: guessNumber(name, values.map(Number)) };
  if (isJoined(values)) return { kind: "joined" };
  if (all((text) => /^[[{]/.test(text))) {
    const parsed = values.map(parsedJson);
    if (parsed.every(Array.isArray)) return { kind: "array", item: guessItems(name, parsed as unknown[][]) };
    // What stands in one hash field is one value, whatever it holds.
    if (!parsed.includes(undefined)) {
      return parsed.some(Array.isArray) ? { kind: "mixed", kinds: ["array", "object"] } : { kind: "record" };
    }
  }
  const read = guessString(name, values);
  // That is how the mapper writes points into hashes.
  return read.kind === "pointText" ? { kind: "point" } : read;
}

function isNumber(text: string): boolean {
  return (
    number.test(text) && text.replace(/e.*$/i, "").replace(/\D/g, "").length <= maxDigits + 2 && isExact(Number(text))
  );
}

function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isJoined(values: readonly string[]): boolean {
  const part = (text: string): boolean => text !== "" && text.length <= longestEnum && text.trim() === text;
  return values.some((text) => text.includes("|")) && values.every((text) => text.split("|").every(part));
}

const formats: readonly (readonly [ScalarGuess, (text: string) => boolean])[] = [
  ["uuid", (text) => uuid.test(text)],
  ["isoDate", (text) => isoDate.test(text) && isDay(text)],
  ["isoDateTime", (text) => isoDateTime.test(text) && isMoment(text)],
  ["isoOffset", (text) => isoOffset.test(text) && isMoment(text)],
  ["email", (text) => email.test(text)],
  ["url", (text) => /^https?:\/\//.test(text) && URL.canParse(text)],
];

function guessString(name: string, values: readonly string[]): Guess {
  const format = formats.find(([, test]) => values.every(test));
  if (format !== undefined) return { kind: format[0] };
  if (
    values.every((text) => isPointText(text)) &&
    (wordsOf(name).some((word) => placeWords.has(word)) || values.some((text) => text.includes(".")))
  ) {
    return { kind: "pointText" };
  }
  const distinct = [...new Set(values)].sort();
  const few = distinct.length > 1 && distinct.length <= maxEnum && values.length >= distinct.length * timesEach;
  if (few && distinct.every((text) => text !== "" && text.length <= longestEnum && /\p{L}/u.test(text))) {
    return { kind: "enum", values: distinct };
  }
  const words = values.map((text) => text.trim().split(/\s+/).length).sort((left, right) => left - right);
  const prose =
    (words[words.length >> 1] as number) >= wordsOfProse || values.some((text) => text.length > lengthOfProse);
  return { kind: prose ? "prose" : "string" };
}

function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function isMoment(text: string): boolean {
  return isDay(text.slice(0, 10)) && !Number.isNaN(Date.parse(text));
}

function isPointText(text: string): boolean {
  if (!point.test(text)) return false;
  const [longitude, latitude] = text.split(",").map(Number) as [number, number];
  return inRange(longitude, latitude);
}

const firstPlainMs = 1e12;
const firstMs = 1e11;
const lastMs = 4.2e12;

function guessNumber(name: string, values: readonly number[]): ScalarGuess {
  const all = (test: (value: number) => boolean): boolean => values.every(test);
  const named = wordsOf(name).some((word) => timeWords.has(word) || word.endsWith("ed"));
  const integers = all(Number.isSafeInteger);
  // From 2001 on such numbers can hardly be anything else.
  if (integers && all((value) => value >= firstPlainMs && value < lastMs)) return "date";
  if (
    named &&
    integers &&
    all((value) => Math.abs(value) < lastMs) &&
    values.some((value) => Math.abs(value) >= firstMs)
  ) {
    return "date";
  }
  if (
    named &&
    all((value) => Math.abs(value) < lastMs / 1000) &&
    values.some((value) => Math.abs(value) >= firstMs / 1000)
  ) {
    return "seconds";
  }
  return integers ? "int" : "number";
}

// Of a name in camel or snake case.
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/);
}
