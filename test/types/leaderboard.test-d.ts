// The types of leaderboards: options, what a submission needs, and what rows tell.
// Wrong uses do not compile.
import { expectTypeOf, test } from "vitest";

import type { BoardRow, Database, PeriodName, SubmitResult } from "remora";

declare const db: Database;

test("boards that break ties by time", () => {
  const board = db.leaderboard("a", { keep: "sum", ties: "dense", order: "asc", top: 3 });
  expectTypeOf(board.submit("ada", 1)).resolves.toEqualTypeOf<SubmitResult>();
  expectTypeOf(board.submit("ada", 1, { deadline: 50 })).resolves.toEqualTypeOf<SubmitResult>();
  expectTypeOf<Awaited<ReturnType<typeof board.top>>[number]["at"]>().toEqualTypeOf<Date>();
  expectTypeOf<Awaited<ReturnType<typeof board.ranksOf>>[number]>().extract<null>().toEqualTypeOf<null>();
  expectTypeOf(db.leaderboard("b").top()).resolves.items.toHaveProperty("at");
  // @ts-expect-error -- it has no sub-scores
  void board.submit("ada", 1, { scores: { goals: 1 } });
  // @ts-expect-error -- a score is a number
  void board.submit("ada", "1");
  // @ts-expect-error -- and not a bigint
  void board.submit("ada", 1n);
  // @ts-expect-error -- a member is a string
  void board.submit(5, 1);
  // @ts-expect-error -- members come as a list
  void board.among("ada");
  // @ts-expect-error -- of strings
  void board.ranksOf([1]);
  // @ts-expect-error -- edges are numbers
  void board.histogram(["1", "2"]);
});

test("boards that break ties by member", () => {
  const board = db.leaderboard("a", { tieBreak: "member" });
  expectTypeOf(board.top()).resolves.items.not.toHaveProperty("at");
  expectTypeOf(board.top()).resolves.items.not.toHaveProperty("scores");
});

test("boards with sub-scores", () => {
  const board = db.leaderboard("a", { tieBreak: { scores: [{ name: "goals" }, { name: "cards", order: "asc" }] } });
  expectTypeOf<Awaited<ReturnType<typeof board.top>>[number]["scores"]>().toEqualTypeOf<{
    readonly goals: number;
    readonly cards: number;
  }>();
  expectTypeOf(board.top()).resolves.items.not.toHaveProperty("at");
  void board.submit("ada", 1, { scores: { goals: 1, cards: 2 } });
  void board.submitMany([{ member: "ada", score: 1, scores: { goals: 1, cards: 2 } }]);
  void board.increment("ada", 1);
  // @ts-expect-error -- sub-scores are missing
  void board.submit("ada", 1);
  // @ts-expect-error -- one of them is missing
  void board.submit("ada", 1, { scores: { goals: 1 } });
  // @ts-expect-error -- there is no such score
  void board.submit("ada", 1, { scores: { goals: 1, cards: 2, x: 3 } });
  // @ts-expect-error -- sub-scores are missing
  void board.submitMany([{ member: "ada", score: 1 }]);
});

test("boards with a limit", () => {
  const board = db.leaderboard("a", { limit: 100 });
  expectTypeOf(board.submit("ada", 1)).resolves.toEqualTypeOf<SubmitResult<number | null>>();
  expectTypeOf(board.increment("ada")).resolves.toHaveProperty("rank").toEqualTypeOf<number | null>();
  expectTypeOf(db.leaderboard("b").increment("ada")).resolves.toHaveProperty("rank").toEqualTypeOf<number>();
  // @ts-expect-error -- a limit is a number
  db.leaderboard("a", { limit: "100" });
  // @ts-expect-error -- a range has two ends
  void board.removeBetween(1);
});

test("boards in shards", () => {
  const board = db.shardedLeaderboard("a", { edges: [10, 20], ties: "dense" });
  expectTypeOf(board.submit("ada", 1)).resolves.toEqualTypeOf<SubmitResult>();
  expectTypeOf(board.top()).resolves.items.toHaveProperty("at");
  expectTypeOf(db.shardedLeaderboard("b", { edges: [1], tieBreak: "member" }).top()).resolves.items.not.toHaveProperty(
    "at",
  );
  // @ts-expect-error -- it must know where to divide
  db.shardedLeaderboard("a", {});
  // @ts-expect-error -- edges are numbers
  db.shardedLeaderboard("a", { edges: ["1"] });
  // @ts-expect-error -- no shard knows how many the others have
  db.shardedLeaderboard("a", { edges: [1], limit: 5 });
  // @ts-expect-error -- ties are broken by time or by member
  db.shardedLeaderboard("a", { edges: [1], tieBreak: { scores: [{ name: "x" }] } });
  // @ts-expect-error -- it has no sub-scores
  void board.submit("ada", 1, { scores: { x: 1 } });
});

test("options", () => {
  // @ts-expect-error -- no such order
  db.leaderboard("a", { order: "up" });
  // @ts-expect-error -- no such policy
  db.leaderboard("a", { keep: "all" });
  // @ts-expect-error -- no such rank
  db.leaderboard("a", { ties: "none" });
  // @ts-expect-error -- no such option
  db.leaderboard("a", { sort: "desc" });
  // @ts-expect-error -- at least one score
  db.leaderboard("a", { tieBreak: { scores: [] } });
  // @ts-expect-error -- three at most
  db.leaderboard("a", { tieBreak: { scores: [{ name: "a" }, { name: "b" }, { name: "c" }, { name: "d" }] } });
  expectTypeOf<BoardRow["at"]>().toEqualTypeOf<Date | undefined>();
});

test("periods", () => {
  const calendar = (at: Date) => ({ from: at, to: at });
  const board = db.leaderboard("a", {
    tieBreak: "member",
    periods: {
      daily: { keep: 1 },
      weekly: { keep: 1, startsOn: "sunday" },
      custom: { fiscal: { keep: 2, calendar } },
      allTime: true,
    },
    timeZone: "Europe/Berlin",
  });
  expectTypeOf(board.submit("ada", 1)).resolves.toHaveProperty("rank");
  expectTypeOf<keyof Awaited<ReturnType<typeof board.submit>>["periods"]>().toEqualTypeOf<
    "daily" | "weekly" | "fiscal"
  >();
  expectTypeOf(board.submitMany([])).resolves.items.toHaveProperty("periods");
  expectTypeOf(board.period("fiscal").at(new Date()).top()).resolves.items.not.toHaveProperty("at");
  expectTypeOf<Awaited<ReturnType<ReturnType<typeof board.period>["history"]>>[number]["row"]>()
    .extract<null>()
    .toEqualTypeOf<null>();
  expectTypeOf<PeriodName<{ periods: { daily: { keep: 1 }; allTime: true } }>>().toEqualTypeOf<"daily">();
  // @ts-expect-error -- it has no such period
  board.period("monthly");
  // @ts-expect-error -- all time is the board itself
  board.period("allTime");
  // @ts-expect-error -- and here there are none
  db.leaderboard("a").period("daily");
  expectTypeOf(db.leaderboard("a", { order: "asc" }).submit("ada", 1)).resolves.not.toHaveProperty("periods");
  // @ts-expect-error -- a moment is a date
  board.period("daily").at("2026-01-01");
  // @ts-expect-error -- how many periods is said
  void board.period("daily").history("ada");
  // @ts-expect-error -- periods are for reading
  void board.period("daily").submit("ada", 1);
  // @ts-expect-error -- no such period
  db.leaderboard("a", { periods: { daily: { keep: 1 }, yearly: { keep: 1 }, allTime: true } });
  // @ts-expect-error -- past ones are kept, as many as is said
  db.leaderboard("a", { periods: { daily: {}, allTime: true } });
  // @ts-expect-error -- no such day
  db.leaderboard("a", { periods: { weekly: { keep: 1, startsOn: "someday" }, allTime: true } });
  // @ts-expect-error -- a calendar is a function of a date
  db.leaderboard("a", { periods: { custom: { x: { keep: 1, calendar: "0 0 * * *" } }, allTime: true } });
  // @ts-expect-error -- seasons have starts, or a length
  db.leaderboard("a", { periods: { season: { keep: 1 }, allTime: true } });
  // @ts-expect-error -- which board is the main one
  db.leaderboard("a", { periods: { daily: { keep: 1 } } });
  // @ts-expect-error -- not one that is not there
  db.leaderboard("a", { periods: { daily: { keep: 1 } }, main: "weekly" });
  // @ts-expect-error -- not two of them
  db.leaderboard("a", { periods: { daily: { keep: 1 }, allTime: true }, main: "daily" });
  expectTypeOf(
    db.leaderboard("a", { periods: { daily: { keep: 1 } }, main: "daily" }).top(),
  ).resolves.items.toHaveProperty("at");
});

test("many boards at once, and changes", async () => {
  const plain = db.leaderboard("a", { colocate: "x" });
  const daily = db.leaderboard("b", { colocate: "x", periods: { daily: { keep: 1 }, allTime: true }, events: true });
  const goals = db.leaderboard("c", { colocate: "x", tieBreak: { scores: [{ name: "goals" }] } });
  const [first, second, third] = await db.submitAll([
    plain.submission("ada", 1),
    daily.submission("ada", 1),
    goals.submission("ada", 1, { scores: { goals: 1 } }),
  ]);
  expectTypeOf(first).toEqualTypeOf<SubmitResult>();
  expectTypeOf(second.periods.daily).toEqualTypeOf<SubmitResult>();
  expectTypeOf(third).toEqualTypeOf<SubmitResult>();
  // @ts-expect-error -- sub-scores are missing
  goals.submission("ada", 1);
  // @ts-expect-error -- a submission is of a board
  void db.submitAll([{ member: "ada", score: 1 }]);
  for await (const change of daily.watch({ from: "start" })) {
    expectTypeOf(change.period).toEqualTypeOf<"daily" | null>();
    expectTypeOf(change.previousRank).toEqualTypeOf<number | null>();
  }
  // @ts-expect-error -- from where is a word or a position
  daily.watch({ from: 5 });
  // @ts-expect-error -- how many changes is a number
  db.leaderboard("a", { events: { maxLength: "10" } });
});
