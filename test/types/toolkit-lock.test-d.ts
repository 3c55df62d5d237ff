// The types of locks: what is held, and which of them have a fence.
// Wrong uses do not compile.
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

import { type Database, defineEntity } from "remora";
import { type Held, lock, redlock, semaphore } from "remora/toolkit";

declare const db: Database;

test("locks", () => {
  const door = lock(db, "door", { lease: 5, wait: { ms: 50 }, retry: 1, spread: true });
  expectTypeOf(door.tryAcquire()).resolves.toEqualTypeOf<Held<number> | undefined>();
  expectTypeOf(door.of(["a"]).acquire({ signal: AbortSignal.abort() })).resolves.toEqualTypeOf<Held<number>>();
  expectTypeOf(door.using(({ fence, signal }) => [fence, signal.aborted] as const)).resolves.toEqualTypeOf<
    readonly [number, boolean]
  >();
  expectTypeOf(semaphore(db, "a", { limit: 3 }).acquire()).resolves.toEqualTypeOf<Held<undefined>>();
  expectTypeOf(redlock([db], "a").using(({ fence }) => fence)).resolves.toEqualTypeOf<undefined>();
  // @ts-expect-error -- a key is text
  door.of(5);
  // @ts-expect-error -- a lease is a span, not a date
  void door.acquire({ lease: { at: new Date() } });
  // @ts-expect-error -- who tries once does not wait
  void door.tryAcquire({ wait: 5 });
  // @ts-expect-error -- how many may hold it is said
  semaphore(db, "a", {});
  // @ts-expect-error -- redlock has several servers
  redlock(db, "a");
});

test("saves under a lock", () => {
  const Report = defineEntity({ name: "report", schema: z.object({ id: z.string() }), fence: true });
  const reports = db.repository(Report);
  void reports.save({ id: "a" }, { fence: 5 });
  // @ts-expect-error -- only locks have fences
  void semaphore(db, "a", { limit: 1 }).using(({ fence }) => reports.save({ id: "a" }, { fence }));
  // @ts-expect-error -- a fence is a number
  void reports.save({ id: "a" }, { fence: "5" });
  // @ts-expect-error -- true or not
  defineEntity({ name: "report", schema: z.object({ id: z.string() }), fence: 5 });
});
