// What the library tells the outside about its work: one diagnostics channel, nothing on the console.
// Costs nothing while nobody listens; never carries stored values.
import { channel } from "node:diagnostics_channel";

/** Name of the channel on which operations are published. */
export const operationChannel = "remora:operation";

/** One finished operation. */
export interface OperationEvent {
  /** What was asked, such as `save` or `query.all`. */
  readonly operation: string;
  /** The entity type. */
  readonly entity: string;
  /** Engine and plan of a query; undefined for other operations. */
  readonly plan: readonly string[] | undefined;
  /** The commands sent, by name. */
  readonly commands: readonly string[];
  /** Entities read or written. */
  readonly rows: number;
  /** Time from call to answer. */
  readonly milliseconds: number;
  /** The error's code, when it failed. */
  readonly error: string | undefined;
}

/** Name of the channel on which large documents are told of. */
export const largeDocumentChannel = "remora:large-document";

/** A large document that is about to be written, or a patch that writes so much. */
export interface LargeDocumentEvent {
  /** The entity type. */
  readonly entity: string;
  /** The entity's id. */
  readonly id: string;
  /** Bytes of the document, or of what the patch writes. */
  readonly bytes: number;
  /** Dotted path of the largest field. */
  readonly field: string;
  /** Bytes of that field. */
  readonly fieldBytes: number;
}

/** Name of the channel on which caches tell what they do. */
export const cacheChannel = "remora:cache";

/** What a cache can tell. */
export type CacheEventKind =
  /** Given as it was cached. */
  | "hits"
  /** Those of them that came from this process's own layer. */
  | "memoryHits"
  /** Not there, or not valid any more. */
  | "misses"
  /** Given beyond its time, while it is loaded anew. */
  | "stale"
  /** Given beyond its time, since the loader failed or was late. */
  | "graced"
  /** A loader was run. */
  | "loads"
  /** A loader failed or was given up. */
  | "failures"
  /** Waited for another process that was loading the same. */
  | "waits"
  /** What was stored is no value of the schema. */
  | "corrupt"
  /** Loaded, but not stored, since it was invalidated meanwhile. */
  | "outdated"
  /** A request to the server failed. */
  | "errors";

/** One event of a cache. */
export interface CacheEvent {
  /** The cache, as in `cache movies`. */
  readonly cache: string;
  /** What happened. */
  readonly event: CacheEventKind;
  /** The key concerned. */
  readonly key: string | undefined;
}

const operations = channel(operationChannel);
const cacheEvents = channel(cacheChannel);
const largeDocuments = channel(largeDocumentChannel);

/**
 * Tells whether anybody listens.
 *
 * @returns true when an event would reach someone.
 */
export function hasListeners(): boolean {
  return operations.hasSubscribers;
}

/**
 * Publishes an operation.
 *
 * @param event - the operation.
 */
export function publishOperation(event: OperationEvent): void {
  operations.publish(event);
}

/**
 * Tells whether anybody listens for large documents.
 *
 * @returns true when an event would reach someone.
 */
export function hasLargeListeners(): boolean {
  return largeDocuments.hasSubscribers;
}

/**
 * Tells of a large document.
 *
 * @param event - the document.
 */
export function publishLargeDocument(event: LargeDocumentEvent): void {
  largeDocuments.publish(event);
}

/**
 * Tells whether anybody listens to caches.
 *
 * @returns true when an event would reach someone.
 */
export function hasCacheListeners(): boolean {
  return cacheEvents.hasSubscribers;
}

/**
 * Tells of an event of a cache.
 *
 * @param event - the event.
 */
export function publishCacheEvent(event: CacheEvent): void {
  cacheEvents.publish(event);
}
