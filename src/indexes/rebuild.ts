// Rebuilding a type's indexes from its stored documents: everything kept beside them is made anew.
// In slices and chunks, so that neither this process nor the server ever holds much of it at once.
import { CorruptEntityError, isRemoraError, type RemoraError, UniqueViolationError } from "../errors.ts";
import { indexValues } from "../codec/term.ts";
import { wrongType } from "../engines/documents.ts";
import { isDerived, metaFields } from "../engines/layout.ts";
import { inspectScript, reindexHead, reindexScript } from "../engines/write/reindex.ts";
import { inFlight } from "../repository/flight.ts";
import type { IndexProgress } from "../repository/repository.ts";
import { snapshotOf } from "../repository/save.ts";
import { decodeId } from "../schema/key.ts";
import { FaultList } from "./faults.ts";
import { documentIds, internalKeys, keyProblem } from "./keys.ts";
import type { Lease, TakenClaim } from "./lease.ts";
import { type Revision, reviser } from "./revision.ts";
import { buildSearchIndex, searchIndexes } from "./search-index.ts";
import type { Session } from "./session.ts";

/** Documents per script call: what a server works off in a millisecond or two. */
const chunkSize = 50;
/** Enough that neither side waits for the other, few enough that others get their turn. */
const chunksInFlight = 2;

/** A document as the server holds it. */
type Inspected = [digest: string, expires: number, mark: string | null, body: string[] | string];

/** The script's answer for one document that needs more than nothing. */
type Event = [position: number, code: string, first: string, second: string];

/**
 * Removes all that is kept beside the documents, of whatever definition, whole or broken off.
 *
 * @param session - the run of work.
 * @param lease - the right to do so.
 */
export async function clear(session: Session, lease: Lease): Promise<void> {
  const { layout } = session.context;
  await lease.remove([], await searchIndexes(session));
  for await (const keys of internalKeys(session)) {
    const derived = keys.filter((key) => isDerived(layout, key));
    if (derived.length > 0) await lease.remove(derived, []);
    else await lease.hold();
  }
}

/** One rebuild. */
export class Rebuild {
  readonly #session: Session;
  readonly #lease: Lease;
  readonly #tagged: readonly string[];
  readonly #total: number | undefined;
  readonly #report: (progress: IndexProgress) => void;
  readonly #faults: FaultList;
  readonly #inspect;
  readonly #reindex;
  readonly #revise;
  readonly #mark: string;
  #done = 0;

  /**
   * @param session - the run of work.
   * @param claim - the right to rebuild, and what is known of the stored documents.
   * @param report - told how far it is.
   */
  constructor(session: Session, claim: TakenClaim, report: (progress: IndexProgress) => void) {
    const { context } = session;
    this.#session = session;
    this.#lease = claim.lease;
    this.#tagged = claim.tagged;
    this.#total = claim.total === 0 ? undefined : claim.total;
    this.#report = report;
    this.#faults = new FaultList(context.metadata.name);
    this.#inspect = inspectScript(context.layout);
    this.#reindex = reindexScript(context.layout);
    this.#revise = reviser(context);
    this.#mark = JSON.stringify(context.layout.tagged);
  }

  /** Does all of it, from whatever state; afterwards the type is ready. */
  async run(): Promise<void> {
    const session = this.#session;
    const { layout, metadata } = session.context;
    await clear(session, this.#lease);
    for await (const ids of documentIds(session, metadata.storage)) {
      const chunks = [];
      for (let at = 0; at < ids.length; at += chunkSize) chunks.push(ids.slice(at, at + chunkSize));
      await inFlight(chunks, chunksInFlight, (chunk) => this.#work(chunk));
      await this.#lease.hold();
    }
    if (layout.engine === "search") await buildSearchIndex(session, () => this.#lease.hold());
    await this.#lease.finish([...metaFields(layout), "synced", "1", ...this.#faults.fields()]);
  }

  async #work(ids: readonly string[]): Promise<void> {
    const { name } = this.#session.context.metadata;
    const legal = ids.filter((id) => {
      const problem = keyProblem(id, name);
      if (problem !== undefined) this.#faults.add(id, strangeKey(name, id, problem));
      return problem === undefined;
    });
    let left: readonly string[] = legal;
    // Documents that changed between reading and writing are read again.
    // eslint-disable-next-line no-await-in-loop
    while (left.length > 0) left = await this.#chunk(left);
    this.#done += ids.length;
    this.#report({ done: this.#done, total: this.#total });
  }

  async #chunk(ids: readonly string[]): Promise<string[]> {
    const session = this.#session;
    const { layout, fixedKeys } = session.context;
    const keys = ids.map((id) => layout.documents + id);
    const replies = await session.send({ script: this.#inspect, keys: [layout.rewritten, ...keys], args: ids });
    const found = (replies as (Inspected | null)[]).flatMap((inspected, at) => {
      const id = ids[at] as string;
      if (inspected !== null) return [{ id, item: this.#item(id, inspected) }];
      // What is not UTF-8 arrives changed, and names a key that does not exist.
      if (id.includes("\uFFFD"))
        this.#faults.add(id, strangeKey(layout.metadata.name, id, "its key is not UTF-8 text"));
      return [];
    });
    if (found.length === 0) return [];
    const reply = await session.send({
      script: this.#reindex,
      keys: [...fixedKeys, ...found.map(({ id }) => layout.documents + id)],
      args: [
        ...reindexHead(layout, this.#lease.owner, this.#lease.milliseconds),
        JSON.stringify(found.map(({ item }) => item)),
      ],
    });
    const events = this.#lease.heed(reply) as Event[];
    return events.flatMap((event) => {
      const { id } = found[event[0] - 1] as { id: string };
      if (event[1] === "CHANGED") return [id];
      this.#note(id, event);
      return [];
    });
  }

  #note(id: string, [, code, first, second]: Event): void {
    const { layout } = this.#session.context;
    if (code === "UNIQUE") this.#faults.add(id, duplicate(layout.metadata, id, first, second));
    if (code === "WRITE") this.#faults.add(id, wrongType(layout, decodeId(id)));
  }

  // What the script is to write for a document.
  #item(id: string, [digest, expires, mark, body]: Inspected): unknown[] {
    const { context } = this.#session;
    const revision = this.#revise(body, id, mark === null ? this.#tagged : (JSON.parse(mark) as string[]));
    let snapshot = "";
    let encoded;
    try {
      const entity = context.codec.decode(revision.stored, decodeId(id));
      const values = indexValues(context.metadata, entity);
      encoded = context.codec.encode(entity, id, context.engine.hidden(values));
      snapshot = snapshotOf(context.metadata, values);
    } catch (error) {
      if (!isRemoraError(error)) throw error;
      this.#faults.add(id, error);
    }
    if (expires > 0 && context.metadata.ttl === undefined) this.#faults.add(id, dies(context.metadata.name, id));
    return [id, digest, snapshot, ...this.#changed(revision, encoded)];
  }

  #changed(revision: Revision, encoded: Parameters<Revision["changes"]>[0]): unknown[] {
    const { sets, removals, mends } = revision.changes(encoded);
    return [[...sets].flat(), removals, mends, revision.converted ? this.#mark : ""];
  }
}

function strangeKey(entity: string, rest: string, problem: string): RemoraError {
  return new CorruptEntityError(`${entity} ${JSON.stringify(rest)} cannot be an entity: ${problem}`, {
    entity,
    id: rest,
  });
}

function dies(entity: string, id: string): RemoraError {
  return new CorruptEntityError(
    `${entity} ${JSON.stringify(decodeId(id))} will expire, but the definition has no ttl, so counts may include it ` +
      "when it is gone: add ttl: {} to the definition, or PERSIST the document",
    { entity, id: decodeId(id) },
  );
}

function duplicate(
  {
    name,
    uniques,
  }: {
    readonly name: string;
    readonly uniques: readonly { readonly name: string; readonly paths: readonly string[] }[];
  },
  id: string,
  unique: string,
  holder: string,
): RemoraError {
  const paths = uniques.find((candidate) => candidate.name === unique)?.paths ?? [];
  const [own, other] = [decodeId(id), decodeId(holder)];
  return new UniqueViolationError(
    `${name} ${JSON.stringify(own)}: ${paths.join(", ")} (unique ${unique}) belongs to ${JSON.stringify(other)} as well; ` +
      "save one of them with another value",
    { entity: name, id: own, field: paths[0], unique, holderId: other },
  );
}
