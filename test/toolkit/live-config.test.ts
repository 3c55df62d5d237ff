// A configuration that processes share: every change counts once, each process knows of it soon, and a wrong one changes nothing.
// On every server.
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { type ConfigVersion, liveConfig } from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { sent, trips } from "../behaviour/sent.ts";
import { describePiece } from "./open.ts";

const limits = z.object({ perMinute: z.int().positive(), note: z.string().optional() });
const initial = { perMinute: 60 };

describePiece("live configuration", "config", (box) => {
  test("is the initial one until it is set, and has versions", async () => {
    const config = liveConfig(box.db, "plain", limits, { initial, keep: 3 });
    expect(await config.read()).toEqual({ version: 0, at: undefined, value: initial });
    expect(await config.history()).toEqual([]);
    expect(await config.set({ perMinute: 1, note: "a\nb" })).toMatchObject({
      version: 1,
      value: { perMinute: 1, note: "a\nb" },
    });
    expect(await config.read()).toMatchObject({ version: 1, value: { perMinute: 1, note: "a\nb" } });
    for (let perMinute = 2; perMinute < 6; perMinute += 1) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await config.set({ perMinute }, { version: perMinute - 1 });
    }
    const history = await config.history();
    expect(history.map(({ version, value }) => [version, value.perMinute])).toEqual([
      [5, 5],
      [4, 4],
      [3, 3],
    ]);
    expect(Math.abs((history[0]?.at?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(await expectFailure(config.set({ perMinute: 9 }, { version: 4 }), "VERSION_CONFLICT")).toMatchObject({
      expected: 4,
      actual: 5,
    });
    expect((await config.read()).value).toEqual({ perMinute: 5 });
  });

  test("is changed by sixty at once, each on top of the others", async () => {
    const others = await Promise.all(Array.from({ length: 6 }, () => box.another()));
    const configs = others.map((db) => liveConfig(db, "crowd", limits, { initial }));
    await Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        (configs[at % 6] as (typeof configs)[number]).change(({ perMinute }) => ({ perMinute: perMinute + 1 }), {
          retries: 1000,
        }),
      ),
    );
    expect(await configs[0]?.read()).toMatchObject({ version: 60, value: { perMinute: 120 } });
    const beaten = configs[0]?.change(
      async ({ perMinute }) => {
        await configs[1]?.set({ perMinute: 1 });
        return { perMinute: perMinute + 1 };
      },
      { retries: 2 },
    );
    await expectFailure(beaten as Promise<unknown>, "VERSION_CONFLICT");
    const own = new RangeError("own");
    await expect(configs[0]?.change(() => Promise.reject(own))).rejects.toBe(own);
    await Promise.all(others.map((db) => db.close()));
  });

  test("is asked for once per while, and by one caller of many", async () => {
    const other = await box.another();
    const mine = liveConfig(box.db, "cached", limits, { initial, refresh: 60 });
    const theirs = liveConfig(other, "cached", limits, { initial, refresh: 60 });
    const eager = liveConfig(box.db, "cached", limits, { initial, refresh: 0.001 });
    const asked = await sent(() => Promise.all(Array.from({ length: 50 }, () => mine.get())));
    expect(asked).toEqual(["LINDEX"]);
    expect(await trips(() => mine.get())).toBe(0);
    await theirs.set({ perMinute: 7 });
    expect(await theirs.get()).toEqual({ perMinute: 7 });
    expect(await mine.get()).toEqual(initial);
    await expect.poll(() => eager.get()).toEqual({ perMinute: 7 });
    await mine.read();
    expect(await mine.get()).toEqual({ perMinute: 7 });
    await other.close();
  });

  test("is followed, until the signal or the end of the database", async () => {
    const other = await box.another();
    const refresh = 0.005;
    const writer = liveConfig(box.db, "watched", limits, { initial });
    const seen: ConfigVersion<unknown>[] = [];
    const stop = new AbortController();
    for await (const found of liveConfig(other, "watched", limits, { initial, refresh }).watch({
      signal: stop.signal,
    })) {
      seen.push(found);
      if (found.version === 2) stop.abort();
      else await writer.set({ perMinute: found.version + 1 });
    }
    expect(seen.map(({ version }) => version)).toEqual([0, 1, 2]);
    const ended = (async () => {
      for await (const _found of liveConfig(other, "watched", limits, { initial, refresh: 3600 }).watch())
        void other.close();
      return "ended";
    })();
    expect(await ended).toBe("ended");
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const config = liveConfig(box.db, "bad", limits, { initial });
      await config.set({ perMinute: 5 });
      const bad: (() => Promise<unknown>)[] = [
        () => config.set({ perMinute: -1 }),
        () => config.set({ perMinute: 1 }, { version: 0.5 }),
        () => config.set({ perMinute: 1 }, { version: -1 }),
        () => config.change(() => ({ perMinute: 0 })),
      ];
      for (const work of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        await box.refused(work, "VALIDATION");
      }
      expect(() => liveConfig(box.db, "x", limits, { initial: { perMinute: 0 } })).toThrow("fit");
      expect(() => liveConfig(box.db, "x", limits, { initial, refresh: 0 })).toThrow("positive");
      expect(() => liveConfig(box.db, "x", limits, { initial, keep: 0 })).toThrow("keep");
    });

    test("of others is told, not given", async () => {
      const config = liveConfig(box.db, "foreign", limits, { initial });
      await box.raw("LPUSH", `${box.namespace}:config:{foreign}`, '1 5 {"perMinute":"x"}');
      await expectFailure(config.get(), "CORRUPT_ENTITY");
      const other = await box.another();
      await other.close();
      await expectFailure(liveConfig(other, "closed", limits, { initial }).get(), "CONNECTION");
    });
  });
});
