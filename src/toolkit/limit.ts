// Rate limits: how much somebody may take in a time, counted on the server, right under any number of callers.
// One script call per question; several rules take together or not at all.
import { isRemoraError, type RemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import type { Script } from "../redis/command.ts";
import { type Duration, milliseconds } from "./duration.ts";
import { type LimitCounter, limitResult, type LimitResult, type Verdict } from "./limit-result.ts";
import {
  amount,
  type FixedWindowRule,
  type LimitRule,
  type ReadRule,
  readRules,
  type ScriptRule,
} from "./limit-rules.ts";
import { limitScript } from "./limit-scripts.ts";
import { WindowCounter } from "./limit-window.ts";
import { Piece, type PieceCall } from "./piece.ts";

/** What `rateLimit` accepts beside name and rules. */
export interface RateLimitOptions {
  /**
   * What `take` and `peek` do when the server cannot be reached, or not in time: `throw` the error, which is the
   * default, let everybody through (`open`), or nobody (`closed`).
   */
  readonly fail?: "throw" | "open" | "closed";
  /** Told of the error where `fail` is `open` or `closed`; what it throws rejects the call. */
  readonly onError?: (error: RemoraError) => void;
}

/** What `take` and `peek` accept. */
export interface TakeOptions extends CallOptions {
  /** How much to take: a whole number, at most what every rule allows at once; 1 when left out. */
  readonly cost?: number;
}

/** Counts by a script. */
class ScriptCounter implements LimitCounter {
  readonly rules: readonly ScriptRule[];
  readonly #piece: Piece;
  readonly #words: readonly string[];
  readonly #take: Script;
  readonly #peek: Script;

  constructor(piece: Piece, rules: readonly LimitRule[]) {
    this.#piece = piece;
    this.rules = readRules(piece, rules);
    this.#words = this.rules.flatMap(({ words }) => words);
    const algorithms = this.rules.map(({ algorithm }) => algorithm);
    this.#take = limitScript(algorithms, "take");
    this.#peek = limitScript(algorithms, "peek");
  }

  take(call: PieceCall, tag: string, cost: number): Promise<Verdict> {
    return this.#ask(this.#take, call, tag, cost);
  }

  peek(call: PieceCall, tag: string, cost: number): Promise<Verdict> {
    return this.#ask(this.#peek, call, tag, cost);
  }

  async block(call: PieceCall, tag: string, time: number): Promise<void> {
    await this.#piece.one(call, () => ({ name: "SET", args: [`${tag}:block`, "1", "PX", String(time)] }));
  }

  async reset(call: PieceCall, tag: string): Promise<boolean> {
    return Number(await this.#piece.one(call, () => ({ name: "UNLINK", args: this.#keys(tag) }))) > 0;
  }

  #ask(script: Script, call: PieceCall, tag: string, cost: number): Promise<Verdict> {
    const args = [String(cost), ...this.#words];
    return this.#piece
      .one(call, () => ({ script, keys: this.#keys(tag), args }))
      .then((reply) => {
        const numbers = reply as number[];
        const number = (at: number): number => numbers[at] as number;
        const states = this.rules.map((_, at) => ({
          remaining: number(3 * at + 2),
          retryAfterMs: number(3 * at + 3),
          resetAfterMs: number(3 * at + 4),
        }));
        return { allowed: number(0) === 1, blockedMs: number(1), states };
      });
  }

  #keys(tag: string): string[] {
    return [`${tag}:block`, ...this.rules.map(({ suffix }) => `${tag}:${suffix}`)];
  }
}

/** Limits how much each of many keys may take. */
export class RateLimit {
  /** Its name. */
  readonly name: string;
  readonly #piece: Piece;
  readonly #counter: LimitCounter;
  readonly #options: RateLimitOptions;
  readonly #most: number;

  /**
   * Made by {@link rateLimit}.
   *
   * @internal
   * @param piece - its way to the server.
   * @param name - its name.
   * @param counter - how it counts.
   * @param options - what it does when the server cannot be asked.
   */
  constructor(piece: Piece, name: string, counter: LimitCounter, options: RateLimitOptions) {
    this.#piece = piece;
    this.name = name;
    this.#counter = counter;
    this.#options = options;
    this.#most = Math.min(...counter.rules.map(({ limit }) => limit));
  }

  /**
   * Takes, if every rule allows it; otherwise nothing is taken. One round trip (EVALSHA of a script with TIME, PTTL, and
   * of slidingLog LLEN, LINDEX, LRANGE, LTRIM, RPUSH, PEXPIRE; of slidingCounter HMGET, HSET, PEXPIRE; of gcra GET, SET;
   * fixedWindow: the library's script with SET, INCRBY, PTTL, and a second trip for the burst when the limit is used up).
   *
   * @param key - who takes: 1 to 512 bytes of text, such as a user's id or an address.
   * @param options - cost, deadline in milliseconds, and signal.
   * @returns whether it was taken, how much is left, and how long to wait. A fixedWindow counts what it refuses as well.
   * @throws ValidationError when key or cost are refused; nothing was sent.
   * @throws RemoraError when the server cannot be asked, unless `fail` says otherwise.
   */
  take(key: string, options: TakeOptions = {}): Promise<LimitResult> {
    return this.#ask("take", key, options);
  }

  /**
   * Looks whether `take` would be allowed. One round trip (EVALSHA_RO of a script with the reading commands of `take`;
   * fixedWindow: GET and PTTL).
   *
   * @param key - who would take.
   * @param options - cost, deadline in milliseconds, and signal.
   * @returns what `take` would say, but for what it would have taken.
   * @throws ValidationError when key or cost are refused; nothing was sent.
   * @throws RemoraError when the server cannot be asked, unless `fail` says otherwise.
   */
  peek(key: string, options: TakeOptions = {}): Promise<LimitResult> {
    return this.#ask("peek", key, options);
  }

  /**
   * Allows a key nothing for some time, whatever its rules say. One round trip (SET).
   *
   * @param key - whom.
   * @param time - how long: seconds, or `{ ms }`; a fixedWindow rounds up to seconds.
   * @param options - deadline in milliseconds, and signal.
   * @throws ValidationError when key or time are refused; nothing was changed.
   */
  async block(key: string, time: Duration, options: CallOptions = {}): Promise<void> {
    const span = milliseconds(this.#piece, time, "the time of a block", 1);
    await this.#counter.block(this.#call("block", true, key, options), this.#piece.tagged(key), span);
  }

  /**
   * Forgets what a key took, and its block. One round trip (UNLINK).
   *
   * @param key - whose.
   * @param options - deadline in milliseconds, and signal.
   * @returns whether there was anything.
   * @throws ValidationError when the key is refused.
   */
  async reset(key: string, options: CallOptions = {}): Promise<boolean> {
    return this.#counter.reset(this.#call("reset", true, key, options), this.#piece.tagged(key));
  }

  async #ask(operation: "take" | "peek", key: string, options: TakeOptions): Promise<LimitResult> {
    const { cost = 1 } = options;
    const { rules } = this.#counter;
    amount(this.#piece, cost, "cost", this.#most, key);
    const call = this.#call(operation, operation === "take", key, options);
    const tag = this.#piece.tagged(key);
    try {
      return limitResult(this.name, rules, await this.#counter[operation](call, tag, cost));
    } catch (error) {
      const { fail = "throw", onError } = this.#options;
      if (fail === "throw" || options.signal?.aborted === true || !isUnavailable(error)) throw error;
      onError?.(error);
      return limitResult(this.name, rules, unasked(rules, fail === "open"), error);
    }
  }

  #call(operation: string, write: boolean, id: string, options: CallOptions): PieceCall {
    return { operation, write, id, ...options };
  }
}

/** The server could not be asked, or its answer did not come. */
function isUnavailable(error: unknown): error is RemoraError {
  return (
    isRemoraError(error, "CONNECTION") || isRemoraError(error, "DEADLINE") || isRemoraError(error, "OUTCOME_UNKNOWN")
  );
}

/** What is said without having asked. */
function unasked(rules: readonly ReadRule[], allowed: boolean): Verdict {
  const state = ({ limit, windowMs }: ReadRule): Verdict["states"][number] =>
    allowed
      ? { remaining: limit, retryAfterMs: 0, resetAfterMs: 0 }
      : { remaining: 0, retryAfterMs: windowMs, resetAfterMs: windowMs };
  return { allowed, blockedMs: 0, states: rules.map(state) };
}

/**
 * Limits how much each of many keys may take in a time: exactly (`slidingLog`), with two numbers (`slidingCounter`), at a
 * steady rate (`gcra`), or from the first call until a window is over (`fixedWindow`, by the package
 * rate-limiter-flexible). Several rules are one question: all of them take, or none.
 *
 * @param db - the database.
 * @param name - what to call it: the middle part of its keys.
 * @param rules - one rule, or several but for `fixedWindow`.
 * @param options - what happens when the server cannot be asked.
 * @returns the limit; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 * @throws ValidationError when a rule makes no sense, or two count the same.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { rateLimit } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const api = rateLimit(db, "api", [
 *   { algorithm: "slidingLog", limit: 10, window: 1 },
 *   { algorithm: "slidingCounter", limit: 1000, window: 3600 },
 * ]);
 * const { allowed, retryAfterMs } = await api.take("ada", { cost: 2 });
 * if (!allowed) console.log(`again in ${retryAfterMs} ms`);
 * await db.close();
 * ```
 */
export function rateLimit(
  db: Attachable,
  name: string,
  rules: LimitRule | readonly [LimitRule, ...LimitRule[]] | FixedWindowRule,
  options: RateLimitOptions = {},
): RateLimit {
  const piece = new Piece(db, "limit", name);
  const counter =
    "algorithm" in rules && rules.algorithm === "fixedWindow"
      ? new WindowCounter(piece, rules)
      : new ScriptCounter(piece, "algorithm" in rules ? [rules] : rules);
  return new RateLimit(piece, name, counter, options);
}
