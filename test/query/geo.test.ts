// Distances and areas, against vectors in space and facts of the globe.
// Points at the poles, at the antimeridian and across it are drawn on purpose.
import fc from "fast-check";
import { expect, test } from "vitest";

import { type Box, checkArea, circleAround, distance, earthRadius, liesWithin, widthOf } from "../../src/query/geo.ts";
import type { GeoPoint } from "remora";
import { seed } from "../property/seed.ts";

const longitude = fc.oneof(
  fc.constantFrom(-180, -90, 0, 90, 180, 179.999),
  fc.double({ min: -180, max: 180, noNaN: true }),
);
const latitude = fc.oneof(fc.constantFrom(-85, 0, 85), fc.double({ min: -85, max: 85, noNaN: true }));
const point = fc.record({ longitude, latitude });
const box = fc
  .tuple(longitude, longitude, latitude, latitude)
  .map(([west, east, a, b]): Box => ({ west, east, south: Math.min(a, b), north: Math.max(a, b) }));

// The angle between two vectors, by a formula that has nothing in common with haversines.
function byVectors(from: GeoPoint, to: GeoPoint): number {
  const [a, b] = [from, to].map(({ longitude: east, latitude: north }) => {
    const [l, p] = [(east * Math.PI) / 180, (north * Math.PI) / 180];
    return [Math.cos(p) * Math.cos(l), Math.cos(p) * Math.sin(l), Math.sin(p)] as const;
  }) as [readonly [number, number, number], readonly [number, number, number]];
  const cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  return earthRadius * Math.atan2(Math.hypot(...cross), dot);
}

test("a distance is the angle between two vectors", () => {
  fc.assert(
    fc.property(point, point, (from, to) => {
      // Haversines lose digits near the other side of the globe.
      expect(Math.abs(distance(from, to) - byVectors(from, to))).toBeLessThan(0.5);
      expect(distance(from, to)).toBeCloseTo(distance(to, from), 6);
    }),
    { numRuns: 3000, seed },
  );
});

test("units are of one length", () => {
  const [from, to] = [
    { longitude: 0, latitude: 0 },
    { longitude: 1, latitude: 0 },
  ];
  expect(distance(from, to)).toBeCloseTo((earthRadius * Math.PI) / 180, 3);
  expect(distance(from, to, "km") * 1000).toBeCloseTo(distance(from, to), 6);
  expect(distance(from, to, "mi") * 1609.34).toBeCloseTo(distance(from, to), 6);
  expect(distance(from, to, "ft") * 0.3048).toBeCloseTo(distance(from, to), 6);
  expect(distance(from, from)).toBe(0);
});

test("borders belong to an area, and the antimeridian has two names", () => {
  const center = { longitude: 10, latitude: 20 };
  const edge = { longitude: 11, latitude: 20 };
  expect(liesWithin(edge, { center, radius: distance(center, edge) })).toBe(true);
  expect(liesWithin(edge, { center, radius: distance(center, edge) - 0.01 })).toBe(false);
  const pacific = { west: 170, east: -170, south: -1, north: 1 };
  for (const east of [170, 180, -180, -170]) expect(liesWithin({ longitude: east, latitude: 1 }, pacific)).toBe(true);
  for (const east of [169, -169, 0]) expect(liesWithin({ longitude: east, latitude: 0 }, pacific)).toBe(false);
  expect(liesWithin({ longitude: -180, latitude: 0 }, { west: 175, east: 180, south: -1, north: 1 })).toBe(true);
  expect(liesWithin({ longitude: 180, latitude: 0 }, { west: -180, east: -175, south: -1, north: 1 })).toBe(true);
  expect(liesWithin({ longitude: 175, latitude: 1.01 }, pacific)).toBe(false);
});

test("the circle around a box holds every point of it", () => {
  fc.assert(
    fc.property(
      box,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (area, x, y) => {
        const circle = circleAround(area);
        if (circle === undefined) {
          expect(widthOf(area)).toBeGreaterThan(60);
          return;
        }
        const east = area.west + widthOf(area) * x;
        const inside = {
          longitude: east > 180 ? east - 360 : east,
          latitude: area.south + (area.north - area.south) * y,
        };
        expect(distance(circle.center, inside)).toBeLessThanOrEqual(circle.radius);
      },
    ),
    { numRuns: 5000, seed },
  );
});

test("what is no area is refused by entity and field", () => {
  const center = { longitude: 0, latitude: 0 };
  for (const area of [
    null,
    5,
    {},
    { center },
    { center, radius: Number.NaN },
    { west: 0, south: 1, east: 0, north: 0 },
  ]) {
    expect(() => checkArea(area, "spot", "at")).toThrowError(
      expect.objectContaining({ code: "QUERY", entity: "spot", field: "at" }),
    );
  }
  expect(() => checkArea({ center, radius: 1, unit: "ft" }, "spot", "at")).not.toThrow();
  expect(() => checkArea({ west: 170, south: -90, east: -170, north: 90 }, "spot", "at")).not.toThrow();
});
