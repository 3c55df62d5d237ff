// The right to rebuild a type's indexes: one process has it at a time, for as long as it shows signs of life.
// Everything a rebuild writes goes through scripts that ask for this right first.
import { randomUUID } from "node:crypto";
import { CapabilityError, EngineMismatchError, IndexNotReadyError } from "../errors.ts";
import { buildingStamp, droppedStamp } from "../engines/stamp.ts";
import { finishScript, holdScript, releaseScript, takeScript } from "../engines/write/claim.ts";
import type { Script } from "../redis/command.ts";
import type { TypeContext } from "../repository/context.ts";
import type { Session } from "./session.ts";

/** After so many milliseconds without a sign of life a rebuild may be taken over. */
const patience = 10_000;
/** So often it shows one, in milliseconds, when its work does not. */
const heartbeat = 2000;

/** The right to rebuild, and what is known of the stored documents. */
export interface TakenClaim {
  readonly state: "taken";
  readonly lease: Lease;
  /** The fields that are tagged in them. */
  readonly tagged: readonly string[];
  /** How many there may be; 0 when that is not known. */
  readonly total: number;
}

/** What came of asking for the right to rebuild. */
type Claim =
  | TakenClaim
  | { readonly state: "busy"; readonly done: number; readonly total: number }
  | { readonly state: "ready" };

/** The right to rebuild one type. */
export class Lease {
  /** Another process has taken the rebuild over. */
  lost = false;
  readonly owner: string;
  readonly milliseconds = patience;
  readonly #session: Session;
  #shown = performance.now();

  private constructor(session: Session, owner: string) {
    this.#session = session;
    this.owner = owner;
  }

  /**
   * Asks for the right to rebuild. One round trip (EVALSHA).
   *
   * @param session - the run of work.
   * @param force - also when nothing needs it.
   * @returns the right, or how far the process is that has it, or that nothing needs rebuilding.
   * @throws CapabilityError when the user lacks a right; nothing was changed.
   * @throws EngineMismatchError when the type is recorded for another engine.
   */
  static async take(session: Session, force: boolean): Promise<Claim> {
    const { layout, fixedKeys, metadata } = session.context;
    const owner = randomUUID();
    const reply = await session.send({
      script: takeScript(layout),
      keys: [...fixedKeys, `${layout.documents}x`],
      args: [owner, String(patience), force ? "1" : "0"],
    });
    const [state, first = "", second = ""] = reply as string[];
    switch (state) {
      case "TAKEN":
        return {
          state: "taken",
          lease: new Lease(session, owner),
          tagged: JSON.parse(first) as string[],
          total: Number(second),
        };
      case "BUSY":
        return { state: "busy", done: Number(first), total: Number(second) };
      case "ENGINE":
        throw otherEngine(session.context, first);
      case "NOPERM":
        throw new CapabilityError(
          `${metadata.name}: the user may not run ${first}, which rebuilding the indexes needs; nothing was changed: ` +
            "let the deployment's user call indexes.sync(), or grant the commands listed in the docs",
          { entity: metadata.name },
        );
      default:
        return { state: "ready" };
    }
  }

  /**
   * Shows a sign of life when the last one was long ago.
   *
   * @throws IndexNotReadyError when the right was lost.
   */
  async hold(): Promise<void> {
    if (performance.now() - this.#shown > heartbeat) await this.remove([], []);
  }

  /**
   * Removes keys and search indexes. One round trip (EVALSHA).
   *
   * @param keys - at most a few thousand.
   * @param indexes - names of search indexes; those that are gone do no harm.
   * @throws IndexNotReadyError when the right was lost.
   */
  async remove(keys: readonly string[], indexes: readonly string[]): Promise<void> {
    await this.run(holdScript, keys, [String(patience), ...indexes]);
  }

  /**
   * Runs a script that asks for the right first.
   *
   * @param script - the script.
   * @param keys - its keys after the meta hash.
   * @param args - its arguments after stamp and owner.
   * @returns its reply.
   * @throws IndexNotReadyError when the right was lost.
   */
  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const { layout } = this.#session.context;
    const reply = await this.#session.send({
      script,
      keys: [layout.meta, ...keys],
      args: [buildingStamp(layout), this.owner, ...args],
    });
    return this.heed(reply);
  }

  /**
   * Takes note of a reply of a script that asks for the right first.
   *
   * @param reply - the reply.
   * @returns the reply.
   * @throws IndexNotReadyError when it says that the right was lost.
   */
  heed(reply: unknown): unknown {
    if (reply === "LOST") {
      this.lost = true;
      const { name } = this.#session.context.metadata;
      throw new IndexNotReadyError(
        `${name}: another process took the rebuild over, since this one was silent for ${patience} ms; call indexes.sync() again`,
        { entity: name },
      );
    }
    this.#shown = performance.now();
    return reply;
  }

  /**
   * Ends the rebuild: from now on its layout holds. One round trip (EVALSHA).
   *
   * @param fields - names and values for the meta hash.
   * @throws IndexNotReadyError when the right was lost.
   */
  async finish(fields: readonly string[]): Promise<void> {
    const { layout } = this.#session.context;
    const names = layout.engine === "search" ? [layout.alias, layout.index] : [];
    await this.run(finishScript, [layout.rewritten, ...names], [JSON.stringify(fields)]);
  }

  /**
   * Notes that there are no indexes any more. One round trip (EVALSHA).
   *
   * @throws IndexNotReadyError when the right was lost.
   */
  async finishDrop(): Promise<void> {
    await this.run(finishScript, [], [JSON.stringify(["stamp", droppedStamp])]);
  }

  /** Lets the rebuild go, so that the next who asks need not wait; what fails here passes with time. */
  async release(): Promise<void> {
    const { layout, executor, metadata } = this.#session.context;
    const call = { script: releaseScript, keys: [layout.meta], args: [buildingStamp(layout), this.owner] };
    await executor.one(call, { operation: "indexes.sync", write: false, entity: metadata.name }).catch(() => undefined);
  }
}

/**
 * The error for a type that is recorded for another engine.
 *
 * @param context - the entity type.
 * @param recorded - the engine recorded.
 * @returns the error.
 */
export function otherEngine({ metadata, layout }: TypeContext, recorded: string): EngineMismatchError {
  const { name } = metadata;
  return new EngineMismatchError(
    `${name} is recorded for the ${recorded} engine, not ${layout.engine}; connect with engine "auto" or "${recorded}"`,
    { entity: name },
  );
}
