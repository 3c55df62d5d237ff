// What each patch operator means, on an entity at hand: the oracle of the scripts, and what runs where those cannot.
// Entities are never changed in place.
import { isDeepStrictEqual } from "node:util";
import type { EntityMetadata } from "../../schema/metadata.ts";
import { withoutForeign } from "../../schema/shape.ts";
import { patchError, type PatchStep } from "./plan.ts";

type Row = Record<string, unknown>;

/**
 * Makes the changes of a patch.
 *
 * @param metadata - the entity type.
 * @param entity - the entity as it was.
 * @param steps - the changes.
 * @param id - the entity's id, for errors.
 * @returns a changed copy, which the schema has yet to accept.
 * @throws ValidationError when an increment leaves its bounds.
 */
export function applySteps(metadata: EntityMetadata, entity: Row, steps: readonly PatchStep[], id?: string): Row {
  let changed = entity;
  for (const step of steps) {
    changed = changeAt(changed, step.names, (value) => applied(metadata, step, value, id));
  }
  return ofItsOption(metadata, changed, steps, id);
}

// What is left of the option that the entity was of goes; what the patch says of another one is a mistake.
function ofItsOption(metadata: EntityMetadata, changed: Row, steps: readonly PatchStep[], id: string | undefined): Row {
  const foreign = metadata.foreign?.(changed) ?? [];
  const issues = steps
    .filter(({ names: [name = ""] }) => foreign.includes(name))
    .map(({ path, names }) => ({ path: names, message: `${path} is no property of the option that the entity is of` }));
  if (issues.length > 0) throw patchError(metadata, id, issues);
  return withoutForeign(changed, metadata.foreign);
}

function changeAt(holder: Row, [name, ...rest]: readonly string[], change: (value: unknown) => unknown): Row {
  const at = name as string;
  const value = rest.length === 0 ? change(holder[at]) : changeAt((holder[at] ?? {}) as Row, rest, change);
  const copy: Row = { ...holder, [at]: value };
  if (value === undefined) delete copy[at];
  return copy;
}

function applied(metadata: EntityMetadata, step: PatchStep, value: unknown, id: string | undefined): unknown {
  switch (step.kind) {
    case "set":
      return step.value;
    case "inc":
      return increased(metadata, step, value, id);
    case "toggle":
      return value !== true;
    case "merge":
      return { ...(value as Row | undefined), ...step.value };
    case "push":
      return [...listOf(value), ...step.value];
    case "addToSet": {
      const list = [...listOf(value)];
      for (const item of step.value) if (!list.some((other) => isSame(other, item))) list.push(item);
      return list;
    }
    case "pull":
      return listOf(value).filter((other) => !step.value.some((item) => isSame(other, item)));
    case "pop":
      return step.value === "first" ? listOf(value).slice(1) : listOf(value).slice(0, -1);
  }
}

function listOf(value: unknown): readonly unknown[] {
  return (value ?? []) as readonly unknown[];
}

// Zero has no sign once it is stored.
function isSame(left: unknown, right: unknown): boolean {
  return left === right || isDeepStrictEqual(left, right);
}

function increased(
  metadata: EntityMetadata,
  { path, names, value: { by, min, max } }: PatchStep & { readonly kind: "inc" },
  value: unknown,
  id: string | undefined,
): number | bigint {
  const sum =
    typeof by === "bigint"
      ? ((value as bigint | undefined | null) ?? 0n) + by
      : ((value as number | undefined) ?? 0) + by;
  if ((min === undefined || sum >= min) && (max === undefined || sum <= max)) return sum;
  throw patchError(metadata, id, [{ path: names, message: outOfBounds(path, String(sum)) }]);
}

/**
 * What is said of a number that would leave its bounds.
 *
 * @param path - the field.
 * @param value - what it would become.
 * @returns the reason.
 */
export function outOfBounds(path: string, value: string): string {
  return `${path} would become ${value}, which is out of bounds; nothing was changed`;
}
