// The types of caches: what loaders may give, what comes back, and what goes with onError only.
// Wrong uses do not compile.
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

import type { Database } from "remora";
import { cache, Cached, type CacheStats } from "remora/toolkit";

declare const db: Database;

test("values are those of the schema", () => {
  const users = cache(db, "a", { schema: z.object({ name: z.string(), age: z.int().default(0) }), ttl: 5 });
  interface User {
    name: string;
    age: number;
  }
  expectTypeOf(users.getOrSet("1", () => ({ name: "x" }))).resolves.toEqualTypeOf<User>();
  expectTypeOf(
    users.getOrSet("1", async ({ signal }) => ({ name: String(signal.aborted) })),
  ).resolves.toEqualTypeOf<User>();
  expectTypeOf(users.get("1")).resolves.toEqualTypeOf<User | undefined>();
  expectTypeOf(users.stats()).toEqualTypeOf<CacheStats>();
  // @ts-expect-error -- the loader gives something else
  void users.getOrSet("1", () => ({ name: 5 }));
  // @ts-expect-error -- which may be nothing
  void users.getOrSet("1", (): { name: string } | undefined => undefined);
  // @ts-expect-error -- a value is one of the schema
  void users.set("1", { age: 1 });
  // @ts-expect-error -- a key is a string
  void users.get(1);
  // @ts-expect-error -- a time is seconds or milliseconds
  void users.set("1", { name: "x" }, { ttl: null });
  // @ts-expect-error -- not a date
  void users.set("1", { name: "x" }, { ttl: { at: new Date() } });
  // @ts-expect-error -- tags are a list
  void users.invalidateTags("a");
  // @ts-expect-error -- a cache needs to know how long
  cache(db, "b", { schema: z.string() });
  cache(db, "b", { schema: z.string(), ttl: 5, stale: 5, memory: true, onError: () => undefined });
  // @ts-expect-error -- whose failures would be told to nobody
  cache(db, "b", { schema: z.string(), ttl: 5, stale: 5 });
  // @ts-expect-error -- nor those of a server
  cache(db, "b", { schema: z.string(), ttl: 5, failOpen: true });
  const maybe = cache(db, "c", { schema: z.string().optional(), ttl: 5 });
  expectTypeOf(maybe.getOrSet("1", () => undefined)).resolves.toEqualTypeOf<string | undefined>();
});

test("without a schema they are what JSON can hold", () => {
  const anything = cache(db, "a", { ttl: 5 });
  void anything.set("1", { list: [1, "a", null] });
  // @ts-expect-error -- a date would come back as text
  void anything.set("1", new Date());
  // @ts-expect-error -- and a bigint not at all
  void anything.getOrSet("1", () => 1n);
  const typed = anything.namespace("b", { schema: z.date() });
  expectTypeOf(typed.get("1")).resolves.toEqualTypeOf<Date | undefined>();
  // @ts-expect-error -- only a namespace has a version
  void anything.bump();
});

test("functions keep their arguments", () => {
  const numbers = cache(db, "a", { schema: z.number(), ttl: 5 });
  const add = numbers.wrap((one: number, other?: number) => one + (other ?? 0), {
    name: "add",
    tags: (one) => [`n${one}`],
  });
  expectTypeOf(add).parameters.toEqualTypeOf<[one: number, other?: number | undefined]>();
  expectTypeOf(add(1)).resolves.toEqualTypeOf<number>();
  // @ts-expect-error -- an argument is missing
  void add();
  // @ts-expect-error -- results are those of the schema
  numbers.wrap(() => "x");
  // @ts-expect-error -- a key is text
  numbers.wrap((one: number) => one, { key: (one) => one });
});

test("methods give promises of what the schema allows", () => {
  const numbers = cache(db, "a", { schema: z.number(), ttl: 5 });
  class Right {
    @Cached(numbers)
    async one(value: number): Promise<number> {
      return value;
    }

    @Cached(() => numbers, { key: (value: string) => value })
    async other(value: string): Promise<number> {
      return value.length;
    }
  }
  void Right;
  class Wrong {
    // @ts-expect-error -- it gives text
    @Cached(numbers)
    async text(): Promise<string> {
      return "x";
    }

    // @ts-expect-error -- it gives no promise
    @Cached(numbers)
    now(): number {
      return 1;
    }
  }
  void Wrong;
});
