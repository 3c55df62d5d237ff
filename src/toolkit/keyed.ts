// Collections each under a key of their own: what makes a typed list, set, sorted set, hash or counter of a key.
// Where they have a time to live, it is set by the very call that writes, so that none stays for ever.
import type { CallOptions } from "../query/query.ts";
import type { Request } from "../redis/command.ts";
import { Holding, scriptsAround, type Work } from "../repository/holding.ts";
import type { Ttl } from "../repository/ttl.ts";
import { decodeId } from "../schema/key.ts";
import type { ValidationError } from "../errors.ts";
import { KeyCommands, type KeyNaming } from "./key-commands.ts";
import type { Piece, ValueCodec } from "./piece.ts";

/** How long collections live. */
export interface KeyedOptions {
  /** How long each lives: seconds, milliseconds, until a date; for ever when left out. */
  readonly ttl?: Ttl;
  /** `write` lets the time begin anew with every write; `none` counts it from the first one. */
  readonly sliding?: "write" | "none";
}

/*
 * KEYS: the collection. ARGV: what the work takes, the command that sets the time, milliseconds, whether the time begins anew.
 * Reply: the work's, in a list.
 */
const keepCall = scriptsAround(
  "keep",
  (work) => `#!lua
${work}
local anew, milliseconds, command = table.remove(ARGV), table.remove(ARGV), table.remove(ARGV)
local reply = work(KEYS[1], ARGV)
if type(reply) == 'table' and reply.err then return reply end
if anew == '1' or redis.call('PTTL', KEYS[1]) == -1 then redis.call(command, KEYS[1], milliseconds) end
return { reply }`,
);

/* The same for what lives for ever. */
const plainCall = scriptsAround(
  "work",
  (work) => `#!lua
${work}
local reply = work(KEYS[1], ARGV)
if type(reply) == 'table' and reply.err then return reply end
return { reply }`,
);

/**
 * How a piece's parts are called.
 *
 * @param piece - the piece.
 * @returns the names of their keys, and back.
 */
export function partNaming(piece: Piece): KeyNaming {
  return { full: (part) => piece.key(part), short: decodeId };
}

/** One key of a piece, as typed collections see it. */
export class KeyHolding extends Holding {
  readonly #piece: Piece;
  readonly #codec: ValueCodec | undefined;
  readonly #lifetime: KeyedOptions;
  readonly #part: string;
  readonly #options: CallOptions;

  /**
   * @param piece - the piece.
   * @param codec - writes and reads items; none for counters.
   * @param lifetime - how long the key lives.
   * @param part - the user's name for the key.
   * @param options - deadline and signal of every call.
   */
  constructor(piece: Piece, codec: ValueCodec | undefined, lifetime: KeyedOptions, part: string, options: CallOptions) {
    super();
    this.#piece = piece;
    this.#codec = codec;
    this.#lifetime = lifetime;
    this.#part = part;
    this.#options = options;
  }

  /** The user's name for the key. */
  get part(): string {
    return this.#part;
  }

  protected encode(item: unknown): string {
    return (this.#codec as ValueCodec).write(item, this.#part);
  }

  protected decode(text: string): unknown {
    return (this.#codec as ValueCodec).read(text, this.#part);
  }

  problem(message: string): ValidationError {
    return this.#piece.invalid(message, this.#part);
  }

  read(
    operation: string,
    options: CallOptions,
    command: string,
    ...words: readonly (string | number)[]
  ): Promise<unknown> {
    const call = { operation, write: false, id: this.#part, ...this.#options, ...options };
    return this.#piece.one(call, () => ({ name: command, args: [this.#piece.key(this.#part), ...words.map(String)] }));
  }

  async write(operation: string, command: string | Work, ...words: readonly (string | number)[]): Promise<unknown> {
    const call = { operation, write: true, id: this.#part, ...this.#options };
    let scripted = false;
    const reply = await this.#piece.one(call, () => {
      const request = this.writing(command, ...words);
      scripted = "script" in request;
      return request;
    });
    return scripted ? (reply as unknown[])[0] : reply;
  }

  /**
   * What a write sends: one command, or a script where the time to live is set as well.
   *
   * @param command - its name, or the work.
   * @param words - what follows the key.
   * @returns the request; a script's reply is in a list.
   */
  writing(command: string | Work, ...words: readonly (string | number)[]): Request {
    const { ttl = null, sliding } = this.#lifetime;
    const keys = [this.#piece.key(this.#part)];
    if (ttl !== null) {
      const time = this.#piece.lifetime(ttl);
      return { ...keepCall(command, [...words, time.command, time.milliseconds, sliding === "write" ? 1 : 0]), keys };
    }
    if (typeof command !== "string") return { ...plainCall(command, words), keys };
    return { name: command, args: [...keys, ...words.map(String)] };
  }

  async clear(): Promise<void> {
    const call = { operation: "clear", write: true, id: this.#part, ...this.#options };
    await this.#piece.one(call, () => ({ name: "UNLINK", args: [this.#piece.key(this.#part)] }));
  }
}

/** Collections of one kind, each under a key. */
export class Keyed<C> extends KeyCommands {
  readonly #make: (key: string, options: CallOptions) => C;

  /**
   * Made by the pieces.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param make - makes the collection of a key.
   */
  constructor(piece: Piece, make: (key: string, options: CallOptions) => C) {
    super(piece, partNaming(piece));
    this.#make = make;
  }

  /**
   * The collection of a key. Nothing is sent yet.
   *
   * @param key - its key: 1 to 512 bytes of text.
   * @param options - deadline in milliseconds and signal of every call that is made by it.
   * @returns reads and writes it.
   */
  of(key: string, options: CallOptions = {}): C {
    return this.#make(key, options);
  }
}

/**
 * Makes holdings of a piece's keys.
 *
 * @param piece - the piece.
 * @param codec - writes and reads items; none for counters.
 * @param options - how long keys live.
 * @returns the holding of a key.
 * @throws ValidationError when the time is refused.
 */
export function holdings(
  piece: Piece,
  codec: ValueCodec | undefined,
  options: KeyedOptions,
): (key: string, call: CallOptions) => KeyHolding {
  piece.ttlWords(options.ttl ?? null);
  return (key, call) => new KeyHolding(piece, codec, options, key, call);
}
