// Reads by id that nobody planned together: one round trip a tick, each caller with its own answer.
// A bad id or document is its own caller's trouble.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";
import { sent } from "./sent.ts";

const part = (storage: Storage) =>
  defineEntity({ name: "part", storage, schema: z.object({ id: z.string(), size: z.int() }) });

describeMatrix("a loader", ({ open, storage }) => {
  test("gathers the reads of one tick", async () => {
    const { repository } = await open(part);
    await repository.insertMany(["a", "b", "c"].map((id, size) => ({ id, size })));
    const loader = repository.loader();
    let found: unknown[] = [];
    const commands = await sent(async () => {
      const late = Promise.resolve().then(() => loader.load("c"));
      found = await Promise.all([loader.load("a"), loader.load("none"), loader.load("a"), loader.load("b"), late]);
    });
    expect(found).toEqual([
      { id: "a", size: 0 },
      null,
      { id: "a", size: 0 },
      { id: "b", size: 1 },
      { id: "c", size: 2 },
    ]);
    expect(commands).toHaveLength(storage !== "hash" ? 1 : 4);
    // Nothing is remembered: the next tick reads again.
    await repository.update("a", { size: 7 });
    expect(await loader.load("a")).toEqual({ id: "a", size: 7 });
  });

  test("tells each caller of its own trouble", async () => {
    const { repository, raw } = await open(part);
    await repository.insertMany(["a", "b"].map((id, size) => ({ id, size })));
    if (storage === "hash") await raw("HSET", repository.key("b"), "size", "x");
    else await raw("JSON.SET", repository.key("b"), "$.size", '"x"');
    const loader = repository.loader();
    const [good, bad] = [loader.load("a"), loader.load("b")];
    expect(await expectFailure(bad, "CORRUPT_ENTITY")).toMatchObject({ id: "b", field: "size" });
    expect(await good).toEqual({ id: "a", size: 0 });
    const [other, empty] = [loader.load("a"), loader.load("")];
    await expectFailure(empty, "VALIDATION");
    expect(await other).toEqual({ id: "a", size: 0 });
  });
});
