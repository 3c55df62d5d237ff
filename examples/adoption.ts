// Hashes that redis-om wrote, adopted: read as they are, queried, changed, and read by redis-om again.
// Run it with `npx tsx examples/adoption.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { Client, Schema } from "redis-om";
import { z } from "zod";
import {
  bit,
  connect,
  dateAs,
  defineEntity,
  exact,
  geo,
  geoPoint,
  isRemoraError,
  joined,
  range,
} from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
const prefix = `${namespace.name}:studio`;

// The other program.
const client = await new Client().open(server.url);
const theirs = client.fetchRepository(
  new Schema(
    prefix,
    {
      name: { type: "string" },
      founded: { type: "date" },
      open: { type: "boolean" },
      styles: { type: "string[]" },
      place: { type: "point" },
    },
    { dataStructure: "HASH" },
  ),
);
const place = { longitude: -118.34, latitude: 34.09 };
await theirs.save("rko", {
  name: "RKO",
  founded: new Date("1928-10-23"),
  open: false,
  styles: ["noir", "western"],
  place,
});
await theirs.save("ufa", { name: "UFA", founded: new Date("1917-12-18"), open: true, styles: ["drama"] });

const Studio = defineEntity({
  name: "studio",
  keyPrefix: `${prefix}:`,
  schema: z.object({
    id: z.string(),
    name: z.string(),
    founded: dateAs("s"),
    open: bit(),
    styles: joined("|").default([]),
    place: geoPoint().optional(),
  }),
  index: { name: exact(), founded: range(), open: exact(), styles: exact(), place: geo() },
});
await using db = await connect(server.url, { namespace: namespace.name });

// Looked at first, with no chance of changing anything.
const reader = db.repository(Studio, { readOnly: true });
const rko = await reader.findByIdOrThrow("rko");
assert.deepEqual(rko.styles, ["noir", "western"]);
assert.equal(rko.founded.getUTCFullYear(), 1928);
const refused: unknown = await (reader as unknown as { delete: (id: string) => Promise<unknown> })
  .delete("rko")
  .catch((error: unknown) => error);
assert.ok(isRemoraError(refused, "CAPABILITY"));

// Then adopted: one walk over what is there makes the indexes.
const studios = db.repository(Studio);
await studios.indexes.sync();
assert.deepEqual(await studios.query().where("styles").contains("noir").ids(), ["rko"]);
assert.deepEqual(await studios.query().where("founded").lt(new Date("1920-01-01")).ids(), ["ufa"]);
assert.equal(await studios.query().where("place").within({ center: place, radius: 1, unit: "km" }).count(), 1);

// And what is written here, the other program reads.
await studios.update("ufa", { open: false, styles: ["drama", "silent"] });
const ufa = await theirs.fetch("ufa");
assert.equal(ufa["open"], false);
assert.deepEqual(ufa["styles"], ["drama", "silent"]);
await client.close();

console.log("2 studios of another program: read, queried, changed, and read by it again");
console.log("adoption.ts: every claim holds");
