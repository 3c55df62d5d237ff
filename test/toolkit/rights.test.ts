// The rights that the pages of the toolkit name, given to a user of nothing else: every method of their pieces works with them.
// On every server.
import { afterAll, expect, test } from "vitest";
import { z } from "zod";

import { connect, type Database } from "remora";
import {
  bucketCounter,
  cappedList,
  counter,
  echo,
  follows,
  hash,
  keys,
  kv,
  list,
  liveConfig,
  ping,
  presence,
  set,
  sortedSet,
  tags,
  timeline,
  tokens,
  uniqueNumbers,
  uniques,
} from "remora/toolkit";
import { fenced } from "../docs/blocks.ts";
import { describePiece } from "./open.ts";

/** What a user may always do: what connecting and scripts take. */
const always = ["+ping", "+eval", "+evalsha", "+eval_ro", "+evalsha_ro", "+time"];

describePiece("users of the pages", "rights", (box) => {
  const users: string[] = [];
  const databases: Database[] = [];
  let count = 0;

  /** A database of a user with the rights of one page's first rule. */
  const userOf = async (page: string): Promise<Database> => {
    const [rule] = fenced(`docs/toolkit-${page}.md`, "redis").map(({ code }) => code.trim().split(/\s+/));
    const [command = "", verb = "", name = "", ...rights] = rule ?? [];
    expect([command, verb, name]).toEqual(["ACL", "SETUSER", "app"]);
    count += 1;
    const user = `${box.namespace}-${count}`;
    users.push(user);
    await box.raw(command, verb, user, "reset", "on", ">secret", `~${box.namespace}:*`, ...always, ...rights);
    const url = new URL(box.leg.url);
    url.username = user;
    url.password = "secret";
    const db = await connect(url.href, { namespace: box.namespace });
    databases.push(db);
    return db;
  };

  afterAll(async () => {
    await Promise.all(databases.map((db) => db.close()));
    await box.raw("ACL", "DELUSER", ...users);
  });

  test("keep values", async () => {
    const words = kv(await userOf("values"), "word", z.string());
    await words.set("a", "1", { ttl: 5 });
    await words.setMany({ b: "2" });
    await words.getSet("a", "2");
    await words.get("a", { ttl: 50 });
    await words.getMany(["a"]);
    await words.take("a");
    expect([await words.exists("b"), await words.delete("b")]).toEqual([1, 1]);
  });

  test("look at keys", async () => {
    const db = await userOf("keys");
    const all = keys(db);
    await box.raw("SET", `${box.namespace}:k`, "1");
    await all.expire("k", 50);
    await all.expireAt("k", new Date(Date.now() + 50_000));
    expect(await all.remaining("k")).toBeGreaterThan(0);
    await all.persist("k");
    expect([await all.type("k"), await all.exists("k"), await all.rename("k", "l", { when: "missing" })]).toEqual([
      "string",
      1,
      "renamed",
    ]);
    const found: string[] = [];
    for await (const key of all.scan({ match: "l*", type: "string" })) found.push(key);
    expect(found).toEqual(["l"]);
    expect(await all.delete("l")).toBe(1);
    await ping(db);
    expect(await echo(db, "x")).toBe("x");
  });

  test("fill collections", async () => {
    const db = await userOf("collections");
    const l = list(db, "l", z.string(), { ttl: 50 }).of("a");
    await l.push("a", "b");
    await l.unshift("c");
    await l.replace(0, "d");
    await l.trim(0, 5);
    expect([
      await l.at(0),
      await l.range(),
      await l.length(),
      await l.remove("d"),
      await l.pop(),
      await l.shift(),
    ]).toEqual(["d", ["d", "a", "b"], 3, 1, "b", "a"]);
    await l.clear();
    const capped = cappedList(db, "c", z.string(), { keep: 2 }).of("a");
    await capped.push("a");
    await capped.newest();
    const sets = set(db, "s", z.string());
    const s = sets.of("a");
    await s.add("a", "b", "c");
    expect([await s.has("a"), await s.size(), (await s.members()).length, (await s.random()).length]).toEqual([
      true,
      3,
      3,
      1,
    ]);
    await s.remove("a");
    await s.pop();
    await Promise.all([sets.common(["a"]), sets.union(["a"]), sets.difference("a", ["b"])]);
    const z1 = sortedSet(db, "z", z.string()).of("a");
    await z1.set("a", 1);
    await z1.increment("a", 1);
    expect([
      await z1.score("a"),
      await z1.rank("a"),
      await z1.rank("a", { reverse: true }),
      await z1.count(),
      await z1.size(),
    ]).toEqual([2, 0, 0, 1, 1]);
    await Promise.all([z1.range(), z1.byScore()]);
    await z1.removeByScore({ max: 0 });
    await z1.remove("a");
    const h = hash(db, "h", z.object({ n: z.int(), f: z.number() })).of("a");
    await h.set({ n: 1 });
    await h.set({ n: 1 }, { when: "present" });
    expect([await h.increment("n"), await h.increment("f", 0.5), await h.has("n")]).toEqual([2, 0.5, true]);
    await Promise.all([h.get(), h.get("n"), h.fields()]);
    expect(await h.delete("n")).toBe(1);
    const interests = tags(db, "t");
    await interests.add("ada", ["x", "y"]);
    await interests.set("ada", ["x"]);
    await interests.remove("ada", "x");
    await Promise.all([interests.of("ada"), interests.has("ada", "x"), interests.withAll("x"), interests.withAny("x")]);
    await Promise.all([
      interests.count("x"),
      interests.common(["ada"]),
      interests.union(["ada"]),
      interests.unique("ada", []),
    ]);
    await interests.clear("ada");
  });

  test("count", async () => {
    const db = await userOf("counters");
    for (const each of [counter(db, "c"), counter(db, "f", { fractions: true, ttl: 50 })]) {
      // oxlint-disable-next-line no-await-in-loop
      expect([await each.of("a").increment(), await each.of("a").get(), await each.of("a").reset()]).toEqual([1, 1, 1]);
      // oxlint-disable-next-line no-await-in-loop
      await each.of("a").clear();
    }
    const views = bucketCounter(db, "b", { every: "day", keep: 3 });
    await views.increment("x");
    expect(await views.sum("x", { last: 2 })).toBe(1);
    const active = uniques(db, "u");
    await active.add("ada");
    expect(await active.count({ last: 3 })).toBe(1);
    const exact = uniqueNumbers(db, "n");
    await exact.add(1);
    expect([await exact.count({ last: 3 }), await exact.count({ last: 1 }), await exact.has(1, { last: 1 })]).toEqual([
      1,
      1,
      true,
    ]);
    const online = presence(db, "p");
    await online.touch("ada", { via: "a" });
    await online.touch("ada", { via: "b" });
    expect([await online.count(), (await online.online()).length, await online.isOnline("ada")]).toEqual([1, 1, true]);
    await online.leave("ada", { via: "a" });
    await online.leave("ada");
  });

  test("follow, tell, hand out and agree", async () => {
    const db = await userOf("social");
    const ties = follows(db, "f");
    await ties.follow("a", "b");
    await Promise.all([
      ties.isFollowing("a", "b"),
      ties.followers("b"),
      ties.counts("a"),
      ties.mutual("a"),
      ties.suggested("a"),
    ]);
    await ties.unfollow("a", "b");
    await ties.forget("a");
    const home = timeline(db, "t", z.string(), { keep: 5 });
    const id = await home.of("a").add("x");
    await home.addToAll(["a", "b"], "y");
    expect([
      await home.of("a").length(),
      (await home.of("a").page()).items.length,
      await home.of("a").remove(id),
    ]).toEqual([2, 2, true]);
    const resets = tokens(db, "r", z.string(), { ttl: 50 });
    const token = await resets.issue("ada");
    expect([await resets.peek(token), await resets.consume(token), await resets.revoke(token)]).toEqual([
      "ada",
      "ada",
      false,
    ]);
    const config = liveConfig(db, "c", z.object({ n: z.int() }), { initial: { n: 0 } });
    await config.change(({ n }) => ({ n: n + 1 }));
    expect([(await config.history()).length, await config.get()]).toEqual([1, { n: 1 }]);
  });
});
