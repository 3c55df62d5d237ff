// The types of leaderboards: options, what a submission needs, and what rows tell.
// Wrong uses do not compile.
import { expectTypeOf, test } from "vitest";

import { z } from "zod";

import { type BoardRow, type Database, defineEntity, type SubmitResult } from "remora";

declare const db: Database;

const Player = defineEntity({ name: "player", schema: z.object({ id: z.string(), nick: z.string() }) });
interface Stored {
  id: string;
  nick: string;
}

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

test("boards that are joined", () => {
  const players = db.repository(Player);
  const board = db.leaderboard("a", { join: players, tieBreak: "member" });
  type Row = Awaited<ReturnType<typeof board.top>>[number];
  expectTypeOf<Row["entity"]>().toEqualTypeOf<Stored | null>();
  expectTypeOf<Row["rank"]>().toEqualTypeOf<number>();
  expectTypeOf(board.around("ada")).resolves.items.toHaveProperty("entity");
  expectTypeOf<Awaited<ReturnType<typeof board.page>>["items"][number]["entity"]>().toEqualTypeOf<Stored | null>();
  type Ahead = NonNullable<NonNullable<Awaited<ReturnType<typeof board.neighbours>>>["ahead"]>;
  expectTypeOf<Ahead["entity"]>().toEqualTypeOf<Stored | null>();
  void board.top(3, { validate: "none", withDeleted: true, prolong: false, deadline: 50, onCorrupt: () => undefined });
  void board.between(1, 2, { limit: 3, validate: "lenient" });
  void board.entries({ batch: 3, validate: "lenient" });
  void board.submit("ada", 1, { deadline: 50 });
  // @ts-expect-error -- a submission reads no entity
  void board.submit("ada", 1, { validate: "none" });

  const readers = db.repository(Player, { readOnly: true });
  const mapped = db.leaderboard("b", { join: { repository: readers, id: (member) => member.slice(1) } });
  expectTypeOf<Awaited<ReturnType<typeof mapped.bottom>>[number]["entity"]>().toEqualTypeOf<Stored | null>();
  expectTypeOf(mapped.top()).resolves.items.toHaveProperty("at");

  const alone = db.leaderboard("c", { ties: "dense" });
  expectTypeOf(alone.top()).resolves.items.not.toHaveProperty("entity");
  // @ts-expect-error -- it reads no entities
  void alone.top(3, { validate: "none" });
  // @ts-expect-error -- nor those of pages
  void alone.page(1, 5, { withDeleted: true });
  // @ts-expect-error -- a definition is no repository
  db.leaderboard("d", { join: Player });
  // @ts-expect-error -- an id is a string
  db.leaderboard("d", { join: { repository: players, id: () => 5 } });
  expectTypeOf<BoardRow["entity"]>().toEqualTypeOf<object | null | undefined>();
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
