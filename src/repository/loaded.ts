// Large documents that were read lately, as they were stored: a save of one of them sends only what is different.
// Bounded in number and size; which of them is still right, the server decides when the save comes.
import type { StoredDocument } from "../codec/stored.ts";

/** Smaller documents are sent whole: finding the difference would cost more than it saves. */
const leastCharacters = 1024;
const mostEntities = 1000;
const mostCharacters = 16 * 1024 * 1024;

/** A document that was read. */
export interface Known {
  readonly stored: StoredDocument;
  /** When its entity was created, and its version, under the names of their fields. */
  readonly before: Readonly<Record<string, unknown>>;
  readonly characters: number;
}

/** Remembers documents of one type. */
export class Loaded {
  readonly #version: string;
  readonly #createdAt: string;
  readonly #idOf: (id: string) => string;
  /** The one that was used last comes last. */
  readonly #known = new Map<string, Known>();
  #characters = 0;

  /**
   * @param version - name of the field that holds the version.
   * @param createdAt - name of the field that says when an entity was created.
   * @param idOf - from an id to what stands in keys.
   */
  constructor(version: string, createdAt: string, idOf: (id: string) => string) {
    this.#version = version;
    this.#createdAt = createdAt;
    this.#idOf = idOf;
  }

  /**
   * Remembers a document.
   *
   * @param id - the entity's id.
   * @param entity - what it was decoded to.
   * @param stored - the document, whole.
   */
  remember(id: string, entity: Record<string, unknown>, stored: StoredDocument): void {
    const characters = charactersOf(stored);
    if (characters < leastCharacters || characters > mostCharacters) return;
    const [version, createdAt] = [this.#version, this.#createdAt];
    const before = { [version]: entity[version], [createdAt]: entity[createdAt] };
    if (before[createdAt] instanceof Date) this.#add(this.#idOf(id), { stored, before, characters });
  }

  /**
   * Gives a document, and forgets it: whatever becomes of its save, it will not be what is stored.
   *
   * @param encodedId - the entity's id as it stands in keys.
   * @param version - the version it must have.
   * @returns the document as it was read; undefined when it is not known.
   */
  take(encodedId: string, version: number): Known | undefined {
    const known = this.#known.get(encodedId);
    if (known === undefined) return undefined;
    this.#forget(encodedId, known);
    return known.before[this.#version] === version ? known : undefined;
  }

  #add(encodedId: string, known: Known): void {
    const former = this.#known.get(encodedId);
    if (former !== undefined) this.#forget(encodedId, former);
    this.#known.set(encodedId, known);
    this.#characters += known.characters;
    for (const [id, oldest] of this.#known) {
      if (this.#known.size <= mostEntities && this.#characters <= mostCharacters) break;
      this.#forget(id, oldest);
    }
  }

  #forget(encodedId: string, { characters }: Known): void {
    this.#known.delete(encodedId);
    this.#characters -= characters;
  }
}

function charactersOf(stored: StoredDocument): number {
  if (typeof stored === "string") return stored.length;
  let characters = 0;
  for (const value of stored) if (typeof value === "string") characters += value.length;
  return characters;
}
