// Patch operators: what a patch may do to a field beside setting it, as frozen data.
// Which operator is legal on which field is checked by the compiler, and again when the patch is planned.
import type { EntityDefinition, OptionOf, WholeInput } from "../../schema/entity.ts";
import type { ZodObject } from "../../schema/zod.ts";
import type { GeoPoint, Paths, PathValue } from "../../schema/paths.ts";

const brand: unique symbol = Symbol.for("remora.patch") as never;

/** What patch operators do. */
export type PatchKind = "unset" | "inc" | "toggle" | "push" | "addToSet" | "pull" | "pop" | "merge";

/** A change of one field, made by {@link inc}, {@link push} and the like. */
export interface PatchOperator<K extends PatchKind = PatchKind, V = unknown> {
  /** What it does. */
  readonly kind: K;
  /** What it does it with. */
  readonly value: V;
  /** Marks operators, so that no plain value can be taken for one. */
  readonly [brand]: true;
}

/** Bounds of {@link inc}: the patch is refused when the new value would leave them. */
export interface IncBounds<N extends number | bigint = number> {
  /** The least value allowed. */
  readonly min?: N;
  /** The greatest value allowed. */
  readonly max?: N;
}

/** What {@link inc} adds, and within which bounds. */
export interface Increment<N extends number | bigint = number> extends IncBounds<N> {
  /** What is added; negative to subtract. */
  readonly by: N;
}

/** Which end {@link pop} takes from. */
export type End = "first" | "last";

type Leaf = Date | Uint8Array | GeoPoint | readonly unknown[];

type OperatorsOn<V> = [V] extends [number]
  ? PatchOperator<"inc", Increment>
  : [V] extends [bigint]
    ? PatchOperator<"inc", Increment<bigint>>
    : [V] extends [boolean]
      ? PatchOperator<"toggle", null>
      : [V] extends [readonly (infer E)[]]
        ? PatchOperator<"push" | "addToSet" | "pull", readonly E[]> | PatchOperator<"pop", End>
        : [V] extends [Leaf]
          ? never
          : [V] extends [object]
            ? PatchOperator<"merge", Partial<V>>
            : never;

/** What may be taken away: what is optional or nullable, or has a default, as the type N of the input tells. */
type Unset<V, N> = undefined extends N ? true : null extends V ? true : undefined extends V ? true : false;

/** What a patch may say of a field of type V: a new value, or an operator; N is the field's type in an input. */
export type FieldPatch<V, N = undefined> =
  | Exclude<V, undefined>
  | OperatorsOn<NonNullable<V>>
  | (Unset<V, N> extends true ? PatchOperator<"unset", null> : never);

/** Changes of an entity T: dotted path to new value or operator; G are the fields that the mapper keeps itself. */
export type PatchFor<T, G extends string = never, N = unknown> = T extends unknown
  ? {
      readonly [P in Exclude<Paths<T>, G>]?: FieldPatch<
        PathValue<T, P>,
        unknown extends N ? undefined : PathValue<N, P>
      >;
    }
  : never;

/** What `update` takes: dotted path to new value or operator. */
export type PatchOf<D extends EntityDefinition> =
  D extends EntityDefinition<infer S, infer _I, infer G, infer _Q> ? PatchTo<OptionOf<S>, G> : never;
type PatchTo<X, G extends string> = X extends ZodObject ? PatchFor<X["_zod"]["output"], G, WholeInput<X>> : never;

/**
 * Takes a field's value away: it becomes undefined, its default, or null, whichever the schema allows first.
 *
 * @returns the operator, to be named in a patch.
 *
 * @example
 * ```ts
 * import { unset } from "remora";
 *
 * unset().kind; // "unset"
 * ```
 */
export function unset(): PatchOperator<"unset", null> {
  return operator("unset", null);
}

/**
 * Adds to a number or bigint; an absent value counts as 0.
 *
 * @param by - what is added, 1 when left out; negative to subtract.
 * @param bounds - `min` and `max` that the new value must keep, or the patch is refused.
 * @returns the operator, to be named in a patch.
 *
 * @example
 * ```ts
 * import { inc } from "remora";
 *
 * inc(-1, { min: 0 }).value; // { by: -1, min: 0 }
 * ```
 */
export function inc(by?: number, bounds?: IncBounds): PatchOperator<"inc", Increment>;
/**
 * Adds to a bigint; an absent value counts as 0.
 *
 * @param by - what is added; negative to subtract.
 * @param bounds - `min` and `max` that the new value must keep, or the patch is refused.
 * @returns the operator, to be named in a patch.
 */
export function inc(by: bigint, bounds?: IncBounds<bigint>): PatchOperator<"inc", Increment<bigint>>;
export function inc(by: number | bigint = 1, bounds: IncBounds<number | bigint> = {}): PatchOperator {
  return operator("inc", Object.freeze({ ...bounds, by }));
}

/**
 * Turns true into false, and false or an absent value into true.
 *
 * @returns the operator, to be named in a patch.
 *
 * @example
 * ```ts
 * import { toggle } from "remora";
 *
 * toggle().kind; // "toggle"
 * ```
 */
export function toggle(): PatchOperator<"toggle", null> {
  return operator("toggle", null);
}

/**
 * Adds elements at the end of an array; an absent array counts as empty.
 *
 * @param items - what is added, in order.
 * @returns the operator, to be named in a patch.
 *
 * @example
 * ```ts
 * import { push } from "remora";
 *
 * push("a", "b").value; // ["a", "b"]
 * ```
 */
export function push<const E>(...items: E[]): PatchOperator<"push", readonly E[]> {
  return operator("push", Object.freeze(items));
}

/**
 * Adds elements at the end of an array unless an equal one is in it.
 *
 * @param items - what is added, in order.
 * @returns the operator, to be named in a patch.
 *
 * @example
 * ```ts
 * import { addToSet } from "remora";
 *
 * addToSet("a").value; // ["a"]
 * ```
 */
export function addToSet<const E>(...items: E[]): PatchOperator<"addToSet", readonly E[]> {
  return operator("addToSet", Object.freeze(items));
}

/**
 * Removes every element of an array that equals one of those given.
 *
 * @param items - what is removed.
 * @returns the operator, to be named in a patch.
 *
 * @example
 * ```ts
 * import { pull } from "remora";
 *
 * pull("a").value; // ["a"]
 * ```
 */
export function pull<const E>(...items: E[]): PatchOperator<"pull", readonly E[]> {
  return operator("pull", Object.freeze(items));
}

/**
 * Removes the last or the first element of an array; an empty array stays as it is.
 *
 * @param end - which one; the last when left out.
 * @returns the operator, to be named in a patch.
 *
 * @example
 * ```ts
 * import { pop } from "remora";
 *
 * pop("first").value; // "first"
 * ```
 */
export function pop(end: End = "last"): PatchOperator<"pop", End> {
  return operator("pop", end);
}

/**
 * Sets some properties of an object and leaves its others; an absent object counts as empty.
 *
 * @param properties - new values by property name.
 * @returns the operator, to be named in a patch.
 *
 * @example
 * ```ts
 * import { merge } from "remora";
 *
 * merge({ city: "Rome" }).value; // { city: "Rome" }
 * ```
 */
export function merge<const V extends object>(properties: V): PatchOperator<"merge", V> {
  return operator("merge", Object.freeze({ ...properties }));
}

/**
 * Tells an operator from a plain value.
 *
 * @param value - anything in a patch.
 * @returns true for operators, also those of another copy of the package.
 */
export function isPatchOperator(value: unknown): value is PatchOperator {
  return typeof value === "object" && value !== null && (value as { [brand]?: unknown })[brand] === true;
}

function operator<K extends PatchKind, V>(kind: K, value: V): PatchOperator<K, V> {
  return Object.freeze({ kind, value, [brand]: true as const });
}
