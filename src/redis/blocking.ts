// A connection for commands that wait on the server, made on demand and closed with its owner.
// Nothing else goes over it, since whatever came behind a waiting command would wait as well.
import { duplicateOf, type RedisClient } from "./client.ts";
import { proofOf, toRemoraError } from "./failures.ts";

/** How long to wait before asking again after the connection failed, in milliseconds. */
const pause = 100;

/** Waits on the server over a connection of its own. */
export class BlockingConnection {
  readonly #client: RedisClient;
  #closed = false;

  /**
   * @param client - the client whose server is meant.
   */
  constructor(client: RedisClient) {
    this.#client = duplicateOf(client, { lazyConnect: false, enableOfflineQueue: true });
    // What is wrong with the connection shows in the commands themselves.
    this.#client.on("error", () => undefined);
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends a command, again and again while the connection fails.
   *
   * @param operation - what is being done, for errors.
   * @param entity - the entity type, for errors.
   * @param words - the command.
   * @returns the reply; undefined once it was closed.
   * @throws RemoraError when the server refuses.
   */
  async send(operation: string, entity: string, words: readonly [string, ...string[]]): Promise<unknown> {
    while (!this.#closed) {
      const [name, ...args] = words;
      try {
        // eslint-disable-next-line no-await-in-loop -- each try waits for the server
        return await this.#client.call(name, ...args);
      } catch (error) {
        // What the server itself says stays true, unless it is only not ready.
        const { name: kind } = error as Error;
        if (kind === "ReplyError" && proofOf(error as Error) !== "retry") {
          throw toRemoraError(error as Error, { operation, write: false, entity });
        }
        // eslint-disable-next-line no-await-in-loop
        if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return undefined;
  }

  /** Closes the connection; what waits is settled. */
  close(): void {
    this.#closed = true;
    this.#client.disconnect();
  }
}
