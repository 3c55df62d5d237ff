// Settles every request: by reply, by typed error, or by deadline.
// Retries only what was provably not executed, and reads.
import { ConnectionError, DeadlineError, OutcomeUnknownError, RemoraError } from "../errors.ts";
import type { RedisClient } from "./client.ts";
import { type Command, type Reply, ReplyFailure, type Request } from "./command.ts";
import { type Deadline, Deadlines } from "./deadlines.ts";
import { type Attempt, proofOf, refusalWord, toRemoraError } from "./failures.ts";
import { identifiedCall, type Operation, Operations } from "./operations.ts";
import { Sender } from "./sender.ts";

/** An operation, and how long it may take. */
export interface RunOptions extends Attempt {
  /** Milliseconds; the connection's default when left out. */
  readonly deadline?: number | undefined;
  /** Gives the operation up when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** How long to wait before asking a server again that was not ready, in milliseconds. */
const retryDelay = 20;

/** One operation on its way. */
class Flight implements Deadline {
  readonly at: number;
  readonly options: RunOptions;
  /** Something was written whose reply has not arrived. */
  sent = false;
  /** The caller has been told; nothing more may be sent. */
  settled = false;
  /** The id it carries. */
  operation: Operation | undefined;
  /** The server notes its reply, so it may be sent once more. */
  noted = false;
  /** What the server answered last instead of doing the work, such as `READONLY`. */
  hindrance: string | undefined;
  readonly #late: (flight: Flight, reason: string) => void;

  constructor(options: RunOptions, milliseconds: number, late: (flight: Flight, reason: string) => void) {
    this.options = options;
    this.at = performance.now() + milliseconds;
    this.#late = late;
  }

  expire(): void {
    this.#late(this, "the deadline passed");
  }

  // An event listener of its own: the signal tells this flight only.
  handleEvent(): void {
    this.#late(this, "the signal fired");
  }
}

/** Sends requests over one client. */
export class Executor {
  readonly #client: RedisClient;
  readonly #sender: Sender;
  /** Milliseconds for calls that name no deadline. */
  readonly defaultDeadline: number;
  readonly #deadlines = new Deadlines();
  readonly #waiting = new Set<(ready: boolean) => void>();
  readonly #operations = new Operations();
  readonly #retryWrites: boolean;
  #closed = false;

  /**
   * @param client - a connected client of the data profile.
   * @param defaultDeadline - milliseconds for calls that name none.
   * @param retryWrites - whether writes whose outcome is unknown are sent once more, under the id of their operation.
   */
  constructor(client: RedisClient, defaultDeadline: number, retryWrites: boolean = false) {
    this.#client = client;
    this.#retryWrites = retryWrites;
    this.#sender = new Sender(client);
    this.defaultDeadline = defaultDeadline;
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
  one(request: Request, options: RunOptions): Promise<Reply> {
    const open = (reply: Reply): Reply => {
      if (reply instanceof ReplyFailure) throw toRemoraError(reply.error, options);
      return reply;
    };
    let sent = request;
    return this.#fly(
      options,
      (flight) => {
        sent = this.#identified(request, flight);
        if (this.#client.status !== "ready") return this.#again(sent, flight, 0).then(open);
        flight.sent = true;
        return this.#sender.one(sent);
      },
      (error, flight) => this.#recover(error, sent, flight, 0).then(open),
    );
  }

  // The note outlives every try of the operation, which all end by its deadline.
  #identified(request: Request, flight: Flight): Request {
    const { options } = flight;
    if (!options.write || !("script" in request) || request.operations === undefined) return request;
    if (!this.#retryWrites && request.announces !== true) return request;
    flight.operation = this.#operations.begin();
    flight.noted = this.#retryWrites;
    const retention = flight.noted ? 2 * (options.deadline ?? this.defaultDeadline) : 0;
    return identifiedCall(request, flight.operation, retention);
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
    return this.#fly(
      options,
      (flight) => this.#batch(requests, flight),
      (error) => Promise.reject(error),
    );
  }

  /**
   * Sends one command to one node, and not a second time: for questions that each node of a cluster answers for itself.
   *
   * @param node - a client of that node; of a single server the client itself.
   * @param command - a command.
   * @param options - the operation and its deadline.
   * @returns the reply.
   * @throws RemoraError of the class that fits the failure.
   */
  onNode(node: RedisClient, { name, args }: Command, options: RunOptions): Promise<Reply> {
    return this.#fly(
      options,
      (flight) => {
        flight.sent = true;
        return node.call(name, ...args);
      },
      (error) => Promise.reject(error),
    );
  }

  /** Settles everything that still waits. */
  close(): void {
    this.#closed = true;
    this.#wake(false);
    this.#deadlines.expireAll();
  }

  // Races the work against the deadline and the signal; a failure may be recovered from while there is time.
  #fly<T>(
    options: RunOptions,
    work: (flight: Flight) => Promise<unknown>,
    recover: (error: Error, flight: Flight) => Promise<unknown>,
  ): Promise<T> {
    const { signal } = options;
    if (this.#closed) return Promise.reject(this.#closedError(options));
    if (signal?.aborted === true) return Promise.reject(this.#lateError(options, "the signal had fired", false));
    return new Promise<T>((resolve, reject) => {
      const flight = new Flight(options, options.deadline ?? this.defaultDeadline, (late, reason) => {
        this.#land(late, !late.sent);
        const { hindrance } = late;
        const why = hindrance === undefined ? reason : `${reason}, while the server kept answering ${hindrance}`;
        reject(this.#lateError(options, why, late.sent));
      });
      const arrive = (value: unknown): void => {
        this.#land(flight, true);
        resolve(value as T);
      };
      const fail = (error: Error): void => {
        // A mistake in code, ours or the driver's, is not the connection's fault: it keeps its own name.
        const own = error instanceof RemoraError || isMistake(error) ? error : toRemoraError(error, options);
        this.#land(flight, !(own instanceof OutcomeUnknownError));
        reject(own);
      };
      this.#deadlines.add(flight);
      signal?.addEventListener("abort", flight);
      work(flight).then(arrive, (error: Error) => {
        if (error instanceof RemoraError || isMistake(error)) fail(error);
        else recover(error, flight).then(arrive, fail);
      });
    });
  }

  #land(flight: Flight, known: boolean): void {
    if (flight.settled) return;
    flight.settled = true;
    if (flight.operation !== undefined) this.#operations.end(flight.operation, known);
    this.#deadlines.done(flight);
    flight.options.signal?.removeEventListener("abort", flight);
  }

  #lateError(options: RunOptions, reason: string, sent: boolean): RemoraError {
    const what = `${options.entity === undefined ? "" : `${options.entity}.`}${options.operation}`;
    const why = this.#closed ? "the connection was closed" : reason;
    // A command that was written cannot be called back: a late write may still be applied.
    if (options.write && sent) {
      return new OutcomeUnknownError(`${what}: ${why}; it may or may not have been applied`, options);
    }
    if (this.#closed) return this.#closedError(options);
    const limit = options.deadline ?? this.defaultDeadline;
    return new DeadlineError(`${what}: ${why} (${limit} ms); nothing was changed`, options);
  }

  #closedError(options: RunOptions): ConnectionError {
    return new ConnectionError(`${options.operation}: the connection was closed`, options);
  }

  async #batch(requests: readonly Request[], flight: Flight): Promise<Reply[]> {
    if (requests.length === 0) return [];
    if (this.#client.status !== "ready") await this.#ready(flight);
    flight.sent = true;
    const results = await this.#sender.batch(requests);
    const replies: Reply[] = [];
    for (const [at, request] of requests.entries()) {
      const [error, reply] = results[at] ?? [new Error("Connection is closed.")];
      // eslint-disable-next-line no-await-in-loop -- in order, so that later ones see earlier ones
      replies.push(error == null ? reply : await this.#recover(error, request, flight, 0));
    }
    return replies;
  }

  // Sends a failed request again where that is safe; otherwise its failure is the reply.
  async #recover(error: Error, request: Request, flight: Flight, attempt: number): Promise<Reply> {
    const proof = proofOf(error);
    if (this.#closed || flight.settled) return new ReplyFailure(error);
    if (proof === "noscript" && "script" in request && attempt < 3) {
      this.#sender.forget(request.script);
      return this.#again(request, flight, attempt + 1);
    }
    if (proof === "retry") {
      flight.hindrance = refusalWord(error);
      flight.sent = false;
      await delay(retryDelay);
      return this.#again(request, flight, attempt);
    }
    if (proof === "unknown" && flight.noted) {
      flight.noted = false;
      await delay(Math.random() * retryDelay);
      return this.#again(request, flight, attempt);
    }
    if (proof === "unknown" && !flight.options.write && attempt < 1) return this.#again(request, flight, attempt + 1);
    return new ReplyFailure(error);
  }

  async #again(request: Request, flight: Flight, attempt: number): Promise<Reply> {
    if (this.#client.status !== "ready") await this.#ready(flight);
    if (flight.settled) return undefined;
    try {
      flight.sent = true;
      return await this.#sender.one(request);
    } catch (error) {
      return this.#recover(error as Error, request, flight, attempt);
    }
  }

  async #ready({ options }: Flight): Promise<void> {
    if (this.#closed || this.#client.status === "end") throw this.#closedError(options);
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

function isMistake(error: Error): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
