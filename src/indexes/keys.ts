// Going over the keys of a type by SCAN, in slices: its documents, and what it keeps beside them.
// Only for work on indexes: no query and no save ever looks for keys.
import { documentKey, type Layout } from "../engines/layout.ts";
import { keyType } from "../engines/write/lua.ts";
import { defineScript, type ScriptCall } from "../redis/command.ts";
import { decodeId, encodeId } from "../schema/key.ts";
import type { Storage } from "../schema/metadata.ts";
import type { Session } from "./session.ts";

/**
 * SCAN on the node of a cluster that has the type's keys: a script is sent where its key lives.
 * KEYS: meta. ARGV: SCAN's own words.
 */
const scanScript = defineScript("scan-keys", "#!lua flags=no-writes\nreturn redis.call('SCAN', unpack(ARGV))");

/** How many keys the server looks at per call. */
const sliceSize = "1000";

/**
 * Lists the ids of a type's documents, whoever wrote them; some may come twice.
 *
 * @param session - the run of work.
 * @param storage - how the documents are stored.
 * @returns slices of ids as they stand in keys, some of them empty.
 */
export async function* documentIds(session: Session, storage: Storage): AsyncGenerator<string[]> {
  const { documents } = session.context.layout;
  for await (const keys of keysFrom(session, documents, ["TYPE", keyType(storage)])) {
    yield [...new Set(keys)].map((key) => key.slice(documents.length));
  }
}

/**
 * Lists the keys that a type keeps beside its documents.
 *
 * @param session - the run of work.
 * @returns slices of keys, some of them empty.
 */
export function internalKeys(session: Session): AsyncGenerator<string[]> {
  return keysFrom(session, session.context.layout.internal, []);
}

async function* keysFrom(session: Session, prefix: string, filter: readonly string[]): AsyncGenerator<string[]> {
  const pattern = `${prefix.replace(/[*?[\]\\]/g, "\\$&")}*`;
  let cursor = "0";
  do {
    const args = [cursor, "MATCH", pattern, "COUNT", sliceSize, ...filter];
    const call: ScriptCall = { script: scanScript, keys: [session.context.layout.meta], args };
    // eslint-disable-next-line no-await-in-loop -- each slice says where the next begins
    const [next, keys] = (await session.send(call)) as [string, string[]];
    cursor = String(next);
    yield keys;
  } while (cursor !== "0");
}

/**
 * Tells why no entity can have a key that looks like a document's.
 *
 * @param layout - the type's layout.
 * @param rest - what follows the prefix in the key.
 * @returns the reason, or undefined when it is the key of an id.
 */
export function keyProblem(layout: Layout, rest: string): string | undefined {
  try {
    const encodedId = encodeId(decodeId(rest), layout.metadata.name);
    const key = documentKey(layout, encodedId);
    return key === layout.documents + rest ? undefined : `the key of its id is ${JSON.stringify(key)}: rename the key`;
  } catch (error) {
    return (error as Error).message;
  }
}
