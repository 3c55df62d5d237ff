// docs/patterns.md has no gap: every row names an API, a page with an example, and a test that is there.
// Rows are in the order of their numbers.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { root } from "./blocks.ts";

const rows = readFileSync(join(root, "docs/patterns.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe("docs/patterns.md", () => {
  it("has rows in order, each once", () => {
    const numbers = rows.map(([number]) => Number(number));
    expect(numbers.length).toBeGreaterThan(10);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((left, right) => left - right));
  });

  it.each(rows.map((row) => [row[0] ?? "", row] as const))("fills row %s", (_number, row) => {
    expect(row).toHaveLength(5);
    const [, pattern = "", api = "", example = "", test = ""] = row;
    for (const cell of [pattern, api]) expect(cell).not.toBe("");
    expect(example).toMatch(/^(docs|examples)\/.+\.(md|ts)$/);
    expect(existsSync(join(root, example))).toBe(true);
    expect(test).toMatch(/^test\/.+\.test\.ts$/);
    expect(existsSync(join(root, test))).toBe(true);
  });
});
