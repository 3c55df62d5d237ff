// What every operation on one entity type works with: layout, codec, engine, scripts and the executor.
// Made once per type, on the first operation, when the type's recorded engine is known.
import type { DocumentCodec, ReadValidation } from "../codec/document.ts";
import { CapabilityError, EngineMismatchError, IndexNotReadyError, UnsupportedStorageError } from "../errors.ts";
import { DocumentReader } from "../engines/documents.ts";
import type { Engine } from "../engines/engine.ts";
import { type EngineName, type Layout, layoutOf } from "../engines/layout.ts";
import { partitionedEngine } from "../engines/partitioned.ts";
import { memoryEngine } from "../engines/memory/engine.ts";
import { scanEngine } from "../engines/scan/engine.ts";
import { searchEngine } from "../engines/search/engine.ts";
import { fixedKeys } from "../engines/write/lua.ts";
import { type ProlongScripts, prolongScripts } from "../engines/write/prolong.ts";
import { patchScript } from "../engines/write/patch.ts";
import { reapScript, removeScript, removeUnchangedScript } from "../engines/write/remove.ts";
import { saveScript } from "../engines/write/save.ts";
import type { Capabilities } from "../redis/capabilities.ts";
import type { BlockingConnection } from "../redis/blocking.ts";
import { ReplyFailure, type Request, type Script, type ScriptCall } from "../redis/command.ts";
import { toRemoraError } from "../redis/failures.ts";
import type { Executor } from "../redis/executor.ts";
import { readOnlyRequests, type Requests } from "../redis/read-only.ts";
import type { ServerClock } from "../redis/server-clock.ts";
import { encodeId, type Keyspace } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { OpenBoard } from "./board.ts";
import { Loaded } from "./loaded.ts";
import type { RelatedTypes } from "./on-delete.ts";
import type { SizeLimits } from "./size.ts";

/** The engine asked for: `auto` takes search where the server has it. */
export type EngineChoice = EngineName | "auto";

/** What a repository needs of its database. */
export interface Connection {
  readonly executor: Executor;
  readonly capabilities: Capabilities;
  /** Opens a connection for commands that wait on the server; closed with the database. */
  readonly openBlocking: () => BlockingConnection;
  readonly engine: EngineChoice;
  /** Search indexes exist in database 0 only. */
  readonly searchable: boolean;
  readonly sizes: SizeLimits;
  readonly clock: ServerClock;
  /** Whether saves of large documents that were read before send only what is different. */
  readonly dirtySaves: boolean;
  readonly related: RelatedTypes;
  readonly openBoard: OpenBoard;
}

/** What every operation on one entity type works with. */
export interface TypeContext {
  readonly metadata: EntityMetadata;
  readonly layout: Layout;
  readonly codec: DocumentCodec;
  readonly engine: Engine;
  readonly executor: Requests;
  /** Nothing may be written. */
  readonly readOnly: boolean;
  readonly sizes: SizeLimits;
  readonly reader: DocumentReader;
  /** What every writing script declares before its documents. */
  readonly fixedKeys: readonly string[];
  /** Single fields of a hash may expire. */
  readonly fieldExpiry: boolean;
  /** Scripts that this user was seen to be allowed to run to the end. */
  readonly allowed: Set<Script>;
  /** What the schema has to say of what is read, where a call does not say so. */
  readonly validation: ReadValidation;
  /** The time for timestamps. */
  readonly now: () => Date;
  /** The same for each of its partitions; this very one where it has none. */
  readonly partitions: readonly TypeContext[];
  /** The relations of all types, and what deletions have to do first because of them. */
  readonly related: RelatedTypes;
  /** Counts single saves, which take turns in sweeping. */
  readonly sweeps: { count: number };
  /** Documents that were read lately; undefined where saves are never of differences. */
  readonly loaded: Loaded | undefined;
  /** What a writing call carries so that its operation can be told from others. */
  readonly identity: Pick<ScriptCall, "operations" | "announces">;
  readonly scripts: {
    readonly save: Script;
    readonly patch: Script;
    readonly remove: Script;
    readonly removeUnchanged: Script;
    readonly reap: Script;
    /** For types whose reads prolong the time; never where nothing is written. */
    readonly prolong: ProlongScripts | undefined;
  };
}

/**
 * Finds the engine of a type and compiles everything for it.
 *
 * @param connection - the database's connection.
 * @param metadata - the entity type.
 * @param keys - the key prefixes of each of its partitions.
 * @param codec - its codec.
 * @param options - what the schema has to say of what is read, where a call does not say so, and whether anything is written.
 * @returns the context. One round trip; three more for the server's clock.
 * @throws EngineMismatchError when the type is recorded for another engine than the one asked for.
 * @throws IndexNotReadyError when its entities are spread over another number of partitions.
 */
export async function resolveContext(
  connection: Connection,
  metadata: EntityMetadata,
  keys: readonly Keyspace[],
  codec: DocumentCodec,
  { validation, readOnly }: Pick<TypeContext, "validation" | "readOnly">,
): Promise<TypeContext> {
  if (metadata.clock === "server") await connection.clock.start();
  const recorded = await recordedEngine(connection, metadata, keys);
  const name = chooseEngine(connection, metadata, recorded);
  const { capabilities, sizes, clock, dirtySaves, related } = connection;
  const executor = readOnly ? readOnlyRequests(connection.executor, metadata.name) : connection.executor;
  const homes = Object.freeze(keys.map(({ documents }) => documents));
  const [first, ...others] = keys.map((each) => layoutOf(metadata, name, each, capabilities.vectorSets, homes));
  const layout = first as Layout;
  const remembers = dirtySaves && metadata.version !== undefined && metadata.createdAt !== undefined;
  const common = {
    metadata,
    codec,
    executor,
    sizes,
    related,
    validation,
    readOnly,
    fieldExpiry: capabilities.fieldExpiry,
    now: metadata.clock === "server" ? () => clock.now() : () => new Date(),
    loaded: remembers
      ? new Loaded(metadata.version, metadata.createdAt, (id) => encodeId(id, metadata.name))
      : undefined,
    // Keys come with each call: one set of scripts serves every partition.
    allowed: new Set<Script>(),
    scripts: {
      save: saveScript(layout),
      patch: patchScript(layout),
      remove: removeScript(layout),
      removeUnchanged: removeUnchangedScript(layout),
      reap: reapScript(layout),
      prolong: metadata.ttl?.prolongs === true && !readOnly ? prolongScripts(layout) : undefined,
    },
  };
  const contextOf = (each: Layout): TypeContext => {
    const context = {
      ...common,
      layout: each,
      engine: makeEngine(name, each, codec),
      reader: new DocumentReader(each, codec),
      fixedKeys: Object.freeze(fixedKeys(each)),
      sweeps: { count: 0 },
      identity: { operations: each.operations, announces: each.changes !== undefined },
      partitions: noPartitions,
    };
    return Object.freeze({ ...context, partitions: Object.freeze([context]) });
  };
  const one = contextOf(layout);
  if (others.length === 0) return one;
  const partitions = [one, ...others.map(contextOf)] as const;
  const [engine, ...engines] = partitions.map((each) => each.engine);
  return Object.freeze({ ...one, engine: partitionedEngine([engine as Engine, ...engines], codec), partitions });
}

const noPartitions: readonly TypeContext[] = [];

/** The other form of a type's keys: of one that is spread over partitions, or of one that is not. */
function otherForm({ internal }: Keyspace, { name, partitions }: EntityMetadata): string {
  return partitions > 1 ? internal.replace(`{${name}.0}`, `{${name}}`) : internal.replace(`{${name}}`, `{${name}.0}`);
}

// Whoever looks for entities where they are not would find none, and store others beside them.
async function recordedEngine(
  { executor }: Connection,
  metadata: EntityMetadata,
  [keys]: readonly Keyspace[],
): Promise<EngineName | undefined> {
  const { name, partitions, colocate, keyPrefix } = metadata;
  const { internal } = keys as Keyspace;
  const attempt = { operation: "open", write: false, entity: name };
  const requests: Request[] = [{ name: "HMGET", args: [`${internal}m`, "engine", "partitions"] }];
  if (colocate === undefined && keyPrefix === undefined) {
    requests.push({ name: "HMGET", args: [`${otherForm(keys as Keyspace, metadata)}m`, "engine", "partitions"] });
  }
  const [own, other] = (await executor.many(requests, attempt)).map((reply) => {
    if (reply instanceof ReplyFailure) throw toRemoraError(reply.error, attempt);
    return reply as [engine: string | null, partitions: string | null];
  });
  const stored = [own, other].find((each) => typeof each?.[0] === "string");
  const count = Number(stored?.[1] ?? 1);
  if (stored !== undefined && count !== partitions) {
    throw new IndexNotReadyError(
      `${name}: its entities are spread over ${count} partition${count === 1 ? "" : "s"}, not ${partitions}; nothing was changed: ` +
        `give the type partitions: ${count}, or another name and copy its entities`,
      { entity: name },
    );
  }
  return (stored?.[0] ?? undefined) as EngineName | undefined;
}

function chooseEngine(
  { engine, capabilities, searchable }: Connection,
  { name, storage }: EntityMetadata,
  recorded: EngineName | undefined,
): EngineName {
  if (storage === "string" && engine === "search") {
    throw new UnsupportedStorageError(
      `${name}: search indexes do not see storage string; use storage json or hash, or connect with engine "auto" or "scan"`,
      { entity: name },
    );
  }
  const searches = capabilities.search && searchable && storage !== "string";
  const wanted = engine === "auto" ? (recorded ?? (searches ? "search" : "scan")) : engine;
  if (recorded !== undefined && recorded !== wanted) {
    throw new EngineMismatchError(
      `${name} is recorded for the ${recorded} engine, not ${wanted}; connect with engine "auto" or "${recorded}"`,
      { entity: name },
    );
  }
  if (wanted === "search" && !capabilities.search) {
    throw new CapabilityError(
      `${name} is recorded for the search engine, but this server has no search module (RediSearch 2.10 or newer)`,
      { entity: name },
    );
  }
  return wanted;
}

function makeEngine(name: EngineName, layout: Layout, codec: DocumentCodec): Engine {
  switch (name) {
    case "scan":
      return scanEngine(layout, codec);
    case "search":
      return searchEngine(layout, codec);
    case "memory":
      return memoryEngine(layout, codec);
  }
}
