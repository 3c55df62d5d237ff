// The types of rate limits: which rules stand together, and what is asked and answered.
// Wrong uses do not compile.
import type { Context } from "hono";
import { expectTypeOf, test } from "vitest";

import type { Database } from "remora";
import { expressRateLimit, honoRateLimit } from "remora/http";
import { type LimitResult, rateLimit } from "remora/toolkit";

declare const db: Database;

test("rate limits", () => {
  const limit = rateLimit(db, "a", { algorithm: "gcra", limit: 5, window: { ms: 50 }, burst: 3 });
  expectTypeOf(limit.take("ada", { cost: 2, deadline: 50 })).resolves.toEqualTypeOf<LimitResult>();
  rateLimit(db, "a", [
    { algorithm: "slidingLog", limit: 5, window: 1 },
    { algorithm: "slidingCounter", limit: 50, window: 60 },
  ]);
  rateLimit(db, "a", { algorithm: "fixedWindow", limit: 5, window: 1, burst: { limit: 3, window: 5 } });
  // @ts-expect-error -- how to count is said
  rateLimit(db, "a", { limit: 5, window: 1 });
  // @ts-expect-error -- a limit has a rule at least
  rateLimit(db, "a", []);
  // @ts-expect-error -- a fixed window stands alone
  rateLimit(db, "a", [{ algorithm: "fixedWindow", limit: 5, window: 1 }]);
  // @ts-expect-error -- a log has no burst
  rateLimit(db, "a", { algorithm: "slidingLog", limit: 5, window: 1, burst: 5 });
  // @ts-expect-error -- a window is a span, not a date
  rateLimit(db, "a", { algorithm: "gcra", limit: 5, window: { at: new Date() } });
  // @ts-expect-error -- what to do is a word
  rateLimit(db, "a", { algorithm: "gcra", limit: 5, window: 1 }, { fail: true });
  // @ts-expect-error -- a key is text
  void limit.take(5);
  // @ts-expect-error -- a block has a time
  void limit.block("ada");
});

test("rate limits over http", () => {
  const limit = rateLimit(db, "a", { algorithm: "gcra", limit: 5, window: 1 });
  honoRateLimit<Context<{ Variables: { user: string } }>>(limit, { key: (context) => context.get("user") });
  expressRateLimit(limit, { key: () => Promise.resolve(undefined), style: "legacy" });
  // @ts-expect-error -- hono does not know whom a request is from
  honoRateLimit(limit, {});
  // @ts-expect-error -- a key is text
  expressRateLimit(limit, { key: () => 5 });
});
