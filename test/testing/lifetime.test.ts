// A server never outlives the process that started it, however that process ends.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";

import { afterEach, describe, expect, it, vi } from "vitest";

import { legs } from "../setup/legs.ts";

interface Held {
  readonly parent: ChildProcess;
  readonly pid: number;
  readonly folder: string;
  readonly exit: Promise<unknown>;
}

const patience = { timeout: 10_000, interval: 10 };
let parent: ChildProcess | undefined;

afterEach(() => {
  parent?.kill("SIGKILL");
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Runs the holding script until it tells what it started. */
async function hold(how: string): Promise<Held> {
  const script = new URL("hold-server.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--import", "tsx", script, how], { stdio: ["pipe", "pipe", "ignore"] });
  parent = child;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  const line = new Promise<string>((resolve) =>
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString())),
  );
  const told = await Promise.race([line, exit.then(() => line)]);
  const { pid, folder } = JSON.parse(told) as { pid: number; folder: string };
  return { parent: child, pid, folder, exit };
}

async function expectGone({ pid, folder }: Held): Promise<void> {
  await vi.waitFor(
    () => expect({ alive: alive(pid), folder: existsSync(folder) }).toEqual({ alive: false, folder: false }),
    patience,
  );
}

describe.skipIf(legs().length === 0)("a server whose starter", () => {
  it.each(["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"] as const)("is ended by %s ends too", async (signal) => {
    const held = await hold("hold");
    expect(alive(held.pid)).toBe(true);
    expect(existsSync(held.folder)).toBe(true);
    held.parent.kill(signal);
    await held.exit;
    await expectGone(held);
  });

  it.each(["exit", "throw", "nothing"])("ends by %s ends too", async (how) => {
    const held = await hold(how);
    await held.exit;
    await expectGone(held);
  });
});
