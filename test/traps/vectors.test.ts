// Traps of vector search: neighbours in no order, ten of them however many were asked for, documents that vanish.
// What the mapper gives is in order, all of it, and a vector of another length never gets as far as the index.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, vector } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { expectTrap, Naive, searching } from "./naive.ts";

const spot = (storage: Storage) =>
  defineEntity({
    name: "spot",
    storage,
    schema: z.object({ id: z.string(), kind: z.string(), at: z.array(z.number()) }),
    index: { kind: exact(), at: vector({ dim: 2, metric: "l2" }) },
  });
// The farther away, the earlier the id and the writing.
const rows = Array.from({ length: 60 }, (_, n) => ({ id: `s${n + 10}`, kind: "k", at: [60 - n, 0] }));
const bytes = (...numbers: number[]): Buffer => Buffer.from(Float32Array.from(numbers).buffer);

describeMatrix(
  "trap",
  ({ open, leg, storage }) => {
    test("the nearest come in no order, and ten at most; a vector of another length takes its document along", async () => {
      const opened = await open(spot);
      const json = storage === "json";
      const at = (name: string): string[] => (json ? [`$.${name}`, "AS", name] : [name]);
      const type = ["VECTOR", "FLAT", "6", "TYPE", "FLOAT32", "DIM", "2", "DISTANCE_METRIC", "L2"];
      const naive = await Naive.make(opened, storage, [...at("kind"), "TAG", ...at("at"), ...type]);
      const put = (id: string, ...numbers: number[]): Promise<unknown> =>
        json
          ? naive.put(id, JSON.stringify({ kind: "k", at: numbers }))
          : opened.raw("HSET", naive.key(id), "kind", "k", "at", bytes(...numbers) as never);
      for (const { id, at: numbers } of rows) await put(id, ...numbers);
      const knn = async (...words: (string | number)[]): Promise<string[]> => {
        const vectors = ["PARAMS", 2, "b", bytes(0, 0) as never, "DIALECT", 2];
        const reply = await opened.raw(
          "FT.SEARCH",
          naive.name,
          "*=>[KNN 50 @at $b AS d]",
          "NOCONTENT",
          ...words,
          ...vectors,
        );
        return (reply as unknown[]).slice(1).map(String);
      };
      const nearest = rows.toReversed().map(({ id }) => naive.key(id));
      expectTrap(leg, "ten of fifty came", (await knn()).length === 10);
      const unsorted = await knn("LIMIT", 0, 50);
      expectTrap(leg, "the nearest is not the first", unsorted.length === 50 && unsorted[0] !== nearest[0]);
      await put("s69", 1, 2, 3);
      expectTrap(leg, "nothing finds the document any more", !(await naive.ids("@kind:{k}")).includes("s69"));

      const { repository } = opened;
      expect((await repository.insertMany(rows)).failed).toEqual([]);
      const found = await repository.query().nearest("at", { to: [0, 0], k: 50 });
      expect(found.map(({ id }) => naive.key(id))).toEqual(nearest.slice(0, 50));
      await expectFailure(repository.save({ id: "s69", kind: "k", at: [1, 2, 3] }), "VALIDATION");
      expect(await repository.query().where("kind").eq("k").count()).toBe(60);
      expect((await repository.query().nearest("at", { to: [0, 0], k: 1 }))[0]).toEqual({ ...rows[59], distance: 1 });
    });
  },
  searching,
);
