// Two clerks and one shelf: patches that all count, versions that catch the late, changes that try again.
// Run it with `npx tsx examples/locking.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { z } from "zod";
import { connect, defineEntity, exact, inc, isRemoraError, push, range } from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

const Shelf = defineEntity({
  name: "shelf",
  schema: z.object({
    id: z.string(),
    label: z.string(),
    stock: z.int().min(0),
    log: z.array(z.string()).default([]),
    version: z.int(),
  }),
  index: { label: exact(), stock: range() },
  unique: { label: ["label"] },
  version: "version",
});

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
await using db = await connect(server.url, { namespace: namespace.name });
const shelves = db.repository(Shelf);
await shelves.indexes.sync();
const { id } = await shelves.insert({ label: "lamps", stock: 10 });

// A hundred buyers, ten lamps: exactly ten are sold, in one script call each.
const sales = await Promise.allSettled(
  Array.from({ length: 100 }, (_, buyer) => shelves.update(id, { stock: inc(-1), log: push(`buyer ${buyer}`) })),
);
assert.equal(sales.filter(({ status }) => status === "fulfilled").length, 10);
const sold = await shelves.findByIdOrThrow(id);
assert.deepEqual([sold.stock, sold.log.length, sold.version], [0, 10, 11]);

// A form that was open too long: whoever saves an old version is told, and nothing is lost.
await shelves.update(id, { stock: inc(5) }, { ifVersion: sold.version });
const late: unknown = await shelves.save({ ...sold, label: "old lamps" }).catch((error: unknown) => error);
assert.ok(isRemoraError(late, "VERSION_CONFLICT"));
assert.deepEqual([late.expected, late.actual], [11, 12]);

// What depends on the stored value is read, changed and written, and tried again when others were faster.
const rounds = Array.from({ length: 20 }, () =>
  shelves.modify(id, (shelf) => ({ ...shelf, stock: shelf.stock + 1 }), { retries: 100 }),
);
await Promise.all(rounds);
assert.equal((await shelves.findUnique({ label: "lamps" }))?.stock, 25);

console.log("100 buyers, 10 lamps: 10 sold; 20 changes at once: 20 counted");
console.log("locking.ts: every claim holds");
