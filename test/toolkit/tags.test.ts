// Tags of things and the things of tags: never one without the other, whoever writes at once.
// On every server.
import { describe, expect, test } from "vitest";
import fc from "fast-check";

import { tags, type Tags } from "remora/toolkit";
import { trips } from "../behaviour/sent.ts";
import { runs, seed } from "../property/seed.ts";
import { describePiece } from "./open.ts";

const things = ["ada", "bob", "a:b{c}", " x"];
const names = ["chess", "go", "k:v%", "{t}", "é"];

describePiece("tags", "tags", (box) => {
  const expectSame = async (interests: Tags, model: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> => {
    for (const thing of things) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await interests.of(thing)).toSorted()).toEqual([...(model.get(thing) ?? [])].toSorted());
    }
    for (const name of names) {
      const with_ = things.filter((thing) => model.get(thing)?.has(name) === true);
      // oxlint-disable-next-line no-await-in-loop
      expect((await interests.withAll(name)).toSorted()).toEqual(with_.toSorted());
      // oxlint-disable-next-line no-await-in-loop
      expect(await interests.count(name)).toBe(with_.length);
    }
  };

  test("are on both sides what a model says", async () => {
    let round = 0;
    const step = fc.record({
      what: fc.constantFrom("add" as const, "remove" as const, "set" as const, "clear" as const),
      thing: fc.constantFrom(...things),
      some: fc.array(fc.constantFrom(...names), { maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        round += 1;
        const interests = tags(box.db, `model${round}`);
        const model = new Map<string, Set<string>>();
        for (const { what, thing, some } of steps) {
          const held = model.get(thing) ?? new Set<string>();
          const before = new Set(held);
          if (what === "set" || what === "clear") held.clear();
          for (const name of what === "clear" ? [] : some) {
            if (what === "remove") held.delete(name);
            else held.add(name);
          }
          model.set(thing, held);
          // oxlint-disable-next-line no-await-in-loop -- in order
          const changed = await (what === "clear" ? interests.clear(thing) : interests[what](thing, some));
          const differing = names.filter((name) => before.has(name) !== held.has(name));
          expect(changed).toBe(differing.length);
        }
        await expectSame(interests, model);
      }),
      { numRuns: runs(25), seed },
    );
  });

  test("are compared", async () => {
    const interests = tags(box.db, "compare");
    await interests.add("ada", ["chess", "go", "tea"]);
    await interests.add("bob", ["go", "tea", "wine"]);
    await interests.add("eve", "tea");
    expect((await interests.common(["ada", "bob"])).toSorted()).toEqual(["go", "tea"]);
    expect(await interests.common(["ada", "bob", "eve"])).toEqual(["tea"]);
    expect(await interests.common(["ada", "nobody"])).toEqual([]);
    expect((await interests.union(["ada", "bob", "nobody"])).toSorted()).toEqual(["chess", "go", "tea", "wine"]);
    expect(await interests.unique("ada", ["bob", "eve"])).toEqual(["chess"]);
    expect((await interests.withAny(["chess", "wine"])).toSorted()).toEqual(["ada", "bob"]);
    expect((await interests.withAll(["go", "tea"])).toSorted()).toEqual(["ada", "bob"]);
    expect([await interests.has("eve", "tea"), await interests.has("eve", "go")]).toEqual([true, false]);
    expect(await trips(() => interests.set("ada", ["go"]))).toBe(1);
    expect(await trips(() => interests.common(["ada", "bob"]))).toBe(1);
  });

  test("agree after sixty at once", async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => box.another()));
    const pieces = others.map((db) => tags(db, "crowd"));
    await Promise.all(
      Array.from({ length: 60 }, (_, at) => {
        const interests = pieces[at % 5] as Tags;
        const thing = things[at % 4] as string;
        if (at % 3 === 0) return interests.set(thing, [names[at % 5] as string]);
        return at % 3 === 1 ? interests.add(thing, names) : interests.remove(thing, names.slice(0, 3));
      }),
    );
    const interests = tags(box.db, "crowd");
    const model = new Map(
      await Promise.all(things.map(async (thing) => [thing, new Set(await interests.of(thing))] as const)),
    );
    await expectSame(interests, model);
    await Promise.all(things.map((thing) => interests.clear(thing)));
    // Nothing is left of what nobody has.
    expect(await box.raw("EXISTS", ...names.map((name) => `${box.namespace}:tags:{crowd}:with:${name}`))).toBe(0);
    await Promise.all(others.map((db) => db.close()));
  });

  test("a naive pair of writes leaves one side without the other; ours is one call", async () => {
    const front = `${box.namespace}:naive`;
    await box.raw("SADD", `${front}:ada`, "chess");
    // A process that dies here never writes the other side.
    expect(await box.raw("SISMEMBER", `${front}:chess`, "ada")).toBe(0);
    const interests = tags(box.db, "whole");
    expect(await trips(() => interests.add("ada", ["chess", "go"]))).toBe(1);
    expect(await interests.withAll(["chess", "go"])).toEqual(["ada"]);
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const interests = tags(box.db, "bad");
      await interests.add("ada", "go");
      const bad: (() => Promise<unknown>)[] = [
        () => interests.add("", "go"),
        () => interests.add("ada", ["x", ""]),
        () => interests.add("ada", "x".repeat(600)),
        () => interests.set("ada", ["\u0000"]),
        () =>
          interests.add(
            "ada",
            Array.from({ length: 1001 }, (_, at) => `t${at}`),
          ),
        () => interests.withAll([]),
        () => interests.common([]),
      ];
      for (const work of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        await box.refused(work, "VALIDATION");
      }
      expect(() => tags(box.db, "a:b")).toThrow("a name is");
    });
  });
});
