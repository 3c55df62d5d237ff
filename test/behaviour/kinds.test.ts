// Every kind of field on every server, storage and engine: read back as it was, and found by what it is.
// Equality, ranges and order are those of the values that entities hold.
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { describe, expect, test } from "vitest";

import { custom, dateAs, decimal, defineEntity, exact, inc, range, type Repository, unset } from "remora";
import type { Operand } from "../../src/query/node.ts";
import { type Kind, kinds, order, typeOf } from "../property/kinds.ts";
import { seed } from "../property/seed.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const link = custom({
  schema: z.instanceof(URL),
  as: "string",
  encode: ({ href }) => href,
  decode: (href) => new URL(href),
});

interface Row {
  readonly id: string;
  readonly field: unknown;
}

const rowsOf = ({ value }: Kind): Row[] =>
  fc.sample(value, { numRuns: 15, seed }).map((field, at) => ({ id: `r${String(at).padStart(2, "0")}`, field }));
const indexed = kinds.filter(({ index }) => index !== undefined);

describeMatrix(
  "kinds of fields",
  ({ open }) => {
    describe.each(kinds)("$name", (kind) => {
      const rows = rowsOf(kind);

      test("is read back, patched and saved again", async () => {
        const repository = (await open((storage) => typeOf(kind, storage))).repository as unknown as Repository<never>;
        expect((await repository.insertMany(rows as never)).failed).toEqual([]);
        expect(await repository.findByIds(rows.map(({ id }) => id))).toEqual(rows);
        const [first, second] = rows as [Row, Row];
        await repository.update(first.id, { field: second.field } as never);
        expect(await repository.findById(first.id)).toEqual({ ...second, id: first.id });
        await repository.save(first as never);
        const read = await repository.findByIdOrThrow(first.id);
        expect(read).toEqual(first);
        await repository.save(read);
        expect(await repository.findById(first.id)).toEqual(first);
        expect(await repository.findByIds(rows.map(({ id }) => id))).toEqual(rows);
        expect((await repository.indexes.verify()).findings).toEqual([]);
      });
    });

    describe.each(indexed)("$name", (kind) => {
      const rows = rowsOf(kind);
      const values = rows.map(({ field }) => field);

      test("is found by what it is", async () => {
        const repository = (await open((storage) => typeOf(kind, storage))).repository as unknown as Repository<never>;
        await repository.insertMany(rows as never);
        const where = () => repository.query().where("field" as never) as unknown as Asked;
        const list = Array.isArray(values[0]) ? (values as unknown[][]) : undefined;
        const found = async (query: Answer): Promise<string[]> => (await query.ids()).sort();
        const idsOf = (test: (value: unknown) => boolean): string[] =>
          rows.filter(({ field }) => test(field)).map(({ id }) => id);
        for (const value of (list?.flat() ?? values) as Operand[]) {
          const same = (other: unknown): boolean => isDeepStrictEqual(other, value);
          const holds = (field: unknown): boolean =>
            list === undefined ? same(field) : (field as unknown[]).some(same);
          expect(await found(list === undefined ? where().eq(value) : where().contains(value))).toEqual(idsOf(holds));
        }
        const [index] = [kind.index ?? []].flat();
        if (list !== undefined || index?.sortable !== true) return;
        const ordered = rows.toSorted(
          (left, right) => order(kind, left.field, right.field) || (left.id < right.id ? -1 : 1),
        );
        const sorted = repository.query().orderBy("field" as never) as unknown as Answer;
        expect(await sorted.ids()).toEqual(ordered.map(({ id }) => id));
        const first = await sorted.limit(4).keyset();
        const rest = await sorted.limit(40).keyset({ after: first.cursor });
        expect([...first.items, ...rest.items]).toEqual(ordered);
        if (index.kind !== "range") return;
        for (const value of values as Operand[]) {
          const than = (field: unknown): number => order(kind, field, value);
          expect(await found(where().gt(value))).toEqual(idsOf((field) => than(field) > 0));
          expect(await found(where().lte(value))).toEqual(idsOf((field) => than(field) <= 0));
        }
      });
    });

    test("the keys of a record are indexed and patched one by one", async () => {
      const { repository } = await open((storage) =>
        defineEntity({
          name: "priced",
          storage,
          schema: z.object({
            id: z.string(),
            prices: z.record(z.enum(["eur", "usd"]), z.number()),
            since: z.partialRecord(z.enum(["eur", "usd"]), z.date()).optional(),
          }),
          index: { "prices.eur": range(), "since.usd": range() },
        }),
      );
      await repository.insert({ id: "1", prices: { eur: 1, usd: 2 }, since: { usd: new Date(5) } });
      await repository.insert({ id: "2", prices: { eur: 3, usd: 1 }, since: {} });
      await repository.insert({ id: "3", prices: { eur: 2, usd: 1 } });
      expect(await repository.query().where("prices.eur").gte(2).orderBy("prices.eur").ids()).toEqual(["3", "2"]);
      expect(await repository.query().where("since.usd").isNull().ids()).toEqual(["2", "3"]);
      await repository.update("1", { "prices.eur": inc(9), "since.usd": unset() });
      await repository.update("2", { "since.usd": new Date(7) });
      expect(await repository.findById("1")).toEqual({ id: "1", prices: { eur: 10, usd: 2 }, since: {} });
      expect(await repository.query().where("prices.eur").gt(5).ids()).toEqual(["1"]);
      expect(await repository.query().where("since.usd").eq(new Date(7)).ids()).toEqual(["2"]);
      await expectFailure(repository.update("1", { "prices.gbp": 1 } as never), "VALIDATION");
      expect((await repository.indexes.verify()).findings).toEqual([]);
    });

    test("custom values and decimals are unique, and grouped not at all", async () => {
      const { repository } = await open((storage) =>
        defineEntity({
          name: "unique",
          storage,
          schema: z.object({ id: z.string(), link, size: decimal(), since: dateAs("iso") }),
          index: { link: exact() },
          unique: { link: ["link"], size: ["size", "since"] },
        }),
      );
      const since = new Date("2024-02-29");
      const one = await repository.insert({ id: "1", link: new URL("http://a.example/"), size: "1.50", since });
      expect(one.size).toBe("1.5");
      const two = { id: "2", link: new URL("http://b.example/"), size: "1.500", since };
      await expectFailure(repository.insert(two), "UNIQUE_VIOLATION");
      await expectFailure(repository.insert({ ...two, size: "2", link: one.link }), "UNIQUE_VIOLATION");
      expect(await repository.findUnique({ link: one.link })).toEqual(one);
      expect(await repository.findUnique({ size: "01.5", since })).toEqual(one);
      await expectFailure(repository.findUnique({ link: "http://a.example/" as never }), "QUERY");
      await expectFailure(repository.findUnique({ size: "one", since }), "QUERY");
      expect(await repository.query({ link: one.link }).ids()).toEqual(["1"]);
      expect(() => repository.query({ link: 5 as never })).toThrow(/expected what its codec encodes/);
      const grouped = repository.query().aggregate() as unknown as {
        groupBy(path: string): { all(): Promise<unknown> };
      };
      await expectFailure(
        Promise.resolve().then(() => grouped.groupBy("link").all()),
        "QUERY",
      );
    });
  },
  // What drivers do differently is tested elsewhere.
  ({ driver }) => driver === "ioredis6",
);

interface Page {
  readonly items: readonly unknown[];
  readonly cursor: string | null;
}
interface Answer {
  readonly ids: () => Promise<string[]>;
  readonly limit: (count: number) => { readonly keyset: (from?: { readonly after: string | null }) => Promise<Page> };
}
type Asked = Record<"eq" | "gt" | "lte" | "contains", (value: Operand) => Answer>;
