// Hooks: functions of a definition that run around its writes, before validation and after the write was applied.
// What they are is said here; when each runs is for whoever writes to keep.

/** What is being done to an entity that is saved. */
export type SaveOperation = "insert" | "save" | "update" | "modify" | "upsert" | "restore";

/** What a hook is told of a save. */
export interface SaveInfo {
  /** The kind of write; that of many entities at once goes by the kind of each. */
  readonly operation: SaveOperation;
}

/** Functions that run around an entity type's writes; a promise is waited for. */
export interface EntityHooks<Input, Entity> {
  /**
   * Runs before an entity is validated; changes what it is given, or gives another. An error stops the entity, of which
   * nothing is written. Patches read the entity first where a type has this hook, and run it on the patched entity.
   */
  readonly beforeSave?: (input: Input, info: SaveInfo) => Input | void | Promise<Input | void>;
  /** Runs after an entity was written. An error says that it was. */
  readonly afterSave?: (entity: Entity, info: SaveInfo) => unknown;
  /** Runs before an entity is deleted, which is read first. An error keeps it. */
  readonly beforeDelete?: (entity: Entity) => unknown;
  /** Runs after an entity was deleted, with its id. An error says that it was. */
  readonly afterDelete?: (id: string) => unknown;
}

/** Hooks without their types. */
export type UntypedHooks = EntityHooks<Record<string, unknown>, Record<string, unknown>>;

const names = ["beforeSave", "afterSave", "beforeDelete", "afterDelete"] as const;

/**
 * Checks the hooks of a definition.
 *
 * @param hooks - what the user wrote.
 * @param problem - told of what is wrong.
 * @returns the hooks.
 */
export function checkedHooks(hooks: UntypedHooks, problem: (message: string) => void): UntypedHooks {
  for (const name of Object.keys(hooks)) {
    const known = (names as readonly string[]).includes(name);
    if (!known && typeof hooks[name as keyof UntypedHooks] === "function")
      problem(`hooks.${name}: there are ${names.join(", ")}`);
  }
  const checked: Record<string, unknown> = {};
  for (const name of names) {
    const hook: unknown = hooks[name];
    // An object of a class has its methods elsewhere, and they want to know it.
    if (typeof hook === "function") checked[name] = hook.bind(hooks);
    else if (hook !== undefined) problem(`hooks.${name} must be a function`);
  }
  return Object.freeze(checked);
}
