// Soft deletion: out of sight of every read and query, still there with its unique values, and back when restored.
// Purging is what deletion is elsewhere.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, inc, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix, dump, keysOf, readNames } from "./matrix.ts";
import { sent } from "./sent.ts";

const log: string[] = [];

const note = (storage: Storage) =>
  defineEntity({
    name: "note",
    storage,
    schema: z.object({
      id: z.string(),
      owner: z.string(),
      slug: z.string(),
      size: z.int(),
      version: z.int(),
      deletedAt: z.date().optional(),
    }),
    index: { owner: exact({ sortable: true }), size: range(), deletedAt: range() },
    unique: { slug: ["slug"] },
    version: "version",
    softDelete: "deletedAt",
  });

/** Neither version nor unique value; the date is nullable; what happens is written down. */
const hooked = (storage: Storage) =>
  defineEntity({
    name: "hooked",
    storage,
    schema: z.object({ id: z.string(), locked: z.boolean(), gone: z.date().nullable().default(null) }),
    index: { gone: range() },
    softDelete: "gone",
    hooks: {
      beforeSave: (input, { operation }) => void log.push(`beforeSave ${operation} ${input.id}`),
      afterSave: (entity, { operation }) => log.push(`afterSave ${operation} ${entity.id}`),
      beforeDelete(entity) {
        if (entity.locked) throw new RangeError("locked");
        log.push(`beforeDelete ${entity.id}`);
      },
      afterDelete: (id) => log.push(`afterDelete ${id}`),
    },
  });

const plain = (storage: Storage) =>
  defineEntity({ name: "plain", storage, schema: z.object({ id: z.string(), n: z.int() }), index: { n: range() } });

describeMatrix("soft deletion", ({ open, storage }) => {
  const row = (id: string, size = 1) => ({ id, owner: "ada", slug: `s-${id}`, size });

  test("hides an entity from every read and query, and shows it to those who ask", async () => {
    const { repository } = await open(note);
    await repository.insertMany([row("a", 1), row("b", 2), row("c", 3)]);
    const from = Date.now();
    expect(await repository.delete("b")).toBe(true);
    expect(await repository.delete("b")).toBe(false);
    expect(await repository.delete("none")).toBe(false);

    expect(await repository.findById("b")).toBeNull();
    await expectFailure(repository.findByIdOrThrow("b"), "ENTITY_NOT_FOUND");
    expect(await repository.findByIds(["a", "b"])).toMatchObject([{ id: "a" }, null]);
    expect(await repository.findUnique({ slug: "s-b" })).toBeNull();
    expect(await repository.exists("b")).toBe(false);
    expect(await repository.exists("a")).toBe(true);
    expect(await repository.count()).toBe(2);
    const query = () => repository.query().where("owner").eq("ada");
    expect((await query().ids()).sort()).toEqual(["a", "c"]);
    expect(await query().count()).toBe(2);
    expect((await query().orderBy("size", "desc").all()).map(({ id }) => id)).toEqual(["c", "a"]);
    expect(await repository.query({ size: { gte: 2 } }).ids()).toEqual(["c"]);
    expect(await repository.query({ OR: [{ size: 2 }, { size: 3 }] }).ids()).toEqual(["c"]);
    expect(await query().page()).toMatchObject({ total: 2 });
    expect(await query().where("size").eq(2).first()).toBeNull();
    expect((await query().facets(["size"])).size.map(({ value }) => value).sort((a, b) => a - b)).toEqual([1, 3]);
    expect(
      await query()
        .aggregate()
        .reduce((r) => ({ n: r.count() }))
        .all(),
    ).toEqual([{ n: 2 }]);
    const streamed: string[] = [];
    for await (const { id } of query().stream()) streamed.push(id);
    expect(streamed).toEqual(["a", "c"]);
    expect((await query().keyset()).items.map(({ id }) => id)).toEqual(["a", "c"]);

    const deleted = await repository.findById("b", { withDeleted: true });
    expect(deleted).toMatchObject({ ...row("b", 2), version: 2 });
    expect(deleted?.deletedAt?.getTime()).toBeGreaterThanOrEqual(from);
    expect(await repository.findByIdOrThrow("b", { withDeleted: true })).toEqual(deleted);
    expect(await repository.findByIds(["b"], { withDeleted: true })).toEqual([deleted]);
    expect(await repository.findUnique({ slug: "s-b" }, { withDeleted: true })).toEqual(deleted);
    expect(await query().withDeleted().where("size").eq(2).all()).toEqual([deleted]);
    expect(await query().withDeleted().count()).toBe(3);
    expect(await query().withDeleted().whereNot("deletedAt").isNull().ids()).toEqual(["b"]);
    expect(await repository.query().withDeleted().where("deletedAt").gte(new Date(from)).ids()).toEqual(["b"]);
  });

  test("keeps unique values, and gives them back with a purge", async () => {
    const opened = await open(note);
    const { repository, raw, namespace } = opened;
    await repository.insert(row("a"));
    await repository.delete("a");
    const taken = await expectRefusal(
      opened,
      () => repository.insert({ ...row("b"), slug: "s-a" }),
      "UNIQUE_VIOLATION",
    );
    expect(taken.holderId).toBe("a");
    await expectRefusal(opened, () => repository.insert(row("a")), "ENTITY_EXISTS");
    expect(await repository.purge("a")).toBe(true);
    expect(await repository.purge("a")).toBe(false);
    expect(await keysOf(raw, namespace)).toEqual([`${namespace}:{note}$m`]);
    await repository.insert({ ...row("b"), slug: "s-a" });
    expect(await repository.purge("b")).toBe(true);
    expect(await repository.count()).toBe(0);
  });

  test("restore brings an entity back as it was", async () => {
    const { repository } = await open(note);
    const { version: _, ...first } = await repository.insert(row("a"));
    expect(await repository.restore("a")).toBe(false);
    expect(await repository.restore("none")).toBe(false);
    await repository.delete("a");
    expect(await repository.restore("a")).toBe(true);
    expect(await repository.restore("a")).toBe(false);
    expect(await repository.findById("a")).toEqual({ ...first, version: 3 });
    expect(await repository.query().where("owner").eq("ada").ids()).toEqual(["a"]);
    expect(await repository.findUnique({ slug: "s-a" })).toMatchObject({ id: "a" });
    // Writes by id reach whatever is there: a save without the date brings back as well.
    await repository.delete("a");
    await repository.update("a", { size: inc(1) });
    expect(await repository.findById("a")).toBeNull();
    await repository.save({ ...row("a"), version: 5 });
    expect(await repository.findById("a")).toMatchObject({ id: "a", version: 6 });
  });

  test("a query deletes softly, and purges for good", async () => {
    const { repository, raw, namespace } = await open(note);
    await repository.insertMany(Array.from({ length: 120 }, (_, at) => row(`n${at}`, at)));
    const small = () => repository.query().where("size").lt(70);
    expect(await small().delete({ batchSize: 30 })).toEqual({ matched: 70, changed: 70, conflicts: 0 });
    expect(await small().delete()).toEqual({ matched: 0, changed: 0, conflicts: 0 });
    expect(await small().count()).toBe(0);
    expect(await repository.count()).toBe(50);
    expect(await small().withDeleted().count()).toBe(70);
    expect(await repository.query().orderBy("size").limit(2).delete()).toMatchObject({ changed: 2 });
    expect(await repository.query().withDeleted().where("size").lt(72).count()).toBe(72);
    expect(await repository.count()).toBe(48);
    const before = await dump(raw, namespace);
    await expectFailure(small().withDeleted().delete(), "QUERY");
    expect(await dump(raw, namespace)).toEqual(before);
    expect(await repository.query().where("size").lt(80).purge()).toMatchObject({ changed: 8 });
    const old = repository.query().withDeleted().whereNot("deletedAt").isNull();
    expect(await old.purge()).toEqual({ matched: 72, changed: 72, conflicts: 0 });
    expect(await repository.query().withDeleted().count()).toBe(40);
    expect(await repository.query().withDeleted().purge()).toMatchObject({ changed: 40 });
    expect(await keysOf(raw, namespace)).toEqual([`${namespace}:{note}$m`]);
  });

  test("an update by query leaves deleted entities alone", async () => {
    const { repository } = await open(note);
    await repository.insertMany([row("a"), row("b")]);
    await repository.delete("b");
    expect(await repository.query().where("owner").eq("ada").update({ size: 9 })).toMatchObject({ matched: 1 });
    expect(await repository.findById("b", { withDeleted: true })).toMatchObject({ size: 1 });
    expect(await repository.query().withDeleted().update({ size: 8 })).toMatchObject({ changed: 2 });
    expect(await repository.findById("b", { withDeleted: true })).toMatchObject({ size: 8 });
  });

  test("hooks of deletion run for it, those of saving for a restore", async () => {
    const { repository } = await open(hooked);
    await repository.insertMany(["a", "b", "c"].map((id) => ({ id, locked: id === "c" })));
    log.length = 0;
    expect(await repository.delete("a")).toBe(true);
    expect(await repository.delete("a")).toBe(false);
    expect(await repository.restore("a")).toBe(true);
    await expect(repository.delete("c")).rejects.toBeInstanceOf(RangeError);
    await expect(repository.query().delete()).rejects.toBeInstanceOf(RangeError);
    expect(log).toEqual([
      ...["beforeDelete a", "afterDelete a", "beforeSave restore a", "afterSave restore a"],
      ...["beforeDelete a", "beforeDelete b"],
    ]);
    expect(await repository.findById("a")).toEqual({ id: "a", locked: false, gone: null });
    expect((await repository.query().ids()).sort()).toEqual(["a", "b", "c"]);
    log.length = 0;
    expect(await repository.query().orderBy("gone").limit(2).delete()).toMatchObject({ changed: 2 });
    expect(await repository.purge("a")).toBe(true);
    expect(log).toEqual([
      ...["beforeDelete a", "beforeDelete b", "afterDelete a", "afterDelete b"],
      ...["beforeDelete a", "afterDelete a"],
    ]);
  });

  test("in a transaction", async () => {
    const Note = note(storage);
    const { repository, db } = await open(() => Note);
    await repository.insertMany([row("a"), row("b"), row("c")]);
    await repository.delete("c");
    await db.transaction(async (tx) => {
      const notes = tx.repository(Note);
      expect(await notes.findById("c")).toBeNull();
      expect(await notes.findById("c", { withDeleted: true })).toMatchObject({ id: "c" });
      await notes.delete("a");
      expect(await notes.findById("a")).toBeNull();
      await notes.delete("a");
      await notes.delete("none");
      await notes.purge("b");
    });
    expect(await repository.findById("a", { withDeleted: true })).toMatchObject({ version: 2 });
    expect(await repository.findById("b", { withDeleted: true })).toBeNull();
    expect(await repository.query().withDeleted().ids()).toHaveLength(2);
    expect(await repository.count()).toBe(0);

    const Hooked = hooked(storage);
    const others = db.repository(Hooked);
    await others.indexes.sync();
    await others.insert({ id: "h", locked: false });
    log.length = 0;
    await db.transaction((tx) => tx.repository(Hooked).delete("h"));
    expect(log).toEqual(["beforeDelete h", "afterDelete h"]);
    expect(await others.findById("h")).toBeNull();
    log.length = 0;
    await db.transaction(async (tx) => {
      const entity = await tx.repository(Hooked).findByIdOrThrow("h", { withDeleted: true });
      await tx.repository(Hooked).save({ ...entity, gone: null });
    });
    expect(log).toEqual(["beforeSave save h", "afterSave save h"]);
    expect(await others.findById("h")).not.toBeNull();
    log.length = 0;
    await db.transaction(async (tx) => {
      const mine = tx.repository(Hooked);
      await mine.update("h", { locked: false });
      await mine.delete("h");
      await mine.delete("h");
    });
    expect(log).toEqual(["beforeSave update h", "beforeDelete h", "afterDelete h"]);
    log.length = 0;
    await db.transaction(async (tx) => {
      const mine = tx.repository(Hooked);
      await mine.update("h", { gone: null });
      await mine.delete("h");
      await mine.update("h", { gone: null });
    });
    expect(log.slice(-1)).toEqual(["afterSave update h"]);
  });

  test("a deletion is two round trips, and what is deleted is not prolonged by reads", async () => {
    const timed = (kind: Storage) =>
      defineEntity({
        name: "timed",
        storage: kind,
        schema: z.object({ id: z.string(), gone: z.date().optional() }),
        index: { gone: range() },
        softDelete: "gone",
        ttl: { seconds: 1000, sliding: "read" },
      });
    const { repository, raw } = await open(timed);
    await repository.insertMany([{ id: "a" }, { id: "b" }]);
    const read = readNames[storage];
    expect(await sent(() => repository.delete("a"))).toEqual([read, "EVALSHA patch"]);
    await repository.expire("a", 10);
    await repository.expire("b", 10);
    const death = await raw("PEXPIRETIME", repository.key("a"));
    expect(await repository.findByIds(["a", "b"], { withDeleted: true })).toMatchObject([{ id: "a" }, { id: "b" }]);
    expect(await repository.findById("a")).toBeNull();
    expect(await raw("PEXPIRETIME", repository.key("a"))).toBe(death);
    expect(await repository.ttl("b")).toBeGreaterThan(900_000);
  });

  test("types without it delete as ever, and refuse the rest by name", async () => {
    const opened = await open(plain);
    const { repository } = opened;
    await repository.insert({ id: "a", n: 1 });
    for (const work of [
      () => repository.restore("a"),
      () => repository.purge("a"),
      () => repository.query().purge(),
      async () => repository.query().withDeleted(),
    ]) {
      // eslint-disable-next-line no-await-in-loop -- one after another
      const error = await expectRefusal(opened, work, "QUERY");
      expect(error.message).toContain("softDelete");
    }
    expect(await repository.delete("a")).toBe(true);
    expect(await repository.findById("a", { withDeleted: true })).toBeNull();
  });
});
