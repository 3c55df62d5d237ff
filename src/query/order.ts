// Total order: the given keys, absent values last in both directions, then the id.
// Strings compare by code point, which is the byte order of the servers, not JavaScript's own.
import { comparable, foldCase } from "../codec/term.ts";
import { sortableDecimal } from "../schema/decimal.ts";
import { encodeId } from "../schema/key.ts";
import type { EntityMetadata, IndexMetadata } from "../schema/metadata.ts";
import { valueAt } from "../schema/shape.ts";
import { sortIndex } from "./check.ts";
import type { Direction, Operand, OrderKey } from "./node.ts";

/**
 * Compares two strings by code point.
 *
 * @param left - a string.
 * @param right - another.
 * @returns negative, zero or positive.
 */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    // Surrogates stand for code points above every other unit.
    if (a !== b) return isSurrogate(a) === isSurrogate(b) ? a - b : isSurrogate(a) ? 1 : -1;
  }
  return left.length - right.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/**
 * Compares two values of one kind.
 *
 * @param left - a value.
 * @param right - another of the same kind.
 * @returns negative, zero or positive.
 */
export function compareValues(left: Operand, right: Operand): number {
  if (typeof left === "string") return compareText(left, right as string);
  const a = left instanceof Date ? left.getTime() : left;
  const b = right instanceof Date ? right.getTime() : right;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Makes the comparison of a query's total order.
 *
 * @param metadata - the entity type.
 * @param orderBy - the sort keys; none means by id.
 * @returns a function for Array.prototype.sort.
 */
export function comparator(
  metadata: EntityMetadata,
  orderBy: readonly OrderKey[],
): (left: Record<string, unknown>, right: Record<string, unknown>) => number {
  const keys = orderBy.map((key) => {
    const index = sortIndex(metadata, key.path);
    return { names: key.path.split("."), sign: signOf(key.direction), index };
  });
  const sortValue = (entity: unknown, { names, index }: (typeof keys)[number]): Operand | undefined => {
    const held = valueAt(entity, names);
    if (held === undefined || index === undefined) return held as Operand | undefined;
    const value = plainValue(index, held, metadata) as Operand;
    return index.caseInsensitive && typeof value === "string" ? foldCase(value) : value;
  };
  const idSign = keys.at(-1)?.sign ?? 1;
  const idOf = (entity: Record<string, unknown>): string => encodeId(entity[metadata.idField], metadata.name);
  return (left, right) => {
    for (const key of keys) {
      const order = compareAbsent(sortValue(left, key), sortValue(right, key), key.sign);
      if (order !== 0) return order;
    }
    return compareText(idOf(left), idOf(right)) * idSign;
  };
}

/**
 * What a comparison is multiplied by.
 *
 * @param direction - ascending or descending.
 * @returns 1 or -1.
 */
export function signOf(direction: Direction): number {
  return direction === "desc" ? -1 : 1;
}

/**
 * What is compared of a value: what its codec stores, where only that knows it, and decimals by their size.
 *
 * @param index - an index on the field.
 * @param value - a value of the field, or an element of it.
 * @param metadata - the entity type.
 * @returns a value that compares as it should.
 */
export function plainValue(index: IndexMetadata, value: unknown, metadata: EntityMetadata): unknown {
  const plain = comparable(index, value, metadata.name);
  return index.scalar === "decimal" ? sortableDecimal(plain as string) : plain;
}

/**
 * Compares two values one of which may be absent, which comes last in both directions.
 *
 * @param left - a value or nothing.
 * @param right - another of the same kind.
 * @param sign - of the direction.
 * @returns negative, zero or positive.
 */
export function compareAbsent(left: Operand | undefined, right: Operand | undefined, sign: number): number {
  if (left === undefined || right === undefined) {
    return left === right ? 0 : left === undefined ? 1 : -1;
  }
  return compareValues(left, right) * sign;
}
