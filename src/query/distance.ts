// Distances in a query: the order by how far away things are, and the distance as a property of what is found.
// Both are computed from the stored points, so they are the same on every engine.
import { QueryError } from "../errors.ts";
import type { Index } from "../schema/index-kinds.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { GeoPoint, IndexAt, IndexedPaths, Paths, PathValue } from "../schema/paths.ts";
import { shapeAt, valueAt } from "../schema/shape.ts";
import { checkArea, distance, type DistanceUnit } from "./geo.ts";
import type { QueryNode } from "./node.ts";

/** The dotted paths that have a `geo()` index. */
export type GeoPaths<I> = {
  [P in IndexedPaths<I>]: [Extract<IndexAt<I, P>, Index<"geo">>] extends [never] ? never : P;
}[IndexedPaths<I>];

/** The dotted paths of points. */
export type PointPaths<O> = {
  [P in Paths<O>]: [NonNullable<PathValue<O, P>>] extends [GeoPoint] ? P : never;
}[Paths<O>];

/** What `withDistance` accepts. */
export interface DistanceOptions<N extends string = string> {
  /** Unit of the distance; metres when left out. */
  readonly unit?: DistanceUnit;
  /** Name of the property; `distance` when left out. */
  readonly as?: N;
}

/** What is found, with its distance; null where there is no point. */
export type Measured<R, N extends string> = { [K in keyof R | N]: K extends keyof R ? R[K] : number | null };

/** The distance as a property. */
export interface MeasureNode {
  readonly path: string;
  readonly from: GeoPoint;
  readonly unit: DistanceUnit;
  readonly as: string;
}

/**
 * Checks the distances of a query.
 *
 * @param query - the query as built.
 * @throws QueryError when a place is none, or a name is taken.
 */
export function checkDistances({ metadata, near, orderBy, measured }: QueryNode): void {
  const { name } = metadata;
  if (near !== undefined) {
    checkPlace(near, metadata, "orderByDistance");
    const { path: field } = near;
    if (!metadata.indexes.some(({ path, kind }) => path === field && kind === "geo")) {
      throw new QueryError(`${name}.${field} cannot be ordered by distance: give it geo()`, { entity: name, field });
    }
    if (near.direction !== "asc" && near.direction !== "desc") {
      throw new QueryError(`${name}.${field}: the direction must be "asc" or "desc"`, { entity: name, field });
    }
    if (orderBy.length > 0) {
      throw new QueryError(`${name}: orderByDistance stands alone, without orderBy`, { entity: name, field });
    }
  }
  if (measured === undefined) return;
  checkPlace(measured, metadata, "withDistance");
  checkArea({ center: measured.from, radius: 1, unit: measured.unit }, name, measured.path);
  if (typeof measured.as === "string" && measured.as !== "" && !metadata.shape.fields.has(measured.as)) return;
  throw new QueryError(`${name}: the distance needs a name of its own, by { as }`, { entity: name });
}

function checkPlace(
  { path, from }: { path: string; from: GeoPoint },
  metadata: EntityMetadata,
  operator: string,
): void {
  const { name } = metadata;
  const kind = typeof path === "string" ? shapeAt(metadata.shape, path)?.shape.kind : undefined;
  if (kind !== "point") {
    throw new QueryError(`${name}.${String(path)}: ${operator} takes a field that is a point`, {
      entity: name,
      field: String(path),
    });
  }
  checkArea({ center: from, radius: 1 }, name, path);
}

/**
 * Prepares measuring how far away entities are.
 *
 * @param path - the field with the point.
 * @param from - where from.
 * @param unit - of the result.
 * @returns a function from an entity to the distance; null without a point.
 */
export function measure(path: string, from: GeoPoint, unit?: DistanceUnit): (entity: unknown) => number | null {
  const names = path.split(".");
  return (entity) => {
    const point = valueAt(entity, names);
    return point === undefined ? null : distance(from, point as GeoPoint, unit);
  };
}
