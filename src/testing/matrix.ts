// The servers that one run of a test suite covers, chosen by `REMORA_MATRIX`.
// Only names and expectations; starting the servers is up to whoever runs the tests.
import { ValidationError } from "../errors.ts";
import type { Flavour } from "./artefacts.ts";

/**
 * One kind of server that a test suite runs against.
 *
 * @example
 * ```ts
 * import { matrix, startServer, type Leg } from "remora/testing";
 *
 * const start = (leg: Leg) =>
 *   startServer({ flavour: leg.flavour, needs: leg.search ? "search" : "plain" });
 * const servers = await Promise.all(matrix().map(start));
 * await Promise.all(servers.map((server) => server.stop()));
 * ```
 */
export interface Leg {
  /** Name to show in test titles. */
  readonly name: Flavour;
  /** The flavour to ask `startServer` for. */
  readonly flavour: Flavour;
  /** The server answers FT.*. */
  readonly search: boolean;
  /** The server answers JSON.*. */
  readonly json: boolean;
}

const legs: Readonly<Record<Flavour, Leg>> = {
  redis70: { name: "redis70", flavour: "redis70", search: false, json: false },
  stack74: { name: "stack74", flavour: "stack74", search: true, json: true },
  redis82: { name: "redis82", flavour: "redis82", search: true, json: true },
  valkey91: { name: "valkey91", flavour: "valkey91", search: false, json: false },
};

const fast: readonly Leg[] = [legs.stack74, legs.redis70];
const all: readonly Leg[] = [legs.redis70, legs.stack74, legs.redis82, legs.valkey91];

/**
 * The legs of the test matrix: a fast cut of two servers, or what `REMORA_MATRIX` asks for.
 *
 * @param setting - "all", or flavours separated by commas; by default the variable `REMORA_MATRIX`.
 *   Empty or absent means the fast cut: Redis Stack 7.4 and plain Redis 7.0.
 * @returns the legs, each once, in the order asked for.
 * @throws ValidationError when the setting names an unknown flavour.
 *
 * @example
 * ```ts
 * import { matrix } from "remora/testing";
 *
 * matrix("valkey91,redis70").map((leg) => leg.name); // ["valkey91", "redis70"]
 * ```
 */
export function matrix(setting: string | undefined = process.env["REMORA_MATRIX"]): readonly Leg[] {
  const names = (setting ?? "").split(",").map((name) => name.trim());
  const asked = names.filter((name) => name !== "");
  if (asked.length === 0) return fast;
  if (asked.length === 1 && asked[0] === "all") return all;
  return [...new Set(asked)].map(legOf);
}

function legOf(name: string): Leg {
  const leg = all.find((each) => each.name === name);
  if (leg !== undefined) return leg;
  const known = all.map((each) => each.name).join(", ");
  throw new ValidationError(`REMORA_MATRIX names "${name}"; it takes "all" or any of ${known}.`);
}
