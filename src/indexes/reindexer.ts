// Writing anew what the indexes hold for documents: read as they are, worked out here, written if unchanged meanwhile.
// One piece of work for rebuilds, which own the type, and for repairs, which share it with everybody.
import { CorruptEntityError, isRemoraError, type RemoraError, UniqueViolationError } from "../errors.ts";
import type { EncodedDocument } from "../codec/stored.ts";
import { indexValues } from "../codec/term.ts";
import { wrongType } from "../engines/documents.ts";
import { inspectScript } from "../engines/write/reindex.ts";
import type { Script } from "../redis/command.ts";
import { snapshotOf } from "../repository/save.ts";
import { decodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { keyProblem } from "./keys.ts";
import { type Revision, reviser } from "./revision.ts";
import type { Session } from "./session.ts";

/** A document as the server holds it. */
type Inspected = [digest: string, expires: number, mark: string | null, body: string[] | string];

/** The script's answer for one document that needs more than nothing. */
type Event = [position: number, code: string, first: string, second: string];

/** In what a rebuild and a repair differ. */
interface ReindexerOptions {
  /** The script that writes. */
  readonly script: Script;
  /** Its arguments before the items. */
  readonly head: readonly string[];
  /** Takes note of its reply, and throws when it was refused. */
  readonly heed: (reply: unknown) => void;
  /** The fields that are tagged in documents without a mark. */
  readonly tagged: readonly string[];
  /** Told of what is wrong with a document, by its id as it stands in the key. */
  readonly fault: (encodedId: string, error: RemoraError) => void;
}

/** Writes anew what the indexes hold for documents. */
export class Reindexer {
  readonly #session: Session;
  readonly #options: ReindexerOptions;
  readonly #inspect;
  readonly #revise;
  readonly #mark: string;

  /**
   * @param session - the run of work.
   * @param options - how it writes.
   */
  constructor(session: Session, options: ReindexerOptions) {
    const { context } = session;
    this.#session = session;
    this.#options = options;
    this.#inspect = inspectScript(context.layout);
    this.#revise = reviser(context);
    this.#mark = JSON.stringify(context.layout.tagged);
  }

  /**
   * Works through some documents; those that change meanwhile are read again. Two round trips (EVALSHA_RO, EVALSHA).
   *
   * @param ids - what follows the prefix in their keys.
   * @param touched - those of them that are written even if nothing in them has to change.
   */
  async work(ids: readonly string[], touched?: ReadonlySet<string>): Promise<void> {
    const { layout, metadata } = this.#session.context;
    const { name } = metadata;
    let left = ids.filter((id) => {
      const problem = keyProblem(layout, id);
      if (problem !== undefined) this.#options.fault(id, strangeKey(name, id, problem));
      return problem === undefined;
    });
    // eslint-disable-next-line no-await-in-loop -- each round is about what changed during the last
    while (left.length > 0) left = await this.#chunk(left, touched);
  }

  async #chunk(ids: readonly string[], touched: ReadonlySet<string> | undefined): Promise<string[]> {
    const { fault, script, head, heed } = this.#options;
    const session = this.#session;
    const { layout, fixedKeys } = session.context;
    const keys = ids.map((id) => layout.documents + id);
    const replies = await session.send({ script: this.#inspect, keys: [layout.rewritten, ...keys], args: ids });
    const found = (replies as (Inspected | null)[]).flatMap((inspected, at) => {
      const id = ids[at] as string;
      if (inspected !== null) return [{ id, item: this.#item(id, inspected, touched?.has(id) === true) }];
      // What is not UTF-8 arrives changed, and names a key that does not exist.
      if (id.includes("\uFFFD")) fault(id, strangeKey(layout.metadata.name, id, "its key is not UTF-8 text"));
      return [];
    });
    if (found.length === 0) return [];
    const reply = await session.send({
      script,
      keys: [...fixedKeys, ...found.map(({ id }) => layout.documents + id)],
      args: [...head, JSON.stringify(found.map(({ item }) => item))],
    });
    heed(reply);
    return (reply as Event[]).flatMap((event) => {
      const { id } = found[event[0] - 1] as { id: string };
      if (event[1] === "CHANGED") return [id];
      this.#note(id, event);
      return [];
    });
  }

  #note(id: string, [, code, first, second]: Event): void {
    const { layout } = this.#session.context;
    if (code === "UNIQUE") this.#options.fault(id, duplicate(layout.metadata, id, first, second));
    if (code === "WRITE") this.#options.fault(id, wrongType(layout, decodeId(id)));
  }

  // What the script is to write for a document.
  #item(id: string, [digest, expires, mark, body]: Inspected, touched: boolean): unknown[] {
    const { context } = this.#session;
    const { tagged, fault } = this.#options;
    const revision = this.#revise(body, id, mark === null ? tagged : (JSON.parse(mark) as string[]), touched);
    let snapshot = "";
    let encoded: EncodedDocument | undefined;
    try {
      const entity = context.codec.decode(revision.stored, decodeId(id));
      const values = indexValues(context.metadata, entity);
      encoded = context.codec.encode(entity, id, context.engine.hidden(values));
      snapshot = snapshotOf(context.metadata, values);
    } catch (error) {
      if (!isRemoraError(error)) throw error;
      fault(id, error);
    }
    if (expires > 0 && context.metadata.ttl === undefined) fault(id, dies(context.metadata.name, id));
    return [id, digest, snapshot, ...this.#changed(revision, encoded)];
  }

  #changed(revision: Revision, encoded: EncodedDocument | undefined): unknown[] {
    const { sets, removals, mends } = revision.changes(encoded);
    return [[...sets].flat(), removals, mends, revision.converted ? this.#mark : ""];
  }
}

/**
 * The error for a key under the type's prefix that no id leads to.
 *
 * @param entity - name of the entity type.
 * @param rest - what follows the prefix in the key.
 * @param problem - why not.
 * @returns the error.
 */
export function strangeKey(entity: string, rest: string, problem: string): RemoraError {
  return new CorruptEntityError(`${entity} ${JSON.stringify(rest)} cannot be an entity: ${problem}`, {
    entity,
    id: rest,
  });
}

/**
 * The error for a document that will expire, of a type that does not know of such.
 *
 * @param entity - name of the entity type.
 * @param encodedId - the id as it stands in the key.
 * @returns the error.
 */
export function dies(entity: string, encodedId: string): RemoraError {
  const id = decodeId(encodedId);
  return new CorruptEntityError(
    `${entity} ${JSON.stringify(id)} will expire, but the definition has no ttl, so counts may include it ` +
      "when it is gone: add ttl: {} to the definition, or PERSIST the document",
    { entity, id },
  );
}

/**
 * The error for a document whose unique value belongs to another one as well.
 *
 * @param metadata - the entity type.
 * @param encodedId - the id as it stands in the key.
 * @param unique - name of the constraint.
 * @param holder - the id of the other one, as it stands in the key.
 * @returns the error.
 */
export function duplicate(
  { name, uniques }: EntityMetadata,
  encodedId: string,
  unique: string,
  holder: string,
): RemoraError {
  const paths = uniques.find((candidate) => candidate.name === unique)?.paths ?? [];
  const [own, other] = [decodeId(encodedId), decodeId(holder)];
  return new UniqueViolationError(
    `${name} ${JSON.stringify(own)}: ${paths.join(", ")} (unique ${unique}) belongs to ${JSON.stringify(other)} as well; ` +
      "save one of them with another value",
    { entity: name, id: own, field: paths[0], unique, holderId: other },
  );
}
