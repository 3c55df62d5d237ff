// Entities as lines of JSON, the same for every storage: dates as epoch milliseconds, bigints as text, bytes as base64.
// What is written is read back exactly.
import type { ValidationIssue } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { withoutNames } from "../schema/names.ts";
import { DocumentCodec } from "./document.ts";
import { jsonReader, parseJson, type Reader } from "./json-value.ts";

/** Writes and reads the lines of one entity type. */
export class LineCodec {
  readonly #idField: string;
  readonly #codec: DocumentCodec;
  readonly #read: Reader | undefined;

  /**
   * @param metadata - the entity type.
   */
  constructor(metadata: EntityMetadata) {
    this.#idField = metadata.idField;
    // A line outlives names: it is read wherever the properties are the same.
    const shape = withoutNames(metadata.shape);
    this.#codec = new DocumentCodec({ ...metadata, shape, storage: "json" });
    this.#read = jsonReader(shape, []);
  }

  /**
   * Writes an entity.
   *
   * @param entity - a validated entity.
   * @returns JSON text without a line's end, which no value can bring in.
   * @throws ValidationError when a value cannot be written exactly.
   */
  write(entity: Record<string, unknown>): string {
    return this.#codec.encode(entity, entity[this.#idField] as string, {}).body as string;
  }

  /**
   * Reads a line.
   *
   * @param text - JSON text.
   * @param issues - receives what codecs refuse.
   * @returns what it holds, not validated yet; undefined when it is no JSON object.
   */
  read(text: string, issues: ValidationIssue[]): Record<string, unknown> | undefined {
    let parsed: unknown;
    try {
      parsed = parseJson(text);
    } catch {
      return undefined;
    }
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    return (this.#read === undefined ? parsed : this.#read(parsed, issues)) as Record<string, unknown>;
  }
}
