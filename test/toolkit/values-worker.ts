// One process of several that count, tag and add to lists until they are killed. Arguments: the server, the namespace.
// Prints a line per hundred rounds, of which each was answered.
import { z } from "zod";

import { cappedList, counter, tags } from "../../src/toolkit/index.ts";
import { connect } from "../../src/index.ts";

const [url = "", namespace = ""] = process.argv.slice(2);
const db = await connect(url, { namespace });
const failures = counter(db, "failures", { ttl: 1000 });
const seen = cappedList(db, "seen", z.int(), { keep: 5, ttl: 1000 });
const interests = tags(db, "interests");

async function work(at: number): Promise<void> {
  for (let round = 1; ; round += 1) {
    const id = `${at}-${round % 7}`;
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await Promise.all([
      failures.of(id).increment(),
      seen.of(id).push(round),
      round % 2 === 0 ? interests.set(id, ["a", "b"]) : interests.set(id, ["b", "c"]),
    ]);
    if (round % 100 === 0) process.stdout.write("more\n");
    // A counter that begins anew must get its end anew.
    // oxlint-disable-next-line no-await-in-loop
    if (round % 3 === 0) await failures.of(id).clear();
  }
}

await Promise.all(Array.from({ length: 10 }, (_, at) => work(at)));
