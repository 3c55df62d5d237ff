// Patches: what each operator does, that nothing is read for it, and that whatever does not fit changes nothing.
// modify: reading, changing and writing, again and again while others come between.
import { z } from "zod";
import { expect, test } from "vitest";

import { addToSet, defineEntity, exact, inc, merge, pop, pull, push, range, text, toggle, unset } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTime } from "./clock.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix, type Opened } from "./matrix.ts";
import { sent } from "./sent.ts";

const product = (storage: Storage) =>
  defineEntity({
    name: "product",
    storage,
    schema: z.object({
      id: z.string(),
      name: z.string().min(2),
      note: z.string().optional(),
      stock: z.int().min(0).max(1000),
      price: z.number().nullable(),
      sold: z.bigint(),
      live: z.boolean(),
      tags: z.array(z.string()).default([]),
      sizes: z.array(z.number()).max(3),
      maker: z.object({ name: z.string(), city: z.string().optional() }),
      extra: z.object({ colour: z.string().optional(), weight: z.number().optional() }).optional(),
      code: z.string(),
      version: z.int(),
      updatedAt: z.date(),
    }),
    index: {
      name: [exact({ sortable: true }), text()],
      note: exact(),
      stock: range(),
      price: range(),
      sold: range(),
      live: exact(),
      tags: exact(),
      "maker.city": exact(),
      updatedAt: range(),
    },
    unique: { code: ["code"], place: ["name", "maker.name"] },
    version: "version",
    timestamps: { updatedAt: "updatedAt" },
    ttl: { seconds: 1000 },
  });

const plain = (storage: Storage) =>
  defineEntity({
    name: "plain",
    storage,
    schema: z.object({ id: z.string(), n: z.number(), m: z.int().optional(), words: z.array(z.string()) }),
    index: { n: range(), words: exact() },
  });

/** The schema as a whole has something to say. */
const span = (storage: Storage) =>
  defineEntity({
    name: "span",
    storage,
    schema: z
      .object({ id: z.string(), from: z.number(), to: z.number() })
      .refine(({ from, to }) => from <= to, "backwards"),
    index: { from: range() },
  });

const first = {
  id: "p:1",
  name: "Lamp",
  stock: 5,
  price: 9.5,
  sold: 2n ** 60n,
  live: true,
  sizes: [1],
  maker: { name: "Ada" },
  code: "c1",
};

describeMatrix("patches", ({ open, storage, engine }) => {
  const opened = async (): Promise<Opened<ReturnType<typeof product>>> => {
    const all = await open(product);
    await all.repository.insert(first);
    return all;
  };

  test("change what they name, in one script call without a read", async () => {
    const { repository } = await opened();
    const before = await repository.findByIdOrThrow("p:1");
    const commands = await sent(() =>
      repository.update("p:1", {
        note: "new",
        stock: inc(-2),
        price: inc(0.25),
        live: toggle(),
        tags: push("a", "b"),
        "maker.city": "Rome",
        sizes: [3, 2],
      }),
    );
    expect(commands).toEqual(["EVALSHA patch"]);
    const after = await repository.findByIdOrThrow("p:1");
    expect(after).toEqual({
      ...before,
      note: "new",
      stock: 3,
      price: 9.75,
      live: false,
      tags: ["a", "b"],
      maker: { name: "Ada", city: "Rome" },
      sizes: [3, 2],
      version: 2,
      updatedAt: after.updatedAt,
    });
    expect(after.updatedAt.getTime()).toBeGreaterThanOrEqual(before.updatedAt.getTime());
    const query = repository.query();
    expect(
      await query.where("tags").containsAll(["a", "b"]).where("maker.city").eq("Rome").where("stock").eq(3).ids(),
    ).toEqual(["p:1"]);
    expect(await query.where("price").eq(9.5).count()).toBe(0);
    expect(await query.where("live").eq(false).where("note").eq("new").where("price").eq(9.75).count()).toBe(1);
    expect(await query.where("updatedAt").eq(after.updatedAt).count()).toBe(1);
  });

  test("every operator does what it says", async () => {
    const { repository } = await opened();
    const steps: [Parameters<typeof repository.update>[1], object][] = [
      [{ tags: push("a", "a", "b") }, { tags: ["a", "a", "b"] }],
      [{ tags: addToSet("b", "c", "c") }, { tags: ["a", "a", "b", "c"] }],
      [{ tags: pull("a", "x") }, { tags: ["b", "c"] }],
      [{ tags: pop("first") }, { tags: ["c"] }],
      [{ tags: pop() }, { tags: [] }],
      [{ tags: pop() }, { tags: [] }],
      [{ tags: unset() }, { tags: [] }],
      [{ price: unset() }, { price: null }],
      [{ price: inc(1.5) }, { price: 1.5 }],
      [{ price: null }, { price: null }],
      [{ sold: inc(1n) }, { sold: 2n ** 60n + 1n }],
      [{ stock: inc() }, { stock: 6 }],
      [{ stock: inc(100, { max: 106 }) }, { stock: 106 }],
      [{ maker: merge({ city: "Rome" }) }, { maker: { name: "Ada", city: "Rome" } }],
      [{ "maker.city": unset() }, { maker: { name: "Ada" } }],
      [{ extra: merge({ colour: "red" }) }, { extra: { colour: "red" } }],
      [{ "extra.weight": 2.5 }, { extra: { colour: "red", weight: 2.5 } }],
      [{ extra: { weight: 1 } }, { extra: { weight: 1 } }],
      [{ extra: {} }, { extra: {} }],
      [{ sizes: push(2, 0.1 + 0.2) }, { sizes: [1, 2, 0.1 + 0.2] }],
      [{ sizes: pull(2) }, { sizes: [1, 0.1 + 0.2] }],
      [{ live: toggle() }, { live: false }],
      [{ live: toggle() }, { live: true }],
    ];
    let version = 1;
    for (const [patch, expected] of steps) {
      version += 1;
      // eslint-disable-next-line no-await-in-loop -- patches follow each other
      const changed = await repository.update("p:1", patch, { returning: true });
      expect(changed).toMatchObject({ ...expected, version });
      // eslint-disable-next-line no-await-in-loop
      expect(await repository.findById("p:1")).toEqual(changed);
    }
    const { extra, ...rest } = await repository.update("p:1", { extra: unset() }, { returning: true });
    expect(extra).toBeUndefined();
    expect(await repository.findById("p:1")).toEqual(rest);
  });

  test("that do not fit are refused by field and change nothing", async () => {
    const all = await opened();
    const { repository } = all;
    const refused: [object, string][] = [
      [{ name: "x" }, "name"],
      [{ stock: 1.5 }, "stock"],
      [{ stock: inc(-6) }, "stock"],
      [{ stock: inc(996) }, "stock"],
      [{ stock: inc(0.5) }, "stock"],
      [{ stock: inc(-1, { min: 5 }) }, "stock"],
      [{ stock: inc(Number.NaN) }, "stock"],
      [{ stock: inc(1n as never) }, "stock"],
      [{ price: inc(Number.MAX_VALUE), stock: inc(-6) }, "stock"],
      [{ sold: inc(1) }, "sold"],
      [{ sold: inc(1n, { max: 5n }) }, "sold"],
      [{ sizes: push(1, 2, 3) }, "sizes"],
      [{ tags: push(1) }, "tags.[]"],
      [{ tags: push("x\u0000") }, "tags"],
      [{ tags: push("\ud800") }, "tags.0"],
      [{ name: push("a") }, "name"],
      [{ tags: toggle() }, "tags"],
      [{ stock: toggle() }, "stock"],
      [{ live: inc() }, "live"],
      [{ maker: push("a") }, "maker"],
      [{ tags: merge({}) }, "tags"],
      [{ maker: merge({ name: 5 }) }, "maker.name"],
      [{ maker: { city: "Rome" } }, "maker.name"],
      [{ name: unset() }, "name"],
      [{ name: null }, "name"],
      [{ name: undefined }, "name"],
      [{ nothing: 1 }, "nothing"],
      [{ "maker.nothing": 1 }, "maker.nothing"],
      [{ "name.length": 1 }, "name.length"],
      [{ id: "other" }, "id"],
      [{ version: 7 }, "version"],
      [{ updatedAt: new Date() }, "updatedAt"],
      [{ maker: { name: "B" }, "maker.city": "Rome" }, "maker.city"],
      [{ maker: merge({ city: "Oslo" }), "maker.city": "Rome" }, "maker.city"],
      [{ constructor: 1 }, "constructor"],
      [JSON.parse('{"__proto__": 1}') as object, "__proto__"],
    ];
    for (const [patch, field] of refused) {
      // eslint-disable-next-line no-await-in-loop -- one at a time
      const error = await expectRefusal(all, () => repository.update("p:1", patch as never), "VALIDATION");
      expect([error.field, error.id, error.entity]).toEqual([field, "p:1", "product"]);
    }
    for (const patch of [undefined, null, 5, "x", [], inc()]) {
      // eslint-disable-next-line no-await-in-loop
      await expectRefusal(all, () => repository.update("p:1", patch as never), "VALIDATION");
    }
  });

  test("keep versions, uniques and types", async () => {
    const all = await opened();
    const { repository, raw } = all;
    await repository.insert({ ...first, id: "p:2", code: "c2", maker: { name: "Bob" } });
    expect(await expectRefusal(all, () => repository.update("p:2", { code: "c1" }), "UNIQUE_VIOLATION")).toMatchObject({
      id: "p:2",
      unique: "code",
      holderId: "p:1",
      field: "code",
    });
    // A constraint of several fields, of which the patch names one.
    await expectRefusal(all, () => repository.update("p:2", { "maker.name": "Ada" }), "UNIQUE_VIOLATION");
    await repository.update("p:1", { code: "c9", "maker.name": "Cy" });
    await repository.update("p:2", { code: "c1", "maker.name": "Ada" });
    expect(
      await expectRefusal(all, () => repository.update("p:1", { stock: 1 }, { ifVersion: 1 }), "VERSION_CONFLICT"),
    ).toMatchObject({ id: "p:1", expected: 1, actual: 2, field: "version" });
    // Read first, for the unique of two fields: refused alike.
    await expectRefusal(all, () => repository.update("p:1", { name: "Lux" }, { ifVersion: 1 }), "VERSION_CONFLICT");
    await repository.update("p:1", { stock: 1 }, { ifVersion: 2 });
    await repository.update("p:1", { name: "Lux" }, { ifVersion: 3 });
    expect(await repository.findById("p:1")).toMatchObject({ version: 4, stock: 1, name: "Lux" });
    expect(await expectFailure(repository.update("none", { stock: 1 }), "ENTITY_NOT_FOUND")).toMatchObject({
      id: "none",
    });
    await expectFailure(repository.update("none", { name: "Lux" }), "ENTITY_NOT_FOUND");
    await raw("LPUSH", repository.key("list"), "x");
    await expectRefusal(all, () => repository.update("list", { stock: 1 }), "CORRUPT_ENTITY");
    await expectRefusal(all, () => repository.update("list", { name: "Lux" }), "CORRUPT_ENTITY");
    const { repository: others } = await open(plain);
    await others.insert({ id: "a", n: 1, words: [] });
    expect(await expectFailure(others.update("a", { n: 2 }, { ifVersion: 1 }), "VALIDATION")).toMatchObject({
      id: "a",
    });
  });

  test("keep the remaining time unless told otherwise", async () => {
    const { repository, raw } = await opened();
    const key = repository.key("p:1");
    const until = Number(await raw("PEXPIRETIME", key));
    await repository.update("p:1", { stock: 1 });
    expect(Number(await raw("PEXPIRETIME", key))).toBe(until);
    const now = await serverTime(raw);
    await repository.update("p:1", { stock: 2 }, { ttl: { ms: 5_000_000 } });
    expect(Number(await raw("PEXPIRETIME", key))).toBeGreaterThanOrEqual(now + 5_000_000);
    await repository.update("p:1", { name: "Lux" }, { ttl: { at: new Date(now + 9_000_000) } });
    expect(Number(await raw("PEXPIRETIME", key))).toBe(now + 9_000_000);
    await repository.update("p:1", { stock: 3 }, { ttl: null });
    expect(Number(await raw("PEXPIRETIME", key))).toBe(-1);
    expect(await repository.query().where("stock").eq(3).count()).toBe(1);
  });

  test("of several clients all count", async () => {
    const { repository, namespace } = await open(plain);
    const other = (await open(plain, { namespace })).repository;
    await repository.insert({ id: "a", n: 0.5, words: [] });
    const work = Array.from({ length: 100 }, (_, at) =>
      (at % 2 === 0 ? repository : other).update("a", { n: inc(0.25), m: inc(), words: addToSet(`w${at % 10}`) }),
    );
    await Promise.all(work);
    const { words, ...rest } = await repository.findByIdOrThrow("a");
    expect(rest).toEqual({ id: "a", n: 25.5, m: 100 });
    expect(words.toSorted()).toEqual(Array.from({ length: 10 }, (_, at) => `w${at}`));
    expect(await repository.query().where("n").eq(25.5).where("words").containsAll(words).count()).toBe(1);
  });

  test("of entities that the schema checks as a whole are read first", async () => {
    const all = await open(span);
    const { repository } = all;
    await repository.insert({ id: "a", from: 1, to: 3 });
    expect(await sent(() => repository.update("a", { from: inc(2) }))).toEqual([
      expect.stringMatching(/^(HMGET|JSON.GET|GET)$/),
      "EVALSHA patch",
    ]);
    await expectRefusal(all, () => repository.update("a", { from: inc(1) }), "VALIDATION");
    // Both at once would end backwards: one of them is refused, whatever comes first.
    const settled = await Promise.allSettled([
      repository.update("a", { to: 4 }),
      repository.update("a", { from: inc(1) }),
    ]);
    const { from, to } = await repository.findByIdOrThrow("a");
    expect(from).toBeLessThanOrEqual(to);
    expect(settled[0].status).toBe("fulfilled");
    expect(await repository.query().where("from").eq(from).ids()).toEqual(["a"]);
  });

  test("make a stranger's document one of ours", async () => {
    const { repository, raw } = await open(plain);
    const key = repository.key("s");
    if (storage !== "hash") await raw("JSON.SET", key, "$", '{"n":1,"words":["x"],"more":"kept"}');
    else await raw("HSET", key, "n", "1", "words", '["x"]', "more", "kept");
    await repository.update("s", { n: inc(2), words: push("y") });
    expect(await repository.findById("s")).toEqual({ id: "s", n: 3, words: ["x", "y"] });
    const more = storage !== "hash" ? raw("JSON.GET", key, "$.more") : raw("HGET", key, "more");
    expect(await more).toBe(storage !== "hash" ? '["kept"]' : "kept");
    if (engine === "scan" || (engine === "search" && storage === "hash")) {
      expect(await repository.query().where("n").eq(3).where("words").containsAll(["x", "y"]).ids()).toEqual(["s"]);
    }
  });
});

describeMatrix("modify", ({ open }) => {
  test("writes what differs, and begins again when others came between", async () => {
    const { repository, namespace } = await open(product);
    const other = (await open(product, { namespace })).repository;
    await repository.insert(first);
    let tries = 0;
    const changed = await repository.modify("p:1", async (entity) => {
      tries += 1;
      if (tries <= 2) await other.update("p:1", { tags: push(`other${tries}`) });
      entity.tags.push("mine");
      entity.stock -= 1;
      return entity;
    });
    expect(tries).toBe(3);
    expect(changed).toMatchObject({ tags: ["other1", "other2", "mine"], stock: 4, version: 4 });
    expect(await repository.findById("p:1")).toEqual(changed);
    expect(await repository.query().where("tags").containsAll(["other2", "mine"]).where("stock").eq(4).count()).toBe(1);
  });

  test("gives up after so many tries, at the deadline, or when the signal fires", async () => {
    const all = await open(product);
    const { repository } = all;
    await repository.insert(first);
    let tries = 0;
    const disturbed = async (entity: Awaited<ReturnType<typeof repository.insert>>): Promise<typeof entity> => {
      tries += 1;
      await repository.update("p:1", { stock: inc() });
      return { ...entity, stock: 0 };
    };
    const error = await expectFailure(
      repository.modify("p:1", disturbed, { retries: 2, backoff: 1 }),
      "VERSION_CONFLICT",
    );
    expect(error).toMatchObject({ entity: "product", id: "p:1" });
    expect(tries).toBe(3);
    // The time may be up between two tries, or while a write is on its way.
    const late = await repository
      .modify("p:1", disturbed, { retries: 1e9, backoff: 1, deadline: 50 })
      .catch((each: unknown) => each);
    expect(["DEADLINE", "OUTCOME_UNKNOWN"]).toContain((late as { code?: string }).code);
    const stop = new AbortController();
    const work = repository.modify("p:1", disturbed, { retries: 1e9, backoff: 1e9, signal: stop.signal });
    stop.abort();
    await expectFailure(work, "DEADLINE");
    await expectFailure(repository.modify("none", disturbed), "ENTITY_NOT_FOUND");
    await expectRefusal(all, () => repository.modify("p:1", (entity) => ({ ...entity, id: "x" })), "VALIDATION");
    await expectRefusal(all, () => repository.modify("p:1", (entity) => ({ ...entity, stock: -1 })), "VALIDATION");
    await expectRefusal(all, () => repository.modify("p:1", () => undefined as never), "VALIDATION");
    const own = new TypeError("mine");
    await expect(
      repository.modify("p:1", () => {
        throw own;
      }),
    ).rejects.toBe(own);
  });

  test("without versions goes by what the document holds", async () => {
    const { repository } = await open(plain);
    await repository.insert({ id: "a", n: 0, words: [] });
    const rounds = Array.from({ length: 20 }, () =>
      repository.modify("a", (entity) => ({ ...entity, n: entity.n + 1 }), { retries: 1000, backoff: 1 }),
    );
    await Promise.all(rounds);
    expect(await repository.findById("a")).toEqual({ id: "a", n: 20, words: [] });
  });
});
