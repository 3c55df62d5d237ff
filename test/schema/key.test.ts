// The key grammar: ids and paths become keys and come back, no two alike.
// Keys of a type stay under one hash tag, whatever its prefix.
import fc from "fast-check";
import { expect, test } from "vitest";

import { decodeId, encodeId, encodePath, hashTag, keyspace, keyspaces } from "../../src/schema/key.ts";
import { partitionOf } from "../../src/schema/partitions.ts";

const id = fc
  .string({ unit: "binary", minLength: 1, maxLength: 40 })
  .filter((text) => text.trim() !== "" && !text.includes("\u0000"));

test("ids come back as they were, and meet no key syntax", () => {
  fc.assert(
    fc.property(id, (text) => {
      const encoded = encodeId(text, "e");
      expect(decodeId(encoded)).toBe(text);
      expect(encoded).not.toMatch(/[\u0000-\u0020\u007f{}:*?[\]\\]/);
    }),
    { numRuns: 2000 },
  );
});

test("no two ids share an encoding", () => {
  fc.assert(
    fc.property(id, id, (left, right) => {
      expect(encodeId(left, "e") === encodeId(right, "e")).toBe(left === right);
    }),
    { numRuns: 2000 },
  );
  expect(encodeId("a%3Ab", "e")).not.toBe(encodeId("a:b", "e"));
  expect(encodeId("%", "e")).toBe("%25");
});

test("ordinary ids stay as they are", () => {
  for (const plain of [
    "42",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "0190163d-8694-739b-aea5-966c26f8ad91",
    "user@example.com",
    "é",
    "🎉",
    "$m",
  ]) {
    expect(encodeId(plain, "e")).toBe(plain);
  }
});

test("bad ids are refused", () => {
  for (const bad of [
    "",
    " ",
    "\t\n",
    "\u3000",
    "a\u0000",
    "\ud800",
    "x\udfffy",
    "x".repeat(513),
    "é".repeat(257),
    1,
    null,
    undefined,
    {},
    ["a"],
  ]) {
    expect(() => encodeId(bad, "e")).toThrowError(expect.objectContaining({ code: "VALIDATION", entity: "e" }));
  }
  expect(encodeId("x".repeat(512), "e")).toHaveLength(512);
  expect(encodeId("é".repeat(256), "e")).toHaveLength(256);
});

test("paths and values never run together", () => {
  const path = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 6 });
  const value = fc.string({ unit: "binary", maxLength: 6 });
  fc.assert(
    fc.property(path, value, path, value, (path1, value1, path2, value2) => {
      const same = path1 === path2 && value1 === value2;
      expect(`${encodePath(path1)}:${value1}` === `${encodePath(path2)}:${value2}`).toBe(same);
    }),
    { numRuns: 2000 },
  );
});

test("a type's keys stand under one hash tag", () => {
  const keys = (name: string, namespace: string, keyPrefix?: string, colocate?: string) =>
    keyspace({ name, keyPrefix, colocate }, namespace);
  expect(keys("movie", "")).toEqual({ documents: "{movie}:", internal: "{movie}$" });
  expect(keys("movie", "app")).toEqual({ documents: "app:{movie}:", internal: "app:{movie}$" });
  expect(keys("user", "app", "user:")).toEqual({ documents: "user:", internal: "app:{user}$" });
  expect(keys("user", "", "old:{tag}:")).toEqual({ documents: "old:{tag}:", internal: "{tag}user$" });
  expect(keys("user", "app", undefined, "shop")).toEqual({ documents: "app:{shop}user:", internal: "app:{shop}user$" });
  expect(keys("user", "", "old:{shop}:", "shop")).toEqual({ documents: "old:{shop}:", internal: "{shop}user$" });
});

test("partitions have a hash tag each, and the id decides which it is", () => {
  const type = { name: "movie", keyPrefix: undefined, colocate: undefined };
  expect(keyspaces({ ...type, partitions: 1 }, "app")).toEqual([keyspace(type, "app")]);
  expect(keyspaces({ ...type, partitions: 2 }, "app")).toEqual([
    { documents: "app:{movie.0}:", internal: "app:{movie.0}$" },
    { documents: "app:{movie.1}:", internal: "app:{movie.1}$" },
  ]);
  // Part of the format: stored entities lie where these numbers say.
  const ids = ["", "a", "foobar", "\u00e9", "01ARZ3NDEKTSV4RRFFQ69G5FAV"];
  expect(ids.map((id) => partitionOf(id, 256))).toEqual([197, 44, 104, 193, 128]);
  expect(ids.map((id) => partitionOf(id, 2 ** 32))).toEqual([
    0x811c9dc5, 0xe40c292c, 0xbf9cf968, 513665217, 1543523712,
  ]);
  expect(ids.map((id) => partitionOf(id, 1))).toEqual([0, 0, 0, 0, 0]);
});

test("the hash tag is the server's", () => {
  expect(hashTag("{a}b")).toBe("a");
  expect(hashTag("x{a}{b}")).toBe("a");
  expect(hashTag("{}a{b}")).toBeUndefined();
  expect(hashTag("a{b")).toBeUndefined();
  expect(hashTag("a}b{")).toBeUndefined();
  expect(hashTag("{{a}}")).toBe("{a");
});
