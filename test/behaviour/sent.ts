// The commands that a piece of work sends, as the diagnostics tell.
// Only one piece of work at a time may be looked at.
import diagnostics from "node:diagnostics_channel";

import { vi } from "vitest";

import { operationChannel, type OperationEvent } from "remora";
import { Executor } from "../../src/redis/executor.ts";

/** The commands that some work sends. */
export async function sent(work: () => Promise<unknown>): Promise<string[]> {
  const commands: string[] = [];
  const listen = (event: unknown): void => void commands.push(...(event as OperationEvent).commands);
  diagnostics.subscribe(operationChannel, listen);
  try {
    await work();
  } finally {
    diagnostics.unsubscribe(operationChannel, listen);
  }
  return commands;
}

/** How many times the server is waited for, of which several may be at once: what goes out in one write counts once. */
export async function trips(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const [one, many] = [vi.spyOn(Executor.prototype, "one"), vi.spyOn(Executor.prototype, "many")];
  try {
    await work();
    count = one.mock.calls.length + many.mock.calls.filter(([requests]) => requests.length > 0).length;
  } finally {
    one.mockRestore();
    many.mockRestore();
  }
  return count;
}
