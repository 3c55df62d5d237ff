// Sending for those who only read: whatever might write is refused before it leaves.
// What is not known to read counts as writing.
import { CapabilityError } from "../errors.ts";
import type { Reply, Request } from "./command.ts";
import type { Executor, RunOptions } from "./executor.ts";

/** What sends requests. */
export type Requests = Pick<Executor, "one" | "many" | "defaultDeadline">;

const reading = new Set([
  ...[
    "EXISTS",
    "GET",
    "HGETALL",
    "HMGET",
    "HPTTL",
    "MGET",
    "PTTL",
    "TIME",
    "ZCARD",
    "ZMSCORE",
    "ZRANGE",
    "VCARD",
    "VRANDMEMBER",
  ],
  ...["JSON.GET", "JSON.MGET", "JSON.TYPE"],
  ...["FT.SEARCH", "FT.AGGREGATE", "FT.CURSOR", "FT.EXPLAIN", "FT.PROFILE", "FT.INFO", "FT.TAGVALS"],
]);

function writes(request: Request): boolean {
  return "script" in request ? !request.script.readOnly : !reading.has(request.name);
}

/**
 * The error for an operation that would write where nothing may.
 *
 * @param entity - name of the entity type.
 * @param operation - name of the operation.
 * @returns the error.
 */
export function readOnlyError(entity: string, operation: string): CapabilityError {
  return new CapabilityError(
    `${entity}: ${operation} writes, and this repository only reads; take one without readOnly for it`,
    { entity },
  );
}

/**
 * Sends what reads, and refuses the rest.
 *
 * @param executor - sends for both.
 * @param entity - name of the entity type, for the error.
 * @returns what sends.
 */
export function readOnlyRequests(executor: Requests, entity: string): Requests {
  const check = (requests: readonly Request[], { write, operation }: RunOptions): void => {
    if (write || requests.some(writes)) throw readOnlyError(entity, operation);
  };
  return {
    defaultDeadline: executor.defaultDeadline,
    async one(request: Request, options: RunOptions): Promise<Reply> {
      check([request], options);
      return executor.one(request, options);
    },
    async many(requests: readonly Request[], options: RunOptions): Promise<Reply[]> {
      check(requests, options);
      return executor.many(requests, options);
    },
  };
}
