// What the server is and can: asked once per connection, without INFO, CONFIG, MODULE or CLIENT.
// What is forbidden counts as unknown, never as an error.
import { CapabilityError } from "../errors.ts";
import type { RedisClient } from "./client.ts";
import { readMap } from "./replies.ts";

/** What a server is and can. */
export interface Capabilities {
  /** `redis` or `valkey`. */
  readonly server: string;
  /** Its version, such as `7.4.1`; for Valkey its own. */
  readonly version: string;
  /** `standalone`, `sentinel` or `cluster`. */
  readonly mode: string;
  /** The search module answers, in a version that keeps empty values. */
  readonly search: boolean;
  /** The JSON module answers. */
  readonly json: boolean;
  /** The server has vector sets. */
  readonly vectorSets: boolean;
  /** Single fields of a hash may expire. */
  readonly fieldExpiry: boolean;
}

/** RediSearch 2.10 is the first that indexes empty strings. */
const oldestSearch = 21_000;

/**
 * Asks the server what it is.
 *
 * @param client - a connected client.
 * @returns its capabilities.
 * @throws CapabilityError when the server is older than Redis 7.0.
 */
export async function probeCapabilities(client: RedisClient): Promise<Capabilities> {
  const hello = await tryCall(client, "HELLO");
  const facts = readMap(hello);
  const version = typeof facts["version"] === "string" ? facts["version"] : await scriptVersion(client);
  const server = typeof facts["server"] === "string" ? facts["server"] : "redis";
  refuseOld(server, version);
  const modules = moduleVersions(facts["modules"]);
  const search =
    modules === undefined ? await answers(client, "FT._LIST") : (modules.get("search") ?? 0) >= oldestSearch;
  const json = modules === undefined ? await answers(client, "JSON.TYPE", "$") : modules.has("ReJSON");
  const vectorSets = modules === undefined ? await knows(client, "VCARD", "$") : modules.has("vectorset");
  const mode = typeof facts["mode"] === "string" ? facts["mode"] : "standalone";
  const fieldExpiry = await knows(client, "HPTTL", "$", "FIELDS", "1", "f");
  return { server, version, mode, search, json, vectorSets, fieldExpiry };
}

function refuseOld(server: string, version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 7 || (major === 7 && (server !== "valkey" || minor >= 2))) return;
  throw new CapabilityError(
    `the server is ${server} ${version || "of an unknown version"}; Redis 7.0 or Valkey 7.2 is the oldest that works`,
  );
}

function moduleVersions(modules: unknown): Map<string, number> | undefined {
  if (!Array.isArray(modules)) return undefined;
  return new Map(modules.map((module) => [String(readMap(module)["name"]), Number(readMap(module)["ver"])]));
}

async function tryCall(client: RedisClient, command: string, ...args: string[]): Promise<unknown> {
  try {
    return await client.call(command, ...args);
  } catch {
    return undefined;
  }
}

async function scriptVersion(client: RedisClient): Promise<string> {
  // Scripts know the version even where HELLO is forbidden; servers before 7.0 leave it nil.
  const version = await tryCall(client, "EVAL", "return redis.REDIS_VERSION", "0");
  return typeof version === "string" ? version : "";
}

// One that is forbidden is known.
async function knows(client: RedisClient, command: string, ...args: string[]): Promise<boolean> {
  try {
    await client.call(command, ...args);
    return true;
  } catch (error) {
    return !/unknown command/i.test((error as Error).message);
  }
}

async function answers(client: RedisClient, command: string, ...args: string[]): Promise<boolean> {
  try {
    await client.call(command, ...args);
    return true;
  } catch {
    return false;
  }
}
