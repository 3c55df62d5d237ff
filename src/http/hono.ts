// Rate limits in front of routes of hono.
// What fails rejects, and so goes to the application's own error handler.
import { count, type Limiting, type LimitOptions, tooManyRequests } from "./limit.ts";

/** As much of a context of hono as is used. */
export interface HonoContext {
  /** The request. */
  readonly req: {
    /** Reads a header. */
    header(name: string): string | undefined;
  };
  /** Sets a header of the response. */
  header(name: string, value: string): unknown;
}

/** What `honoRateLimit` accepts beside the limit: hono knows no addresses, so whom to count for has to be said. */
export type HonoLimitOptions<Context extends HonoContext = HonoContext> = LimitOptions<Context> &
  Required<Pick<LimitOptions<Context>, "key">>;

/**
 * A middleware for hono that answers 429 to whoever has taken too much, and tells everybody by headers how much is left.
 * One call of the limit per request.
 *
 * @param limit - the limit.
 * @param options - whom a request is counted for, what it costs, and which headers.
 * @returns the middleware. Errors of the limit, and of what the options do, reject.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { connect } from "remora";
 * import { honoRateLimit } from "remora/http";
 * import { rateLimit } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const app = new Hono();
 * const api = rateLimit(db, "api", { algorithm: "gcra", limit: 100, window: 60 });
 * app.use("/api/*", honoRateLimit(api, { key: (context) => context.req.header("x-user") }));
 * await db.close();
 * ```
 */
export function honoRateLimit<Context extends HonoContext = HonoContext>(
  limit: Limiting,
  options: HonoLimitOptions<Context>,
): (context: Context, next: () => Promise<void>) => Promise<Response | void> {
  return async (context, next) => {
    const outcome = await count(limit, options, context, () => undefined);
    for (const [name, value] of Object.entries(outcome?.headers ?? {})) context.header(name, value);
    if (outcome?.refused === undefined) return next();
    return Response.json(outcome.refused, { status: tooManyRequests, headers: outcome.headers });
  };
}
