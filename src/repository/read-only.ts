// A repository that only reads: which of its methods that leaves, for the compiler and at run time.
// Data of other programs can be looked at without a chance of changing it.
import type { EntityDefinition } from "../schema/entity.ts";
import type { Relations } from "../schema/relations.ts";
import type { RepositoryIndexes } from "./indexes.ts";
import type { Repository } from "./repository.ts";

/** Operations that read; whatever else there is, or will be, counts as writing. */
const reading = new Set(["findById", "findByIds", "findUnique", "hasField", "exists", "ttl", "fieldTtl"]);

/**
 * Tells whether an operation of a repository reads.
 *
 * @param operation - its name.
 * @returns true when it does nothing else.
 */
export function onlyReads(operation: string): boolean {
  return reading.has(operation);
}

/** What is left of a repository that was taken with `readOnly`. */
export type ReadOnlyRepository<D extends EntityDefinition, A = Relations> = Pick<
  Repository<D, A>,
  | "key"
  | "findById"
  | "findByIdOrThrow"
  | "findByIds"
  | "findUnique"
  | "hasField"
  | "exists"
  | "count"
  | "ttl"
  | "fieldTtl"
  | "loader"
  | "query"
  | "watch"
  | "export"
> & {
  /** Waiting for the type's indexes, and looking at them; `sync` and `repair` are for those who may write. */
  readonly indexes: Pick<RepositoryIndexes, "ready" | "status" | "verify">;
};
