// Deleting what a query finds: all of it and nothing else, with everything the indexes held, and never what changed meanwhile.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, geo, geoPoint, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix, keysOf } from "./matrix.ts";

const parcel = (storage: Storage) =>
  defineEntity({
    name: "parcel",
    storage,
    schema: z.object({
      id: z.string(),
      to: z.string(),
      weight: z.number().nullable(),
      note: z.string().optional(),
      tags: z.array(z.string()),
      place: geoPoint().optional(),
      code: z.string(),
    }),
    index: {
      to: [exact({ sortable: true, substring: true }), text()],
      weight: range(),
      tags: exact(),
      place: geo(),
    },
    unique: { code: ["code"] },
    ttl: {},
  });

const rows = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    id: `p:${String(n).padStart(3, "0")}`,
    to: ["Bé n", " a,b ", "\u{1F980}|x"][n % 3] as string,
    weight: n % 5 === 0 ? null : n / 3,
    ...(n % 2 === 0 ? { note: "" } : {}),
    tags: n % 4 === 0 ? [] : [`t${n % 4}`, "x y"],
    ...(n % 6 === 0 ? {} : { place: { longitude: n / 10, latitude: 1 / 3 } }),
    code: `c${n}`,
  }));

describeMatrix("deleting by query", ({ open }) => {
  test("deletes what matches, in batches, and nothing else", async () => {
    const { repository } = await open(parcel);
    const all = rows(120);
    await repository.insertMany(all);
    const gone = await repository.query().where("tags").contains("t1").delete({ batchSize: 7 });
    expect(gone).toEqual({ matched: 30, changed: 30, conflicts: 0 });
    const left = all.filter((each) => !each.tags.includes("t1"));
    expect((await repository.query().ids()).sort()).toEqual(left.map(({ id }) => id));
    expect(await repository.query().where("tags").contains("t1").count()).toBe(0);
    expect(await repository.query().where("weight").isNull().select("id").delete()).toMatchObject({
      changed: left.filter(({ weight }) => weight === null).length,
    });
    expect(await repository.query().where("to").eq("nobody").delete()).toEqual({
      matched: 0,
      changed: 0,
      conflicts: 0,
    });
    // Their unique values are free again.
    await repository.insert({ ...(all[1] as (typeof all)[number]), id: "new" });
  });

  test("with a limit deletes the first so many of the order", async () => {
    const { repository } = await open(parcel);
    await repository.insertMany(rows(30));
    const oldest = repository.query().where("weight").gte(0).orderBy("weight", "desc").orderBy("to");
    expect(await oldest.limit(5).delete({ batchSize: 2 })).toEqual({ matched: 5, changed: 5, conflicts: 0 });
    expect(await oldest.limit(2).ids()).toEqual(["p:023", "p:022"]);
    expect(await oldest.limit(0).delete()).toEqual({ matched: 0, changed: 0, conflicts: 0 });
    expect(await repository.count()).toBe(25);
  });

  test("of everything leaves no key behind", async () => {
    const { repository, raw, namespace } = await open(parcel);
    await repository.insertMany(rows(70), { ttl: 1000 });
    expect(await repository.query().delete()).toEqual({ matched: 70, changed: 70, conflicts: 0 });
    expect(await repository.count()).toBe(0);
    expect((await keysOf(raw, namespace)).map((key) => key.slice(namespace.length))).toEqual([":{parcel}$m"]);
  });

  test("leaves alone what others changed or deleted after it was found", async () => {
    const { repository, db, namespace } = await open(parcel);
    const others = (await open(parcel, { namespace })).repository;
    await repository.insertMany(rows(9));
    // The script goes over the driver's `call` the first time: just before it, others write over a line of their own.
    let changes = 0;
    const client = db.redis as { call: (name: string, ...args: unknown[]) => Promise<unknown> };
    const call = client.call.bind(client);
    client.call = async (name, ...args) => {
      if (name === "EVAL" && String(args[0]).includes("fingerprint")) {
        changes += 1;
        await others.save({ ...(rows(1)[0] as ReturnType<typeof rows>[number]), note: "changed" });
        await others.delete("p:001");
      }
      return call(name, ...args);
    };
    expect(await repository.query().delete()).toEqual({ matched: 9, changed: 7, conflicts: 2 });
    expect(changes).toBe(1);
    expect(await repository.query().all()).toMatchObject([{ id: "p:000", note: "changed" }]);
    expect(await repository.query().delete()).toEqual({ matched: 1, changed: 1, conflicts: 0 });
  });

  test("refuses what makes no sense", async () => {
    const { repository } = await open(parcel);
    const query = repository.query();
    for (const work of [
      () => query.offset(1).delete(),
      () => query.delete({ batchSize: 0 }),
      () => query.delete({ batchSize: 1001 }),
      () => query.delete({ batchSize: 1.5 }),
      () => query.limit(-1).delete(),
    ]) {
      expect(await expectFailure(work(), "QUERY")).toMatchObject({ entity: "parcel" });
    }
  });
});
