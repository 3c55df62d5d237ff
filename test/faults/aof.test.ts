// What a server has on its disk, cut at any byte as a power cut leaves it: the next start finds every write whole or not at all.
// Ten places each; REMORA_RUNS=20 cuts at two hundred. What was acknowledged before the cut must be there, and nothing else.
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import {
  addToSet,
  connect,
  type Database,
  defineEntity,
  exact,
  inc,
  pull,
  push,
  range,
  type Repository,
  text,
  unset,
} from "remora";
import type { TestServer } from "remora/testing";
import type { Raw } from "../behaviour/matrix.ts";
import { runs, seed } from "../property/seed.ts";
import { ownServer } from "../redis/own-server.ts";
import { describeLegs } from "../setup/legs.ts";
import type { Storage } from "../../src/schema/metadata.ts";

const note = (storage: Storage) =>
  defineEntity({
    name: "note",
    storage,
    colocate: "desk",
    schema: z.object({
      id: z.string(),
      title: z.string(),
      count: z.number().nullable(),
      tags: z.array(z.string()),
      slug: z.string().optional(),
      version: z.int(),
    }),
    index: {
      title: [exact({ sortable: true, substring: true }), text({ phrase: true })],
      count: range(),
      tags: exact(),
    },
    compound: { titled: { eq: ["title"], orderBy: "count" } },
    unique: { slug: ["slug"] },
    version: "version",
    ttl: {},
    changes: true,
  });
const mark = (storage: Storage) =>
  defineEntity({
    name: "mark",
    storage,
    colocate: "desk",
    schema: z.object({ id: z.string(), of: z.string() }),
    index: { of: exact() },
  });

/** Both types of one database. */
interface Desk {
  readonly db: Database;
  readonly raw: Raw;
  readonly Note: ReturnType<typeof note>;
  readonly Mark: ReturnType<typeof mark>;
  readonly notes: Repository<ReturnType<typeof note>>;
  readonly marks: Repository<ReturnType<typeof mark>>;
}

/** What was seen after a write, and how long the file was then. */
interface Seen {
  readonly bytes: number;
  readonly state: unknown;
}

async function openDesk(server: TestServer, storage: Storage): Promise<Desk> {
  const db = await connect(server.url, { namespace: "torn", engine: "scan" });
  const raw: Raw = (command, ...args) => db.redis.call(command, ...args);
  const [Note, Mark] = [note(storage), mark(storage)];
  return { db, raw, Note, Mark, notes: db.repository(Note), marks: db.repository(Mark) };
}

const row = (at: number) => ({
  id: `n ${at}`,
  title: `Red note ${at % 3}`,
  count: at % 4 === 0 ? null : at / 8,
  tags: [`t${at % 5}`, " u", "t\n"].slice(0, at % 4),
  ...(at % 3 === 0 ? {} : { slug: `slug ${at}` }),
});
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => row(from + at));

/** Writes of every kind, each a single script call. */
function writes({ db, Note, Mark, notes, marks }: Desk): (() => Promise<unknown>)[] {
  const shortly = { ttl: { ms: 300 } };
  const alone = rows(0, 8).map((each) => () => notes.insert(each));
  return [
    ...alone,
    () => notes.insert({ ...row(1), id: "dying a", slug: "dying a" }, shortly),
    () => notes.saveMany([{ ...row(2), id: "dying b", slug: "dying b" }], shortly),
    () => notes.save({ ...row(1), version: 1, title: "Blue note", tags: ["x", "y"], slug: "moved" }),
    () => notes.update("n 2", { count: inc(2), tags: push("more"), slug: "patched" }),
    () => notes.update("n 3", { title: "Other words", tags: addToSet("a", "b"), count: unset() }),
    () => notes.update("n 3", { tags: pull("a") }, { ttl: 5000 }),
    () => notes.modify("n 4", (each) => ({ ...each, title: "Changed words", count: 7 })),
    () => notes.upsert({ ...row(5), slug: "slug 5", title: "Upserted" }, { by: "slug" }),
    () => notes.delete("n 6"),
    () => notes.insertMany(rows(20, 40)),
    () => notes.saveMany(rows(25, 45).map((each, at) => (at < 15 ? { ...each, title: "Again", version: 1 } : each))),
    () => notes.patchMany(rows(20, 30).map(({ id }) => ({ id, patch: { count: inc(1), tags: push("bulk") } }))),
    () => notes.deleteMany(rows(20, 25).map(({ id }) => id)),
    () => notes.insert(row(50), { ttl: 4000 }),
    () => notes.expire("n 7", 3000),
    () => notes.persist("n 50"),
    () =>
      db.transaction(async (tx) => {
        const own = tx.repository(Note);
        await own.save({ ...(await own.findByIdOrThrow("n 1")), title: "From a transaction", slug: "swapped" });
        await own.insert({ ...row(60), slug: "moved" });
        await own.delete("n 2");
        await own.update("n 30", { count: inc(1) });
        await tx.repository(Mark).insert({ id: "m", of: "n 1" });
      }),
    () => marks.insert({ id: "other", of: "n 60" }),
    () =>
      db.transaction(async (tx) => {
        await tx.repository(Mark).delete("m");
        await tx.repository(Mark).save({ id: "other", of: "n 1" });
        await tx.repository(Note).update("n 1", { tags: push("marked") });
      }),
    () =>
      notes
        .query()
        .where("count")
        .gte(4)
        .update({ tags: push("large") }),
    // A save of many sweeps away what has died.
    async () => {
      while ((await notes.ttl("dying b")) !== "missing");
      return notes.insertMany(rows(70, 80));
    },
    () => notes.query().where("title").eq("Again").delete(),
    () => notes.save({ ...row(81), tags: Array.from({ length: 200 }, (_, at) => `tag ${at}`) }),
  ];
}

/** Everything that can be read, but for what dies while the test runs. */
async function stateOf({ raw, notes, marks }: Desk): Promise<unknown> {
  const byId = <E extends { readonly id: string }>(entities: readonly E[]): E[] =>
    entities.filter(({ id }) => !id.startsWith("dying")).toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const found = byId(await notes.query().all());
  const told = (await raw("XRANGE", "torn:{desk}note$k", "-", "+")) as [string, string[]][];
  return {
    notes: found,
    deaths: await Promise.all(found.map(({ id }) => raw("PEXPIRETIME", notes.key(id)))),
    marks: byId(await marks.query().all()),
    // A death is told by whoever notices it first.
    changes: told.filter(([, words]) => !words.includes("expire")),
  };
}

const durable = (folder: string): string[] => ["--dir", folder, "--appendonly", "yes", "--appendfsync", "always"];

/** The file that writes are appended to. */
function logIn(folder: string): string {
  const parts = join(folder, "appendonlydir");
  const name = readdirSync(parts).find((each) => each.endsWith(".incr.aof"));
  return join(parts, name as string);
}

/** Starts a server on a copy of the folder whose log ends at a byte. */
async function onCut<T>(
  folder: string,
  offset: number,
  start: (args: readonly string[]) => Promise<TestServer>,
  look: (server: TestServer) => Promise<T>,
): Promise<T> {
  const copy = mkdtempSync(join(tmpdir(), "remora-cut-"));
  try {
    cpSync(folder, copy, { recursive: true });
    truncateSync(logIn(copy), offset);
    const server = await start(durable(copy));
    try {
      return await look(server);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
}

describeLegs("a log of writes that ends anywhere", {}, (leg) => {
  const storages: readonly Storage[] = leg.json ? ["hash", "json"] : ["hash"];
  describe.each(storages)("with %s documents", (storage) => {
    const start = (args: readonly string[]) => ownServer(args, { like: leg, json: storage === "json" });
    const seen: Seen[] = [];
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "remora-log-"));
      const server = await start(durable(folder));
      const desk = await openDesk(server, storage);
      const look = async (): Promise<void> => {
        // Before looking, which may take note of a death.
        const bytes = statSync(logIn(folder)).size;
        seen.push({ bytes, state: await stateOf(desk) });
      };
      await desk.notes.indexes.sync();
      await desk.marks.indexes.sync();
      await look();
      for (const write of writes(desk)) {
        await write();
        await look();
      }
      await desk.db.close();
      await server.stop();
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    test("was made by writes of which each does something", () => {
      for (const [at, { state }] of seen.entries()) expect(state, `after ${at}`).not.toEqual(seen[at - 1]?.state);
    });

    test("holds whole writes only, all that were acknowledged before", { timeout: 600_000 }, async () => {
      const [first, last] = [seen[0] as Seen, statSync(logIn(folder)).size];
      expect(first.bytes).toBeLessThan(last);
      const anywhere = fc.noBias(fc.integer({ min: first.bytes, max: last }));
      await fc.assert(
        fc.asyncProperty(anywhere, (offset) =>
          onCut(folder, offset, start, async (server) => {
            const desk = await openDesk(server, storage);
            try {
              for (const { indexes } of [desk.notes, desk.marks]) {
                expect(await indexes.verify()).toMatchObject({ found: 0, findings: [] });
              }
              expect(await stateOf(desk)).toEqual(seen.findLast(({ bytes }) => bytes <= offset)?.state);
            } finally {
              await desk.db.close();
            }
          }),
        ),
        { seed, numRuns: runs(10) },
      );
    });
  });

  test("is torn where document and index entries are written by a pipeline", { timeout: 120_000 }, async () => {
    const start = (args: readonly string[]) => ownServer(args, { like: leg });
    const folder = mkdtempSync(join(tmpdir(), "remora-log-"));
    try {
      const server = await start(durable(folder));
      const db = await connect(server.url);
      const pipeline = db.redis.pipeline();
      for (const { id, title, count, tags } of rows(0, 50)) {
        pipeline.call("HSET", `doc:${id}`, "title", title);
        for (const tag of ["all", title, ...tags]) pipeline.call("SADD", `tag:${tag}`, id);
        pipeline.call("ZADD", "counts", count ?? 0, id);
      }
      await pipeline.exec();
      await db.close();
      await server.stop();
      const anywhere = fc.noBias(fc.integer({ min: 1, max: statSync(logIn(folder)).size }));
      const torn = (at: number): Promise<boolean> =>
        onCut(folder, at, start, async ({ url }) => {
          const restarted = await connect(url);
          const sizes = await Promise.all([
            restarted.redis.call("KEYS", "doc:*").then((keys) => (keys as string[]).length),
            restarted.redis.call("SCARD", "tag:all"),
            restarted.redis.call("ZCARD", "counts"),
          ]);
          await restarted.close();
          return new Set(sizes).size > 1;
        });
      let found = false;
      for (const offset of fc.sample(anywhere, { seed, numRuns: 10 })) found ||= await torn(offset);
      expect(found).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
