// Definitions that cannot work: refused when they are made, every problem at once.
// And the metadata of those that can.
import { z } from "zod";
import { describe, expect, test } from "vitest";

import {
  bytes,
  custom,
  decimal,
  defineEntity,
  encrypted,
  exact,
  geo,
  geoPoint,
  type Index,
  isRemoraError,
  range,
  text,
  vector,
} from "remora";

// As plain JavaScript would call it.
const define = defineEntity as unknown as (options: Record<string, unknown>) => ReturnType<typeof defineEntity>;
const schema = z.object({
  id: z.string(),
  name: z.string(),
  age: z.number(),
  list: z.array(z.string()),
  at: z.date(),
  big: z.bigint(),
  v: z.int(),
  inner: z.object({ deep: z.string() }),
});

function problem(options: Record<string, unknown>): string {
  try {
    define({ name: "thing", schema, ...options });
  } catch (error) {
    if (isRemoraError(error, "DEFINITION")) {
      expect(error.entity).toBe((options["name"] as string | undefined) ?? "thing");
      return error.message;
    }
    throw error;
  }
  return "";
}

describe("names", () => {
  test.each(["", "user:admin", "{x}", "*", "a b", "1a", "a$", "a%", "é", "-a"])(
    "the entity name %j is refused",
    (name) => {
      expect(problem({ name })).toContain("name");
    },
  );

  test.each(["a", "_a", "User", "user-2", "a_b"])("the entity name %j is taken", (name) => {
    expect(problem({ name })).toBe("");
  });

  test("a storage that there is not is refused", () => {
    expect(problem({ storage: "xml" as "json" })).toContain('storage must be hash, json, string, not "xml"');
  });

  test.each(["", "a b", "a*", "a?", "a[", "a\\", "a$", "a\u0000", "a{b", "a}b", "{}"])(
    "the keyPrefix %j is refused",
    (keyPrefix) => {
      expect(problem({ keyPrefix })).toContain("keyPrefix");
    },
  );

  test.each([
    "",
    "a.b",
    'a"b',
    "a\\b",
    "a[0]",
    "a]",
    "$a",
    "AND",
    "OR",
    "NOT",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "prototype",
    "a\nb",
    "\ud800",
  ])("the field name %j is refused", (field) => {
    const fields = Object.fromEntries([
      ["id", z.string()],
      [field, z.string()],
    ]);
    // An object literal would take __proto__ for its prototype.
    const shape =
      field === "__proto__"
        ? Object.defineProperty({ id: z.string() }, field, { value: z.string(), enumerable: true })
        : fields;
    expect(problem({ schema: z.object(shape) })).not.toBe("");
    expect(problem({ schema: z.object({ id: z.string(), inner: z.object(shape) }) })).not.toBe("");
  });

  test.each(["a b", "a-b", "a:b", "é", "日本", "1", "*", "and", "@x"])("the field name %j is taken", (field) => {
    expect(problem({ schema: z.object({ id: z.string(), [field]: z.string() }), index: { [field]: exact() } })).toBe(
      "",
    );
  });
});

describe("stored names", () => {
  test.each(["", "a.b", "a]", "$a", "AND", "__proto__", "constructor", "a\nb", "\ud800"])("%j is refused", (name) => {
    expect(problem({ names: { name } })).toContain(`name: cannot be stored as ${JSON.stringify(name)}`);
    expect(problem({ names: { "inner.deep": name } })).toContain("inner.deep: cannot be stored as");
  });

  test("a name is a text, and in a JSON document begins with no blank", () => {
    expect(problem({ names: { name: 5 } })).toContain("name: cannot be stored as 5: a name is a text");
    expect(problem({ names: { name: " a" } })).toBe("");
    expect(problem({ storage: "json", names: { name: " a" } })).toContain("must not begin with a blank");
  });

  test("only fields have one, and the id keeps its own", () => {
    expect(problem({ names: { nope: "a", "inner.nope": "b", "list.0": "c" } })).toMatch(
      /nope: has a stored name but is not in the schema; inner\.nope: has.*; list\.0: has/,
    );
    expect(problem({ names: { id: "_id" } })).toContain("id: the id keeps its name in stored documents");
    expect(problem({ names: { name: "_id" }, id: { field: "name" } })).toContain("name: the id keeps its name");
  });

  test("no two of one object have the same", () => {
    expect(problem({ names: { name: "x", age: "x" } })).toContain('age: is stored as "x", and so is name');
    expect(problem({ names: { name: "age" } })).toContain('age: is stored as "age", and so is name');
    expect(problem({ names: { name: "id" } })).toContain('is stored as "id", and so is');
    expect(problem({ names: { name: "age", age: "name", "inner.deep": "name" } })).toBe("");
  });
});

const softly = z.object({ id: z.string(), at: z.date(), gone: z.date().optional() });

describe("special fields", () => {
  test.each<[string, Record<string, unknown>]>([
    ["an id that is missing", { id: { field: "nope" } }],
    ["an id that is a number", { id: { field: "age" } }],
    ["an optional id", { schema: z.object({ id: z.string().optional() }) }],
    ["a nullable id", { schema: z.object({ id: z.string().nullable() }) }],
    ["a version that is missing", { version: "nope" }],
    ["a version that is a string", { version: "name" }],
    ["a version with fractions", { version: "age" }],
    ["a timestamp that is a number", { timestamps: { createdAt: "age" } }],
    ["a timestamp that is missing", { timestamps: { updatedAt: "nope" } }],
    ["ids of an unknown make", { id: { generate: "serial" } }],
    ["no partition", { partitions: 0 }],
    ["too many partitions", { partitions: 257 }],
    ["half a partition", { partitions: 1.5 }],
    ["a unique value over partitions", { partitions: 2, unique: { name: ["name"] } }],
    ["changes over partitions", { partitions: 2, changes: true }],
    ["one slot in partitions", { partitions: 2, colocate: "shop" }],
    ["a prefix of its own in partitions", { partitions: 2, keyPrefix: "old:" }],
    ["a clock of nobody", { timestamps: { clock: "sundial" } }],
    ["a time of zero", { ttl: { seconds: 0 } }],
    ["a negative time", { ttl: { seconds: -5 } }],
    ["a sliding time without a time", { ttl: { sliding: "write" } }],
    ["a sliding time that is kept", { ttl: { seconds: 5, sliding: "read", onUpdate: "keep" } }],
    ["a sliding time that is cleared", { ttl: { seconds: 5, sliding: "write", onUpdate: "clear" } }],
    ["another kind of sliding", { ttl: { seconds: 5, sliding: "delete" } }],
    ["a soft deletion without an index", { schema: softly, softDelete: "gone" }],
    ["a soft deletion by a date that is always there", { schema: softly, index: { at: range() }, softDelete: "at" }],
    ["a soft deletion by text", { schema: softly, index: { id: range() }, softDelete: "id" }],
    ["a soft deletion by an unknown field", { schema: softly, softDelete: "nope" }],
    ["an unknown hook", { hooks: { beforeLoad: () => undefined } }],
    ["a hook that is no function", { hooks: { beforeSave: "trim" } }],
    ["a time that is none", { ttl: { seconds: Number.NaN } }],
    ["a unique of nothing", { unique: { one: [] } }],
    ["a unique over an unknown field", { unique: { one: ["nope"] } }],
    ["a unique over a list", { unique: { one: ["list"] } }],
    ["a unique over an object", { unique: { one: ["inner"] } }],
    ["a unique with a bad name", { unique: { "a:b": ["name"] } }],
    ["a compound of nothing", { compound: { one: { eq: [] } } }],
    ["a compound with a bad name", { index: { name: exact() }, compound: { "a:b": { eq: ["name"] } } }],
    ["a compound over an unknown field", { compound: { one: { eq: ["nope"] } } }],
    ["a compound over a field without an index", { compound: { one: { eq: ["name"] } } }],
    ["a compound over words", { index: { name: text() }, compound: { one: { eq: ["name"] } } }],
    ["a compound over a list", { index: { list: exact() }, compound: { one: { eq: ["list"] } } }],
    [
      "a compound twice over a field",
      { index: { name: range() }, compound: { one: { eq: ["name"], orderBy: "name" } } },
    ],
    ["a compound in no order", { index: { name: exact() }, compound: { one: { eq: ["name"], orderBy: "name" } } }],
    [
      "a compound ordered by no index",
      { index: { name: exact() }, compound: { one: { eq: ["name"], orderBy: "age" } } },
    ],
  ])("%s is refused", (_name, options) => {
    expect(problem(options)).not.toBe("");
  });
});

describe("indexes", () => {
  test.each<[string, Record<string, unknown>]>([
    ["on an unknown field", { nope: exact() }],
    ["on the id", { id: exact() }],
    ["below a string", { "name.length": range() }],
    ["exact on a number", { age: exact() }],
    ["exact on a date", { at: exact() }],
    ["text on a number", { age: text() }],
    ["range on a list", { list: range() }],
    ["text on a list", { list: text() }],
    ["sortable on a list", { list: exact({ sortable: true }) }],
    ["geo on a string", { name: geo() }],
    ["exact on an object", { inner: exact() }],
    ["twice the same kind", { name: [exact(), exact()] }],
    ["with a weight of nothing", { name: text({ weight: 0 }) }],
    ["with a weight that is none", { name: text({ weight: Number.NaN }) }],
    ["sortable exact on a bigint", { big: exact({ sortable: true }) }],
  ])("%s are refused", (_name, index) => {
    expect(problem({ index })).not.toBe("");
  });

  test("become metadata", () => {
    const { metadata } = defineEntity({
      name: "thing",
      schema: z.object({
        id: z.string(),
        a: z.string().optional(),
        b: z.array(z.boolean()),
        c: z.object({ d: z.date() }).nullable(),
        p: geoPoint(),
      }),
      index: {
        a: [exact({ sortable: true, caseInsensitive: true }), text({ weight: 3 })],
        b: exact(),
        "c.d": range(),
        p: geo(),
      },
    });
    expect(
      metadata.indexes.map(({ path, kind, scalar, array, absentable, sortable, caseInsensitive, weight }) => [
        path,
        kind,
        scalar,
        array,
        absentable,
        sortable,
        caseInsensitive,
        weight,
      ]),
    ).toEqual([
      ["a", "exact", "string", false, true, true, true, 1],
      ["a", "text", "string", false, true, false, true, 3],
      ["b", "exact", "boolean", true, false, false, false, 1],
      ["c.d", "range", "date", false, true, true, false, 1],
      ["p", "geo", "point", false, false, false, false, 1],
    ]);
    expect(Object.isFrozen(metadata)).toBe(true);
    expect(Object.isFrozen(metadata.indexes)).toBe(true);
  });
});

test("derived properties are in the schema, and nobody else's", () => {
  const derive = { name: 5, nope: () => "", v: () => 1 };
  const message = problem({ version: "v", derive });
  expect(message).toContain("name: derive takes a function of the entity");
  expect(message).toContain("nope: is derived but not a property of the schema");
  expect(message).toContain("v: is kept by the mapper already, and cannot be derived");
});

describe("schemas", () => {
  const of = (field: z.ZodType): string => problem({ schema: z.object({ id: z.string(), field }) });
  const stringNumber = z.codec(z.string(), z.number(), { decode: Number, encode: String });
  const link = z.codec(z.string(), z.instanceof(URL), { decode: (href) => new URL(href), encode: ({ href }) => href });
  const money = custom({ schema: z.instanceof(URL), as: "number", encode: () => 1, decode: () => new URL("a:b") });

  test.each<[string, z.ZodType]>([
    ["a transform", z.string().transform((value) => value.length)],
    ["a pipe that ends in a transform", z.string().pipe(z.transform(Number))],
    ["a codec of texts to texts", z.codec(z.string(), z.string(), { decode: (text) => text, encode: (text) => text })],
    ["a codec to anything", z.codec(z.string(), z.unknown(), { decode: (text) => text, encode: String })],
    ["a codec of symbols", z.codec(z.symbol(), z.string(), { decode: String, encode: Symbol })],
    ["a map", z.map(z.string(), z.string())],
    ["a set", z.set(z.string())],
    ["a symbol", z.symbol()],
    ["a promise", z.promise(z.string())],
    ["undefined alone", z.undefined()],
    ["a class", z.instanceof(URL)],
    ["a union of dates and numbers", z.union([z.date(), z.number()])],
    ["a union of bigints and texts", z.union([z.string(), z.bigint()])],
    ["a union of dates and anything", z.union([z.date(), z.unknown()])],
    ["a union of objects that nothing tells apart", z.union([z.object({ a: z.date() }), z.object({ a: z.bigint() })])],
    [
      "a union of objects with the same mark",
      z.union([z.object({ a: z.literal(1), b: z.date() }), z.object({ a: z.literal(1), c: z.date() })]),
    ],
  ])("%s cannot be stored", (_name, field) => {
    expect(of(field)).toContain("field");
  });

  test.each<[string, z.ZodType, Index, string]>([
    ["text of decimals", decimal(), text(), "text() cannot stand on decimal"],
    ["an order of decimals by exact()", decimal(), exact({ sortable: true }), "exact() does not order decimals"],
    ["exact() of a custom number", money, exact(), "exact() cannot stand on number"],
    ["an index on what a codec alone knows", link, exact(), "exact() cannot stand on custom"],
    [
      "a vector of codecs",
      z.array(stringNumber),
      vector({ dim: 2 }),
      "vector() needs an array that is stored as it is",
    ],
  ])("%s is refused", (_name, field, index, message) => {
    const definition = { name: "x", schema: z.object({ id: z.string(), field }), index: { field: index } };
    expect(() => defineEntity(definition as never)).toThrow(`field: ${message}`);
  });

  test("encrypted texts need keys, and have one index", () => {
    const key = new Uint8Array(32);
    const keys = { current: "a", keys: { a: key } };
    const over = (index: object, given: object = { ...keys, index: key }): string =>
      problem({
        schema: z.object({ id: z.string(), field: encrypted(z.string(), given as typeof keys) }),
        ...index,
      });
    expect(over({ index: { field: exact() } }, keys)).toContain("field: exact() needs keys.index of encrypted()");
    expect(over({ unique: { one: ["field"] } }, keys)).toContain("field: unique one needs keys.index of encrypted()");
    expect(over({ unique: { one: { fields: ["field"], caseInsensitive: true } } })).toContain("cannot fold the case");
    for (const index of [range(), text(), exact({ sortable: true }), exact({ caseInsensitive: true })]) {
      expect(over({ index: { field: index } })).toContain("field: an encrypted text has exact() and no other index");
    }
    for (const [given, message] of [
      [{ current: "b", keys: { a: key } }, 'the current key "b" is not among the keys'],
      [{ current: "a", keys: { a: key.slice(1) } }, "the key a has 31 bytes instead of 32"],
      [{ current: "a.b", keys: { "a.b": key } }, "the name of a key is letters, digits, _ and -"],
      [{ ...keys, index: "c2hvcnQ=" }, "the key index has 5 bytes instead of 32"],
    ] as const) {
      expect(() => encrypted(z.string(), given as typeof keys)).toThrow(message);
    }
  });

  test("a schema that contains itself cannot be stored", () => {
    const Node: z.ZodType = z.object({
      value: z.string(),
      get next() {
        return Node.optional();
      },
    });
    expect(of(Node)).toContain("contains itself");
    expect(of(z.json())).toContain("contains itself");
  });

  test.each<[string, z.ZodType]>([
    [
      "strings of every form",
      z.union([z.email(), z.url(), z.iso.datetime(), z.templateLiteral(["a", z.string()]), z.literal("x")]),
    ],
    ["enums and literals", z.enum(["a", "b"]).or(z.literal(["c", "d"]))],
    ["numbers", z.int().min(1).max(5)],
    ["wrappers", z.string().optional().nullable().default("x").readonly()],
    ["lists of objects", z.array(z.object({ at: z.date(), big: z.bigint().optional() }))],
    ["records", z.record(z.string(), z.date())],
    [
      "unions of objects",
      z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("a") }),
        z.object({ kind: z.literal("b"), n: z.number() }),
      ]),
    ],
    ["tuples", z.tuple([z.string(), z.number()])],
    ["anything", z.unknown()],
    ["bytes", bytes()],
    ["points", geoPoint().nullable()],
  ])("%s can be stored", (_name, field) => {
    expect(of(field)).toBe("");
  });

  test("a loose object needs JSON storage", () => {
    const loose = z.looseObject({ id: z.string() });
    expect(problem({ schema: loose })).toContain("json");
    expect(problem({ schema: loose, storage: "json" })).toBe("");
  });

  test("a numeric enum has its values only", () => {
    const Level = { Low: 0, High: 1, 0: "Low", 1: "High" } as const;
    const { metadata } = defineEntity({
      name: "thing",
      schema: z.object({ id: z.string(), level: z.enum(Level as unknown as { Low: 0; High: 1 }) }),
      index: { level: range() },
    });
    expect(metadata.indexes[0]).toMatchObject({ scalar: "number", kind: "range" });
  });
});

test("every problem is told at once, each with its path", () => {
  const message = problem({
    name: "a:b",
    index: { nope: exact(), age: text() },
    version: "name",
    unique: { one: ["gone"] },
    ttl: { seconds: -1 },
  });
  for (const part of ["the name", "nope", "age", "name:", "gone", "ttl"]) expect(message).toContain(part);
});

test("a compound's problem names field and cure", () => {
  const message = problem({ index: { name: exact() }, compound: { mine: { eq: ["age"], orderBy: "name" } } });
  expect(message).toContain("age: compound mine asks for equality: give it exact() or range(), and a single value");
  expect(message).toContain("name: compound mine orders by it: give it range() or exact({ sortable: true })");
});

test("the layout changes with what is stored, and with nothing else", () => {
  const layout = (options: Record<string, unknown>): string =>
    define({ name: "thing", schema, ...options }).metadata.layout;
  const base = layout({});
  expect(layout({ schema: schema.extend({ name: z.string().min(3) }) })).toBe(base);
  expect(layout({ name: "other" })).toBe(base);
  const others = [
    layout({ storage: "json" }),
    layout({ index: { name: exact() } }),
    layout({ index: { name: exact({ caseInsensitive: true }) } }),
    layout({ unique: { one: ["name"] } }),
    layout({ index: { name: range() }, compound: { one: { eq: ["name"] } } }),
    layout({ index: { name: range() }, compound: { two: { eq: ["name"] } } }),
    layout({ index: { name: range() } }),
    layout({ version: "v" }),
    layout({ ttl: {} }),
    layout({ schema: schema.extend({ more: z.string() }) }),
    layout({ schema: schema.extend({ age: z.string() }) }),
    layout({ names: { name: "n" } }),
    layout({ names: { name: "m" } }),
    layout({ names: { age: "n" } }),
    layout({ names: { name: "big", big: "name" } }),
    layout({ names: { inner: "n" } }),
    layout({ names: { "inner.deep": "n" } }),
  ];
  expect(layout({ names: {} })).toBe(base);
  expect(layout({ names: { name: "name", "inner.deep": "deep" } })).toBe(base);
  expect(layout({ names: { age: "a", name: "n" } })).toBe(layout({ names: { name: "n", age: "a" } }));
  expect(new Set([base, ...others]).size).toBe(others.length + 1);
});

describe("vectors", () => {
  const numbers = z.object({
    id: z.string(),
    at: z.array(z.number()),
    holes: z.array(z.number().nullable()),
    one: z.number(),
  });
  const loose = vector as unknown as (options: Record<string, unknown>) => ReturnType<typeof vector>;
  const vectorProblem = (options: Record<string, unknown>, path = "at"): string =>
    problem({ schema: numbers, index: { [path]: loose(options) } });

  test.each([
    [{ dim: 0 }, "dim of vector() is a whole number from 1 to 32768, not 0"],
    [{ dim: 1.5 }, "dim"],
    [{ dim: 32_769 }, "dim"],
    [{}, "dim"],
    [{ dim: "3" }, "dim"],
    [{ dim: 3, metric: "L2" }, "metric"],
    [{ dim: 3, algorithm: "HNSW" }, "algorithm"],
    [{ dim: 3, m: 8 }, 'm of vector() is for algorithm "hnsw"'],
    [{ dim: 3, algorithm: "hnsw", m: 3 }, "m of vector() is a whole number from 4 to 512"],
    [{ dim: 3, algorithm: "hnsw", efConstruction: 0 }, "efConstruction"],
    [{ dim: 3, algorithm: "hnsw", efRuntime: 5000 }, "efRuntime"],
  ])("%j are refused", (options, reason) => {
    expect(vectorProblem(options)).toContain(`at: ${reason}`);
  });

  test("stand on arrays of numbers only", () => {
    expect(vectorProblem({ dim: 3 })).toBe("");
    expect(vectorProblem({ dim: 3, algorithm: "hnsw", m: 4, efConstruction: 1, efRuntime: 4096 })).toBe("");
    expect(vectorProblem({ dim: 3 }, "one")).toContain("vector() cannot stand on number");
    expect(vectorProblem({ dim: 3 }, "holes")).toContain("no item is absent");
    expect(problem({ index: { list: loose({ dim: 3 }) } })).toContain("vector() cannot stand on an array of string");
    expect(problem({ schema: numbers, index: { at: exact() } })).toContain(
      "exact() cannot stand on an array of number",
    );
  });
});
