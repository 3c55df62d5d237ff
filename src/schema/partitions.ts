// Partitions: a type spread over several hash slots, each entity in the one that its id decides.
// What has to know all entities at once, such as a unique value, has no place in such a type.
import type { DefinitionProblem } from "./metadata.ts";

/** More would make each query as many calls. */
const mostPartitions = 256;

/** What partitions do not go with, as the user writes it. */
interface Spread {
  readonly partitions?: number | undefined;
  readonly unique?: object | undefined;
  readonly changes?: unknown;
  readonly colocate?: string | undefined;
  readonly keyPrefix?: string | undefined;
}

/**
 * Checks the number of partitions.
 *
 * @param definition - what the user wrote.
 * @param problem - takes what is wrong.
 * @returns the number.
 */
export function compilePartitions(definition: Spread, problem: DefinitionProblem): number {
  const { partitions = 1, unique, changes, colocate, keyPrefix } = definition;
  if (!(Number.isSafeInteger(partitions) && partitions >= 1 && partitions <= mostPartitions)) {
    problem("", `partitions must be a whole number from 1 to ${mostPartitions}`);
    return 1;
  }
  if (partitions === 1) return 1;
  const refuse = (what: string, why: string): void => problem("", `partitions do not go with ${what}: ${why}`);
  if (Object.keys(unique ?? {}).length > 0) refuse("unique", "no partition knows the values of the others");
  if (changes !== undefined) refuse("changes", "there is no one order of changes over several slots");
  if (colocate !== undefined) refuse("colocate", "one slot is what it asks for");
  if (keyPrefix !== undefined) refuse("keyPrefix", "the documents lie where they lie");
  return partitions;
}

/**
 * The partition of an entity. Part of the format of stored data: FNV-1a over the bytes of the id in keys.
 *
 * @param encodedId - the id as it stands in the key.
 * @param partitions - how many there are.
 * @returns its position, from 0.
 */
export function partitionOf(encodedId: string, partitions: number): number {
  if (partitions === 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(encodedId)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % partitions;
}
