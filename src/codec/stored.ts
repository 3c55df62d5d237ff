// The stored forms of a document, and what a storage must be able to do.
// Types only: both storages and whatever handles documents build on these.
import type { ValidationIssue } from "../errors.ts";
import type { Mend } from "./json-value.ts";

/** A member that an engine keeps inside the document: numbers in JSON documents only. */
export type HiddenMember = string | number | readonly string[] | undefined;

/** Members that an engine keeps inside the document; undefined for those that must not be there. */
export type HiddenMembers = Readonly<Record<string, HiddenMember>>;

/** A document ready to be written. */
export interface EncodedDocument {
  /** Hash: the values of the steady fields, then names and values of the others in turn. JSON: the text. */
  readonly body: readonly string[] | string;
  /** Hash: fields that must not be there. */
  readonly absent: readonly string[];
  /** JSON: numbers whose exact value the save script ensures. */
  readonly mends: readonly Mend[];
}

/** A document as read: the hash fields in the codec's order, or the JSON text. */
export type StoredDocument = readonly (string | null | false)[] | string;

/** Changes of a document, ready to be written. */
export interface DocumentChange {
  /** Hash: names and values of fields in turn. JSON: paths and JSON texts in turn. */
  readonly set: readonly string[];
  /** Hash: fields, JSON: paths that must not be there. */
  readonly absent: readonly string[];
  /** JSON: numbers whose exact value the script ensures. */
  readonly mends: readonly Mend[];
}

/**
 * A document as it is after a change.
 *
 * @param fields - the hash fields in their order.
 * @param stored - the document as read.
 * @param change - what was changed in it.
 * @returns the document; undefined for JSON, whose text the server writes its own way.
 */
export function changedDocument(
  fields: readonly string[],
  stored: StoredDocument,
  { set, absent }: DocumentChange,
): StoredDocument | undefined {
  if (typeof stored === "string") return undefined;
  const values = new Map<string, string | null>(absent.map((field) => [field, null]));
  for (let at = 0; at < set.length; at += 2) values.set(set[at] as string, set[at + 1] as string);
  return stored.map(
    (value, at) => values.get(fields[at] as string) ?? (values.has(fields[at] as string) ? null : value),
  );
}

/** What a storage must be able to do. */
export interface StorageCodec {
  /** Hash: the fields to read, in order. JSON: empty. */
  readonly fields: readonly string[];
  /** Throws Unstorable. */
  readonly encode: (entity: Record<string, unknown>, encodedId: string, hidden: HiddenMembers) => EncodedDocument;
  /** What changes when one field gets another value, absent or not. Throws Unstorable. */
  readonly change: (names: readonly string[], value: unknown) => DocumentChange;
  /** What changes when a document as read is to hold this entity. Throws Unstorable. */
  readonly difference: (stored: StoredDocument, entity: Record<string, unknown>, encodedId: string) => DocumentChange;
  /** What changes when hidden members do. */
  readonly hide: (hidden: HiddenMembers) => DocumentChange;
  /** Reports what it cannot read as issues. */
  readonly decode: (stored: StoredDocument, issues: ValidationIssue[]) => Record<string, unknown> | undefined;
}
