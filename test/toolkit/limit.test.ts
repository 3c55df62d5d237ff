// Rate limits: exact under many callers, processes and connections; the recipes that are around, and what is wrong with them.
// On every server.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import {
  type FixedWindowRule,
  type LimitResult,
  type LimitRule,
  type RateLimit,
  rateLimit,
  rateLimitHeaders,
} from "remora/toolkit";
import { loadLibrary } from "../../src/toolkit/library.ts";
import { Piece } from "../../src/toolkit/piece.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { sent, trips } from "../behaviour/sent.ts";
import { ownServer } from "../redis/own-server.ts";
import { connect } from "remora";
import { getThenIncrement, incrementThenExpire, renewEachTime } from "./limit-naive.ts";
import { shared, sharedRules } from "./limit-shared.ts";
import { describePiece } from "./open.ts";

const worker = fileURLToPath(new URL("limit-worker.ts", import.meta.url));
const hour = 3600;

const kinds: readonly (LimitRule | FixedWindowRule)[] = (
  ["slidingLog", "slidingCounter", "gcra", "fixedWindow"] as const
).map((algorithm) => ({ algorithm, limit: 5, window: hour }));

/** What one process got of each shared limit. */
function takeElsewhere(url: string, namespace: string, times: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const args = ["--import", "tsx", worker, url, namespace, String(times)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let [text, errors] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(text) as number[]);
      else reject(new Error(`the worker ended with ${code}: ${errors}`));
    });
  });
}

const allowed = (answers: readonly LimitResult[]): number => answers.filter((answer) => answer.allowed).length;

async function takeAll(limit: RateLimit, key: string): Promise<number> {
  let count = 0;
  while ((await limit.take(key)).allowed) count += 1;
  return count;
}

describePiece("rate limits", "limit", (box) => {
  const keys = async (): Promise<string[]> => (await box.raw("KEYS", `${box.namespace}:limit:*`)) as string[];
  const left = async (key: string): Promise<number> => Number(await box.raw("PTTL", key));

  describe.each(kinds)("by $algorithm", (rule) => {
    const { algorithm } = rule;

    test("let exactly as many through as they allow, of fifty at once over five connections", async () => {
      const others = await Promise.all(Array.from({ length: 4 }, () => box.another()));
      const limits = [box.db, ...others].map((db) => rateLimit(db, algorithm, rule));
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, at) => (limits[at % 5] as RateLimit).take("crowd")),
      );
      await Promise.all(others.map((db) => db.close()));
      expect(allowed(answers)).toBe(5);
      const lefts = answers.filter((answer) => answer.allowed).map(({ remaining }) => remaining);
      expect(new Set(lefts)).toEqual(new Set([0, 1, 2, 3, 4]));
      for (const answer of answers) {
        expect(answer.retryAfterMs > 0).toBe(!answer.allowed);
        expect(answer.resetAfterMs).toBeGreaterThan(0);
      }
    });

    test("count keys apart, look without taking, and forget", async () => {
      const limit = rateLimit(box.db, `${algorithm}2`, rule);
      expect(await limit.peek("ada")).toMatchObject({ allowed: true, remaining: 5, limit: 5, resetAfterMs: 0 });
      expect(await keys()).not.toContainEqual(expect.stringContaining(`{${algorithm}2:`));
      expect(await limit.take("ada", { cost: 3 })).toMatchObject({ allowed: true, remaining: 2, retryAfterMs: 0 });
      expect(await limit.peek("ada", { cost: 3 })).toMatchObject({ allowed: false, remaining: 2 });
      expect(await limit.peek("ada", { cost: 2 })).toMatchObject({ allowed: true, remaining: 2 });
      expect(await limit.take("bob {}:*")).toMatchObject({ allowed: true, remaining: 4 });
      expect(await limit.reset("ada")).toBe(true);
      expect(await limit.reset("ada")).toBe(false);
      expect(await takeAll(limit, "ada")).toBe(5);
    });

    test("may be blocked for a time, and unblocked", async () => {
      const limit = rateLimit(box.db, `${algorithm}3`, rule);
      await limit.take("ada");
      await limit.block("ada", 2 * hour);
      const refused = await limit.take("ada");
      expect(refused).toMatchObject({ allowed: false, remaining: 0 });
      expect(refused.retryAfterMs).toBeGreaterThan(1.9 * hour * 1000);
      expect(await limit.peek("ada")).toMatchObject({ allowed: false });
      expect(await limit.take("bob")).toMatchObject({ allowed: true });
      await limit.reset("ada");
      expect(await limit.take("ada")).toMatchObject({ allowed: true, remaining: 4 });
    });

    test("keep no key for ever", async () => {
      const limit = rateLimit(box.db, `${algorithm}4`, rule);
      await limit.take("ada");
      const own = (await keys()).filter((key) => key.includes(`{${algorithm}4:`));
      expect(own).toHaveLength(1);
      for (const key of own) {
        expect(await left(key)).toBeGreaterThan(0);
        expect(await left(key)).toBeLessThanOrEqual(2 * hour * 1000 + 1);
      }
    });

    test("take one trip", async () => {
      const limit = rateLimit(box.db, `${algorithm}5`, rule);
      expect(await trips(() => limit.take("ada"))).toBe(1);
      expect(await trips(() => limit.peek("ada"))).toBe(1);
      expect(await trips(() => limit.block("ada", 5))).toBe(1);
      expect(await trips(() => limit.reset("ada"))).toBe(1);
      expect(await sent(() => limit.take("ada"))).toHaveLength(1);
    });
  });

  test("three processes of fifty calls get what there is, and no more", { timeout: 60_000 }, async () => {
    const got = await Promise.all([1, 2, 3].map(() => takeElsewhere(box.leg.url, box.namespace, 50)));
    for (const at of sharedRules.keys()) {
      expect(got.reduce((sum, each) => sum + (each[at] ?? 0), 0)).toBe(shared);
    }
  });

  describe("several rules", () => {
    const rules = [
      { algorithm: "slidingLog", limit: 3, window: 1000 },
      { algorithm: "slidingCounter", limit: 8, window: hour },
      { algorithm: "gcra", limit: 100, window: hour, burst: 20 },
    ] as const;

    test("take together or not at all", async () => {
      const limit = rateLimit(box.db, "several", rules);
      await limit.take("ada", { cost: 2 });
      const refused = await limit.take("ada", { cost: 2 });
      expect(refused).toMatchObject({ allowed: false, limit: 3, remaining: 1 });
      expect(refused.rules.map(({ remaining }) => remaining)).toEqual([1, 6, 18]);
      expect(refused.rules.map(({ retryAfterMs }) => retryAfterMs > 0)).toEqual([true, false, false]);
      const answers = await Promise.all(Array.from({ length: 50 }, () => limit.take("crowd")));
      expect(allowed(answers)).toBe(3);
      expect((await limit.peek("crowd")).rules.map(({ remaining }) => remaining)).toEqual([0, 5, 17]);
      expect(await trips(() => limit.take("crowd"))).toBe(1);
    });

    test("tell by headers", async () => {
      const limit = rateLimit(box.db, "headers", rules);
      expect(rateLimitHeaders(await limit.take("ada", { cost: 3 }))).toEqual({
        "RateLimit-Policy": '"headers-1";q=3;w=1000, "headers-2";q=8;w=3600, "headers-3";q=20;w=3600',
        RateLimit: expect.stringMatching(
          /^"headers-1";r=0;t=1000, "headers-2";r=5;t=\d+, "headers-3";r=17;t=108$/,
        ) as string,
      });
      const refused = await limit.take("ada");
      expect(rateLimitHeaders(refused)["Retry-After"]).toMatch(/^(1000|9\d\d)$/);
      expect(rateLimitHeaders(refused, { style: "legacy" })).toMatchObject({
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "0",
      });
      await limit.block("bob", 50);
      expect(rateLimitHeaders(await limit.take("bob"))["RateLimit"]).toMatch(/^"headers-1";r=0;t=50/);
    });
  });

  test("a burst lets through more, in a window of its own", async () => {
    const burst = { limit: 3, window: 2 * hour };
    const limit = rateLimit(box.db, "burst", { algorithm: "fixedWindow", limit: 5, window: hour, burst });
    const answers = await Promise.all(Array.from({ length: 50 }, () => limit.take("crowd")));
    expect(allowed(answers)).toBe(8);
    expect(await limit.peek("crowd")).toMatchObject({ allowed: false, remaining: 0 });
    await limit.reset("crowd");
    expect(await limit.peek("crowd")).toMatchObject({ allowed: true, remaining: 5 });
  });

  describe("the naive recipe", () => {
    const key = (name: string): string => `${box.namespace}:naive:${name}`;

    test("naive: looking before counting lets fifty of fifty through a limit of five; ours five", async () => {
      const naive = await Promise.all(
        Array.from({ length: 50 }, () => getThenIncrement(box.raw, key("look"), 5, hour)),
      );
      expect(naive.filter(Boolean)).toHaveLength(50);
      const limit = rateLimit(box.db, "look", { algorithm: "slidingLog", limit: 5, window: hour });
      expect(allowed(await Promise.all(Array.from({ length: 50 }, () => limit.take("crowd"))))).toBe(5);
    });

    test.each(kinds)("naive: a window renewed by each call never ends; ours by $algorithm does", async (rule) => {
      const renewed = key(`renew-${rule.algorithm}`);
      while (await renewEachTime(box.raw, renewed, 5, hour));
      await box.raw("PEXPIRE", renewed, 1000);
      expect(await renewEachTime(box.raw, renewed, 5, hour)).toBe(false);
      expect(await left(renewed)).toBeGreaterThan(1000);
      const limit = rateLimit(box.db, `renew-${rule.algorithm}`, rule);
      await takeAll(limit, "ada");
      const own = (await keys()).find((name) => name.includes(`{renew-${rule.algorithm}:`)) ?? "";
      await box.raw("PEXPIRE", own, 100_000);
      expect(await limit.take("ada")).toMatchObject({ allowed: false });
      expect(await left(own)).toBeLessThanOrEqual(100_000);
    });

    test("naive: dying between INCR and EXPIRE locks out for ever; ours is one call", async () => {
      const dead = key("dead");
      const dying = async (command: string, ...args: (string | number)[]): Promise<unknown> => {
        if (command === "EXPIRE") throw new Error("died");
        return box.raw(command, ...args);
      };
      await expect(incrementThenExpire(dying, dead, 5, hour)).rejects.toThrow("died");
      while (await incrementThenExpire(box.raw, dead, 5, hour));
      expect(await left(dead)).toBe(-1);
      for (const rule of kinds) {
        const limit = rateLimit(box.db, `dead-${rule.algorithm}`, rule);
        // One command: there is no place to die between two.
        expect(await sent(() => limit.take("ada"))).toHaveLength(1);
        const own = (await keys()).find((name) => name.includes(`{dead-${rule.algorithm}:`)) ?? "";
        expect(await left(own)).toBeGreaterThan(0);
      }
    });
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const limit = rateLimit(box.db, "bad", { algorithm: "gcra", limit: 5, window: 10, burst: 2 });
      const windows = rateLimit(box.db, "bad2", { algorithm: "fixedWindow", limit: 5, window: 10 });
      await limit.take("ada");
      const bad: [() => Promise<unknown>, string][] = [
        [() => limit.take(""), "empty"],
        [() => limit.take("a\u0000"), "NUL"],
        [() => limit.take("a".repeat(513)), "longer"],
        [() => limit.take("ada", { cost: 0 }), "cost"],
        [() => limit.take("ada", { cost: -1 }), "cost"],
        [() => limit.take("ada", { cost: 1.5 }), "cost"],
        [() => limit.take("ada", { cost: Number.NaN }), "cost"],
        [() => limit.take("ada", { cost: 3 }), "from 1 to 2"],
        [() => windows.take("ada", { cost: 6 }), "from 1 to 5"],
        [() => windows.take("\ud800"), "surrogate"],
        [() => limit.peek("ada", { cost: 3 }), "from 1 to 2"],
        [() => limit.block("ada", 0), "positive"],
        [() => limit.block("ada", -5), "positive"],
        [() => limit.block("ada", { ms: Number.NaN }), "positive"],
        [() => limit.block("", 5), "empty"],
        [() => limit.reset(""), "empty"],
      ];
      for (const [work, message] of bad) {
        expect((await box.refused(work, "VALIDATION")).message).toContain(message);
      }
    });

    test("in rules is refused at once", () => {
      const made = (rules: unknown) => () => rateLimit(box.db, "bad", rules as LimitRule);
      const log = { algorithm: "slidingLog", limit: 5, window: 10 };
      for (const limit of [0, -1, 1.5, Number.NaN, 100_001, "5"])
        expect(made({ ...log, limit })).toThrow("limit must be");
      for (const window of [0, -1, Number.NaN, { ms: 0 }, 1e12])
        expect(made({ ...log, window })).toThrow("window must be");
      expect(made({ algorithm: "gcra", limit: 2000, window: { ms: 1 } })).toThrow("microsecond");
      expect(made({ algorithm: "gcra", limit: 5, window: 1, burst: 0 })).toThrow("burst must be");
      expect(made({ algorithm: "fixedWindow", limit: 5, window: { ms: 1500 } })).toThrow("whole seconds");
      expect(made({ algorithm: "other", limit: 5, window: 1 })).toThrow("algorithm");
      expect(made([log, { algorithm: "fixedWindow", limit: 5, window: 1 }])).toThrow("algorithm");
      expect(made([])).toThrow("at least one rule");
      expect(made([log, { ...log, limit: 7 }])).toThrow("two rules");
      expect(() => rateLimit(box.db, "a:b", kinds[0] as LimitRule)).toThrow("a name is");
    });

    test("of others is told, not taken", async () => {
      const limit = rateLimit(box.db, "strange", { algorithm: "slidingLog", limit: 5, window: 10 });
      await box.raw("SET", `${box.namespace}:limit:{strange:ada}:slidingLog:10000`, "x");
      expect((await box.refused(() => limit.take("ada"), "CORRUPT_ENTITY")).entity).toBe("limit strange");
    });

    test("a library that is not installed is named", async () => {
      const missing = "no-such-package";
      const load = (): Promise<unknown> => import(missing);
      const error = await expectFailure(loadLibrary(new Piece(box.db, "limit", "a"), missing, load), "CAPABILITY");
      expect(error.message).toContain("npm install no-such-package");
    });
  });
});

describe("a limit whose server is gone", () => {
  test("throws, lets everybody through, or nobody", async () => {
    const server = await ownServer();
    const db = await connect(server.url, { namespace: "gone", deadline: 100 });
    const errors: string[] = [];
    const onError = ({ code }: { readonly code: string }): void => void errors.push(code);
    const rule = { algorithm: "gcra", limit: 5, window: 10 } as const;
    await rateLimit(db, "a", rule).take("ada");
    await server.stop();
    await expectFailure(rateLimit(db, "a", rule).take("ada"), "DEADLINE");
    const open = await rateLimit(db, "a", rule, { fail: "open", onError }).take("ada");
    expect(open).toMatchObject({ allowed: true, remaining: 5, failure: { code: "DEADLINE" } });
    const closed = await rateLimit(db, "a", { ...rule, algorithm: "fixedWindow" }, { fail: "closed", onError }).take(
      "ada",
    );
    expect(closed).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 10_000, failure: { code: "DEADLINE" } });
    expect(errors).toEqual(["DEADLINE", "DEADLINE"]);
    // What the user's own code throws is not swallowed, and what the caller asked for wrongly is no failure of the server.
    const throwing = rateLimit(db, "a", rule, {
      fail: "open",
      onError: () => {
        throw new Error("mine");
      },
    });
    await expect(throwing.take("ada")).rejects.toThrow("mine");
    await expectFailure(rateLimit(db, "a", rule, { fail: "open" }).take(""), "VALIDATION");
    const aborted = { signal: AbortSignal.abort() };
    await expectFailure(rateLimit(db, "a", rule, { fail: "open" }).take("ada", aborted), "DEADLINE");
    await db.close();
    await expectFailure(rateLimit(db, "a", rule).take("ada"), "CONNECTION");
    expect(await rateLimit(db, "a", rule, { fail: "open" }).take("ada")).toMatchObject({ allowed: true });
  });
});
