// Changes of ranks, as boards tell them: who moved, who was passed, as much as the top and the neighbours are concerned.
// Against the model, on every server.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type BoardChange, connect, type Database, type WatchOptions } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { dump, type Raw } from "../behaviour/matrix.ts";
import { sent } from "../behaviour/sent.ts";
import { runs, seed } from "../property/seed.ts";
import { describeLegs } from "../setup/legs.ts";
import { Model } from "./model.ts";

const top = 3;
const score = fc.record({
  member: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "é", "{x}"),
  score: fc.integer({ min: 0, max: 6 }),
  increment: fc.boolean(),
});

/** Reads so many changes. */
async function take(
  board: { readonly watch: (options: WatchOptions) => AsyncGenerator<BoardChange> },
  count: number,
  options: WatchOptions = { from: "start" },
): Promise<BoardChange[]> {
  const found: BoardChange[] = [];
  if (count === 0) return found;
  for await (const change of board.watch(options)) {
    found.push(change);
    if (found.length === count) break;
  }
  return found;
}

const kinds = (["ordinal", "competition", "dense"] as const).flatMap((ties) =>
  (["desc", "asc"] as const).map((order) => ({ ties, order })),
);

describeLegs("changes of ranks", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "board-events");
  let db: Database;
  let raw: Raw;
  let boards = 0;
  beforeAll(async () => {
    db = await connect(leg.url, { namespace: namespace.name });
    raw = (command, ...args) => db.redis.call(command, ...args.map(String));
  });
  afterAll(async () => {
    await db.close();
    await namespace[Symbol.asyncDispose]();
  });

  test("leave out who was dropped at once", async () => {
    const board = db.leaderboard("bounded", { limit: 2, events: true, periods: { daily: { keep: 1 }, allTime: true } });
    await board.submit("ada", 10);
    await board.submit("bob", 20);
    const dropped = await board.submit("eve", 5);
    expect(dropped).toMatchObject({ score: 5, rank: null, improved: false, periods: { daily: { rank: null } } });
    expect(await board.submit("kim", 30)).toMatchObject({ rank: 1, periods: { daily: { rank: 1 } } });
    expect((await board.top()).map(({ member }) => member)).toEqual(["kim", "bob"]);
    expect(await board.period("daily").total()).toBe(2);
    const told = await take(board, 6);
    expect(told.map(({ member, period }) => [member, period ?? "all"])).toEqual(
      ["ada", "bob", "kim"].flatMap((member) => [
        [member, "all"],
        [member, "daily"],
      ]),
    );
  });

  test.each(kinds)("are those of the model, $ties, $order", { timeout: 60_000 }, async ({ ties, order }) => {
    const property = fc.asyncProperty(fc.array(score, { minLength: 1, maxLength: 25 }), async (given) => {
      boards += 1;
      const board = db.leaderboard(`b${boards}`, { ties, order, keep: "last", top, events: true });
      const model = new Model({ ties, order, keep: "last", breaks: "time", subs: [] });
      const expected: Omit<BoardChange, "position" | "at">[] = [];
      for (const { member, score: points, increment } of given) {
        const before = model.rows().map((row) => row.member);
        const { rank, previousRank, score: now } = model.submit(member, points, [], increment);
        const rows = model.rows();
        const at = rows.findIndex((row) => row.member === member);
        const stood = before.includes(member) ? before.indexOf(member) : before.length;
        const passed = at < stood ? rows.slice(at + 1, Math.min(stood, Math.max(at + 1, top)) + 1) : [];
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const result = await (increment ? board.increment(member, points) : board.submit(member, points));
        expect(result).toMatchObject({ rank, previousRank, score: now });
        if (rank === previousRank || rank === null) continue;
        const overtaken = passed.map((row) => ({ member: row.member, rank: row.rank }));
        const { enteredTop } = result;
        expected.push({ period: null, member, score: now, rank, previousRank, enteredTop, overtaken });
      }
      const found = await take(board, expected.length);
      expect(found).toMatchObject(expected);
      expect(found.every(({ overtaken }) => overtaken.length <= top + 1)).toBe(true);
      expect(Number(await raw("XLEN", `${namespace.name}:{b${boards}}#k`))).toBe(expected.length);
    });
    await fc.assert(property, { seed, numRuns: runs(8) });
  });

  test("come as they are made, of the board and its periods", async () => {
    const calendar = () => ({ from: new Date(0), to: new Date(8.64e15) });
    const board = db.leaderboard("live", {
      top: 2,
      events: true,
      tieBreak: { scores: [{ name: "goals" }] },
      periods: { custom: { epoch: { keep: 1, calendar } }, allTime: true },
    });
    await board.submit("early", 5, { scores: { goals: 1 } });
    const ending = new AbortController();
    const watch = board.watch({ signal: ending.signal });
    const first = watch.next();
    // The watcher stands at the end of the stream once it is told of something; what comes before may be missed.
    let seen: BoardChange | undefined;
    void first.then(({ value }) => (seen = value as BoardChange));
    for (let at = 0; seen === undefined; at += 1) {
      // oxlint-disable-next-line no-await-in-loop -- until the watcher is there
      await board.submit(`m${at}`, 10 + at, { scores: { goals: at } });
    }
    expect(seen.member).toMatch(/^m\d+$/);
    expect(seen.at.getTime()).toBeGreaterThan(1e12);
    const all = await take(board, 4);
    expect(all.map(({ period, member, rank }) => [period, member, rank])).toEqual([
      [null, "early", 1],
      ["epoch", "early", 1],
      [null, "m0", 1],
      ["epoch", "m0", 1],
    ]);
    expect(all[2]).toMatchObject({ overtaken: [{ member: "early", rank: 2 }], enteredTop: true, previousRank: null });
    // Behind a position, and by a group.
    expect(await take(board, 1, { from: all[1]?.position as string })).toEqual([all[2]]);
    expect(await take(board, 2, { from: "start", group: "mails" })).toEqual(all.slice(0, 2));
    ending.abort();
    for await (const change of watch) expect(change.member).toBeDefined();
    expect(await sent(() => board.submit("early", 5, { scores: { goals: 1 } }))).toEqual(["EVALSHA board.submit"]);
    // What changes no rank is not told, and a board that is cleared keeps what it told.
    const length = await raw("XLEN", `${namespace.name}:{live}#k`);
    await board.submit("early", 5, { scores: { goals: 1 } });
    await board.remove("early");
    await board.clear();
    expect(await raw("XLEN", `${namespace.name}:{live}#k`)).toBe(length);
  });

  test("the stream is bounded, and so is the work of a leap over a hundred thousand", async () => {
    const board = db.leaderboard("leap", { tieBreak: "member", top: 100, events: { maxLength: 10 } });
    const filling = "for i = 1, 100000 do redis.call('ZADD', KEYS[1], i, 'm'..i) end";
    await raw("EVAL", filling, 1, `${namespace.name}:{leap}#z`);
    await board.submit("slow", -1);
    const [change] = await Promise.all([take(board, 1, { from: "now" }), leap()]).then(([found]) => found);
    expect(change).toMatchObject({ member: "slow", rank: 1, previousRank: 100_001, enteredTop: true });
    expect(change?.overtaken).toHaveLength(100);
    expect(change?.overtaken.at(-1)).toEqual({ member: "m99901", rank: 101 });
    for (let at = 0; at < 300; at += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await board.submit(`n${at}`, at);
    }
    expect(Number(await raw("XLEN", `${namespace.name}:{leap}#k`))).toBeLessThan(250);

    // As often as it takes until the watcher is there.
    async function leap(): Promise<void> {
      const stream = `${namespace.name}:{leap}#k`;
      const clients = async (): Promise<boolean> => String(await raw("CLIENT", "LIST")).includes("cmd=xread");
      while (!(await clients()));
      expect(await raw("EXISTS", stream)).toBe(1);
      await board.submit("slow", 200_000);
    }
  });

  test("boards that tell nothing have nothing to watch, and bad options are refused", async () => {
    expect(() => db.leaderboard("mute").watch()).toThrow(expect.objectContaining({ code: "QUERY" }));
    const board = db.leaderboard("told", { events: true });
    await expectFailure(board.watch({ from: "yesterday" }).next(), "QUERY");
    await expectFailure(board.watch({ from: "5-5" }).next(), "INVALID_CURSOR");
    const before = await dump(raw, namespace.name);
    await expectFailure(board.submit("ada", Number.NaN), "VALIDATION");
    expect(await dump(raw, namespace.name)).toEqual(before);
  });
});
