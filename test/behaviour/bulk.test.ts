// Bulk calls: sources of any length, one outcome each in order, signals, progress, and all or nothing.
// Nothing here waits for a time to pass.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, inc, type PatchManyOutcome, push, range, type SaveOutcome } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";
import { heapGrowth } from "./memory.ts";
import { sent } from "./sent.ts";

const stock = (storage: Storage) =>
  defineEntity({
    name: "stock",
    storage,
    schema: z.object({
      id: z.string(),
      name: z.string(),
      count: z.number().min(0),
      tags: z.array(z.string()).default([]),
      // Below an object that may be missing a patch has to read first.
      shelf: z.object({ row: z.int() }).optional(),
      version: z.int(),
    }),
    index: { count: range(), name: exact() },
    unique: { name: ["name"] },
    version: "version",
  });

/** No index, no version: the plainest of documents. */
const plain = (storage: Storage) =>
  defineEntity({ name: "plain", storage, schema: z.object({ id: z.string(), text: z.string() }) });

const rows = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => ({ id: `s${from + at}`, name: `n${from + at}`, count: from + at }));

async function* slowly<T>(items: readonly T[], asked: { count: number; closed?: boolean } = { count: 0 }) {
  try {
    for (const item of items) {
      asked.count += 1;
      // eslint-disable-next-line no-await-in-loop -- one after the other is what a source does
      await Promise.resolve();
      yield item;
    }
  } finally {
    asked.closed = true;
  }
}

describeMatrix("bulk calls", ({ open }) => {
  test("take arrays, iterables and async iterables, and tell of each in order", async () => {
    const { repository } = await open(stock);
    const bad = { id: "bad", name: "bad", count: -1 };
    const inputs = [...rows(70), bad, ...rows(70, 70), { id: "twin", name: "n3", count: 1 }];
    const told: [boolean, number][] = [];
    const progress: number[] = [];
    const summary = await repository.insertMany(slowly(inputs), {
      chunkSize: 20,
      onOutcome: (outcome, index) => told.push([outcome.ok, index]),
      onProgress: ({ done }) => progress.push(done),
    });
    expect(summary).toEqual({ done: 142, failed: 2, stopped: false });
    expect(told).toEqual(inputs.map(({ id }, at) => [id !== "bad" && id !== "twin", at]));
    expect(progress).toEqual(progress.toSorted((left, right) => left - right));
    expect(progress.at(-1)).toBe(142);
    expect(progress.length).toBeGreaterThan(6);
    const again = await repository.insertMany(new Set(inputs.slice(0, 3)));
    expect(again).toMatchObject({ saved: 0, stopped: false });
    expect(again.failed.map(({ index, error }) => [index, error.code])).toEqual([
      [0, "ENTITY_EXISTS"],
      [1, "ENTITY_EXISTS"],
      [2, "ENTITY_EXISTS"],
    ]);
    expect(await repository.count()).toBe(140);
  });

  test("patch many: in chunks of one script call, or by reading first where a script cannot", async () => {
    const { repository } = await open(stock);
    await repository.insertMany(rows(120));
    await repository.save({ ...(await repository.findByIdOrThrow("s1")), shelf: { row: 1 } });
    const entries = rows(120).map(({ id }) => ({ id, patch: { count: inc(1000), tags: push("x") } }));
    const commands = await sent(async () => {
      const result = await repository.patchMany(slowly(entries));
      expect(result).toMatchObject({ patched: 120, failed: [], stopped: false });
      expect(result.outcomes[7]).toEqual({ ok: true, id: "s7" });
    });
    expect(commands).toEqual(Array.from({ length: 3 }, () => "EVALSHA patch"));
    expect(await repository.query().where("count").gte(1000).count()).toBe(120);
    const result = await repository.patchMany([
      { id: "s1", patch: { "shelf.row": 5 } },
      { id: "s2", patch: { count: inc(-5000) } },
      { id: "none", patch: { count: 1 } },
      { id: "s3", patch: { count: 3 }, ifVersion: 1 },
      { id: "s4", patch: { count: 4 }, ifVersion: 2 },
      { id: "s5", patch: { name: "n6" } },
      { id: "s6", patch: { nope: 1 } as never },
      { id: "", patch: { count: 1 } },
      undefined as never,
    ]);
    expect(result.patched).toBe(2);
    expect(result.failed.map(({ index, error }) => [index, error.code])).toEqual([
      [1, "VALIDATION"],
      [2, "ENTITY_NOT_FOUND"],
      [3, "VERSION_CONFLICT"],
      [5, "UNIQUE_VIOLATION"],
      [6, "VALIDATION"],
      [7, "VALIDATION"],
      [8, "VALIDATION"],
    ]);
    expect(await repository.findById("s1")).toMatchObject({ shelf: { row: 5 }, version: 4, tags: ["x"] });
    expect(await repository.findById("s4")).toMatchObject({ count: 4, version: 3 });
  });

  test("keep the order of what is done to one entity, even where some of it reads first", async () => {
    const { repository } = await open(stock);
    await repository.insert({ id: "a", name: "a", count: 0, shelf: { row: 0 } });
    const steps = Array.from({ length: 30 }, (_, at) =>
      at % 3 === 0
        ? { id: "a", patch: { tags: push(`${at}`), "shelf.row": at } }
        : { id: "a", patch: { tags: push(`${at}`) } },
    );
    expect(await repository.patchMany(steps)).toMatchObject({ patched: 30 });
    expect(await repository.findById("a")).toMatchObject({
      tags: steps.map((_, at) => `${at}`),
      shelf: { row: 27 },
      version: 31,
    });
    const versions = Array.from({ length: 20 }, (_, at) => ({ id: "b", name: "b", count: at, version: at }));
    const [{ version: _, ...first }, ...later] = versions as [(typeof versions)[0], ...typeof versions];
    expect(await repository.saveMany([first, ...later])).toMatchObject({ saved: 20 });
    expect(await repository.findById("b")).toMatchObject({ count: 19, version: 20 });
    const twice = await repository.deleteMany(["b", "a", "b"]);
    expect(twice.outcomes).toEqual([
      { ok: true, id: "b", deleted: true },
      { ok: true, id: "a", deleted: true },
      { ok: true, id: "b", deleted: false },
    ]);
  });

  test("delete many, with what the indexes held, and tell which were there", async () => {
    const { repository, raw } = await open(stock);
    await repository.insertMany(rows(130));
    await raw("DEL", repository.key("s9"));
    await raw("LPUSH", repository.key("s9"), "x");
    const ids = [...rows(120).map(({ id }) => id), "nobody", ""];
    const commands = await sent(async () => {
      const result = await repository.deleteMany(slowly(ids));
      expect(result.deleted).toBe(119);
      expect(result.outcomes[120]).toEqual({ ok: true, id: "nobody", deleted: false });
      expect(result.failed.map(({ index, error }) => [index, error.code])).toEqual([
        [9, "CORRUPT_ENTITY"],
        [121, "VALIDATION"],
      ]);
    });
    expect(commands).toEqual(Array.from({ length: 3 }, () => "EVALSHA delete"));
    expect(await repository.count()).toBe(10 + (await repository.query().where("name").eq("n9").count()));
    await repository.insert({ id: "new", name: "n5", count: 1 });
    const told: unknown[] = [];
    expect(await repository.deleteMany(["new"], { onOutcome: (outcome) => told.push(outcome) })).toEqual({
      done: 1,
      failed: 0,
      stopped: false,
    });
    expect(told).toEqual([{ ok: true, id: "new", deleted: true }]);
  });

  test("ask a source only when there is room", async () => {
    const { repository, db } = await open(plain);
    await repository.count();
    const asked = { count: 0 };
    const behind: number[] = [];
    let settled = 0;
    const inputs = Array.from({ length: 400 }, (_, at) => ({ id: `${at}`, text: "x" }));
    await repository.saveMany(slowly(inputs, asked), {
      chunkSize: 10,
      concurrency: 3,
      onOutcome: () => {
        settled += 1;
        behind.push(asked.count - settled);
      },
    });
    expect(settled).toBe(400);
    // Three chunks in flight, and the one that is being made, with the input that begins the next.
    expect(Math.max(...behind)).toBeLessThanOrEqual(41);
    expect(await db.redis.call("EXISTS", repository.key("399"))).toBe(1);
  });

  test("stop when the signal fires: what was sent is settled and told, the rest is not sent", async () => {
    const { repository } = await open(stock);
    const stop = new AbortController();
    const asked: { count: number; closed?: boolean } = { count: 0 };
    const outcomes: SaveOutcome<unknown>[] = [];
    const summary = await repository.insertMany(slowly(rows(1000), asked), {
      chunkSize: 10,
      concurrency: 2,
      signal: stop.signal,
      onProgress: () => stop.abort(),
      onOutcome: (outcome, index) => void (outcomes[index] = outcome),
    });
    expect(summary).toEqual({ done: asked.count, failed: outcomes.filter(({ ok }) => !ok).length, stopped: true });
    expect(asked.closed).toBe(true);
    expect(asked.count).toBeLessThan(60);
    expect(outcomes).toHaveLength(asked.count);
    // What is told to be saved is stored, and nothing else is.
    const saved = outcomes.filter(({ ok }) => ok).length;
    expect(saved).toBeGreaterThan(0);
    expect(await repository.count()).toBe(saved);
    for (const outcome of outcomes) if (!outcome.ok) expect(outcome.error.code).toBe("DEADLINE");

    const never = await repository.saveMany(rows(30, 5000), { signal: AbortSignal.abort() });
    expect(never).toMatchObject({ saved: 0, stopped: true });
    expect(never.failed.map(({ error }) => error.code)).toEqual(Array.from({ length: 30 }, () => "DEADLINE"));
  });

  test("stop although the source gives nothing more", async () => {
    const { repository } = await open(plain);
    const stop = new AbortController();
    async function* stuck() {
      yield { id: "a", text: "a" };
      stop.abort();
      await new Promise(() => undefined);
    }
    const { outcomes, stopped } = await repository.saveMany(stuck(), { signal: stop.signal });
    expect(stopped).toBe(true);
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([false]);
    expect(await repository.exists("a")).toBe(false);
  });

  test("fail as the source does, after what was sent is settled", async () => {
    const { repository } = await open(plain);
    const own = new TypeError("mine");
    let told = 0;
    async function* broken() {
      for (let at = 0; at < 35; at += 1) yield { id: `${at}`, text: "x" };
      await Promise.resolve();
      throw own;
    }
    const work = repository.saveMany(broken(), { chunkSize: 10, onOutcome: () => void (told += 1) });
    await expect(work).rejects.toBe(own);
    expect(told).toBe(30);
    expect(await repository.count()).toBe(30);
  });

  test("all or nothing, with atomic", async () => {
    const opened = await open(stock);
    const { repository, raw } = opened;
    const commands = await sent(async () => {
      const { saved, outcomes } = await repository.insertMany(slowly(rows(300)), { atomic: true });
      expect(saved).toBe(300);
      expect(outcomes[299]).toMatchObject({ ok: true, entity: { id: "s299", version: 1 } });
    });
    expect(commands).toEqual(["EVALSHA transaction"]);
    const refused = async (work: () => Promise<unknown>, code: Parameters<typeof expectRefusal>[2], id?: string) =>
      expect(await expectRefusal(opened, work, code)).toMatchObject(id === undefined ? {} : { id });
    await refused(() => repository.insertMany([...rows(5, 900), ...rows(1)], { atomic: true }), "ENTITY_EXISTS", "s0");
    await refused(
      () => repository.saveMany([...rows(5, 900), { id: "x", name: "n7", count: 1 }], { atomic: true }),
      "UNIQUE_VIOLATION",
      "x",
    );
    await refused(() => repository.saveMany([{ id: "y", name: "y", count: -1 }], { atomic: true }), "VALIDATION", "y");
    await refused(() => repository.saveMany(rows(1001, 2000), { atomic: true }), "QUERY");

    // Values change hands, and one entity is changed twice.
    const { patched } = await repository.patchMany(
      [
        { id: "s1", patch: { name: "n2", count: inc(1) }, ifVersion: 1 },
        { id: "s2", patch: { name: "n1" } },
        { id: "s1", patch: { count: inc(1), shelf: { row: 1 } } },
      ],
      { atomic: true },
    );
    expect(patched).toBe(3);
    expect(await repository.findById("s1")).toMatchObject({ name: "n2", count: 3, shelf: { row: 1 }, version: 2 });
    const patches = (...more: { id: string; patch: object; ifVersion?: number }[]) =>
      repository.patchMany([{ id: "s5", patch: { count: 0 } }, ...more] as never, { atomic: true });
    await refused(() => patches({ id: "none", patch: {} }), "ENTITY_NOT_FOUND", "none");
    await refused(() => patches({ id: "s6", patch: {}, ifVersion: 7 }), "VERSION_CONFLICT", "s6");
    await refused(() => patches({ id: "s6", patch: { count: inc(-50) } }), "VALIDATION", "s6");

    await raw("LPUSH", repository.key("list"), "x");
    await refused(() => repository.deleteMany(["s1", "list"], { atomic: true }), "CORRUPT_ENTITY", "list");
    const removed = await repository.deleteMany(["s1", "nobody", "s1"], { atomic: true });
    expect(removed.outcomes.map((outcome) => outcome.ok && outcome.deleted)).toEqual([true, false, false]);
    expect(removed.deleted).toBe(1);
    expect(await repository.deleteMany([], { atomic: true })).toMatchObject({ deleted: 0 });
    expect(await repository.count()).toBe(299);
  });

  test("go on with the others when a chunk fails as a whole", async () => {
    const { repository } = await open(stock);
    await repository.insertMany(rows(4));
    await repository.indexes.drop();
    const codes = (outcomes: readonly (PatchManyOutcome | { ok: true })[]) =>
      outcomes.map((outcome) => (outcome.ok ? "ok" : outcome.error.code));
    const { outcomes } = await repository.patchMany(rows(4).map(({ id }) => ({ id, patch: { count: 1 } })));
    expect(codes(outcomes)).toEqual(Array.from({ length: 4 }, () => "INDEX_NOT_READY"));
    expect(codes((await repository.deleteMany(["s1", ""])).outcomes)).toEqual(["INDEX_NOT_READY", "VALIDATION"]);
    await expectFailure(repository.deleteMany(["s1"], { atomic: true }), "INDEX_NOT_READY");
  });
});

describeMatrix(
  "bulk calls of any length",
  ({ open }) => {
    test("hold no more for many than for few", async () => {
      const { repository } = await open(plain);
      async function* many(count: number) {
        for (let at = 0; at < count; at += 1) yield { id: `${at % 500}`, text: `number ${at}` };
        await Promise.resolve();
      }
      const growth = (count: number): Promise<number> =>
        heapGrowth(count, (onOutcome) => repository.saveMany(many(count), { onOutcome }));
      await growth(20_000);
      const few = await growth(20_000);
      const all = await growth(200_000);
      // Outcomes of all would be some 100 bytes each: 18 MB more.
      expect(all - few).toBeLessThan(4 * 1024 * 1024);
    }, 120_000);
  },
  ({ storage, engine, driver }) => storage === "hash" && engine === "memory" && driver === "ioredis6",
);
