// Lists, sets, sorted sets and hashes under keys of their own: each method against plain data, with a time set by the very write.
// On every server.
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { z } from "zod";

import type { Database } from "remora";
import { cappedList, hash, list, set, sortedSet } from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { sent, trips } from "../behaviour/sent.ts";
import { runs, seed } from "../property/seed.ts";
import { describePiece } from "./open.ts";

const hostile = ["", " a ", "a\u0000b", '{"x":1}', "\u{1F600}", "a|b", "é", "$", "1"];

describePiece("collections", "collections", (box) => {
  test("lists keep items in order, and know their places", async () => {
    const steps = list(box.db, "step", z.object({ do: z.string(), at: z.date().optional() }));
    const mine = steps.of("a:b{c}");
    const [first, second] = [{ do: "x", at: new Date(5) }, { do: "y" }];
    expect(await mine.push(first, second)).toBe(2);
    expect(await mine.unshift(second)).toBe(3);
    expect(await mine.range()).toEqual([second, first, second]);
    expect([await mine.at(1), await mine.at(-3), await mine.at(3)]).toEqual([first, second, null]);
    expect([await mine.replace(0, first), await mine.replace(3, first)]).toEqual([true, false]);
    await mine.trim(0, 1);
    expect([await mine.pop(), await mine.shift(), await mine.shift(), await mine.length()]).toEqual([
      first,
      first,
      null,
      0,
    ]);
    expect(await steps.exists("a:b{c}")).toBe(0);
    const lines = list(box.db, "line", z.string()).of("all");
    await lines.push(...hostile);
    expect(await lines.range()).toEqual(hostile);
  });

  test("capped lists keep the newest, whatever is pushed by however many", async () => {
    const history = cappedList(box.db, "history", z.int(), { keep: 10, ttl: 100 });
    const others = await Promise.all(Array.from({ length: 5 }, () => box.another()));
    const lists = others.map((db) => cappedList(db, "history", z.int(), { keep: 10, ttl: 100 }).of("ada"));
    const lengths = await Promise.all(
      Array.from({ length: 60 }, (_, at) => (lists[at % 5] as (typeof lists)[number]).push(at, at + 100, at + 200)),
    );
    expect(Math.max(...lengths)).toBe(10);
    const newest = await history.of("ada").newest();
    expect(newest).toHaveLength(10);
    // Each push is one piece: its three items stand together.
    expect(newest.slice(0, 3)).toEqual([0, 1, 2].map((at) => (newest[0] as number) - at * 100));
    expect(await history.of("ada").newest(2)).toEqual(newest.slice(0, 2));
    expect(await history.of("ada").newest(0)).toEqual([]);
    expect(await history.remaining("ada")).toBeGreaterThan(90_000);
    await history.of("ada").clear();
    expect(await history.of("ada").length()).toBe(0);
    await Promise.all(others.map((db) => db.close()));
  });

  test("sets are compared as the mathematics of sets has it", async () => {
    const interests = set(box.db, "interests", z.string());
    const words = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"));
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 4 }), async (all) => {
        round += 1;
        const keys = all.map((_, at) => `${round}.${at}`);
        await Promise.all(all.map((members, at) => interests.of(keys[at] as string).add(...members)));
        const sorted = (found: readonly string[]): string[] => found.toSorted();
        const [first = [], ...rest] = all;
        expect(sorted(await interests.common(keys))).toEqual(
          sorted(first.filter((x) => rest.every((each) => each.includes(x)))),
        );
        expect(sorted(await interests.union(keys))).toEqual(sorted([...new Set(all.flat())]));
        expect(sorted(await interests.difference(keys[0] as string, keys.slice(1)))).toEqual(
          sorted(first.filter((x) => !rest.some((each) => each.includes(x)))),
        );
      }),
      { numRuns: runs(30), seed },
    );
    const days = set(box.db, "day", z.date()).of("x");
    await days.add(new Date(7), new Date(8));
    expect(await days.random(5)).toHaveLength(2);
    const popped = await days.pop(1);
    expect(await days.members()).toEqual(
      [new Date(7), new Date(8)].filter((day) => day.getTime() !== popped[0]?.getTime()),
    );
  });

  test("what is popped goes to one caller each", async () => {
    const names = Array.from({ length: 200 }, (_, at) => `n${at}`);
    await set(box.db, "pool", z.string())
      .of("x")
      .add(...names);
    const others = await Promise.all(Array.from({ length: 5 }, () => box.another()));
    const popped = await Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        set(others[at % 5] as Database, "pool", z.string())
          .of("x")
          .pop(4),
      ),
    );
    expect(popped.flat().toSorted()).toEqual(names.toSorted());
    await Promise.all(others.map((db) => db.close()));
  });

  test("sorted sets rank and count by scores", async () => {
    const prices = sortedSet(box.db, "price", z.string()).of("fruit");
    expect([await prices.set("apple", 1.5), await prices.set("fig", 3), await prices.set("kiwi", -1)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(await prices.increment("kiwi", 3)).toBe(2);
    expect(await prices.byScore({ min: 1.5, max: 2 })).toEqual([
      { member: "apple", score: 1.5 },
      { member: "kiwi", score: 2 },
    ]);
    expect(await prices.byScore({ reverse: true, limit: 1 })).toEqual([{ member: "fig", score: 3 }]);
    expect([await prices.rank("fig"), await prices.rank("fig", { reverse: true }), await prices.rank("no")]).toEqual([
      2,
      0,
      null,
    ]);
    expect([await prices.count({ min: 2 }), await prices.removeByScore({ min: 2 }), await prices.size()]).toEqual([
      2, 2, 1,
    ]);
  });

  test("hashes are read, written and counted by field", async () => {
    const profile = z.object({
      name: z.string(),
      logins: z.int().optional(),
      score: z.number(),
      last: z.date().nullable(),
      tags: z.array(z.string()),
    });
    const profiles = hash(box.db, "profile", profile);
    const ada = profiles.of("ada");
    expect(await ada.get()).toEqual({});
    expect(await ada.set({ name: "Ada", last: new Date(5), tags: ["x"] })).toBe(true);
    expect([
      await ada.increment("logins"),
      await ada.increment("logins", 4),
      await ada.increment("score", 0.5),
    ]).toEqual([1, 5, 0.5]);
    expect(await ada.get()).toEqual({ name: "Ada", last: new Date(5), tags: ["x"], logins: 5, score: 0.5 });
    await ada.set({ last: null });
    expect(await ada.get("last", "logins")).toEqual({ last: null, logins: 5 });
    expect([await ada.has("name"), await ada.delete("name", "score"), await ada.has("name")]).toEqual([true, 2, false]);
    expect((await ada.fields()).toSorted()).toEqual(["last", "logins", "tags"]);
    await box.raw("HSET", `${box.namespace}:hash:profile:ada`, "strange", "x");
    expect(await ada.fields()).not.toContain("strange");
    expect(await ada.get()).not.toHaveProperty("strange");
    await Promise.all(Array.from({ length: 60 }, () => ada.increment("logins")));
    expect(await ada.get("logins")).toEqual({ logins: 65 });
  });

  test("a naive look before the write brings back a part of what expired; ours does not", async () => {
    const key = `${box.namespace}:hash:session:naive`;
    await box.raw("HSET", key, "user", "ada", "page", "1");
    const there = await box.raw("HEXISTS", key, "user");
    // It expires between the look and the write.
    await box.raw("PEXPIRE", key, 0);
    if (there === 1) await box.raw("HSET", key, "page", "2");
    expect(await box.raw("HGETALL", key)).toEqual(["page", "2"]);
    expect(await box.raw("TTL", key)).toBe(-1);

    const sessions = hash(box.db, "session", z.object({ user: z.string(), page: z.int() }), { ttl: 100 });
    const ours = sessions.of("ours");
    expect(await ours.set({ user: "ada", page: 1 }, { when: "missing" })).toBe(true);
    expect(await ours.set({ page: 2 }, { when: "missing" })).toBe(false);
    expect(await ours.set({ page: 2 }, { when: "present" })).toBe(true);
    expect(await sessions.remaining("ours")).toBeGreaterThan(90_000);
    await sessions.delete("ours");
    expect(await ours.set({ page: 3 }, { when: "present" })).toBe(false);
    expect(await sessions.exists("ours")).toBe(0);
  });

  test("the time to live is set by the write, anew or once", async () => {
    const anew = list(box.db, "anew", z.string(), { ttl: 100 });
    const once = list(box.db, "once", z.string(), { ttl: 100, sliding: "none" });
    for (const each of [anew, once]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await each.of("x").push("a");
      // oxlint-disable-next-line no-await-in-loop
      expect(await each.remaining("x")).toBeGreaterThan(90_000);
      // oxlint-disable-next-line no-await-in-loop
      await each.expire("x", 10);
      // oxlint-disable-next-line no-await-in-loop
      await each.of("x").push("b");
    }
    expect(await anew.remaining("x")).toBeGreaterThan(90_000);
    expect(await once.remaining("x")).toBeLessThanOrEqual(10_000);
    await once.persist("x");
    await once.of("x").replace(0, "c");
    expect(await once.remaining("x")).toBeGreaterThan(90_000);
    expect(await trips(() => anew.of("x").push("c"))).toBe(1);
    expect(await sent(() => list(box.db, "plain", z.string()).of("x").push("c"))).toEqual(["RPUSH"]);
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const steps = list(box.db, "badlist", z.int(), { ttl: 100 });
      const words = set(box.db, "badset", z.string());
      const prices = sortedSet(box.db, "badsorted", z.string());
      const profiles = hash(box.db, "badhash", z.object({ n: z.int(), word: z.string() }));
      await Promise.all([steps.of("a").push(1), words.of("a").add("x"), profiles.of("a").set({ n: 1 })]);
      const bad: (() => Promise<unknown>)[] = [
        () => steps.of("a").push(2, "x" as unknown as number),
        () => steps.of("").push(2),
        () => steps.of("a\u0000").push(2),
        () => steps.of("a").range(0.5),
        () => words.of("a").add("\ud800"),
        () => words.of("a").pop(-1),
        () => words.common([]),
        () => prices.of("a").set("x", Number.NaN),
        () => prices.of("a").byScore({ offset: 1 }),
        () => profiles.of("a").set({}),
        () => profiles.of("a").set({ n: 2, word: 5 as unknown as string }),
        () => profiles.of("a").set({ other: 2 } as never),
        () => profiles.of("a").increment("n", 0.5),
        () => profiles.of("a").increment("word" as "n"),
        () => profiles.of("a").increment("__proto__" as "n"),
        () => steps.expire("a", 0),
        () => steps.expireAt("a", new Date(0)),
      ];
      for (const work of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        await box.refused(work, "VALIDATION");
      }
      expect(() => set(box.db, "x", z.object({ a: z.string() }))).toThrow("single values");
      expect(() => list(box.db, "x", z.string().nullable())).toThrow("absent");
      expect(() => list(box.db, "x", z.string(), { ttl: -1 })).toThrow("positive");
      expect(() => cappedList(box.db, "x", z.string(), { keep: 0 })).toThrow("keep");
      expect(() => hash(box.db, "x", z.object({ a: z.string().transform(Number) }))).toThrow("cannot be stored");
    });

    test("of others is told", async () => {
      await box.raw("SET", `${box.namespace}:list:foreign:a`, "x");
      const foreign = list(box.db, "foreign", z.int(), { ttl: 5 });
      await expectFailure(foreign.of("a").push(1), "CORRUPT_ENTITY");
      await expectFailure(foreign.of("a").range(), "CORRUPT_ENTITY");
      await box.raw("RPUSH", `${box.namespace}:list:foreign:b`, "x");
      expect((await expectFailure(foreign.of("b").range(), "CORRUPT_ENTITY")).id).toBe("b");
      await box.raw("HSET", `${box.namespace}:hash:foreign:a`, "n", "x");
      await expectFailure(
        hash(box.db, "foreign", z.object({ n: z.int() }))
          .of("a")
          .get("n"),
        "CORRUPT_ENTITY",
      );
    });

    test("of a fired signal and a closed database", async () => {
      const signal = AbortSignal.abort();
      await expectFailure(list(box.db, "signal", z.int()).of("a", { signal }).push(1), "DEADLINE");
      const other = await box.another();
      await other.close();
      await expectFailure(list(other, "closed", z.int()).of("a").push(1), "CONNECTION");
    });
  });
});
