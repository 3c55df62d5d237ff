// Deadlines for many calls at once: one timer for all of them instead of one each.
// A call is told within one tick after its deadline; the timer runs only while something waits.

/** How far apart the checks are, in milliseconds; also how late a deadline may be noticed. */
const tick = 25;

/** One waiting call. */
export interface Deadline {
  /** When its time is up, as `performance.now()` counts. */
  readonly at: number;
  /** Called once when the time has passed. */
  expire(): void;
}

/** Watches the deadlines of every call in flight. */
export class Deadlines {
  readonly #waiting = new Set<Deadline>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * Starts watching a call.
   *
   * @param deadline - the call.
   */
  add(deadline: Deadline): void {
    this.#waiting.add(deadline);
    this.#timer ??= setInterval(() => this.#check(), tick);
  }

  /**
   * Stops watching a call that has settled.
   *
   * @param deadline - the call.
   */
  done(deadline: Deadline): void {
    this.#waiting.delete(deadline);
  }

  /** Expires everything that still waits. */
  expireAll(): void {
    for (const deadline of this.#waiting) deadline.expire();
    this.#waiting.clear();
    this.#stop();
  }

  #check(): void {
    if (this.#waiting.size === 0) {
      this.#stop();
      return;
    }
    const now = performance.now();
    for (const deadline of this.#waiting) {
      if (deadline.at > now) continue;
      this.#waiting.delete(deadline);
      deadline.expire();
    }
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
