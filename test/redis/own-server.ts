// Servers of a test's own, for what must not be done to a shared one.
// Of the flavour of the first server of the matrix unless told, without modules unless asked for.
import { startServer, type Flavour, type TestServer } from "remora/testing";
import { type AvailableLeg, legs } from "../setup/legs.ts";

/** What a test may want otherwise. */
interface Wishes {
  /** The server of the matrix whose flavour it shall be. */
  readonly like?: AvailableLeg;
  /** Whether it shall keep JSON documents. */
  readonly json?: boolean;
}

/** Starts a server that the test may stop, freeze or reconfigure. */
export function ownServer(args: readonly string[] = [], { like, json = false }: Wishes = {}): Promise<TestServer> {
  const known = [...(like === undefined ? [] : [like]), ...legs()];
  const flavour = known.find((leg) => leg.flavour !== "other")?.flavour as Flavour | undefined;
  return startServer({ flavour: flavour ?? "any", needs: json ? "json" : "plain", args });
}
