// Order by distance, and the distance of what is found: against the exact formula, on every engine and storage.
// Far and near, across the antimeridian, without a point, and with many others around.
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, distance, exact, geo, type GeoPoint, geoPoint } from "remora";
import { canonicalLongitude } from "../../src/schema/shape.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { evenly } from "../property/places.ts";
import { runs, seed } from "../property/seed.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const shop = (storage: Storage) =>
  defineEntity({
    name: "shop",
    storage,
    schema: z.object({
      id: z.string(),
      kind: z.string(),
      at: geoPoint().nullable(),
      deep: z.object({ second: geoPoint() }).optional(),
    }),
    index: { kind: exact(), at: geo(), "deep.second": geo() },
  });

const here = { longitude: 13.4, latitude: 52.5 };
const north = (kilometres: number): GeoPoint => ({ longitude: 13.4, latitude: 52.5 + kilometres / 111.22 });
const rows = [
  { id: "c", kind: "far", at: north(900) },
  { id: "a", kind: "near", at: north(1), deep: { second: north(5) } },
  { id: "d", kind: "near", at: null },
  { id: "b", kind: "near", at: north(-2) },
  { id: "e", kind: "far", at: north(1) },
];

// Points near a pole are a quarter of the globe from every place on the equator that lies across, as far as servers can tell.
describeMatrix("boxes between meridians that lie close together", ({ open }) => {
  test("hold nothing of what lies opposite, and leave nothing of it out", async () => {
    const { repository } = await open(shop);
    const points: Readonly<Record<string, number>> = { there: 0, beside: 0.5, opposite: 180 };
    for (const [id, longitude] of Object.entries(points)) {
      // eslint-disable-next-line no-await-in-loop -- few
      await repository.insert({ id, kind: "k", at: { longitude, latitude: 85 } });
    }
    const inside = async (west: number, east: number): Promise<string[]> =>
      (await repository.query().where("at").within({ west, east, south: -90, north: 85.0001 }).ids()).toSorted();
    // Places on a border of a few centimetres are the server's to round.
    expect(await inside(-179.99999964, 180)).toEqual(expect.arrayContaining(["beside", "there"]));
    expect(await inside(-0.0000002, 0.0000002)).not.toContain("opposite");
    expect(await inside(179.9999998, -179.9999998)).not.toContain("there");
    expect(await inside(179.9, -179.9)).toEqual(["opposite"]);
    expect(await inside(-0.1, 0.1)).toEqual(["there"]);
  });
});

describeMatrix(
  "distance",
  ({ open }) => {
    const opened = async () => {
      const { repository } = await open(shop);
      expect((await repository.insertMany(rows)).failed).toEqual([]);
      return repository;
    };

    test("nearest first, farthest first, without a point last, ties by id", async () => {
      const shops = await opened();
      const near = shops.query().orderByDistance("at", here);
      expect(await near.ids()).toEqual(["a", "e", "b", "c", "d"]);
      expect(await shops.query().orderByDistance("at", here, "desc").ids()).toEqual(["c", "b", "e", "a", "d"]);
      expect(await near.all()).toEqual(["a", "e", "b", "c", "d"].map((id) => rows.find((row) => row.id === id)));
      expect(await near.limit(2).offset(1).ids()).toEqual(["e", "b"]);
      expect(await near.where("kind").eq("near").page()).toMatchObject({
        items: [{ id: "a" }, { id: "b" }, { id: "d" }],
        total: 3,
      });
      expect(await near.offset(1).limit(1).page()).toMatchObject({ items: [{ id: "e" }], total: 5 });
      expect((await near.first())?.id).toBe("a");
      expect(await near.exists()).toBe(true);
      expect(await near.count()).toBe(5);
      expect(await near.limit(0).all()).toEqual([]);
      expect(await shops.query().orderByDistance("deep.second", here).select("id").limit(2).all()).toEqual([
        { id: "a" },
        { id: "b" },
      ]);
    });

    test("the distance is a property of what is found", async () => {
      const shops = await opened();
      const near = shops.query().withDistance("at", here, { unit: "km" }).orderByDistance("at", here);
      const [first, , , fourth, last] = await near.all();
      expect(first).toEqual({ ...rows[1], distance: distance(here, north(1), "km") });
      expect(fourth?.distance).toBeCloseTo(900, 0);
      expect(last?.distance).toBe(null);
      expect(await near.select("kind").withDistance("at", here, { as: "away" }).limit(1).all()).toEqual([
        { kind: "near", away: distance(here, north(1)) },
      ]);
      const { items } = await shops.query().withDistance("deep.second", here, { as: "metres" }).keyset();
      expect(items.map(({ id, metres }) => [id, metres])).toEqual([
        ["a", distance(here, north(5))],
        ...["b", "c", "d", "e"].map((id) => [id, null]),
      ]);
      const streamed: (number | null)[] = [];
      for await (const row of shops.query().withDistance("at", here).stream({ batchSize: 2 }))
        streamed.push(row.distance);
      expect(streamed).toHaveLength(5);
      expect(await shops.query().withDistance("at", here).where("kind").eq("far").firstOrThrow()).toHaveProperty(
        "distance",
      );
    });

    test("what makes no sense is refused by name", async () => {
      const shops = await opened();
      const near = shops.query().orderByDistance("at", here);
      const refused = async (work: Promise<unknown>, reason: RegExp) =>
        expect((await expectFailure(work, "QUERY")).message).toMatch(reason);
      const loose = shops.query() as never as Record<
        "orderByDistance" | "withDistance",
        (...args: unknown[]) => typeof near
      >;
      await refused(near.keyset(), /keyset takes no orderByDistance/);
      await refused(near.stream().next(), /stream takes no orderByDistance/);
      await refused(near.limit(1).delete(), /delete takes no orderByDistance/);
      await refused(near.aggregate().groupBy("kind").all(), /no limit, offset, order/);
      await refused(loose.orderByDistance("kind", here).all(), /takes a field that is a point/);
      await refused(loose.orderByDistance("nope", here).first(), /takes a field that is a point/);
      await refused(loose.orderByDistance("at", { longitude: 1 }).ids(), /latitude/);
      await refused(loose.orderByDistance("at", here, "up").page(), /direction/);
      await refused(loose.withDistance("at", here, { unit: "parsec" }).all(), /unit/);
      await refused(loose.withDistance("at", here, { as: "kind" }).all(), /name of its own/);
      expect((await near.explain()).plan.at(-1)).toMatch(/sort by distance/);
      expect((await near.facets(["kind"])).kind).toHaveLength(2);
    });

    test("the first few of many are found in circles that grow", async () => {
      const { repository } = await open(shop);
      const place = fc.record({
        longitude: fc.oneof(
          evenly(-180, 180),
          evenly(179.9, 180).map((east) => (east > 179.95 ? -east : east)),
        ),
        latitude: fc.oneof(evenly(-85, 85), evenly(-0.1, 0.1), evenly(84.9, 85.05)),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.option(place, { freq: 20 }), { minLength: 900, maxLength: 1200, size: "max" }),
          fc.array(fc.tuple(place, fc.integer({ min: 1, max: 30 }), fc.nat(20)), { minLength: 5, maxLength: 5 }),
          async (places, asked) => {
            await repository.query().delete({ batchSize: 1000 });
            const shops = places.map((at, n) => ({
              id: `s${n}`,
              kind: n % 3 === 0 ? "third" : "other",
              at: at && { ...at, longitude: canonicalLongitude(at.longitude) },
            }));
            expect((await repository.insertMany(shops)).failed).toEqual([]);
            for (const [from, limit, offset] of asked) {
              const metres = (at: GeoPoint | null) => (at === null ? Number.POSITIVE_INFINITY : distance(from, at));
              const wanted = shops
                .filter(({ kind }) => kind === "other")
                .map(({ id, at }) => [id, metres(at)] as const)
                .sort(([a, left], [b, right]) => (left === right ? (a < b ? -1 : 1) : left - right))
                .slice(offset, offset + limit)
                .map(([id]) => id);
              const query = repository.query().where("kind").eq("other").orderByDistance("at", from);
              // eslint-disable-next-line no-await-in-loop -- one question at a time
              expect(await query.limit(limit).offset(offset).ids()).toEqual(wanted);
            }
          },
        ),
        { numRuns: runs(2), seed },
      );
    });
  },
  ({ driver }) => driver === "ioredis6",
);
