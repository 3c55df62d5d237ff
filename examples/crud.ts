// The life of an entity: insert, read, save, conflict, expiry, bulk, delete.
// Run it with `npx tsx examples/crud.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { z } from "zod";
import { connect, defineEntity, exact, isRemoraError, range } from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

const User = defineEntity({
  name: "user",
  schema: z.object({ id: z.string(), name: z.string(), age: z.int(), version: z.int() }),
  index: { name: exact(), age: range() },
  version: "version",
  ttl: {},
});

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
await using db = await connect(server.url, { namespace: namespace.name });
const users = db.repository(User);
await users.indexes.sync();

// Create and read.
const ada = await users.insert({ name: "Ada", age: 36 });
assert.deepEqual(await users.findById(ada.id), ada);
assert.equal(await users.findById("nobody"), null);
assert.equal(await users.exists(ada.id), true);

// Save replaces, from the version that was read; a save from an older one is refused.
const older = await users.save({ ...ada, age: 37 });
assert.equal(older.version, 2);
const late: unknown = await users.save({ ...ada, age: 38 }).catch((error: unknown) => error);
assert.ok(isRemoraError(late, "VERSION_CONFLICT"));
assert.deepEqual([late.expected, late.actual], [1, 2]);

// Many at once: one outcome each, in order; a bad one does not hold up the good ones.
const { outcomes, saved, failed } = await users.insertMany([
  { name: "Grace", age: 85 },
  { name: "Too old to be whole", age: 85.5 },
  { name: "Alan", age: 41 },
]);
assert.equal(saved, 2);
assert.deepEqual(
  outcomes.map(({ ok }) => ok),
  [true, false, true],
);
assert.equal(failed[0]?.index, 1);
assert.equal(failed[0]?.error.code, "VALIDATION");

// Queries see it all at once.
const names = await users.query().where("age").gte(40).orderBy("age").all();
assert.deepEqual(
  names.map(({ name }) => name),
  ["Alan", "Grace"],
);
assert.equal(await users.count(), 3);

// An entity with a lifetime.
const guest = await users.insert({ name: "Guest", age: 20 }, { ttl: { ms: 60_000 } });
const remaining = Number(await db.redis.call("PTTL", users.key(guest.id)));
assert.ok(remaining > 0 && remaining <= 60_000);

// Delete.
assert.equal(await users.delete(guest.id), true);
assert.equal(await users.delete(guest.id), false);
const everyone = await users.query().ids();
await Promise.all(everyone.map((id) => users.delete(id)));
assert.equal(await users.count(), 0);
console.log(`crud.ts: every claim holds on ${server.flavour} ${server.version}`);
