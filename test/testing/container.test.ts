// The container path, on machines where a Docker daemon answers; elsewhere the reason is in the test's name.
// REMORA_REQUIRE_DOCKER=1 turns the missing daemon into a failure.
import { describe, expect, it } from "vitest";

import { dockerProblem, imageOf, startContainer } from "../../src/testing/container.ts";
import { ask, probe } from "../../src/testing/probe.ts";

const required = process.env["REMORA_REQUIRE_DOCKER"] === "1";
const problem = await dockerProblem();
const skipped = problem === undefined || required ? "" : ` (skipped: ${problem})`;
const minutes = 60_000;

describe.skipIf(skipped !== "")(`startContainer${skipped}`, () => {
  it.each([
    ["stack74", true],
    ["valkey91", false],
  ] as const)(
    "starts and stops %s",
    async (flavour, modules) => {
      const lines: string[] = [];
      const running = await startContainer(flavour, modules, ["--maxmemory", "64mb"], (line) => lines.push(line));
      const facts = await probe(running.url);
      const [, limit] = (await ask(running.url, [["CONFIG", "GET", "maxmemory"]]))[0] as [string, string];
      await running.stop();
      await running.stop();
      expect(facts).toMatchObject({ search: modules, json: modules });
      expect(limit).toBe(String(64 * 1024 * 1024));
      expect(lines).toEqual([`starting the container image ${imageOf(flavour)}`]);
      await expect(probe(running.url)).rejects.toThrow("does not answer");
    },
    10 * minutes,
  );
});

describe("startContainer without modules in the image", () => {
  it("refuses before it asks for Docker", async () => {
    await expect(startContainer("valkey91", true, [], () => undefined)).rejects.toThrow("has no search module");
  });
});
