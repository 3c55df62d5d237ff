// One process of many that want the same lock. Arguments: the server, a namespace, then what to do:
// `count` and how often: reads a number and writes one more, under the lock; `hold` and a lease: prints the fence, and stays.
import { connect } from "../../src/index.ts";
import { lock } from "../../src/toolkit/index.ts";

const [url = "", namespace = "", task = "", times = "1"] = process.argv.slice(2);
await using db = await connect(url, { namespace, deadline: 30_000 });

if (task === "count") {
  const counting = lock(db, "counting", { lease: 60, wait: 60, retry: { ms: 10 } });
  const key = `${namespace}:counted`;
  const raise = (): Promise<unknown> =>
    counting.using(async () => {
      const count = Number(await db.redis.call("GET", key));
      await db.redis.call("SET", key, String(count + 1));
    });
  await Promise.all(Array.from({ length: Number(times) }, raise));
  process.stdout.write("done\n");
} else {
  const held = await lock(db, "held").acquire({ lease: { ms: Number(times) }, wait: 60 });
  held.signal.addEventListener("abort", () => process.stdout.write(`lost ${held.signal.reason.code}\n`));
  process.stdout.write(`fence ${held.fence}\n`);
  await new Promise((resolve) => void process.stdin.once("data", resolve));
}
