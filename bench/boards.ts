// Boards of millions of members: what they take, how long each call takes, and how long it holds the server up.
// One board at a time on a server of its own; written to BOARDS.md.
import { performance } from "node:perf_hooks";

import type { Database, Leaderboard, LeaderboardOptions } from "remora";
import { machine, tableLines } from "./report.ts";
import { type BenchServer, Rig } from "./rig.ts";

/** A kind of board that is measured. */
interface Kind {
  readonly name: string;
  readonly options: LeaderboardOptions;
  /** How many different scores there are. */
  readonly scores: number;
}

/** One call; `turn` is another number each time. */
interface Question {
  readonly name: string;
  readonly ask: (board: Leaderboard, turn: number, size: number) => Promise<unknown>;
  /** Rounds of calls that are heavy. */
  readonly rounds?: number;
}

/** What was measured of one call. */
interface Figure {
  readonly median: number;
  readonly slow: number;
  /** Milliseconds on the server: the median of the longest command of each call, and the longest of all. */
  readonly server: number;
  readonly longest: number;
}

const kinds: readonly Kind[] = [
  { name: "ties by member", options: { tieBreak: "member", keep: "last" }, scores: 1e9 },
  { name: "ties by time", options: { keep: "last" }, scores: 1e9 },
  { name: "dense ranks, ties by time", options: { keep: "last", ties: "dense" }, scores: 1e6 },
  {
    name: "competition ranks, ties by a sub-score, few scores",
    options: { keep: "last", ties: "competition", tieBreak: { scores: [{ name: "x" }] } },
    scores: 100,
  },
];

const rounds = 300;
const few = 20;
const writtenAtOnce = 150;
const inFlight = 3;
const microsecond = 1000;

const memberOf = (at: number): string => `player:${String(at).padStart(8, "0")}`;
// Every number below 2^32 once, in no order: an odd factor, and bits mixed in between.
const mixed = (at: number): number => {
  const one = Math.imul(at ^ (at >>> 16), 0x45d9f3b) >>> 0;
  return Math.imul(one ^ (one >>> 16), 0x45d9f3b) >>> 0;
};
const someone = (turn: number, size: number): string => memberOf(mixed(turn) % size);
const many = (turn: number, count: number, size: number): string[] =>
  Array.from({ length: count }, (_, at) => someone(turn * count + at, size));

const submission = (
  board: Leaderboard,
  turn: number,
  size: number,
  { scores }: Kind,
  member = someone(turn, size),
) => ({
  member,
  score: mixed(turn + 7) % scores,
  ...(board.name.includes("sub-score") ? { scores: { x: mixed(turn + 9) % 1000 } } : {}),
});

function questionsOf(kind: Kind): readonly Question[] {
  const middle = kind.scores / 2;
  const entry = (board: Leaderboard, turn: number, size: number) => submission(board, turn, size, kind);
  return [
    {
      name: "submit",
      ask(board, turn, size) {
        const { member, score, ...more } = entry(board, turn, size);
        return board.submit(member, score, more as never);
      },
    },
    {
      name: "submit of a new member",
      ask(board, turn, size) {
        const { member, score, ...more } = submission(board, turn, size, kind, `new:${turn}`);
        return board.submit(member, score, more as never);
      },
    },
    {
      name: "submitMany of 150",
      rounds: few,
      ask: (board, turn, size) =>
        board.submitMany(
          Array.from({ length: writtenAtOnce }, (_, at) => entry(board, turn * writtenAtOnce + at, size)) as never,
        ),
    },
    { name: "increment", ask: (board, turn, size) => board.increment(someone(turn, size), 1) },
    { name: "top 10", ask: (board) => board.top(10) },
    { name: "top 2,000", rounds: few, ask: (board) => board.top(2000) },
    { name: "bottom 10", ask: (board) => board.bottom(10) },
    { name: "page in the middle, 25 rows", ask: (board, turn, size) => board.page(Math.floor(size / 50) + turn, 25) },
    { name: "around, 5 on each side", ask: (board, turn, size) => board.around(someone(turn, size), 5) },
    {
      name: "around, 999 on each side",
      rounds: few,
      ask: (board, turn, size) => board.around(someone(turn, size), 999),
    },
    { name: "between, 100 rows", ask: (board) => board.between(middle, kind.scores) },
    { name: "rankOf", ask: (board, turn, size) => board.rankOf(someone(turn, size)) },
    { name: "ranksOf 5,000", rounds: few, ask: (board, turn, size) => board.ranksOf(many(turn, 5000, size)) },
    { name: "among 200", ask: (board, turn, size) => board.among(many(turn, 200, size)) },
    { name: "among 5,000", rounds: few, ask: (board, turn, size) => board.among(many(turn, 5000, size)) },
    { name: "scoreOf", ask: (board, turn, size) => board.scoreOf(someone(turn, size)) },
    { name: "neighbours", ask: (board, turn, size) => board.neighbours(someone(turn, size)) },
    { name: "percentileOf", ask: (board, turn, size) => board.percentileOf(someone(turn, size)) },
    { name: "scoreAt", ask: (board, turn) => board.scoreAt((turn % 100) / 100) },
    { name: "countBetween", ask: (board) => board.countBetween(middle / 2, middle) },
    { name: "histogram of 20", ask: (board) => board.histogram(20) },
    { name: "histogram of 500", rounds: few, ask: (board) => board.histogram(500) },
    {
      name: "a page of entries, 2,000 rows",
      rounds: few,
      async ask(board) {
        let left = 2001;
        for await (const _row of board.entries({ batch: 2000 })) if ((left -= 1) === 0) break;
      },
    },
    { name: "total", ask: (board) => board.total() },
    {
      name: "removeBetween, some 2,000 members",
      rounds: few,
      ask: (board, turn, size) =>
        board.removeBetween((turn * kind.scores) / 100, (turn * kind.scores) / 100 + (2000 * kind.scores) / size),
    },
    { name: "remove", ask: (board, turn, size) => board.remove(someone(turn, size)) },
    { name: "remove of 5,000", rounds: few, ask: (board, turn, size) => board.remove(many(turn, 5000, size)) },
    { name: "clear", rounds: 1, ask: (board) => board.clear() },
  ];
}

/**
 * Measures boards of so many members.
 *
 * @param size - members of each board.
 * @param print - takes lines of text.
 * @param only - parts of the names of boards that are wanted; all of them when left out.
 * @returns the report, as markdown.
 */
export async function boards(
  size: number,
  print: (line: string) => void,
  only: readonly string[] = [""],
): Promise<string> {
  const tables: string[] = [];
  for (const kind of kinds.filter(({ name }) => only.some((part) => name.includes(part)))) {
    // oxlint-disable-next-line no-await-in-loop -- one board at a time
    const table = await measuredBoard(kind, size, print);
    tables.push(table);
    print(`\n${table}`);
  }
  const { cores, node, platform } = machine();
  const head = [
    "# Boards of many members",
    "",
    `${cores} cores, Node ${node} on ${platform}; ${size.toLocaleString("en")} members of 15 bytes on each board.`,
    "Milliseconds: median and 99th percentile as seen by the caller, then the server's own time for the longest command of a call,",
    "median and longest of all rounds. Run it with `npm run bench -- --boards 10000000 --write`.",
  ];
  return `${head.join("\n")}\n\n${tables.join("\n\n")}\n`;
}

async function measuredBoard(kind: Kind, size: number, print: (line: string) => void): Promise<string> {
  const rig = new Rig(() => undefined);
  try {
    const server = await rig.server("plain", "boards");
    const database = await rig.remora(server, "b", { deadline: 600_000 });
    const board = database.leaderboard(kind.name.replaceAll(/[ ,]+/g, "_"), kind.options) as unknown as Leaderboard;
    const empty = await memoryOf(server);
    const started = performance.now();
    await load(database, board, kind, size);
    const seconds = (performance.now() - started) / 1000;
    const bytes = ((await memoryOf(server)) - empty) / size;
    print(`${kind.name}: ${size} in ${seconds.toFixed(0)} s, ${bytes.toFixed(0)} bytes per member`);
    const rows: string[][] = [];
    for (const question of questionsOf(kind)) {
      // oxlint-disable-next-line no-await-in-loop -- one question at a time
      const { median, slow, server: usual, longest } = await measured(question, board, size, server);
      const row = [question.name, ...[median, slow, usual, longest].map(short)];
      rows.push(row);
      print(`  ${row.join(" · ")}`);
    }
    const title = `## ${kind.name[0]?.toUpperCase()}${kind.name.slice(1)}`;
    const facts = `${bytes.toFixed(0)} bytes per member on the server; filled by \`submitMany\` in ${seconds.toFixed(0)} s.`;
    const head = ["call", "p50", "p99", "server, median", "server, longest"];
    return `${title}\n\n${facts}\n\n${tableLines([head, ...rows]).join("\n")}`;
  } finally {
    await rig.close();
  }
}

async function load(database: Database, board: Leaderboard, kind: Kind, size: number): Promise<void> {
  let next = 0;
  const part = async (): Promise<void> => {
    while (next < size) {
      const from = next;
      next += writtenAtOnce;
      const count = Math.min(writtenAtOnce, size - from);
      const entries = Array.from({ length: count }, (_, at) =>
        submission(board, from + at, size, kind, memberOf(from + at)),
      );
      // oxlint-disable-next-line no-await-in-loop -- each in its turn
      await board.submitMany(entries as never);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, part));
}

async function memoryOf({ raw }: BenchServer): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await raw.info("memory"))?.[1]);
}

async function measured(question: Question, board: Leaderboard, size: number, { raw }: BenchServer): Promise<Figure> {
  const count = question.rounds ?? rounds;
  let turn = 0;
  const ask = (): Promise<unknown> => question.ask(board, (turn += 1), size);
  if (count > 1) await ask();
  await raw.config("SET", "slowlog-log-slower-than", "0");
  const [times, served]: [number[], number[]] = [[], []];
  for (let round = 0; round < count; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one round after another
    await raw.call("SLOWLOG", "RESET");
    const started = performance.now();
    // oxlint-disable-next-line no-await-in-loop
    await ask();
    times.push(performance.now() - started);
    // oxlint-disable-next-line no-await-in-loop
    const log = (await raw.call("SLOWLOG", "GET", "-1")) as [number, number, number, string[]][];
    served.push(Math.max(0, ...log.filter(([, , , [name]]) => name !== "SLOWLOG").map(([, , taken]) => taken)));
  }
  await raw.config("SET", "slowlog-log-slower-than", "-1");
  return {
    median: quantile(times, 0.5),
    slow: quantile(times, 0.99),
    server: quantile(served, 0.5) / microsecond,
    longest: Math.max(...served) / microsecond,
  };
}

function quantile(values: readonly number[], share: number): number {
  const ordered = values.toSorted((left, right) => left - right);
  return ordered[Math.max(0, Math.ceil(share * ordered.length) - 1)] as number;
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
