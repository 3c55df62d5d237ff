// Time to live: the definition's default, each call's wish, and what a later save does to it.
// From its first dead millisecond on, an entity is neither returned nor counted, swept or not.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, range, type Ttl, type TtlOnUpdate } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { expectRefusal } from "./failures.ts";
import { describeMatrix, type Raw } from "./matrix.ts";

const session = (onUpdate?: TtlOnUpdate, seconds?: number) => (storage: Storage) =>
  defineEntity({
    name: "session",
    storage,
    schema: z.object({ id: z.string(), user: z.string(), hits: z.int().nullable() }),
    index: { user: exact({ sortable: true }), hits: range() },
    ttl: { ...(seconds === undefined ? {} : { seconds }), ...(onUpdate === undefined ? {} : { onUpdate }) },
  });

const lasting = (storage: Storage) => defineEntity({ name: "lasting", storage, schema: z.object({ id: z.string() }) });

// When a key dies, by the server; -1 for never.
const deathOf = async (raw: Raw, key: string): Promise<number> => Number(await raw("PEXPIRETIME", key));

async function expectDeath(raw: Raw, key: string, from: number, milliseconds: number): Promise<void> {
  const death = await deathOf(raw, key);
  expect(death).toBeGreaterThanOrEqual(from + milliseconds);
  expect(death).toBeLessThanOrEqual((await serverTime(raw)) + milliseconds);
}

describeMatrix("time to live", ({ open }) => {
  const row = { id: "a", user: "u", hits: 1 };

  test("the definition's default holds", async () => {
    const { repository, raw } = await open(session("keep", 100));
    const from = await serverTime(raw);
    await repository.insert(row);
    await expectDeath(raw, repository.key("a"), from, 100_000);
  });

  test("a count of several equalities leaves out who has expired", async () => {
    const labelled = (storage: Storage) =>
      defineEntity({
        name: "labelled",
        storage,
        schema: z.object({ id: z.string(), user: z.string(), tags: z.array(z.string()) }),
        index: { user: exact(), tags: exact() },
        ttl: {},
      });
    const { repository, raw } = await open(labelled);
    const at = new Date(Date.now() + 200);
    const tagged = { user: "u", tags: ["a", "b"] };
    await repository.insertMany([
      { id: "a", ...tagged },
      { id: "b", ...tagged, tags: ["b"] },
    ]);
    await repository.insertMany(
      [
        { id: "c", ...tagged },
        { id: "d", ...tagged, user: "v" },
      ],
      { ttl: { at } },
    );
    await serverTimePassed(raw, at);
    const both = repository.query().where("user").eq("u").where("tags").contains("b");
    expect(await both.count()).toBe(2);
    expect(await both.where("tags").contains("a").count()).toBe(1);
    expect(await repository.query().where("user").in(["u", "v"]).count()).toBe(2);
  });

  test("without a default entities live for ever", async () => {
    const { repository, raw } = await open(session());
    await repository.insert(row);
    expect(await deathOf(raw, repository.key("a"))).toBe(-1);
  });

  test.each<[string, Ttl, number]>([
    ["seconds", 50, 50_000],
    ["parts of a second", 0.25, 250],
    ["milliseconds", { ms: 70_000 }, 70_000],
  ])("a call may say %s", async (_name, ttl, milliseconds) => {
    const { repository, raw } = await open(session("keep", 100));
    const from = await serverTime(raw);
    await repository.insert(row, { ttl });
    await expectDeath(raw, repository.key("a"), from, milliseconds);
  });

  test("a call may say a date, or never", async () => {
    const { repository, raw } = await open(session("keep", 100));
    const at = new Date(Date.now() + 123_456);
    await repository.insert(row, { ttl: { at } });
    expect(await deathOf(raw, repository.key("a"))).toBe(at.getTime());
    await repository.save(row, { ttl: null });
    expect(await deathOf(raw, repository.key("a"))).toBe(-1);
    await repository.saveMany([row], { ttl: { at } });
    expect(await deathOf(raw, repository.key("a"))).toBe(at.getTime());
    await repository.insert({ ...row, id: "b" }, { ttl: null });
    expect(await deathOf(raw, repository.key("b"))).toBe(-1);
    expect(await repository.count()).toBe(2);
  });

  test.each<[TtlOnUpdate]>([["keep"], ["reset"], ["clear"]])("a later save by %s", async (onUpdate) => {
    const { repository, raw } = await open(session(onUpdate, 100));
    const at = new Date(Date.now() + 10_000);
    await repository.insert(row, { ttl: { at } });
    const from = await serverTime(raw);
    await repository.save({ ...row, hits: 2 });
    if (onUpdate === "keep") expect(await deathOf(raw, repository.key("a"))).toBe(at.getTime());
    if (onUpdate === "reset") await expectDeath(raw, repository.key("a"), from, 100_000);
    if (onUpdate === "clear") expect(await deathOf(raw, repository.key("a"))).toBe(-1);
    expect(await repository.query().where("hits").eq(2).ids()).toEqual(["a"]);
    await repository.save({ ...row, id: "b" });
    await expectDeath(raw, repository.key("b"), from, 100_000);
  });

  test.each<[TtlOnUpdate]>([["keep"], ["reset"], ["clear"]])(
    "without a default a later save by %s",
    async (onUpdate) => {
      const { repository, raw } = await open(session(onUpdate));
      const at = new Date(Date.now() + 10_000);
      await repository.insert(row, { ttl: { at } });
      await repository.save(row);
      expect(await deathOf(raw, repository.key("a"))).toBe(onUpdate === "clear" ? -1 : at.getTime());
    },
  );

  test("the dead are neither returned nor counted, in any way of asking", async () => {
    const { repository, raw } = await open(session("keep"));
    await repository.insertMany([
      { ...row, id: "live" },
      { id: "none", user: "v", hits: null },
    ]);
    const at = new Date(Date.now() + 80);
    await repository.insertMany([row, { id: "b", user: "u", hits: null }, { id: "c", user: "w", hits: 3 }], {
      ttl: { at },
    });
    await serverTimePassed(raw, at);
    const query = () => repository.query();
    // Reading rows tidies up after the dead, so counts and ids are asked for first.
    expect(await query().orderBy("hits", "desc").ids()).toEqual(["live", "none"]);
    expect((await query().ids()).sort()).toEqual(["live", "none"]);
    expect(await repository.count()).toBe(2);
    expect(await query().where("user").eq("u").count()).toBe(1);
    expect(await query().where("user").eq("w").count()).toBe(0);
    expect(await query().where("user").in(["u", "w"]).where("hits").gte(0).count()).toBe(1);
    expect(await query().where("user").ne("v").ids()).toEqual(["live"]);
    expect(await query().where("user").ne("v").count()).toBe(1);
    expect(await query().where("hits").isNull().ids()).toEqual(["none"]);
    expect(await query().where("hits").gte(1).count()).toBe(1);
    expect(await query().where("user").eq("w").exists()).toBe(false);
    expect(await query().limit(1).offset(1).ids()).toHaveLength(1);
    expect(await query().limit(1).offset(2).ids()).toHaveLength(0);
    expect(await query().where("user").in(["u", "w"]).page()).toMatchObject({ total: 1, items: [{ id: "live" }] });
    expect((await query().orderBy("user").all()).map(({ id }) => id)).toEqual(["live", "none"]);
    expect((await query().all()).map(({ id }) => id).sort()).toEqual(["live", "none"]);
    expect(await repository.findByIds(["a", "live", "b"])).toMatchObject([null, { id: "live" }, null]);
    expect(await repository.exists("a")).toBe(false);
    expect(await repository.delete("a")).toBe(false);
  });

  test("an entity that came back after it died is there once, with its new values", async () => {
    const { repository, raw } = await open(session("keep"));
    const at = new Date(Date.now() + 60);
    await repository.insert(row, { ttl: { at } });
    await serverTimePassed(raw, at);
    await repository.insert({ ...row, user: "back", hits: null });
    expect(await repository.count()).toBe(1);
    expect(await repository.query().where("user").eq("u").count()).toBe(0);
    expect(await repository.query().where("user").eq("back").ids()).toEqual(["a"]);
    expect(await repository.query().where("hits").isNull().ids()).toEqual(["a"]);
    expect(await deathOf(raw, repository.key("a"))).toBe(-1);
  });

  test("a time that was changed by hand counts from the next save on", async () => {
    const { repository, raw } = await open(session("keep"));
    const at = new Date(Date.now() + 600);
    await repository.insert(row, { ttl: { at } });
    await raw("PERSIST", repository.key("a"));
    await serverTimePassed(raw, at);
    expect(await repository.exists("a")).toBe(true);
    await repository.save({ ...row, hits: 5 }, { ttl: null });
    expect(await repository.query().where("hits").eq(5).ids()).toEqual(["a"]);
    expect(await repository.count()).toBe(1);
  });

  test.each<[string, unknown]>([
    ["zero", 0],
    ["negative", -1],
    ["NaN", Number.NaN],
    ["infinite", Infinity],
    ["too large", 2 ** 53],
    ["zero ms", { ms: 0 }],
    ["NaN ms", { ms: Number.NaN }],
    ["a past date", { at: new Date(1) }],
    ["an invalid date", { at: new Date(Number.NaN) }],
    ["text", "5"],
    ["nothing", {}],
  ])("a time that is %s is refused", async (_name, ttl) => {
    const opened = await open(session("keep"));
    const { repository } = opened;
    const error = await expectRefusal(opened, () => repository.insert(row, { ttl: ttl as Ttl }), "VALIDATION");
    expect(error).toMatchObject({ entity: "session" });
    const bulk = await repository.insertMany([row], { ttl: ttl as Ttl });
    expect(bulk.failed.map((failed) => failed.error.code)).toEqual(["VALIDATION"]);
  });

  test("a type without ttl takes none", async () => {
    const opened = await open(lasting);
    const error = await expectRefusal(opened, () => opened.repository.insert({ id: "a" }, { ttl: 5 }), "VALIDATION");
    expect(error).toMatchObject({ entity: "lasting" });
  });
});

describeMatrix("changing the time to live", ({ open, engine, storage }) => {
  const row = { id: "a", user: "u", hits: 1 };

  test("expire, persist and touch move the death of an entity and of all that tells of it", async () => {
    const { repository, raw, namespace } = await open(session("keep", 100));
    const key = repository.key("a");
    await repository.insert(row);
    const told = async (): Promise<string> => {
      if (engine === "search") {
        const found = await raw(
          storage !== "hash" ? "JSON.GET" : "HGET",
          key,
          storage !== "hash" ? '$["$deadline"]' : "$deadline",
        );
        return String(found).replace(/^\[(.*)\]$/, "$1");
      }
      return String(await raw("ZSCORE", `${namespace}:{session}$e`, "a"));
    };
    let from = await serverTime(raw);
    expect(await repository.expire("a", 50)).toBe(true);
    await expectDeath(raw, key, from, 50_000);
    expect(await told()).toBe(String(await deathOf(raw, key)));
    const left = await repository.ttl("a");
    expect(left).toBeGreaterThan(40_000);
    expect(left).toBeLessThanOrEqual(50_000);
    expect(await repository.persist("a")).toBe(true);
    expect(await deathOf(raw, key)).toBe(-1);
    expect(await told()).toBe(engine === "search" && storage !== "hash" ? "" : "null");
    expect(await repository.ttl("a")).toBe("never");
    from = await serverTime(raw);
    expect(await repository.touch("a")).toBe(true);
    await expectDeath(raw, key, from, 100_000);
    expect(await told()).toBe(String(await deathOf(raw, key)));
    const at = new Date(from + 3_600_000);
    expect(await repository.expire("a", { at })).toBe(true);
    expect(await deathOf(raw, key)).toBe(at.getTime());
    expect(await repository.findById("a")).toEqual(row);
    expect(await repository.query().where("user").eq("u").count()).toBe(1);
    expect(await repository.expire("a", { ms: 1 })).toBe(true);
    await serverTimePassed(raw, new Date((await serverTime(raw)) + 2));
    expect(await repository.ttl("a")).toBe("missing");
    expect(await repository.query().where("user").eq("u").count()).toBe(0);
    for (const work of [repository.expire("a", 5), repository.persist("a"), repository.touch("a")]) {
      // eslint-disable-next-line no-await-in-loop -- one at a time
      expect(await work).toBe(false);
    }
    expect(await repository.count()).toBe(0);
  });

  test("many are touched at once, and versions stay", async () => {
    const versioned = (storage: Storage) =>
      defineEntity({
        name: "versioned",
        storage,
        schema: z.object({ id: z.string(), version: z.int(), at: z.date() }),
        index: { at: range() },
        version: "version",
        timestamps: { updatedAt: "at" },
        ttl: { seconds: 1000 },
      });
    const { repository, raw } = await open(versioned);
    const ids = Array.from({ length: 450 }, (_, at) => `v${at}`);
    const before = await repository.insertMany(
      ids.map((id) => ({ id })),
      { ttl: 10 },
    );
    expect(before.saved).toBe(450);
    const kept = await repository.findByIdOrThrow("v7");
    expect(await repository.touchMany([...ids, "none", "v1"])).toBe(450);
    for (const id of ["v0", "v1", "v449"]) {
      // eslint-disable-next-line no-await-in-loop -- one at a time
      expect(await deathOf(raw, repository.key(id))).toBeGreaterThan((await serverTime(raw)) + 900_000);
    }
    expect(await repository.findById("v7")).toEqual(kept);
  });

  test("needs a ttl in the definition, and a time to come", async () => {
    const opened = await open(lasting);
    await opened.repository.insert({ id: "a" });
    for (const work of [
      () => opened.repository.expire("a", 5),
      () => opened.repository.persist("a"),
      () => opened.repository.touch("a"),
    ]) {
      // eslint-disable-next-line no-await-in-loop -- one at a time
      expect(await expectRefusal(opened, work, "VALIDATION")).toMatchObject({ entity: "lasting" });
    }
    expect(await opened.repository.ttl("a")).toBe("never");
    const timed = await open(session());
    await timed.repository.insert(row);
    await expectRefusal(timed, () => timed.repository.touch("a"), "VALIDATION");
    for (const ttl of [0, -1, Number.NaN, { ms: 0.2 }, { at: new Date(1) }, { at: new Date(Number.NaN) }]) {
      // eslint-disable-next-line no-await-in-loop
      await expectRefusal(timed, () => timed.repository.expire("a", ttl), "VALIDATION");
    }
  });
});
