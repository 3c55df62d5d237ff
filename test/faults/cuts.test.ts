// Lines cut in the middle of a write: the database holds what it held before, or what it should hold afterwards, whole.
// A request that did not arrive whole was not executed; one whose reply got lost was executed once.
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  connect,
  type Database,
  defineEntity,
  exact,
  inc,
  isRemoraError,
  push,
  range,
  type Repository,
  text,
} from "remora";
import { dump, type Raw, tidy } from "../behaviour/matrix.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { runs } from "../property/seed.ts";
import { targets } from "../property/targets.ts";
import { freshNamespace } from "../setup/legs.ts";
import { type Cutter, startCutter } from "./cutter.ts";

const note = (storage: Storage) =>
  defineEntity({
    name: "note",
    storage,
    colocate: "desk",
    schema: z.object({
      id: z.string(),
      title: z.string(),
      count: z.number(),
      tags: z.array(z.string()),
      slug: z.string(),
      version: z.int(),
    }),
    index: { title: [exact({ sortable: true }), text()], count: range(), tags: exact() },
    unique: { slug: ["slug"] },
    version: "version",
    ttl: {},
  });
const mark = (storage: Storage) =>
  defineEntity({
    name: "mark",
    storage,
    colocate: "desk",
    schema: z.object({ id: z.string(), of: z.string() }),
    index: { of: exact() },
  });

/** A database, and the repository that writes go through: its first call asks for the engine. */
interface Desk {
  readonly db: Database;
  readonly notes: Repository<ReturnType<typeof note>>;
}
const row = { id: "a", title: "one two", count: 1, tags: ["x", "y"], slug: "first" };

describe.each(targets())(
  "a line cut while $storage documents are written on the $engine engine, $leg.name",
  (target) => {
    const { leg, storage, engine } = target;
    const namespace = freshNamespace();
    const [Note, Mark] = [note(storage), mark(storage)];
    let cutter: Cutter;
    /** Past the proxy, for preparing and looking; and through it. */
    let safe: Desk;
    let tried: Desk;
    /** Through the proxy too, with writes that are sent once more. */
    let retrying: Desk;
    const raw: Raw = (command, ...args) => safe.db.redis.call(command, ...args);

    beforeAll(async () => {
      cutter = await startCutter(leg.url);
      const credentials = new URL(leg.url);
      const url = new URL(cutter.url);
      [url.username, url.password] = [credentials.username, credentials.password];
      const open = async (to: string, retryWrites = false): Promise<Desk> => {
        const db = await connect(to, { namespace, engine, retryWrites });
        return { db, notes: db.repository(Note) };
      };
      safe = await open(leg.url);
      tried = await open(url.href);
      retrying = await open(url.href, true);
      await safe.notes.indexes.sync();
      await safe.db.repository(Mark).indexes.sync();
    });
    afterAll(async () => {
      await tidy(raw, namespace, leg.search);
      await tried.db.close();
      await retrying.db.close();
      await safe.db.close();
      await cutter.close();
    });

    /** Each write from the same state; it goes through the database it is given. */
    const writes: Readonly<Record<string, (on: Desk) => Promise<unknown>>> = {
      insert: (on) => on.notes.insert({ ...row, id: "b", slug: "second" }),
      save: (on) => on.notes.save({ ...row, title: "three", tags: ["z"], slug: "other", version: 1 }),
      saveMany: async (on) => {
        const { failed } = await on.notes.saveMany([
          { ...row, title: "four", version: 1 },
          { ...row, id: "c", slug: "third" },
        ]);
        if (failed[0] !== undefined) throw failed[0].error;
      },
      update: (on) => on.notes.update("a", { count: inc(2), tags: push("z"), slug: "changed" }),
      delete: (on) => on.notes.delete("a"),
      expire: (on) => on.notes.expire("a", { at: new Date(4_000_000_000_000) }),
      transaction: (on) =>
        on.db.transaction(async (tx) => {
          await tx.repository(Note).save({ ...row, title: "five", slug: "moved", version: 1 });
          await tx.repository(Mark).insert({ id: "m", of: "a" });
        }),
    };

    /** The state before each write. */
    async function prepare(): Promise<unknown> {
      await Promise.all(["a", "b", "c"].map((id) => safe.notes.delete(id)));
      await safe.db.repository(Mark).delete("m");
      await safe.notes.insert(row);
      return dump(raw, namespace);
    }

    async function outcomeOf(work: Promise<unknown>): Promise<string> {
      try {
        await work;
        return "applied";
      } catch (error) {
        if (isRemoraError(error)) return error.code;
        throw error;
      }
    }

    test.each(Object.keys(writes))("%s: at any byte of the request", { timeout: 300_000 }, async (name) => {
      const write = writes[name] as (on: Desk) => Promise<unknown>;
      const before = await prepare();
      // Scripts are known to the server and rights are asked for before it counts.
      await write(tried);
      const after = await dump(raw, namespace);
      expect(after).not.toEqual(before);
      await prepare();
      cutter.cutRequestAfter(Number.POSITIVE_INFINITY);
      await write(tried);
      const bytes = cutter.disarm();
      const step = Math.max(1, Math.floor(bytes / runs(4)));
      for (let offset = 0; offset < bytes; offset += step) {
        // eslint-disable-next-line no-await-in-loop -- one cut after the other
        expect(await prepare()).toEqual(before);
        cutter.cutRequestAfter(offset);
        // eslint-disable-next-line no-await-in-loop
        const outcome = await outcomeOf(write(tried));
        cutter.disarm();
        // eslint-disable-next-line no-await-in-loop
        expect([offset, outcome, await dump(raw, namespace)]).toEqual([offset, "OUTCOME_UNKNOWN", before]);
        // The next call waits for the connection.
        // eslint-disable-next-line no-await-in-loop
        await tried.notes.exists("a");
      }
    });

    test.each(Object.keys(writes))("%s: before the reply", async (name) => {
      const write = writes[name] as (on: Desk) => Promise<unknown>;
      await prepare();
      await write(tried);
      const after = await dump(raw, namespace);
      await prepare();
      cutter.cutReply();
      expect(await outcomeOf(write(tried))).toBe("OUTCOME_UNKNOWN");
      cutter.disarm();
      await tried.notes.exists("a");
      // Applied, and once: twice would have another version or another count.
      expect(await dump(raw, namespace)).toEqual(after);
    });

    describe("with writes that are sent once more", () => {
      /** What the database holds beside the notes that operations leave. */
      const held = async (): Promise<unknown> =>
        Object.entries(await dump(raw, namespace)).filter(([key]) => !key.includes("$o:"));

      test.each(Object.keys(writes))("%s: in the request", { timeout: 60_000 }, async (name) => {
        const write = writes[name] as (on: Desk) => Promise<unknown>;
        await prepare();
        await write(retrying);
        const after = await held();
        for (const part of [0, 0.5, 0.99]) {
          // eslint-disable-next-line no-await-in-loop -- one cut after the other
          await prepare();
          cutter.cutRequestAfter(Number.POSITIVE_INFINITY);
          // eslint-disable-next-line no-await-in-loop
          await write(retrying);
          const bytes = cutter.disarm();
          // eslint-disable-next-line no-await-in-loop
          await prepare();
          cutter.cutRequestAfter(Math.floor(bytes * part));
          // eslint-disable-next-line no-await-in-loop
          expect([part, await outcomeOf(write(retrying)), await held()]).toEqual([part, "applied", after]);
          cutter.disarm();
        }
      });

      test.each(Object.keys(writes))("%s: before the reply", async (name) => {
        const write = writes[name] as (on: Desk) => Promise<unknown>;
        await prepare();
        await write(retrying);
        const after = await held();
        await prepare();
        cutter.cutReply();
        expect(await outcomeOf(write(retrying))).toBe("applied");
        cutter.disarm();
        expect(await held()).toEqual(after);
      });

      test("what failed is told as it was the first time", async () => {
        await prepare();
        cutter.cutReply();
        await expect(retrying.notes.insert(row)).rejects.toMatchObject({ code: "ENTITY_EXISTS" });
        await expect(retrying.notes.save({ ...row, version: 7 })).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
      });

      test("however long a write may take", async () => {
        await prepare();
        await retrying.notes.save({ ...row, id: "long", slug: "long" }, { deadline: Number.POSITIVE_INFINITY });
        expect(await retrying.notes.delete("long", { deadline: Number.POSITIVE_INFINITY })).toBe(true);
      });

      test("notes take the room of one write at a time, and go away by themselves", async () => {
        for (let at = 0; at < 20; at += 1) {
          // eslint-disable-next-line no-await-in-loop -- one after the other
          await retrying.notes.save({ ...row, id: `n${at}`, slug: `slug ${at}` });
        }
        const keys = Object.keys(await dump(raw, namespace)).filter((key) => key.includes("$o:"));
        // One per place that was in flight at once; those whose outcome was not known are not used again.
        expect(keys.length).toBeGreaterThan(0);
        expect(keys.length).toBeLessThan(20);
        for (const key of keys) {
          // eslint-disable-next-line no-await-in-loop
          const left = Number(await raw("PTTL", key));
          expect(left).toBeGreaterThan(0);
          expect(left).toBeLessThanOrEqual(10_000);
        }
        for (let at = 0; at < 20; at += 1) await retrying.notes.delete(`n${at}`);
      });
    });
  },
);
