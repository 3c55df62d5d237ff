// A namespace that nobody else uses, and its end: every key and search index in it removed.
// Whoever runs an example against a server of their own finds it as it was.
import { randomBytes } from "node:crypto";
import { connect, type RedisClient } from "../../src/index.ts";

/** A namespace of its own. */
export class OwnNamespace implements AsyncDisposable {
  /** Its name, to be given to `connect`. */
  readonly name: string;
  readonly #url: string;

  constructor(url: string, purpose: string) {
    this.#url = url;
    this.name = `remora-${purpose}-${randomBytes(6).toString("hex")}`;
  }

  /** Removes every search index and key whose name begins with the namespace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using db = await connect(this.#url);
    const { redis } = db;
    if (db.capabilities.search) {
      const indexes = (await redis.call("FT._LIST")) as string[];
      const ours = indexes.filter((index) => index.startsWith(this.name));
      await Promise.all(ours.map((index) => redis.call("FT.DROPINDEX", index)));
    }
    // A command that was on its way when its connection closed may still arrive: stop when nothing is found.
    // oxlint-disable-next-line no-await-in-loop -- one pass after the other
    while ((await unlinkAll(redis, `${this.name}*`)) > 0);
  }
}

async function unlinkAll(redis: RedisClient, pattern: string): Promise<number> {
  let cursor = "0";
  let removed = 0;
  do {
    // oxlint-disable-next-line no-await-in-loop -- the cursor comes with the reply
    const [next, keys] = (await redis.call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)) as [string, string[]];
    // oxlint-disable-next-line no-await-in-loop
    if (keys.length > 0) await redis.call("UNLINK", ...keys);
    removed += keys.length;
    cursor = next;
  } while (cursor !== "0");
  return removed;
}
