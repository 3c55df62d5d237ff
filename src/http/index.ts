// The published entry `remora/http`: pieces of the toolkit in front of routes of express, fastify and hono.
// The frameworks are known by their shapes alone; none of them is imported.
export { type ExpressLimitOptions, expressRateLimit, type ExpressRequest, type ExpressResponse } from "./express.ts";
export {
  type FastifyLimitOptions,
  fastifyRateLimit,
  type FastifyReplyLike,
  type FastifyRequestLike,
} from "./fastify.ts";
export { type HonoContext, type HonoLimitOptions, honoRateLimit } from "./hono.ts";
export type { LimitOptions, Limiting, RefusedBody } from "./limit.ts";
