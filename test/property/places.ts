// Areas and places that lie near them, drawn where maps go wrong: at the poles, at the antimeridian, at borders of cells.
// Used by the tests of covering cells and of both engines.
import fc from "fast-check";

import type { GeoPoint } from "remora";
import { type Area, boundsOf, distance, isCircle, radiusOf, widthOf, wrapped } from "../../src/query/geo.ts";
import { maxLatitude } from "../../src/schema/shape.ts";

/**
 * Numbers spread evenly; those of fast-check itself are mostly next to zero.
 *
 * @param min - the least.
 * @param max - the greatest.
 * @returns numbers between.
 */
export function evenly(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: 1e9 }).map((share) => min + ((max - min) * share) / 1e9);
}

const longitude = fc.oneof(
  fc.constantFrom(-180, -179.9999, -90, 0, 90, 179.9999, 179.99999999999997, 180),
  evenly(-180, 180),
);
const latitude = fc.oneof(
  fc.constantFrom(-maxLatitude, -85, 0, 80, 85, maxLatitude),
  evenly(-maxLatitude, maxLatitude),
);
const radius = evenly(0, 7.3).map((power) => 10 ** power);

/** A circle of any size from a metre to half of the globe, or a box. */
export const areaNear: fc.Arbitrary<Area> = fc.oneof(
  fc.record({ center: fc.record({ longitude, latitude }), radius }),
  fc
    .tuple(longitude, latitude, radius, radius)
    .map(([west, south, width, height]): Area => {
      const [across, up] = [width / 60_000, height / 120_000];
      return {
        west,
        east: across >= 360 ? west : wrapped(west + across),
        south,
        north: Math.min(90, south + up),
      };
    })
    .filter((box) => Math.abs(widthOf(box as never)) > 1e-3),
);

/**
 * A place in an area or a little beside it.
 *
 * @param area - the area.
 * @returns places.
 */
export function placeNear(area: Area): fc.Arbitrary<GeoPoint> {
  const bounds = boundsOf(area);
  const share = evenly(-0.1, 1.1);
  const near = fc.tuple(share, share).map(([x, y]) => ({
    longitude: turned(bounds.west + widthOf(bounds) * x),
    latitude: clamped(bounds.south + (bounds.north - bounds.south) * y),
  }));
  const known = fc.record({ longitude, latitude });
  const middle = isCircle(area) ? fc.constant(area.center) : near;
  return fc.oneof({ weight: 6, arbitrary: near }, { weight: 1, arbitrary: known }, { weight: 1, arbitrary: middle });
}

function turned(degrees: number): number {
  return Math.max(-180, Math.min(180, wrapped(degrees)));
}

function clamped(degrees: number): number {
  return Math.max(-maxLatitude, Math.min(maxLatitude, degrees));
}

/**
 * Tells whether a place is too near a border to say on which side of it servers see it, who round by half a metre.
 *
 * @param point - a place, or none.
 * @param area - the area.
 * @returns true when it is.
 */
export function isOnBorder(point: GeoPoint | null, area: Area): boolean {
  if (point === null) return false;
  if (isCircle(area)) return Math.abs(distance(point, area.center) - radiusOf(area)) < 2;
  const across = 1e-4 / Math.cos((point.latitude * Math.PI) / 180);
  const meridians = [area.west, area.east].map((border) => Math.abs(point.longitude - border) % 360);
  return (
    meridians.some((gap) => Math.min(gap, 360 - gap) < across) ||
    [area.south, area.north].some((border) => Math.abs(point.latitude - border) < 1e-4)
  );
}
