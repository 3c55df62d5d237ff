// What the database tells of its server: whether it is well, its own report, and what the doctor finds.
// Each finding is provoked on a server of the test's own.
import { rmSync } from "node:fs";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, type Database, type Diagnosis } from "remora";
import type { TestServer } from "remora/testing";
import { expectFailure } from "../behaviour/failures.ts";
import { ownCluster } from "./own-cluster.ts";
import { ownServer } from "./own-server.ts";

const about = ({ findings }: Diagnosis, topic: string) => findings.filter((finding) => finding.topic === topic);

describe("a server", () => {
  let server: TestServer;
  let db: Database;
  beforeAll(async () => {
    server = await ownServer(["--slowlog-log-slower-than", "0"]);
    db = await connect(server.url, { namespace: "doctor" });
  });
  afterAll(async () => {
    await db.close();
    await server.stop();
  });
  const call = (...words: [string, ...string[]]): Promise<unknown> => db.redis.call(...words);

  test("that is well says so", async () => {
    const health = await db.health();
    expect(health).toMatchObject({ status: "up", problems: [], role: "master", lagBytes: 0 });
    expect(health.latency).toBeGreaterThan(0);
    expect(health.memory?.used).toBeGreaterThan(100_000);
  });

  test("tells about itself", async () => {
    await call("SET", "doctor:a", "1", "EX", "100");
    const [info, ...more] = await db.info();
    expect(more).toEqual([]);
    expect(info).toMatchObject({
      address: new URL(server.url).host.replace("localhost", "127.0.0.1"),
      version: db.capabilities.version,
      server: db.capabilities.server,
      mode: "standalone",
      role: "master",
      memory: { policy: "noeviction", max: 0 },
      persistence: { loading: false, lastSaveOk: true, appendOnly: false },
      replication: { replicas: 0, lagBytes: 0, linked: true },
      keyspaces: [{ db: 0, keys: 1, expires: 1 }],
    });
    expect(info?.clients.max).toBeGreaterThan(0);
    expect(info?.lines["redis_version"]).toMatch(/^\d/);
  });

  test("that keeps nothing over a restart", async () => {
    expect(about(await db.doctor(), "persistence")).toMatchObject([{ severity: "warning" }]);
    await call("CONFIG", "SET", "save", "3600 1");
    expect(about(await db.doctor(), "persistence")).toEqual([]);
    await call("CONFIG", "SET", "save", "");
  });

  test("that throws keys away", async () => {
    expect(about(await db.doctor(), "eviction")).toEqual([]);
    await call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    expect(about(await db.doctor(), "eviction")).toMatchObject([{ severity: "warning" }]);
    await call("CONFIG", "SET", "maxmemory-policy", "noeviction");
  });

  test("that is nearly full", async () => {
    expect(about(await db.doctor(), "memory")).toMatchObject([{ severity: "note" }]);
    const used = (await db.info())[0]?.memory.used ?? 0;
    await call("CONFIG", "SET", "maxmemory", String(Math.round(used * 1.02)));
    expect(about(await db.doctor(), "memory")).toMatchObject([{ severity: "warning" }]);
    expect(await db.health()).toMatchObject({ status: "degraded", problems: ["its memory is nearly full"] });
    await call("CONFIG", "SET", "maxmemory", "0");
  });

  test("with big keys", async () => {
    await call("SET", "doctor:big", "x".repeat(200_000));
    const diagnosis = await db.doctor({ bigKey: 100_000 });
    expect(about(diagnosis, "bigKeys")).toMatchObject([{ severity: "warning" }]);
    expect(about(diagnosis, "bigKeys")[0]?.what).toContain('"doctor:big"');
    expect(diagnosis.sampled).toBeGreaterThanOrEqual(2);
    expect(about(await db.doctor(), "bigKeys")).toEqual([]);
    await call("UNLINK", "doctor:big");
  });

  test("whose keys never expire", async () => {
    const words = Array.from({ length: 10_000 }, (_, at) => [`k${at}`, "1"]).flat();
    await call("MSET", ...words);
    await call("PERSIST", "doctor:a");
    expect(about(await db.doctor({ sample: 10 }), "expiry")).toMatchObject([{ severity: "note" }]);
    expect((await db.doctor({ sample: 10 })).sampled).toBe(10);
    await call("EXPIRE", "doctor:a", "100");
    expect(about(await db.doctor({ sample: 10 }), "expiry")).toEqual([]);
    await call("FLUSHALL");
  });

  test("with slow commands, of which nothing but the name is told", async () => {
    await call("SET", "doctor:secret", "hunter2");
    const [slow] = about(await db.doctor(), "slowCommands");
    expect(slow?.what).toContain("SET");
    expect(JSON.stringify(await db.doctor())).not.toContain("hunter2");
  });

  test("with too many clients", async () => {
    const before = (await db.info())[0]?.clients.connected ?? 0;
    await call("CONFIG", "SET", "maxclients", String(before));
    expect(about(await db.doctor(), "clients")).toMatchObject([{ severity: "warning" }]);
    await call("CONFIG", "SET", "maxclients", "1000");
  });

  test("without a password", async () => {
    expect(about(await db.doctor(), "access")).toMatchObject([{ severity: "note" }]);
    await call("ACL", "SETUSER", "guarded", "on", ">secret", "~*", "+@all");
    await call("ACL", "SETUSER", "default", "resetpass");
    const guarded = await connect({ url: server.url, username: "guarded", password: "secret" });
    expect(about(await guarded.doctor(), "access")).toEqual([]);
    await guarded.redis.call("ACL", "SETUSER", "default", "nopass");
    await guarded.close();
  });

  test("to somebody who may ask for nothing", async () => {
    await call("ACL", "SETUSER", "poor", "on", ">secret", "~*", "+ping", "+hello", "+select", "+client");
    const poor = await connect({ url: server.url, username: "poor", password: "secret" });
    expect(await poor.health()).toEqual({ status: "up", problems: [], latency: expect.any(Number) as number });
    await expectFailure(poor.info(), "CAPABILITY");
    expect(await poor.doctor()).toEqual({
      findings: [],
      sampled: 0,
      unknown: ["ACL", "CONFIG", "INFO", "SCAN", "SLOWLOG"],
    });
    await poor.close();
  });

  test("that is not there", async () => {
    expect((await expectFailure(connect("redis://127.0.0.1:1"), "CONNECTION")).message).toContain("cannot be reached");
  });

  test("that does not answer", async () => {
    const pid = Number((await db.info())[0]?.lines["process_id"]);
    process.kill(pid, "SIGSTOP");
    try {
      const health = await db.health({ deadline: 200 });
      expect(health.status).toBe("down");
      expect(health.problems[0]).toContain("deadline");
      await expectFailure(db.info({ deadline: 200 }), "DEADLINE");
      await expectFailure(db.doctor({ deadline: 200 }), "DEADLINE");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    const closed = await connect(server.url);
    await closed.close();
    expect(await closed.health()).toMatchObject({ status: "down" });
    await expectFailure(closed.doctor(), "CONNECTION");
  });

  test("whose snapshots fail", async () => {
    const [, folder = ""] = (await call("CONFIG", "GET", "dir")) as string[];
    rmSync(folder, { recursive: true });
    await call("BGSAVE");
    await expect.poll(() => db.health()).toMatchObject({ status: "degraded", problems: ["its last snapshot failed"] });
    expect(about(await db.doctor(), "persistence")).toMatchObject([{ severity: "error" }, { severity: "warning" }]);
  });
});

test("of a cluster every primary is asked", async () => {
  const cluster = await ownCluster();
  const db = await connect({ cluster: cluster.nodes.slice(0, 1) });
  const infos = await db.info();
  expect(infos.map(({ mode }) => mode)).toEqual(["cluster", "cluster", "cluster"]);
  expect(new Set(infos.map(({ address }) => address)).size).toBe(3);
  expect(await db.health()).toMatchObject({ status: "up", role: "master" });
  expect(about(await db.doctor(), "access")).toHaveLength(3);
  await db.close();
  await cluster.stop();
});
