// Keys of a namespace by name: there or not, their types and times, moved and walked. And whether the server answers at all.
// On every server.
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { echo, keys, kv, ping, sortedSet } from "remora/toolkit";
import { expectFailure } from "../behaviour/failures.ts";
import { sent } from "../behaviour/sent.ts";
import { describePiece } from "./open.ts";

describePiece("keys", "keys", (box) => {
  test("are there or not, of a type, and live for a time", async () => {
    const all = keys(box.db);
    const words = kv(box.db, "word", z.string());
    await words.setMany({ a: "1", b: "2" });
    await sortedSet(box.db, "s", z.string()).of("x").set("m", 1);
    expect(await all.exists(["kv:word:a", "kv:word:b", "kv:word:c", "kv:word:a"])).toBe(3);
    expect([await all.type("kv:word:a"), await all.type("sorted:s:x"), await all.type("none")]).toEqual([
      "string",
      "sortedSet",
      "missing",
    ]);
    expect([await all.remaining("kv:word:a"), await all.remaining("none")]).toEqual(["never", "missing"]);
    expect([await all.expire("kv:word:a", 50), await all.expire("none", 50)]).toEqual([true, false]);
    expect(await all.remaining("kv:word:a")).toBeGreaterThan(45_000);
    expect(await all.expire("kv:word:a", { ms: 9000 })).toBe(true);
    expect(await words.remaining("a")).toBeLessThanOrEqual(9000);
    expect(await words.expireAt("a", new Date(Date.now() + 99_000))).toBe(true);
    expect(await all.remaining("kv:word:a")).toBeGreaterThan(9000);
    expect([await words.persist("a"), await words.persist("a"), await words.remaining("a")]).toEqual([
      true,
      false,
      "never",
    ]);
    expect(await all.delete(["kv:word:a", "kv:word:b", "none"])).toBe(2);
    expect(await words.exists(["a", "b"])).toBe(0);
  });

  test("get other names, with their times", async () => {
    const all = keys(box.db);
    await box.raw("SET", `${box.namespace}:from`, "1", "EX", "100");
    await box.raw("SET", `${box.namespace}:taken`, "2");
    expect(await all.rename("from", "taken", { when: "missing" })).toBe("taken");
    expect(await all.rename("none", "taken")).toBe("missing");
    expect(await sent(() => all.rename("from", "to"))).toEqual(["EVALSHA rename"]);
    expect(await all.remaining("to")).toBeGreaterThan(90_000);
    expect(await all.rename("to", "taken")).toBe("renamed");
    expect(await box.raw("GET", `${box.namespace}:taken`)).toBe("1");
    expect(await all.exists(["from", "to"])).toBe(0);
  });

  test("are walked by pattern and type, those of others never", async () => {
    const all = keys(box.db);
    const many = kv(box.db, "many", z.int());
    await many.setMany(Array.from({ length: 1200 }, (_, at) => [`k${at}`, at] as const));
    await many.set("odd:[*]?\\name", 1);
    const other = await box.another();
    await kv(other, "man", z.int()).set("y:k1", 1);
    const found = new Set<string>();
    for await (const key of many.scan()) found.add(key);
    expect(found.size).toBe(1201);
    expect(found).toContain("odd:[*]?\\name");
    const some: string[] = [];
    for await (const key of all.scan({ match: "kv:many:k11?9", type: "string" })) some.push(key);
    expect([...new Set(some)].toSorted()).toEqual(Array.from({ length: 10 }, (_, at) => `kv:many:k11${at}9`));
    for await (const key of all.scan({ type: "stream" })) expect.unreachable(key);
    // Left in the middle, and stopped from outside.
    for await (const _key of many.scan()) break;
    await expectFailure(many.scan({ signal: AbortSignal.abort() }).next(), "DEADLINE");
    const stop = new AbortController();
    const walk = many.scan({ signal: stop.signal });
    await walk.next();
    stop.abort();
    const rest = async (): Promise<void> => {
      for await (const _key of walk);
    };
    await expectFailure(rest(), "DEADLINE");
    await other.close();
    await expectFailure(kv(other, "many", z.int()).scan().next(), "CONNECTION");
  });

  test("are asked for nothing of what the server answers to anybody", async () => {
    expect(await ping(box.db)).toBeGreaterThan(0);
    expect(await echo(box.db, "hé\u0000llo")).toBe("hé\u0000llo");
    const other = await box.another();
    await other.close();
    await expectFailure(ping(other), "CONNECTION");
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const all = keys(box.db);
      await box.raw("SET", `${box.namespace}:here`, "1");
      const bad: (() => Promise<unknown>)[] = [
        () => all.delete(""),
        () => all.delete(["here", "\ud800"]),
        () => all.rename("here", ""),
        () => all.expire("here", -1),
        () => all.expire("here", Number.NaN),
        () => all.expireAt("here", new Date(0)),
      ];
      for (const work of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        expect(await box.refused(work, "VALIDATION")).toMatchObject({ entity: "keys" });
      }
    });
  });
});
