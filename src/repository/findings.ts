// What `indexes.verify` and `indexes.repair` tell: the kinds of damage, and the reports.
// Types only; the work is done in the room `indexes`.
import type { CallOptions } from "../query/query.ts";
import type { IndexProgress } from "./indexes.ts";

/**
 * What can be wrong with a type's indexes.
 *
 * - `corrupt`: a document does not fit the schema, or an index cannot hold its value; cannot be mended
 * - `document`: an indexed field, the id or a hidden member is not in the form that a save gives it
 * - `snapshot`: what is remembered of a document's index entries is not what the document says
 * - `missing-entry`: an index lacks a document, or has it in another place
 * - `stray-entry`: an index or a vocabulary has something that no living document calls for
 * - `unique`: a unique value is held by nobody or by the wrong one; of two that have it, one has to be saved with another value
 * - `registry`: the list of all ids lacks a document, or has one that is gone
 * - `deadline`: what is noted of the time when a document dies is not so
 * - `unindexed`: the search server has dropped a document from its index
 * - `key`: a key beside the documents is of another type, or belongs to no index of the definition
 */
export type FindingKind =
  | "corrupt"
  | "document"
  | "snapshot"
  | "missing-entry"
  | "stray-entry"
  | "unique"
  | "registry"
  | "deadline"
  | "unindexed"
  | "key";

/** Something that is wrong with a type's indexes. */
export interface Finding {
  /** What kind of damage. */
  readonly kind: FindingKind;
  /** The entity's id, or what stands in its place in a key; undefined where it is about none. */
  readonly id: string | undefined;
  /** Dotted path of the field, or name of the constraint or compound index, where one is to blame. */
  readonly field: string | undefined;
  /** The key in which it was found; undefined where it is the document's own. */
  readonly key: string | undefined;
  /** What is wrong, and what to do where a repair cannot. */
  readonly message: string;
}

/** What `indexes.verify` and `indexes.repair` accept. */
export interface VerifyOptions extends CallOptions {
  /** Told how many documents were checked so far; a repair goes over them twice or more. */
  readonly onProgress?: (progress: IndexProgress) => void;
}

/** What `indexes.verify` found. */
export interface VerifyReport {
  /** Documents checked; one that the server names twice while it moves keys about counts twice. */
  readonly documents: number;
  /** Index entries and unique values that were looked up for them. */
  readonly entries: number;
  /** How much is wrong. */
  readonly found: number;
  /** The first hundred of it. */
  readonly findings: readonly Finding[];
  /** Expired entities that a later save will sweep from the indexes: nothing is wrong with them. */
  readonly garbage: number;
}

/** What `indexes.repair` did; what it could not mend is among the findings. */
export interface RepairReport extends VerifyReport {
  /** Documents whose entries, registry, times and hidden members were written anew. */
  readonly rewritten: number;
  /** Entries and keys that were removed. */
  readonly removed: number;
}
