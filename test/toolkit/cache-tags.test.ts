// Tags: versions that are read together with the values, beside the sets of keys that expire before their members.
// On every server, and on a cluster.
import { Cluster as Cluster6 } from "ioredis";
import { Cluster as Cluster5 } from "ioredis5";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { type ConnectionTarget, connect, type Database } from "remora";
import { cache } from "remora/toolkit";
import { type OwnCluster, ownCluster } from "../redis/own-cluster.ts";
import { describePiece } from "./open.ts";

const schema = z.string();

describePiece("tags of a cache", "cache-tags", (box) => {
  const tagTime = async (name: string): Promise<number> =>
    Number(await box.raw("PTTL", `${box.namespace}:cache:{tagged:${name}}:t`));

  test("naive: a set of keys expires before a member, which stays; versions outlive their values", async () => {
    // As guides do it: each set writes the time of its own value over that of the tag.
    const naive = async (key: string, ttl: number): Promise<void> => {
      await box.raw("SET", `${box.namespace}:n:${key}`, "x", "PX", ttl);
      await box.raw("SADD", `${box.namespace}:n:tag`, key);
      await box.raw("PEXPIRE", `${box.namespace}:n:tag`, ttl);
    };
    await naive("long", 100_000);
    await naive("short", 30);
    while ((await box.raw("EXISTS", `${box.namespace}:n:tag`)) !== 0);
    expect(await box.raw("SMEMBERS", `${box.namespace}:n:tag`)).toEqual([]);
    expect(await box.raw("GET", `${box.namespace}:n:long`)).toBe("x");

    const words = cache(box.db, "tagged", { schema, ttl: 100 });
    await words.set("long", "x", { tags: ["t"] });
    await words.set("short", "x", { tags: ["t"], ttl: { ms: 30 } });
    while ((await words.get("short")) !== undefined);
    expect(await tagTime("t")).toBeGreaterThanOrEqual(
      Number(await box.raw("PTTL", `${box.namespace}:cache:{tagged:long}:v`)),
    );
    expect(await words.invalidateTags(["t"])).toBe(1);
    expect(await words.get("long")).toBeUndefined();
  });

  test("make what has one of them invalid, and nothing else, in one command", async () => {
    const words = cache(box.db, "some", { schema, ttl: 60 });
    await words.set("a", "1", { tags: ["x", "y"] });
    await words.set("b", "2", { tags: ["y"] });
    await words.set("c", "3", { tags: ["z", 'q"\n{*}'] });
    await words.set("d", "4");
    expect(await words.invalidateTags(["x", "never"])).toBe(1);
    const all = (): Promise<(string | undefined)[]> => Promise.all(["a", "b", "c", "d"].map((key) => words.get(key)));
    expect(await all()).toEqual([undefined, "2", "3", "4"]);
    expect(await words.invalidateTags(['q"\n{*}'])).toBe(1);
    expect(await all()).toEqual([undefined, "2", undefined, "4"]);
    // A value without a tag that the call names would not have been made invalid by it.
    const load = vi.fn<() => string>(() => "new");
    expect(await words.getOrSet("d", load, { tags: ["x"] })).toBe("new");
    expect(await words.getOrSet("d", load, { tags: ["x"] })).toBe("new");
    expect(load).toHaveBeenCalledTimes(1);
  });

  test("are never valid again once their version is lost, as by eviction", async () => {
    const words = cache(box.db, "evicted", { schema, ttl: 60 });
    await words.set("a", "old", { tags: ["t"] });
    await words.invalidateTags(["t"]);
    await words.set("b", "new", { tags: ["t"] });
    await box.raw("DEL", `${box.namespace}:cache:{evicted:t}:t`);
    expect(await words.get("b")).toBeUndefined();
    await words.set("c", "new", { tags: ["t"] });
    expect(await words.get("a", { tags: ["t"] })).toBeUndefined();
    expect(await words.get("b", { tags: ["t"] })).toBeUndefined();
  });

  test("delete their values now, where they are noted", async () => {
    const words = cache(box.db, "members", { schema, ttl: 60, tagMembers: true });
    await Promise.all(
      Array.from({ length: 1300 }, (_, at) => words.getOrSet(`k${at}`, () => "x", { tags: ["t", `t${at % 2}`] })),
    );
    await words.set("short", "x", { tags: ["t"], ttl: { ms: 20 } });
    while ((await words.get("short")) !== undefined);
    await words.set("other", "x", { tags: ["t2", "t"] });
    expect(await box.raw("ZSCORE", `${box.namespace}:cache:{members:t}:m`, "short")).toBeNull();
    expect(await words.invalidateTags(["t0"], { deleteNow: true })).toBe(650);
    expect(await words.invalidateTags(["t"], { deleteNow: true })).toBe(651);
    const left = (await box.raw("KEYS", `${box.namespace}:cache:{members:*}:v`)) as string[];
    expect(left).toEqual([]);
    expect(await box.raw("EXISTS", `${box.namespace}:cache:{members:t}:m`)).toBe(0);
  });
});

describe("a cache on a cluster", () => {
  let cluster: OwnCluster;
  beforeAll(async () => {
    cluster = await ownCluster();
  });
  afterAll(() => cluster.stop());

  const targets: Readonly<Record<string, () => ConnectionTarget>> = {
    "ioredis 6": () => new Cluster6([...cluster.nodes], { lazyConnect: true }) as never,
    "ioredis 5": () => new Cluster5([...cluster.nodes], { lazyConnect: true }) as never,
  };
  test.each(Object.keys(targets))("spreads over its nodes, and is invalidated on all of them: %s", async (name) => {
    const options = { namespace: name.replaceAll(" ", "-") };
    const databases: Database[] = [];
    for (let at = 0; at < 3; at += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      databases.push(await connect((targets[name] as () => ConnectionTarget)(), options));
    }
    const caches = databases.map((db) => cache(db, "spread", { schema, ttl: 60, tagMembers: true }).namespace("part"));
    const [words] = caches as [(typeof caches)[number]];
    const keys = Array.from({ length: 60 }, (_, at) => `k${at}`);
    const load = vi.fn<() => Promise<string>>(() => Promise.resolve("x"));
    const tagsOf = (at: number): string[] => ["all", at % 2 === 0 ? "even" : "odd"];
    await Promise.all(caches.flatMap((each) => keys.map((key, at) => each.getOrSet(key, load, { tags: tagsOf(at) }))));
    expect(load).toHaveBeenCalledTimes(60);
    for (const held of await cluster.keysByNode()) {
      expect(held.some((key) => key.startsWith(`${options.namespace}:cache:{spread.part:k`))).toBe(true);
    }
    const present = async (): Promise<number> =>
      (await Promise.all(keys.map((key) => words.get(key)))).filter((value) => value !== undefined).length;
    expect(await present()).toBe(60);
    await caches[1]?.invalidateTags(["even"]);
    expect(await present()).toBe(30);
    expect(await caches[2]?.invalidateTags(["odd"], { deleteNow: true })).toBe(30);
    expect(await present()).toBe(0);
    await Promise.all(keys.map((key) => words.set(key, "y")));
    expect(await words.invalidatePattern("k1*")).toBe(11);
    expect(await present()).toBe(49);
    await words.bump();
    expect(await present()).toBe(0);
    expect(await words.clear()).toBe(49);
    await Promise.all(databases.map((db) => db.close()));
  });
});
