// Index work on a type that is spread over partitions: done in each of them, and told of as one.
// A type in one slot has one partition, and what is told of it is told as it is.
import type { CallOptions } from "../query/query.ts";
import type { TypeContext } from "../repository/context.ts";
import type { VerifyReport } from "../repository/findings.ts";
import type { IndexProgress, IndexStatus } from "../repository/indexes.ts";
import { Session } from "./session.ts";

/**
 * Does index work in each partition of a type, one after another, and all of it within the deadline.
 *
 * @param context - the entity type.
 * @param operation - what is being done, for errors.
 * @param options - deadline in milliseconds for all of it, none when left out; signal.
 * @param work - what to do in one of them; their positions count from 0.
 * @returns what it gave in each.
 */
export async function eachPartition<T>(
  { partitions }: TypeContext,
  operation: string,
  options: CallOptions,
  work: (session: Session, partition: number) => Promise<T>,
): Promise<T[]> {
  const end = performance.now() + (options.deadline ?? Number.POSITIVE_INFINITY);
  const results: T[] = [];
  for (const [at, context] of partitions.entries()) {
    const left = end - performance.now();
    const session = new Session(context, operation, Number.isFinite(left) ? { ...options, deadline: left } : options);
    // eslint-disable-next-line no-await-in-loop -- a rebuild of one is work enough for a server
    results.push(await work(session, at));
  }
  return results;
}

/**
 * Tells of progress in all partitions together: how many documents there may be is known when each has said so.
 *
 * @param partitions - how many there are.
 * @param tell - told of it.
 * @returns what takes the progress of one of them.
 */
export function progressOver(
  partitions: number,
  tell: ((progress: IndexProgress) => void) | undefined,
): (partition: number, progress: IndexProgress) => void {
  const known: IndexProgress[] = [];
  return (partition, progress) => {
    known[partition] = progress;
    const done = known.reduce((sum, own) => sum + own.done, 0);
    const totals = known.map(({ total }) => total);
    const whole = known.length === partitions && !totals.includes(undefined);
    tell?.({ done, total: whole ? totals.reduce<number>((sum, total) => sum + (total ?? 0), 0) : undefined });
  };
}

/** States from the best to the worst. */
const states: readonly IndexStatus["state"][] = ["ready", "building", "outdated", "missing"];
/** As many faults and findings are told as of one partition. */
const mostTold = 100;

/**
 * The status of a type of several partitions: of the worst of them, with everything counted.
 *
 * @param statuses - one per partition.
 * @returns the status.
 */
export function joinedStatus(statuses: readonly IndexStatus[]): IndexStatus {
  const [first] = statuses as readonly [IndexStatus];
  if (statuses.length === 1) return first;
  const sum = (name: "documents" | "failures" | "garbage" | "faulty"): number =>
    statuses.reduce((total, status) => total + status[name], 0);
  const worst = statuses.reduce((left, right) =>
    states.indexOf(right.state) > states.indexOf(left.state) ? right : left,
  );
  return {
    ...worst,
    documents: sum("documents"),
    failures: sum("failures"),
    garbage: sum("garbage"),
    faulty: sum("faulty"),
    faults: statuses.flatMap(({ faults }) => faults).slice(0, mostTold),
  };
}

/**
 * What a check found in a type of several partitions.
 *
 * @param reports - one per partition.
 * @returns everything that was checked and found.
 */
export function joinedReport(reports: readonly VerifyReport[]): VerifyReport {
  const sum = (name: "documents" | "entries" | "found" | "garbage"): number =>
    reports.reduce((total, report) => total + report[name], 0);
  return {
    documents: sum("documents"),
    entries: sum("entries"),
    found: sum("found"),
    findings: reports.flatMap(({ findings }) => findings).slice(0, mostTold),
    garbage: sum("garbage"),
  };
}
