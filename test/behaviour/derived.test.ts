// Derived properties: made anew by every kind of write, stored, and found like any other.
// What callers give for them is not looked at, and patches refuse them.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, inc, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const person = (storage: Storage) =>
  defineEntity({
    name: "person",
    storage,
    schema: z
      .object({
        id: z.string(),
        first: z.string().trim(),
        last: z.string(),
        born: z.codec(z.string(), z.date(), {
          decode: (text) => new Date(text),
          encode: (date) => date.toISOString(),
        }),
        points: z.int().default(0),
        name: z.string(),
        year: z.int(),
        nick: z.string().optional(),
      })
      .refine(({ name }) => name !== "No Body", { path: ["name"], error: "nobody" }),
    index: { name: exact({ sortable: true }), year: range(), nick: exact() },
    unique: { name: ["name"] },
    derive: {
      name: ({ first, last }) => `${first} ${last}`,
      year: ({ born }) => born.getUTCFullYear(),
      nick({ first }) {
        if (first === "Throw") throw new RangeError("no nick");
        return first.length > 3 ? first.slice(0, 3) : undefined;
      },
    },
  });

const ada = { id: "1", first: " Ada", last: "Lovelace", born: "1815-12-10" };

describeMatrix(
  "derived properties",
  ({ open, storage }) => {
    test("are made by every write, and found", async () => {
      const defined = person(storage);
      const { repository, db } = await open(() => defined);
      const inserted = await repository.insert({ ...ada, name: "given", year: 5, nick: "given" });
      const stored = {
        ...ada,
        first: "Ada",
        born: new Date("1815-12-10"),
        points: 0,
        name: "Ada Lovelace",
        year: 1815,
      };
      expect(inserted).toEqual(stored);
      expect(await repository.findById("1")).toEqual(stored);
      expect(await repository.query().where("name").eq("Ada Lovelace").ids()).toEqual(["1"]);
      expect(await repository.query().where("nick").isNull().where("year").lt(1816).count()).toBe(1);

      await repository.update("1", { first: "Augusta" });
      await repository.update("1", { points: inc(2) });
      expect(await repository.findById("1")).toEqual({
        ...stored,
        first: "Augusta",
        points: 2,
        name: "Augusta Lovelace",
        nick: "Aug",
      });
      expect(await repository.query().where("nick").eq("Aug").ids()).toEqual(["1"]);
      expect(await repository.query().where("name").eq("Ada Lovelace").ids()).toEqual([]);

      await repository.modify("1", (entity) => ({ ...entity, last: "King" }));
      expect(await repository.findUnique({ name: "Augusta King" })).toMatchObject({ id: "1" });
      await repository.query().where("nick").eq("Aug").update({ last: "Byron" });
      expect(await repository.query().where("name").startsWith("Augusta B").ids()).toEqual(["1"]);
      await repository.patchMany([{ id: "1", patch: { born: new Date("1816-01-01") } }]);
      expect(await repository.query().where("year").eq(1816).ids()).toEqual(["1"]);
      await db.transaction(async (tx) => tx.repository(defined).update("1", { last: "Noel" }));
      expect(await repository.findById("1")).toMatchObject({ name: "Augusta Noel", year: 1816 });
      const read = await repository.findByIdOrThrow("1");
      await repository.save({ ...read, name: "ignored" });
      expect(await repository.findById("1")).toEqual(read);
      expect((await repository.indexes.verify()).findings).toEqual([]);
    });

    test("are refused in patches, and reported where their functions or checks fail", async () => {
      const opened = await open(person);
      const { repository } = opened;
      await repository.insert(ada);
      const patch = await expectRefusal(opened, () => repository.update("1", { name: "x" } as never), "VALIDATION");
      expect(patch.message).toContain("is derived from the rest");
      const thrown = await expectRefusal(
        opened,
        () => repository.insert({ ...ada, id: "2", first: "Throw" }),
        "VALIDATION",
      );
      expect(thrown).toMatchObject({ field: "nick", id: "2" });
      expect(thrown.message).toContain("could not be derived: no nick");
      const checked = await expectFailure(repository.update("1", { first: "No", last: "Body" }), "VALIDATION");
      expect(checked.message).toContain("name: nobody");
      await expectFailure(repository.insert({ ...ada, id: "3" }), "UNIQUE_VIOLATION");
      await expectFailure(repository.insert({ ...ada, id: "4", last: 5 as never }), "VALIDATION");
    });
  },
  ({ driver }) => driver === "ioredis6",
);
