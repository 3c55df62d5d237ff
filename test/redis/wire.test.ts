// What goes over the wire: how many commands, and how many times the client waits for an answer.
// Measured by a proxy that holds every reply until the client is silent.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, type Database } from "remora";
import { tidy } from "../behaviour/matrix.ts";
import { freshNamespace, legs } from "../setup/legs.ts";
import { Json, Plain, Rich } from "./entities.ts";
import { type Proxy, startProxy } from "./proxy.ts";

describe.each(legs().map((leg) => [leg.name, leg] as const))("on the wire to %s", (_name, leg) => {
  const namespace = freshNamespace();
  let proxy: Proxy;
  let db: Database;

  beforeAll(async () => {
    proxy = await startProxy(leg.url);
    db = await connect(proxy.url, { namespace, engine: "scan" });
  });
  afterAll(async () => {
    await tidy((command, ...args) => db.redis.call(command, ...args), namespace, leg.search);
    await db.close();
    await proxy.close();
  });

  const names = (): (string | undefined)[] => proxy.commands.map(([name]) => name?.toUpperCase());

  test("a thousand plain entities leave in two waves at most", async () => {
    const repository = db.repository(Plain);
    await repository.exists("warm");
    proxy.reset();
    const result = await repository.saveMany(
      Array.from({ length: 1000 }, (_, at) => ({ id: `p${at}`, text: "x".repeat(100) })),
    );
    expect(result.saved).toBe(1000);
    expect(proxy.trips()).toBeLessThanOrEqual(2);
    proxy.reset();
    const again = await repository.saveMany(
      Array.from({ length: 1000 }, (_, at) => ({ id: `q${at}`, text: "x".repeat(100) })),
    );
    expect(again.failed).toEqual([]);
    expect(proxy.trips()).toBeLessThanOrEqual(2);
    expect(new Set(names())).toEqual(new Set(["EVALSHA"]));
  });

  test("findById is one command and one trip", async () => {
    const repository = db.repository(Plain);
    await repository.save({ id: "one", text: "t" });
    proxy.reset();
    expect(await repository.findById("one")).toEqual({ id: "one", text: "t" });
    expect(names()).toEqual(["HMGET"]);
    expect(proxy.trips()).toBe(1);
  });

  test("each write is one call of a script", async () => {
    const repository = db.repository(Rich);
    const first = await repository.insert({ id: "one", text: "t" });
    await repository.delete("none");
    proxy.reset();
    const second = await repository.save({ ...first, text: "u" });
    expect([names(), proxy.trips()]).toEqual([["EVALSHA"], 1]);
    proxy.reset();
    await repository.insert({ id: "two", text: "v" });
    expect([names(), proxy.trips()]).toEqual([["EVALSHA"], 1]);
    proxy.reset();
    await repository.delete(second.id);
    expect([names(), proxy.trips()]).toEqual([["EVALSHA"], 1]);
  });

  test("a first page and its total are one trip", async () => {
    const repository = db.repository(Rich);
    await repository.insert({ id: "three", text: "w" });
    await repository.query().where("text").eq("w").limit(5).page();
    proxy.reset();
    expect(await repository.query().where("text").eq("w").limit(5).page()).toMatchObject({ total: 1 });
    expect(names()).toEqual(["EVALSHA_RO", "EVALSHA_RO"]);
    expect(proxy.trips()).toBe(1);
  });

  test("five hundred documents are read in few trips", async () => {
    const repository = db.repository(Plain);
    await repository.saveMany(Array.from({ length: 500 }, (_, at) => ({ id: `r${at}`, text: "t" })));
    proxy.reset();
    const found = await repository.findByIds(Array.from({ length: 500 }, (_, at) => `r${at}`));
    expect(found.every((row) => row !== null)).toBe(true);
    expect(proxy.trips()).toBe(1);
  });
});

describe.each(legs({ json: true }).map((leg) => [leg.name, leg] as const))("JSON on the wire to %s", (_name, leg) => {
  test("findById is one command and one trip", async () => {
    const namespace = freshNamespace();
    const proxy = await startProxy(leg.url);
    const db = await connect(proxy.url, { namespace, engine: "scan" });
    const repository = db.repository(Json);
    await repository.save({ id: "one", text: "t" });
    proxy.reset();
    expect(await repository.findById("one")).toEqual({ id: "one", text: "t" });
    expect(proxy.commands.map(([name]) => name)).toEqual(["JSON.GET"]);
    expect(proxy.trips()).toBe(1);
    await tidy((command, ...args) => db.redis.call(command, ...args), namespace, leg.search);
    await db.close();
    await proxy.close();
  });
});
