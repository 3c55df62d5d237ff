// Reads a sample of a database: keys by SCAN, their types, and the documents among them. Nothing is ever written.
// What is large is left alone: a tool must not be a burden to the server it looks at.
import type { RedisClient } from "../../redis/client.ts";
import { ask, scanKeys } from "../../redis/scan.ts";
import type { Sample, SampledDocument } from "./sample.ts";

/** How much to read. */
export interface ReadLimits {
  /** Keys to look at, at most. */
  readonly samples: number;
  /** Calls of SCAN, at most: most of them find nothing where few keys have the prefix. */
  readonly scans: number;
}

const atOnce = 50;
const maxFields = 2000;
const maxCharacters = 1_000_000;
const operation = "infer";

/** Why a key gives no document. */
class Unfit {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/**
 * Reads a sample. SCAN until there are enough keys, then up to four commands per key, fifty keys at once.
 *
 * @param client - a connected client.
 * @param prefix - what the keys begin with.
 * @param limits - how much.
 * @returns what was read.
 * @throws RemoraError of the class that fits the failure.
 */
export async function readSample(client: RedisClient, prefix: string, limits: ReadLimits): Promise<Sample> {
  const { keys, partial } = await someKeys(client, prefix, limits);
  const types: Record<string, number> = {};
  const unfit: Record<string, number> = {};
  const documents: SampledDocument[] = [];
  for (let at = 0; at < keys.length; at += atOnce) {
    // oxlint-disable-next-line no-await-in-loop -- a few at a time
    const found = await Promise.all(keys.slice(at, at + atOnce).map((key) => readKey(client, key)));
    for (const { type, document } of found) {
      types[type] = (types[type] ?? 0) + 1;
      if (document instanceof Unfit) unfit[document.reason] = (unfit[document.reason] ?? 0) + 1;
      else if (document !== undefined) documents.push(document);
    }
  }
  return { prefix, documents, types, unfit, partial };
}

async function someKeys(
  client: RedisClient,
  prefix: string,
  { samples, scans }: ReadLimits,
): Promise<{ keys: string[]; partial: boolean }> {
  const keys = new Set<string>();
  let calls = 0;
  for await (const page of scanKeys(client, prefix)) {
    for (const key of page) {
      if (keys.size >= samples && !keys.has(key)) return { keys: [...keys].sort(), partial: true };
      keys.add(key);
    }
    calls += 1;
    if (calls >= scans) return { keys: [...keys].sort(), partial: true };
  }
  return { keys: [...keys].sort(), partial: false };
}

async function readKey(
  client: RedisClient,
  key: string,
): Promise<{ type: string; document: SampledDocument | Unfit | undefined }> {
  const type = String(await ask(client, operation, "TYPE", key));
  const read = readers[type];
  if (read === undefined) return { type, document: undefined };
  const document = await read(client, key);
  if (document instanceof Unfit) return { type, document };
  const left = Number(await ask(client, operation, "PTTL", key));
  return { type, document: { key, ...document, ttl: left < 0 ? undefined : left } };
}

type Reader = (client: RedisClient, key: string) => Promise<Pick<SampledDocument, "form" | "value"> | Unfit>;

/** By the type that the server tells. */
const readers: Readonly<Record<string, Reader>> = {
  async hash(client, key) {
    if (Number(await ask(client, operation, "HLEN", key)) > maxFields) {
      return new Unfit(`hashes of more than ${maxFields} fields`);
    }
    const flat = (await ask(client, operation, "HGETALL", key)) as string[];
    if (flat.length === 0) return new Unfit("keys that went while they were read");
    const value: Record<string, string> = Object.create(null) as Record<string, string>;
    for (let at = 0; at < flat.length; at += 2) value[flat[at] as string] = flat[at + 1] as string;
    return { form: "hash", value };
  },
  async string(client, key) {
    if (Number(await ask(client, operation, "STRLEN", key)) > maxCharacters) {
      return new Unfit(`strings of more than ${maxCharacters} bytes`);
    }
    return document(
      "string",
      await ask(client, operation, "GET", key),
      "strings that are not the text of a JSON object",
    );
  },
  "ReJSON-RL": async (client, key) =>
    document("json", await ask(client, operation, "JSON.GET", key), "JSON documents that are not objects"),
};

function document(form: "json" | "string", text: unknown, otherwise: string): Awaited<ReturnType<Reader>> {
  if (typeof text !== "string") return new Unfit("keys that went while they were read");
  const value = parsed(text);
  return isObject(value) ? { form, value } : new Unfit(otherwise);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
