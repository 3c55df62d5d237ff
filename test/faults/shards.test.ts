// Lines cut in the middle of a move from one shard of a board to another: the directory knows, and repair finishes it.
// At any byte of what is sent, and before any reply.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, type Database, isRemoraError, type ShardedLeaderboardOptions } from "remora";
import { dump, type Raw, tidy } from "../behaviour/matrix.ts";
import { expectWhole, shardedModel } from "../leaderboard/shards.ts";
import { runs } from "../property/seed.ts";
import { describeLegs, freshNamespace } from "../setup/legs.ts";
import { type Cutter, startCutter } from "./cutter.ts";

const options = { keep: "last", ties: "dense", edges: [10, 20] } as const satisfies ShardedLeaderboardOptions;

describeLegs("a line cut while a member moves between shards", {}, (leg) => {
  const namespace = freshNamespace();
  let cutter: Cutter;
  let safe: Database;
  let tried: Database;
  const raw: Raw = (command, ...args) => safe.redis.call(command, ...args.map(String));
  beforeAll(async () => {
    cutter = await startCutter(leg.url);
    const [url, credentials] = [new URL(cutter.url), new URL(leg.url)];
    [url.username, url.password] = [credentials.username, credentials.password];
    safe = await connect(leg.url, { namespace });
    tried = await connect(url.href, { namespace });
  });
  afterAll(async () => {
    await tidy(raw, namespace, leg.search);
    await tried.close();
    await safe.close();
    await cutter.close();
  });

  type Board = ReturnType<typeof open>;
  const open = (db: Database) => db.shardedLeaderboard("cut", options);
  const writes: Readonly<Record<string, (on: Board) => Promise<unknown>>> = {
    "a move up": (on) => on.submit("ada", 25),
    "a move within its shard": (on) => on.submit("ada", 7),
    "an increment": (on) => on.increment("ada", 10),
    "a new member": (on) => on.submit("new", 15),
    "a removal": (on) => on.remove("ada"),
  };

  async function prepare(): Promise<void> {
    await open(safe).clear();
    await open(safe).submitMany([
      { member: "ada", score: 5 },
      { member: "bob", score: 15 },
      { member: "eve", score: 25 },
    ]);
  }

  /** Tries it, and gives whether the caller was told that it was done. */
  async function attempt(write: (on: Board) => Promise<unknown>): Promise<boolean> {
    try {
      await write(open(tried));
      return true;
    } catch (error) {
      if (isRemoraError(error, "OUTCOME_UNKNOWN")) return false;
      throw error;
    }
  }

  /** After the cut: whole when it was repaired, as it was or as it should be; then as it should be by trying again. */
  async function expectHealed(name: string, done: boolean, again: boolean): Promise<void> {
    cutter.disarm();
    await tried.redis.call("PING").catch(() => undefined);
    const [before, after] = [shardedModel(options), shardedModel(options)];
    for (const model of [before, after]) {
      for (const [member, score] of [
        ["ada", 5],
        ["bob", 15],
        ["eve", 25],
      ] as const)
        model.submit(member, score, [], false);
    }
    if (name === "a move up") after.submit("ada", 25, [], false);
    if (name === "a move within its shard") after.submit("ada", 7, [], false);
    if (name === "an increment") after.submit("ada", 10, [], true);
    if (name === "a new member") after.submit("new", 15, [], false);
    if (name === "a removal") after.remove(["ada"]);
    const board = open(safe);
    const [member] = name === "a new member" ? ["new"] : ["ada"];
    const wanted = after.rows().find((row) => row.member === member)?.score ?? null;
    // The directory is the truth from the first step on.
    const decided = (await board.scoreOf(member as string)) === wanted;
    if (done) expect(decided).toBe(true);
    if (again && name !== "an increment") {
      await (writes[name] as (on: Board) => Promise<unknown>)(board);
      await expectWhole(raw, namespace, "cut", options, after);
      expect(await board.repair()).toBe(0);
      return;
    }
    await board.repair();
    await expectWhole(raw, namespace, "cut", options, decided ? after : before);
    expect(await board.repair()).toBe(0);
  }

  describe.each([
    ["repair", false],
    ["the member's next submission", true],
  ] as const)("finished by %s", (_how, again) => {
    test.each(Object.keys(writes))("%s: at any byte", { timeout: 300_000 }, async (name) => {
      const write = writes[name] as (on: Board) => Promise<unknown>;
      await prepare();
      // Scripts are known to the server, and rights were asked for.
      await write(open(tried));
      await prepare();
      cutter.cutRequestAfter(Number.POSITIVE_INFINITY);
      await write(open(tried));
      const bytes = cutter.disarm();
      const step = Math.max(1, Math.floor(bytes / runs(5)));
      let unfinished = 0;
      for (let offset = 1; offset < bytes; offset += step) {
        // The scripts again, since they go along in full over a new connection.
        // eslint-disable-next-line no-await-in-loop -- one cut after the other
        await write(open(tried));
        // eslint-disable-next-line no-await-in-loop
        await prepare();
        cutter.cutRequestAfter(offset);
        // eslint-disable-next-line no-await-in-loop
        const done = await attempt(write);
        const left = Object.keys(await dump(raw, namespace)).filter((key) => key.endsWith("#p")).length;
        unfinished += left;
        // eslint-disable-next-line no-await-in-loop
        await expectHealed(name, done, again);
      }
      // It was cut between the steps as well.
      expect(unfinished).toBeGreaterThan(0);
    });
  });

  test.each(Object.keys(writes))("%s: before its first reply", async (name) => {
    const write = writes[name] as (on: Board) => Promise<unknown>;
    await prepare();
    await write(open(tried));
    await prepare();
    cutter.cutReply();
    expect(await attempt(write)).toBe(false);
    await expectHealed(name, false, false);
  });
});
