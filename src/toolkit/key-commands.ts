// What can be done with keys whatever they hold: looking whether they are there, how long they live, and deleting them.
// Every method is one round trip; keys of different slots of a cluster are asked for in one write.
import type { CallOptions } from "../query/query.ts";
import { scanKeys } from "../redis/scan.ts";
import type { Ttl } from "../repository/ttl.ts";
import type { Piece } from "./piece.ts";

/** How long a key still lives: milliseconds, `never` when it has no end, `missing` when there is no such key. */
export type Remaining = number | "never" | "missing";

/** How keys are called: by their users, and by the server. */
export interface KeyNaming {
  /** The server's name for the user's. */
  readonly full: (key: string) => string;
  /** The user's name for what follows the piece's prefix in the server's. */
  readonly short: (rest: string) => string;
}

/** Keys of a piece, whatever they hold. */
export class KeyCommands {
  readonly #piece: Piece;
  readonly #naming: KeyNaming;

  /**
   * Made by the pieces.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param naming - how its keys are called.
   */
  constructor(piece: Piece, naming: KeyNaming) {
    this.#piece = piece;
    this.#naming = naming;
  }

  /**
   * Tells which keys are there. One round trip (EXISTS each, in one write).
   *
   * @param keys - one key, or several.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many of them are; a key named twice counts twice.
   */
  exists(keys: string | readonly string[], options: CallOptions = {}): Promise<number> {
    return this.#count("exists", false, "EXISTS", keys, options);
  }

  /**
   * Deletes keys. One round trip (UNLINK each, in one write).
   *
   * @param keys - one key, or several.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many were there.
   */
  delete(keys: string | readonly string[], options: CallOptions = {}): Promise<number> {
    return this.#count("delete", true, "UNLINK", keys, options);
  }

  /**
   * Gives a key a time to live. One round trip (PEXPIRE or PEXPIREAT).
   *
   * @param key - the key.
   * @param ttl - seconds, milliseconds, or until a date.
   * @param options - deadline in milliseconds, and signal.
   * @returns false when there is no such key.
   * @throws ValidationError when it is not a time to come.
   */
  async expire(key: string, ttl: Exclude<Ttl, null>, options: CallOptions = {}): Promise<boolean> {
    const call = { operation: "expire", write: true, id: key, ...options };
    const reply = await this.#piece.one(call, () => {
      const { command, milliseconds } = this.#piece.lifetime(ttl);
      return { name: command, args: [this.#naming.full(key), milliseconds] };
    });
    return reply === 1;
  }

  /**
   * Lets a key live until a date. One round trip (PEXPIREAT).
   *
   * @param key - the key.
   * @param date - a date to come.
   * @param options - deadline in milliseconds, and signal.
   * @returns false when there is no such key.
   * @throws ValidationError when it is not a date to come.
   */
  expireAt(key: string, date: Date, options: CallOptions = {}): Promise<boolean> {
    return this.expire(key, { at: date }, options);
  }

  /**
   * Lets a key live for ever. One round trip (PERSIST).
   *
   * @param key - the key.
   * @param options - deadline in milliseconds, and signal.
   * @returns false when there is no such key, or it had no end.
   */
  async persist(key: string, options: CallOptions = {}): Promise<boolean> {
    const call = { operation: "persist", write: true, id: key, ...options };
    return (await this.#piece.one(call, () => ({ name: "PERSIST", args: [this.#naming.full(key)] }))) === 1;
  }

  /**
   * Tells how long a key still lives. One round trip (PTTL).
   *
   * @param key - the key.
   * @param options - deadline in milliseconds, and signal.
   * @returns milliseconds, `never` or `missing`.
   */
  async remaining(key: string, options: CallOptions = {}): Promise<Remaining> {
    const call = { operation: "remaining", write: false, id: key, ...options };
    const left = Number(await this.#piece.one(call, () => ({ name: "PTTL", args: [this.#naming.full(key)] })));
    if (left === -2) return "missing";
    return left === -1 ? "never" : left;
  }

  /**
   * Walks the keys, on every primary of a cluster. One round trip per some five hundred keys of the server (SCAN).
   * Keys that are there all the while come at least once; one may come twice.
   *
   * @param options - `match`, a pattern of which `*`, `?`, `[ab]` and `\` mean something; `type`; deadline in milliseconds of each
   * round trip, and signal.
   * @returns an iterator of keys.
   */
  async *scan(options: ScanOptions = {}): AsyncGenerator<string, void, undefined> {
    const { client, executor } = this.#piece.attachment;
    const { type, deadline = executor.defaultDeadline, ...rest } = options;
    const { prefix } = this.#piece;
    const word = type === "sortedSet" ? "zset" : type;
    for await (const page of scanKeys(client, prefix, { ...rest, deadline, type: word })) {
      for (const key of page) yield this.#naming.short(key.slice(prefix.length));
    }
  }

  async #count(
    operation: string,
    write: boolean,
    name: string,
    keys: string | readonly string[],
    options: CallOptions,
  ): Promise<number> {
    const replies = await this.#piece.many({ operation, write, ...options }, () =>
      (typeof keys === "string" ? [keys] : keys).map((key) => ({ name, args: [this.#naming.full(key)] })),
    );
    return replies.reduce<number>((sum, reply) => sum + Number(reply), 0);
  }
}

/** What a key holds. */
export type KeyType = "string" | "list" | "set" | "sortedSet" | "hash" | "stream";

/** What `scan` accepts. */
export interface ScanOptions extends CallOptions {
  /** A pattern that keys must fit. */
  readonly match?: string;
  /** What keys must hold. */
  readonly type?: KeyType;
}
