// The server's clock as seen from here: how far it is ahead, measured by asking for it, now and then and after each reconnect.
// Good to half a round trip; a wrong clock of this machine does not matter.
import type { RedisClient } from "./client.ts";
import type { Executor } from "./executor.ts";

/** How often the clock is asked for, of which the shortest round trip counts. */
const samples = 3;
/** How long a measurement is good for, in milliseconds: clocks that run apart by a second a day are some 0.7 ms off by then. */
const lifetime = 60_000;

/** Tells the time of a server. */
export class ServerClock {
  readonly #executor: Executor;
  /** Milliseconds from this process's steady clock to the server's; undefined until it was asked for. */
  #offset: number | undefined;
  #measured = 0;
  #measuring: Promise<void> | undefined;

  /**
   * @param client - the client; another server may answer after it reconnected.
   * @param executor - asks the server.
   */
  constructor(client: RedisClient, executor: Executor) {
    this.#executor = executor;
    client.on("ready", () => {
      if (this.#offset !== undefined) this.#remeasure();
    });
  }

  /**
   * Asks for the time, if nobody did yet. Three round trips (TIME).
   *
   * @throws RemoraError when the server does not tell it.
   */
  async start(): Promise<void> {
    if (this.#offset === undefined) await this.#measure();
  }

  /**
   * The time on the server.
   *
   * @returns a date of whole milliseconds.
   */
  now(): Date {
    const steady = performance.now();
    if (steady - this.#measured > lifetime) this.#remeasure();
    return new Date(Math.round(steady + (this.#offset ?? performance.timeOrigin)));
  }

  /** Asks for the time again, since the server was seen to have another one. */
  refresh(): void {
    this.#remeasure();
  }

  // Whoever asks meanwhile goes by the last measurement; so does everybody when the server does not answer.
  #remeasure(): void {
    this.#measured = performance.now();
    void this.#measure().catch(() => undefined);
  }

  #measure(): Promise<void> {
    this.#measuring ??= this.#ask().finally(() => {
      this.#measuring = undefined;
    });
    return this.#measuring;
  }

  async #ask(): Promise<void> {
    let shortest = Number.POSITIVE_INFINITY;
    let offset = 0;
    for (let sample = 0; sample < samples; sample += 1) {
      const sent = performance.now();
      // eslint-disable-next-line no-await-in-loop -- each round trip is timed by itself
      const reply = await this.#executor.one({ name: "TIME", args: [] }, { operation: "time", write: false });
      const trip = performance.now() - sent;
      if (trip >= shortest) continue;
      shortest = trip;
      const [seconds, microseconds] = reply as [string, string];
      offset = Number(seconds) * 1000 + Number(microseconds) / 1000 - (sent + trip / 2);
    }
    this.#offset = offset;
    this.#measured = performance.now();
  }
}
