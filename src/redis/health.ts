// Whether the server is there and well, in one answer that never throws: for the health route of a service.
// A PING is timed, and INFO says the rest where the user may ask for it.
import { isRemoraError } from "../errors.ts";
import type { RedisClient } from "./client.ts";
import type { Executor, RunOptions } from "./executor.ts";
import { type ServerInfo, serverInfos } from "./information.ts";

/** How a server is. */
export interface Health {
  /** `up`; `degraded` when it answers but something is wrong with it; `down` when it does not answer. */
  readonly status: "up" | "degraded" | "down";
  /** Milliseconds from question to answer; the time spent waiting when there was none. */
  readonly latency: number;
  /** What is wrong, in words; empty when nothing is. */
  readonly problems: readonly string[];
  /** `master` or `slave`; undefined when the user may not ask for it. */
  readonly role?: string;
  /** Bytes that the slowest replica is behind; undefined when the user may not ask for it. */
  readonly lagBytes?: number;
  /** Bytes in use, and the limit, 0 for none; undefined when the user may not ask for them. */
  readonly memory?: {
    /** Bytes in use, on all primaries. */
    readonly used: number;
    /** Their limits together; 0 for none. */
    readonly max: number;
  };
}

/** Above this share of the limit memory is told of. */
const fullMemory = 0.9;

/**
 * Asks how a server is. One round trip (PING), and one more (INFO) on each primary.
 *
 * @param executor - asks; its deadlines hold.
 * @param client - the connection.
 * @param options - deadline in milliseconds, and signal.
 * @returns how it is.
 */
export async function healthOf(
  executor: Executor,
  client: RedisClient,
  options: Pick<RunOptions, "deadline" | "signal">,
): Promise<Health> {
  const run = { operation: "health", write: false, ...options };
  const started = performance.now();
  try {
    await executor.one({ name: "PING", args: [] }, run);
  } catch (error) {
    const problem = isRemoraError(error) ? error.message : String(error);
    return { status: "down", latency: performance.now() - started, problems: [problem] };
  }
  const latency = performance.now() - started;
  const [infos, refusal] = await told(executor, client, options);
  const problems = [refusal, ...infos.map(problemsOf)].flat();
  const [first] = infos;
  return {
    status: problems.length === 0 ? "up" : "degraded",
    latency,
    problems,
    ...(first === undefined
      ? {}
      : {
          role: first.role,
          lagBytes: Math.max(...infos.map(({ replication }) => replication.lagBytes)),
          memory: {
            used: infos.reduce((sum, { memory }) => sum + memory.used, 0),
            max: infos.reduce((sum, { memory }) => sum + memory.max, 0),
          },
        }),
  };
}

function problemsOf({ persistence, replication, memory }: ServerInfo): string[] {
  return [
    ...(persistence.loading ? ["it is loading its data"] : []),
    ...(persistence.lastSaveOk ? [] : ["its last snapshot failed"]),
    ...(persistence.appendOnly && !persistence.appendOnlyOk ? ["its last append to the file failed"] : []),
    ...(replication.linked ? [] : ["it is a replica that has lost its primary"]),
    ...(memory.max > 0 && memory.used > memory.max * fullMemory ? ["its memory is nearly full"] : []),
  ];
}

// Who may not ask is told what a PING tells.
async function told(
  executor: Executor,
  client: RedisClient,
  options: Pick<RunOptions, "deadline" | "signal">,
): Promise<[infos: readonly ServerInfo[], problems: readonly string[]]> {
  try {
    return [await serverInfos(executor, client, options), []];
  } catch (error) {
    if (isRemoraError(error, "CAPABILITY")) return [[], []];
    return [[], [isRemoraError(error) ? error.message : String(error)]];
  }
}
