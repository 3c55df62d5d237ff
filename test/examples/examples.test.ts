// Every example and the demo, run as a reader would run them, on every server of the matrix.
// They must end by themselves, with success, say what they promise, and leave nothing behind.
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { connect } from "../../src/index.ts";
import { allEqual } from "../../examples/demo/queries.ts";
import { describeLegs } from "../setup/legs.ts";

const root = join(import.meta.dirname, "..", "..");
const examples = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"));
const patience = 90_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Run {
  readonly env?: Record<string, string>;
  /** Told to stop when this text appears on screen. */
  readonly interruptAt?: string;
}

function run(file: string, { env = {}, interruptAt }: Run): Promise<Ended> {
  return new Promise((resolve) => {
    const args = ["--import", "tsx", join(root, "examples", file)];
    const options = { cwd: root, env: { ...process.env, ...env }, timeout: patience, maxBuffer: 2 ** 24 };
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
    let interrupted = false;
    child.stdout?.on("data", (text: string) => {
      if (interruptAt === undefined || interrupted || !text.includes(interruptAt)) return;
      interrupted = true;
      child.kill("SIGINT");
    });
  });
}

/** What is left of the namespaces that examples make. */
async function leftovers(url: string, search: boolean): Promise<string[]> {
  await using db = await connect(url);
  const found: string[] = search ? ((await db.redis.call("FT._LIST")) as string[]) : [];
  let cursor = "0";
  do {
    const [next, keys] = (await db.redis.call("SCAN", cursor, "MATCH", "remora-*", "COUNT", 1000)) as [
      string,
      string[],
    ];
    found.push(...keys);
    cursor = next;
  } while (cursor !== "0");
  return found.filter((name) => /^remora-(demo|example)-/.test(name));
}

describe("what the demo calls equal", () => {
  const answer = { total: 2, ids: ["a", "b"], items: [{ id: "a", n: 1 }] };

  it("is the same total, the same ids in the same order, the same entities", () => {
    expect(allEqual([answer, structuredClone(answer)])).toBe(true);
    expect(allEqual([answer])).toBe(true);
    expect(allEqual([answer, { ...answer, total: 3 }])).toBe(false);
    expect(allEqual([answer, { ...answer, ids: ["b", "a"] }])).toBe(false);
    expect(allEqual([answer, { ...answer, items: [{ id: "a", n: 2 }] }])).toBe(false);
  });
});

describeLegs("examples", {}, (leg) => {
  const env = { REMORA_REDIS_URL: leg.url, REMORA_DEMO_CITIES: "3000" };
  const ending = leg.search
    ? ["FT.AGGREGATE", "every answer of the two engines was equal"]
    : ["the demo runs on the scan engine alone", "one engine, nothing to compare"];

  it.each(examples)("%s ends by itself and holds", { timeout: patience }, async (file) => {
    const { code, stdout, stderr } = await run(file, { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`${file}: every claim holds`);
  });

  it("the demo runs to its end", { timeout: patience }, async () => {
    const { code, stdout, stderr } = await run("demo/main.ts", { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("3,000 of 135,233 cities");
    expect(stdout).toContain("VersionConflictError, expected version 1, found 2");
    expect(stdout).toContain("findById null, count 0");
    expect(stdout).toContain("Shanghai");
    expect(stdout).toMatch(/remora, scan .* \d+\.\d+ /);
    for (const text of ending) expect(stdout).toContain(text);
    expect(stdout.match(/│ equal /g) ?? []).toHaveLength(leg.search ? 8 : 0);
    expect(stdout).not.toContain("DIFFERENT");
    expect(await leftovers(leg.url, leg.search)).toEqual([]);
  });

  it("the demo stops and cleans up when it is interrupted", { timeout: patience }, async () => {
    const { code, stdout } = await run("demo/main.ts", { env, interruptAt: "3. " });
    expect(stdout).toContain("SIGINT: stopping");
    expect(code).toBe(130);
    expect(await leftovers(leg.url, leg.search)).toEqual([]);
  });

  it("the demo refuses a setting it cannot use", { timeout: patience }, async () => {
    const { code, stdout } = await run("demo/main.ts", { env: { ...env, REMORA_DEMO_CITIES: "few" } });
    expect(code).toBe(1);
    expect(stdout).toContain("REMORA_DEMO_CITIES must be a whole number");
  });
});
