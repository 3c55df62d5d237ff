// A typed counter: one number that is counted where it is kept, so that no two callers overwrite each other.
// Whole numbers, or numbers with fractions.
import type { CallOptions } from "../query/query.ts";
import type { Holding } from "./holding.ts";

/** A counter. */
export class TypedCounter {
  readonly #holding: Holding;
  readonly #fractions: boolean;

  /**
   * Made for a key, or an entity.
   *
   * @internal
   * @param holding - sends its commands.
   * @param fractions - whether it counts other numbers than whole ones.
   */
  constructor(holding: Holding, fractions = false) {
    this.#holding = holding;
    this.#fractions = fractions;
  }

  /**
   * Counts. One round trip (INCRBY; INCRBYFLOAT for a counter with fractions).
   *
   * @param by - how much to add, or to take away: a whole number unless it counts fractions; 1 when left out.
   * @returns the new count.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async increment(by = 1): Promise<number> {
    return this.#fractions
      ? Number(await this.#holding.write("increment", "INCRBYFLOAT", this.#holding.finite(by)))
      : Number(await this.#holding.write("increment", "INCRBY", this.#holding.whole(by)));
  }

  /**
   * Reads the count. One round trip (GET).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns the count; 0 when nothing was counted yet, or there is no such entity.
   */
  async get(options: CallOptions = {}): Promise<number> {
    return Number((await this.#holding.read("get", options, "GET")) ?? 0);
  }

  /**
   * Reads the count and begins at 0 again, so that nothing is counted twice or lost between. One round trip (GETDEL).
   *
   * @returns what the count was.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async reset(): Promise<number> {
    return Number((await this.#holding.write("reset", "GETDEL")) ?? 0);
  }

  /** Begins at 0 again. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }
}
