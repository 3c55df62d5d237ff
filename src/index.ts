// What the package offers: definitions, the connection, repositories, queries and errors.
// Named one by one, so that nothing becomes public by accident.
export { connect, Database, type DatabaseOptions } from "./database.ts";
export * from "./errors.ts";
export type { Capabilities } from "./redis/capabilities.ts";
export type { RedisClient, RedisPipeline } from "./redis/client.ts";
export type { ConnectionOptions, ConnectionTarget } from "./redis/connection.ts";
export { operationChannel, type OperationEvent } from "./redis/diagnostics.ts";
export type { BulkOptions, BulkResult, SaveOutcome } from "./repository/bulk.ts";
export type { EngineChoice } from "./repository/context.ts";
export type { ReadOptions } from "./repository/load.ts";
export { Repository, type IndexStatus, type RepositoryIndexes, type SaveOptions } from "./repository/repository.ts";
export type { Ttl } from "./repository/ttl.ts";
export { Query, type CallOptions, type Explanation, type Page } from "./query/query.ts";
export {
  defineEntity,
  type EntityDefinition,
  type EntityOf,
  type EntityOptions,
  type IndexesOf,
  type InputOf,
} from "./schema/entity.ts";
export {
  exact,
  geo,
  range,
  text,
  type ExactOptions,
  type Index,
  type IndexKind,
  type TextOptions,
} from "./schema/index-kinds.ts";
export { bytes, geoPoint } from "./schema/zod.ts";
export type { GeoPoint } from "./schema/paths.ts";
