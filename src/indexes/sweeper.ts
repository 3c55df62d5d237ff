// Forgetting what has expired: all of it at once when asked to, and now and then where the database is told so.
// Saves and reads do it on their way as well; this is for types that hardly anybody writes.
import { sweepCall, sweepScript } from "../engines/write/sweep.ts";
import { stampError } from "../engines/stamp.ts";
import { isRemoraError } from "../errors.ts";
import type { RepositoryIndexes } from "../repository/indexes.ts";
import { forbidden } from "../repository/save.ts";
import type { Session } from "./session.ts";

/**
 * Forgets everything of a type that has expired, slice by slice.
 *
 * @param session - the run of work.
 * @returns how many were forgotten.
 */
export async function sweepExpired(session: Session): Promise<number> {
  const { context } = session;
  const { layout } = context;
  if (layout.expiry === undefined) return 0;
  const call = sweepCall(layout, sweepScript(layout));
  let forgotten = 0;
  for (;;) {
    // eslint-disable-next-line no-await-in-loop -- slice by slice, so that others get their turn
    const reply = await session.send(call);
    if (typeof reply === "string") throw forbidden(context, reply);
    const [dead, left] = reply as [number | "STAMP", number | string];
    if (dead === "STAMP") throw stampError(layout, String(left));
    forgotten += dead - Number(left);
    if (left === 0 || dead === left) return forgotten;
  }
}

/** Sweeps the types of a database now and then. */
export class Sweeper {
  readonly #types = new Map<string, RepositoryIndexes>();
  readonly #timer: NodeJS.Timeout;
  readonly #ending = new AbortController();
  #sweeping = false;

  /**
   * @param milliseconds - between two sweeps.
   */
  constructor(milliseconds: number) {
    this.#timer = setInterval(() => void this.#sweep(), milliseconds);
    this.#timer.unref();
  }

  /**
   * Takes a type on.
   *
   * @param name - its name; the last one of a name counts.
   * @param indexes - sweeps it.
   */
  add(name: string, indexes: RepositoryIndexes): void {
    this.#types.set(name, indexes);
  }

  /** Sweeps no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#ending.abort();
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      for (const indexes of this.#types.values()) {
        // eslint-disable-next-line no-await-in-loop -- one type after the other
        await indexes.sweep({ signal: this.#ending.signal }).catch((error: unknown) => {
          // Nobody waits for it: the failure was published, and the next sweep tries again.
          if (!isRemoraError(error)) throw error;
        });
      }
    } finally {
      this.#sweeping = false;
    }
  }
}
