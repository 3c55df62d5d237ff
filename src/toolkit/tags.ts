// Tags of things, and the things of tags: both are written by one call, so that neither says what the other does not.
// All keys of a piece are in one slot of a cluster, so that any things and tags can be compared.
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { defineScript, type Request } from "../redis/command.ts";
import { encodeId } from "../schema/key.ts";
import { Piece } from "./piece.ts";

/** How many tags one call takes. */
const mostAtOnce = 1000;

/*
 * KEYS: the thing's tags, then the things of each tag given. ARGV: what to do, the thing, the beginning of tags' keys,
 * then each tag, then each as it stands in a key. Reply: how many tags were added or taken away.
 */
const tagScript = defineScript(
  "tag",
  `#!lua
local what, thing, front, size = ARGV[1], ARGV[2], ARGV[3], #KEYS - 1
local changed = 0
if what == 'set' or what == 'clear' then
  local kept = {}
  for at = 1, size do kept[ARGV[3 + at]] = true end
  -- The thing's other tags are known here only; their keys are in the same slot.
  local named = redis.call('HGETALL', KEYS[1])
  for at = 1, #named, 2 do
    if not kept[named[at]] then
      redis.call('HDEL', KEYS[1], named[at])
      redis.call('SREM', front .. named[at + 1], thing)
      changed = changed + 1
    end
  end
end
for at = 1, size do
  local tag, encoded = ARGV[3 + at], ARGV[3 + size + at]
  if what == 'remove' then
    changed = changed + redis.call('HDEL', KEYS[1], tag)
    redis.call('SREM', KEYS[1 + at], thing)
  else
    changed = changed + redis.call('HSETNX', KEYS[1], tag, encoded)
    redis.call('SADD', KEYS[1 + at], thing)
  end
end
return changed`,
);

/* KEYS: the tags of things. ARGV: how to combine them. Reply: tags. */
const combineScript = defineScript(
  "combine tags",
  `#!lua flags=no-writes
local found = redis.call('HKEYS', KEYS[1])
local seen = {}
for _, tag in ipairs(found) do seen[tag] = true end
for at = 2, #KEYS do
  local others, kept = {}, {}
  for _, tag in ipairs(redis.call('HKEYS', KEYS[at])) do
    others[tag] = true
    if ARGV[1] == 'union' and not seen[tag] then
      seen[tag] = true
      found[#found + 1] = tag
    end
  end
  if ARGV[1] ~= 'union' then
    for _, tag in ipairs(found) do
      if (others[tag] or false) == (ARGV[1] == 'common') then kept[#kept + 1] = tag end
    end
    found = kept
  end
end
return found`,
);

/** Tags of things, with the look-up of things by tag. */
export class Tags {
  readonly #piece: Piece;
  readonly #things: string;
  readonly #tags: string;

  /**
   * Made by {@link tags}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   */
  constructor(piece: Piece) {
    this.#piece = piece;
    this.#things = `${piece.tagged()}:of:`;
    this.#tags = `${piece.tagged()}:with:`;
  }

  /**
   * Gives tags to a thing. One round trip (EVALSHA).
   *
   * @param thing - its id: 1 to 512 bytes of text.
   * @param names - tags, up to 1000 of them.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many of them it did not have.
   */
  add(thing: string, names: string | readonly string[], options: CallOptions = {}): Promise<number> {
    return this.#write("add", thing, names, options);
  }

  /**
   * Takes tags away from a thing. One round trip (EVALSHA).
   *
   * @param thing - its id.
   * @param names - tags, up to 1000 of them.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many of them it had.
   */
  remove(thing: string, names: string | readonly string[], options: CallOptions = {}): Promise<number> {
    return this.#write("remove", thing, names, options);
  }

  /**
   * Gives a thing these tags and no others. One round trip (EVALSHA).
   *
   * @param thing - its id.
   * @param names - tags, up to 1000 of them.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many tags it got or lost.
   */
  set(thing: string, names: readonly string[], options: CallOptions = {}): Promise<number> {
    return this.#write("set", thing, names, options);
  }

  /**
   * Takes all its tags away from a thing. One round trip (EVALSHA).
   *
   * @param thing - its id.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many it had.
   */
  clear(thing: string, options: CallOptions = {}): Promise<number> {
    return this.#write("clear", thing, [], options);
  }

  /**
   * The tags of a thing. One round trip (HKEYS).
   *
   * @param thing - its id.
   * @param options - deadline in milliseconds, and signal.
   * @returns the tags, in no order.
   */
  async of(thing: string, options: CallOptions = {}): Promise<string[]> {
    const call = { operation: "of", write: false, id: thing, ...options };
    return (await this.#piece.one(call, () => ({ name: "HKEYS", args: [this.#thing(thing)] }))) as string[];
  }

  /**
   * Tells whether a thing has a tag. One round trip (HEXISTS).
   *
   * @param thing - its id.
   * @param name - the tag.
   * @param options - deadline in milliseconds, and signal.
   * @returns true when it has.
   */
  async has(thing: string, name: string, options: CallOptions = {}): Promise<boolean> {
    const call = { operation: "has", write: false, id: thing, ...options };
    return (await this.#piece.one(call, () => ({ name: "HEXISTS", args: [this.#thing(thing), name] }))) === 1;
  }

  /**
   * The things that have every one of some tags. One round trip (SINTER).
   *
   * @param names - one tag, or several.
   * @param options - deadline in milliseconds, and signal.
   * @returns their ids, in no order.
   */
  withAll(names: string | readonly string[], options: CallOptions = {}): Promise<string[]> {
    return this.#with("withAll", "SINTER", names, options);
  }

  /**
   * The things that have any of some tags. One round trip (SUNION).
   *
   * @param names - one tag, or several.
   * @param options - deadline in milliseconds, and signal.
   * @returns their ids, in no order.
   */
  withAny(names: string | readonly string[], options: CallOptions = {}): Promise<string[]> {
    return this.#with("withAny", "SUNION", names, options);
  }

  /**
   * Counts the things that have a tag. One round trip (SCARD).
   *
   * @param name - the tag.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async count(name: string, options: CallOptions = {}): Promise<number> {
    const call = { operation: "count", write: false, id: name, ...options };
    return Number(await this.#piece.one(call, () => ({ name: "SCARD", args: [this.#tag(name)] })));
  }

  /**
   * The tags that every one of some things has. One round trip (EVALSHA_RO).
   *
   * @param things - their ids.
   * @param options - deadline in milliseconds, and signal.
   * @returns the tags, in no order.
   */
  common(things: readonly string[], options: CallOptions = {}): Promise<string[]> {
    return this.#combine("common", things, options);
  }

  /**
   * The tags that any of some things has. One round trip (EVALSHA_RO).
   *
   * @param things - their ids.
   * @param options - deadline in milliseconds, and signal.
   * @returns the tags, in no order.
   */
  union(things: readonly string[], options: CallOptions = {}): Promise<string[]> {
    return this.#combine("union", things, options);
  }

  /**
   * The tags of a thing that none of the others has. One round trip (EVALSHA_RO).
   *
   * @param thing - its id.
   * @param others - ids of the others.
   * @param options - deadline in milliseconds, and signal.
   * @returns the tags, in no order.
   */
  unique(thing: string, others: readonly string[], options: CallOptions = {}): Promise<string[]> {
    return this.#combine("unique", [thing, ...others], options);
  }

  async #write(
    operation: string,
    thing: string,
    names: string | readonly string[],
    options: CallOptions,
  ): Promise<number> {
    const call = { operation, write: true, id: thing, ...options };
    const reply = await this.#piece.one(call, (): Request => {
      const wanted = [...new Set(typeof names === "string" ? [names] : names)];
      if (wanted.length > mostAtOnce) throw this.#piece.invalid(`at most ${mostAtOnce} tags at once`, thing);
      const encoded = wanted.map((name) => encodeId(name, this.#piece.title));
      return {
        script: tagScript,
        keys: [this.#thing(thing), ...encoded.map((name) => this.#tags + name)],
        args: [operation, thing, this.#tags, ...wanted, ...encoded],
      };
    });
    return Number(reply);
  }

  async #with(
    operation: string,
    command: string,
    names: string | readonly string[],
    options: CallOptions,
  ): Promise<string[]> {
    const wanted = typeof names === "string" ? [names] : names;
    if (wanted.length === 0) throw this.#piece.invalid("name at least one tag");
    const call = { operation, write: false, ...options };
    const reply = await this.#piece.one(call, () => ({ name: command, args: wanted.map((name) => this.#tag(name)) }));
    return Array.from(reply as Iterable<string>);
  }

  async #combine(operation: string, things: readonly string[], options: CallOptions): Promise<string[]> {
    if (things.length === 0) throw this.#piece.invalid("name at least one thing");
    const call = { operation, write: false, ...options };
    const reply = await this.#piece.one(call, () => ({
      script: combineScript,
      keys: things.map((thing) => this.#thing(thing)),
      args: [operation],
    }));
    return reply as string[];
  }

  #thing(thing: string): string {
    return this.#things + encodeId(thing, this.#piece.title);
  }

  #tag(name: string): string {
    return this.#tags + encodeId(name, this.#piece.title);
  }
}

/**
 * Tags of things, such as interests of users, with the look-up of things by tag.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @returns gives, takes and compares tags; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { tags } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const interests = tags(db, "interests");
 * await interests.add("ada", ["chess", "engines"]);
 * await interests.add("bob", "chess");
 * await interests.withAll("chess"); // ["ada", "bob"], in no order
 * await interests.unique("ada", ["bob"]); // ["engines"]
 * await db.close();
 * ```
 */
export function tags(db: Attachable, name: string): Tags {
  return new Tags(new Piece(db, "tags", name));
}
