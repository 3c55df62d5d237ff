// Two promises at work: a save that lost a race is refused, and an entity that expired is gone.
// Each is checked, not only shown: what does not hold ends the demo with an error.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { defineEntity, exact, isRemoraError } from "../../src/index.ts";
import type { Loaded } from "./load.ts";
import { say, table, time } from "./screen.ts";
import type { Engine, Stage } from "./stage.ts";

/** Two readers change the same city; the second is told instead of overwriting the first. */
export async function showConflict({ cities }: Loaded): Promise<void> {
  const largest = cities.query().orderBy("population", "desc");
  const [ada, bob] = await Promise.all([largest.firstOrThrow(), largest.firstOrThrow()]);
  const saved = await cities.save({ ...ada, name: `${ada.name} (Ada)` });
  say(
    `Ada and Bob both read ${ada.name} at version ${ada.version}. Ada saves it, which makes it version ${saved.version}.`,
  );
  const error: unknown = await cities.save({ ...bob, name: `${bob.name} (Bob)` }).catch((caught: unknown) => caught);
  assert(isRemoraError(error, "VERSION_CONFLICT"));
  say(`Bob saves it: ${error.name}, expected version ${error.expected}, found ${error.actual}; nothing was written.`);
  const fresh = await cities.findByIdOrThrow(bob.id);
  assert.equal(fresh.name, saved.name);
  const again = await cities.save({ ...fresh, name: bob.name });
  say(`Bob reads version ${fresh.version}, saves again, and gets version ${again.version}.`);
}

const Ticket = defineEntity({
  name: "ticket",
  schema: z.object({ id: z.string(), holder: z.string() }),
  index: { holder: exact() },
  ttl: { seconds: 60 },
});

const lifetime = 800;
const patience = 10_000;

/** A ticket that lives for less than a second, watched until it is gone; on every engine. */
export async function showExpiry(stage: Stage): Promise<void> {
  const rows = await Promise.all(stage.engines.map((engine) => watchTicket(stage, engine)));
  table(["engine", "lifetime", "at first", "last seen after", "gone after", "and then"], rows);
}

async function watchTicket(stage: Stage, engine: Engine): Promise<string[]> {
  const db = await stage.connect(engine, "tickets");
  const tickets = db.repository(Ticket);
  await tickets.indexes.sync();
  const ticket = await tickets.insert({ holder: "Ada" }, { ttl: { ms: lifetime } });
  const started = performance.now();
  const ofAda = tickets.query().where("holder").eq("Ada");
  const before = await ofAda.count();
  let seen = 0;
  // oxlint-disable-next-line no-await-in-loop -- polling is the purpose
  while ((await tickets.findById(ticket.id)) !== null) {
    seen = performance.now() - started;
    assert(seen < patience, `the ticket is still there after ${time(seen)}`);
    // oxlint-disable-next-line no-await-in-loop
    await pause(20);
  }
  const gone = performance.now() - started;
  const after = await ofAda.count();
  assert.deepEqual([before, after], [1, 0]);
  return [engine, time(lifetime), `count ${before}`, time(seen), time(gone), `findById null, count ${after}`];
}
