// Boards with periods: one call writes them all, the server's clock says into which, and none of them grows for ever.
// On every server.
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { connect, type CustomPeriods, type Database, isRemoraError } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { ServerClock } from "../../src/redis/server-clock.ts";
import { serverTime, serverTimePassed } from "../behaviour/clock.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { dump, type Raw } from "../behaviour/matrix.ts";
import { sent, trips } from "../behaviour/sent.ts";
import { startProxy } from "../redis/proxy.ts";
import { describeLegs } from "../setup/legs.ts";

const day = 86_400_000;

/** Periods of so many milliseconds. */
const every = (length: number, keep: number): CustomPeriods => ({
  keep,
  calendar: (at) => {
    const from = Math.floor(at.getTime() / length) * length;
    return { from: new Date(from), to: new Date(from + length) };
  },
});

const centuries = every(100 * 365 * day, 1);
const all = { centuries: every(100 * 365 * day, 2), decades: every(10 * 365 * day, 3) };

describeLegs("boards with periods", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "board-periods");
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

  const keysOf = async (board: string): Promise<string[]> => {
    const keys = (await raw("KEYS", `${namespace.name}:{${board}}*`)) as string[];
    return keys.map((key) => key.slice(namespace.name.length + 1)).toSorted();
  };

  test("one call writes all of them, and tells of each", async () => {
    const board = db.leaderboard("all", {
      ties: "dense",
      periods: { daily: { keep: 7 }, custom: all, allTime: true },
      timeZone: "Europe/Berlin",
    });
    const first = await board.submit("ada", 5);
    expect(first.periods.daily).toEqual({ score: 5, rank: 1, previousRank: null, improved: true, enteredTop: true });
    expect(Object.keys(first.periods)).toEqual(["daily", "centuries", "decades"]);
    expect(await sent(() => board.submit("bob", 7))).toEqual(["EVALSHA board.submit"]);
    expect(await trips(() => board.submit("bob", 6))).toBe(1);
    expect(await trips(() => board.period("daily").top())).toBe(1);
    expect(await trips(() => board.period("daily").history("ada", 8))).toBe(1);
    expect(await sent(() => board.period("centuries").history("ada", 2))).toEqual(["EVALSHA_RO board.history"]);
    for (const standings of [board, board.period("daily"), board.period("centuries"), board.period("decades")]) {
      const rows = await standings.top();
      expect(rows.map(({ member, score, rank }) => [member, score, rank])).toEqual([
        ["bob", 7, 1],
        ["ada", 5, 2],
      ]);
      expect(await standings.rankOf("ada")).toBe(2);
      expect(await standings.total()).toBe(2);
      expect((await standings.neighbours("ada"))?.ahead?.points).toBe(2);
      const streamed: string[] = [];
      for await (const { member } of standings.entries({ batch: 1 })) streamed.push(member);
      expect(streamed).toEqual(["bob", "ada"]);
    }
  });

  test("every key of a period has its end, those of all time have none", async () => {
    const board = db.leaderboard("ends", { ties: "dense", periods: { custom: all, allTime: true } });
    const ends = async (): Promise<Map<string, number>> => {
      const keys = await keysOf("ends");
      const times = await Promise.all(keys.map((key) => raw("PEXPIRETIME", `${namespace.name}:${key}`)));
      return new Map(keys.map((key, at) => [key, Number(times[at])]));
    };
    const expectEnds = async (): Promise<void> => {
      const found = await ends();
      expect(found.size).toBe(15);
      for (const [key, end] of found) {
        const [, name = "", from = ""] = /#(\w+)@(.*)#/.exec(key) ?? [];
        const length = (name === "decades" ? 10 : 100) * 365 * day;
        const kept = name === "decades" ? 3 : 2;
        expect(end, key).toBe(name === "" ? -1 : Date.parse(from) + (kept + 1) * length);
      }
    };
    await board.submit("ada", 5);
    await expectEnds();
    // A board that was emptied begins anew.
    await board.remove("ada");
    await board.submitMany([
      { member: "ada", score: 5 },
      { member: "bob", score: 5 },
    ]);
    await expectEnds();
    await board.clear();
    expect(await keysOf("ends")).toEqual([]);
    await board.increment("ada", 5);
    await expectEnds();
  });

  test("what a clock here says never decides", async () => {
    const periods = {
      daily: { keep: 3 },
      hourly: { keep: 2 },
      custom: { minutes: every(60_000, 5) },
      allTime: true,
    } as const;
    const board = db.leaderboard("skewed", { periods, timeZone: "America/New_York" });
    await board.submit("first", 1);
    for (const off of [-400 * day, -26 * 3_600_000, -90_000, 0, 61_000, 3_700_000, 25 * 3_600_000, 5000 * day]) {
      const before = await serverTime(raw);
      const now = vi.spyOn(ServerClock.prototype, "now").mockImplementation(() => new Date(Date.now() + off));
      // A process of its own, which plans by that clock; it is told better once.
      const other = db.leaderboard("skewed", { periods, timeZone: "America/New_York" });
      const calls = await sent(() => other.submit(`off ${off}`, 1)).finally(() => now.mockRestore());
      expect(calls.length).toBeGreaterThanOrEqual(off === 0 ? 1 : 2);
      const after = await serverTime(raw);
      for (const name of ["daily", "hourly", "minutes"] as const) {
        const found = [before, after].map((at) => board.period(name).at(new Date(at)));
        const ranks = await Promise.all(found.map((each) => each.rankOf(`off ${off}`)));
        expect(
          ranks.some((rank) => rank !== null),
          `${name} by ${off}`,
        ).toBe(true);
      }
    }
    const keys = await keysOf("skewed");
    const today = (await serverTime(raw)) - 2 * 3_600_000;
    for (const key of keys) {
      const [, name = "", from = ""] = /#(\w+)@(.*)#/.exec(key) ?? [];
      if (name === "hourly" || name === "minutes") expect(Date.parse(from), key).toBeGreaterThan(today);
      expect(from === "" || Date.parse(from) <= Date.now(), key).toBe(true);
    }
  });

  test("periods that end all the time lose nothing, and hold only what came in them", async () => {
    const length = 200;
    const clients = await Promise.all(Array.from({ length: 3 }, () => connect(leg.url, { namespace: namespace.name })));
    const periods = { custom: { ticks: every(length, 100) }, allTime: true } as const;
    const boards = clients.map((client) => client.leaderboard("ticks", { keep: "sum", periods }));
    const started = await serverTime(raw);
    for (let round = 0; round < 6; round += 1) {
      const from = await serverTime(raw);
      await Promise.all(
        Array.from({ length: 60 }, (_, at) => (boards[at % 3] as (typeof boards)[0]).submit(`m${at % 7}`, 1)),
      );
      await serverTimePassed(raw, new Date((Math.floor(from / length) + 1) * length - 1));
    }
    const ended = await serverTime(raw);
    const board = boards[0] as (typeof boards)[0];
    let sum = 0;
    let seen = 0;
    for (let at = Math.floor(started / length) * length; at <= ended; at += length) {
      const rows = await board.period("ticks").at(new Date(at)).top(100);
      seen += rows.length === 0 ? 0 : 1;
      for (const row of rows) {
        sum += row.score;
        // The server's own time of the last score.
        expect(row.at.getTime()).toBeGreaterThanOrEqual(at);
        expect(row.at.getTime()).toBeLessThan(at + length);
      }
    }
    expect(sum).toBe(360);
    expect(seen).toBeGreaterThan(1);
    expect((await board.top(100)).reduce((total, { score }) => total + score, 0)).toBe(360);
    await Promise.all(clients.map((client) => client.close()));
  });

  test("periods that are over before a call arrives are refused", async () => {
    const proxy = await startProxy(leg.url);
    const through = await connect(proxy.url, { namespace: namespace.name });
    const board = through.leaderboard("short", { periods: { custom: { blinks: every(1, 1) }, allTime: true } });
    // The proxy keeps each reply for longer than such a period lasts.
    const error = await expectFailure(board.submit("ada", 1), "DEFINITION");
    expect(error.message).toContain("too short; nothing was changed");
    expect(await keysOf("short")).toEqual([]);
    await through.close();
    await proxy.close();
  });

  test("one of the periods is the main board where all time is not kept", async () => {
    const board = db.leaderboard("main", { periods: { custom: all }, main: "decades" });
    const result = await board.submit("ada", 5);
    expect(result).toMatchObject({ rank: 1, periods: { decades: { rank: 1 }, centuries: { rank: 1 } } });
    expect(await board.rankOf("ada")).toBe(1);
    expect((await keysOf("main")).every((key) => key.includes("@"))).toBe(true);
    expect(await board.remove(["ada", "bob"])).toBe(1);
    expect(await board.total()).toBe(0);
    expect(await board.period("centuries").total()).toBe(0);
  });

  test("all calls that write go to all of them, or to none", async () => {
    const board = db.leaderboard("writes", {
      keep: "sum",
      tieBreak: "member",
      periods: { custom: all, allTime: true },
    });
    await board.submit("ada", 2 ** 53 - 5);
    // Only the board of all time is near the edge.
    await db.leaderboard("writes", { keep: "sum", tieBreak: "member" }).submit("ada", 4);
    const before = await dump(raw, namespace.name);
    expect((await expectFailure(board.increment("ada", 1), "VALIDATION")).message).toContain("nothing was changed");
    await expectFailure(
      board.submitMany([
        { member: "bob", score: 1 },
        { member: "ada", score: 3 },
      ]),
      "VALIDATION",
    );
    await expectFailure(board.submit("ada", Number.NaN), "VALIDATION");
    // Three boards are written.
    const many = Array.from({ length: 51 }, (_, at) => ({ member: `m${at}`, score: 1 }));
    expect((await expectFailure(board.submitMany(many), "VALIDATION")).message).toContain(
      "not 153; send them in parts",
    );
    const names = Array.from({ length: 5001 }, (_, at) => `m${at}`);
    expect((await expectFailure(board.remove(names), "VALIDATION")).message).toContain("at most 5000 members");
    await expectFailure(board.remove([""]), "VALIDATION");
    expect(await dump(raw, namespace.name)).toEqual(before);
    const results = await board.submitMany([
      { member: "bob", score: 3 },
      { member: "bob", score: 2 },
      { member: "eve", score: 9 },
    ]);
    expect(results.map(({ rank, periods }) => [rank, periods.decades.score])).toEqual([
      [2, 3],
      [2, 5],
      [2, 9],
    ]);
    expect(await board.decrement("eve", 5)).toMatchObject({ score: 4, rank: 3, periods: { centuries: { rank: 3 } } });
    expect(await board.remove(["bob", "nobody"])).toBe(1);
    for (const standings of [board, board.period("decades"), board.period("centuries")]) {
      expect((await standings.top()).map(({ member }) => member)).toEqual(["ada", "eve"]);
    }
    // One that is stored for other options stops all of them.
    const key = (await keysOf("writes")).find((name) => name.includes("decades") && name.endsWith("m"));
    await raw("SET", `${namespace.name}:${key ?? ""}`, "asc|member||");
    const kept = await dump(raw, namespace.name);
    const error = await expectFailure(board.submit("eve", 1), "DEFINITION");
    expect(error.message).toContain("stored for other options");
    await expectFailure(board.remove("eve"), "DEFINITION");
    await expectFailure(board.period("decades").top(), "DEFINITION");
    await expectFailure(board.period("decades").history("eve", 1), "DEFINITION");
    expect(await dump(raw, namespace.name)).toEqual(kept);
  });

  test("past periods are read as long as they are kept", async () => {
    const now = await serverTime(raw);
    const starts = [now - 30_000, now - 20_000, now - 10_000].map((at) => new Date(at));
    const board = db.leaderboard("past", {
      periods: { season: { keep: 1, starts }, custom: { centuries }, allTime: true },
    });
    await board.submit("ada", 5);
    const season = board.period("season");
    expect(await season.span()).toEqual({ from: starts[2], to: new Date(8.64e15) });
    expect(await season.at(new Date(now - 11_000)).span()).toEqual({ from: starts[1], to: starts[2] });
    expect(await season.at(new Date(now - 11_000)).top()).toEqual([]);
    const gone = season.at(new Date(now - 21_000));
    expect((await expectFailure(gone.top(), "VALIDATION")).message).toContain("not kept any more; 1 past ones are");
    await expectFailure(gone.history("ada", 1), "VALIDATION");
    await expectFailure(season.at(new Date(now - 11_000)).history("ada", 2), "VALIDATION");
    await expectFailure(
      board
        .period("centuries")
        .at(new Date(now + 101 * 365 * day))
        .top(),
      "VALIDATION",
    );
    expect(await season.history("ada", 2)).toMatchObject([
      { from: starts[2], row: { score: 5, rank: 1 } },
      { from: starts[1], to: starts[2], row: null },
    ]);
    for (const count of [0, 3, -1, 1.5, Number.NaN, "1"]) {
      await expectFailure(season.history("ada", count as number), "VALIDATION");
    }
    await expectFailure(season.history("", 1), "VALIDATION");
    for (const bad of [new Date(Number.NaN), new Date(-1), new Date(8.64e15), 5, "2026-01-01", null]) {
      expect(() => season.at(bad as Date)).toThrow(expect.objectContaining({ code: "VALIDATION" }));
    }
    for (const bad of ["weekly", "allTime", "constructor", "", 5]) {
      expect(() => board.period(bad as "season")).toThrow(expect.objectContaining({ code: "VALIDATION" }));
    }
  });

  test("a bad calendar is told, and nothing is changed", async () => {
    const overlapping: CustomPeriods = {
      keep: 1,
      calendar: (at) => ({ from: new Date(at.getTime() - 5), to: new Date(at.getTime() + 5) }),
    };
    const board = db.leaderboard("bad", { periods: { custom: { overlapping }, allTime: true } });
    for (const call of [
      () => board.submit("ada", 1),
      () => board.remove("ada"),
      () => board.clear(),
      () => board.period("overlapping").top(),
      () => board.period("overlapping").span(),
    ]) {
      await expectFailure(call(), "DEFINITION");
    }
    expect(await keysOf("bad")).toEqual([]);
  });

  test("archives are renamed, and open as boards", async () => {
    const options = { ties: "dense", periods: { custom: { centuries }, allTime: true } } as const;
    const board = db.leaderboard("arena", options);
    await expectFailure(board.archive("season-1"), "ENTITY_NOT_FOUND");
    await board.submitMany([
      { member: "ada", score: 5 },
      { member: "bob", score: 7 },
    ]);
    const rows = await board.top();
    expect(await sent(async () => expect(await (await board.archive("season-1")).top()).toEqual(rows))).toContain(
      "EVALSHA board.archive",
    );
    const opened = db.leaderboard("season-1", { ties: "dense", colocate: "arena" });
    expect(await opened.top()).toEqual(rows);
    expect(await opened.submit("eve", 6)).toMatchObject({ rank: 2 });
    expect(await board.total()).toBe(0);
    expect(await board.period("centuries").total()).toBe(2);
    // A period goes too, and then it is for good.
    const before = await dump(raw, namespace.name);
    await expectFailure(board.period("centuries").archive("season-1"), "ENTITY_EXISTS");
    for (const bad of ["", "a b", "{x}", 5]) await expectFailure(board.archive(bad as string), "DEFINITION");
    const other = db.leaderboard("arena", { tieBreak: "member", periods: { custom: { centuries }, allTime: true } });
    await expectFailure(other.period("centuries").archive("season-2"), "DEFINITION");
    expect(await dump(raw, namespace.name)).toEqual(before);
    await board.period("centuries").archive("century-1");
    const keys = await keysOf("arena");
    expect(keys.some((key) => key.includes("@"))).toBe(false);
    const lives = await Promise.all(keys.map((key) => raw("PTTL", `${namespace.name}:${key}`)));
    expect(new Set(lives.map(Number))).toEqual(new Set([-1]));
    expect(await db.leaderboard("century-1", { ties: "dense", colocate: "arena" }).rankOf("ada")).toBe(2);
    // The next scores begin anew.
    expect(await board.submit("kim", 1)).toMatchObject({
      rank: 1,
      previousRank: null,
      periods: { centuries: { rank: 1 } },
    });
    await expectFailure(opened.archive("season-1"), "ENTITY_EXISTS");
  });

  test("what is sent once more counts once in every period", async () => {
    const proxy = await startProxy(leg.url);
    const through = await connect(proxy.url, { namespace: namespace.name, retryWrites: true });
    const board = through.leaderboard("again", { keep: "sum", periods: { custom: all, allTime: true } });
    await board.submit("ada", 1);
    proxy.cutAfter("EVALSHA");
    expect(await board.submit("ada", 1)).toMatchObject({ score: 2, periods: { decades: { score: 2 } } });
    expect(
      await board
        .period("centuries")
        .scoreOf("ada")
        .catch((error: unknown) => isRemoraError(error)),
    ).toBe(2);
    await through.close();
    await proxy.close();
  });
});
