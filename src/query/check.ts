// The query against the definition: fields known, operators legal, operands of the right type.
// The compiler refuses all of this already; here it is refused again for data that came from outside.
import { QueryError } from "../errors.ts";
import { orderingIndex } from "../schema/compound.ts";
import { decimalPattern } from "../schema/decimal.ts";
import type { EntityMetadata, IndexMetadata } from "../schema/metadata.ts";
import { checkDistances } from "./distance.ts";
import { checkHighlight } from "./highlight.ts";
import { checkRelevance } from "./relevance.ts";
import { checkArea } from "./geo.ts";
import { checkSelect } from "./select.ts";
import type { Comparison, Condition, Operand, QueryNode } from "./node.ts";

/** How deep conditions may be nested. */
export const maxDepth = 64;
/** How many conditions a query, and how many values a condition may have. */
export const maxConditions = 10_000;
/** Values in all lists together: what a driver can hand over in one command. */
const maxValues = 50_000;
const maxWindow = Number.MAX_SAFE_INTEGER;

/**
 * Checks a query.
 *
 * @param query - the query as built.
 * @throws QueryError when it makes no sense.
 */
export function checkQuery(query: QueryNode): void {
  const { metadata } = query;
  checkCondition(query.where, metadata, 0, { count: 0, values: 0 });
  for (const key of query.orderBy) {
    if (sortIndex(metadata, key.path) === undefined) {
      throw new QueryError(
        `${metadata.name}.${key.path} cannot be ordered by: give it range() or exact({ sortable: true })`,
        { entity: metadata.name, field: key.path },
      );
    }
    if (key.direction !== "asc" && key.direction !== "desc") {
      throw new QueryError(`${metadata.name}.${key.path}: the direction must be "asc" or "desc"`, {
        entity: metadata.name,
        field: key.path,
      });
    }
  }
  checkSelect(query);
  checkDistances(query);
  checkRelevance(query);
  checkHighlight(query);
  if (query.limit !== undefined) checkWindow("limit", query.limit, metadata);
  checkWindow("offset", query.offset, metadata);
}

/**
 * Checks a limit or an offset.
 *
 * @param name - which of them.
 * @param value - what was given.
 * @param metadata - the entity type.
 * @throws QueryError when it is no whole number from 0.
 */
export function checkWindow(name: string, value: number, metadata: EntityMetadata): void {
  if (Number.isSafeInteger(value) && value >= 0 && value < maxWindow) return;
  throw new QueryError(`${metadata.name}: ${name} must be a whole number from 0, not ${String(value)}`, {
    entity: metadata.name,
  });
}

/**
 * Finds the index that orders a field.
 *
 * @param metadata - the entity type.
 * @param path - the field.
 * @returns a sortable index on it, or undefined.
 */
export function sortIndex(metadata: EntityMetadata, path: string): IndexMetadata | undefined {
  return orderingIndex(metadata.indexes, path);
}

/**
 * Finds the index that answers a comparison.
 *
 * @param metadata - the entity type.
 * @param comparison - the comparison.
 * @returns the index.
 * @throws QueryError when the field has none that can.
 */
export function indexFor(metadata: EntityMetadata, comparison: Comparison): IndexMetadata {
  const { path } = comparison;
  const indexes = metadata.indexes.filter((index) => index.path === path);
  const able = indexes.filter((index) => answers(index, comparison));
  const index = able.find((candidate) => candidate.kind === preferred(comparison)) ?? able[0];
  if (index !== undefined) return index;
  const reason = indexes.length === 0 ? "has no index" : `has no index for ${operatorName(comparison)}`;
  throw new QueryError(`${metadata.name}.${path} ${reason}; indexed are ${indexedPaths(metadata)}`, {
    entity: metadata.name,
    field: path,
  });
}

// A field's sorted set holds the values of its range() where it has both: that one knows prefixes.
function preferred({ type }: Comparison): IndexMetadata["kind"] {
  return type === "startsWith" ? "range" : "exact";
}

function answers(index: IndexMetadata, { type }: Comparison): boolean {
  switch (type) {
    case "in":
      return !index.array && (index.kind === "exact" || index.kind === "range");
    case "range":
      return index.kind === "range";
    case "startsWith":
      return index.sortable && index.scalar === "string" && (index.kind === "exact" || index.kind === "range");
    case "endsWith":
    case "includes":
      return index.substring;
    case "containsAny":
    case "containsAll":
      return index.kind === "exact" && index.array;
    case "match":
    case "matchPrefix":
    case "fuzzy":
      return index.kind === "text";
    case "matchNative":
      return index.kind === "native";
    case "phrase":
      return index.phrase;
    case "within":
      return index.kind === "geo";
    case "isNull":
      return true;
  }
}

function operatorName(comparison: Comparison): string {
  return comparison.type === "in" ? "equality" : comparison.type;
}

function indexedPaths(metadata: EntityMetadata): string {
  return metadata.indexes.map((index) => `${index.path} (${index.kind})`).join(", ") || "no fields";
}

function checkCondition(condition: Condition, metadata: EntityMetadata, depth: number, seen: Seen): void {
  seen.count += 1;
  if (depth > maxDepth)
    throw new QueryError(`${metadata.name}: conditions are nested deeper than ${maxDepth} levels`, {
      entity: metadata.name,
    });
  if (seen.count > maxConditions)
    throw new QueryError(`${metadata.name}: more than ${maxConditions} conditions`, { entity: metadata.name });
  switch (condition.type) {
    case "and":
    case "or":
      for (const item of condition.items) checkCondition(item, metadata, depth + 1, seen);
      return;
    case "not":
      checkCondition(condition.item, metadata, depth + 1, seen);
      return;
    default:
      checkComparison(condition, metadata);
      if ("values" in condition) seen.values += condition.values.length;
      if (seen.values > maxValues) {
        throw new QueryError(`${metadata.name}: more than ${maxValues} values in one query; ask in several parts`, {
          entity: metadata.name,
          field: condition.path,
        });
      }
  }
}

/** What a check has gone over so far. */
interface Seen {
  count: number;
  values: number;
}

function checkComparison(comparison: Comparison, metadata: EntityMetadata): void {
  const index = indexFor(metadata, comparison);
  switch (comparison.type) {
    case "in":
    case "containsAny":
    case "containsAll":
      if (comparison.values.length > maxConditions) {
        throw new QueryError(`${metadata.name}.${index.path}: more than ${maxConditions} values`, {
          entity: metadata.name,
          field: index.path,
        });
      }
      for (const value of comparison.values) checkOperand(value, index, metadata);
      return;
    case "range":
      if (comparison.lower !== undefined) checkOperand(comparison.lower.value, index, metadata, true);
      if (comparison.upper !== undefined) checkOperand(comparison.upper.value, index, metadata, true);
      return;
    case "fuzzy":
      if (comparison.distance !== 1 && comparison.distance !== 2) {
        throw new QueryError(`${metadata.name}.${comparison.path}: the distance of fuzzy is 1 or 2`, {
          entity: metadata.name,
          field: comparison.path,
        });
      }
      if (typeof comparison.text !== "string") refuseOperand(comparison.text, "a string", index, metadata);
      return;
    case "startsWith":
    case "endsWith":
    case "includes":
    case "match":
    case "matchPrefix":
    case "matchNative":
    case "phrase":
      if (typeof comparison.text !== "string") refuseOperand(comparison.text, "a string", index, metadata);
      return;
    case "within":
      checkArea(comparison.area, metadata.name, comparison.path);
      return;
    case "isNull":
      return;
  }
}

function checkOperand(operand: Operand, index: IndexMetadata, metadata: EntityMetadata, bound = false): void {
  const encoded = index.encode?.(operand);
  if (encoded?.ok === false) refuseOperand(operand, `what its codec encodes (${encoded.message})`, index, metadata);
  const value = encoded === undefined ? operand : (encoded.value as Operand);
  switch (index.scalar) {
    case "number":
      // An infinite bound is a bound that excludes nothing; an infinite value is no value.
      if (typeof value !== "number" || Number.isNaN(value) || !(bound || Number.isFinite(value))) {
        refuseOperand(value, "a number", index, metadata);
      }
      return;
    case "date":
      if (!(value instanceof Date) || Number.isNaN(value.getTime()))
        refuseOperand(value, "a valid Date", index, metadata);
      return;
    case "decimal":
      if (typeof value !== "string" || !decimalPattern.test(value)) {
        refuseOperand(value, "a decimal number as a string", index, metadata);
      }
      return;
    default:
      if (typeof value !== index.scalar) refuseOperand(value, `a ${index.scalar}`, index, metadata);
      // Equal to nothing, but neither before nor behind anything.
      if (bound && typeof value === "string" && !value.isWellFormed()) {
        const { name } = metadata;
        throw new QueryError(`${name}.${index.path}: a bound holds half of a surrogate pair`, {
          entity: name,
          field: index.path,
        });
      }
  }
}

function refuseOperand(value: unknown, expected: string, index: IndexMetadata, metadata: EntityMetadata): never {
  const got =
    value === null
      ? "null (use isNull)"
      : typeof value === "number" && index.secret === undefined
        ? String(value)
        : typeof value;
  throw new QueryError(`${metadata.name}.${index.path}: expected ${expected} to compare with, not ${got}`, {
    entity: metadata.name,
    field: index.path,
  });
}
