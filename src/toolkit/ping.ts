// Whether the server answers at all, and what it hears.
// For checks of health, and for those who want to see a first reply.
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { Piece } from "./piece.ts";

/**
 * Asks the server whether it is there. One round trip (PING).
 *
 * @param db - the database.
 * @param options - deadline in milliseconds, and signal.
 * @returns how long it took to answer, in milliseconds.
 * @throws ConnectionError, or DeadlineError, when it did not.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { echo, ping } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379");
 * await ping(db); // such as 0.3
 * await echo(db, "hello"); // "hello"
 * await db.close();
 * ```
 */
export async function ping(db: Attachable, options: CallOptions = {}): Promise<number> {
  const began = performance.now();
  await new Piece(db, "server").one({ operation: "ping", write: false, ...options }, () => ({
    name: "PING",
    args: [],
  }));
  return performance.now() - began;
}

/**
 * Has the server say a text back. One round trip (ECHO).
 *
 * @param db - the database.
 * @param text - any text.
 * @param options - deadline in milliseconds, and signal.
 * @returns the text.
 */
export async function echo(db: Attachable, text: string, options: CallOptions = {}): Promise<string> {
  const call = { operation: "echo", write: false, ...options };
  return String(await new Piece(db, "server").one(call, () => ({ name: "ECHO", args: [text] })));
}
