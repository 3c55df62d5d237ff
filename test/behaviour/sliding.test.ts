// Times that slide: what writes begin anew and reads prolong, together with all that tells of a time.
// Queries leave times alone, and a read never shortens one.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, inc, type SlidingTtl } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { expectRefusal } from "./failures.ts";
import { describeMatrix, dump, type Raw } from "./matrix.ts";
import { sent } from "./sent.ts";

const session = (sliding: SlidingTtl["sliding"]) => (storage: Storage) =>
  defineEntity({
    name: "session",
    storage,
    schema: z.object({ id: z.string(), user: z.string(), mail: z.string(), hits: z.int() }),
    index: { user: exact() },
    unique: { mail: ["mail"] },
    ttl: { seconds: 1000, sliding },
  });

const deathOf = async (raw: Raw, key: string): Promise<number> => Number(await raw("PEXPIRETIME", key));

describeMatrix("sliding times", ({ open, engine, storage }) => {
  const row = { id: "a", user: "u", mail: "a@x", hits: 1 };

  // Whatever tells of an entity's time tells the same.
  async function expectOneStory(raw: Raw, namespace: string, key: string, id: string): Promise<void> {
    const death = String(await deathOf(raw, key));
    expect(String(await raw("ZSCORE", `${namespace}:{session}$e`, id))).toBe(death);
    if (engine !== "search") return;
    const [command, path] = storage !== "hash" ? ["JSON.GET", '$["$deadline"]'] : ["HGET", "$deadline"];
    expect(String(await raw(command, key, path)).replace(/^\[(.*)\]$/, "$1")).toBe(death);
  }

  test("every write begins the time anew", async () => {
    const Session = session("write")(storage);
    const { repository, raw, db, namespace } = await open(() => Session);
    const key = repository.key("a");
    await repository.insert(row);
    const writes: (() => Promise<unknown>)[] = [
      () => repository.save({ ...row, hits: 2 }),
      () => repository.saveMany([row]),
      () => repository.update("a", { hits: inc(1) }),
      () => repository.modify("a", (entity) => ({ ...entity, hits: entity.hits + 1 })),
      () => repository.query().where("user").eq("u").update({ hits: 7 }),
      () => repository.upsert({ ...row, hits: 9 }, { by: "mail" }),
      () => db.transaction((tx) => tx.repository(Session).update("a", { hits: 3 })),
      () => repository.touch("a"),
    ];
    for (const write of writes) {
      /* eslint-disable no-await-in-loop -- one after another */
      await repository.expire("a", 10);
      const from = await serverTime(raw);
      await write();
      expect(await deathOf(raw, key)).toBeGreaterThanOrEqual(from + 1_000_000);
      await expectOneStory(raw, namespace, key, "a");
      /* eslint-enable no-await-in-loop */
    }
    // A call's own wish counts for that call.
    await repository.save(row, { ttl: 5 });
    expect(await deathOf(raw, key)).toBeLessThan((await serverTime(raw)) + 6000);
    // Reads leave it alone.
    const before = await dump(raw, namespace);
    expect(await repository.findById("a")).toEqual(row);
    expect(await repository.findUnique({ mail: "a@x" })).toEqual(row);
    expect(await dump(raw, namespace)).toEqual(before);
  });

  test("reads by id and unique value prolong, in one round trip", async () => {
    const { repository, raw, namespace } = await open(session("read"));
    await repository.insertMany([row, { ...row, id: "b", mail: "b@x" }]);
    const reads: [() => Promise<unknown>, unknown, string][] = [
      [() => repository.findById("a"), row, "EVALSHA read"],
      [() => repository.findByIdOrThrow("a"), row, "EVALSHA read"],
      [() => repository.findByIds(["none", "a"]), [null, row], "EVALSHA read"],
      [() => repository.findUnique({ mail: "a@x" }), row, "EVALSHA find"],
    ];
    for (const [read, found, command] of reads) {
      /* eslint-disable no-await-in-loop -- one after another */
      await repository.expire("a", 10);
      await repository.expire("b", 20);
      const other = await deathOf(raw, repository.key("b"));
      const from = await serverTime(raw);
      expect(await sent(async () => expect(await read()).toEqual(found))).toEqual([command]);
      expect(await deathOf(raw, repository.key("a"))).toBeGreaterThanOrEqual(from + 1_000_000);
      expect(await deathOf(raw, repository.key("b"))).toBe(other);
      await expectOneStory(raw, namespace, repository.key("a"), "a");
      /* eslint-enable no-await-in-loop */
    }
    await repository.expire("a", 10);
    await repository.save(row);
    expect(await repository.ttl("a")).toBeGreaterThan(900_000);
  });

  test("nothing else prolongs", async () => {
    const Session = session("read")(storage);
    const { repository, raw, db, namespace } = await open(() => Session);
    await repository.insert(row, { ttl: 10 });
    const before = await dump(raw, namespace);
    const query = () => repository.query().where("user").eq("u");
    expect(await query().all()).toEqual([row]);
    expect(await query().first()).toEqual(row);
    expect(await query().count()).toBe(1);
    expect(await repository.exists("a")).toBe(true);
    expect(await repository.findById("a", { prolong: false })).toEqual(row);
    expect(await repository.findByIds(["a"], { prolong: false })).toEqual([row]);
    expect(await repository.findUnique({ mail: "a@x" }, { prolong: false })).toEqual(row);
    expect(await db.transaction((tx) => tx.repository(Session).findById("a"))).toEqual(row);
    expect(await repository.findById("none")).toBeNull();
    expect(await repository.findUnique({ mail: "none" })).toBeNull();
    expect(await dump(raw, namespace)).toEqual(before);
  });

  test("a read neither shortens a time nor gives one", async () => {
    const { repository, raw, namespace } = await open(session("read"));
    await repository.insertMany([row], { ttl: 5000 });
    await repository.insert({ ...row, id: "b", mail: "b@x" }, { ttl: null });
    const before = await dump(raw, namespace);
    expect(await repository.findByIds(["a", "b"])).toMatchObject([{ id: "a" }, { id: "b" }]);
    expect(await repository.findUnique({ mail: "b@x" })).toMatchObject({ id: "b" });
    expect(await dump(raw, namespace)).toEqual(before);
  });

  test("what was read in time is there after its first time, and the dead stay dead", async () => {
    const brief = (kind: Storage) =>
      defineEntity({
        name: "session",
        storage: kind,
        schema: z.object({ id: z.string(), user: z.string() }),
        index: { user: exact() },
        ttl: { seconds: 1000, sliding: "read" },
      });
    const { repository, raw } = await open(brief);
    const rows = ["a", "b"].map((id) => ({ id, user: "u" }));
    let at: Date;
    let wait = 50;
    // On a slow machine the first read may come too late: then again, with more time.
    do {
      wait *= 2;
      at = new Date(Date.now() + wait);
      // eslint-disable-next-line no-await-in-loop -- the next try begins where the last one ended
      await repository.saveMany(rows, { ttl: { at } });
      // eslint-disable-next-line no-await-in-loop
    } while ((await repository.findById("a")) === null);
    await serverTimePassed(raw, at);
    expect(await repository.findByIds(["a", "b"])).toMatchObject([{ id: "a" }, null]);
    expect(await repository.query().where("user").eq("u").count()).toBe(1);
    expect(await repository.query().where("user").eq("u").ids()).toEqual(["a"]);
    expect(await repository.count()).toBe(1);
  });

  test("a key of another type, and indexes of another definition, are refused by name", async () => {
    const opened = await open(session("read"));
    const { repository, raw, namespace } = opened;
    await raw("LPUSH", repository.key("text"), "x");
    await expectRefusal(opened, () => repository.findById("text"), "CORRUPT_ENTITY");
    await expectRefusal(opened, () => repository.findByIds(["text"]), "CORRUPT_ENTITY");
    await repository.insert(row, { ttl: 10 });
    await raw("HSET", `${namespace}:{session}$m`, "stamp", "another");
    await expectRefusal(opened, () => repository.findById("a"), "INDEX_NOT_READY");
    await expectRefusal(opened, () => repository.findUnique({ mail: "a@x" }), "INDEX_NOT_READY");
    expect(await repository.findById("a", { prolong: false })).toEqual(row);
  });
});
