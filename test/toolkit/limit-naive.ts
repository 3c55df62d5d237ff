// The recipes of rate limits that are around, as they are around: what is wrong with each is shown beside ours.
// They talk to the server directly.
import type { Raw } from "../behaviour/matrix.ts";

/** A recipe: tells whether a call is allowed. */
export type Recipe = (raw: Raw, key: string, limit: number, window: number) => Promise<boolean>;

/** Looks, and counts afterwards: everybody who looked before the first one counted is let through. */
export const getThenIncrement: Recipe = async (raw, key, limit, window) => {
  if (Number(await raw("GET", key)) >= limit) return false;
  await raw("INCR", key);
  await raw("EXPIRE", key, window);
  return true;
};

/** Counts, and says anew each time how long the window lasts: who keeps asking is locked out for ever. */
export const renewEachTime: Recipe = async (raw, key, limit, window) => {
  const count = Number(await raw("INCR", key));
  await raw("EXPIRE", key, window);
  return count <= limit;
};

/** Counts, and the first one says how long the window lasts: if it dies before, the window never ends. */
export const incrementThenExpire: Recipe = async (raw, key, limit, window) => {
  const count = Number(await raw("INCR", key));
  if (count === 1) await raw("EXPIRE", key, window);
  return count <= limit;
};
