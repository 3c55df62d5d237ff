// Conditions in the search server's own language: fields by path, values apart; other engines refuse them by name.
// Values that look like the language stay values.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, geo, geoPoint, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const hostile = `a|b} @n:[0 1] $p0 ' " \\ -* {`;
const book = (storage: Storage) =>
  defineEntity({
    name: "book",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      folded: z.string(),
      n: z.number().nullable(),
      day: z.date(),
      big: z.bigint(),
      yes: z.boolean(),
      deep: z.object({ tags: z.array(z.string()) }),
      at: geoPoint(),
    }),
    index: {
      title: [text(), exact({ sortable: true })],
      folded: exact({ caseInsensitive: true }),
      n: range(),
      day: range(),
      big: exact(),
      yes: exact(),
      "deep.tags": exact(),
      at: geo(),
    },
    ttl: {},
  });
const rows = [
  { id: "a", title: "Star Wars", folded: "ABC", n: 1.5, tags: ["x", hostile] },
  { id: "b", title: hostile, folded: "b", n: null, tags: [" x "] },
  { id: "c", title: "Starlight", folded: "c", n: -2, tags: [] },
].map(({ tags, ...row }, at) => ({
  ...row,
  deep: { tags },
  day: new Date(Date.UTC(2024, at)),
  big: BigInt(at),
  yes: at === 0,
  at: { longitude: at, latitude: 0 },
}));

describeMatrix("raw conditions", ({ open, engine }) => {
  const opened = async () => {
    const { repository } = await open(book);
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    return repository;
  };

  test("mean what the server says, on the search engine only", async () => {
    const books = await opened();
    const query = books.query().orderBy("title");
    if (engine !== "search") {
      const refused = await expectFailure(query.whereRaw`@n:[${1} +inf]`.all(), "UNSUPPORTED_QUERY");
      expect(refused.message).toMatch(new RegExp(`book: whereRaw .* ${engine} engine`));
      await expectFailure(query.whereRaw`@n:[${1} +inf]`.count(), "UNSUPPORTED_QUERY");
      await expectFailure(query.whereRaw`@n:[${1} +inf]`.explain(), "UNSUPPORTED_QUERY");
      await expectFailure(query.whereRaw`@n:[${1} +inf]`.facets(["yes"]), "UNSUPPORTED_QUERY");
      return;
    }
    expect(await query.whereRaw`@n:[${-2} (${1.5}]`.ids()).toEqual(["c"]);
    expect(await query.whereRaw`@n:[-inf ${Infinity}]`.count()).toBe(2);
    expect(await query.whereRaw`@title#text:{${"STAR"}}`.ids()).toEqual(["a"]);
    expect(await query.whereRaw`@title#text:{star*}`.count()).toBe(2);
    expect(await query.whereRaw`@title#exact:{${"Star Wars"} | ${hostile}}`.ids()).toEqual(
      ["a", "b"].toSorted((x) => (x === "a" ? -1 : 1)),
    );
    expect(await query.whereRaw`@deep.tags:{${hostile}}`.ids()).toEqual(["a"]);
    expect(await query.whereRaw`@deep.tags:{${" x "}}`.ids()).toEqual(["b"]);
    expect(await query.whereRaw`@folded:{${"aBc"}}`.ids()).toEqual(["a"]);
    expect(await query.whereRaw`@day:[${new Date(Date.UTC(2024, 1))} inf]`.count()).toBe(2);
    expect(await query.whereRaw`@big:{${2n}} @yes:{${false}}`.ids()).toEqual(["c"]);
    expect(await query.whereRaw`@at:[${1} ${0} ${10} km]`.ids()).toEqual(["b"]);
    expect(await query.whereRaw`-@yes:{${true}}`.where("n").lt(0).ids()).toEqual(["c"]);
    expect(await query.whereRaw`@yes:{${true}}`.whereRaw`@n:[2 5]`.ids()).toEqual([]);
    // With everything else that a query can do.
    const both = books.query().whereRaw`@n:[-inf +inf]`;
    expect(await both.page()).toMatchObject({ total: 2 });
    expect((await both.facets(["yes"])).yes).toHaveLength(2);
    expect(
      await both
        .aggregate()
        .reduce((of) => ({ sum: of.sum("n") }))
        .all(),
    ).toEqual([{ sum: -0.5 }]);
    expect(await both.orderByDistance("at", { longitude: 5, latitude: 0 }).ids()).toEqual(["c", "a"]);
    const first = await both.limit(1).keyset();
    expect(first.items).toMatchObject([{ id: "a" }]);
    expect((await both.limit(1).keyset({ after: first.cursor })).items).toMatchObject([{ id: "c" }]);
    await expectFailure(books.query().whereRaw`@n:[0 9]`.keyset({ after: first.cursor }), "INVALID_CURSOR");
    const streamed: string[] = [];
    for await (const { id } of both.stream({ batchSize: 1 })) streamed.push(id);
    expect(streamed).toEqual(["a", "c"]);
    const { query: inWords, commands } = await both.explain();
    expect(inWords).toMatch(/raw @n:\[-inf \+inf\]/);
    expect(commands.flat().join(" ")).toContain("@n_");
    expect(await both.delete()).toEqual({ matched: 2, changed: 2, conflicts: 0 });
  });

  test("what makes no sense is refused by name", async () => {
    const books = await opened();
    const loose = books.query() as never as { whereRaw(...args: unknown[]): { all(): Promise<unknown> } };
    expect(() => loose.whereRaw("@n:[0 1]")).toThrow(/is a template/);
    expect(() => loose.whereRaw(["@n:[0 1]"])).toThrow(/is a template/);
    expect(() => loose.whereRaw`@n:[${null} 1]`).toThrow(/not null/);
    expect(() => loose.whereRaw`@n:[${{ a: 1 }} 1]`).toThrow(/not object/);
    expect(() => loose.whereRaw`@n:[${Number.NaN} 1]`).toThrow(/NaN/);
    expect(() => loose.whereRaw`@day:[${new Date("x")} 1]`).toThrow(/invalid date/);
    if (engine !== "search") return;
    const refused = async (work: Promise<unknown>, reason: RegExp) =>
      expect((await expectFailure(work, "QUERY")).message).toMatch(reason);
    await refused(loose.whereRaw`@nope:{x}`.all(), /names @nope.*indexed are title/);
    await refused(loose.whereRaw`@title:[0 1]`.all(), /names @title of numbers/);
    await refused(loose.whereRaw`@n:{1}`.all(), /names @n,/);
    await refused(loose.whereRaw`@title#geo:{1}`.all(), /names @title#geo/);
    await refused(loose.whereRaw`@n:[`.all(), /cannot read what whereRaw says/);
    await refused(loose.whereRaw`@n:[1 2] ) |`.all(), /cannot read what whereRaw says/);
    await refused(loose.whereRaw`${"x"}`.all(), /no field stands before/);
  });
});
