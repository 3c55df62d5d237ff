// Derived properties: made of the rest of an entity whenever it is written, and stored like any other.
// The rest is validated first, then everything together.
import type { ObjectShape } from "./shape.ts";
import type { DefinitionProblem } from "./metadata.ts";
import type { Validated } from "./zod.ts";

/** Property to the function that makes it. */
export type Derivations = Readonly<Record<string, (entity: never) => unknown>>;

/**
 * Checks the derived properties of a definition.
 *
 * @param derive - what the user wrote.
 * @param shape - the entity's shape.
 * @param kept - properties that the mapper keeps for other reasons.
 * @param problem - receives what is wrong.
 * @returns the names.
 */
export function derivedNames(
  derive: Derivations | undefined,
  shape: ObjectShape,
  kept: readonly (string | undefined)[],
  problem: DefinitionProblem,
): readonly string[] {
  for (const [name, make] of Object.entries(derive ?? {})) {
    if (!shape.fields.has(name)) problem(name, "is derived but not a property of the schema");
    if (kept.includes(name)) problem(name, "is kept by the mapper already, and cannot be derived");
    if (typeof make !== "function") problem(name, "derive takes a function of the entity");
  }
  return Object.freeze(Object.keys(derive ?? {}));
}

/**
 * Makes the validation that derives.
 *
 * @param derive - property to the function that makes it.
 * @param rest - validates an input without the derived properties.
 * @param whole - validates an input with them.
 * @returns the validation.
 */
export function deriving(
  derive: Derivations,
  rest: (input: unknown) => Validated,
  whole: (input: unknown) => Validated,
): (input: unknown) => Validated {
  const makers = Object.entries(derive);
  return (input) => {
    const known = rest(input);
    if (!known.ok) return known;
    const made: Record<string, unknown> = {};
    for (const [name, make] of makers) {
      try {
        // A copy for each: what one function does to it must not reach the entity.
        made[name] = (make as (entity: unknown) => unknown)({ ...known.value });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { ok: false, issues: [{ path: [name], message: `could not be derived: ${reason}` }] };
      }
    }
    return whole({ ...(input as object), ...known.value, ...made });
  };
}
