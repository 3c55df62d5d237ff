// Bulk calls, parts, export and import together with hooks, soft deletion and times that slide.
// What a single call does to one entity, a bulk call does to each.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, type EntityHooks, inc, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTime } from "./clock.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";
import { sent } from "./sent.ts";

type Row = { id: string; name: string; count: number };

const log: string[] = [];

function refuse(hook: string, value: string): void {
  if (value === `no ${hook}`) throw new RangeError(`${hook} says no`);
  log.push(`${hook} ${value}`);
}

const all: EntityHooks<Row, Row> = {
  async beforeSave(input, { operation }) {
    await Promise.resolve();
    refuse("beforeSave", input.name);
    input.name = `${operation} ${input.name}`.slice(0, 40);
  },
  afterSave: (entity) => refuse("afterSave", entity.name.replace(/^(insert|save|update) /, "")),
  beforeDelete: (entity) => refuse("beforeDelete", entity.name),
  afterDelete: (id) => refuse("afterDelete", id),
};

const person = (hooks: EntityHooks<Row, Row>) => (storage: Storage) =>
  defineEntity({
    name: "person",
    storage,
    schema: z.object({ id: z.string(), name: z.string(), count: z.int() }),
    index: { name: exact(), count: range() },
    hooks: hooks as never,
  });

const note = (storage: Storage) =>
  defineEntity({
    name: "note",
    storage,
    schema: z.object({ id: z.string(), text: z.string(), more: z.string().optional(), gone: z.date().nullish() }),
    index: { gone: range() },
    softDelete: "gone",
    ttl: { seconds: 1000, sliding: "read" },
  });

const versioned = (storage: Storage) =>
  defineEntity({
    name: "versioned",
    storage,
    schema: z.object({ id: z.string(), text: z.string(), version: z.int(), gone: z.date().optional() }),
    index: { gone: range() },
    version: "version",
    softDelete: "gone",
  });

async function* later<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) {
    // eslint-disable-next-line no-await-in-loop -- as a source does
    await Promise.resolve();
    yield item;
  }
}

async function idsIn(lines: AsyncIterable<string>): Promise<string[]> {
  const ids: string[] = [];
  for await (const line of lines) ids.push((JSON.parse(line) as Row).id);
  return ids;
}

describeMatrix(
  "bulk calls of types with hooks",
  ({ open }) => {
    const rows = (...names: string[]): Row[] => names.map((name, at) => ({ id: `p${at}`, name, count: at }));
    const codes = (outcomes: readonly { ok: boolean; error?: { code: string } }[]): string[] =>
      outcomes.map((outcome) => outcome.error?.code ?? "ok");

    test("saves run them for each entity, whose outcome an error becomes", async () => {
      const { repository } = await open(person(all));
      log.length = 0;
      const result = await repository.insertMany(later(rows("a", "no beforeSave", "no afterSave", "b")), {
        chunkSize: 2,
      });
      expect(codes(result.outcomes)).toEqual(["ok", "VALIDATION", "OUTCOME_UNKNOWN", "ok"]);
      expect(result.saved).toBe(2);
      expect(result.failed.map(({ error }) => (error.cause as Error).message)).toEqual([
        "beforeSave says no",
        "afterSave says no",
      ]);
      expect(log.toSorted((left, right) => left.localeCompare(right))).toEqual([
        ...["afterSave a", "afterSave b", "beforeSave a", "beforeSave b", "beforeSave no afterSave"],
      ]);
      const stored = await repository.findByIds(["p0", "p1", "p2", "p3"]);
      expect(stored.map((row) => row?.name)).toEqual(["insert a", undefined, "insert no afterSave", "insert b"]);
      const told: string[] = [];
      await repository.saveMany(later(rows("c", "no beforeSave")), {
        onOutcome: (outcome, index) => told.push(`${index} ${outcome.ok ? outcome.entity.name : outcome.error.code}`),
      });
      expect(told).toEqual(["0 save c", "1 VALIDATION"]);
    });

    test("a bad hook stops all of an atomic save", async () => {
      const opened = await open(person(all));
      const work = opened.repository.insertMany(rows("a", "no beforeSave"), { atomic: true });
      await expect(work).rejects.toThrow("beforeSave says no");
      expect(await opened.repository.count()).toBe(0);
    });

    test("imports run them, and go on behind an error of one", async () => {
      const { repository } = await open(person(all));
      const lines = rows("a", "no beforeSave", "no afterSave", "b").map((row) => `${JSON.stringify(row)}\n`);
      log.length = 0;
      const result = await repository.import(later(lines));
      expect(result).toMatchObject({ imported: 2, failed: 2, resume: 4, stopped: false });
      expect(result.failures.map(({ line, error }) => [line, error.code])).toEqual([
        [2, "VALIDATION"],
        [3, "OUTCOME_UNKNOWN"],
      ]);
      expect(log).toContain("afterSave a");
      expect((await repository.findByIdOrThrow("p3")).name).toBe("insert b");
      await repository.import(lines.slice(0, 1), { mode: "replace" });
      expect((await repository.findByIdOrThrow("p0")).name).toBe("save a");
    });

    test("patches are read first where a hook may change the entity", async () => {
      const { repository } = await open(person(all));
      await repository.insertMany(rows("a", "b", "c"));
      log.length = 0;
      const { outcomes } = await repository.patchMany([
        { id: "p0", patch: { name: "x", count: inc(5) } },
        { id: "p1", patch: { name: "no beforeSave" } },
        { id: "p2", patch: { name: "no afterSave" } },
        { id: "nobody", patch: { count: 1 } },
      ]);
      expect(codes(outcomes)).toEqual(["ok", "VALIDATION", "OUTCOME_UNKNOWN", "ENTITY_NOT_FOUND"]);
      expect(await repository.findById("p0")).toEqual({ id: "p0", name: "update x", count: 5 });
      expect((await repository.findByIds(["p1", "p2"])).map((row) => row?.name)).toEqual([
        "insert b",
        "update no afterSave",
      ]);
      expect(log).toContain("afterSave x");
    });

    test("patches stay one call with afterSave alone", async () => {
      const { repository } = await open(person({ afterSave: all.afterSave as NonNullable<typeof all.afterSave> }));
      await repository.insertMany(rows("a", "b"));
      const entries = [
        { id: "p0", patch: { count: inc(7) } },
        { id: "p1", patch: { name: "no afterSave" } },
        { id: "nobody", patch: { count: 1 } },
      ];
      log.length = 0;
      const commands = await sent(async () => {
        const { outcomes } = await repository.patchMany(entries);
        expect(codes(outcomes)).toEqual(["ok", "OUTCOME_UNKNOWN", "ENTITY_NOT_FOUND"]);
      });
      expect(commands).toHaveLength(1);
      expect(log).toEqual(["afterSave a"]);
      expect((await repository.findByIdOrThrow("p1")).name).toBe("no afterSave");
    });

    test("deletions ask and tell them, each or all together", async () => {
      const { beforeDelete, afterDelete } = all as Required<typeof all>;
      const opened = await open(person({ beforeDelete, afterDelete }));
      const { repository } = opened;
      await repository.insertMany([
        ...rows("a", "no beforeDelete", "c"),
        { id: "no afterDelete", name: "d", count: 1 },
      ]);
      await expect(repository.deleteMany(["p0", "p1"], { atomic: true })).rejects.toThrow("beforeDelete says no");
      expect(await repository.count()).toBe(4);
      log.length = 0;
      expect(await repository.deleteMany(["p2", "nobody", "p2"], { atomic: true })).toMatchObject({
        deleted: 1,
        outcomes: [{ deleted: true }, { deleted: false }, { deleted: false }],
      });
      expect(log).toEqual(["beforeDelete c", "afterDelete p2"]);
      log.length = 0;
      const { outcomes, deleted } = await repository.deleteMany(later(["p0", "p1", "no afterDelete", "nobody"]));
      expect(codes(outcomes)).toEqual(["ok", "VALIDATION", "OUTCOME_UNKNOWN", "ok"]);
      expect(outcomes[1]).toMatchObject({ error: { message: expect.stringContaining("beforeDelete hook") as string } });
      expect(deleted).toBe(1);
      expect(log).toContain("afterDelete p0");
      expect((await repository.query().all()).map(({ id }) => id)).toEqual(["p1"]);
    });

    test("deletions stay one call with afterDelete alone", async () => {
      const { repository } = await open(person({ afterDelete: all.afterDelete as (id: string) => unknown }));
      await repository.insertMany(rows("a", "b"));
      log.length = 0;
      expect(await sent(() => repository.deleteMany(["p0", "nobody", "p1"]))).toHaveLength(1);
      expect(log).toEqual(["afterDelete p0", "afterDelete p1"]);
    });
  },
  ({ driver }) => driver === "ioredis6",
);

describeMatrix(
  "bulk calls of types that delete softly",
  ({ open, storage }) => {
    const rows = ["a", "b", "c", "d"].map((id) => ({ id, text: `text ${id}`, more: "m" }));

    test("mark what they delete, each or all together, and exports leave it out", async () => {
      const opened = await open(note);
      const { repository } = opened;
      await repository.insertMany(rows);
      expect(await repository.deleteMany(["a", "nobody"])).toMatchObject({ deleted: 1 });
      expect(await repository.deleteMany(["b", "a"], { atomic: true })).toMatchObject({
        deleted: 1,
        outcomes: [
          { id: "b", deleted: true },
          { id: "a", deleted: false },
        ],
      });
      expect(await repository.count()).toBe(2);
      expect(await repository.query().withDeleted().count()).toBe(4);
      expect(await idsIn(repository.export())).toEqual(["c", "d"]);
      const query = repository.query().withDeleted().orderBy("gone");
      expect(await idsIn(repository.export({ query }))).toHaveLength(4);
      await expectFailure(
        repository.patchMany([{ id: "c", patch: { text: "x" }, ifVersion: 1 }], { atomic: true }),
        "VALIDATION",
      );
      await repository.patchMany([{ id: "a", patch: { text: "x" } }], { atomic: true });
      expect((await repository.findById("a", { withDeleted: true }))?.text).toBe("x");
      await expectRefusal(opened, () => repository.findById("a", { select: ["nothing" as "text"] }), "QUERY");
    });

    test("versions of deleted entities count, each or all together", async () => {
      const opened = await open(versioned);
      const { repository } = opened;
      await repository.insert({ id: "a", text: "x" });
      await repository.deleteMany(["a"]);
      const entry = (ifVersion: number) => [{ id: "a", patch: { text: `v${ifVersion}` }, ifVersion }];
      const patch = () => repository.patchMany(entry(1), { atomic: true });
      expect(await expectRefusal(opened, patch, "VERSION_CONFLICT")).toMatchObject({ expected: 1, actual: 2 });
      expect((await repository.patchMany(entry(1))).failed).toMatchObject([{ error: { expected: 1, actual: 2 } }]);
      await repository.patchMany(entry(2), { atomic: true });
      expect(await repository.findById("a", { withDeleted: true })).toMatchObject({ text: "v2", version: 3 });
    });

    test("types with versions are deleted whatever the version, where none is named", async () => {
      const { repository, raw } = await open((stored) =>
        defineEntity({
          name: "counted",
          storage: stored,
          schema: z.object({ id: z.string(), version: z.int() }),
          version: "version",
        }),
      );
      await repository.insertMany([{ id: "a" }, { id: "b" }, { id: "c" }]);
      await raw("SADD", repository.key("d"), "x");
      await expectFailure(repository.deleteMany(["a", "d"], { atomic: true }), "CORRUPT_ENTITY");
      expect(await repository.deleteMany(["a", "b"], { atomic: true })).toMatchObject({ deleted: 2 });
      expect(await repository.deleteMany(["c"])).toMatchObject({ deleted: 1 });
      expect(await repository.count()).toBe(0);
    });

    test("parts of entities leave deleted ones out, unless they are asked for", async () => {
      const { repository } = await open(note);
      await repository.insertMany(rows);
      await repository.delete("a");
      for (const prolong of [true, false]) {
        /* eslint-disable no-await-in-loop -- one after another */
        const options = { select: ["text"], prolong } as const;
        expect(await repository.findById("a", options)).toBeNull();
        expect(await repository.findById("b", options)).toStrictEqual({ text: "text b" });
        expect(await repository.findByIds(["a", "b", "nobody"], options)).toStrictEqual([
          null,
          { text: "text b" },
          null,
        ]);
        expect(await repository.findById("a", { ...options, withDeleted: true })).toStrictEqual({ text: "text a" });
        expect(await repository.findByIds(["a"], { ...options, withDeleted: true })).toStrictEqual([
          { text: "text a" },
        ]);
        expect(await repository.findById("a", { select: ["gone"], prolong, withDeleted: true })).toEqual({
          gone: expect.any(Date) as Date,
        });
        /* eslint-enable no-await-in-loop */
      }
      expect(await repository.hasField("a", "more")).toBe(false);
      expect(await repository.hasField("a", "more", { withDeleted: true })).toBe(true);
      expect(await repository.hasField("b", "more")).toBe(true);
      expect(await repository.hasField("b", "gone")).toBe(false);
    });

    test("parts prolong as the whole does", async () => {
      const { repository, raw } = await open(note);
      await repository.insertMany(rows);
      const death = async (id: string): Promise<number> => Number(await raw("PEXPIRETIME", repository.key(id)));
      await repository.expire("a", 10);
      await repository.expire("b", 10);
      await repository.expire("c", 10);
      const before = await death("a");
      await repository.findById("a", { select: ["text"], prolong: false });
      await repository.hasField("a", "text");
      expect(await death("a")).toBe(before);
      const from = await serverTime(raw);
      await repository.findById("a", { select: ["text"] });
      await repository.findByIds(["b", "nobody"], { select: ["more"] });
      expect(Math.min(await death("a"), await death("b"))).toBeGreaterThanOrEqual(from + 1_000_000);
      expect(await death("c")).toBeLessThan(from + 20_000);
      await raw("DEL", repository.key("c"));
      await raw("SADD", repository.key("c"), storage);
      await expectFailure(repository.findById("c", { select: ["text"] }), "CORRUPT_ENTITY");
      await expectFailure(repository.hasField("c", "text"), "CORRUPT_ENTITY");
    });
  },
  ({ driver }) => driver === "ioredis6",
);
