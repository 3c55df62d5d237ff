// Sends requests and settles every one of them: by reply, by typed error, or by deadline.
// Retries only what was provably not executed, and reads.
import { ConnectionError, DeadlineError, OutcomeUnknownError, RemoraError } from "../errors.ts";
import type { RedisClient } from "./client.ts";
import { type Reply, ReplyFailure, type Request, type ScriptCall } from "./command.ts";
import { Deadlines } from "./deadlines.ts";
import { type Attempt, proofOf, toRemoraError } from "./failures.ts";

/** An operation, and how long it may take. */
export interface RunOptions extends Attempt {
  /** Milliseconds; the connection's default when left out. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where one operation stands. */
interface Progress {
  /** The caller has been told; nothing more may be sent. */
  settled: boolean;
  /** Something was written whose reply has not arrived. */
  sent: boolean;
}

/** How long to wait before asking a server again that was not ready, in milliseconds. */
const retryDelay = 20;

/** Sends requests over one client. */
export class Executor {
  readonly client: RedisClient;
  readonly #defaultDeadline: number;
  readonly #deadlines = new Deadlines();
  readonly #loaded = new Set<string>();
  readonly #waiting = new Set<(ready: boolean) => void>();
  #closed = false;

  /**
   * @param client - a connected client of the data profile.
   * @param defaultDeadline - milliseconds for calls that name none.
   */
  constructor(client: RedisClient, defaultDeadline: number) {
    this.client = client;
    this.#defaultDeadline = defaultDeadline;
    // Another server may answer after a reconnect, and it may not know our scripts.
    client.on("close", () => this.#loaded.clear());
    client.on("ready", () => this.#wake(true));
    client.on("end", () => this.#wake(false));
  }

  /**
   * Sends one request.
   *
   * @param request - a command or script call.
   * @param options - the operation and its deadline.
   * @returns the reply.
   * @throws RemoraError of the class that fits the failure.
   */
  async one(request: Request, options: RunOptions): Promise<Reply> {
    const reply = await this.#settle((progress) => this.#sendOne(request, options, progress), options);
    if (reply instanceof ReplyFailure) throw toRemoraError(reply.error, options);
    return reply;
  }

  /**
   * Sends several requests in one write; an error of one leaves the others.
   *
   * @param requests - commands and script calls.
   * @param options - the operation and its deadline.
   * @returns the replies in order; a {@link ReplyFailure} in the place of each that failed.
   * @throws RemoraError when nothing could be sent, or the deadline passed.
   */
  many(requests: readonly Request[], options: RunOptions): Promise<Reply[]> {
    return this.#settle((progress) => this.#sendMany(requests, options, progress), options);
  }

  /** Settles everything that still waits. */
  close(): void {
    this.#closed = true;
    this.#wake(false);
    this.#deadlines.expireAll();
  }

  // Races the work against the deadline and the signal.
  #settle<T>(work: (progress: Progress) => Promise<T>, options: RunOptions): Promise<T> {
    const { signal } = options;
    if (this.#closed) return Promise.reject(this.#closedError(options));
    if (signal?.aborted === true) return Promise.reject(this.#lateError(options, "the signal had fired", false));
    const milliseconds = options.deadline ?? this.#defaultDeadline;
    const progress: Progress = { settled: false, sent: false };
    return new Promise<T>((resolve, reject) => {
      const stop = (reason: string): void => {
        cleanUp();
        reject(this.#lateError(options, this.#closed ? "the connection was closed" : reason, progress.sent));
      };
      const abort = signal === undefined ? undefined : (): void => stop("the signal fired");
      const deadline = this.#deadlines.add(milliseconds, () => stop(`the deadline of ${milliseconds} ms passed`));
      const cleanUp = (): void => {
        progress.settled = true;
        this.#deadlines.done(deadline);
        if (abort !== undefined) signal?.removeEventListener("abort", abort);
      };
      if (abort !== undefined) signal?.addEventListener("abort", abort);
      work(progress).then(
        (value) => {
          cleanUp();
          resolve(value);
        },
        (error: unknown) => {
          cleanUp();
          reject(error instanceof RemoraError ? error : toRemoraError(error as Error, options));
        },
      );
    });
  }

  #lateError(options: RunOptions, reason: string, sent: boolean): RemoraError {
    const what = `${options.entity === undefined ? "" : `${options.entity}.`}${options.operation}`;
    // A command that was written cannot be called back: a late write may still be applied.
    if (options.write && sent) {
      return new OutcomeUnknownError(`${what}: ${reason}; it may or may not have been applied`, options);
    }
    return this.#closed
      ? this.#closedError(options)
      : new DeadlineError(`${what}: ${reason}; nothing was changed`, options);
  }

  #closedError(options: RunOptions): ConnectionError {
    return new ConnectionError(`${options.operation}: the connection was closed`, options);
  }

  async #sendOne(request: Request, options: RunOptions, progress: Progress): Promise<Reply> {
    for (let attempt = 0; ; attempt += 1) {
      // eslint-disable-next-line no-await-in-loop -- each turn waits for the one before
      if (this.client.status !== "ready") await this.#ready(options);
      if (progress.settled) return undefined;
      try {
        progress.sent = true;
        // eslint-disable-next-line no-await-in-loop
        return await this.#call(request);
      } catch (error) {
        const again = this.#sendAgain(error as Error, request, options, attempt);
        if (!again) return new ReplyFailure(error as Error);
        progress.sent = false;
        // eslint-disable-next-line no-await-in-loop
        if (again === "later") await delay(retryDelay);
      }
    }
  }

  // Whether a failed request may be sent again: at once, or after the server had time to recover.
  #sendAgain(error: Error, request: Request, options: RunOptions, attempt: number): "now" | "later" | false {
    const proof = proofOf(error);
    if (this.#closed || options.signal?.aborted === true) return false;
    if (proof === "noscript" && "script" in request) {
      this.#loaded.delete(request.script.sha);
      return attempt < 3 && "now";
    }
    if (proof === "retry") return "later";
    return proof === "unknown" && !options.write && attempt < 1 && "now";
  }

  #call(request: Request): Promise<unknown> {
    if ("name" in request) return this.client.call(request.name, ...request.args);
    const [name, ...args] = this.#scriptWords(request);
    const reply = this.client.call(name, ...args);
    if (this.#loaded.has(request.script.sha)) return reply;
    return reply.then((value) => {
      this.#loaded.add(request.script.sha);
      return value;
    });
  }

  // The text goes along until the server has answered it once on this connection; then its hash does.
  #scriptWords({ script, keys, args }: ScriptCall): [string, ...string[]] {
    const known = this.#loaded.has(script.sha);
    const name = `${known ? "EVALSHA" : "EVAL"}${script.readOnly ? "_RO" : ""}`;
    return [name, known ? script.sha : script.lua, String(keys.length), ...keys, ...args];
  }

  async #sendMany(requests: readonly Request[], options: RunOptions, progress: Progress): Promise<Reply[]> {
    if (requests.length === 0) return [];
    if (this.client.status !== "ready") await this.#ready(options);
    if (progress.settled) return [];
    progress.sent = true;
    const pipeline = this.client.pipeline();
    for (const request of requests) {
      if ("name" in request) pipeline.call(request.name, ...request.args);
      else pipeline.call(...this.#scriptWords(request));
    }
    const results = (await pipeline.exec()) ?? [];
    const replies: Reply[] = [];
    for (const [at, request] of requests.entries()) {
      const [error, reply] = results[at] ?? [new Error("Connection is closed.")];
      if (error == null) {
        if ("script" in request) this.#loaded.add(request.script.sha);
        replies.push(reply);
        continue;
      }
      const again = this.#sendAgain(error, request, options, 0);
      // eslint-disable-next-line no-await-in-loop -- in order, so that later ones see earlier ones
      replies.push(again === false ? new ReplyFailure(error) : await this.#sendOne(request, options, progress));
    }
    return replies;
  }

  async #ready(options: RunOptions): Promise<void> {
    if (this.client.status === "ready") return;
    if (this.#closed || this.client.status === "end") throw this.#closedError(options);
    const ready = await new Promise<boolean>((resolve) => {
      this.#waiting.add(resolve);
    });
    if (!ready) throw this.#closedError(options);
  }

  #wake(ready: boolean): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve(ready);
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
