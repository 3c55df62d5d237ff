// Gets Redis 7.0 from Debian's or Ubuntu's packages without installing them: download, unpack, add what is missing.
// Installing would need root and would start a system service; apt has checked the signatures either way.
import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";

import { CapabilityError } from "../errors.ts";
import { cached, keep } from "./cache.ts";
import { run } from "./run.ts";

const MINUTE_MS = 60_000;
const DOWNLOAD_MS = 5 * MINUTE_MS;
/** Libraries of libraries: deeper than this nothing of Redis goes. */
const MOST_ROUNDS = 4;
const PROGRAM = "redis-server";

/** A server program with the folder of the libraries it needs. */
export interface DebianServer {
  readonly program: string;
  readonly libraries: string;
}

const key = `redis70-${process.arch}`;
const found = (folder: string): DebianServer => ({
  program: join(folder, PROGRAM),
  libraries: join(folder, "libraries"),
});

/** The server fetched earlier, or undefined. */
export async function cachedDebianServer(): Promise<DebianServer | undefined> {
  const folder = await cached(key, [PROGRAM]);
  return folder === undefined ? undefined : found(folder);
}

/** The server, fetched first where needed; throws CapabilityError when this system's packages do not hold it. */
export async function fetchDebianServer(log: (line: string) => void): Promise<DebianServer> {
  const folder = await keep(key, [PROGRAM], async (partial) => {
    log("fetching Debian's redis-server package with apt (1 MB)");
    const debs = join(partial, "debs");
    await mkdir(debs);
    // redis-tools holds the program; redis-server is only a link to it and a service file.
    await download(["redis-tools"], debs);
    await unpack(debs, await readdir(debs), partial);
    await symlink(join("usr", "bin", "redis-check-rdb"), join(partial, PROGRAM));
    await linkLibraries(partial);
    await addMissingLibraries(partial, debs);
    await checkVersion(found(partial));
    await rm(debs, { recursive: true });
  });
  return found(folder);
}

/** Debian keeps libraries in a folder named after the machine; give it one name for all. */
async function linkLibraries(folder: string): Promise<void> {
  const machine = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  await mkdir(join(folder, "usr", "lib", machine), { recursive: true });
  await symlink(join("usr", "lib", machine), join(folder, "libraries"));
}

async function addMissingLibraries(folder: string, debs: string): Promise<void> {
  const seen = new Set<string>();
  let latest: readonly string[] = await readdir(debs);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    // Each round looks at what the round before it brought.
    // oxlint-disable-next-line no-await-in-loop
    if ((await missingLibraries(folder)).length === 0) return;
    // oxlint-disable-next-line no-await-in-loop
    latest = await addDependencies(folder, debs, latest, seen);
  }
  const missing = await missingLibraries(folder);
  if (missing.length > 0) throw new CapabilityError(`redis-server lacks ${missing.join(", ")}.`);
}

async function missingLibraries(folder: string): Promise<readonly string[]> {
  const { program, libraries } = found(folder);
  const { stdout } = await run("ldd", [program], {
    env: { LD_LIBRARY_PATH: libraries },
    timeout: MINUTE_MS,
  });
  return [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1] ?? "");
}

/** Downloads and unpacks the libraries that the given packages depend on; returns the new files. */
async function addDependencies(
  folder: string,
  debs: string,
  of: readonly string[],
  seen: Set<string>,
): Promise<readonly string[]> {
  const fields = await Promise.all(
    of.map((deb) => run("dpkg-deb", ["--field", join(debs, deb), "Depends"], { timeout: MINUTE_MS })),
  );
  const names = fields
    .flatMap(({ stdout }) => stdout.split(","))
    .map((clause) => clause.trim().split(/[\s:|(]/)[0] ?? "")
    // The C library must stay the system's own: a program cannot run with half of another one.
    .filter((name) => /^(lib|lua-)/.test(name) && !name.startsWith("libc6") && !seen.has(name));
  const wanted = [...new Set(names)];
  if (wanted.length === 0) return [];
  for (const name of wanted) seen.add(name);
  const before = new Set(await readdir(debs));
  await download(wanted, debs);
  const added = (await readdir(debs)).filter((deb) => !before.has(deb));
  await unpack(debs, added, folder);
  return added;
}

async function download(packages: readonly string[], folder: string): Promise<void> {
  const fetch = (): ReturnType<typeof run> =>
    run("apt-get", ["--quiet", "download", ...packages], { cwd: folder, timeout: DOWNLOAD_MS });
  const first = await fetch();
  if (first.ok) return;
  if (process.getuid?.() !== 0) {
    throw new CapabilityError(`apt-get cannot download ${packages.join(" ")}:\n${first.complaint}`);
  }
  // Fresh containers come without package lists, old ones with lists that name deleted files.
  await run("apt-get", ["--quiet", "update"], { timeout: DOWNLOAD_MS });
  const second = await fetch();
  if (second.ok) return;
  throw new CapabilityError(`apt-get cannot download ${packages.join(" ")}:\n${second.complaint}`);
}

async function unpack(debs: string, names: readonly string[], folder: string): Promise<void> {
  const results = await Promise.all(
    names.map((name) => run("dpkg-deb", ["--extract", join(debs, name), folder], { timeout: MINUTE_MS })),
  );
  const failed = results.find(({ ok }) => !ok);
  if (failed !== undefined) throw new CapabilityError(`A package cannot be unpacked:\n${failed.complaint}`);
}

async function checkVersion({ program, libraries }: DebianServer): Promise<void> {
  const { ok, stdout, complaint } = await run(program, ["--version"], {
    env: { LD_LIBRARY_PATH: libraries },
    timeout: MINUTE_MS,
  });
  if (!ok) throw new CapabilityError(`The unpacked redis-server does not run:\n${complaint}`);
  const version = /v=(\S+)/.exec(stdout)?.[1] ?? "unknown";
  if (!version.startsWith("7.0.")) {
    throw new CapabilityError(`This system's packages hold Redis ${version}, not 7.0.`);
  }
}
