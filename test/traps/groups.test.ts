// Traps of grouping: texts that run together, numbers that come back rounded, arrays that count by their first item.
// What the mapper groups is told apart by every value, and computed from exact ones.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { expectTrap, Naive, searching } from "./naive.ts";

const pair = (storage: Storage) =>
  defineEntity({
    name: "pair",
    storage,
    schema: z.object({ id: z.string(), a: z.string(), b: z.string(), n: z.number(), list: z.array(z.string()) }),
    index: { a: exact() },
  });
const rows = [
  { id: "1", a: "ab", b: "c", n: 1234567890123.25, list: ["x", "y"] },
  { id: "2", a: "a", b: "bc", n: 0.1234567890123, list: ["x"] },
];

describeMatrix(
  "trap",
  ({ open, leg, storage }) => {
    test("groups are told apart by their values run together", async () => {
      const opened = await open(pair);
      const json = storage === "json";
      const at = (name: string): string[] => (json ? [`$.${name}`, "AS", name] : [name]);
      const naive = await Naive.make(opened, storage, [...at("a"), "TAG", ...at("b"), "TAG", ...at("n"), "NUMERIC"]);
      for (const { id, a, b, n } of rows) {
        // eslint-disable-next-line no-await-in-loop -- two rows
        await naive.put(id, ...(json ? [JSON.stringify({ a, b, n })] : ["a", a, "b", b, "n", String(n)]));
      }
      const ask = async (...words: string[]): Promise<string> =>
        JSON.stringify(await opened.raw("FT.AGGREGATE", naive.name, "*", "LOAD", 3, "@a", "@b", "@n", ...words));
      const grouped = await ask("GROUPBY", "2", "@a", "@b", "REDUCE", "COUNT", "0", "AS", "n");
      expectTrap(leg, "two groups are one", grouped.includes('"n","2"'));
      const sum = await ask("GROUPBY", "0", "REDUCE", "SUM", "1", "@n", "AS", "sum");
      expectTrap(leg, "a sum has twelve digits", !sum.includes(String(1234567890123.25 + 0.1234567890123)));

      expect((await opened.repository.insertMany(rows)).failed).toEqual([]);
      const all = opened.repository.query().aggregate();
      expect(
        await all
          .groupBy("a", "b")
          .reduce((of) => ({ count: of.count() }))
          .all(),
      ).toEqual([
        { a: "a", b: "bc", count: 1 },
        { a: "ab", b: "c", count: 1 },
      ]);
      const counted = all.groupBy("a", "b").reduce((of) => ({ count: of.count(), n: of.sum("n") }));
      expect(await counted.all()).toEqual([
        { a: "a", b: "bc", count: 1, n: 0.1234567890123 },
        { a: "ab", b: "c", count: 1, n: 1234567890123.25 },
      ]);
      expect(await all.reduce((of) => ({ n: of.sum("n") })).all()).toEqual([{ n: 1234567890123.25 + 0.1234567890123 }]);
      expect(
        await all
          .groupBy("list")
          .reduce((of) => ({ count: of.count() }))
          .all(),
      ).toEqual([
        { list: "x", count: 2 },
        { list: "y", count: 1 },
      ]);
    });
  },
  searching,
);
