// Groups, reducers and facets on every engine: answers written out by hand, and compared with plain loops over the data.
// Values that run together, numbers that round, and entities that die are among the rows.
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, type EntityOf, exact, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { runs, seed } from "../property/seed.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { describeMatrix } from "./matrix.ts";

const sale = (storage: Storage) =>
  defineEntity({
    name: "sale",
    storage,
    schema: z.object({
      id: z.string(),
      shop: z.string(),
      item: z.string().nullable(),
      price: z.number().nullable(),
      pieces: z.int(),
      big: z.bigint().optional(),
      paid: z.boolean(),
      day: z.date().optional(),
      tags: z.array(z.string()).nullish(),
      at: z.object({ town: z.string().optional(), zone: z.int() }).optional(),
      note: z.string().optional(),
    }),
    index: { shop: exact(), price: range(), tags: exact(), note: text() },
    ttl: {},
  });
type Sale = EntityOf<ReturnType<typeof sale>>;

const day = (text: string) => new Date(`${text}T00:00:00Z`);
const rows: readonly Sale[] = [
  { id: "1", shop: "ab", item: "c", price: 0.1, pieces: 1, paid: true, tags: ["new", "red"], note: "quick fox" },
  { id: "2", shop: "a", item: "bc", price: 0.2, pieces: 2, paid: true, tags: [], at: { town: "Bern", zone: 1 } },
  { id: "3", shop: "a", item: null, price: null, pieces: 3, paid: false, tags: null, at: { zone: 2 } },
  { id: "4", shop: "a", item: "", price: 0.3, pieces: 4, paid: false, day: day("2024-01-02"), big: 2n ** 70n },
  { id: "5", shop: "ab", item: "c", price: 1e22, pieces: 5, paid: true, day: day("2023-01-02"), big: -1n },
  { id: "6", shop: "(null)", item: "null", price: -1e22, pieces: 6, paid: true, tags: ["red", "red"], big: 1n },
];

const [first] = rows as [Sale];

describeMatrix("aggregate", ({ open }) => {
  const opened = async () => {
    const { repository } = await open(sale);
    expect((await repository.saveMany(rows)).failed).toEqual([]);
    return repository;
  };

  test("one row about everything", async () => {
    const sales = await opened();
    const all = sales.query().aggregate();
    const row = all.reduce((of) => ({
      count: of.count(),
      sum: of.sum("price"),
      mean: of.avg("price"),
      least: of.min("price"),
      most: of.max("pieces"),
      median: of.quantile("pieces", 0.5),
      shops: of.countDistinct("shop"),
      tags: of.countDistinct("tags"),
      big: of.sum("big"),
      first: of.min("day"),
      last: of.max("day"),
      word: of.max("item"),
    }));
    expect(await row.all()).toEqual([
      {
        count: 6,
        sum: 0.6,
        mean: 0.12,
        least: -1e22,
        most: 6,
        median: 3,
        shops: 3,
        tags: 2,
        big: 2n ** 70n,
        first: day("2023-01-02"),
        last: day("2024-01-02"),
        word: "null",
      },
    ]);
    expect(
      await sales
        .query()
        .where("shop")
        .eq("nowhere")
        .aggregate()
        .reduce((of) => ({
          count: of.count(),
          sum: of.sum("price"),
          mean: of.avg("price"),
          big: of.sum("big"),
          median: of.quantile("pieces", 0.5),
          first: of.min("day"),
        }))
        .all(),
    ).toEqual([{ count: 0, sum: 0, mean: null, big: 0n, median: null, first: null }]);
  });

  test("groups are told apart by every value", async () => {
    const sales = await opened();
    const groups = sales
      .query()
      .aggregate()
      .groupBy("shop", "item")
      .reduce((of) => ({ sales: of.count() }));
    expect(await groups.all()).toEqual([
      { shop: "(null)", item: "null", sales: 1 },
      { shop: "a", item: "", sales: 1 },
      { shop: "a", item: "bc", sales: 1 },
      { shop: "a", item: null, sales: 1 },
      { shop: "ab", item: "c", sales: 2 },
    ]);
    expect(await groups.having((row) => row.sales > 1).all()).toEqual([{ shop: "ab", item: "c", sales: 2 }]);
    expect(await groups.orderBy("sales", "desc").orderBy("item").limit(2).offset(1).all()).toEqual([
      { shop: "a", item: "", sales: 1 },
      { shop: "a", item: "bc", sales: 1 },
    ]);
    expect(await groups.first()).toEqual({ shop: "(null)", item: "null", sales: 1 });
  });

  test("groups of booleans, dates, nested fields, and of each item of an array", async () => {
    const sales = await opened();
    const by = sales.query().aggregate();
    expect(
      await by
        .groupBy("paid")
        .reduce((of) => ({ pieces: of.sum("pieces") }))
        .all(),
    ).toEqual([
      { paid: false, pieces: 7 },
      { paid: true, pieces: 14 },
    ]);
    expect(await by.groupBy("day").all()).toEqual([
      { day: day("2023-01-02") },
      { day: day("2024-01-02") },
      { day: null },
    ]);
    expect(
      await by
        .groupBy("at.town")
        .reduce((of) => ({ zones: of.sum("at.zone") }))
        .all(),
    ).toEqual([
      { "at.town": "Bern", zones: 1 },
      { "at.town": null, zones: 2 },
    ]);
    expect(
      await by
        .groupBy("tags")
        .reduce((of) => ({ n: of.count() }))
        .all(),
    ).toEqual([
      { tags: "new", n: 1 },
      { tags: "red", n: 2 },
      { tags: null, n: 4 },
    ]);
  });

  test("only what matches and lives is counted", async () => {
    const { repository: sales, raw } = await open(sale);
    expect((await sales.saveMany(rows)).failed).toEqual([]);
    const at = new Date((await serverTime(raw)) + 50);
    await sales.save({ ...first, id: "short" }, { ttl: { at } });
    await serverTimePassed(raw, at);
    const count = (query: ReturnType<typeof sales.query>) =>
      query
        .aggregate()
        .reduce((of) => ({ n: of.count() }))
        .all();
    expect(await count(sales.query())).toEqual([{ n: 6 }]);
    expect(await count(sales.query().where("tags").contains("red"))).toEqual([{ n: 2 }]);
    expect(await count(sales.query().where("note").match("fox"))).toEqual([{ n: 1 }]);
    expect(await count(sales.query().whereNot("price").isNull())).toEqual([{ n: 5 }]);
    expect(await count(sales.query().where((f) => f.and(f("price").gt(1), f("price").lt(0))))).toEqual([{ n: 0 }]);
  });

  test("facets, most frequent first", async () => {
    const sales = await opened();
    expect(await sales.query().facets(["shop", "tags", "at.town"])).toEqual({
      shop: [
        { value: "a", count: 3 },
        { value: "ab", count: 2 },
        { value: "(null)", count: 1 },
      ],
      tags: [
        { value: "red", count: 2 },
        { value: "new", count: 1 },
      ],
      "at.town": [{ value: "Bern", count: 1 }],
    });
    expect(await sales.query().where("price").gt(0.2).orderBy("price").limit(1).facets(["shop"], { limit: 1 })).toEqual(
      {
        shop: [{ value: "a", count: 1 }],
      },
    );
  });

  test("what makes no sense is refused by name", async () => {
    const sales = await opened();
    const all = sales.query().aggregate() as never as {
      groupBy(...paths: unknown[]): typeof all;
      reduce(build: (of: Record<string, (...args: unknown[]) => unknown>) => unknown): typeof all;
      orderBy(...args: unknown[]): typeof all;
      limit(n: unknown): typeof all;
      all(): Promise<unknown>;
    };
    const refused = (work: Promise<unknown>, message: RegExp) =>
      expect(work).rejects.toMatchObject({ code: "QUERY", message: expect.stringMatching(message) as string });
    await refused(all.all(), /needs groupBy or reduce/);
    await refused(all.groupBy("nothing").all(), /cannot group by nothing/);
    await refused(all.groupBy("at").all(), /cannot group by at/);
    await refused(all.groupBy("shop", "shop").all(), /twice/);
    await refused(
      all
        .groupBy("shop")
        .reduce((of) => ({ shop: of["count"]?.() }))
        .all(),
      /a group and a reducer/,
    );
    await refused(all.reduce((of) => ({ x: of["sum"]?.("shop") })).all(), /sum of shop, which is string/);
    await refused(all.reduce((of) => ({ x: of["avg"]?.("gone") })).all(), /avg of gone, which is nothing/);
    await refused(all.reduce((of) => ({ x: of["quantile"]?.("price", 2) })).all(), /from 0 to 1/);
    await refused(all.groupBy("shop").orderBy("price").all(), /cannot be ordered by price/);
    await refused(all.groupBy("shop").limit(-1).all(), /whole number/);
    await refused(sales.query().limit(1).aggregate().groupBy("shop").all(), /no limit, offset, order/);
    await refused(sales.query().facets(["shop"], { limit: 0 }), /limit of facets/);
  });

  test("explains itself", async () => {
    const sales = await opened();
    const explained = await sales.query().where("price").gt(0.2).aggregate().groupBy("shop").explain();
    expect(explained.commands.length).toBeGreaterThan(0);
    expect(explained.plan.at(-1)).toBe("group and reduce here, as the rows come");
  });

  test("many groups come whole", async () => {
    const { repository } = await open(sale);
    const many = Array.from({ length: 4500 }, (_, at): Sale => ({
      id: `s${at}`,
      shop: `shop ${at % 7}`,
      item: `item ${at}`,
      price: at / 8,
      pieces: at,
      paid: at % 2 === 0,
    }));
    expect((await repository.saveMany(many)).failed).toEqual([]);
    const rows = await repository
      .query()
      .aggregate()
      .groupBy("item")
      .reduce((of) => ({ n: of.count() }))
      .all();
    expect(rows).toHaveLength(4500);
    expect(new Set(rows.map(({ item }) => item)).size).toBe(4500);
    const [sum] = await repository
      .query()
      .aggregate()
      .reduce((of) => ({ price: of.sum("price"), n: of.count() }))
      .all();
    expect(sum).toEqual({ price: (4499 * 4500) / 16, n: 4500 });
  });

  test("says the same as plain loops", async () => {
    const { repository } = await open(sale);
    const word = fc.constantFrom("", "a", "b", "ab", "\u0001", "null", "1", "01", "é", "a,b", '"', "\\", " a ");
    const price = fc.oneof(
      fc.constantFrom(0.1, 0.2, 0.3, 1e22, -1e22, 1),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 }),
    );
    const record = fc.record(
      {
        shop: word,
        item: fc.option(word),
        price: fc.option(
          price.map((n) => (Number.isInteger(n) && !Number.isSafeInteger(n) && Math.abs(n) < 1e21 ? 0 : n || 0)),
        ),
        pieces: fc.nat(5),
        paid: fc.boolean(),
        tags: fc.option(fc.array(word, { maxLength: 3 })),
      },
      { requiredKeys: ["shop", "item", "price", "pieces", "paid"] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 30 }), async (records) => {
        await repository.query().delete();
        const entities = records.map((one, at): Sale => ({ ...one, id: String(at) }));
        expect((await repository.saveMany(entities)).failed).toEqual([]);
        const rows = await repository
          .query()
          .aggregate()
          .groupBy("shop", "tags")
          .reduce((of) => ({
            n: of.count(),
            sum: of.sum("pieces"),
            least: of.min("price"),
            items: of.countDistinct("item"),
          }))
          .all();
        const wanted = new Map<string, { n: number; sum: number; least: number | null; items: Set<string> }>();
        for (const { shop, tags, price: value, pieces, item } of entities) {
          const keys = tags === null || tags === undefined || tags.length === 0 ? [null] : [...new Set(tags)];
          for (const tag of keys) {
            const key = JSON.stringify([shop, tag]);
            const group = wanted.get(key) ?? { n: 0, sum: 0, least: null, items: new Set<string>() };
            group.n += 1;
            group.sum += pieces;
            if (value !== null && (group.least === null || value < group.least)) group.least = value;
            if (item !== null) group.items.add(item);
            wanted.set(key, group);
          }
        }
        const found = rows.map(
          ({ shop, tags, n, sum, least, items }) => [JSON.stringify([shop, tags]), { n, sum, least, items }] as const,
        );
        expect(new Map(found)).toEqual(
          new Map([...wanted].map(([key, group]) => [key, { ...group, items: group.items.size }])),
        );
      }),
      { numRuns: runs(10), seed },
    );
  });
});
