// Runs one outside program to its end and tells how it went; failures are values, never exceptions.
// Callers decide what a failure means, since most of them have another way to get a server.
import { execFile } from "node:child_process";

/** How a program ended. */
export interface RunResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** The last lines it wrote, for error messages: standard error, else standard output. */
  readonly complaint: string;
}

/** Options of one run. */
export interface RunOptions {
  readonly cwd?: string | undefined;
  /** Variables added to this process' environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds until the program is killed. */
  readonly timeout: number;
}

/** Runs a program and waits for its end. */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { cwd, env, timeout } = options;
  const settings = {
    ...(cwd === undefined ? {} : { cwd }),
    // Messages are searched for English phrases, so the language is fixed.
    env: { ...process.env, LC_ALL: "C", ...env },
    timeout,
    killSignal: "SIGKILL" as const,
    maxBuffer: 16 * 1024 * 1024,
  };
  return new Promise((resolve) => {
    execFile(program, [...args], settings, (error, stdout, stderr) => {
      const text = stderr.trim() || stdout.trim() || error?.message || "";
      const complaint = text.split("\n").slice(-6).join("\n");
      resolve({ ok: error === null, stdout, complaint });
    });
  });
}
