// Every code block of the README, of docs/ and of the docstrings compiles, and runs on every server of the matrix.
// The blocks run in one process after another, each in a namespace of its own.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { describeLegs } from "../setup/legs.ts";
import { docstringBlocks, pageBlocks, root, writeModules } from "./blocks.ts";
import type { Outcome } from "./run-blocks.ts";

const exec = promisify(execFile);
const blocks = [...pageBlocks(), ...docstringBlocks()];
const folder = mkdtempSync(join(tmpdir(), "remora-blocks-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("code blocks of the documentation", () => {
  it("are found in the README, in the pages and in the docstrings", () => {
    const files = blocks.map(({ place }) => place.split(":")[0]);
    expect(files).toContain("README.md");
    expect(files).toContain("docs/queries.md");
    expect(files).toContain("src/database.ts");
  });

  it("compile", { timeout: 120_000 }, async () => {
    const place = join(folder, "types");
    writeModules(place, blocks, { url: "redis://localhost:6379", namespace: "types" });
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const problems = await exec(process.execPath, [compiler, "-p", place]).then(
      () => "",
      (error: { readonly stdout?: string }) => named(error.stdout ?? String(error)),
    );
    expect(problems).toBe("");
  });
});

describeLegs("code blocks of the documentation", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "docs");
  let outcomes: (Outcome | null)[] = [];

  beforeAll(async () => {
    const place = join(folder, leg.name);
    const modules = writeModules(place, blocks, { url: leg.url, namespace: namespace.name });
    const results = join(place, "outcomes.json");
    const runner = join(import.meta.dirname, "run-blocks.ts");
    await exec(process.execPath, ["--import", "tsx", runner, results, ...modules], { cwd: root });
    outcomes = JSON.parse(readFileSync(results, "utf8")) as (Outcome | null)[];
  }, 180_000);

  afterAll(() => namespace[Symbol.asyncDispose]());

  it.each(blocks.map(({ place }, at) => [place, at] as const))("%s runs and ends", (_place, at) => {
    expect(outcomes[at]).toBeNull();
  });
});

// Messages of the compiler name the page instead of the module.
function named(text: string): string {
  return text.replaceAll(/\S*block-(\d+)\.ts/g, (_path, at: string) => blocks[Number(at)]?.place ?? at);
}
