// Saves under a lock: who lost the lock to a later holder cannot overwrite what that one saved.
// On every server, storage and engine; other types are saved as ever.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact } from "remora";
import { lock } from "remora/toolkit";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const schema = z.object({ id: z.string(), title: z.string(), version: z.int().default(1) });

const plain = (storage: Storage) =>
  defineEntity({ name: "report", storage, schema: schema.omit({ version: true }), fence: true });

const rich = (storage: Storage) =>
  defineEntity({
    name: "report",
    storage,
    schema,
    index: { title: exact() },
    unique: { title: ["title"] },
    version: "version",
    ttl: {},
    fence: true,
  });

describeMatrix("saves under a lock", ({ open }) => {
  test("are refused once a later holder has saved", async () => {
    const { repository, db, raw, namespace } = await open(plain);
    const door = lock(db, "door", { autoExtend: false });
    const late = await door.acquire({ lease: { ms: 1 } });
    await repository.save({ id: "a", title: "first" }, { fence: late.fence });
    await using held = await door.acquire();
    // Until the later one saves, nobody knows of it.
    await repository.save({ id: "a", title: "second" }, { fence: late.fence });
    await repository.save({ id: "a", title: "theirs" }, { fence: held.fence });
    await repository.save({ id: "a", title: "theirs again" }, { fence: held.fence });
    const error = await expectRefusal(
      { raw, namespace },
      () => repository.save({ id: "a", title: "late" }, { fence: late.fence }),
      "LOCK_LOST",
    );
    expect(error).toMatchObject({ entity: "report", id: "a", newerFence: held.fence });
    expect(await repository.findById("a")).toEqual({ id: "a", title: "theirs again" });
    // Other entities, and saves without a number, are not concerned.
    await repository.insert({ id: "b", title: "mine" }, { fence: late.fence });
    await repository.save({ id: "a", title: "by hand" });
    await expectFailure(repository.save({ id: "a", title: "late" }, { fence: late.fence }), "LOCK_LOST");
    await repository.saveMany([{ id: "a", title: "in bulk" }]);
    await expectFailure(repository.save({ id: "a", title: "late" }, { fence: late.fence }), "LOCK_LOST");
  });

  test("say so before anything else, and keep versions, indexes and uniques right", async () => {
    const { repository, raw, namespace } = await open(rich);
    const first = await repository.insert({ id: "a", title: "one" }, { fence: 5 });
    const second = await repository.save({ ...first, title: "two" }, { fence: 7 });
    const refused = async (fence: number): Promise<void> => {
      const work = (): Promise<unknown> => repository.save({ ...first, title: "late" }, { fence });
      expect((await expectRefusal({ raw, namespace }, work, "LOCK_LOST")).newerFence).toBe(7);
    };
    await refused(5);
    await refused(6);
    await expectFailure(repository.save({ ...first, title: "late" }, { fence: 7 }), "VERSION_CONFLICT");
    expect(await repository.query().where("title").eq("two").ids()).toEqual(["a"]);
    expect(await repository.query().where("title").eq("one").count()).toBe(0);
    // A large number is compared as a number, and a change of one property leaves it alone.
    await repository.save({ ...second, title: "three" }, { fence: 1_764_600_000_000_000 });
    await repository.update("a", { title: "four" });
    const four = await repository.findByIdOrThrow("a");
    await expectFailure(repository.save(four, { fence: 999_999_999_999_999 }), "LOCK_LOST");
    expect(await repository.indexes.verify()).toMatchObject({ findings: [] });
  });

  test("are forgotten with the entity, and expire with it", async () => {
    const { repository, raw, namespace } = await open(rich);
    const fences = async (): Promise<string[]> => (await raw("KEYS", `${namespace}:*$f:*`)) as string[];
    await repository.insert({ id: "a", title: "one" }, { fence: 5, ttl: 100 });
    const [own = ""] = await fences();
    expect(Number(await raw("PEXPIRETIME", own))).toBe(Number(await raw("PEXPIRETIME", repository.key("a"))));
    await repository.expire("a", 1000);
    expect(Number(await raw("PEXPIRETIME", own))).toBe(Number(await raw("PEXPIRETIME", repository.key("a"))));
    await repository.persist("a");
    expect(await raw("PTTL", own)).toBe(-1);
    await repository.delete("a");
    expect(await fences()).toEqual([]);
    await repository.insert({ id: "a", title: "one" }, { fence: 3 });
    // A document that was deleted past the mapper still has the number of its last holder.
    await raw("DEL", repository.key("a"));
    await expectFailure(repository.insert({ id: "a", title: "other" }, { fence: 2 }), "LOCK_LOST");
    await repository.insert({ id: "a", title: "other" }, { fence: 4 });
  });

  test("need a definition that says so, and a number", async () => {
    const { repository, raw, namespace } = await open(plain);
    for (const fence of [0, -1, 1.5, Number.NaN, 2 ** 53, "5" as unknown as number]) {
      const work = (): Promise<unknown> => repository.save({ id: "a", title: "x" }, { fence });
      expect((await expectRefusal({ raw, namespace }, work, "VALIDATION")).message).toContain("whole number");
    }
    const { repository: others } = await open((storage) => defineEntity({ name: "other", storage, schema }));
    await expectFailure(others.save({ id: "a", title: "x" }, { fence: 5 }), "VALIDATION");
  });
});
