// Sentinels: the primary is found by its name, a replica serves those who only read, and a failover is followed.
// What was saved before is there after it.
import { setTimeout as pause } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, isRemoraError } from "remora";
import { kv } from "remora/toolkit";
import { z } from "zod";
import { expectFailure } from "../behaviour/failures.ts";
import { Plain } from "./entities.ts";
import { type OwnSentinels, ownSentinels } from "./own-sentinels.ts";

describe("sentinels", () => {
  let own: OwnSentinels;
  beforeAll(async () => {
    own = await ownSentinels();
  });
  afterAll(() => own.stop());

  const target = () => ({ sentinels: own.sentinels, name: own.name });

  test("lead to the primary, and to a replica that only reads", async () => {
    await using db = await connect(target());
    const [info] = await db.info();
    expect(info).toMatchObject({ role: "master", address: `127.0.0.1:${own.primaryPort}` });
    expect(info?.replication.replicas).toBe(1);
    await db.repository(Plain).save({ id: "a", text: "first" });

    await using replica = await connect({ ...target(), role: "slave" });
    expect((await replica.info())[0]).toMatchObject({ role: "slave", replication: { linked: true } });
    await expect
      .poll(() => replica.repository(Plain, { readOnly: true }).findById("a"), { timeout: 10_000 })
      .toMatchObject({ text: "first" });
    const failure = await expectFailure(kv(replica, "word", z.string()).set("a", "b", { deadline: 300 }), "DEADLINE");
    expect(failure.message).toContain("READONLY");
  });

  test("are followed when the primary dies", { timeout: 60_000 }, async () => {
    await using db = await connect(target());
    const plain = db.repository(Plain);
    await plain.save({ id: "kept", text: "before" });
    // The replica has it: what a primary had alone dies with it.
    await db.redis.call("WAIT", "1", "10000");
    await own.killPrimary();
    const trying = Date.now();
    let saved = false;
    while (!saved && Date.now() - trying < 50_000) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- tried until there is a primary again
        await plain.save({ id: "after", text: "after" }, { deadline: 2000 });
        saved = true;
      } catch (error) {
        // Each try ends in one of the promised ways.
        if (!["CONNECTION", "DEADLINE", "OUTCOME_UNKNOWN"].some((code) => isRemoraError(error, code as never)))
          throw error;
        // oxlint-disable-next-line no-await-in-loop
        await pause(50);
      }
    }
    expect(saved).toBe(true);
    expect(await plain.findById("kept")).toMatchObject({ text: "before" });
    const [info] = await db.info();
    expect(info?.role).toBe("master");
    expect(info?.address).not.toBe(`127.0.0.1:${own.primaryPort}`);
  });
});
