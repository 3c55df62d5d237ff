// A command whose text is put together from prepared pieces instead of word by word.
// Reading many hashes field by field is as much the driver's work as the server's; this takes the driver's share away.
import { Command, Redis } from "ioredis";
import type { RedisClient } from "./client.ts";
import { bulk, type KeyedCommand } from "./command.ts";

const noWords: string[] = [];
const asText = { replyEncoding: "utf8" as const };

/** A {@link KeyedCommand} in the driver's own form. */
export class WireCommand extends Command {
  readonly #text: string;

  /**
   * @param command - the command.
   */
  constructor({ name, key, rest }: KeyedCommand) {
    super(name, noWords, asText);
    this.args = [key];
    this.#text = rest.head + bulk(key) + rest.tail;
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
