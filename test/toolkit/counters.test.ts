// Counters: nothing is lost or counted twice, none stays for ever, and what is counted by time is what a model of days says.
// On every server.
import { describe, expect, test } from "vitest";
import fc from "fast-check";

import { bucketCounter, counter, uniqueNumbers, uniques } from "remora/toolkit";
import { serverTime } from "../behaviour/clock.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { keysOf } from "../behaviour/matrix.ts";
import { sent, trips } from "../behaviour/sent.ts";
import { runs, seed } from "../property/seed.ts";
import { describePiece } from "./open.ts";

const day = 86_400_000;

describePiece("counters", "counters", (box) => {
  /** Noon, some days before the server's day. */
  const ago = async (days: number): Promise<Date> => {
    const now = await serverTime(box.raw);
    return new Date(Math.floor(now / day) * day + day / 2 - days * day);
  };

  test("count whole numbers and fractions, and begin again", async () => {
    const jobs = counter(box.db, "jobs");
    expect([await jobs.of("a").get(), await jobs.of("a").increment(), await jobs.of("a").increment(-5)]).toEqual([
      0, 1, -4,
    ]);
    expect([await jobs.of("a").reset(), await jobs.of("a").get()]).toEqual([-4, 0]);
    const weights = counter(box.db, "weight", { fractions: true }).of("a");
    expect([await weights.increment(0.5), await weights.increment(2), await weights.get()]).toEqual([0.5, 2.5, 2.5]);
    expect(await sent(() => jobs.of("a").increment())).toEqual(["INCRBY"]);
    const others = await Promise.all(Array.from({ length: 5 }, () => box.another()));
    await Promise.all(
      others.flatMap((db) => Array.from({ length: 12 }, () => counter(db, "jobs").of("b").increment())),
    );
    expect(await jobs.of("b").get()).toBe(60);
    await Promise.all(others.map((db) => db.close()));
  });

  test("a naive INCR, then EXPIRE leaves a key for ever; ours is one call", async () => {
    const key = `${box.namespace}:naive`;
    // A process that dies between the two never sends the second; nobody sends it later, since only the first count does.
    const naive = async (dies: boolean): Promise<void> => {
      const count = await box.raw("INCR", key);
      if (dies) return;
      if (count === 1) await box.raw("EXPIRE", key, 100);
    };
    await naive(true);
    await naive(false);
    expect(await box.raw("TTL", key)).toBe(-1);

    const failures = counter(box.db, "failures", { ttl: 100 });
    expect(await trips(() => failures.of("a").increment())).toBe(1);
    expect(await failures.remaining("a")).toBeGreaterThan(90_000);
    // Counted from the first on; and a key that was left without an end gets one.
    await failures.expire("a", 10);
    await failures.of("a").increment();
    expect(await failures.remaining("a")).toBeLessThanOrEqual(10_000);
    await failures.persist("a");
    await failures.of("a").increment();
    expect(await failures.remaining("a")).toBeGreaterThan(90_000);
    const sliding = counter(box.db, "sliding", { ttl: 100, sliding: "write" });
    await sliding.of("a").increment();
    await sliding.expire("a", 10);
    await sliding.of("a").increment();
    expect(await sliding.remaining("a")).toBeGreaterThan(90_000);
  });

  test("sums by time are those of a model", async () => {
    const noon = await ago(0);
    const at = (days: number): Date => new Date(noon.getTime() - days * day);
    let round = 0;
    const count = fc.record({ days: fc.integer({ min: 0, max: 6 }), by: fc.integer({ min: -3, max: 9 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(count, { maxLength: 15 }), fc.nat(6), fc.nat(6), async (counts, one, other) => {
        round += 1;
        const views = bucketCounter(box.db, "model", { every: "day", keep: 7 });
        const key = `page ${round}`;
        for (const { days, by } of counts) {
          // oxlint-disable-next-line no-await-in-loop
          await views.increment(key, by, { at: at(days) });
        }
        const between = (from: number, to: number): number =>
          counts.filter(({ days }) => days <= from && days >= to).reduce((sum, { by }) => sum + by, 0);
        const [to, from] = [Math.min(one, other), Math.max(one, other)];
        expect(await views.sum(key, { from: at(from), to: at(to) })).toBe(between(from, to));
        expect(await views.sum(key, { from: at(from) })).toBe(between(from, 0));
        expect(await views.sum(key, { last: from + 1 })).toBe(between(from, 0));
        const series = await views.series(key, { last: 7 });
        expect(series.map((each) => each.count)).toEqual([6, 5, 4, 3, 2, 1, 0].map((days) => between(days, days)));
        expect(series.at(-1)?.start).toEqual(new Date(Math.floor(noon.getTime() / day) * day));
      }),
      { numRuns: runs(15), seed },
    );
  });

  test("old stretches go when a new one begins, and a silent count goes as a whole", async () => {
    const wide = bucketCounter(box.db, "aged", { every: "day", keep: 100 });
    const narrow = bucketCounter(box.db, "aged", { every: "day", keep: 3 });
    const days = [90, 50, 3, 2, 1];
    for (const each of days) {
      // oxlint-disable-next-line no-await-in-loop
      await wide.increment("x", 1, { at: await ago(each) });
    }
    const key = `${box.namespace}:buckets:aged:x`;
    expect(await box.raw("HLEN", key)).toBe(5);
    await narrow.increment("x");
    expect(await box.raw("HLEN", key)).toBe(3);
    expect(await narrow.sum("x", { last: 3 })).toBe(3);
    const left = Number(await narrow.remaining("x"));
    expect(left).toBeGreaterThan(3 * day - 1);
    expect(left).toBeLessThanOrEqual(4 * day);
    expect(await trips(() => narrow.increment("x"))).toBe(1);
    expect(await trips(() => narrow.series("x", { last: 3 }))).toBe(1);
    const week = await bucketCounter(box.db, "weeks", { every: "week", keep: 4 }).series("x", { last: 1 });
    expect(week[0]?.start.getUTCDay()).toBe(1);
    expect(
      await bucketCounter(box.db, "minutes", { every: "minute", keep: 3000 }).series("x", { last: 3000 }),
    ).toHaveLength(3000);
    await Promise.all(Array.from({ length: 60 }, () => narrow.increment("crowd")));
    expect(await narrow.sum("crowd", { last: 2 })).toBe(60);
  });

  test("different ones are counted over ranges, each once, and no key is left behind", async () => {
    const active = uniques(box.db, "active", { keep: 40 });
    const exact = uniqueNumbers(box.db, "active", { keep: 40 });
    const [today, yesterday, before] = await Promise.all([ago(0), ago(1), ago(20)]);
    await Promise.all([
      active.add(["ada", "bob"]),
      active.add("ada", { at: yesterday }),
      active.add("eve", { at: before }),
      exact.add([1, 2]),
      exact.add([1, 7], { at: yesterday }),
      exact.add(9, { at: before }),
    ]);
    const keysBefore = await keysOf(box.raw, box.namespace);
    for (const counts of [active, exact]) {
      // oxlint-disable-next-line no-await-in-loop
      expect([await counts.count({ last: 1 }), await counts.count({ from: before, to: before })]).toEqual([2, 1]);
      // oxlint-disable-next-line no-await-in-loop
      expect(await counts.count({ from: before, to: today })).toBe(counts === active ? 3 : 4);
    }
    expect(await active.count({ last: 7 })).toBe(2);
    expect(await exact.count({ last: 7 })).toBe(3);
    expect(await exact.countEvery({ last: 2 })).toBe(1);
    expect([await exact.has(7, { last: 1 }), await exact.has(7, { last: 2 })]).toEqual([false, true]);
    expect(await keysOf(box.raw, box.namespace)).toEqual(keysBefore);
    expect([await active.add("ada"), await exact.add([1, 3, 3])]).toEqual([false, 1]);
    // Parts are counted apart.
    expect(await active.of("/home").add("zoe")).toBe(true);
    expect([await active.of("/home").count({ last: 1 }), await active.count({ last: 1 })]).toEqual([1, 2]);
    expect(await trips(() => active.count({ last: 30 }))).toBe(1);
    expect(await trips(() => exact.count({ last: 30 }))).toBe(1);
    const many = uniques(box.db, "many");
    await Promise.all(
      Array.from({ length: 60 }, (_, at) => many.add(Array.from({ length: 100 }, (__, user) => `u${at * 50 + user}`))),
    );
    const estimate = await many.count({ last: 1 });
    expect(Math.abs(estimate - 3050) / 3050).toBeLessThan(0.03);
  });

  test("every stretch has an end of its own", async () => {
    const active = uniques(box.db, "ends", { keep: 3 });
    await active.add("ada", { at: await ago(1) });
    const number = Math.floor((await serverTime(box.raw)) / day) - 1;
    const dies = Number(await box.raw("PEXPIRETIME", `${box.namespace}:uniques:{ends}:${number}`));
    expect(dies).toBe((number + 3) * day);
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const jobs = counter(box.db, "bad", { ttl: 100 });
      const views = bucketCounter(box.db, "bad", { every: "day", keep: 7 });
      const active = uniques(box.db, "bad", { keep: 7 });
      const exact = uniqueNumbers(box.db, "bad", { keep: 7, max: 1000 });
      await Promise.all([jobs.of("a").increment(), views.increment("a"), active.add("a"), exact.add(1)]);
      const [old, future] = await Promise.all([ago(8), ago(-3)]);
      const bad: (() => Promise<unknown>)[] = [
        () => jobs.of("a").increment(0.5),
        () => jobs.of("").increment(),
        () => views.increment("a", 0.5),
        () => views.increment("a", 1, { at: old }),
        () => views.increment("a", 1, { at: future }),
        () => views.increment("a", 1, { at: new Date(Number.NaN) }),
        () => views.sum("a", { last: 0 }),
        () => views.sum("a", { last: 8 }),
        () => views.sum("a", { from: future, to: old }),
        () => active.add("a", { at: old }),
        () => active.add([]),
        () => active.add(["x", ""]),
        () => active.of("").add("x"),
        () => exact.add(-1),
        () => exact.add([2, 1001]),
        () => exact.add(1.5),
      ];
      for (const work of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        await box.refused(work, "VALIDATION");
      }
      expect(() => bucketCounter(box.db, "x", { every: "day", keep: 0 })).toThrow("keep");
      expect(() => bucketCounter(box.db, "x", { every: "year" as "day", keep: 1 })).toThrow("every");
      expect(() => uniqueNumbers(box.db, "x", { max: 2 ** 33 })).toThrow("max");
      expect(() => counter(box.db, "x", { ttl: 0 })).toThrow("positive");
    });

    test("of others is told", async () => {
      await box.raw("RPUSH", `${box.namespace}:counter:foreign:a`, "x");
      await expectFailure(counter(box.db, "foreign").of("a").increment(), "CORRUPT_ENTITY");
      await expectFailure(counter(box.db, "foreign", { ttl: 5 }).of("a").increment(), "CORRUPT_ENTITY");
    });
  });
});
