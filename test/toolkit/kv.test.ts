// Typed values under keys of their own: what is written is what is read, with its time, and bad input changes nothing.
// On every server.
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { bytes } from "remora";
import { kv } from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { trips } from "../behaviour/sent.ts";
import { describePiece } from "./open.ts";

const draft = z.object({ title: z.string(), at: z.date().optional(), size: z.bigint().nullable() });

describePiece("values", "kv", (box) => {
  test("come back as they are", async () => {
    const drafts = kv(box.db, "draft", draft);
    const value = { title: "Notes", at: new Date(1e12), size: 2n ** 70n };
    expect(await drafts.get("a:b{c}")).toBeUndefined();
    expect(await drafts.set("a:b{c}", value)).toBe(true);
    expect(await drafts.get("a:b{c}")).toEqual(value);
    expect(await box.raw("GET", `${box.namespace}:kv:draft:a%3Ab%7Bc%7D`)).toBe(
      '{"title":"Notes","at":1000000000000,"size":"1180591620717411303424"}',
    );
    const words = kv(box.db, "word", z.string().nullable());
    expect(await words.setMany({ a: "null", b: null, c: "" })).toEqual([true, true, true]);
    expect(await words.getMany(["a", "b", "c", "d"])).toEqual(["null", null, "", undefined]);
    const flags = kv(box.db, "flag", z.boolean());
    await flags.setMany(
      new Map([
        ["on", true],
        ["off", false],
      ]),
    );
    expect(await flags.getMany(["on", "off"])).toEqual([true, false]);
    const blobs = kv(box.db, "blob", bytes());
    const every = Uint8Array.from({ length: 256 }, (_, at) => at);
    await blobs.set("all", every);
    expect(await blobs.get("all")).toEqual(every);
    const numbers = kv(box.db, "number", z.number());
    await numbers.set("half", 0.5);
    expect(await numbers.get("half")).toBe(0.5);
  });

  test("are written under conditions, and replaced", async () => {
    const words = kv(box.db, "condition", z.string());
    expect(await words.set("a", "1", { when: "present" })).toBe(false);
    expect(await words.set("a", "1", { when: "missing" })).toBe(true);
    expect(await words.set("a", "2", { when: "missing" })).toBe(false);
    expect(await words.getSet("a", "3")).toBe("1");
    expect(await words.getSet("b", "1")).toBeUndefined();
    expect(await words.exists(["a", "b", "c", "a"])).toBe(3);
    expect(await words.take("b")).toBe("1");
    expect(await words.take("b")).toBeUndefined();
    expect(await words.delete(["a", "b"])).toBe(1);
  });

  test("live as long as was said", async () => {
    const words = kv(box.db, "short", z.string(), { ttl: 100 });
    const left = async (): Promise<number> => Number(await box.raw("PTTL", `${box.namespace}:kv:short:a`));
    await words.set("a", "1");
    expect(await left()).toBeGreaterThan(90_000);
    await words.set("a", "2", { ttl: { ms: 5000 } });
    expect(await left()).toBeLessThanOrEqual(5000);
    await words.set("a", "3", { keepTtl: true });
    expect(await left()).toBeGreaterThan(0);
    await words.get("a", { ttl: 1000 });
    expect(await left()).toBeGreaterThan(900_000);
    await words.get("a", { ttl: null });
    expect(await left()).toBe(-1);
    await words.set("a", "4", { ttl: { at: new Date(Date.now() + 50_000) } });
    expect(await left()).toBeLessThanOrEqual(50_000);
    await words.set("a", "5", { ttl: null });
    expect(await left()).toBe(-1);
  });

  test("take one trip", async () => {
    const words = kv(box.db, "trip", z.string());
    expect(await trips(() => words.setMany({ a: "1", b: "2" }))).toBe(1);
    expect(await trips(() => words.getMany(["a", "b"]))).toBe(1);
    expect(await trips(() => words.getSet("a", "2", { ttl: 5 }))).toBe(1);
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const drafts = kv(box.db, "bad", z.object({ n: z.int() }), { ttl: 100 });
      await drafts.set("a", { n: 1 });
      const wrong = { n: "x" } as unknown as { n: number };
      const bad: [() => Promise<unknown>, string][] = [
        [() => drafts.set("a", wrong), "kv bad"],
        [
          () =>
            drafts.setMany([
              ["b", { n: 1 }],
              ["c", wrong],
            ]),
          "kv bad",
        ],
        [() => drafts.set("", { n: 1 }), "empty"],
        [() => drafts.set("a\u0000", { n: 1 }), "NUL"],
        [() => drafts.set("a", { n: 1 }, { ttl: -1 }), "positive"],
        [() => drafts.set("a", { n: 1 }, { ttl: 0 }), "positive"],
        [() => drafts.set("a", { n: 1 }, { ttl: 5, keepTtl: true }), "either"],
        [() => drafts.get("a", { ttl: Number.NaN }), "positive"],
      ];
      for (const [work, message] of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        expect((await box.refused(work, "VALIDATION")).message).toContain(message);
      }
      expect(() => kv(box.db, "a:b", z.string())).toThrow("a name is");
      expect(() => kv(box.db, "a", z.string(), { ttl: 0 })).toThrow("positive");
      expect(() => kv(box.db, "a", z.string().optional())).toThrow("undefined");
      expect(() => kv(box.db, "a", z.string().transform(Number))).toThrow("cannot be stored");
    });

    test("of others is told, not given", async () => {
      const drafts = kv(box.db, "strange", z.object({ n: z.int() }));
      await box.raw("SET", `${box.namespace}:kv:strange:a`, "{");
      await box.raw("SET", `${box.namespace}:kv:strange:b`, '{"n":"x"}');
      await box.raw("RPUSH", `${box.namespace}:kv:strange:c`, "x");
      for (const key of ["a", "b", "c"]) {
        // oxlint-disable-next-line no-await-in-loop
        expect((await expectFailure(drafts.get(key), "CORRUPT_ENTITY")).id).toBe(key);
      }
    });

    test("of a closed database", async () => {
      const other = await box.another();
      const words = kv(other, "closed", z.string());
      await other.close();
      await expectFailure(words.get("a"), "CONNECTION");
    });
  });
});
