// The cells that cover an area: every place within it has its score in one of their ranges.
// Scores are computed here the way the server documents them, by halving the globe bit by bit.
import fc from "fast-check";
import { expect, test } from "vitest";

import type { GeoPoint } from "remora";
import { coveringCells } from "../../src/engines/scan/cells.ts";
import { type Area, distance, isCircle, liesWithin, radiusOf } from "../../src/query/geo.ts";
import { canonicalLongitude, maxLatitude } from "../../src/schema/shape.ts";
import { seed } from "../property/seed.ts";
import { areaNear, placeNear } from "../property/places.ts";

// 26 halvings of each direction; the eastern half gives the higher bit of a pair, the northern half the lower one.
function score({ longitude, latitude }: GeoPoint): number {
  let [west, east, south, north] = [-180, 180, -maxLatitude, maxLatitude];
  let bits = 0;
  for (let step = 0; step < 26; step += 1) {
    const [middle, centre] = [(west + east) / 2, (south + north) / 2];
    const [isEast, isNorth] = [canonicalLongitude(longitude) >= middle, latitude >= centre];
    bits = bits * 4 + (isEast ? 2 : 0) + (isNorth ? 1 : 0);
    [west, east] = isEast ? [middle, east] : [west, middle];
    [south, north] = isNorth ? [centre, north] : [south, centre];
  }
  return bits;
}

test("every place within an area has its score in the ranges of its cells", () => {
  let inside = 0;
  fc.assert(
    fc.property(
      areaNear.chain((area) =>
        fc.tuple(fc.constant(area), fc.array(placeNear(area), { minLength: 20, maxLength: 20 })),
      ),
      ([area, places]) => {
        const ranges = coveringCells(area);
        for (const place of places.filter((point) => liesWithin(point, area))) {
          inside += 1;
          const at = score(place);
          expect(ranges.some(([first, last]) => Number(first) <= at && at <= Number(last))).toBe(true);
        }
      },
    ),
    { numRuns: 5000, seed },
  );
  expect(inside).toBeGreaterThan(10_000);
});

test("ranges are few, in order and apart", () => {
  fc.assert(
    fc.property(areaNear, (area) => {
      const ranges = coveringCells(area);
      expect(ranges.length).toBeLessThanOrEqual(40);
      let before = -1;
      for (const [first, last] of ranges) {
        expect(Number(first)).toBeGreaterThan(before);
        expect(Number(last)).toBeGreaterThanOrEqual(Number(first));
        before = Number(last);
      }
      expect(before).toBeLessThan(2 ** 52);
    }),
    { numRuns: 5000, seed },
  );
});

test("a small area has small cells", () => {
  const area: Area = { center: { longitude: 13.4, latitude: 52.5 }, radius: 1, unit: "km" };
  const covered = coveringCells(area).reduce((sum, [first, last]) => sum + (Number(last) - Number(first) + 1), 0);
  // A cell of the finest level is a 2 ** 52nd of the rectangle that the globe is drawn on.
  const square = (360 * 2 * maxLatitude * covered) / 2 ** 52;
  expect(isCircle(area) && radiusOf(area)).toBe(1000);
  const width = distance(area.center, { longitude: 14.4, latitude: 52.5 }) / 1000;
  const height = distance(area.center, { longitude: 13.4, latitude: 53.5 }) / 1000;
  expect(square * width * height).toBeLessThan(40);
});
