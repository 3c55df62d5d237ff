// What a repository is told when it is made, and what its saves of one entity accept; and the type of its queries.
// Types only: the repository beside this file does the work.
import type { ReadValidation } from "../codec/document.ts";
import type { CallOptions, Query } from "../query/query.ts";
import type { EntityDefinition, EntityOf, GivenOf, IndexesOf } from "../schema/entity.ts";
import type { Relations } from "../schema/relations.ts";
import type { Ttl } from "./ttl.ts";

/** A query over an entity type. */
export type QueryOf<D extends EntityDefinition, A = Relations> = Query<
  EntityOf<D>,
  IndexesOf<D>,
  EntityOf<D>,
  GivenOf<D>,
  A,
  D["name"]
>;

/** What `db.repository` accepts beside the type. */
export interface RepositoryOptions {
  /** What the schema has to say of documents that are read: `strict` (default), `lenient` or `none`. */
  readonly validate?: ReadValidation;
  /** Nothing is written through this repository: what would is refused, by the compiler where it can be. Off when left out. */
  readonly readOnly?: boolean;
}

/** What a save of one entity accepts. */
export interface SaveOptions extends CallOptions {
  /** How long the entity lives; the definition's default when left out, for ever when null. */
  readonly ttl?: Ttl;
  /**
   * The `fence` of the lock that it is saved under, where the definition says `fence: true`: refused when a later holder
   * saved already.
   */
  readonly fence?: number;
}
