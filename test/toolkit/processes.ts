// Processes of a test's own that speak in lines.
// What they complain of is part of the error when they fail.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A process that runs. */
export interface Started {
  readonly child: ChildProcess;
  /** The next line it prints. */
  readonly line: () => Promise<string>;
  /** When it has ended: fails unless it was killed, or ended well. */
  readonly ended: Promise<void>;
}

/** Runs a TypeScript file. */
export function start(file: string, args: readonly string[]): Started {
  const child = spawn(process.execPath, ["--import", "tsx", file, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    child,
    line: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the process said nothing more: ${errors}`);
      return value;
    },
    ended: new Promise((resolve, reject) => {
      child.on("close", (code, signal) => {
        if (code === 0 || signal !== null) resolve();
        else reject(new Error(`the process ended with ${code}: ${errors}`));
      });
    }),
  };
}
