// Watching a type's changes: its stream read from a place on, by oneself or shared with a group.
// A group's change counts as done when the next one is asked for; what a dead reader left is taken over.
import { hostname } from "node:os";
import { CapabilityError, InvalidCursorError, QueryError } from "../errors.ts";
import type { BlockingConnection } from "../redis/blocking.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";

/** What became of an entity. */
export type ChangeKind = "insert" | "save" | "update" | "delete" | "expire";

/** One change of one entity. */
export interface Change {
  /** Its place in the stream: pass it as `from` to go on behind it. */
  readonly position: string;
  /** When it was made, by the server's clock. */
  readonly at: Date;
  /** What became of the entity; `expire` is told when it is noticed. */
  readonly op: ChangeKind;
  /** The entity's id. */
  readonly id: string;
  /** Its version afterwards, on types that have one. */
  readonly version?: number;
  /** The fields that were changed, where only some were. */
  readonly fields?: readonly string[];
  /** The operation that made it: changes of one bulk call's chunk, or of one transaction, have the same. */
  readonly operation?: string;
}

/** What `watch` accepts. */
export interface WatchOptions {
  /** Share the changes with all readers of this group: each is given to one of them, again if that one does not finish it. */
  readonly group?: string;
  /** The reader's name in the group; host and process when left out. */
  readonly consumer?: string;
  /** Where to begin: `now` (default), `start`, or behind a position; a group that exists goes on where it is. */
  readonly from?: string;
  /** Changes per round trip, from 1 to 1,000; 100 when left out. */
  readonly batchSize?: number;
  /** Take over what another reader of the group has not finished for so many milliseconds; 60,000 when left out. */
  readonly takeOverAfter?: number;
  /** Ends the watch when it fires. */
  readonly signal?: AbortSignal;
}

/** Milliseconds that the server waits for changes before it answers with none. */
const waiting = 1000;
const positionPattern = /^\d+-\d+$/;

type Entry = [position: string, words: string[] | null];

/** A stream of changes. */
export interface WatchedStream<T> {
  /** Whose changes these are, for errors. */
  readonly name: string;
  readonly key: string;
  /** Makes a change of the words at a position. */
  readonly read: (position: string, words: Readonly<Record<string, string>>) => T | undefined;
}

/**
 * Watches the changes of a type.
 *
 * @param resolve - gives the type's context.
 * @param open - opens a connection that may wait.
 * @param options - group, place to begin, signal.
 * @returns the changes, as they come.
 */
export async function* watchChanges(
  resolve: () => Promise<TypeContext>,
  open: () => BlockingConnection,
  options: WatchOptions,
): AsyncGenerator<Change, void, undefined> {
  const { layout, metadata } = await resolve();
  const { name } = metadata;
  if (layout.changes === undefined) {
    throw new QueryError(`${name}: watch needs \`changes: true\` in the definition`, { entity: name });
  }
  yield* watchStream({ name, key: layout.changes, read: changeOf }, open, options);
}

/**
 * Watches a stream.
 *
 * @param stream - its key, and how it is read.
 * @param open - opens a connection that may wait.
 * @param options - group, place to begin, signal.
 * @returns the changes, as they come.
 */
export async function* watchStream<T>(
  stream: WatchedStream<T>,
  open: () => BlockingConnection,
  options: WatchOptions,
): AsyncGenerator<T, void, undefined> {
  check(stream.name, options);
  if (options.signal?.aborted === true) return;
  const connection = open();
  const stop = (): void => connection.close();
  options.signal?.addEventListener("abort", stop);
  try {
    const source = new Source(connection, stream, options);
    yield* options.group === undefined ? source.alone() : source.shared(options.group);
  } finally {
    options.signal?.removeEventListener("abort", stop);
    connection.close();
  }
}

function check(
  name: string,
  { group, consumer, from = "now", batchSize = 100, takeOverAfter = 0 }: WatchOptions,
): void {
  const refused = (reason: string): QueryError => new QueryError(`${name}: watch ${reason}`, { entity: name });
  if (from !== "now" && from !== "start" && !positionPattern.test(from)) {
    throw refused("begins at `now`, at `start`, or behind the position of a change");
  }
  if (!(Number.isSafeInteger(batchSize) && batchSize >= 1 && batchSize <= 1000)) {
    throw refused("takes a batchSize from 1 to 1,000");
  }
  if (!(Number.isFinite(takeOverAfter) && takeOverAfter >= 0)) throw refused("takes milliseconds for takeOverAfter");
  for (const word of [group, consumer]) if (word === "") throw refused("takes names that are not empty");
}

class Source<T> {
  readonly #connection: BlockingConnection;
  readonly #name: string;
  readonly #stream: string;
  readonly #read: WatchedStream<T>["read"];
  readonly #options: WatchOptions;
  readonly #count: string;

  constructor(connection: BlockingConnection, { name, key, read }: WatchedStream<T>, options: WatchOptions) {
    this.#connection = connection;
    this.#name = name;
    this.#stream = key;
    this.#read = read;
    this.#options = options;
    this.#count = String(options.batchSize ?? 100);
  }

  async *alone(): AsyncGenerator<T, void, undefined> {
    const { from = "now" } = this.#options;
    let after = from === "start" ? "0-0" : from;
    if (from === "now") after = await this.#last();
    else if (from !== "start") await this.#checkHeld(from);
    while (!this.#connection.closed) {
      const words = ["COUNT", this.#count, "BLOCK", String(waiting), "STREAMS", this.#stream, after] as const;
      // eslint-disable-next-line no-await-in-loop -- each read goes on behind the one before
      for (const entry of entriesOf(await this.#send("XREAD", ...words))) {
        // What came with the last ones before the end is not told any more.
        if (this.#connection.closed) return;
        yield this.#change(entry);
        [after] = entry;
      }
    }
  }

  async *shared(group: string): AsyncGenerator<T, void, undefined> {
    const { from = "now", consumer = `${hostname()}-${process.pid}`, takeOverAfter = 60_000 } = this.#options;
    await this.#createGroup(group, from === "now" ? "$" : from === "start" ? "0" : from);
    const read = (wait: readonly string[], after: string): Promise<unknown> =>
      this.#send("XREADGROUP", "GROUP", group, consumer, "COUNT", this.#count, ...wait, "STREAMS", this.#stream, after);
    // First what this very reader was given before it ended, then what others left, then what is new.
    let own = true;
    while (!this.#connection.closed) {
      const left = own ? read([], "0").then(entriesOf) : this.#takeOver(group, consumer, takeOverAfter);
      // eslint-disable-next-line no-await-in-loop -- each read goes on behind the one before
      let entries: Entry[] = await left;
      own &&= entries.length > 0;
      // eslint-disable-next-line no-await-in-loop
      if (entries.length === 0) entries = entriesOf(await read(["BLOCK", String(waiting)], ">"));
      for (const entry of entries) {
        if (this.#connection.closed) return;
        // What was trimmed away meanwhile is of no use to anybody.
        if (entry[1] !== null) yield this.#change(entry);
        // eslint-disable-next-line no-await-in-loop
        await this.#send("XACK", this.#stream, group, entry[0]);
      }
    }
  }

  #change([position, words]: Entry): T {
    const found: Record<string, string> = {};
    for (let at = 0; at < (words?.length ?? 0); at += 2) found[words?.[at] as string] = words?.[at + 1] as string;
    const change = this.#read(position, found);
    if (change !== undefined) return change;
    throw new CapabilityError(`the stream of changes holds something at ${position} that no mapper wrote`, {});
  }

  async #takeOver(group: string, consumer: string, idle: number): Promise<Entry[]> {
    const words = [this.#stream, group, consumer, String(Math.round(idle)), "0", "COUNT", this.#count] as const;
    const reply = (await this.#send("XAUTOCLAIM", ...words)) as [string, Entry[]] | undefined;
    return reply?.[1].filter((entry) => entry !== null) ?? [];
  }

  // A group that is there already goes on where it is.
  async #createGroup(group: string, from: string): Promise<void> {
    try {
      await this.#send("XGROUP", "CREATE", this.#stream, group, from, "MKSTREAM");
    } catch (error) {
      const { cause } = error as { cause?: Error };
      if (!(cause?.message ?? "").startsWith("BUSYGROUP")) throw error;
    }
  }

  async #last(): Promise<string> {
    const [last] = ((await this.#send("XREVRANGE", this.#stream, "+", "-", "COUNT", "1")) ?? []) as Entry[];
    return last?.[0] ?? "0-0";
  }

  // As long as a change is in the stream, everything behind it is.
  async #checkHeld(position: string): Promise<void> {
    const held = ((await this.#send("XRANGE", this.#stream, position, position)) ?? []) as Entry[];
    if (held.length > 0 || this.#connection.closed) return;
    throw new InvalidCursorError(
      `${this.#name}: the stream of changes no longer holds ${position}, so changes behind it may be lost; begin at "start" and read the entities anew`,
      { entity: this.#name },
    );
  }

  #send(...words: readonly [string, ...string[]]): Promise<unknown> {
    return this.#connection.send("watch", this.#name, words);
  }
}

// Of one stream: [[name, entries]], or nothing.
function entriesOf(reply: unknown): Entry[] {
  if (!Array.isArray(reply)) return [];
  const [first] = reply as [string, Entry[]][];
  return first?.[1] ?? [];
}

function changeOf(position: string, words: Readonly<Record<string, string>>): Change | undefined {
  const { op = "", id = "", version, fields, operation } = words;
  if (op === "" || id === "") return undefined;
  return {
    position,
    at: momentOf(position),
    op: op as ChangeKind,
    id: decodeId(id),
    ...(version === undefined ? {} : { version: Number(version) }),
    ...(fields === undefined ? {} : { fields: JSON.parse(fields) as string[] }),
    ...(operation === undefined ? {} : { operation }),
  };
}

/**
 * When something was put into a stream.
 *
 * @param position - its place there.
 * @returns the time by the server's clock.
 */
export function momentOf(position: string): Date {
  return new Date(Number(position.split("-")[0]));
}
