// The scripts of rate limits against plain arithmetic, at random times of our own: rules of every algorithm, alone and together.
// On every server; the time is an argument here, since a server's clock cannot be told.
import fc from "fast-check";
import { expect, test } from "vitest";

import type { LimitRule } from "remora/toolkit";
import { readRules, type ScriptRule } from "../../src/toolkit/limit-rules.ts";
import { generate } from "../../src/toolkit/limit-scripts.ts";
import { Piece } from "../../src/toolkit/piece.ts";
import { runs, seed } from "../property/seed.ts";
import { describePiece } from "./open.ts";

/** What one rule says at a moment: how much is left, and whether a cost fits. Times are microseconds. */
interface RuleModel {
  readonly left: (now: number) => number;
  readonly fits: (now: number, cost: number) => boolean;
  readonly take: (now: number, cost: number) => void;
}

class LogModel implements RuleModel {
  readonly #limit: number;
  readonly #window: number;
  readonly #times: number[] = [];

  constructor(limit: number, window: number) {
    this.#limit = limit;
    this.#window = window;
  }

  // The definition: in no span of one window is there more than the limit.
  left(now: number): number {
    return this.#limit - this.#times.filter((time) => time + this.#window > now).length;
  }

  fits(now: number, cost: number): boolean {
    return this.left(now) >= cost;
  }

  take(now: number, cost: number): void {
    this.#times.push(...Array.from({ length: cost }, () => now));
  }
}

class CounterModel implements RuleModel {
  readonly #limit: number;
  readonly #window: number;
  readonly #counts = new Map<number, number>();

  constructor(limit: number, window: number) {
    this.#limit = limit;
    this.#window = window;
  }

  #used(now: number): number {
    const index = Math.floor(now / this.#window);
    const spent = now - index * this.#window;
    return (this.#counts.get(index - 1) ?? 0) * (1 - spent / this.#window) + (this.#counts.get(index) ?? 0);
  }

  left(now: number): number {
    return Math.max(0, Math.floor(this.#limit - this.#used(now)));
  }

  fits(now: number, cost: number): boolean {
    return this.#used(now) + cost <= this.#limit;
  }

  take(now: number, cost: number): void {
    const index = Math.floor(now / this.#window);
    this.#counts.set(index, (this.#counts.get(index) ?? 0) + cost);
  }
}

/** A bucket that fills by one per interval. */
class BucketModel implements RuleModel {
  readonly #burst: number;
  readonly #interval: number;
  #tokens: number;
  #at = 0;

  constructor(burst: number, interval: number) {
    this.#burst = burst;
    this.#interval = interval;
    this.#tokens = burst * interval;
  }

  // Counted in microseconds of filling, so that everything is whole.
  #level(now: number): number {
    return Math.min(this.#burst * this.#interval, this.#tokens + now - this.#at);
  }

  left(now: number): number {
    return Math.floor(this.#level(now) / this.#interval);
  }

  fits(now: number, cost: number): boolean {
    return this.#level(now) >= cost * this.#interval;
  }

  take(now: number, cost: number): void {
    this.#tokens = this.#level(now) - cost * this.#interval;
    this.#at = now;
  }
}

function modelOf({ algorithm, words }: ScriptRule): RuleModel {
  const [first = 0, second = 0] = words.map(Number);
  if (algorithm === "slidingLog") return new LogModel(first, second);
  return algorithm === "gcra" ? new BucketModel(first, second) : new CounterModel(first, second);
}

// Windows long enough that no key expires by the server's own clock while a test runs.
const windowOf = fc.constantFrom(3600, 7200, { ms: 4_000_007 });
const limitOf = fc.integer({ min: 1, max: 12 });
const rule: fc.Arbitrary<LimitRule> = fc.oneof(
  fc.record({ algorithm: fc.constant("slidingLog" as const), limit: limitOf, window: windowOf }),
  fc.record({ algorithm: fc.constant("slidingCounter" as const), limit: limitOf, window: windowOf }),
  fc.record({ algorithm: fc.constant("gcra" as const), limit: limitOf, window: windowOf, burst: limitOf }),
);
const rulesOf = fc.uniqueArray(rule, {
  minLength: 1,
  maxLength: 3,
  selector: ({ algorithm, window }) => `${algorithm} ${JSON.stringify(window)}`,
});
// From the same microsecond to several windows later; `wait` waits for as long as was said.
const step = fc.record({
  after: fc.oneof(
    { weight: 2, arbitrary: fc.constant("wait" as const) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, 3_600_000_000, 3_599_999_999, 7_200_000_000, 30_000_000_000) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 2_000_000_000 }) },
  ),
  cost: fc.integer({ min: 1, max: 4 }),
});

const ownTime = "local now = tonumber(ARGV[#ARGV])";

describePiece("rate limits are as their model", "limit-model", (box) => {
  test("at any times, for any rules and costs", { timeout: 120_000 }, async () => {
    let boards = 0;
    const property = fc.asyncProperty(
      rulesOf,
      fc.array(step, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 7_000_000_000 }),
      async (wanted, steps, offset) => {
        boards += 1;
        const rules = readRules(new Piece(box.db, "limit", "model"), wanted);
        const models = rules.map(modelOf);
        const most = Math.min(...rules.map(({ limit }) => limit));
        const algorithms = rules.map(({ algorithm }) => algorithm);
        const scripts = [generate(algorithms, "peek", ownTime), generate(algorithms, "take", ownTime)];
        const tag = `${box.namespace}:{${boards}}`;
        const keys = [`${tag}:block`, ...rules.map(({ suffix }) => `${tag}:${suffix}`)];
        let now = 1_700_000_000_000_000 + offset;
        let promised = 0;
        for (const { after, cost } of steps) {
          const waited = after === "wait" && promised > 0;
          now += after === "wait" ? promised * 1000 : after;
          const asked = waited ? 1 : Math.min(cost, most);
          const ask = async (script: { readonly lua: string } | undefined): Promise<number[]> => {
            const words = rules.flatMap((each) => each.words);
            return (await box.raw("EVAL", script?.lua ?? "", keys.length, ...keys, asked, ...words, now)) as number[];
          };
          const seen = await ask(scripts[0]);
          const reply = await ask(scripts[1]);
          const fits = models.every((model) => model.fits(now, asked));
          expect(seen[0], `${now}`).toBe(fits ? 1 : 0);
          expect(seen.filter((_, at) => at % 3 === 2)).toEqual(models.map((model) => model.left(now)));
          expect(reply[0]).toBe(seen[0]);
          // Whoever waits as long as was said, for one, gets it.
          if (waited) expect(reply[0]).toBe(1);
          if (fits) for (const model of models) model.take(now, asked);
          else expect(reply).toEqual(seen);
          expect(reply.filter((_, at) => at % 3 === 2)).toEqual(models.map((model) => model.left(now)));
          const waits = reply.filter((_, at) => at % 3 === 0 && at > 0);
          for (const [at, model] of models.entries()) {
            expect(waits[at] === 0).toBe(fits || model.fits(now, asked));
          }
          promised = fits || asked > 1 ? 0 : Math.max(...waits);
          // What is free again is free by then, and was not long before.
          const resets = reply.filter((_, at) => at % 3 === 1 && at > 1);
          for (const [at, model] of models.entries()) {
            const later = now + (resets[at] ?? 0) * 1000;
            expect(model.left(later)).toBe(rules[at]?.limit);
          }
        }
      },
    );
    await fc.assert(property, { numRuns: runs(150), seed });
  });
});
