// Traps that concern a whole server: configuration, dead entities, rights, clusters, and a crash.
// Each server here is the test's own; one that stops answering meets a deadline and is stopped with the file.
import { Redis } from "ioredis";
import { z } from "zod";
import { afterAll, beforeAll, expect, test } from "vitest";

import { connect, type Database, defineEntity, type EntityDefinition, exact, range } from "remora";
import { type Flavour, startServer, type TestServer } from "remora/testing";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { serverTimePassed } from "../behaviour/clock.ts";
import type { Raw } from "../behaviour/matrix.ts";
import { describeLegs } from "../setup/legs.ts";
import { complaint, indexesOf, namesOf, tellTrap, expectTrap } from "./naive.ts";

const define = <const T extends { readonly ttl?: object }>(name: string, storage: Storage, more: T) =>
  defineEntity({
    name: `${name}-${storage}`,
    storage,
    schema: z.object({ id: z.string(), word: z.string(), n: z.number() }),
    index: { word: exact({ sortable: true }), n: range() },
    ...more,
  });
const things = { hash: define("thing", "hash", {}), json: define("thing", "json", {}) };
const dying = { hash: define("dying", "hash", { ttl: {} }), json: define("dying", "json", { ttl: {} }) };
const rows = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `t${n}`, word: `w${n % 7}`, n }));
const all = rows(12_000);
const storages = ["hash", "json"] as const;
const nameOf = (definition: EntityDefinition): string => namesOf("own", definition).alias;

describeLegs("trap, own server", { search: true }, (leg) => {
  // Never without an argument: then it would be the server that the environment names.
  const start = (...args: string[]) =>
    startServer({
      flavour: leg.flavour === "other" ? "any" : (leg.flavour as Flavour),
      needs: "search",
      args: ["--enable-debug-command", "yes", ...args],
    });
  let server: TestServer;
  let db: Database;
  let raw: Raw;

  beforeAll(async () => {
    server = await start();
    db = await connect(server.url, { namespace: "own", engine: "search", deadline: 10_000 });
    raw = (command, ...args) => db.redis.call(command, ...args);
    for (const storage of storages) {
      await db.repository(things[storage]).indexes.sync();
      await db.repository(things[storage]).insertMany(all);
    }
  });
  afterAll(async () => {
    await db.close();
    await server.stop();
  });

  test.each(storages)("a search that takes too long is cut without a word, %s", async (storage) => {
    const repository = db.repository(things[storage]);
    await raw("FT.CONFIG", "SET", "TIMEOUT", 1);
    try {
      const slow = "-@word_0:{none} -@n_1:[-5 -5] -@n_1:[-7 -7] -@word_0:{nope}";
      const reply = await raw("FT.SEARCH", nameOf(things[storage]), slow, "LIMIT", 0, 0, "DIALECT", 2);
      tellTrap(leg, "a count is cut after one millisecond", (reply as [number])[0] < all.length);
      const query = () => repository.query().where("word").notIn(["none", "nope"]).where("n").notIn([-5, -7]);
      expect(await query().count()).toBe(all.length);
      expect((await query().limit(10).page()).total).toBe(all.length);
      expect(await query().orderBy("n", "desc").limit(all.length).all()).toEqual(all.toReversed());
      expect(await query().orderBy("n").limit(10_000).ids()).toHaveLength(10_000);
    } finally {
      await raw("FT.CONFIG", "SET", "TIMEOUT", 500);
    }
  });

  test.each(storages)("rows beyond the server's cap are missing without a word, %s", async (storage) => {
    const repository = db.repository(things[storage]);
    const caps = ["MAXSEARCHRESULTS", "MAXAGGREGATERESULTS"];
    const before = await Promise.all(
      caps.map(async (cap) => ((await raw("FT.CONFIG", "GET", cap)) as string[][])[0]?.[1]),
    );
    await Promise.all(caps.map((cap) => raw("FT.CONFIG", "SET", cap, 10_000)));
    try {
      const window = ["SORTBY", 2, "@n_1", "ASC", "LIMIT", 9999, 10, "DIALECT", 2];
      const cut = (await raw("FT.AGGREGATE", nameOf(things[storage]), "*", ...window)) as unknown[];
      expectTrap(leg, "of ten rows from 9999 on there is one", cut.length === 2);
      const query = () => repository.query();
      for (const work of [
        () => query().orderBy("n").offset(9999).limit(10).ids(),
        () => query().orderBy("n").offset(9999).limit(10).all(),
        () => query().orderBy("n").offset(9999).limit(10).page(),
        () => query().offset(9999).limit(10).page(),
        () => query().ids(),
        () => query().all(),
        // These the server refuses itself, as errors of syntax.
        () => query().orderBy("n").offset(14_000).limit(10).all(),
        () => query().offset(14_000).limit(10).page(),
        () => query().limit(12_000).ids(),
        () => query().limit(12_000).page(),
      ]) {
        expect(await expectFailure(work(), "RESULT_TOO_LARGE")).toMatchObject({ entity: things[storage].name });
      }
      expect(await query().orderBy("n").offset(9990).limit(10).ids()).toEqual(
        all.slice(9990, 10_000).map(({ id }) => id),
      );
      expect(await query().count()).toBe(12_000);
      expect(await query().where("word").eq("w1").all()).toHaveLength(1715);
    } finally {
      await Promise.all(
        caps.map((cap, at) => raw("FT.CONFIG", "SET", cap, before[at] === "unlimited" ? -1 : Number(before[at]))),
      );
    }
  });

  test.each(storages)("the dead are listed and counted until somebody sweeps them, %s", async (storage) => {
    const repository = db.repository(dying[storage]);
    await repository.indexes.sync();
    await raw("DEBUG", "SET-ACTIVE-EXPIRE", 0);
    try {
      await repository.insertMany([{ id: "live", word: "w", n: 1 }], { ttl: null });
      // A time that has passed before the write comes to the server would delete at once, and leave no dead.
      const at = new Date(Date.now() + 1000);
      await repository.insertMany(rows(5), { ttl: { at } });
      await serverTimePassed(raw, at);
      const found = (await raw("FT.SEARCH", nameOf(dying[storage]), "*", "LIMIT", 0, 3, "DIALECT", 2)) as unknown[];
      expectTrap(leg, "dead ones are counted, and stand in a page as nothing", found[0] === 6 && found.includes(null));
      const query = () => repository.query();
      expect(await query().count()).toBe(1);
      expect(await query().ids()).toEqual(["live"]);
      expect(await query().orderBy("n", "desc").ids()).toEqual(["live"]);
      expect(await query().limit(3).page()).toMatchObject({ total: 1, items: [{ id: "live" }] });
      expect(await query().where("word").ne("w").count()).toBe(0);
      expect(await query().where("word").in(["w", "w1", "w2"]).all()).toMatchObject([{ id: "live" }]);
      expect(await query().orderBy("n").limit(1).all()).toMatchObject([{ id: "live" }]);
      expect(await query().where("n").gte(2).exists()).toBe(false);
      // One that comes back is there again.
      await repository.insert({ id: "t3", word: "back", n: 3 });
      expect((await query().ids()).sort()).toEqual(["live", "t3"]);
    } finally {
      await raw("DEBUG", "SET-ACTIVE-EXPIRE", 1);
    }
  });

  test("an index's name counts as a key to the server's access rules", async () => {
    await raw("ACL", "SETUSER", "narrow", "on", ">secret", "~own:*", "+@all");
    await raw("ACL", "SETUSER", "blind", "on", ">secret", "~own:*", "+@all", "-FT.SEARCH", "-FT.AGGREGATE");
    await raw("FT.CREATE", "elsewhere", "PREFIX", 1, "own:", "SCHEMA", "word", "TAG");
    const { port } = new URL(server.url);
    const client = new Redis(Number(port), "127.0.0.1", {
      username: "narrow",
      password: "secret",
      lazyConnect: true,
    });
    await client.connect();
    const said = await complaint(client.call("FT.SEARCH", "elsewhere", "*"));
    client.disconnect();
    expectTrap(leg, "an index outside the user's keys is refused", said.startsWith("NOPERM"));
    const as = (username: string) =>
      connect({ url: server.url, username, password: "secret" }, { namespace: "own", engine: "search" });
    const narrow = await as("narrow");
    const blind = await as("blind");
    try {
      const repository = narrow.repository(things.hash);
      await repository.save({ id: "acl", word: "acl", n: -1 });
      expect(await repository.indexes.sync()).toMatchObject({ state: "ready" });
      expect(await repository.query().where("word").eq("acl").ids()).toEqual(["acl"]);
      const query = blind.repository(things.hash).query().where("word").eq("acl");
      expect(await expectFailure(query.ids(), "CAPABILITY")).toMatchObject({ entity: "thing-hash" });
      expect(await expectFailure(query.count(), "CAPABILITY")).toMatchObject({ entity: "thing-hash" });
      await repository.delete("acl");
    } finally {
      await Promise.all([narrow.close(), blind.close()]);
    }
  });

  test("FLUSHALL takes the indexes along", async () => {
    const repository = db.repository(dying.hash);
    await repository.indexes.sync();
    expect(await indexesOf(raw, "own", dying.hash)).toEqual([namesOf("own", dying.hash).index]);
    await raw("FLUSHALL");
    expect(await indexesOf(raw, "own", dying.hash)).toEqual([]);
    await repository.insert({ id: "a", word: "w", n: 1 });
    expect(await expectFailure(repository.query().ids(), "INDEX_NOT_READY")).toMatchObject({ entity: "dying-hash" });
    expect(await repository.indexes.sync()).toMatchObject({ state: "ready", documents: 1 });
    expect(await repository.query().where("word").eq("w").ids()).toEqual(["a"]);
  });

  test("a node of a cluster searches its own documents only", async () => {
    const node = await start("--cluster-enabled", "yes");
    try {
      const error = await expectFailure(connect(node.url, { engine: "search" }), "CAPABILITY");
      expect(error.message).toContain("cluster");
    } finally {
      await node.stop();
    }
  });

  // The last one: it takes a server with it.
  test("some names in a JSON path kill the server", async () => {
    const named = defineEntity({
      name: "named",
      storage: "json",
      schema: z.object({
        id: z.string(),
        一: z.number(),
        "em😀": z.number(),
        Ā: z.number(),
        石: z.object({ 一: z.string() }),
        数: z.int(),
        free: z.record(z.string(), z.number()),
      }),
      index: { 一: range(), "em😀": range(), Ā: range(), "石.一": exact() },
      version: "数",
    });
    const victim = await start();
    const mapper = await connect(victim.url, { namespace: "own", engine: "search" });
    try {
      const repository = mapper.repository(named);
      await repository.indexes.sync();
      const odd = 0.1 + 0.2;
      const content = { 一: odd, "em😀": odd, Ā: odd, 石: { 一: "x" }, free: { 一: odd, "😀": 1 / 3 } };
      const saved = await repository.insert({ id: "a", ...content });
      await repository.save(saved);
      expect(await repository.findById("a")).toEqual({ id: "a", ...content, 数: 2 });
      for (const name of ["一", "em😀", "Ā"] as const) {
        expect(await repository.query().where(name).eq(odd).ids(), name).toEqual(["a"]);
        expect(await repository.query().orderBy(name).ids(), name).toEqual(["a"]);
      }
      expect(await repository.query().where("石.一").eq("x").ids()).toEqual(["a"]);
      expect(await mapper.redis.call("PING")).toBe("PONG");
      const last = await complaint(mapper.redis.call("JSON.GET", repository.key("a"), "$.一"));
      const alive = await complaint(new Redis(victim.url, { lazyConnect: true, retryStrategy: null }).connect());
      expectTrap(leg, "an unquoted name ends the server", last !== "" && alive !== "");
    } finally {
      await mapper.close();
      await victim.stop();
    }
  });
});
