// Getting hold of something: once, or waiting for it with jitter, and for the length of a function.
// What exactly is held, on which servers, is a grip's business.
import { randomUUID } from "node:crypto";

import { DeadlineError, isRemoraError, LockLostError, type RemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { type Duration, milliseconds } from "./duration.ts";
import { type Grasp, type Grip, Held } from "./held.ts";
import type { Piece } from "./piece.ts";

/** What locks of all kinds accept. */
export interface HoldOptions {
  /** After how long it is free again when its holder is gone: seconds, or `{ ms }`; 30 seconds when left out. */
  readonly lease?: Duration;
  /** How long `acquire` waits for others: seconds, or `{ ms }`; 10 seconds when left out. */
  readonly wait?: Duration;
  /** How long it waits between two tries, on average: seconds, or `{ ms }`; 50 milliseconds when left out. */
  readonly retry?: Duration;
  /** False leaves it at one lease; otherwise it is extended, each time a third of it has passed, until it is released. */
  readonly autoExtend?: boolean;
  /**
   * Told of extensions that failed and will be tried again, and of what `using` could not give back, which rejects without
   * it. When it throws over an extension, the lock counts as lost; otherwise what it throws rejects.
   */
  readonly onError?: (error: RemoraError) => void;
}

/** What `acquire` and `using` accept; what is left out is as the lock was made. */
export interface AcquireOptions extends Pick<HoldOptions, "lease" | "wait" | "retry" | "autoExtend">, CallOptions {}

/** What `tryAcquire` accepts. */
export type TryAcquireOptions = Omit<AcquireOptions, "wait" | "retry">;

/** Seconds. */
export const defaultLease = 30;
const defaultWait = 10;
const defaultRetry: Duration = { ms: 50 };

/** The options, read. */
interface Plan {
  readonly leaseMs: number;
  readonly waitMs: number;
  readonly retryMs: number;
  readonly autoExtend: boolean;
}

/** Something that can be held. F is the type of the fence that its holders get. */
export abstract class Holdable<F> {
  readonly #piece: Piece;
  readonly #grip: Grip<F>;
  readonly #subject: string;
  readonly #options: HoldOptions;

  /**
   * @internal
   * @param piece - its name and its way to the server.
   * @param grip - how it is held.
   * @param subject - what it is called in errors.
   * @param options - times, and who is told of failures.
   */
  constructor(piece: Piece, grip: Grip<F>, subject: string, options: HoldOptions) {
    this.#piece = piece;
    this.#grip = grip;
    this.#subject = subject;
    this.#options = options;
    this.#plan({});
  }

  /**
   * Gets hold of it if it is free. One round trip.
   *
   * @param options - lease, whether it is extended, deadline in milliseconds, and signal.
   * @returns what is held; undefined when others hold it.
   * @throws ValidationError when an option is no time.
   */
  async tryAcquire(options: TryAcquireOptions = {}): Promise<Held<F> | undefined> {
    const grasp = await this.#try(this.#plan(options), randomUUID(), options);
    return grasp instanceof Held ? grasp : undefined;
  }

  /**
   * Waits until it is free, and gets hold of it. One round trip when it is free, and one more for each try; nobody is
   * promised a turn.
   *
   * @param options - lease, wait, retry, whether it is extended, signal, and a deadline in milliseconds that bounds the wait.
   * @returns what is held.
   * @throws DeadlineError when others held it all the time, or the signal fired.
   * @throws ValidationError when an option is no time.
   */
  async acquire(options: AcquireOptions = {}): Promise<Held<F>> {
    const plan = this.#plan(options);
    const limit = Math.min(plan.waitMs, options.deadline ?? plan.waitMs);
    const end = performance.now() + limit;
    const token = randomUUID();
    for (;;) {
      const left = Math.max(1, Math.ceil(end - performance.now()));
      const trip = options.deadline === undefined ? options : { ...options, deadline: left };
      // eslint-disable-next-line no-await-in-loop -- each try waits for the one before
      const grasp = await this.#try(plan, token, trip);
      if (grasp instanceof Held) return grasp;
      const pause = Math.min(plan.retryMs * (0.5 + Math.random()), (grasp.waitMs ?? Number.POSITIVE_INFINITY) + 1);
      if (performance.now() + pause > end) throw this.#late(`others held it for all of ${limit} ms`);
      // eslint-disable-next-line no-await-in-loop
      await this.#pause(pause, options.signal);
    }
  }

  /**
   * Runs a function while it is held, and gives it back. Two round trips, and what waiting and extending takes.
   *
   * @param work - what to do; it gets `signal`, to stop when it is lost, and `fence`.
   * @param options - as of `acquire`.
   * @returns what the function returned.
   * @throws LockLostError when it was not held until the function had ended.
   * @throws DeadlineError when others held it all the time; the function was not run.
   */
  async using<T>(work: (held: Held<F>) => T | PromiseLike<T>, options: AcquireOptions = {}): Promise<T> {
    const held = await this.acquire(options);
    let result: T;
    try {
      result = await work(held);
    } catch (error) {
      // What the function threw comes first; the lease ends by itself.
      await held.release().catch((failure: unknown) => this.#options.onError?.(failure as RemoraError));
      throw error;
    }
    const released = await held.release().catch((failure: unknown) => {
      const { onError } = this.#options;
      if (onError === undefined) throw failure;
      onError(failure as RemoraError);
      return true;
    });
    held.signal.throwIfAborted();
    if (released) return result;
    throw new LockLostError(
      `${this.#subject}: it was gone before the work had ended; others may have held it meanwhile`,
      {
        entity: this.#piece.title,
        fence: typeof held.fence === "number" ? held.fence : undefined,
      },
    );
  }

  async #try(plan: Plan, token: string, options: CallOptions): Promise<Held<F> | Exclude<Grasp<F>, { held: true }>> {
    const { deadline, signal } = options;
    const call = {
      operation: "acquire",
      write: true,
      ...(deadline === undefined ? {} : { deadline }),
      ...(signal === undefined ? {} : { signal }),
    };
    const since = performance.now();
    let grasp: Grasp<F>;
    try {
      grasp = await this.#grip.acquire(call, token, plan.leaseMs);
    } catch (error) {
      // It may be held without anybody's knowing.
      if (isRemoraError(error, "OUTCOME_UNKNOWN")) void this.#giveBack(token);
      throw error;
    }
    if (!grasp.held) return grasp;
    if (performance.now() - since >= plan.leaseMs) {
      await this.#giveBack(token);
      return { held: false, waitMs: 0 };
    }
    return new Held({
      piece: this.#piece,
      grip: this.#grip,
      token,
      subject: this.#subject,
      fence: grasp.fence,
      leaseMs: plan.leaseMs,
      since,
      autoExtend: plan.autoExtend,
      onError: this.#options.onError,
    });
  }

  async #giveBack(token: string): Promise<void> {
    // What fails here is no news: the lease ends by itself.
    await this.#grip.release({ operation: "release", write: true }, token).catch(() => undefined);
  }

  // Ends early when the signal fires, which rejects, or the database is closed, which the next try tells.
  #pause(time: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", fired);
        forget();
        resolve();
      };
      const fired = (): void => {
        reject(this.#late("the signal fired"));
        end();
      };
      const timer = setTimeout(end, time);
      const forget = this.#piece.attachment.onClose(end);
      signal?.addEventListener("abort", fired);
      if (signal?.aborted === true) fired();
    });
  }

  #late(why: string): DeadlineError {
    return new DeadlineError(`${this.#subject}: ${why}; it was not acquired`, { entity: this.#piece.title });
  }

  #plan(options: AcquireOptions): Plan {
    const own = this.#options;
    const read = (duration: Duration, subject: string, shortest: 0 | 1): number =>
      milliseconds(this.#piece, duration, subject, shortest);
    return {
      leaseMs: read(options.lease ?? own.lease ?? defaultLease, "lease", 1),
      waitMs: read(options.wait ?? own.wait ?? defaultWait, "wait", 0),
      retryMs: read(options.retry ?? own.retry ?? defaultRetry, "retry", 1),
      autoExtend: options.autoExtend ?? own.autoExtend ?? true,
    };
  }
}
