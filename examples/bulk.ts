// A stream of readings in, corrections and deletions, a copy by lines of JSON that breaks off and goes on.
// Run it with `npx tsx examples/bulk.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { z } from "zod";
import { connect, defineEntity, exact, inc, isRemoraError, range } from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

const Reading = defineEntity({
  name: "reading",
  schema: z.object({ id: z.string(), meter: z.string(), value: z.number().min(0), at: z.date(), version: z.int() }),
  index: { meter: exact(), value: range() },
  version: "version",
});

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
await using db = await connect(server.url, { namespace: namespace.name });
const readings = db.repository(Reading);
await readings.indexes.sync();

// Ten thousand readings as they come; nothing is kept of them but what went wrong.
async function* incoming() {
  for (let at = 0; at < 10_000; at += 1) {
    yield { id: `r${at}`, meter: `m${at % 10}`, value: at === 500 ? -1 : at, at: new Date(at) };
  }
}
const bad: number[] = [];
const summary = await readings.insertMany(incoming(), {
  onOutcome: (outcome, index) => !outcome.ok && bad.push(index),
});
assert.deepEqual([summary, bad], [{ done: 10_000, failed: 1, stopped: false }, [500]]);

// Patches of many, each by itself; or all of them, or none.
const corrected = await readings.patchMany(
  Array.from({ length: 1000 }, (_, at) => ({ id: `r${at}`, patch: { value: inc(0.5) } })),
);
assert.deepEqual([corrected.patched, corrected.failed.map(({ index }) => index)], [999, [500]]);
const together = [
  { id: "r1", patch: { value: inc(-1) } },
  { id: "r2", patch: { value: inc(-100) } },
];
const refused: unknown = await readings.patchMany(together, { atomic: true }).catch((error: unknown) => error);
assert.ok(isRemoraError(refused, "VALIDATION"));
assert.equal((await readings.findById("r1", { select: ["value"] }))?.value, 1.5);

// A copy by lines, broken off by a signal: it goes on where it was, and ends up the same.
await using copy = await connect(server.url, { namespace: `${namespace.name}-copy` });
const copies = copy.repository(Reading);
await copies.indexes.sync();
const stop = new AbortController();
const first = await copies.import(readings.export(), {
  signal: stop.signal,
  onProgress: ({ done }) => done > 3000 && stop.abort(),
});
assert.ok(first.stopped && first.resume > 3000 && first.resume < 9999);
const rest = await copies.import(readings.export(), { mode: "replace", resume: first.resume });
assert.deepEqual([rest.resume, rest.failed], [9999, 0]);
assert.deepEqual(await copies.findById("r7"), await readings.findById("r7"));
assert.equal(await copies.query().where("meter").eq("m3").count(), 1000);

const gone = await copies.deleteMany(await copies.query().where("value").gte(0).limit(9999).ids());
assert.equal(gone.deleted, 9999);
assert.equal(await copies.count(), 0);
await copies.indexes.drop();

console.log(`10 000 readings streamed in, 1 refused; a copy broken off at line ${first.resume} and finished`);
console.log("bulk.ts: every claim holds");
