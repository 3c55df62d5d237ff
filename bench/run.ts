// The benchmark itself: reads the options, runs the cases, prints tables and gates.
// Writes results.json always and RESULTS.md when asked.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { allCases } from "./cases/all.ts";
import { boards } from "./boards.ts";
import { growth } from "./growth.ts";
import { type CaseResult, measure } from "./measure.ts";
import type { Scale } from "./race.ts";
import { caseTable, gateLines, machine, markdown, type Report } from "./report.ts";
import { Rig } from "./rig.ts";

const usage = `npm run bench [-- options]
  --only TEXT    only cases whose name, or tables of growth whose title, contains it; may be repeated
  --rounds N     timed rounds (default 21)
  --quick        fewer rounds and records: a first impression, not a result
  --write        also writes bench/RESULTS.md
  --gate         exits with 1 when a gate of bulk save, save one, findById or findByIds fails
  --growth SIZES how queries grow, by numbers of entities such as 1000,10000; with --write also GROWTH.md
  --boards SIZE  leaderboards of so many members; with --write also BOARDS.md
  --list         names the cases`;

const full: Scale = { records: 1000, batches: 3, singles: 300, stored: 20_000, rounds: 21, warmup: 1500 };
const quick: Scale = { records: 1000, batches: 1, singles: 100, stored: 5000, rounds: 7, warmup: 200 };

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * Runs the benchmark.
 *
 * @param args - the command line's options.
 * @param folder - where results are written.
 * @returns the exit code.
 */
export async function run(args: string[], folder: string): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      gate: { type: "boolean", default: false },
      growth: { type: "string" },
      boards: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || values.list) {
    print(values.list ? allCases.map(({ name, title }) => `${name.padEnd(26)} ${title}`).join("\n") : usage);
    return 0;
  }
  if (values.growth !== undefined) {
    const text = await growth(values.growth.split(",").map(sizeOf), print, values.only);
    if (values.write) writeFileSync(join(folder, "GROWTH.md"), text);
    return 0;
  }
  if (values.boards !== undefined) {
    const text = await boards(sizeOf(values.boards), print, values.only);
    if (values.write) writeFileSync(join(folder, "BOARDS.md"), text);
    return 0;
  }
  const { only } = values;
  const wanted = allCases.filter(({ name }) => only === undefined || only.some((part) => name.includes(part)));
  if (wanted.length === 0) throw new RangeError("no case has such a name; --list names them");
  const base = values.quick ? quick : full;
  const report = await runCases(wanted, { ...base, rounds: roundsOf(values.rounds) ?? base.rounds });
  writeFileSync(join(folder, "results.json"), `${JSON.stringify(report, null, 2)}\n`);
  if (values.write) writeFileSync(join(folder, "RESULTS.md"), markdown(report));
  print(`\n${gateLines(report.cases).join("\n")}`);
  const missed = report.cases.some(({ verdicts }) => verdicts.some(({ held, passed }) => held && !passed));
  return values.gate && missed ? 1 : 0;
}

async function runCases(subjects: typeof allCases, scale: Scale): Promise<Report> {
  const rig = new Rig((line) => process.stderr.write(`${line}\n`));
  const cases: CaseResult[] = [];
  try {
    for (const subject of subjects) {
      // oxlint-disable-next-line no-await-in-loop -- one case at a time
      const result = await measure(rig, subject, scale);
      cases.push(result);
      print(`\n${caseTable(result)}`);
    }
    return { machine: machine(), versions: { ...packages(), ...(await rig.versions()) }, cases };
  } finally {
    await rig.close();
  }
}

function sizeOf(text: string): number {
  const size = Number(text);
  if (!Number.isInteger(size) || size < 100) throw new RangeError("--growth and --boards take whole numbers from 100");
  return size;
}

function roundsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError("--rounds takes a whole number from 1");
  return rounds;
}

function packages(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const version = (name: string): string =>
    (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")) as { version: string }).version;
  return Object.fromEntries(["ioredis", "redis-om", "zod"].map((name) => [name, version(name)]));
}
