// The types of leaderboards: options, what a submission needs, and what rows tell.
// Wrong uses do not compile.
import { expectTypeOf, test } from "vitest";

import { z } from "zod";

import {
  type BoardRow,
  type Database,
  defineEntity,
  exact,
  leaderboard,
  type PeriodName,
  range,
  type SubmitResult,
} from "remora";

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

const schema = z.object({
  id: z.string(),
  name: z.string(),
  points: z.number().nullable(),
  wins: z.int(),
  born: z.date(),
  big: z.bigint(),
  tags: z.array(z.number()),
  stats: z.object({ pace: z.number() }).optional(),
});
const Racer = defineEntity({
  name: "racer",
  schema,
  index: {
    name: exact(),
    points: leaderboard({ tieBreak: "member" }),
    wins: [range(), leaderboard({ order: "asc", ties: "dense" })],
    "stats.pace": leaderboard({ tieBreak: { fields: [{ field: "wins", order: "asc" }] } }),
  },
});

test("boards over entities", () => {
  const racers = db.repository(Racer);
  const points = racers.leaderboard("points");
  type Row = Awaited<ReturnType<typeof points.top>>[number];
  expectTypeOf<NonNullable<Row["entity"]>["wins"]>().toEqualTypeOf<number>();
  expectTypeOf<Extract<Row["entity"], null>>().toEqualTypeOf<null>();
  expectTypeOf<Row>().not.toHaveProperty("at");
  expectTypeOf<Row>().not.toHaveProperty("scores");
  expectTypeOf(racers.leaderboard("wins").top()).resolves.items.toHaveProperty("at");
  const pace = racers.leaderboard("stats.pace");
  expectTypeOf<Awaited<ReturnType<typeof pace.top>>[number]["scores"]>().toEqualTypeOf<{ readonly wins: number }>();
  type Ahead = NonNullable<NonNullable<Awaited<ReturnType<typeof pace.neighbours>>>["ahead"]>;
  expectTypeOf<NonNullable<Ahead["entity"]>["name"]>().toEqualTypeOf<string>();
  void points.top(3, { validate: "none", deadline: 50 });
  void points.between(1, 2, { limit: 3, validate: "lenient" });
  // @ts-expect-error -- the entities are the truth
  void points.submit("ada", 1);
  // @ts-expect-error -- and what is deleted is an entity
  void points.remove("ada");
  // @ts-expect-error -- no board stands on it
  racers.leaderboard("name");
  // @ts-expect-error -- there is no such field
  racers.leaderboard("score");
  // @ts-expect-error -- it is asked for in no query
  void racers.query().where("points");
  void racers.query().where("wins").gt(1).orderBy("wins");
  // @ts-expect-error -- what only reads cannot sweep
  void db.repository(Racer, { readOnly: true }).leaderboard("points");

  // @ts-expect-error -- a score is a number
  defineEntity({ name: "a", schema, index: { name: leaderboard() } });
  // @ts-expect-error -- not a date
  defineEntity({ name: "a", schema, index: { born: leaderboard() } });
  // @ts-expect-error -- nor a bigint
  defineEntity({ name: "a", schema, index: { big: leaderboard() } });
  // @ts-expect-error -- nor several numbers
  defineEntity({ name: "a", schema, index: { tags: leaderboard() } });
  // @ts-expect-error -- ranks over several partitions could not be kept right by one call
  defineEntity({ name: "a", schema, partitions: 3, index: { points: leaderboard() } });
  defineEntity({ name: "a", schema, partitions: 3, index: { name: exact() } });
  // @ts-expect-error -- no such order
  leaderboard({ order: "up" });
  // @ts-expect-error -- its scores are the entities'
  leaderboard({ keep: "best" });
  // @ts-expect-error -- dense ranks go with no fields
  leaderboard({ ties: "dense", tieBreak: { fields: [{ field: "wins" }] } });
  // @ts-expect-error -- three at most
  leaderboard({ tieBreak: { fields: [{ field: "a" }, { field: "b" }, { field: "c" }, { field: "d" }] } });
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
