// The benchmark's entry: compiles the benchmark and the library as the package is compiled, then runs them.
// The loader that runs sources directly wraps every function, which would be measured along.
import { fileURLToPath } from "node:url";

import type * as Bench from "./run.ts";

/** The part of the bundler used here; its own types need packages that are not installed. */
interface Bundler {
  readonly build: (options: object) => Promise<unknown>;
}

const home = new URL("./", import.meta.url);
const compiled = new URL("../node_modules/.cache/remora-bench/", home);

const bundler: string = "tsdown";
const { build } = (await import(bundler)) as Bundler;
await build({
  config: false,
  entry: {
    run: fileURLToPath(new URL("run.ts", home)),
    "define-first": fileURLToPath(new URL("define-first.ts", home)),
  },
  outDir: fileURLToPath(compiled),
  tsconfig: fileURLToPath(new URL("../tsconfig.json", home)),
  alias: {
    remora: source("index.ts"),
    "remora/testing": source("testing/index.ts"),
    "remora/toolkit": source("toolkit/index.ts"),
  },
  deps: { skipNodeModulesBundle: true },
  format: "esm",
  platform: "node",
  target: "node20",
  dts: false,
  publint: false,
  attw: false,
  logLevel: "error",
});

const { run } = (await import(new URL("run.mjs", compiled).href)) as typeof Bench;
process.exitCode = await run(process.argv.slice(2), fileURLToPath(home));

function source(name: string): string {
  return fileURLToPath(new URL(`../src/${name}`, home));
}
