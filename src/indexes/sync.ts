// Bringing a type to the layout of its definition: nothing to do, noting it, waiting for another process, rebuilding.
// Safe to run from many processes at once: one of them does the work.
import { IndexNotReadyError } from "../errors.ts";
import { metaFields } from "../engines/layout.ts";
import { isBuilding } from "../engines/stamp.ts";
import { settleScript } from "../engines/write/claim.ts";
import type { IndexProgress } from "../repository/indexes.ts";
import type { Storage } from "../schema/metadata.ts";
import { documentIds } from "./keys.ts";
import { Lease, otherEngine } from "./lease.ts";
import { clear, Rebuild } from "./rebuild.ts";
import { buildSearchIndex, indexInfo } from "./search-index.ts";
import type { Session } from "./session.ts";

/** How often a process asks whether another one has finished, in milliseconds. */
const pollInterval = 50;

/** What is told of the work. */
type Report = (progress: IndexProgress) => void;

/**
 * Makes the type's indexes right for its definition.
 *
 * @param session - the run of work.
 * @param force - rebuild them even if they seem right.
 * @param report - told how far a rebuild is, in this process or another.
 */
export async function bringUp(session: Session, force: boolean, report: Report): Promise<void> {
  let needed = force;
  /* eslint-disable no-await-in-loop -- one try after another */
  for (;;) {
    if (!needed && (await settle(session))) {
      if (await provideSearchIndex(session)) return;
      continue;
    }
    await refuseOtherStorage(session);
    const claim = await Lease.take(session, needed);
    if (claim.state === "taken") {
      const work = new Rebuild(session, claim, report);
      if (await owned(claim.lease, () => work.run())) return;
    } else if (claim.state === "busy") {
      report({ done: claim.done, total: claim.total === 0 ? undefined : claim.total });
      await session.pause(pollInterval);
    }
    // Another process is doing what was asked for, or has done it.
    needed = false;
  }
  /* eslint-enable no-await-in-loop */
}

// False when the type went into other hands on the way.
async function provideSearchIndex(session: Session): Promise<boolean> {
  const { layout } = session.context;
  if (layout.engine !== "search" || (await indexInfo(session)) !== undefined) return true;
  await buildSearchIndex(session, () => Promise.resolve());
  return note(session, false, [layout.index]);
}

/**
 * Removes the type's indexes and all that is kept beside its documents.
 *
 * @param session - the run of work.
 */
export async function bringDown(session: Session): Promise<void> {
  /* eslint-disable no-await-in-loop -- one try after another */
  for (;;) {
    const claim = await Lease.take(session, true);
    if (claim.state === "taken") {
      const { lease } = claim;
      const drop = async (): Promise<void> => {
        await clear(session, lease);
        await lease.finishDrop();
      };
      if (await owned(lease, drop)) return;
    }
    await session.pause(pollInterval);
  }
  /* eslint-enable no-await-in-loop */
}

// False when the right was lost on the way: then somebody else is at it.
async function owned(lease: Lease, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (lease.lost) return false;
    await lease.release();
    throw error;
  }
}

// Whether nothing has to be rebuilt; what is so is noted, so that the next process need not look.
async function settle(session: Session): Promise<boolean> {
  const { layout } = session.context;
  const { stamp, synced, engine } = await session.meta("stamp", "synced", "engine");
  if (engine !== undefined && engine !== layout.engine) throw otherEngine(session.context, engine);
  if (stamp === layout.stamp && synced === "1") return true;
  if (stamp !== undefined && isBuilding(stamp)) return false;
  const looked = stamp === undefined || stamp === layout.stamp;
  return note(session, looked && !(await holdsStrangers(session, stamp !== undefined)), []);
}

async function note(session: Session, alone: boolean, complete: readonly string[]): Promise<boolean> {
  const { layout, metadata } = session.context;
  const [state, engine = ""] = (await session.send({
    script: settleScript,
    keys: [layout.meta, layout.ids ?? layout.meta, ...(layout.engine === "search" ? [layout.alias, ...complete] : [])],
    args: [
      layout.stamp,
      JSON.stringify(metaFields(layout)),
      layout.indexing,
      layout.engine,
      metadata.layout,
      alone ? "1" : "0",
    ],
  })) as string[];
  if (state === "ENGINE") throw otherEngine(session.context, engine);
  return state === "SETTLED";
}

// Documents that the type's own saves did not list: written by others, or before the type had a registry.
async function holdsStrangers(session: Session, listed: boolean): Promise<boolean> {
  const { layout, metadata } = session.context;
  for await (const ids of documentIds(session, metadata.storage)) {
    if (ids.length === 0) continue;
    if (!listed || layout.ids === undefined) return true;
    const scores = (await session.send({ name: "ZMSCORE", args: [layout.ids, ...ids] })) as unknown[];
    if (scores.includes(null)) return true;
  }
  return false;
}

// Documents of another form would be passed over, and their entities lost from sight.
async function refuseOtherStorage(session: Session): Promise<void> {
  const { storage } = await session.meta("storage");
  const { name, storage: own } = session.context.metadata;
  if (storage === undefined || storage === own) return;
  for await (const ids of documentIds(session, storage as Storage)) {
    if (ids.length === 0) continue;
    throw new IndexNotReadyError(
      `${name}: its documents are stored as ${storage}, but the definition says ${own}; nothing was changed: ` +
        `give the type storage ${storage}, or another name and copy its entities`,
      { entity: name },
    );
  }
}
