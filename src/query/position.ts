// A place in the order of a query: what a page ends with, and the next one goes on from.
// Cursors are such places as opaque text, with a version, and good for the query they came from only.
import { createHash } from "node:crypto";
import { comparable, numberText, termOf } from "../codec/term.ts";
import { InvalidCursorError } from "../errors.ts";
import type { EntityMetadata, IndexMetadata } from "../schema/metadata.ts";
import { valueAt } from "../schema/shape.ts";
import { sortIndex } from "./check.ts";
import type { Position, QueryNode } from "./node.ts";
import { compareText } from "./order.ts";

/** Version of the cursors' form. */
const version = 1;
/** Longer than any id is in a key: 512 bytes, three characters for each. */
const maxPlaceId = 1536;

/**
 * The place of an entity in the order of a query.
 *
 * @param entity - the entity as read.
 * @param encodedId - its id as it stands in keys.
 * @param query - the query.
 * @returns what the sort indexes hold for it, and its id.
 */
export function positionOf(entity: unknown, encodedId: string, { metadata, orderBy }: QueryNode): Position {
  return { terms: orderBy.map((key) => sortTerm(entity, sortIndex(metadata, key.path), metadata)), id: encodedId };
}

function sortTerm(entity: unknown, index: IndexMetadata | undefined, { name }: EntityMetadata): string | null {
  const value = index && valueAt(entity, index.names);
  return index === undefined || value === undefined ? null : termOf(index, comparable(index, value, name));
}

/**
 * Tells whether an entity stands behind a place.
 *
 * @param entity - an entity.
 * @param encodedId - its id as it stands in keys.
 * @param position - the place.
 * @param query - the query whose order counts.
 * @returns true when it does.
 */
export function standsBehind(entity: unknown, encodedId: string, position: Position, query: QueryNode): boolean {
  return comparePositions(positionOf(entity, encodedId, query), position, query) > 0;
}

/**
 * Compares two places in the order of a query.
 *
 * @param left - a place.
 * @param right - another.
 * @param query - the query.
 * @returns negative, zero or positive.
 */
export function comparePositions(left: Position, right: Position, { metadata, orderBy }: QueryNode): number {
  for (const [at, key] of orderBy.entries()) {
    const index = sortIndex(metadata, key.path) as IndexMetadata;
    const order = compareTerms(left.terms[at] ?? null, right.terms[at] ?? null, index, key.direction === "desc");
    if (order !== 0) return order;
  }
  const order = compareText(left.id, right.id);
  return orderBy.at(-1)?.direction === "desc" ? -order : order;
}

function compareTerms(left: string | null, right: string | null, index: IndexMetadata, down: boolean): number {
  // Absent values come last in both directions.
  if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
  const order = hasNumbers(index) ? Number(left) - Number(right) : compareText(left, right);
  return down ? -order : order;
}

function hasNumbers({ scalar }: IndexMetadata): boolean {
  return scalar === "number" || scalar === "date";
}

/**
 * Writes a place as a cursor.
 *
 * @param position - the place.
 * @param query - the query it belongs to.
 * @returns opaque text, fit for URLs.
 */
export function writeCursor({ terms, id }: Position, query: QueryNode): string {
  return Buffer.from(JSON.stringify([version, fingerprint(query), id, ...terms])).toString("base64url");
}

/**
 * Reads a cursor.
 *
 * @param cursor - text that may come from anywhere.
 * @param query - the query that shall go on.
 * @returns the place.
 * @throws InvalidCursorError when it is no cursor, or one of another query.
 */
export function readCursor(cursor: unknown, query: QueryNode): Position {
  const { metadata, orderBy } = query;
  const parts = typeof cursor === "string" ? parsed(cursor) : undefined;
  if (parts === undefined || typeof parts[0] !== "number")
    throw refused(metadata, "it is not a cursor of this library");
  if (parts[0] !== version) throw refused(metadata, `it has version ${parts[0]}, not ${version}`);
  const [, print, id, ...terms] = parts;
  if (print !== fingerprint(query))
    throw refused(metadata, "it belongs to another query: conditions and order must stay");
  const legal =
    isPlaceId(id) &&
    terms.length === orderBy.length &&
    terms.every((term, at) => isTerm(term, sortIndex(metadata, orderBy[at]?.path ?? "")));
  if (!legal) throw refused(metadata, "it was altered");
  return { terms: terms as (string | null)[], id };
}

// What no id can hold would reach the server as part of a question it cannot read.
function isPlaceId(id: unknown): id is string {
  return typeof id === "string" && id !== "" && id.length <= maxPlaceId && !id.includes("\u0000") && id.isWellFormed();
}

function isTerm(term: unknown, index: IndexMetadata | undefined): boolean {
  if (index === undefined) return false;
  if (term === null) return index.absentable;
  if (typeof term !== "string" || term.includes("\u0000") || !term.isWellFormed()) return false;
  // As it was written and no other way: servers read fewer spellings of a number than JavaScript does.
  return !hasNumbers(index) || (Number.isFinite(Number(term)) && numberText(Number(term)) === term);
}

function parsed(cursor: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function refused({ name }: EntityMetadata, reason: string): InvalidCursorError {
  return new InvalidCursorError(`${name}: the cursor cannot be used: ${reason}; begin again without one`, {
    entity: name,
  });
}

// What decides which entities come, and in which order.
function fingerprint({ metadata, where, orderBy, raw }: QueryNode): string {
  const parts = raw === undefined ? [metadata.name, orderBy, where] : [metadata.name, orderBy, where, raw];
  const text = JSON.stringify(parts, (_key, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
  return createHash("sha256").update(text).digest("base64url").slice(0, 11);
}
