// What a rate limit answers, and the headers that say it over HTTP.
// Times are spans first, so that no clock of another machine matters.
import type { RemoraError } from "../errors.ts";
import type { PieceCall } from "./piece.ts";
import type { LimitAlgorithm, ReadRule } from "./limit-rules.ts";

/** What one rule says. */
export interface RuleState {
  /** How it counts. */
  readonly algorithm: LimitAlgorithm;
  /** How much may be taken at most. */
  readonly limit: number;
  /** Its window, in milliseconds. */
  readonly windowMs: number;
  /** How much may be taken now. */
  readonly remaining: number;
  /** Milliseconds until the cost fits this rule; 0 when it does. */
  readonly retryAfterMs: number;
  /** Milliseconds until nothing counts any more, when nobody takes. */
  readonly resetAfterMs: number;
}

/** The answer of a rate limit. */
export interface LimitResult {
  /** The name of the limit. */
  readonly name: string;
  /** Whether it was taken, or could be. */
  readonly allowed: boolean;
  /** How much may be taken at most, by the rule that is nearest to its end. */
  readonly limit: number;
  /** How much may be taken now, by that rule; 0 while blocked. */
  readonly remaining: number;
  /** Milliseconds until the cost fits all rules and no block is left; 0 when it was allowed. */
  readonly retryAfterMs: number;
  /** Milliseconds until nothing counts any more for that rule, when nobody takes. */
  readonly resetAfterMs: number;
  /** The same as a date, by this process's clock. */
  readonly resetAt: Date;
  /** Milliseconds that a block still lasts; 0 without one. */
  readonly blockedMs: number;
  /** Every rule, in the order they were given. */
  readonly rules: readonly RuleState[];
  /** Why the server could not be asked, when `fail` decided instead of it. */
  readonly failure?: RemoraError;
}

/** What a way of counting answers. */
export interface Verdict {
  readonly allowed: boolean;
  readonly blockedMs: number;
  /** One of each rule. */
  readonly states: readonly Pick<RuleState, "remaining" | "retryAfterMs" | "resetAfterMs">[];
}

/** A way of counting. */
export interface LimitCounter {
  readonly rules: readonly ReadRule[];
  /** Takes, if it fits. */
  readonly take: (call: PieceCall, tag: string, cost: number) => Promise<Verdict>;
  /** Looks whether it would fit. */
  readonly peek: (call: PieceCall, tag: string, cost: number) => Promise<Verdict>;
  /** Allows nothing for some milliseconds. */
  readonly block: (call: PieceCall, tag: string, milliseconds: number) => Promise<void>;
  /** Forgets what was taken, and a block. */
  readonly reset: (call: PieceCall, tag: string) => Promise<boolean>;
}

/**
 * Makes the answer of what was counted.
 *
 * @param name - of the limit.
 * @param rules - its rules.
 * @param verdict - what was counted.
 * @param failure - why it was not counted, if so.
 * @returns the answer.
 */
export function limitResult(
  name: string,
  rules: readonly ReadRule[],
  verdict: Verdict,
  failure?: RemoraError,
): LimitResult {
  const { allowed, blockedMs } = verdict;
  const states = rules.map(({ algorithm, limit, windowMs }, at): RuleState => {
    const { remaining = 0, retryAfterMs = 0, resetAfterMs = 0 } = verdict.states[at] ?? {};
    return { algorithm, limit, windowMs, remaining, retryAfterMs, resetAfterMs };
  });
  // The one to wait for longest, or else the one of which least is left.
  const nearest = states.reduce((one, other) => {
    const later = other.retryAfterMs - one.retryAfterMs;
    return later > 0 || (later === 0 && other.remaining < one.remaining) ? other : one;
  });
  const retryAfterMs = allowed ? 0 : Math.max(blockedMs, nearest.retryAfterMs);
  const resetAfterMs = Math.max(blockedMs, nearest.resetAfterMs);
  return {
    name,
    allowed,
    limit: nearest.limit,
    remaining: blockedMs > 0 ? 0 : nearest.remaining,
    retryAfterMs,
    resetAfterMs,
    resetAt: new Date(Date.now() + resetAfterMs),
    blockedMs,
    rules: states,
    ...(failure === undefined ? {} : { failure }),
  };
}

/** What `rateLimitHeaders` accepts. */
export interface LimitHeaderOptions {
  /**
   * `fields`, the default, gives `RateLimit` and `RateLimit-Policy` with an item per rule, as the current draft of the
   * standard has them; `legacy` gives `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
   */
  readonly style?: "fields" | "legacy";
}

/**
 * The headers that tell a client of HTTP about a limit. Times are whole seconds, rounded up.
 *
 * @param result - what the limit answered.
 * @param options - which headers.
 * @returns names and values; `Retry-After` among them when it was not allowed.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { rateLimit, rateLimitHeaders } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const searches = rateLimit(db, "search", { algorithm: "slidingLog", limit: 5, window: 60 });
 * rateLimitHeaders(await searches.take("ada"));
 * // { "RateLimit-Policy": '"search";q=5;w=60', RateLimit: '"search";r=4;t=60' }
 * await db.close();
 * ```
 */
export function rateLimitHeaders(result: LimitResult, options: LimitHeaderOptions = {}): Record<string, string> {
  const { allowed, rules, name } = result;
  const retry: Record<string, string> = allowed ? {} : { "Retry-After": seconds(result.retryAfterMs) };
  if (options.style === "legacy") {
    return {
      "RateLimit-Limit": String(result.limit),
      "RateLimit-Remaining": String(result.remaining),
      "RateLimit-Reset": seconds(result.resetAfterMs),
      ...retry,
    };
  }
  const item = (at: number): string => `"${name}${rules.length > 1 ? `-${at + 1}` : ""}"`;
  const left = ({ remaining }: RuleState): number => (result.blockedMs > 0 ? 0 : remaining);
  return {
    "RateLimit-Policy": rules
      .map(({ limit, windowMs }, at) => `${item(at)};q=${limit};w=${seconds(windowMs)}`)
      .join(", "),
    RateLimit: rules
      .map((rule, at) => `${item(at)};r=${left(rule)};t=${seconds(Math.max(result.blockedMs, rule.resetAfterMs))}`)
      .join(", "),
    ...retry,
  };
}

function seconds(milliseconds: number): string {
  return String(Math.ceil(milliseconds / 1000));
}
