// After close nothing is left behind: a program that is done ends by itself.
// Run as a process of its own, whose end is the proof.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

import { connect } from "remora";
import { freshNamespace, legs } from "../setup/legs.ts";
import { Plain } from "./entities.ts";

const program = fileURLToPath(new URL("program.ts", import.meta.url));

describe.each(legs().map((leg) => [leg.name, leg] as const))("after close, %s", (_name, leg) => {
  test.each(["work", "heartbeat", "reject"])("a program ends by itself: %s", async (mode) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", program, leg.url, mode, freshNamespace()],
      { timeout: 20_000 },
    );
    expect(stdout.trim()).toBe("closed");
  });

  test("closing twice, or at the end of a block, is fine", async () => {
    const db = await connect(leg.url);
    const repository = db.repository(Plain);
    await db.close();
    await db.close();
    await expect(repository.exists("a")).rejects.toMatchObject({ code: "CONNECTION" });
    {
      await using scoped = await connect(leg.url);
      expect(await scoped.redis.call("PING")).toBe("PONG");
    }
  });
});
