// When an entity was created and last changed: the fields that say so, and whose clock tells.
// Soft deletions go by the same clock.
import type { DefinitionProblem } from "./metadata.ts";
import type { ObjectShape } from "./shape.ts";

/** Whose clock tells the time of timestamps and soft deletions. */
export type Clock = "client" | "server";

/** Timestamps as the user writes them. */
export interface TimestampsDefinition {
  readonly createdAt?: string;
  readonly updatedAt?: string;
  readonly clock?: Clock;
}

/** Timestamps as the other rooms know them. */
export interface TimestampsMetadata {
  readonly createdAt: string | undefined;
  readonly updatedAt: string | undefined;
  /** Whose clock tells when something is created, changed or deleted. */
  readonly clock: Clock;
}

/**
 * Checks timestamps.
 *
 * @param definition - what the user wrote.
 * @param shape - the entity's shape.
 * @param problem - takes what is wrong.
 * @returns the timestamps.
 */
export function compileTimestamps(
  definition: TimestampsDefinition | undefined,
  shape: ObjectShape,
  problem: DefinitionProblem,
): TimestampsMetadata {
  const { createdAt, updatedAt, clock = "client" } = definition ?? {};
  if (clock !== "client" && clock !== "server") problem("", "timestamps.clock must be `client` or `server`");
  for (const field of [createdAt, updatedAt]) {
    if (field === undefined) continue;
    const found = shape.fields.get(field);
    if (found?.kind !== "date" || found.optional || found.nullable) {
      problem(field, "a timestamp field must be in the schema as z.date(), neither optional nor nullable");
    }
  }
  return { createdAt, updatedAt, clock };
}
