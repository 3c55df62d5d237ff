// Every operator on every kind of field: what it finds, by ids written out by hand.
// Absent values, empty lists and the edges of each type are among the rows.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, type EntityOf, exact, geo, geoPoint, type IndexesOf, type Query, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "./matrix.ts";

const item = (storage: Storage) =>
  defineEntity({
    name: "item",
    storage,
    schema: z.object({
      id: z.string(),
      word: z.string().nullable(),
      loose: z.string().optional(),
      size: z.number().nullable(),
      when: z.date().optional(),
      big: z.bigint().optional(),
      yes: z.boolean().nullish(),
      kind: z.enum(["x", "y", "z"]).optional(),
      tags: z.array(z.string()).nullable(),
      marks: z.array(z.boolean()),
      note: z.string().nullable(),
      at: z.object({ place: geoPoint().nullable(), level: z.int() }).optional(),
    }),
    index: {
      word: [exact({ sortable: true }), range()],
      loose: exact({ caseInsensitive: true, substring: true }),
      size: range(),
      when: range(),
      big: [exact(), range()],
      yes: exact(),
      kind: exact(),
      tags: exact(),
      marks: exact(),
      note: text({ phrase: true }),
      "at.place": geo(),
      "at.level": range(),
    },
  });

type Item = ReturnType<typeof item>;
type Chain = Query<EntityOf<Item>, IndexesOf<Item>>;

const empty = { word: null, size: null, tags: null, marks: [], note: null };
const rows = [
  { id: "none", ...empty },
  { id: "void", ...empty, word: "", loose: "", tags: [], note: "" },
  {
    id: "one",
    ...empty,
    word: "a",
    loose: "Straße",
    size: -1.5,
    when: new Date(-5),
    big: -3n,
    yes: false,
    kind: "x" as const,
    tags: ["t", "t", ""],
    marks: [true],
    note: "The quick-brown Fox",
    at: { place: { longitude: 180, latitude: 0 }, level: 1 },
  },
  {
    id: "two",
    ...empty,
    word: "B",
    loose: "STRASSE",
    size: 0,
    when: new Date(0),
    big: 0n,
    yes: true,
    kind: "y" as const,
    tags: ["t", "u"],
    marks: [false, true],
    note: "fox\nbrown",
    at: { place: null, level: 2 },
  },
  {
    id: "six",
    ...empty,
    word: "é",
    loose: "é",
    size: 0.1 + 0.2,
    when: new Date(1_700_000_000_000),
    big: 2n ** 70n,
    kind: "z" as const,
    tags: ["u", "a,b"],
    marks: [false],
    note: "ÉCOLE 12",
  },
];

const all = ["none", "one", "six", "two", "void"];
const without = (...ids: string[]): string[] => all.filter((id) => !ids.includes(id));

const oneness = { longitude: 180, latitude: 0 };

// What is asked, and the ids that must come.
const cases: [name: string, ask: (query: Chain) => Chain, ids: string[]][] = [
  ["eq text", (q) => q.where("word").eq("a"), ["one"]],
  ["eq text minds case", (q) => q.where("word").eq("A"), []],
  ["eq empty text", (q) => q.where("word").eq(""), ["void"]],
  ["ne text", (q) => q.where("word").ne("a"), without("one")],
  ["in text", (q) => q.where("word").in(["a", "é", "nope", "a"]), ["one", "six"]],
  ["in nothing", (q) => q.where("word").in([]), []],
  ["in many", (q) => q.where("word").in([...Array.from({ length: 700 }, (_, n) => `n${n}`), "B"]), ["two"]],
  ["notIn text", (q) => q.where("word").notIn(["a", ""]), without("one", "void")],
  ["notIn nothing", (q) => q.where("word").notIn([]), all],
  ["isNull", (q) => q.where("word").isNull(), ["none"]],
  ["not isNull", (q) => q.whereNot("word").isNull(), without("none")],
  ["gt text", (q) => q.where("word").gt("B"), ["one", "six"]],
  ["gte text", (q) => q.where("word").gte("B"), ["one", "six", "two"]],
  ["lt text", (q) => q.where("word").lt("B"), ["void"]],
  ["lte text", (q) => q.where("word").lte("B"), ["two", "void"]],
  ["lt empty text", (q) => q.where("word").lt(""), []],
  ["between text", (q) => q.where("word").between("", "a"), ["one", "two", "void"]],
  ["between text, open", (q) => q.where("word").between("", "a", { excludeLower: true, excludeUpper: true }), ["two"]],
  ["not gt text", (q) => q.whereNot("word").gt("B"), ["none", "two", "void"]],
  ["startsWith", (q) => q.where("word").startsWith("a"), ["one"]],
  ["startsWith minds case", (q) => q.where("word").startsWith("b"), []],
  ["startsWith accents", (q) => q.where("word").startsWith("é"), ["six"]],
  ["startsWith nothing", (q) => q.where("word").startsWith(""), without("none")],
  ["startsWith more than there is", (q) => q.where("word").startsWith("ab"), []],
  ["not startsWith", (q) => q.whereNot("word").startsWith("a"), without("one")],
  ["endsWith folded", (q) => q.where("loose").endsWith("SSE"), ["one", "two"]],
  ["endsWith one character", (q) => q.where("loose").endsWith("e"), ["one", "two"]],
  ["endsWith all of it", (q) => q.where("loose").endsWith("strasse"), ["one", "two"]],
  ["endsWith nothing", (q) => q.where("loose").endsWith(""), ["one", "six", "two", "void"]],
  ["not endsWith", (q) => q.whereNot("loose").endsWith("sse"), ["none", "six", "void"]],
  ["includes folded", (q) => q.where("loose").includes("TRA"), ["one", "two"]],
  ["includes one character", (q) => q.where("loose").includes("s"), ["one", "two"]],
  ["includes accents", (q) => q.where("loose").includes("É"), ["six"]],
  ["includes what is in none", (q) => q.where("loose").includes("xyz"), []],
  ["includes nothing", (q) => q.where("loose").includes(""), ["one", "six", "two", "void"]],
  ["not includes", (q) => q.whereNot("loose").includes("s"), ["none", "six", "void"]],
  ["eq folded", (q) => q.where("loose").eq("strasse"), ["one", "two"]],
  ["eq folded accents", (q) => q.where("loose").eq("É"), ["six"]],
  ["ne folded", (q) => q.where("loose").ne("STRASSE"), ["none", "six", "void"]],
  ["eq number", (q) => q.where("size").eq(0.1 + 0.2), ["six"]],
  ["eq nearly the number", (q) => q.where("size").eq(0.3), []],
  ["eq minus zero", (q) => q.where("size").eq(-0), ["two"]],
  ["ne number", (q) => q.where("size").ne(0), without("two")],
  ["in numbers", (q) => q.where("size").in([0, -1.5, 7]), ["one", "two"]],
  ["gt number", (q) => q.where("size").gt(0), ["six"]],
  ["gte number", (q) => q.where("size").gte(0), ["six", "two"]],
  ["lt number", (q) => q.where("size").lt(0), ["one"]],
  ["lte number", (q) => q.where("size").lte(0), ["one", "two"]],
  ["between numbers", (q) => q.where("size").between(-1.5, 0), ["one", "two"]],
  ["between numbers, open", (q) => q.where("size").between(-1.5, 0, { excludeLower: true, excludeUpper: true }), []],
  ["between the wrong way", (q) => q.where("size").between(1, -1), []],
  ["between one and itself", (q) => q.where("size").between(0, 0), ["two"]],
  ["above minus infinity", (q) => q.where("size").gt(-Infinity), ["one", "six", "two"]],
  ["above infinity", (q) => q.where("size").gt(Infinity), []],
  ["up to infinity", (q) => q.where("size").lte(Infinity), ["one", "six", "two"]],
  ["number isNull", (q) => q.where("size").isNull(), ["none", "void"]],
  ["eq date", (q) => q.where("when").eq(new Date(-5)), ["one"]],
  ["gte date", (q) => q.where("when").gte(new Date(0)), ["six", "two"]],
  ["lt date", (q) => q.where("when").lt(new Date(0)), ["one"]],
  ["between dates", (q) => q.where("when").between(new Date(-10), new Date(10)), ["one", "two"]],
  ["date isNull", (q) => q.where("when").isNull(), ["none", "void"]],
  ["eq bigint", (q) => q.where("big").eq(2n ** 70n), ["six"]],
  ["eq nearly the bigint", (q) => q.where("big").eq(2n ** 70n + 1n), []],
  ["in bigints", (q) => q.where("big").in([0n, -3n]), ["one", "two"]],
  ["gt bigint", (q) => q.where("big").gt(-3n), ["six", "two"]],
  ["lt bigint", (q) => q.where("big").lt(0n), ["one"]],
  ["between bigints", (q) => q.where("big").between(-10n, 0n), ["one", "two"]],
  ["eq boolean", (q) => q.where("yes").eq(false), ["one"]],
  ["ne boolean", (q) => q.where("yes").ne(false), without("one")],
  ["boolean isNull", (q) => q.where("yes").isNull(), ["none", "six", "void"]],
  ["eq member", (q) => q.where("kind").eq("y"), ["two"]],
  ["in members", (q) => q.where("kind").in(["x", "z"]), ["one", "six"]],
  ["contains", (q) => q.where("tags").contains("t"), ["one", "two"]],
  ["contains the empty text", (q) => q.where("tags").contains(""), ["one"]],
  ["contains a text with a comma", (q) => q.where("tags").contains("a,b"), ["six"]],
  ["contains a part", (q) => q.where("tags").contains("a"), []],
  ["not contains", (q) => q.whereNot("tags").contains("t"), ["none", "six", "void"]],
  ["containsAny", (q) => q.where("tags").containsAny(["u", ""]), ["one", "six", "two"]],
  ["containsAny of nothing", (q) => q.where("tags").containsAny([]), []],
  ["containsAll", (q) => q.where("tags").containsAll(["t", "u"]), ["two"]],
  ["containsAll twice the same", (q) => q.where("tags").containsAll(["t", "t"]), ["one", "two"]],
  ["containsAll of nothing", (q) => q.where("tags").containsAll([]), ["one", "six", "two", "void"]],
  ["containsNone", (q) => q.where("tags").containsNone(["t"]), ["none", "six", "void"]],
  ["containsNone of nothing", (q) => q.where("tags").containsNone([]), all],
  ["array isNull", (q) => q.where("tags").isNull(), ["none"]],
  ["contains boolean", (q) => q.where("marks").contains(false), ["six", "two"]],
  ["containsAll booleans", (q) => q.where("marks").containsAll([true, false]), ["two"]],
  ["match one word", (q) => q.where("note").match("FOX"), ["one", "two"]],
  ["match several words", (q) => q.where("note").match("brown the"), ["one"]],
  ["match across a line", (q) => q.where("note").match("fox brown"), ["one", "two"]],
  ["match accents", (q) => q.where("note").match("école"), ["six"]],
  ["match digits", (q) => q.where("note").match("12"), ["six"]],
  ["match no part of a word", (q) => q.where("note").match("bro"), []],
  ["match marks only", (q) => q.where("note").match("!?"), ["one", "six", "two", "void"]],
  ["not match", (q) => q.whereNot("note").match("fox"), ["none", "six", "void"]],
  ["matchPrefix", (q) => q.where("note").matchPrefix("quick br"), ["one"]],
  ["matchPrefix of a whole word", (q) => q.where("note").matchPrefix("FOX"), ["one", "two"]],
  ["matchPrefix, the word finished", (q) => q.where("note").matchPrefix("bro "), []],
  ["matchPrefix of one letter", (q) => q.where("note").matchPrefix("é"), ["six"]],
  ["matchPrefix of nothing", (q) => q.where("note").matchPrefix(" "), ["one", "six", "two", "void"]],
  ["not matchPrefix", (q) => q.whereNot("note").matchPrefix("fo"), ["none", "six", "void"]],
  ["fuzzy", (q) => q.where("note").fuzzy("quik"), ["one"]],
  ["fuzzy in every word", (q) => q.where("note").fuzzy("fax browm"), ["one", "two"]],
  ["fuzzy at one edit", (q) => q.where("note").fuzzy("brn"), []],
  ["fuzzy at two edits", (q) => q.where("note").fuzzy("brn", { distance: 2 }), ["one", "two"]],
  ["not fuzzy", (q) => q.whereNot("note").fuzzy("fux"), ["none", "six", "void"]],
  ["phrase", (q) => q.where("note").phrase("quick brown fox"), ["one"]],
  ["phrase across a line", (q) => q.where("note").phrase("FOX brown"), ["two"]],
  ["phrase the wrong way round", (q) => q.where("note").phrase("fox quick"), []],
  ["phrase with a gap", (q) => q.where("note").phrase("the brown"), []],
  ["phrase of one word", (q) => q.where("note").phrase("fox"), ["one", "two"]],
  ["not phrase", (q) => q.whereNot("note").phrase("brown fox"), without("one")],
  ["text isNull", (q) => q.where("note").isNull(), ["none"]],
  ["nested number", (q) => q.where("at.level").gte(2), ["two"]],
  ["nested isNull", (q) => q.where("at.level").isNull(), ["none", "six", "void"]],
  ["point isNull", (q) => q.where("at.place").isNull(), without("one")],
  ["within a circle", (q) => q.where("at.place").within({ center: oneness, radius: 1 }), ["one"]],
  [
    "within a circle beyond the antimeridian",
    (q) => q.where("at.place").within({ center: { longitude: -179.99, latitude: 0 }, radius: 2, unit: "km" }),
    ["one"],
  ],
  [
    "within a circle elsewhere",
    (q) => q.where("at.place").within({ center: { longitude: 0, latitude: 0 }, radius: 900, unit: "km" }),
    [],
  ],
  [
    "within a wide circle",
    (q) => q.where("at.place").within({ center: { longitude: 100, latitude: 0 }, radius: 9000, unit: "km" }),
    ["one"],
  ],
  [
    "within a wide circle, just not",
    (q) => q.where("at.place").within({ center: { longitude: 100, latitude: 0 }, radius: 8890, unit: "km" }),
    [],
  ],
  ["within the globe", (q) => q.where("at.place").within({ center: oneness, radius: 30_000, unit: "mi" }), ["one"]],
  ["not within a circle", (q) => q.whereNot("at.place").within({ center: oneness, radius: 9 }), without("one")],
  ["within a box", (q) => q.where("at.place").within({ west: 170, east: 180, south: -1, north: 1 }), ["one"]],
  [
    "within a box across the antimeridian",
    (q) => q.where("at.place").within({ west: 170, east: -170, south: -1, north: 1 }),
    ["one"],
  ],
  ["within a box elsewhere", (q) => q.where("at.place").within({ west: -170, east: 170, south: -1, north: 1 }), []],
  ["within a box above", (q) => q.where("at.place").within({ west: -180, east: 180, south: 1, north: 90 }), []],
  ["within every box", (q) => q.where("at.place").within({ west: -180, east: 180, south: -90, north: 90 }), ["one"]],
  [
    "not within a box",
    (q) => q.whereNot("at.place").within({ west: 170, east: -170, south: -1, north: 1 }),
    without("one"),
  ],
];

describeMatrix("operators", ({ open }) => {
  test("find what they say", async () => {
    const { repository } = await open(item);
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    for (const [name, ask, ids] of cases) {
      const query = ask(repository.query());
      expect((await query.ids()).sort(), name).toEqual(ids);
      expect(await query.count(), name).toBe(ids.length);
      expect((await query.all()).map(({ id }) => id).sort(), name).toEqual(ids);
      expect(await query.exists(), name).toBe(ids.length > 0);
    }
  });

  test("follow the values as they change", async () => {
    const { repository } = await open(item);
    await repository.insertMany(rows);
    await repository.save({ id: "one", ...empty, word: "z", tags: ["new"], note: "other words", size: 9 });
    const query = (): Chain => repository.query();
    expect(await query().where("word").eq("a").count()).toBe(0);
    expect(await query().where("word").eq("z").ids()).toEqual(["one"]);
    expect(await query().where("tags").contains("t").ids()).toEqual(["two"]);
    expect(await query().where("tags").contains("new").ids()).toEqual(["one"]);
    expect(await query().where("note").match("quick").count()).toBe(0);
    expect(await query().where("note").match("words").ids()).toEqual(["one"]);
    expect(await query().where("size").lt(0).count()).toBe(0);
    expect(await query().where("size").gt(1).ids()).toEqual(["one"]);
    expect((await query().where("when").isNull().ids()).sort()).toEqual(["none", "one", "void"]);
    expect((await query().where("at.level").isNull().ids()).sort()).toEqual(["none", "one", "six", "void"]);
    expect(await query().where("kind").eq("x").count()).toBe(0);
  });
});
