// Who is here: whoever said so lately, once by however many ways, and nobody who fell silent.
// On every server.
import { describe, expect, test } from "vitest";

import { presence } from "remora/toolkit";
import { serverTime } from "../behaviour/clock.ts";
import { trips } from "../behaviour/sent.ts";
import { describePiece } from "./open.ts";

describePiece("presence", "presence", (box) => {
  /** Lets somebody have said so some time ago. */
  const silent = async (name: string, id: string, milliseconds: number, ...ways: string[]): Promise<void> => {
    const front = `${box.namespace}:presence:{${name}}`;
    const then = (await serverTime(box.raw)) - milliseconds;
    await box.raw("ZADD", `${front}:seen`, then, id);
    await Promise.all(ways.map((way) => box.raw("ZADD", `${front}:ways:${id}`, then, way)));
  };

  test("is said, listed and taken back", async () => {
    const online = presence(box.db, "online");
    expect([await online.touch("ada"), await online.touch("ada"), await online.touch("bob:{x}")]).toEqual([
      true,
      false,
      true,
    ]);
    await silent("online", "ada", 1000);
    const now = await serverTime(box.raw);
    const here = await online.online();
    expect(here.map(({ id }) => id)).toEqual(["bob:{x}", "ada"]);
    expect(Math.abs((here[0]?.seen.getTime() ?? 0) - now)).toBeLessThan(5000);
    expect(await online.online({ limit: 1, offset: 1 })).toEqual([here[1]]);
    expect([await online.count(), await online.isOnline("ada"), await online.isOnline("eve")]).toEqual([
      2,
      true,
      false,
    ]);
    expect(await online.lastSeen(["eve", "ada"])).toEqual([null, here[1]?.seen]);
    expect([await online.leave("ada"), await online.leave("ada"), await online.count()]).toEqual([true, true, 1]);
    expect(await trips(() => online.touch("ada"))).toBe(1);
    expect(await trips(() => online.online())).toBe(1);
  });

  test("forgets the silent at once, and their keys by and by", async () => {
    const online = presence(box.db, "silent", { silence: 60 });
    await online.touch("ada");
    await silent("silent", "bob", 59_000);
    await silent("silent", "eve", 60_001);
    expect(await online.count()).toBe(2);
    expect((await online.online()).map(({ id }) => id)).toEqual(["ada", "bob"]);
    expect([await online.isOnline("eve"), await online.isOnline("bob")]).toEqual([false, true]);
    const key = `${box.namespace}:presence:{silent}:seen`;
    expect(await box.raw("ZCARD", key)).toBe(3);
    expect(await online.touch("eve")).toBe(true);
    await silent("silent", "eve", 60_001);
    await online.touch("ada");
    expect(await box.raw("ZCARD", key)).toBe(2);
    expect(Number(await box.raw("PTTL", key))).toBeGreaterThan(50_000);
  });

  test("a naive set of users forgets somebody whose one of two sessions ended; ours does not", async () => {
    const naive = `${box.namespace}:naive`;
    await box.raw("SADD", naive, "ada");
    await box.raw("SADD", naive, "ada");
    await box.raw("SREM", naive, "ada");
    expect(await box.raw("SISMEMBER", naive, "ada")).toBe(0);

    const online = presence(box.db, "ways");
    await online.touch("ada", { via: "phone" });
    await online.touch("ada", { via: "desk" });
    expect([await online.leave("ada", { via: "phone" }), await online.isOnline("ada")]).toEqual([false, true]);
    expect([await online.leave("ada", { via: "desk" }), await online.isOnline("ada")]).toEqual([true, false]);
    // A way that fell silent does not hold anybody here.
    await online.touch("ada", { via: "phone" });
    await silent("ways", "ada", 61_000, "desk");
    await online.touch("ada", { via: "phone" });
    expect(await online.leave("ada", { via: "phone" })).toBe(true);
    await online.touch("ada", { via: "phone" });
    await online.touch("ada", { via: "desk" });
    expect([await online.leave("ada"), await online.count()]).toEqual([true, 0]);
  });

  test("is bounded, and right after sixty at once", async () => {
    const few = presence(box.db, "few", { max: 10 });
    const others = await Promise.all(Array.from({ length: 5 }, () => box.another()));
    const pieces = others.map((db) => presence(db, "few", { max: 10 }));
    await Promise.all(
      Array.from({ length: 60 }, (_, at) => (pieces[at % 5] as typeof few).touch(`u${at}`, { via: `w${at}` })),
    );
    expect(await few.count()).toBe(10);
    await Promise.all(Array.from({ length: 200 }, (_, at) => few.touch("ada", { via: `w${at}` })));
    expect(await box.raw("ZCARD", `${box.namespace}:presence:{few}:ways:ada`)).toBe(100);
    const room = few.of("room 1");
    await room.touch("ada");
    expect([await room.count(), await few.of("room 2").count()]).toEqual([1, 0]);
    await Promise.all(others.map((db) => db.close()));
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const online = presence(box.db, "bad");
      await online.touch("ada");
      const bad: (() => Promise<unknown>)[] = [
        () => online.touch(""),
        () => online.touch("\ud800"),
        () => online.of("").touch("ada"),
        () => online.online({ limit: -1 }),
        () => online.online({ offset: 0.5 }),
      ];
      for (const work of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        await box.refused(work, "VALIDATION");
      }
      expect(() => presence(box.db, "x", { silence: 0 })).toThrow("positive");
      expect(() => presence(box.db, "x", { silence: -5 })).toThrow("positive");
      expect(() => presence(box.db, "x", { max: 0 })).toThrow("max");
    });
  });
});
