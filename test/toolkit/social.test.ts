// Follows and timelines: both ends of a tie agree, pages skip and repeat nothing, and nothing grows beyond its bound.
// On every server.
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { z } from "zod";

import { type Follows, follows, timeline } from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { trips } from "../behaviour/sent.ts";
import { runs, seed } from "../property/seed.ts";
import { describePiece } from "./open.ts";

const people = ["ada", "bob", "c:{x}", "d%", "é"];

describePiece("social pieces", "social", (box) => {
  const all = async (users: Follows, side: "followers" | "following", id: string, limit = 2): Promise<string[]> => {
    const found: string[] = [];
    let after: string | undefined;
    do {
      // oxlint-disable-next-line no-await-in-loop -- page after page
      const page = await users[side](id, { limit, after });
      found.push(...page.ids);
      after = page.cursor;
    } while (after !== undefined);
    return found;
  };

  test("ties are on both ends what a model says", async () => {
    let round = 0;
    const person = fc.constantFrom(...people);
    const step = fc.record({
      what: fc.constantFrom("follow" as const, "unfollow" as const),
      one: person,
      other: person,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40 }), async (steps) => {
        round += 1;
        const users = follows(box.db, `model${round}`);
        let ties: [string, string][] = [];
        for (const { what, one, other } of steps) {
          if (one === other) continue;
          const held = ties.some(([from, to]) => from === one && to === other);
          // oxlint-disable-next-line no-await-in-loop -- in order
          expect(await users[what](one, other)).toBe(what === "follow" ? !held : held);
          if (what === "unfollow") ties = ties.filter(([from, to]) => from !== one || to !== other);
          else if (!held) ties.push([one, other]);
        }
        const following = (id: string): string[] =>
          ties
            .filter(([from]) => from === id)
            .map(([, to]) => to)
            .toReversed();
        const followers = (id: string): string[] =>
          ties
            .filter(([, to]) => to === id)
            .map(([from]) => from)
            .toReversed();
        for (const id of people) {
          // oxlint-disable-next-line no-await-in-loop
          expect(await all(users, "following", id)).toEqual(following(id));
          // oxlint-disable-next-line no-await-in-loop
          expect(await all(users, "followers", id)).toEqual(followers(id));
          const both = following(id).filter((other) => followers(id).includes(other));
          // oxlint-disable-next-line no-await-in-loop
          expect((await users.mutual(id)).toSorted()).toEqual(both.toSorted());
          const counts = new Map<string, number>();
          for (const friend of following(id)) {
            for (const other of following(friend)) {
              if (other !== id && !following(id).includes(other)) counts.set(other, (counts.get(other) ?? 0) + 1);
            }
          }
          // oxlint-disable-next-line no-await-in-loop
          const suggested = await users.suggested(id);
          expect(new Map(suggested.map((each) => [each.id, each.followedBy]))).toEqual(counts);
          expect(suggested.map((each) => each.followedBy)).toEqual([...counts.values()].toSorted((a, b) => b - a));
        }
      }),
      { numRuns: runs(15), seed },
    );
  });

  test("ties agree after sixty at once, and are forgotten on both ends", async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => box.another()));
    const pieces = others.map((db) => follows(db, "crowd"));
    const made = await Promise.all(
      Array.from({ length: 60 }, (_, at) => (pieces[at % 5] as Follows).follow(`u${at % 20}`, "star")),
    );
    expect(made.filter(Boolean)).toHaveLength(20);
    const users = follows(box.db, "crowd");
    const found = await all(users, "followers", "star", 7);
    expect(found.toSorted()).toEqual(Array.from({ length: 20 }, (_, at) => `u${at}`).toSorted());
    await users.follow("star", "u1");
    expect(await users.counts("star")).toEqual({ followers: 20, following: 1 });
    expect(await users.mutual("star")).toEqual(["u1"]);
    await users.follow("u2", "u1");
    expect((await users.common("star", "u2")).toSorted()).toEqual(["u1"]);
    expect([await users.isFollowing("u2", "star"), await users.isFollowing("star", "u2")]).toEqual([true, false]);
    expect(await users.suggested("u1", { limit: 1, reach: 5 })).toEqual([]);
    expect([await users.unfollow("u0", "star"), await users.unfollow("u0", "star")]).toEqual([true, false]);
    expect((await users.followers("star")).ids).not.toContain("u0");
    expect(await users.forget("star")).toBe(20);
    expect(await users.following("u3")).toEqual({ ids: [], cursor: undefined });
    expect(await users.counts("star")).toEqual({ followers: 0, following: 0 });
    expect(await trips(() => users.follow("x", "y"))).toBe(1);
    expect(await trips(() => users.counts("x"))).toBe(1);
    expect(await trips(() => users.suggested("x"))).toBe(1);
    await Promise.all(others.map((db) => db.close()));
  });

  test("timelines keep the newest and are read page by page while others write", async () => {
    const home = timeline(box.db, "home", z.object({ by: z.string(), n: z.int() }), { keep: 25, ttl: 100 });
    for (let n = 0; n < 30; n += 1) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await home.of("ada").add({ by: "eve", n });
    }
    expect(await home.of("ada").length()).toBe(25);
    expect(await home.remaining("ada")).toBeGreaterThan(90_000);
    const seen: number[] = [];
    let after: string | undefined;
    do {
      // oxlint-disable-next-line no-await-in-loop -- page after page
      const page = await home.of("ada").page({ limit: 4, after });
      seen.push(...page.items.map(({ item }) => item.n));
      // What comes meanwhile is newer, and pushes out what is oldest.
      // oxlint-disable-next-line no-await-in-loop
      if (seen.length === 8) await home.of("ada").add({ by: "bob", n: 99 });
      after = page.cursor;
    } while (after !== undefined);
    expect(seen).toEqual(Array.from({ length: 24 }, (_, at) => 29 - at));
    const [newest] = (await home.of("ada").page({ limit: 1 })).items;
    expect(newest).toMatchObject({ item: { by: "bob", n: 99 } });
    expect(Math.abs((newest?.at.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    const id = newest?.id as string;
    expect([await home.of("ada").remove(id), await home.of("ada").remove(id)]).toEqual([true, false]);
    const fans = Array.from({ length: 100 }, (_, at) => `fan ${at}`);
    expect(await trips(() => home.addToAll([...fans, "fan 0"], { by: "eve", n: 1 }))).toBe(1);
    expect(await home.of("fan 0").length()).toBe(1);
    expect(await home.exists(fans)).toBe(100);
    const plain = timeline(box.db, "plain", z.string(), { keep: 5 });
    await Promise.all(Array.from({ length: 60 }, (_, at) => plain.of("x").add(`t${at}`)));
    expect((await plain.of("x").page()).items).toHaveLength(5);
    await plain.of("x").clear();
    expect(await plain.of("x").page()).toEqual({ items: [], cursor: undefined });
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const users = follows(box.db, "bad");
      const home = timeline(box.db, "bad", z.object({ n: z.int() }), { keep: 5 });
      await users.follow("a", "b");
      await home.of("a").add({ n: 1 });
      const bad: (() => Promise<unknown>)[] = [
        () => users.follow("a", "a"),
        () => users.follow("a", ""),
        () => users.followers("a", { limit: 0 }),
        () => users.suggested("a", { reach: 1e9 }),
        () => home.of("a").add({ n: "x" as unknown as number }),
        () => home.of("").add({ n: 1 }),
        () => home.addToAll(["b", "c"], { n: 0.5 }),
        () => home.addToAll(["b", ""], { n: 1 }),
        () => home.of("a").page({ limit: 0 }),
        () => home.of("a").remove("x"),
      ];
      for (const work of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        await box.refused(work, "VALIDATION");
      }
      await expectFailure(users.followers("b", { after: "x y" }), "INVALID_CURSOR");
      await expectFailure(home.of("a").page({ after: "5" }), "INVALID_CURSOR");
      expect(() => timeline(box.db, "x", z.string(), { keep: 0 })).toThrow("keep");
    });
  });
});
