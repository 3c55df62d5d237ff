// The life of one entity: inserted, saved, found, counted, deleted.
// What is read is what was written, and ids that do not exist are null, false or an error by name.
import { z } from "zod";
import { expect, test } from "vitest";

import { bytes, defineEntity, exact, geoPoint, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix, keysOf } from "./matrix.ts";

const book = (storage: Storage) =>
  defineEntity({
    name: "book",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      pages: z.int().nullable(),
      printed: z.date().optional(),
      isbn: z.bigint(),
      cover: bytes().optional(),
      shop: geoPoint().optional(),
      tags: z.array(z.string()).default([]),
      author: z.object({ name: z.string(), born: z.date().nullish(), prizes: z.record(z.string(), z.int()) }),
      extra: z.unknown(),
      createdAt: z.date(),
      updatedAt: z.date(),
    }),
    index: { title: exact({ sortable: true }), pages: range(), tags: exact(), "author.name": exact() },
    timestamps: { createdAt: "createdAt", updatedAt: "updatedAt" },
  });

const full = {
  title: "Ulysses\u0000\n 🎉 ",
  pages: 730,
  printed: new Date(-1_500_000_000_000),
  isbn: 9_780_000_000_000_000_001n,
  cover: new Uint8Array([0, 255, 128, 10]),
  shop: { longitude: -6.26, latitude: 53.35 },
  tags: ["a", "b"],
  author: { name: "Joyce", born: null, prizes: { none: 0 } },
  extra: { deep: [1, { nothing: null }], text: "x" },
};
const small = { title: "S", pages: null, isbn: 0n, author: { name: "", prizes: {} }, extra: null };

describeMatrix("the life of an entity", ({ open }) => {
  test("what was inserted is found, with its defaults, times and id", async () => {
    const { repository } = await open(book);
    const given = { ...full, title: "Ulysses\n 🎉 " };
    const inserted = await repository.insert(given);
    expect(inserted).toMatchObject(given);
    expect(inserted.id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(inserted.createdAt).toEqual(inserted.updatedAt);
    expect(await repository.findById(inserted.id)).toEqual(inserted);
    expect(await repository.findByIdOrThrow(inserted.id)).toEqual(inserted);
    const bare = await repository.insert(small);
    expect(bare.tags).toEqual([]);
    expect(await repository.findById(bare.id)).toEqual(bare);
  });

  test("an id that exists refuses an insert and takes a save", async () => {
    const opened = await open(book);
    const { repository } = opened;
    const first = await repository.insert({ ...small, id: "1" });
    const error = await expectRefusal(
      opened,
      () => repository.insert({ ...small, id: "1", title: "other" }),
      "ENTITY_EXISTS",
    );
    expect(error).toMatchObject({ entity: "book", id: "1" });
    const saved = await repository.save({ ...first, title: "other", pages: 3, printed: new Date(5) });
    expect(saved.createdAt).toEqual(first.createdAt);
    expect(await repository.findById("1")).toEqual(saved);
    const again = await repository.save({ ...small, id: "1" });
    expect(await repository.findById("1")).toEqual(again);
    expect(again).not.toHaveProperty("printed");
    expect(await repository.count()).toBe(1);
  });

  test("several are found in the order asked for, with holes", async () => {
    const { repository } = await open(book);
    const [a, b] = [await repository.insert({ ...small, id: "a" }), await repository.insert({ ...small, id: "b" })];
    expect(await repository.findByIds(["b", "none", "a", "b"])).toEqual([b, null, a, b]);
    expect(await repository.findByIds(["none"])).toEqual([null]);
    expect(await repository.findByIds([])).toEqual([]);
  });

  test("many are found in batches", async () => {
    const { repository } = await open(book);
    const ids = Array.from({ length: 450 }, (_, at) => `n${at}`);
    const result = await repository.insertMany(ids.map((id) => ({ ...small, id })));
    expect(result).toMatchObject({ saved: 450, failed: [] });
    expect((await repository.findByIds(ids)).map((found) => found?.id)).toEqual(ids);
    expect(await repository.count()).toBe(450);
  });

  test("what does not exist is null, false, or an error that names it", async () => {
    const { repository } = await open(book);
    expect(await repository.findById("none")).toBeNull();
    expect(await repository.exists("none")).toBe(false);
    expect(await repository.delete("none")).toBe(false);
    expect(await expectFailure(repository.findByIdOrThrow("none"), "ENTITY_NOT_FOUND")).toMatchObject({
      entity: "book",
      id: "none",
    });
    expect(await repository.count()).toBe(0);
    expect(await repository.query().all()).toEqual([]);
    expect(await repository.query().first()).toBeNull();
    expect(await expectFailure(repository.query().firstOrThrow(), "ENTITY_NOT_FOUND")).toMatchObject({
      entity: "book",
    });
  });

  test("a deleted entity is gone everywhere, and nothing of it stays", async () => {
    const { repository, raw, namespace } = await open(book);
    await repository.insert({ ...small, id: "a", tags: ["t"] });
    expect(await repository.exists("a")).toBe(true);
    expect(await repository.delete("a")).toBe(true);
    expect(await repository.delete("a")).toBe(false);
    expect(await repository.exists("a")).toBe(false);
    expect(await repository.findById("a")).toBeNull();
    expect(await repository.query().where("tags").contains("t").count()).toBe(0);
    expect(await repository.count()).toBe(0);
    expect(await keysOf(raw, namespace)).toEqual([`${namespace}:{book}$m`]);
  });
});
