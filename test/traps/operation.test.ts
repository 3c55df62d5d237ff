// Traps of running a search index: building, replacing, dropping, prefixes, databases, protocols.
// What may not be done to a shared server is in own-server.test.ts.
import { Redis } from "ioredis";
import { z } from "zod";
import { expect, test } from "vitest";

import { connect, defineEntity, exact, range, type Repository } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "../behaviour/failures.ts";
import { describeMatrix, type Opened } from "../behaviour/matrix.ts";
import { complaint, indexesOf, namesOf, tellTrap, Naive, searching, searchingOnce, expectTrap } from "./naive.ts";

const thing = (storage: Storage) =>
  defineEntity({
    name: "thing",
    storage,
    schema: z.object({ id: z.string(), word: z.string(), n: z.number() }),
    index: { word: exact({ sortable: true }), n: range() },
  });
// The same type after a change of its definition: of what its index holds, and of other fields only.
const changed = (storage: Storage) =>
  defineEntity({
    name: "thing",
    storage,
    schema: z.object({ id: z.string(), word: z.string(), n: z.number() }),
    index: { word: exact() },
  });
const widened = (storage: Storage) =>
  defineEntity({
    name: "thing",
    storage,
    schema: z.object({ id: z.string(), word: z.string(), n: z.number(), more: z.string().optional() }),
    index: { word: exact({ sortable: true }), n: range() },
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

/** Whoever has a definition that the type is no longer laid out for is refused, and changes nothing; reading by id goes on. */
async function expectFormer(
  repository: Repository<ReturnType<typeof thing>>,
  where: Pick<Opened<never>, "raw" | "namespace">,
  id: string,
): Promise<void> {
  const query = () => repository.query().where("word").eq("w1");
  for (const work of [
    () => query().ids(),
    () => query().all(),
    () => query().page(),
    () => query().count(),
    () => query().exists(),
    () => repository.query().count(),
    () => repository.save({ id, word: "late", n: 2 }),
    () => repository.insert({ id: "late", word: "late", n: 2 }),
    () => repository.delete(id),
  ]) {
    expect(await expectRefusal(where, work, "INDEX_NOT_READY")).toMatchObject({ entity: "thing" });
  }
  expect(await repository.indexes.status()).toMatchObject({ state: "outdated" });
  expect(await repository.findById(id)).toMatchObject({ id });
}

describeMatrix(
  "trap",
  ({ open, leg, storage }) => {
    test("a new index over stored documents finds few of them at first", async () => {
      const { repository, raw, namespace } = await open(thing);
      await raw("FT.DROPINDEX", namesOf(namespace, thing(storage)).index);
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

    test("documents from before the index, written by hand, are found once it is there", async () => {
      const { repository, raw, namespace } = await open(thing, { synced: false });
      const byHand = many.slice(0, 200);
      const put = (key: string, { word, n }: (typeof many)[number]) =>
        storage === "json"
          ? raw("JSON.SET", key, "$", JSON.stringify({ word, n }))
          : raw("HSET", key, "word", word, "n", n);
      for (const row of byHand) await put(repository.key(row.id), row);
      // The id stands in the key only: rows that are sorted or loaded by it do not have it.
      const naive = await Naive.make({ raw, namespace }, storage, [
        ...(storage === "json" ? ["$.id", "AS"] : []),
        ...["id", "TAG", "SORTABLE"],
      ]);
      await put(naive.key("t0"), byHand[0] as (typeof many)[number]);
      const rows = (await raw("FT.AGGREGATE", naive.name, "*", "LOAD", 1, "@id", "DIALECT", 2)) as unknown[];
      expectTrap(leg, "a row has no id", rows.length === 2 && (rows[1] as unknown[]).length === 0);
      expect(await expectFailure(repository.query().ids(), "INDEX_NOT_READY")).toMatchObject({ entity: "thing" });
      expect(await repository.indexes.sync()).toMatchObject({ state: "ready", documents: 200, failures: 0, faulty: 0 });
      expect(await repository.query().orderBy("n").ids()).toEqual(byHand.map(({ id }) => id));
      expect(await repository.query().orderBy("n", "desc").limit(2).all()).toEqual([byHand[199], byHand[198]]);
      expect(await repository.query().where("word").eq("w3").count()).toBe(
        byHand.filter(({ word }) => word === "w3").length,
      );
      // One that comes later and past the mapper has what the server can see, and all of it after a rebuild.
      await put(repository.key("t200"), many[200] as (typeof many)[number]);
      expect(await repository.indexes.sync({ rebuild: true })).toMatchObject({ documents: 201, faulty: 0 });
      expect(await repository.query().where("n").gte(199).orderBy("n").ids()).toEqual(["t199", "t200"]);
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
      const { index } = namesOf(namespace, thing(storage));
      await raw("FT.DROPINDEX", index);
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
      const left = ((await raw("FT._LIST")) as string[]).filter((name) => name.startsWith(namespace));
      expect(left).toEqual([index]);
      expect(await repository.query().where("word").eq("w").ids()).toEqual(["a"]);
    });

    test("under one name stands now one index, now another; each definition asks its own", async () => {
      const { repository, raw, namespace } = await open(thing);
      const naive = await Naive.make({ raw, namespace }, "hash", ["a", "TAG", "n", "NUMERIC"]);
      await naive.put("a", "a", "x", "n", "1");
      const alias = `${namespace}:alias`;
      const ask = async (query: string) =>
        ((await raw("FT.SEARCH", alias, query, "NOCONTENT", "DIALECT", 2)) as [number])[0];
      await raw("FT.ALIASADD", alias, naive.name);
      const before = [await ask("@a:{x}"), await ask("@n:[1 1]"), await ask("-@n:[1 1]")];
      await raw("FT.CREATE", `${namespace}:other`, "PREFIX", 1, naive.key(""), "SCHEMA", "a", "TAG");
      await expect.poll(() => raw("FT.SEARCH", `${namespace}:other`, "@a:{x}", "LIMIT", 0, 0)).toEqual([1]);
      await raw("FT.ALIASUPDATE", alias, `${namespace}:other`);
      const after = [await ask("@a:{x}"), await ask("@n:[1 1]"), await ask("-@n:[1 1]")];
      expectTrap(
        leg,
        "what the index of another definition does not know is nowhere, without a word",
        before.join() === "1,1,0" && after.join() === "1,0,1",
      );
      const shadow = await complaint(raw("FT.CREATE", alias, "PREFIX", 1, `${alias}:`, "SCHEMA", "a", "TAG"));
      expectTrap(
        leg,
        "an index may be called as an alias is, and hides it",
        shadow === "" && (await ask("@a:{x}")) === 0,
      );
      await raw("FT.DROPINDEX", alias);

      const [former, later] = [namesOf(namespace, thing(storage)), namesOf(namespace, changed(storage))];
      expect(later.alias).not.toBe(former.alias);
      const indexes = () => indexesOf(raw, namespace, thing(storage));
      expect(await indexes()).toEqual([former.index]);
      const db = await connect(leg.url, { namespace, engine: "search" });
      try {
        const next = db.repository(changed(storage));
        // Over an empty type, and over a filled one: the old index is gone, and so is the name that led to it.
        expect(await next.indexes.sync()).toMatchObject({ state: "ready", documents: 0 });
        expect(await indexes()).toEqual([later.index]);
        expect(await complaint(raw("FT.INFO", former.alias))).toMatch(/no such index|unknown index name/i);
        await next.insertMany(many.slice(0, 20));
        expect((await next.query().where("word").eq("w1").ids()).sort()).toEqual(["t1", "t15", "t8"]);
        await expectFormer(repository, { raw, namespace }, "t1");

        expect(await repository.indexes.sync()).toMatchObject({ state: "ready", documents: 20, faulty: 0 });
        expect(await indexes()).toEqual([former.index]);
        expect(await complaint(raw("FT.INFO", later.alias))).toMatch(/no such index|unknown index name/i);
        expect(await repository.query().where("n").between(5, 8).orderBy("n").ids()).toEqual(["t5", "t6", "t7", "t8"]);
        expect((await repository.query().where("word").eq("w1").ids()).sort()).toEqual(["t1", "t15", "t8"]);
        expect(await repository.query().count()).toBe(20);
        await expectFormer(next as never, { raw, namespace }, "t1");
      } finally {
        await db.close();
      }
    });

    test("definitions that could share an index do not share its name", async () => {
      const { repository, raw, namespace } = await open(thing);
      await repository.insertMany(many.slice(0, 20));
      const [former, later] = [namesOf(namespace, thing(storage)), namesOf(namespace, widened(storage))];
      expect(later).toMatchObject({ index: former.index });
      await raw("FT.ALIASADD", `${namespace}:alias`, former.index);
      const [found] = (await raw("FT.SEARCH", `${namespace}:alias`, "*", "LIMIT", 0, 0)) as [number];
      expectTrap(leg, "a name goes on answering whoever asks it, for whatever definition", found === 20);
      const db = await connect(leg.url, { namespace, engine: "search" });
      try {
        const next = db.repository(widened(storage));
        expect(await next.indexes.sync()).toMatchObject({ state: "ready", documents: 20 });
        expect(await indexesOf(raw, namespace, thing(storage))).toEqual([later.index]);
        await next.save({ id: "t1", word: "new", n: 1, more: "text" });
        expect(await next.query().where("word").eq("new").all()).toEqual([
          { id: "t1", word: "new", n: 1, more: "text" },
        ]);
        expect(await next.query().where("n").lt(3).orderBy("n").ids()).toEqual(["t0", "t1", "t2"]);
        await expectFormer(repository, { raw, namespace }, "t1");
      } finally {
        await db.close();
      }
    });

    test("an index that is gone is an error by name, and comes back with every document", async () => {
      for (const define of [thing, dying] as const) {
        const { repository, raw, namespace } = await open(define as typeof thing);
        const definition = define(storage);
        const { name } = definition.metadata;
        await repository.insertMany(many.slice(0, 50));
        await raw("FT.DROPINDEX", namesOf(namespace, definition).index);
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
        const { alias } = namesOf(namespace, thing(storage));
        const reply = (await client.call("FT.SEARCH", alias, "*", "LIMIT", 0, 1)) as unknown[];
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
