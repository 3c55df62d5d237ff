// The types of leaderboards: options, what a submission needs, and what rows tell.
// Wrong uses do not compile.
import { expectTypeOf, test } from "vitest";

import { z } from "zod";

import { type BoardRow, type Database, defineEntity, exact, leaderboard, range, type SubmitResult } from "remora";

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
