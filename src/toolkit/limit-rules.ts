// The rules of rate limits: what users say, and what the scripts are told.
// Everything is checked when a limit is made.
import { type Duration, milliseconds } from "./duration.ts";
import type { Piece } from "./piece.ts";

/** At most `limit` in any span of `window`: exact, and remembers when each was taken. */
export interface SlidingLogRule {
  /** How it counts. */
  readonly algorithm: "slidingLog";
  /** How much may be taken: 1 to 100,000. */
  readonly limit: number;
  /** The span: seconds, or `{ ms }`. */
  readonly window: Duration;
}

/** About `limit` in any span of `window`: two numbers, which count the last window as if it had been even. */
export interface SlidingCounterRule {
  /** How it counts. */
  readonly algorithm: "slidingCounter";
  /** How much may be taken: 1 to 1,000,000,000. */
  readonly limit: number;
  /** The span: seconds, or `{ ms }`. */
  readonly window: Duration;
}

/** A steady rate of `limit` per `window`, and at most `burst` at once: one number (GCRA, a token bucket). */
export interface GcraRule {
  /** How it counts. */
  readonly algorithm: "gcra";
  /** How much comes back per window: 1 to 1,000,000,000, and no more than one per microsecond. */
  readonly limit: number;
  /** The span: seconds, or `{ ms }`. */
  readonly window: Duration;
  /** How much may be taken at once after a rest; `limit` when left out. */
  readonly burst?: number;
}

/** A rule that may stand beside others: all of them take, or none. */
export type LimitRule = SlidingLogRule | SlidingCounterRule | GcraRule;

/** At most `limit` from the first call until `window` is over, by rate-limiter-flexible. */
export interface FixedWindowRule {
  /** How it counts. */
  readonly algorithm: "fixedWindow";
  /** How much may be taken: 1 to 1,000,000,000. */
  readonly limit: number;
  /** Whole seconds. */
  readonly window: Duration;
  /** More that may be taken, in a window of its own, when the limit is used up. */
  readonly burst?: {
    /** How much. */
    readonly limit: number;
    /** Whole seconds. */
    readonly window: Duration;
  };
}

/** How a rule counts. */
export type LimitAlgorithm = (LimitRule | FixedWindowRule)["algorithm"];

/** A rule, read. */
export interface ReadRule<A extends LimitAlgorithm = LimitAlgorithm> {
  readonly algorithm: A;
  /** How much may be taken at most. */
  readonly limit: number;
  readonly windowMs: number;
  /** What the scripts are told of it. */
  readonly words: readonly string[];
  /** The end of its key. */
  readonly suffix: string;
}

/** A rule of the scripts, read. */
export type ScriptRule = ReadRule<LimitRule["algorithm"]>;

const largestLog = 100_000;
const largest = 1_000_000_000;

/**
 * Reads the rules of a script.
 *
 * @param piece - whose rules they are.
 * @param rules - what the user said.
 * @returns the rules, in order.
 * @throws ValidationError when one makes no sense, or two count the same.
 */
export function readRules(piece: Piece, rules: readonly LimitRule[]): readonly ScriptRule[] {
  if (rules.length === 0) throw piece.invalid("a limit needs at least one rule");
  const read = rules.map((rule) => readRule(piece, rule));
  if (new Set(read.map(({ suffix }) => suffix)).size < read.length) {
    throw piece.invalid("two rules are of one algorithm and window; leave out the one that allows more");
  }
  return read;
}

function readRule(piece: Piece, rule: LimitRule): ScriptRule {
  const { algorithm } = rule;
  const windowMs = milliseconds(piece, rule.window, "window", 1);
  const limit = amount(piece, rule.limit, "limit", algorithm === "slidingLog" ? largestLog : largest);
  const suffix = `${algorithm}:${windowMs}`;
  const read = (most: number, ...words: number[]): ScriptRule => ({
    algorithm,
    limit: most,
    windowMs,
    suffix,
    words: words.map(String),
  });
  switch (algorithm) {
    case "slidingLog":
    case "slidingCounter":
      return read(limit, limit, windowMs * 1000);
    case "gcra": {
      // Rounded up, so that what comes back is never more than was said.
      const interval = Math.ceil((windowMs * 1000) / limit);
      if (limit > windowMs * 1000) throw piece.invalid("limit must be at most one per microsecond");
      const burst = amount(piece, rule.burst ?? limit, "burst", largest);
      return read(burst, burst, interval);
    }
    default:
      throw piece.invalid(`algorithm ${JSON.stringify(algorithm)} does not stand beside others, or does not exist`);
  }
}

/**
 * Reads a window of the library's, which counts in whole seconds.
 *
 * @param piece - whose it is.
 * @param rule - how much, and in what time.
 * @returns the rule.
 * @throws ValidationError when it makes no sense.
 */
export function readWindow(piece: Piece, rule: Pick<FixedWindowRule, "limit" | "window">): ReadRule {
  const windowMs = milliseconds(piece, rule.window, "window", 1);
  if (windowMs % 1000 !== 0) throw piece.invalid("the window of a fixedWindow is whole seconds");
  const limit = amount(piece, rule.limit, "limit", largest);
  return { algorithm: "fixedWindow", limit, windowMs, words: [], suffix: "window" };
}

/**
 * Reads how much.
 *
 * @param piece - whose argument it is.
 * @param value - what the caller gave.
 * @param subject - what to call it in errors.
 * @param most - the largest that makes sense.
 * @param id - the key it is about.
 * @returns the number.
 * @throws ValidationError when it is not a whole number from 1 to that.
 */
export function amount(piece: Piece, value: number, subject: string, most: number, id?: string): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw piece.invalid(`${subject} must be a whole number from 1 to ${most}`, id);
}
