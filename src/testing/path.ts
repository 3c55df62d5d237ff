// Finds servers that are installed: programs on PATH, and the search modules that lie beside them.
// Versions are read from the program itself; what it can do is found out by starting it.
import { access, constants, realpath } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";

import { CapabilityError } from "../errors.ts";
import { moduleFiles } from "./artefacts.ts";
import type { Program } from "./launch.ts";
import { run } from "./run.ts";

const VERSION_MS = 10_000;

/** A `redis-stack-server` on PATH, as the server and modules it stands for; throws CapabilityError without one. */
export async function stackOnPath(modules: boolean): Promise<Program> {
  const script = await findProgram("redis-stack-server");
  // The script only adds modules to the server beside it; calling that directly leaves the flags to us.
  const root = dirname(dirname(await realpath(script)));
  const files = moduleFiles.map((file) => join(root, "lib", file));
  const path = join(root, "bin", "redis-server");
  if (!(await allThere([path, ...files]))) throw new CapabilityError(`${script} has no modules in ${root}/lib.`);
  return { path, modules: modules ? files : [], env: {} };
}

/**
 * A server program on PATH whose version starts with one of the given prefixes, with the search modules
 * that Redis 8 installs beside itself; throws CapabilityError without one.
 */
export async function serverOnPath(
  name: "redis-server" | "valkey-server",
  versions: readonly string[],
  modules: boolean,
): Promise<Program> {
  const path = await findProgram(name);
  const { stdout } = await run(path, ["--version"], { timeout: VERSION_MS });
  const version = /v=(\S+)/.exec(stdout)?.[1] ?? "unknown";
  if (!versions.some((prefix) => version.startsWith(prefix))) {
    throw new CapabilityError(`${path} is version ${version}, not ${versions.join(" or ")}x.`);
  }
  const root = dirname(dirname(await realpath(path)));
  const files = moduleFiles.map((file) => join(root, "lib", "redis", "modules", file));
  return { path, modules: modules && (await allThere(files)) ? files : [], env: {} };
}

async function findProgram(name: string): Promise<string> {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const hits = await Promise.all(
    folders.map(async (folder) => ((await allThere([join(folder, name)])) ? join(folder, name) : undefined)),
  );
  const first = hits.find((hit) => hit !== undefined);
  if (first === undefined) throw new CapabilityError(`There is no ${name} on PATH.`);
  return first;
}

async function allThere(files: readonly string[]): Promise<boolean> {
  try {
    await Promise.all(files.map((file) => access(file, constants.R_OK)));
    return true;
  } catch {
    return false;
  }
}
