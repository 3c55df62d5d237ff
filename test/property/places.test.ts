// Circles and boxes at the poles, at the antimeridian and everywhere else, on every engine and storage.
// What is found must be what lies within; places on a border may be either.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { connect, defineEntity, geo, geoPoint } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { canonicalLongitude } from "../../src/schema/shape.ts";
import { liesWithin } from "../../src/query/geo.ts";
import { tidy } from "../behaviour/matrix.ts";
import { freshNamespace } from "../setup/legs.ts";
import { areaNear, isOnBorder, placeNear } from "./places.ts";
import { seed } from "./seed.ts";
import { queried } from "./targets.ts";

const define = (storage: Storage) =>
  defineEntity({
    name: "spot",
    storage,
    schema: z.object({ id: z.string(), place: geoPoint() }),
    index: { place: geo() },
  });
const definitions = { hash: define("hash"), json: define("json"), string: define("string") } as const;

const scene = fc.array(areaNear, { minLength: 10, maxLength: 30, size: "max" }).chain((areas) =>
  fc.record({
    areas: fc.constant(areas),
    places: fc.tuple(...areas.map((area) => fc.array(placeNear(area), { minLength: 6, maxLength: 6 }))),
  }),
);

describe.each(queried())("$engine on $storage documents, $leg.name", ({ leg, storage, engine }) => {
  test("finds what lies within an area", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(scene, async ({ areas, places }) => {
        const namespace = freshNamespace();
        const db = await connect(leg.url, { namespace, engine });
        try {
          const repository = db.repository(definitions[storage]);
          await repository.indexes.sync();
          const spots = places.flat().map((place, at) => ({
            id: String(at),
            place: { ...place, longitude: canonicalLongitude(place.longitude) },
          }));
          expect((await repository.saveMany(spots)).failed).toEqual([]);
          for (const area of areas) {
            const unsure = new Set(spots.filter(({ place }) => isOnBorder(place, area)).map(({ id }) => id));
            // eslint-disable-next-line no-await-in-loop -- one area at a time, so that a failure names it
            const found = await repository.query().where("place").within(area).ids();
            const wanted = spots.filter(({ place }) => liesWithin(place, area)).map(({ id }) => id);
            const sure = (ids: readonly string[]) => ids.filter((id) => !unsure.has(id)).toSorted();
            expect({ area, ids: sure(found) }).toEqual({ area, ids: sure(wanted) });
          }
        } finally {
          await tidy((command, ...args) => db.redis.call(command, ...args), namespace, leg.search);
          await db.close();
        }
      }),
      { numRuns: 60, seed },
    );
  });
});
