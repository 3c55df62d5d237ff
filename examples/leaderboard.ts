// A game's arena: matches end, scores come in, and every screen of the game asks its question in one round trip.
// Run it with `npx tsx examples/leaderboard.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import { connect, isRemoraError } from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
await using db = await connect(server.url, { namespace: namespace.name, retryWrites: true });

// A player's best score counts; who was there first stands first, and equal scores share a rank: 1, 2, 2, 4.
const arena = db.leaderboard("arena", { keep: "best", ties: "competition", top: 3 });
const season = [
  { member: "ada", score: 9200 },
  { member: "bob", score: 8100 },
  { member: "eve", score: 8100 },
  { member: "kim", score: 5400 },
  { member: "sam", score: 3000 },
];
await arena.submitMany(season);

// The end of a match: one call says all that the screen shows.
const match = await arena.submit("kim", 8800);
assert.deepEqual(match, { score: 8800, rank: 2, previousRank: 4, improved: true, enteredTop: true });
console.log(`kim climbs from ${match.previousRank} to ${match.rank}${match.enteredTop ? ", into the top 3!" : ""}`);
assert.equal((await arena.submit("kim", 100)).improved, false);

// The podium, and the player's own surroundings.
const medals = ["🥇", "🥈", "🥉"];
for (const { member, score, rank } of await arena.top(5)) {
  console.log(`${medals[rank - 1] ?? ` ${rank}`} ${member.padEnd(6)}${"█".repeat(score / 400)} ${score}`);
}
assert.deepEqual(
  (await arena.around("sam", 1)).map(({ member }) => member),
  ["bob", "eve", "sam"],
);

// "700 points more, and you are level with kim."
const bob = await arena.neighbours("bob");
assert.deepEqual(bob?.ahead, { member: "kim", score: 8800, points: 700 });

// Friends, and how good a score is.
const friends = await arena.among(["sam", "eve", "a friend who never played"]);
assert.deepEqual(
  friends.map(({ member, rank }) => [member, rank]),
  [
    ["eve", 1],
    ["sam", 2],
  ],
);
assert.equal(await arena.percentileOf("ada"), 1);
assert.equal(await arena.scoreAt(0.5), 8100);

// A thousand matches end at once: what counts is what each player reached.
const scores = Array.from({ length: 1000 }, (_, at) => ({ member: `player ${at % 100}`, score: (at * 7919) % 10_000 }));
await Promise.all(scores.map(({ member, score }) => arena.submit(member, score)));
assert.equal(await arena.total(), 105);
const best = Math.max(...scores.flatMap(({ member, score }) => (member === "player 7" ? [score] : [])));
assert.equal(await arena.scoreOf("player 7"), best);

// A time trial: the lowest counts, and nonsense is refused before it is sent.
const trial = db.leaderboard("trial:forest", { order: "asc" });
await trial.submit("ada", 61.25);
await trial.submit("bob", 59.8);
assert.equal(await trial.rankOf("bob"), 1);
const cheat: unknown = await trial.submit("mallory", -Infinity).catch((error: unknown) => error);
assert.ok(isRemoraError(cheat, "VALIDATION"));
assert.equal(await trial.total(), 2);
console.log("leaderboard.ts: every claim holds");
