// One run of index work: sends its commands, and gives up when its deadline passes or its signal fires.
// All that is sent here may be sent twice without harm, so a broken connection costs nothing but time.
import { DeadlineError, isRemoraError, type RemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { type Command, type Reply, ReplyFailure, type Request } from "../redis/command.ts";
import { toRemoraError } from "../redis/failures.ts";
import type { TypeContext } from "../repository/context.ts";

/** One run of index work on one entity type. */
export class Session {
  readonly context: TypeContext;
  readonly #operation: string;
  readonly #options: CallOptions;
  readonly #end: number;

  /**
   * @param context - the entity type.
   * @param operation - its name, for errors.
   * @param options - deadline in milliseconds for all of it, none when left out; signal.
   */
  constructor(context: TypeContext, operation: string, options: CallOptions) {
    this.context = context;
    this.#operation = operation;
    this.#options = options;
    this.#end = performance.now() + (options.deadline ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Sends a request.
   *
   * @param request - a command or script call that may run twice.
   * @param expected - errors of the server that count as no answer.
   * @returns the reply; undefined for an expected error.
   * @throws DeadlineError when the time is up, else the error that fits.
   */
  async send(request: Request, expected?: RegExp): Promise<Reply> {
    this.check();
    const { executor, metadata } = this.context;
    const attempt = { operation: this.#operation, write: false, entity: metadata.name };
    const { signal } = this.#options;
    const left = this.#end - performance.now();
    const limits = Number.isFinite(left) ? { signal, deadline: left } : { signal };
    try {
      const [reply] = await executor.many([request], { ...attempt, ...limits });
      if (!(reply instanceof ReplyFailure)) return reply;
      if (expected?.test(reply.error.message) === true) return undefined;
      throw toRemoraError(reply.error, attempt);
    } catch (error) {
      throw isRemoraError(error, "DEADLINE") ? this.#late("the server did not answer in time", error) : error;
    }
  }

  /**
   * Reads some fields of the type's meta hash.
   *
   * @param names - the fields.
   * @returns their values, undefined for those that are not there.
   */
  async meta<const N extends string>(...names: readonly N[]): Promise<Record<N, string | undefined>> {
    const command: Command = { name: "HMGET", args: [this.context.layout.meta, ...names] };
    const values = (await this.send(command)) as (string | null)[];
    return Object.fromEntries(names.map((name, at) => [name, values[at] ?? undefined])) as Record<
      N,
      string | undefined
    >;
  }

  /**
   * Looks whether there is time left.
   *
   * @throws DeadlineError when the deadline passed or the signal fired.
   */
  check(): void {
    if (this.#options.signal?.aborted === true) throw this.#late("the signal fired");
    if (performance.now() > this.#end) throw this.#late(`the deadline passed (${this.#options.deadline} ms)`);
  }

  /**
   * Waits a little.
   *
   * @param milliseconds - how long.
   * @throws DeadlineError when the deadline passed or the signal fired.
   */
  async pause(milliseconds: number): Promise<void> {
    this.check();
    await new Promise((resolve) => {
      setTimeout(resolve, milliseconds);
    });
    this.check();
  }

  /**
   * The error for work that is not getting on.
   *
   * @param reason - what is waited for.
   * @returns the error.
   */
  stalled(reason: string): RemoraError {
    return this.#late(reason);
  }

  #late(reason: string, cause?: unknown): DeadlineError {
    const { name } = this.context.metadata;
    return new DeadlineError(`${name}.${this.#operation}: ${reason}; what is not complete is not used: call it again`, {
      entity: name,
      cause,
    });
  }
}
