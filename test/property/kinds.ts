// Kinds of fields beyond zod's plain ones: how each is declared, values that try it, and what an index on it must answer.
// One table, from which the codec's tests and those on servers are made.
import fc from "fast-check";
import * as v from "valibot";
import { z } from "zod";

import {
  bit,
  bytes,
  custom,
  dateAs,
  decimal,
  defineEntity,
  encrypted,
  exact,
  type Index,
  joined,
  pointText,
  range,
  standard,
  text,
} from "remora";
import { compareValues } from "../../src/query/order.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { anyDate, hostileString, storableNumber } from "./strings.ts";

/** One kind of field. */
export interface Kind {
  readonly name: string;
  readonly schema: z.ZodType;
  /** Values as entities hold them. */
  readonly value: fc.Arbitrary<unknown>;
  /** The index that it may have; none when left out. */
  readonly index?: Index | readonly Index[];
  /** What it is ordered by, where that is not the value itself. */
  readonly key?: (value: never) => string | number | boolean | bigint | Date;
  /** The same value is not always stored as the same text. */
  readonly varies?: true;
  /** Inputs, and what becomes of them. */
  readonly inputs?: readonly (readonly [input: unknown, value: unknown])[];
}

/** Dates as the codec of the zod documentation writes them. */
const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

/** A class with a codec of its own. */
class Temperature {
  readonly kelvin: number;
  constructor(kelvin: number) {
    this.kelvin = kelvin;
  }
  warmer(by: number): Temperature {
    return new Temperature(this.kelvin + by);
  }
}

const temperature = z.codec(z.object({ kelvin: z.number() }), z.instanceof(Temperature), {
  decode: ({ kelvin }) => new Temperature(kelvin),
  encode: ({ kelvin }) => ({ kelvin }),
});

// zod's own format knows years of four digits.
const dateOfIso = fc.date({ noInvalidDate: true, min: new Date("0001-01-01"), max: new Date("9999-12-31") });
const plusZero = storableNumber.map((value) => value || 0);

/** Validators of other libraries. */
const others: readonly Kind[] = [
  {
    name: "an object of valibot's",
    schema: standard(v.object({ street: v.string(), floors: v.array(v.number()), note: v.nullable(v.string()) })),
    value: fc.record({
      street: hostileString,
      floors: fc.array(plusZero, { maxLength: 3 }),
      note: fc.option(hostileString),
    }),
  },
  {
    name: "a text of valibot's that is trimmed, stored as text",
    schema: custom({
      schema: standard(v.pipe(v.string(), v.trim())),
      as: "string",
      encode: (value) => value,
      decode: (text) => text,
    }),
    value: hostileString.map((value) => value.trim()),
    index: exact({ sortable: true }),
    inputs: [["  a ", "a"]],
  },
];

/** Codecs and pipes of zod. */
const codecs: readonly Kind[] = [
  {
    name: "a codec of texts to dates",
    schema: isoDate,
    value: dateOfIso,
    index: range(),
    inputs: [["2024-02-29T00:00:00Z", new Date("2024-02-29T00:00:00Z")]],
  },
  {
    name: "a codec of texts to numbers",
    schema: z.codec(z.string(), z.number(), { decode: Number, encode: String }),
    value: plusZero,
    index: range(),
    inputs: [["12.5", 12.5]],
  },
  {
    name: "a codec of texts to bigints",
    schema: z.codec(z.string(), z.bigint(), { decode: BigInt, encode: String }),
    value: fc.bigInt(),
    index: [exact(), range()],
    inputs: [["12345678901234567890", 12_345_678_901_234_567_890n]],
  },
  {
    name: "a codec of seconds to dates",
    schema: z.codec(z.int(), z.date(), {
      decode: (seconds) => new Date(seconds * 1000),
      encode: (date) => date.getTime() / 1000,
    }),
    value: fc.integer({ min: -8.64e12, max: 8.64e12 }).map((seconds) => new Date(seconds * 1000)),
    index: range(),
    inputs: [[1, new Date(1000)]],
  },
  {
    name: "a codec of bytes to texts",
    schema: z.codec(z.instanceof(Uint8Array), z.string(), {
      decode: (bytes) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
      encode: (text) => new TextEncoder().encode(text),
    }),
    value: hostileString,
    index: [exact({ sortable: true, substring: true }), text()],
    inputs: [[new Uint8Array([0x61]), "a"]],
  },
  {
    name: "a codec of texts to lists",
    schema: z.codec(z.string(), z.array(z.string()), {
      decode: (text) => JSON.parse(text) as string[],
      encode: (list) => JSON.stringify(list),
    }),
    value: fc.array(hostileString),
    index: exact(),
    inputs: [['["a"]', ["a"]]],
  },
  {
    name: "a codec of dates to texts",
    schema: z.codec(z.date(), z.string(), {
      decode: (date) => date.toISOString(),
      encode: (text) => new Date(text),
    }),
    value: anyDate.map((date) => date.toISOString()),
    index: exact({ sortable: true }),
    inputs: [[new Date(0), "1970-01-01T00:00:00.000Z"]],
  },
  {
    name: "z.stringbool",
    schema: z.stringbool(),
    value: fc.boolean(),
    index: exact({ sortable: true }),
    inputs: [
      ["yes", true],
      ["OFF", false],
    ],
  },
  {
    name: "a codec of objects to a class",
    schema: temperature,
    value: plusZero.map((kelvin) => new Temperature(kelvin)),
    inputs: [[{ kelvin: 3 }, new Temperature(3)]],
  },
  {
    name: "a codec of texts to URLs",
    schema: z.codec(z.url(), z.instanceof(URL), { decode: (text) => new URL(text), encode: ({ href }) => href }),
    value: fc.webUrl({ withQueryParameters: true, withFragments: true }).map((text) => new URL(text)),
    inputs: [["http://a.example/b", new URL("http://a.example/b")]],
  },
  {
    name: "a codec behind a codec",
    schema: isoDate.pipe(
      z.codec(z.date(), z.bigint(), {
        decode: (date) => BigInt(date.getTime()),
        encode: (time) => new Date(Number(time)),
      }),
    ),
    value: dateOfIso.map((date) => BigInt(date.getTime())),
    index: range(),
    inputs: [["1970-01-01T00:00:00.001Z", 1n]],
  },
  {
    name: "a list of codecs",
    schema: z.array(isoDate.nullable()),
    value: fc.array(fc.option(dateOfIso)),
    inputs: [
      [
        ["2024-02-29T00:00:00Z", null],
        [new Date("2024-02-29T00:00:00Z"), null],
      ],
    ],
  },
  {
    name: "a list of codecs with an index",
    schema: z.array(z.stringbool({ truthy: ["yes"], falsy: ["no"] })),
    value: fc.array(fc.boolean()),
    index: exact(),
    inputs: [
      [
        ["yes", false],
        [true, false],
      ],
    ],
  },
  {
    name: "a record of codecs",
    schema: z.record(z.string(), isoDate),
    value: fc.dictionary(
      fc.string({ minLength: 1 }).filter((name) => name !== "__proto__"),
      dateOfIso,
    ),
    inputs: [[{ a: "2024-02-29T00:00:00Z" }, { a: new Date("2024-02-29T00:00:00Z") }]],
  },
  {
    name: "an object of codecs",
    schema: z.object({ at: isoDate.nullish(), deep: z.object({ on: z.stringbool() }).optional() }),
    value: fc
      .record({ at: fc.option(dateOfIso), deep: fc.record({ on: fc.boolean() }) }, { requiredKeys: [] })
      .map((value) => ({ ...value })),
    inputs: [[{ deep: { on: "no" } }, { deep: { on: false } }]],
  },
  {
    name: "a codec with a default",
    schema: isoDate.default(new Date(0)),
    value: dateOfIso,
    index: range(),
    inputs: [[undefined, new Date(0)]],
  },
  {
    name: "a transform that is piped to its result",
    schema: z.string().transform(Number).pipe(z.number()),
    value: plusZero,
    index: range(),
    inputs: [["12", 12]],
  },
  {
    name: "a transform of texts to texts",
    schema: z
      .string()
      .transform((given) => given.trim().toLowerCase())
      .pipe(z.string()),
    value: hostileString
      .map((given) => given.trim().toLowerCase())
      .filter((given) => given === given.trim().toLowerCase()),
    index: exact({ sortable: true }),
    inputs: [["  ABC ", "abc"]],
  },
  {
    name: "z.preprocess",
    schema: z.preprocess((given) => (typeof given === "string" ? given.split(",") : given), z.array(z.string())),
    value: fc.array(hostileString),
    index: exact(),
    inputs: [["a,b", ["a", "b"]]],
  },
  {
    name: "a pipe that changes nothing",
    schema: z.string().pipe(z.string().max(100)),
    value: hostileString,
    index: exact({ sortable: true }),
  },
];

// The order of decimals, found in another way than by the terms of an index: as bigints of one scale.
const scale = 60;
function scaled(text: string): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(scale, "0"));
}
const anyDecimal = fc.oneof(
  fc.constantFrom(
    "0",
    "1",
    "-1",
    "0.1",
    "-0.1",
    "0.01",
    "-0.01",
    "1.5",
    "1.25",
    "-1.5",
    "-1.25",
    "10",
    "9.99",
    "-10",
    "100",
  ),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.bigInt({ min: 0n, max: 10n ** 20n }))
    .map(([whole, fraction]) => decimal().parse(`${whole}.${fraction}`)),
);

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
  plus(other: Money): Money {
    return new Money(this.cents + other.cents);
  }
}
const money = custom({
  schema: z.instanceof(Money),
  as: "number",
  encode: ({ cents }) => cents,
  decode: (cents) => new Money(cents),
});
const reversed = custom({
  schema: z.string(),
  as: "string",
  encode: (given) => Array.from(given).toReversed().join(""),
  decode: (given) => Array.from(given).toReversed().join(""),
});
const backwards = (given: string): string => Array.from(given).toReversed().join("");

/** The mapper's own kinds. */
const own: readonly Kind[] = [
  { name: 'dateAs("s")', schema: dateAs("s"), value: anyDate, index: range() },
  { name: 'dateAs("iso")', schema: dateAs("iso").min(new Date(-8.64e15)), value: anyDate, index: range() },
  { name: "bit()", schema: bit(), value: fc.boolean(), index: exact() },
  {
    name: 'joined("|")',
    schema: joined("|"),
    value: fc
      .array(hostileString.filter((each) => !each.includes("|")))
      .filter((list) => list.length !== 1 || list[0] !== ""),
    index: exact(),
  },
  {
    name: "pointText()",
    schema: pointText(),
    value: fc.record({
      longitude: fc.constantFrom(0, -180, 1e-7, -1.5e-9, 2.35, 179.999_999),
      latitude: fc.constantFrom(0, 48.85, -85, -5e-324, 1 / 3),
    }),
  },
  {
    name: "decimal()",
    schema: decimal(),
    value: anyDecimal,
    index: [exact(), range()],
    key: scaled,
    inputs: [
      ["007.50", "7.5"],
      ["-0.00", "0"],
      ["10", "10"],
      ["100.010", "100.01"],
    ],
  },
  { name: "a list of decimals", schema: z.array(decimal().nullable()), value: fc.array(anyDecimal), index: exact() },
  {
    name: "a class as a number",
    schema: money,
    value: plusZero.map((cents) => new Money(cents)),
    index: range(),
    key: ({ cents }: Money) => cents,
  },
  { name: "a list of a class", schema: z.array(money), value: fc.array(plusZero.map((cents) => new Money(cents))) },
  {
    name: "a text as another text",
    schema: reversed,
    value: hostileString,
    index: [exact({ sortable: true }), range()],
    key: backwards,
  },
  {
    name: "a class as a bigint",
    schema: custom({
      schema: z.instanceof(Money),
      as: "bigint",
      encode: ({ cents }) => BigInt(cents),
      decode: (cents) => new Money(Number(cents)),
    }),
    value: fc.integer().map((cents) => new Money(cents)),
    index: range(),
    key: ({ cents }: Money) => cents,
  },
  {
    name: "a class as a date",
    schema: custom({
      schema: z.instanceof(Money),
      as: "date",
      encode: ({ cents }) => new Date(cents),
      decode: (date) => new Money(date.getTime()),
    }).nullable(),
    value: fc.option(anyDate.map((date) => new Money(date.getTime() || 0))),
  },
  {
    name: "a list of words as texts",
    schema: z.array(reversed),
    value: fc.array(hostileString),
    index: exact(),
  },
  {
    name: "a class as true or false",
    schema: custom({
      schema: z.instanceof(Money),
      as: "boolean",
      encode: ({ cents }) => cents > 0,
      decode: (some) => new Money(some ? 1 : 0),
    }),
    value: fc.boolean().map((some) => new Money(some ? 1 : 0)),
    index: exact({ sortable: true }),
    key: ({ cents }: Money) => cents,
  },
];

const event = z.discriminatedUnion("type", [
  z.object({ type: z.literal("at"), at: z.date(), note: z.string().optional() }),
  z.object({ type: z.enum(["sum", "product"]), of: z.array(z.bigint()) }),
  z.object({ type: z.literal("raw"), raw: bytes(), deep: z.object({ on: z.stringbool() }) }),
  z.object({ type: z.literal("none") }),
]);
const anyEvent = fc.oneof(
  fc.record({ type: fc.constant("at"), at: anyDate, note: hostileString }, { requiredKeys: ["type", "at"] }),
  fc.record({ type: fc.constantFrom("sum", "product"), of: fc.array(fc.bigInt()) }),
  fc.record({ type: fc.constant("raw"), raw: fc.uint8Array(), deep: fc.record({ on: fc.boolean() }) }),
  fc.constant({ type: "none" }),
);
const copied = (value: fc.Arbitrary<object>): fc.Arbitrary<unknown> => value.map((one) => ({ ...one }));

const secret = encrypted(z.string(), {
  current: "b",
  keys: { a: new Uint8Array(32).fill(1), b: new Uint8Array(32).fill(2) },
  index: new Uint8Array(32).fill(3),
});

/** Encrypted kinds. */
const secrets: readonly Kind[] = [
  { name: "an encrypted text", schema: secret, value: hostileString, index: exact(), varies: true },
  {
    name: "an encrypted text that may be absent",
    schema: secret.nullish(),
    value: fc.option(hostileString),
    varies: true,
  },
  {
    name: "a list of encrypted texts",
    schema: z.array(secret),
    value: fc.array(hostileString),
    index: exact(),
    varies: true,
  },
];

/** What is made of several. */
const composed: readonly Kind[] = [
  {
    name: "a tuple of dates, bigints and bytes",
    schema: z.tuple([z.date(), z.bigint().nullable(), z.string()], bytes()),
    value: fc
      .tuple(anyDate, fc.option(fc.bigInt()), hostileString, fc.array(fc.uint8Array(), { maxLength: 2 }))
      .map(([at, big, word, rest]) => [at, big, word, ...rest]),
  },
  {
    name: "a tuple of codecs",
    schema: z.tuple([isoDate, z.stringbool()]),
    value: fc.tuple(dateOfIso, fc.boolean()),
    inputs: [
      [
        ["1970-01-01T00:00:00Z", "yes"],
        [new Date(0), true],
      ],
    ],
  },
  {
    name: "a union of dates, texts, truths and lists",
    schema: z.union([z.date(), z.string(), z.boolean(), z.array(z.bigint()), z.null()]),
    value: fc.oneof(anyDate, hostileString, fc.boolean(), fc.array(fc.bigInt()), fc.constant(null)),
  },
  {
    name: "a union of bigints and numbers",
    schema: z.union([z.bigint(), z.number()]),
    value: fc.oneof(fc.bigInt(), plusZero),
  },
  {
    name: "a union of dates",
    schema: z.union([z.date().max(new Date(0)), z.date().min(new Date(0))]),
    value: anyDate,
    index: range(),
  },
  { name: "a discriminated union", schema: event, value: copied(anyEvent) },
  {
    name: "a union of objects with a mark",
    schema: z.union([
      z.object({ on: z.literal(true), at: z.date() }),
      z.object({ on: z.literal(false), at: z.bigint() }),
    ]),
    value: copied(
      fc.oneof(
        fc.record({ on: fc.constant(true), at: anyDate }),
        fc.record({ on: fc.constant(false), at: fc.bigInt() }),
      ),
    ),
  },
  { name: "a list of discriminated unions", schema: z.array(event), value: fc.array(copied(anyEvent)) },
  {
    name: "a record of dates",
    schema: z.record(z.string(), z.date().nullable()),
    value: copied(
      fc.dictionary(
        fc.string({ minLength: 1 }).filter((name) => name !== "__proto__"),
        fc.option(anyDate),
      ),
    ),
  },
  {
    name: "a record of known keys",
    schema: z.record(z.enum(["eur", "usd"]), z.bigint()),
    value: copied(fc.record({ eur: fc.bigInt(), usd: fc.bigInt() })),
  },
  {
    name: "a record of some known keys",
    schema: z.partialRecord(z.literal(["eur", "usd"]), z.date()),
    value: copied(fc.record({ eur: anyDate, usd: anyDate }, { requiredKeys: [] })),
  },
  {
    name: "a record of keys that are no names",
    schema: z.record(z.enum(["a.b", " "]), z.date()),
    value: copied(fc.record({ "a.b": anyDate, " ": anyDate })),
  },
];

const ulidLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const digitsOf = (letters: string, length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from(letters)), minLength: length, maxLength: length });
const isoText = dateOfIso.map((date) => date.toISOString());

/** Formats of zod's strings, with values of each. */
const formats: readonly (readonly [z.ZodType, fc.Arbitrary<string>])[] = [
  [z.email(), fc.constantFrom("a@b.co", "a.b+c@d-e.example", "x_y@sub.domain.org")],
  [z.uuid(), fc.uuid()],
  [z.guid(), fc.uuid()],
  [z.uuidv4(), fc.uuid({ version: 4 })],
  [z.uuidv7(), fc.uuid({ version: 7 })],
  [z.url(), fc.webUrl()],
  [z.httpUrl(), fc.constantFrom("http://a.example/", "https://b.example/c?d=e#f")],
  [z.hostname(), fc.domain()],
  [z.emoji(), fc.constantFrom("🎉", "👍")],
  [z.base64(), fc.base64String()],
  [z.base64url(), fc.uint8Array().map((given) => Buffer.from(given).toString("base64url"))],
  [z.hex(), fc.uint8Array().map((given) => Buffer.from(given).toString("hex"))],
  [z.jwt(), fc.constant("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhIjoxfQ.c2ln")],
  [z.nanoid(), digitsOf("abcXYZ019_-", 21)],
  [z.cuid2(), fc.constantFrom("tz4a98xxat96iws9zmbrgj3a", "pfh0haxfpzowht3oi213cqos")],
  [z.ulid(), digitsOf(ulidLetters, 25).map((rest) => `0${rest}`)],
  [z.xid(), digitsOf("0123456789abcdefghijklmnopqrstuv", 20)],
  [z.ksuid(), digitsOf("0123456789ABCXYZabcxyz", 27)],
  [z.ipv4(), fc.ipV4()],
  [z.ipv6(), fc.constantFrom("::1", "2001:db8::8a2e:370:7334", "fe80::1")],
  [z.cidrv4(), fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map((parts) => parts.join("/"))],
  [z.cidrv6(), fc.constantFrom("::1/128", "2001:db8::/32")],
  [z.mac(), fc.constantFrom("00:1A:2B:3C:4D:5E", "ff:ff:ff:ff:ff:ff")],
  [z.e164(), fc.integer({ min: 10_000_000, max: 999_999_999 }).map((given) => `+${given}`)],
  [z.iso.datetime(), isoText],
  [z.iso.date(), isoText.map((given) => given.slice(0, 10))],
  [z.iso.time(), isoText.map((given) => given.slice(11, 23))],
  [z.iso.duration(), fc.constantFrom("P1Y2M3DT4H5M6S", "PT1H", "P2W")],
  [z.hash("sha256"), digitsOf("0123456789abcdef", 64)],
  [z.stringFormat("even", (given) => given.length % 2 === 0), hostileString.map((given) => given.repeat(2))],
  [z.templateLiteral(["v", z.int()]), fc.integer().map((given) => `v${given}`)],
];

/** What zod's own kinds are refined, branded and wrapped with. */
const refined: readonly Kind[] = [
  ...formats.map(([schema, value]) => {
    const { format, type } = schema._zod.def as { readonly format?: string; readonly type: string };
    return { name: `a string of the format ${format ?? type}`, schema, value, index: exact({ sortable: true }) };
  }),
  {
    name: "a branded text",
    schema: z.string().brand<"Name">(),
    value: hostileString,
    index: exact({ sortable: true }),
  },
  { name: "a refined number", schema: z.number().refine((given) => given !== 7), value: plusZero, index: range() },
  { name: "a number made of anything", schema: z.coerce.number(), value: plusZero, index: range(), inputs: [["5", 5]] },
  { name: "an enum", schema: z.enum(["a", "B", " c "]), value: fc.constantFrom("a", "B", " c "), index: exact() },
  { name: "a union of literals", schema: z.literal([1, 2.5, -3]), value: fc.constantFrom(1, 2.5, -3), index: range() },
  {
    name: "a default",
    schema: z.string().default("none"),
    value: hostileString,
    index: exact({ sortable: true }),
    inputs: [[undefined, "none"]],
  },
  {
    name: "a default made by a function",
    schema: z.array(z.int()).default(() => [1, 2]),
    value: fc.array(fc.integer()),
    inputs: [[undefined, [1, 2]]],
  },
  {
    name: "a default in place of an input",
    schema: isoDate.prefault("1970-01-01T00:00:00Z"),
    value: dateOfIso,
    index: range(),
    inputs: [[undefined, new Date(0)]],
  },
  {
    name: "an object that takes nothing else",
    schema: z.strictObject({ at: z.date(), note: z.string().nullish() }),
    value: copied(fc.record({ at: anyDate, note: fc.option(hostileString) }, { requiredKeys: ["at"] })),
  },
  {
    name: "an object that drops everything else",
    schema: z.object({ at: z.date() }),
    value: copied(fc.record({ at: anyDate })),
    inputs: [[{ at: new Date(0), more: 1 }, { at: new Date(0) }]],
  },
];

/** Every kind. */
export const kinds: readonly Kind[] = [...others, ...codecs, ...own, ...secrets, ...composed, ...refined];

/** An entity type with one field of a kind. */
export function typeOf({ schema, index }: Kind, storage: Storage) {
  return defineEntity({
    name: "kind",
    storage,
    schema: z.object({ id: z.string(), field: schema }),
    ...(index === undefined ? {} : { index: { field: index } }),
  } as never);
}

/** The order of two values of a kind. */
export function order({ key = (value: never) => value }: Kind, left: unknown, right: unknown): number {
  return compareValues(key(left as never), key(right as never));
}
