// The commands that a piece of work sends, as the diagnostics tell.
// Only one piece of work at a time may be looked at.
import diagnostics from "node:diagnostics_channel";

import { operationChannel, type OperationEvent } from "remora";

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
