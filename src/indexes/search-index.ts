// The search index of a type on its server: made, watched while the server fills it, and removed.
// It gets the name that queries use only when it is complete.
import { createIndex } from "../engines/search/attributes.ts";
import { readMap } from "../redis/replies.ts";
import type { Session } from "./session.ts";

/** How servers say that there is no such index. */
export const noIndex = /no such index|unknown index name/i;
/** How often the server is asked how far it is, in milliseconds. */
const pollInterval = 20;
/** How long the server may stand still, in milliseconds. */
const patience = 60_000;

/**
 * What the server says of the index that queries use.
 *
 * @param session - the run of work.
 * @returns FT.INFO by name, or undefined when there is none.
 */
export function indexInfo(session: Session): Promise<Record<string, unknown> | undefined> {
  return infoOf(session, session.context.layout.alias);
}

async function infoOf(session: Session, name: string): Promise<Record<string, unknown> | undefined> {
  const reply = await session.send({ name: "FT.INFO", args: [name] }, noIndex);
  return reply === undefined ? undefined : readMap(reply);
}

/**
 * Makes the type's search index if there is none, and waits until the server has filled it.
 *
 * @param session - the run of work.
 * @param alive - called between the questions how far it is.
 */
export async function buildSearchIndex(session: Session, alive: () => Promise<void>): Promise<void> {
  const { layout } = session.context;
  await session.send(createIndex(layout, layout.index), /already exists/i);
  let last = "";
  let moved = performance.now();
  for (;;) {
    // eslint-disable-next-line no-await-in-loop -- polling
    const info = await infoOf(session, layout.index);
    if (info === undefined || Number(info["indexing"] ?? 0) === 0) return;
    const far = String(info["percent_indexed"]);
    if (far !== last) moved = performance.now();
    else if (performance.now() - moved > patience)
      throw session.stalled("the server does not get on with the search index");
    last = far;
    // eslint-disable-next-line no-await-in-loop
    await alive();
    // eslint-disable-next-line no-await-in-loop
    await session.pause(pollInterval);
  }
}

/**
 * The search indexes that the server has for a type, of whatever definition.
 *
 * @param session - the run of work.
 * @returns their names.
 */
export async function searchIndexes(session: Session): Promise<string[]> {
  const { internal, engine } = session.context.layout;
  if (engine !== "search") return [];
  const names = (await session.send({ name: "FT._LIST", args: [] })) as unknown[];
  return names.map(String).filter((name) => name.startsWith(internal));
}
