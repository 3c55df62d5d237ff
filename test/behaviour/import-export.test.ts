// Export and import as NDJSON: exact round trips over every storage, bad lines by number, and going on after a break.
// Chunks are cut anywhere, in the middle of characters too.
import { Readable } from "node:stream";
import fc from "fast-check";
import { z } from "zod";
import { expect, test } from "vitest";

import { bytes, defineEntity, exact, geoPoint, type ImportOutcome, type ImportProgress, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { anyBigint, anyDate, hostileString, storableNumber } from "../property/strings.ts";
import { runs, seed } from "../property/seed.ts";
import { expectFailure } from "./failures.ts";
import { content, strange } from "./items.ts";
import { describeMatrix } from "./matrix.ts";
import { heapGrowth } from "./memory.ts";

const book = (name: string) => (storage: Storage) =>
  defineEntity({
    name,
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      price: z.number().nullable(),
      big: z.bigint().nullish(),
      at: z.date().optional(),
      raw: bytes().optional(),
      place: geoPoint().optional(),
      notes: z.array(z.string()).default([]),
      inner: z.object({ when: z.date().nullable(), text: z.string().optional() }).optional(),
      free: z.record(z.string(), z.unknown()).optional(),
      version: z.int(),
      createdAt: z.date(),
      updatedAt: z.date(),
    }),
    index: { title: exact(), price: range(), at: range() },
    unique: { title: ["title"] },
    version: "version",
    timestamps: { createdAt: "createdAt", updatedAt: "updatedAt" },
  });

async function textOf(lines: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const line of lines) text += line;
  return text;
}

function* cut(text: string, size: number): Generator<Buffer> {
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

const may = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const text = hostileString.filter((value) => value.isWellFormed() && !value.includes("\0"));
const books = fc.uniqueArray(
  fc.record({
    id: text.filter((id) => id.trim() !== "" && Buffer.byteLength(id) < 200),
    title: text,
    price: fc.option(storableNumber),
    big: fc.option(anyBigint, { nil: undefined }),
    at: may(anyDate),
    raw: may(fc.uint8Array({ maxLength: 20 })),
    notes: fc.array(text, { maxLength: 3 }),
    inner: may(fc.record({ when: fc.option(anyDate), text: may(text) })),
    free: may(fc.dictionary(fc.constantFrom("a", "b c", "é\u2028"), fc.oneof(text, storableNumber, fc.boolean()))),
  }),
  { maxLength: 12, comparator: (left, right) => left.id === right.id || left.title === right.title },
);

describeMatrix("export and import", ({ open, storage }) => {
  test("give back exactly what was stored, hostile values, versions and timestamps", async () => {
    const from = await open(book("book"));
    const to = await open(book("book"));
    await fc.assert(
      fc.asyncProperty(books, fc.integer({ min: 1, max: 50 }), async (entities, size) => {
        for (const { repository } of [from, to]) {
          // eslint-disable-next-line no-await-in-loop -- one after the other
          await repository.deleteMany(await repository.query().ids());
        }
        const { failed } = await from.repository.insertMany(entities as never);
        fc.pre(failed.length === 0);
        const ids = entities.map(({ id }) => id);
        await from.repository.patchMany(ids.slice(0, 3).map((id) => ({ id, patch: { notes: ["changed"] } })));
        const exported = await textOf(from.repository.export());
        expect(exported.split("\n")).toHaveLength(ids.length + 1);
        expect(await to.repository.import(cut(exported, size))).toMatchObject({ imported: ids.length, failed: 0 });
        expect(await to.repository.findByIds(ids)).toEqual(await from.repository.findByIds(ids));
        expect(await content(to.raw, to.namespace)).toEqual(await content(from.raw, from.namespace));
        expect(await textOf(to.repository.export())).toBe(exported);
      }),
      { seed, numRuns: runs(12) },
    );
  });

  test("export what a query finds, whole", async () => {
    const { repository } = await open(book("book"));
    await repository.insertMany([1, 2, 3].map((price) => ({ id: `b${price}`, title: `t${price}`, price })));
    const query = repository.query().where("price").gte(2);
    const found = (await textOf(repository.export({ query }))).trimEnd().split("\n");
    expect(found.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(["b2", "b3"]);
    const chosen = query.select("id", "price") as unknown as typeof query;
    await expectFailure(textOf(repository.export({ query: chosen })), "QUERY");
  });

  test("take text whole, in chunks, from streams and line by line, and pass over blank lines", async () => {
    const { repository } = await open(book("book"));
    const line = (at: number) => JSON.stringify({ id: `é${at}`, title: `ü${at}`, price: at });
    const all = `\uFEFF${line(1)}\r\n\n  \n${line(2)}\n${line(3)}`;
    const ids = ["é1", "é2", "é3"];
    const sources = [
      () => all,
      () => Buffer.from(all),
      () => cut(all, 1),
      () => Array.from(all),
      () => Readable.from(cut(all, 7)),
      () => [all.slice(0, 20), Buffer.from(all.slice(20))],
    ];
    for (const source of sources) {
      const told: ImportOutcome[] = [];
      // eslint-disable-next-line no-await-in-loop -- one after the other
      const result = await repository.import(source(), { onOutcome: (outcome) => told.push(outcome) });
      expect(result).toEqual({ imported: 3, failed: 0, failures: [], resume: 5, stopped: false });
      expect(told).toEqual([1, 4, 5].map((number, at) => ({ ok: true, line: number, id: ids[at] })));
      // eslint-disable-next-line no-await-in-loop
      expect((await repository.deleteMany(ids)).deleted).toBe(3);
    }
    const lines = [line(1), `${line(2)}\n`, "", line(3)];
    expect(await repository.import(lines, { each: "line" })).toMatchObject({ imported: 3, resume: 4 });
    expect(await repository.findById("é2")).toMatchObject({ title: "ü2", version: 1, notes: [] });
  });

  test("tell of bad lines by number, and go on with the others unless told", async () => {
    const { repository } = await open(book("book"));
    const good = (at: number) => JSON.stringify({ id: `b${at}`, title: `t${at}`, price: at });
    const lines = [good(1), "{oops", good(2), '{"id":"x","title":5,"price":1}', "[1]", good(1), "null", good(3)];
    const bad = Buffer.concat([
      Buffer.from(`${lines.join("\n")}\n`),
      Buffer.from('{"id":"z","title":"\xff","price":1}\n', "latin1"),
    ]);
    const result = await repository.import(bad);
    expect(result).toMatchObject({ imported: 3, failed: 6, resume: 9, stopped: false });
    expect(result.failures.map(({ line, error }) => [line, error.code])).toEqual([
      [2, "VALIDATION"],
      [4, "VALIDATION"],
      [5, "VALIDATION"],
      [6, "ENTITY_EXISTS"],
      [7, "VALIDATION"],
      [9, "VALIDATION"],
    ]);
    expect(result.failures[0]?.error.message).toContain("line 2");
    const again = await repository.import(bad, { mode: "replace", stopAtFailure: true });
    expect(again).toMatchObject({ resume: 1, stopped: true });
    expect(again.failures[0]).toMatchObject({ line: 2 });
    const fixed = lines.with(1, good(9)).join("\n");
    expect(await repository.import(fixed, { mode: "replace", resume: again.resume })).toMatchObject({
      imported: 4,
      failed: 3,
      resume: 8,
    });
    expect(await repository.count()).toBe(4);
    await expectFailure(repository.import("", { resume: -1 }), "VALIDATION");
  });

  test("replace whatever its version, and let it stay as it was written", async () => {
    const { repository } = await open(book("book"));
    await repository.insert({ id: "b", title: "t", price: 1, free: { a: 1 }, at: new Date(3) });
    const exported = await textOf(repository.export());
    const before = await repository.findById("b");
    await repository.update("b", { price: 2, title: "u", "inner.text": "x" } as never).catch(() => undefined);
    await repository.update("b", { price: 3 });
    expect(await repository.import(exported)).toMatchObject({ imported: 0, failed: 1 });
    expect(await repository.import(exported, { mode: "replace" })).toMatchObject({ imported: 1, failed: 0 });
    expect(await repository.findById("b")).toEqual(before);
    expect(await repository.query().where("price").eq(1).ids()).toEqual(["b"]);
    expect(await repository.findUnique({ title: "t" })).toEqual(before);
  });

  test("replace what a stranger wrote, which is then one of ours", async () => {
    const { repository, raw } = await open(book("book"));
    await strange(raw, storage, repository.key("s"), { title: "strange" });
    const line = JSON.stringify({ id: "s", title: "ours", price: 5, version: 7 });
    expect(await repository.import(line, { mode: "replace" })).toMatchObject({ imported: 1 });
    expect(await repository.findById("s")).toMatchObject({ title: "ours", version: 7 });
    expect(await repository.query().ids()).toEqual(["s"]);
    expect(await repository.count()).toBe(1);
  });

  test("go on after a break: by the signal, by the source, by the server", async () => {
    const { repository } = await open(book("book"));
    const line = (at: number) => `${JSON.stringify({ id: `b${at}`, title: `t${at}`, price: at })}\n`;
    const all = Array.from({ length: 500 }, (_, at) => line(at + 1));
    const stop = new AbortController();
    const options = { chunkSize: 20, concurrency: 2, mode: "replace" } as const;
    const stopped = await repository.import(all, {
      ...options,
      signal: stop.signal,
      onProgress: ({ done }) => done >= 100 && stop.abort(),
    });
    expect(stopped.stopped).toBe(true);
    expect(stopped.resume).toBeGreaterThanOrEqual(100);
    expect(stopped.resume).toBeLessThan(300);
    expect(await repository.count()).toBe(stopped.imported);

    const own = new TypeError("mine");
    function* broken() {
      yield* all.slice(0, 400);
      throw own;
    }
    let last: ImportProgress | undefined;
    const onProgress = (progress: ImportProgress): void => void (last = progress);
    await expect(repository.import(broken(), { ...options, resume: stopped.resume, onProgress })).rejects.toBe(own);
    const mark = last?.resume ?? 0;
    expect(mark).toBeGreaterThan(stopped.resume);
    expect(mark).toBeLessThanOrEqual(400);

    // Not about one entity: the import ends, and its mark stays.
    await repository.indexes.drop();
    await expectFailure(repository.import(all, { ...options, resume: mark, onProgress }), "INDEX_NOT_READY");
    expect(last?.resume).toBe(mark);
    await repository.indexes.sync();
    const result = await repository.import(all, { ...options, resume: mark });
    expect(result).toMatchObject({ imported: 500 - mark, failed: 0, resume: 500, stopped: false });
    expect(await repository.count()).toBe(500);
  });
});

describeMatrix(
  "import of any length",
  ({ open }) => {
    test("holds no more for many lines than for few", async () => {
      const { repository } = await open((storage) =>
        defineEntity({ name: "plain", storage, schema: z.object({ id: z.string(), text: z.string() }) }),
      );
      function* many(count: number) {
        for (let at = 0; at < count; at += 1) yield `{"id":"${at % 500}","text":"number ${at}"}\n`;
      }
      const growth = (count: number): Promise<number> =>
        heapGrowth(count, (onOutcome) => repository.import(many(count), { mode: "replace", onOutcome }));
      await growth(20_000);
      const few = await growth(20_000);
      expect((await growth(200_000)) - few).toBeLessThan(4 * 1024 * 1024);
    }, 120_000);
  },
  ({ storage, engine, driver }) => storage === "hash" && engine === "memory" && driver === "ioredis6",
);
