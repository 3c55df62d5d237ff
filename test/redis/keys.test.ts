// Key prefixes: existing keys are met exactly, and types never share keys.
// Every overlap is refused when the second repository is asked for.
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, type Database, defineEntity, exact, isRemoraError } from "remora";
import type { TestServer } from "remora/testing";
import { ownServer } from "./own-server.ts";

const entity = (name: string, keyPrefix?: string) =>
  defineEntity({
    name,
    ...(keyPrefix === undefined ? {} : { keyPrefix }),
    schema: z.object({ id: z.string(), name: z.string() }),
    index: { name: exact() },
  });

describe("key prefixes", () => {
  let server: TestServer;
  let db: Database;

  beforeAll(async () => {
    server = await ownServer();
  });
  afterAll(() => server.stop());

  const fresh = async (namespace = ""): Promise<Database> => {
    db = await connect(server.url, { namespace, engine: "scan" });
    return db;
  };

  test("meet existing documents exactly", async () => {
    await fresh("app");
    const users = db.repository(entity("user", "user:"));
    expect(users.key("42")).toBe("user:42");
    await db.redis.call("HSET", "user:42", "id", "42", "name", "Ada");
    expect(await users.findById("42")).toEqual({ id: "42", name: "Ada" });
    await users.save({ id: "43", name: "Bob" });
    expect(await db.redis.call("HGETALL", "user:43")).toEqual(["id", "43", "name", "Bob"]);
    const keys = (await db.redis.call("KEYS", "*")) as string[];
    expect(keys.filter((key) => key.startsWith("user:")).sort()).toEqual(["user:42", "user:43"]);
    expect(keys.filter((key) => !key.startsWith("user:")).every((key) => key.startsWith("app:{user}$"))).toBe(true);
    await db.close();
  });

  test("keep the hash tag they carry", async () => {
    await fresh();
    const shops = db.repository(entity("shop", "old:{tag}:"));
    await shops.insert({ id: "1", name: "n" });
    const keys = ((await db.redis.call("KEYS", "*{tag}*")) as string[]).sort();
    expect(keys).toContain("old:{tag}:1");
    expect(keys.every((key) => /^[^{]*\{tag\}/.test(key))).toBe(true);
    await db.close();
  });

  test.each<[string, [string, string?], [string, string?]]>([
    ["the same name", ["a"], ["a"]],
    ["the same prefix", ["a", "p:"], ["b", "p:"]],
    ["a prefix of a prefix", ["a", "p:"], ["b", "p:q:"]],
    ["a prefix of a prefix, the other way", ["a", "p:q:"], ["b", "p:"]],
    ["a prefix over documents", ["a"], ["b", "{a}:"]],
    ["a prefix over internal keys", ["a"], ["b", "{a}"]],
    ["internal keys under a prefix", ["b", "{x}a"], ["a", "{x}foo:"]],
  ])("that overlap are refused: %s", async (_name, one, other) => {
    await fresh();
    db.repository(entity(...one));
    expectDefinitionError(() => db.repository(entity(...other)));
    await db.close();
  });

  test("that hold their own internal keys are refused", async () => {
    await fresh();
    expectDefinitionError(() => db.repository(entity("a", "{a}")));
    await db.close();
    await fresh("app");
    expectDefinitionError(() => db.repository(entity("a", "app")));
    await db.close();
  });

  test("of names that only look alike are kept apart", async () => {
    await fresh("near");
    const repositories = ["a", "A", "ab", "a-b", "a_b"].map((name) => db.repository(entity(name)));
    for (const [at, repository] of repositories.entries()) await repository.insert({ id: "x", name: `${at}` });
    for (const [at, repository] of repositories.entries()) {
      expect(await repository.count()).toBe(1);
      expect(await repository.findById("x")).toEqual({ id: "x", name: `${at}` });
    }
    await db.close();
  });

  test("of two namespaces are kept apart", async () => {
    const first = await connect(server.url, { namespace: "one", engine: "scan" });
    const second = await connect(server.url, { namespace: "two", engine: "scan" });
    const same = entity("same");
    await first.repository(same).insert({ id: "x", name: "1" });
    expect(await second.repository(same).findById("x")).toBeNull();
    expect(await second.repository(same).count()).toBe(0);
    await first.close();
    await second.close();
  });
});

function expectDefinitionError(work: () => unknown): void {
  let error: unknown;
  try {
    work();
  } catch (thrown) {
    error = thrown;
  }
  expect(isRemoraError(error, "DEFINITION")).toBe(true);
}
