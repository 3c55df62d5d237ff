// What the pages promise about themselves: every error code explained, every link leading somewhere.
// And that they keep to the project: no address but those a reader needs.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

import { describe, expect, it } from "vitest";

import { pages, root } from "./blocks.ts";

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** The anchors that a Markdown file's headings make. */
function anchors(file: string): string[] {
  const headings = read(file).matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("docs/errors.md", () => {
  const [, union = ""] = /export type ErrorCode =([^;]+);/.exec(read("src/errors.ts")) ?? [];
  const codes = [...union.matchAll(/"([A-Z_]+)"/g)].map(([, code = ""]) => code);

  it("knows the codes", () => {
    expect(codes).toContain("OUTCOME_UNKNOWN");
  });

  it.each(codes)("explains %s under an anchor of its own, and says what to do", (code) => {
    expect(anchors("docs/errors.md")).toContain(code.toLowerCase());
    const section = read("docs/errors.md").split(`\n## ${code}\n`)[1]?.split("\n## ")[0] ?? "";
    expect(section).toContain("**What to do.**");
  });

  it("explains nothing else", () => {
    const sections = [...read("docs/errors.md").matchAll(/^## (.+)$/gm)].map(([, title = ""]) => title);
    expect(sections).toEqual(codes);
  });
});

describe.each(pages())("%s", (file) => {
  const links = [...read(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  const inner = links.filter((target) => !/^[a-z]+:/.test(target));

  it("links to pages and headings that exist", () => {
    const broken = inner.filter((target) => {
      const [path = "", anchor] = target.split("#");
      const page = path === "" ? file : normalize(join(dirname(file), path));
      return !existsSync(join(root, page)) || (anchor !== undefined && !anchors(page).includes(anchor));
    });
    expect(broken).toEqual([]);
  });
});
