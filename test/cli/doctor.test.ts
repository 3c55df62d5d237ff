// `remora doctor` from its words to its lines, its JSON and its exit code.
// On a server of the test's own.
import { execFile } from "node:child_process";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect } from "remora";
import type { TestServer } from "remora/testing";
import { ownServer } from "../redis/own-server.ts";

const root = join(import.meta.dirname, "..", "..");

function doctor(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const args = ["--import", "tsx", join(root, "src/cli/main.ts"), "doctor", ...words];
    const child = execFile(process.execPath, args, { cwd: root, timeout: 60_000 }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

describe("remora doctor", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await ownServer();
  });
  afterAll(() => server.stop());

  test("writes what it found for people, and for programs", async () => {
    const people = await doctor("--url", server.url);
    expect(people).toMatchObject({ code: 0, stderr: "" });
    expect(people.stdout).toContain("a restart loses everything");
    expect(people.stdout).toMatch(/findings; 0 keys were looked at\n$/);
    const programs = await doctor("--url", server.url, "--json", "--sample", "10");
    expect(JSON.parse(programs.stdout)).toMatchObject({ unknown: [], sampled: 0 });
  });

  test("fails when it found an error, or no server", async () => {
    await using db = await connect(server.url);
    await db.redis.call("SET", "key", "x".repeat(100_000));
    await db.redis.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", "100kb");
    await expect.poll(async () => (await db.info())[0]?.stats.evicted).toBeGreaterThan(0);
    const { code, stdout } = await doctor("--url", server.url);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^error +\S+ +maxmemory-policy/);
    const nobody = await doctor("--url", "redis://user:hunter2@127.0.0.1:1");
    expect(nobody).toMatchObject({ code: 1, stdout: "" });
    expect(nobody.stderr).toContain("cannot be reached");
    expect(nobody.stderr).not.toContain("hunter2");
    expect((await doctor("--sample", "0")).code).toBe(2);
  });
});
