// Limits and locks on a cluster of three nodes: keys of every slot, each question on the node of its own.
// Of the flavour of the first server of the matrix.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, type Database } from "remora";
import { lock, rateLimit, semaphore } from "remora/toolkit";
import { type OwnCluster, ownCluster } from "../redis/own-cluster.ts";

describe("on a cluster", () => {
  let cluster: OwnCluster;
  let db: Database;
  beforeAll(async () => {
    cluster = await ownCluster();
    db = await connect({ cluster: cluster.nodes.slice(0, 1) }, { namespace: "spread" });
  });
  afterAll(async () => {
    await db.close();
    await cluster.stop();
  });
  const callers = Array.from({ length: 20 }, (_, at) => `caller-${at}`);

  test("limits of many keys are spread over the nodes, and exact", async () => {
    const limits = [
      rateLimit(db, "several", [
        { algorithm: "slidingLog", limit: 3, window: 3600 },
        { algorithm: "slidingCounter", limit: 50, window: 3600 },
        { algorithm: "gcra", limit: 50, window: 3600 },
      ]),
      rateLimit(db, "window", { algorithm: "fixedWindow", limit: 2, window: 3600, burst: { limit: 1, window: 3600 } }),
    ];
    for (const limit of limits) {
      const answers = await Promise.all(
        callers.flatMap((caller) => Array.from({ length: 5 }, () => limit.take(caller))),
      );
      expect(answers.filter(({ allowed }) => allowed)).toHaveLength(3 * callers.length);
      expect((await limit.peek("caller-0")).allowed).toBe(false);
      await limit.block("caller-1", 60);
      expect(await limit.reset("caller-1")).toBe(true);
      expect((await limit.peek("caller-1")).allowed).toBe(true);
    }
    for (const keys of await cluster.keysByNode()) expect(keys.some((key) => key.includes(":limit:"))).toBe(true);
  });

  test("locks and semaphores have one slot each, or one per key", async () => {
    const seats = lock(db, "seat");
    expect(await seats.of(callers).using(({ fence }) => fence)).toBeGreaterThan(0);
    const spread = lock(db, "spread", { spread: true });
    const held = await Promise.all(callers.map((caller) => spread.of(caller).acquire()));
    for (const keys of await cluster.keysByNode())
      expect(keys.some((key) => key.includes(":lock:{spread:"))).toBe(true);
    await Promise.all(held.map((one) => one.extend()));
    expect(await Promise.all(held.map((one) => one.release()))).toEqual(callers.map(() => true));
    const places = semaphore(db, "places", { limit: 2 });
    const [one, two, three] = [await places.tryAcquire(), await places.tryAcquire(), await places.tryAcquire()];
    expect([one !== undefined, two !== undefined, three]).toEqual([true, true, undefined]);
    await one?.extend();
    expect([await one?.release(), await two?.release()]).toEqual([true, true]);
  });
});
