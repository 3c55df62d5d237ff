// Where a cache keeps its entries, and every request it sends: an entry and its lease share a slot, a tag's version has one of its own.
// A lease is a short lock with a token: what was loaded under it is stored only while it is still held.
import { randomBytes } from "node:crypto";
import { defineScript, fixedWords, type Reply, type Request } from "../redis/command.ts";
import { scanKeys } from "../redis/scan.ts";
import { decodeId, encodePath } from "../schema/key.ts";
import type { CallOptions } from "../query/query.ts";
import type { TagVersions } from "./cache-entry.ts";
import type { Piece } from "./piece.ts";

/** A tag: its name in entries, and the key of its version. Names of the user's tags are never empty. */
export interface CacheTag {
  readonly name: string;
  readonly key: string;
}

/** What is stored under a key, and the versions of the tags that were asked for; undefined for those that have none. */
export interface Sight {
  readonly text: string | undefined;
  readonly versions: ReadonlyMap<string, string | undefined>;
}

/** An entry to be stored. */
export interface Stored {
  /** The lease it was loaded under; undefined stores it in any case. */
  readonly token: string | undefined;
  /** Milliseconds until it is stale, where that is not when its key ends. */
  readonly fresh: number | undefined;
  /** Milliseconds until its key ends. */
  readonly life: number;
  /** The entry, but for its beginning. */
  readonly text: string;
  readonly tags: readonly CacheTag[];
  /** Whether a refused entry is deleted, since what it was to follow has happened. */
  readonly orDelete?: boolean;
  /** What the in-process layers are told. */
  readonly message: string;
}

const publish = "if ARGV[1] ~= '' then redis.call('PUBLISH', ARGV[1], ARGV[2]) end";

// KEYS: entry, lease. ARGV: channel, message, token, milliseconds until stale, until the end, text, whether to delete instead.
const storeScript = defineScript(
  "cache-store",
  `#!lua
if ARGV[3] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[3] then
  if ARGV[7] == '1' then
    redis.call('UNLINK', KEYS[1], KEYS[2])
    ${publish}
  end
  return 0
end
local text = ARGV[6]
if ARGV[4] ~= '' then
  local time = redis.call('TIME')
  text = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4])..text
end
redis.call('SET', KEYS[1], text, 'PX', ARGV[5])
redis.call('UNLINK', KEYS[2])
${publish}
return 1`,
);

// KEYS: what to delete, of which the first one is counted. ARGV: channel, message.
const dropScript = defineScript(
  "cache-drop",
  `#!lua flags=allow-oom
local gone = redis.call('UNLINK', KEYS[1])
for at = 2, #KEYS do redis.call('UNLINK', KEYS[at]) end
${publish}
return gone`,
);

// KEYS: entry, lease. ARGV: channel, message, token, milliseconds of the lease.
const beginScript = defineScript(
  "cache-begin",
  `#!lua
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('UNLINK', KEYS[1])
${publish}
return 1`,
);

const renewScript = defineScript(
  "cache-renew",
  `#!lua
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0`,
);

const releaseScript = defineScript(
  "cache-release",
  `#!lua flags=allow-oom
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('UNLINK', KEYS[1]) or 0`,
);

// The list of a tag's keys outlives each of them, and forgets those whose time has passed.
const memberScript = defineScript(
  "cache-member",
  `#!lua
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], 'GT', string.format('%.0f', now + ARGV[2]), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1`,
);

const noVersions: ReadonlyMap<string, string | undefined> = new Map();
const get = fixedWords("GET", []);
const slice = 500;

/**
 * Makes a token that nobody can guess and that never comes again.
 *
 * @returns 16 characters.
 */
export function freshToken(): string {
  return randomBytes(12).toString("base64url");
}

/** The entries of one cache on the server. */
export class CacheStore {
  readonly piece: Piece;
  /** Over which in-process layers are told; empty without such. */
  readonly channel: string;
  readonly #clustered: boolean;
  readonly #deadline: number | undefined;

  /**
   * @param piece - the cache's name and way to the server.
   * @param deadline - milliseconds for each request; undefined for the database's.
   * @param told - whether there are in-process layers.
   */
  constructor(piece: Piece, deadline: number | undefined, told: boolean) {
    this.piece = piece;
    this.channel = told ? `${piece.tagged()}:changes` : "";
    this.#clustered = piece.attachment.capabilities.mode === "cluster";
    this.#deadline = deadline;
  }

  /**
   * A tag of the user's.
   *
   * @param name - its name.
   * @returns the tag.
   * @throws ValidationError when the name is refused.
   */
  tag(name: string): CacheTag {
    return { name, key: `${this.piece.tagged(name)}:t` };
  }

  /**
   * Reads an entry. One command (GET).
   *
   * @param key - the entry's key.
   * @param options - deadline and signal.
   * @returns its text; null when there is none.
   */
  get(key: string, options: CallOptions): Promise<Reply> {
    const bare = this.#deadline === undefined && options.deadline === undefined && options.signal === undefined;
    const call = { operation: "get", write: false, id: key };
    return this.piece.one(bare ? call : { ...call, ...this.#limits(options) }, () => ({
      name: "GET",
      key: this.#entry(key),
      rest: get,
    }));
  }

  /**
   * Reads an entry and versions of tags. One command (GET or MGET); on a cluster one per key, in one round trip.
   *
   * @param key - the entry's key.
   * @param tags - the tags.
   * @param options - deadline and signal.
   * @returns what is there.
   */
  async look(key: string, tags: readonly CacheTag[], options: CallOptions): Promise<Sight> {
    if (tags.length === 0) {
      const reply = await this.get(key, options);
      return { text: typeof reply === "string" ? reply : undefined, versions: noVersions };
    }
    const call = { operation: "get", write: false, id: key, ...this.#limits(options) };
    const reads = (): Request[] => this.#reads(key, tags);
    const reply = this.#clustered
      ? await this.piece.many(call, reads)
      : await this.piece.one(call, () => reads()[0] as Request);
    return sightOf(reply as Reply[], tags);
  }

  /**
   * Takes the lease of a key if it is free, and reads the entry behind that. One round trip.
   *
   * @param key - the entry's key.
   * @param token - the lease's token.
   * @param milliseconds - how long it holds.
   * @param tags - the tags whose versions to read.
   * @returns whether it was taken, and what is there.
   */
  async acquire(
    key: string,
    token: string,
    milliseconds: number,
    tags: readonly CacheTag[],
  ): Promise<Sight & { readonly taken: boolean }> {
    const call = { operation: "acquire", write: true, id: key, ...this.#limits({}) };
    const [lease, ...rest] = await this.piece.many(call, () => [
      { name: "SET", args: [this.#lease(key), token, "NX", "PX", String(milliseconds)] },
      ...this.#reads(key, tags),
    ]);
    return { taken: lease === "OK", ...sightOf(rest, tags) };
  }

  /**
   * Makes versions of tags that have none. One round trip, none where all have one.
   *
   * @param key - the key that needs them, for errors.
   * @param tags - the tags.
   * @param known - the versions that were read.
   * @param life - milliseconds until they may be forgotten.
   * @returns a version of each.
   */
  async versions(key: string, tags: readonly CacheTag[], known: Sight["versions"], life: number): Promise<TagVersions> {
    const versions = new Map<string, string>();
    const missing = tags.filter(({ name }) => {
      const version = known.get(name);
      if (version !== undefined) versions.set(name, version);
      return version === undefined;
    });
    if (missing.length === 0) return versions;
    const tokens = missing.map(freshToken);
    const call = { operation: "tag", write: true, id: key, ...this.#limits({}) };
    const before = await this.piece.many(call, () =>
      missing.map((tag, at) => ({
        name: "SET",
        args: [tag.key, tokens[at] as string, "NX", "GET", "PX", String(life)],
      })),
    );
    for (const [at, { name }] of missing.entries()) {
      const found = before[at];
      versions.set(name, typeof found === "string" ? found : (tokens[at] as string));
    }
    return versions;
  }

  /**
   * Stores an entry, in the same script call as the look at its lease. One round trip.
   *
   * @param key - its key.
   * @param stored - the entry.
   * @param members - whether to note it under its tags.
   * @param options - deadline and signal.
   * @returns false when the lease was lost, so that it was not stored.
   */
  async store(key: string, stored: Stored, members: boolean, options: CallOptions = {}): Promise<boolean> {
    const { token = "", fresh, life, text, tags, orDelete = false, message } = stored;
    const milliseconds = String(life);
    const call = { operation: "store", write: true, id: key, ...this.#limits(options) };
    const replies = await this.piece.many(call, () => {
      const keys = [this.#entry(key), this.#lease(key)];
      const telling = message === "" ? "" : this.channel;
      const until = fresh === undefined ? "" : String(fresh);
      return [
        { script: storeScript, keys, args: [telling, message, token, until, milliseconds, text, orDelete ? "1" : ""] },
        // A version that is forgotten before its entries only makes them misses.
        ...tags.map((tag): Request => ({ name: "PEXPIRE", args: [tag.key, milliseconds, "GT"] })),
        ...(members ? tags.filter(({ name }) => name !== "") : []).map((tag): Request => ({
          script: memberScript,
          keys: [memberKey(tag)],
          args: [key, milliseconds],
        })),
      ];
    });
    return replies[0] === 1;
  }

  /**
   * Takes the lease of a key from whoever has it, and deletes the entry, since what it is about is going to change.
   *
   * @param key - the key.
   * @param token - the lease's token.
   * @param milliseconds - how long it holds.
   * @param message - what in-process layers are told.
   * @param options - deadline and signal.
   */
  async begin(key: string, token: string, milliseconds: number, message: string, options: CallOptions): Promise<void> {
    const call = { operation: "write", write: true, id: key, ...this.#limits(options) };
    const keys = (): string[] => [this.#entry(key), this.#lease(key)];
    const args = [this.channel, message, token, String(milliseconds)];
    await this.piece.one(call, () => ({ script: beginScript, keys: keys(), args }));
  }

  /**
   * Holds a lease longer.
   *
   * @param key - its key.
   * @param token - its token.
   * @param milliseconds - from now on.
   * @returns false when it was lost.
   */
  async renew(key: string, token: string, milliseconds: number): Promise<boolean> {
    const call = { operation: "renew", write: true, id: key, ...this.#limits({}) };
    const args = [token, String(milliseconds)];
    return (await this.piece.one(call, () => ({ script: renewScript, keys: [this.#lease(key)], args }))) === 1;
  }

  /**
   * Gives a lease back, if it is still held.
   *
   * @param key - its key.
   * @param token - its token.
   */
  async release(key: string, token: string): Promise<void> {
    const call = { operation: "release", write: true, id: key, ...this.#limits({}) };
    await this.piece.one(call, () => ({ script: releaseScript, keys: [this.#lease(key)], args: [token] }));
  }

  /**
   * Deletes entries, and the leases under which others are loading them. One round trip.
   *
   * @param operation - what is being done, for errors.
   * @param keys - their keys.
   * @param messageOf - what in-process layers are told of one.
   * @param options - deadline and signal.
   * @returns how many were there.
   */
  async drop(
    operation: string,
    keys: readonly string[],
    messageOf: (key: string) => string,
    options: CallOptions,
  ): Promise<number> {
    const call = { operation, write: true, ...this.#limits(options) };
    const replies = await this.piece.many(call, () =>
      keys.map((key) => ({
        script: dropScript,
        keys: [this.#entry(key), this.#lease(key)],
        args: [this.channel, messageOf(key)],
      })),
    );
    return replies.reduce<number>((sum, reply) => sum + Number(reply), 0);
  }

  /**
   * Forgets the versions of tags, so that no entry which has one of them is valid any more. One round trip.
   *
   * @param tags - the tags.
   * @param messageOf - what in-process layers are told of one.
   * @param options - deadline and signal.
   * @returns how many had one.
   */
  async forget(tags: readonly CacheTag[], messageOf: (name: string) => string, options: CallOptions): Promise<number> {
    const call = { operation: "invalidateTags", write: true, ...this.#limits(options) };
    const replies = await this.piece.many(call, () =>
      tags.map(({ name, key }) => ({ script: dropScript, keys: [key], args: [this.channel, messageOf(name)] })),
    );
    return replies.reduce<number>((sum, reply) => sum + Number(reply), 0);
  }

  /**
   * Deletes the entries that were noted under tags, a slice at a time (ZPOPMIN, UNLINK).
   *
   * @param tags - the tags.
   * @param options - deadline of each request, and signal.
   * @returns how many were there.
   */
  async deleteMembers(tags: readonly CacheTag[], options: CallOptions): Promise<number> {
    let deleted = 0;
    const call = { operation: "invalidateTags", write: true, ...this.#limits(options) };
    for (const tag of tags) {
      for (;;) {
        const request = { name: "ZPOPMIN", args: [memberKey(tag), String(slice)] };
        // oxlint-disable-next-line no-await-in-loop -- in slices, so that the server is never held up
        const popped = (await this.piece.one(call, () => request)) as string[];
        const keys = popped.filter((_, at) => at % 2 === 0);
        if (keys.length === 0) break;
        // oxlint-disable-next-line no-await-in-loop
        deleted += await this.drop("invalidateTags", keys, () => "", options);
      }
    }
    return deleted;
  }

  /**
   * Walks the keys of entries and leases that begin with a text. SCAN on every primary, a page at a time.
   *
   * @param beginning - what the keys begin with.
   * @returns pages of keys, of which one may come twice.
   */
  async *keys(beginning: string): AsyncGenerator<readonly string[]> {
    const prefix = `${this.piece.tagged().slice(0, -1)}:`;
    for await (const page of scanKeys(this.piece.attachment.client, prefix + encodePath(beginning))) {
      yield page.flatMap((key) => {
        const end = key.indexOf("}", prefix.length);
        const kind = key.slice(end);
        return kind === "}:v" || kind === "}:l" ? [decodeId(key.slice(prefix.length, end))] : [];
      });
    }
  }

  #limits({ deadline: wanted, signal }: CallOptions): CallOptions {
    const most = this.#deadline;
    const deadline = wanted === undefined || most === undefined ? (wanted ?? most) : Math.min(wanted, most);
    return { ...(deadline === undefined ? {} : { deadline }), ...(signal === undefined ? {} : { signal }) };
  }

  #reads(key: string, tags: readonly CacheTag[]): Request[] {
    const keys = [this.#entry(key), ...tags.map((tag) => tag.key)];
    // Unlike GET, it takes keys of other types for nothing.
    return (this.#clustered ? keys.map((each) => [each]) : [keys]).map((args) => ({ name: "MGET", args }));
  }

  #entry(key: string): string {
    return `${this.piece.tagged(key)}:v`;
  }

  #lease(key: string): string {
    return `${this.piece.tagged(key)}:l`;
  }
}

function memberKey({ key }: CacheTag): string {
  return `${key.slice(0, -1)}m`;
}

function sightOf(replies: readonly Reply[], tags: readonly CacheTag[]): Sight {
  const [text, ...found] = replies.flat();
  const versions = new Map<string, string | undefined>();
  for (const [at, { name }] of tags.entries()) {
    const version = found[at];
    versions.set(name, typeof version === "string" ? version : undefined);
  }
  return { text: typeof text === "string" ? text : undefined, versions };
}
