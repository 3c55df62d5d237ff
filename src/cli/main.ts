#!/usr/bin/env node
// The `remora` command: reads the words, loads the command they name, prints what it says.
// Standard output is for results, standard error for everything else. Exit codes: 0 done, 1 failed, 2 misused.
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { isRemoraError } from "../errors.ts";
import type { InferOptions } from "./infer/command.ts";

const failed = 1;
const misused = 2;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("It takes a whole number from 1.");
  }
  return value;
}

const usualServer = (): string => process.env["REMORA_REDIS_URL"] ?? "redis://localhost:6379";

const program = new Command("remora")
  .description("Looks at what Redis and Valkey hold.")
  .exitOverride()
  .configureOutput({
    // A mistyped option may carry a URL, and that a password.
    outputError: (text, write) => write(text.replaceAll(/(rediss?:\/\/)[^\s@]*@/g, "$1…@")),
  })
  .showHelpAfterError("(remora --help tells how it is used)");

program
  .command("infer")
  .description("prints a first TypeScript definition of what is stored under a prefix; reads only")
  .argument("<prefix>", "what the keys begin with, such as user:")
  .option("--url <url>", "the server; REMORA_REDIS_URL or redis://localhost:6379 when left out")
  .option("--samples <n>", "keys to look at, at most", whole, 500)
  .option("--scans <n>", "calls of SCAN, at most, each of which goes over about 500 keys", whole, 2000)
  .action(async (prefix: string, { url, ...limits }: Partial<InferOptions> & Omit<InferOptions, "url">) => {
    const { infer } = await import("./infer/command.ts");
    const { source, report } = await infer(prefix, { ...limits, url: url ?? usualServer() });
    say(report.join("\n"));
    process.stdout.write(source);
  });

program
  .command("doctor")
  .description("says what may go wrong on a server, and what to do; reads only, and fails when it finds an error")
  .option("--url <url>", "the server; REMORA_REDIS_URL or redis://localhost:6379 when left out")
  .option("--sample <n>", "keys to look at, at most", whole, 1000)
  .option("--json", "prints JSON")
  .action(async ({ url, sample, json }: { url?: string; sample: number; json?: true }) => {
    const { described, doctor } = await import("./doctor.ts");
    const diagnosis = await doctor({ url: url ?? usualServer(), sample });
    process.stdout.write(`${json ? JSON.stringify(diagnosis, undefined, 2) : described(diagnosis).join("\n")}\n`);
    if (diagnosis.findings.some(({ severity }) => severity === "error")) process.exitCode = failed;
  });

// Commander has said by itself what is wrong with the words.
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : misused;
  if (!isRemoraError(error)) throw error;
  say(`remora: ${error.message}`);
  return error.code === "VALIDATION" ? misused : failed;
}

// No await at the top: the package is also compiled to CommonJS.
program.parseAsync().catch((error: unknown) => {
  process.exitCode = explain(error);
});
