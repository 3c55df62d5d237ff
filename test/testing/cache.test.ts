// The cache of fetched servers: whole or absent, whoever writes, whatever breaks.
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { CapabilityError } from "../../src/errors.ts";
import { cached, cacheFolder, keep } from "../../src/testing/cache.ts";
import { run } from "../../src/testing/run.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "remora-cache-test-"));
  vi.stubEnv("REMORA_CACHE_DIR", root);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

const fill = async (folder: string): Promise<void> => writeFile(join(folder, "file"), "content");

describe("cacheFolder", () => {
  it("prefers its own variable, then the desktop standard's, then the home folder", () => {
    expect(cacheFolder()).toBe(root);
    vi.stubEnv("REMORA_CACHE_DIR", "");
    vi.stubEnv("XDG_CACHE_HOME", "/somewhere");
    expect(cacheFolder()).toBe("/somewhere/remora");
    vi.stubEnv("XDG_CACHE_HOME", "");
    vi.stubEnv("HOME", "/home/me");
    expect(cacheFolder()).toBe("/home/me/.cache/remora");
  });
});

describe("keep", () => {
  it("fills once and finds it again", async () => {
    const filler = vi.fn<typeof fill>(fill);
    const first = await keep("key", ["file"], filler);
    expect(await keep("key", ["file"], filler)).toBe(first);
    expect(await cached("key", ["file"])).toBe(first);
    expect(await readFile(join(first, "file"), "utf8")).toBe("content");
    expect(filler).toHaveBeenCalledTimes(1);
    expect(await readdir(root)).toEqual(["key"]);
  });

  it("fills once for callers at the same time", async () => {
    const filler = vi.fn<typeof fill>(fill);
    const all = await Promise.all(Array.from({ length: 5 }, () => keep("key", ["file"], filler)));
    expect(new Set(all).size).toBe(1);
    expect(filler).toHaveBeenCalledTimes(1);
  });

  it("leaves nothing behind when filling fails, and tries again later", async () => {
    const failing = async (folder: string): Promise<void> => {
      await fill(folder);
      throw new CapabilityError("half done");
    };
    await expect(keep("key", ["file"], failing)).rejects.toThrow("half done");
    expect(await readdir(root)).toEqual([]);
    await expect(keep("key", ["file"], fill)).resolves.toBe(join(root, "key"));
  });

  it("replaces a folder from which files were deleted", async () => {
    const folder = await keep("key", ["file"], fill);
    await rm(join(folder, "file"));
    expect(await cached("key", ["file"])).toBeUndefined();
    await writeFile(join(folder, "rest"), "of before");
    await keep("key", ["file"], fill);
    expect(await readdir(folder)).toEqual(["file"]);
    expect(await readdir(root)).toEqual(["key"]);
  });

  it("drops what a killed process left, but not what a living one is writing", async () => {
    const [stale, fresh] = [join(root, ".partial-stale"), join(root, ".partial-fresh")];
    await Promise.all([mkdir(stale), mkdir(fresh)]);
    const longAgo = new Date(Date.now() - 7_200_000);
    await utimes(stale, longAgo, longAgo);
    await keep("key", ["file"], fill);
    expect(await readdir(root)).toEqual([".partial-fresh", "key"]);
  });

  it("says so when the folder cannot be written", async () => {
    await writeFile(join(root, "plain-file"), "");
    vi.stubEnv("REMORA_CACHE_DIR", join(root, "plain-file", "below"));
    await expect(keep("key", ["file"], fill)).rejects.toThrow("set REMORA_CACHE_DIR");
  });

  it("stays whole when several processes fill it at once", async () => {
    const meeting = await mkdtemp(join(tmpdir(), "remora-cache-meeting-"));
    const script = new URL("fill-cache.ts", import.meta.url).pathname;
    const args = ["--import", "tsx", script, meeting, "4"];
    const runs = await Promise.all(Array.from({ length: 4 }, () => run(process.execPath, args, { timeout: 25_000 })));
    await rm(meeting, { recursive: true });
    const told = runs.map(({ stdout, complaint }) => stdout || complaint);
    // All of them filled; one won, and each of them reads the winner's files.
    expect(new Set(told).size).toBe(1);
    const { folder, contents } = JSON.parse(told[0] ?? "") as { folder: string; contents: string[] };
    expect(folder).toBe(join(root, "shared"));
    expect(contents[0]).toBe(contents[1]);
    expect(await readdir(root)).toEqual(["shared"]);
  });
});
