// What stands at the edges: keys of strangers, schemas that throw, callbacks that forget to return.
// Each is an error by name that changes nothing.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, geo, type Query } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const parcel = (storage: Storage) =>
  defineEntity({
    name: "parcel",
    storage,
    schema: z.object({
      id: z.string(),
      owner: z.string().refine((owner) => {
        if (owner === "throw") throw new TypeError("the refinement broke");
        return true;
      }),
      place: z.object({ longitude: z.number(), latitude: z.number() }).optional(),
    }),
    index: { owner: exact(), place: geo() },
  });

describeMatrix("edges", ({ open }) => {
  test("delete leaves a key of another type alone", async () => {
    const opened = await open(parcel);
    const { repository, raw } = opened;
    await raw("LPUSH", repository.key("s"), "a stranger's");
    const error = await expectRefusal(opened, () => repository.delete("s"), "CORRUPT_ENTITY");
    expect(error).toMatchObject({ entity: "parcel", id: "s" });
  });

  test("a refinement that throws refuses its own entity only", async () => {
    const opened = await open(parcel);
    const { repository } = opened;
    const error = await expectRefusal(opened, () => repository.insert({ id: "t", owner: "throw" }), "VALIDATION");
    expect(error).toMatchObject({ entity: "parcel", id: "t" });
    expect(error.issues[0]?.message).toContain("the refinement broke");
    const result = await repository.saveMany([
      { id: "a", owner: "x" },
      { id: "b", owner: "throw" },
      { id: "c", owner: "y" },
    ]);
    expect(result.saved).toBe(2);
    expect(result.failed.map(({ index }) => index)).toEqual([1]);
  });

  test("an id of null is refused, not replaced", async () => {
    const opened = await open(parcel);
    const input = { id: null as unknown as string, owner: "x" };
    await expectRefusal(opened, () => opened.repository.insert(input), "VALIDATION");
  });

  test("a point beyond what a geo index holds is refused", async () => {
    const opened = await open(parcel);
    for (const place of [
      { longitude: 0, latitude: 86 },
      { longitude: 181, latitude: 0 },
    ]) {
      const error = await expectRefusal(
        opened,
        () => opened.repository.insert({ id: "p", owner: "x", place }),
        "VALIDATION",
      );
      expect(error).toMatchObject({ entity: "parcel", id: "p", field: "place" });
    }
  });

  test("a where callback that forgets to return is a query error", async () => {
    const { repository } = await open(parcel);
    const query = repository.query() as unknown as Query<unknown, unknown>;
    expect(() => query.where((() => undefined) as never)).toThrowError(
      expect.objectContaining({ code: "QUERY", entity: "parcel" }) as Error,
    );
  });
});
