// Servers that are installed: the right program is taken from PATH, with the modules beside it.
// The installation is made of links to a server that was fetched before, laid out as the packages lay it out.
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { recipesFor } from "../../src/testing/artefacts.ts";
import { thisHost } from "../../src/testing/candidates.ts";
import { startServer } from "../../src/testing/index.ts";
import { serverOnPath, stackOnPath } from "../../src/testing/path.ts";
import { cachedArtefact } from "../../src/testing/wheel.ts";

const [recipe] = recipesFor("stack74", await thisHost(), true);
const fetched = recipe && (await cachedArtefact(recipe.server));

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "remora-path-test-"));
  await mkdir(join(root, "bin"));
  vi.stubEnv("REMORA_REDIS_URL", undefined);
  vi.stubEnv("PATH", `${join(root, "bin")}:${process.env["PATH"]}`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

/** A program that only knows its version. */
async function pretend(name: string, version: string): Promise<string> {
  const path = join(root, "bin", name);
  await writeFile(path, `#!/bin/sh\necho "Redis server v=${version} sha=0"\n`, { mode: 0o755 });
  return path;
}

async function addModules(folder: string): Promise<readonly string[]> {
  await mkdir(join(root, folder), { recursive: true });
  const files = ["redisearch.so", "rejson.so"].map((file) => join(root, folder, file));
  await Promise.all(files.map((file) => writeFile(file, "")));
  return files;
}

describe("serverOnPath", () => {
  it("takes a program of the asked version", async () => {
    const path = await pretend("redis-server", "8.2.1");
    expect(await serverOnPath("redis-server", ["8."], true)).toEqual({ path, modules: [], env: {} });
  });

  it("takes the modules that Redis 8 installs beside itself, when asked", async () => {
    await pretend("redis-server", "8.2.1");
    const modules = await addModules("lib/redis/modules");
    expect((await serverOnPath("redis-server", ["8."], true)).modules).toEqual(modules);
    expect((await serverOnPath("redis-server", ["8."], false)).modules).toEqual([]);
  });

  it("refuses another version, and an absent program", async () => {
    await pretend("redis-server", "6.0.16");
    await expect(serverOnPath("redis-server", ["7.0."], false)).rejects.toThrow("is version 6.0.16, not 7.0.x");
    vi.stubEnv("PATH", "");
    await expect(serverOnPath("redis-server", ["7.0."], false)).rejects.toThrow("no redis-server on PATH");
  });
});

describe("stackOnPath", () => {
  it("refuses a script without modules beside it", async () => {
    await pretend("redis-stack-server", "7.4.1");
    await expect(stackOnPath(true)).rejects.toThrow("has no modules");
  });

  it.skipIf(fetched === undefined)("starts the server behind the script", async () => {
    const home = fetched ?? "";
    await mkdir(join(root, "opt", "bin"), { recursive: true });
    await mkdir(join(root, "opt", "lib"));
    await Promise.all([
      symlink(join(home, "redis-server"), join(root, "opt", "bin", "redis-server")),
      symlink(join(home, "redisearch.so"), join(root, "opt", "lib", "redisearch.so")),
      symlink(join(home, "rejson.so"), join(root, "opt", "lib", "rejson.so")),
      writeFile(join(root, "opt", "bin", "redis-stack-server"), "#!/bin/sh\nexit 1\n", { mode: 0o755 }),
      symlink(join(root, "opt", "bin", "redis-stack-server"), join(root, "bin", "redis-stack-server")),
    ]);
    vi.stubEnv("REMORA_CACHE_DIR", join(root, "empty-cache"));
    const server = await startServer({ needs: "search" });
    await server.stop();
    expect(server).toMatchObject({ source: "path", flavour: "stack74", search: true, json: true });
  });
});
