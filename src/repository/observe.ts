// Watching operations: what is published on the diagnostics channel when somebody listens.
// Without a listener an operation runs as if this file were not there.
import { isRemoraError } from "../errors.ts";
import { type Request, requestName } from "../redis/command.ts";
import { hasListeners, publishOperation } from "../redis/diagnostics.ts";
import type { EntityMetadata } from "../schema/metadata.ts";

/** Notes what an operation sends and how many rows it reads or writes. */
export type Note = (requests: readonly Request[], rows: number) => void;

const nowhere: Note = () => undefined;

/**
 * Runs an operation and publishes it.
 *
 * @param metadata - the entity type.
 * @param operation - its name.
 * @param plan - describes the plan, for queries.
 * @param work - the operation; it notes what it sends.
 * @returns what the operation returns.
 */
export function observe<T>(
  metadata: Pick<EntityMetadata, "name">,
  operation: string,
  plan: (() => readonly string[]) | undefined,
  work: (note: Note) => Promise<T>,
): Promise<T> {
  if (hasListeners()) return published(metadata, operation, plan, work);
  try {
    return work(nowhere);
  } catch (error) {
    // What is refused before anything is sent fails like everything else: by rejection.
    return Promise.reject(error as Error);
  }
}

async function published<T>(
  metadata: Pick<EntityMetadata, "name">,
  operation: string,
  plan: (() => readonly string[]) | undefined,
  work: (note: Note) => Promise<T>,
): Promise<T> {
  const commands: string[] = [];
  let rows = 0;
  const started = performance.now();
  const publish = (error: string | undefined): void =>
    publishOperation({
      operation,
      entity: metadata.name,
      plan: error === undefined ? plan?.() : undefined,
      commands,
      rows,
      milliseconds: performance.now() - started,
      error,
    });
  try {
    const result = await work((requests, count) => {
      commands.push(...requests.map(requestName));
      rows += count;
    });
    publish(undefined);
    return result;
  } catch (error) {
    publish(isRemoraError(error) ? error.code : "UNEXPECTED");
    throw error;
  }
}
