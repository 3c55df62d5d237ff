// The types of leaderboards: options, what a submission needs, and what rows tell.
// Wrong uses do not compile.
import { expectTypeOf, test } from "vitest";

import type { BoardRow, Database, SubmitResult } from "remora";

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
