// A cluster of a test's own: three primaries, each with a third of the slots.
// Of the flavour of the first server of the matrix, without modules.
import { Redis } from "ioredis";

import type { ClusterNode } from "remora";
import type { TestServer } from "remora/testing";
import { ownServer } from "./own-server.ts";

/** A running cluster. */
export interface OwnCluster {
  readonly nodes: readonly ClusterNode[];
  /** Every key of the cluster. */
  readonly keys: () => Promise<string[]>;
  /** The same, node by node. */
  readonly keysByNode: () => Promise<readonly string[][]>;
  readonly stop: () => Promise<void>;
}

const slots = 16_384;
const size = 3;

/** Starts a cluster and waits until every node knows all slots. */
export async function ownCluster(): Promise<OwnCluster> {
  const servers: TestServer[] = await Promise.all(
    Array.from({ length: size }, () => ownServer(["--cluster-enabled", "yes"])),
  );
  const nodes = servers.map(({ url }) => ({ host: "127.0.0.1", port: Number(new URL(url).port) }));
  const clients = nodes.map(({ port }) => new Redis(port));
  const first = (at: number): number => Math.floor((slots / size) * at);
  for (const [at, client] of clients.entries()) {
    // eslint-disable-next-line no-await-in-loop -- each is told about the first
    await client.call("CLUSTER", "ADDSLOTSRANGE", String(first(at)), String(first(at + 1) - 1));
    // eslint-disable-next-line no-await-in-loop
    await client.call("CLUSTER", "SET-CONFIG-EPOCH", String(at + 1));
    // eslint-disable-next-line no-await-in-loop
    if (at > 0) await clients[0]?.call("CLUSTER", "MEET", "127.0.0.1", String(nodes[at]?.port));
  }
  const ready = (info: unknown): boolean =>
    String(info).includes("cluster_state:ok") && String(info).includes(`cluster_known_nodes:${size}`);
  // eslint-disable-next-line no-await-in-loop -- asked until they agree
  while (!(await Promise.all(clients.map((client) => client.call("CLUSTER", "INFO")))).every(ready));
  const keysByNode = (): Promise<string[][]> => Promise.all(clients.map((client) => client.keys("*")));
  return {
    nodes,
    keysByNode,
    async keys() {
      return (await keysByNode()).flat().sort((left, right) => (left < right ? -1 : 1));
    },
    async stop() {
      for (const client of clients) client.disconnect();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
