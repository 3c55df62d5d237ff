// A primary with a replica, watched by three Sentinels, of a test's own.
// The Sentinels run the same program as the servers; everything ends with the test.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Redis } from "ioredis";

import type { SentinelAddress } from "remora";
import type { TestServer } from "remora/testing";
import { ownServer } from "./own-server.ts";

/** What runs. */
export interface OwnSentinels {
  readonly name: string;
  readonly sentinels: readonly SentinelAddress[];
  /** Port of the primary at the start. */
  readonly primaryPort: number;
  /** Kills the primary, without a word to anybody. */
  readonly killPrimary: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const quorum = 2;
const count = 3;

/** Starts them, and waits until the replica follows, and every Sentinel knows it and the others. */
export async function ownSentinels(): Promise<OwnSentinels> {
  const primary = await ownServer();
  const primaryPort = portOf(primary);
  const replica = await ownServer(["--replicaof", "127.0.0.1", String(primaryPort)]);
  const folder = mkdtempSync(join(tmpdir(), "remora-sentinel-"));
  const ports = await freePorts(count);
  const program = await executableOf(primary);
  const children = ports.map((port) => startSentinel(program, folder, port, primaryPort));
  const clients = ports.map((port) => new Redis(port, { maxRetriesPerRequest: null }));
  for (const client of clients) client.on("error", () => undefined);
  const known = async (client: Redis): Promise<boolean> => {
    const facts = String(await client.info("sentinel").catch(() => ""));
    return facts.includes(`slaves=1,sentinels=${count}`);
  };
  const follower = new Redis(replica.url);
  // eslint-disable-next-line no-await-in-loop -- asked until it is
  while (!(await follower.info("replication")).includes("master_link_status:up"));
  follower.disconnect();
  // eslint-disable-next-line no-await-in-loop -- asked until they agree
  while (!(await Promise.all(clients.map(known))).every(Boolean));
  return {
    name: "main",
    sentinels: ports.map((port) => ({ host: "127.0.0.1", port })),
    primaryPort,
    killPrimary: () => primary.stop(),
    async stop() {
      for (const client of clients) client.disconnect();
      await Promise.all(children.map(ended));
      await Promise.all([primary.stop(), replica.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function portOf({ url }: TestServer): number {
  return Number(new URL(url).port);
}

// The program that a test server runs, told by itself.
async function executableOf({ url }: TestServer): Promise<string> {
  const client = new Redis(url);
  const [, path = ""] = /^executable:(.*?)\r?$/m.exec(await client.info("server")) ?? [];
  client.disconnect();
  return path;
}

function startSentinel(program: string, folder: string, port: number, primaryPort: number): ChildProcess {
  const file = join(folder, `sentinel-${port}.conf`);
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor main 127.0.0.1 ${primaryPort} ${quorum}`,
    "sentinel down-after-milliseconds main 500",
    "sentinel failover-timeout main 3000",
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return spawn(program, [file, "--sentinel"], { stdio: "ignore" });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

async function freePorts(wanted: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: wanted }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => {
        server.listen(0, "127.0.0.1", resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
