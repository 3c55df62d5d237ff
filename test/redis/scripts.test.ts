// Scripts are sent once and called by their hash; a server that forgot them is told again.
// The caller notices nothing, alone or in bulk.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, type Database } from "remora";
import type { TestServer } from "remora/testing";
import { Rich } from "./entities.ts";
import { ownServer } from "./own-server.ts";

describe("forgotten scripts", () => {
  let server: TestServer;
  let db: Database;

  beforeAll(async () => {
    server = await ownServer();
    db = await connect(server.url, { engine: "scan" });
  });
  afterAll(async () => {
    await db.close();
    await server.stop();
  });

  test("are loaded again by whatever needs them", async () => {
    const repository = db.repository(Rich);
    const flush = (): Promise<unknown> => db.redis.call("SCRIPT", "FLUSH");
    let row = await repository.insert({ id: "a", text: "0" });
    for (let turn = 1; turn <= 5; turn += 1) {
      await flush();
      row = await repository.save({ ...row, text: `${turn}` });
      await flush();
      expect(await repository.query().where("text").eq(`${turn}`).ids()).toEqual(["a"]);
      await flush();
      expect(await repository.query().where("text").eq(`${turn}`).page()).toEqual({ items: [row], total: 1 });
    }
    await flush();
    expect(await repository.delete("a")).toBe(true);
  });

  test("in the middle of a bulk save cost nothing", async () => {
    const repository = db.repository(Rich);
    const flushes: Promise<unknown>[] = [];
    function* rows(): Generator<{ id: string; text: string }> {
      for (let at = 0; at < 1000; at += 1) {
        if (at % 130 === 0) flushes.push(db.redis.call("SCRIPT", "FLUSH"));
        yield { id: `b${at}`, text: `b${at}` };
      }
    }
    const result = await repository.saveMany(rows());
    await Promise.all(flushes);
    expect(result.failed).toEqual([]);
    expect(await repository.count()).toBe(1000);
    expect((await repository.findByIds(["b0", "b999"])).map((row) => row?.version)).toEqual([1, 1]);
  });
});
