// One command, one method: a table of the small ones, with what is sent and what comes back.
// On every server.
import { Redis as Redis6 } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { expect, test } from "vitest";
import { z } from "zod";

import { type ConnectionTarget, connect } from "remora";
import {
  bucketCounter,
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
  tags as tagsOf,
  timeline,
  uniques,
} from "remora/toolkit";
import { sent } from "../behaviour/sent.ts";
import { describePiece } from "./open.ts";

interface Row {
  readonly command: string;
  readonly call: () => Promise<unknown>;
  readonly gives: unknown;
}

describePiece("small commands", "small", (box) => {
  const clients: Readonly<Record<string, () => ConnectionTarget>> = {
    "by url": () => box.leg.url,
    "by a client of ioredis 5": () => new Redis5(box.leg.url, { lazyConnect: true }) as never,
    "by a client of ioredis 6 that speaks RESP3": () =>
      new Redis6(box.leg.url, { lazyConnect: true, protocol: 3 }) as never,
  };

  test.each(Object.keys(clients))("are one command each, and typed: %s", async (name) => {
    const namespace = `${box.namespace}.${name.replaceAll(" ", "-")}`;
    await using db = await connect((clients[name] as () => ConnectionTarget)(), { namespace });
    const words = kv(db, "word", z.string());
    const history = list(db, "history", z.string()).of("ada");
    const tags = set(db, "tag", z.string()).of("ada");
    const scores = sortedSet(db, "score", z.string()).of("week");
    const user = hash(db, "user", z.object({ name: z.string(), age: z.int(), rating: z.number() })).of("ada");
    const all = keys(db);
    const visits = counter(db, "visits").of("x");
    const weight = counter(db, "weight", { fractions: true }).of("x");
    const table: readonly Row[] = [
      { command: "PING", call: () => ping(db), gives: expect.any(Number) },
      { command: "ECHO", call: () => echo(db, "hello"), gives: "hello" },
      { command: "SET SET", call: () => words.setMany({ a: "1", b: "2" }), gives: [true, true] },
      { command: "SET", call: () => words.set("a", "3", { when: "missing" }), gives: false },
      { command: "GET GET GET", call: () => words.getMany(["a", "b", "c"]), gives: ["1", "2", undefined] },
      { command: "EXISTS EXISTS EXISTS", call: () => words.exists(["a", "b", "c"]), gives: 2 },
      { command: "UNLINK UNLINK", call: () => words.delete(["a", "b"]), gives: 2 },
      { command: "UNLINK UNLINK", call: () => all.delete(["kv:word:a", "none"]), gives: 0 },
      { command: "INCRBY", call: () => visits.increment(), gives: 1 },
      { command: "INCRBY", call: () => visits.increment(-3), gives: -2 },
      { command: "INCRBYFLOAT", call: () => weight.increment(2.5), gives: 2.5 },
      { command: "RPUSH", call: () => history.push("a", "b", "c"), gives: 3 },
      { command: "LPUSH", call: () => history.unshift("z"), gives: 4 },
      { command: "LINDEX", call: () => history.at(1), gives: "a" },
      { command: "EVALSHA work place", call: () => history.replace(1, "x"), gives: true },
      { command: "LTRIM", call: () => history.trim(0, 1), gives: undefined },
      { command: "LRANGE", call: () => history.range(), gives: ["z", "x"] },
      { command: "LLEN", call: () => history.length(), gives: 2 },
      { command: "RPOP", call: () => history.pop(), gives: "x" },
      { command: "LPOP", call: () => history.shift(), gives: "z" },
      { command: "SADD", call: () => tags.add("go", "go"), gives: 1 },
      { command: "SISMEMBER", call: () => tags.has("go"), gives: true },
      { command: "SRANDMEMBER", call: () => tags.random(3), gives: ["go"] },
      { command: "SCARD", call: () => tags.size(), gives: 1 },
      { command: "SPOP", call: () => tags.pop(), gives: ["go"] },
      { command: "SREM", call: () => tags.remove("go"), gives: 0 },
      { command: "ZADD", call: () => scores.set("ada", 5), gives: true },
      { command: "ZINCRBY", call: () => scores.increment("ada", 2), gives: 7 },
      { command: "ZRANGE", call: () => scores.range(0, -1, { reverse: true }), gives: [{ member: "ada", score: 7 }] },
      { command: "ZRANGE", call: () => scores.byScore({ min: 8 }), gives: [] },
      { command: "ZRANK", call: () => scores.rank("ada"), gives: 0 },
      { command: "ZREVRANK", call: () => scores.rank("ada", { reverse: true }), gives: 0 },
      { command: "ZCOUNT", call: () => scores.count({ max: 7 }), gives: 1 },
      { command: "ZREM", call: () => scores.remove("ada"), gives: 1 },
      { command: "HSET", call: () => user.set({ name: "Ada", age: 36 }), gives: true },
      { command: "HINCRBY", call: () => user.increment("age"), gives: 37 },
      { command: "HINCRBYFLOAT", call: () => user.increment("rating", 0.5), gives: 0.5 },
      { command: "HMGET", call: () => user.get("name", "age"), gives: { name: "Ada", age: 37 } },
      { command: "HGETALL", call: () => user.get(), gives: { name: "Ada", age: 37, rating: 0.5 } },
      { command: "HEXISTS", call: () => user.has("name"), gives: true },
      { command: "HDEL", call: () => user.delete("name", "rating"), gives: 2 },
      { command: "HKEYS", call: () => user.fields(), gives: ["age"] },
      { command: "PEXPIRE", call: () => all.expire("hash:user:ada", 50), gives: true },
      { command: "PEXPIREAT", call: () => all.expireAt("hash:user:ada", new Date(Date.now() + 50_000)), gives: true },
      { command: "PTTL", call: () => all.remaining("none"), gives: "missing" },
      { command: "PERSIST", call: () => all.persist("hash:user:ada"), gives: true },
      { command: "TYPE", call: () => all.type("hash:user:ada"), gives: "hash" },
      { command: "EVALSHA rename", call: () => all.rename("hash:user:ada", "hash:user:bob"), gives: "renamed" },
    ];
    for (const { command, call, gives } of table) {
      let reply: unknown;
      // oxlint-disable-next-line no-await-in-loop -- each stands on those before
      const commands = await sent(async () => {
        reply = await call();
      });
      expect([commands.join(" "), reply]).toEqual([command, gives]);
    }
    // Replies that are pairs, sets and maps come in other shapes by the newer protocol.
    await Promise.all([set(db, "s", z.string()).of("a").add("x"), set(db, "s", z.string()).of("b").add("x", "y")]);
    expect(await set(db, "s", z.string()).common(["a", "b"])).toEqual(["x"]);
    const interests = tagsOf(db, "interests");
    await interests.add("ada", "go");
    expect([await interests.withAny("go"), await interests.union(["ada"])]).toEqual([["ada"], ["go"]]);
    const users = follows(db, "users");
    await users.follow("bob", "ada");
    await users.follow("eve", "ada");
    const { ids, cursor } = await users.followers("ada", { limit: 1 });
    expect([ids, await users.followers("ada", { limit: 1, after: cursor })]).toMatchObject([["eve"], { ids: ["bob"] }]);
    expect([await users.isFollowing("bob", "ada"), await users.isFollowing("ada", "bob")]).toEqual([true, false]);
    const online = presence(db, "online");
    await online.touch("ada");
    expect([await online.online(), await online.isOnline("ada")]).toEqual([
      [{ id: "ada", seen: expect.any(Date) }],
      true,
    ]);
    const home = timeline(db, "home", z.string(), { keep: 5, ttl: 50 });
    await home.of("ada").add("hello");
    expect((await home.of("ada").page()).items).toMatchObject([{ item: "hello" }]);
    const views = bucketCounter(db, "views", { every: "day", keep: 5 });
    await views.increment("x", 3);
    expect(await views.sum("x", { last: 2 })).toBe(3);
    expect([await uniques(db, "u").add("a"), await uniques(db, "u").count({ last: 1 })]).toEqual([true, 1]);
    const config = liveConfig(db, "c", z.object({ n: z.int() }), { initial: { n: 0 } });
    await config.change(({ n }) => ({ n: n + 1 }));
    expect((await config.history()).map(({ value }) => value)).toEqual([{ n: 1 }]);
  });
});
