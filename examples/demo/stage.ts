// What the demo stands on: a server, the engines it has, and a namespace of the demo's own.
// Whatever way the demo ends, closing the stage leaves nothing behind: no key, no search index, no process.
import { connect, type Database, isRemoraError } from "../../src/index.ts";
import { startServer, type TestServer } from "../../src/testing/index.ts";
import { OwnNamespace } from "./namespace.ts";

/** The engines the demo compares. */
export type Engine = "scan" | "search";

/** A server, and the connections opened to it. */
export class Stage {
  /** The server, our own or the one that REMORA_REDIS_URL names. */
  readonly server: TestServer;
  /** scan, and search where the server has it. */
  readonly engines: readonly Engine[];
  readonly #namespace: OwnNamespace;
  readonly #open: Database[] = [];
  #closing: Promise<void> | undefined;

  private constructor(server: TestServer, engines: readonly Engine[]) {
    this.server = server;
    this.engines = engines;
    this.#namespace = new OwnNamespace(server.url, "demo");
  }

  /** Gets a server; `log` is told of slow steps such as a download. */
  static async set(log: (line: string) => void): Promise<Stage> {
    const server = await startServer({ log });
    try {
      return new Stage(server, (await hasSearch(server.url)) ? ["scan", "search"] : ["scan"]);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Connects, in a part of the namespace of its own. */
  async connect(engine: Engine, part: string): Promise<Database> {
    const db = await connect(this.server.url, { namespace: `${this.#namespace.name}.${part}.${engine}`, engine });
    this.#open.push(db);
    return db;
  }

  /** Closes every connection, removes what was stored, ends the server if it is ours. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await Promise.all(this.#open.map((db) => db.close()));
      // A server of our own takes everything with it.
      if (this.server.source === "environment") await this.#namespace[Symbol.asyncDispose]();
    } finally {
      await this.server.stop();
    }
  }
}

// A search module is of no use where search is not possible, such as in a database other than 0.
async function hasSearch(url: string): Promise<boolean> {
  try {
    const db = await connect(url, { engine: "search" });
    await db.close();
    return true;
  } catch (error) {
    if (isRemoraError(error, "CAPABILITY")) return false;
    throw error;
  }
}
