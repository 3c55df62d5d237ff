// From requests to driver calls: plain commands, prepared ones, and scripts by hash once the server knows them.
// Sends and nothing else; what to do about failures is the executor's business.
import { isCluster, type RedisClient } from "./client.ts";
import type { KeyedCommand, Request, Script, ScriptCall } from "./command.ts";
import { keyedCommand, longCommand, scriptCommand, takesWireCommands, type WireTarget } from "./wire-command.ts";

/** Up to so many words the driver's own handling costs next to nothing. */
const fewWords = 16;

/** Sends requests over one client. */
export class Sender {
  readonly #client: RedisClient;
  readonly #wired: boolean;
  readonly #clustered: boolean;
  readonly #loaded = new Set<string>();

  /**
   * @param client - a client of the data profile.
   */
  constructor(client: RedisClient) {
    this.#client = client;
    this.#wired = takesWireCommands(client);
    this.#clustered = isCluster(client);
    // Another server may answer after a reconnect, and it may not know our scripts.
    client.on("close", () => this.#loaded.clear());
  }

  /**
   * Sends one request.
   *
   * @param request - a command or script call.
   * @returns the driver's promise of the reply.
   */
  one(request: Request): Promise<unknown> {
    if ("script" in request) return this.#script(request);
    if (!("rest" in request)) {
      const command = this.#wired && request.args.length > fewWords ? longCommand(request) : undefined;
      if (command !== undefined) return (this.#client as unknown as WireTarget).sendCommand(command);
      return this.#client.call(request.name, ...request.args);
    }
    if (!this.#wired) return this.#client.call(request.name, ...keyedWords(request));
    return (this.#client as unknown as WireTarget).sendCommand(keyedCommand(request));
  }

  /**
   * Sends several requests in one write.
   *
   * @param requests - commands and script calls.
   * @returns an error or a reply for each, in order.
   */
  async batch(requests: readonly Request[]): Promise<[error: Error | null, reply: unknown][]> {
    const [only] = requests;
    // What stands alone needs no pipeline, which costs the driver as much as a short reply.
    if (only !== undefined && requests.length === 1) {
      return [await settled(this.one(only))];
    }
    // Drivers of clusters resend whole pipelines while a slot moves, and keys that have not moved yet come back empty.
    if (this.#clustered) return Promise.all(requests.map((request) => settled(this.one(request))));
    const pipeline = this.#client.pipeline();
    for (const request of requests) {
      if ("script" in request) pipeline.call(...this.#scriptWords(request));
      else if (!("rest" in request)) pipeline.call(request.name, ...request.args);
      else if (this.#wired) void (pipeline as unknown as WireTarget).sendCommand(keyedCommand(request));
      else pipeline.call(request.name, ...keyedWords(request));
    }
    const results = (await pipeline.exec()) ?? [];
    for (const [at, request] of requests.entries()) {
      if ("script" in request && results[at]?.[0] === null) this.#loaded.add(request.script.sha);
    }
    return results;
  }

  /**
   * Notes that the server does not know a script after all.
   *
   * @param script - the script.
   */
  forget(script: Script): void {
    this.#loaded.delete(script.sha);
  }

  #script(call: ScriptCall): Promise<unknown> {
    const known = this.#loaded.has(call.script.sha);
    const command = known && this.#wired ? scriptCommand(call) : undefined;
    if (command !== undefined) return (this.#client as unknown as WireTarget).sendCommand(command);
    const [name, ...args] = this.#scriptWords(call);
    const reply = this.#client.call(name, ...args);
    if (known) return reply;
    return reply.then((value) => {
      this.#loaded.add(call.script.sha);
      return value;
    });
  }

  // The text goes along until the server has answered it once on this connection; then its hash does.
  #scriptWords({ script, keys, args }: ScriptCall): [string, ...(string | Buffer)[]] {
    const known = this.#loaded.has(script.sha);
    const name = `${known ? "EVALSHA" : "EVAL"}${script.readOnly ? "_RO" : ""}`;
    return [name, known ? script.sha : script.lua, String(keys.length), ...keys, ...args];
  }
}

function settled(reply: Promise<unknown>): Promise<[error: Error | null, reply: unknown]> {
  return reply.then(
    (value) => [null, value],
    (error: Error) => [error, undefined],
  );
}

function keyedWords({ key, rest }: KeyedCommand): string[] {
  return [key, ...rest.words];
}
