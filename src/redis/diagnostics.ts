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

const operations = channel(operationChannel);

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
