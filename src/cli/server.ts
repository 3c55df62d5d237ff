// The way from a URL to a server, or to all of a cluster, for every command.
// Commands that get no answer are given up.
import { ValidationError } from "../errors.ts";
import { probeCapabilities } from "../redis/capabilities.ts";
import type { RedisClient } from "../redis/client.ts";
import { openConnection } from "../redis/connection.ts";

/** Milliseconds after which a command is given up. */
export const patience = 10_000;

/**
 * Connects to a server; a node of a cluster tells that it is one, and then all of them are asked.
 *
 * @param text - its URL.
 * @returns a connected client.
 * @throws ValidationError when the URL is none of Redis.
 * @throws ConnectionError when the server cannot be reached.
 */
export async function openServer(text: string): Promise<RedisClient> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["redis:", "rediss:"].includes(url.protocol)) {
    throw new ValidationError("the URL of the server must begin with redis:// or rediss://");
  }
  const client = await openConnection({ url: text, commandTimeout: patience });
  if ((await probeCapabilities(client)).mode !== "cluster") return client;
  client.disconnect();
  return openConnection({
    cluster: [{ host: url.hostname, port: Number(url.port || 6379) }],
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === "rediss:" ? { tls: {} } : {}),
    commandTimeout: patience,
  });
}
