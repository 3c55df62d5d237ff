// Chosen fields: read alone where a server can, checked alone, and never anything else in what comes back.
// The expected parts are written down, or taken from the entities by plain property access.
import { z } from "zod";
import { expect, test } from "vitest";

import { bytes, defineEntity, exact, geo, geoPoint, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const song = (storage: Storage) =>
  defineEntity({
    name: "song",
    storage,
    schema: z
      .object({
        id: z.string(),
        title: z.string(),
        length: z.number(),
        note: z.string().nullable().optional(),
        tags: z.array(z.string()),
        artist: z.object({ name: z.string(), born: z.date().optional() }).optional(),
        label: z.object({ code: z.bigint(), place: geoPoint().nullable() }),
        cover: bytes(),
        as: z.string(),
        // As the search index might call what it holds for other fields.
        length_2: z.number(),
        note_3_substring: z.string().optional(),
        "two words": z.int(),
        version: z.int(),
      })
      .refine((whole) => whole.length < 1000 || whole.title !== "long"),
    index: {
      title: [exact({ sortable: true }), text()],
      length: range(),
      note: exact({ substring: true }),
      tags: exact(),
      "label.code": range(),
      "label.place": geo(),
    },
    version: "version",
  });

// Values that a server trims, splits or rounds where it reads them as what they are indexed as.
const input = {
  a: {
    id: "a",
    title: " a, b ",
    length: 0.1 + 0.2,
    note: null,
    tags: ["x", "y z"],
    artist: { name: "Ann", born: new Date(5) },
    label: { code: 2n ** 70n, place: { longitude: 2.5, latitude: 48.5 } },
    cover: new Uint8Array([1, 2]),
    as: "AS",
    length_2: 1 / 3,
    note_3_substring: "mine",
    "two words": 2,
  },
  b: {
    id: "b",
    title: "b",
    length: 123_456_789.123_456_7,
    tags: [],
    label: { code: -1n, place: null },
    cover: new Uint8Array(),
    as: "",
    length_2: 2 / 3,
    "two words": 3,
  },
  c: {
    id: "c",
    title: "c",
    length: -1,
    note: "",
    tags: ["x"],
    artist: { name: "" },
    label: { code: 0n, place: null },
    cover: new Uint8Array([0]),
    as: "from",
    length_2: 4 / 3,
    "two words": 4,
  },
};

describeMatrix("chosen fields", ({ open, storage, engine }) => {
  const opened = async () => {
    const { repository, raw } = await open(song);
    await repository.insertMany([input.a, input.b, input.c]);
    return { repository, raw, query: repository.query().orderBy("title") };
  };

  test("come alone, as they are in the whole entity", async () => {
    const { query } = await opened();
    expect(await query.select("title", "length").all()).toEqual([
      { title: " a, b ", length: 0.1 + 0.2 },
      { title: "b", length: 123_456_789.123_456_7 },
      { title: "c", length: -1 },
    ]);
    expect(await query.select("id").all()).toEqual([{ id: "a" }, { id: "b" }, { id: "c" }]);
    const names = [
      "id",
      "title",
      "length",
      "note",
      "tags",
      "artist",
      "label",
      "cover",
      "as",
      "length_2",
      "note_3_substring",
      "two words",
      "version",
    ] as const;
    const whole = await query.all();
    expect(whole.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    for (const name of names) {
      const expected = whole.map((entity) => (name in entity ? { [name]: entity[name] } : {}));
      expect(await query.select(name).all(), name).toStrictEqual(expected);
    }
    expect(await query.select(...names).all()).toStrictEqual(whole);
    expect(await query.select("length").select("title").first()).toEqual({ title: " a, b " });
  });

  test("inside objects come in these objects, and null and missing stay apart", async () => {
    const { query } = await opened();
    expect(await query.select("artist.born", "label.code", "note").all()).toStrictEqual([
      { artist: { born: new Date(5) }, label: { code: 2n ** 70n }, note: null },
      { label: { code: -1n } },
      { artist: {}, label: { code: 0n }, note: "" },
    ]);
    expect(
      await query.select("label.place", "label").select("label.code", "label", "label.code").first(),
    ).toStrictEqual({
      label: input.a.label,
    });
  });

  test("in every way of asking for entities", async () => {
    const { query } = await opened();
    const titles = query.select("title");
    expect(await titles.limit(1).page()).toEqual({ items: [{ title: " a, b " }], total: 3 });
    expect(await query.where("length").gt(-2).select("as").offset(2).limit(1).all()).toEqual([{ as: "from" }]);
    expect(await titles.firstOrThrow()).toEqual({ title: " a, b " });
    expect(await titles.where("title").eq("c").one()).toEqual({ title: "c" });
    expect(await titles.where("title").eq("none").first()).toBeNull();
    expect(await titles.count()).toBe(3);
    expect(await titles.ids()).toEqual(["a", "b", "c"]);
    expect(await titles.exists()).toBe(true);
    expect((await titles.limit(5).orderBy("length").all()).length).toBe(3);
    // Without an order, in one command where there is one.
    const { repository } = await opened();
    const { items, total } = await repository.query().select("two words").limit(10).page();
    expect(new Set(items.map((row) => row["two words"]))).toEqual(new Set([2, 3, 4]));
    expect([items.length, total]).toEqual([3, 3]);
  });

  test("pages and streams go on by fields that are not chosen", async () => {
    const { query, repository } = await opened();
    const first = await query.select("as").limit(2).keyset();
    expect(first.items).toEqual([{ as: "AS" }, { as: "" }]);
    const second = await query.select("as").limit(2).keyset({ after: first.cursor });
    expect(second).toEqual({ items: [{ as: "from" }], cursor: null });
    // What is chosen does not belong to the place.
    expect((await query.select("title").limit(2).keyset({ after: first.cursor })).items).toEqual([{ title: "c" }]);
    const lengths: unknown[] = [];
    const ordered = repository.query().orderBy("label.code", "desc").orderBy("title");
    for await (const row of ordered.select("length").stream({ batchSize: 1 })) lengths.push(row);
    expect(lengths).toEqual([{ length: 0.1 + 0.2 }, { length: -1 }, { length: 123_456_789.123_456_7 }]);
  });

  test("of a document with damage elsewhere can be read, and damage in them is told", async () => {
    const { query, repository, raw } = await opened();
    const key = repository.key("b");
    if (storage === "hash") await raw("HSET", key, "two words", "many");
    else await raw("JSON.SET", key, '$["two words"]', '"many"');
    const fine = query.select("title", "as");
    // The judge reads whole entities.
    if (engine !== "memory") expect((await fine.all()).map(({ title }) => title)).toEqual([" a, b ", "b", "c"]);
    const error = await expectFailure(query.select("two words").all(), "CORRUPT_ENTITY");
    expect(error).toMatchObject({ entity: "song", id: "b" });
    if (engine !== "memory") expect(error).toMatchObject({ rows: [{ "two words": 2 }, null, { "two words": 4 }] });
  });

  test("of which a hash has none are told, where a search finds it", async () => {
    if (engine !== "search" || storage !== "hash") return;
    const { repository, raw } = await opened();
    await raw("HSET", repository.key("d"), "another", "value");
    for (const query of [repository.query(), repository.query().limit(10)]) {
      expect(await expectFailure(query.select("title").all(), "CORRUPT_ENTITY")).toMatchObject({ entity: "song" });
      expect(await expectFailure(query.all(), "CORRUPT_ENTITY")).toMatchObject({ entity: "song" });
    }
  });

  test("that are none are refused", async () => {
    const { repository } = await open(song);
    const query = repository.query() as unknown as { select: (...paths: unknown[]) => { all: () => Promise<unknown> } };
    const wrong = ["", "nope", "artist.nope", "tags.0", "title.length", "__proto__", "constructor", "artist.", 5, null];
    for (const path of wrong) {
      const chosen = query.select("title", path);
      expect(await expectFailure(chosen.all(), "QUERY"), String(path)).toMatchObject({ field: String(path) });
    }
    expect(await expectFailure(query.select().all(), "QUERY")).toMatchObject({ entity: "song" });
  });

  test("are all that is asked of a hash", async () => {
    const { query, repository } = await opened();
    const { commands } = await query.select("title").explain();
    const words = commands.flat().join(" ");
    if (storage === "json" || engine === "memory") return;
    expect(words).toContain("title");
    expect(words).not.toContain("length");
    expect(words).not.toContain("LOAD *");
    const page = repository.query().select("title", "note");
    expect((await page.explain()).commands.flat().join(" ")).not.toContain("cover");
  });
});
