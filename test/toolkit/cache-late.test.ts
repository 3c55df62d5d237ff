// Values beyond their time, loaders that fail or are late, and a server that is gone: what is given instead, and who is told.
// And the layer in the process itself, which others keep right by messages.
import { setTimeout as pause } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { connect, type Database } from "remora";
import type { TestServer } from "remora/testing";
import { type Cache, cache, type CacheFailure } from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { sent } from "../behaviour/sent.ts";
import { ownServer } from "../redis/own-server.ts";
import { describePiece } from "./open.ts";

const schema = z.string();
type Words = Cache<typeof schema>;

/** Collects what a cache tells of behind everybody's back. */
function listener(): { told: [unknown, CacheFailure][]; onError: (error: unknown, failure: CacheFailure) => void } {
  const told: [unknown, CacheFailure][] = [];
  return { told, onError: (error, failure) => void told.push([error, failure]) };
}

const failing = (): string => {
  throw new RangeError("no source");
};

describePiece("a cache beyond its time", "cache-late", (box) => {
  /** Waits until a key is not fresh any more, by the server's clock. */
  const aged = async (words: Words, key: string): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- until the server says so
    while ((await words.get(key)) !== undefined) await pause(5);
  };

  test("gives the old value at once while one call loads it anew", async () => {
    const { told, onError } = listener();
    const words = cache(box.db, "stale", { schema, ttl: { ms: 60 }, stale: 60, onError });
    await words.getOrSet("a", () => "old");
    await aged(words, "a");
    const load = vi.fn<() => Promise<string>>(() => pause(30, "new"));
    const given = await Promise.all(Array.from({ length: 50 }, () => words.getOrSet("a", load, { ttl: 60 })));
    expect(new Set(given)).toEqual(new Set(["old"]));
    await words.settled();
    expect(load).toHaveBeenCalledTimes(1);
    expect(await words.getOrSet("a", failing)).toBe("new");
    expect(told).toEqual([]);
    expect(words.stats()).toMatchObject({ stale: 50, loads: 2 });
  });

  test("tells when loading anew fails, and goes on with the old value", async () => {
    const { told, onError } = listener();
    const words = cache(box.db, "stale-failing", { schema, ttl: { ms: 40 }, stale: 60, onError });
    await words.getOrSet("a", () => "old");
    await aged(words, "a");
    expect(await words.getOrSet("a", failing)).toBe("old");
    await words.settled();
    expect(told).toEqual([[expect.any(RangeError), { cache: "cache stale-failing", key: "a", during: "load" }]]);
    expect(await box.raw("EXISTS", `${box.namespace}:cache:{stale-failing:a}:l`)).toBe(0);
  });

  test("gives the old value when the loader fails or is late, but never one that was invalidated", async () => {
    const { told, onError } = listener();
    const options = { schema, ttl: { ms: 40 }, grace: 60, softTimeout: 30, hardTimeout: 5000, onError };
    const words = cache(box.db, "grace", options);
    await words.getOrSet("a", () => "old", { tags: ["t"] });
    await aged(words, "a");
    const tags = { tags: ["t"] };
    expect(await Promise.all(Array.from({ length: 20 }, () => words.getOrSet("a", failing, tags)))).toEqual(
      Array.from({ length: 20 }, () => "old"),
    );
    expect(told).toHaveLength(1);
    let finish = (): void => undefined;
    const slow = vi.fn<() => Promise<string>>(() => new Promise((resolve) => (finish = () => resolve("new"))));
    expect(await words.getOrSet("a", slow, { ...tags, ttl: 60 })).toBe("old");
    finish();
    await words.settled();
    expect(await words.getOrSet("a", failing, tags)).toBe("new");
    await words.invalidateTags(["t"]);
    await expect(words.getOrSet("a", failing, tags)).rejects.toThrow("no source");
    expect(words.stats()).toMatchObject({ graced: 21 });
  });

  test("gives up a loader that takes too long, and tells it so", async () => {
    const words = cache(box.db, "hard", { schema, ttl: 60, hardTimeout: 40 });
    let signal: AbortSignal | undefined;
    const error = await expectFailure(
      words.getOrSet("a", (context) => {
        signal = context.signal;
        return new Promise<string>(() => undefined);
      }),
      "DEADLINE",
    );
    expect(error.message).toContain('cache hard "a": its loader has been running for more than 40 ms');
    expect(signal?.aborted).toBe(true);
    expect(await words.getOrSet("a", () => "x")).toBe("x");
  });

  test("passes on what onError throws, to whoever waits", async () => {
    const onError = (): never => {
      throw new RangeError("the logger failed");
    };
    const words = cache(box.db, "logger", { schema, ttl: { ms: 40 }, stale: 60, onError });
    await words.getOrSet("a", () => "old");
    await aged(words, "a");
    expect(await words.getOrSet("a", failing)).toBe("old");
    await expect(words.settled()).rejects.toThrow("the logger failed");
    await words.settled();
  });

  describe("with a layer in the process", () => {
    let databases: Database[];
    beforeEach(async () => {
      databases = await Promise.all([box.another(), box.another()]);
    });
    afterEach(() => Promise.all(databases.map((db) => db.close())));

    /** Asks until the answer comes from the process itself. */
    const settled = async (words: Words, key: string, options = {}): Promise<void> => {
      const before = words.stats().memoryHits;
      // oxlint-disable-next-line no-await-in-loop -- until its messages arrive
      while (words.stats().memoryHits === before) await words.get(key, options);
    };
    const make = (name: string): [Words, Words] => {
      const [one, other] = databases as [Database, Database];
      const options = { schema, ttl: 60, memory: { ttl: 60, max: 3 }, onError: listener().onError };
      return [cache(one, name, options), cache(other, name, options)];
    };

    test("sends nothing for a hit, and gives each caller a value of its own", async () => {
      const { onError } = listener();
      const [db] = databases as [Database];
      const things = cache(db, "own", { schema: z.object({ list: z.array(z.int()) }), ttl: 60, memory: true, onError });
      await things.set("a", { list: [1] });
      while (things.stats().memoryHits === 0) {
        // oxlint-disable-next-line no-await-in-loop
        (await things.get("a"))?.list.push(2);
      }
      expect(await sent(() => things.getOrSet("a", () => ({ list: [] })))).toEqual([]);
      expect(await things.get("a")).toEqual({ list: [1] });
    });

    test.each([
      ["delete", (words: Words) => words.delete("a")],
      ["set", (words: Words) => words.set("a", "new", { tags: ["t"] })],
      ["invalidateTags", (words: Words) => words.invalidateTags(["t"])],
      ["invalidatePattern", (words: Words) => words.invalidatePattern("?")],
    ])("learns of %s by another process", async (name, change) => {
      const [mine, theirs] = make(`bus-${name}`);
      await theirs.set("a", "old", { tags: ["t"] });
      await settled(mine, "a", { tags: ["t"] });
      await change(theirs);
      // oxlint-disable-next-line no-await-in-loop -- the message is on its way
      while ((await mine.get("a", { tags: ["t"] })) === "old") await pause(1);
      expect(await mine.get("a")).toBe(name === "set" ? "new" : undefined);
    });

    test("is right at once after changes of its own", async () => {
      const [mine] = make("own-changes");
      for (let round = 0; round < 30; round += 1) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await mine.set("a", `${round}`);
        // oxlint-disable-next-line no-await-in-loop
        expect(await mine.get("a")).toBe(`${round}`);
      }
      await mine.delete("a");
      expect(await mine.get("a")).toBeUndefined();
    });

    test("holds no more than it may", async () => {
      const [mine] = make("bounded");
      await Promise.all(["a", "b", "c", "d"].map((key) => mine.set(key, key)));
      await settled(mine, "a");
      for (const key of ["a", "b", "c", "d"]) {
        // oxlint-disable-next-line no-await-in-loop -- in order
        await mine.get(key);
      }
      expect(await sent(() => mine.get("d"))).toEqual([]);
      expect(await sent(() => mine.get("a"))).toEqual(["GET"]);
    });

    test("forgets everything when it may have missed a message", async () => {
      const [mine] = make("gap");
      await mine.set("a", "old");
      await settled(mine, "a");
      await box.raw("SET", `${box.namespace}:cache:{gap:a}:v`, ';\n"changed silently"');
      expect(await mine.get("a")).toBe("old");
      await box.raw("CLIENT", "KILL", "TYPE", "pubsub");
      // oxlint-disable-next-line no-await-in-loop -- until it notices
      while ((await mine.get("a")) === "old") await pause(1);
      await settled(mine, "a");
    });
  });
});

describe("a cache whose server is gone", () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await ownServer();
  });
  afterEach(() => server.stop());

  test("asks the loader, once for all who ask together, and tells; or fails, as it was told", async () => {
    const { told, onError } = listener();
    await using db = await connect(server.url, { namespace: "gone" });
    const open = cache(db, "open", { schema, ttl: 60, failOpen: true, deadline: 100, onError });
    const closed = cache(db, "closed", { schema, ttl: 60, deadline: 100 });
    await open.getOrSet("a", () => "cached");
    await server.stop();
    const load = vi.fn<() => Promise<string>>(() => pause(20, "loaded"));
    const given = await Promise.all(Array.from({ length: 50 }, () => open.getOrSet("a", load)));
    expect(new Set(given)).toEqual(new Set(["loaded"]));
    expect(load.mock.calls.length).toBeLessThan(5);
    expect(told.length).toBeGreaterThanOrEqual(50);
    expect(told[0]?.[1]).toEqual({ cache: "cache open", key: "a", during: "server" });
    await expect(open.getOrSet("b", failing)).rejects.toThrow("no source");
    await expect(closed.getOrSet("a", load)).rejects.toMatchObject({
      code: expect.stringMatching(/CONNECTION|DEADLINE/) as string,
    });
    await expect(open.delete("a")).rejects.toMatchObject({ entity: "cache open" });
  });

  test("gives what was loaded when the server goes meanwhile", async () => {
    const { told, onError } = listener();
    await using db = await connect(server.url, { namespace: "gone" });
    const open = cache(db, "open", { schema, ttl: 60, failOpen: true, deadline: 100, onError });
    const load = vi.fn<() => Promise<string>>(async () => {
      await server.stop();
      return "loaded";
    });
    expect(await open.getOrSet("a", load)).toBe("loaded");
    expect(load).toHaveBeenCalledTimes(1);
    expect(told.map(([, { during }]) => during)).toEqual(["store"]);
  });
});
