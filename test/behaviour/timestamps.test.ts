// Times of creation, change and deletion: by the clock of this process, or by the server's where that is wished.
// This process is made to believe in another century, which the server does not share.
import { afterEach, expect, test, vi } from "vitest";
import { z } from "zod";

import { defineEntity, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix, type Raw } from "./matrix.ts";

const record = (clock: "client" | "server") => (storage: Storage) =>
  defineEntity({
    name: "record",
    storage,
    schema: z.object({
      id: z.string(),
      n: z.number(),
      createdAt: z.date(),
      updatedAt: z.date(),
      deletedAt: z.date().optional(),
    }),
    index: { createdAt: range(), updatedAt: range(), deletedAt: range() },
    timestamps: { createdAt: "createdAt", updatedAt: "updatedAt", clock },
    softDelete: "deletedAt",
  });

/** How far a time may be from the server's: a loaded machine's longest pause, and no year. */
const slack = 60_000;
const believed = new Date("1999-12-31T23:59:59Z");

async function serverTime(raw: Raw): Promise<number> {
  const [seconds] = (await raw("TIME")) as [string, string];
  return Number(seconds) * 1000;
}

describeMatrix("timestamps", ({ open, storage }) => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("are the server's where it is wished", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: believed });
    const definition = record("server")(storage);
    const { repository, db, raw } = await open(() => definition);
    const now = await serverTime(raw);
    const near = (date: Date | undefined): void => {
      expect(Math.abs((date?.getTime() ?? 0) - now)).toBeLessThan(slack);
    };
    const inserted = await repository.insert({ id: "a", n: 1 });
    near(inserted.createdAt);
    near(inserted.updatedAt);
    const saved = await repository.save({ ...inserted, n: 2, updatedAt: believed });
    near(saved.updatedAt);
    expect(saved.createdAt).toEqual(inserted.createdAt);
    await repository.modify("a", (entity) => ({ ...entity, updatedAt: believed }));
    const patched = await repository.update("a", { n: 3 }, { returning: true });
    near(patched.updatedAt);
    await repository.query().where("createdAt").gt(believed).update({ n: 4 });
    near((await repository.findByIdOrThrow("a")).updatedAt);
    await repository.saveMany([{ id: "b", n: 1 }]);
    await db.transaction((tx) => tx.repository(definition).update("b", { n: 2 }));
    const changed = await repository.findByIdOrThrow("b");
    near(changed.createdAt);
    near(changed.updatedAt);
    await repository.delete("a");
    near((await repository.findById("a", { withDeleted: true }))?.deletedAt);
    expect(
      await repository
        .query()
        .where("createdAt")
        .lt(new Date(now - slack))
        .count(),
    ).toBe(0);
    expect(
      await repository
        .query()
        .where("createdAt")
        .gte(new Date(now - slack))
        .count(),
    ).toBe(1);
  });

  test("are this process's otherwise", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: believed });
    const { repository } = await open(record("client"));
    const inserted = await repository.insert({ id: "a", n: 1 });
    expect([inserted.createdAt, inserted.updatedAt]).toEqual([believed, believed]);
    await repository.delete("a");
    expect((await repository.findById("a", { withDeleted: true }))?.deletedAt).toEqual(believed);
  });
});
