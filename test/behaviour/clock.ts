// The server's clock, which alone decides who has expired.
// Waiting is asking for the time again, never a guess of how long something takes.
import type { Raw } from "./matrix.ts";

/** The server's time in epoch milliseconds. */
export async function serverTime(raw: Raw): Promise<number> {
  const [seconds, micros] = (await raw("TIME")) as [string, string];
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

/** Waits until the server's clock is past a time. */
export async function serverTimePassed(raw: Raw, at: Date): Promise<void> {
  while ((await serverTime(raw)) <= at.getTime());
}
