// What boards promise beside their order: one round trip, nothing changed by bad input, exact numbers, many at once.
// On every server.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, type Database, type ErrorCode, type Leaderboard, type LeaderboardOptions } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { boardSettings } from "../../src/leaderboard/options.ts";
import { readMember, tieText } from "../../src/leaderboard/encoding.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { dump, type Raw } from "../behaviour/matrix.ts";
import { sent, trips } from "../behaviour/sent.ts";
import { startProxy } from "../redis/proxy.ts";
import { describeLegs } from "../setup/legs.ts";
import { Model } from "./model.ts";

const cup = {
  ties: "dense",
  keep: "last",
  tieBreak: { scores: [{ name: "goals" }, { name: "cards", order: "asc" }] },
} as const satisfies LeaderboardOptions;

describeLegs("leaderboards", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "board");
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

  test("rows say since when, results say what happened", async () => {
    const board = db.leaderboard("arena", { top: 1 });
    const before = Date.now();
    expect(await board.submit("ada", 10)).toEqual({
      score: 10,
      rank: 1,
      previousRank: null,
      improved: true,
      enteredTop: true,
    });
    const first = (await board.top())[0]?.at as Date;
    expect(Math.abs(first.getTime() - before)).toBeLessThan(60_000);
    expect(await board.submit("bob", 10)).toMatchObject({ rank: 2, enteredTop: false });
    // The same score again keeps its time, so the order stays.
    expect(await board.submit("ada", 10)).toMatchObject({ rank: 1, previousRank: 1, improved: false });
    expect((await board.top())[0]?.at).toEqual(first);
    expect(await board.submit("bob", 11)).toMatchObject({
      rank: 1,
      previousRank: 2,
      improved: true,
      enteredTop: true,
    });
    expect(await board.submit("bob", 3)).toEqual({
      score: 11,
      rank: 1,
      previousRank: 1,
      improved: false,
      enteredTop: false,
    });
    expect(await board.decrement("bob", 5)).toMatchObject({ score: 6, rank: 2, previousRank: 1 });
    expect(await board.increment("eve")).toMatchObject({ score: 1, rank: 3, previousRank: null });
    expect(await board.remove("bob")).toBe(1);
    expect((await board.top()).map(({ member, score, rank }) => [member, score, rank])).toEqual([
      ["ada", 10, 1],
      ["eve", 1, 2],
    ]);
  });

  test("plain boards are plain sorted sets, which other tools can read and fill", async () => {
    const board = db.leaderboard("plain", { tieBreak: "member" });
    await board.submit("ada", 0.1);
    const key = `${namespace.name}:{plain}#z`;
    expect(Number(await raw("ZSCORE", key, "ada"))).toBe(0.1);
    await raw("ZADD", key, 7, "bob");
    expect(await board.top()).toEqual([
      { member: "bob", score: 7, rank: 1 },
      { member: "ada", score: 0.1, rank: 2 },
    ]);
  });

  test("sorted sets that others made are no boards of another form", async () => {
    await raw("ZADD", `${namespace.name}:{foreign}#z`, 7, "bob");
    const before = await dump(raw, namespace.name);
    for (const options of [{}, { ties: "dense", tieBreak: "member" }] satisfies LeaderboardOptions[]) {
      const board = db.leaderboard("foreign", options);
      await expectFailure(board.submit("ada", 1), "DEFINITION");
      expect((await expectFailure(board.rankOf("bob"), "DEFINITION")).message).toContain("plain members");
    }
    expect(await dump(raw, namespace.name)).toEqual(before);
    const board = db.leaderboard("foreign", { tieBreak: "member", ties: "competition" });
    expect(await board.rankOf("bob")).toBe(1);
    expect(await board.submit("ada", 8)).toMatchObject({ rank: 1 });
  });

  test("every call is one round trip", async () => {
    const plain = db.leaderboard("trips", { tieBreak: "member" });
    const wide = db.leaderboard("trips-wide", cup);
    // Before the first write of a board, and after it.
    for (const _round of [1, 2]) {
      await expectOneTrip(wide);
      await expectOneTrip(plain);
      await wide.submit("a", 1, { scores: { goals: 1, cards: 1 } });
      await plain.submit("a", 1);
    }
    expect(await sent(() => plain.rankOf("a"))).toEqual(["ZREVRANK"]);
    expect(await sent(() => plain.top(3))).toEqual(["ZRANGE"]);
    expect(await sent(() => plain.among(["a", "b"]))).toEqual(["ZMSCORE"]);
    expect(await sent(() => plain.submit("a", 2))).toEqual(["EVALSHA board.submit"]);
    expect(await trips(() => plain.submit("b", 2))).toBe(1);
    expect(await trips(() => wide.submitMany([{ member: "c", score: 1, scores: { goals: 0, cards: 0 } }]))).toBe(1);
    expect(await trips(() => wide.increment("c", 2))).toBe(1);
    expect(await trips(() => wide.remove(["c", "d"]))).toBe(1);
    expect(await trips(() => wide.clear())).toBe(1);
    expect(await trips(() => plain.submitMany([]))).toBe(0);
  });

  async function expectOneTrip(board: Pick<Leaderboard, "top">): Promise<void> {
    const { name, ...calls } = readsOf(board as Leaderboard);
    for (const [call, read] of Object.entries(calls)) expect(await trips(read), `${name}.${call}`).toBe(1);
  }

  function readsOf(board: Leaderboard) {
    return {
      name: board.name,
      top: () => board.top(),
      bottom: () => board.bottom(),
      page: () => board.page(1),
      around: () => board.around("a"),
      between: () => board.between(0, 1),
      rankOf: () => board.rankOf("a"),
      ranksOf: () => board.ranksOf(["a"]),
      among: () => board.among(["a"]),
      scoreOf: () => board.scoreOf("a"),
      percentileOf: () => board.percentileOf("a"),
      scoreAt: () => board.scoreAt(0.5),
      countBetween: () => board.countBetween(0, 1),
      histogram: () => board.histogram(3),
      neighbours: () => board.neighbours("a"),
      total: () => board.total(),
    };
  }

  test("bad input is refused, and changes nothing", async () => {
    const sums = db.leaderboard("sums", { keep: "sum", ties: "dense" });
    const sub = db.leaderboard("sub", cup);
    await sums.submitMany([
      { member: "ada", score: 2 ** 53 - 1 },
      { member: "bob", score: 1 },
    ]);
    await sub.submit("ada", 1, { scores: { goals: 1, cards: 2 } });
    const long = Array.from({ length: 100_000 }, (_, at) => `friend ${at}`);
    const attempts: (() => Promise<unknown>)[] = [
      ...[Number.NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 1e300, "5", 5n, null, undefined].flatMap((bad) => [
        () => sums.submit("eve", bad as number),
        () =>
          sums.submitMany([
            { member: "bob", score: 1 },
            { member: "eve", score: bad as number },
          ]),
        () => sub.submit("eve", 1, { scores: { goals: bad as number, cards: 1 } }),
        () => sums.countBetween(bad as number, 5),
        () => sums.histogram([0, bad as number]),
      ]),
      ...[Number.NaN, Infinity, "1"].flatMap((bad) => [
        () => sums.increment("bob", bad as number),
        () => sums.decrement("bob", bad as number),
      ]),
      ...["", " ", "\t", "a\u0000b", "\ud800", "x".repeat(513), 5, null, undefined, {}].flatMap((bad) => [
        () => sums.submit(bad as string, 1),
        () => sums.increment(bad as string, 1),
        () => sums.remove([bad as string]),
        () => sums.rankOf(bad as string),
        () => sums.ranksOf(["bob", bad as string]),
        () => sums.among(["bob", bad as string]),
        () => sums.around(bad as string),
      ]),
      ...[0, -1, 1.5, Number.NaN, 2001, "3"].flatMap((bad) => [
        () => sums.top(bad as number),
        () => sums.bottom(bad as number),
        () => sums.page(1, bad as number),
        () => sums.between(0, 1, { limit: bad as number }),
        () => sums.entries({ batch: bad as number }).next(),
      ]),
      ...[0, -1, 1.5, Infinity].map((bad) => () => sums.page(bad)),
      ...[-0.1, 1.1, Number.NaN, "0.5"].map((bad) => () => sums.scoreAt(bad as number)),
      ...[0, 501, [1], [1, 1], [2, 1], []].map((bad) => () => sums.histogram(bad)),
      () => sums.around("bob", -1),
      () => sums.around("bob", 1000),
      () => sums.removeBetween(2, 1),
      () => sums.removeBetween(0, Number.NaN),
      ...[0, 1.5, Infinity].map((bad) => () => sums.trim(bad)),
      () => sums.between(2, 1),
      () => sums.between(0, 1, { offset: -1 }),
      () => sums.among(long),
      () => sums.ranksOf(long),
      () => sums.remove(long),
      () => sums.submitMany(long.slice(0, 151).map((member) => ({ member, score: 1 }))),
      // Sums are exact, or refused; also those that grow within one call.
      () => sums.submit("ada", 1),
      () => sums.increment("ada", 0.5),
      () =>
        sums.submitMany([
          { member: "bob", score: 5 },
          { member: "new", score: 2 ** 53 - 1 },
          { member: "new", score: 1 },
        ]),
      // Sub-scores are all named, and no others.
      () => sub.submit("ada", 1, undefined as never),
      () => sub.submit("ada", 1, { scores: { goals: 1 } } as never),
      () => sub.submit("ada", 1, { scores: { goals: 1, cards: 1, x: 1 } } as never),
      () => sums.submit("ada", 1, { scores: { goals: 1 } } as never),
    ];
    const before = await dump(raw, namespace.name);
    for (const attempt of attempts) {
      const error = await expectFailure(attempt(), "VALIDATION");
      expect(error.message, attempt.toString()).toMatch(/^(sums|sub): /);
    }
    expect(await dump(raw, namespace.name)).toEqual(before);
  });

  test("boards stored for other options are left alone", async () => {
    const made = db.leaderboard("made", { tieBreak: "member" });
    await made.submit("ada", 1);
    const before = await dump(raw, namespace.name);
    const others: LeaderboardOptions[] = [
      {},
      { order: "asc", tieBreak: "member" },
      { tieBreak: "member", ties: "dense" },
      cup,
    ];
    for (const options of others) {
      const other = db.leaderboard("made", options);
      const scores = { scores: { goals: 1, cards: 1 } };
      await expectFailure(other.top(), "DEFINITION");
      await expectFailure(other.rankOf("ada"), "DEFINITION");
      const work = options === cup ? other.submit("bob", 1, scores as never) : other.submit("bob", 1);
      expect((await expectFailure(work, "DEFINITION")).message).toContain("clear it");
      await expectFailure(other.remove("ada"), "DEFINITION");
    }
    expect(await dump(raw, namespace.name)).toEqual(before);
    // What only decides which scores count, and how ranks are counted, may change.
    const same = db.leaderboard("made", { tieBreak: "member", keep: "last", ties: "competition" });
    expect(await same.submit("ada", 0)).toMatchObject({ score: 0, rank: 1 });
    await same.clear();
    expect(await db.leaderboard("made").submit("ada", 1)).toMatchObject({ rank: 1 });
  });

  test("a key of another type is told, and stays", async () => {
    await raw("SET", `${namespace.name}:{taken}#z`, "x");
    const board = db.leaderboard("taken");
    await expectFailure(db.leaderboard("taken", { tieBreak: "member" }).top(), "CORRUPT_ENTITY");
    await expectFailure(board.submit("ada", 1), "CORRUPT_ENTITY");
    expect(await raw("GET", `${namespace.name}:{taken}#z`)).toBe("x");
    expect(await raw("EXISTS", `${namespace.name}:{taken}#t`, `${namespace.name}:{taken}#m`)).toBe(0);
    await raw("DEL", `${namespace.name}:{taken}#z`);
  });

  test.each(["time", "member"] as const)("a thousand at once end as the model says, ties by %s", async (breaks) => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(leg.url, { namespace: namespace.name })));
    const options = { keep: "sum", ties: "dense", tieBreak: breaks, top: 10 } as const;
    const model = new Model({ order: "desc", keep: "sum", ties: "dense", breaks: "member", subs: [] });
    const work = Array.from({ length: 1000 }, (_, at) => ({ member: `m${at % 37}`, score: ((at * 7919) % 23) - 5 }));
    for (const { member, score } of work) model.submit(member, score, [], false);
    const results = await Promise.all(
      work.map(({ member, score }, at) =>
        (clients[at % 4] as Database).leaderboard(`busy-${breaks}`, options).submit(member, score),
      ),
    );
    const rows = await db.leaderboard(`busy-${breaks}`, options).top(100);
    const plain = ({ member, score, rank }: { member: string; score: number; rank: number }) => ({
      member,
      score,
      rank,
    });
    const byName = (a: { member: string }, b: { member: string }): number => (a.member < b.member ? -1 : 1);
    const expected = model.rows().map(plain);
    expect(rows.map(plain).toSorted(byName)).toEqual(expected.toSorted(byName));
    if (breaks === "member") expect(rows.map(plain)).toEqual(expected);
    // Each member was new once, and everybody was told the truth about one moment.
    expect(results.filter(({ previousRank }) => previousRank === null)).toHaveLength(37);
    expect(Number(await raw("ZCARD", `${namespace.name}:{busy-${breaks}}#d`))).toBe(
      new Set(rows.map(({ score }) => score)).size,
    );
    await Promise.all(clients.map((client) => client.close()));
  });

  test("a stream of entries neither skips nor repeats who did not change", async () => {
    const board = db.leaderboard("stream", { keep: "last" });
    const members = Array.from({ length: 60 }, (_, at) => ({ member: `m${at}`, score: Math.floor(at / 7) }));
    await board.submitMany(members);
    const seen: string[] = [];
    for await (const { member } of board.entries({ batch: 5 })) {
      seen.push(member);
      const moved = `m${60 + (seen.length % 3)}`;
      // Others come, move and go, among them the row that the next page begins after.
      await (seen.length % 2 === 0 ? board.submit(moved, seen.length % 9) : board.remove(moved));
      if (seen.length === 25) await board.remove(member);
    }
    const steady = seen.filter((member) => Number(member.slice(1)) < 60);
    expect(steady).toHaveLength(60);
    expect(new Set(steady).size).toBe(60);
  });

  test("what is sent once more counts once", async () => {
    const proxy = await startProxy(leg.url);
    const through = await connect(proxy.url, { namespace: namespace.name, retryWrites: true });
    const board = through.leaderboard("retried", { ties: "dense" });
    await board.increment("ada", 1);
    proxy.cutAfter("EVALSHA");
    expect(await board.increment("ada", 1)).toMatchObject({ score: 2, rank: 1, previousRank: 1, improved: true });
    expect(await db.leaderboard("retried", { ties: "dense" }).scoreOf("ada")).toBe(2);
    expect(proxy.commands.filter(([name = ""]) => name.startsWith("EVAL")).length).toBeGreaterThanOrEqual(3);
    await through.close();
    await proxy.close();
  });

  test("deadlines and signals end calls", async () => {
    const board = db.leaderboard("late");
    const signal = AbortSignal.abort();
    await expectFailure(board.top(1, { signal }), "DEADLINE");
    await expectFailure(board.submit("ada", 1, { signal }), "DEADLINE");
    await expectFailure(board.entries({ signal }).next(), "DEADLINE");
    expect(await board.total()).toBe(0);
    const closed = await connect(leg.url, { namespace: namespace.name });
    await closed.close();
    await expectFailure(closed.leaderboard("late").submit("ada", 1), "CONNECTION");
  });
});

describe("options of boards", () => {
  const make = (name: unknown, options: unknown): unknown =>
    boardSettings(name as string, options as LeaderboardOptions);
  test.each([
    ["", {}],
    ["a b", {}],
    ["{a}", {}],
    [":a", {}],
    ["a".repeat(129), {}],
    [5, {}],
    ["a", { order: "up" }],
    ["a", { keep: "all" }],
    ["a", { ties: "none" }],
    ["a", { tieBreak: "luck" }],
    ["a", { top: 0 }],
    ["a", { limit: 0 }],
    ["a", { limit: 1.5 }],
    ["a", { tieBreak: { scores: [] } }],
    ["a", { tieBreak: { scores: ["a", "b", "c", "d"].map((name) => ({ name })) } }],
    ["a", { tieBreak: { scores: [{ name: "x" }, { name: "x" }] } }],
    ["a", { tieBreak: { scores: [{ name: "x y" }] } }],
    ["a", { tieBreak: { scores: [{ name: "x", order: "up" }] } }],
    ["a", { keep: "sum", tieBreak: { scores: [{ name: "x" }] } }],
  ])("%j with %j is refused", (name, options) => {
    expect(() => make(name, options)).toThrow(expect.objectContaining({ code: "DEFINITION" satisfies ErrorCode }));
  });

  test("sub-scores sort by bytes as they do by number, and come back exactly", () => {
    const values = [-(2 ** 53 - 1), -1.5, -1, -5e-324, 0, 5e-324, 0.1, 1, 1 + 2 ** -52, 2 ** 53 - 1];
    for (const order of ["desc", "asc"] as const) {
      for (const sub of ["desc", "asc"] as const) {
        const settings = boardSettings("a", { order, tieBreak: { scores: [{ name: "x", order: sub }] } });
        const texts = values.map((x) => tieText(settings, { x }, "m"));
        expect(texts.map((text) => readMember(settings, `${text}m`))).toEqual(
          values.map((x) => ({ member: "m", scores: { x } })),
        );
        expect(order === sub ? texts : texts.toReversed()).toEqual(texts.toSorted());
      }
    }
  });
});
