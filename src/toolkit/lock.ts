// Locks: one holder at a time, with a lease, and a number that fences off those who lost it.
// All locks of one name share a slot, so that several are acquired in one call; spread, each has its own.
import { CrossSlotError } from "../errors.ts";
import type { Attachable } from "../redis/attachment.ts";
import { encodeId } from "../schema/key.ts";
import type { Grasp, Grip } from "./held.ts";
import { Holdable, type HoldOptions } from "./holdable.ts";
import { acquireScript, extendScript, releaseScript } from "./lock-scripts.ts";
import { Piece, type PieceCall } from "./piece.ts";

/** What `lock` accepts beside its name. */
export interface LockOptions extends HoldOptions {
  /** True gives the lock of each key a slot of its own, for very many of them on a cluster; then only one is acquired at once. */
  readonly spread?: boolean;
}

/** A mutex on one server, or one cluster. */
class Mutex implements Grip<number> {
  readonly #piece: Piece;
  readonly #fence: string;
  readonly #keys: readonly string[];

  constructor(piece: Piece, tag: string, words: readonly string[]) {
    this.#piece = piece;
    this.#fence = `${tag}:fence`;
    this.#keys = words.map((word) => `${tag}:${word}`);
  }

  async acquire(call: PieceCall, token: string, leaseMs: number): Promise<Grasp<number>> {
    const reply = await this.#piece.one(call, () => ({
      script: acquireScript,
      keys: [this.#fence, ...this.#keys],
      args: [token, String(leaseMs)],
    }));
    return typeof reply === "string" ? { held: true, fence: Number(reply) } : { held: false, waitMs: Number(reply) };
  }

  async extend(call: PieceCall, token: string, leaseMs: number): Promise<boolean> {
    const args = [token, String(leaseMs)];
    return (await this.#piece.one(call, () => ({ script: extendScript, keys: this.#keys, args }))) === 1;
  }

  async release(call: PieceCall, token: string): Promise<boolean> {
    const request = { script: releaseScript, keys: this.#keys, args: [token] };
    return (await this.#piece.one(call, () => request)) === this.#keys.length;
  }
}

/** A lock, or several that are held together. */
export class Lock extends Holdable<number> {
  readonly #piece: Piece;
  readonly #options: LockOptions;

  /**
   * Made by {@link lock}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param keys - whose locks; none for the lock of the name itself.
   * @param options - its times, and whether keys have slots of their own.
   */
  constructor(piece: Piece, keys: readonly string[], options: LockOptions) {
    const encoded = [...new Set(keys)].map((key) => encodeId(key, piece.title)).toSorted(byCode);
    if (options.spread === true && encoded.length > 1) {
      throw new CrossSlotError(
        `${piece.title}: several locks at once need one slot; leave out \`spread\`, or acquire them one by one in order`,
        { entity: piece.title },
      );
    }
    const [only] = options.spread === true ? keys : [];
    const words = encoded.length === 0 ? ["name"] : encoded.map((key) => `key:${key}`);
    const subject = encoded.length === 0 ? piece.title : `${piece.title} (${encoded.join(", ")})`;
    super(piece, new Mutex(piece, piece.tagged(only), words), subject, options);
    this.#piece = piece;
    this.#options = options;
  }

  /**
   * The lock of a key, or of several together: all of them are acquired in one call, or none.
   *
   * @param keys - one key, or several: each 1 to 512 bytes of text.
   * @returns their lock; nothing is sent yet.
   * @throws ValidationError when a key is refused, or there is none.
   * @throws CrossSlotError when there are several and `spread` is set.
   */
  of(keys: string | readonly string[]): Lock {
    const list = typeof keys === "string" ? [keys] : keys;
    if (list.length === 0) throw this.#piece.invalid("name at least one key");
    return new Lock(this.#piece, list, this.#options);
  }
}

function byCode(one: string, other: string): number {
  return one < other ? -1 : 1;
}

/**
 * A lock: one holder at a time, among all processes that share the server. It is free again when its holder releases it,
 * or after its lease when the holder is gone. A lock cannot stop a holder that was paused beyond its lease; `fence` can,
 * where what is written checks it.
 *
 * Acquiring is one round trip (EVALSHA of a script with GET, PTTL, TIME and SET).
 *
 * @param db - the database.
 * @param name - what to call it: the middle part of its keys.
 * @param options - lease, wait, retry, whether it is extended, and whether keys have slots of their own.
 * @returns the lock; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 * @throws ValidationError when an option is no time.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { lock } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const seats = lock(db, "seat", { lease: 10, wait: 5 });
 * await seats.of(["12A", "12B"]).using(async ({ signal, fence }) => {
 *   if (!signal.aborted) console.log(`both are ours, with number ${fence}`);
 * });
 * await db.close();
 * ```
 */
export function lock(db: Attachable, name: string, options: LockOptions = {}): Lock {
  return new Lock(new Piece(db, "lock", name), [], options);
}
