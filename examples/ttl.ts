// Sessions that end by themselves: told how long, prolonged, kept for ever, and gone without a trace.
// Run it with `npx tsx examples/ttl.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { z } from "zod";
import { connect, defineEntity, exact } from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

const Session = defineEntity({
  name: "session",
  schema: z.object({ id: z.string(), user: z.string(), email: z.string() }),
  index: { user: exact() },
  unique: { email: ["email"] },
  ttl: { seconds: 1800 },
});

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
await using db = await connect(server.url, { namespace: namespace.name });
const sessions = db.repository(Session);
await sessions.indexes.sync();

// The definition's half hour, a time of its own, and for ever.
const ada = await sessions.insert({ user: "ada", email: "ada@example.org" });
const bob = await sessions.insert({ user: "bob", email: "bob@example.org" }, { ttl: { ms: 20 } });
const eve = await sessions.insert({ user: "eve", email: "eve@example.org" }, { ttl: null });
assert.ok(Number(await sessions.ttl(ada.id)) > 1_700_000);
assert.equal(await sessions.ttl(eve.id), "never");

// Dead from the first millisecond on: not found, not counted, and its unique value is free again.
// eslint-disable-next-line no-await-in-loop -- the server alone knows when
while ((await sessions.ttl(bob.id)) !== "missing");
assert.equal(await sessions.findById(bob.id), null);
assert.equal(await sessions.query().where("user").eq("bob").count(), 0);
await sessions.insert({ user: "bob", email: "bob@example.org" });
assert.equal(await sessions.count(), 3);

// Prolonged without a write to the session itself, or together with one.
await sessions.expire(ada.id, 60);
assert.equal(await sessions.touchMany([ada.id, eve.id, "nobody"]), 2);
await sessions.update(ada.id, { user: "ada l." }, { ttl: { at: new Date(Date.now() + 90_000) } });
const left = Number(await sessions.ttl(ada.id));
assert.ok(left > 80_000 && left <= 91_000);

console.log("3 sessions: one for ever, one for half an hour, one for ninety seconds");
console.log("ttl.ts: every claim holds");
