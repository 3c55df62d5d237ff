// What the package offers: definitions, the connection, repositories, queries and errors.
// Named one by one, so that nothing becomes public by accident.
export { connect, Database, type DatabaseOptions } from "./database.ts";
export {
  addToSet,
  type End,
  type FieldPatch,
  inc,
  type IncBounds,
  type Increment,
  merge,
  type PatchFor,
  type PatchKind,
  type PatchOf,
  type PatchOperator,
  pop,
  pull,
  push,
  toggle,
  unset,
} from "./codec/patch/operators.ts";
export type { EngineName } from "./engines/layout.ts";
export {
  CapabilityError,
  ConnectionError,
  CorruptEntityError,
  CrossSlotError,
  DeadlineError,
  DefinitionError,
  EngineMismatchError,
  EntityExistsError,
  EntityNotFoundError,
  type ErrorByCode,
  type ErrorCode,
  type ErrorDetails,
  IndexNotReadyError,
  InvalidCursorError,
  isRemoraError,
  LockLostError,
  OutcomeUnknownError,
  QueryError,
  RelationError,
  RemoraError,
  ResultTooLargeError,
  UniqueViolationError,
  UnsupportedQueryError,
  UnsupportedStorageError,
  ValidationError,
  type ValidationIssue,
  VersionConflictError,
} from "./errors.ts";
export { type Condition, type ConditionBuilder, type ConditionOf, conditions } from "./query/conditions.ts";
export type { FieldFilter, Filter, FilterJunctions, FilterOf } from "./query/filter.ts";
export type { Direction, Operand } from "./query/node.ts";
export {
  type BatchOptions,
  type ActualCall,
  type ActualCost,
  type CallOptions,
  type ConditionEstimate,
  type ExplainOptions,
  type Explanation,
  type KeysetOptions,
  type ReadCallOptions,
  type KeysetPage,
  type Page,
  Query,
  type QueryChanges,
  type StreamOptions,
} from "./query/query.ts";
export {
  Aggregation,
  type Facet,
  type FacetOptions,
  type Facets,
  type GroupKey,
  type GroupPaths,
  type Reduced,
  type Reducer,
  type ReducerBuilder,
  type Reducers,
} from "./query/aggregate.ts";
export type { ProfiledIterator, ProfiledProcessor, ServerProfile } from "./query/profile.ts";
export type { DistanceOptions, GeoPaths, Measured, PointPaths } from "./query/distance.ts";
export type { Highlighted, HighlightOptions, TextPaths } from "./query/highlight.ts";
export type { Near, NearestTo, VectorPaths } from "./query/vector.ts";
export type { SelectablePaths, Selected } from "./query/select.ts";
export type { CountOptions, Loaded, ManyOptions, OneOptions, RelationsOf, WhereRelated, With } from "./query/with.ts";
export type {
  ArrayOperators,
  BetweenOptions,
  EqualityOperators,
  FieldOperators,
  FuzzyOptions,
  GeoOperators,
  NativeTextOperators,
  NullOperators,
  PhraseOperators,
  PrefixOperators,
  RangeOperators,
  SubstringOperators,
  TextOperators,
} from "./query/where.ts";
export { type Area, type Box, type Circle, distance, type DistanceUnit } from "./query/geo.ts";
export type { BoardChange, Overtaken } from "./leaderboard/events.ts";
export { Leaderboard } from "./leaderboard/leaderboard.ts";
export type {
  BoardJoin,
  EntityLoader,
  EntityOfJoin,
  EntitySource,
  JoinedBoard,
  MappedSource,
} from "./leaderboard/join.ts";
export type {
  BetweenScoresOptions,
  Bucket,
  EntityBoard,
  EntityBoardRow,
  EntityGap,
  EntityNeighbours,
  EntityRowOptions,
  EntriesOptions,
} from "./repository/board.ts";
export {
  type BoardIndex,
  type BoardIndexOptions,
  type BoardOrder,
  type BoardTieBreak,
  leaderboard,
  type RankType,
  type TieField,
} from "./schema/board.ts";
export type {
  BoardEvents,
  BoardRow,
  BrokenByScores,
  CustomName,
  EntityFactOf,
  KeptScore,
  LeaderboardOptions,
  PeriodName,
  RowReadOptions,
  SoundOptions,
  SubmitArguments,
  SubmitResult,
  SubmittedRank,
  SubmitResultOf,
  Submission,
  SubScore,
  SubScoreName,
  SubScoresOf,
  TieBreak,
  TieFactsOf,
  WithAllTime,
  WithPeriods,
} from "./leaderboard/options.ts";
export { ShardedLeaderboard, type ShardedEntriesOptions } from "./leaderboard/sharded.ts";
export { proposeEdges, type ShardedLeaderboardOptions } from "./leaderboard/sharded-options.ts";
export { type PastRow, PeriodStandings } from "./leaderboard/period-standings.ts";
export type {
  BoardPeriods,
  CalendarSpan,
  CustomPeriods,
  EqualSeasons,
  KeptPeriods,
  ListedSeasons,
  Weekday,
  WeeklyPeriods,
} from "./leaderboard/periods.ts";
export { type Gap, type Neighbours, Standings } from "./leaderboard/standings.ts";
export { BoardSubmission, type SubmissionResults } from "./leaderboard/submission.ts";
export type { Diagnosis, DoctorFinding, DoctorOptions, FindingTopic, Severity } from "./redis/doctor.ts";
export type { Health } from "./redis/health.ts";
export type { KeyspaceInfo, ServerInfo } from "./redis/information.ts";
export type { Capabilities } from "./redis/capabilities.ts";
export type { RedisClient, RedisPipeline } from "./redis/client.ts";
export type { ClusterNode, ConnectionOptions, ConnectionTarget, SentinelAddress } from "./redis/connection.ts";
export {
  largeDocumentChannel,
  type LargeDocumentEvent,
  operationChannel,
  type OperationEvent,
} from "./redis/diagnostics.ts";
export type { OwnedBy } from "./repository/owned.ts";
export type { TypedCounter } from "./repository/typed-counter.ts";
export type { TypedList } from "./repository/typed-list.ts";
export type { TypedSet } from "./repository/typed-set.ts";
export type { ByScoreOptions, Scored, ScoreRange, TypedSortedSet } from "./repository/typed-sorted-set.ts";
export type {
  BulkCallOptions,
  BulkFailure,
  BulkOutcomes,
  BulkProgress,
  BulkSource,
  BulkSummary,
  FailedOutcome,
  OutcomeListener,
} from "./repository/bulk.ts";
export type {
  DeletedOutcome,
  DeleteManyOutcome,
  DeleteManyResult,
  PatchedOutcome,
  PatchEntry,
  PatchManyOptions,
  PatchManyOutcome,
  PatchManyResult,
} from "./repository/change-many.ts";
export type { EngineChoice } from "./repository/context.ts";
export type { RemainingTime } from "./repository/expire.ts";
export type { ExportOptions } from "./repository/export.ts";
export type {
  FailedLine,
  ImportedLine,
  ImportOptions,
  ImportOutcome,
  ImportProgress,
  ImportResult,
} from "./repository/import.ts";
export type { ReadValidation } from "./codec/document.ts";
export type { Loader } from "./repository/loader.ts";
export type { LineSource } from "./repository/lines.ts";
export type { UpsertOptions } from "./repository/find-unique.ts";
export type { Finding, FindingKind, RepairReport, VerifyOptions, VerifyReport } from "./repository/findings.ts";
export type { FindOptions, ReadOptions } from "./repository/load.ts";
export type { HasFieldOptions, SelectOptions } from "./repository/partial.ts";
export type { QueryOf, RepositoryOptions, SaveOptions } from "./repository/options.ts";
export type { ReadOnlyRepository } from "./repository/read-only.ts";
export type { WithOptions } from "./repository/reads.ts";
export { Repository } from "./repository/repository.ts";
export type { IndexFault, IndexProgress, IndexStatus, RepositoryIndexes, SyncOptions } from "./repository/indexes.ts";
export type { RestoreMode } from "./repository/save.ts";
export type { BulkOptions, BulkResult, SavedOutcome, SaveOutcome } from "./repository/save-many.ts";
export type { DeleteOptions } from "./repository/remove.ts";
export { Transaction, type TransactionOptions, TransactionRepository } from "./repository/transaction.ts";
export type { ModifyOptions, UpdateOptions } from "./repository/update.ts";
export type { Change, ChangeKind, WatchOptions } from "./repository/watch.ts";
export type { Ttl, TtlDate, TtlMilliseconds } from "./repository/ttl.ts";
export {
  defineEntity,
  type EntityDefinition,
  type EntityOf,
  type GivenOf,
  type ComposedIds,
  type EntityOptions,
  type WithCollections,
  type FixedTtl,
  type IndexesOf,
  type InputOf,
  type ChangesOptions,
  type SlidingTtl,
  type UniqueNames,
  type UniqueOf,
  type UniqueSpec,
} from "./schema/entity.ts";
export type { EntityHooks, SaveInfo, SaveOperation } from "./schema/hooks.ts";
export type { IdStrategy } from "./schema/id.ts";
export {
  exact,
  type ExactOptions,
  geo,
  type Index,
  type IndexFeature,
  type IndexKind,
  type NativeRules,
  type NativeTextOptions,
  range,
  text,
  type TextOptions,
  vector,
  type VectorAlgorithm,
  type VectorMetric,
  type VectorOptions,
  type VectorSettings,
  type WordOptions,
} from "./schema/index-kinds.ts";
export {
  type Collection,
  type CollectionKind,
  type Collections,
  ownedCounter,
  ownedList,
  ownedSet,
  ownedSortedSet,
} from "./schema/collections.ts";
export type { Storage } from "./schema/metadata.ts";
export {
  type Cardinality,
  type DefinitionOf,
  type EntityType,
  type ManyByField,
  type ManyByIds,
  type ManyThrough,
  type OnDelete,
  type OnDeleteOf,
  type OneBy,
  type Relation,
  type RelationBuilder,
  relations,
  type Relations,
} from "./schema/relations.ts";
export {
  type ClassDefinition,
  type ClassIndexes,
  type ClassName,
  type ClassSchema,
  definitionOf,
  type EntityClass,
  type EntityData,
} from "./schema/class.ts";
export type { Clock } from "./schema/timestamps.ts";
export type {
  Coded,
  CompoundSpec,
  Decimal,
  Encrypted,
  EqualityPaths,
  ExpirablePaths,
  ForeignKeyPaths,
  GeoPoint,
  IndexedPaths,
  IndexFor,
  IndexSpecs,
  Paths,
  PathsOfType,
  PathValue,
  SortablePaths,
} from "./schema/paths.ts";
export type { TtlOnUpdate } from "./schema/ttl.ts";
export type { EncryptionKeys } from "./schema/encryption.ts";
export type {
  StandardFailure,
  StandardIssue,
  StandardProperties,
  StandardResult,
  StandardSchema,
  StandardSegment,
  StandardSuccess,
  StandardTypes,
} from "./schema/standard.ts";
export type { EntitySchema, ZodObject } from "./schema/zod.ts";
export {
  bit,
  bytes,
  type CodedAs,
  custom,
  type CustomOptions,
  dateAs,
  type DateUnit,
  decimal,
  encrypted,
  geoPoint,
  type GeoPointShape,
  joined,
  pointText,
  standard,
} from "./schema/zod-fields.ts";
