// What a hand-written client would do: an index and documents of its own, asked past the mapper.
// Everything stands in the test's namespace, so that it goes with it.
import { expect } from "vitest";

import type { EntityDefinition } from "remora";
import type { Choice, Opened, Raw } from "../behaviour/matrix.ts";
import { type Layout, layoutOf } from "../../src/engines/layout.ts";
import { keyspace } from "../../src/schema/key.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import type { AvailableLeg } from "../setup/legs.ts";

/** What a search past the mapper gave. */
interface Found {
  readonly total: number;
  /** In the server's order. */
  readonly ids: string[];
}

/** The search engine over both storages, with one driver: traps are the server's. */
export const searching: Choice = ({ engine, driver }) => engine === "search" && driver === "ioredis6";
/** The same, where the storage makes no difference. */
export const searchingOnce: Choice = (combination) => searching(combination) && combination.storage === "hash";
/** The same, for what concerns JSON documents only. */
export const searchingJson: Choice = (combination) => searching(combination) && combination.storage === "json";

/** An index as one makes it without thinking twice. */
export class Naive {
  readonly name: string;
  readonly #raw: Raw;
  readonly #prefix: string;
  readonly #storage: Storage;

  private constructor(raw: Raw, name: string, storage: Storage) {
    this.#raw = raw;
    this.#storage = storage;
    this.name = name;
    this.#prefix = `${name}:`;
  }

  /** Makes the index; the schema as FT.CREATE takes it. */
  static async make(
    { raw, namespace }: Pick<Opened<never>, "raw" | "namespace">,
    storage: Storage,
    schema: readonly string[],
    name = "naive",
  ): Promise<Naive> {
    const naive = new Naive(raw, `${namespace}:${name}`, storage);
    // A scan of what is there already would index what is written meanwhile once more, and so change its order.
    const about = ["ON", storage, "PREFIX", 1, naive.#prefix, "SKIPINITIALSCAN", "SCHEMA"];
    await raw("FT.CREATE", naive.name, ...about, ...schema);
    return naive;
  }

  /** The key of a document. */
  key(id: string): string {
    return this.#prefix + id;
  }

  /** Writes a document: JSON text, or a hash's names and values. */
  put(id: string, ...content: string[]): Promise<unknown> {
    return this.#storage === "json"
      ? this.#raw("JSON.SET", this.key(id), "$", ...content)
      : this.#raw("HSET", this.key(id), ...content);
  }

  /** Searches for keys; in dialect 2 unless told otherwise. */
  async ask(query: string, ...more: (string | number)[]): Promise<Found> {
    const dialect = more.includes("DIALECT") ? [] : ["DIALECT", 2];
    const window = more.includes("LIMIT") ? [] : ["LIMIT", 0, 1000];
    const reply = await this.#raw("FT.SEARCH", this.name, query, "NOCONTENT", ...window, ...more, ...dialect);
    const [total, ...keys] = reply as [number, ...string[]];
    return { total, ids: keys.map((key) => key.slice(this.#prefix.length)) };
  }

  /** The ids that a search finds, sorted. */
  async ids(query: string, ...more: (string | number)[]): Promise<string[]> {
    return (await this.ask(query, ...more)).ids.sort();
  }

  /** The ids that a value given as parameter `$v` finds. */
  idsOf(query: string, value: string): Promise<string[]> {
    return this.ids(query, "PARAMS", 2, "v", value);
  }

  /** What the server says against a search; empty when it answers it. */
  complaint(query: string, ...more: (string | number)[]): Promise<string> {
    return complaint(this.ask(query, ...more));
  }
}

/** Under which names the server has what the mapper asks for a type: the index, and the alias of this very definition. */
export function namesOf(namespace: string, { metadata }: EntityDefinition): Pick<Layout, "alias" | "index"> {
  return layoutOf(metadata, "search", keyspace(metadata, namespace));
}

/** The indexes of a type that the server has, of whatever definition. */
export async function indexesOf(raw: Raw, namespace: string, { metadata }: EntityDefinition): Promise<string[]> {
  const { internal } = keyspace(metadata, namespace);
  return ((await raw("FT._LIST")) as string[]).filter((name) => name.startsWith(internal));
}

/** What the server says against a command; empty when it takes it. */
export async function complaint(reply: Promise<unknown>): Promise<string> {
  try {
    await reply;
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

/** Modules of these servers were seen to have every trap; others may have mended one. */
const seen = new Set(["stack74", "redis82"]);

/** The trap is there on the bare server; one that a newer server has mended is told aloud, and the mapper's part goes on. */
export function expectTrap({ name, flavour }: AvailableLeg, trap: string, shown: boolean): void {
  if (seen.has(flavour)) expect(shown, `on the bare server: ${trap}`).toBe(true);
  else if (!shown) tell(name, trap);
}

/** As {@link expectTrap}, for what depends on how fast the server is. */
export function tellTrap({ name }: AvailableLeg, trap: string, shown: boolean): void {
  if (!shown) tell(name, trap);
}

function tell(name: string, trap: string): void {
  process.stderr.write(`${name} did not show this trap on the bare server: ${trap}\n`);
}
