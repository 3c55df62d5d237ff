// A patch made ready: each change checked against the schema, and whether a script can make it without a read.
// What a script could not do exactly (whole-entity checks, folded terms, bigints) is left to whoever reads first.
import { ValidationError, type ValidationIssue } from "../../errors.ts";
import type { EntityMetadata } from "../../schema/metadata.ts";
import { type Shape, shapeAt } from "../../schema/shape.ts";
import type { FieldRules } from "../../schema/zod-rules.ts";
import { type End, type Increment, isPatchOperator, type PatchOperator } from "./operators.ts";

interface Place {
  readonly path: string;
  readonly names: readonly string[];
  readonly shape: Shape;
  readonly rules: FieldRules;
}

/** One change of one field. */
export type PatchStep = Place &
  (
    | { readonly kind: "set"; readonly value: unknown }
    | { readonly kind: "inc"; readonly value: Increment<number | bigint> }
    | { readonly kind: "toggle" }
    | { readonly kind: "push" | "addToSet" | "pull"; readonly value: readonly unknown[] }
    | { readonly kind: "pop"; readonly value: End }
    | { readonly kind: "merge"; readonly value: Readonly<Record<string, unknown>> }
  );

/** A patch made ready. */
export interface PatchPlan {
  readonly steps: readonly PatchStep[];
  /** A script can make all changes by itself, exactly as if the entity had been read, changed and saved. */
  readonly direct: boolean;
}

/**
 * Checks a patch against the schema.
 *
 * @param metadata - the entity type.
 * @param patch - what the caller gave.
 * @param id - the entity's id, for errors; undefined where there are several.
 * @param now - gives the time for timestamps.
 * @returns the changes.
 * @throws ValidationError naming the field, for whatever does not fit.
 */
export function planPatch(
  metadata: EntityMetadata,
  patch: unknown,
  id: string | undefined,
  now: () => Date = () => new Date(),
): PatchPlan {
  return new Planner(metadata, id, now).plan(patch);
}

class Planner {
  readonly #metadata: EntityMetadata;
  readonly #id: string | undefined;
  readonly #now: () => Date;

  constructor(metadata: EntityMetadata, id: string | undefined, now: () => Date) {
    this.#metadata = metadata;
    this.#id = id;
    this.#now = now;
  }

  plan(patch: unknown): PatchPlan {
    if (typeof patch !== "object" || patch === null || Array.isArray(patch) || isPatchOperator(patch)) {
      throw this.#refused("", "a patch is an object of fields and their new values");
    }
    const steps = Object.entries(patch).flatMap(([path, change]) => this.#steps(path, change));
    const { updatedAt } = this.#metadata;
    if (updatedAt !== undefined) steps.push({ ...this.#place(updatedAt), kind: "set", value: this.#now() });
    this.#checkOverlaps(steps);
    return { steps, direct: steps.every((step) => isDirect(this.#metadata, step, steps)) };
  }

  #steps(path: string, change: unknown): PatchStep[] {
    const { idField, idFrom, version, createdAt, updatedAt, derived } = this.#metadata;
    const [first = ""] = path.split(".");
    if (idFrom.includes(first)) throw this.#refused(path, "the id is made of it, so it never changes");
    if (first === idField) throw this.#refused(path, "the id of an entity never changes");
    if (first === version || first === createdAt || first === updatedAt) {
      throw this.#refused(path, "is kept by the mapper, and no part of a patch");
    }
    if (derived.includes(first)) throw this.#refused(path, "is derived from the rest, and no part of a patch");
    const place = this.#place(path);
    if (change === undefined) throw this.#refused(path, "undefined says nothing: use unset() to take a value away");
    return isPatchOperator(change)
      ? this.#operation(place, change)
      : [{ ...place, kind: "set", value: this.#valid(place.rules.validate(change)) }];
  }

  #place(path: string): Place {
    const found = shapeAt(this.#metadata.shape, path);
    const rules = this.#metadata.rules(path);
    if (found === undefined || rules === undefined) throw this.#refused(path, "is not in the schema");
    return { path, names: path.split("."), shape: found.shape, rules };
  }

  #operation(place: Place, { kind, value }: PatchOperator): PatchStep[] {
    const { path, shape, rules } = place;
    const needs = (...kinds: Shape["kind"][]): void => {
      if (!kinds.includes(shape.kind)) throw this.#refused(path, `${kind}() is for ${kinds.join(" and ")} fields`);
    };
    switch (kind) {
      case "unset":
        return [{ ...place, kind: "set", value: this.#absent(place) }];
      case "inc":
        needs("number", "bigint");
        return [{ ...place, kind, value: this.#increment(place, value as Increment<number | bigint>) }];
      case "toggle":
        needs("boolean");
        return [{ ...place, kind }];
      case "push":
      case "addToSet":
      case "pull":
        needs("array");
        return [
          { ...place, kind, value: (value as unknown[]).map((item) => this.#valid(rules.validateElement(item))) },
        ];
      case "pop":
        needs("array");
        if (value !== "first" && value !== "last") throw this.#refused(path, 'pop() takes "first" or "last"');
        return [{ ...place, kind, value }];
      case "merge":
        needs("object", "record", "json");
        return this.#merge(place, value as Readonly<Record<string, unknown>>);
    }
  }

  // The properties of an object are fields of their own; those of a record are known only once it is read.
  #merge(place: Place, properties: Readonly<Record<string, unknown>>): PatchStep[] {
    if (typeof properties !== "object" || properties === null || Array.isArray(properties)) {
      throw this.#refused(place.path, "merge() takes an object");
    }
    if (place.shape.kind !== "object" || place.shape.open) return [{ ...place, kind: "merge", value: properties }];
    return Object.entries(properties).flatMap(([name, value]) =>
      value === undefined ? [] : this.#steps(`${place.path}.${name}`, value),
    );
  }

  #absent({ path, rules }: Place): unknown {
    for (const value of [undefined, null]) {
      const checked = rules.validate(value);
      if (checked.ok) return checked.value;
    }
    throw this.#refused(path, "must have a value: it is neither optional nor nullable");
  }

  #increment({ path, shape, rules }: Place, increment: Increment<number | bigint>): Increment<number | bigint> {
    const { by, min, max } = increment;
    for (const value of [by, min, max]) {
      if (value === undefined && value !== by) continue;
      if (typeof value !== shape.kind) throw this.#refused(path, `inc() of a ${shape.kind} takes a ${shape.kind}`);
      if (typeof value === "number" && !Number.isFinite(value)) {
        throw this.#refused(path, "inc() takes finite numbers");
      }
    }
    if (rules.bounds?.integer === true && !Number.isSafeInteger(by)) {
      throw this.#refused(path, "inc() of a whole number takes a whole number below 2^53");
    }
    return increment;
  }

  #valid(checked: ReturnType<FieldRules["validate"]>): unknown {
    if (checked.ok) return checked.value;
    throw patchError(this.#metadata, this.#id, checked.issues);
  }

  #refused(path: string, reason: string): ValidationError {
    return patchError(this.#metadata, this.#id, [{ path: path === "" ? [] : path.split("."), message: reason }]);
  }

  #checkOverlaps(steps: readonly PatchStep[]): void {
    const sorted = steps.map(({ path }) => path).sort((left, right) => (left < right ? -1 : 1));
    const paths = new Set(sorted);
    for (const path of sorted) {
      const names = path.split(".");
      for (let length = 1; length < names.length; length += 1) {
        const outer = names.slice(0, length).join(".");
        if (paths.has(outer)) throw this.#refused(path, `overlaps ${outer}, which the same patch changes`);
      }
    }
    // Beside those of different length, merge() may name a field that stands in the patch itself.
    const twice = sorted.find((path, at) => sorted[at + 1] === path);
    if (twice !== undefined) throw this.#refused(twice, "is changed twice by the same patch");
  }
}

/**
 * The error for a patch that does not fit.
 *
 * @param metadata - the entity type.
 * @param id - the entity's id; undefined where there are several.
 * @param issues - what is wrong, and where.
 * @returns the error.
 */
export function patchError(
  { name }: EntityMetadata,
  id: string | undefined,
  issues: readonly ValidationIssue[],
): ValidationError {
  const list = issues.map(({ path, message }) => `${path.join(".") || "(patch)"}: ${message}`).join("; ");
  const who = id === undefined ? name : `${name} ${JSON.stringify(id.slice(0, 64))}`;
  return new ValidationError(`${who}: the patch does not fit: ${list}`, {
    entity: name,
    id,
    field: issues[0]?.path.join("."),
    issues,
  });
}

/** Kinds of elements that a script can compare and write exactly, on each storage. */
const plainElements: Readonly<Record<EntityMetadata["storage"], ReadonlySet<string>>> = {
  hash: new Set(["string", "boolean", "bigint", "date", "number"]),
  string: new Set(["string", "boolean", "bigint", "date", "number"]),
  // Servers read decimals of a JSON list inexactly, and each would have to be mended.
  json: new Set(["string", "boolean", "bigint", "date"]),
};

function isDirect(metadata: EntityMetadata, step: PatchStep, steps: readonly PatchStep[]): boolean {
  const { path, names, shape, rules } = step;
  // What a derived property is made of is known only to its function.
  if (
    rules.entangled ||
    metadata.derived.length > 0 ||
    hasAbsentableParent(metadata, names) ||
    tellsNullFromMissing(shape)
  )
    return false;
  // The next version is known before the write only to whoever read this one.
  const counted = [...metadata.indexes, ...metadata.ranked];
  if (metadata.version !== undefined && counted.some((index) => index.path === metadata.version)) return false;
  const uniques = metadata.uniques.filter((unique) => unique.paths.some((other) => covers(path, other)));
  const sets = steps.filter(({ kind }) => kind === "set");
  if (uniques.some((unique) => !unique.paths.every((other) => sets.some((set) => covers(set.path, other)))))
    return false;
  if (shape.stored !== undefined && step.kind !== "set") return false;
  switch (step.kind) {
    case "set":
      return true;
    case "inc":
      return shape.kind === "number" && rules.bounds !== undefined;
    case "toggle":
      return rules.unchecked;
    case "push":
    case "addToSet":
    case "pull":
    case "pop": {
      if (shape.kind !== "array" || !rules.unchecked) return false;
      const { kind, optional, nullable, stored } = shape.item;
      if (optional || nullable || stored !== undefined || !plainElements[metadata.storage].has(kind)) return false;
      return !metadata.indexes.some(
        (index) => index.path === path && (index.kind !== "exact" || index.caseInsensitive),
      );
    }
    case "merge":
      return false;
  }
}

/**
 * Tells whether a path is another, or leads to an object that holds it.
 *
 * @param path - a dotted path.
 * @param inner - another.
 * @returns true when a change of the first changes the second.
 */
export function covers(path: string, inner: string): boolean {
  return inner === path || inner.startsWith(`${path}.`);
}

function hasAbsentableParent({ shape }: EntityMetadata, names: readonly string[]): boolean {
  return names.length > 1 && shapeAt(shape, names.slice(0, -1).join("."))?.absentable !== false;
}

// Such fields share one list of nulls.
function tellsNullFromMissing(shape: Shape): boolean {
  if (shape.optional && shape.nullable) return true;
  return shape.kind === "object" && [...shape.fields.values()].some(tellsNullFromMissing);
}
