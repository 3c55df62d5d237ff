// What a repository's `indexes` can do, and what they tell.
// Types only: the work is done in the room of the indexes, which stands above this one.
import type { ErrorCode } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { RepairReport, VerifyOptions, VerifyReport } from "./findings.ts";

/** How far a rebuild is. */
export interface IndexProgress {
  /** Documents gone over so far; one that changed meanwhile counts again. */
  readonly done: number;
  /** How many there may be, as far as the former indexes knew; undefined when they did not. */
  readonly total: number | undefined;
}

/** A document that the last rebuild could not index as it should be. */
export interface IndexFault {
  /** Its id, or what stands in its place in the key. */
  readonly id: string;
  /** What kind of fault: `CORRUPT_ENTITY`, `VALIDATION` or `UNIQUE_VIOLATION`. */
  readonly code: ErrorCode;
  /** Dotted path of the field, where one is to blame. */
  readonly field: string | undefined;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** What `indexes.sync` accepts. */
export interface SyncOptions extends CallOptions {
  /** Told how far a rebuild is, by this process or the one it waits for. */
  readonly onProgress?: (progress: IndexProgress) => void;
  /** Rebuild the indexes even if they seem right: after documents were written around the mapper. */
  readonly rebuild?: boolean;
}

/** How a type's indexes are. */
export interface IndexStatus {
  /** The engine that answers the type's queries. */
  readonly engine: string;
  /** `missing` before the first sync and after `drop`, `building` while they are rebuilt, `outdated` when made for another definition. */
  readonly state: "missing" | "building" | "ready" | "outdated";
  /** What the stored data was laid out for. */
  readonly stamp: string;
  /** Documents in the index; while it is rebuilt, those gone over so far. */
  readonly documents: number;
  /** Documents that the search server refused to index; 0 unless someone wrote around the mapper. */
  readonly failures: number;
  /** Expired entities whose index entries are not swept yet: nothing finds or counts them. */
  readonly garbage: number;
  /** How many faults the last rebuild found in documents. */
  readonly faulty: number;
  /** The first hundred of them. */
  readonly faults: readonly IndexFault[];
}

/** Creating and watching a type's indexes. */
export interface RepositoryIndexes {
  /**
   * Makes the indexes right for the definition: creates or rebuilds them, or waits for the process that does.
   *
   * Nothing to do: 1 round trip (HMGET), on the search engine 2 (FT.INFO). The first time, SCAN looks for documents that
   * others wrote. A rebuild goes over the documents by SCAN, with two script calls per 50 of them; meanwhile queries and
   * writes are refused with IndexNotReadyError.
   *
   * @param options - deadline for all of it in milliseconds (none when left out), signal, progress, and whether to rebuild anyway.
   * @returns the status, which is `ready`; documents that could not be indexed as they should be are its `faults`.
   * @throws EngineMismatchError when the type is recorded for another engine.
   * @throws IndexNotReadyError when the documents are stored in another form, hash or json.
   * @throws CapabilityError when the user lacks a right that this needs; nothing was changed.
   * @throws DeadlineError when the deadline passed or the signal fired; the next call starts the rebuild again.
   */
  sync(options?: SyncOptions): Promise<IndexStatus>;
  /**
   * Waits until the indexes can be used.
   *
   * @param options - deadline (60 s when left out) and signal.
   * @returns the status, which is `ready`.
   * @throws IndexNotReadyError when they are made for another definition.
   * @throws DeadlineError when they are not ready in time.
   */
  ready(options?: CallOptions): Promise<IndexStatus>;
  /**
   * Tells how the indexes are.
   *
   * @param options - deadline and signal.
   * @returns the status.
   */
  status(options?: CallOptions): Promise<IndexStatus>;
  /**
   * Removes every index, and whatever else is kept beside the documents; the documents stay. Until the next `sync`
   * the type's queries and writes are refused with IndexNotReadyError.
   *
   * @param options - deadline for all of it in milliseconds (none when left out) and signal.
   * @throws CapabilityError when the user lacks a right that this needs; nothing was changed.
   */
  drop(options?: CallOptions): Promise<void>;
  /**
   * Proves that documents, indexes, unique values, registry and times agree, while everybody works on; changes nothing.
   *
   * Goes over the documents by SCAN with one read-only script call per 50 of them, then over the keys beside them. What is
   * compared with each other is read in one call, so a concurrent write is never taken for damage.
   *
   * @param options - deadline for all of it in milliseconds (none when left out), signal, progress.
   * @returns how much was checked, and what is wrong.
   * @throws IndexNotReadyError when the indexes are missing, being rebuilt, or made for another definition.
   * @throws CapabilityError when the user lacks a right that this needs.
   * @throws DeadlineError when the deadline passed or the signal fired.
   */
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  /**
   * Mends what `verify` finds, while everybody works on: documents win, and what no document calls for is removed.
   *
   * Goes over everything as `verify` does until there is nothing left to mend, with two script calls per batch of damaged
   * documents; may be called again at any time.
   *
   * @param options - deadline for all of it in milliseconds (none when left out), signal, progress.
   * @returns what was done; its findings are what cannot be mended, as corrupt documents.
   * @throws IndexNotReadyError when the indexes are missing, being rebuilt, or made for another definition.
   * @throws CapabilityError when the user lacks a right that this needs; nothing was changed.
   * @throws DeadlineError when the deadline passed or the signal fired; what was mended until then stays.
   */
  repair(options?: VerifyOptions): Promise<RepairReport>;
  /**
   * Forgets what has expired: removes the index entries, unique values and registry entries that dead entities left. Saves of
   * several do so on their way, as do reads that come across them. One round trip (EVALSHA) per 200 of them.
   *
   * @param options - deadline for all of it in milliseconds (none when left out) and signal.
   * @returns how many were forgotten.
   * @throws IndexNotReadyError when stored data is laid out for another definition, or is being rebuilt.
   * @throws CapabilityError when the user lacks a right that this needs; nothing was changed.
   * @throws DeadlineError when the deadline passed or the signal fired.
   */
  sweep(options?: CallOptions): Promise<number>;
}
