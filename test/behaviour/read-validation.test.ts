// What the schema has to say of documents that are read: all of it, as much as fits, or nothing.
// Told to the repository, or to a single call; writes are validated always.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, range, type ReadValidation } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { type Bench, describeMatrix } from "./matrix.ts";

const gauge = (storage: Storage) =>
  defineEntity({
    name: "gauge",
    storage,
    schema: z.object({
      id: z.string(),
      place: z.string(),
      level: z.number().max(100),
      at: z.date(),
      limits: z.object({ low: z.number(), high: z.number() }),
      note: z.string().default("none"),
      version: z.int(),
    }),
    index: { place: exact(), at: range() },
    version: "version",
  });

const at = new Date(1_700_000_000_000);
const good = { id: "good", place: "x", level: 5, at, limits: { low: 1, high: 9 }, note: "n" };

/** A good entity, and one that others wrote: too high a level, half of its limits, no note. */
async function opened({ open, storage }: Bench) {
  const definition = gauge(storage);
  const { repository, db, raw } = await open(() => definition);
  await repository.insertMany([good, { ...good, id: "odd" }]);
  const key = repository.key("odd");
  if (storage === "hash") {
    await raw("HSET", key, "level", "500", "limits.low", "x");
    await raw("HDEL", key, "note");
  } else {
    await raw("JSON.SET", key, "$.level", "500");
    await raw("JSON.SET", key, "$.limits.low", '"x"');
    await raw("JSON.DEL", key, "$.note");
  }
  return { repository, told: (validate: ReadValidation) => db.repository(definition, { validate }) };
}

describeMatrix("reads by a schema", (bench) => {
  // The memory engine reads everything to answer, and so meets every document.
  const queries = bench.engine !== "memory";
  const odd = { id: "odd", place: "x", at, version: 1 };

  test("refuse what does not fit, and give the rest", async () => {
    const { repository } = await opened(bench);
    await expectFailure(repository.findById("odd"), "CORRUPT_ENTITY");
    const { rows } = await expectFailure(repository.findByIds(["good", "odd"]), "CORRUPT_ENTITY");
    expect(rows).toEqual([{ ...good, version: 1 }, null]);
    await expectFailure(repository.query().where("place").eq("x").all(), "CORRUPT_ENTITY");
  });

  test("leave out what does not fit, where they are lenient", async () => {
    const { repository, told } = await opened(bench);
    const lenient = told("lenient");
    expect(await lenient.findById("odd")).toEqual(odd);
    expect(await repository.findById("odd", { validate: "lenient" })).toEqual(odd);
    expect(await repository.findByIds(["odd", "good"], { validate: "lenient" })).toEqual([
      odd,
      { ...good, version: 1 },
    ]);
    expect(await lenient.findById("good")).toEqual({ ...good, version: 1 });
    await expectFailure(lenient.findById("odd", { validate: "strict" }), "CORRUPT_ENTITY");
    if (!queries) return;
    const query = repository.query().where("place").eq("x").orderBy("at");
    expect(await query.all({ validate: "lenient" })).toEqual([{ ...good, version: 1 }, odd]);
    expect((await lenient.query().where("place").eq("x").page()).items).toHaveLength(2);
    expect((await lenient.query().limit(1).keyset()).items).toHaveLength(1);
    const streamed: unknown[] = [];
    for await (const each of repository.query().stream({ validate: "lenient" })) streamed.push(each.id);
    expect(streamed).toEqual(["good", "odd"]);
  });

  test("take what is stored as it is, where the schema is not asked", async () => {
    const { told } = await opened(bench);
    const unchecked = told("none");
    // What is no number is none; nothing is filled in.
    const limits = bench.storage === "hash" ? { high: 9 } : { low: "x", high: 9 };
    const found = await unchecked.findById("odd");
    expect(found).toMatchObject({ id: "odd", place: "x", at, version: 1 });
    expect(found).not.toHaveProperty("note");
    if (bench.storage !== "hash") expect(found).toMatchObject({ level: 500, limits });
    expect(await unchecked.findById("good")).toEqual({ ...good, version: 1 });
  });

  test("never weaken a write", async () => {
    const { told } = await opened(bench);
    for (const repository of [told("lenient"), told("none")]) {
      // eslint-disable-next-line no-await-in-loop -- one after another
      const found = await repository.findByIdOrThrow("odd");
      // eslint-disable-next-line no-await-in-loop
      await expectFailure(repository.save(found), "VALIDATION");
      // eslint-disable-next-line no-await-in-loop
      await expectFailure(repository.update("good", { level: 101 }), "VALIDATION");
    }
  });
});
