// Many at once: counters that lose nothing while connections die, one owner of a unique value, counts without the dead.
// On servers of their own, since connections are killed and scripts forgotten there.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import { connect, type Database, defineEntity, exact, inc, isRemoraError, push, range } from "remora";
import type { TestServer } from "remora/testing";
import { serverTime } from "../behaviour/clock.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { runs } from "../property/seed.ts";
import { ownServer } from "../redis/own-server.ts";
import { Counter } from "./counter.ts";

const worker = fileURLToPath(new URL("worker.ts", import.meta.url));

interface Done {
  readonly applied: number;
  readonly unknown: number;
}

/** Runs one process; tells of its progress, and what it did in the end. */
function startWorker(url: string, workers: number, rounds: number, progress: () => void): Promise<Done> {
  const args = ["--import", "tsx", worker, url, "race", String(workers), String(rounds)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    let done: Done | undefined;
    child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
    createInterface(child.stdout).on("line", (line) => {
      if (line === "more") progress();
      else done = JSON.parse(line) as Done;
    });
    child.on("close", (code) => {
      if (code === 0 && done !== undefined) resolve(done);
      else reject(new Error(`the worker ended with ${code}: ${errors}`));
    });
  });
}

describe("many at once", () => {
  let server: TestServer;
  let db: Database;
  beforeEach(async () => {
    server = await ownServer();
    db = await connect(server.url, { namespace: "race", engine: "scan" });
  });
  afterEach(async () => {
    await db.close();
    await server.stop();
  });

  test(
    "raise a counter from three processes whose connections are killed, and lose nothing",
    { timeout: 300_000 },
    async () => {
      const counters = db.repository(Counter);
      await counters.indexes.sync();
      await counters.insert({ id: "one", value: 0 });
      const [workers, rounds] = [21, runs(16)];
      let kills = 0;
      const kill = (): void => {
        kills += 1;
        void db.redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").catch(() => undefined);
      };
      const done = await Promise.all([1, 2, 3].map(() => startWorker(server.url, workers, rounds, kill)));
      const applied = done.reduce((sum, each) => sum + each.applied, 0);
      const unknown = done.reduce((sum, each) => sum + each.unknown, 0);
      expect(applied).toBe(3 * workers * rounds);
      expect(kills).toBeGreaterThanOrEqual(Math.floor(rounds / 8));
      const counter = await counters.findByIdOrThrow("one");
      expect(counter.version).toBe(counter.value + 1);
      // Each acknowledged save counts; of those with an unknown outcome each may, once.
      expect(counter.value).toBeGreaterThanOrEqual(applied);
      expect(counter.value).toBeLessThanOrEqual(applied + unknown);
      expect(await counters.query().where("value").eq(counter.value).count()).toBe(1);
    },
  );

  test("use scripts that the server forgets all the time, and notice nothing", async () => {
    const Entry = defineEntity({
      name: "entry",
      schema: z.object({ id: z.string(), n: z.number(), tags: z.array(z.string()) }),
      index: { n: range(), tags: exact() },
    });
    const entries = db.repository(Entry);
    await entries.indexes.sync();
    await entries.insertMany(Array.from({ length: 20 }, (_, at) => ({ id: `e${at}`, n: 0, tags: [] })));
    let over = false;
    const flushing = (async () => {
      // eslint-disable-next-line no-await-in-loop -- as fast as the server answers
      while (!over) await db.redis.call("SCRIPT", "FLUSH");
    })();
    const work = Array.from({ length: 300 }, async (_, at) => {
      const id = `e${at % 20}`;
      await entries.update(id, { n: inc(1), tags: push(`t${at}`) });
      await entries.query().where("tags").contains(`t${at}`).ids();
      await entries.modify(id, (entry) => ({ ...entry, n: entry.n + 1 }), { retries: 1000, backoff: 1 });
      await db.transaction((tx) => tx.repository(Entry).update(id, { n: inc(1) }), { retries: 1000, backoff: 1 });
    });
    await Promise.all(work);
    over = true;
    await flushing;
    const rows = await entries.query().all();
    expect(rows.map(({ n }) => n)).toEqual(rows.map(() => 45));
  });
});

describeMatrix(
  "a crowd",
  ({ open, leg, engine }) => {
    const user = () =>
      defineEntity({
        name: "user",
        schema: z.object({ id: z.string(), email: z.string() }),
        index: { email: exact({ sortable: true }) },
        unique: { email: ["email"] },
        ttl: {},
      });

    test("wants one unique value, and one gets it", async () => {
      const { repository, namespace } = await open(user);
      const databases = await Promise.all(Array.from({ length: 10 }, () => connect(leg.url, { namespace, engine })));
      const definition = user();
      const repositories = databases.map((db) => db.repository(definition));
      const attempts = Array.from({ length: 1000 }, async (_, at) => {
        try {
          return await (repositories[at % 10] as (typeof repositories)[number]).insert({ email: "x@y" });
        } catch (error) {
          if (isRemoraError(error, "UNIQUE_VIOLATION")) return undefined;
          throw error;
        }
      });
      const owners = (await Promise.all(attempts)).filter((each) => each !== undefined);
      expect(owners).toHaveLength(1);
      expect(await repository.findUnique({ email: "x@y" })).toEqual(owners[0]);
      expect(await repository.count()).toBe(1);
      await Promise.all(databases.map((db) => db.close()));
    });

    test("dies by and by, and is never counted afterwards", { timeout: 120_000 }, async () => {
      const { repository, raw } = await open(user);
      const size = runs(400);
      // Late enough for all of them to be stored before.
      const start = (await serverTime(raw)) + 300 + size / 8;
      // Ten groups, one every 50 ms.
      const deaths = Array.from({ length: 10 }, (_, group) => start + group * 50);
      const saved = await Promise.all(
        deaths.map((at, group) =>
          repository.insertMany(
            Array.from({ length: size / 10 }, (_, n) => ({ id: `u${group}-${n}`, email: `${group}-${n}@x` })),
            { ttl: { at: new Date(at) } },
          ),
        ),
      );
      const alive = saved.map((each) => each.saved);
      expect(alive.reduce((sum, each) => sum + each, 0)).toBe(size);
      for (;;) {
        // eslint-disable-next-line no-await-in-loop -- one sample after the other
        const before = await serverTime(raw);
        // eslint-disable-next-line no-await-in-loop
        const counts = await Promise.all([
          repository.count(),
          repository.query().where("email").startsWith("").count(),
          repository
            .query()
            .limit(10_000)
            .ids()
            .then((ids) => ids.length),
        ]);
        const most = alive.reduce((sum, each, group) => ((deaths[group] as number) >= before ? sum + each : sum), 0);
        expect([counts, before, deaths, counts.every((count) => count <= most)]).toEqual([
          counts,
          before,
          deaths,
          true,
        ]);
        if (most === 0) break;
      }
      expect(await repository.query().all()).toEqual([]);
    });
  },
  ({ driver, storage, engine }) => driver === "ioredis6" && storage === "hash" && engine !== "memory",
);
