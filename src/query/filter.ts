// Filter objects: the second front end of the query, of the same operators and operands as the chain.
// They often come from outside, so whatever is not understood is refused by name, and nothing is ignored.
import { QueryError } from "../errors.ts";
import type { EntityDefinition, EntityOf, IndexesOf } from "../schema/entity.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { IndexedPaths } from "../schema/paths.ts";
import { checkQuery, maxConditions, maxDepth } from "./check.ts";
import type { Condition, Operand } from "./node.ts";
import { AnyOperators, type BetweenOptions, type FieldOperators, type FuzzyOptions } from "./where.ts";

type Alone<V> = V extends readonly unknown[] ? never : V;
// Optional parameters take undefined; operands never do.
type Defined<A extends readonly unknown[]> = { readonly [K in keyof A]: Exclude<A[K], undefined> };

/** What stands for an operator's arguments A: true or false, the only operand, or all of them in a tuple. */
export type OperandOf<A extends readonly unknown[]> = A extends readonly []
  ? boolean
  : A extends readonly [infer V]
    ? V
    : Defined<A> | (1 extends A["length"] ? Alone<A[0]> : never);

// A field without operators takes no value at all; without this it would take any.
type OperatorFilter<F> = [keyof F] extends [never]
  ? never
  : { readonly [N in keyof F]?: F[N] extends (...operands: infer A) => unknown ? OperandOf<A> : never };
type Equal<F> = F extends { eq(value: infer V): unknown } ? V : never;

/** What a filter says about the field at path P: the value it equals, or an object of operators and operands. */
export type FieldFilter<O, I, P extends keyof I & string> =
  | Equal<FieldOperators<O, I, P, unknown>>
  | OperatorFilter<FieldOperators<O, I, P, unknown>>;

/** Filters joined and turned round. */
export interface FilterJunctions<O, I> {
  /** Every one of the filters holds; an empty list holds always. */
  readonly AND?: readonly Filter<O, I>[];
  /** At least one of the filters holds; an empty list never does. */
  readonly OR?: readonly Filter<O, I>[];
  /** The filter does not hold. */
  readonly NOT?: Filter<O, I>;
}

/** A condition on the entities O with the indexes I, as an object: its properties must all hold. */
export type Filter<O, I> = FilterFields<O, I> & FilterJunctions<O, I>;

// With the junctions' names, since a type without any properties of its own would let everything through.
type FilterFields<O, I> = {
  readonly [P in IndexedPaths<I> | JunctionName]?: P extends IndexedPaths<I> ? FieldFilter<O, I, P> : unknown;
};
type JunctionName = keyof FilterJunctions<unknown, unknown>;

/**
 * The filters of an entity type.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { defineEntity, type FilterOf, range } from "remora";
 *
 * const Movie = defineEntity({
 *   name: "movie",
 *   schema: z.object({ id: z.string(), year: z.int() }),
 *   index: { year: range() },
 * });
 * const sixties: FilterOf<typeof Movie> = { year: { gte: 1960, lt: 1970 } };
 * ```
 */
export type FilterOf<D extends EntityDefinition> = Filter<EntityOf<D>, IndexesOf<D>>;

type OperatorName = keyof AnyOperators<unknown>;
type Form<A extends readonly unknown[]> = A extends readonly []
  ? "flag"
  : A extends readonly [infer V]
    ? V extends readonly unknown[]
      ? "list"
      : "value"
    : readonly A["length"][];

/** How each operator's operands are written; several stand in a tuple of one of these lengths. */
const forms: { readonly [N in OperatorName]: Form<Parameters<AnyOperators<unknown>[N]>> } = {
  eq: "value",
  ne: "value",
  in: "list",
  notIn: "list",
  gt: "value",
  gte: "value",
  lt: "value",
  lte: "value",
  between: [2, 3],
  contains: "value",
  containsAny: "list",
  containsAll: "list",
  containsNone: "list",
  startsWith: "value",
  endsWith: "value",
  includes: "value",
  match: "value",
  matchNative: "value",
  matchPrefix: "value",
  fuzzy: [1, 2],
  phrase: "value",
  within: "value",
  isNull: "flag",
};
/** What the last operand of some operators may hold. */
const optionsOf: { readonly [N in OperatorName]?: Readonly<Record<string, "boolean" | "number">> } = {
  between: { excludeLower: "boolean", excludeUpper: "boolean" } satisfies Record<keyof BetweenOptions, "boolean">,
  fuzzy: { distance: "number" } satisfies Record<keyof FuzzyOptions, "number">,
};

/**
 * Reads a filter object.
 *
 * @param filter - the object; anything else is refused.
 * @param metadata - the entity type.
 * @returns its conditions, checked, all of which must hold: what one `where` of the chain each would give.
 * @throws QueryError naming the field, for whatever is not understood.
 */
export function filterConditions(filter: unknown, metadata: EntityMetadata): readonly Condition[] {
  const items = new FilterReader(metadata).read(filter, "", 0);
  checkQuery({ metadata, where: { type: "and", items }, orderBy: [], limit: undefined, offset: 0 });
  return items;
}

class FilterReader {
  readonly #metadata: EntityMetadata;
  #count = 0;

  constructor(metadata: EntityMetadata) {
    this.#metadata = metadata;
  }

  /** The conditions of one object; `at` is its place in the whole filter, such as `OR[1].NOT`. */
  read(filter: unknown, at: string, depth: number): readonly Condition[] {
    const place = at === "" ? "a filter" : at;
    // A cycle ends at the depth, and one object in many places at the count.
    if (depth > maxDepth) this.#refuse(`the filter is nested deeper than ${maxDepth} levels`);
    if (!isPlain(filter)) this.#refuse(`${place} must be an object of fields, not ${nameOf(filter)}`, lastName(at));
    const conditions = entriesOf(filter).flatMap(([key, value]) => this.#property(key, value, at, depth));
    this.#spend(conditions.length);
    return Object.freeze(conditions);
  }

  #property(key: string | symbol, value: unknown, at: string, depth: number): readonly Condition[] {
    const place = at === "" ? String(key) : `${at}.${String(key)}`;
    if (key === "AND" || key === "OR") {
      if (!Array.isArray(value)) this.#refuse(`${place} must be an array of filters, not ${nameOf(value)}`, key);
      const items = Array.from(value, (item, index) => this.#one(item, `${place}[${index}]`, depth));
      return [Object.freeze({ type: key === "AND" ? "and" : "or", items: Object.freeze(items) })];
    }
    if (key === "NOT") return [negation(this.#one(value, place, depth))];
    if (typeof key === "symbol" || !this.#metadata.indexes.some((index) => index.path === key)) {
      const known = [...new Set(this.#metadata.indexes.map((index) => index.path)), "AND", "OR", "NOT"].join(", ");
      this.#refuse(`${place} is no indexed field; a filter has ${known}`, String(key));
    }
    return this.#field(key, value, place);
  }

  #one(filter: unknown, at: string, depth: number): Condition {
    this.#spend(1);
    const items = this.read(filter, at, depth + 1);
    return items.length === 1 ? (items[0] as Condition) : Object.freeze({ type: "and", items });
  }

  #field(path: string, value: unknown, place: string): readonly Condition[] {
    if (value === undefined) this.#refuse(`${place} is undefined: leave it out, or ask for isNull`, path);
    if (value === null) this.#refuse(`${place} is null: write { isNull: true } to find what has no value`, path);
    if (Array.isArray(value)) this.#refuse(`${place} is an array: name the operator, such as { in: [...] }`, path);
    const operators = new AnyOperators<Condition>(path, (condition) => condition);
    if (!isPlain(value)) return [operators.eq(value as Operand)];
    return entriesOf(value).map(([name, operand]) => this.#operator(operators, path, name, operand, place));
  }

  #operator(
    operators: AnyOperators<Condition>,
    path: string,
    name: string | symbol,
    operand: unknown,
    place: string,
  ): Condition {
    const at = `${place}.${String(name)}`;
    if (!isOperator(name)) this.#refuse(`${at} is no operator; there are ${Object.keys(forms).join(", ")}`, path);
    if (operand === undefined) this.#refuse(`${at} is undefined: leave it out, or ask for isNull`, path);
    const form = forms[name];
    const apply = (...operands: unknown[]): Condition =>
      (operators as unknown as Record<OperatorName, (...operands: unknown[]) => Condition>)[name](...operands);
    if (form === "flag") {
      if (typeof operand !== "boolean") this.#refuse(`${at} must be true or false, not ${nameOf(operand)}`, path);
      return operand ? apply() : negation(apply());
    }
    if (form === "value") return apply(operand);
    const list = Array.isArray(operand) ? (operand as readonly unknown[]) : undefined;
    if (form === "list") {
      if (list === undefined) this.#refuse(`${at} must be an array of values, not ${nameOf(operand)}`, path);
      return apply(list);
    }
    const operands = list ?? [operand];
    if (!(form as readonly number[]).includes(operands.length)) {
      this.#refuse(`${at} must be an array of ${form.join(" or ")} operands`, path);
    }
    if (operands.includes(undefined)) this.#refuse(`${at} has an operand that is undefined`, path);
    const options = optionsOf[name];
    if (options !== undefined && operands.length === form.at(-1)) {
      this.#checkOptions(operands.at(-1), options, at, path);
    }
    return apply(...operands);
  }

  #checkOptions(given: unknown, known: Readonly<Record<string, string>>, at: string, path: string): void {
    const legal =
      isPlain(given) &&
      entriesOf(given).every(
        ([key, value]) => typeof key === "string" && Object.hasOwn(known, key) && typeof value === known[key],
      );
    if (legal) return;
    const list = Object.entries(known).map(([key, type]) => `${key} (${type})`);
    this.#refuse(`${at}: its options are ${list.join(", ")}`, path);
  }

  #spend(conditions: number): void {
    this.#count += conditions;
    if (this.#count > maxConditions) this.#refuse(`the filter has more than ${maxConditions} conditions`);
  }

  #refuse(problem: string, field?: string): never {
    const { name } = this.#metadata;
    throw new QueryError(`${name}: ${problem}`, { entity: name, field });
  }
}

function negation(item: Condition): Condition {
  return Object.freeze({ type: "not", item });
}

function isOperator(name: string | symbol): name is OperatorName {
  return Object.hasOwn(forms, name);
}

// An object that was written as one, in whatever realm: no array, no Date, no instance of a class.
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

// Own properties of every kind: what an iteration passed over would be ignored.
function entriesOf(object: object): (readonly [string | symbol, unknown])[] {
  return Reflect.ownKeys(object).map((key) => [key, (object as Record<string | symbol, unknown>)[key]] as const);
}

function nameOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
}

function lastName(at: string): string | undefined {
  return /(AND|OR|NOT)(?:\[\d+\])?$/.exec(at)?.[1];
}
