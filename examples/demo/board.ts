// A leaderboard at work: a season of matches in two rounds, the podium with what the second round moved, and a player's own view.
// The final order is checked against the plain sum of what was scored.
import assert from "node:assert/strict";
import type { BoardRow } from "../../src/index.ts";
import { bar, say, time, whole } from "./screen.ts";
import type { Stage } from "./stage.ts";

const players = 2000;
const matches = 1000;
const atOnce = 125;
const shown = 10;
const barWidth = 32;
const medals = ["🥇", "🥈", "🥉"];

/** Plays two rounds, and shows the board after them. */
export async function showBoard(stage: Stage): Promise<void> {
  const db = await stage.connect("scan", "board");
  const arena = db.leaderboard("arena", { keep: "sum", ties: "competition" });
  const totals = new Map<string, number>();
  const play = (member: string, score: number): { readonly member: string; readonly score: number } => {
    totals.set(member, (totals.get(member) ?? 0) + score);
    return { member, score };
  };

  const first = Array.from({ length: players }, (_, at) => play(playerName(at), firstScore(at)));
  for (let from = 0; from < players; from += atOnce) {
    // oxlint-disable-next-line no-await-in-loop -- a board takes so many at once
    await arena.submitMany(first.slice(from, from + atOnce));
  }

  // The best play more often than others, so that something moves where it is looked at.
  const leaders = await arena.top(shown * 3);
  const second = Array.from({ length: matches }, (_, at) =>
    at % 25 === 0
      ? play(leaders[(at / 25) % leaders.length]?.member ?? "", (at * 131) % 1800)
      : play(playerName((at * 13) % players), (at * 104_729) % 400),
  );
  const before = await arena.ranksOf([...totals.keys()]);
  const started = performance.now();
  const results = await Promise.all(second.map(({ member, score }) => arena.submit(member, score)));
  const took = performance.now() - started;
  const entered = results.filter(({ enteredTop }) => enteredTop).length;
  say(`${whole(players)} players; ${whole(matches)} matches ended at once, and the board knew after ${time(took)}:`);
  say(`each result tells the score that counts and the ranks before and now; ${whole(entered)} entered the top ten.\n`);

  const earlier = new Map(before.flatMap((row) => (row === null ? [] : [[row.member, row.rank] as const])));
  const rows = await arena.top(shown);
  for (const row of rows) say(line(row, rows[0]?.score ?? 0, earlier.get(row.member)));

  const player = leaders.at(-1)?.member ?? "";
  const [percentile, around] = await Promise.all([arena.percentileOf(player), arena.around(player, 2)]);
  say(`\nWhat ${player} sees, ahead of ${((percentile ?? 0) * 100).toFixed(1)} % of all; one round trip:\n`);
  for (const row of around) say(line(row, rows[0]?.score ?? 0, earlier.get(row.member)));

  const ordered = [...totals.values()].toSorted((left, right) => right - left);
  assert.deepEqual(
    rows.map(({ score }) => score),
    ordered.slice(0, shown),
  );
  assert.equal(await arena.total(), players);
}

function line({ member, score, rank }: BoardRow, most: number, earlier: number | undefined): string {
  const place = medals[rank - 1] ?? whole(rank).padStart(2);
  return `  ${place.padEnd(5)} ${member.padEnd(12)} ${bar(score / most, barWidth)} ${whole(score).padStart(7)}  ${moved(rank, earlier)}`;
}

function moved(rank: number, earlier: number | undefined): string {
  if (earlier === undefined) return "new";
  if (earlier === rank) return "=";
  return earlier > rank ? `▲ ${whole(earlier - rank)}` : `▼ ${whole(rank - earlier)}`;
}

// Few are good, and fewer are very good.
function firstScore(at: number): number {
  return Math.round((((at * 7919) % 9973) / 9973) ** 40 * 12_000);
}

function playerName(at: number): string {
  const names = ["ada", "bob", "eve", "kim", "sam", "lea", "max", "zoe", "ivo", "pia"];
  return `${names[at % names.length]}-${Math.floor(at / names.length) + 1}`;
}
