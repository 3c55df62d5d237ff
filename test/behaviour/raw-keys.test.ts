// The index keys themselves, read past the mapper and compared whole with a model made here.
// After inserts, updates, deletes and expiry, nothing may be missing and nothing left over.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, geo, geoPoint, range, text, vector } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { describeMatrix, dump } from "./matrix.ts";

const page = (storage: Storage) =>
  defineEntity({
    name: "page",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      lang: z.string().nullable(),
      rank: z.number().nullable(),
      made: z.date().optional(),
      big: z.bigint().optional(),
      live: z.boolean(),
      tags: z.array(z.string()).optional(),
      at: z.object({ place: geoPoint() }).optional(),
      slug: z.string().nullable(),
      site: z.string(),
    }),
    index: {
      title: [exact({ sortable: true, substring: true }), text({ phrase: true })],
      lang: exact({ caseInsensitive: true }),
      rank: range(),
      made: range(),
      big: range(),
      live: exact(),
      tags: exact(),
      "at.place": geo(),
    },
    unique: { slug: ["slug"], place: ["site", "slug"] },
    compound: {
      ranked: { eq: ["lang"], orderBy: "rank" },
      sized: { eq: ["live", "made"], orderBy: "big" },
      titled: { eq: ["rank"], orderBy: "title" },
      live: { eq: ["live"] },
    },
    ttl: {},
  });

type Page = {
  id: string;
  title: string;
  lang: string | null;
  rank: number | null;
  made?: Date;
  big?: bigint;
  live: boolean;
  tags?: string[];
  at?: { place: { longitude: number; latitude: number } };
  slug: string | null;
  site: string;
};

const first: Page = {
  id: "a:1",
  title: "New\nworld new",
  lang: "Ab",
  rank: -0.5,
  made: new Date(-7),
  big: -12n,
  live: true,
  tags: ["x", "y", "x", ""],
  at: { place: { longitude: 13.361389, latitude: 38.115556 } },
  slug: "s1",
  site: "w",
};
const second: Page = { id: "b", title: "", lang: null, rank: null, live: false, slug: null, site: "w" };
const third: Page = {
  id: "c",
  title: "é",
  lang: "",
  rank: 2,
  made: new Date(0),
  live: false,
  tags: [],
  slug: "",
  site: "w",
};

// What the mapper must keep, worked out by hand: encoded ids, terms, words, sortable text.
const encoded: Record<string, string> = { "a:1": "a%3A1", b: "b", c: "c", d: "d" };
const words: Record<string, string[]> = {
  "New\nworld new": ["new", "world", "new"],
  "": [],
  é: ["é"],
  other: ["other"],
};
const folded: Record<string, string> = { Ab: "ab", "": "", q: "q" };
const bigs: Record<string, string> = { "-12": "-99999787", "3": "00000013", "7": "00000017" };

// Three characters from each one on, with a mark after the last.
function grams(title: string): Set<string> {
  const padded = `${title}\u0000`;
  return new Set(Array.from(title, (_character, at) => padded.slice(at, at + 3)));
}

function model(prefix: string, pages: readonly Page[], dying: Record<string, number> = {}): Record<string, unknown> {
  const sets = new Map<string, string[]>();
  const sorted = new Map<string, [member: string, score: string][]>();
  const hashes = new Map<string, Record<string, string>>();
  const add = (key: string, id: string): unknown => sets.set(key, [...(sets.get(key) ?? []), id].sort());
  const score = (key: string, value: string, member: string): unknown =>
    sorted.set(key, [...(sorted.get(key) ?? []), [member, value]]);
  const put = (key: string, name: string, value: string): unknown =>
    hashes.set(key, { ...hashes.get(key), [name]: value });
  const vocabulary = new Set<string>();
  for (const each of pages) {
    const id = encoded[each.id] as string;
    const { title, lang, rank, made, big, live, tags, at, slug, site } = each;
    score("a", "0", id);
    add(`t:title:${title}`, id);
    score("l:title", "0", `${title}\u0000${id}`);
    for (const word of new Set(words[title])) add(`w:title:${word}`, id);
    for (const word of new Set(words[title])) vocabulary.add(`w:title ${word}`);
    for (const gram of grams(title)) add(`i:title:${gram}`, id);
    for (const gram of grams(title)) vocabulary.add(`i:title ${gram}`);
    if (lang === null) score("0:lang", "0", id);
    else add(`t:lang:${folded[lang]}`, id);
    if (rank === null) score("0:rank", "0", id);
    else score("n:rank", String(rank), id);
    if (made === undefined) score("0:made", "0", id);
    else score("n:made", String(made.getTime()), id);
    if (big === undefined) score("0:big", "0", id);
    else score("l:big", "0", `${bigs[String(big)]}\u0000${id}`);
    add(`t:live:${live}`, id);
    if (tags === undefined) score("0:tags", "0", id);
    else for (const tag of new Set(tags)) add(`t:tags:${tag}`, id);
    if (at === undefined) score("0:at.place", "0", id);
    const number = rank === null ? undefined : String(rank);
    if (lang !== null) {
      if (number === undefined) score(`c0:ranked:${folded[lang]}`, "0", id);
      else score(`c:ranked:${folded[lang]}`, number, id);
    }
    if (made !== undefined) {
      const values = `sized:${live}\u0000${made.getTime()}`;
      if (big === undefined) score(`c0:${values}`, "0", id);
      else score(`c:${values}`, "0", `${bigs[String(big)]}\u0000${id}`);
    }
    if (number !== undefined) score(`c:titled:${number}`, "0", `${title}\u0000${id}`);
    score(`c:live:${live}`, "0", id);
    if (slug !== null) {
      put("u:slug", slug, id);
      put("u:place", JSON.stringify([site, slug]), id);
    }
    if (dying[each.id] !== undefined) score("e", String(dying[each.id]), id);
    const place = at === undefined ? 0 : `${at.place.longitude},${at.place.latitude}`;
    const snapshot = [
      title,
      words[title],
      lang === null ? 0 : folded[lang],
      rank === null ? 0 : String(rank),
      made === undefined ? 0 : String(made.getTime()),
      big === undefined ? 0 : bigs[String(big)],
      String(live),
      tags === undefined ? 0 : [...new Set(tags)],
      place,
      slug ?? 0,
      slug === null ? 0 : JSON.stringify([site, slug]),
    ];
    put("s", id, JSON.stringify(snapshot));
  }
  for (const entry of vocabulary) {
    const space = entry.indexOf(" ");
    score(entry.slice(0, space), "0", entry.slice(space + 1));
  }
  const byScore = (pairs: [string, string][]): string[] =>
    pairs
      .toSorted(
        (left, right) =>
          Number(left[1]) - Number(right[1]) || Buffer.compare(Buffer.from(left[0]), Buffer.from(right[0])),
      )
      .flat();
  return Object.fromEntries([
    ...[...sets].map(([key, members]) => [prefix + key, [members, -1]]),
    ...[...sorted].map(([key, pairs]) => [prefix + key, [byScore(pairs), -1]]),
    ...[...hashes].map(([key, fields]) => [prefix + key, [fields, -1]]),
  ]) as Record<string, unknown>;
}

describeMatrix(
  "the index keys",
  ({ open }) => {
    const opened = async () => {
      const { repository, raw, namespace } = await open(page);
      const prefix = `${namespace}:{page}$`;
      const stored = async (): Promise<Record<string, unknown>> => {
        const everything = await dump(raw, namespace);
        const { [`${prefix}m`]: _meta, [`${prefix}g:at.place`]: _geo, ...rest } = everything;
        return Object.fromEntries(Object.entries(rest).filter(([key]) => key.startsWith(prefix)));
      };
      const places = async (): Promise<unknown> => raw("ZRANGE", `${prefix}g:at.place`, 0, -1);
      return { repository, raw, prefix, stored, places, namespace };
    };

    test("after inserts, one by one and in bulk", async () => {
      const { repository, prefix, stored, places } = await opened();
      await repository.insert(first);
      expect(await stored()).toEqual(model(prefix, [first]));
      expect((await repository.insertMany([second, third])).failed).toEqual([]);
      expect(await stored()).toEqual(model(prefix, [first, second, third]));
      expect(await places()).toEqual(["a%3A1"]);
    });

    test("after updates of every field", async () => {
      const { repository, prefix, stored, places } = await opened();
      await repository.insertMany([first, second, third]);
      const changed: Page = {
        id: "a:1",
        title: "other",
        lang: "q",
        rank: null,
        big: 7n,
        live: false,
        tags: ["z", "y"],
        slug: "s2",
        site: "v",
      };
      await repository.save(changed);
      expect(await stored()).toEqual(model(prefix, [changed, second, third]));
      expect(await places()).toEqual([]);
      const filled: Page = { ...first, id: "b", slug: "s1" };
      await repository.saveMany([filled, { ...second, id: "a:1" }]);
      expect(await stored()).toEqual(model(prefix, [{ ...second, id: "a:1" }, filled, third]));
      expect(await places()).toEqual(["b"]);
      await repository.save(filled);
      expect(await stored()).toEqual(model(prefix, [{ ...second, id: "a:1" }, filled, third]));
    });

    test("after refused saves", async () => {
      const { repository, prefix, stored } = await opened();
      await repository.insertMany([first, third]);
      await repository.saveMany([
        { ...third, slug: "s1" },
        { ...second, slug: "" },
        { ...first, rank: Number.NaN },
      ]);
      expect(await stored()).toEqual(model(prefix, [first, third]));
    });

    test("after deletes", async () => {
      const { repository, prefix, stored, places } = await opened();
      await repository.insertMany([first, second, third]);
      await repository.delete("a:1");
      expect(await stored()).toEqual(model(prefix, [second, third]));
      expect(await places()).toEqual([]);
      await repository.delete("b");
      await repository.delete("c");
      expect(await stored()).toEqual({});
    });

    test("after expiry, once a bulk save has come by", async () => {
      const { repository, raw, prefix, stored, places } = await opened();
      const later = Date.now() + 100_000;
      // Time enough for two saves and a look at every key, on a busy machine too.
      const at = new Date(Date.now() + 1000);
      await repository.insert(first, { ttl: { at } });
      await repository.insert(second, { ttl: { at: new Date(later) } });
      expect(await stored()).toEqual(model(prefix, [first, second], { "a:1": at.getTime(), b: later }));
      await serverTimePassed(raw, at);
      const fourth: Page = { ...second, id: "d" };
      await repository.insertMany([third, fourth]);
      await repository.delete("d");
      expect(await stored()).toEqual(model(prefix, [second, third], { b: later }));
      expect(await places()).toEqual([]);
      await repository.save(second, { ttl: null });
      expect(await stored()).toEqual(model(prefix, [second, third]));
    });

    test("after expiry, once some single saves have come by", async () => {
      const { repository, raw, prefix, stored } = await opened();
      const at = new Date(Date.now() + 60);
      await repository.insertMany([first, second], { ttl: { at } });
      await serverTimePassed(raw, at);
      for (let turn = 0; turn < 20; turn += 1) await repository.save(third);
      expect(await stored()).toEqual(model(prefix, [third]));
    });

    test("after expiry, when the same id comes back", async () => {
      const { repository, raw, prefix, stored, places } = await opened();
      const at = new Date(Date.now() + 60);
      await repository.insert(first, { ttl: { at } });
      await serverTimePassed(raw, at);
      await repository.insert({ ...second, id: "a:1" });
      expect(await stored()).toEqual(model(prefix, [{ ...second, id: "a:1" }]));
      expect(await places()).toEqual([]);
    });

    test("after a document vanished and a query saw it", async () => {
      const { repository, raw, prefix, stored } = await opened();
      await repository.insertMany([first, second]);
      await raw("DEL", repository.key("a:1"));
      expect((await repository.query().all()).map(({ id }) => id)).toEqual(["b"]);
      expect(await stored()).toEqual(model(prefix, [second]));
    });
  },
  ({ engine }) => engine === "scan",
);

const pin = (storage: Storage) =>
  defineEntity({
    name: "pin",
    storage,
    schema: z.object({
      id: z.string(),
      at: z.array(z.number()).optional(),
      deep: z.object({ more: z.array(z.number()) }),
    }),
    index: { at: vector({ dim: 2 }), "deep.more": vector({ dim: 1, metric: "l2" }) },
    ttl: {},
  });
const oneThird = 1 / 3;

describeMatrix("vectors beside the documents", ({ open, engine, storage, leg }) => {
  test("are those of the documents, after every change", async () => {
    const { repository, raw, namespace, db } = await open(pin);
    const prefix = `${namespace}:{pin}`;
    const bytes = (...numbers: number[]): Buffer => Buffer.from(Float32Array.from(numbers).buffer);
    // What a hidden member holds is no text.
    const member = async (id: string, name: string): Promise<Buffer | null> =>
      (db.redis as never as { hgetBuffer(key: string, field: string): Promise<Buffer | null> }).hgetBuffer(
        `${prefix}:${id}`,
        `$vector.${name}`,
      );
    const expectKept = async (vectors: Record<string, readonly [number, number]>): Promise<void> => {
      const all = await dump(raw, namespace);
      const [set] = (all[`${prefix}$v:at`] as [[string, number[]][]] | undefined) ?? [[]];
      const kept = set.map(([id, numbers]) => [id, numbers.map((number) => Math.fround(number).toFixed(4))]);
      const wanted = Object.entries(vectors).map(([id, numbers]) => [id, numbers.map((number) => number.toFixed(4))]);
      expect(kept).toEqual(engine === "scan" && db.capabilities.vectorSets ? wanted : []);
      expect(Object.keys(all).filter((key) => key.includes("$v:deep"))).toEqual([]);
      if (engine !== "search" || storage !== "hash") return;
      for (const id of ["a", "b", "c"]) {
        const numbers = vectors[id];
        expect(await member(id, "at")).toEqual(numbers === undefined ? null : bytes(...numbers));
      }
    };
    const deep = { more: [oneThird] };
    await repository.insert({ id: "a", at: [oneThird, 2], deep });
    await repository.insertMany([
      { id: "b", deep },
      { id: "c", at: [1e-7, 1234.5], deep },
    ]);
    await expectKept({ a: [oneThird, 2], c: [1e-7, 1234.5] });
    if (engine === "search" && storage === "hash") expect(await member("b", "deep.more")).toEqual(bytes(oneThird));
    await repository.saveMany([
      { id: "a", deep: { more: [2] } },
      { id: "b", at: [3, 4], deep },
      { id: "c", at: [-5, 6], deep },
    ]);
    await expectKept({ b: [3, 4], c: [-5, 6] });
    if (engine === "search" && storage === "hash") expect(await member("a", "deep.more")).toEqual(bytes(2));
    await repository.delete("b");
    await repository.save({ id: "c", at: [-5, 6], deep }, { ttl: { ms: 5 } });
    await serverTimePassed(raw, new Date((await serverTime(raw)) + 5));
    await repository.saveMany([
      { id: "a", at: [7, 8], deep },
      { id: "b", deep },
    ]);
    await expectKept({ a: [7, 8] });
    await repository.indexes.sync({ rebuild: true });
    await expectKept({ a: [7, 8] });
    expect((await repository.query().nearest("at", { to: [1, 1], k: 9 })).map(({ id }) => id)).toEqual(["a"]);
    expect(leg.flavour === "redis82" ? db.capabilities.vectorSets : true).toBe(true);
  });
});
