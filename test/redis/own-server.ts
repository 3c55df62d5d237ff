// Servers of a test's own, for what must not be done to a shared one.
// Of the flavour of the first server of the matrix, without modules unless asked for.
import { startServer, type Flavour, type TestServer } from "remora/testing";
import { legs } from "../setup/legs.ts";

/** Starts a server that the test may stop, freeze or reconfigure. */
export function ownServer(args: readonly string[] = []): Promise<TestServer> {
  const flavour = legs().find((leg) => leg.flavour !== "other")?.flavour as Flavour | undefined;
  return startServer({ flavour: flavour ?? "any", needs: "plain", args });
}
