// Bringing a type's indexes about, waiting for them, and telling how they are.
// Safe to run from many processes at once: whoever comes second finds the work done.
import { DeadlineError } from "../errors.ts";
import { createIndex } from "../engines/search/attributes.ts";
import { metaFields } from "../engines/layout.ts";
import { claimScript } from "../engines/write/claim.ts";
import type { CallOptions } from "../query/query.ts";
import { type Command, type Reply, ReplyFailure } from "../redis/command.ts";
import { toRemoraError } from "../redis/failures.ts";
import { readMap, readSearch } from "../redis/replies.ts";
import type { TypeContext } from "../repository/context.ts";
import { callOptions } from "../repository/load.ts";
import { observe } from "../repository/observe.ts";
import type { IndexStatus, RepositoryIndexes } from "../repository/repository.ts";
import { stampError } from "../repository/save.ts";

/** How long `sync` and `ready` wait for an index to be built, in milliseconds, when no deadline is given. */
const defaultPatience = 60_000;
/** How often they ask, in milliseconds. */
const pollInterval = 20;

/** Administers the indexes of one entity type. */
export class IndexAdministration implements RepositoryIndexes {
  readonly #resolve: () => Promise<TypeContext>;

  /**
   * @param resolve - gives the type's context.
   */
  constructor(resolve: () => Promise<TypeContext>) {
    this.#resolve = resolve;
  }

  async sync(options: CallOptions = {}): Promise<IndexStatus> {
    const context = await this.#resolve();
    return observe(context.metadata, "indexes.sync", undefined, async () => {
      await claim(context, options);
      if (context.layout.engine === "search") await createSearchIndex(context, options);
      return this.ready(options);
    });
  }

  async ready(options: CallOptions = {}): Promise<IndexStatus> {
    const context = await this.#resolve();
    const { metadata } = context;
    const patience = options.deadline ?? defaultPatience;
    const end = performance.now() + patience;
    for (;;) {
      // eslint-disable-next-line no-await-in-loop -- polling
      const status = await this.status(options);
      if (status.state === "ready") return status;
      if (status.state === "outdated") throw stampError(context, status.stamp);
      if (performance.now() > end) {
        throw new DeadlineError(`${metadata.name}: its indexes are ${status.state} after ${patience} ms`, {
          entity: metadata.name,
        });
      }
      // eslint-disable-next-line no-await-in-loop
      await pause(pollInterval, options.signal);
    }
  }

  async status(options: CallOptions = {}): Promise<IndexStatus> {
    const context = await this.#resolve();
    const { layout, executor, metadata } = context;
    const attempt = { operation: "indexes.status", write: false, entity: metadata.name, ...callOptions(options) };
    const found = await executor.one({ name: "HGET", args: [layout.meta, "stamp"] }, attempt);
    const stamp = typeof found === "string" ? found : "";
    const base = { engine: layout.engine, stamp, documents: 0, failures: 0 };
    if (stamp === "") return { ...base, state: "missing" };
    if (stamp !== layout.stamp) return { ...base, state: "outdated" };
    if (layout.engine !== "search") {
      const documents = Number(await executor.one({ name: "ZCARD", args: [layout.ids as string] }, attempt));
      return { ...base, state: "ready", documents };
    }
    const info = await indexInfo(context, options);
    if (info === undefined || info["index_name"] !== indexName(context)) return { ...base, state: "missing" };
    const building = Number(info["indexing"] ?? 0) !== 0;
    return {
      ...base,
      state: building ? "building" : "ready",
      documents: Number(info["num_docs"] ?? 0),
      failures: Number(info["hash_indexing_failures"] ?? 0),
    };
  }
}

// Notes the layout where nothing is stored yet; refuses where something else is.
async function claim(context: TypeContext, options: CallOptions): Promise<void> {
  const { layout, executor, metadata } = context;
  const attempt = { operation: "indexes.sync", write: true, entity: metadata.name, ...callOptions(options) };
  const empty = layout.engine === "search" && (await searchable(context, options)) === 0;
  const found = await executor.one(
    {
      script: claimScript,
      keys: [layout.meta, layout.ids ?? layout.meta],
      args: [
        layout.stamp,
        JSON.stringify(metaFields(layout)),
        layout.ids === undefined ? (empty ? "empty" : "unknown") : "listed",
      ],
    },
    attempt,
  );
  if (found !== layout.stamp) throw stampError(context, String(found));
}

// How many documents the present search index holds; undefined when there is none.
async function searchable(context: TypeContext, options: CallOptions): Promise<number | undefined> {
  const info = await indexInfo(context, options);
  if (info === undefined) return undefined;
  const { layout } = context;
  const args = [layout.alias, "*", "NOCONTENT", "LIMIT", "0", "0", "DIALECT", "2"];
  return readSearch(await ask(context, { name: "FT.SEARCH", args }, options), false).total;
}

// A new index is built beside the old one and takes over its name only when it is complete.
async function createSearchIndex(context: TypeContext, options: CallOptions): Promise<void> {
  const { layout } = context;
  const name = indexName(context);
  const before = (await indexInfo(context, options))?.["index_name"];
  if (before === name) return;
  await ask(context, createIndex(layout, name), options, /already exists/i);
  await built(context, name, options);
  await ask(context, { name: "FT.ALIASUPDATE", args: [layout.alias, name] }, options);
  if (typeof before === "string") {
    await ask(context, { name: "FT.DROPINDEX", args: [before] }, options, /no such index|unknown index name/i);
  }
}

async function built(context: TypeContext, name: string, options: CallOptions): Promise<void> {
  const end = performance.now() + (options.deadline ?? defaultPatience);
  for (;;) {
    // eslint-disable-next-line no-await-in-loop -- polling
    const info = readMap(await ask(context, { name: "FT.INFO", args: [name] }, options));
    if (Number(info["indexing"] ?? 0) === 0) return;
    if (performance.now() > end) {
      const { name: entity } = context.metadata;
      throw new DeadlineError(
        `${entity}: its search index is still being built; call indexes.sync() again to go on waiting`,
        { entity },
      );
    }
    // eslint-disable-next-line no-await-in-loop
    await pause(pollInterval, options.signal);
  }
}

/** The search index's own name: a change of layout is another index. */
function indexName({ layout, metadata }: TypeContext): string {
  return `${layout.alias}:${metadata.layout}`;
}

async function indexInfo(context: TypeContext, options: CallOptions): Promise<Record<string, unknown> | undefined> {
  const reply = await ask(
    context,
    { name: "FT.INFO", args: [context.layout.alias] },
    options,
    /no such index|unknown index name/i,
  );
  return reply === undefined ? undefined : readMap(reply);
}

// Asks the server; an answer of the expected kind of error counts as undefined.
async function ask(context: TypeContext, command: Command, options: CallOptions, expected?: RegExp): Promise<Reply> {
  const attempt = { operation: "indexes.sync", write: false, entity: context.metadata.name, ...callOptions(options) };
  const [reply] = await context.executor.many([command], attempt);
  if (!(reply instanceof ReplyFailure)) return reply;
  if (expected?.test(reply.error.message) === true) return undefined;
  throw toRemoraError(reply.error, attempt);
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new DeadlineError("indexes.sync: the signal fired"));
      return;
    }
    setTimeout(resolve, milliseconds);
  });
}
