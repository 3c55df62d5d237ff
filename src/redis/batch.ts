// Sends what several operations ask for at the same moment in one write, and gives each its own reply or error.
// Operations do not know of it: to them it is a way to send like any other.
import { ConnectionError, isRemoraError, type RemoraError } from "../errors.ts";
import { type Reply, ReplyFailure, type Request } from "./command.ts";
import type { RunOptions } from "./executor.ts";
import { toRemoraError } from "./failures.ts";
import type { Requests } from "./read-only.ts";

/** A request that waits to be sent with the others. */
interface Waiting {
  readonly request: Request;
  readonly options: RunOptions;
  readonly answer: (reply: Reply) => void;
}

/** Requests of one write: more gains nothing, and holds the server up. */
const chunkSize = 250;

/** Collects requests, and sends them together. */
export class BatchExecutor implements Requests {
  readonly defaultDeadline: number;
  readonly #executor: Requests;
  readonly #run: RunOptions;
  #waiting: Waiting[] = [];
  #last: Promise<void> = Promise.resolve();

  /**
   * @param executor - sends.
   * @param options - deadline and signal of each write.
   */
  constructor(executor: Requests, options: Pick<RunOptions, "deadline" | "signal">) {
    this.#executor = executor;
    this.#run = { operation: "batch", write: false, ...options };
    this.defaultDeadline = executor.defaultDeadline;
  }

  /**
   * Has a request sent with the others.
   *
   * @param request - a command or script call.
   * @param options - the operation; the deadline of the batch counts.
   * @returns the reply.
   * @throws RemoraError of the class that fits the failure.
   */
  async one(request: Request, options: RunOptions): Promise<Reply> {
    const reply = await this.#ask(request, options);
    if (reply instanceof ReplyFailure) throw toRemoraError(reply.error, options);
    return reply;
  }

  /**
   * Has several requests sent with the others.
   *
   * @param requests - commands and script calls.
   * @param options - the operation; the deadline of the batch counts.
   * @returns the replies in order; a {@link ReplyFailure} in the place of each that failed.
   * @throws RemoraError when nothing could be sent, or the deadline passed.
   */
  many(requests: readonly Request[], options: RunOptions): Promise<Reply[]> {
    return Promise.all(requests.map((request) => this.#ask(request, options)));
  }

  #ask(request: Request, options: RunOptions): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const answer = (reply: Reply): void => {
        if (reply instanceof Error) reject(reply);
        else resolve(reply);
      };
      this.#waiting.push({ request, options, answer });
      if (this.#waiting.length > 1) return;
      // Operations take some turns until they send; those that were begun together have all sent by then.
      setImmediate(() => {
        const waiting = this.#waiting;
        this.#waiting = [];
        // One write after the other, so that what was asked for first is done first.
        this.#last = this.#last.then(() => this.#send(waiting));
      });
    });
  }

  async #send(waiting: readonly Waiting[]): Promise<void> {
    for (let at = 0; at < waiting.length; at += chunkSize) {
      const chunk = waiting.slice(at, at + chunkSize);
      // eslint-disable-next-line no-await-in-loop -- in order
      const replies = await this.#chunk(chunk);
      for (const [place, each] of chunk.entries()) each.answer(replies[place]);
    }
  }

  async #chunk(chunk: readonly Waiting[]): Promise<readonly Reply[]> {
    const write = chunk.some(({ options }) => options.write);
    try {
      return await this.#executor.many(
        chunk.map(({ request }) => request),
        { ...this.#run, write },
      );
    } catch (error) {
      // A mistake in code keeps its own name.
      return chunk.map(({ options }) => (isRemoraError(error) ? failed(error, options) : error));
    }
  }
}

// What became of a write is not known; of a read there is nothing to know.
function failed(error: RemoraError, { operation, write, entity, id }: RunOptions): RemoraError {
  if (write || !isRemoraError(error, "OUTCOME_UNKNOWN")) return error;
  const what = entity === undefined ? operation : `${entity}.${operation}`;
  return new ConnectionError(`${what}: the batch that it was part of got no answer`, { entity, id, cause: error });
}
