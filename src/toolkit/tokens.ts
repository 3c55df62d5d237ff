// One-time tokens: whoever shows one first gets what was put by for it, and nobody after.
// The token itself is nowhere on the server: its hash is the key, so that a copy of the data opens nothing.
import { createHash, randomBytes } from "node:crypto";
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import type { Ttl } from "../repository/ttl.ts";
import type { AnySchema, ValueInputOf, ValueOf } from "../schema/zod.ts";
import { Piece, type ValueCodec } from "./piece.ts";

/** What `tokens` accepts. */
export interface TokensOptions {
  /** How long a token is good for: seconds, milliseconds, or until a date. */
  readonly ttl: Exclude<Ttl, null>;
}

/** What `issue` accepts. */
export interface IssueOptions extends CallOptions {
  /** How long this token is good for; as long as the others when left out. */
  readonly ttl?: Exclude<Ttl, null>;
}

/** How many bytes of chance a token has. */
const size = 32;
const pattern = /^[A-Za-z0-9_-]{43}$/;

/** One-time tokens. */
export class Tokens<T, I = T> {
  readonly #piece: Piece;
  readonly #codec: ValueCodec;
  readonly #ttl: Exclude<Ttl, null>;

  /**
   * Made by {@link tokens}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param codec - writes and reads what is put by.
   * @param ttl - how long tokens are good for.
   */
  constructor(piece: Piece, codec: ValueCodec, ttl: Exclude<Ttl, null>) {
    this.#piece = piece;
    this.#codec = codec;
    this.#ttl = ttl;
    piece.ttlWords(ttl);
  }

  /**
   * Makes a token and puts something by for it. One round trip (SET).
   *
   * @param value - what its bearer is to get.
   * @param options - how long it is good for, deadline in milliseconds, and signal.
   * @returns the token: 43 letters, digits, `-` and `_`, of 256 bits of chance.
   * @throws ValidationError when value or time are refused; nothing was changed.
   */
  async issue(value: I, options: IssueOptions = {}): Promise<string> {
    const { ttl = this.#ttl, ...rest } = options;
    const token = randomBytes(size).toString("base64url");
    await this.#piece.one({ operation: "issue", write: true, ...rest }, () => ({
      name: "SET",
      args: [this.#key(token), this.#codec.write(value, "new"), "NX", ...this.#piece.ttlWords(ttl)],
    }));
    return token;
  }

  /**
   * Gives what was put by for a token, and makes it worthless. One round trip (GETDEL).
   *
   * @param token - what somebody showed.
   * @param options - deadline in milliseconds, and signal.
   * @returns what was put by; undefined when there is no such token, or it was used or is too old.
   * @throws CorruptEntityError when it does not fit its schema; the token is worthless all the same.
   */
  consume(token: string, options: CallOptions = {}): Promise<T | undefined> {
    return this.#show("consume", true, "GETDEL", token, options);
  }

  /**
   * Gives what was put by for a token, which stays good. One round trip (GET).
   *
   * @param token - what somebody showed.
   * @param options - deadline in milliseconds, and signal.
   * @returns what was put by; undefined when there is no such token, or it was used or is too old.
   * @throws CorruptEntityError when it does not fit its schema.
   */
  peek(token: string, options: CallOptions = {}): Promise<T | undefined> {
    return this.#show("peek", false, "GET", token, options);
  }

  /**
   * Makes a token worthless. One round trip (UNLINK).
   *
   * @param token - the token.
   * @param options - deadline in milliseconds, and signal.
   * @returns false when it was so already.
   */
  async revoke(token: string, options: CallOptions = {}): Promise<boolean> {
    if (!this.#plausible(token)) return false;
    const call = { operation: "revoke", write: true, ...options };
    return (await this.#piece.one(call, () => ({ name: "UNLINK", args: [this.#key(token)] }))) === 1;
  }

  async #show(
    operation: string,
    write: boolean,
    name: string,
    token: string,
    options: CallOptions,
  ): Promise<T | undefined> {
    if (!this.#plausible(token)) return undefined;
    const reply = await this.#piece.one({ operation, write, ...options }, () => ({ name, args: [this.#key(token)] }));
    // Errors and logs get the beginning of the hash, never the token.
    return typeof reply === "string" ? (this.#codec.read(reply, hashOf(token).slice(0, 12)) as T) : undefined;
  }

  // What cannot be a token is nobody's: no reason to ask the server.
  #plausible(token: unknown): boolean {
    if (typeof token !== "string") throw this.#piece.invalid("a token is text");
    return pattern.test(token);
  }

  #key(token: string): string {
    return this.#piece.key(hashOf(token));
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/**
 * One-time tokens, such as those of a mail that resets a password.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param schema - what is put by for their bearers: anything that a field of an entity may be, or null.
 * @param options - how long they are good for.
 * @returns makes and takes tokens; nothing is sent yet.
 * @throws DefinitionError when the name is refused, or such values cannot be stored.
 * @throws ValidationError when the time is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { tokens } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const resets = tokens(db, "reset", z.object({ user: z.string() }), { ttl: 900 });
 * const token = await resets.issue({ user: "ada" });
 * await resets.consume(token); // { user: "ada" }
 * await resets.consume(token); // undefined
 * await db.close();
 * ```
 */
export function tokens<S extends AnySchema>(
  db: Attachable,
  name: string,
  schema: S,
  options: TokensOptions,
): Tokens<ValueOf<S>, ValueInputOf<S>> {
  const piece = new Piece(db, "tokens", name);
  return new Tokens(piece, piece.codec(schema), options.ttl);
}
