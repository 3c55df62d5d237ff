// What is held: extended while it is wanted, given back at the end, and its holder told when it is lost.
// Only spans of this process's steady clock are counted, from before each request was sent: so a lease never ends later here.
import { LockLostError, type RemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { type Duration, milliseconds } from "./duration.ts";
import type { Piece, PieceCall } from "./piece.ts";

/** What one try to get hold of something gave. */
export type Grasp<F> =
  | { readonly held: true; readonly fence: F }
  /** Milliseconds until what others hold is free by itself, where that is known. */
  | { readonly held: false; readonly waitMs: number | undefined };

/** A way to hold something on a server, or on several. */
export interface Grip<F> {
  readonly acquire: (call: PieceCall, token: string, leaseMs: number) => Promise<Grasp<F>>;
  /** False when it is not held any more. */
  readonly extend: (call: PieceCall, token: string, leaseMs: number) => Promise<boolean>;
  /** False when it was not held any more. */
  readonly release: (call: PieceCall, token: string) => Promise<boolean>;
}

/** How something is held. */
export interface Holding<F> {
  readonly piece: Piece;
  readonly grip: Grip<F>;
  readonly token: string;
  /** What it is called in errors. */
  readonly subject: string;
  readonly fence: F;
  readonly leaseMs: number;
  /** When the request was sent that acquired it, as `performance.now()` counts. */
  readonly since: number;
  readonly autoExtend: boolean;
  readonly onError: ((error: RemoraError) => void) | undefined;
}

/** Of a lease, the part after which it is extended. */
const extendAfter = 1 / 3;
/** Of a lease, the part after which a failed extension is tried again. */
const againAfter = 1 / 10;

/** Something that is held, until it is released or lost. F is the type of its fence. */
export class Held<out F = number | undefined> implements AsyncDisposable {
  /** Grows from holder to holder: give it to `save`, so that who lost the lock cannot overwrite who got it. */
  readonly fence: F;
  readonly #holding: Holding<F>;
  readonly #lost = new AbortController();
  #leaseMs: number;
  #end: number;
  #state: "held" | "lost" | "released" = "held";
  #extendTimer: NodeJS.Timeout | undefined;
  #endTimer: NodeJS.Timeout | undefined;
  #extending: Promise<unknown> = Promise.resolve();
  #released: Promise<boolean> | undefined;
  /** Why it could not be extended last. */
  #lastFailure: unknown;
  readonly #forget: () => void;

  /**
   * Made by `acquire` and `tryAcquire`.
   *
   * @internal
   * @param holding - what is held, and how.
   */
  constructor(holding: Holding<F>) {
    this.#holding = holding;
    this.fence = holding.fence;
    this.#leaseMs = holding.leaseMs;
    this.#end = holding.since + holding.leaseMs;
    this.#forget = holding.piece.attachment.onClose(() => this.#lose("the database was closed"));
    this.#arm();
  }

  /** Fires when it is lost, with a LockLostError as its reason; stop the work then. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Milliseconds that it is certainly still held, unless somebody deletes its key; 0 when it is lost or released. */
  get remainingMs(): number {
    return this.#state === "held" ? Math.max(0, this.#end - performance.now()) : 0;
  }

  /**
   * Holds it for another lease, from now on. One round trip (EVALSHA of a script with GET and PEXPIRE).
   *
   * @param lease - how long: seconds, or `{ ms }`; as before when left out.
   * @param options - deadline in milliseconds, and signal.
   * @throws LockLostError when it is not held any more.
   * @throws ValidationError when the lease is no time.
   */
  async extend(lease?: Duration, options: CallOptions = {}): Promise<void> {
    const { piece } = this.#holding;
    const leaseMs = lease === undefined ? this.#leaseMs : milliseconds(piece, lease, "lease", 1);
    this.#mustBeHeld();
    if (!(await this.#extend(leaseMs, options))) this.#lose("its key is gone, or another's");
    this.#mustBeHeld();
  }

  /**
   * Gives it back. One round trip (EVALSHA of a script with GET and UNLINK); a second call sends nothing.
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns true when it was held until now; false when it had been lost.
   */
  release(options: CallOptions = {}): Promise<boolean> {
    this.#released ??= this.#giveBack(options);
    return this.#released;
  }

  /** Gives it back at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #giveBack(options: CallOptions): Promise<boolean> {
    const lost = this.#state === "lost";
    this.#settle("released");
    // What is on its way might come back to life behind the release.
    await this.#extending;
    // Of several locks one may be gone, and the others still here.
    const released = await this.#holding.grip.release(this.#call("release", options), this.#holding.token);
    return released && !lost;
  }

  async #extend(leaseMs: number, options: CallOptions): Promise<boolean> {
    const since = performance.now();
    const { grip, token } = this.#holding;
    const extended = await grip.extend(this.#call("extend", options), token, leaseMs);
    if (extended && this.#state === "held") {
      this.#leaseMs = leaseMs;
      this.#end = since + leaseMs;
      this.#arm();
    }
    return extended;
  }

  #arm(): void {
    clearTimeout(this.#endTimer);
    const left = this.#end - performance.now();
    this.#endTimer = setTimeout(() => this.#lose("its lease ran out before it was extended"), left).unref();
    if (this.#holding.autoExtend) this.#extendIn(this.#leaseMs * extendAfter);
  }

  #extendIn(time: number): void {
    clearTimeout(this.#extendTimer);
    this.#extendTimer = setTimeout(() => {
      this.#extending = this.#extendQuietly();
    }, time).unref();
  }

  // A failed extension is tried again until the lease is over.
  async #extendQuietly(): Promise<void> {
    try {
      const deadline = Math.max(1, Math.ceil(this.remainingMs));
      if (!(await this.#extend(this.#leaseMs, { deadline }))) this.#lose("its key is gone, or another's");
    } catch (error) {
      this.#lastFailure = error;
      if (this.#state !== "held") return;
      this.#extendIn(this.#leaseMs * againAfter);
      this.#report(error as RemoraError);
    }
  }

  #report(error: RemoraError): void {
    try {
      this.#holding.onError?.(error);
    } catch (thrown) {
      // Nobody waits for this call, so the holder is told by the signal.
      this.#lastFailure = thrown;
      this.#lose("its extension failed, and so did onError");
    }
  }

  #lose(how: string): void {
    if (this.#state !== "held") return;
    this.#settle("lost");
    this.#lost.abort(this.#lossOf(how));
  }

  #lossOf(how: string): LockLostError {
    const { piece, subject } = this.#holding;
    return new LockLostError(`${subject}: ${how}; stop the work, and begin again with a new one`, {
      entity: piece.title,
      fence: typeof this.fence === "number" ? this.fence : undefined,
      cause: this.#lastFailure,
    });
  }

  #mustBeHeld(): void {
    if (this.#state === "released") throw this.#lossOf("it was released");
    this.#lost.signal.throwIfAborted();
  }

  #settle(state: "lost" | "released"): void {
    this.#state = state;
    clearTimeout(this.#endTimer);
    clearTimeout(this.#extendTimer);
    this.#forget();
  }

  #call(operation: string, options: CallOptions): PieceCall {
    return { operation, write: true, ...options };
  }
}
