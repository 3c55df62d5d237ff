// A user with few rights: what the mapper needs is scripts and its own keys, no administration.
// A right that is missing is an error by name, and never half a write.
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect } from "remora";
import type { TestServer } from "remora/testing";
import { expectFailure } from "../behaviour/failures.ts";
import { Plain, Rich, Sliding } from "./entities.ts";
import { ownServer } from "./own-server.ts";

describe("a user with few rights", () => {
  let server: TestServer;
  let admin: Redis;
  const as = (user: string): string => server.url.replace("redis://", `redis://${user}:pw@`);

  beforeAll(async () => {
    server = await ownServer();
    admin = new Redis(server.url);
    const rule = (user: string, ...rules: string[]): Promise<unknown> =>
      admin.call("ACL", "SETUSER", user, "on", ">pw", "resetkeys", "-@all", ...rules);
    await rule(
      "modest",
      "~app:*",
      "+@all",
      "-@admin",
      "-@dangerous",
      "-config",
      "-module",
      "-info",
      "-client",
      "-keys",
    );
    await rule(
      "silent",
      "~app:*",
      "+@all",
      "-@admin",
      "-@dangerous",
      "-hello",
      "-config",
      "-module",
      "-info",
      "-client",
    );
    await rule("elsewhere", "~other:*", "+@all");
    await rule("reader", "~app:*", "+@read", "+@connection", "+eval_ro", "+evalsha_ro", "+time");
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  test.each(["modest", "silent"])("connects and does its work, as %s", async (user) => {
    const db = await connect(as(user), { namespace: "app", engine: "scan" });
    expect(Number.parseInt(db.capabilities.version, 10)).toBeGreaterThanOrEqual(7);
    const repository = db.repository(Rich);
    const id = `of-${user}`;
    const first = await repository.insert({ id, text: user });
    await repository.save(first);
    expect(await repository.findById(id)).toMatchObject({ version: 2 });
    expect(await repository.query().where("text").eq(user).ids()).toEqual([id]);
    expect(await repository.indexes.status()).toMatchObject({ state: "ready" });
    expect(await repository.delete(id)).toBe(true);
    await db.close();
  });

  test("who may not touch the keys is told so", async () => {
    const db = await connect(as("elsewhere"), { namespace: "app", engine: "scan" });
    await expectFailure(db.repository(Plain).insert({ id: "a", text: "t" }), "CAPABILITY");
    await expectFailure(db.repository(Plain).findById("a"), "CAPABILITY");
    expect(await admin.exists("app:{plain}:a")).toBe(0);
    await db.close();
  });

  test("who lacks one right of many writes nothing", async () => {
    await admin.call(
      ...(["ACL", "SETUSER", "partial", "on", ">pw", "~app:*", "+@all", "-zadd"] as [string, ...string[]]),
    );
    const db = await connect(as("partial"), { namespace: "app", engine: "scan" });
    const repository = db.repository(Rich);
    const error = await expectFailure(repository.insert({ id: "torn", text: "t" }), "CAPABILITY");
    expect(error.message).toContain("ZADD");
    expect(await admin.exists("app:{rich}:torn")).toBe(0);
    await expectFailure(repository.delete("torn"), "CAPABILITY");
    await db.close();
  });

  test("who may only read reads", async () => {
    const writer = await connect(server.url, { namespace: "app", engine: "scan" });
    await writer.repository(Plain).insert({ id: "r", text: "t" });
    const db = await connect(as("reader"), { namespace: "app", engine: "scan" });
    const repository = db.repository(Plain);
    expect(await repository.findById("r")).toEqual({ id: "r", text: "t" });
    expect((await repository.query().all()).map(({ id }) => id)).toEqual(["r"]);
    await expectFailure(repository.save({ id: "r", text: "u" }), "CAPABILITY");
    expect(await repository.findById("r")).toEqual({ id: "r", text: "t" });
    // A document that vanished is left for somebody who may tidy up.
    await admin.del("app:{plain}:r");
    expect(await repository.query().all()).toEqual([]);
    await db.close();
    await writer.close();
  });

  test("who may only read is told by a read that would prolong", async () => {
    const writer = await connect(server.url, { namespace: "app", engine: "scan" });
    await writer.repository(Sliding).insert({ id: "r", text: "t" });
    const db = await connect(as("reader"), { namespace: "app", engine: "scan" });
    const repository = db.repository(Sliding);
    await admin.call("ACL", "SETUSER", "reader", "+evalsha", "+eval");
    const death = await admin.pexpiretime("app:{sliding}:r");
    for (const read of [
      () => repository.findById("r"),
      () => repository.findByIds(["r"]),
      () => repository.findUnique({ text: "t" }),
    ]) {
      // eslint-disable-next-line no-await-in-loop -- one after another
      const error = await expectFailure(read(), "CAPABILITY");
      expect(error.message).toMatch(/PEXPIRE.*prolong: false/);
    }
    expect(await repository.findById("r", { prolong: false })).toEqual({ id: "r", text: "t" });
    expect(await repository.findUnique({ text: "t" }, { prolong: false })).toEqual({ id: "r", text: "t" });
    expect(await repository.query().ids()).toEqual(["r"]);
    expect(await admin.pexpiretime("app:{sliding}:r")).toBe(death);
    await db.close();
    await writer.close();
  });

  test("on a replica a read that would prolong names it", async () => {
    const replica = await ownServer();
    try {
      const db = await connect(replica.url, { namespace: "app", engine: "scan", deadline: 2000 });
      const repository = db.repository(Sliding);
      await repository.insert({ id: "r", text: "t" });
      // Of a primary that is not there: it keeps what it has, and takes no writes.
      await db.redis.call("REPLICAOF", "127.0.0.1", "1");
      const error = await expectFailure(repository.findById("r", { deadline: 300 }), "DEADLINE");
      expect(error.message).toContain("READONLY");
      expect(await repository.findById("r", { prolong: false })).toEqual({ id: "r", text: "t" });
      await db.close();
    } finally {
      await replica.stop();
    }
  });
});
