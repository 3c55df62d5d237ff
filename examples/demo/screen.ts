// What the demo prints: headings, tables, progress bars and numbers.
// No colour and no cursor tricks but the progress bar's own, so that a log file stays readable.
import { SingleBar } from "cli-progress";
import Table from "cli-table3";

/** How a table looks, beside its cells. */
export interface TableStyle {
  /** Titles of the columns that are aligned to the right. */
  readonly right?: readonly string[];
  /** Width at which the text of the first column wraps; such rows are ruled off from one another. */
  readonly wrap?: number;
}

/** A progress bar that runs. */
export interface Progress {
  readonly add: (count: number) => void;
  readonly end: () => void;
}

let sections = 0;

/** Prints a line. */
export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** Begins a numbered section. */
export function heading(title: string): void {
  sections += 1;
  const text = `${sections}. ${title}`;
  say(`\n${text}\n${"-".repeat(text.length)}`);
}

/** Prints a table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], style: TableStyle = {}): void {
  const { right = [], wrap } = style;
  const grid = new Table({
    head: [...head],
    colAligns: head.map((title) => (right.includes(title) ? "right" : "left")),
    style: { head: [], border: [], compact: wrap === undefined },
    wordWrap: true,
    colWidths: wrap === undefined ? [] : [wrap],
  });
  grid.push(...rows.map((row) => [...row]));
  say(grid.toString());
}

/** Starts a progress bar; where the output is no terminal it becomes a line now and then. */
export function progress(title: string, total: number): Progress {
  const bar = new SingleBar({
    format: `${title} {bar} {percentage}% | {value} of {total} | {duration_formatted}`,
    formatValue: (value, _options, type) => (type === "value" || type === "total" ? whole(value) : String(value)),
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 30,
    noTTYOutput: true,
    notTTYSchedule: 1000,
    stream: process.stdout,
  });
  bar.start(total, 0);
  return {
    add: (count) => bar.increment(count),
    end: () => bar.stop(),
  };
}

/** A bar of blocks, filled to a share from 0 to 1, in eighths of a character. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(share * width * 8);
  const blocks = "█".repeat(Math.floor(eighths / 8)) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
  return blocks.padEnd(width);
}

/** A whole number, its thousands apart. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Milliseconds, as short as they are worth reading. */
export function time(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}

/** The middle one of some numbers. */
export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

/** A long text cut to a width, with its true length. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width)} … (${whole(text.length)} characters)`;
}
