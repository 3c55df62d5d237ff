// Many reads by id that nobody planned together: those of one tick of the program become one.
// Each caller gets its own entity or its own error.
import type { CorruptEntityError } from "../errors.ts";

/** Reads many entities at once; told of each document that does not fit. */
type ReadMany<T> = (
  ids: readonly string[],
  onCorrupt: (error: CorruptEntityError) => void,
) => Promise<readonly (T | null)[]>;

interface Waiting<T> {
  readonly found: Promise<T | null>;
  readonly resolve: (entity: T | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers reads by id; made by `repository.loader()`. */
export class Loader<T> {
  readonly #read: ReadMany<T>;
  readonly #check: (id: string) => unknown;
  #waiting = new Map<string, Waiting<T>>();

  /**
   * Made by `repository.loader()`.
   *
   * @internal
   * @param read - reads many entities at once.
   * @param check - throws for what is no id.
   */
  constructor(read: ReadMany<T>, check: (id: string) => unknown) {
    this.#read = read;
    this.#check = check;
  }

  /**
   * Reads one entity, together with all that are asked for in the same tick; an id that is asked for twice is read once.
   * Nothing is remembered beyond that.
   *
   * @param id - its id.
   * @returns the entity, or null when there is none.
   * @throws CorruptEntityError when its document does not fit the schema; the others still come.
   * @throws ValidationError when it is no id.
   */
  load(id: string): Promise<T | null> {
    try {
      this.#check(id);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const known = this.#waiting.get(id);
    if (known !== undefined) return known.found;
    // What was called off meanwhile may still add to it, so the reading waits for the end of the tick.
    if (this.#waiting.size === 0) void Promise.resolve().then(() => process.nextTick(() => void this.#flush()));
    let [resolve, reject]: [Waiting<T>["resolve"], Waiting<T>["reject"]] = [() => undefined, () => undefined];
    const found = new Promise<T | null>((settle, fail) => {
      [resolve, reject] = [settle, fail];
    });
    this.#waiting.set(id, { found, resolve, reject });
    return found;
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    const corrupt = new Map<string, CorruptEntityError>();
    try {
      const entities = await this.#read([...waiting.keys()], (error) => void corrupt.set(error.id ?? "", error));
      for (const [at, [id, { resolve, reject }]] of [...waiting].entries()) {
        const error = corrupt.get(id);
        if (error === undefined) resolve(entities[at] ?? null);
        else reject(error);
      }
    } catch (error) {
      for (const { reject } of waiting.values()) reject(error);
    }
  }
}
