// What redis-semaphore is given in place of a client: what it sends goes the piece's own way.
// It does single tries; waiting, extending in time and telling of losses are ours.
import { defineScript, type Reply } from "../redis/command.ts";
import type { Request } from "../redis/command.ts";
import type { Piece, PieceCall } from "./piece.ts";

/** The library puts its own word in front of keys; ours say already what they are. */
const front = /^(?:mutex|semaphore):/;

/** Options that have the library try once, and leave everything else to us. */
export const once = Object.freeze({
  acquireAttemptsLimit: 1,
  acquireTimeout: 3_600_000,
  retryInterval: 0,
  refreshInterval: 0,
});

/** As much of a client as the library calls, for one call of a piece. */
export class LockClient {
  readonly #piece: Piece;
  readonly #call: PieceCall;
  readonly #correct: (words: string[]) => void;
  /** The last reply. */
  reply: Reply;
  /** Why the last request failed; the library may pass over it. */
  failure: unknown;

  /**
   * @param piece - sends.
   * @param call - what is being done.
   * @param correct - puts right the arguments of scripts.
   */
  constructor(piece: Piece, call: PieceCall, correct: (words: string[]) => void = () => undefined) {
    this.#piece = piece;
    this.#call = call;
    this.#correct = correct;
  }

  /** Sends the library on to {@link LockClient.eval}: which scripts a server has is the executor's business. */
  evalsha(): Promise<never> {
    return Promise.reject(new Error("NOSCRIPT"));
  }

  eval(lua: string, _keys: number, key: string, ...words: readonly unknown[]): Promise<Reply> {
    const args = words.map(String);
    this.#correct(args);
    return this.#send({ script: defineScript("lock.library", lua), keys: [key.replace(front, "")], args });
  }

  set(key: string, ...words: readonly unknown[]): Promise<Reply> {
    return this.#send({ name: "SET", args: [key.replace(front, ""), ...words.map(String)] });
  }

  zrem(key: string, member: string): Promise<Reply> {
    return this.#send({ name: "ZREM", args: [key.replace(front, ""), member] });
  }

  async #send(request: Request): Promise<Reply> {
    try {
      this.reply = await this.#piece.one(this.#call, () => request);
      return this.reply;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}
