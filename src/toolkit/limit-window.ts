// Fixed windows and bursts, counted by rate-limiter-flexible, an optional peer.
// The library is given a client that sends the piece's own way, so deadlines, errors and keys are those of every piece.
import type { RateLimiterRes } from "rate-limiter-flexible";

import { defineScript, type Reply, type Request } from "../redis/command.ts";
import { loadLibrary } from "./library.ts";
import type { LimitCounter, Verdict } from "./limit-result.ts";
import { type FixedWindowRule, type ReadRule, readWindow } from "./limit-rules.ts";
import type { Piece, PieceCall } from "./piece.ts";

/** Commands that the library collects and sends together. */
interface Collected {
  readonly set: (...words: readonly unknown[]) => Collected;
  readonly get: (key: string) => Collected;
  readonly pttl: (key: string) => Collected;
  readonly exec: () => Promise<[error: null, reply: Reply][]>;
}

/** As much of a client as the library calls, for one call of the piece. */
class WindowClient {
  readonly #piece: Piece;
  readonly #call: PieceCall;
  #script = "";

  constructor(piece: Piece, call: PieceCall) {
    this.#piece = piece;
    this.#call = call;
  }

  defineCommand(_name: string, { lua }: { readonly lua: string }): void {
    this.#script = lua;
  }

  /** The library's script: counts, and sets the time in the same call. */
  rlflxIncr([key = "", ...args]: readonly string[]): Promise<Reply> {
    const script = defineScript("limit.window", this.#script);
    return this.#piece.one(this.#call, () => ({ script, keys: [key], args }));
  }

  del(key: string): Promise<Reply> {
    return this.#piece.one(this.#call, () => ({ name: "UNLINK", args: [key] }));
  }

  /** One write of plain commands: none of them needs the others. */
  multi(): Collected {
    const requests: Request[] = [];
    const add = (name: string, words: readonly unknown[]): Collected => {
      requests.push({ name, args: words.map(String) });
      return collected;
    };
    const collected: Collected = {
      set: (...words) => add("SET", words),
      get: (key) => add("GET", [key]),
      pttl: (key) => add("PTTL", [key]),
      exec: async () => (await this.#piece.many(this.#call, () => requests)).map((reply) => [null, reply]),
    };
    return collected;
  }
}

/** As much of the library's limiters as is used. */
interface Limiter {
  readonly consume: (key: string, cost: number) => Promise<RateLimiterRes>;
  readonly get: (key: string) => Promise<RateLimiterRes | null>;
  readonly block: (key: string, seconds: number) => Promise<RateLimiterRes>;
  readonly delete: (key: string) => Promise<boolean>;
}

/** The end of every key. */
const suffix = "window";

/** Counts in fixed windows. */
export class WindowCounter implements LimitCounter {
  readonly rules: readonly ReadRule[];
  readonly #piece: Piece;
  readonly #burst: ReadRule | undefined;

  /**
   * @param piece - its name and its way to the server.
   * @param rule - what the user said.
   * @throws ValidationError when it makes no sense.
   */
  constructor(piece: Piece, rule: FixedWindowRule) {
    this.#piece = piece;
    this.rules = [readWindow(piece, rule)];
    this.#burst = rule.burst === undefined ? undefined : readWindow(piece, rule.burst);
  }

  async take(call: PieceCall, tag: string, cost: number): Promise<Verdict> {
    const [limiter] = await this.#limiters(call, tag);
    try {
      return this.#verdict(true, await limiter.consume(suffix, cost));
    } catch (error) {
      // The library rejects with its answer when nothing is left.
      if (error instanceof Error) throw error;
      return this.#verdict(false, error as RateLimiterRes);
    }
  }

  async peek(call: PieceCall, tag: string, cost: number): Promise<Verdict> {
    const [, limiters] = await this.#limiters(call, tag);
    const held = await Promise.all(limiters.map((limiter) => limiter.get(suffix)));
    const fits = [...this.rules, this.#burst].findIndex(
      (rule, at) => rule !== undefined && (held[at]?.consumedPoints ?? 0) + cost <= rule.limit,
    );
    const { remaining, wait } = this.#left(held[0]);
    const waits = held.flatMap((found) => (found === null ? [] : [found.msBeforeNext]));
    return { allowed: fits >= 0, blockedMs: 0, states: [state(remaining, fits >= 0 ? 0 : Math.min(...waits), wait)] };
  }

  async block(call: PieceCall, tag: string, milliseconds: number): Promise<void> {
    const [, limiters] = await this.#limiters(call, tag);
    await Promise.all(limiters.map((limiter) => limiter.block(suffix, Math.ceil(milliseconds / 1000))));
  }

  async reset(call: PieceCall, tag: string): Promise<boolean> {
    const [, limiters] = await this.#limiters(call, tag);
    return (await Promise.all(limiters.map((limiter) => limiter.delete(suffix)))).includes(true);
  }

  // Made for each call, since the client that they send through knows the call's deadline and signal.
  async #limiters(
    call: PieceCall,
    tag: string,
  ): Promise<readonly [whole: Pick<Limiter, "consume">, parts: readonly Limiter[]]> {
    const { BurstyRateLimiter, RateLimiterRedis } = await loadLibrary(
      this.#piece,
      "rate-limiter-flexible",
      () => import("rate-limiter-flexible"),
    );
    const storeClient = new WindowClient(this.#piece, call);
    const limiter = ({ limit, windowMs }: ReadRule, keyPrefix: string) =>
      new RateLimiterRedis({ storeClient, points: limit, duration: windowMs / 1000, keyPrefix });
    const windows = limiter(this.rules[0] as ReadRule, tag);
    if (this.#burst === undefined) return [windows, [windows]];
    const burst = limiter(this.#burst, `${tag}:burst`);
    return [new BurstyRateLimiter(windows, burst), [windows, burst]];
  }

  #verdict(allowed: boolean, answer: RateLimiterRes): Verdict {
    const { remaining, wait } = this.#left(answer);
    return { allowed, blockedMs: 0, states: [state(remaining, allowed ? 0 : wait, wait)] };
  }

  #left(answer: RateLimiterRes | null | undefined): { readonly remaining: number; readonly wait: number } {
    const { limit = 0 } = this.rules[0] ?? {};
    return { remaining: answer?.remainingPoints ?? limit, wait: Math.max(0, answer?.msBeforeNext ?? 0) };
  }
}

function state(remaining: number, retryAfterMs: number, resetAfterMs: number): Verdict["states"][number] {
  return { remaining, retryAfterMs, resetAfterMs };
}
