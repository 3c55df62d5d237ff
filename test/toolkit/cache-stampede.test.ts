// Many who ask for the same at once: one load among all of them, in one process and in several, and nobody waits long for the dead.
// What was being loaded when it was invalidated is given to nobody who asks afterwards.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { describe, expect, test, vi } from "vitest";
import { z } from "zod";

import type { Database } from "remora";
import { cache, type CacheStats } from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { describePiece } from "./open.ts";

const workerFile = fileURLToPath(new URL("cache-worker.ts", import.meta.url));

/** A promise, and what settles it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A process that prints lines. */
class Worker {
  readonly child: ChildProcess;
  readonly #lines: string[] = [];
  #wake = (): void => undefined;
  #errors = "";

  constructor(url: string, namespace: string, mode = "") {
    this.child = spawn(process.execPath, ["--import", "tsx", workerFile, url, namespace, mode]);
    this.child.stderr?.on("data", (text: Buffer) => (this.#errors += text.toString()));
    createInterface(this.child.stdout as NodeJS.ReadableStream).on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.child.on("close", () => {
      this.#lines.push(`closed: ${this.#errors}`);
      this.#wake();
    });
  }

  async line(): Promise<string> {
    // oxlint-disable-next-line no-await-in-loop -- until there is one
    while (this.#lines.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#lines.shift() as string;
  }

  go(): void {
    this.child.stdin?.write("go\n");
  }
}

describePiece("a crowd before a cache", "cache-crowd", (box) => {
  const pair = async (): Promise<[Database, Database]> => Promise.all([box.another(), box.another()]);
  const closeAll = (databases: readonly Database[]): Promise<unknown> => Promise.all(databases.map((db) => db.close()));

  test("naive: each of 50 who see nothing loads for itself; here one does, over ten connections", async () => {
    const databases = await Promise.all(Array.from({ length: 10 }, () => box.another()));
    const load = vi.fn<() => Promise<string>>(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return "x";
    });
    const naive = async (db: Database): Promise<string> => {
      const key = `${box.namespace}:naive`;
      const cached = (await db.redis.call("GET", key)) as string | null;
      if (cached !== null) return cached;
      const value = await load();
      await db.redis.call("SET", key, value, "EX", "60");
      return value;
    };
    const crowd = Array.from({ length: 50 }, (_, at) => databases[at % 10] as Database);
    await Promise.all(crowd.map(naive));
    expect(load).toHaveBeenCalledTimes(50);

    load.mockClear();
    const caches = databases.map((db) => cache(db, "crowd", { schema: z.string(), ttl: 60 }));
    const values = await Promise.all(
      crowd.map((_, at) => (caches[at % 10] as (typeof caches)[number]).getOrSet("key", load, { tags: ["t"] })),
    );
    expect(load).toHaveBeenCalledTimes(1);
    expect(new Set(values)).toEqual(new Set(["x"]));
    await closeAll(databases);
  });

  test("of three processes loads once", { timeout: 60_000 }, async () => {
    const workers = [1, 2, 3].map(() => new Worker(box.leg.url, box.namespace));
    expect(await Promise.all(workers.map((worker) => worker.line()))).toEqual(["ready", "ready", "ready"]);
    for (const worker of workers) worker.go();
    const told = await Promise.all(workers.map((worker) => worker.line()));
    const outcomes = told.map((line) => JSON.parse(line) as { values: string[]; stats: CacheStats });
    expect(new Set(outcomes.flatMap(({ values }) => values)).size).toBe(1);
    expect(await box.raw("GET", `${box.namespace}:loads`)).toBe("1");
    expect(outcomes.reduce((sum, { stats }) => sum + stats.loads, 0)).toBe(1);
  });

  test("waits for a killed process no longer than its lease, and then loads once", { timeout: 60_000 }, async () => {
    const words = cache(box.db, "stampede", { schema: z.string(), ttl: 60, lock: { ms: 1000 } });
    await words.clear();
    const worker = new Worker(box.leg.url, box.namespace, "die");
    expect(await worker.line()).toBe("ready");
    worker.go();
    expect(await worker.line()).toBe("loading");
    worker.child.kill("SIGKILL");
    await worker.line();
    const lease = Number(await box.raw("PTTL", `${box.namespace}:cache:{stampede:key}:l`));
    expect(lease).toBeGreaterThan(0);
    expect(lease).toBeLessThanOrEqual(1000);
    const load = vi.fn<() => string>(() => "x");
    expect(await Promise.all(Array.from({ length: 50 }, () => words.getOrSet("key", load)))).toEqual(
      Array.from({ length: 50 }, () => "x"),
    );
    expect(load).toHaveBeenCalledTimes(1);
    expect(words.stats()).toMatchObject({ waits: 1, loads: 1 });
  });

  test("waits for a slow one that lives, beyond the time of its lease", async () => {
    const [one, other] = await pair();
    const options = { schema: z.string(), ttl: 60, lock: { ms: 150 } };
    const loading = gate();
    const first = cache(one, "slow", options).getOrSet("key", async () => {
      loading.open();
      await new Promise((resolve) => setTimeout(resolve, 600));
      return "first";
    });
    await loading.opened;
    const load = vi.fn<() => string>(() => "second");
    expect(await cache(other, "slow", options).getOrSet("key", load)).toBe("first");
    expect(load).not.toHaveBeenCalled();
    expect(await first).toBe("first");
    await closeAll([one, other]);
  });

  describe("that asks after an invalidation is not given what was being loaded before:", () => {
    const invalidations: Readonly<Record<string, (words: ReturnType<typeof make>) => Promise<unknown>>> = {
      "the key was deleted": (words) => words.delete("key"),
      "a tag was made invalid": (words) => words.invalidateTags(["t"]),
      "a pattern was made invalid": (words) => words.invalidatePattern("k*"),
      "the namespace got a new version": (words) => words.bump(),
    };
    const make = (db: Database) =>
      cache(db, "race", { schema: z.string(), ttl: 60, lock: { ms: 5000 } }).namespace("space");
    for (const [name, invalidate] of Object.entries(invalidations)) {
      test.each(["the same process", "another process"])(`${name} by %s`, async (who) => {
        const [one, other] = await pair();
        const [mine, theirs] = [make(one), make(other)];
        await mine.clear();
        const [loading, finish] = [gate(), gate()];
        const old = mine.getOrSet(
          "key",
          async () => {
            loading.open();
            await finish.opened;
            return "old";
          },
          { tags: ["t"] },
        );
        await loading.opened;
        await invalidate(who === "the same process" ? mine : theirs);
        const [load, elsewhere] = [vi.fn<() => string>(() => "new"), vi.fn<() => string>(() => "new")];
        const later = mine.getOrSet("key", load, { tags: ["t"] });
        const others = theirs.getOrSet("key", elsewhere, { tags: ["t"] });
        finish.open();
        expect(await old).toBe("old");
        expect(await later).toBe("new");
        expect(await others).toBe("new");
        expect(load.mock.calls.length + elsewhere.mock.calls.length).toBe(1);
        expect(await mine.get("key")).toBe("new");
        await closeAll([one, other]);
      });
    }

    test("a value was set meanwhile", async () => {
      const words = make(box.db);
      await words.clear();
      const [loading, finish] = [gate(), gate()];
      const old = words.getOrSet("key", async () => {
        loading.open();
        await finish.opened;
        return "old";
      });
      await loading.opened;
      await words.set("key", "set");
      finish.open();
      expect(await old).toBe("old");
      expect(await words.getOrSet("key", () => "new")).toBe("set");
      expect(words.stats().outdated).toBe(1);
    });
  });

  test("never sees an older value again while a source changes and is invalidated by many", async () => {
    const databases = await Promise.all(Array.from({ length: 5 }, () => box.another()));
    const caches = databases.map((db) => cache(db, "history", { schema: z.number(), ttl: 60 }));
    let source = 0;
    let known = 0;
    let wrong = 0;
    let running = true;
    const readers = Array.from({ length: 50 }, async (_, at) => {
      const own = caches[at % 5] as (typeof caches)[number];
      while (running) {
        const least = known;
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const value = await own.getOrSet(
          "key",
          async () => {
            const read = source;
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
            return read;
          },
          { tags: ["t"] },
        );
        if (value < least) wrong += 1;
      }
    });
    for (let round = 1; round <= 60; round += 1) {
      source = round;
      const own = caches[round % 5] as (typeof caches)[number];
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await (round % 2 === 0 ? own.invalidateTags(["t"]) : own.delete("key"));
      known = round;
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
    }
    running = false;
    await Promise.all(readers);
    expect(wrong).toBe(0);
    expect(caches.reduce((sum, each) => sum + each.stats().hits, 0)).toBeGreaterThan(0);
    await closeAll(databases);
  });

  test("of writers leaves what was written last, or nothing", async () => {
    const databases = await Promise.all(Array.from({ length: 5 }, () => box.another()));
    const caches = databases.map((db) => cache(db, "written", { schema: z.number(), ttl: 60 }));
    let source = -1;
    const throughs = caches.map((each) =>
      each.writeThrough({
        read: () => source,
        write: async (_key, value) => {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
          source = value;
        },
      }),
    );
    await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        const through = throughs[at % 5] as (typeof throughs)[number];
        await (at % 3 === 0 ? through.get("key") : through.set("key", at));
      }),
    );
    expect([source, undefined]).toContain(await caches[0]?.get("key"));
    expect(await throughs[1]?.get("key")).toBe(source);
    await closeAll(databases);
  });

  test("is left alone when its signal fires or its deadline passes, while the load goes on for others", async () => {
    const words = cache(box.db, "patience", { schema: z.string(), ttl: 60 });
    const [loading, finish] = [gate(), gate()];
    const load = async (): Promise<string> => {
      loading.open();
      await finish.opened;
      return "x";
    };
    const patient = words.getOrSet("key", load);
    await loading.opened;
    const controller = new AbortController();
    const aborted = words.getOrSet("key", load, { signal: controller.signal });
    const hurried = words.getOrSet("key", load, { deadline: 30 });
    const error = await expectFailure(hurried, "DEADLINE");
    expect(error.message).toContain('cache patience "key": the deadline passed');
    controller.abort();
    await expectFailure(aborted, "DEADLINE");
    finish.open();
    expect(await patient).toBe("x");
  });

  test("is told at once when the database is closed", async () => {
    const [one, other] = await pair();
    const options = { schema: z.string(), ttl: 60, lock: { ms: 1000 } };
    const loading = gate();
    let signal: AbortSignal | undefined;
    const loads = cache(one, "closing", options).getOrSet("key", (context) => {
      signal = context.signal;
      loading.open();
      return new Promise<string>(() => undefined);
    });
    await loading.opened;
    const waits = cache(other, "closing", options).getOrSet("key", () => "x");
    const ends = Promise.all([expectFailure(loads, "CONNECTION"), expectFailure(waits, "CONNECTION")]);
    await closeAll([other, one]);
    await ends;
    expect(signal?.aborted).toBe(true);
  });
});
