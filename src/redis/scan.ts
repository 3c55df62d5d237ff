// Walking the keys of a database: SCAN on every primary, a page at a time, never KEYS.
// For those who look at keys as such; no answer to a query comes from here.
import { DeadlineError } from "../errors.ts";
import { toRemoraError } from "./failures.ts";
import { primaries, type RedisClient } from "./client.ts";

/** How much a server looks at per call. */
const keysPerCall = 500;

/**
 * Sends one command of a tool that only reads.
 *
 * @param client - a connected client.
 * @param operation - what the command is for, for the error.
 * @param command - its name.
 * @param args - its arguments.
 * @returns the reply.
 * @throws RemoraError of the class that fits the failure.
 */
export async function ask(
  client: RedisClient,
  operation: string,
  command: string,
  ...args: string[]
): Promise<unknown> {
  try {
    return await client.call(command, ...args);
  } catch (error) {
    throw toRemoraError(error as Error, { operation, write: false });
  }
}

/** Which keys are walked, and how long a page may take. */
export interface ScanKeysOptions {
  /** A pattern for what follows the prefix; everything when left out. */
  readonly match?: string;
  /** The server's word for a type, such as `zset`. */
  readonly type?: string | undefined;
  /** Milliseconds for each page; no limit when left out. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Walks the keys that begin with a text. Each page is one SCAN, of which the server may find nothing; keys may come twice.
 *
 * @param client - a connected client; of a cluster, every primary is walked.
 * @param prefix - what keys begin with.
 * @param options - a pattern and a type that they must fit, deadline and signal.
 * @returns an iterator of pages.
 * @throws RemoraError of the class that fits the failure.
 */
export async function* scanKeys(
  client: RedisClient,
  prefix: string,
  options: ScanKeysOptions = {},
): AsyncGenerator<readonly string[]> {
  const { match = "*", type } = options;
  const pattern = prefix.replaceAll(/[\\*?[\]]/g, "\\$&") + match;
  const more = ["MATCH", pattern, "COUNT", String(keysPerCall), ...(type === undefined ? [] : ["TYPE", type])];
  for (const node of primaries(client)) {
    let cursor = "0";
    do {
      // oxlint-disable-next-line no-await-in-loop -- each page needs the cursor of the one before
      const reply = await inTime(() => ask(node, "scan", "SCAN", cursor, ...more), options);
      const [next, keys] = reply as [string, string[]];
      cursor = next;
      yield keys;
    } while (cursor !== "0");
  }
}

async function inTime<T>(work: () => Promise<T>, { deadline, signal }: ScanKeysOptions): Promise<T> {
  const limits = [
    ...(signal === undefined ? [] : [signal]),
    ...(deadline === undefined ? [] : [AbortSignal.timeout(deadline)]),
  ];
  if (limits.length === 0) return work();
  const limit = AbortSignal.any(limits);
  const late = (): DeadlineError => {
    const reason = signal?.aborted === true ? "the signal fired" : `the deadline passed (${deadline} ms)`;
    return new DeadlineError(`scan: ${reason}; nothing was changed`);
  };
  if (limit.aborted) throw late();
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(late());
    limit.addEventListener("abort", stop);
    work()
      .then(resolve, reject)
      .finally(() => limit.removeEventListener("abort", stop));
  });
}
