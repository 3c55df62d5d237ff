// Cached values: what is loaded is what is given again, with its time and its tags, and bad input changes nothing.
// On every server.
import diagnostics from "node:diagnostics_channel";

import { describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { cache, cacheChannel, type CacheEvent } from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { sent, trips } from "../behaviour/sent.ts";
import { describePiece } from "./open.ts";

const user = z.object({ name: z.string(), born: z.date().optional(), coins: z.bigint().default(0n) });

describePiece("a cache", "cache", (box) => {
  test("loads once, and gives the same again as the schema says it", async () => {
    const users = cache(box.db, "user", { schema: user, ttl: 60 });
    const load = vi.fn<() => { name: string; born: Date }>(() => ({ name: "Ada", born: new Date(1e12) }));
    const value = { name: "Ada", born: new Date(1e12), coins: 0n };
    expect(await users.getOrSet("a:b{c}", load)).toEqual(value);
    expect(await users.getOrSet("a:b{c}", load)).toEqual(value);
    expect(await users.get("a:b{c}")).toEqual(value);
    expect(load).toHaveBeenCalledTimes(1);
    expect(load).toHaveBeenCalledWith({ key: "a:b{c}", signal: expect.any(AbortSignal) as AbortSignal });
    expect(await box.raw("GET", `${box.namespace}:cache:{user:a%3Ab%7Bc%7D}:v`)).toBe(
      ';\n{"name":"Ada","born":1000000000000,"coins":"0"}',
    );
    expect(await box.raw("EXISTS", `${box.namespace}:cache:{user:a%3Ab%7Bc%7D}:l`)).toBe(0);
    expect(users.stats()).toMatchObject({ hits: 2, misses: 1, loads: 1 });
  });

  test("keeps null, undefined, false, 0 and nothing but blanks apart from having nothing", async () => {
    const schemas = [
      [z.string().nullable(), [null, "", " ", "null"]],
      [z.string().optional(), [undefined, "", "undefined", "null"]],
      [z.boolean(), [false, true]],
      [z.number(), [0, -0.5]],
    ] as const;
    for (const [at, [schema, values]] of schemas.entries()) {
      const things = cache(box.db, `thing${at}`, { schema: schema as z.ZodType<unknown>, ttl: 60 });
      for (const [which, value] of values.entries()) {
        const load = vi.fn<() => unknown>(() => value);
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        expect(await things.getOrSet(`k${which}`, load)).toBe(value);
        // oxlint-disable-next-line no-await-in-loop
        expect(await things.getOrSet(`k${which}`, load)).toBe(value);
        expect(load).toHaveBeenCalledTimes(1);
      }
    }
    const anything = cache(box.db, "anything", { ttl: 60 });
    await anything.getOrSet("deep", () => ({ a: [1, null, { b: "c" }] }));
    expect(await anything.get("deep")).toEqual({ a: [1, null, { b: "c" }] });
  });

  test("lives as long as was said, shorter at random, and otherwise where there is nothing", async () => {
    const left = async (name: string, key: string): Promise<number> =>
      Number(await box.raw("PTTL", `${box.namespace}:cache:{${name}:${key}}:v`));
    const schema = z.string().nullable();
    const words = cache(box.db, "word", { schema, ttl: 100, negativeTtl: { ms: 5000 } });
    await words.getOrSet("a", () => "x");
    expect(await left("word", "a")).toBeGreaterThan(90_000);
    await words.getOrSet("b", () => "x", { ttl: 10 });
    expect(await left("word", "b")).toBeLessThanOrEqual(10_000);
    await words.getOrSet("c", () => null);
    expect(await left("word", "c")).toBeLessThanOrEqual(5000);
    await words.getOrSet("d", () => null, { negativeTtl: 20 });
    expect(await left("word", "d")).toBeGreaterThan(5000);
    const load = vi.fn<() => null>(() => null);
    await words.getOrSet("e", load, { negativeTtl: false });
    await words.getOrSet("e", load, { negativeTtl: false });
    expect(load).toHaveBeenCalledTimes(2);
    expect(await left("word", "e")).toBe(-2);
    await words.set("f", "null", { ttl: 300 });
    expect(await left("word", "f")).toBeGreaterThan(200_000);
    const spread = cache(box.db, "spread", { schema, ttl: 1000, jitter: 0.5 });
    await Promise.all(Array.from({ length: 30 }, (_, at) => spread.getOrSet(`k${at}`, () => "x")));
    const times = await Promise.all(Array.from({ length: 30 }, (_, at) => left("spread", `k${at}`)));
    expect(Math.min(...times)).toBeGreaterThan(490_000);
    expect(Math.max(...times)).toBeLessThanOrEqual(1_000_000);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(100_000);
  });

  test("takes one command for a hit, with tags as well, and four trips for a miss", async () => {
    const words = cache(box.db, "trip", { schema: z.string(), ttl: 60 });
    const load = (): string => "x";
    expect(await trips(() => words.getOrSet("a", load))).toBe(3);
    expect(await sent(() => words.getOrSet("a", load))).toEqual(["GET"]);
    const tagged = { tags: ["t", "u"] };
    expect(await trips(() => words.getOrSet("b", load, tagged))).toBe(4);
    expect(await sent(() => words.getOrSet("b", load, tagged))).toEqual(["MGET"]);
    expect(await sent(() => words.get("b"))).toEqual(["GET", "MGET"]);
    expect(await trips(() => words.getOrSet("c", load, tagged))).toBe(3);
    expect(await trips(() => words.set("a", "y"))).toBe(1);
    expect(await trips(() => words.delete(["a", "b"]))).toBe(1);
    expect(await trips(() => words.invalidateTags(["t", "u"]))).toBe(1);
  });

  test("takes what is no value of its schema for nothing, and counts it", async () => {
    const old = cache(box.db, "shape", { schema: z.object({ name: z.string() }), ttl: 60 });
    const now = cache(box.db, "shape", { schema: z.object({ name: z.string(), age: z.int() }), ttl: 60 });
    await old.getOrSet("a", () => ({ name: "Ada" }));
    expect(await now.getOrSet("a", () => ({ name: "Ada", age: 36 }))).toEqual({ name: "Ada", age: 36 });
    expect(now.stats()).toMatchObject({ corrupt: 2, misses: 1, loads: 1 });
    expect(await old.get("a")).toEqual({ name: "Ada" });
    for (const text of ["", "x", ";\n{", ';["a"]\n"x"', ';["a","b"]\n{}', "\u0000", ";u\n", "12;[{}]\n"]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await box.raw("SET", `${box.namespace}:cache:{shape:b}:v`, text);
      // oxlint-disable-next-line no-await-in-loop
      expect(await now.get("b")).toBeUndefined();
    }
    await box.raw("DEL", `${box.namespace}:cache:{shape:b}:v`);
    await box.raw("RPUSH", `${box.namespace}:cache:{shape:b}:v`, "x");
    expect(await now.getOrSet("b", () => ({ name: "Bob", age: 1 }))).toEqual({ name: "Bob", age: 1 });
    expect(await now.get("b")).toEqual({ name: "Bob", age: 1 });
  });

  test("fails as its loader fails, for everybody who waits, and loads anew", async () => {
    const words = cache(box.db, "failing", { schema: z.string(), ttl: 60 });
    const load = vi.fn<() => Promise<string>>(() => Promise.reject(new RangeError("no")));
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => words.getOrSet("a", load)));
    for (const each of all) expect(each).toMatchObject({ status: "rejected", reason: { message: "no" } });
    expect(load).toHaveBeenCalledTimes(1);
    expect(await words.getOrSet("a", () => "x")).toBe("x");
    const thrown = vi.fn<() => string>(() => {
      throw new RangeError("at once");
    });
    await expect(words.getOrSet("b", thrown)).rejects.toThrow("at once");
    await expectFailure(
      words.getOrSet("c", () => 5 as unknown as string),
      "VALIDATION",
    );
    expect(await box.raw("KEYS", `${box.namespace}:cache:{failing:[bc]}*`)).toEqual([]);
    expect(words.stats()).toMatchObject({ failures: 3 });
  });

  test("tells what it does", async () => {
    const words = cache(box.db, "telling", { schema: z.string(), ttl: 60 });
    const events: CacheEvent[] = [];
    const listen = (event: unknown): void => void events.push(event as CacheEvent);
    diagnostics.subscribe(cacheChannel, listen);
    await words.getOrSet("a", () => "x");
    await words.getOrSet("a", () => "x");
    diagnostics.unsubscribe(cacheChannel, listen);
    expect(events.map(({ event, key }) => [event, key])).toEqual([
      ["misses", "a"],
      ["loads", "a"],
      ["hits", "a"],
    ]);
    expect(events[0]?.cache).toBe("cache telling");
  });

  test("writes through, and caches nothing of a write that failed", async () => {
    const source = new Map<string, string>();
    const words = cache(box.db, "through", { schema: z.string().nullable(), ttl: 60 });
    const through = words.writeThrough({
      read: (key) => source.get(key) ?? null,
      write: (key, value) => {
        if (value === "bad") throw new RangeError("refused");
        source.set(key, value as string);
      },
    });
    expect(await through.get("a")).toBeNull();
    await through.set("a", "1");
    expect(await words.get("a")).toBe("1");
    source.set("a", "changed behind its back");
    expect(await through.get("a")).toBe("1");
    await expect(through.set("a", "bad")).rejects.toThrow("refused");
    expect(await through.get("a")).toBe("changed behind its back");
    expect(await box.raw("EXISTS", `${box.namespace}:cache:{through:a}:l`)).toBe(0);
  });

  test("forgets by pattern, all of it or a part, and nothing else", async () => {
    const words = cache(box.db, "pattern", { schema: z.string(), ttl: 60 });
    const other = cache(box.db, "pattern2", { schema: z.string(), ttl: 60 });
    await other.set("user:1", "x");
    const keys = [
      "user:1",
      "user:22",
      "user:*",
      "use",
      "ü:1",
      "User:1",
      ...Array.from({ length: 1200 }, (_, at) => `n${at}`),
    ];
    await Promise.all(keys.map((key) => words.set(key, "x", { tags: ["t"] })));
    expect(await words.invalidatePattern("user:?")).toBe(2);
    expect(await words.get("user:22")).toBe("x");
    expect(await words.invalidatePattern("user:\\*")).toBe(0);
    expect(await words.invalidatePattern("?:1")).toBe(1);
    expect(await words.invalidatePattern("n*")).toBe(1200);
    expect(await words.clear()).toBe(3);
    expect(await other.get("user:1")).toBe("x");
  });

  test("has parts that are made invalid at once", async () => {
    const all = cache(box.db, "app", { ttl: 60 });
    const users = all.namespace("user", { schema: user });
    const pages = all.namespace("page", { ttl: 5 });
    await users.set("1", { name: "Ada" });
    await pages.set("1", "page");
    await all.set("1", "root");
    expect(await sent(() => users.get("1"))).toEqual(["MGET"]);
    await users.bump();
    expect([await users.get("1"), await pages.get("1"), await all.get("1")]).toEqual([undefined, "page", "root"]);
    await users.set("1", { name: "Bob" });
    expect(await users.get("1")).toMatchObject({ name: "Bob" });
    // Whoever reads it without knowing of the version gets nothing.
    expect(await cache(box.db, "app.user", { schema: user, ttl: 5 }).get("1")).toBeUndefined();
    expect(Number(await box.raw("PTTL", `${box.namespace}:cache:{app.page:1}:v`))).toBeLessThanOrEqual(5000);
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const users = cache(box.db, "bad", { schema: user, ttl: 60, tagMembers: false });
      await users.set("a", { name: "Ada" });
      const wrong = { name: 5 } as unknown as { name: string };
      const load = (): { name: string } => ({ name: "x" });
      const bad: [() => Promise<unknown>, string][] = [
        [() => users.set("a", wrong), "cache bad"],
        [() => users.set("", { name: "x" }), "empty"],
        [() => users.getOrSet("\u0000", load), "NUL"],
        [() => users.getOrSet("x".repeat(513), load), "longer"],
        [() => users.getOrSet(5 as unknown as string, load), "string"],
        [() => users.getOrSet("b", load, { tags: [""] }), "empty"],
        [() => users.getOrSet("b", load, { tags: ["\ud800"] }), "surrogate"],
        [() => users.getOrSet("b", load, { ttl: 0 }), "positive"],
        [() => users.getOrSet("b", load, { ttl: { ms: -1 } }), "positive"],
        [() => users.getOrSet("b", load, { negativeTtl: Number.NaN }), "positive"],
        [() => users.set("b", { name: "x" }, { ttl: null as unknown as number }), "positive"],
        [() => users.invalidateTags(["t"], { deleteNow: true }), "tagMembers"],
        [() => users.invalidatePattern(""), "pattern"],
      ];
      for (const [work, message] of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        expect((await box.refused(work, "VALIDATION")).message).toContain(message);
      }
    });

    test("of definitions is refused", () => {
      const make = (options: object) => () => cache(box.db, "x", { ttl: 5, ...options });
      expect(() => cache(box.db, "a:b", { ttl: 5 })).toThrow("a name is");
      for (const options of [
        { ttl: 0 },
        { ttl: undefined },
        { negativeTtl: -1 },
        { lock: { ms: 50 } },
        { jitter: 2 },
      ]) {
        expect(make(options)).toThrow(expect.objectContaining({ code: "DEFINITION" }) as Error);
      }
      for (const option of ["failOpen", "stale", "grace", "softTimeout", "memory"]) {
        expect(make({ [option]: option === "failOpen" || option === "memory" ? true : 5 })).toThrow("give onError");
      }
      expect(make({ schema: z.string().transform(Number) })).toThrow("cannot be stored");
      expect(make({ memory: { max: 0 }, onError: () => undefined })).toThrow("memory.max");
    });

    test("of a closed database", async () => {
      const other = await box.another();
      const words = cache(other, "closed", { schema: z.string(), ttl: 5 });
      await other.close();
      await expectFailure(
        words.getOrSet("a", () => "x"),
        "CONNECTION",
      );
    });
  });
});
