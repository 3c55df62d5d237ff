// The meaning of every operator, on entities in memory: the judge of the engines, and the memory engine itself.
// Written on values, not on index terms, so that it cannot share a mistake with the engines.
import { foldCase, words } from "../codec/term.ts";
import { compareValues, plainValue } from "./order.ts";
import { valueAt } from "../schema/shape.ts";
import type { GeoPoint } from "../schema/paths.ts";
import { indexFor } from "./check.ts";
import { liesWithin } from "./geo.ts";
import { isNear, typedWords } from "./spelling.ts";
import type { Bound, Comparison, Condition, Operand } from "./node.ts";
import type { EntityMetadata } from "../schema/metadata.ts";

/**
 * Tells whether an entity meets a condition.
 *
 * @param condition - a checked condition.
 * @param entity - an entity of the type.
 * @param metadata - the entity type.
 * @returns true or false; there is no third answer.
 */
export function matches(condition: Condition, entity: unknown, metadata: EntityMetadata): boolean {
  switch (condition.type) {
    case "and":
      return condition.items.every((item) => matches(item, entity, metadata));
    case "or":
      return condition.items.some((item) => matches(item, entity, metadata));
    case "not":
      return !matches(condition.item, entity, metadata);
    default:
      return compare(condition, valueAt(entity, condition.path.split(".")), metadata);
  }
}

function compare(comparison: Comparison, held: unknown, metadata: EntityMetadata): boolean {
  if (comparison.type === "isNull") return held === undefined;
  if (held === undefined) return false;
  const index = indexFor(metadata, comparison);
  const fold = index.caseInsensitive;
  const plain = (given: unknown): unknown => plainValue(index, given, metadata);
  const value = index.array ? (held as unknown[]).map((item) => (item == null ? item : plain(item))) : plain(held);
  switch (comparison.type) {
    case "in":
      return comparison.values.some((operand) => same(value, plain(operand) as Operand, fold));
    case "range":
      return within(value as Operand, plainBound(comparison.lower, plain), plainBound(comparison.upper, plain));
    case "containsAny":
      return comparison.values.some((operand) => has(value, plain(operand) as Operand, fold));
    case "containsAll":
      return comparison.values.every((operand) => has(value, plain(operand) as Operand, fold));
    case "startsWith":
      return folded(value, fold).startsWith(folded(comparison.text, fold));
    case "endsWith":
      return folded(value, fold).endsWith(folded(comparison.text, fold));
    case "includes":
      return folded(value, fold).includes(folded(comparison.text, fold));
    case "match": {
      const held = new Set(words(value as string));
      return words(comparison.text).every((word) => held.has(word));
    }
    case "matchPrefix": {
      const held = words(value as string);
      const { complete, last } = typedWords(comparison.text);
      return (
        complete.every((word) => held.includes(word)) &&
        (last === undefined || held.some((word) => word.startsWith(last)))
      );
    }
    case "phrase":
      return ` ${words(value as string).join(" ")} `.includes(
        ` ${words(comparison.text).join(" ")} `.replace("  ", " "),
      );
    case "fuzzy": {
      const held = words(value as string);
      return words(comparison.text).every((word) => held.some((other) => isNear(word, other, comparison.distance)));
    }
    case "matchNative":
      // Refused before by everyone who asks here: the rules are the server's.
      throw new TypeError(`${comparison.path}: only a search server knows its own rules`);
    case "within":
      return liesWithin(value as GeoPoint, comparison.area);
  }
}

function plainBound(bound: Bound | undefined, plain: (given: unknown) => unknown): Bound | undefined {
  return bound && { ...bound, value: plain(bound.value) as Operand };
}

function folded(value: unknown, fold: boolean): string {
  return fold ? foldCase(value as string) : (value as string);
}

function has(array: unknown, operand: Operand, fold: boolean): boolean {
  return (array as unknown[]).some((item) => item !== null && item !== undefined && same(item, operand, fold));
}

function same(value: unknown, operand: Operand, fold: boolean): boolean {
  if (fold) return foldCase(value as string) === foldCase(operand as string);
  return value instanceof Date ? value.getTime() === (operand as Date).getTime() : value === operand;
}

function within(value: Operand, lower: Bound | undefined, upper: Bound | undefined): boolean {
  if (lower !== undefined) {
    const order = compareValues(value, lower.value);
    if (order < 0 || (order === 0 && lower.exclusive)) return false;
  }
  if (upper !== undefined) {
    const order = compareValues(value, upper.value);
    if (order > 0 || (order === 0 && upper.exclusive)) return false;
  }
  return true;
}
