// The code blocks of the README, of docs/ and of the public docstrings: found, and written out as modules.
// A block runs as it stands, but for the server it connects to and a namespace of its own.
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");

/** A code block, and where it stands. */
export interface Block {
  /** File and line, such as `docs/queries.md:12`. */
  readonly place: string;
  readonly code: string;
}

/** The Markdown files that belong to the documentation. */
export function pages(): string[] {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...docs.map((name) => `docs/${name}`)];
}

/** Every block of a Markdown file in one language, with the rest of its opening line. */
export function fenced(file: string, language: string): (Block & { readonly note: string })[] {
  const text = readFileSync(join(root, file), "utf8");
  const fences = new RegExp(`^\`\`\`${language}\\b(.*)\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...text.matchAll(fences)].map((match) => ({
    place: `${file}:${lineAt(text, match.index)}`,
    note: (match[1] ?? "").trim(),
    code: match[2] ?? "",
  }));
}

/** Every TypeScript block of the documentation. */
export function pageBlocks(): Block[] {
  return pages().flatMap((file) =>
    fenced(file, "ts").map(({ place, note, code }) => {
      if (note !== "") throw new Error(`${place}: every block runs; "${note}" is not known`);
      return { place, code };
    }),
  );
}

/** Every example of a docstring in src. */
export function docstringBlocks(): Block[] {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  return files
    .filter((name) => name.endsWith(".ts"))
    .toSorted()
    .flatMap((name) => {
      const text = readFileSync(join(root, "src", name), "utf8");
      const examples = text.matchAll(/^[ \t]*\* ```ts\n([\s\S]*?)^[ \t]*\* ```$/gm);
      return [...examples].map((match) => ({
        place: `src/${name}:${lineAt(text, match.index)}`,
        code: (match[1] ?? "").replace(/^[ \t]*\* ?/gm, ""),
      }));
    });
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** Where blocks are to run. */
export interface Surroundings {
  readonly url: string;
  /** Put in front of whatever namespace a block names. */
  readonly namespace: string;
}

/** Writes blocks as modules into an empty folder, ready for tsx and tsc; gives their paths. */
export function writeModules(folder: string, blocks: readonly Block[], { url, namespace }: Surroundings): string[] {
  mkdirSync(folder, { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { rewriteRelativeImportExtensions: false, allowImportingTsExtensions: true },
    include: ["*.ts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  return blocks.map(({ place, code }, at) => {
    const remora = `remora-${at}.ts`;
    writeFileSync(join(folder, remora), withNamespace(`${namespace}.${at}`));
    const path = join(folder, `block-${at}.ts`);
    writeFileSync(path, `// ${place}\n${connected(code, remora, url)}\nexport {};\n`);
    return path;
  });
}

function connected(code: string, remora: string, url: string): string {
  return code
    .replaceAll(/from "remora"/g, `from "./${remora}"`)
    .replaceAll(/from "remora\/testing"/g, `from ${JSON.stringify(join(root, "src/testing/index.ts"))}`)
    .replaceAll("redis://localhost:6379", url);
}

// The library, with a connect that keeps every block in a namespace of its own.
function withNamespace(namespace: string): string {
  const library = JSON.stringify(join(root, "src/index.ts"));
  return `import { connect as open, type ConnectionTarget, type Database, type DatabaseOptions, type Relations } from ${library};
export * from ${library};
export function connect<const L extends readonly Relations[] = readonly []>(
  target: ConnectionTarget,
  options: DatabaseOptions<L> = {},
): Promise<Database<L[number]>> {
  return open(target, { ...options, namespace: ${JSON.stringify(`${namespace}.`)} + (options.namespace ?? "") });
}
`;
}
