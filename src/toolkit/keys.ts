// Every key of the namespace, by its name: there or not, its type, how long it lives, and moving it.
// Names are without the namespace, which stands in front of each key on the server.
import { CrossSlotError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { isCluster } from "../redis/client.ts";
import { defineScript } from "../redis/command.ts";
import { hashTag } from "../schema/key.ts";
import { KeyCommands, type KeyType } from "./key-commands.ts";
import { Piece } from "./piece.ts";

/** What `rename` accepts. */
export interface RenameOptions extends CallOptions {
  /** `missing` renames only if nothing has the new name. */
  readonly when?: "missing";
}

/* KEYS: the old name, the new one. ARGV: whether the new one must be free. */
const renameScript = defineScript(
  "rename",
  `#!lua
if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
if ARGV[1] == '1' and redis.call('EXISTS', KEYS[2]) == 1 then return 'taken' end
redis.call('RENAME', KEYS[1], KEYS[2])
return 'renamed'`,
);

/** The keys of a namespace. */
export class Keys extends KeyCommands {
  readonly #piece: Piece;

  /**
   * Made by {@link keys}.
   *
   * @internal
   * @param piece - its way to the server.
   */
  constructor(piece: Piece) {
    super(piece, { full: (key) => nameOf(piece, key), short: (rest) => rest });
    this.#piece = piece;
  }

  /**
   * Tells what a key holds. One round trip (TYPE).
   *
   * @param key - the key.
   * @param options - deadline in milliseconds, and signal.
   * @returns its type, `missing` when there is no such key, or the server's word for a type of a module.
   */
  async type(key: string, options: CallOptions = {}): Promise<KeyType | "missing" | (string & {})> {
    const call = { operation: "type", write: false, id: key, ...options };
    const word = String(await this.#piece.one(call, () => ({ name: "TYPE", args: [nameOf(this.#piece, key)] })));
    if (word === "none") return "missing";
    return word === "zset" ? "sortedSet" : word;
  }

  /**
   * Gives a key another name, with the time it has left. One round trip (EVALSHA of RENAME).
   *
   * @param from - its name.
   * @param to - its new name; what has that name is replaced.
   * @param options - `when: "missing"` replaces nothing; deadline in milliseconds, and signal.
   * @returns `renamed`; `missing` when there is no such key; `taken` when the new name is, and nothing was to be replaced.
   * @throws CrossSlotError when both are in different slots of a cluster; nothing was sent.
   */
  async rename(from: string, to: string, options: RenameOptions = {}): Promise<"renamed" | "missing" | "taken"> {
    const { when, ...rest } = options;
    const call = { operation: "rename", write: true, id: from, ...rest };
    const reply = await this.#piece.one(call, () => {
      const names = [nameOf(this.#piece, from), nameOf(this.#piece, to)];
      const [left, right] = names.map((name) => hashTag(name) ?? name);
      if (isCluster(this.#piece.attachment.client) && left !== right) {
        throw new CrossSlotError(
          `keys.rename: ${JSON.stringify(from)} and ${JSON.stringify(to)} may be in different slots of the cluster; ` +
            "only keys with the same text in braces can be renamed to one another",
        );
      }
      return { script: renameScript, keys: names, args: [when === "missing" ? "1" : "0"] };
    });
    return reply as "renamed" | "missing" | "taken";
  }
}

// Names of the server's own grammar: nothing in them is encoded.
function nameOf(piece: Piece, key: string): string {
  if (typeof key !== "string" || key === "") throw piece.invalid("a key is text, and not empty");
  if (!key.isWellFormed()) throw piece.invalid("a key holds no half of a surrogate pair");
  return piece.prefix + key;
}

/**
 * The keys of the database's namespace, whatever they hold.
 *
 * @param db - the database.
 * @returns looks at keys, moves and deletes them; nothing is sent yet.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { keys } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const all = keys(db);
 * for await (const key of all.scan({ match: "kv:draft:*" })) await all.remaining(key); // milliseconds, "never" or "missing"
 * await all.delete(["kv:draft:ada", "kv:draft:bob"]);
 * await db.close();
 * ```
 */
export function keys(db: Attachable): Keys {
  return new Keys(new Piece(db, "keys"));
}
