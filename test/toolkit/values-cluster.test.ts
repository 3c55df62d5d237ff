// The pieces that keep values, on a cluster of three nodes: parts spread over slots, what must be atomic in one, walks over all nodes.
// With both drivers that clusters are reached by.
import { Cluster as Cluster6 } from "ioredis";
import { Cluster as Cluster5 } from "ioredis5";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { type ConnectionTarget, connect, type Database } from "remora";
import {
  bucketCounter,
  cappedList,
  counter,
  follows,
  hash,
  keys,
  kv,
  list,
  liveConfig,
  presence,
  set,
  sortedSet,
  tags,
  timeline,
  tokens,
  uniqueNumbers,
  uniques,
} from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { type OwnCluster, ownCluster } from "../redis/own-cluster.ts";

const parts = ["apple", "banana", "cherry", "dog", "elk", "fig"];

describe("pieces on a cluster", () => {
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
    beforeAll(async () => {
      db = await connect((targets[name] as () => ConnectionTarget)(), { namespace: name.replaceAll(" ", "-") });
    });
    afterAll(() => db.close());

    test("spread their parts, and are walked on every node", async () => {
      const words = kv(db, "word", z.string());
      await words.setMany(parts.map((part) => [part, part] as const));
      expect(await words.getMany(parts)).toEqual(parts);
      expect(await words.exists(parts)).toBe(6);
      const nodes = (await cluster.keysByNode()).filter((found) => found.some((key) => key.includes(":kv:word:")));
      expect(nodes.length).toBeGreaterThan(1);
      const walked: string[] = [];
      for await (const key of words.scan()) walked.push(key);
      expect([...new Set(walked)].toSorted()).toEqual(parts);
      const all = keys(db);
      expect(await all.exists(parts.map((part) => `kv:word:${part}`))).toBe(6);
      await expectFailure(all.rename("kv:word:apple", "kv:word:banana"), "CROSS_SLOT");
      await words.set("{x}a", "1");
      const renamed = all.rename("{x}a", "{x}b");
      expect(await renamed).toBe("missing");
      expect(await all.delete(parts.map((part) => `kv:word:${part}`))).toBe(6);
    });

    test("write and compare collections", async () => {
      const interests = set(db, "interests", z.string(), { ttl: 100 });
      await Promise.all(
        parts.map((part, at) => interests.of(part).add("all", `only ${part}`, at % 2 === 0 ? "even" : "odd")),
      );
      expect(await interests.common(parts)).toEqual(["all"]);
      expect((await interests.common(["apple", "cherry"])).toSorted()).toEqual(["all", "even"]);
      expect((await interests.union(parts)).length).toBe(9);
      expect((await interests.difference("apple", ["banana", "dog"])).toSorted()).toEqual(["even", "only apple"]);
      await Promise.all(
        parts.map(async (part) => {
          const [steps, seen] = [list(db, "step", z.int()), cappedList(db, "seen", z.int(), { keep: 2, ttl: 100 })];
          expect(await steps.of(part).push(1, 2)).toBe(2);
          expect(await steps.of(part).replace(0, 5)).toBe(true);
          await seen.of(part).push(1, 2, 3);
          expect(await seen.of(part).newest()).toEqual([3, 2]);
          const profile = hash(db, "profile", z.object({ n: z.int() }), { ttl: 100 }).of(part);
          expect([await profile.set({ n: 1 }, { when: "missing" }), await profile.increment("n")]).toEqual([true, 2]);
          await sortedSet(db, "price", z.string()).of(part).set("x", 1);
          expect(await counter(db, "c", { ttl: 100 }).of(part).increment()).toBe(1);
        }),
      );
    });

    test("count by time, and know who is here", async () => {
      const views = bucketCounter(db, "views", { every: "hour", keep: 24 });
      await Promise.all(parts.map((part) => views.increment(part, 2)));
      expect(await Promise.all(parts.map((part) => views.sum(part, { last: 2 })))).toEqual(parts.map(() => 2));
      const [active, exact] = [uniques(db, "active"), uniqueNumbers(db, "active")];
      const online = presence(db, "online");
      const yesterday = new Date(Date.now() - 86_400_000);
      await Promise.all([
        active.add(parts),
        active.add(parts, { at: yesterday }),
        exact.add([1, 2]),
        exact.add([2, 3], { at: yesterday }),
        ...parts.map((part) => online.touch(part, { via: "x" })),
      ]);
      expect([
        await active.count({ last: 3 }),
        await exact.count({ last: 3 }),
        await exact.countEvery({ last: 2 }),
      ]).toEqual([6, 3, 1]);
      expect([await online.count(), await online.leave("elk"), await online.count()]).toEqual([6, true, 5]);
    });

    test("keep both ends of what has two", async () => {
      const interests = tags(db, "interests");
      const users = follows(db, "users");
      await Promise.all(parts.map((part) => interests.add(part, ["all", part])));
      await interests.set("dog", ["dog"]);
      expect(await interests.count("all")).toBe(5);
      expect(await interests.unique("apple", ["banana"])).toEqual(["apple"]);
      for (const part of parts.slice(1)) {
        // oxlint-disable-next-line no-await-in-loop -- in order
        await users.follow("apple", part);
      }
      await users.follow("elk", "apple");
      await users.follow("elk", "zoe");
      expect((await users.following("apple", { limit: 2 })).ids).toEqual(["fig", "elk"]);
      expect([await users.mutual("apple"), await users.suggested("apple")]).toEqual([
        ["elk"],
        [{ id: "zoe", followedBy: 1 }],
      ]);
      expect(await users.forget("apple")).toBe(6);
    });

    test("hand out tokens, tell what was added, and agree on a configuration", async () => {
      const home = timeline(db, "home", z.string(), { keep: 3, ttl: 100 });
      await home.addToAll(parts, "hello");
      expect((await home.of("fig").page()).items.map(({ item }) => item)).toEqual(["hello"]);
      const resets = tokens(db, "reset", z.string(), { ttl: 100 });
      const given = await Promise.all(parts.map((part) => resets.issue(part)));
      expect(await Promise.all(given.map((token) => resets.consume(token)))).toEqual(parts);
      const config = liveConfig(db, "limits", z.object({ n: z.int() }), { initial: { n: 0 } });
      await config.change(({ n }) => ({ n: n + 1 }));
      expect(await config.get()).toEqual({ n: 1 });
    });
  });
});
