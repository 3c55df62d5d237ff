// Traps of running a search index: building, replacing, dropping, prefixes, databases, protocols.
// What may not be done to a shared server is in own-server.test.ts.
import { Redis } from "ioredis";
import { z } from "zod";
import { expect, test } from "vitest";

import { connect, defineEntity, exact, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { describeMatrix, keysOf } from "../behaviour/matrix.ts";
import { tellTrap, Naive, searching, searchingOnce, expectTrap } from "./naive.ts";

const thing = (storage: Storage) =>
  defineEntity({
    name: "thing",
    storage,
    schema: z.object({ id: z.string(), word: z.string(), n: z.number() }),
    index: { word: exact({ sortable: true }), n: range() },
  });
// The same type after a change of its definition.
const changed = (storage: Storage) =>
  defineEntity({
    name: "thing",
    storage,
    schema: z.object({ id: z.string(), word: z.string(), n: z.number() }),
    index: { word: exact() },
  });
const dying = (storage: Storage) =>
  defineEntity({
    name: "dying",
    storage,
    schema: z.object({ id: z.string(), word: z.string() }),
    index: { word: exact() },
    ttl: {},
  });
const many = Array.from({ length: 6000 }, (_, n) => ({ id: `t${n}`, word: `w${n % 7}`, n }));

describeMatrix(
  "trap",
  ({ open, leg, storage }) => {
    test("a new index over stored documents finds few of them at first", async () => {
      const { repository, raw, namespace } = await open(thing);
      await raw("FT.DROPINDEX", `${namespace}:{thing}$i`);
      expect((await repository.insertMany(many)).failed).toEqual([]);
      const naive = `${namespace}:naive`;
      await raw(
        ...(["FT.CREATE", naive, "ON", storage, "PREFIX", 1, `${namespace}:{thing}:`] as const),
        ...["SCHEMA", ...(storage === "json" ? ["$.word", "AS"] : []), "word", "TAG"],
      );
      const [first] = (await raw("FT.SEARCH", naive, "*", "LIMIT", 0, 0)) as [number];
      tellTrap(leg, "a new index is not complete at once", first < many.length);
      expect(await repository.indexes.sync()).toMatchObject({ state: "ready", documents: many.length, failures: 0 });
      expect(await repository.query().count()).toBe(many.length);
      expect(await repository.query().where("word").eq("w3").count()).toBe(
        many.filter(({ word }) => word === "w3").length,
      );
    });

    test("making an index that exists is an error, also when two make it at once", async () => {
      const { repository, raw, namespace } = await open(thing);
      const again = raw("FT.CREATE", `${namespace}:x`, "SCHEMA", "a", "TAG").then(() =>
        raw("FT.CREATE", `${namespace}:x`, "SCHEMA", "a", "TAG"),
      );
      expectTrap(
        leg,
        "the second is refused",
        await again.then(
          () => false,
          () => true,
        ),
      );
      await raw("FT.DROPINDEX", `${namespace}:x`);
      await raw("FT.DROPINDEX", `${namespace}:{thing}$i`);
      await repository.insert({ id: "a", word: "w", n: 1 });
      const others = await Promise.all(
        Array.from({ length: 4 }, () => connect(leg.url, { namespace, engine: "search" })),
      );
      try {
        const states = await Promise.all(others.map((db) => db.repository(thing(storage)).indexes.sync()));
        expect(states.map(({ state, documents }) => [state, documents])).toEqual(states.map(() => ["ready", 1]));
      } finally {
        await Promise.all(others.map((db) => db.close()));
      }
      expect(((await raw("FT._LIST")) as string[]).filter((name) => name.startsWith(namespace))).toHaveLength(1);
      expect(await repository.query().where("word").eq("w").ids()).toEqual(["a"]);
    });

    test("another definition takes over an empty type, and never one with data", async () => {
      const { repository, raw, namespace } = await open(thing);
      const naive = await Naive.make({ raw, namespace }, "hash", ["a", "TAG"]);
      await raw("FT.ALIASADD", `${namespace}:alias`, naive.name);
      const shadow = raw("FT.CREATE", `${namespace}:alias`, "SCHEMA", "a", "TAG");
      expectTrap(
        leg,
        "an index may be called as an alias is, and hides it",
        await shadow.then(
          () => true,
          () => false,
        ),
      );
      await raw("FT.DROPINDEX", `${namespace}:alias`);
      const lists = async () =>
        ((await raw("FT._LIST")) as string[]).filter((name) => name.startsWith(`${namespace}:{thing}`));
      const [before] = await lists();
      const db = await connect(leg.url, { namespace, engine: "search" });
      try {
        const next = db.repository(changed(storage));
        expect((await next.indexes.sync()).state).toBe("ready");
        // The old one is gone, the name leads to the new one.
        const after = await lists();
        expect(after).toHaveLength(1);
        expect(after).not.toEqual([before]);
        await next.insert({ id: "a", word: "w", n: 1 });
        expect(await next.query().where("word").eq("w").ids()).toEqual(["a"]);
        const kept = await keysOf(raw, namespace);
        expect(await expectFailure(repository.indexes.sync(), "INDEX_NOT_READY")).toMatchObject({ entity: "thing" });
        const late = repository.insert({ id: "b", word: "w", n: 2 });
        expect(await expectFailure(late, "INDEX_NOT_READY")).toMatchObject({ entity: "thing" });
        expect(await repository.indexes.status()).toMatchObject({ state: "outdated" });
        expect(await lists()).toEqual(after);
        expect(await keysOf(raw, namespace)).toEqual(kept);
        expect(await next.query().count()).toBe(1);
      } finally {
        await db.close();
      }
    });

    test("an index that is gone is an error by name, and comes back with every document", async () => {
      for (const define of [thing, dying] as const) {
        const { repository, raw, namespace } = await open(define as typeof thing);
        const { name } = define(storage).metadata;
        await repository.insertMany(many.slice(0, 50));
        await raw("FT.DROPINDEX", `${namespace}:{${name}}$i`);
        const query = repository.query().where("word").eq("w1");
        for (const work of [() => query.ids(), () => query.all(), () => query.page(), () => query.count()]) {
          expect(await expectFailure(work(), "INDEX_NOT_READY")).toMatchObject({ entity: name });
        }
        expect(await repository.indexes.status()).toMatchObject({ state: "missing" });
        expect(await repository.findById("t1")).toMatchObject({ id: "t1", word: "w1" });
        expect(await repository.indexes.sync()).toMatchObject({ state: "ready", documents: 50 });
        expect((await query.ids()).sort()).toEqual(["t1", "t15", "t22", "t29", "t36", "t43", "t8"]);
      }
    });

    test("what was saved is found by the very next search", async () => {
      const { repository } = await open(thing);
      for (let n = 0; n < 30; n += 1) {
        await repository.save({ id: "a", word: `w${n}`, n });
        expect(await repository.query().where("word").eq(`w${n}`).where("n").eq(n).ids()).toEqual(["a"]);
        expect(await repository.query().where("word").ne(`w${n}`).count()).toBe(0);
      }
      await repository.delete("a");
      expect(await repository.query().count()).toBe(0);
    });

    test("replies of the newer protocol have another shape", async () => {
      const { repository, namespace } = await open(thing);
      await repository.insertMany(many.slice(0, 20));
      const client = new Redis(leg.url, { protocol: 3, lazyConnect: true });
      const db = await connect(client as never, { namespace, engine: "search" });
      try {
        await client.connect();
        const reply = (await client.call("FT.SEARCH", `${namespace}:{thing}$i`, "*", "LIMIT", 0, 1)) as unknown[];
        expectTrap(leg, "the reply no longer begins with the count", typeof reply[0] !== "number");
        const things = db.repository(thing(storage));
        expect(await things.query().where("n").eq(5).page()).toEqual({ items: [many[5]], total: 1 });
        expect(await things.query().orderBy("n", "desc").limit(2).all()).toEqual([many[19], many[18]]);
        expect(await things.query().orderBy("n").limit(2).ids()).toEqual(["t0", "t1"]);
        expect(await things.query().count()).toBe(20);
        expect(await things.indexes.status()).toMatchObject({ state: "ready", documents: 20 });
      } finally {
        client.disconnect();
        await db.close();
      }
    });
  },
  searching,
);

const prefixed = (name: string, keyPrefix?: string) =>
  defineEntity({
    name,
    ...(keyPrefix === undefined ? {} : { keyPrefix }),
    schema: z.object({ id: z.string(), word: z.string() }),
    index: { word: exact() },
  });

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("a prefix without an end catches the neighbours", async () => {
      const opened = await open(() => prefixed("us"));
      const { repository, db, raw, namespace } = opened;
      await raw("FT.CREATE", `${namespace}:x`, "PREFIX", 1, `${namespace}:us`, "SCHEMA", "word", "TAG");
      await raw("HSET", `${namespace}:user:1`, "word", "w");
      const [caught] = (await raw("FT.SEARCH", `${namespace}:x`, "*", "NOCONTENT")) as [number];
      expectTrap(leg, "us: catches user:", caught === 1);
      const users = db.repository(prefixed("user"));
      const odd = db.repository(prefixed("us_x"));
      await Promise.all([users.indexes.sync(), odd.indexes.sync()]);
      await repository.insert({ id: "a", word: "us" });
      await users.insert({ id: "b", word: "user" });
      await odd.insert({ id: "c", word: "us_x" });
      expect(await repository.query().ids()).toEqual(["a"]);
      expect(await users.query().ids()).toEqual(["b"]);
      expect(await odd.query().ids()).toEqual(["c"]);
      db.repository(prefixed("old", `${namespace}:old:`));
      for (const prefix of [`${namespace}:old`, `${namespace}:old:er:`, `${namespace}:{us}:x:`]) {
        expect(() => db.repository(prefixed("clash", prefix)), prefix).toThrowError(
          expect.objectContaining({ code: "DEFINITION", entity: "clash" }) as Error,
        );
      }
    });

    test("indexes exist in database 0 only", async () => {
      const { namespace } = await open(thing);
      const client = new Redis(leg.url, { db: 1, lazyConnect: true });
      await client.connect();
      const made = client.call("FT.CREATE", `${namespace}:x`, "SCHEMA", "a", "TAG");
      expectTrap(
        leg,
        "an index in database 1 is refused",
        await made.then(
          () => false,
          () => true,
        ),
      );
      client.disconnect();
      const demanded = connect({ url: leg.url, db: 1 }, { engine: "search" });
      expect((await expectFailure(demanded, "CAPABILITY")).message).toContain("database 0");
      const db = await connect({ url: leg.url, db: 1 }, { namespace: `${namespace}-one` });
      try {
        expect(await db.repository(thing("hash")).indexes.status()).toMatchObject({ engine: "scan" });
      } finally {
        await db.close();
      }
    });

    test("fields that name a language or a score are looked at by the server", async () => {
      const named = defineEntity({
        name: "named",
        schema: z.object({ id: z.string(), word: z.string(), __language: z.string(), __score: z.string() }),
        index: { word: exact() },
      });
      const { repository } = await open(() => named);
      const languages = ["french", "chinese", "klingon", ""];
      await repository.insertMany(
        languages.map((__language, at) => ({
          id: `l${at}`,
          word: "running",
          __language,
          __score: at === 0 ? "7" : "many",
        })),
      );
      expect((await repository.query().where("word").eq("running").ids()).sort()).toEqual(["l0", "l1", "l2", "l3"]);
      expect(await repository.query().where("word").eq("run").count()).toBe(0);
      expect(await repository.indexes.status()).toMatchObject({ documents: 4, failures: 0 });
    });
  },
  searchingOnce,
);
