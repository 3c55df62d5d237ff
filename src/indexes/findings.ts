// Findings of a check: all of them counted, some of them listed, each in words.
// Of one that is found twice, since a server may name a key twice, one is counted as long as it is listed.
import type { RemoraError } from "../errors.ts";
import type { Place } from "../engines/verify/places.ts";
import type { WalkEvent } from "../engines/verify/walk.ts";
import type { Layout } from "../engines/layout.ts";
import type { Finding, FindingKind } from "../repository/findings.ts";
import { decodeId } from "../schema/key.ts";

/** So many are listed. */
const listed = 100;

/** Where something was found. */
interface Where {
  readonly id?: string;
  readonly field?: string | undefined;
  readonly key?: string;
}

/** Gathers findings. */
export class FindingList {
  readonly #entity: string;
  readonly #list = new Map<string, Finding>();
  #count = 0;

  /**
   * @param entity - name of the entity type.
   */
  constructor(entity: string) {
    this.#entity = entity;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The first of them. */
  get list(): Finding[] {
    return [...this.#list.values()];
  }

  /**
   * Adds a finding.
   *
   * @param kind - what kind of damage.
   * @param encodedId - the id as it stands in keys; empty for none.
   * @param what - what is wrong, after the entity's name.
   * @param where - field and key.
   */
  add(kind: FindingKind, encodedId: string, what: string, where: Where = {}): void {
    const id = encodedId === "" ? undefined : decodeId(encodedId);
    const whose = id === undefined ? this.#entity : `${this.#entity} ${JSON.stringify(id)}`;
    this.#note({ kind, id, field: where.field, key: where.key, message: `${whose}: ${what}`.slice(0, 500) });
  }

  /**
   * Adds what an error says of a document.
   *
   * @param kind - what kind of damage.
   * @param encodedId - the id as it stands in keys.
   * @param error - what is wrong.
   */
  addError(kind: FindingKind, encodedId: string, error: RemoraError): void {
    const id = error.id ?? decodeId(encodedId);
    this.#note({ kind, id, field: error.field, key: undefined, message: error.message.slice(0, 500) });
  }

  /**
   * Adds what was found in a key beside the documents.
   *
   * @param layout - the type's layout.
   * @param place - the key.
   * @param event - what the script says.
   */
  addEvent(layout: Layout, place: Place, [, code, first, second]: WalkEvent): void {
    const where = { field: place.field === "" ? undefined : place.field, key: place.key };
    if (code === "KEY") {
      const fault = second === "" ? "belongs to no index of the definition" : `is a ${first}, not a ${second}`;
      this.add("key", "", `the key ${JSON.stringify(place.key)} ${fault}`, where);
      return;
    }
    const name = place.key.slice(layout.internal.length - 1);
    const entry = `${JSON.stringify(first)} in ${JSON.stringify(name)}`;
    this.add(strayKind(place), second, `no living document is remembered to have ${entry}`, where);
  }

  #note(finding: Finding): void {
    const { kind, id = "", field = "", key = "", message } = finding;
    const name = [kind, id, field, key, message].join("\n");
    if (this.#list.has(name)) return;
    this.#count += 1;
    if (this.#list.size < listed) this.#list.set(name, finding);
  }
}

function strayKind({ family }: Place): FindingKind {
  switch (family) {
    case "ids":
      return "registry";
    case "expiry":
      return "deadline";
    case "snapshot":
    case "unique":
      return family;
    default:
      return "stray-entry";
  }
}
