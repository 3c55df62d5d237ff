// Waiting before work is tried again: a random time, longer with each try, so that rivals do not meet again.
// A fired signal ends the wait.
import { setTimeout as wait } from "node:timers/promises";
import type { RemoraError } from "../errors.ts";

/** How often work of the caller's begins again when others came between. */
export const defaultRetries = 10;
/**
 * How often a change begins again that fits whatever others make of the entity: it is given up at its deadline, or when
 * something is wrong.
 */
export const patchRetries = 10_000;
/** How long to wait before the first retry, in milliseconds. */
export const defaultBackoff = 5;
/** The longest wait between two tries, in milliseconds. */
const maxBackoff = 250;

/**
 * Waits before a retry.
 *
 * @param tries - how often it was tried before, from 0.
 * @param backoff - the longest wait before the first retry, in milliseconds; twice as long each time.
 * @param signal - ends the wait when it fires.
 * @param fired - makes the error for that.
 */
export async function pauseBeforeRetry(
  tries: number,
  backoff: number,
  signal: AbortSignal | undefined,
  fired: (cause: unknown) => RemoraError,
): Promise<void> {
  const milliseconds = Math.random() * Math.min(maxBackoff, backoff * 2 ** tries);
  try {
    await wait(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw fired(error);
  }
}
