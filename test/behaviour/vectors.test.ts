// The nearest vectors: against distances computed here, on every engine and storage.
// With filters, without a vector, after changes; and many at random, where the memory engine is the judge.
import { z } from "zod";
import { expect, test } from "vitest";

import { connect, defineEntity, exact, range, text, vector, type VectorMetric } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { away } from "../property/vectors.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix, dump } from "./matrix.ts";

const metrics: readonly VectorMetric[] = ["cosine", "l2", "ip"];

const picture =
  (metric: VectorMetric, algorithm: "flat" | "hnsw" = "flat") =>
  (storage: Storage) =>
    defineEntity({
      name: "picture",
      storage,
      schema: z.object({
        id: z.string(),
        kind: z.string(),
        size: z.int(),
        about: z.string(),
        embedding: z.array(z.number()),
        deep: z.object({ second: z.array(z.number()).nullable() }).optional(),
      }),
      index: {
        kind: exact({ sortable: true }),
        size: range(),
        about: text({ phrase: true }),
        embedding: vector({ dim: 3, metric, algorithm }),
        "deep.second": vector({ dim: 2, metric: "l2", algorithm }),
      },
      ttl: {},
    });

const rows = [
  { id: "e", kind: "near", size: 5, about: "a cat asleep", embedding: [2, 0, 0] },
  { id: "a", kind: "near", size: 1, about: "a cat and a dog", embedding: [1, 0.1, 0], deep: { second: [3, 4] } },
  { id: "b", kind: "far", size: 2, about: "the dog", embedding: [0, 1, 0], deep: { second: null } },
  { id: "c", kind: "near", size: 3, about: "asleep a cat", embedding: [1, 0.1, 0], deep: { second: [0, 1] } },
  { id: "d", kind: "far", size: 4, about: "nothing", embedding: [-1 / 3, 0, 1e-17] },
];
const to = [1, 0, 0];

describeMatrix("vectors", ({ open, engine, storage }) => {
  const opened = async (metric: VectorMetric, algorithm: "flat" | "hnsw" = "flat") => {
    const found = await open(picture(metric, algorithm));
    expect((await found.repository.insertMany(rows)).failed).toEqual([]);
    return found;
  };

  test("are explained: whether an index proposes, or everything that matches is read", async () => {
    const { repository, db } = await opened("cosine");
    const query = repository.query().where("kind").eq("near");
    const told = await query.explainNearest("embedding", { to, k: 2 }, { analyze: true });
    const proposed = engine === "search" || (engine === "scan" && db.capabilities.vectorSets);
    const last = proposed ? "rate them here by their exact distances" : "read the vectors of embedding";
    expect(told.plan.join("\n")).toContain(last);
    expect(told.text).toContain(last);
    expect(told.commands.length).toBeGreaterThan(0);
    if (proposed && engine === "search") expect(told.commands[0]?.join(" ")).toContain("=>[KNN $k");
    expect(told.actual?.rows).toBe(2);
    expect(told.conditions).toMatchObject([{ depth: 0, condition: expect.stringContaining("kind") as string }]);
    const plain = await query.explainNearest("embedding", { to, k: 2 });
    expect(plain.actual).toBeUndefined();
    await expectFailure(query.explainNearest("embedding", { to: [1], k: 2 }), "QUERY");
    await expectFailure(query.limit(3).explainNearest("embedding", { to, k: 2 }), "QUERY");
  });

  test.each(metrics)("nearest first, ties by id, with exact distances: %s", async (metric) => {
    const { repository } = await opened(metric);
    const wanted = rows
      .map((row) => ({ ...row, distance: away(metric, to, row.embedding) }))
      .sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1));
    const nearest = (k: number) => repository.query().nearest("embedding", { to, k });
    expect(await nearest(5)).toEqual(wanted);
    expect(await nearest(2)).toEqual(wanted.slice(0, 2));
    expect(await nearest(100)).toEqual(wanted);
    expect(await repository.query().nearest("embedding", { to: Float32Array.from(to), k: 1 })).toEqual([wanted[0]]);
    const middle = (wanted[1]?.distance ?? 0) + 1e-6;
    expect(await repository.query().nearest("embedding", { to, k: 5, maxDistance: middle })).toEqual(
      wanted.filter(({ distance }) => distance <= middle),
    );
  });

  test("beside every filter; of an object inside, which may be absent", async () => {
    const { repository } = await opened("cosine");
    const query = () => repository.query();
    const ids = async (found: Promise<{ id: string }[]>) => (await found).map(({ id }) => id);
    expect(await ids(query().nearest("embedding", { to, k: 9 }))).toEqual(["e", "a", "c", "b", "d"]);
    expect(await ids(query().where("kind").eq("far").nearest("embedding", { to, k: 9 }))).toEqual(["b", "d"]);
    expect(await ids(query().whereNot("kind").eq("far").nearest("embedding", { to, k: 2 }))).toEqual(["e", "a"]);
    expect(await ids(query().where("size").gte(3).nearest("embedding", { to, k: 2 }))).toEqual(["e", "c"]);
    expect(await ids(query().where("about").phrase("a cat").nearest("embedding", { to, k: 2 }))).toEqual(["e", "a"]);
    expect(await ids(query().where("kind").startsWith("f").nearest("embedding", { to, k: 1 }))).toEqual(["b"]);
    expect(await ids(query().where("kind").in([]).nearest("embedding", { to, k: 1 }))).toEqual([]);
    const either = query().where((is) => is.or(is("size").lt(2), is.not(is("about").match("cat"))));
    expect(await ids(either.nearest("embedding", { to, k: 9 }))).toEqual(["a", "b", "d"]);
    const second = await query()
      .select("size")
      .nearest("deep.second", { to: [0, 0], k: 5, as: "away" });
    expect(second).toEqual([
      { size: 3, away: 1 },
      { size: 1, away: 5 },
    ]);
    // What has no vector is there for everything else.
    expect(await query().where("deep.second").isNull().orderBy("kind").ids()).toEqual(["b", "d", "e"]);
    expect(await query().whereNot("deep.second").isNull().ids()).toHaveLength(2);
    expect(await query().where("kind").eq("far").count()).toBe(2);
  });

  test("after updates, deletes and expiry; the document has the exact numbers", async () => {
    const { repository, raw } = await opened("l2");
    const nearest = async () =>
      (await repository.query().nearest("embedding", { to, k: 3 })).map(({ id, distance }) => [id, distance]);
    const tenth = away("l2", to, [1, 0.1, 0]);
    expect(await nearest()).toEqual([
      ["a", tenth],
      ["c", tenth],
      ["e", 1],
    ]);
    const [e, a] = rows as [(typeof rows)[0], (typeof rows)[1]];
    await repository.save({ ...e, embedding: [1, 0, 0.1 + 0.2] });
    await repository.save({ ...a, embedding: [9, 9, 9] });
    expect((await repository.findById("e"))?.embedding).toEqual([1, 0, 0.1 + 0.2]);
    expect(await nearest()).toEqual([
      ["c", tenth],
      ["e", away("l2", to, [1, 0, 0.1 + 0.2])],
      ["d", away("l2", to, [-1 / 3, 0, 0])],
    ]);
    await repository.delete("e");
    await repository.save(rows[3] as (typeof rows)[3], { ttl: { ms: 5 } });
    await serverTimePassed(raw, new Date((await serverTime(raw)) + 5));
    expect((await nearest()).map(([id]) => id)).toEqual(["d", "b", "a"]);
    await repository.save({ ...a, deep: { second: null } });
    expect(await repository.query().nearest("deep.second", { to: [0, 0], k: 9 })).toEqual([]);
    expect(await repository.query().where("deep.second").isNull().count()).toBe(3);
  });

  test("what makes no sense is refused by name", async () => {
    const { repository } = await opened("cosine");
    const near = (path: string, target: unknown, query: unknown = repository.query()) =>
      (query as { nearest: (path: string, target: unknown) => Promise<unknown> }).nearest(path, target);
    const refused = async (work: Promise<unknown>, reason: RegExp) =>
      expect((await expectFailure(work, "QUERY")).message).toMatch(reason);
    await refused(near("kind", { to, k: 1 }), /takes a field with a vector\(\) index/);
    await refused(near("embedding", { to: [1, 2], k: 1 }), /has 2 numbers, but its vector\(\) index says dim 3/);
    await refused(near("embedding", { to: [1, 2, Number.NaN], k: 1 }), /holds NaN/);
    await refused(near("embedding", { to: [1, 2, "3"], k: 1 }), /holds 3, which is no finite number/);
    await refused(near("embedding", { to: "123", k: 1 }), /no list of numbers/);
    await refused(near("embedding", { to: [0, 0, 0], k: 1 }), /zero vector/);
    await refused(near("embedding", { to: [1e19, 0, 0], k: 1 }), /longer than/);
    await refused(near("embedding", { to: [1e-19, 0, 0], k: 1 }), /shorter than/);
    for (const k of [0, 1.5, -1, 10_001, "3", undefined]) await refused(near("embedding", { to, k }), /k of nearest/);
    await refused(near("embedding", { to, k: 1, maxDistance: "1" }), /maxDistance/);
    await refused(near("embedding", { to, k: 1, exact: 1 }), /exact of nearest/);
    await refused(near("embedding", { to, k: 1, as: "kind" }), /name of its own/);
    await refused(repository.query().limit(1).nearest("embedding", { to, k: 1 }), /no limit or offset/);
    await refused(repository.query().orderBy("kind").nearest("embedding", { to, k: 1 }), /an order of its own/);
    const marked = repository.query().where("about").match("cat").highlight(["about"]);
    await refused(marked.nearest("embedding", { to, k: 1, as: "highlights" }), /name of its own/);
    expect(await marked.nearest("embedding", { to, k: 1 })).toMatchObject([
      { id: "e", highlights: { about: "a <mark>cat</mark> asleep" }, distance: 0 },
    ]);
  });

  test("writes refuse vectors that an index cannot hold, and change nothing", async () => {
    const { repository, raw, namespace } = await opened("cosine");
    const [row] = rows as [(typeof rows)[0]];
    const before = await dump(raw, namespace);
    const cases: [unknown, RegExp][] = [
      [[1, 2], /2 numbers/],
      [[], /0 numbers/],
      [[0, 0, 0], /zero vector/],
      [[1, Number.NaN, 0], /embedding/],
      [[1, Number.POSITIVE_INFINITY, 0], /embedding/],
      [[1e39, 0, 0], /longer than/],
      [["1", 2, 3], /embedding/],
    ];
    for (const [embedding, reason] of cases) {
      const error = await expectFailure(repository.save({ ...row, embedding: embedding as number[] }), "VALIDATION");
      expect(error.message).toMatch(reason);
      expect([error.entity, error.id, error.field?.split(".")[0]]).toEqual(["picture", "e", "embedding"]);
    }
    const second = { ...row, deep: { second: [1] } };
    expect(await expectFailure(repository.save(second), "VALIDATION")).toMatchObject({ field: "deep.second", id: "e" });
    expect(await repository.findById("e")).toEqual(row);
    expect(await dump(raw, namespace)).toEqual(before);
  });

  test("a graph finds most, with exact distances in exact order; all of it when told", async () => {
    const { repository } = await opened("cosine", "hnsw");
    const found = await repository.query().where("size").gte(2).nearest("embedding", { to, k: 3 });
    expect(found).toEqual(found.toSorted((a, b) => a.distance - b.distance));
    for (const { embedding, distance } of found) expect(distance).toBe(away("cosine", to, embedding));
    const all = await repository.query().nearest("embedding", { to, k: 9, exact: true });
    expect(all.map(({ id }) => id)).toEqual(["e", "a", "c", "b", "d"]);
  });

  test("a type that gains a vector index has it after a rebuild", async () => {
    const plain = (kept: Storage) =>
      defineEntity({
        name: "picture",
        storage: kept,
        schema: z.object({ id: z.string(), kind: z.string(), embedding: z.array(z.number()).optional() }),
        index: { kind: exact() },
      });
    const indexed = (kept: Storage) =>
      defineEntity({
        name: "picture",
        storage: kept,
        schema: z.object({ id: z.string(), kind: z.string(), embedding: z.array(z.number()).optional() }),
        index: { embedding: vector({ dim: 3, metric: "l2" }) },
      });
    const { repository: old, namespace, raw } = await open(plain);
    await old.insertMany([
      { id: "x", kind: "k", embedding: [1, 2, 3] },
      { id: "y", kind: "k" },
      { id: "z", kind: "k", embedding: [1 / 3, 0, 0] },
      { id: "bad", kind: "k", embedding: [1] },
    ]);
    const key = `${namespace}:{picture}:x`;
    // As another program may write it.
    if (storage === "hash") await raw("HSET", key, "embedding", "[1, 2.0, 3]");
    else await raw("JSON.SET", key, "$.embedding", "[1, 2.0, 3]");
    const { repository } = await open(indexed, { namespace });
    const found = await repository.query().nearest("embedding", { to: [0, 0, 0], k: 5 });
    expect(found.map(({ id, distance }) => [id, distance])).toEqual([
      ["z", Math.fround(1 / 3)],
      ["x", Math.sqrt(14)],
    ]);
    expect(await repository.query().where("embedding").isNull().ids()).toEqual(["y"]);
    expect(await repository.indexes.status()).toMatchObject({ faulty: 1, engine });
  });
});

describeMatrix(
  "vector sets",
  ({ open, leg }) => {
    test("are filled when a server that has them takes over", async () => {
      const first = await open(picture("cosine"), { synced: false });
      (first.db.capabilities as { vectorSets: boolean }).vectorSets = false;
      expect((await first.repository.insertMany(rows)).failed).toEqual([]);
      const nearest = await first.repository.query().nearest("embedding", { to, k: 3 });
      expect(nearest.map(({ id }) => id)).toEqual(["e", "a", "c"]);
      const { namespace } = first;
      const second = await open(picture("cosine"), { namespace, synced: false });
      if (!second.db.capabilities.vectorSets) return;
      await expectFailure(second.repository.save(rows[0] as (typeof rows)[0]), "INDEX_NOT_READY");
      await second.repository.indexes.sync();
      expect(await second.repository.query().nearest("embedding", { to, k: 3 })).toEqual(nearest);
      expect(Number(await second.raw("VCARD", `${namespace}:{picture}$v:embedding`))).toBe(5);
    });

    test("cannot be written by halves", async () => {
      const { db, namespace, raw } = await open(picture("cosine"));
      if (!db.capabilities.vectorSets) return;
      const user = `${namespace}-partial`;
      await raw("ACL", "SETUSER", user, "on", ">pw", "~*", "+@all", "-vadd");
      const url = new URL(leg.url);
      [url.username, url.password] = [user, "pw"];
      const partial = await connect(url.href, { namespace, engine: "scan" });
      try {
        const before = await dump(raw, namespace);
        const error = await expectFailure(
          partial.repository(picture("cosine")("hash")).save(rows[0] as (typeof rows)[0]),
          "CAPABILITY",
        );
        expect(error.message).toContain("VADD");
        expect(await dump(raw, namespace)).toEqual(before);
      } finally {
        await partial.close();
        await raw("ACL", "DELUSER", user);
      }
    });

    test("are looked into until enough pass a filter that no index counts", async () => {
      const { repository } = await open(picture("cosine"));
      const many = Array.from({ length: 1200 }, (_, n) => ({
        id: `n${n}`,
        kind: n % 100 === 99 ? "rare" : "often",
        size: n,
        about: "",
        embedding: [Math.cos(n / 1000), Math.sin(n / 1000), 0],
      }));
      expect((await repository.insertMany(many)).failed).toEqual([]);
      const rare = repository.query().whereNot("kind").eq("often");
      const found = await rare.nearest("embedding", { to, k: 5 });
      expect(found.map(({ id }) => id)).toEqual(["n99", "n199", "n299", "n399", "n499"]);
      expect(await rare.nearest("embedding", { to, k: 100 })).toHaveLength(12);
      const all = await repository.query().nearest("embedding", { to, k: 700 });
      expect(all.map(({ id }) => id)).toEqual(many.slice(0, 700).map(({ id }) => id));
      await repository.query().where("size").lt(600).delete();
      expect((await repository.query().nearest("embedding", { to, k: 1 }))[0]?.id).toBe("n600");
    });
  },
  ({ engine, driver, storage }) => engine === "scan" && driver === "ioredis6" && storage === "hash",
);
