// Order by relevance and marked texts: the same on every engine and storage.
// Expected orders follow from rareness, number, length and weight, one at a time.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const page = (storage: Storage) =>
  defineEntity({
    name: "page",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      body: z.string().nullable(),
      kind: z.string(),
      deep: z.object({ note: z.string() }).optional(),
    }),
    index: {
      title: text({ weight: 3 }),
      body: text({ phrase: true }),
      kind: exact(),
      "deep.note": text(),
    },
  });

const rows = [
  { id: "a", title: "common word", body: "one two three four five six seven common", kind: "x" },
  { id: "b", title: "other word", body: "common", kind: "x" },
  { id: "c", title: "other word", body: "rare common", kind: "y" },
  { id: "d", title: "rare", body: "common common common filler", kind: "y" },
  { id: "e", title: "nothing", body: null, kind: "x", deep: { note: "rare & <b>" } },
  { id: "f", title: "else", body: "common", kind: "x" },
];

describeMatrix("relevance", ({ open }) => {
  const opened = async () => {
    const { repository } = await open(page);
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    return repository;
  };

  test("short texts, words that come often, rare words and weights come first", async () => {
    const pages = await opened();
    const ranked = (query: ReturnType<typeof pages.query>) => query.orderByRelevance().ids();
    // One word: in the shortest text it weighs most; ties by id.
    expect(await ranked(pages.query().where("body").match("common"))).toEqual(["b", "f", "d", "c", "a"]);
    // The rare word decides over the common one.
    expect(await ranked(pages.query().where((q) => q.or(q("body").match("common"), q("body").match("rare"))))).toEqual([
      "c",
      "b",
      "f",
      "d",
      "a",
    ]);
    // The title weighs three times as much.
    expect(await ranked(pages.query().search("rare"))).toEqual(["d", "c", "e"]);
    expect(await ranked(pages.query().where("body").fuzzy("comon"))).toEqual(["b", "f", "d", "c", "a"]);
    expect(await ranked(pages.query().where("body").matchPrefix("comm"))).toEqual(["b", "f", "d", "c", "a"]);
    expect(await ranked(pages.query().where("body").phrase("rare common"))).toEqual(["c"]);
    // What must not be there ranks nothing, but decides what matches.
    expect(
      await ranked(pages.query().where("body").match("common").whereNot("body").match("rare").where("kind").eq("x")),
    ).toEqual(["b", "f", "a"]);
  });

  test("windows, pages and other terminals", async () => {
    const pages = await opened();
    const query = pages.query().where("body").match("common").orderByRelevance();
    expect(await query.limit(2).offset(1).ids()).toEqual(["f", "d"]);
    expect(await query.limit(1).page()).toEqual({ items: [rows[1]], total: 5 });
    expect(await query.first()).toEqual(rows[1]);
    expect(await query.select("title").limit(2).all()).toEqual([{ title: "other word" }, { title: "else" }]);
    expect(await query.count()).toBe(5);
    expect(await query.where("kind").eq("none").all()).toEqual([]);
    const { plan, query: inWords } = await query.explain();
    expect(plan.at(-1)).toMatch(/sort by relevance/);
    expect(inWords).toMatch(/order by relevance/);
  });

  test("texts are marked beside the entity", async () => {
    const pages = await opened();
    const found = pages.query().search("rare").orderByRelevance().highlight(["title", "body", "deep.note"]);
    expect(await found.limit(2).all()).toEqual([
      {
        ...rows[3],
        highlights: { title: "<mark>rare</mark>", body: "common common common filler", "deep.note": null },
      },
      { ...rows[2], highlights: { title: "other word", body: "<mark>rare</mark> common", "deep.note": null } },
    ]);
    const plain = pages.query().search("rare").highlight(["deep.note"], { open: "*", close: "*", escape: false });
    expect(await plain.select("id").where("kind").eq("x").all()).toEqual([
      { id: "e", highlights: { "deep.note": "*rare* & <b>" } },
    ]);
    const { items } = await pages.query().search("rare").highlight(["deep.note"]).where("kind").eq("x").keyset();
    expect(items[0]?.highlights).toEqual({ "deep.note": "<mark>rare</mark> &amp; &lt;b&gt;" });
  });

  test("what makes no sense is refused by name", async () => {
    const pages = await opened();
    const refused = async (work: Promise<unknown>, reason: RegExp) =>
      expect((await expectFailure(work, "QUERY")).message).toMatch(reason);
    const query = pages.query().where("body").match("common").orderByRelevance();
    await refused(pages.query().orderByRelevance().all(), /needs words/);
    await refused(pages.query().whereNot("body").match("common").orderByRelevance().ids(), /needs words/);
    await refused(query.keyset(), /keyset takes no orderByRelevance/);
    await refused(query.stream().next(), /stream takes no orderByRelevance/);
    await refused(query.limit(1).delete(), /delete takes no orderByRelevance/);
    await refused(query.aggregate().groupBy("kind").all(), /no limit, offset, order/);
    const loose = query as never as Record<string, (...args: unknown[]) => typeof query>;
    await refused(loose["orderBy"]?.("kind").all() as Promise<unknown>, /ordered by|stands alone/);
    await refused(loose["highlight"]?.(["kind"]).all() as Promise<unknown>, /no words to highlight/);
    await refused(loose["highlight"]?.([]).all() as Promise<unknown>, /at least one/);
    await refused(loose["highlight"]?.(["body"], { open: 5 }).all() as Promise<unknown>, /are texts/);
  });
});
