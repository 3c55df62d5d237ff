// Changing what a query finds: each entity once, nothing else, and never what others changed meanwhile.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, inc, push, range, toggle, unset } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const seat = (storage: Storage) =>
  defineEntity({
    name: "seat",
    storage,
    schema: z.object({
      id: z.string(),
      row: z.int().max(1000),
      taken: z.boolean(),
      note: z.string().optional(),
      tags: z.array(z.string()),
      code: z.string(),
      version: z.int(),
    }),
    index: { row: range(), taken: exact(), note: exact(), tags: exact() },
    unique: { code: ["code"] },
    version: "version",
    ttl: {},
  });

const plain = (storage: Storage) =>
  defineEntity({
    name: "plain",
    storage,
    schema: z.object({ id: z.string(), n: z.number(), group: z.string() }),
    index: { n: range(), group: exact() },
  });

const seats = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    id: `s:${String(at).padStart(3, "0")}`,
    row: at % 10,
    taken: at % 3 === 0,
    tags: [],
    code: `c${at}`,
  }));

describeMatrix("changing by query", ({ open }) => {
  test("changes what matches once, in batches, and nothing else", async () => {
    const { repository } = await open(seat);
    await repository.insertMany(seats(130));
    // What is changed still matches, and stands further behind in the order of the field.
    const some = repository.query().where("row").lt(5);
    expect(await some.update({ row: inc(0), tags: push("x"), note: "n" }, { batchSize: 7 })).toEqual({
      matched: 65,
      changed: 65,
      conflicts: 0,
    });
    expect(
      await repository
        .query()
        .where("row")
        .gte(0)
        .update({ row: inc(10) }),
    ).toMatchObject({ changed: 130 });
    expect(await repository.query().where("row").gte(10).where("row").lt(20).count()).toBe(130);
    const changed = await repository.query().where("tags").contains("x").all();
    expect(changed.length).toBe(65);
    for (const each of changed) expect(each).toMatchObject({ version: 3, tags: ["x"], note: "n" });
    expect(await repository.query().where("note").isNull().count()).toBe(65);
    // What no longer matches after its change is not missed.
    expect(await repository.query().where("taken").eq(true).update({ taken: toggle(), note: unset() })).toMatchObject({
      changed: 44,
    });
    expect(await repository.query().where("taken").eq(true).update({ taken: false })).toEqual({
      matched: 0,
      changed: 0,
      conflicts: 0,
    });
  });

  test("with a limit changes the first so many of the order", async () => {
    const { repository } = await open(plain);
    await repository.insertMany(Array.from({ length: 30 }, (_, at) => ({ id: `p${at}`, n: at, group: "a" })));
    const last = repository.query().orderBy("n", "desc").limit(5);
    expect(await last.update({ group: "b", n: inc(-100) }, { batchSize: 2 })).toMatchObject({ changed: 5 });
    expect((await repository.query().where("group").eq("b").orderBy("n").all()).map(({ n }) => n)).toEqual([
      -75, -74, -73, -72, -71,
    ]);
    expect(await last.limit(0).update({ group: "c" })).toEqual({ matched: 0, changed: 0, conflicts: 0 });
  });

  /** Just before the first change is sent, others work over a line of their own. */
  function before(db: { readonly redis: unknown }, work: () => Promise<unknown>): { times: number } {
    const seen = { times: 0 };
    const client = db.redis as { call: (name: string, ...args: unknown[]) => Promise<unknown> };
    const call = client.call.bind(client);
    // Scripts go over the driver's `call` the first time.
    client.call = async (name, ...args) => {
      if (name === "EVAL" && String(args[0]).includes("fingerprint") && seen.times === 0) {
        seen.times += 1;
        await work();
      }
      return call(name, ...args);
    };
    return seen;
  }

  test("leaves alone what others changed or deleted after it was found", async () => {
    const { repository, db, namespace } = await open(plain);
    const others = (await open(plain, { namespace })).repository;
    await repository.insertMany(Array.from({ length: 9 }, (_, at) => ({ id: `p${at}`, n: at, group: "a" })));
    const seen = before(db, async () => {
      await others.update("p0", { n: 50 });
      await others.delete("p1");
    });
    expect(await repository.query().update({ group: "b" })).toEqual({ matched: 9, changed: 7, conflicts: 2 });
    expect(seen.times).toBe(1);
    expect(await repository.query().where("group").eq("a").all()).toEqual([{ id: "p0", n: 50, group: "a" }]);
  });

  test("goes by the version where there is one", async () => {
    const { repository, db, namespace } = await open(seat);
    const others = (await open(seat, { namespace })).repository;
    await repository.insertMany(seats(9));
    const seen = before(db, () => others.update("s:000", { row: 50 }));
    expect(await repository.query().update({ note: "b" })).toEqual({ matched: 9, changed: 8, conflicts: 1 });
    expect(seen.times).toBe(1);
    expect(await repository.query().where("note").isNull().ids()).toEqual(["s:000"]);
    expect(await repository.findById("s:000")).toMatchObject({ row: 50, version: 2 });
  });

  test("stops at what the change does not fit, with its id", async () => {
    const { repository } = await open(seat);
    await repository.insertMany(seats(9));
    const error = await expectFailure(
      repository
        .query()
        .where("row")
        .eq(7)
        .update({ row: inc(994) }),
      "VALIDATION",
    );
    expect(error).toMatchObject({ entity: "seat", id: "s:007", field: "row" });
    expect(await expectFailure(repository.query().update({ code: "same" }), "UNIQUE_VIOLATION")).toMatchObject({
      unique: "code",
    });
    expect(await repository.query().where("row").eq(7).count()).toBe(1);
  });

  test("refuses what makes no sense", async () => {
    const all = await open(seat);
    const { repository } = all;
    await repository.insertMany(seats(2));
    const query = repository.query();
    for (const work of [
      () => query.offset(1).update({ row: 1 }),
      () => query.update({ row: 1 }, { batchSize: 0 }),
      () => query.update({ row: 1 }, { batchSize: 1001 }),
      () => query.limit(-1).update({ row: 1 }),
      () => query.limit(10_001).update({ row: 1 }),
    ]) {
      // eslint-disable-next-line no-await-in-loop -- one at a time
      expect(await expectRefusal(all, work, "QUERY")).toMatchObject({ entity: "seat" });
    }
    for (const patch of [{ nothing: 1 }, { id: "x" }, { version: 2 }, { row: 1.5 }, undefined]) {
      // eslint-disable-next-line no-await-in-loop
      expect(await expectRefusal(all, () => query.update(patch as never), "VALIDATION")).toMatchObject({
        entity: "seat",
      });
    }
  });
});
