// Bringing a type's indexes about, waiting for them, and telling how they are.
// What each of these does in detail stands in the files beside this one.
import { garbageCall } from "../engines/write/sweep.ts";
import { droppedStamp, isBuilding, stampError } from "../engines/stamp.ts";
import type { CallOptions } from "../query/query.ts";
import type { TypeContext } from "../repository/context.ts";
import type { RepairReport, VerifyOptions, VerifyReport } from "../repository/findings.ts";
import { observe } from "../repository/observe.ts";
import type { IndexProgress, IndexStatus, RepositoryIndexes, SyncOptions } from "../repository/indexes.ts";
import { readFaults } from "./faults.ts";
import { indexInfo } from "./search-index.ts";
import type { Session } from "./session.ts";
import { eachPartition, joinedReport, joinedStatus, progressOver } from "./partitions.ts";
import { sweepExpired } from "./sweeper.ts";
import { bringDown, bringUp } from "./sync.ts";
import { repairIndexes, verifyIndexes } from "./verify.ts";

/** How long `ready` waits, in milliseconds, when no deadline is given. */
const defaultPatience = 60_000;
/** How often it asks, in milliseconds. */
const pollInterval = 20;

/** Administers the indexes of one entity type. */
export class IndexAdministration implements RepositoryIndexes {
  readonly #resolve: () => Promise<TypeContext>;

  /**
   * @param resolve - gives the type's context.
   */
  constructor(resolve: () => Promise<TypeContext>) {
    this.#resolve = resolve;
  }

  async sync(options: SyncOptions = {}): Promise<IndexStatus> {
    const context = await this.#resolve();
    return observe(context.metadata, "indexes.sync", undefined, async () => {
      const progress = progressOver(context.partitions.length, options.onProgress);
      await eachPartition(context, "indexes.sync", options, (session, at) =>
        bringUp(session, options.rebuild === true, (own) => progress(at, own)),
      );
      return this.ready(options);
    });
  }

  async ready(options: CallOptions = {}): Promise<IndexStatus> {
    const context = await this.#resolve();
    const patient = { ...options, deadline: options.deadline ?? defaultPatience };
    return joinedStatus(await eachPartition(context, "indexes.ready", patient, becomeReady));
  }

  async drop(options: CallOptions = {}): Promise<void> {
    const context = await this.#resolve();
    await observe(context.metadata, "indexes.drop", undefined, () =>
      eachPartition(context, "indexes.drop", options, bringDown),
    );
  }

  async status(options: CallOptions = {}): Promise<IndexStatus> {
    return joinedStatus(await eachPartition(await this.#resolve(), "indexes.status", options, statusOf));
  }

  async sweep(options: CallOptions = {}): Promise<number> {
    const context = await this.#resolve();
    return observe(context.metadata, "indexes.sweep", undefined, async (note) => {
      const forgotten = await eachPartition(context, "indexes.sweep", options, sweepExpired);
      const total = forgotten.reduce((sum, own) => sum + own, 0);
      note([], total);
      return total;
    });
  }

  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    return joinedReport(await this.#inspected("indexes.verify", verifyIndexes, options));
  }

  async repair(options: VerifyOptions = {}): Promise<RepairReport> {
    const reports = await this.#inspected("indexes.repair", repairIndexes, options);
    const sum = (name: "rewritten" | "removed"): number => reports.reduce((total, report) => total + report[name], 0);
    return { ...joinedReport(reports), rewritten: sum("rewritten"), removed: sum("removed") };
  }

  async #inspected<T>(
    operation: string,
    work: (session: Session, report: (progress: IndexProgress) => void) => Promise<T>,
    options: VerifyOptions,
  ): Promise<T[]> {
    const context = await this.#resolve();
    return observe(context.metadata, operation, undefined, () => {
      const progress = progressOver(context.partitions.length, options.onProgress);
      return eachPartition(context, operation, options, (session, at) => work(session, (own) => progress(at, own)));
    });
  }
}

async function becomeReady(session: Session): Promise<IndexStatus> {
  for (;;) {
    // eslint-disable-next-line no-await-in-loop -- polling
    const status = await statusOf(session);
    if (status.state === "ready") return status;
    if (status.state === "outdated") throw stampError(session.context.layout, status.stamp);
    // eslint-disable-next-line no-await-in-loop
    await session.pause(pollInterval);
  }
}

async function garbageOf(session: Session): Promise<number> {
  const call = garbageCall(session.context.layout);
  return call === undefined ? 0 : Number(await session.send(call));
}

async function statusOf(session: Session): Promise<IndexStatus> {
  const { layout } = session.context;
  const { stamp = "", done, faulty, faults } = await session.meta("stamp", "done", "faulty", "faults");
  const found = { faulty: Number(faulty ?? 0), faults: readFaults(faults) };
  const garbage = await garbageOf(session);
  const base = { engine: layout.engine, stamp, documents: 0, failures: 0, garbage, ...found };
  if (stamp === "" || stamp === droppedStamp) return { ...base, state: "missing" };
  if (isBuilding(stamp)) return { ...base, state: "building", documents: Number(done ?? 0) };
  if (stamp !== layout.stamp) return { ...base, state: "outdated" };
  if (layout.engine !== "search") {
    const documents = Number(await session.send({ name: "ZCARD", args: [layout.ids as string] }));
    return { ...base, state: "ready", documents };
  }
  const info = await indexInfo(session);
  if (info === undefined) return { ...base, state: "missing" };
  return {
    ...base,
    state: Number(info["indexing"] ?? 0) === 0 ? "ready" : "building",
    documents: Number(info["num_docs"] ?? 0),
    failures: Number(info["hash_indexing_failures"] ?? 0),
  };
}
