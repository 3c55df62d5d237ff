// The types of owned collections: each has its items' type and its kind's methods, and nothing else does.
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

import {
  type Database,
  defineEntity,
  ownedCounter,
  ownedList,
  ownedSet,
  ownedSortedSet,
  type Scored,
  type TypedSet,
} from "remora";

const Post = defineEntity({
  name: "post",
  schema: z.object({ id: z.string() }),
  collections: {
    comments: ownedList(z.object({ by: z.string(), at: z.date() })),
    tags: ownedSet(z.enum(["a", "b"])),
    votes: ownedSortedSet(z.bigint()),
    views: ownedCounter(),
  },
});
const Plain = defineEntity({ name: "plain", schema: z.object({ id: z.string() }) });
declare const db: Database;

test("owned collections", () => {
  const owned = db.repository(Post).owned("a");
  expectTypeOf(owned).toHaveProperty("tags").toEqualTypeOf<TypedSet<"a" | "b">>();
  expectTypeOf(owned.comments.range()).resolves.toEqualTypeOf<{ by: string; at: Date }[]>();
  expectTypeOf(owned.votes.range()).resolves.toEqualTypeOf<Scored<bigint>[]>();
  expectTypeOf(owned.views.increment()).resolves.toEqualTypeOf<number>();
  // @ts-expect-error no such member
  void owned.tags.add("c");
  // @ts-expect-error an item lacks a property
  void owned.comments.push({ by: "x" });
  // @ts-expect-error a set has no order
  void owned.tags.range();
  // @ts-expect-error no such collection
  void owned.nope;
  // @ts-expect-error a type without collections owns nothing
  void db.repository(Plain).owned("a").tags;
  // @ts-expect-error what is no collection
  defineEntity({ name: "x", schema: z.object({ id: z.string() }), collections: { a: z.string() } });
});
