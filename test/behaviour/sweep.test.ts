// Sweeping what has expired: when it is asked for, and now and then by a timer.
// Until then the dead are garbage, which status counts and no query does.
import { expect, test } from "vitest";
import { z } from "zod";

import { connect, defineEntity, exact, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix, keysOf } from "./matrix.ts";

const visit = (storage: Storage) =>
  defineEntity({
    name: "visit",
    storage,
    schema: z.object({ id: z.string(), page: z.string(), user: z.string() }),
    index: { page: [exact(), text()] },
    unique: { user: ["user"] },
    ttl: {},
  });
const row = (at: number) => ({ id: `v${at}`, page: `page ${at % 7}`, user: `u${at}` });
const many = Array.from({ length: 450 }, (_, at) => row(at));

describeMatrix("sweeping", ({ open, leg, engine, storage }) => {
  test("forgets everything that has died, and nothing else", async () => {
    const { repository, raw, namespace } = await open(visit);
    expect(await repository.indexes.sweep()).toBe(0);
    await repository.insertMany(many, { ttl: { ms: 1 } });
    await repository.insert({ ...row(1000), user: "living" }, { ttl: 1000 });
    await serverTimePassed(raw, new Date((await serverTime(raw)) + 2));
    const { garbage } = await repository.indexes.status();
    // The saves have swept some of it on their way.
    expect(garbage).toBeGreaterThan(0);
    expect(garbage).toBeLessThanOrEqual(many.length);
    expect(await repository.count()).toBe(1);
    expect(await repository.indexes.sweep()).toBe(garbage);
    expect(await repository.indexes.status()).toMatchObject({ garbage: 0 });
    expect(await repository.indexes.verify()).toMatchObject({ found: 0, garbage: 0 });
    await repository.delete("v1000");
    expect(await keysOf(raw, namespace)).toEqual([`${namespace}:{visit}$m`]);
  });

  test("goes by a timer where it is wished, until the database is closed", async () => {
    const { repository, raw, namespace } = await open(visit);
    const db = await connect(leg.url, { namespace, engine, sweepEvery: 5 });
    // Whoever has a repository there has its type swept.
    db.repository(visit(storage));
    await repository.insertMany(many.slice(0, 30), { ttl: { ms: 1 } });
    while ((await keysOf(raw, namespace)).length > 1);
    await db.close();
    await repository.insert(row(0), { ttl: { ms: 1 } });
    await serverTimePassed(raw, new Date((await serverTime(raw)) + 30));
    expect((await repository.indexes.status()).garbage).toBe(1);
  });

  test("takes a time that is one", async () => {
    for (const sweepEvery of [0, -1, Number.NaN]) {
      // eslint-disable-next-line no-await-in-loop -- one after another
      await expectFailure(connect(leg.url, { sweepEvery }), "DEFINITION");
    }
  });
});
