// Entities of a type that is spread over partitions: whose calls go where, and what becomes of them together.
// Types in one slot, nearly all of them, are handed through.
import { CrossSlotError, isRemoraError, type RemoraError } from "../errors.ts";
import { decodeId } from "../schema/key.ts";
import { partitionOf } from "../schema/partitions.ts";
import type { TypeContext } from "./context.ts";

/**
 * The partition that an entity is at home in.
 *
 * @param context - the entity type.
 * @param encodedId - the entity's id as it stands in the key.
 * @returns what operations on it work with.
 */
export function homeOf(context: TypeContext, encodedId: string): TypeContext {
  const { partitions } = context;
  return partitions.length === 1 ? context : (partitions[partitionOf(encodedId, partitions.length)] as TypeContext);
}

/**
 * Does something for some entities, in one call per partition at the same time.
 *
 * @param context - the entity type.
 * @param units - what stands for the entities.
 * @param idOf - their ids as they stand in keys.
 * @param work - what to do in one partition; gives one outcome per unit.
 * @param failed - the outcome of a unit whose call failed, while others went on; only where there are several partitions.
 * @returns one outcome per unit, in order.
 * @throws what the work throws, where there is one partition or no `failed`.
 */
export async function perPartition<U, O>(
  context: TypeContext,
  units: readonly U[],
  idOf: (unit: U) => string,
  work: (home: TypeContext, units: readonly U[]) => Promise<readonly O[]>,
  failed?: (error: RemoraError) => O,
): Promise<readonly O[]> {
  const groups = new Map<TypeContext, number[]>();
  if (context.partitions.length === 1) return work(context, units);
  for (const [at, unit] of units.entries()) {
    const home = homeOf(context, idOf(unit));
    const group = groups.get(home);
    if (group === undefined) groups.set(home, [at]);
    else group.push(at);
  }
  const outcomes: O[] = Array.from({ length: units.length });
  const send = async ([home, positions]: [TypeContext, number[]]): Promise<void> => {
    const own = positions.map((at) => units[at] as U);
    const found = await work(home, own).catch((error: unknown) => {
      if (failed === undefined || !isRemoraError(error)) throw error;
      return positions.map(() => failed(error));
    });
    for (const [place, at] of positions.entries()) outcomes[at] = found[place] as O;
  };
  // Each settles before the first failure is told.
  const settled = await Promise.allSettled([...groups].map(send));
  for (const one of settled) if (one.status === "rejected") throw one.reason;
  return outcomes;
}

/**
 * The one partition that some entities are at home in.
 *
 * @param context - the entity type.
 * @param encodedIds - their ids as they stand in keys.
 * @param what - what is being done, for the error.
 * @returns the partition; the first one where there are no ids.
 * @throws CrossSlotError when they are spread; nothing was sent.
 */
export function commonHome(context: TypeContext, encodedIds: Iterable<string>, what: string): TypeContext {
  let home: TypeContext | undefined;
  let first = "";
  for (const id of encodedIds) {
    const own = homeOf(context, id);
    if (home === undefined) [home, first] = [own, id];
    if (home === own) continue;
    const { name } = context.metadata;
    throw new CrossSlotError(
      `${name}: ${what} takes entities of one partition, and ${JSON.stringify(decodeId(first))} and ${JSON.stringify(decodeId(id))} lie in two; ` +
        "nothing was sent: write them one by one, or give the type one partition",
      { entity: name },
    );
  }
  return home ?? (context.partitions[0] as TypeContext);
}
