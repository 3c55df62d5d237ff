// Entities of several kinds: one key space, one set of indexes, and what each kind holds.
// What one kind has and another has not is absent there, in documents, indexes and queries.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, inc, push, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const common = {
  id: z.string(),
  colour: z.string().optional(),
  version: z.int(),
  updatedAt: z.date(),
};

const shape = (storage: Storage) =>
  defineEntity({
    name: "shape",
    storage,
    schema: z.discriminatedUnion("kind", [
      z.object({
        kind: z.literal("circle"),
        ...common,
        radius: z.number().positive(),
        size: z.number().max(10),
        label: z.object({ text: z.string(), at: z.date() }),
      }),
      z.object({
        kind: z.literal("square"),
        ...common,
        colour: z.string().nullable(),
        side: z.number(),
        size: z.number().max(100),
        tags: z.array(z.string()).default([]),
      }),
      z.discriminatedUnion("sides", [
        z.object({ kind: z.literal("polygon"), ...common, sides: z.literal("few"), corners: z.int().max(5) }),
        z.strictObject({ kind: z.literal("polygon"), ...common, sides: z.literal("many"), corners: z.int().min(6) }),
      ]),
    ]),
    index: {
      kind: exact({ sortable: true }),
      radius: range(),
      colour: exact(),
      size: range(),
      tags: exact(),
      corners: range(),
      "label.text": exact(),
    },
    version: "version",
    timestamps: { updatedAt: "updatedAt" },
  });

const label = { text: "round", at: new Date(5) };
const circle = { kind: "circle" as const, id: "c", colour: "red", radius: 2, size: 5, label };
const square = { kind: "square" as const, id: "s", colour: null, side: 3, size: 50, tags: ["a"] };
const few = { kind: "polygon" as const, id: "f", sides: "few" as const, corners: 3 };
const many = { kind: "polygon" as const, id: "m", sides: "many" as const, corners: 8, colour: "red" };
const kept = { version: 1, updatedAt: expect.any(Date) as Date };

describeMatrix("entities of several kinds", ({ open, storage }) => {
  test("are read as they were written, each with its own properties", async () => {
    const { repository } = await open(shape);
    await repository.insert(circle);
    await repository.insertMany([square, few, many]);
    expect(await repository.findByIds(["c", "s", "f", "m"])).toEqual([
      { ...circle, ...kept },
      { ...square, ...kept },
      { ...few, ...kept },
      { ...many, ...kept },
    ]);
    const found = await repository.findByIdOrThrow("c");
    expect(found.kind === "circle" ? found.radius : undefined).toBe(2);
  });

  test("are found by what they share and by what only some have", async () => {
    const { repository } = await open(shape);
    await repository.insertMany([circle, square, few, many]);
    const ids = async (query: { ids: () => Promise<string[]> }) => (await query.ids()).sort();
    expect(await ids(repository.query().where("kind").eq("polygon"))).toEqual(["f", "m"]);
    expect(await ids(repository.query().where("colour").eq("red"))).toEqual(["c", "m"]);
    expect(await ids(repository.query().where("radius").gte(1))).toEqual(["c"]);
    expect(await ids(repository.query().where("radius").isNull())).toEqual(["f", "m", "s"]);
    expect(await ids(repository.query().where("size").gt(4))).toEqual(["c", "s"]);
    expect(await ids(repository.query().where("label.text").ne("round"))).toEqual(["f", "m", "s"]);
    expect(await ids(repository.query({ NOT: { tags: { contains: "a" } } }))).toEqual(["c", "f", "m"]);
    expect(await repository.query().orderBy("radius").ids()).toEqual(["c", "f", "m", "s"]);
  });

  test("become of another kind, and keep nothing of the former one", async () => {
    const { repository, raw, namespace } = await open(shape);
    await repository.insert(circle);
    await repository.save({ ...square, id: "c", version: 1 });
    expect(await repository.findById("c")).toEqual({ ...square, id: "c", version: 2, updatedAt: kept.updatedAt });
    expect(await repository.query().where("radius").isNull().ids()).toEqual(["c"]);
    expect(await repository.query().where("label.text").eq("round").ids()).toEqual([]);
    const key = `${namespace}:{shape}:c`;
    const text = storage === "hash" ? JSON.stringify(await raw("HKEYS", key)) : String(await raw("JSON.GET", key));
    expect(text).toContain("side");
    expect(text).not.toMatch(storage === "hash" ? /radius|label/ : /"(radius|label)":/);
    expect((await repository.indexes.verify()).findings).toEqual([]);
  });

  test("take patches of their own properties", async () => {
    const { repository } = await open(shape);
    await repository.insertMany([circle, square]);
    await repository.update("c", { radius: inc(2), "label.text": "big" });
    expect(await repository.findById("c")).toMatchObject({ radius: 4, label: { text: "big" } });
    await repository.update("s", { tags: push("b") });
    expect(await repository.findById("s")).toMatchObject({ tags: ["a", "b"] });
    // The bounds are those of the kind.
    await repository.update("s", { size: 100 });
    expect((await expectFailure(repository.update("c", { size: 100 }), "VALIDATION")).field).toBe("size");
    expect((await expectFailure(repository.update("s", { radius: 3 }), "VALIDATION")).field).toBe("radius");
    expect((await expectFailure(repository.update("s", { kind: "circle", radius: 3 }), "VALIDATION")).field).toBe(
      "colour",
    );
    expect(await repository.findById("s")).toMatchObject({ kind: "square", size: 100 });
  });

  test("are changed into another kind by a patch that says all of it", async () => {
    const { repository } = await open(shape);
    await repository.insertMany([circle, many]);
    await repository.update("c", { kind: "square", side: 7, tags: [] });
    const changed = { kind: "square", id: "c", colour: "red", side: 7, size: 5, tags: [], version: 2 };
    expect(await repository.findById("c")).toEqual({ ...changed, updatedAt: kept.updatedAt });
    expect((await repository.query().where("radius").isNull().ids()).sort()).toEqual(["c", "m"]);
    await repository.query().where("kind").eq("square").update({ kind: "polygon", sides: "many", corners: 9 });
    const polygon = { kind: "polygon", id: "c", colour: "red", sides: "many", corners: 9, version: 3 };
    expect(await repository.findById("c")).toEqual({ ...polygon, updatedAt: kept.updatedAt });
    expect((await repository.indexes.verify()).findings).toEqual([]);
  });

  test("leave out what belongs to another kind", async () => {
    const { repository, raw, namespace } = await open(shape);
    await repository.insert({ ...square, ...{ radius: 5 } });
    expect(await repository.findById("s")).toEqual({ ...square, ...kept });
    await repository.insert(many);
    const key = `${namespace}:{shape}:m`;
    await (storage === "hash" ? raw("HSET", key, "side", "9") : raw("JSON.SET", key, "$.side", "9"));
    for (const validate of ["strict", "lenient", "none"] as const) {
      // eslint-disable-next-line no-await-in-loop -- one after another
      expect(await repository.findById("m", { validate })).toEqual({ ...many, ...kept });
    }
    expect(
      (await expectFailure(repository.insert({ ...many, id: "x", ...{ side: 9 } }), "VALIDATION")).message,
    ).toContain("side");
  });

  test("give chosen properties, which are right by themselves", async () => {
    const { repository } = await open(shape);
    await repository.insertMany([circle, square, few]);
    expect(await repository.query().orderBy("kind").select("radius", "size").all()).toEqual([
      { radius: 2, size: 5 },
      {},
      { size: 50 },
    ]);
    expect(await repository.query().orderBy("kind").select("kind", "corners", "label.text").all()).toEqual([
      { kind: "circle", label: { text: "round" } },
      { kind: "polygon", corners: 3 },
      { kind: "square" },
    ]);
  });
});
