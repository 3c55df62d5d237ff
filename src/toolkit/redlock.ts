// Redlock: a lock that most of several independent servers agree on, by redis-semaphore, an optional peer.
// Its holders have no fence, since no server of them sees every holder.
import type { RedlockMutex } from "redis-semaphore";

import { ValidationError } from "../errors.ts";
import type { Attachable } from "../redis/attachment.ts";
import { milliseconds } from "./duration.ts";
import type { Grasp, Grip } from "./held.ts";
import { defaultLease, Holdable, type HoldOptions } from "./holdable.ts";
import { loadLibrary } from "./library.ts";
import { LockClient, once } from "./lock-client.ts";
import { Piece, type PieceCall } from "./piece.ts";

/** The least that a server is waited for, in milliseconds. */
const shortestPatience = 20;

class Majority implements Grip<undefined> {
  readonly #pieces: readonly Piece[];
  readonly #first: Piece;
  readonly #patience: number;
  readonly #quorum: number;

  constructor(pieces: readonly Piece[], first: Piece, options: HoldOptions) {
    this.#pieces = pieces;
    this.#first = first;
    const leaseMs = milliseconds(first, options.lease ?? defaultLease, "lease", 1);
    // A server that is gone must not use up the lease that the others gave.
    this.#patience = Math.max(shortestPatience, Math.round(leaseMs / 10));
    this.#quorum = Math.floor(pieces.length / 2) + 1;
  }

  async acquire(call: PieceCall, token: string, leaseMs: number): Promise<Grasp<undefined>> {
    const [mutex, clients] = await this.#mutex(call, token, leaseMs, false);
    if (await mutex.tryAcquire()) return { held: true, fence: undefined };
    this.#mustAnswer(clients);
    return { held: false, waitMs: undefined };
  }

  async extend(call: PieceCall, token: string, leaseMs: number): Promise<boolean> {
    const [mutex, clients] = await this.#mutex(call, token, leaseMs, true);
    const extended = await mutex.tryAcquire();
    if (!extended) this.#mustAnswer(clients);
    return extended;
  }

  async release(call: PieceCall, token: string): Promise<boolean> {
    const [mutex, clients] = await this.#mutex(call, token, 1, true);
    await mutex.release();
    this.#mustAnswer(clients);
    return clients.filter(({ reply }) => reply === 1).length >= this.#quorum;
  }

  // The library takes a server that did not answer for one that said no.
  #mustAnswer(clients: readonly LockClient[]): void {
    const failed = clients.filter(({ failure }) => failure !== undefined);
    if (clients.length - failed.length < this.#quorum) throw failed[0]?.failure as Error;
  }

  async #mutex(
    call: PieceCall,
    token: string,
    leaseMs: number,
    held: boolean,
  ): Promise<readonly [RedlockMutex, readonly LockClient[]]> {
    const library = await loadLibrary(this.#first, "redis-semaphore", () => import("redis-semaphore"));
    const trip = { ...call, deadline: Math.min(call.deadline ?? this.#patience, this.#patience) };
    const clients = this.#pieces.map((piece) => new LockClient(piece, trip));
    const mutex = new library.RedlockMutex(clients as never, this.#first.tagged(), {
      ...once,
      // Servers hold it a little longer than we count on, since their clocks may run faster.
      lockTimeout: Math.ceil(leaseMs * 1.01) + 2,
      identifier: token,
      ...(held ? { acquiredExternally: true } : {}),
    });
    return [mutex, clients];
  }
}

/** A lock that most of several servers agree on. */
export class Redlock extends Holdable<undefined> {
  /**
   * Made by {@link redlock}.
   *
   * @internal
   * @param pieces - its name and its ways to the servers.
   * @param first - the first of them.
   * @param options - its times.
   */
  constructor(pieces: readonly Piece[], first: Piece, options: HoldOptions) {
    super(first, new Majority(pieces, first, options), first.title, options);
  }
}

/**
 * A lock on several independent servers, by the package redis-semaphore: it is held while most of them say so, and so
 * outlives the loss of the others. Its holders have no fence.
 *
 * Acquiring is one round trip to all servers at once (SET), each of which is waited for a tenth of the lease.
 *
 * @param dbs - a database on each server: at least three, none a replica of another, all with the same namespace.
 * @param name - what to call it: its key.
 * @param options - lease, wait, retry, and whether it is extended.
 * @returns the lock; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 * @throws ValidationError when there are less than three databases, they have different namespaces, or an option is no time.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { redlock } from "remora/toolkit";
 *
 * const servers = ["redis://localhost:6379/1", "redis://localhost:6379/2", "redis://localhost:6379/3"];
 * const dbs = await Promise.all(servers.map((url) => connect(url, { namespace: "app" })));
 * const nightly = redlock(dbs, "nightly", { lease: 10 });
 * await nightly.using(({ signal }) => signal.throwIfAborted());
 * await Promise.all(dbs.map((db) => db.close()));
 * ```
 */
export function redlock(dbs: readonly Attachable[], name: string, options: HoldOptions = {}): Redlock {
  const pieces = dbs.map((db) => new Piece(db, "redlock", name));
  const [first] = pieces;
  if (first === undefined || pieces.length < 3) {
    throw new ValidationError(`redlock ${name}: a majority needs at least three databases on servers of their own`, {
      entity: `redlock ${name}`,
    });
  }
  if (pieces.some(({ prefix }) => prefix !== first.prefix))
    throw first.invalid("all databases need the same namespace");
  return new Redlock(pieces, first, options);
}
