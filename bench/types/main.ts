// What the mapper's types cost the compiler: a project of fifty entities, against the same project with zod alone.
// Counts of instantiations are the same in each run and each place; times are compared within one run only.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import Table from "cli-table3";

import { machine, tableLines } from "../report.ts";
import { type Flavour, projectFiles } from "./project.ts";

const usage = `npm run bench:types [-- options]
  --entities N  entities of the project (default 50; budgets are for 50)
  --rounds N    checks of each project, of which the quickest counts (default 5)
  --write       also writes bench/RESULTS-TYPES.md
Exits with 1 when a budget is missed.`;

/** The bounds, by compiler: they are what a project of fifty entities may cost. */
interface Budget {
  /** Instantiations of the project with the mapper. */
  readonly instantiations: number;
  /** Check time, relative to the same project with zod alone. */
  readonly ratio: number;
}

interface Compiler {
  readonly name: string;
  readonly bin: string;
  readonly budget: Budget;
}

/** What a compiler says of one project. */
interface Figures {
  readonly instantiations: number;
  readonly types: number;
  readonly seconds: number;
  readonly megabytes: number;
}

const budgetedEntities = 50;
const here = fileURLToPath(new URL("./", import.meta.url));
const root = join(here, "../..");
const work = join(root, "node_modules/.cache/remora-bench-types");
const require = createRequire(import.meta.url);
const head = ["compiler", "project", "instantiations", "types", "check s", "MB", "budget"];
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const compilers: readonly Compiler[] = [
  compiler("typescript", { instantiations: 350_000, ratio: 6 }),
  compiler("typescript7", { instantiations: 350_000, ratio: 15 }),
];

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      entities: { type: "string", default: String(budgetedEntities) },
      rounds: { type: "string", default: "5" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    print(usage);
    return 0;
  }
  const entities = whole("--entities", values.entities);
  const rounds = whole("--rounds", values.rounds);
  rmSync(work, { recursive: true, force: true });
  await buildDeclarations();
  writeProject("zod", entities);
  writeProject("remora", entities);
  const results = compilers.map((subject) => measure(subject, entities, rounds));
  const rows = results.flatMap((result) => result.rows);
  print(terminal(rows));
  if (values.write) writeFileSync(join(here, "../RESULTS-TYPES.md"), markdown(entities, rows));
  const verdicts = results.flatMap((result) => result.verdicts);
  for (const { passed, compiled, found, text } of verdicts) {
    print(`${passed ? "pass" : "FAIL"}  ${compiled}: ${found}, ${text}`);
  }
  return verdicts.every(({ passed }) => passed) ? 0 : 1;
}

function compiler(name: string, budget: Budget): Compiler {
  const manifest = require.resolve(`${name}/package.json`);
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return { name: `TypeScript ${version}`, bin: join(manifest, "../bin/tsc"), budget };
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`${option} takes a whole number from 1`);
  return value;
}

// As users have it: declarations, which the compiler reads without checking them.
async function buildDeclarations(): Promise<void> {
  // The bundler's own types need packages that are not installed.
  const bundler: string = "tsdown";
  const { build } = (await import(bundler)) as { readonly build: (options: object) => Promise<unknown> };
  await build({
    config: false,
    entry: { index: join(root, "src/index.ts") },
    outDir: join(work, "dist"),
    tsconfig: join(root, "tsconfig.json"),
    deps: { skipNodeModulesBundle: true },
    format: "esm",
    platform: "node",
    target: "node20",
    dts: { emitDtsOnly: true },
    publint: false,
    attw: false,
    logLevel: "error",
  });
}

function writeProject(flavour: Flavour, entities: number): void {
  const folder = join(work, flavour);
  mkdirSync(folder, { recursive: true });
  const files = projectFiles(flavour, entities);
  for (const { name, text } of files) writeFileSync(join(folder, name), text);
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    lib: ["es2023"],
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
    paths: { remora: ["../dist/index.d.mts"] },
  };
  const project = { compilerOptions, files: files.map(({ name }) => `./${name}`) };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
}

function check({ bin, name }: Compiler, flavour: Flavour): Figures {
  const project = join(work, flavour);
  // One thread: several would each instantiate what they share.
  const threads = name.startsWith("TypeScript 6") ? [] : ["--singleThreaded"];
  const args = [bin, "-p", project, "--extendedDiagnostics", "--pretty", "false", ...threads];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) {
    throw new Error(`${name} refuses the project in ${relative(root, project)}:\n${stdout.slice(0, 2000)}${stderr}`);
  }
  const figure = (label: string): number => {
    const found = new RegExp(`^${label}:\\s+([\\d.]+)`, "m").exec(stdout)?.[1];
    if (found === undefined) throw new Error(`${name} does not tell ${label}`);
    return Number(found);
  };
  return {
    instantiations: figure("Instantiations"),
    types: figure("Types"),
    seconds: figure("Check time"),
    megabytes: figure("Memory used") / 1024,
  };
}

interface Verdict {
  readonly passed: boolean;
  readonly compiled: string;
  readonly found: string;
  readonly text: string;
}

interface Result {
  readonly rows: readonly (readonly string[])[];
  readonly verdicts: readonly Verdict[];
}

function measure(subject: Compiler, entities: number, rounds: number): Result {
  // By turns, so that what else the machine does meets both.
  const samples = Array.from({ length: rounds }, () => [check(subject, "zod"), check(subject, "remora")] as const);
  const zod = quickest(samples.map(([first]) => first));
  const mapper = quickest(samples.map(([, second]) => second));
  const ratio = mapper.seconds / zod.seconds;
  const verdicts = entities === budgetedEntities ? judge(subject, mapper.instantiations, ratio) : [];
  const more = (name: "instantiations" | "types" | "seconds" | "megabytes"): number =>
    (mapper[name] - zod[name]) / entities;
  const rows = [
    [subject.name, "zod alone", ...cells(zod), ""],
    [
      "",
      "remora",
      ...cells(mapper),
      verdicts.map(({ passed, text }) => `${text} ${passed ? "pass" : "FAIL"}`).join(", "),
    ],
    [
      "",
      "more per entity",
      ...cells({
        instantiations: more("instantiations"),
        types: more("types"),
        seconds: more("seconds"),
        megabytes: more("megabytes"),
      }),
      `check time × ${ratio.toFixed(2)}`,
    ],
  ];
  return { rows, verdicts };
}

function quickest(samples: readonly Figures[]): Figures {
  return samples.reduce((best, next) => (next.seconds < best.seconds ? next : best));
}

function judge({ name, budget }: Compiler, instantiations: number, ratio: number): Verdict[] {
  return [
    {
      passed: instantiations <= budget.instantiations,
      compiled: name,
      found: `${count(instantiations)} instantiations`,
      text: `≤ ${count(budget.instantiations)} instantiations`,
    },
    {
      passed: ratio <= budget.ratio,
      compiled: name,
      found: `check time × ${ratio.toFixed(2)}`,
      text: `check time ≤ × ${budget.ratio}`,
    },
  ];
}

function cells({ instantiations, types, seconds, megabytes }: Figures): string[] {
  return [count(instantiations), count(types), seconds.toFixed(3), megabytes.toFixed(megabytes < 10 ? 2 : 0)];
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function terminal(rows: Result["rows"]): string {
  const table = new Table({ head, style: { head: [], border: [] } });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

function markdown(entities: number, rows: Result["rows"]): string {
  const { cores, node, platform } = machine();
  return [
    "# Cost of the types",
    "",
    `A project of ${entities} entities with ten fields each, their indexes, unique constraints, repositories, queries and patches,`,
    "against the same project with nothing but its zod schemas. Checked by `tsc --extendedDiagnostics`, on one thread.",
    `${cores} cores, Node ${node} on ${platform}. Instantiations are the same in each run; times are the quickest of several.`,
    "Run it with `npm run bench:types -- --write`.",
    "",
    ...tableLines([head, ...rows]),
    "",
  ].join("\n");
}
