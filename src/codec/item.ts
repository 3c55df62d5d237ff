// Values that stand alone as text: single values as in hash fields, all else as JSON.
// What is stored and does not fit the schema any more is reported with its text's place, not its content.
import { CorruptEntityError, ValidationError, type ValidationIssue } from "../errors.ts";
import type { ItemMetadata } from "../schema/item.ts";
import type { ScalarKind, Shape } from "../schema/shape.ts";
import { holdsFreeJson, jsonReader, jsonWriter, parseJson, stringifyJson, Unstorable } from "./json-value.ts";
import { scalarCodecs, Unreadable } from "./scalar.ts";
import { textProblem } from "./term.ts";

/** Writes and reads values of one kind. */
export class ItemCodec {
  readonly #item: ItemMetadata;
  readonly #write: (value: unknown) => string;
  readonly #read: (text: string, issues: ValidationIssue[]) => unknown;

  /**
   * @param item - what the values are.
   */
  constructor(item: ItemMetadata) {
    const { shape } = item;
    // Numbers are the same text in JSON, and checked on the way.
    const single =
      shape.stored === undefined &&
      shape.kind !== "number" &&
      !shape.nullable &&
      Object.hasOwn(scalarCodecs, shape.kind);
    this.#item = item;
    const { write, read } = single ? scalarCodecs[shape.kind as ScalarKind] : jsonItem(shape);
    this.#write = write;
    this.#read = read;
  }

  /**
   * Writes an item.
   *
   * @param item - what the caller gave.
   * @param entity - whose it is, for errors.
   * @param id - the entity's id.
   * @returns its text.
   * @throws ValidationError when it does not fit its schema, or cannot be stored exactly.
   */
  write(item: unknown, entity: string, id: string): string {
    const checked = this.#item.validate({ item });
    if (!checked.ok) throw this.#invalid(entity, id, checked.issues);
    try {
      const text = this.#write(checked.value["item"]);
      const problem = textProblem(text);
      if (problem === undefined) return text;
      throw new Unstorable(["item"], problem);
    } catch (error) {
      if (!(error instanceof Unstorable)) throw error;
      throw this.#invalid(entity, id, [{ path: error.path, message: error.reason }]);
    }
  }

  /**
   * Reads an item.
   *
   * @param text - its text.
   * @param entity - whose it is, for errors.
   * @param id - the entity's id.
   * @returns the item.
   * @throws CorruptEntityError when it does not fit its schema.
   */
  read(text: string, entity: string, id: string): unknown {
    const issues: ValidationIssue[] = [];
    try {
      const checked = this.#item.validateStored({ item: this.#read(text, issues) });
      if (checked.ok && issues.length === 0) return checked.value["item"];
      if (!checked.ok) issues.push(...checked.issues);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      issues.push({ path: ["item"], message: `is not ${error.expected}` });
    }
    const { name, subject } = this.#item;
    const list = issues.map(({ message }) => message).join("; ");
    throw new CorruptEntityError(`${entity} ${JSON.stringify(id)}: ${subject} does not fit its schema: ${list}`, {
      entity,
      id,
      field: name,
      issues,
    });
  }

  #invalid(entity: string, id: string, issues: readonly ValidationIssue[]): ValidationError {
    const { name, subject } = this.#item;
    const list = issues.map((issue) => [...issue.path.slice(1), issue.message].join(": ")).join("; ");
    return new ValidationError(`${entity} ${JSON.stringify(id)}: ${subject} does not fit its schema: ${list}`, {
      entity,
      id,
      field: name,
      issues,
    });
  }
}

function jsonItem(shape: Shape): {
  readonly write: (value: unknown) => string;
  readonly read: (text: string, issues: ValidationIssue[]) => unknown;
} {
  const writer = jsonWriter(shape);
  const reader = jsonReader(shape, ["item"]);
  const free = holdsFreeJson(shape);
  return {
    write: (value) =>
      stringifyJson(value === null || writer === undefined ? value : writer(value, ["item"], undefined), ["item"]),
    read(text, issues) {
      let parsed: unknown;
      try {
        parsed = parseJson(text, free);
      } catch {
        throw new Unreadable(text, "JSON");
      }
      return parsed === null || reader === undefined ? parsed : reader(parsed, issues);
    },
  };
}
