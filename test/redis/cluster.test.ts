// A cluster of three nodes: every type on the node of its own slot, every operation as on a single server.
// What would need two slots at once is refused by name.
import { Cluster as Cluster6 } from "ioredis";
import { Cluster as Cluster5 } from "ioredis5";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { type ConnectionTarget, connect, type Database, defineEntity, exact, inc, push, range, text } from "remora";
import { expectFailure } from "../behaviour/failures.ts";
import { type OwnCluster, ownCluster } from "./own-cluster.ts";

/** Names whose slots lie on different nodes. */
const names = ["apple", "banana", "cherry", "dog", "elk"];
const fruit = (name: string, colocate?: string) =>
  defineEntity({
    name,
    ...(colocate === undefined ? {} : { colocate }),
    schema: z.object({
      id: z.string(),
      title: z.string(),
      n: z.number().nullable(),
      tags: z.array(z.string()),
      version: z.int(),
    }),
    index: { title: [exact({ sortable: true }), text()], n: range(), tags: exact() },
    unique: { title: ["title"] },
    version: "version",
    ttl: {},
  });

const row = (at: number) => ({
  id: `i${String(at).padStart(3, "0")}`,
  title: `word ${at}`,
  n: at % 10 === 9 ? null : at,
  tags: [`t${at % 3}`],
});

describe("a cluster", () => {
  let cluster: OwnCluster;
  beforeAll(async () => {
    cluster = await ownCluster();
  });
  afterAll(() => cluster.stop());

  const targets: Readonly<Record<string, () => ConnectionTarget>> = {
    "by nodes": () => ({ cluster: cluster.nodes.slice(0, 1) }),
    "by a client of ioredis 6": () => new Cluster6([...cluster.nodes], { lazyConnect: true }) as never,
    "by a client of ioredis 5": () => new Cluster5([...cluster.nodes], { lazyConnect: true }) as never,
  };

  describe.each(Object.keys(targets))("%s", (name) => {
    let db: Database;
    const namespace = name.replaceAll(" ", "-");
    beforeAll(async () => {
      db = await connect((targets[name] as () => ConnectionTarget)(), { namespace });
    });
    afterAll(() => db.close());

    test("is known as one, and answered by the scan engine", async () => {
      expect(db.capabilities.mode).toBe("cluster");
      await expectFailure(connect({ cluster: cluster.nodes }, { engine: "search" }), "CAPABILITY");
    });

    test.each(names)("saves, finds, changes and deletes: %s", async (type) => {
      const fruits = db.repository(fruit(type));
      expect(await fruits.indexes.sync()).toMatchObject({ engine: "scan", state: "ready" });
      const all = Array.from({ length: 300 }, (_, at) => row(at));
      expect((await fruits.insertMany(all)).failed).toEqual([]);
      expect(await fruits.findByIds(["i001", "none", "i299"])).toMatchObject([{ n: 1 }, null, { title: "word 299" }]);
      const query = fruits.query();
      expect(await query.where("n").gte(290).orderBy("n", "desc").ids()).toEqual(
        [298, 297, 296, 295, 294, 293, 292, 291, 290].map((at) => `i${at}`),
      );
      expect(await query.where("tags").contains("t1").where("title").match("WORD").count()).toBe(100);
      expect((await query.where("n").isNull().orderBy("title").limit(5).page()).total).toBe(30);
      let streamed = 0;
      for await (const _each of query.stream({ batchSize: 40 })) streamed += 1;
      expect(streamed).toBe(300);
      const first = await query.limit(7).keyset();
      expect((await query.limit(7).keyset({ after: first.cursor })).items[0]?.id).toBe("i007");

      const saved = await fruits.save({ ...(await fruits.findByIdOrThrow("i001")), title: "new" });
      await expectFailure(fruits.save({ ...saved, version: 1 }), "VERSION_CONFLICT");
      await expectFailure(fruits.insert({ ...row(5), id: "x" }), "UNIQUE_VIOLATION");
      await fruits.update("i002", { n: inc(1000), tags: push("new") });
      expect(await fruits.findUnique({ title: "word 2" })).toMatchObject({ n: 1002, tags: ["t2", "new"], version: 2 });
      expect(
        await query
          .where("n")
          .gt(1000)
          .update({ tags: push("big") }),
      ).toMatchObject({ changed: 1 });
      await fruits.upsert({ ...row(1), title: "new", n: 7 }, { by: "title" });
      expect(await fruits.expire("i003", 100)).toBe(true);
      expect(await fruits.indexes.sync({ rebuild: true })).toMatchObject({ documents: 300, faulty: 0 });
      expect(await query.where("tags").contains("big").ids()).toEqual(["i002"]);
      expect(await query.where("n").lt(100).delete()).toMatchObject({ conflicts: 0 });
      expect(await fruits.delete("i002")).toBe(true);
      expect(await fruits.count()).toBe((await query.all()).length);
      expect(await query.delete()).toMatchObject({ conflicts: 0 });
      const left = (await cluster.keys()).filter((key) => key.startsWith(`${namespace}:{${type}}`));
      expect(left).toEqual([`${namespace}:{${type}}$m`]);
    });

    test("has transactions over types that share a slot, and refuses others", async () => {
      const [One, Two, Other] = [fruit("one", "basket"), fruit("two", "basket"), fruit("other")];
      const [ones, twos] = [db.repository(One), db.repository(Two)];
      await Promise.all([ones.indexes.sync(), twos.indexes.sync()]);
      await ones.insert(row(1));
      await db.transaction(async (tx) => {
        await tx.repository(One).update(row(1).id, { n: inc(5) });
        await tx.repository(Two).insert(row(2));
      });
      expect(await ones.query().where("n").eq(6).count()).toBe(1);
      expect(await twos.count()).toBe(1);
      await expectFailure(
        db.transaction(async (tx) => {
          await tx.repository(One).delete(row(1).id);
          await tx.repository(Other).insert(row(3));
        }),
        "CROSS_SLOT",
      );
      expect(await ones.count()).toBe(1);
    });

    test.each(names)("keeps a leaderboard and its periods on one node: %s", async (board) => {
      const periods = { daily: { keep: 2 }, allTime: true } as const;
      const arena = db.leaderboard(`board-${board}`, { periods, events: true });
      const teams = db.leaderboard("teams", { colocate: `board-${board}`, keep: "sum" });
      const [player, team] = await db.submitAll([
        db.leaderboard(`players-${board}`, { colocate: `board-${board}`, periods }).submission("ada", 5),
        teams.submission("red", 5),
      ]);
      expect([player.periods.daily.rank, team.rank]).toEqual([1, 1]);
      await arena.submit("bob", 3);
      expect(await arena.submit("ada", 5)).toMatchObject({ rank: 1, periods: { daily: { rank: 1 } } });
      expect((await arena.period("daily").history("ada", 3)).map(({ row }) => row?.rank)).toEqual([
        1,
        undefined,
        undefined,
      ]);
      const seen: unknown[] = [];
      for await (const { member, period, overtaken } of arena.watch({ from: "start" })) {
        if (seen.push([member, period, overtaken.length]) === 4) break;
      }
      expect(seen.slice(2)).toEqual([
        ["ada", null, 1],
        ["ada", "daily", 1],
      ]);
      expect(await (await arena.archive("old")).rankOf("bob")).toBe(2);
      await expectFailure(
        db.submitAll(
          [teams.submission("red", 1), arena.submission("ada", 1)].concat(
            db.leaderboard("elsewhere").submission("ada", 1) as never,
          ),
        ),
        "CROSS_SLOT",
      );
      await arena.clear();
      expect(await arena.period("daily").total()).toBe(0);
    });

    test("spreads a type over the nodes in partitions", async () => {
      const Tree = defineEntity({
        name: "tree",
        partitions: 8,
        schema: z.object({ id: z.string(), n: z.number(), tags: z.array(z.string()), version: z.int() }),
        index: { n: range(), tags: exact() },
        version: "version",
        ttl: {},
      });
      const trees = db.repository(Tree);
      expect(await trees.indexes.sync()).toMatchObject({ engine: "scan", state: "ready" });
      const all = Array.from({ length: 300 }, (_, at) => ({ id: row(at).id, n: at, tags: [`t${at % 3}`] }));
      expect((await trees.insertMany(all)).failed).toEqual([]);
      const held = await cluster.keysByNode();
      for (const keys of held) expect(keys.some((key) => key.startsWith(`${namespace}:{tree.`))).toBe(true);
      expect(await trees.findByIds(["i001", "none", "i299"])).toMatchObject([{ n: 1 }, null, { n: 299 }]);
      const query = trees.query();
      expect(await query.where("n").gte(296).orderBy("n", "desc").ids()).toEqual(["i299", "i298", "i297", "i296"]);
      expect(await query.where("tags").contains("t1").count()).toBe(100);
      const streamed: string[] = [];
      for await (const { id } of query.stream({ batchSize: 40 })) streamed.push(id);
      expect(streamed).toEqual(all.map(({ id }) => id));
      const saved = await trees.save({ ...(await trees.findByIdOrThrow("i001")), n: -1 });
      await expectFailure(trees.save({ ...saved, version: 1 }), "VERSION_CONFLICT");
      await trees.update("i002", { n: inc(1000) });
      expect(
        await query
          .where("n")
          .gt(1000)
          .update({ tags: push("big") }),
      ).toMatchObject({ changed: 1 });
      await db.transaction(async (tx) => {
        const entity = await tx.repository(Tree).findById("i003");
        await tx.repository(Tree).save({ id: "i003", n: 5000, tags: [], ...(entity && { version: entity.version }) });
      });
      expect(await query.where("n").gt(1000).orderBy("n").ids()).toEqual(["i002", "i003"]);
      const crossing = all.slice(0, 20).map((entity) => ({ ...entity, id: `x${entity.id}` }));
      await expectFailure(trees.insertMany(crossing, { atomic: true }), "CROSS_SLOT");
      expect(await trees.indexes.verify()).toMatchObject({ found: 0 });
      expect(await trees.indexes.sync({ rebuild: true })).toMatchObject({ documents: 300, faulty: 0 });
      expect(await query.delete()).toMatchObject({ changed: 300, conflicts: 0 });
      expect(await trees.count()).toBe(0);
    });

    test("refuses prefixes that would spread a type over the slots", () => {
      const spread = defineEntity({ name: "spread", keyPrefix: "spread:", schema: z.object({ id: z.string() }) });
      expect(() => db.repository(spread)).toThrowError(
        expect.objectContaining({ code: "DEFINITION", entity: "spread" }) as Error,
      );
      const kept = defineEntity({ name: "kept", keyPrefix: "old:{kept}:", schema: z.object({ id: z.string() }) });
      expect(db.repository(kept).key("1")).toBe("old:{kept}:1");
    });
  });
});
