// Compiles a class file as some compiler would, puts the package's sources beside it, and runs it in a process of its own.
// What comes back is what the file exports, as the given piece of program sees it.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { transform as swcTransform } from "@swc/core";
import { build, transform as esbuildTransform } from "esbuild";
import typescript from "typescript";

const run = promisify(execFile);
const here = import.meta.dirname;
const root = join(here, "../..");

/** From the text of a class file to JavaScript. */
export type Compiler = (text: string) => Promise<string>;

const { transpileModule, ModuleKind, ScriptTarget } = typescript;

function tsc(options: typescript.CompilerOptions): Compiler {
  const compilerOptions = { target: ScriptTarget.ES2022, module: ModuleKind.ESNext, ...options };
  return (text) => Promise.resolve(transpileModule(text, { compilerOptions }).outputText);
}

function esbuild(experimentalDecorators: boolean): Compiler {
  return async (text) => {
    const tsconfigRaw = { compilerOptions: { experimentalDecorators } };
    return (await esbuildTransform(text, { loader: "ts", target: "es2022", tsconfigRaw })).code;
  };
}

function swc(legacy: boolean): Compiler {
  return async (text) => {
    const transform = legacy ? { legacyDecorator: true } : { decoratorVersion: "2022-03" as const };
    const parser = { syntax: "typescript", decorators: true } as const;
    const { code } = await swcTransform(text, {
      jsc: { parser, transform, target: "es2022" },
      module: { type: "es6" },
    });
    return code;
  };
}

/** Compilers, by flavour. */
export const compilers: Readonly<Record<string, Compiler>> = {
  "tsc, legacy": tsc({ experimentalDecorators: true }),
  "tsc, legacy with metadata": tsc({ experimentalDecorators: true, emitDecoratorMetadata: true }),
  "tsc, standard": tsc({}),
  "esbuild, legacy": esbuild(true),
  "esbuild, standard": esbuild(false),
  "swc, legacy": swc(true),
  "swc, standard": swc(false),
};

/**
 * Runs a program over a compiled class file.
 *
 * @param file - the class file, beside this one.
 * @param compiler - compiles it.
 * @param program - statements that end by `print(…)`; `file` is what the class file exports.
 * @param imports - import statements, before the class file.
 * @returns what was printed.
 */
export async function outcomeOf(file: string, compiler: Compiler, program: string, imports = ""): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "remora-class-"));
  try {
    const text = await compiler(readFileSync(join(here, file), "utf8"));
    const bundle = join(folder, "bundle.mjs");
    const print = "const print = (value) => console.log(JSON.stringify(value));";
    await build({
      stdin: {
        contents: `${imports}\n${print}\nconst file = await import("class-file").catch((error) => ({ error }));\n${program}`,
        resolveDir: root,
      },
      outfile: bundle,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
      alias: {
        "remora/decorators": join(root, "src/schema/decorators.ts"),
        remora: join(root, "src/index.ts"),
      },
      plugins: [
        {
          name: "class-file",
          setup(plugin) {
            plugin.onResolve({ filter: /^class-file$/ }, () => ({ path: join(here, file), namespace: "compiled" }));
            plugin.onLoad({ filter: /.*/, namespace: "compiled" }, () => ({
              contents: text,
              loader: "js",
              resolveDir: root,
            }));
          },
        },
      ],
      logLevel: "silent",
    });
    writeFileSync(join(folder, "package.json"), "{}");
    const { stdout } = await run(process.execPath, [bundle]);
    return JSON.parse(stdout) as unknown;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
