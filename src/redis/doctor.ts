// The doctor: looks at how a server is set up and at a sample of its keys, and says what may go wrong and what to do.
// Reads only. What the user may not ask for is listed, never guessed.
import { isRemoraError } from "../errors.ts";
import { primaries, type RedisClient } from "./client.ts";
import type { Executor, RunOptions } from "./executor.ts";
import { addressOf, readInfo, type ServerInfo } from "./information.ts";
import { readMap } from "./replies.ts";

/** How much a finding matters: `error` loses data or lets others in, `warning` may, `note` is worth knowing. */
export type Severity = "error" | "warning" | "note";

/** What a finding is about. */
export type FindingTopic =
  | "eviction"
  | "persistence"
  | "expiry"
  | "bigKeys"
  | "memory"
  | "clients"
  | "slowCommands"
  | "access"
  | "replication";

/** One thing the doctor found. */
export interface DoctorFinding {
  /** How much it matters. */
  readonly severity: Severity;
  /** What it is about. */
  readonly topic: FindingTopic;
  /** The server, as address and port. */
  readonly server: string;
  /** What was found. */
  readonly what: string;
  /** What to do. */
  readonly cure: string;
}

/** What the doctor says. */
export interface Diagnosis {
  /** What was found, the worst first. */
  readonly findings: readonly DoctorFinding[];
  /** Commands that the user may not run, so that what they tell is unknown. */
  readonly unknown: readonly string[];
  /** Keys that were looked at for their size. */
  readonly sampled: number;
}

/** What the doctor accepts. */
export interface DoctorOptions extends Pick<RunOptions, "deadline" | "signal"> {
  /** Keys to look at on each server; 1 000 when left out. */
  readonly sample?: number;
  /** Bytes from which a key is big; 1 MiB when left out. */
  readonly bigKey?: number;
}

const defaultSample = 1000;
const defaultBigKey = 1024 * 1024;
const keysPerScan = 200;
const order: readonly Severity[] = ["error", "warning", "note"];
const day = 86_400_000;
/** Keys below this count are no reason to ask whether they expire. */
const manyKeys = 10_000;
/** Names of keys told of at most. */
const shownKeys = 5;

type Asked = (command: string, ...args: string[]) => Promise<unknown>;
type Found = Omit<DoctorFinding, "server">;

/**
 * Looks at every primary.
 *
 * @param executor - asks; its deadlines hold for each question.
 * @param client - a connected client.
 * @param options - how many keys to look at, and what is big.
 * @returns what was found.
 * @throws RemoraError of the class that fits the failure.
 */
export async function diagnose(executor: Executor, client: RedisClient, options: DoctorOptions): Promise<Diagnosis> {
  const unknown = new Set<string>();
  const run = { operation: "doctor", write: false, deadline: options.deadline, signal: options.signal };
  const parts = await Promise.all(
    primaries(client).map((node) => {
      const ask: Asked = async (name, ...args) => {
        try {
          return await executor.onNode(node, { name, args }, run);
        } catch (error) {
          if (!isRemoraError(error, "CAPABILITY")) throw error;
          unknown.add(name);
          return undefined;
        }
      };
      return examine(node, ask, options);
    }),
  );
  const findings = parts.flatMap(({ found, server }) => found.map((each) => ({ ...each, server })));
  return {
    findings: findings.toSorted((left, right) => order.indexOf(left.severity) - order.indexOf(right.severity)),
    unknown: [...unknown].toSorted(),
    sampled: parts.reduce((sum, part) => sum + part.sampled, 0),
  };
}

async function examine(
  node: RedisClient,
  ask: Asked,
  { sample = defaultSample, bigKey = defaultBigKey }: DoctorOptions,
): Promise<{ readonly found: readonly Found[]; readonly server: string; readonly sampled: number }> {
  const server = addressOf(node);
  const text = await ask("INFO");
  const info = typeof text === "string" ? readInfo(text, server) : undefined;
  const setup = info === undefined ? [] : [...ofMemory(info), ...ofPersistence(info), ...ofClients(info)];
  const saving = await ask("CONFIG", "GET", "save");
  const sizes = await sampleSizes(ask, sample);
  const found = [
    ...setup,
    ...ofRestarts(readMap(saving)["save"], info),
    ...ofKeys(sizes, bigKey),
    ...ofSlowCommands(await ask("SLOWLOG", "GET", "20")),
    ...(await ofAccess(ask, node)),
  ];
  return { found, server, sampled: sizes.length };
}

function ofMemory({ memory, keyspaces, stats }: ServerInfo): Found[] {
  const found: Found[] = [];
  if (memory.policy !== "" && memory.policy !== "noeviction") {
    found.push({
      severity: stats.evicted > 0 ? "error" : "warning",
      topic: "eviction",
      what: `maxmemory-policy is ${memory.policy}; ${stats.evicted} keys were thrown away so far, indexes among them perhaps`,
      cure: "use noeviction where entities live, and keep caches on a server of their own",
    });
  }
  if (memory.max > 0 && memory.used > memory.max * 0.9) {
    found.push({
      severity: "warning",
      topic: "memory",
      what: `${megabytes(memory.used)} of ${megabytes(memory.max)} are in use`,
      cure: "raise maxmemory, let entities expire, or delete what nobody needs",
    });
  }
  if (memory.max === 0) {
    found.push({
      severity: "note",
      topic: "memory",
      what: "there is no limit on memory, so that the system's own ends the server",
      cure: "set maxmemory below what the machine has",
    });
  }
  if (memory.fragmentation > 1.5 && memory.used > 100 * defaultBigKey) {
    found.push({
      severity: "note",
      topic: "memory",
      what: `the system gave ${memory.fragmentation} bytes for each one in use`,
      cure: "set activedefrag, or restart the server when it suits",
    });
  }
  for (const { db, keys, expires } of keyspaces) {
    if (keys < manyKeys || expires > 0) continue;
    found.push({
      severity: "note",
      topic: "expiry",
      what: `none of the ${keys} keys of database ${db} expires`,
      cure: "give a ttl to what need not stay for ever",
    });
  }
  return found;
}

function ofPersistence({ persistence, replication, lines }: ServerInfo): Found[] {
  const found: Found[] = [];
  const age = Date.now() - persistence.lastSave.getTime();
  if (!persistence.lastSaveOk) {
    found.push({
      severity: "error",
      topic: "persistence",
      what: "the last snapshot failed",
      cure: "look into the server's log: the disk may be full or read-only",
    });
  }
  if (persistence.appendOnly && !persistence.appendOnlyOk) {
    found.push({
      severity: "error",
      topic: "persistence",
      what: "the last append to the file failed",
      cure: "look into the server's log: the disk may be full or read-only",
    });
  }
  if (!persistence.appendOnly && persistence.changesSinceSave > 0 && age > day) {
    found.push({
      severity: "warning",
      topic: "persistence",
      what: `the last snapshot is ${Math.floor(age / day)} days old, and ${persistence.changesSinceSave} writes came after it`,
      cure: "set appendonly yes, or a save rule: a restart loses what is in no file",
    });
  }
  if (!replication.linked) {
    found.push({
      severity: "error",
      topic: "replication",
      what: `the replica has lost its primary (${lines["master_host"] ?? ""})`,
      cure: "look into the log of both, and at the network between them",
    });
  }
  return found;
}

function ofRestarts(rules: unknown, info: ServerInfo | undefined): Found[] {
  if (rules !== "" || info === undefined || info.persistence.appendOnly) return [];
  return [
    {
      severity: "warning",
      topic: "persistence",
      what: "neither snapshots nor an append-only file are set up, so that a restart loses everything",
      cure: "set appendonly yes, or a save rule, unless this is a cache",
    },
  ];
}

function ofClients({ clients }: ServerInfo): Found[] {
  if (clients.max === 0 || clients.connected <= clients.max * 0.8) return [];
  return [
    {
      severity: "warning",
      topic: "clients",
      what: `${clients.connected} of ${clients.max} connections are taken`,
      cure: "share one connection per process, close those of workers that ended, or raise maxclients",
    },
  ];
}

interface Sized {
  readonly key: string;
  readonly bytes: number;
}

async function sampleSizes(ask: Asked, sample: number): Promise<readonly Sized[]> {
  const keys = new Set<string>();
  let cursor = "0";
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page needs the cursor of the one before
    const reply = await ask("SCAN", cursor, "COUNT", String(keysPerScan));
    if (!Array.isArray(reply)) return [];
    const [next, page] = reply as [string, string[]];
    cursor = next;
    for (const key of page) if (keys.size < sample) keys.add(key);
  } while (cursor !== "0" && keys.size < sample);
  const sizes = await Promise.all([...keys].map((key) => ask("MEMORY", "USAGE", key)));
  return [...keys].map((key, at) => ({ key, bytes: Number(sizes[at] ?? 0) }));
}

function ofKeys(sizes: readonly Sized[], bigKey: number): Found[] {
  const big = sizes.filter(({ bytes }) => bytes >= bigKey).toSorted((left, right) => right.bytes - left.bytes);
  if (big.length === 0) return [];
  const named = big.slice(0, shownKeys).map(({ key, bytes }) => `${JSON.stringify(key)} (${megabytes(bytes)})`);
  return [
    {
      severity: "warning",
      topic: "bigKeys",
      what: `${big.length} of ${sizes.length} keys looked at are big: ${named.join(", ")}`,
      cure: "split them, or cap them: one command on a big key holds every other client up",
    },
  ];
}

function ofSlowCommands(reply: unknown): Found[] {
  if (!Array.isArray(reply) || reply.length === 0) return [];
  const entries = reply as [id: number, at: number, microseconds: number, words: string[]][];
  // Their arguments may be anybody's data, so only the commands are told.
  const names = new Set(entries.map(([, , , [name = ""]]) => name.toUpperCase()));
  const longest = Math.max(...entries.map(([, , microseconds]) => microseconds));
  return [
    {
      severity: "note",
      topic: "slowCommands",
      what: `the slow log has ${[...names].join(", ")}; the longest took ${(longest / 1000).toFixed(1)} ms`,
      cure: "look at them with SLOWLOG GET; nothing else runs while a command does",
    },
  ];
}

async function ofAccess(ask: Asked, node: RedisClient): Promise<Found[]> {
  const user = readMap(await ask("ACL", "GETUSER", "default"));
  const flags = Array.isArray(user["flags"]) ? (user["flags"] as unknown[]).map(String) : [];
  const { tls, host } = node.options as { tls?: unknown; host?: string };
  const local = host === undefined || ["localhost", "127.0.0.1", "::1"].includes(host);
  const found: Found[] = [];
  if (flags.includes("on") && flags.includes("nopass")) {
    found.push({
      severity: local ? "note" : "error",
      topic: "access",
      what: "whoever reaches the server is let in without a password",
      cure: "set requirepass, or ACL users with the rights of docs/acl.md, and bind to addresses you trust",
    });
  }
  if (!local && tls === undefined) {
    found.push({
      severity: "warning",
      topic: "access",
      what: "the connection is not encrypted",
      cure: "use rediss:// where the network is not yours alone",
    });
  }
  return found;
}

function megabytes(bytes: number): string {
  return `${(bytes / defaultBigKey).toFixed(1)} MiB`;
}
