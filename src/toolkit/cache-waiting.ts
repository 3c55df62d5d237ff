// Waiting no longer than the caller wants, for work that goes on for others.
// Nothing of the work is cancelled by it.

/** How a wait ended. */
export type Waited<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "late" }
  | { readonly kind: "aborted" };

/**
 * Waits for work.
 *
 * @param work - what is waited for.
 * @param milliseconds - how long at most; undefined for as long as it takes.
 * @param signal - ends the wait.
 * @returns what came of it.
 * @throws what the work throws.
 */
export async function waitFor<T>(
  work: Promise<T>,
  milliseconds: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Waited<T>> {
  const done = work.then((value): Waited<T> => ({ kind: "done", value }));
  if (milliseconds === undefined && signal === undefined) return done;
  let timer: NodeJS.Timeout | undefined;
  let fired: (() => void) | undefined;
  const given = new Promise<Waited<T>>((resolve) => {
    if (milliseconds !== undefined) timer = setTimeout(() => resolve({ kind: "late" }), Math.max(0, milliseconds));
    fired = () => resolve({ kind: "aborted" });
    signal?.addEventListener("abort", fired);
    if (signal?.aborted === true) fired();
  });
  try {
    return await Promise.race([done, given]);
  } finally {
    clearTimeout(timer);
    if (fired !== undefined) signal?.removeEventListener("abort", fired);
  }
}
