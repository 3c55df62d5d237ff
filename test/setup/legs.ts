// What test files see of the servers: the legs of the matrix, and a namespace of their own on each.
import { randomBytes } from "node:crypto";

import { describe, inject } from "vitest";

/** A server that runs for this test run. */
export interface AvailableLeg {
  readonly name: string;
  readonly url: string;
  readonly flavour: string;
  readonly version: string;
  readonly search: boolean;
  readonly json: boolean;
}

/** A server that was asked for and could not be had. */
interface MissingLeg {
  readonly name: string;
  readonly search: boolean;
  readonly json: boolean;
  /** Why not. */
  readonly skipped: string;
}

/** What the global setup provides for each leg. */
export type ProvidedLeg = AvailableLeg | MissingLeg;

declare module "vitest" {
  interface ProvidedContext {
    servers: ProvidedLeg[];
  }
}

/** Which legs a test file is about. */
export interface LegFilter {
  readonly search?: boolean;
  readonly json?: boolean;
}

/** The servers that run, by default all of them. */
export function legs(filter: LegFilter = {}): readonly AvailableLeg[] {
  return matching(filter).flatMap((leg) => ("skipped" in leg ? [] : [leg]));
}

/** Declares the same tests once per leg; a leg that could not be had shows as skipped, with the reason. */
export function describeLegs(title: string, filter: LegFilter, tests: (leg: AvailableLeg) => void): void {
  const found = matching(filter);
  for (const leg of found) {
    if ("skipped" in leg) describe.skip(`${title} on ${leg.name}: ${leg.skipped.split("\n")[0]}`, () => undefined);
    else describe(`${title} on ${leg.name}`, () => tests(leg));
  }
  if (found.length === 0) describe.skip(`${title}: the matrix has no such server`, () => undefined);
}

/** A namespace that no other test uses, so that test files share a server without meeting. */
export function freshNamespace(): string {
  return `test-${randomBytes(6).toString("hex")}`;
}

function matching({ search, json }: LegFilter): readonly ProvidedLeg[] {
  return inject("servers").filter(
    (leg) => (search === undefined || leg.search === search) && (json === undefined || leg.json === json),
  );
}
