// What every operation on one entity type works with: layout, codec, engine, scripts and the executor.
// Made once per type, on the first operation, when the type's recorded engine is known.
import type { DocumentCodec } from "../codec/document.ts";
import { CapabilityError, EngineMismatchError } from "../errors.ts";
import { DocumentReader } from "../engines/documents.ts";
import type { Engine } from "../engines/engine.ts";
import { type EngineName, type Layout, layoutOf } from "../engines/layout.ts";
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
import type { Script, ScriptCall } from "../redis/command.ts";
import type { Executor } from "../redis/executor.ts";
import type { ServerClock } from "../redis/server-clock.ts";
import { encodeId, type Keyspace } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { Loaded } from "./loaded.ts";
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
}

/** What every operation on one entity type works with. */
export interface TypeContext {
  readonly metadata: EntityMetadata;
  readonly layout: Layout;
  readonly codec: DocumentCodec;
  readonly engine: Engine;
  readonly executor: Executor;
  readonly sizes: SizeLimits;
  readonly reader: DocumentReader;
  /** What every writing script declares before its documents. */
  readonly fixedKeys: readonly string[];
  /** Single fields of a hash may expire. */
  readonly fieldExpiry: boolean;
  /** Scripts that this user was seen to be allowed to run to the end. */
  readonly allowed: Set<Script>;
  /** The time for timestamps. */
  readonly now: () => Date;
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
    /** For types whose reads prolong the time. */
    readonly prolong: ProlongScripts | undefined;
  };
}

/**
 * Finds the engine of a type and compiles everything for it.
 *
 * @param connection - the database's connection.
 * @param metadata - the entity type.
 * @param keys - its key prefixes.
 * @param codec - its codec.
 * @returns the context. One round trip; three more for the server's clock.
 * @throws EngineMismatchError when the type is recorded for another engine than the one asked for.
 */
export async function resolveContext(
  connection: Connection,
  metadata: EntityMetadata,
  keys: Keyspace,
  codec: DocumentCodec,
): Promise<TypeContext> {
  const recorded = await connection.executor.one(
    { name: "HGET", args: [`${keys.internal}m`, "engine"] },
    { operation: "open", write: false, entity: metadata.name },
  );
  if (metadata.clock === "server") await connection.clock.start();
  const name = chooseEngine(connection, metadata, typeof recorded === "string" ? (recorded as EngineName) : undefined);
  const layout = layoutOf(metadata, name, keys, connection.capabilities.vectorSets);
  return {
    metadata,
    layout,
    codec,
    engine: makeEngine(name, layout, codec),
    executor: connection.executor,
    sizes: connection.sizes,
    reader: new DocumentReader(layout, codec),
    fieldExpiry: connection.capabilities.fieldExpiry,
    allowed: new Set(),
    now: metadata.clock === "server" ? () => connection.clock.now() : () => new Date(),
    sweeps: { count: 0 },
    loaded:
      connection.dirtySaves && metadata.version !== undefined && metadata.createdAt !== undefined
        ? new Loaded(metadata.version, metadata.createdAt, (id) => encodeId(id, metadata.name))
        : undefined,
    identity: { operations: layout.operations, announces: layout.changes !== undefined },
    fixedKeys: Object.freeze(fixedKeys(layout)),
    scripts: {
      save: saveScript(layout),
      patch: patchScript(layout),
      remove: removeScript(layout),
      removeUnchanged: removeUnchangedScript(layout),
      reap: reapScript(layout),
      prolong: metadata.ttl?.prolongs === true ? prolongScripts(layout) : undefined,
    },
  };
}

function chooseEngine(
  { engine, capabilities, searchable }: Connection,
  { name }: EntityMetadata,
  recorded: EngineName | undefined,
): EngineName {
  const wanted = engine === "auto" ? (recorded ?? (capabilities.search && searchable ? "search" : "scan")) : engine;
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
