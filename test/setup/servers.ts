// Starts every server of the matrix once for a whole test run, and stops them at its end.
// A leg that cannot be had is named aloud and skipped, or fails the run where the environment says so.
import type { TestProject } from "vitest/node";

import { CapabilityError, isRemoraError } from "../../src/errors.ts";
import { matrix, startServer, type Leg, type StartOptions, type TestServer } from "../../src/testing/index.ts";
import type { ProvidedLeg } from "./legs.ts";

/** A leg to provide, and how to ask for it. */
interface Request {
  readonly leg: Leg | { readonly name: "environment"; readonly search: false; readonly json: false };
  readonly options: StartOptions;
}

interface Started {
  readonly provided: ProvidedLeg;
  readonly server: TestServer | undefined;
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Provisions the legs, in parallel; the returned function ends them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.all(requests().map(start));
  const stopAll = async (): Promise<void> => {
    await Promise.all(started.map(async ({ server }) => server?.stop()));
  };
  const missing = started.flatMap(({ provided }) => ("skipped" in provided ? [provided] : []));
  for (const leg of missing) say(`SKIPPED: no tests on ${leg.name}. ${leg.skipped}`);
  if (missing.length > 0 && process.env["REMORA_REQUIRE_SEARCH"] === "1") {
    await stopAll();
    const names = missing.map((leg) => leg.name).join(", ");
    throw new CapabilityError(`REMORA_REQUIRE_SEARCH=1, but these servers cannot be had: ${names}.`);
  }
  project.provide(
    "servers",
    started.map(({ provided }) => provided),
  );
  return stopAll;
}

/** The matrix, and the server that the environment names, if it names one. */
function requests(): readonly Request[] {
  const legs = matrix().map((leg): Request => {
    return { leg, options: { flavour: leg.flavour, needs: leg.search ? "search" : "plain" } };
  });
  if (!process.env["REMORA_REDIS_URL"]) return legs;
  return [...legs, { leg: { name: "environment", search: false, json: false }, options: { needs: "plain" } }];
}

async function start({ leg, options }: Request): Promise<Started> {
  const { name } = leg;
  try {
    const server = await startServer({ ...options, log: (line) => say(`${name}: ${line}`) });
    const { url, flavour, version, search, json } = server;
    return { server, provided: { name, url, flavour, version, search, json } };
  } catch (error) {
    // A server that the environment names must be there; the others may be lacking on this machine.
    if (!isRemoraError(error, "CAPABILITY")) throw error;
    const { search, json } = leg;
    return { server: undefined, provided: { name, search, json, skipped: error.message } };
  }
}
