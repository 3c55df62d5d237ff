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
import { type BoardKeys, type BoardScripts, boardScripts } from "./scripts.ts";

/** Where a board is. */
export interface BoardPlace {
  /** Its keys; those of a period, at this moment. */
  readonly keys: () => BoardKeys;
  /** Comes before any question about the keys, where there is something to wait for. */
  readonly ready?: () => Promise<void>;
  /** The same place for good: a current period is another one later. */
  readonly pinned?: () => Promise<BoardPlace>;
}

/** Makes what is sent. */
export type MakeRequest = (keys: BoardKeys) => Request;

/** Makes the arguments of a script; what it throws is the call's error. */
export type ScriptWords = () => readonly (string | number)[];

/** What asks about a board. */
export interface BoardRequests {
  /** The board. */
  readonly settings: BoardSettings;
  /** Its scripts. */
  readonly scripts: BoardScripts;
  /** The same for good, where the board is a current period, which is another one later. */
  pinned(): Promise<BoardRequests>;
  /** Sends a reading command or script. */
  read(operation: string, request: MakeRequest, options: CallOptions): Promise<Reply>;
  /** Calls a reading script. */
  ask(operation: string, script: Script, args: ScriptWords, options: CallOptions): Promise<Reply>;
}

/** Sends for one board. */
export class BoardSender implements BoardRequests {
  readonly settings: BoardSettings;
  readonly scripts: BoardScripts;
  readonly #executor: Executor;
  readonly #place: BoardPlace;
  /** The note of the board that was seen to be stored as these settings say. */
  #known: string | undefined;
  /** A write went through, so the user has the rights for it. */
  #allowed = false;

  /**
   * @param settings - the board.
   * @param executor - sends.
   * @param place - where the board is.
   */
  constructor(settings: BoardSettings, executor: Executor, place: BoardPlace) {
    this.settings = settings;
    this.scripts = boardScripts(settings);
    this.#executor = executor;
    this.#place = place;
  }

  /** The same for good, where the board is a current period, which is another one later. */
  async pinned(): Promise<BoardSender> {
    const place = await this.#place.pinned?.();
    return place === undefined ? this : new BoardSender(this.settings, this.#executor, place);
  }

  /**
   * Sends a reading command or script.
   *
   * @param operation - its name.
   * @param request - makes what is sent; what it throws is the call's error.
   * @param options - deadline and signal.
   * @returns the reply.
   */
  read(operation: string, request: MakeRequest, options: CallOptions): Promise<Reply> {
    return observe(this.settings, operation, undefined, (note) => {
      const work = (): Promise<Reply> => this.#read(operation, request, options, note);
      return this.#place.ready === undefined ? work() : this.#place.ready().then(work);
    });
  }

  #read(operation: string, request: MakeRequest, options: CallOptions, note: Note): Promise<Reply> {
    const keys = this.#place.keys();
    const asked = request(keys);
    const { deadline, signal } = options;
    const run = { operation, write: false, entity: this.settings.name, deadline, signal };
    if (this.#known !== keys.stamp) return this.#readFirst(asked, keys, run, note);
    note([asked], 0);
    return this.#executor.one(asked, run);
  }

  async #readFirst(asked: Request, keys: BoardKeys, run: RunOptions, note: Note): Promise<Reply> {
    const requests = [{ name: "GET", args: [keys.stamp] }, { name: "EXISTS", args: [keys.ranking] }, asked];
    note(requests, 0);
    const [held, there, reply] = await this.#executor.many(requests, run);
    if (typeof held === "string") this.#accept(held, keys);
    // A sorted set that others made can be read as a board of plain members.
    else if (there === 1 && keys.all.length > 1) this.#accept("", keys);
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
    return this.read(operation, (keys) => ({ script, keys: keys.all, args: args().map(String) }), options);
  }

  /**
   * Calls a writing script.
   *
   * @param operation - its name.
   * @param script - the script.
   * @param args - makes its arguments but the first.
   * @param options - deadline and signal.
   * @param member - whom it is about, for errors.
   * @param more - further keys of the script, which stand behind those of the board and before its stamp.
   * @returns the reply.
   */
  write(
    operation: string,
    script: Script,
    args: ScriptWords,
    options: CallOptions,
    member?: string,
    more: readonly string[] = [],
  ): Promise<Reply> {
    const { settings } = this;
    return observe(settings, operation, undefined, async (note) => {
      const words = args().map(String);
      const keys = this.#place.keys();
      const call = {
        script,
        keys: [...keys.all, ...more, keys.stamp],
        args: [this.#allowed ? "0" : "1", ...words],
        operations: keys.operations,
      };
      note([call], 1);
      const run = { operation, write: true, entity: settings.name, id: member, ...callOptions(options) };
      const reply = await this.#executor.one(call, run);
      throwRefusal(reply, operation, () => settings);
      this.#known = keys.stamp;
      this.#allowed = true;
      return reply;
    });
  }

  /**
   * Deletes keys of the board.
   *
   * @param keys - all of them.
   * @param options - deadline and signal.
   * @returns the reply.
   */
  clear(keys: readonly string[], options: CallOptions): Promise<Reply> {
    const { name } = this.settings;
    return observe(this.settings, "clear", undefined, (note) => {
      const request = { name: "UNLINK", args: [...keys] };
      note([request], 1);
      this.#known = undefined;
      return this.#executor.one(request, { operation: "clear", write: true, entity: name, ...callOptions(options) });
    });
  }

  #accept(held: string, keys: BoardKeys): void {
    if (held !== this.settings.stamp) throw formError(this.settings, held);
    this.#known = keys.stamp;
  }
}

/**
 * Throws what a script refused.
 *
 * @param reply - of a script that answers with a word, what it is about, and the place of the board, when it refuses.
 * @param operation - what was being done.
 * @param settingsAt - the settings of the board at a place, from 0.
 * @throws RemoraError when it refused; nothing was changed.
 */
export function throwRefusal(reply: Reply, operation: string, settingsAt: (place: number) => BoardSettings): void {
  const [word, about = "", place = "1"] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (typeof word !== "string") return;
  const settings = settingsAt(Number(place) - 1);
  const { name } = settings;
  if (word === "NOPERM") {
    throw new CapabilityError(
      `${name}.${operation}: the user may not run ${String(about)} on a key of the board; nothing was changed`,
      { entity: name },
    );
  }
  if (word === "STAMP") throw formError(settings, String(about));
  if (word === "RANGE") {
    throw new ValidationError(
      `${name}: the sum would leave the range from -(2^53 - 1) to 2^53 - 1; nothing was changed`,
      { entity: name, id: String(about) },
    );
  }
}

function formError({ name }: BoardSettings, held: string): DefinitionError {
  return new DefinitionError(
    `leaderboard ${name}: it is stored for other options (${held === "" ? "plain members" : held.replaceAll("|", " ").trim()}); ` +
      "open it with these, or clear it, or take another name: order, tieBreak, dense ranks and edges cannot change",
    { entity: name },
  );
}
