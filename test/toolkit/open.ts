// What tests of the toolkit share: a database of their own on each server, and bad input that must change nothing.
// The namespace is emptied at the end.
import { afterAll, beforeAll } from "vitest";

import { connect, type Database, type ErrorByCode, type ErrorCode } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { expectRefusal } from "../behaviour/failures.ts";
import type { Raw } from "../behaviour/matrix.ts";
import { type AvailableLeg, describeLegs } from "../setup/legs.ts";

/** A server as one file of tests uses it; what it has is there once tests run. */
export interface Toolbox {
  readonly leg: AvailableLeg;
  readonly namespace: string;
  readonly db: Database;
  readonly raw: Raw;
  /** Another connection to the same keys; the test closes it. */
  readonly another: () => Promise<Database>;
  /** Expects an error of a code, and that no key of the namespace was changed. */
  readonly refused: <C extends ErrorCode>(work: () => Promise<unknown>, code: C) => Promise<ErrorByCode[C]>;
}

/** Declares tests of a piece of the toolkit once per server. */
export function describePiece(title: string, kind: string, tests: (box: Toolbox) => void): void {
  describeLegs(title, {}, (leg) => {
    const own = new OwnNamespace(leg.url, kind);
    const namespace = own.name;
    const another = (): Promise<Database> => connect(leg.url, { namespace });
    let db: Database;
    const raw: Raw = (command, ...args) => db.redis.call(command, ...args.map(String));
    beforeAll(async () => {
      db = await another();
    });
    afterAll(async () => {
      await db.close();
      await own[Symbol.asyncDispose]();
    });
    tests({
      leg,
      namespace,
      raw,
      another,
      get db() {
        return db;
      },
      refused: (work, code) => expectRefusal({ raw, namespace }, work, code),
    });
  });
}
