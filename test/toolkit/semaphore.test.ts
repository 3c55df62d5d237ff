// Semaphores and Redlock: never more holders than there may be, whatever the clocks of their machines say.
// Semaphores on every server; Redlock on three servers of its own, of which some die.
import { once } from "node:events";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { connect, type Database } from "remora";
import type { TestServer } from "remora/testing";
import { lock, redlock, semaphore } from "remora/toolkit";
import { Redis } from "ioredis";
import { Semaphore as LibrarySemaphore } from "redis-semaphore";
import { expectFailure } from "../behaviour/failures.ts";
import { trips } from "../behaviour/sent.ts";
import { ownServer } from "../redis/own-server.ts";
import { describePiece } from "./open.ts";

/** Runs work while this machine's clock is wrong. */
async function withClock<T>(ahead: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ahead });
  try {
    return await work();
  } finally {
    vi.useRealTimers();
  }
}

describePiece("semaphores", "semaphore", (box) => {
  test("have as many holders as they allow, of fifty callers over five connections", async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => box.another()));
    let [inside, most, runs] = [0, 0, 0];
    await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        semaphore([box.db, ...others][at % 5] as Database, "crowd", { limit: 3, wait: 25, retry: { ms: 5 } }).using(
          async () => {
            inside += 1;
            most = Math.max(most, inside);
            for (let trip = 0; trip < 5; trip += 1) await box.raw("PING");
            runs += 1;
            inside -= 1;
          },
        ),
      ),
    );
    await Promise.all(others.map((db) => db.close()));
    expect([most, runs]).toEqual([3, 50]);
  });

  test("are tried, extended, given back and lost", async () => {
    const places = semaphore(box.db, "places", { limit: 2, lease: 5 });
    const [one, two, three] = [
      await places.tryAcquire(),
      await places.tryAcquire(),
      await places.tryAcquire(),
    ] as const;
    expect(three).toBeUndefined();
    expect(await trips(async () => one?.extend())).toBe(1);
    expect(await one?.release()).toBe(true);
    await using _third = await places.acquire();
    await box.raw("ZREMRANGEBYRANK", `${box.namespace}:semaphore:{places}`, 0, -1);
    await expectFailure(Promise.resolve(two?.extend()), "LOCK_LOST");
    expect(await two?.release()).toBe(false);
    expect(await box.raw("KEYS", `semaphore:*`)).toEqual([]);
  });

  test("naive: a client whose clock is ahead takes the places of others; ours goes by the server's", async () => {
    const client = new Redis(box.leg.url);
    const options = { lockTimeout: 60_000, acquireAttemptsLimit: 1, refreshInterval: 0 };
    const naive = (): LibrarySemaphore => new LibrarySemaphore(client, `${box.namespace}:naive`, 1, options);
    expect(await naive().tryAcquire()).toBe(true);
    expect(await naive().tryAcquire()).toBe(false);
    expect(await withClock(3_600_000, () => naive().tryAcquire())).toBe(true);
    client.disconnect();
    await box.raw("DEL", `semaphore:${box.namespace}:naive`);
    const places = semaphore(box.db, "clock", { limit: 1, lease: 60 });
    await using held = await places.acquire();
    expect(await withClock(3_600_000, () => places.tryAcquire())).toBeUndefined();
    await withClock(-3_600_000, () => held.extend());
    expect(await withClock(3_600_000, () => places.tryAcquire())).toBeUndefined();
    await using mutex = await lock(box.db, "clock").acquire();
    expect(await withClock(3_600_000, () => lock(box.db, "clock").tryAcquire())).toBeUndefined();
    await withClock(3_600_000, () => mutex.extend());
    expect([held.signal.aborted, mutex.signal.aborted]).toEqual([false, false]);
  });

  test("refuse bad input", async () => {
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      expect(() => semaphore(box.db, "bad", { limit })).toThrow("limit must be");
    }
    expect(() => semaphore(box.db, "bad", { limit: 1, lease: 0 })).toThrow("lease");
    const places = semaphore(box.db, "bad", { limit: 1, lease: 5 });
    expect((await box.refused(() => places.acquire({ lease: 6 }), "VALIDATION")).message).toContain("one lease");
    const other = await box.another();
    await other.close();
    await expectFailure(semaphore(other, "closed", { limit: 1 }).tryAcquire(), "CONNECTION");
  });
});

describe("redlock", () => {
  let servers: TestServer[];
  let dbs: Database[];
  beforeEach(async () => {
    servers = await Promise.all([1, 2, 3].map(() => ownServer()));
    dbs = await Promise.all(servers.map(({ url }) => connect(url, { namespace: "quorum" })));
  });
  afterEach(async () => {
    await Promise.all(dbs.map((db) => db.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  test("has one holder at a time, with three servers and with two", { timeout: 60_000 }, async () => {
    const door = redlock(dbs, "door", { lease: 2, wait: 30, retry: { ms: 20 } });
    let [inside, most, runs] = [0, 0, 0];
    const crowd = (): Promise<unknown> =>
      Promise.all(
        Array.from({ length: 15 }, () =>
          door.using(async () => {
            inside += 1;
            most = Math.max(most, inside);
            await dbs[0]?.redis.call("PING");
            runs += 1;
            inside -= 1;
          }),
        ),
      );
    await crowd();
    expect(await dbs[0]?.redis.call("EXISTS", "quorum:redlock:{door}")).toBe(0);
    await servers[2]?.stop();
    await crowd();
    expect([most, runs]).toEqual([1, 30]);
    const held = await door.acquire();
    expect(held.fence).toBeUndefined();
    expect(await door.tryAcquire()).toBeUndefined();
    await held.extend();
    expect(await held.release()).toBe(true);
  });

  test("is lost with the majority, and says that nobody answers", { timeout: 60_000 }, async () => {
    const door = redlock(dbs, "door", { lease: 1, wait: { ms: 100 } });
    const held = await door.acquire();
    await Promise.all([servers[0]?.stop(), servers[1]?.stop()]);
    if (!held.signal.aborted) await once(held.signal, "abort");
    expect(held.signal.reason).toMatchObject({ code: "LOCK_LOST" });
    const error = await door.tryAcquire().catch((thrown: unknown) => thrown);
    expect(["DEADLINE", "OUTCOME_UNKNOWN", "CONNECTION"]).toContain((error as { code: string }).code);
  });

  test("needs a majority of servers with the same keys", async () => {
    expect(() => redlock(dbs.slice(1), "door")).toThrow("three");
    expect(() => redlock([], "door")).toThrow("three");
    const other = await connect(servers[0]?.url ?? "", { namespace: "other" });
    expect(() => redlock([...dbs, other], "door")).toThrow("same namespace");
    await other.close();
  });
});
