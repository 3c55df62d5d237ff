// Starts one server process and makes sure it ends: at stop, when this process exits, and when it is killed.
// A shell stands between: it holds a pipe from this process and, when the pipe closes, kills and cleans up.
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CapabilityError } from "../errors.ts";
import { probe, waitUntilReady } from "./probe.ts";

/** What to start. */
export interface Program {
  readonly path: string;
  readonly modules: readonly string[];
  /** Variables added to the server's environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A server that runs. */
export interface Running {
  readonly url: string;
  readonly pid: number | undefined;
  /** Ends it and removes what it left; may be called again. */
  readonly stop: () => Promise<void>;
}

const READY_MS = 20_000;
const MOST_TRIES = 5;

/**
 * The watchdog, for any POSIX shell. Its standard input is a pipe that only the starting process holds:
 * it never carries data, and ends when that process closes it or dies in whatever way.
 * The server's log goes to a file, for a full pipe with no reader would stop the server.
 */
const WATCHDOG = `
folder=$1; shift
exec 3<&0
"$@" </dev/null 3<&- >"$folder/server.log" 2>&1 &
server=$!
{ read -r nothing <&3; kill -9 "$server"; } >/dev/null 2>&1 &
watch=$!
echo "$server"
wait "$server"
kill "$watch" 2>/dev/null
tail -n 20 "$folder/server.log"
rm -rf "$folder"
`;

/** Starts a program on a free port and waits until it answers; throws CapabilityError when it does not. */
export async function launch(program: Program, args: readonly string[]): Promise<Running> {
  if (process.platform === "win32") throw new CapabilityError("No server program runs on Windows.");
  for (let tries = 1; ; tries += 1) {
    // oxlint-disable-next-line no-await-in-loop -- another try only after this one lost its port
    const outcome = await launchOnce(program, args);
    if ("running" in outcome) return outcome.running;
    const lostRace = /address already in use|bind:/i.test(outcome.log);
    if (!lostRace || tries === MOST_TRIES) {
      throw new CapabilityError(`${program.path} does not start:\n${outcome.log}`);
    }
  }
}

type Outcome = { readonly running: Running } | { readonly log: string };

async function launchOnce(program: Program, args: readonly string[]): Promise<Outcome> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "remora-server-"));
  const child = spawn("sh", ["-c", WATCHDOG, "remora-watchdog", folder, ...commandLine(program, port, folder, args)], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, ...program.env },
    // Its own group: Ctrl-C in a terminal must reach this process first, not the shell.
    detached: true,
  });
  const watched = watch(child);
  const url = `redis://127.0.0.1:${port}`;
  const ready = await waitUntilReady(url, () => watched.ended, READY_MS);
  const pid = watched.pid();
  // Whoever won a race for the port answers PING too, so the server must name itself.
  if (ready && pid !== undefined && (await probe(url)).pid === pid) {
    letGo(child);
    return { running: { url, pid, stop: () => stop(child, watched) } };
  }
  const inTime = watched.ended;
  await stop(child, watched);
  const log = watched.output().trim();
  return { log: inTime || log !== "" ? log : `no answer within ${READY_MS} ms` };
}

function commandLine(program: Program, port: number, folder: string, args: readonly string[]): readonly string[] {
  return [
    program.path,
    ...["--port", String(port), "--bind", "127.0.0.1", "--protected-mode", "yes"],
    ...["--save", "", "--appendonly", "no", "--dir", folder],
    ...["--enable-debug-command", "local", "--loglevel", "warning"],
    ...program.modules.flatMap((module) => ["--loadmodule", module]),
    ...args,
  ];
}

interface Watched {
  readonly ended: boolean;
  readonly pid: () => number | undefined;
  /** What the shell said: the server's pid, and at the end the tail of its log. */
  readonly output: () => string;
}

function watch(child: ChildProcess): Watched {
  let said = "";
  const state = {
    ended: false,
    pid: (): number | undefined => (said.includes("\n") ? Number.parseInt(said, 10) : undefined),
    output: (): string => said.slice(said.indexOf("\n") + 1),
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  child.once("error", (error) => {
    said += `\n${error.message}`;
    state.ended = true;
  });
  child.once("close", () => {
    state.ended = true;
  });
  // The shell may be gone when we close the pipe; that is what closing asks for.
  child.stdin?.on("error", () => undefined);
  return state;
}

/** A forgotten server must not keep the process alive: at its exit the pipe closes. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout]) {
    if (stream !== null && "unref" in stream && typeof stream.unref === "function") stream.unref();
  }
}

async function stop(child: ChildProcess, watched: Watched): Promise<void> {
  if (watched.ended) return;
  child.ref();
  const closed = once(child, "close");
  child.stdin?.end();
  await closed;
}

/**
 * A random port that is free now. It lies below the range that systems use for outgoing connections,
 * so that none of those takes it in between, and low enough for a cluster's second port 10000 above.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const listener = createServer();
    const free = new Promise<boolean>((resolve) => {
      listener.once("error", () => resolve(false));
      listener.listen({ host: "127.0.0.1", port, exclusive: true }, () => resolve(true));
    });
    // oxlint-disable-next-line no-await-in-loop -- one port at a time
    if (await free) {
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => listener.close(resolve));
      return port;
    }
  }
}
