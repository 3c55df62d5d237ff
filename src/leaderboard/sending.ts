// How a board's requests are sent: one round trip each, watched, and refused where the board is stored in another form.
// The first read of a process looks at the form in the same write; writes look at it in their scripts.
import { CapabilityError, DefinitionError, ValidationError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { type Reply, ReplyFailure, type Request, type Script } from "../redis/command.ts";
import type { Executor, RunOptions } from "../redis/executor.ts";
import { toRemoraError } from "../redis/failures.ts";
import { callOptions } from "../repository/load.ts";
import { type Note, observe } from "../repository/observe.ts";
import type { BoardSettings } from "./options.ts";
import { type BoardKeys, boardKeys, type BoardScripts, boardScripts } from "./scripts.ts";

/** What sends for a board. */
export interface BoardRequests {
  /** The board. */
  readonly settings: BoardSettings;
  /** Its keys. */
  readonly keys: BoardKeys;
  /** Its scripts. */
  readonly scripts: BoardScripts;
  /** Sends a reading command or script. */
  read(operation: string, request: () => Request, options: CallOptions): Promise<Reply>;
  /** Calls a reading script. */
  ask(operation: string, script: Script, args: ScriptWords, options: CallOptions): Promise<Reply>;
  /** Calls a writing script. */
  write(operation: string, script: Script, args: ScriptWords, options: CallOptions, member?: string): Promise<Reply>;
  /** Deletes the board. */
  clear(options: CallOptions): Promise<Reply>;
}

/** Makes the arguments of a script; what it throws is the call's error. */
export type ScriptWords = () => readonly (string | number)[];

/** Sends for one board. */
export class BoardSender implements BoardRequests {
  readonly settings: BoardSettings;
  readonly keys: BoardKeys;
  readonly scripts: BoardScripts;
  readonly #executor: Executor;
  /** The board was seen to be stored as these settings say. */
  #known = false;
  /** A write went through, so the user has the rights for it. */
  #allowed = false;

  /**
   * @param settings - the board.
   * @param executor - sends.
   * @param namespace - put in front of every key.
   */
  constructor(settings: BoardSettings, executor: Executor, namespace: string) {
    this.settings = settings;
    this.keys = boardKeys(settings, namespace);
    this.scripts = boardScripts(settings);
    this.#executor = executor;
  }

  /**
   * Sends a reading command or script.
   *
   * @param operation - its name.
   * @param request - makes what is sent; what it throws is the call's error.
   * @param options - deadline and signal.
   * @returns the reply.
   */
  read(operation: string, request: () => Request, options: CallOptions): Promise<Reply> {
    const { name } = this.settings;
    return observe(this.settings, operation, undefined, (note) => {
      const asked = request();
      const run = { operation, write: false, entity: name, deadline: options.deadline, signal: options.signal };
      if (!this.#known) return this.#readFirst(asked, run, note);
      note([asked], 0);
      return this.#executor.one(asked, run);
    });
  }

  async #readFirst(asked: Request, run: RunOptions, note: Note): Promise<Reply> {
    const requests = [{ name: "GET", args: [this.keys.stamp] }, { name: "EXISTS", args: [this.keys.ranking] }, asked];
    note(requests, 0);
    const [held, there, reply] = await this.#executor.many(requests, run);
    if (typeof held === "string") this.#accept(held);
    // A sorted set that others made can be read as a board of plain members.
    else if (there === 1 && this.keys.all.length > 1) this.#accept("");
    for (const each of [held, there, reply]) {
      if (each instanceof ReplyFailure) throw toRemoraError(each.error, run);
    }
    return reply;
  }

  /**
   * Calls a reading script.
   *
   * @param operation - its name.
   * @param script - the script.
   * @param args - makes its arguments.
   * @param options - deadline and signal.
   * @returns the reply.
   */
  ask(operation: string, script: Script, args: ScriptWords, options: CallOptions): Promise<Reply> {
    return this.read(operation, () => ({ script, keys: this.keys.all, args: args().map(String) }), options);
  }

  /**
   * Calls a writing script.
   *
   * @param operation - its name.
   * @param script - the script.
   * @param args - makes its arguments but the first.
   * @param options - deadline and signal.
   * @param member - whom it is about, for errors.
   * @returns the reply.
   */
  write(operation: string, script: Script, args: ScriptWords, options: CallOptions, member?: string): Promise<Reply> {
    const { name } = this.settings;
    return observe(this.settings, operation, undefined, async (note) => {
      const words = args().map(String);
      const call = {
        script,
        keys: [...this.keys.all, this.keys.stamp],
        args: [this.#allowed ? "0" : "1", ...words],
        operations: this.keys.operations,
      };
      note([call], 1);
      const run = { operation, write: true, entity: name, id: member, ...callOptions(options) };
      const reply = await this.#executor.one(call, run);
      const [word, about] = Array.isArray(reply) ? (reply as unknown[]).map(String) : [];
      if (word === "NOPERM") {
        throw new CapabilityError(
          `${name}.${operation}: the user may not run ${about ?? ""} on a key of the board; nothing was changed`,
          { entity: name },
        );
      }
      if (word === "STAMP") this.#accept(about ?? "");
      if (word === "RANGE") {
        throw new ValidationError(
          `${name}: the sum would leave the range from -(2^53 - 1) to 2^53 - 1; nothing was changed`,
          { entity: name, id: about },
        );
      }
      this.#known = true;
      this.#allowed = true;
      return reply;
    });
  }

  /** Deletes the board. */
  clear(options: CallOptions): Promise<Reply> {
    const { name } = this.settings;
    return observe(this.settings, "clear", undefined, (note) => {
      const request = { name: "UNLINK", args: [...this.keys.all, this.keys.stamp] };
      note([request], 1);
      this.#known = false;
      return this.#executor.one(request, { operation: "clear", write: true, entity: name, ...callOptions(options) });
    });
  }

  #accept(held: string): void {
    if (held !== this.settings.stamp) {
      const { name } = this.settings;
      throw new DefinitionError(
        `leaderboard ${name}: it is stored for other options (${held === "" ? "plain members" : held.replaceAll("|", " ").trim()}); ` +
          "open it with these, or clear it, or take another name: order, tieBreak and dense ranks cannot change",
        { entity: name },
      );
    }
    this.#known = true;
  }
}
