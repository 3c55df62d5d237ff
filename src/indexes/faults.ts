// What a rebuild found wrong with documents: all of it counted, some of it listed, and noted beside the type's layout.
// So every process learns of it, not only the one that did the work.
import type { ErrorCode, RemoraError } from "../errors.ts";
import type { IndexFault } from "../repository/indexes.ts";
import { decodeId } from "../schema/key.ts";

/** So many are listed. */
const listed = 100;

type Stored = [id: string, code: ErrorCode, field: string, message: string];

/** Gathers faults. */
export class FaultList {
  readonly #entity: string;
  readonly #list = new Map<string, Stored>();
  #count = 0;

  /**
   * @param entity - name of the entity type.
   */
  constructor(entity: string) {
    this.#entity = entity;
  }

  /**
   * Adds a fault; one that is listed already, since its document was read again, counts once.
   *
   * @param encodedId - the id as it stands in the key.
   * @param error - what is wrong.
   */
  add(encodedId: string, error: RemoraError): void {
    const key = [encodedId, error.code, error.message].join("\n");
    if (this.#list.has(key)) return;
    this.#count += 1;
    if (this.#list.size >= listed) return;
    const id = error.id ?? decodeId(encodedId);
    const named = error.id === undefined ? `${this.#entity} ${JSON.stringify(id)}: ${error.message}` : error.message;
    this.#list.set(key, [id, error.code, error.field ?? "", named.slice(0, 500)]);
  }

  /**
   * What the meta hash keeps of them.
   *
   * @returns names and values.
   */
  fields(): string[] {
    return ["faulty", String(this.#count), "faults", JSON.stringify([...this.#list.values()])];
  }
}

/**
 * Reads what {@link FaultList.fields} noted.
 *
 * @param text - the field's text, if there is one.
 * @returns the faults listed.
 */
export function readFaults(text: string | undefined): IndexFault[] {
  return (JSON.parse(text ?? "[]") as Stored[]).map(([id, code, field, message]) => ({
    id,
    code,
    field: field === "" ? undefined : field,
    message,
  }));
}
