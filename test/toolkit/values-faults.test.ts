// Processes that are killed in the middle of their work, and lines that break: what is one call is whole or not there.
// On servers of their own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import { connect, type Database } from "remora";
import { cappedList, counter, keys, presence, tags, tokens } from "remora/toolkit";
import type { TestServer } from "remora/testing";
import { expectFailure } from "../behaviour/failures.ts";
import { ownServer } from "../redis/own-server.ts";
import { startProxy } from "../redis/proxy.ts";

const worker = fileURLToPath(new URL("values-worker.ts", import.meta.url));

describe("pieces that keep values", () => {
  let server: TestServer;
  let db: Database;
  beforeEach(async () => {
    server = await ownServer();
    db = await connect(server.url, { namespace: "faults" });
  });
  afterEach(async () => {
    await db.close();
    await server.stop();
  });

  test(
    "leave nothing without an end, and no side without the other, when processes are killed",
    { timeout: 120_000 },
    async () => {
      const kill = async (lines: number): Promise<void> => {
        const child = spawn(process.execPath, ["--import", "tsx", worker, server.url, "faults"], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        let seen = 0;
        for await (const _line of createInterface(child.stdout)) {
          seen += 1;
          if (seen === lines) child.kill("SIGKILL");
        }
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
        expect(child.signalCode).toBe("SIGKILL");
      };
      await Promise.all([kill(7), kill(12), kill(18)]);
      const all = keys(db);
      let found = 0;
      for await (const key of all.scan()) {
        if (key.startsWith("tags:")) continue;
        found += 1;
        expect([key, await all.remaining(key)]).toEqual([key, expect.any(Number)]);
      }
      expect(found).toBeGreaterThan(50);
      for await (const id of cappedList(db, "seen", z.int(), { keep: 5 }).scan()) {
        expect(await cappedList(db, "seen", z.int(), { keep: 5 }).of(id).length()).toBeLessThanOrEqual(5);
      }
      const interests = tags(db, "interests");
      const things = await interests.withAny(["a", "b", "c"]);
      expect(things.length).toBeGreaterThan(50);
      for (const thing of things) {
        // oxlint-disable-next-line no-await-in-loop
        const has = (await interests.of(thing)).toSorted();
        expect([["a", "b"].join(), ["b", "c"].join()]).toContain(has.join());
        for (const tag of ["a", "b", "c"]) {
          // oxlint-disable-next-line no-await-in-loop
          expect((await interests.withAll(tag)).includes(thing)).toBe(has.includes(tag));
        }
      }
    },
  );

  test("say that nobody knows when the line breaks, and did it wholly or not at all", async () => {
    const proxy = await startProxy(server.url);
    const cut = await connect(proxy.url, { namespace: "faults" });
    const token = await tokens(db, "reset", z.string(), { ttl: 900 }).issue("ada");
    // The first call of a script sends its text.
    proxy.cutAfter("EVAL");
    await expectFailure(counter(cut, "failures", { ttl: 100 }).of("a").increment(), "OUTCOME_UNKNOWN");
    await expectFailure(tags(cut, "interests").add("ada", ["a", "b"]), "OUTCOME_UNKNOWN");
    await expectFailure(presence(cut, "online").touch("ada"), "OUTCOME_UNKNOWN");
    proxy.cutAfter("GETDEL");
    await expectFailure(tokens(cut, "reset", z.string(), { ttl: 900 }).consume(token), "OUTCOME_UNKNOWN");
    expect(await counter(db, "failures").of("a").get()).toBe(1);
    expect(await counter(db, "failures").remaining("a")).toBeGreaterThan(90_000);
    expect(await tags(db, "interests").withAll(["a", "b"])).toEqual(["ada"]);
    expect(await presence(db, "online").isOnline("ada")).toBe(true);
    // The reply is lost, and the token is used up all the same.
    expect(await tokens(db, "reset", z.string(), { ttl: 900 }).peek(token)).toBeUndefined();
    await cut.close();
    await proxy.close();
  });

  test("fail in time when the server does not answer, and at once when it is gone", async () => {
    const frozen = keys(db);
    const walk = frozen.scan({ deadline: 200 });
    process.kill(server.pid as number, "SIGSTOP");
    try {
      await expectFailure(walk.next(), "DEADLINE");
      await expectFailure(counter(db, "c").of("a", { deadline: 200 }).get(), "DEADLINE");
      await expectFailure(counter(db, "c", { ttl: 5 }).of("a", { deadline: 200 }).increment(), "OUTCOME_UNKNOWN");
    } finally {
      process.kill(server.pid as number, "SIGCONT");
    }
    await server.stop();
    await expectFailure(counter(db, "c").of("a", { deadline: 300 }).get(), "DEADLINE");
  });
});
