// Running a type's hooks around its writes: before validation, and after the write was applied.
// What a hook throws beforehand stops its entity; afterwards it is told together with the fact that the write stands.
import { isRemoraError, OutcomeUnknownError, type RemoraError, ValidationError } from "../errors.ts";
import type { SaveOperation, UntypedHooks } from "../schema/hooks.ts";
import type { EntityMetadata } from "../schema/metadata.ts";

type Row = Record<string, unknown>;

/**
 * Lets a hook change what is going to be saved.
 *
 * @param metadata - the entity type.
 * @param input - what shall be saved; the hook gets a copy of its own, of one level.
 * @param operation - what is being done.
 * @returns what shall be saved instead.
 * @throws whatever the hook throws, and ValidationError when it gives back something else than an object.
 */
export async function beforeSave(metadata: EntityMetadata, input: unknown, operation: SaveOperation): Promise<unknown> {
  const hook = metadata.hooks?.beforeSave;
  // What is no entity is refused by validation, which says so.
  if (hook === undefined || typeof input !== "object" || input === null || Array.isArray(input)) return input;
  const copy: Row = { ...input };
  const given: unknown = await hook(copy, { operation });
  if (given === undefined) return copy;
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return given;
  throw new ValidationError(`${metadata.name}: beforeSave must give an entity back, or nothing`, {
    entity: metadata.name,
  });
}

/**
 * Tells a hook that an entity was saved.
 *
 * @param metadata - the entity type.
 * @param entity - the entity as stored.
 * @param operation - what was done.
 * @throws OutcomeUnknownError when the hook fails, with what it threw as its cause.
 */
export async function afterSave(metadata: EntityMetadata, entity: Row, operation: SaveOperation): Promise<void> {
  const hook = metadata.hooks?.afterSave;
  if (hook === undefined) return;
  try {
    await hook(entity, { operation });
  } catch (error) {
    throw applied(metadata, String(entity[metadata.idField]), "saved", "afterSave", error);
  }
}

/**
 * Asks a hook whether an entity may be deleted.
 *
 * @param metadata - the entity type.
 * @param entity - the entity.
 * @throws whatever the hook throws.
 */
export async function beforeDelete(metadata: EntityMetadata, entity: Row): Promise<void> {
  await metadata.hooks?.beforeDelete?.(entity);
}

/**
 * Tells a hook that an entity was deleted.
 *
 * @param metadata - the entity type.
 * @param id - its id.
 * @throws OutcomeUnknownError when the hook fails, with what it threw as its cause.
 */
export async function afterDelete(metadata: EntityMetadata, id: string): Promise<void> {
  const hook = metadata.hooks?.afterDelete;
  if (hook === undefined) return;
  try {
    await hook(id);
  } catch (error) {
    throw applied(metadata, id, "deleted", "afterDelete", error);
  }
}

/**
 * Runs a hook for each of several entities that were written, whatever befalls one of them.
 *
 * @param items - what to tell it of.
 * @param tell - tells it of one.
 * @throws what the first failing call threw, after the others.
 */
export async function forEach<T>(items: Iterable<T>, tell: (item: T) => Promise<void>): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  for (const item of items) {
    try {
      // eslint-disable-next-line no-await-in-loop -- in order, one at a time
      await tell(item);
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
}

function applied(
  { name }: EntityMetadata,
  id: string,
  what: string,
  hook: string,
  cause: unknown,
): OutcomeUnknownError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OutcomeUnknownError(
    `${name} ${JSON.stringify(id)} was ${what}, which stands, but its ${hook} hook failed: ${reason}`,
    { entity: name, id, cause },
  );
}

/**
 * Lets a hook change what is going to be saved, where outcomes hold errors of the library only.
 *
 * @param metadata - the entity type.
 * @param input - what shall be saved.
 * @param operation - what is being done.
 * @returns what shall be saved instead.
 * @throws RemoraError when the hook throws.
 */
export async function hooked(metadata: EntityMetadata, input: unknown, operation: SaveOperation): Promise<unknown> {
  try {
    return await beforeSave(metadata, input, operation);
  } catch (error) {
    throw hookError(metadata, "beforeSave", error);
  }
}

/**
 * What a piece of work with hooks fails with, where outcomes hold errors of the library only.
 *
 * @param metadata - the entity type.
 * @param hook - the hook that may throw errors of any kind; others are wrapped already.
 * @param work - the work.
 * @returns the error, or undefined when it succeeds.
 * @throws what is no error of the library, and of no hook either.
 */
export async function failureOf(
  metadata: EntityMetadata,
  hook: keyof UntypedHooks,
  work: () => Promise<unknown>,
): Promise<RemoraError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (metadata.hooks?.[hook] === undefined && !isRemoraError(error)) throw error;
    return hookError(metadata, hook, error);
  }
}

function hookError({ name }: EntityMetadata, hook: keyof UntypedHooks, error: unknown): RemoraError {
  if (isRemoraError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new ValidationError(`${name}: the ${hook} hook refused an entity: ${reason}`, {
    entity: name,
    cause: error,
  });
}
