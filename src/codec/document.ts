// The stored document: one interface over both storages, and the errors both raise.
// Encoding refuses what cannot be stored exactly; decoding reports what does not fit the schema.
import { CorruptEntityError, ValidationError, type ValidationIssue } from "../errors.ts";
import { decodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { propertyNames } from "../schema/names.ts";
import { withoutForeign } from "../schema/shape.ts";
import { hashCodec } from "./hash.ts";
import { jsonCodec } from "./json.ts";
import { Unstorable } from "./json-value.ts";
import type { DocumentChange, EncodedDocument, HiddenMembers, StorageCodec, StoredDocument } from "./stored.ts";

/**
 * What the schema has to say of documents that are read: `strict` refuses what does not fit, `lenient` leaves out the
 * properties that do not, `none` is not asked.
 */
export type ReadValidation = "strict" | "lenient" | "none";

/** How many choices of properties a type remembers. */
const maxParts = 64;

// The properties that something is wrong in are left out as a whole.
function withoutMisfits(raw: Record<string, unknown>, issues: readonly ValidationIssue[]): Record<string, unknown> {
  if (issues.length === 0) return raw;
  const misfits = new Set(issues.map(({ path }) => path[0]));
  return Object.fromEntries(Object.entries(raw).filter(([name]) => !misfits.has(name)));
}

/** Writes and reads the documents of one entity type. */
export class DocumentCodec {
  /** Hash: the fields to read, in order. JSON: empty. */
  readonly fields: readonly string[];
  readonly #metadata: EntityMetadata;
  readonly #storage: StorageCodec;
  readonly #parts = new Map<string, DocumentCodec>();

  /**
   * @param metadata - the entity type.
   */
  constructor(metadata: EntityMetadata) {
    this.#metadata = metadata;
    this.#storage = metadata.storage === "hash" ? hashCodec(metadata) : jsonCodec(metadata);
    this.fields = this.#storage.fields;
  }

  /**
   * The codec that reads nothing but some properties, and the id.
   *
   * @param properties - names of properties of the entity; undefined for all of it.
   * @returns a codec for reading.
   */
  only(properties: readonly string[] | undefined): DocumentCodec {
    if (properties === undefined) return this;
    return this.#part(new Set([this.#metadata.idField, ...properties]));
  }

  /**
   * The codec that reads some properties of documents without knowing which ones they are.
   *
   * @param properties - names of properties of the entity.
   * @returns a codec for reading, whose `decode` takes no id.
   */
  values(properties: readonly string[]): DocumentCodec {
    return this.#part(new Set(properties));
  }

  #part(names: ReadonlySet<string>): DocumentCodec {
    const part = JSON.stringify([...names].sort());
    const known = this.#parts.get(part);
    if (known !== undefined) return known;
    const codec = new DocumentCodec({ ...this.#metadata, ...this.#metadata.part(names) });
    // Choices made at run time may be many: the oldest one is forgotten.
    if (this.#parts.size >= maxParts) this.#parts.delete(this.#parts.keys().next().value as string);
    this.#parts.set(part, codec);
    return codec;
  }

  /**
   * Writes an entity as a document.
   *
   * @param entity - a validated entity.
   * @param encodedId - its id as it stands in keys.
   * @param hidden - members the engine keeps in the document.
   * @returns the document.
   * @throws ValidationError when a value cannot be stored exactly.
   */
  encode(entity: Record<string, unknown>, encodedId: string, hidden: HiddenMembers): EncodedDocument {
    return this.#storable(encodedId, () => this.#storage.encode(entity, encodedId, hidden));
  }

  /**
   * What changes in a document when one field gets another value.
   *
   * @param names - the property names of the field's path, all of whose parents are always there.
   * @param value - a validated value; undefined or null to take it away.
   * @param encodedId - the entity's id as it stands in keys; undefined where there are several.
   * @returns the changes.
   * @throws ValidationError when a value cannot be stored exactly.
   */
  change(names: readonly string[], value: unknown, encodedId: string | undefined): DocumentChange {
    return this.#storable(encodedId, () => this.#storage.change(names, value));
  }

  /**
   * What has to change in a document, so that it holds an entity.
   *
   * @param stored - the document as read, which could be decoded.
   * @param entity - a validated entity.
   * @param encodedId - its id as it stands in keys.
   * @returns the changes.
   * @throws ValidationError when a value cannot be stored exactly.
   */
  difference(stored: StoredDocument, entity: Record<string, unknown>, encodedId: string): DocumentChange {
    return this.#storable(encodedId, () => this.#storage.difference(stored, entity, encodedId));
  }

  /**
   * What changes in a document when hidden members do.
   *
   * @param hidden - the members; undefined for those that must not be there.
   * @returns the changes.
   */
  hide(hidden: HiddenMembers): DocumentChange {
    return this.#storage.hide(hidden);
  }

  #storable<T>(encodedId: string | undefined, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Unstorable)) throw error;
      const { name, shape } = this.#metadata;
      const path = propertyNames(shape, error.path);
      const field = path.join(".");
      const id = encodedId === undefined ? undefined : decodeId(encodedId);
      const who = id === undefined ? name : `${name} ${JSON.stringify(id)}`;
      throw new ValidationError(`${who}: ${field} ${error.reason}`, {
        entity: name,
        id,
        field,
        issues: [{ path, message: error.reason }],
      });
    }
  }

  /**
   * Reads a document; what comes out fits the schema, unless less is asked for.
   *
   * @param stored - the document as read.
   * @param id - the id its key holds, which is the entity's id whatever the document says; none for a codec of values.
   * @param validation - what the schema has to say.
   * @returns the entity.
   * @throws CorruptEntityError when it does not fit the schema, or is no document at all.
   */
  decode(stored: StoredDocument, id?: string, validation: ReadValidation = "strict"): Record<string, unknown> {
    const found: ValidationIssue[] = [];
    const read = this.#storage.decode(stored, found);
    const raw = read && withoutForeign(read, this.#metadata.foreign);
    const { name, shape } = this.#metadata;
    const issues: ValidationIssue[] =
      found.length === 0 ? found : found.map(({ path, message }) => ({ path: propertyNames(shape, path), message }));
    if (raw !== undefined && id !== undefined) raw[this.#metadata.idField] = id;
    if (raw !== undefined && validation === "none") return withoutMisfits(raw, issues);
    if (raw !== undefined && (issues.length === 0 || validation === "lenient")) {
      const result = this.#metadata.validateEntity(raw);
      if (result.ok && issues.length === 0) return result.value;
      if (!result.ok) issues.push(...result.issues);
      if (validation === "lenient") return withoutMisfits(raw, issues);
    }
    const list = issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
    const which = id === undefined ? "one of those found" : JSON.stringify(id);
    throw new CorruptEntityError(`${name} ${which} does not fit the schema any more: ${list}`, {
      entity: name,
      id,
      field: issues[0]?.path.join("."),
      issues,
    });
  }
}
