// Optimistic locking: a save from an old version is refused and told both versions.
// The version is counted by the library and never taken from an insert.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const account = (storage: Storage) =>
  defineEntity({
    name: "account",
    storage,
    schema: z.object({ id: z.string(), owner: z.string(), version: z.int() }),
    index: { owner: exact() },
    version: "version",
  });

describeMatrix("versions", ({ open }) => {
  test("are counted from one, whatever an insert says", async () => {
    const { repository } = await open(account);
    const first = await repository.insert({ id: "a", owner: "x", version: 41 });
    expect(first.version).toBe(1);
    const second = await repository.save({ ...first, owner: "y" });
    expect(second.version).toBe(2);
    expect(await repository.findById("a")).toEqual({ id: "a", owner: "y", version: 2 });
    expect((await repository.save({ id: "b", owner: "z" })).version).toBe(1);
  });

  test("a stale save is refused with both versions", async () => {
    const opened = await open(account);
    const { repository } = opened;
    const first = await repository.insert({ id: "a", owner: "x" });
    await repository.save({ ...first, owner: "y" });
    const error = await expectRefusal(opened, () => repository.save({ ...first, owner: "z" }), "VERSION_CONFLICT");
    expect(error).toMatchObject({ entity: "account", id: "a", field: "version", expected: 1, actual: 2 });
    const ahead = await expectRefusal(opened, () => repository.save({ ...first, version: 9 }), "VERSION_CONFLICT");
    expect(ahead).toMatchObject({ expected: 9, actual: 2 });
  });

  test("a save after a delete is refused", async () => {
    const opened = await open(account);
    const { repository } = opened;
    const first = await repository.insert({ id: "a", owner: "x" });
    await repository.delete("a");
    const error = await expectRefusal(opened, () => repository.save(first), "VERSION_CONFLICT");
    expect(error).toMatchObject({ id: "a", expected: 1, actual: null });
  });

  test("a delete may expect one", async () => {
    const opened = await open(account);
    const { repository } = opened;
    const first = await repository.insert({ id: "a", owner: "x" });
    await repository.save({ ...first, owner: "y" });
    const error = await expectRefusal(opened, () => repository.delete("a", { ifVersion: 1 }), "VERSION_CONFLICT");
    expect(error).toMatchObject({ entity: "account", id: "a", field: "version", expected: 1, actual: 2 });
    expect(await repository.delete("a", { ifVersion: 2 })).toBe(true);
    expect(await repository.delete("a", { ifVersion: 2 })).toBe(false);
    expect(await repository.query().where("owner").eq("y").count()).toBe(0);
  });

  test("a save without a version must not meet an entity", async () => {
    const opened = await open(account);
    const { repository } = opened;
    await repository.insert({ id: "a", owner: "x" });
    const error = await expectRefusal(opened, () => repository.save({ id: "a", owner: "z" }), "VERSION_CONFLICT");
    expect(error).toMatchObject({ id: "a", expected: null, actual: 1 });
    expect(
      await expectRefusal(opened, () => repository.insert({ id: "a", owner: "z" }), "ENTITY_EXISTS"),
    ).toMatchObject({
      id: "a",
    });
  });

  test.each([-1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER, 2 ** 53])("the version %d is refused", async (version) => {
    const opened = await open(account);
    const { repository } = opened;
    const error = await expectRefusal(opened, () => repository.save({ id: "a", owner: "x", version }), "VALIDATION");
    expect(error).toMatchObject({ entity: "account", id: "a", field: "version" });
  });

  test("a stored version that is no number is reported as corrupt", async () => {
    const opened = await open(account);
    const { repository, raw } = opened;
    const saved = await repository.insert({ id: "a", owner: "x" });
    const key = repository.key("a");
    if ((await raw("TYPE", key)) === "hash") await raw("HSET", key, "version", "abc");
    else await raw("JSON.SET", key, '$["version"]', '"abc"');
    await expectFailure(repository.findById("a"), "CORRUPT_ENTITY");
    expect(await expectRefusal(opened, () => repository.save(saved), "CORRUPT_ENTITY")).toMatchObject({
      entity: "account",
      id: "a",
      field: "version",
    });
  });

  test("in a bulk save only the stale ones fail", async () => {
    const { repository } = await open(account);
    const [a, b] = [await repository.insert({ id: "a", owner: "x" }), await repository.insert({ id: "b", owner: "x" })];
    await repository.save({ ...a, owner: "y" });
    const result = await repository.saveMany([
      { ...a, owner: "stale" },
      { ...b, owner: "fine" },
      { id: "c", owner: "new" },
    ]);
    expect(result.saved).toBe(2);
    expect(result.failed.map(({ index, error }) => [index, error.code, error.id])).toEqual([
      [0, "VERSION_CONFLICT", "a"],
    ]);
    expect((await repository.findByIds(["a", "b", "c"])).map((found) => [found?.owner, found?.version])).toEqual([
      ["y", 2],
      ["fine", 2],
      ["new", 1],
    ]);
  });

  test("the same entity twice in a bulk save: the second is stale", async () => {
    const { repository } = await open(account);
    const a = await repository.insert({ id: "a", owner: "x" });
    const result = await repository.saveMany([
      { ...a, owner: "one" },
      { ...a, owner: "two" },
    ]);
    expect(result.failed.map(({ index, error }) => [index, error.code])).toEqual([[1, "VERSION_CONFLICT"]]);
    expect(await repository.findById("a")).toEqual({ id: "a", owner: "one", version: 2 });
  });

  test("of many saves at once exactly one wins", async () => {
    const { repository } = await open(account);
    const a = await repository.insert({ id: "a", owner: "x" });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => repository.save({ ...a, owner: `w${at}` })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await repository.findByIdOrThrow("a")).version).toBe(2);
  });
});
