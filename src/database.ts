// connect() and the database: the one file that wires the rooms together.
// Holds the connection, hands out repositories, and refuses types whose keys would overlap.
import { CapabilityError, ConnectionError, DefinitionError } from "./errors.ts";
import { IndexAdministration } from "./indexes/administration.ts";
import { Sweeper } from "./indexes/sweeper.ts";
import { openEntityBoard } from "./leaderboard/entity-board.ts";
import { Leaderboard } from "./leaderboard/leaderboard.ts";
import { ShardedLeaderboard } from "./leaderboard/sharded.ts";
import type { ShardedLeaderboardOptions } from "./leaderboard/sharded-options.ts";
import type { LeaderboardOptions, SoundOptions } from "./leaderboard/options.ts";
import { type BoardSubmission, type SubmissionResults, submitTogether } from "./leaderboard/submission.ts";
import type { DatabaseConnection } from "./leaderboard/writing.ts";
import type { CallOptions } from "./query/query.ts";
import { attach, type Attachable, type Attachment } from "./redis/attachment.ts";
import { BlockingConnection } from "./redis/blocking.ts";
import { type Capabilities, probeCapabilities } from "./redis/capabilities.ts";
import type { RedisClient } from "./redis/client.ts";
import { type ConnectionTarget, Heartbeat, openConnection } from "./redis/connection.ts";
import { diagnose, type Diagnosis, type DoctorOptions } from "./redis/doctor.ts";
import { Executor } from "./redis/executor.ts";
import { type Health, healthOf } from "./redis/health.ts";
import { type ServerInfo, serverInfos } from "./redis/information.ts";
import { ServerClock } from "./redis/server-clock.ts";
import { Subscriber } from "./redis/subscriber.ts";
import { callOptions } from "./repository/load.ts";
import type { EngineChoice } from "./repository/context.ts";
import { type RelatedTypes, relatedTypes } from "./repository/on-delete.ts";
import type { RepositoryOptions } from "./repository/options.ts";
import type { ReadOnlyRepository } from "./repository/read-only.ts";
import { Repository } from "./repository/repository.ts";
import {
  runTransaction,
  type Transaction,
  type TransactionHost,
  transactionHost,
  type TransactionOptions,
} from "./repository/transaction.ts";
import { type ClassDefinition, definitionFor, type EntityClass } from "./schema/class.ts";
import type { EntityDefinition } from "./schema/entity.ts";
import { hashTag, type Keyspace, keyspaces } from "./schema/key.ts";
import { compileRelations } from "./schema/relation-graph.ts";
import type { Relations } from "./schema/relations.ts";

/** What {@link connect} accepts beside the server. */
export interface DatabaseOptions<L extends readonly Relations[] = readonly Relations[]> {
  /** Put in front of every key: letters, digits, `_`, `-` and `.`; none when left out. */
  readonly namespace?: string;
  /** The engine for new types: `auto` (default) takes search where the server has it, else scan. */
  readonly engine?: EngineChoice;
  /** Milliseconds within which every call settles; 5 000 when left out. */
  readonly deadline?: number;
  /**
   * Let saves of entities that were read before send only what is different, where their documents are large (from 1,024
   * characters) and their type has a version and `createdAt`; on when left out. Up to 1,000 documents of 16 million
   * characters in all are remembered per repository for that.
   */
  readonly dirtySaves?: boolean;
  /**
   * Send a write once more when its connection was lost before the reply: it counts once, since its operation has an id, by
   * which the server knows what it has done already. Off when left out: such writes fail with OutcomeUnknownError.
   */
  readonly retryWrites?: boolean;
  /** Milliseconds between questions whether the server is there; off when left out. */
  readonly heartbeat?: number;
  /** Milliseconds between sweeps of what has expired, beside those that saves and reads make on their way; off when left out. */
  readonly sweepEvery?: number;
  /** Documents of more bytes are told of on {@link largeDocumentChannel}; 1 MB (1 048 576) when left out. */
  readonly largeDocument?: number;
  /** Documents of more bytes are refused with a ValidationError; 512 MB, what a server takes, when left out. */
  readonly maxDocument?: number;
  /** What `relations` gave, of any number of types: reads can bring along what is related, and deletions follow `onDelete`. */
  readonly relations?: L;
}

const megabyte = 1024 * 1024;

const defaultDeadline = 5000;
const namespacePattern = /^[A-Za-z0-9_.-]*$/;

/** A connection to one server, and the entity types kept there, with their relations A. */
export class Database<out A extends Relations = Relations> implements AsyncDisposable, Attachable {
  /** The underlying client, for whatever the mapper does not offer. */
  declare readonly redis: RedisClient;
  /** What the server is and can. */
  readonly capabilities: Capabilities;
  readonly #executor: Executor;
  readonly #clock: ServerClock;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #sweeper: Sweeper | undefined;
  readonly #options: DatabaseOptions;
  readonly #searchable: boolean;
  readonly #transactions: TransactionHost;
  readonly #related: RelatedTypes;
  readonly #boards: DatabaseConnection;
  readonly #blocking = new Set<BlockingConnection>();
  #subscriber: Subscriber | undefined;
  readonly #attached = new Set<() => void | Promise<void>>();
  #closed = false;
  readonly #types = new Map<string, { readonly definition: EntityDefinition; readonly keys: readonly Keyspace[] }>();

  /**
   * Made by `connect()`.
   *
   * @internal
   * @param client - a connected client of the data profile.
   * @param capabilities - what its server can.
   * @param options - checked options.
   */
  constructor(client: RedisClient, capabilities: Capabilities, options: DatabaseOptions) {
    // Whoever prints a database must not print its password.
    Object.defineProperty(this, "redis", { value: client });
    this.capabilities = capabilities;
    this.#options = options;
    this.#executor = new Executor(client, options.deadline ?? defaultDeadline, options.retryWrites);
    this.#clock = new ServerClock(client, this.#executor);
    this.#heartbeat = options.heartbeat === undefined ? undefined : new Heartbeat(client, options.heartbeat);
    this.#sweeper = options.sweepEvery === undefined ? undefined : new Sweeper(options.sweepEvery);
    this.#boards = {
      executor: this.#executor,
      clock: this.#clock,
      namespace: options.namespace ?? "",
      openBlocking: () => this.#openBlocking(),
    };
    const { db } = client.options as { db?: number };
    this.#searchable = capabilities.mode !== "cluster" && (db ?? 0) === 0;
    const contextOf: RelatedTypes["contextOf"] = (definition) => this.#transactions.contextOf(definition);
    this.#related = relatedTypes(compileRelations(options.relations ?? []), contextOf);
    this.#transactions = transactionHost(
      this.#executor.defaultDeadline,
      (definition) => this.#keysOf(definition)[0] as Keyspace,
      (definition) => this.repository(definition).context(),
    );
  }

  /**
   * The repository of an entity type, for reading only: its writes do not compile, and are refused.
   *
   * @param definition - made by `defineEntity`.
   * @param options - `readOnly`, and `validate`, what the schema has to say of what is read.
   * @returns a repository; nothing is sent yet, and nothing is ever written.
   * @throws DefinitionError when another type has the same name or overlapping keys.
   * @throws UnsupportedStorageError when the server lacks the storage asked for.
   */
  repository<D extends EntityDefinition>(
    definition: D,
    options: RepositoryOptions & { readonly readOnly: true },
  ): ReadOnlyRepository<D, A>;
  /**
   * The repository of a class that `@Entity` of `remora/decorators` stands on, for reading only.
   *
   * @param type - the class.
   * @param options - `readOnly`, and `validate`, what the schema has to say of what is read.
   * @returns a repository; nothing is sent yet, and nothing is ever written.
   * @throws DefinitionError when `@Entity` does not stand on it, or another type has the same name or overlapping keys.
   * @throws UnsupportedStorageError when the server lacks the storage asked for.
   */
  repository<T extends object>(
    type: EntityClass<T>,
    options: RepositoryOptions & { readonly readOnly: true },
  ): ReadOnlyRepository<ClassDefinition<T>, A>;
  /**
   * The repository of an entity type.
   *
   * @param definition - made by `defineEntity`.
   * @param options - `validate`, what the schema has to say of what is read.
   * @returns a repository; nothing is sent yet.
   * @throws DefinitionError when another type has the same name or overlapping keys.
   * @throws UnsupportedStorageError when the server lacks the storage asked for.
   */
  repository<D extends EntityDefinition>(definition: D, options?: RepositoryOptions): Repository<D, A>;
  /**
   * The repository of a class that `@Entity` of `remora/decorators` stands on.
   *
   * @param type - the class.
   * @param options - `validate`, what the schema has to say of what is read.
   * @returns a repository; nothing is sent yet.
   * @throws DefinitionError when `@Entity` does not stand on it, or another type has the same name or overlapping keys.
   * @throws UnsupportedStorageError when the server lacks the storage asked for.
   */
  repository<T extends object>(type: EntityClass<T>, options?: RepositoryOptions): Repository<ClassDefinition<T>, A>;
  repository(given: EntityDefinition | EntityClass, options: RepositoryOptions = {}): unknown {
    const definition = definitionFor(given);
    const keys = this.#keysOf(definition);
    const connection = {
      executor: this.#executor,
      capabilities: this.capabilities,
      openBlocking: () => this.#openBlocking(),
      engine: this.#options.engine ?? "auto",
      searchable: this.#searchable,
      clock: this.#clock,
      related: this.#related,
      openBoard: openEntityBoard,
      dirtySaves: this.#options.dirtySaves ?? true,
      sizes: {
        large: this.#options.largeDocument ?? megabyte,
        most: this.#options.maxDocument ?? 512 * megabyte,
      },
    };
    const repository = new Repository(
      definition,
      connection,
      keys,
      (resolve) => new IndexAdministration(resolve),
      options,
    );
    if (definition.metadata.ttl !== undefined && options.readOnly !== true)
      this.#sweeper?.add(definition.name, repository.indexes);
    return repository;
  }

  /**
   * A leaderboard: members, ranked by their scores.
   *
   * @param name - 1 to 128 letters, digits, `_`, `-`, `.` and `:`; its keys lie in one hash slot.
   * @returns the board; nothing is sent yet.
   * @throws DefinitionError when the name makes no sense.
   *
   * @example
   * ```ts
   * import { connect } from "remora";
   *
   * const db = await connect("redis://localhost:6379", { namespace: "game" });
   * const arena = db.leaderboard("arena", { ties: "competition" });
   * await arena.submit("ada", 420);
   * await arena.top(10); // [{ member: "ada", score: 420, rank: 1, at: … }]
   * await db.close();
   * ```
   */
  leaderboard(name: string): Leaderboard<Record<never, never>>;
  /**
   * A leaderboard with options.
   *
   * @param name - 1 to 128 letters, digits, `_`, `-`, `.` and `:`; its keys lie in one hash slot.
   * @param options - which end is best, which score is kept, who shares a rank, what breaks ties, of which periods, and whose entities
   * rows carry.
   * @returns the board; nothing is sent yet.
   * @throws DefinitionError when the name or an option makes no sense.
   */
  leaderboard<const O extends LeaderboardOptions>(name: string, options: O & SoundOptions<NoInfer<O>>): Leaderboard<O>;
  leaderboard(name: string, options: LeaderboardOptions = {}): Leaderboard {
    return new Leaderboard(name, options, this.#boards);
  }

  /**
   * Submits scores to several boards, such as one for each country and mode: all of them count, or none. One round trip (EVALSHA).
   *
   * @param submissions - what `board.submission` made, one for each board, of up to 150 boards and periods that share a slot.
   * @param options - deadline in milliseconds, and signal.
   * @returns what became of each, in order.
   * @throws CrossSlotError when the boards do not share a slot; nothing was sent.
   * @throws ValidationError when member or score are refused, or a board is named twice; nothing was changed.
   * @throws DefinitionError when a board is stored for other options; nothing was changed.
   *
   * @example
   * ```ts
   * import { connect } from "remora";
   *
   * const db = await connect("redis://localhost:6379", { namespace: "game" });
   * const players = db.leaderboard("players", { colocate: "ranked" });
   * const teams = db.leaderboard("teams", { colocate: "ranked", keep: "sum" });
   * const [player, team] = await db.submitAll([players.submission("ada", 420), teams.submission("red", 420)]);
   * player.rank; // and team.rank
   * await db.close();
   * ```
   */
  submitAll<const S extends readonly BoardSubmission<unknown>[]>(
    submissions: S,
    options: CallOptions = {},
  ): Promise<SubmissionResults<S>> {
    return submitTogether(this.#boards, submissions, options);
  }

  /**
   * A leaderboard for more members than one server holds: its shards, by ranges of scores, lie in hash slots of their own.
   *
   * @param name - 1 to 128 letters, digits, `_`, `-`, `.` and `:`.
   * @param options - where scores are divided, which end is best, which score is kept, who shares a rank, and what breaks ties.
   * @returns the board; nothing is sent yet.
   * @throws DefinitionError when the name or an option makes no sense.
   *
   * @example
   * ```ts
   * import { connect } from "remora";
   *
   * const db = await connect("redis://localhost:6379", { namespace: "game" });
   * const world = db.shardedLeaderboard("world", { edges: [1000, 5000, 20_000] });
   * await world.submit("ada", 4200);
   * await world.rankOf("ada"); // 1
   * await db.close();
   * ```
   */
  shardedLeaderboard<const O extends ShardedLeaderboardOptions>(name: string, options: O): ShardedLeaderboard<O> {
    return new ShardedLeaderboard(name, options, this.#executor, this.#options.namespace ?? "");
  }

  /**
   * Runs a function whose reads and writes, over entities of one or several types, count all at once or not at all: what it
   * read is unchanged when its writes are made, in one script call at its end. When others came between, it runs again.
   * One round trip per entity read (HMGET or JSON.GET), and one at the end (EVALSHA).
   *
   * @param work - reads and writes through the transaction it is given; may run several times.
   * @param options - retries, backoff in milliseconds, deadline for all of it, and signal.
   * @returns what the function returned.
   * @throws VersionConflictError when others came between each time, or an entity was saved from an old version.
   * @throws CrossSlotError when types do not share a slot; nothing was sent.
   * @throws UniqueViolationError when a unique value is taken; nothing was changed.
   * @throws EntityExistsError when an id is taken; nothing was changed.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return runTransaction(this.#transactions, work, options);
  }

  /**
   * Tells whether the server is there and well; never throws. One round trip (PING), and one more (INFO) on each primary.
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns `up`, `degraded` or `down`, how long the answer took, and what is wrong.
   *
   * @example
   * ```ts
   * import { connect } from "remora";
   *
   * const db = await connect("redis://localhost:6379");
   * const { status, latency, problems } = await db.health({ deadline: 500 });
   * await db.close();
   * ```
   */
  health(options: CallOptions = {}): Promise<Health> {
    return healthOf(this.#executor, this.redis, callOptions(options));
  }

  /**
   * What the server tells of itself: memory, persistence, clients, replication. One round trip (INFO) to each primary.
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns a report per primary: one, but for clusters.
   * @throws CapabilityError when the user may not ask.
   */
  info(options: CallOptions = {}): Promise<readonly ServerInfo[]> {
    return serverInfos(this.#executor, this.redis, callOptions(options));
  }

  /**
   * Looks for what may go wrong: eviction, persistence, access, memory, clients, slow commands, big keys, keys that never expire.
   * Reads only (INFO, CONFIG GET, SCAN, MEMORY USAGE, SLOWLOG GET, ACL GETUSER); a round trip each, and one per page of keys.
   *
   * @param options - how many keys to look at, from which size they are big, deadline in milliseconds of each question, and signal.
   * @returns what was found, the worst first, each with its cure; and the commands that the user may not run.
   *
   * @example
   * ```ts
   * import { connect } from "remora";
   *
   * const db = await connect("redis://localhost:6379");
   * for (const { severity, what, cure } of (await db.doctor()).findings) console.log(`${severity}: ${what}; ${cure}`);
   * await db.close();
   * ```
   */
  doctor(options: DoctorOptions = {}): Promise<Diagnosis> {
    return diagnose(this.#executor, this.redis, options);
  }

  /**
   * Closes the connection; calls that still wait are settled with an error.
   *
   * @returns when the connection is closed.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#heartbeat?.stop();
    this.#sweeper?.stop();
    const attached = Array.from(this.#attached, async (close) => close());
    this.#attached.clear();
    for (const connection of this.#blocking) connection.close();
    this.#subscriber?.close();
    this.#executor.close();
    this.redis.disconnect();
    await Promise.all(attached);
  }

  /**
   * Lends the way to its server to pieces of the toolkit.
   *
   * @internal
   */
  [attach](): Attachment {
    return {
      executor: this.#executor,
      client: this.redis,
      capabilities: this.capabilities,
      clock: this.#clock,
      namespace: this.#options.namespace ?? "",
      openBlocking: () => this.#openBlocking(),
      openSubscriber: () => this.#openSubscriber(),
      onClose: (close) => {
        if (this.#closed) throw new ConnectionError("the connection was closed");
        this.#attached.add(close);
        return () => this.#attached.delete(close);
      },
    };
  }

  /** Closes the connection at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #openBlocking(): BlockingConnection {
    if (this.#closed) throw new ConnectionError("the connection was closed");
    const connection = new BlockingConnection(this.redis);
    for (const known of this.#blocking) if (known.closed) this.#blocking.delete(known);
    this.#blocking.add(connection);
    return connection;
  }

  #openSubscriber(): Subscriber {
    if (this.#closed) throw new ConnectionError("the connection was closed");
    this.#subscriber ??= new Subscriber(this.redis);
    return this.#subscriber;
  }

  #keysOf(definition: EntityDefinition): readonly Keyspace[] {
    const { metadata } = definition;
    const keys = keyspaces(metadata, this.#options.namespace ?? "");
    const { documents } = keys[0] as Keyspace;
    if (this.capabilities.mode === "cluster" && hashTag(documents) === undefined) {
      throw new DefinitionError(
        `the keyPrefix of ${metadata.name} (${documents}) has no hash tag, so a cluster would keep documents and indexes apart; ` +
          "use one such as {user}",
        { entity: metadata.name },
      );
    }
    this.#register(definition, keys);
    return keys;
  }

  #register(definition: EntityDefinition, keys: readonly Keyspace[]): void {
    const known = this.#types.get(definition.name);
    if (known?.definition === definition) return;
    const { name } = definition;
    if (known !== undefined)
      throw new DefinitionError(`another entity is called ${JSON.stringify(name)} already`, { entity: name });
    const { documents, internal } = keys[0] as Keyspace;
    if (internal.startsWith(documents)) {
      throw new DefinitionError(
        `the keyPrefix of ${name} (${documents}) is the beginning of its own internal keys (${internal}); end it with a colon`,
        { entity: name },
      );
    }
    for (const other of this.#types.values()) {
      const mine = keys.find((own) => other.keys.some((theirs) => overlap(own, theirs)));
      if (mine === undefined) continue;
      throw new DefinitionError(
        `the keys of ${name} (${mine.documents}) and of ${other.definition.name} (${other.keys[0]?.documents}) overlap; ` +
          "give one of them another keyPrefix",
        { entity: name },
      );
    }
    this.#types.set(name, { definition, keys });
  }
}

// Search indexes and scans go by prefix: one type's prefix must not be the beginning of another's.
function overlap(own: Keyspace, other: Keyspace): boolean {
  const [a, b] = [own.documents, other.documents];
  if (a.startsWith(b) || b.startsWith(a) || own.internal.startsWith(b)) return true;
  return other.internal.startsWith(a) || a.startsWith(other.internal);
}

/**
 * Connects to a server.
 *
 * @param target - a URL, connection options, or an ioredis client, whose options are taken over by a connection of our own.
 * @param options - namespace, engine, relations, deadline and heartbeat.
 * @returns the database, ready for use.
 * @throws DefinitionError when an option makes no sense, or listing every problem of the relations.
 * @throws ConnectionError when the server cannot be reached or refuses the login.
 * @throws CapabilityError when it is older than Redis 7.0, or lacks a search module that was demanded.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * db.capabilities.version;
 * await db.close();
 * ```
 */
export async function connect<const L extends readonly Relations[] = readonly []>(
  target: ConnectionTarget,
  options: DatabaseOptions<L> = {},
): Promise<Database<L[number]>> {
  if (!namespacePattern.test(options.namespace ?? "")) {
    throw new DefinitionError("a namespace is made of letters, digits, _, - and .");
  }
  if (options.sweepEvery !== undefined && !(options.sweepEvery >= 1)) {
    throw new DefinitionError("sweepEvery is a number of milliseconds from 1");
  }
  for (const limit of ["largeDocument", "maxDocument"] as const) {
    const bytes = options[limit];
    if (bytes !== undefined && !(bytes > 0)) throw new DefinitionError(`${limit} is a number of bytes above 0`);
  }
  const client = await openConnection(target);
  try {
    const database = new Database<L[number]>(client, await probeCapabilities(client), options);
    if (options.engine === "search") demandSearch(database);
    return database;
  } catch (error) {
    client.disconnect();
    throw error;
  }
}

function demandSearch({ capabilities, redis }: Database): void {
  const { db } = redis.options as { db?: number };
  const reason = !capabilities.search
    ? `${capabilities.server} ${capabilities.version} has no search module (RediSearch 2.10 or newer)`
    : capabilities.mode === "cluster"
      ? "search indexes of a cluster's nodes know only their own documents"
      : (db ?? 0) !== 0
        ? `search indexes exist in database 0 only, not in ${db}`
        : undefined;
  if (reason !== undefined)
    throw new CapabilityError(`engine "search" was demanded, but ${reason}; use engine "scan" or "auto"`);
}
