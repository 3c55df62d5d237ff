// One process of many that ask the same cache at once. Arguments: the server, a namespace, and what to do.
// Prints `ready`, waits for a line, works, and prints what came of it.
import { once } from "node:events";

import { z } from "zod";

import { connect } from "../../src/index.ts";
import { cache } from "../../src/toolkit/index.ts";

const [url = "", namespace = "", mode = ""] = process.argv.slice(2);
const db = await connect(url, { namespace });
const words = cache(db, "stampede", { schema: z.string(), ttl: 60, lock: { ms: 1000 } });
await words.get("warm");
process.stdout.write("ready\n");
await once(process.stdin, "data");
if (mode === "die") {
  // The parent kills it as soon as it is loading.
  await words.getOrSet("key", () => {
    process.stdout.write("loading\n");
    return new Promise<string>(() => undefined);
  });
}
const values = await Promise.all(
  Array.from({ length: 50 }, () =>
    words.getOrSet("key", async ({ key }) => {
      await db.redis.call("INCR", `${namespace}:loads`);
      await new Promise((resolve) => setTimeout(resolve, 200));
      return `${key} by ${process.pid}`;
    }),
  ),
);
process.stdout.write(`${JSON.stringify({ values: [...new Set(values)], stats: words.stats() })}\n`);
await db.close();
process.stdin.destroy();
