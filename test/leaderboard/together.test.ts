// One score for many boards: one call, all of them or none.
// On every server.
import { afterAll, beforeAll, expect, test } from "vitest";

import { connect, type Database } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { dump, type Raw } from "../behaviour/matrix.ts";
import { sent, trips } from "../behaviour/sent.ts";
import { describeLegs } from "../setup/legs.ts";

const periods = {
  custom: {
    centuries: {
      keep: 1,
      calendar: (at: Date) => {
        const length = 100 * 365 * 86_400_000;
        const from = Math.floor(at.getTime() / length) * length;
        return { from: new Date(from), to: new Date(from + length) };
      },
    },
  },
  allTime: true,
} as const;

describeLegs("many boards at once", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "board-together");
  let db: Database;
  let raw: Raw;
  beforeAll(async () => {
    db = await connect(leg.url, { namespace: namespace.name });
    raw = (command, ...args) => db.redis.call(command, ...args.map(String));
  });
  afterAll(async () => {
    await db.close();
    await namespace[Symbol.asyncDispose]();
  });

  test("boards of one slot, each by its own rules, in one call", async () => {
    const world = db.leaderboard("world", { colocate: "ranked", periods });
    const germany = db.leaderboard("de:ranked", { colocate: "ranked" });
    const teams = db.leaderboard("teams", { colocate: "ranked", keep: "sum", ties: "dense", tieBreak: "member" });
    const table = db.leaderboard("table", {
      colocate: "ranked",
      order: "asc",
      tieBreak: { scores: [{ name: "goals" }] },
    });
    await teams.submit("red", 10);
    await world.submit("bob", 500);
    const all = () =>
      db.submitAll([
        world.submission("ada", 420),
        germany.submission("ada", 420),
        teams.submission("red", 420),
        table.submission("red", 1, { scores: { goals: 3 } }),
      ]);
    const [first, second, third, fourth] = await all();
    expect(first).toMatchObject({ score: 420, rank: 2, periods: { centuries: { rank: 2, previousRank: null } } });
    expect(second).toEqual({ score: 420, rank: 1, previousRank: null, improved: true, enteredTop: true });
    expect(third).toMatchObject({ score: 430, rank: 1, previousRank: 1 });
    expect(fourth.rank).toBe(1);
    expect(await trips(all)).toBe(1);
    expect(await sent(all)).toEqual(["EVALSHA board.submit"]);
    // They are as if each had been written by itself.
    expect(await germany.submit("bob", 1)).toMatchObject({ rank: 2 });
    expect((await table.top())[0]).toMatchObject({ member: "red", scores: { goals: 3 } });
    expect(await teams.scoreOf("red")).toBe(10 + 3 * 420);
    expect(await db.submitAll([])).toEqual([]);
  });

  test("a board of a name is another one in another slot", async () => {
    const boards = [
      db.leaderboard("same"),
      db.leaderboard("same", { colocate: "same" }),
      db.leaderboard("same", { colocate: "other" }),
    ];
    for (const [at, board] of boards.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await board.submit("ada", at)).toMatchObject({ score: at, previousRank: null });
    }
  });

  test("all of them, or none", async () => {
    const sums = db.leaderboard("sums", { colocate: "none", keep: "sum" });
    const best = db.leaderboard("best", { colocate: "none" });
    const stray = db.leaderboard("stray");
    const stored = db.leaderboard("stored", { colocate: "none", tieBreak: "member" });
    await stored.submit("ada", 1);
    await sums.submit("ada", 2 ** 53 - 1);
    const before = await dump(raw, namespace.name);
    const good = best.submission("ada", 1);
    expect((await expectFailure(db.submitAll([good, stray.submission("ada", 1)]), "CROSS_SLOT")).message).toContain(
      "colocate",
    );
    await expectFailure(db.submitAll([good, sums.submission("ada", 1)]), "VALIDATION");
    await expectFailure(db.submitAll([good, sums.submission("ada", Number.NaN)]), "VALIDATION");
    await expectFailure(db.submitAll([good, best.submission("bob", 1)]), "VALIDATION");
    const other = db.leaderboard("stored", { colocate: "none" });
    const error = await expectFailure(db.submitAll([good, other.submission("ada", 1)]), "DEFINITION");
    expect(error.message).toContain("leaderboard stored");
    await using elsewhere = await connect(leg.url, { namespace: namespace.name });
    await expectFailure(elsewhere.submitAll([good]), "VALIDATION");
    const many = Array.from({ length: 151 }, (_, at) => db.leaderboard(`b${at}`, { colocate: "none" }));
    await expectFailure(db.submitAll(many.map((board) => board.submission("ada", 1))), "VALIDATION");
    expect(await dump(raw, namespace.name)).toEqual(before);
    const results = await db.submitAll(many.slice(1).map((board) => board.submission("ada", 1)));
    expect(results).toHaveLength(150);
  });
});
