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

const operations = channel(operationChannel);
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
