// Counting semaphores: at most so many holders at a time, by redis-semaphore, an optional peer.
// The library counts by the clock of each client; it is given the server's instead.
import type { Semaphore as LibrarySemaphore } from "redis-semaphore";

import type { Attachable } from "../redis/attachment.ts";
import { milliseconds } from "./duration.ts";
import type { Grasp, Grip } from "./held.ts";
import { defaultLease, Holdable, type HoldOptions } from "./holdable.ts";
import { amount } from "./limit-rules.ts";
import { loadLibrary } from "./library.ts";
import { LockClient, once } from "./lock-client.ts";
import { Piece, type PieceCall } from "./piece.ts";

/** What `semaphore` accepts beside its name. */
export interface SemaphoreOptions extends HoldOptions {
  /** How many may hold it at a time: 1 to 100,000. The same everywhere, as the lease is. */
  readonly limit: number;
}

const mostHolders = 100_000;
/** Where the library's scripts get the time. */
const timeArgument = 3;

class Places implements Grip<undefined> {
  readonly #piece: Piece;
  readonly #limit: number;
  readonly #leaseMs: number;

  constructor(piece: Piece, options: SemaphoreOptions) {
    this.#piece = piece;
    this.#limit = amount(piece, options.limit, "limit", mostHolders);
    this.#leaseMs = milliseconds(piece, options.lease ?? defaultLease, "lease", 1);
  }

  async acquire(call: PieceCall, token: string, leaseMs: number): Promise<Grasp<undefined>> {
    const [place] = await this.#place(call, token, leaseMs, false);
    if (await place.tryAcquire()) return { held: true, fence: undefined };
    return { held: false, waitMs: undefined };
  }

  async extend(call: PieceCall, token: string, leaseMs: number): Promise<boolean> {
    const [place] = await this.#place(call, token, leaseMs, true);
    return place.tryAcquire();
  }

  async release(call: PieceCall, token: string): Promise<boolean> {
    const [place, client] = await this.#place(call, token, this.#leaseMs, true);
    await place.release();
    return client.reply === 1;
  }

  async #place(
    call: PieceCall,
    token: string,
    leaseMs: number,
    held: boolean,
  ): Promise<readonly [LibrarySemaphore, LockClient]> {
    // Whoever looks takes out those whose lease has passed, by its own lease.
    if (leaseMs !== this.#leaseMs) throw this.#piece.invalid("all holders of a semaphore have one lease");
    const { Semaphore } = await loadLibrary(this.#piece, "redis-semaphore", () => import("redis-semaphore"));
    const { clock } = this.#piece.attachment;
    await clock.start();
    const client = new LockClient(this.#piece, call, (words) => {
      if (words.length > timeArgument) words[timeArgument] = String(clock.now().getTime());
    });
    const place = new Semaphore(client as never, this.#piece.tagged(), this.#limit, {
      ...once,
      lockTimeout: leaseMs,
      identifier: token,
      ...(held ? { acquiredExternally: true } : {}),
    });
    return [place, client];
  }
}

/** Places for so many holders at a time. */
export class Semaphore extends Holdable<undefined> {
  /**
   * Made by {@link semaphore}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param options - how many, and its times.
   */
  constructor(piece: Piece, options: SemaphoreOptions) {
    super(piece, new Places(piece, options), piece.title, options);
  }
}

/**
 * A semaphore: at most `limit` holders at a time, among all processes that share the server, counted by the package
 * redis-semaphore. A place is free again when its holder releases it, or after its lease.
 *
 * Acquiring is one round trip (EVALSHA of the library's script with ZREMRANGEBYSCORE, ZCARD, ZADD and PEXPIRE); the first
 * one of a process asks for the server's time before.
 *
 * @param db - the database.
 * @param name - what to call it: its key.
 * @param options - how many may hold it, lease, wait, retry, and whether it is extended.
 * @returns the semaphore; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 * @throws ValidationError when an option is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { semaphore } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const exports = semaphore(db, "export", { limit: 3, lease: 20 });
 * await exports.using(({ signal }) => signal.throwIfAborted());
 * await db.close();
 * ```
 */
export function semaphore(db: Attachable, name: string, options: SemaphoreOptions): Semaphore {
  return new Semaphore(new Piece(db, "semaphore", name), options);
}
