// What typed lists, sets, sorted sets, hashes and counters stand on: a key, how its commands are sent, and what its items are.
// An entity's collections are held one way, keys of their own another; what is done with them is the same.
import type { RemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { defineScript, type Script, type ScriptCall } from "../redis/command.ts";

/** What a script does with one key, where one command is not enough. */
export interface Work {
  /** What it does, for diagnostics. */
  readonly name: string;
  /** The body of a Lua function that is given `key` and `words`, and returns the reply. */
  readonly lua: string;
}

/** One command, whose words follow its name. */
const oneCommand: Work = Object.freeze({
  name: "command",
  lua: "return redis.pcall(words[1], key, unpack(words, 2))",
});

/**
 * Makes scripts around works, each once.
 *
 * @param name - what they are called; the work's name follows.
 * @param around - the text of a script, of which the given text defines the function `work`.
 * @returns the script for a command or a work, and its arguments.
 */
export function scriptsAround(
  name: string,
  around: (work: string) => string,
): (command: string | Work, words: readonly (string | number)[]) => Pick<ScriptCall, "script" | "args"> {
  const scripts = new WeakMap<Work, Script>();
  const scriptOf = (work: Work): Script => {
    let script = scripts.get(work);
    if (script === undefined) {
      const title = work === oneCommand ? name : `${name} ${work.name}`;
      script = defineScript(title, around(`local function work(key, words) ${work.lua} end`));
      scripts.set(work, script);
    }
    return script;
  };
  return (command, words) => {
    const texts = words.map(String);
    if (typeof command !== "string") return { script: scriptOf(command), args: texts };
    return { script: scriptOf(oneCommand), args: [command, ...texts] };
  };
}

/** Calls of Lua take some eight thousand arguments. */
const mostAtOnce = 5000;

/** One key as typed collections see it. */
export abstract class Holding {
  /**
   * Sends a reading command.
   *
   * @param operation - what the caller asked for.
   * @param options - deadline and signal.
   * @param command - its name.
   * @param words - what follows the key.
   * @returns the reply; that of an empty collection where there is none.
   */
  abstract read(
    operation: string,
    options: CallOptions,
    command: string,
    ...words: readonly (string | number)[]
  ): Promise<unknown>;

  /**
   * Sends a writing command, or work for a script.
   *
   * @param operation - what the caller asked for.
   * @param command - its name, or the work.
   * @param words - what follows the key.
   * @returns the reply.
   */
  abstract write(operation: string, command: string | Work, ...words: readonly (string | number)[]): Promise<unknown>;

  /** Deletes the key. */
  abstract clear(): Promise<void>;

  /**
   * Refuses an argument.
   *
   * @param message - what is wrong with it.
   * @returns the error.
   */
  abstract problem(message: string): RemoraError;

  /**
   * @param item - what the caller gave.
   * @returns its text.
   * @throws ValidationError when it does not fit its schema.
   */
  protected abstract encode(item: unknown): string;

  /**
   * @param text - what is stored.
   * @returns the item.
   * @throws CorruptEntityError when it does not fit its schema.
   */
  protected abstract decode(text: string): unknown;

  /**
   * Items as text; all of them fit their schema, or nothing is sent.
   *
   * @param items - what the caller gave, up to 5000.
   * @returns their texts.
   */
  texts(items: readonly unknown[]): string[] {
    if (items.length > mostAtOnce) throw this.problem(`at most ${mostAtOnce} items at once`);
    return items.map((item) => this.encode(item));
  }

  /**
   * An item from its text.
   *
   * @param text - what is stored.
   * @returns the item.
   */
  item(text: unknown): never {
    return this.decode(String(text)) as never;
  }

  /**
   * An item from its text, where there may be none.
   *
   * @param text - what is stored, or null.
   * @returns the item, or null.
   */
  itemOrNull(text: unknown): never {
    return (typeof text === "string" ? this.decode(text) : null) as never;
  }

  /**
   * Refuses what is no whole number.
   *
   * @param value - what the caller gave.
   * @returns the same.
   */
  whole(value: number): number {
    if (Number.isSafeInteger(value)) return value;
    throw this.problem(`takes a whole number, not ${String(value)}`);
  }

  /**
   * Refuses what is no count.
   *
   * @param value - what the caller gave.
   * @returns the same.
   */
  count(value: number): number {
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw this.problem(`takes a whole number that is not negative, not ${String(value)}`);
  }

  /**
   * Refuses what is no finite number.
   *
   * @param value - what the caller gave.
   * @returns the same.
   */
  finite(value: number): number {
    if (Number.isFinite(value)) return value;
    throw this.problem(`takes a finite number, not ${String(value)}`);
  }
}
