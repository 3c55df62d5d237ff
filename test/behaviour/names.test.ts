// Properties stored by other names: whatever is done, the answers are those of a type without names.
// Most names are those of other properties, so that whatever takes one for the other is seen.
import { z } from "zod";
import { expect, test } from "vitest";

import {
  addToSet,
  type Change,
  type Database,
  defineEntity,
  type EntityOf,
  exact,
  geo,
  geoPoint,
  inc,
  isRemoraError,
  merge,
  pop,
  pull,
  push,
  range,
  type Repository,
  text,
  toggle,
  unset,
  vector,
} from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const names = {
  title: "name",
  name: "title",
  year: "y",
  rating: "year",
  director: "d",
  "director.name": "n",
  "director.born": "name",
  tags: "on",
  on: "t",
  place: "p",
  shape: "place",
  slug: "shape",
  note: "no",
  box: "note",
  "box.size": "s",
  free: "gone",
  gone: "free",
  version: "v",
  createdAt: "updatedAt",
  updatedAt: "createdAt",
} as const;

const film = (storage: Storage, stored: Partial<typeof names> = names) =>
  defineEntity({
    name: "film",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      name: z.string().nullish(),
      year: z.int(),
      rating: z.number().nullable(),
      director: z.object({ name: z.string(), born: z.date().optional() }),
      tags: z.array(z.string()),
      on: z.boolean().optional(),
      place: geoPoint().optional(),
      shape: z.array(z.number()).optional(),
      slug: z.string().optional(),
      note: z.string().optional(),
      box: z.object({ size: z.number() }).optional(),
      free: z.unknown(),
      gone: z.date().optional(),
      version: z.int(),
      createdAt: z.date(),
      updatedAt: z.date(),
    }),
    names: stored,
    index: {
      title: [exact({ sortable: true, substring: true }), text({ phrase: true })],
      name: exact({ caseInsensitive: true }),
      year: range(),
      rating: range(),
      "director.name": exact(),
      "director.born": range(),
      tags: exact(),
      on: exact(),
      place: geo(),
      shape: vector({ dim: 2, metric: "cosine" }),
      "box.size": range(),
      gone: range(),
    },
    unique: { slug: ["slug"], credit: ["director.name", "title"] },
    compound: { by: { eq: ["director.name"], orderBy: "year" }, rated: { eq: ["year"], orderBy: "rating" } },
    version: "version",
    timestamps: { createdAt: "createdAt", updatedAt: "updatedAt" },
    softDelete: "gone",
    ttl: {},
    changes: true,
  });

type Film = ReturnType<typeof film>;
type Films = Repository<Film>;

const hawks = { name: "Hawks", born: new Date("1896-05-30") };
const rio = {
  id: "1",
  title: "Rio Bravo",
  name: null,
  year: 1959,
  rating: 8,
  director: hawks,
  tags: ["western", "classic"],
  on: true,
  place: { longitude: 2.35, latitude: 48.85 },
  shape: [1, 0.5],
  slug: "rio-bravo",
  note: "n",
  box: { size: 2 },
  free: { of: [1] },
};
const others = [
  { id: "2", title: "El Dorado", name: "Gold", year: 1966, rating: null, director: hawks, tags: [], free: null },
  {
    id: "3",
    title: "Rio Lobo",
    year: 1970,
    rating: 6.5,
    director: hawks,
    tags: ["western"],
    box: { size: 0.1 },
    free: 2,
  },
  { id: "4", title: "The Searchers", year: 1956, rating: 8, director: { name: "Ford" }, tags: ["western"], free: 1 },
];

/** What came of one piece of work: its value, or what its error says. */
async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return settled(await work());
  } catch (error) {
    if (!isRemoraError(error)) throw error;
    return settled(error.toJSON?.() ?? { code: error.code, message: error.message, field: error.field });
  }
}

// Two runs are at different times: what is new about a time is only that it is one.
function settled(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() > Date.parse("2020-01-01") ? "now" : value;
  if (Array.isArray(value)) return value.map(settled);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, settled(inner)]));
}

/** Works on a type in every way there is; each answer in turn. */
function* works(films: Films, db: Database, type: Film): Generator<() => Promise<unknown>> {
  const all = () => films.query().orderBy("title").all();
  const change = (patch: Parameters<Films["update"]>[1]) => async () => [
    await films.update("1", patch, { returning: true }),
    await films.indexes.verify(),
  ];
  yield () => films.insert(rio);
  yield () => films.insert(rio);
  yield () => films.insertMany(others);
  yield () => films.findById("1");
  yield () => films.findByIds(["4", "none", "2"]);
  yield () => films.insert({ ...rio, id: "5" });
  yield () => films.insert({ ...rio, id: "5", slug: "other" });
  yield () => films.insert({ ...rio, title: 5 as never, director: { name: "x", born: 7 as never } });
  yield () => films.findUnique({ slug: "rio-bravo" });
  yield () => films.findUnique({ "director.name": "Ford", title: "The Searchers" });
  for (const patch of [
    { title: "Rio", year: inc(1), rating: inc(0.25) },
    { tags: push("a", "b"), on: toggle() },
    { tags: addToSet("b", "c") },
    { tags: pull("a"), "director.name": "H" },
    { tags: pop("first"), director: merge({ born: new Date(5) }) },
    { "director.born": unset(), note: unset(), rating: null, name: "N" },
    { name: null, box: unset(), shape: [0.25, 1] },
    { name: unset(), box: { size: 3 }, place: { longitude: -1, latitude: 1 } },
    { "box.size": inc(0.5), free: { a: 1 } },
    { director: hawks, title: "Rio Bravo", slug: "rio" },
    { year: inc(2 ** 53) },
    { version: 3 } as never,
    { nope: 3 } as never,
    { "director.name": 3 } as never,
  ] satisfies Parameters<Films["update"]>[1][]) {
    yield change(patch);
  }
  yield () => films.update("2", { title: "Rio Bravo" });
  yield () => films.patchMany([{ id: "3", patch: { rating: 7, "director.name": "Howard" } }]);
  yield () => films.modify("3", (each) => ({ ...each, note: "long".repeat(100), director: { name: "Hawks" } }));
  // Saved as the difference from what was read.
  yield async () => films.save({ ...(await films.findByIdOrThrow("3")), rating: 5, note: "x".repeat(5000) });
  yield async () => {
    const read = await films.findByIdOrThrow("3");
    read.director = { name: "Hawks", born: new Date(1) };
    delete read.box;
    return [await films.save(read), await films.findById("3"), await films.indexes.verify()];
  };
  yield () => films.saveMany([{ ...others[2], id: "3" } as never], { ifVersion: 1 } as never);
  yield all;
  const query = () => films.query();
  yield () => query().where("title").startsWith("R").orderBy("rating", "desc").orderBy("year").all();
  yield () => query().where("title").includes("Do").ids();
  yield () => query().where("title").match("rio").ids();
  yield () => query().where("title").phrase("rio bravo").ids();
  yield () => query().where("name").eq("GOLD").ids();
  yield () => query().whereNot("name").isNull().ids();
  yield () => query().where("name").isNull().where("rating").gte(1).ids();
  yield () => query().where("tags").contains("western").where("year").between(1950, 1969).ids();
  yield () => query().where("director.name").eq("Hawks").orderBy("year").ids();
  yield () => query().where("director.born").lt(new Date(0)).count();
  yield () => query().where("on").eq(false).count();
  yield () => query().where("box.size").gt(1).select("box.size", "name", "director.born").all();
  yield () => query().select("place", "shape", "rating", "free").orderBy("title").all();
  yield () =>
    query()
      .where("place")
      .within({ center: { longitude: -1, latitude: 1.001 }, radius: 10, unit: "km" })
      .ids();
  yield () => query().nearest("shape", { to: [1, 1], k: 3 });
  yield () =>
    query()
      .where((f) => f.or(f("rating").lt(6), f.not(f("year").gt(1960))))
      .orderBy("year")
      .ids();
  yield async () => {
    const first = await query().orderBy("rating").limit(2).keyset();
    return [first.items, await query().orderBy("rating").limit(9).keyset({ after: first.cursor })];
  };
  yield async () => (await query().orderBy("rating").limit(2).page()).total;
  yield () =>
    query()
      .aggregate()
      .groupBy("director.name")
      .reduce((of) => ({ n: of.count(), best: of.max("rating") }))
      .all();
  yield () => query().where("nope" as never) as never;
  yield () => films.findById("1", { select: ["director.name", "note", "box"] });
  yield () =>
    Promise.all(
      (["note", "box", "box.size", "director.born", "gone", "free"] as const).map((path) => films.hasField("1", path)),
    );
  yield () =>
    query()
      .where("year")
      .lt(1960)
      .update({ rating: inc(1), "box.size": 4 });
  yield async () => (await query().where("year").lt(1960).orderBy("title").explain()).conditions;
  yield () =>
    db.transaction(async (tx) => {
      const inside = tx.repository(type);
      const read = await inside.findByIdOrThrow("1");
      await inside.save({ ...read, tags: ["tx"], name: "in" });
      await inside.update("2", { rating: inc(2), "director.name": "Hawks" });
    });
  yield () => films.delete("2");
  yield () => films.findById("2");
  yield () => films.hasField("2", "title");
  yield () => query().withDeleted().orderBy("title").all();
  yield () => films.restore("2");
  yield () => films.purge("2");
  yield () => films.expire("3", 1000);
  yield () => films.touch("1");
  yield () => films.update("1", { rating: 1 }, { ifVersion: 1 });
  yield all;
  yield async () => {
    const lines: string[] = [];
    for await (const line of films.export()) lines.push(line.replaceAll(/\d{13}/g, "now"));
    return lines;
  };
  yield async () => {
    const told: unknown[] = [];
    for await (const { op, id, version, fields } of films.watch({ from: "start" }) as AsyncIterable<Change>) {
      told.push([op, id, version, fields?.toSorted()]);
      if (told.length >= 10) break;
    }
    return told;
  };
  yield () => films.indexes.verify();
  yield () => films.indexes.repair();
}

describeMatrix("stored names", ({ open, storage, engine }) => {
  test("change no answer", async () => {
    const [before, after] = [film(storage, {}), film(storage)];
    const plain = await open(() => before);
    const named = await open(() => after);
    const wanted = works(plain.repository, plain.db, before);
    const found = [...works(named.repository, named.db, after)];
    for (const work of found) {
      // eslint-disable-next-line no-await-in-loop -- each works on what the ones before it left
      expect(await outcome(work), String(work)).toEqual(await outcome(wanted.next().value as typeof work));
    }
  });

  test("are those of the stored documents, and of nothing else", async () => {
    const { repository, raw } = await open((form) => film(form));
    await repository.insert(rio);
    await repository.update("1", { "director.name": "H", rating: inc(1), "box.size": 3, tags: push("x") });
    const key = repository.key("1");
    const { title, year, place, shape, slug, note, box, free } = rio;
    if (storage === "hash") {
      const flat = (await raw("HGETALL", key)) as string[];
      const held = Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]]] : [])));
      expect(held).toMatchObject({
        id: "1",
        name: title,
        y: String(year),
        year: "9",
        "d.n": "H",
        "d.name": String(hawks.born.getTime()),
        on: '["western","classic","x"]',
        t: "true",
        p: "2.35,48.85",
        place: "[1,0.5]",
        shape: slug,
        no: note,
        "note.s": "3",
        gone: '{"of":[1]}',
        v: "2",
        $null: '["title"]',
      });
      expect(
        Object.keys(held)
          .filter((name) => !name.startsWith("$"))
          .sort(),
      ).toEqual(
        [
          "id",
          "name",
          "y",
          "year",
          "d.n",
          "d.name",
          "on",
          "t",
          "p",
          "place",
          "shape",
          "no",
          "note.s",
          "gone",
          "v",
          "updatedAt",
          "createdAt",
        ].sort(),
      );
    } else {
      const held = JSON.parse((await raw("JSON.GET", key)) as string) as Record<string, unknown>;
      const plain = Object.fromEntries(Object.entries(held).filter(([name]) => !name.startsWith("$")));
      const { createdAt, updatedAt, ...rest } = plain;
      expect([typeof createdAt, typeof updatedAt]).toEqual(["number", "number"]);
      expect(rest).toEqual({
        id: "1",
        name: title,
        title: null,
        y: year,
        year: 9,
        d: { n: "H", name: hawks.born.getTime() },
        on: ["western", "classic", "x"],
        t: true,
        p: place,
        place: shape,
        shape: slug,
        no: note,
        note: { ...box, size: undefined, s: 3 },
        gone: free,
        v: 2,
      });
    }
    if (engine !== "search") return;
    const { commands } = await repository.query().where("director.name").eq("H").explain();
    expect(commands.length).toBeGreaterThan(0);
  });

  test("let documents of others be adopted, found and mended", async () => {
    const { repository, raw } = await open((form) => film(form), { synced: false });
    const key = repository.key("s");
    const document = {
      name: "Stranger",
      title: null,
      y: 1990,
      year: 2.5,
      d: { n: "Who", name: 5 },
      on: ["a"],
      place: [0.5, 1],
      shape: "strange",
      gone: 1,
      v: 4,
      createdAt: 1,
      updatedAt: 2,
    };
    if (storage === "hash") {
      const { d, title: _title, ...rest } = document;
      const fields = Object.entries({ ...rest, "d.n": d.n, "d.name": d.name, on: '["a"]', place: "[0.5,1]" });
      await raw("HSET", key, ...fields.flatMap(([name, value]) => [name, String(value)]));
    } else {
      await raw("JSON.SET", key, "$", JSON.stringify(document));
    }
    await repository.indexes.sync();
    const found = await repository.query().where("director.name").eq("Who").where("tags").contains("a").all();
    expect(found).toMatchObject([{ id: "s", title: "Stranger", director: { name: "Who", born: new Date(5) } }]);
    expect(found[0]).toMatchObject({ createdAt: new Date(2), updatedAt: new Date(1), version: 4, slug: "strange" });
    expect(
      await repository
        .query()
        .where("title")
        .match("stranger")
        .nearest("shape", { to: [1, 1], k: 1 }),
    ).toHaveLength(1);
    await expectFailure(repository.insert({ ...rio, slug: "strange" }), "UNIQUE_VIOLATION");
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });

    // Past the mapper, by the stored names.
    if (storage === "hash") await raw("HSET", key, "d.n", "Else", "y", "1991");
    else {
      await raw("JSON.SET", key, '$["d"]["n"]', '"Else"');
      await raw("JSON.SET", key, '$["y"]', "1991");
    }
    await repository.indexes.repair();
    expect(await repository.query().where("director.name").eq("Else").where("year").eq(1991).ids()).toEqual(["s"]);
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });

    if (storage === "hash") await raw("HSET", key, "y", "no year");
    else await raw("JSON.SET", key, '$["y"]', '"no year"');
    const error = await expectFailure(repository.findById("s"), "CORRUPT_ENTITY");
    expect(error).toMatchObject({ field: "year" });
    expect(error.issues[0]?.path).toEqual(["year"]);
    expect(await repository.findById("s", { select: ["title"] })).toEqual({ title: "Stranger" });
  });

  test("that change are a change of the definition, which indexes are made anew for", async () => {
    const entity = (form: Storage, stored: { readonly a?: string; readonly b?: string }) =>
      defineEntity({
        name: "turned",
        storage: form,
        schema: z.object({ id: z.string(), a: z.string(), b: z.string() }),
        names: stored,
        index: { a: exact() },
      });
    const { repository, namespace } = await open((form) => entity(form, {}));
    await repository.insert({ id: "1", a: "x", b: "y" });
    const turned = await open((form) => entity(form, { a: "b", b: "a" }), { namespace, synced: false });
    await expectFailure(turned.repository.query().where("a").eq("x").ids(), "INDEX_NOT_READY");
    await turned.repository.indexes.sync();
    expect(await turned.repository.findById("1")).toEqual({ id: "1", a: "y", b: "x" });
    expect(await turned.repository.query().where("a").eq("y").ids()).toEqual(["1"]);
    expect(await turned.repository.query().where("a").eq("x").ids()).toEqual([]);
    expect(await turned.repository.indexes.verify()).toMatchObject({ found: 0 });
  });

  test("are those of fields that expire", async (context) => {
    const { repository, raw, db } = await open((form) => film(form));
    await repository.insert(rio);
    if (storage !== "hash" || !db.capabilities.fieldExpiry) context.skip("fields expire in hashes, where servers can");
    expect(await repository.expireField("1", "note", 1000)).toBe(true);
    expect(await repository.fieldTtl("1", "note")).toBeGreaterThan(900_000);
    expect(await raw("HTTL", repository.key("1"), "FIELDS", 2, "no", "id")).toEqual([expect.any(Number), -1]);
    expect(await repository.persistField("1", "note")).toBe(true);
    expect(await repository.fieldTtl("1", "note")).toBe("never");
  });

  test("are not those of lines, which any type with the properties reads", async () => {
    const named = await open((form) => film(form));
    await named.repository.insertMany([rio, ...others]);
    const lines: string[] = [];
    for await (const line of named.repository.export()) lines.push(line);
    const plain = await open((form) => film(form, {}));
    expect(await plain.repository.import(lines.join(""))).toMatchObject({ imported: 4, failed: 0 });
    const ids = ["1", "2", "3", "4"];
    const found: readonly (EntityOf<Film> | null)[] = await plain.repository.findByIds(ids);
    expect(found).toEqual(await named.repository.findByIds(ids));
    expect(await plain.repository.query().where("director.name").eq("Ford").ids()).toEqual(["4"]);
  });
});
