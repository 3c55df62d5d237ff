// One process of many that raise the same counter by optimistic locking, while their connections are killed.
// Arguments: the server, a namespace, how many workers, and how many times each raises it. Prints a line per hundred.
import { connect, isRemoraError } from "../../src/index.ts";
import { Counter } from "./counter.ts";

const [url = "", namespace = "", workers = "1", rounds = "1"] = process.argv.slice(2);
await using db = await connect(url, { namespace, engine: "scan", deadline: 30_000 });
const counters = db.repository(Counter);
let [applied, unknown] = [0, 0];

async function raise(): Promise<void> {
  for (;;) {
    try {
      const counter = await counters.findByIdOrThrow("one");
      await counters.save({ ...counter, value: counter.value + 1 });
      applied += 1;
      if (applied % 100 === 0) process.stdout.write("more\n");
      return;
    } catch (error) {
      if (isRemoraError(error, "OUTCOME_UNKNOWN")) unknown += 1;
      // A read is sent twice at most.
      else if (!isRemoraError(error, "VERSION_CONFLICT") && !isRemoraError(error, "CONNECTION")) throw error;
    }
  }
}

async function work(): Promise<void> {
  // eslint-disable-next-line no-await-in-loop -- one after the other is the point
  for (let round = 0; round < Number(rounds); round += 1) await raise();
}

await Promise.all(Array.from({ length: Number(workers) }, work));
process.stdout.write(`${JSON.stringify({ applied, unknown })}\n`);
