// A shop's staff as classes: fields by decorators, instances with methods, and what extends an entity.
// Run it with `npx tsx examples/classes.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { z } from "zod";
import { connect, exact, push, range, text } from "../src/index.ts";
import { CreatedAt, Entity, Field, Id, Version } from "../src/schema/decorators.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

/** What both kinds of people have; no entity by itself. */
abstract class Person {
  @Id() id!: string;
  @Field(z.string().min(1), { index: [exact({ sortable: true }), text()] }) name!: string;
  @Field(z.email(), { unique: true, caseInsensitive: true }) email!: string;
  @CreatedAt({ index: range() }) createdAt!: Date;
  @Version() version!: number;

  get initial(): string {
    return this.name.charAt(0);
  }
}

@Entity({ name: "customer" })
class Customer extends Person {
  @Field(z.array(z.string()).default([])) orders?: string[];
}

@Entity({ name: "clerk", colocate: "staff" })
class Clerk extends Person {
  @Field(z.enum(["till", "store"]), { index: exact() }) place!: "till" | "store";

  moveTo(place: "till" | "store"): this {
    this.place = place;
    return this;
  }
}

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
await using db = await connect(server.url, { namespace: namespace.name });
const [customers, clerks] = [db.repository(Customer), db.repository(Clerk)];
await Promise.all([customers.indexes.sync(), clerks.indexes.sync()]);

// What is stored comes back as an instance, with all that its class and its parents can do.
const ada = await customers.insert({ name: "Ada", email: "ada@example.org" });
assert.ok(ada instanceof Customer && ada instanceof Person);
assert.deepEqual([ada.initial, ada.orders, ada.version], ["A", [], 1]);

// Two classes of one parent are two types, each with its own documents and unique values.
const bob = await clerks.insert({ name: "Bob", email: "ADA@example.org", place: "till" });
const moved = await clerks.save(bob.moveTo("store"));
assert.equal(moved.version, 2);
assert.deepEqual(await clerks.query().where("place").eq("store").where("name").match("bob").all(), [moved]);

// Patches, transactions and everything else are as for any type.
await customers.update(ada.id, { orders: push("lamp") });
await db.transaction(async (tx) => {
  const clerk = await tx.repository(Clerk).findByIdOrThrow(bob.id);
  await tx.repository(Clerk).save(clerk.moveTo("till"));
});
assert.equal((await clerks.findByIdOrThrow(bob.id)).place, "till");
assert.deepEqual((await customers.findByIdOrThrow(ada.id)).orders, ["lamp"]);
console.log("classes.ts: every claim holds");
