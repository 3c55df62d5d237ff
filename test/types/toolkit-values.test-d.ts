// The types of the toolkit's collections, counters and small pieces: what is written and read is what the schema says.
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

import type { Database } from "remora";
import {
  bucketCounter,
  cappedList,
  counter,
  hash,
  keys,
  list,
  liveConfig,
  presence,
  type Remaining,
  set,
  sortedSet,
  tags,
  timeline,
  tokens,
  uniqueNumbers,
  uniques,
} from "remora/toolkit";

declare const db: Database;
const step = z.object({ do: z.string(), at: z.date(), done: z.boolean().default(false) });

test("collections", () => {
  const steps = list(db, "step", step);
  expectTypeOf(steps.of("a").range()).resolves.toEqualTypeOf<{ do: string; at: Date; done: boolean }[]>();
  expectTypeOf(steps.of("a").at(0)).resolves.toEqualTypeOf<{ do: string; at: Date; done: boolean } | null>();
  // What has a default may be left out of what is written.
  void steps.of("a").push({ do: "x", at: new Date() });
  // @ts-expect-error a property is missing
  void steps.of("a").push({ do: "x" });
  // @ts-expect-error a list has no members
  void steps.of("a").members();
  // @ts-expect-error how many are kept must be said
  cappedList(db, "x", step, {});
  const days = set(db, "day", z.enum(["mon", "tue"]));
  expectTypeOf(days.common(["a", "b"])).resolves.toEqualTypeOf<("mon" | "tue")[]>();
  // @ts-expect-error no such member
  void days.of("a").add("wed");
  // @ts-expect-error a set has no order
  void days.of("a").range();
  expectTypeOf(sortedSet(db, "x", z.bigint()).of("a").byScore()).resolves.toEqualTypeOf<
    { readonly member: bigint; readonly score: number }[]
  >();
  // @ts-expect-error a score is a number
  void sortedSet(db, "x", z.bigint()).of("a").byScore({ min: "1" });
});

test("hashes", () => {
  const profiles = hash(
    db,
    "profile",
    z.object({ name: z.string(), logins: z.int().optional(), at: z.date().nullable() }),
  );
  const ada = profiles.of("ada");
  expectTypeOf(ada.get("name", "at")).resolves.toEqualTypeOf<Partial<{ name: string; at: Date | null }>>();
  expectTypeOf(ada.fields()).resolves.toEqualTypeOf<("name" | "logins" | "at")[]>();
  void ada.increment("logins");
  // @ts-expect-error a text cannot be counted
  void ada.increment("name");
  // @ts-expect-error no such field
  void ada.get("nope");
  // @ts-expect-error a field of another type
  void ada.set({ name: 5 });
  // @ts-expect-error a hash has the fields of an object
  hash(db, "x", z.string());
});

test("counters", () => {
  expectTypeOf(counter(db, "x").of("a").increment()).resolves.toEqualTypeOf<number>();
  const views = bucketCounter(db, "x", { every: "day", keep: 7 });
  void views.sum("a", { last: 7 });
  void views.sum("a", { from: new Date() });
  // @ts-expect-error a range has a beginning
  void views.sum("a", { to: new Date() });
  // @ts-expect-error no such length
  bucketCounter(db, "x", { every: "year", keep: 7 });
  void uniques(db, "x").add(["a", "b"]);
  // @ts-expect-error members are texts
  void uniques(db, "x").add(5);
  // @ts-expect-error and these are numbers
  void uniqueNumbers(db, "x").add("a");
  // @ts-expect-error a way is a text
  void presence(db, "x").touch("ada", { via: 5 });
});

test("keys, tags, and what users have", () => {
  expectTypeOf(keys(db).remaining("x")).resolves.toEqualTypeOf<Remaining>();
  // @ts-expect-error a time to live is no text
  void keys(db).expire("x", "5");
  // @ts-expect-error for ever is `persist`
  void keys(db).expire("x", null);
  // @ts-expect-error no such type
  void keys(db).scan({ type: "zset" });
  // @ts-expect-error tags are texts
  void tags(db, "x").add("a", 5);
  const home = timeline(db, "x", step, { keep: 5 });
  expectTypeOf(home.of("a").page()).resolves.toHaveProperty("cursor").toEqualTypeOf<string | undefined>();
  // @ts-expect-error a token does not live for ever
  tokens(db, "x", step, { ttl: null });
  expectTypeOf(tokens(db, "x", z.number(), { ttl: 5 }).consume("t")).resolves.toEqualTypeOf<number | undefined>();
  // @ts-expect-error what it is at first must be said
  liveConfig(db, "x", step, {});
  // @ts-expect-error and fit
  liveConfig(db, "x", step, { initial: { do: 5, at: new Date() } });
});
