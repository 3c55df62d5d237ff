// The published entry `remora/toolkit`: typed pieces for the patterns people use Redis for, beside entities.
// Each piece is a file of its own and shares nothing with the others but the way to the server.
export type { Attachable } from "../redis/attachment.ts";
export type { Duration } from "./duration.ts";
export { Held } from "./held.ts";
export { type AcquireOptions, Holdable, type HoldOptions, type TryAcquireOptions } from "./holdable.ts";
export { Kv, kv, type KvGetOptions, type KvOptions, type KvSetOptions } from "./kv.ts";
export { RateLimit, rateLimit, type RateLimitOptions, type TakeOptions } from "./limit.ts";
export { type LimitHeaderOptions, type LimitResult, rateLimitHeaders, type RuleState } from "./limit-result.ts";
export type {
  FixedWindowRule,
  GcraRule,
  LimitAlgorithm,
  LimitRule,
  SlidingCounterRule,
  SlidingLogRule,
} from "./limit-rules.ts";
export { Lock, lock, type LockOptions } from "./lock.ts";
export { Redlock, redlock } from "./redlock.ts";
export { Semaphore, semaphore, type SemaphoreOptions } from "./semaphore.ts";
export type { ValueInputOf, ValueOf } from "../schema/zod.ts";
