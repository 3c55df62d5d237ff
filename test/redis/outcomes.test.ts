// How calls end when the server freezes or the line breaks: in time, and by an error that tells what is known.
// A read that got no answer changed nothing; a write that left may have.
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { connect, type Database, type Repository } from "remora";
import type { TestServer } from "remora/testing";
import { expectFailure } from "../behaviour/failures.ts";
import { Plain, Rich } from "./entities.ts";
import { ownServer } from "./own-server.ts";
import { type Proxy, startProxy } from "./proxy.ts";

/** How much later than its deadline a call may settle, in milliseconds. */
const grace = 100;

describe("a frozen server", () => {
  let server: TestServer;
  let db: Database;
  let repository: Repository<typeof Plain>;
  const freeze = (): unknown => process.kill(server.pid as number, "SIGSTOP");
  const thaw = (): unknown => process.kill(server.pid as number, "SIGCONT");

  beforeEach(async () => {
    server = await ownServer();
    db = await connect(server.url, { engine: "scan", deadline: 400 });
    repository = db.repository(Plain);
    await repository.save({ id: "a", text: "before" });
  });
  afterEach(async () => {
    thaw();
    await db.close();
    await server.stop();
  });

  test("every call settles by its deadline", async () => {
    freeze();
    const started = performance.now();
    const calls = [
      expectFailure(repository.save({ id: "a", text: "after" }), "OUTCOME_UNKNOWN"),
      expectFailure(repository.insert({ id: "b", text: "x" }), "OUTCOME_UNKNOWN"),
      expectFailure(repository.delete("a"), "OUTCOME_UNKNOWN"),
      expectFailure(repository.findById("a"), "DEADLINE"),
      expectFailure(repository.findByIds(["a", "b"]), "DEADLINE"),
      expectFailure(repository.exists("a"), "DEADLINE"),
      expectFailure(repository.count(), "DEADLINE"),
      expectFailure(repository.query().all(), "DEADLINE"),
    ];
    const errors = await Promise.all(calls);
    expect(performance.now() - started).toBeLessThan(400 + grace);
    expect(errors.every(({ entity }) => entity === "plain")).toBe(true);
    expect(errors.map(({ id }) => id).slice(0, 4)).toEqual(["a", "b", "a", "a"]);
  });

  test("a call's own deadline counts, and a signal ends it at once", async () => {
    freeze();
    const started = performance.now();
    await expectFailure(repository.findById("a", { deadline: 100 }), "DEADLINE");
    expect(performance.now() - started).toBeLessThan(100 + grace);
    const controller = new AbortController();
    const write = expectFailure(
      repository.save({ id: "a", text: "x" }, { signal: controller.signal, deadline: 60_000 }),
      "OUTCOME_UNKNOWN",
    );
    const read = expectFailure(repository.findById("a", { signal: controller.signal, deadline: 60_000 }), "DEADLINE");
    setImmediate(() => controller.abort());
    await Promise.all([write, read]);
    const late = AbortSignal.abort();
    await expectFailure(repository.save({ id: "a", text: "y" }, { signal: late }), "DEADLINE");
    await expectFailure(repository.findById("a", { signal: late }), "DEADLINE");
  });

  test("a bulk save settles too, each entity with its outcome", async () => {
    freeze();
    const started = performance.now();
    const result = await repository.saveMany(Array.from({ length: 600 }, (_, at) => ({ id: `${at}`, text: "t" })));
    expect(performance.now() - started).toBeLessThan(400 + grace);
    expect(result.saved).toBe(0);
    expect(result.outcomes).toHaveLength(600);
    expect(new Set(result.failed.map(({ error }) => error.code))).toEqual(new Set(["OUTCOME_UNKNOWN"]));
  });

  test("closing settles what still waits", async () => {
    freeze();
    const write = expectFailure(repository.save({ id: "a", text: "x" }, { deadline: 60_000 }), "OUTCOME_UNKNOWN");
    const read = expectFailure(repository.findById("a", { deadline: 60_000 }), "CONNECTION");
    await db.close();
    await Promise.all([write, read]);
    await expectFailure(repository.findById("a"), "CONNECTION");
    await expectFailure(repository.save({ id: "a", text: "x" }), "CONNECTION");
  });

  test("once it answers again, so does the mapper", async () => {
    freeze();
    await expectFailure(repository.findById("a", { deadline: 50 }), "DEADLINE");
    thaw();
    expect(await repository.findById("a", { deadline: 10_000 })).toEqual({ id: "a", text: "before" });
  });
});

describe("a broken line", () => {
  let server: TestServer;
  let proxy: Proxy;
  let db: Database;

  beforeEach(async () => {
    server = await ownServer();
    proxy = await startProxy(server.url);
    db = await connect(proxy.url, { engine: "scan", deadline: 2000 });
  });
  afterEach(async () => {
    await db.close();
    await proxy.close();
    await server.stop();
  });

  test("during a write leaves its outcome unknown, and is not repeated", async () => {
    const repository = db.repository(Rich);
    const first = await repository.insert({ id: "a", text: "0" });
    proxy.cutAfter("EVALSHA");
    const error = await expectFailure(repository.save({ ...first, text: "1" }), "OUTCOME_UNKNOWN");
    expect(error).toMatchObject({ entity: "rich", id: "a" });
    expect(proxy.commands.filter(([name]) => name === "EVALSHA")).toHaveLength(1);
    expect(await repository.findById("a")).toEqual({ id: "a", text: "1", version: 2 });
  });

  test("during a bulk save leaves each outcome unknown", async () => {
    const repository = db.repository(Plain);
    await repository.save({ id: "warm", text: "t" });
    proxy.cutAfter("EVALSHA");
    const result = await repository.saveMany(Array.from({ length: 100 }, (_, at) => ({ id: `${at}`, text: "t" })));
    expect(result.saved).toBe(0);
    expect(new Set(result.failed.map(({ error }) => error.code))).toEqual(new Set(["OUTCOME_UNKNOWN"]));
  });

  test("for good ends a read with an error", async () => {
    const repository = db.repository(Plain);
    await repository.save({ id: "a", text: "t" });
    await server.stop();
    const error = await expectFailure(repository.findById("a", { deadline: 500 }), "DEADLINE");
    expect(error).toMatchObject({ entity: "plain", id: "a" });
    await expectFailure(repository.save({ id: "a", text: "u" }, { deadline: 300 }), "DEADLINE");
  });
});
