// The repository: every method is one call into a file beside this one.
// Reads are those of `reads.ts`; `access.ts` is the way to the type.
import { DocumentCodec } from "../codec/document.ts";
import type { PatchOf } from "../codec/patch/operators.ts";
import { QueryError, UnsupportedStorageError } from "../errors.ts";
import { softDeleteOf } from "../query/deleted.ts";
import type { CallOptions } from "../query/query.ts";
import type { EntityDefinition, EntityOf, IndexesOf, InputOf, UniqueNames } from "../schema/entity.ts";
import type { Keyspace } from "../schema/key.ts";
import type { BoardPaths, ExpirablePaths } from "../schema/paths.ts";
import type { Relations } from "../schema/relations.ts";
import { Access } from "./access.ts";
import { deleteTogether, patchTogether, saveTogether } from "./atomic.ts";
import type { BoardHome, EntityBoard, EntityBoardRow } from "./board.ts";
import { type BulkCallOptions, type BulkSource, type BulkSummary, failuresOf, type OutcomeListener } from "./bulk.ts";
import {
  deleteMany,
  type DeleteManyOutcome,
  type DeleteManyResult,
  type PatchEntry,
  patchMany,
  type PatchManyOptions,
  type PatchManyOutcome,
  type PatchManyResult,
} from "./change-many.ts";
import type { Connection, TypeContext } from "./context.ts";
import { exportLines, type ExportOptions } from "./export.ts";
import { importLines, type ImportOptions, type ImportResult } from "./import.ts";
import type { LineSource } from "./lines.ts";
import { expireMany, type RemainingTime, remainingTime } from "./expire.ts";
import { expireField, fieldTtl, persistField } from "./field-ttl.ts";
import type { RepositoryIndexes } from "./indexes.ts";
import { upsert, type UpsertOptions } from "./find-unique.ts";
import type { QueryOf, RepositoryOptions, SaveOptions } from "./options.ts";
import { type OwnedBy, ownedBy } from "./owned.ts";
import { EntityReads } from "./reads.ts";
import { type DeleteOptions, removeOne } from "./remove.ts";
import type { SaveMode } from "./save.ts";
import { saveOne, saveWithHooks } from "./save-one.ts";
import { type BulkOptions, type BulkResult, saveMany, type SaveOutcome } from "./save-many.ts";
import { deleteOne, restoreOne } from "./soft-delete.ts";
import { type TransactionHost, transactionHost } from "./transaction.ts";
import { modifyOne, type ModifyOptions, updateOne, type UpdateOptions } from "./update.ts";
import type { Ttl } from "./ttl.ts";
import { type Change, watchChanges, type WatchOptions } from "./watch.ts";

/**
 * Reads and writes the entities of one type; made by `db.repository()`.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { connect, defineEntity } from "remora";
 *
 * const User = defineEntity({ name: "user", schema: z.object({ id: z.string(), name: z.string() }) });
 * const db = await connect("redis://localhost:6379");
 * const users = db.repository(User);
 * const ada = await users.insert({ name: "Ada" });
 * await users.findById(ada.id); // { id: "01J…", name: "Ada" }
 * await db.close();
 * ```
 */
export class Repository<D extends EntityDefinition, out A = Relations> extends EntityReads<D, A> {
  /** Creating and watching the type's indexes. */
  readonly indexes: RepositoryIndexes;
  readonly #access: Access<D>;
  readonly #connection: Connection;
  readonly #host: TransactionHost;

  /**
   * Made by `db.repository()`.
   *
   * @internal
   * @param definition - the entity type.
   * @param connection - the database's connection.
   * @param keys - the key prefixes of each of the type's partitions.
   * @param administer - makes what stands behind `indexes`.
   * @param options - what the schema has to say of what is read, and whether anything is written.
   * @throws UnsupportedStorageError when the server lacks the storage asked for.
   */
  constructor(
    definition: D,
    connection: Connection,
    keys: readonly Keyspace[],
    administer: (resolve: () => Promise<TypeContext>) => RepositoryIndexes,
    { validate = "strict", readOnly = false }: RepositoryOptions = {},
  ) {
    const { metadata } = definition;
    if (metadata.storage === "json" && !connection.capabilities.json) {
      throw new UnsupportedStorageError(
        `${metadata.name} has storage json, but the server has no RedisJSON; use storage string (the same documents as text) or hash, or a server with the module`,
        { entity: metadata.name },
      );
    }
    const access = new Access(definition, connection, keys, new DocumentCodec(metadata), {
      validation: validate,
      readOnly,
    });
    super(access);
    this.#access = access;
    this.#connection = connection;
    this.#host = transactionHost(
      connection.executor.defaultDeadline,
      () => keys[0] as Keyspace,
      () => access.resolve(),
    );
    this.indexes = administer(() => access.resolve());
  }

  /**
   * The collections of one entity, which `collections` of the definition names. Nothing is sent before one of them is used.
   *
   * @param id - the entity's id.
   * @returns a collection per name.
   * @throws ValidationError when the id is not acceptable, by the first use.
   */
  owned(id: string): OwnedBy<D> {
    return ownedBy(this.#access, id);
  }

  /**
   * The leaderboard of a field with `leaderboard()`, for reading: its ranks follow the entities, by the calls that save, change and
   * delete them. Nothing is sent yet.
   *
   * @param path - dotted path of the field.
   * @returns the board; its rows carry entities.
   * @throws QueryError when the field has no leaderboard.
   *
   * @example
   * ```ts
   * import { z } from "zod";
   * import { connect, defineEntity, leaderboard } from "remora";
   *
   * const Runner = defineEntity({
   *   name: "runner",
   *   schema: z.object({ id: z.string(), name: z.string(), seconds: z.number().nullable() }),
   *   index: { seconds: leaderboard({ order: "asc" }) },
   * });
   * const db = await connect("redis://localhost:6379");
   * const runners = db.repository(Runner);
   * await runners.indexes.sync();
   * await runners.save({ id: "ada", name: "Ada", seconds: 9.9 });
   * const [first] = await runners.leaderboard("seconds").top(1);
   * first?.entity?.name; // "Ada"
   * await db.close();
   * ```
   */
  leaderboard<P extends BoardPaths<IndexesOf<D>>>(path: P): EntityBoard<EntityBoardRow<D, P>> {
    const { name, boards } = this.#access.definition.metadata;
    const board = boards.find((each) => each.path === path);
    if (board === undefined) {
      const known = boards.map((each) => each.path).join(", ") || "no field";
      throw new QueryError(`${name}: ${JSON.stringify(path)} has no leaderboard; ${known} has`, {
        entity: name,
        field: path,
      });
    }
    const resolve = (): Promise<TypeContext> => this.#access.resolve();
    const findByIds: BoardHome["findByIds"] = (ids, options = {}) => this.findByIds(ids, options);
    return this.#connection.openBoard(board, { entity: name, resolve, findByIds }) as never;
  }

  /**
   * Stores a new entity. One round trip (EVALSHA).
   *
   * @param input - the entity; id, version, timestamps and defaults may be left out.
   * @param options - ttl, deadline and signal.
   * @returns the entity as stored.
   * @throws ValidationError when it does not fit the schema.
   * @throws EntityExistsError when the id is taken.
   * @throws UniqueViolationError when a unique value is taken.
   */
  insert(input: InputOf<D>, options: SaveOptions = {}): Promise<EntityOf<D>> {
    return this.#saveOne(input, "insert", options);
  }

  /**
   * Stores an entity, new or not. One round trip (EVALSHA).
   *
   * @param input - what `insert` takes or what a read returned; of a versioned type, with the version that was read.
   * @param options - ttl, deadline and signal.
   * @returns the entity as stored.
   * @throws ValidationError when it does not fit the schema.
   * @throws VersionConflictError when another version is stored.
   * @throws UniqueViolationError when a unique value is taken.
   */
  save(input: InputOf<D>, options: SaveOptions = {}): Promise<EntityOf<D>> {
    return this.#saveOne(input, "save", options);
  }

  /**
   * Changes fields of a stored entity, and nothing else. One round trip (EVALSHA), without a read: changes of several
   * clients all count. What a script cannot do exactly is read first (HMGET or JSON.GET), changed here and written if
   * nobody came between: entities that the schema checks as a whole, fields below optional objects, bigints, lists of
   * objects, and uniques of several fields of which the patch names some.
   *
   * @param id - its id.
   * @param patch - dotted path to new value or operator: `inc`, `push`, `unset` and the like.
   * @param options - `ifVersion`, ttl, deadline and signal; `returning` gives the changed entity back.
   * @returns nothing, or the changed entity with `returning`.
   * @throws ValidationError when a change does not fit the schema, or leaves the bounds of `inc`.
   * @throws EntityNotFoundError when there is none.
   * @throws VersionConflictError when another version than `ifVersion` is stored.
   * @throws UniqueViolationError when a unique value is taken.
   */
  update(id: string, patch: PatchOf<D>, options: UpdateOptions & { readonly returning: true }): Promise<EntityOf<D>>;
  /**
   * Changes fields of a stored entity, and nothing else. One round trip (EVALSHA), without a read.
   *
   * @param id - its id.
   * @param patch - dotted path to new value or operator: `inc`, `push`, `unset` and the like.
   * @param options - `ifVersion`, ttl, deadline and signal.
   */
  update(id: string, patch: PatchOf<D>, options?: UpdateOptions): Promise<void>;
  update(id: string, patch: PatchOf<D>, options: UpdateOptions = {}): Promise<EntityOf<D> | void> {
    return this.#access.at("update", id, async (context, encodedId, note) => {
      const entity = await updateOne(context, encodedId, patch, options, note);
      return options.returning === true ? (entity as EntityOf<D>) : undefined;
    });
  }

  /**
   * Reads an entity, has it changed, and writes the fields that differ, if nobody came between; else begins again.
   * Two round trips a try (HMGET or JSON.GET, EVALSHA).
   *
   * @param id - its id.
   * @param change - gives the entity as it shall be, changed in place or not; called once a try.
   * @param options - retries, backoff in milliseconds, ttl, deadline for all of it, and signal.
   * @returns the entity as stored.
   * @throws ValidationError when the changed entity does not fit the schema.
   * @throws EntityNotFoundError when there is none.
   * @throws VersionConflictError when others came between each time.
   * @throws UniqueViolationError when a unique value is taken.
   */
  modify(
    id: string,
    change: (entity: EntityOf<D>) => EntityOf<D> | Promise<EntityOf<D>>,
    options: ModifyOptions = {},
  ): Promise<EntityOf<D>> {
    return this.#access.at(
      "modify",
      id,
      (context, encodedId, note) =>
        modifyOne(context, encodedId, change as never, options, note) as Promise<EntityOf<D>>,
    );
  }

  /**
   * Stores many entities, new or not, in pipelined chunks (EVALSHA); each succeeds or fails by itself.
   *
   * @param inputs - any number of entities, read as there is room to send them.
   * @param options - `onOutcome`, told of each outcome in order; ttl, chunking, progress, deadline per chunk in milliseconds, and
   *   signal: it ends the reading of inputs, and what was sent is waited for.
   * @returns how many there were; nothing is kept of them.
   */
  saveMany(
    inputs: BulkSource<InputOf<D>>,
    options: BulkOptions & OutcomeListener<SaveOutcome<EntityOf<D>>>,
  ): Promise<BulkSummary>;
  /**
   * Stores many entities, new or not, in pipelined chunks (EVALSHA); each succeeds or fails by itself, or with `atomic`
   * all of them at once.
   *
   * @param inputs - any number of entities, read as there is room to send them.
   * @param options - atomic, ttl, chunking, progress, deadline per chunk in milliseconds, and signal.
   * @returns one outcome per entity, in order.
   * @throws QueryError when more than 1,000 are to be saved at once.
   */
  saveMany(inputs: BulkSource<InputOf<D>>, options?: BulkOptions): Promise<BulkResult<EntityOf<D>>>;
  saveMany(
    inputs: BulkSource<InputOf<D>>,
    options: BulkOptions & Partial<OutcomeListener<SaveOutcome<EntityOf<D>>>> = {},
  ): Promise<BulkSummary | BulkResult<EntityOf<D>>> {
    return this.#saveMany(inputs, "save", options);
  }

  /**
   * Stores many new entities in pipelined chunks (EVALSHA); each succeeds or fails by itself.
   *
   * @param inputs - any number of entities, read as there is room to send them.
   * @param options - `onOutcome`, told of each outcome in order; ttl, chunking, progress, deadline per chunk in milliseconds, and
   *   signal: it ends the reading of inputs, and what was sent is waited for.
   * @returns how many there were; nothing is kept of them.
   */
  insertMany(
    inputs: BulkSource<InputOf<D>>,
    options: BulkOptions & OutcomeListener<SaveOutcome<EntityOf<D>>>,
  ): Promise<BulkSummary>;
  /**
   * Stores many new entities in pipelined chunks (EVALSHA); each succeeds or fails by itself, or with `atomic` all of them
   * at once.
   *
   * @param inputs - any number of entities, read as there is room to send them.
   * @param options - atomic, ttl, chunking, progress, deadline per chunk in milliseconds, and signal.
   * @returns one outcome per entity, in order.
   * @throws QueryError when more than 1,000 are to be inserted at once.
   */
  insertMany(inputs: BulkSource<InputOf<D>>, options?: BulkOptions): Promise<BulkResult<EntityOf<D>>>;
  insertMany(
    inputs: BulkSource<InputOf<D>>,
    options: BulkOptions & Partial<OutcomeListener<SaveOutcome<EntityOf<D>>>> = {},
  ): Promise<BulkSummary | BulkResult<EntityOf<D>>> {
    return this.#saveMany(inputs, "insert", options);
  }

  /**
   * Changes fields of many entities in pipelined chunks (EVALSHA); each succeeds or fails by itself. What a script cannot
   * do is read first, as `update` does it.
   *
   * @param entries - any number of ids and patches, read as there is room to send them.
   * @param options - `onOutcome`, told of each outcome in order; ttl, chunking, progress, deadline per chunk in milliseconds, and
   *   signal: it ends the reading of entries, and what was sent is waited for.
   * @returns how many there were; nothing is kept of them.
   */
  patchMany(
    entries: BulkSource<PatchEntry<PatchOf<D>>>,
    options: PatchManyOptions & OutcomeListener<PatchManyOutcome>,
  ): Promise<BulkSummary>;
  /**
   * Changes fields of many entities in pipelined chunks (EVALSHA); each succeeds or fails by itself, or with `atomic` all
   * of them at once, which reads them first.
   *
   * @param entries - any number of ids and patches, read as there is room to send them.
   * @param options - atomic, ttl, chunking, progress, deadline per chunk in milliseconds, and signal.
   * @returns one outcome per entry, in order.
   * @throws QueryError when more than 1,000 are to be changed at once.
   */
  patchMany(entries: BulkSource<PatchEntry<PatchOf<D>>>, options?: PatchManyOptions): Promise<PatchManyResult>;
  patchMany(
    entries: BulkSource<PatchEntry<PatchOf<D>>>,
    options: PatchManyOptions & Partial<OutcomeListener<PatchManyOutcome>> = {},
  ): Promise<BulkSummary | PatchManyResult> {
    const { onOutcome } = options;
    return this.#access.observed("patchMany", async (context, note) => {
      const run = await (options.atomic === true
        ? patchTogether(this.#host, this.#access.definition, context, entries, options, onOutcome)
        : patchMany(context, entries, options, onOutcome, note));
      const { outcomes, done, failed, stopped } = run;
      if (onOutcome !== undefined) return { done, failed, stopped };
      return { outcomes, patched: done - failed, failed: failuresOf(outcomes), stopped };
    });
  }

  /**
   * Deletes many entities in pipelined chunks (EVALSHA).
   *
   * @param ids - any number of ids, read as there is room to send them.
   * @param options - `onOutcome`, told of each outcome in order; chunking, progress, deadline per chunk in milliseconds, and signal:
   *   it ends the reading of ids, and what was sent is waited for.
   * @returns how many ids there were; nothing is kept of them.
   */
  deleteMany(
    ids: BulkSource<string>,
    options: BulkCallOptions & OutcomeListener<DeleteManyOutcome>,
  ): Promise<BulkSummary>;
  /**
   * Deletes many entities in pipelined chunks (EVALSHA), or with `atomic` all of them at once.
   *
   * @param ids - any number of ids, read as there is room to send them.
   * @param options - atomic, chunking, progress, deadline per chunk in milliseconds, and signal.
   * @returns one outcome per id, in order.
   * @throws QueryError when more than 1,000 are to be deleted at once.
   */
  deleteMany(ids: BulkSource<string>, options?: BulkCallOptions): Promise<DeleteManyResult>;
  deleteMany(
    ids: BulkSource<string>,
    options: BulkCallOptions & Partial<OutcomeListener<DeleteManyOutcome>> = {},
  ): Promise<BulkSummary | DeleteManyResult> {
    const { onOutcome } = options;
    return this.#access.observed("deleteMany", async (context, note) => {
      const run = await (options.atomic === true
        ? deleteTogether(this.#host, this.#access.definition, context, ids, options, onOutcome, note)
        : deleteMany(context, ids, options, onOutcome, note));
      const { outcomes, done, failed, stopped } = run;
      if (onOutcome !== undefined) return { done, failed, stopped };
      const deleted = outcomes.filter((outcome) => outcome.ok && outcome.deleted).length;
      return { outcomes, deleted, failed: failuresOf(outcomes), stopped };
    });
  }

  /**
   * Stores an entity in the place of the one that has its unique value already, whose id and creation time stay; or as a
   * new one. Two round trips (EVALSHA_RO, EVALSHA), three where there is one; more when others come between.
   *
   * @param input - the entity, with all values of the constraint; id, version, timestamps and defaults may be left out.
   * @param options - `by`: the name of a unique constraint; ttl, deadline and signal.
   * @returns the entity as stored.
   * @throws ValidationError when it does not fit the schema, or has no value for the constraint.
   * @throws UniqueViolationError when it breaks another constraint.
   * @throws EntityExistsError when it is new and its id is taken.
   */
  upsert(input: InputOf<D>, options: UpsertOptions<UniqueNames<D>>): Promise<EntityOf<D>> {
    return this.#access.observed(
      "upsert",
      (context, note) => upsert(context, input, options, note) as Promise<EntityOf<D>>,
    );
  }

  /**
   * How long an entity still lives. One round trip (PTTL).
   *
   * @param id - its id.
   * @param options - deadline and signal.
   * @returns milliseconds, `never` when it does not expire, `missing` when there is none.
   */
  ttl(id: string, options: CallOptions = {}): Promise<RemainingTime> {
    return this.#access.at("ttl", id, (context, encodedId, note) => remainingTime(context, encodedId, options, note));
  }

  /**
   * Changes how long an entity lives, and nothing else: neither version nor timestamps. One round trip (EVALSHA).
   *
   * @param id - its id.
   * @param ttl - seconds, `{ ms }`, `{ at }` or null for ever.
   * @param options - deadline and signal.
   * @returns true when there is one.
   * @throws ValidationError when the type has no `ttl`, or the value is not a time to come.
   */
  async expire(id: string, ttl: Ttl, options: CallOptions = {}): Promise<boolean> {
    return (await this.#expireMany("expire", [id], ttl, options)) === 1;
  }

  /**
   * Lets an entity live for ever. One round trip (EVALSHA).
   *
   * @param id - its id.
   * @param options - deadline and signal.
   * @returns true when there is one.
   */
  async persist(id: string, options: CallOptions = {}): Promise<boolean> {
    return (await this.#expireMany("persist", [id], null, options)) === 1;
  }

  /**
   * Begins an entity's time anew: it lives as long as the definition says, from now on. One round trip (EVALSHA).
   *
   * @param id - its id.
   * @param options - deadline and signal.
   * @returns true when there is one.
   * @throws ValidationError when the definition has no `ttl.seconds`.
   */
  async touch(id: string, options: CallOptions = {}): Promise<boolean> {
    return (await this.#expireMany("touch", [id], undefined, options)) === 1;
  }

  /**
   * Begins the time of many entities anew. One round trip (EVALSHA) per 200 of them, four at once.
   *
   * @param ids - their ids, in any number.
   * @param options - deadline of each round trip, and signal.
   * @returns how many there are.
   * @throws ValidationError when the definition has no `ttl.seconds`.
   */
  touchMany(ids: readonly string[], options: CallOptions = {}): Promise<number> {
    return this.#expireMany("touchMany", ids, undefined, options);
  }

  /**
   * Changes how long one field lives, on servers where fields of a hash may expire (Redis 7.4, Valkey 9.0), and nothing else.
   * The field then reads as absent. A save, or a patch of the field, gives it a value without a time. One round trip
   * (HPEXPIRE or HPEXPIREAT).
   *
   * @param id - the entity's id.
   * @param path - dotted path of an optional or nullable field without an index or unique constraint, in no optional object.
   * @param ttl - seconds, `{ ms }`, `{ at }` or null for as long as the entity.
   * @param options - deadline and signal.
   * @returns true when the field has a value.
   * @throws ValidationError for any other field, or when the value is not a time to come.
   * @throws UnsupportedStorageError for JSON documents.
   * @throws CapabilityError when the server cannot.
   */
  expireField(
    id: string,
    path: ExpirablePaths<EntityOf<D>, IndexesOf<D>>,
    ttl: Ttl,
    options: CallOptions = {},
  ): Promise<boolean> {
    return this.#access.at("expireField", id, (context, encodedId, note) =>
      expireField(context, { encodedId, path }, ttl, options, note),
    );
  }

  /**
   * Lets one field live as long as its entity. One round trip (HPERSIST).
   *
   * @param id - the entity's id.
   * @param path - dotted path of a field that `expireField` takes.
   * @param options - deadline and signal.
   * @returns true when the field has a value.
   */
  persistField(
    id: string,
    path: ExpirablePaths<EntityOf<D>, IndexesOf<D>>,
    options: CallOptions = {},
  ): Promise<boolean> {
    return this.#access.at("persistField", id, (context, encodedId, note) =>
      persistField(context, { encodedId, path }, options, note),
    );
  }

  /**
   * How long one field still lives. One round trip (HPTTL).
   *
   * @param id - the entity's id.
   * @param path - dotted path of a field that `expireField` takes.
   * @param options - deadline and signal.
   * @returns milliseconds, `never` when it lives as long as its entity, `missing` when it has no value.
   */
  fieldTtl(
    id: string,
    path: ExpirablePaths<EntityOf<D>, IndexesOf<D>>,
    options: CallOptions = {},
  ): Promise<RemainingTime> {
    return this.#access.at("fieldTtl", id, (context, encodedId, note) =>
      fieldTtl(context, { encodedId, path }, options, note),
    );
  }

  /**
   * Deletes one entity, its index entries and its unique values. One round trip (EVALSHA). Where the definition has
   * `softDelete` it stays with its unique values, and is marked as deleted; two round trips (HMGET or JSON.GET, EVALSHA). Where
   * relations have `onDelete` it is read first, and what refers to it is deleted or changed before it, in batches.
   *
   * @param id - its id.
   * @param options - `ifVersion`, deadline (of each round trip, where relations have `onDelete`) and signal.
   * @returns true when there was one.
   * @throws RelationError when others refer to it by a relation that says `restrict`; nothing was changed.
   * @throws VersionConflictError when another version than `ifVersion` is stored; nothing was changed.
   */
  delete(id: string, options: DeleteOptions = {}): Promise<boolean> {
    return this.#access.at("delete", id, (context, encodedId, note) => deleteOne(context, encodedId, options, note));
  }

  /**
   * Brings back an entity that was deleted softly. Two round trips (HMGET or JSON.GET, EVALSHA).
   *
   * @param id - its id.
   * @param options - deadline and signal.
   * @returns true when there was one that was deleted.
   * @throws QueryError when the definition has no `softDelete`.
   */
  restore(id: string, options: CallOptions = {}): Promise<boolean> {
    return this.#access.at("restore", id, (context, encodedId, note) => restoreOne(context, encodedId, options, note));
  }

  /**
   * Removes an entity for good, deleted before or not, with its index entries and unique values. One round trip (EVALSHA).
   *
   * @param id - its id.
   * @param options - deadline and signal.
   * @returns true when there was one.
   * @throws RelationError when others refer to it by a relation that says `restrict`; nothing was changed.
   * @throws QueryError when the definition has no `softDelete`: there `delete` does this.
   */
  purge(id: string, options: CallOptions = {}): Promise<boolean> {
    return this.#access.at("purge", id, (context, encodedId, note) => {
      softDeleteOf(context.metadata, "purge");
      return removeOne(context, encodedId, options, note);
    });
  }

  /**
   * Watches what becomes of the type's entities, as it is told in the stream that every write adds to in its own script
   * call. Over a connection of its own (XREAD, or XREADGROUP and XACK), closed when the loop is left, the signal fires
   * or the database is closed.
   *
   * @param options - `group` shares the changes among readers; `from` says where to begin; signal.
   * @returns the changes, one after another; with a group a change is done when the next one is asked for.
   * @throws QueryError when the definition has no `changes`.
   * @throws InvalidCursorError when the stream no longer holds the position to begin behind.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<Change, void, undefined> {
    return watchChanges(() => this.#access.resolve(), this.#connection.openBlocking, options);
  }

  /**
   * Writes entities as NDJSON, in constant memory: one line of JSON each, dates as epoch milliseconds, bigints as text,
   * bytes as base64, the same for every storage. Pages of 200, as `stream` reads them.
   *
   * @param options - `query`, batch size, deadline per page in milliseconds, and signal.
   * @returns lines with their ends, for `stream.Readable.from` or `import`.
   * @throws CorruptEntityError when a document does not fit the schema.
   * @throws QueryError when the query gives no whole entities.
   *
   * @example
   * ```ts
   * import { createWriteStream } from "node:fs";
   * import { Readable } from "node:stream";
   * import { pipeline } from "node:stream/promises";
   * import { z } from "zod";
   * import { connect, defineEntity } from "remora";
   *
   * const User = defineEntity({ name: "user", schema: z.object({ id: z.string(), name: z.string() }) });
   * const db = await connect("redis://localhost:6379");
   * const users = db.repository(User);
   * await users.indexes.sync();
   * await pipeline(Readable.from(users.export()), createWriteStream("/dev/null"));
   * await db.close();
   * ```
   */
  export(options: ExportOptions<QueryOf<D, A>> = {}): AsyncGenerator<string, void, undefined> {
    const { query, ...stream } = options;
    const rows: AsyncIterable<unknown> = (query ?? this.query()).stream(stream);
    const { metadata } = this.#access.definition;
    return exportLines(metadata, rows as AsyncIterable<Record<string, unknown>>, query !== undefined);
  }

  /**
   * Stores the entities of NDJSON, exactly as `export` wrote them, versions and timestamps included; id, version and
   * timestamps that are missing are made. In pipelined chunks (EVALSHA), in constant memory. A line that fails is told of
   * and does not hold up the others.
   *
   * @param lines - text or bytes: whole, in chunks cut anywhere, or with `each: "line"` line by line.
   * @param options - mode, `resume`, `stopAtFailure`, ttl, chunking, `onOutcome`, `onProgress`, deadline per chunk in
   *   milliseconds, and signal: it ends the reading of lines, and what was sent is waited for.
   * @returns how many were stored, which lines failed, and where to go on.
   * @throws RemoraError when it is not about one entity, such as a ConnectionError: the import is broken off, and
   *   `onProgress` was told where to go on.
   */
  import(lines: LineSource, options: ImportOptions = {}): Promise<ImportResult> {
    return this.#access.observed("import", (context, note) => importLines(context, lines, options, note));
  }

  /**
   * What operations on the type work with, for transactions.
   *
   * @internal
   * @returns the context. One round trip the first time.
   */
  context(): Promise<TypeContext> {
    return this.#access.resolve();
  }

  #expireMany(operation: string, ids: readonly string[], ttl: Ttl | undefined, options: CallOptions): Promise<number> {
    return this.#access.observed(operation, (context, note) => {
      const encodedIds = ids.map((id) => this.#access.encode(id));
      return expireMany(context, encodedIds, ttl, operation, options, note);
    });
  }

  #saveOne(input: unknown, mode: SaveMode, options: SaveOptions): Promise<EntityOf<D>> {
    return this.#access.observed(
      mode,
      (context, note) =>
        (context.metadata.hooks === undefined ? saveOne : saveWithHooks)(
          context,
          input,
          mode,
          options,
          note,
        ) as Promise<EntityOf<D>>,
    );
  }

  #saveMany(
    inputs: BulkSource<unknown>,
    mode: SaveMode,
    options: BulkOptions & Partial<OutcomeListener<SaveOutcome<EntityOf<D>>>>,
  ): Promise<BulkSummary | BulkResult<EntityOf<D>>> {
    const onOutcome = options.onOutcome as ((outcome: SaveOutcome<never>, index: number) => void) | undefined;
    return this.#access.observed(`${mode}Many`, async (context, note) => {
      const run = await (options.atomic === true
        ? saveTogether(this.#host, this.#access.definition, inputs, mode, options, onOutcome as never)
        : saveMany(context, inputs, mode, options, onOutcome as never, note));
      const { outcomes, done, failed, stopped } = run;
      if (onOutcome !== undefined) return { done, failed, stopped };
      const result = { outcomes, saved: done - failed, failed: failuresOf(outcomes), stopped };
      return result as BulkResult<Record<string, unknown>> as BulkResult<EntityOf<D>>;
    });
  }
}
