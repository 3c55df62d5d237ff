// The published entry `remora/toolkit`: typed pieces for the patterns people use Redis for, beside entities.
// Each piece is a file of its own and shares nothing with the others but the way to the server.
export type { Attachable } from "../redis/attachment.ts";
export type { TypedCounter } from "../repository/typed-counter.ts";
export type { TypedList } from "../repository/typed-list.ts";
export type { TypedSet } from "../repository/typed-set.ts";
export type { ByScoreOptions, Scored, ScoreRange, TypedSortedSet } from "../repository/typed-sorted-set.ts";
export type { Duration } from "./duration.ts";
export { Held } from "./held.ts";
export { type AcquireOptions, Holdable, type HoldOptions, type TryAcquireOptions } from "./holdable.ts";
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
export {
  type Bucket,
  BucketCounter,
  bucketCounter,
  type BucketCounterOptions,
  type BucketIncrementOptions,
} from "./bucket-counter.ts";
export type { BucketLength, BucketRange } from "./buckets.ts";
export {
  CappedList,
  cappedList,
  type CappedListOptions,
  counter,
  type CounterOptions,
  KeyedSets,
  list,
  set,
  sortedSet,
} from "./collections.ts";
export {
  type FollowCounts,
  Follows,
  follows,
  type FollowsPage,
  type FollowsPageOptions,
  type SuggestedOptions,
  type Suggestion,
} from "./follows.ts";
export { type CountedFields, hash, type HashSetOptions, TypedHash } from "./hash.ts";
export { KeyCommands, type KeyType, type Remaining, type ScanOptions } from "./key-commands.ts";
export { Keyed, type KeyedOptions } from "./keyed.ts";
export { Keys, keys, type RenameOptions } from "./keys.ts";
export { Kv, kv, type KvGetOptions, type KvOptions, type KvSetOptions } from "./kv.ts";
export {
  type ConfigChangeOptions,
  type ConfigSetOptions,
  type ConfigVersion,
  LiveConfig,
  liveConfig,
  type LiveConfigOptions,
} from "./live-config.ts";
export { echo, ping } from "./ping.ts";
export {
  type OnlineOptions,
  Presence,
  presence,
  type PresenceOptions,
  type PresenceWayOptions,
  type Present,
} from "./presence.ts";
export { Tags, tags } from "./tags.ts";
export {
  Timeline,
  timeline,
  type TimelineItem,
  type TimelineOptions,
  type TimelinePage,
  type TimelinePageOptions,
  Timelines,
} from "./timeline.ts";
export { type IssueOptions, Tokens, tokens, type TokensOptions } from "./tokens.ts";
export {
  UniqueNumbers,
  uniqueNumbers,
  type UniqueNumbersOptions,
  Uniques,
  uniques,
  type UniquesAddOptions,
  type UniquesOptions,
} from "./uniques.ts";
export {
  Cache,
  cache,
  CacheNamespace,
  type CacheOptions,
  type CacheSchema,
  type NamespaceOptions,
  type WriteThrough,
  type WriteThroughSource,
} from "./cache.ts";
export type { LoadContext, Loader } from "./cache-load.ts";
export type {
  CacheBehaviour,
  CacheFailure,
  CacheGetOptions,
  CacheLoadOptions,
  CacheMemoryOptions,
  CacheSetOptions,
  CacheTime,
  CacheTelling,
} from "./cache-options.ts";
export type { CacheStats } from "./cache-reading.ts";
export {
  Cached,
  type CachedDecorator,
  type CachedFunction,
  type CachedMethod,
  type WrapOptions,
} from "./cache-wrap.ts";
export { cacheChannel, type CacheEvent, type CacheEventKind } from "../redis/diagnostics.ts";
export type { JsonSchema, ValueInputOf, ValueOf } from "../schema/zod.ts";
