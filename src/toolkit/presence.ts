// Who is here: whoever said so lately, by the server's clock. Who falls silent is forgotten without anybody's doing.
// Somebody may be here by several ways, such as two windows; leaving by one of them leaves the others.
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { defineScript, type Script } from "../redis/command.ts";
import { encodeId } from "../schema/key.ts";
import { Piece } from "./piece.ts";

/** What `presence` accepts. */
export interface PresenceOptions {
  /** After how many seconds of silence somebody counts as gone; 60 when left out. */
  readonly silence?: number;
  /** How many are remembered at the most; those that were silent longest are forgotten first. 100 000 when left out. */
  readonly max?: number;
}

/** What `touch` and `leave` accept. */
export interface PresenceWayOptions extends CallOptions {
  /** By which way, such as the id of a session or a window. */
  readonly via?: string;
}

/** What `online` accepts. */
export interface OnlineOptions extends CallOptions {
  /** How many at most; 100 when left out. */
  readonly limit?: number;
  /** How many to leave out at the beginning. */
  readonly offset?: number;
}

/** Somebody who is here. */
export interface Present {
  /** Who. */
  readonly id: string;
  /** When that was said last, by the server's clock. */
  readonly seen: Date;
}

const clockLua = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local silence = tonumber(ARGV[1])
local text = function(number) return string.format('%.0f', number) end
local gone = text(now - silence)`;

/* KEYS: who is here, and the ways of this one. ARGV: silence, the id, the way, how many are remembered. Reply: 1 for somebody new. */
const touchScript = defineScript(
  "touch presence",
  `#!lua
${clockLua}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', gone)
local new = redis.call('ZADD', KEYS[1], text(now), ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', gone)
redis.call('ZADD', KEYS[2], text(now), ARGV[3])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -101)
redis.call('PEXPIRE', KEYS[2], ARGV[1])
local most = tonumber(ARGV[4])
if redis.call('ZCARD', KEYS[1]) > most then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -most - 1) end
return new`,
);

/* KEYS: the same. ARGV: silence, the id, the way, whether by every way. Reply: 1 when nobody of that id is here any more. */
const leaveScript = defineScript(
  "leave presence",
  `#!lua
${clockLua}
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', gone)
if ARGV[4] == '1' then redis.call('DEL', KEYS[2]) else redis.call('ZREM', KEYS[2], ARGV[3]) end
if redis.call('ZCARD', KEYS[2]) > 0 then
  -- Seen last is now whoever of the others was.
  redis.call('ZADD', KEYS[1], 'XX', redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2], ARGV[2])
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[2])
return 1`,
);

const readScript = (name: string, lua: string): Script =>
  defineScript(
    name,
    `#!lua flags=no-writes
${clockLua}
gone = '(' .. gone
${lua}`,
  );
const countScript = readScript("count presence", "return redis.call('ZCOUNT', KEYS[1], gone, '+inf')");
const onlineScript = readScript(
  "list presence",
  "return redis.call('ZRANGE', KEYS[1], '+inf', gone, 'BYSCORE', 'REV', 'LIMIT', ARGV[3], ARGV[2], 'WITHSCORES')",
);
const seenScript = readScript(
  "seen presence",
  `local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, 2))
for at, score in ipairs(scores) do
  if score and tonumber(score) <= now - silence then scores[at] = false end
end
return scores`,
);

/** Who is here. */
export class Presence {
  readonly #piece: Piece;
  readonly #part: string | undefined;
  readonly #options: PresenceOptions;
  readonly #silence: string;
  readonly #max: string;

  /**
   * Made by {@link presence}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param options - how long silence may be, and how many are remembered.
   * @param part - the user's name for a part of it.
   */
  constructor(piece: Piece, options: PresenceOptions, part?: string) {
    const { silence = 60, max = 100_000 } = options;
    if (!Number.isInteger(max) || max < 1 || max > 10_000_000) {
      throw piece.invalid("max is a whole number from 1 to 10 000 000");
    }
    this.#piece = piece;
    this.#part = part;
    this.#options = options;
    this.#silence = piece.lifetime(silence).milliseconds;
    this.#max = String(max);
  }

  /**
   * A place of its own, such as a room.
   *
   * @param part - its name: 1 to 512 bytes of text.
   * @returns the same for that place.
   */
  of(part: string): Presence {
    return new Presence(this.#piece, this.#options, part);
  }

  /**
   * Says that somebody is here; to be said again before the silence is too long. One round trip (EVALSHA).
   *
   * @param id - who: 1 to 512 bytes of text.
   * @param options - by which way, deadline in milliseconds, and signal.
   * @returns true when nobody of that id was here before.
   */
  async touch(id: string, options: PresenceWayOptions = {}): Promise<boolean> {
    const { via = "", ...rest } = options;
    return this.#write("touch", touchScript, id, [via, this.#max], rest);
  }

  /**
   * Says that somebody left. One round trip (EVALSHA).
   *
   * @param id - who.
   * @param options - by which way, of which others are left then; by all of them when left out. Deadline in milliseconds, and signal.
   * @returns true when nobody of that id is here any more.
   */
  async leave(id: string, options: PresenceWayOptions = {}): Promise<boolean> {
    const { via, ...rest } = options;
    return this.#write("leave", leaveScript, id, [via ?? "", via === undefined ? "1" : "0"], rest);
  }

  /**
   * Tells whether somebody is here. One round trip (EVALSHA_RO of ZMSCORE).
   *
   * @param id - who.
   * @param options - deadline in milliseconds, and signal.
   * @returns true when that was said lately.
   */
  async isOnline(id: string, options: CallOptions = {}): Promise<boolean> {
    return (await this.lastSeen([id], options))[0] !== null;
  }

  /**
   * Tells when some were seen last. One round trip (EVALSHA_RO of ZMSCORE).
   *
   * @param ids - who, up to 5000 of them.
   * @param options - deadline in milliseconds, and signal.
   * @returns for each in order the time by the server's clock, or null for who is not here.
   */
  async lastSeen(ids: readonly string[], options: CallOptions = {}): Promise<(Date | null)[]> {
    if (ids.length === 0) return [];
    if (ids.length > 5000) throw this.#piece.invalid("at most 5000 ids at once", this.#part);
    const reply = await this.#read("lastSeen", seenScript, () => ids, options);
    return (reply as (string | number | null)[]).map((score) => (score === null ? null : new Date(Number(score))));
  }

  /**
   * Who is here, seen last first. One round trip (EVALSHA_RO of ZRANGE).
   *
   * @param options - how many, deadline in milliseconds, and signal.
   * @returns ids, and when each was seen.
   */
  async online(options: OnlineOptions = {}): Promise<Present[]> {
    const { limit = 100, offset = 0, ...rest } = options;
    for (const number of [limit, offset]) {
      if (!Number.isSafeInteger(number) || number < 0) {
        throw this.#piece.invalid("limit and offset are whole numbers that are not negative", this.#part);
      }
    }
    const reply = await this.#read("online", onlineScript, () => [String(limit), String(offset)], rest);
    const pairs = (reply as unknown[]).flat() as (string | number)[];
    return pairs.flatMap((id, at) => (at % 2 === 0 ? [{ id: String(id), seen: new Date(Number(pairs[at + 1])) }] : []));
  }

  /**
   * Counts who is here. One round trip (EVALSHA_RO of ZCOUNT).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async count(options: CallOptions = {}): Promise<number> {
    return Number(await this.#read("count", countScript, () => [], options));
  }

  async #write(
    operation: string,
    script: Script,
    id: string,
    words: readonly string[],
    options: CallOptions,
  ): Promise<boolean> {
    const call = { operation, write: true, id, ...options };
    const reply = await this.#piece.one(call, () => {
      const front = this.#piece.tagged(this.#part);
      const keys = [`${front}:seen`, `${front}:ways:${encodeId(id, this.#piece.title)}`];
      return { script, keys, args: [this.#silence, id, ...words] };
    });
    return reply === 1;
  }

  #read(operation: string, script: Script, words: () => readonly string[], options: CallOptions): Promise<unknown> {
    const call = { operation, write: false, id: this.#part, ...options };
    return this.#piece.one(call, () => ({
      script,
      keys: [`${this.#piece.tagged(this.#part)}:seen`],
      args: [this.#silence, ...words()],
    }));
  }
}

/**
 * Who is here, such as the users that are online.
 *
 * @param db - the database.
 * @param name - what to call it: the middle part of its keys.
 * @param options - how long silence may be, and how many are remembered.
 * @returns notes and tells who is here; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 * @throws ValidationError when an option is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { presence } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const online = presence(db, "online", { silence: 60 });
 * await online.touch("ada", { via: "phone" });
 * await online.touch("ada", { via: "desk" });
 * await online.leave("ada", { via: "phone" }); // false: she is still here
 * await online.online(); // [{ id: "ada", seen: … }]
 * await db.close();
 * ```
 */
export function presence(db: Attachable, name: string, options: PresenceOptions = {}): Presence {
  return new Presence(new Piece(db, "presence", name), options);
}
