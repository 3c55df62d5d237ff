// Types that are spread over partitions: everything as in one slot, but for what needs one slot, which is refused by name.
// Where each entity lies is told by its key.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, geo, geoPoint, inc, push, range, text, vector } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { partitionOf } from "../../src/schema/partitions.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix, keysOf, type Raw } from "./matrix.ts";

const count = 4;
const schema = z.object({
  id: z.string(),
  title: z.string(),
  n: z.number().nullable(),
  tags: z.array(z.string()),
  at: geoPoint().optional(),
  spot: z.array(z.number()).optional(),
  version: z.int(),
});
const leaf = (partitions: number) => (storage: Storage) =>
  defineEntity({
    name: "leaf",
    storage,
    partitions,
    schema,
    index: {
      title: [exact({ sortable: true }), text()],
      n: range(),
      tags: exact(),
      at: geo(),
      spot: vector({ dim: 2, metric: "l2" }),
    },
    compound: { titled: { eq: ["title"], orderBy: "n" } },
    version: "version",
    ttl: {},
  });

const row = (at: number) => ({
  id: `i${String(at).padStart(3, "0")}`,
  title: `word ${at % 7}`,
  n: at % 10 === 9 ? null : at,
  tags: [`t${at % 3}`],
  at: { longitude: at / 100, latitude: 1 },
  spot: [at, 0],
});
const rows = Array.from({ length: 120 }, (_, at) => row(at));
const homeOf = (id: string): number => partitionOf(id, count);
/** Two ids of one partition, and one of another. */
const [here, there] = [rows.filter(({ id }) => homeOf(id) === 0), rows.filter(({ id }) => homeOf(id) === 1)];
const [first = row(0), second = row(0), other = row(0)] = [here[0], here[1], there[0]];

async function homes(raw: Raw, namespace: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const key of await keysOf(raw, namespace)) {
    const [, partition, id] = /\{leaf\.(\d+)\}:(.+)$/.exec(key) ?? [];
    if (id !== undefined) found[id] = Number(partition);
  }
  return found;
}

describeMatrix("a type in several partitions", ({ open, storage, engine }) => {
  test("has each entity where its id says, and finds all of them", async () => {
    const { repository, raw, namespace } = await open(leaf(count));
    const { failed, saved } = await repository.insertMany(rows);
    expect([saved, failed]).toEqual([rows.length, []]);
    const found = await homes(raw, namespace);
    expect(found).toEqual(Object.fromEntries(rows.map(({ id }) => [id, homeOf(id)])));
    expect(new Set(Object.values(found)).size).toBe(count);
    expect(repository.key(first.id)).toBe(`${namespace}:{leaf.0}:${first.id}`);
    expect(await repository.indexes.status()).toMatchObject({ engine, state: "ready", documents: rows.length });
    expect(await repository.count()).toBe(rows.length);
    const ids = rows.map(({ id }) => id);
    expect((await repository.findByIds([...ids, "none"])).map((entity) => entity?.id)).toEqual([...ids, undefined]);

    const query = repository.query();
    expect(await query.where("n").gte(100).orderBy("n", "desc").offset(3).limit(4).ids()).toEqual(
      [115, 114, 113, 112].map((at) => row(at).id),
    );
    const page = await query.where("title").eq("word 3").orderBy("n").select("title").limit(3).page();
    expect(page).toEqual({ items: Array.from({ length: 3 }, () => ({ title: "word 3" })), total: 17 });
    expect(await query.where("title").match("WORD").where("tags").contains("t1").count()).toBe(40);
    const walked: string[] = [];
    let cursor: string | null | undefined;
    while (cursor !== null) {
      // eslint-disable-next-line no-await-in-loop -- page by page
      const step = await query.orderBy("title").orderBy("n", "desc").limit(11).keyset({ after: cursor });
      walked.push(...step.items.map(({ id }) => id));
      cursor = step.cursor;
    }
    expect(new Set(walked).size).toBe(rows.length);
    expect(walked).toHaveLength(rows.length);
    const streamed: string[] = [];
    for await (const { id } of query.stream({ batchSize: 7 })) streamed.push(id);
    expect(streamed).toEqual(ids);
    expect(await query.orderByDistance("at", { longitude: 0.502, latitude: 1 }).limit(3).ids()).toEqual(
      [50, 51, 49].map((at) => row(at).id),
    );
    const nearest = await query
      .where("tags")
      .contains("t0")
      .nearest("spot", { to: [60.4, 0], k: 2 });
    expect(nearest.map(({ id }) => id)).toEqual([row(60).id, row(63).id]);
    expect((await query.facets(["tags"])).tags.map(({ count: many }) => many)).toEqual([40, 40, 40]);
    const groups = await query
      .aggregate()
      .groupBy("title")
      .reduce((r) => ({ sum: r.sum("n") }))
      .all();
    expect(groups).toHaveLength(7);
    const { plan, entities } = await query.where("n").lt(5).explain({ analyze: true });
    expect(plan[0]).toContain("4 partitions");
    expect(entities).toBe(rows.length);
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
  });

  test("changes entities wherever they are", async () => {
    const { repository } = await open(leaf(count));
    await repository.insertMany(rows);
    const saved = await repository.save({ ...(await repository.findByIdOrThrow(other.id)), title: "new" });
    expect(saved.version).toBe(2);
    await expectFailure(repository.save({ ...saved, version: 1 }), "VERSION_CONFLICT");
    await expectFailure(repository.insert(first), "ENTITY_EXISTS");
    await repository.update(second.id, { n: inc(1000), tags: push("new") });
    expect(await repository.query().where("tags").contains("new").ids()).toEqual([second.id]);
    expect(await repository.modify(other.id, (entity) => ({ ...entity, n: 5000 }))).toMatchObject({ version: 3 });
    const patched = await repository.patchMany(rows.map(({ id }) => ({ id, patch: { tags: push("all") } })));
    expect(patched).toMatchObject({ patched: rows.length, failed: [] });
    const mixed = await repository.saveMany([{ ...row(200) }, { ...first, version: 77 }, { ...row(201) }]);
    expect(mixed.outcomes.map(({ ok }) => ok)).toEqual([true, false, true]);
    expect(mixed.failed).toMatchObject([{ index: 1, error: { code: "VERSION_CONFLICT", id: first.id } }]);
    expect(
      await repository
        .query()
        .where("n")
        .gte(100)
        .update({ tags: push("big") }),
    ).toMatchObject({ conflicts: 0 });
    const big = await repository.query().where("tags").contains("big").count();
    expect(big).toBe(await repository.query().where("n").gte(100).count());
    expect(await repository.query().where("n").gte(100).limit(5).delete()).toMatchObject({ changed: 5 });
    expect(await repository.touchMany([first.id]).catch((error: { code: string }) => error.code)).toBe("VALIDATION");
    expect(await repository.expire(first.id, 100)).toBe(true);
    expect(await repository.ttl(first.id)).toBeGreaterThan(90_000);
    expect(await repository.deleteMany(rows.slice(0, 50).map(({ id }) => id))).toMatchObject({ failed: [] });
    expect(await repository.exists(first.id)).toBe(false);
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
    expect(await repository.indexes.sync({ rebuild: true })).toMatchObject({ state: "ready", faulty: 0 });
    expect(await repository.query().delete()).toMatchObject({ conflicts: 0 });
    expect(await repository.count()).toBe(0);
  });

  test("has transactions within one partition, and refuses others before anything is sent", async () => {
    const Leaf = leaf(count)(storage);
    const { repository, db } = await open(() => Leaf);
    await repository.insertMany(rows);
    await db.transaction(async (tx) => {
      const leaves = tx.repository(Leaf);
      const entity = await leaves.findById(first.id);
      await leaves.save({ ...first, ...entity, n: 7 });
      await leaves.delete(second.id);
    });
    expect(await repository.findByIds([first.id, second.id])).toMatchObject([{ n: 7, version: 2 }, null]);
    const crossing = db.transaction(async (tx) => {
      await tx.repository(Leaf).update(first.id, { n: 8 });
      await tx.repository(Leaf).update(other.id, { n: 8 });
    });
    expect((await expectFailure(crossing, "CROSS_SLOT")).message).toContain(other.id);
    expect(await repository.findById(first.id)).toMatchObject({ n: 7 });
    const both = repository.saveMany([{ ...row(300), id: first.id, version: 2 }, second], { atomic: true });
    expect(await both).toMatchObject({ saved: 2 });
    const spread = [
      { ...first, version: 3 },
      { ...other, version: 1 },
    ];
    await expectFailure(repository.saveMany(spread, { atomic: true }), "CROSS_SLOT");
    await expectFailure(repository.deleteMany([first.id, other.id], { atomic: true }), "CROSS_SLOT");
    const patches = [first.id, other.id].map((id) => ({ id, patch: { n: 1 } }));
    await expectFailure(repository.patchMany(patches, { atomic: true }), "CROSS_SLOT");
    expect(await repository.findByIdOrThrow(other.id)).toMatchObject({ version: 1, title: other.title });
    expect(await repository.deleteMany([first.id, second.id], { atomic: true })).toMatchObject({ deleted: 2 });
  });

  test("is mended in every partition, and tells of documents in the wrong one", async () => {
    const { repository, raw, namespace } = await open(leaf(count));
    await repository.insertMany(rows);
    if (engine === "scan") {
      for (const at of [0, 2]) {
        // eslint-disable-next-line no-await-in-loop -- two
        expect(await raw("DEL", `${namespace}:{leaf.${at}}$n:n`)).toBe(1);
      }
      expect((await repository.indexes.verify()).found).toBeGreaterThan(1);
      expect((await repository.indexes.repair()).found).toBe(0);
      expect(await repository.query().where("n").gte(0).count()).toBe(108);
    }
    const moved = `${namespace}:{leaf.1}:${first.id}`;
    if (storage === "hash") await raw("HSET", moved, "id", first.id, "title", "x");
    else await raw("JSON.SET", moved, "$", JSON.stringify({ ...first, version: 1 }));
    const { findings } = await repository.indexes.verify();
    expect(findings.find(({ kind }) => kind === "corrupt")?.message).toContain(`{leaf.0}:${first.id}`);
  });

  test("passes over nothing where documents vanished", async () => {
    const { repository, raw, namespace } = await open(leaf(count));
    await repository.insertMany(rows);
    // All of one partition's first ones, and some of every other.
    const gone = rows.filter(({ id }, at) => (homeOf(id) === 2 && at < 60) || at % 5 === 0);
    for (const order of ["asc", "desc"] as const) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await repository.saveMany(gone.map((entity) => ({ ...entity })));
      // eslint-disable-next-line no-await-in-loop
      await raw("UNLINK", ...gone.map(({ id }) => `${namespace}:{leaf.${homeOf(id)}}:${id}`));
      const walked: string[] = [];
      let cursor: string | null | undefined;
      while (cursor !== null) {
        // eslint-disable-next-line no-await-in-loop -- page by page
        const step = await repository.query().where("n").gte(0).orderBy("n", order).limit(3).keyset({ after: cursor });
        walked.push(...step.items.map(({ id }) => id));
        cursor = step.cursor;
      }
      const left = rows.filter((entity) => entity.n !== null && !gone.includes(entity)).map(({ id }) => id);
      expect(walked).toEqual(order === "asc" ? left : left.toReversed());
    }
  });

  test("keeps its number of partitions", async () => {
    const { repository, namespace } = await open(leaf(count));
    await repository.insert(first);
    for (const other of [1, 2, 8]) {
      // eslint-disable-next-line no-await-in-loop -- one after another
      const { repository: wrong } = await open(leaf(other), { namespace, synced: false });
      // eslint-disable-next-line no-await-in-loop
      const refused = await expectFailure(wrong.findById(first.id), "INDEX_NOT_READY");
      expect(refused.message).toContain(`over ${count} partitions, not ${other}`);
      // eslint-disable-next-line no-await-in-loop
      await expectFailure(wrong.indexes.sync(), "INDEX_NOT_READY");
    }
    const plain = await open(leaf(1));
    await plain.repository.insert(first);
    const { repository: spread } = await open(leaf(count), { namespace: plain.namespace, synced: false });
    await expectFailure(spread.insert(second), "INDEX_NOT_READY");
  });

  test("exports and imports as any other", async () => {
    const { repository } = await open(leaf(count));
    await repository.insertMany(rows);
    const lines: string[] = [];
    for await (const line of repository.export()) lines.push(line);
    await repository.query().delete();
    expect(await repository.import(lines.join(""))).toMatchObject({ imported: rows.length });
    expect(await repository.count()).toBe(rows.length);
  });
});
