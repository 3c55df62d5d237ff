// Values inside JSON: dates, bigints and bytes to and from what JSON can hold, and what JSON would lose refused.
// Compiled once per shape; a shape with nothing to change costs nothing.
import type { ValidationIssue } from "../errors.ts";
import {
  canonicalLongitude,
  jsonKind,
  type ObjectShape,
  type Shape,
  type StoredForm,
  type UnionShape,
} from "../schema/shape.ts";
import { propertyName, storedName } from "../schema/names.ts";
import { jsonPath } from "./place.ts";
import { Unreadable, scalarCodecs } from "./scalar.ts";

/** A number that a JSON server may not parse exactly, or a list with such: where it stands, and its exact text. */
export type Mend = readonly [path: string, text: string];

/** A value that cannot be stored; the caller adds entity and id. */
export class Unstorable {
  readonly path: readonly (string | number)[];
  readonly reason: string;

  /**
   * @param path - where the value stands.
   * @param reason - why it cannot be stored.
   */
  constructor(path: readonly (string | number)[], reason: string) {
    this.path = path;
    this.reason = reason;
  }
}

type Path = readonly (string | number)[];
/** Where mends are noted; undefined where the text of numbers is kept as it is. */
type Mends = Mend[] | undefined;
type Writer = (value: unknown, path: Path, mends: Mends) => unknown;
/** Reports what a codec refuses as issues, and gives undefined for it; all else that does not fit is left to the schema. */
export type Reader = (value: unknown, issues: ValidationIssue[]) => unknown;

// Servers parse JSON to 127 levels; the margin is for hidden members and for the document's own levels.
const maxDepth = 100;

/**
 * Compiles the way from a value to what JSON can hold.
 *
 * @param shape - the value's shape.
 * @param place - where such values stand, when that is always the same; saves putting paths together.
 * @returns a function, or undefined when the value can be written as it is.
 */
export function jsonWriter(shape: Shape, place?: Path): Writer | undefined {
  if (shape.stored !== undefined) return storedWriter(shape.stored, place);
  switch (shape.kind) {
    case "string":
    case "boolean":
    case "decimal":
      return undefined;
    case "number":
      return writeNumber;
    case "date":
      return (value) => (value as Date).getTime();
    case "bigint":
    case "bytes":
      return scalarCodecs[shape.kind].write;
    case "point":
      return pointWriter(place);
    case "json":
      return writeJson;
    case "array": {
      if (shape.item.kind === "number" && shape.item.stored === undefined) return writeNumbers;
      const item = jsonWriter(shape.item);
      if (item === undefined) return undefined;
      return (value, path, mends) =>
        (value as unknown[]).map((element, at) => (element == null ? element : item(element, [...path, at], mends)));
    }
    case "record": {
      const inner = jsonWriter(shape.value);
      return (value, path, mends) => writeRecord(value as Record<string, unknown>, inner, path, mends);
    }
    case "object":
      return objectWriter(shape, place);
    case "tuple": {
      const writers = shape.items.map((item) => jsonWriter(item));
      const rest = shape.rest && jsonWriter(shape.rest);
      return (value, path, mends) =>
        (value as unknown[]).map((element, at) => {
          const writer = at < writers.length ? writers[at] : rest;
          return element == null || writer === undefined ? element : writer(element, [...path, at], mends);
        });
    }
    case "union":
      return unionWriter(shape);
    case "custom":
      return undefined;
  }
}

// As zod does it: the first option that takes a value is what it is.
function unionWriter({ options }: UnionShape): Writer {
  const writers = options.map(({ shape, fits }) => ({ fits, writer: jsonWriter(shape) }));
  return (value, path, mends) => {
    const writer = writers.find(({ fits }) => fits(value))?.writer;
    return writer === undefined ? value : writer(value, path, mends);
  };
}

/**
 * Brings a value into the form in which it is stored.
 *
 * @param stored - that form.
 * @param value - the value.
 * @param path - where it stands, for the error.
 * @returns what is stored.
 * @throws Unstorable when its codec refuses it.
 */
export function encodeStored(stored: StoredForm, value: unknown, path: Path): unknown {
  const encoded = stored.encode(value);
  if (!encoded.ok) throw new Unstorable(path, `cannot be encoded: ${encoded.message}`);
  if (encoded.value === undefined || encoded.value === null) throw new Unstorable(path, "is encoded as nothing");
  return encoded.value;
}

function storedWriter(stored: StoredForm, place: Path | undefined): Writer {
  const inner = jsonWriter(stored.shape, place);
  return (value, path, mends) => {
    const encoded = encodeStored(stored, value, path);
    return inner === undefined ? encoded : inner(encoded, path, mends);
  };
}

function objectWriter(shape: ObjectShape, place: Path | undefined): Writer | undefined {
  if (shape.names !== undefined) return renamingWriter(shape, place);
  const writers: { readonly name: string; readonly writer: Writer; readonly place: Path | undefined }[] = [];
  for (const [name, field] of shape.fields) {
    const at = place && [...place, name];
    const writer = jsonWriter(field, at);
    if (writer !== undefined) writers.push({ name, writer, place: at });
  }
  if (writers.length === 0 && !shape.open) return undefined;
  return (value, path, mends) => {
    const source = value as Record<string, unknown>;
    const copy = { ...source };
    for (const { name, writer, place: at } of writers) {
      const inner = source[name];
      if (inner !== undefined && inner !== null) copy[name] = writer(inner, at ?? [...path, name], mends);
    }
    if (shape.open) {
      for (const name of Object.keys(source)) {
        if (!shape.fields.has(name)) copy[name] = writeExtra(name, source[name], path, mends);
      }
    }
    return copy;
  };
}

// Places are of the stored names, since what stands at them may have to be mended.
function renamingWriter(shape: ObjectShape, place: Path | undefined): Writer {
  const members = [...shape.fields].map(([property, field]) => {
    const name = storedName(shape, property);
    const at = place && [...place, name];
    return { property, name, place: at, writer: jsonWriter(field, at) };
  });
  const taken = new Set(members.map(({ name }) => name));
  return (value, path, mends) => {
    const source = value as Record<string, unknown>;
    const copy: Record<string, unknown> = {};
    for (const { property, name, writer, place: at } of members) {
      const inner = source[property];
      if (inner === undefined) continue;
      copy[name] = inner === null || writer === undefined ? inner : writer(inner, at ?? [...path, name], mends);
    }
    if (shape.open) {
      for (const name of Object.keys(source)) {
        if (shape.fields.has(name)) continue;
        if (taken.has(name)) {
          throw new Unstorable([...path, name], `is stored as ${name}, and there is a property of that name besides`);
        }
        copy[name] = writeExtra(name, source[name], path, mends);
      }
    }
    return copy;
  };
}

function writeExtra(name: string, value: unknown, path: Path, mends: Mends): unknown {
  if (path.length === 0 && name.startsWith("$")) {
    throw new Unstorable([name], "names beginning with $ are kept for the mapper");
  }
  return value === undefined ? undefined : writeJson(value, [...path, checkName(name, path)], mends);
}

function writeRecord(value: Record<string, unknown>, inner: Writer | undefined, path: Path, mends: Mends): unknown {
  const copy: Record<string, unknown> = {};
  for (const [name, element] of Object.entries(value)) {
    checkName(name, path);
    copy[name] = element == null || inner === undefined ? element : inner(element, [...path, name], mends);
  }
  return copy;
}

function checkName(name: string, path: Path): string {
  if (name === "__proto__") throw new Unstorable([...path, name], "__proto__ cannot be a property name");
  return name;
}

/**
 * Checks a number: finite, and not a whole number beyond what doubles hold exactly.
 *
 * @param value - any number.
 * @param path - where it stands, for the error.
 * @returns the number, without the sign of zero.
 * @throws Unstorable when it cannot be stored.
 */
export function checkNumber(value: number, path: Path): number {
  if (!Number.isFinite(value)) throw new Unstorable(path, `${value} is not a finite number`);
  // From 1e21 on, a number is written with an exponent: nobody takes it for an exact whole number.
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21) {
    throw new Unstorable(path, `${value} is beyond 2^53, where whole numbers are not exact; use z.bigint()`);
  }
  return value === 0 ? 0 : value;
}

/**
 * Checks a number, and notes it where a server may not parse it exactly.
 *
 * @param value - any number.
 * @param path - where it stands.
 * @param mends - receives its exact text.
 * @returns the number, without the sign of zero.
 * @throws Unstorable when it cannot be stored.
 */
export function writeNumber(value: unknown, path: Path, mends: Mends): number {
  const number = checkNumber(value as number, path);
  if (mends !== undefined && !Number.isSafeInteger(number) && !parsesExactly(number)) {
    mends.push([mendPath(path), String(number)]);
  }
  return number;
}

// A list is looked at as a whole, not number by number: vectors are long.
function writeNumbers(value: unknown, path: Path, mends: Mends): unknown {
  let exact = true;
  const numbers = (value as (number | null | undefined)[]).map((element, at) => {
    if (element == null) return element;
    const number = checkNumber(element, [...path, at]);
    exact &&= Number.isSafeInteger(number) || parsesExactly(number);
    return number;
  });
  if (!exact) mends?.push([mendPath(path), JSON.stringify(numbers)]);
  return numbers;
}

// Servers drop blanks in front of a quoted name, and misread quotes and backslashes in it when they change a number.
function mendPath(path: Path): string {
  if (!path.some((part) => typeof part === "string" && /^ |["\\]/.test(part))) return jsonPath(path);
  throw new Unstorable(
    path,
    'has more digits than a JSON document keeps exactly under a name that begins with a blank, or holds " or \\; use storage hash, or another name',
  );
}

// Up to 15 digits and no exponent, every parser agrees; beyond, the server's own may be off by a bit or two.
function parsesExactly(value: number): boolean {
  const text = String(value);
  return text.length <= 16 && !text.includes("e");
}

function pointWriter(place: Path | undefined): Writer {
  const east = place && [...place, "longitude"];
  const north = place && [...place, "latitude"];
  return (value, path, mends) => {
    const { longitude, latitude } = value as { longitude: number; latitude: number };
    return {
      longitude: writeNumber(canonicalLongitude(longitude), east ?? [...path, "longitude"], mends),
      latitude: writeNumber(latitude, north ?? [...path, "latitude"], mends),
    };
  };
}

function writeJson(value: unknown, path: Path, mends: Mends): unknown {
  if (path.length > maxDepth) throw new Unstorable(path.slice(0, 3), `is nested deeper than ${maxDepth} levels`);
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return writeNumber(value, path, mends);
    case "object":
      return value === null ? null : writeContainer(value, path, mends);
    default:
      throw new Unstorable(path, `a ${typeof value} is not JSON`);
  }
}

function writeContainer(value: object, path: Path, mends: Mends): unknown {
  if (Array.isArray(value)) return value.map((element, at) => writeJson(element, [...path, at], mends));
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Unstorable(path, `a ${value.constructor.name} is not JSON`);
  }
  const copy: Record<string, unknown> = {};
  for (const [name, element] of Object.entries(value)) {
    if (element !== undefined) copy[checkName(name, path)] = writeJson(element, [...path, name], mends);
  }
  return copy;
}

/**
 * Compiles the way back from parsed JSON to a value.
 *
 * @param shape - the value's shape.
 * @param place - where such values stand, for issues.
 * @returns a function, or undefined when parsed JSON is the value already.
 */
export function jsonReader(shape: Shape, place: readonly string[]): Reader | undefined {
  if (shape.stored !== undefined) return storedReader(shape.stored, place);
  switch (shape.kind) {
    case "string":
    case "boolean":
    case "number":
    case "decimal":
    case "point":
    case "json":
    case "custom":
      return undefined;
    case "date":
      return readDate;
    case "bigint":
    case "bytes":
      return readText(scalarCodecs[shape.kind].read);
    case "array": {
      const item = jsonReader(shape.item, [...place, "[]"]);
      if (item === undefined) return undefined;
      return (value, issues) =>
        Array.isArray(value) ? value.map((element) => (element === null ? null : item(element, issues))) : value;
    }
    case "record": {
      const inner = jsonReader(shape.value, [...place, "[]"]);
      if (inner === undefined) return undefined;
      return (value, issues) => (isObject(value) ? mapValues(value, inner, issues) : value);
    }
    case "object":
      return objectReader(shape, place);
    case "tuple": {
      const readers = shape.items.map((item) => jsonReader(item, [...place, "[]"]));
      const rest = shape.rest && jsonReader(shape.rest, [...place, "[]"]);
      return (value, issues) =>
        Array.isArray(value)
          ? value.map((element: unknown, at) => {
              const reader = at < readers.length ? readers[at] : rest;
              return element === null || reader === undefined ? element : reader(element, issues);
            })
          : value;
    }
    case "union":
      return unionReader(shape, place);
  }
}

// What no option is stored as is left for the schema to refuse.
function unionReader({ options, discriminator }: UnionShape, place: readonly string[]): Reader {
  const readers = options.map(({ shape, marks }) => ({
    kind: jsonKind(shape),
    marks,
    reader: jsonReader(shape, place),
  }));
  return (value, issues) => {
    const kind = Array.isArray(value) ? "array" : typeof value;
    const mark = isObject(value) && discriminator !== undefined ? value[discriminator] : undefined;
    const option = readers.find((one) => one.kind === kind && (one.marks === undefined || one.marks.has(mark)));
    return option?.reader === undefined ? value : option.reader(value, issues);
  };
}

function storedReader(stored: StoredForm, place: readonly string[]): Reader {
  const inner = jsonReader(stored.shape, place);
  return (value, issues) => {
    const decoded = stored.decode(inner === undefined ? value : inner(value, issues));
    if (decoded.ok) return decoded.value;
    issues.push({ path: place, message: `cannot be decoded: ${decoded.message}` });
    return undefined;
  };
}

function objectReader(shape: ObjectShape, place: readonly string[]): Reader | undefined {
  const readers: [string, Reader][] = [];
  for (const [name, field] of shape.fields) {
    const reader = jsonReader(field, [...place, storedName(shape, name)]);
    if (reader !== undefined) readers.push([name, reader]);
  }
  if (shape.names !== undefined) return renamingReader(shape, new Map(readers));
  if (readers.length === 0) return undefined;
  return (value, issues) => {
    if (!isObject(value)) return value;
    for (const [name, reader] of readers) {
      const inner = value[name];
      if (inner !== undefined && inner !== null) value[name] = reader(inner, issues);
    }
    return value;
  };
}

function renamingReader(shape: ObjectShape, readers: ReadonlyMap<string, Reader>): Reader {
  return (value, issues) => {
    if (!isObject(value)) return value;
    const copy: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      const property = propertyName(shape, name);
      // A property is what stands under its stored name, and nothing else.
      if (property === undefined) continue;
      const inner = value[name];
      const reader = readers.get(property);
      copy[property] = inner === null || reader === undefined ? inner : reader(inner, issues);
    }
    return copy;
  };
}

function readDate(value: unknown): unknown {
  // Anything else is left for the schema to refuse with its own path.
  return typeof value === "number" ? new Date(value) : value;
}

function readText(read: (text: string) => unknown): Reader {
  return (value) => {
    if (typeof value !== "string") return value;
    try {
      return read(value);
    } catch (error) {
      if (error instanceof Unreadable) return value;
      throw error;
    }
  };
}

function mapValues(value: Record<string, unknown>, reader: Reader, issues: ValidationIssue[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, inner === null ? null : reader(inner, issues)]),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Only with such an exponent can a number be too large to be one. */
const largeExponent = /[eE]\+?[0-9]{3}/;

function refuseInfinity(_name: string, value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) throw new RangeError("beyond doubles");
  return value;
}

/**
 * Parses stored JSON; a property called `__proto__`, which only a stranger can have written, is dropped.
 *
 * @param text - stored JSON.
 * @param free - whether there are numbers in it of which no schema says that they are.
 * @returns the parsed value.
 * @throws SyntaxError when it is not JSON, RangeError when such a number is too large to be one.
 */
export function parseJson(text: string, free = false): unknown {
  if (free && largeExponent.test(text)) JSON.parse(text, refuseInfinity);
  if (!text.includes("__proto__")) return JSON.parse(text) as unknown;
  return JSON.parse(text, (name, value: unknown) => (name === "__proto__" ? undefined : value)) as unknown;
}

/**
 * Tells whether a shape has room for JSON of any kind.
 *
 * @param shape - the shape.
 * @returns true when it does, at whatever depth.
 */
export function holdsFreeJson(shape: Shape): boolean {
  if (shape.stored !== undefined) return holdsFreeJson(shape.stored.shape);
  switch (shape.kind) {
    case "json":
      return true;
    case "array":
      return holdsFreeJson(shape.item);
    case "record":
      return holdsFreeJson(shape.value);
    case "tuple":
      return shape.items.some(holdsFreeJson) || (shape.rest !== undefined && holdsFreeJson(shape.rest));
    case "union":
      return shape.options.some((option) => holdsFreeJson(option.shape));
    case "object":
      return shape.open || [...shape.fields.values()].some(holdsFreeJson);
    default:
      return false;
  }
}

/**
 * Writes JSON, refusing strings that no server would store as they are.
 *
 * @param value - what {@link jsonWriter} produced.
 * @param path - where it stands, for the error.
 * @returns JSON text.
 * @throws Unstorable when a string holds half of a surrogate pair.
 */
export function stringifyJson(value: unknown, path: Path): string {
  const text = JSON.stringify(value);
  // Halves of pairs come out escaped; a harmless backslash in the data costs only the second look.
  if (text.includes("\\ud")) {
    const half = halfPair(value, path);
    if (half !== undefined) throw new Unstorable(half, "holds half of a surrogate pair");
  }
  return text;
}

function halfPair(value: unknown, path: Path): Path | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : path;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(name) : name];
    const half = name.isWellFormed() ? halfPair(inner, at) : path;
    if (half !== undefined) return half;
  }
  return undefined;
}
