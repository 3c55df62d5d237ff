// Rate limits in front of routes of express.
// What fails goes to `next`, and so to the application's own error handler.
import { count, type Limiting, type LimitOptions, type Outcome, tooManyRequests } from "./limit.ts";

/** As much of a request of express as is looked at. */
export interface ExpressRequest {
  /** The address of the client, as express's setting `trust proxy` has it. */
  readonly ip?: string | undefined;
  /** Reads a header. */
  get(name: string): string | undefined;
}

/** As much of a response of express as is used. */
export interface ExpressResponse {
  /** Sets a header. */
  setHeader(name: string, value: string): unknown;
  /** Sets the status. */
  status(code: number): {
    /** Answers with JSON. */
    json(body: unknown): unknown;
  };
}

/** What `expressRateLimit` accepts beside the limit. */
export type ExpressLimitOptions<Request extends ExpressRequest = ExpressRequest> = LimitOptions<Request>;

/**
 * A middleware for express that answers 429 to whoever has taken too much, and tells everybody by headers how much is left.
 * One call of the limit per request.
 *
 * @param limit - the limit.
 * @param options - whom a request is counted for (the client's address when left out), what it costs, and which headers.
 * @returns the middleware. Errors of the limit, and of what the options do, go to `next`.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { connect } from "remora";
 * import { expressRateLimit } from "remora/http";
 * import { rateLimit } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const app = express();
 * const api = rateLimit(db, "api", { algorithm: "gcra", limit: 100, window: 60 });
 * app.use("/api", expressRateLimit(api, { key: (request) => request.get("x-user") ?? request.ip }));
 * await db.close();
 * ```
 */
export function expressRateLimit<Request extends ExpressRequest = ExpressRequest>(
  limit: Limiting,
  options: ExpressLimitOptions<Request> = {},
): (request: Request, response: ExpressResponse, next: (error?: unknown) => void) => Promise<void> {
  return async (request, response, next) => {
    let outcome: Outcome | undefined;
    try {
      outcome = await count(limit, options, request, ({ ip }) => ip);
    } catch (error) {
      // express 4 does not look at what a middleware returns.
      next(error);
      return;
    }
    for (const [name, value] of Object.entries(outcome?.headers ?? {})) response.setHeader(name, value);
    if (outcome?.refused === undefined) next();
    else response.status(tooManyRequests).json(outcome.refused);
  };
}
