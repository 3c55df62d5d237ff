// Who follows whom: each tie stands on both sides, and both are written by one call.
// All keys of a piece are in one slot of a cluster, since a tie has two ends.
import { InvalidCursorError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { defineScript } from "../redis/command.ts";
import { decodeId, encodeId } from "../schema/key.ts";
import { Piece } from "./piece.ts";

/** What pages of followers accept. */
export interface FollowsPageOptions extends CallOptions {
  /** How many at most: 1 to 1000; 100 when left out. */
  readonly limit?: number;
  /** The cursor of the page before. */
  readonly after?: string | undefined;
}

/** Some ids, the newest ties first, and where to read on. */
export interface FollowsPage {
  /** The ids. */
  readonly ids: readonly string[];
  /** Reads on after these; undefined at the end. */
  readonly cursor: string | undefined;
}

/** What `suggested` accepts. */
export interface SuggestedOptions extends CallOptions {
  /** How many at most: 1 to 1000; 10 when left out. */
  readonly limit?: number;
  /** How many of those that somebody follows are looked at, the newest ties first, and of whom each of them follows: 1 to 500; 100 when left out. */
  readonly reach?: number;
}

/** Somebody to follow, and how many of those that one follows do so. */
export interface Suggestion {
  /** Who. */
  readonly id: string;
  /** By how many of those looked at. */
  readonly followedBy: number;
}

/*
 * KEYS: whom the one follows, who follows the other. ARGV: the one, the other. Reply: 1 for a new tie.
 * Times are whole microseconds, later in each set than all before, so that a time is a place in both.
 */
const followScript = defineScript(
  "follow",
  `#!lua
if redis.call('ZSCORE', KEYS[1], ARGV[2]) then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for _, key in ipairs(KEYS) do
  local newest = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  if newest then now = math.max(now, tonumber(newest) + 1) end
end
now = string.format('%.0f', now)
redis.call('ZADD', KEYS[1], now, ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
return 1`,
);

/* KEYS: the same. ARGV: the one, the other. Reply: 1 where there was a tie. */
const unfollowScript = defineScript(
  "unfollow",
  `#!lua
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[2])`,
);

/* KEYS: whom one follows, who follows that one. ARGV: that one, the beginnings of keys. Reply: how many ties there were. */
const forgetScript = defineScript(
  "forget follows",
  `#!lua
local ties = 0
for side = 1, 2 do
  for _, id in ipairs(redis.call('ZRANGE', KEYS[side], 0, -1)) do
    ties = ties + redis.call('ZREM', ARGV[4 - side] .. id, ARGV[1])
  end
  redis.call('DEL', KEYS[side])
end
return ties`,
);

/* KEYS: whom one follows. ARGV: that one, the beginning of such keys, how far to look, how many. Reply: ids and counts in turn. */
const suggestScript = defineScript(
  "suggest follows",
  `#!lua flags=no-writes
local reach = tonumber(ARGV[3])
local counts, found = {}, {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, reach - 1, 'REV')) do
  for _, other in ipairs(redis.call('ZRANGE', ARGV[2] .. id, 0, reach - 1, 'REV')) do
    if not counts[other] then found[#found + 1] = other end
    counts[other] = (counts[other] or 0) + 1
  end
end
table.sort(found, function(left, right)
  if counts[left] ~= counts[right] then return counts[left] > counts[right] end
  return left < right
end)
local reply, most = {}, tonumber(ARGV[4])
for _, id in ipairs(found) do
  if #reply >= 2 * most then break end
  if id ~= ARGV[1] and not redis.call('ZSCORE', KEYS[1], id) then
    reply[#reply + 1] = id
    reply[#reply + 1] = counts[id]
  end
end
return reply`,
);

/** How many ties somebody has. */
export interface FollowCounts {
  /** How many follow. */
  readonly followers: number;
  /** How many are followed. */
  readonly following: number;
}

/** Who follows whom. */
export class Follows {
  readonly #piece: Piece;
  readonly #following: string;
  readonly #followers: string;

  /**
   * Made by {@link follows}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   */
  constructor(piece: Piece) {
    this.#piece = piece;
    this.#following = `${piece.tagged()}:following:`;
    this.#followers = `${piece.tagged()}:followers:`;
  }

  /**
   * Lets somebody follow another. One round trip (EVALSHA).
   *
   * @param one - who follows: 1 to 512 bytes of text.
   * @param other - who is followed.
   * @param options - deadline in milliseconds, and signal.
   * @returns false when it was so already.
   * @throws ValidationError when both are the same.
   */
  async follow(one: string, other: string, options: CallOptions = {}): Promise<boolean> {
    if (one === other) throw this.#piece.invalid("nobody follows himself", one);
    const call = { operation: "follow", write: true, id: one, ...options };
    return (await this.#piece.one(call, () => ({ script: followScript, ...this.#tie(one, other) }))) === 1;
  }

  /**
   * Lets somebody follow another no more. One round trip (EVALSHA).
   *
   * @param one - who follows.
   * @param other - who is followed.
   * @param options - deadline in milliseconds, and signal.
   * @returns false when it was so already.
   */
  async unfollow(one: string, other: string, options: CallOptions = {}): Promise<boolean> {
    const call = { operation: "unfollow", write: true, id: one, ...options };
    return (await this.#piece.one(call, () => ({ script: unfollowScript, ...this.#tie(one, other) }))) === 1;
  }

  /**
   * Tells whether somebody follows another. One round trip (ZSCORE).
   *
   * @param one - who follows.
   * @param other - who is followed.
   * @param options - deadline in milliseconds, and signal.
   * @returns true when it is so.
   */
  async isFollowing(one: string, other: string, options: CallOptions = {}): Promise<boolean> {
    const call = { operation: "isFollowing", write: false, id: one, ...options };
    const request = (): { name: string; args: string[] } => ({
      name: "ZSCORE",
      args: [this.#following + this.#encoded(one), this.#encoded(other)],
    });
    return (await this.#piece.one(call, request)) !== null;
  }

  /**
   * Who follows somebody, the newest first. One round trip (ZRANGE).
   *
   * @param id - who is followed.
   * @param options - how many, after which cursor; deadline in milliseconds, and signal.
   * @returns a page of ids.
   * @throws InvalidCursorError when the cursor is of nothing here.
   */
  followers(id: string, options: FollowsPageOptions = {}): Promise<FollowsPage> {
    return this.#page("followers", this.#followers, id, options);
  }

  /**
   * Whom somebody follows, the newest first. One round trip (ZRANGE).
   *
   * @param id - who follows.
   * @param options - how many, after which cursor; deadline in milliseconds, and signal.
   * @returns a page of ids.
   * @throws InvalidCursorError when the cursor is of nothing here.
   */
  following(id: string, options: FollowsPageOptions = {}): Promise<FollowsPage> {
    return this.#page("following", this.#following, id, options);
  }

  /**
   * Counts both sides. One round trip (ZCARD twice, in one write).
   *
   * @param id - who.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many follow, and how many are followed.
   */
  async counts(id: string, options: CallOptions = {}): Promise<FollowCounts> {
    const call = { operation: "counts", write: false, id, ...options };
    const [followers, following] = await this.#piece.many(call, () =>
      [this.#followers, this.#following].map((front) => ({ name: "ZCARD", args: [front + this.#encoded(id)] })),
    );
    return { followers: Number(followers), following: Number(following) };
  }

  /**
   * Who follows somebody and is followed in turn. One round trip (ZINTER), which takes the longer the more there are.
   *
   * @param id - who.
   * @param options - deadline in milliseconds, and signal.
   * @returns their ids.
   */
  mutual(id: string, options: CallOptions = {}): Promise<string[]> {
    return this.#both(
      "mutual",
      id,
      () => [this.#following, this.#followers].map((front) => front + this.#encoded(id)),
      options,
    );
  }

  /**
   * Whom two both follow. One round trip (ZINTER), which takes the longer the more there are.
   *
   * @param one - who.
   * @param other - the other.
   * @param options - deadline in milliseconds, and signal.
   * @returns their ids.
   */
  common(one: string, other: string, options: CallOptions = {}): Promise<string[]> {
    return this.#both("common", one, () => [one, other].map((id) => this.#following + this.#encoded(id)), options);
  }

  /**
   * Whom somebody might want to follow: who is followed by those that one follows, by most of them first. One round trip (EVALSHA_RO).
   *
   * @param id - who.
   * @param options - how many, and how far to look; deadline in milliseconds, and signal.
   * @returns ids that are not followed yet, each with how many of those looked at follow it.
   */
  async suggested(id: string, options: SuggestedOptions = {}): Promise<Suggestion[]> {
    const { limit = 10, reach = 100, ...rest } = options;
    const call = { operation: "suggested", write: false, id, ...rest };
    const reply = await this.#piece.one(call, () => {
      const encoded = this.#encoded(id);
      const words = [this.#few("reach", reach, 500), this.#few("limit", limit, 1000)];
      return {
        script: suggestScript,
        keys: [this.#following + encoded],
        args: [encoded, this.#following, ...words],
      };
    });
    const pairs = reply as (string | number)[];
    return pairs.flatMap((found, at) =>
      at % 2 === 0 ? [{ id: decodeId(String(found)), followedBy: Number(pairs[at + 1]) }] : [],
    );
  }

  /**
   * Takes every tie of somebody away, on both sides. One round trip (EVALSHA), which takes the longer the more there are.
   *
   * @param id - who.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many ties there were.
   */
  async forget(id: string, options: CallOptions = {}): Promise<number> {
    const call = { operation: "forget", write: true, id, ...options };
    const reply = await this.#piece.one(call, () => {
      const encoded = this.#encoded(id);
      return {
        script: forgetScript,
        keys: [this.#following + encoded, this.#followers + encoded],
        args: [encoded, this.#following, this.#followers],
      };
    });
    return Number(reply);
  }

  async #page(
    operation: string,
    front: string,
    id: string,
    { limit = 100, after, ...options }: FollowsPageOptions,
  ): Promise<FollowsPage> {
    const call = { operation, write: false, id, ...options };
    const reply = await this.#piece.one(call, () => {
      if (after !== undefined && !/^\d{1,16}$/.test(after)) {
        throw new InvalidCursorError(`${this.#piece.title}: the cursor is of nothing here`, {
          entity: this.#piece.title,
        });
      }
      const count = this.#few("limit", limit, 1000);
      const from = after === undefined ? "+inf" : `(${after}`;
      return {
        name: "ZRANGE",
        args: [front + this.#encoded(id), from, "-inf", "BYSCORE", "REV", "LIMIT", "0", count, "WITHSCORES"],
      };
    });
    const pairs = (reply as unknown[]).flat() as (string | number)[];
    const ids = pairs.filter((_each, at) => at % 2 === 0).map((each) => decodeId(String(each)));
    return { ids, cursor: ids.length < limit ? undefined : String(pairs.at(-1)) };
  }

  async #both(operation: string, id: string, keys: () => string[], options: CallOptions): Promise<string[]> {
    const call = { operation, write: false, id, ...options };
    const reply = await this.#piece.one(call, () => ({ name: "ZINTER", args: ["2", ...keys()] }));
    return (reply as string[]).map(decodeId);
  }

  #tie(one: string, other: string): { keys: string[]; args: string[] } {
    const ends = [this.#encoded(one), this.#encoded(other)] as const;
    return { keys: [this.#following + ends[0], this.#followers + ends[1]], args: [...ends] };
  }

  #encoded(id: string): string {
    return encodeId(id, this.#piece.title);
  }

  #few(name: string, value: number, most: number): string {
    if (Number.isInteger(value) && value >= 1 && value <= most) return String(value);
    throw this.#piece.invalid(`${name} is a whole number from 1 to ${most}`);
  }
}

/**
 * Who follows whom.
 *
 * @param db - the database.
 * @param name - what to call it: the middle part of its keys.
 * @returns ties and untie; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { follows } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const users = follows(db, "users");
 * await users.follow("ada", "bob");
 * await users.follow("bob", "eve");
 * await users.followers("bob"); // { ids: ["ada"], cursor: undefined }
 * await users.suggested("ada"); // [{ id: "eve", followedBy: 1 }]
 * await db.close();
 * ```
 */
export function follows(db: Attachable, name: string): Follows {
  return new Follows(new Piece(db, "follows", name));
}
