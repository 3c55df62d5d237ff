// The mapper's own kinds of fields: zod schemas that say how their values are stored.
// Each is what zod makes of it, with one more entry in its definition, which refinements and wrappers keep.
import { z } from "zod";
import { canonicalDecimal, decimalPattern } from "./decimal.ts";
import { encryptionBy, type EncryptionKeys } from "./encryption.ts";
import { checkedBy, type StandardSchema } from "./standard.ts";
import type { Coded, Decimal, Encrypted, GeoPoint } from "./paths.ts";
import {
  canonicalLongitude,
  type Converted,
  type CustomShape,
  maxLatitude,
  type ScalarKind,
  type Shape,
  type StoredForm,
} from "./shape.ts";
import type { AnySchema } from "./zod.ts";

const form = Symbol.for("remora.form");

/** The shape that a schema asks for, without what makes it optional. */
type OwnShape =
  | { readonly kind: ScalarKind; readonly stored?: StoredForm }
  | { readonly kind: "json" }
  | { readonly kind: "array"; readonly item: Shape; readonly stored: StoredForm }
  | Omit<CustomShape, "optional" | "nullable">;

/** Where a schema stands: in which entity type, and at which dotted path. */
type ShapeAt = (entity: string, path: string) => OwnShape;

/**
 * The shape that a schema of the mapper's own asks for.
 *
 * @param schema - any schema.
 * @param entity - name of the entity type.
 * @param path - the dotted path where it stands.
 * @returns the shape; undefined for schemas that zod alone decides on.
 */
export function ownShape(schema: AnySchema, entity: string, path: string): OwnShape | undefined {
  return (schema._zod.def as { readonly [form]?: ShapeAt })[form]?.(entity, path);
}

function withShape<S extends AnySchema>(schema: S, shape: OwnShape | ShapeAt): S {
  const own = typeof shape === "function" ? shape : () => shape;
  return z.core.clone(schema, { ...schema._zod.def, [form]: own } as never);
}

/** The properties of a point's schema. */
export type GeoPointShape = {
  /** Degrees east. */
  readonly longitude: z.ZodNumber;
  /** Degrees north. */
  readonly latitude: z.ZodNumber;
};

/**
 * The schema of a point: `{ longitude, latitude }` in degrees, within what a geo index can hold.
 *
 * @returns a zod object schema.
 *
 * @example
 * ```ts
 * import { geoPoint } from "remora";
 *
 * geoPoint().parse({ longitude: 2.35, latitude: 48.85 });
 * ```
 */
export function geoPoint(): z.ZodObject<GeoPointShape> {
  return z.object({
    longitude: z.number().min(-180).max(180),
    latitude: z.number().min(-maxLatitude).max(maxLatitude),
  });
}

/**
 * The schema of raw bytes, stored as base64.
 *
 * @returns a zod schema of Uint8Array.
 *
 * @example
 * ```ts
 * import { bytes } from "remora";
 *
 * bytes().parse(new Uint8Array([1, 2, 3]));
 * ```
 */
export function bytes(): z.ZodType<Uint8Array, Uint8Array> {
  return z.instanceof(Uint8Array);
}

/** How a date is stored: as seconds since 1970, with a fraction where it has milliseconds, or as ISO text in UTC. */
export type DateUnit = "s" | "iso";

const inIso = /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

const dates: Readonly<Record<DateUnit, StoredForm>> = {
  s: {
    shape: plain("number"),
    encode: (date) => ({ ok: true, value: (date as Date).getTime() / 1000 }),
    decode: (seconds) => dateOf(typeof seconds === "number" ? Math.round(seconds * 1000) : NaN, "seconds since 1970"),
  },
  iso: {
    shape: plain("string"),
    encode: (date) => ({ ok: true, value: (date as Date).toISOString() }),
    decode: (text) => dateOf(typeof text === "string" ? timeOf(text) : NaN, "a date in ISO form, with its zone"),
  },
};

function dateOf(time: number, expected: string): Converted {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? { ok: false, message: `expected ${expected}` } : { ok: true, value: date };
}

// What has no zone would be another time on another machine; the 30th of February would be a day in March.
function timeOf(text: string): number {
  const [, year, month, day] = inIso.exec(text) ?? [];
  // The calendar repeats after 400 years; the last years of all end too soon to ask for the ends of their months.
  const last = new Date(0).setUTCFullYear(2000 + (Number(year) % 400), Number(month), 0);
  return Number(day) <= new Date(last).getUTCDate() ? Date.parse(text) : NaN;
}

/**
 * The schema of a date that is stored as other programs store theirs; `z.date()` is stored as milliseconds since 1970.
 *
 * @param unit - `s`, seconds since 1970, or `iso`, text such as `2024-02-29T12:00:00.000Z`. Any ISO text with a zone is read,
 *   and a date alone, which is midnight in UTC.
 * @returns a zod schema of Date.
 *
 * @example
 * ```ts
 * import { dateAs } from "remora";
 *
 * dateAs("s").parse(new Date());
 * ```
 */
export function dateAs(unit: DateUnit): z.ZodDate {
  return withShape(z.date(), { kind: "date", stored: dates[unit] });
}

const digits: StoredForm = {
  shape: plain("number"),
  encode: (value) => ({ ok: true, value: value === true ? 1 : 0 }),
  decode: (digit) =>
    digit === 1 || digit === 0 ? { ok: true, value: digit === 1 } : { ok: false, message: "expected 1 or 0" },
};

/**
 * The schema of a boolean that is stored as 1 or 0, as other programs store theirs in hashes; `z.boolean()` is stored as `true`
 * or `false`.
 *
 * @returns a zod schema of booleans.
 *
 * @example
 * ```ts
 * import { bit } from "remora";
 *
 * bit().parse(true);
 * ```
 */
export function bit(): z.ZodBoolean {
  return withShape(z.boolean(), { kind: "boolean", stored: digits });
}

const inPoint = /^-?\d+(\.\d+)?(e-?\d+)?,-?\d+(\.\d+)?(e-?\d+)?$/i;

const pointTexts: StoredForm = {
  shape: plain("string"),
  encode(value) {
    const { longitude, latitude } = value as GeoPoint;
    return { ok: true, value: `${withoutExponent(canonicalLongitude(longitude))},${withoutExponent(latitude)}` };
  },
  decode(text) {
    if (typeof text !== "string" || !inPoint.test(text)) return { ok: false, message: "expected longitude,latitude" };
    const [longitude, latitude] = text.split(",").map(Number);
    return { ok: true, value: { longitude, latitude } };
  },
};

// Other programs do not read exponents, which JavaScript writes below a millionth.
function withoutExponent(value: number): string {
  const [, sign, digit, fraction = "", zeros] = /^(-?)(\d)(?:\.(\d+))?e-(\d+)$/.exec(String(value)) ?? [];
  return zeros === undefined ? String(value) : `${sign}0.${"0".repeat(Number(zeros) - 1)}${digit}${fraction}`;
}

/**
 * The schema of a point that is stored as text in JSON documents too: `2.35,48.85`. `geoPoint()` is stored so in hashes, and as an
 * object in JSON documents.
 *
 * @returns a zod schema of points.
 *
 * @example
 * ```ts
 * import { pointText } from "remora";
 *
 * pointText().parse({ longitude: 2.35, latitude: 48.85 });
 * ```
 */
export function pointText(): z.ZodObject<GeoPointShape> {
  return withShape(geoPoint(), { kind: "point", stored: pointTexts });
}

/**
 * The schema of a list of strings that is stored as one text, as other programs store theirs in hashes: `a|b|c`. An empty list is
 * an empty text; a list of nothing but one empty string, and strings that hold the separator, are refused when they are written.
 *
 * @param separator - what stands between two strings; one character or more.
 * @returns a zod schema of lists of strings.
 *
 * @example
 * ```ts
 * import { joined } from "remora";
 *
 * joined("|").parse(["drama", "western"]);
 * ```
 */
export function joined(separator: string): z.ZodArray<z.ZodString> {
  const stored: StoredForm = {
    shape: plain("string"),
    encode(value) {
      const items = value as readonly string[];
      if (items.some((item) => item.includes(separator))) {
        return {
          ok: false,
          message: `${JSON.stringify(separator)} stands between the strings, and cannot stand in one`,
        };
      }
      if (items.length === 1 && items[0] === "") {
        return { ok: false, message: "one empty string would be read as an empty list" };
      }
      return { ok: true, value: items.join(separator) };
    },
    decode(text) {
      if (typeof text !== "string") return { ok: false, message: "expected a text" };
      return { ok: true, value: text === "" ? [] : text.split(separator) };
    },
  };
  return withShape(z.array(z.string()), { kind: "array", item: plain("string"), stored });
}

/**
 * The schema of a decimal number as text, exact at any length: `12.50`. Its spelling is made uniform: `12.5`.
 *
 * @returns a zod schema of strings of digits.
 *
 * @example
 * ```ts
 * import { decimal } from "remora";
 *
 * decimal().parse("0012.50"); // "12.5"
 * ```
 */
export function decimal(): z.ZodType<Decimal, string> {
  const schema = z
    .string()
    .regex(decimalPattern, "expected a decimal number, such as -12.5")
    .overwrite(canonicalDecimal);
  return withShape(schema, { kind: "decimal" }) as unknown as z.ZodType<Decimal, string>;
}

/** The kinds of values that a custom field is stored as. */
export interface CodedAs {
  /** Text. */
  readonly string: string;
  /** A number. */
  readonly number: number;
  /** True or false. */
  readonly boolean: boolean;
  /** A whole number of any length. */
  readonly bigint: bigint;
  /** A date. */
  readonly date: Date;
}

/** What {@link custom} takes. */
export interface CustomOptions<S extends AnySchema, K extends keyof CodedAs> {
  /** The schema of the value, such as `z.instanceof(Money)`. */
  readonly schema: S;
  /** As what it is stored, which decides what indexes it may have. */
  readonly as: K;
  /** From the value to what is stored. */
  readonly encode: (value: z.output<S>) => CodedAs[K];
  /** From what is stored to the value. */
  readonly decode: (stored: CodedAs[K]) => z.output<S>;
}

/**
 * The schema of values that zod does not know, by functions that bring them into a plain form and back. Unlike those of a
 * `z.codec`, inputs are always values, never what is stored; and indexes stand on what is stored.
 *
 * @param options - the schema, as what it is stored, and the way there and back.
 * @returns a zod schema of the values.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { custom } from "remora";
 *
 * const url = custom({ schema: z.instanceof(URL), as: "string", encode: (value) => value.href, decode: (text) => new URL(text) });
 * url.parse(new URL("https://example.org"));
 * ```
 */
export function custom<S extends AnySchema, const K extends keyof CodedAs>({
  schema,
  as,
  encode,
  decode,
}: CustomOptions<S, K>): z.ZodType<Coded<z.output<S>, CodedAs[K]>, z.input<S>> {
  const isStored = (value: unknown): value is CodedAs[K] =>
    as === "date" ? value instanceof Date && !Number.isNaN(value.getTime()) : typeof value === as && value === value;
  const stored: StoredForm = {
    shape: plain(as),
    encode: (value) =>
      attempt(() => {
        const encoded = encode(value as z.output<S>);
        return isStored(encoded) ? { ok: true, value: encoded } : { ok: false, message: `encode gave no ${as}` };
      }),
    decode: (value) =>
      attempt(() =>
        isStored(value) ? { ok: true, value: decode(value) } : { ok: false, message: `expected a ${as}` },
      ),
  };
  return withShape(schema, { kind: "custom", stored, indexed: true }) as never;
}

/**
 * The schema of a value that a validator of another library checks: anything that follows the Standard Schema specification. It is
 * stored as JSON of any kind; with `custom({ schema: standard(…), as })` around it, it may be indexed.
 *
 * @param schema - the validator; it must answer at once, and take what it gives.
 * @returns a zod schema of what the validator gives.
 *
 * @example
 * ```ts
 * import { standard } from "remora";
 * import * as v from "valibot";
 *
 * standard(v.object({ street: v.string(), zip: v.pipe(v.string(), v.length(5)) })).parse({ street: "Main St", zip: "12345" });
 * ```
 */
export function standard<I, O>(schema: StandardSchema<I, O>): z.ZodType<O, I> {
  const checked = z.transform((value, payload) => {
    const result = checkedBy(schema as StandardSchema, value);
    if (result.issues === undefined) return result.value;
    for (const { message, path } of result.issues)
      payload.issues.push({ code: "custom", message, path: [...path], input: value });
    return z.NEVER;
  });
  return withShape(checked, { kind: "json" }) as unknown as z.ZodType<O, I>;
}

/**
 * The schema of a text that is stored encrypted (AES-256-GCM), bound to its entity type and field. With `keys.index` it may have
 * `exact()` and be unique, by terms that do not tell the value.
 *
 * @param schema - the text's schema.
 * @param keys - the keys, of 32 bytes each.
 * @returns a zod schema of strings.
 * @throws DefinitionError when the keys are not right.
 *
 * @example
 * ```ts
 * import { randomBytes } from "node:crypto";
 * import { z } from "zod";
 * import { encrypted } from "remora";
 *
 * const keys = { current: "2024", keys: { "2024": randomBytes(32) }, index: randomBytes(32) };
 * encrypted(z.email(), keys).parse("ada@example.org");
 * ```
 */
export function encrypted<I>(schema: z.core.$ZodType<string, I>, keys: EncryptionKeys): z.ZodType<Encrypted, I> {
  const encryption = encryptionBy(keys);
  const own: ShapeAt = (entity, path) => {
    const { stored, blind } = encryption(entity, path);
    return { kind: "custom", stored, indexed: true, secret: { blind } };
  };
  return withShape(schema, own) as unknown as z.ZodType<Encrypted, I>;
}

// The caller's functions may throw anything.
function attempt(work: () => Converted): Converted {
  try {
    return work();
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

function plain(kind: ScalarKind): Shape {
  return Object.freeze({ kind, optional: false, nullable: false });
}
