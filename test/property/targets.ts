// What the random tests compare: every server with every storage and engine that it can do.
// Declared once for all of them.
import type { EngineName } from "../../src/engines/layout.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { type AvailableLeg, legs } from "../setup/legs.ts";

/** One way to answer a query. */
export interface Target {
  readonly leg: AvailableLeg;
  readonly storage: Storage;
  readonly engine: EngineName;
}

/** Those whose queries differ: what is read from text is read from JSON documents in the same way. */
export function queried(): Target[] {
  return targets().filter(({ storage }) => storage !== "string");
}

/** All of them. */
export function targets(): Target[] {
  return legs().flatMap((leg) =>
    (["hash", "json", "string"] as const)
      .filter((storage) => storage !== "json" || leg.json)
      .flatMap((storage) =>
        (["scan", "search"] as const)
          .filter((engine) => engine === "scan" || (leg.search && storage !== "string"))
          .map((engine) => ({ leg, storage, engine })),
      ),
  );
}
