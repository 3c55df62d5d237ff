// What the frameworks' limits share: whom a request is counted for, what it costs, and what a refused one is told.
// Each framework's own file turns this into its own middleware.
import { type LimitHeaderOptions, type LimitResult, rateLimitHeaders } from "../toolkit/limit-result.ts";

/** A rate limit: what `rateLimit` of `remora/toolkit` gave. */
export interface Limiting {
  /** Takes, if it is allowed. */
  take(key: string, options?: { readonly cost?: number }): Promise<LimitResult>;
}

/** What the limits of all frameworks accept. */
export interface LimitOptions<Request> extends LimitHeaderOptions {
  /**
   * Whom the request is counted for, such as a user's id; undefined lets it through uncounted.
   *
   * @param request - the request, or the context of one.
   */
  readonly key?: (request: Request) => string | undefined | Promise<string | undefined>;
  /**
   * What it costs; 1 when left out.
   *
   * @param request - the request, or the context of one.
   */
  readonly cost?: (request: Request) => number | Promise<number>;
}

/** What a refused request is answered, beside status 429. */
export interface RefusedBody {
  /** A word for programs. */
  readonly error: "too_many_requests";
  /** Milliseconds until it may be tried again. */
  readonly retryAfterMs: number;
}

/** What became of a request. */
export interface Outcome {
  readonly headers: Readonly<Record<string, string>>;
  /** What a refused request is answered; undefined for one that may go on. */
  readonly refused: RefusedBody | undefined;
}

/** The status of refused requests. */
export const tooManyRequests = 429;

/**
 * Counts a request.
 *
 * @param limit - the limit.
 * @param options - whom it is counted for, and how much.
 * @param request - what the options are asked about.
 * @param usual - whom it is counted for when the options do not say.
 * @returns what to tell the client; undefined when it was not counted.
 * @throws RemoraError when the limit does; what `key` and `cost` throw.
 */
export async function count<Request>(
  limit: Limiting,
  options: LimitOptions<Request>,
  request: Request,
  usual: (request: Request) => string | undefined,
): Promise<Outcome | undefined> {
  const key = await (options.key ?? usual)(request);
  if (key === undefined) return undefined;
  const result = await limit.take(key, { cost: (await options.cost?.(request)) ?? 1 });
  const { allowed, retryAfterMs } = result;
  return {
    headers: rateLimitHeaders(result, options),
    refused: allowed ? undefined : { error: "too_many_requests", retryAfterMs },
  };
}
