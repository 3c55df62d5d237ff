// Walking the keys of a database: SCAN on every primary, a page at a time, never KEYS.
// For tools that look at data nobody has described yet; no answer to a query comes from here.
import { toRemoraError } from "./failures.ts";
import { isCluster, type RedisClient } from "./client.ts";

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

/**
 * Walks the keys that begin with a text. Each page is one SCAN, of which the server may find nothing; keys may come twice.
 *
 * @param client - a connected client; of a cluster, every primary is walked.
 * @param prefix - what keys begin with.
 * @returns an iterator of pages.
 * @throws RemoraError of the class that fits the failure.
 */
export async function* scanKeys(client: RedisClient, prefix: string): AsyncGenerator<readonly string[]> {
  const pattern = `${prefix.replaceAll(/[\\*?[\]]/g, "\\$&")}*`;
  const nodes = isCluster(client)
    ? (client as RedisClient & { nodes(role: "master"): RedisClient[] }).nodes("master")
    : [client];
  for (const node of nodes) {
    let cursor = "0";
    do {
      // oxlint-disable-next-line no-await-in-loop -- each page needs the cursor of the one before
      const reply = await ask(node, "scan", "SCAN", cursor, "MATCH", pattern, "COUNT", String(keysPerCall));
      const [next, keys] = reply as [string, string[]];
      cursor = next;
      yield keys;
    } while (cursor !== "0");
  }
}
