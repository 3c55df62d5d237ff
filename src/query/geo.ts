// Places on the globe: distances, circles and boxes, in one formula for every engine.
// Great circles on the sphere that Redis computes with, so that nothing differs by more than its rounding.
import { QueryError } from "../errors.ts";
import type { GeoPoint } from "../schema/paths.ts";
import { maxLatitude } from "../schema/shape.ts";

/** Units of length. */
export type DistanceUnit = "m" | "km" | "mi" | "ft";

/** Everything within a distance of a point. */
export interface Circle {
  /** The middle. */
  readonly center: GeoPoint;
  /** The distance, greater than 0. */
  readonly radius: number;
  /** Unit of the radius; metres when left out. */
  readonly unit?: DistanceUnit;
}

/** Everything between two meridians and two parallels, in degrees, borders included. */
export interface Box {
  /** The western border; greater than `east` when the box crosses the antimeridian. */
  readonly west: number;
  /** The southern border. */
  readonly south: number;
  /** The eastern border. */
  readonly east: number;
  /** The northern border. */
  readonly north: number;
}

/** A part of the globe. */
export type Area = Circle | Box;

/** Redis' earth radius in metres. */
export const earthRadius = 6_372_797.560856;

const metres: Readonly<Record<DistanceUnit, number>> = { m: 1, km: 1000, mi: 1609.34, ft: 0.3048 };

/**
 * The great-circle distance between two points.
 *
 * @param from - a point, in degrees.
 * @param to - another.
 * @param unit - of the result; metres when left out.
 * @returns the distance, as Redis computes it.
 *
 * @example
 * ```ts
 * import { distance } from "remora";
 *
 * const paris = { longitude: 2.3522, latitude: 48.8566 };
 * const london = { longitude: -0.1276, latitude: 51.5072 };
 * Math.round(distance(paris, london, "km")); // 344
 * ```
 */
export function distance(from: GeoPoint, to: GeoPoint, unit: DistanceUnit = "m"): number {
  const [north, south] = [radians(from.latitude), radians(to.latitude)];
  const u = Math.sin((south - north) / 2);
  const v = Math.sin((radians(to.longitude) - radians(from.longitude)) / 2);
  const root = Math.sqrt(u * u + Math.cos(north) * Math.cos(south) * v * v);
  return (2 * earthRadius * Math.asin(Math.min(1, root))) / metres[unit];
}

/**
 * Tells whether a point lies in an area, borders included.
 *
 * @param point - a point, in degrees.
 * @param area - a checked area.
 * @returns true when it does.
 */
export function liesWithin(point: GeoPoint, area: Area): boolean {
  if (isCircle(area)) return distance(point, area.center) <= radiusOf(area);
  const { latitude, longitude } = point;
  if (latitude < area.south || latitude > area.north) return false;
  // The antimeridian has two names.
  return between(longitude, area) || (Math.abs(longitude) === 180 && between(-longitude, area));
}

function between(longitude: number, { west, east }: Box): boolean {
  return west <= east ? longitude >= west && longitude <= east : longitude >= west || longitude <= east;
}

/**
 * Tells a circle from a box.
 *
 * @param area - an area.
 * @returns true for a circle.
 */
export function isCircle(area: Area): area is Circle {
  return "center" in area;
}

/**
 * The radius of a circle.
 *
 * @param circle - the circle.
 * @returns metres.
 */
export function radiusOf({ radius, unit = "m" }: Circle): number {
  return radius * metres[unit];
}

/**
 * How many degrees a box spans from west to east.
 *
 * @param box - the box.
 * @returns from 0 to 360.
 */
export function widthOf({ west, east }: Box): number {
  return west <= east ? east - west : east - west + 360;
}

/**
 * The smallest box that holds a whole area.
 *
 * @param area - a checked area.
 * @returns the box; all meridians when the area holds a pole.
 */
export function boundsOf(area: Area): Box {
  if (!isCircle(area)) return area;
  const { longitude, latitude } = area.center;
  const angle = radiusOf(area) / earthRadius;
  const [south, north] = [latitude - degrees(angle), latitude + degrees(angle)];
  if (south <= -90 || north >= 90) {
    return { west: -180, east: 180, south: Math.max(-90, south), north: Math.min(90, north) };
  }
  const across = degrees(Math.asin(Math.min(1, Math.sin(angle) / Math.cos(radians(latitude)))));
  return { west: wrapped(longitude - across), east: wrapped(longitude + across), south, north };
}

/**
 * A circle that holds a whole box.
 *
 * @param box - the box.
 * @returns middle and metres, a little generous; undefined when the box is too wide for a useful one.
 */
export function circleAround(box: Box): { readonly center: GeoPoint; readonly radius: number } | undefined {
  const width = widthOf(box);
  if (width > 60) return undefined;
  const middle = box.west + width / 2;
  const center = { longitude: middle >= 180 ? middle - 360 : middle, latitude: clamp((box.south + box.north) / 2) };
  const parallels = [box.south, box.north, center.latitude, Math.min(Math.max(0, box.south), box.north)];
  const radius = Math.max(...parallels.map((latitude) => distance(center, { longitude: box.west, latitude })));
  return { center, radius: radius * 1.05 + 1 };
}

function clamp(latitude: number): number {
  return Math.min(maxLatitude, Math.max(-maxLatitude, latitude));
}

/**
 * Checks an area that came from outside.
 *
 * @param area - anything.
 * @param entity - name of the entity type, for the error.
 * @param field - the field, for the error.
 * @throws QueryError when it is neither a circle nor a box, or off the globe.
 */
export function checkArea(area: unknown, entity: string, field: string): void {
  const refuse = (reason: string): never => {
    throw new QueryError(
      `${entity}.${field}: within takes { center, radius, unit } or { west, south, east, north }: ${reason}`,
      {
        entity,
        field,
      },
    );
  };
  if (typeof area !== "object" || area === null) return refuse("not an object");
  if ("center" in area) {
    const { center, radius, unit } = area as Partial<Circle>;
    checkCenter(center, refuse);
    if (!(typeof radius === "number" && radius > 0 && Number.isFinite(radius))) refuse("the radius must be above 0");
    if (unit !== undefined && !Object.hasOwn(metres, unit)) refuse("the unit must be m, km, mi or ft");
    return undefined;
  }
  const { west, south, east, north } = area as Partial<Box>;
  if (![west, east].every((value) => isDegrees(value, 180))) refuse("west and east lie within 180 degrees");
  if (![south, north].every((value) => isDegrees(value, 90))) refuse("south and north lie within 90 degrees");
  if ((south as number) > (north as number)) refuse("south lies above north");
  return undefined;
}

function checkCenter(center: Partial<GeoPoint> | undefined, refuse: (reason: string) => never): void {
  if (typeof center !== "object" || center === null) return refuse("the center must be { longitude, latitude }");
  if (!isDegrees(center.longitude, 180)) refuse("the longitude lies within 180 degrees");
  if (!isDegrees(center.latitude, maxLatitude)) refuse(`the latitude lies within ${maxLatitude} degrees`);
  return undefined;
}

function isDegrees(value: unknown, limit: number): boolean {
  return typeof value === "number" && Math.abs(value) <= limit;
}

function degrees(angle: number): number {
  return (angle * 180) / Math.PI;
}

/**
 * The name of a meridian within 180 degrees.
 *
 * @param longitude - degrees east, within 540.
 * @returns the same meridian, from -180 up to but not including 180.
 */
export function wrapped(longitude: number): number {
  return longitude >= 180 ? longitude - 360 : longitude < -180 ? longitude + 360 : longitude;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
