// Locks: one holder at a time among many callers, connections and processes; what becomes of dead, slow and late holders.
// On every server.
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { connect, type LockLostError } from "remora";
import { type Held, type Lock, lock } from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { trips } from "../behaviour/sent.ts";
import { ownServer } from "../redis/own-server.ts";
import { describePiece } from "./open.ts";
import { start } from "./processes.ts";

const worker = fileURLToPath(new URL("lock-worker.ts", import.meta.url));

/** Whatever it takes until something holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}

/** When a lock is lost. */
async function loss(held: Held<unknown>): Promise<LockLostError> {
  if (!held.signal.aborted) await once(held.signal, "abort");
  return held.signal.reason as LockLostError;
}

describePiece("locks", "lock", (box) => {
  const key = (name: string, part?: string): string =>
    `${box.namespace}:lock:{${name}}:${part === undefined ? "name" : `key:${part}`}`;
  const left = async (name: string, part?: string): Promise<number> => Number(await box.raw("PTTL", key(name, part)));

  test("have one holder at a time, of fifty callers over five connections", async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => box.another()));
    let [inside, most, runs] = [0, 0, 0];
    const fences: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        lock([box.db, ...others][at % 5] as typeof box.db, "crowd", { wait: 25, retry: { ms: 5 } }).using(
          async ({ fence }) => {
            inside += 1;
            most = Math.max(most, inside);
            fences.push(fence);
            await box.raw("PING");
            runs += 1;
            inside -= 1;
          },
        ),
      ),
    );
    await Promise.all(others.map((db) => db.close()));
    expect([most, runs]).toEqual([1, 50]);
    expect(fences).toEqual(fences.toSorted((one, other) => one - other));
    expect(new Set(fences).size).toBe(50);
    expect(await box.raw("EXISTS", key("crowd"))).toBe(0);
  });

  test("lose no update of three processes that read and write", { timeout: 90_000 }, async () => {
    const started = [1, 2, 3].map(() => start(worker, [box.leg.url, box.namespace, "count", "20"]));
    await Promise.all(started.map(({ ended }) => ended));
    expect(await box.raw("GET", `${box.namespace}:counted`)).toBe("60");
  });

  test("of a killed holder are free after its lease", { timeout: 60_000 }, async () => {
    const { child, line, ended } = start(worker, [box.leg.url, box.namespace, "hold", "1500"]);
    const [, fence] = (await line()).split(" ");
    const waiting = lock(box.db, "held").acquire({ wait: 30 });
    child.kill("SIGKILL");
    await ended;
    await using held = await waiting;
    expect(held.fence).toBeGreaterThan(Number(fence));
  });

  test("of a paused holder go to another, and it learns of it", { timeout: 60_000 }, async () => {
    const { child, line, ended } = start(worker, [box.leg.url, box.namespace, "hold", "1000"]);
    const [, fence] = (await line()).split(" ");
    child.kill("SIGSTOP");
    {
      await using held = await lock(box.db, "held").acquire({ wait: 30 });
      expect(held.fence).toBeGreaterThan(Number(fence));
      child.kill("SIGCONT");
      expect(await line()).toBe("lost LOCK_LOST");
      expect(held.signal.aborted).toBe(false);
      expect(await box.raw("EXISTS", key("held"))).toBe(1);
    }
    child.stdin?.write("end\n");
    child.stdin?.end();
    await ended;
  });

  test("are tried once, given back once, and extended", async () => {
    const door = lock(box.db, "door", { lease: 5 });
    const held = await door.tryAcquire();
    if (held === undefined) return expect.unreachable("it is free");
    expect(await door.tryAcquire()).toBeUndefined();
    expect(held.remainingMs).toBeGreaterThan(0);
    expect(await left("door")).toBeLessThanOrEqual(5000);
    await held.extend(100);
    expect(await left("door")).toBeGreaterThan(90_000);
    expect(held.remainingMs).toBeGreaterThan(90_000);
    expect(await trips(() => held.extend())).toBe(1);
    expect(await trips(() => held.release())).toBe(1);
    expect(await trips(() => held.release())).toBe(0);
    expect(await held.release()).toBe(true);
    expect(held.remainingMs).toBe(0);
    await expectFailure(held.extend(), "LOCK_LOST");
    expect(await trips(async () => (await door.tryAcquire())?.release())).toBe(2);
    return undefined;
  });

  test("are extended while they are held", async () => {
    const held = await lock(box.db, "long").acquire({ lease: { ms: 600 } });
    let [last, extensions] = [await left("long"), 0];
    await until(async () => {
      const now = await left("long");
      expect(now).toBeGreaterThan(0);
      if (now > last) extensions += 1;
      last = now;
      return extensions === 3;
    });
    expect(held.signal.aborted).toBe(false);
    expect(await held.release()).toBe(true);
    const short = await lock(box.db, "short").acquire({ lease: { ms: 50 }, autoExtend: false });
    expect((await loss(short)).message).toContain("lease ran out");
    expect(await short.release()).toBe(false);
  });

  test("tell their holder when they are lost", async () => {
    const held = await lock(box.db, "lost").acquire({ lease: { ms: 300 } });
    await box.raw("DEL", key("lost"));
    const reason = await loss(held);
    expect(reason).toMatchObject({ code: "LOCK_LOST", fence: held.fence, entity: "lock lost" });
    await expectFailure(held.extend(), "LOCK_LOST");
    await using other = await lock(box.db, "lost").acquire();
    expect(await held.release()).toBe(false);
    expect(await box.raw("EXISTS", key("lost"))).toBe(1);
    expect(other.signal.aborted).toBe(false);
    // Work that returns is no success when somebody else may have worked meanwhile.
    const worked = lock(box.db, "lost2").using(async () => {
      await box.raw("DEL", key("lost2"));
      return "done";
    });
    await expectFailure(worked, "LOCK_LOST");
    const failing = lock(box.db, "lost3").using(async ({ signal }) => {
      signal.throwIfAborted();
      await box.raw("PING");
      throw new Error("mine");
    });
    await expect(failing).rejects.toThrow("mine");
    expect(await box.raw("EXISTS", key("lost3"))).toBe(0);
  });

  test("are lost when their database is closed", async () => {
    const other = await box.another();
    const held = await lock(other, "closed").acquire();
    const waiting = lock(other, "closed").acquire({ wait: 3600, retry: 3600 });
    await other.redis.call("PING");
    await other.close();
    expect((await loss(held)).message).toContain("closed");
    await expectFailure(waiting, "CONNECTION");
    await expectFailure(lock(other, "closed").tryAcquire(), "CONNECTION");
  });

  describe("of several keys", () => {
    test("are held together or not at all", async () => {
      const seats = lock(box.db, "seat", { lease: 20 });
      await using first = await seats.of(["b", "a", "b"]).acquire();
      expect(await seats.of(["c", "a"]).tryAcquire()).toBeUndefined();
      expect(await box.raw("EXISTS", key("seat", "c"))).toBe(0);
      await using other = await seats.of("c").acquire();
      await using own = await seats.acquire();
      expect(new Set([first.fence, other.fence, own.fence]).size).toBe(3);
      expect(await trips(() => seats.of(["d", "e", "f"]).using(() => undefined))).toBe(2);
      await box.raw("DEL", key("seat", "a"));
      await expectFailure(first.extend(), "LOCK_LOST");
      expect(await first.release()).toBe(false);
      expect(await box.raw("EXISTS", key("seat", "b"))).toBe(0);
    });

    test("wait for nobody who waits for them", async () => {
      const forks = lock(box.db, "fork", { wait: 25, retry: { ms: 5 } });
      let meals = 0;
      await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          forks
            .of(at % 2 === 0 ? ["x", "y", String(at % 5)] : [String(at % 5), "y", "x"])
            .using(() => void (meals += 1)),
        ),
      );
      expect(meals).toBe(50);
    });

    test("are refused where each has a slot of its own", () => {
      const spread = lock(box.db, "spread", { spread: true });
      expect(() => spread.of(["a", "b"])).toThrow("one slot");
      expect(spread.of("a")).toBeDefined();
    });
  });

  test("that are spread are apart", async () => {
    const spread = lock(box.db, "spread", { spread: true, lease: 5 });
    await using one = await spread.of("a").acquire();
    expect(await spread.of(["a"]).tryAcquire()).toBeUndefined();
    await using other = await spread.of("b").acquire();
    expect(await box.raw("EXISTS", `${box.namespace}:lock:{spread:a}:key:a`)).toBe(1);
    expect(other.fence).not.toBe(one.fence);
  });

  test("have fences that grow when everything was forgotten, and when the clock was put back", async () => {
    const door = lock(box.db, "fence", { lease: 5 });
    const next = (): Promise<number> => door.using(({ fence }) => fence);
    const first = await next();
    await box.raw("DEL", `${box.namespace}:lock:{fence}:fence`);
    const second = await next();
    expect(second).toBeGreaterThan(first);
    const ahead = second + 3_600_000_000;
    await box.raw("SET", `${box.namespace}:lock:{fence}:fence`, ahead);
    expect(await next()).toBe(ahead + 1);
    expect(await next()).toBe(ahead + 2);
    const [dead] = [await door.acquire({ lease: { ms: 1 }, autoExtend: false })];
    await loss(dead);
    expect(await next()).toBeGreaterThan(dead.fence);
    expect(Number(await box.raw("PTTL", `${box.namespace}:lock:{fence}:fence`))).toBeGreaterThan(80_000_000);
  });

  test("naive: who lost a lock and deletes it frees another's; ours does not", async () => {
    const name = `${box.namespace}:naive`;
    await box.raw("SET", name, "1", "NX", "PX", 60_000);
    await box.raw("DEL", name); // its time ran out
    expect(await box.raw("SET", name, "1", "NX", "PX", 60_000)).toBe("OK"); // another has it now
    await box.raw("DEL", name); // the first one ends its work
    expect(await box.raw("EXISTS", name)).toBe(0);
    const door = lock(box.db, "naive", { lease: 60 });
    const late = await door.acquire();
    await box.raw("DEL", key("naive"));
    await using held = await door.acquire();
    expect(await late.release()).toBe(false);
    expect(await box.raw("EXISTS", key("naive"))).toBe(1);
    expect(held.fence).toBeGreaterThan(late.fence);
  });

  test("wait as long as they are told", async () => {
    const door: Lock = lock(box.db, "wait", { lease: 60, wait: { ms: 60 }, retry: { ms: 10 } });
    await using _held = await door.acquire();
    expect((await expectFailure(door.acquire(), "DEADLINE")).message).toContain("60 ms");
    expect((await expectFailure(door.acquire({ wait: 0 }), "DEADLINE")).message).toContain("0 ms");
    expect((await expectFailure(door.acquire({ wait: 50, deadline: 30 }), "DEADLINE")).message).toContain("30 ms");
    const giveUp = new AbortController();
    const waiting = door.acquire({ wait: 50, retry: 40, signal: giveUp.signal });
    await box.raw("PING");
    giveUp.abort();
    await expectFailure(waiting, "DEADLINE");
    await expectFailure(door.tryAcquire({ signal: AbortSignal.abort() }), "DEADLINE");
    await expectFailure(
      door.using(() => expect.unreachable("it is not ours")),
      "DEADLINE",
    );
  });

  test("refuse bad input, and change nothing", async () => {
    const door = lock(box.db, "bad");
    const bad: [() => Promise<unknown>, string][] = [
      [() => door.acquire({ lease: 0 }), "lease"],
      [() => door.acquire({ lease: -1 }), "lease"],
      [() => door.acquire({ wait: -1 }), "wait"],
      [() => door.acquire({ retry: 0 }), "retry"],
      [() => door.tryAcquire({ lease: { ms: Number.NaN } }), "lease"],
      [() => door.using(() => undefined, { lease: 1e12 }), "lease"],
    ];
    for (const [work, message] of bad) {
      expect((await box.refused(work, "VALIDATION")).message).toContain(message);
    }
    expect(() => lock(box.db, "a:b")).toThrow("a name is");
    expect(() => lock(box.db, "a", { lease: 0 })).toThrow("lease");
    expect(() => door.of([])).toThrow("at least one");
    for (const part of ["", " ", "a\u0000", "\ud800", "a".repeat(513)]) expect(() => door.of(part)).toThrow("id");
    await using _held = await door.of("{}:*").acquire();
    expect(await box.raw("EXISTS", key("bad", "%7B%7D%3A%2A"))).toBe(1);
    await box.raw("SADD", key("strange"), "x");
    await box.refused(() => lock(box.db, "strange").tryAcquire(), "CORRUPT_ENTITY");
  });
});

describe("a lock whose server is gone", () => {
  test("is lost when its lease is over, with the reason", async () => {
    const server = await ownServer();
    const db = await connect(server.url, { namespace: "gone" });
    const failures: string[] = [];
    const door = lock(db, "door", { lease: { ms: 400 }, onError: ({ code }) => void failures.push(code) });
    const held = await door.acquire();
    const other = await lock(db, "other", {
      lease: { ms: 400 },
      onError: () => {
        throw new Error("mine");
      },
    }).acquire();
    await server.stop();
    const reason = await loss(held);
    expect(reason.message).toContain("lease ran out");
    expect((await loss(other)).code).toBe("LOCK_LOST");
    expect(failures.every((code) => ["DEADLINE", "CONNECTION", "OUTCOME_UNKNOWN"].includes(code))).toBe(true);
    await expectFailure(held.release({ deadline: 50 }), "DEADLINE");
    await expectFailure(door.acquire({ wait: { ms: 50 }, deadline: 50 }), "DEADLINE");
    await db.close();
  });
});
