// Where fetched servers are kept: one folder per content key, made complete aside and then renamed into place.
// A folder under its final name is therefore always whole, however many processes fetch at once.
import { randomBytes } from "node:crypto";
import { access, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { CapabilityError } from "../errors.ts";

const PARTIAL = ".partial-";
const ABANDONED_AFTER_MS = 3_600_000;

/** Fetches under way in this process, so that servers started together share one download. */
const underWay = new Map<string, Promise<string>>();

/** The cache folder: `REMORA_CACHE_DIR`, `$XDG_CACHE_HOME/remora` or `~/.cache/remora`. */
export function cacheFolder(): string {
  const { env } = process;
  const base = env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return env["REMORA_CACHE_DIR"] || join(base, "remora");
}

/** The folder kept under a key, or undefined unless every file of it is there. */
export async function cached(key: string, files: readonly string[]): Promise<string | undefined> {
  const folder = join(cacheFolder(), key);
  try {
    await Promise.all(files.map((file) => access(join(folder, file))));
    return folder;
  } catch {
    return undefined;
  }
}

/**
 * Returns the folder kept under a key, filling it first where it is absent.
 * When `fill` throws, nothing is kept and its error is passed on.
 */
export async function keep(
  key: string,
  files: readonly string[],
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const place = join(cacheFolder(), key);
  const running = underWay.get(place);
  if (running !== undefined) return running;
  const work = keepOnce(key, files, fill).finally(() => underWay.delete(place));
  underWay.set(place, work);
  return work;
}

async function keepOnce(
  key: string,
  files: readonly string[],
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const found = await cached(key, files);
  if (found !== undefined) return found;
  const partial = await makePartial();
  try {
    await fill(partial);
    return await settle(partial, key, files);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function makePartial(): Promise<string> {
  const root = cacheFolder();
  const partial = join(root, `${PARTIAL}${randomBytes(8).toString("hex")}`);
  try {
    await mkdir(partial, { recursive: true });
  } catch (cause) {
    throw new CapabilityError(`The cache folder ${root} cannot be written; set REMORA_CACHE_DIR to one that can.`, {
      cause,
    });
  }
  await dropAbandoned(root);
  return partial;
}

/** What a killed process left half done is of no use to anybody. */
async function dropAbandoned(root: string): Promise<void> {
  const names = (await readdir(root)).filter((name) => name.startsWith(PARTIAL));
  const drop = async (name: string): Promise<void> => {
    const facts = await stat(join(root, name)).catch(() => undefined);
    if (facts === undefined || Date.now() - facts.mtimeMs < ABANDONED_AFTER_MS) return;
    await rm(join(root, name), { recursive: true, force: true });
  };
  await Promise.all(names.map(drop));
}

/** Moves a complete folder into place; another process that was faster wins. */
async function settle(partial: string, key: string, files: readonly string[]): Promise<string> {
  const place = join(cacheFolder(), key);
  try {
    await rename(partial, place);
    return place;
  } catch (cause) {
    const winner = await cached(key, files);
    if (winner !== undefined) return winner;
    return replaceDamaged(partial, place, cause);
  }
}

/** Somebody deleted files inside the kept folder: move it out of the way rather than mend it in place. */
async function replaceDamaged(partial: string, place: string, cause: unknown): Promise<string> {
  const aside = `${partial}-damaged`;
  try {
    await rename(place, aside);
    await rename(partial, place);
    return place;
  } catch {
    throw new CapabilityError(`The folder ${place} is damaged and cannot be replaced; delete it.`, { cause });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}
