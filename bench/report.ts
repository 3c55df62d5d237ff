// The benchmark's output: a table for the terminal, JSON for machines, Markdown to be kept.
// The machine is named by cores and versions only.
import { cpus } from "node:os";

import Table from "cli-table3";

import type { CaseResult, Score, Verdict } from "./measure.ts";

/** What was measured, and on what. */
export interface Report {
  readonly machine: { readonly cores: number; readonly node: string; readonly platform: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: readonly CaseResult[];
}

/** Names the machine. */
export function machine(): Report["machine"] {
  return { cores: cpus().length, node: process.versions.node, platform: process.platform };
}

const head = ["contestant", "ratio", "spread", "undisturbed", "µs", "client CPU µs", "server CPU µs", "gate"];

/** One case as a table. */
export function caseTable(result: CaseResult): string {
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const score of result.scores) table.push(cells(result, score));
  const unit = result.measure === "throughput" ? "throughput, more is better" : "time, less is better";
  return `${result.name}: ${result.title} (${unit}; ${result.rounds} rounds)\n${table.toString()}`;
}

/** The whole report as Markdown. */
export function markdown({ machine: { cores, node, platform }, versions, cases }: Report): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const rows = cases.flatMap((result) =>
    result.scores.map((score, at) => [at === 0 ? result.title : "", ...cells(result, score)]),
  );
  return [
    "# Benchmark results",
    "",
    `${cores} cores, Node ${node} on ${platform}, ${named.join(", ")}. Loopback, interleaved, medians over rounds.`,
    "Ratios are relative to `raw`, hand-written ioredis code: × is throughput (more is better), ÷ is time (less is better).",
    "Run it with `npm run bench -- --write`.",
    "",
    ...tableLines([["case", ...head], ...rows]),
    "",
  ].join("\n");
}

/** A table in Markdown: padded, as the formatter would have it. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const columns = (rows[0] ?? []).map((_, at) => Math.max(3, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${columns.map((width, at) => (row[at] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = `| ${columns.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(rows[0] ?? []), rule, ...rows.slice(1).map(line)];
}

/** The gates, one line each. */
export function gateLines(cases: readonly CaseResult[]): string[] {
  return cases.flatMap((result) =>
    result.verdicts.map(
      (verdict) => `${verdict.passed ? "pass" : "FAIL"}  ${verdict.label}: ${gateText(result, verdict)}`,
    ),
  );
}

function cells(result: CaseResult, score: Score): string[] {
  const sign = result.measure === "throughput" ? "×" : "÷";
  const verdicts = result.verdicts.filter(({ contestant }) => contestant === score.contestant);
  return [
    score.contestant,
    `${sign} ${score.ratio.toFixed(2)}`,
    `${score.lowest.toFixed(2)}–${score.highest.toFixed(2)}`,
    score.undisturbed.toFixed(2),
    digits(score.microseconds),
    digits(score.clientCpu),
    digits(score.serverCpu),
    verdicts.map((verdict) => `${gateText(result, verdict, false)} ${verdict.passed ? "pass" : "FAIL"}`).join(", "),
  ];
}

function gateText(result: CaseResult, { found, bound, stretch, unit }: Verdict, withFound = true): string {
  const sign = result.measure === "throughput" ? "≥" : "≤";
  const hope = stretch === undefined ? "" : ` (→ ${stretch})`;
  const named = unit === undefined ? "" : ` ${unit}`;
  return `${withFound ? `${found.toFixed(2)}, ` : ""}${sign} ${bound}${named}${hope}`;
}

function digits(microseconds: number): string {
  return microseconds >= 100 ? microseconds.toFixed(0) : microseconds.toFixed(1);
}
