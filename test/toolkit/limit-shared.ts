// The limits that several processes take from: one of each algorithm, with windows longer than any test.
// All allow the same.
import type { FixedWindowRule, LimitRule } from "../../src/toolkit/index.ts";

/** How much may be taken in all. */
export const shared = 40;

const window = 86_400;

/** One rule of each kind. */
export const sharedRules: readonly (LimitRule | FixedWindowRule)[] = [
  { algorithm: "slidingLog", limit: shared, window },
  { algorithm: "slidingCounter", limit: shared, window },
  { algorithm: "gcra", limit: shared, window },
  { algorithm: "fixedWindow", limit: shared, window },
];
