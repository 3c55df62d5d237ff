// Rebuilding a type's indexes from its stored documents: everything kept beside them is made anew.
// In slices and chunks, so that neither this process nor the server ever holds much of it at once.
import { isDerived, metaFields } from "../engines/layout.ts";
import { reindexHead, reindexScript } from "../engines/write/reindex.ts";
import { inFlight } from "../repository/flight.ts";
import type { IndexProgress } from "../repository/indexes.ts";
import { FaultList } from "./faults.ts";
import { documentIds, internalKeys } from "./keys.ts";
import type { Lease, TakenClaim } from "./lease.ts";
import { Reindexer } from "./reindexer.ts";
import { buildSearchIndex, searchIndexes } from "./search-index.ts";
import type { Session } from "./session.ts";

/** Documents per script call: what a server works off in a millisecond or two. */
const chunkSize = 50;
/** Enough that neither side waits for the other, few enough that others get their turn. */
const chunksInFlight = 2;

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
  readonly #total: number | undefined;
  readonly #report: (progress: IndexProgress) => void;
  readonly #faults: FaultList;
  readonly #reindexer: Reindexer;
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
    this.#total = claim.total === 0 ? undefined : claim.total;
    this.#report = report;
    const faults = new FaultList(context.metadata.name);
    this.#faults = faults;
    const { lease, tagged } = claim;
    this.#reindexer = new Reindexer(session, {
      script: reindexScript(context.layout),
      head: reindexHead(context.layout, lease.owner, lease.milliseconds),
      heed: (reply) => void lease.heed(reply),
      tagged,
      fault: (id, error) => faults.add(id, error),
    });
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
    await this.#reindexer.work(ids);
    this.#done += ids.length;
    this.#report({ done: this.#done, total: this.#total });
  }
}
