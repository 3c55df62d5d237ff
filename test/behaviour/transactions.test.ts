// Transactions: reads and writes over several types that count all at once or not at all.
// What was read and changed by others meanwhile makes the function run again, never write.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, inc, push, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix, type Opened } from "./matrix.ts";
import { sent } from "./sent.ts";

const account = (storage: Storage) =>
  defineEntity({
    name: "account",
    storage,
    colocate: "bank",
    schema: z.object({ id: z.string(), owner: z.string(), balance: z.number().min(0), version: z.int() }),
    index: { owner: exact({ sortable: true }), balance: range() },
    unique: { owner: ["owner"] },
    version: "version",
  });

/** Neither version nor index. */
const entry = (storage: Storage) =>
  defineEntity({
    name: "entry",
    storage,
    colocate: "bank",
    schema: z.object({ id: z.string(), amount: z.number(), notes: z.array(z.string()).default([]) }),
    ttl: {},
  });

const stranger = (storage: Storage) =>
  defineEntity({ name: "stranger", storage, schema: z.object({ id: z.string() }), index: {} });

describeMatrix("transactions", ({ open, storage }) => {
  const bank = async (): Promise<
    Opened<ReturnType<typeof account>> & { Account: ReturnType<typeof account>; Entry: ReturnType<typeof entry> }
  > => {
    const Account = account(storage);
    const opened = await open(() => Account);
    const Entry = entry(storage);
    const entries = opened.db.repository(Entry);
    await entries.indexes.sync();
    await opened.repository.insertMany([
      { id: "a", owner: "ada", balance: 100 },
      { id: "b", owner: "bob", balance: 0 },
    ]);
    return { ...opened, Account, Entry };
  };

  test("write everything at once, in one script call", async () => {
    const { db, repository, Account, Entry } = await bank();
    const commands = await sent(async () => {
      const moved = await db.transaction(async (tx) => {
        const accounts = tx.repository(Account);
        const from = await accounts.findByIdOrThrow("a");
        await accounts.save({ ...from, balance: from.balance - 30 });
        await accounts.update("b", { balance: inc(30) });
        await tx.repository(Entry).insert({ id: "e:1", amount: 30 }, { ttl: 500 });
        return 30;
      });
      expect(moved).toBe(30);
    });
    expect(commands.map((command) => command.replace(/^(?:HMGET|JSON\.GET|GET)$/, "read"))).toEqual([
      "read",
      "read",
      "EVALSHA transaction",
    ]);
    expect(await repository.query().orderBy("owner").all()).toEqual([
      { id: "a", owner: "ada", balance: 70, version: 2 },
      { id: "b", owner: "bob", balance: 30, version: 2 },
    ]);
    expect(await repository.query().where("balance").eq(30).ids()).toEqual(["b"]);
    expect(await db.repository(Entry).findById("e:1")).toEqual({ id: "e:1", amount: 30, notes: [] });
    expect(await db.repository(Entry).ttl("e:1")).toBeGreaterThan(400_000);
  });

  test("see their own writes, and nobody else does before the end", async () => {
    const { db, repository, Account, Entry } = await bank();
    await db.transaction(async (tx) => {
      const [accounts, entries] = [tx.repository(Account), tx.repository(Entry)];
      await accounts.update("a", { balance: inc(-1) });
      expect(await accounts.update("a", { balance: inc(-1) })).toMatchObject({ balance: 98, version: 2 });
      expect(await accounts.findById("a")).toMatchObject({ balance: 98 });
      const made = await entries.insert({ amount: 1 });
      await entries.update(made.id, { notes: push("x") });
      expect(await entries.findById(made.id)).toEqual({ ...made, notes: ["x"] });
      await accounts.delete("b");
      expect(await accounts.findById("b")).toBeNull();
      expect(await repository.findById("a")).toMatchObject({ balance: 100, version: 1 });
      expect(await repository.exists("b")).toBe(true);
      expect(await db.repository(Entry).count()).toBe(0);
    });
    expect(await repository.findById("a")).toMatchObject({ balance: 98, version: 2 });
    expect(await repository.query().ids()).toEqual(["a"]);
    expect(await db.repository(Entry).count()).toBe(1);
  });

  test("change nothing when any part is refused", async () => {
    const opened = await bank();
    const { db, Account, Entry } = opened;
    const refused = (work: Parameters<typeof db.transaction>[0], code: Parameters<typeof expectRefusal>[2]) =>
      expectRefusal(opened, () => db.transaction(work), code);
    expect(
      await refused(async (tx) => {
        await tx.repository(Entry).insert({ id: "e", amount: 1 });
        await tx.repository(Account).delete("b");
        await tx.repository(Account).insert({ id: "c", owner: "ada", balance: 1 });
      }, "UNIQUE_VIOLATION"),
    ).toMatchObject({ entity: "account", id: "c", unique: "owner", holderId: "a" });
    expect(
      await refused(async (tx) => {
        await tx.repository(Entry).insert({ id: "e", amount: 1 });
        await tx.repository(Account).insert({ id: "a", owner: "eve", balance: 1 });
      }, "ENTITY_EXISTS"),
    ).toMatchObject({ entity: "account", id: "a" });
    await refused(async (tx) => {
      await tx.repository(Entry).insert({ id: "e", amount: 1 });
      await tx.repository(Account).save({ id: "a", owner: "ada", balance: 1, version: 7 });
    }, "VERSION_CONFLICT");
    await refused(async (tx) => {
      await tx.repository(Entry).insert({ id: "e", amount: 1 });
      await tx.repository(Account).update("a", { balance: inc(-200) });
    }, "VALIDATION");
    await refused(async (tx) => {
      await tx.repository(Account).update("none", { balance: 1 });
    }, "ENTITY_NOT_FOUND");
    const own = new TypeError("mine");
    await expect(
      db.transaction(async (tx) => {
        await tx.repository(Account).update("a", { balance: 1 });
        throw own;
      }),
    ).rejects.toBe(own);
    expect(await opened.repository.findById("a")).toMatchObject({ balance: 100, version: 1 });
  });

  test("refuse a key of another type, together with all the rest", async () => {
    const opened = await bank();
    const { db, raw, Entry, Account } = opened;
    await raw("LPUSH", db.repository(Entry).key("list"), "x");
    for (const work of ["save", "delete"] as const) {
      // eslint-disable-next-line no-await-in-loop -- one at a time
      await expectRefusal(
        opened,
        () =>
          db.transaction(async (tx) => {
            await tx.repository(Account).update("a", { balance: 1 });
            if (work === "save") await tx.repository(Entry).save({ id: "list", amount: 1 });
            else await tx.repository(Entry).delete("list");
          }),
        "CORRUPT_ENTITY",
      );
    }
  });

  test("run again when others changed what they had read, even if they do not write it", async () => {
    const { db, repository, Account, Entry } = await bank();
    const entries = db.repository(Entry);
    await entries.insert({ id: "limit", amount: 50 });
    let runs = 0;
    const spent = await db.transaction(async (tx) => {
      runs += 1;
      const limit = await tx.repository(Entry).findByIdOrThrow("limit");
      const later = await tx.repository(Entry).findById("later");
      if (runs === 1) await entries.update("limit", { amount: 20 });
      if (runs === 2) await entries.insert({ id: "later", amount: 3 });
      await tx.repository(Account).update("a", { balance: inc(-limit.amount - (later?.amount ?? 0)) });
      return limit.amount;
    });
    expect([runs, spent]).toEqual([3, 20]);
    expect(await repository.findById("a")).toMatchObject({ balance: 77, version: 2 });
  });

  test("of many at once lose nothing", async () => {
    const { db, repository, Account, Entry } = await bank();
    const moves = Array.from({ length: 30 }, (_, at) =>
      db.transaction(
        async (tx) => {
          const accounts = tx.repository(Account);
          const [from, to] = at % 2 === 0 ? ["a", "b"] : ["b", "a"];
          const source = await accounts.findByIdOrThrow(from as string);
          if (source.balance < 1) return 0;
          await accounts.update(from as string, { balance: inc(-1) });
          await accounts.update(to as string, { balance: inc(1) });
          await tx.repository(Entry).insert({ id: `e${at}`, amount: 1 });
          return 1;
        },
        { retries: 1000, backoff: 1, deadline: 30_000 },
      ),
    );
    const done = (await Promise.all(moves)).reduce<number>((sum, moved) => sum + moved, 0);
    const [ada, bob] = await repository.findByIds(["a", "b"]);
    expect((ada?.balance ?? 0) + (bob?.balance ?? 0)).toBe(100);
    expect((ada?.version ?? 0) + (bob?.version ?? 0)).toBe(2 + 2 * done);
    expect(await db.repository(Entry).count()).toBe(done);
  });

  test("give up after so many runs", async () => {
    const { db, repository, Account } = await bank();
    let runs = 0;
    const work = db.transaction(
      async (tx) => {
        runs += 1;
        await tx.repository(Account).update("a", { balance: inc(-1) });
        await repository.update("a", { balance: inc(1) });
      },
      { retries: 2, backoff: 1 },
    );
    await expectFailure(work, "VERSION_CONFLICT");
    expect(runs).toBe(3);
    expect(await repository.findById("a")).toMatchObject({ balance: 103 });
  });

  test("let unique values change hands", async () => {
    const { db, repository, Account } = await bank();
    await db.transaction(async (tx) => {
      const accounts = tx.repository(Account);
      await accounts.update("b", { owner: "ada" });
      await accounts.update("a", { owner: "bob" });
    });
    expect(await repository.findUnique({ owner: "ada" })).toMatchObject({ id: "b" });
    expect(await repository.findUnique({ owner: "bob" })).toMatchObject({ id: "a" });
    await db.transaction(async (tx) => {
      const accounts = tx.repository(Account);
      await accounts.insert({ id: "c", owner: "ada", balance: 5 });
      await accounts.delete("b");
    });
    expect(await repository.findUnique({ owner: "ada" })).toMatchObject({ id: "c" });
    expect(await repository.query().orderBy("owner").ids()).toEqual(["c", "a"]);
  });

  test("refuse types of other slots before anything is sent, and what makes no sense", async () => {
    const { db, Account, Entry } = await bank();
    const Other = stranger(storage);
    await db.repository(Other).indexes.sync();
    const commands = await sent(async () => {
      await expectFailure(
        db.transaction(async (tx) => {
          await tx.repository(Account).insert({ owner: "eve", balance: 1 });
          await tx.repository(Other).insert({});
        }),
        "CROSS_SLOT",
      );
    });
    expect(commands).toEqual([]);
    // Alone, any type will do.
    await db.transaction((tx) => tx.repository(Other).insert({ id: "o" }));
    expect(await db.repository(Other).exists("o")).toBe(true);
    await expectFailure(
      db.transaction(async (tx) => {
        await tx.repository(Entry).delete("x");
        await tx.repository(Entry).insert({ id: "x", amount: 1 });
      }),
      "QUERY",
    );
    await expectFailure(
      db.transaction(async (tx) => {
        await tx.repository(Entry).insert({ id: "x", amount: 1 });
        await tx.repository(Entry).insert({ id: "x", amount: 1 });
      }),
      "ENTITY_EXISTS",
    );
    let late: (() => Promise<unknown>) | undefined;
    await db.transaction(async (tx) => {
      const entries = tx.repository(Entry);
      late = () => entries.insert({ amount: 1 });
      await entries.findById("x");
    });
    await expectFailure((late as () => Promise<unknown>)(), "QUERY");
    expect(await db.repository(Entry).count()).toBe(0);
  });
});
