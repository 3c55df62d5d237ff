// The published entry `remora/toolkit`: typed pieces for the patterns people use Redis for, beside entities.
// Each piece is a file of its own and shares nothing with the others but the way to the server.
export type { Attachable } from "../redis/attachment.ts";
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
export { Kv, kv, type KvGetOptions, type KvOptions, type KvSetOptions } from "./kv.ts";
export type { JsonSchema, ValueInputOf, ValueOf } from "../schema/zod.ts";
