// A shop's checkout: stock, order and account change together, or not at all, however many buy at once.
// Run it with `npx tsx examples/transactions.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { z } from "zod";
import { connect, defineEntity, exact, inc, isRemoraError, range } from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

const Product = defineEntity({
  name: "product",
  colocate: "shop",
  schema: z.object({ id: z.string(), price: z.number(), stock: z.int().min(0) }),
  index: { stock: range() },
});
const Customer = defineEntity({
  name: "customer",
  colocate: "shop",
  schema: z.object({ id: z.string(), money: z.number().min(0), version: z.int() }),
  index: { money: range() },
  version: "version",
});
const Order = defineEntity({
  name: "order",
  colocate: "shop",
  schema: z.object({ id: z.string(), customer: z.string(), product: z.string(), paid: z.number() }),
  index: { customer: exact(), product: exact() },
});

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
await using db = await connect(server.url, { namespace: namespace.name });
const [products, customers, orders] = [db.repository(Product), db.repository(Customer), db.repository(Order)];
for (const each of [products, customers, orders]) {
  // eslint-disable-next-line no-await-in-loop -- one type after the other
  await each.indexes.sync();
}
await products.insert({ id: "lamp", price: 30, stock: 8 });
await customers.insertMany([
  { id: "ada", money: 100 },
  { id: "bob", money: 1000 },
]);

async function buy(customer: string, product: string): Promise<string> {
  return db.transaction(
    async (tx) => {
      const { price } = await tx.repository(Product).findByIdOrThrow(product);
      await tx.repository(Product).update(product, { stock: inc(-1) });
      await tx.repository(Customer).update(customer, { money: inc(-price) });
      const order = await tx.repository(Order).insert({ customer, product, paid: price });
      return order.id;
    },
    { retries: 1000 },
  );
}

// Ada can pay for three lamps, and eight are there: what cannot be is refused as a whole.
const attempts = await Promise.allSettled([
  ...Array.from({ length: 6 }, () => buy("ada", "lamp")),
  ...Array.from({ length: 6 }, () => buy("bob", "lamp")),
]);
const bought = attempts.filter(({ status }) => status === "fulfilled").length;
const reasons = attempts.flatMap((attempt) => (attempt.status === "rejected" ? [attempt.reason as unknown] : []));
assert.ok(reasons.every((reason) => isRemoraError(reason, "VALIDATION")));

const { stock } = await products.findByIdOrThrow("lamp");
const [ada, bob] = await customers.findByIds(["ada", "bob"]);
assert.equal(await orders.count(), bought);
assert.equal(stock, 8 - bought);
assert.equal((ada?.money ?? 0) + (bob?.money ?? 0), 1100 - 30 * bought);
assert.ok((await orders.query().where("customer").eq("ada").count()) <= 3);

console.log(`${bought} lamps sold, ${stock} left, ${reasons.length} refused`);
console.log("transactions.ts: every claim holds");
