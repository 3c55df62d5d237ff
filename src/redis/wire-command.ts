// A command whose text is put together here instead of by the driver.
// For short calls the driver's handling of the words costs as much as the server's work; this takes its share away.
import { Command, Redis } from "ioredis";
import type { RedisClient } from "./client.ts";
import { bulk, type Command as CommandData, type KeyedCommand, type ScriptCall } from "./command.ts";

const noWords: string[] = [];
const asText = { replyEncoding: "utf8" as const };

/** A command in the driver's own form, its text ready for the wire. */
export class WireCommand extends Command {
  readonly #text: string;

  /**
   * @param name - the command.
   * @param key - its first key, for the driver's own use.
   * @param text - all of it in the protocol's form.
   */
  constructor(name: string, key: string, text: string) {
    super(name, noWords, asText);
    this.args = [key];
    this.#text = text;
  }

  /**
   * What the driver writes to the socket.
   *
   * @returns the command in the protocol's form.
   */
  override toWritable(): string {
    return this.#text;
  }
}

/**
 * A command on one key, ready for the wire.
 *
 * @param command - the command.
 * @returns it in the driver's own form.
 */
export function keyedCommand({ name, key, rest }: KeyedCommand): WireCommand {
  return new WireCommand(name, key, rest.head + bulk(key) + rest.tail);
}

/**
 * A call of a script that the server knows, ready for the wire.
 *
 * @param call - the call; its arguments are text.
 * @returns it in the driver's own form; undefined when an argument is not text.
 */
export function scriptCommand({ script, keys, args }: ScriptCall): WireCommand | undefined {
  const name = script.readOnly ? "EVALSHA_RO" : "EVALSHA";
  let text = `*${3 + keys.length + args.length}\r\n${bulk(name)}$40\r\n${script.sha}\r\n${bulk(String(keys.length))}`;
  for (const key of keys) text += bulk(key);
  const words = bulks(args);
  return words === undefined ? undefined : new WireCommand(name, keys[0] ?? "", text + words);
}

/**
 * A command of many words, ready for the wire.
 *
 * @param command - the command; its arguments are text.
 * @returns it in the driver's own form; undefined when an argument is not text.
 */
export function longCommand({ name, args }: CommandData): WireCommand | undefined {
  const words = bulks(args);
  const [key] = args;
  if (words === undefined) return undefined;
  return new WireCommand(name, String(key ?? ""), `*${args.length + 1}\r\n${bulk(name)}${words}`);
}

function bulks(words: readonly (string | Buffer)[]): string | undefined {
  let text = "";
  for (const word of words) {
    if (typeof word !== "string") return undefined;
    text += bulk(word);
  }
  return text;
}

/** What takes commands of the driver's own form. */
export interface WireTarget {
  /** Sends a command, or adds it to a batch. */
  sendCommand(command: WireCommand): Promise<unknown>;
}

/**
 * Tells whether a client takes commands made here: only clients of the very same driver do.
 *
 * @param client - any client.
 * @returns true when it does.
 */
export function takesWireCommands(client: RedisClient): boolean {
  return client instanceof Redis;
}
