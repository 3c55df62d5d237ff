// Rate limits in front of routes of fastify.
// What fails rejects, and so goes to the application's own error handler.
import { count, type Limiting, type LimitOptions, tooManyRequests } from "./limit.ts";

/** As much of a request of fastify as is looked at. */
export interface FastifyRequestLike {
  /** The address of the client, as fastify's option `trustProxy` has it. */
  readonly ip: string;
  /** The headers, by their names in small letters. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** As much of a reply of fastify as is used. */
export interface FastifyReplyLike {
  /** Sets headers. */
  headers(values: Record<string, string>): unknown;
  /** Sets the status. */
  code(status: number): {
    /** Answers. */
    send(body: unknown): unknown;
  };
}

/** What `fastifyRateLimit` accepts beside the limit. */
export type FastifyLimitOptions<Request extends FastifyRequestLike = FastifyRequestLike> = LimitOptions<Request>;

/**
 * A hook for fastify (`onRequest` or `preHandler`, of an application or of a route) that answers 429 to whoever has taken
 * too much, and tells everybody by headers how much is left. One call of the limit per request.
 *
 * @param limit - the limit.
 * @param options - whom a request is counted for (the client's address when left out), what it costs, and which headers.
 * @returns the hook. Errors of the limit, and of what the options do, reject.
 *
 * @example
 * ```ts
 * import fastify from "fastify";
 * import { connect } from "remora";
 * import { fastifyRateLimit } from "remora/http";
 * import { rateLimit } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const app = fastify();
 * const api = rateLimit(db, "api", { algorithm: "gcra", limit: 100, window: 60 });
 * app.addHook("onRequest", fastifyRateLimit(api));
 * await db.close();
 * ```
 */
export function fastifyRateLimit<Request extends FastifyRequestLike = FastifyRequestLike>(
  limit: Limiting,
  options: FastifyLimitOptions<Request> = {},
): (request: Request, reply: FastifyReplyLike) => Promise<unknown> {
  return async (request, reply) => {
    const outcome = await count(limit, options, request, ({ ip }) => ip);
    if (outcome === undefined) return undefined;
    reply.headers({ ...outcome.headers });
    // A hook that gives the reply back has answered.
    return outcome.refused === undefined ? undefined : reply.code(tooManyRequests).send(outcome.refused);
  };
}
