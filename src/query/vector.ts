// The nearest vectors in a query: what is asked for, what of it makes sense, and what comes out.
// Only fields with a vector() index can be asked about.
import { vectorProblem } from "../codec/vector.ts";
import { QueryError } from "../errors.ts";
import type { Index } from "../schema/index-kinds.ts";
import type { EntityMetadata, IndexMetadata } from "../schema/metadata.ts";
import type { IndexAt, IndexedPaths } from "../schema/paths.ts";
import { highlightsName } from "./highlight.ts";
import { isRanked, type QueryNode } from "./node.ts";

/** The dotted paths that have a `vector()` index. */
export type VectorPaths<I> = {
  [P in IndexedPaths<I>]: [Extract<IndexAt<I, P>, Index<"vector">>] extends [never] ? never : P;
}[IndexedPaths<I>];

/** What `nearest` looks for. */
export interface NearestTo<N extends string = string> {
  /** The vector, as long as the index says. */
  readonly to: readonly number[] | Float32Array;
  /** The most entities to find, from 1 to 10,000. */
  readonly k: number;
  /** The greatest distance; none when left out. */
  readonly maxDistance?: number;
  /** Whether none may be missed where the index is `hnsw`; false when left out. */
  readonly exact?: boolean;
  /** Name of the property with the distance; `distance` when left out. */
  readonly as?: N;
}

/** What is found, with its distance. */
export type Near<R, N extends string> = { [K in keyof R | N]: K extends keyof R ? R[K] : number };

/** The vector that others are compared with. */
export interface NearestNode {
  readonly path: string;
  readonly to: readonly number[] | Float32Array;
  readonly k: number;
  readonly maxDistance: number;
  readonly exact: boolean;
  readonly as: string;
}

/**
 * What `nearest` is asked for, as data.
 *
 * @param path - the field.
 * @param target - what the caller gave.
 * @returns the node, not checked yet.
 */
export function nearestNode(path: string, target: NearestTo): NearestNode {
  const { to, k, maxDistance = Number.POSITIVE_INFINITY, exact = false, as = "distance" } = target;
  return Object.freeze({ path, to, k, maxDistance, exact, as });
}

/** The most entities that `nearest` gives. */
const maxNearest = 10_000;

/**
 * Checks what `nearest` is asked for.
 *
 * @param query - the query as built.
 * @param node - what is looked for.
 * @returns the field's vector index.
 * @throws QueryError naming the field, for whatever makes no sense.
 */
export function checkNearest(
  query: QueryNode,
  node: NearestNode,
): IndexMetadata & Required<Pick<IndexMetadata, "vector">> {
  const { metadata, limit, offset, orderBy, measured, highlight } = query;
  const { path, to, k, maxDistance, exact, as } = node;
  const { name } = metadata;
  const field = String(path);
  const refuse = (reason: string): never => {
    throw new QueryError(`${name}.${field}: ${reason}`, { entity: name, field });
  };
  const index = vectorIndex(metadata, path);
  if (index === undefined) return refuse("nearest takes a field with a vector() index");
  const problem = vectorProblem(to, index.vector);
  if (problem !== undefined) refuse(`the vector given as { to } ${problem}`);
  if (!Number.isSafeInteger(k) || k < 1 || k > maxNearest) {
    refuse(`k of nearest is a whole number from 1 to ${maxNearest}, not ${String(k)}`);
  }
  if (typeof maxDistance !== "number" || Number.isNaN(maxDistance)) refuse("maxDistance of nearest is a number");
  if (typeof exact !== "boolean") refuse("exact of nearest is true or false");
  if (orderBy.length > 0 || isRanked(query)) refuse("nearest is an order of its own, and takes no other");
  if (limit !== undefined || offset !== 0) refuse("nearest takes no limit or offset: k says how many");
  const taken = typeof as !== "string" || as === "" || metadata.shape.fields.has(as) || measured?.as === as;
  if (taken || (highlight !== undefined && as === highlightsName))
    refuse("the distance needs a name of its own, by { as }");
  return index;
}

function vectorIndex({ indexes }: EntityMetadata, path: string): ReturnType<typeof checkNearest> | undefined {
  for (const index of indexes)
    if (index.path === path && index.vector !== undefined) return { ...index, vector: index.vector };
  return undefined;
}
