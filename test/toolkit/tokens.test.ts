// One-time tokens: one bearer gets what was put by, and nothing on the server gives a token away.
// On every server.
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { type Tokens, tokens } from "remora/toolkit";
import { everythingIn, expectFailure } from "../behaviour/failures.ts";
import { dump } from "../behaviour/matrix.ts";
import { sent } from "../behaviour/sent.ts";
import { describePiece } from "./open.ts";

const reset = z.object({ user: z.string() });

describePiece("one-time tokens", "tokens", (box) => {
  test("give what was put by, once", async () => {
    const resets = tokens(box.db, "reset", reset, { ttl: 900 });
    const token = await resets.issue({ user: "ada" });
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await resets.peek(token)).toEqual({ user: "ada" });
    expect([await resets.consume(token), await resets.consume(token)]).toEqual([{ user: "ada" }, undefined]);
    const other = await resets.issue({ user: "bob" }, { ttl: { ms: 5000 } });
    expect([await resets.revoke(other), await resets.revoke(other), await resets.peek(other)]).toEqual([
      true,
      false,
      undefined,
    ]);
    expect(await resets.consume("x")).toBeUndefined();
    expect(await sent(() => resets.consume("A".repeat(43)))).toEqual(["GETDEL"]);
    expect(await sent(() => resets.issue({ user: "eve" }))).toEqual(["SET"]);
  });

  test("go to one of sixty that show the same", async () => {
    const others = await Promise.all(Array.from({ length: 6 }, () => box.another()));
    const pieces = others.map((db) => tokens(db, "race", reset, { ttl: 900 }));
    const token = await (pieces[0] as Tokens<{ user: string }>).issue({ user: "ada" });
    const got = await Promise.all(
      Array.from({ length: 60 }, (_, at) => (pieces[at % 6] as Tokens<{ user: string }>).consume(token)),
    );
    expect(got.filter((each) => each !== undefined)).toEqual([{ user: "ada" }]);
    await Promise.all(others.map((db) => db.close()));
  });

  test("a naive look before the deletion serves two; ours serves one", async () => {
    const key = `${box.namespace}:naive`;
    await box.raw("SET", key, "ada");
    const naive = async (): Promise<unknown> => {
      const value = await box.raw("GET", key);
      await box.raw("DEL", key);
      return value;
    };
    expect(await Promise.all([naive(), naive()])).toEqual(["ada", "ada"]);
    const resets = tokens(box.db, "two", reset, { ttl: 900 });
    const token = await resets.issue({ user: "ada" });
    const got = await Promise.all([resets.consume(token), resets.consume(token)]);
    expect(got).toEqual([{ user: "ada" }, undefined]);
  });

  test("are nowhere on the server nor in errors, and die", async () => {
    const resets = tokens(box.db, "secret", reset, { ttl: 900 });
    const token = await resets.issue({ user: "ada" });
    expect(JSON.stringify(await dump(box.raw, box.namespace))).not.toContain(token);
    const keys = (await box.raw("KEYS", `${box.namespace}:tokens:secret:*`)) as string[];
    expect(keys).toHaveLength(1);
    expect(Number(await box.raw("PTTL", keys[0] as string))).toBeGreaterThan(890_000);
    await box.raw("SET", keys[0] as string, "no JSON");
    const error = await expectFailure(resets.consume(token), "CORRUPT_ENTITY");
    expect(everythingIn(error)).not.toContain(token);
  });

  describe("bad input", () => {
    test("changes nothing", async () => {
      const resets = tokens(box.db, "bad", reset, { ttl: 900 });
      await resets.issue({ user: "ada" });
      const bad: (() => Promise<unknown>)[] = [
        () => resets.issue({ user: 5 as unknown as string }),
        () => resets.issue({ user: "ada" }, { ttl: 0 }),
        () => resets.issue({ user: "ada" }, { ttl: { at: new Date(0) } }),
        () => resets.consume(5 as unknown as string),
      ];
      for (const work of bad) {
        // oxlint-disable-next-line no-await-in-loop -- each looks at all keys before and after
        await box.refused(work, "VALIDATION");
      }
      expect(() => tokens(box.db, "x", reset, { ttl: -1 })).toThrow("positive");
    });
  });
});
