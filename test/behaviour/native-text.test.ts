// Text by the search server's own rules: stems, sounds, stop words; on engines without a server refused by name.
// Whatever is asked for stays data, and a type with such a text does everything else on every engine.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, type NativeRules, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { nativeWords } from "../../src/query/native.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix, dump } from "./matrix.ts";

const shoe =
  (rules: NativeRules = {}) =>
  (storage: Storage) =>
    defineEntity({
      name: "shoe",
      storage,
      schema: z.object({
        id: z.string(),
        title: z.string(),
        body: z.string().nullable(),
        maker: z.string().optional(),
        plain: z.string(),
        price: z.number(),
      }),
      index: {
        title: [exact({ sortable: true }), text(), text({ native: rules })],
        body: text({ native: rules }),
        maker: text({ native: { ...rules, noStem: true, phonetic: "en" } }),
        plain: text({ native: { ...rules, noStem: true } }),
        price: range(),
      },
    });

// What looks like the server's language, and what servers change.
const hostile = [
  "*",
  "lam*",
  "a|b",
  "-lamp",
  "~lamp",
  "@title_0:{lamp}",
  "@price_5:[-inf +inf]",
  "x) | (*",
  "$p0",
  "$p0 lamp",
  "%lamp%",
  '"red lamp"',
  "'lamp'",
  "w'*'",
  "=>{$weight: 9}",
  "ismissing(@body)",
  "lamp\\",
  "\\",
  "a\\-b",
  "{lamp}",
  "[1 2]",
  "(1",
  "inf",
  "-inf",
  "3.14",
  "the",
  "new\nline",
  "tab\tbed",
  "\u0001\u0002",
  "🎉 party",
  "éÉ",
  "it's `quoted`",
  " ",
  "lamp; FLUSHALL",
];
const rows = [
  { id: "a", title: " Running shoes", body: "He runs the house", maker: "Smith", price: 10 },
  { id: "b", title: "Jpad\n", body: null, maker: "Smyth's", price: 20 },
  { id: "c", title: "A shoe for the run", body: "", price: 30 },
  { id: "d", title: "\nJpad", body: "horses", maker: "Jones", price: 40 },
].map((row) => ({ ...row, plain: row.title }));
// Words that are their own stems: the server tries the stem of what is asked for everywhere.
const texts = [...hostile, "red lamp a b", "RED the Lamp", "x y", "lam"];

const line = (storage: Storage) =>
  defineEntity({
    name: "line",
    storage,
    schema: z.object({ id: z.string(), body: z.string() }),
    index: { body: text({ native: {} }) },
  });

describeMatrix("native text", ({ open, engine, storage }) => {
  const opened = async (rules?: NativeRules) => {
    const { repository } = await open(shoe(rules));
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    return repository;
  };
  const searches = engine === "search";

  test("is asked by the server's rules, and only where there is a server for them", async () => {
    const shoes = await opened();
    const query = shoes.query().orderBy("price");
    if (!searches) {
      const refused = await expectFailure(query.where("title").matchNative("run").all(), "UNSUPPORTED_QUERY");
      expect(refused.message).toMatch(new RegExp(`^shoe.title: matchNative .* ${engine} engine .* text\\(\\) index`));
      const nested = shoes.query().where((f) => f.or(f("price").lt(5), f.not(f("body").matchNative("run"))));
      await expectFailure(nested.count(), "UNSUPPORTED_QUERY");
      await expectFailure(nested.ids(), "UNSUPPORTED_QUERY");
      await expectFailure(nested.page(), "UNSUPPORTED_QUERY");
      await expectFailure(nested.explain(), "UNSUPPORTED_QUERY");
      await expectFailure(nested.delete(), "UNSUPPORTED_QUERY");
      await expectFailure(nested.facets(["price"]), "UNSUPPORTED_QUERY");
      await expectFailure(nested.keyset(), "UNSUPPORTED_QUERY");
      await expectFailure(
        shoes
          .query({ body: { matchNative: "" } })
          .stream()
          .next(),
        "UNSUPPORTED_QUERY",
      );
      expect(await shoes.count()).toBe(4);
      return;
    }
    const ids = (field: "title" | "body" | "maker" | "plain", words: string): Promise<string[]> =>
      query.where(field).matchNative(words).ids();
    expect(await ids("title", "run")).toEqual(["a", "c"]);
    expect(await ids("title", "SHOES, runs!")).toEqual(["a", "c"]);
    // Of what is asked for the server tries the stem, of these texts it keeps none.
    expect(await ids("plain", "running")).toEqual(["a", "c"]);
    expect(await ids("plain", "run")).toEqual(["c"]);
    expect(await ids("plain", "runs")).toEqual(["c"]);
    expect(await ids("body", "running houses")).toEqual(["a"]);
    expect(await ids("body", "the")).toEqual(["a"]);
    expect(await ids("maker", "smith")).toEqual(["a", "b"]);
    expect(await ids("maker", "smyth s")).toEqual(["b"]);
    // The first of them begins with what a hash stores in another form.
    expect(await ids("title", "jpad")).toEqual(["b", "d"]);
    expect(await ids("title", "running shoes shoes")).toEqual(["a", "c"]);
    expect(await shoes.query({ title: { matchNative: "run" }, price: { gt: 20 } }).ids()).toEqual(["c"]);
    const { conditions, plan } = await query.where("title").matchNative("run").explain();
    expect(conditions).toEqual([{ depth: 0, condition: 'title matchNative "run"', estimate: 2 }]);
    expect(plan.join("\n")).toContain("@title_2:$p0");
  });

  test("is absent, empty, or not what is asked for", async () => {
    const shoes = await opened();
    // On every engine, though no other index of the field tells.
    expect((await shoes.query().where("body").isNull().ids()).sort()).toEqual(["b"]);
    expect((await shoes.query().whereNot("maker").isNull().ids()).sort()).toEqual(["a", "b", "d"]);
    await shoes.save({ ...(rows[1] as (typeof rows)[0]), body: "back" });
    await shoes.save({ ...(rows[3] as (typeof rows)[0]), body: null });
    expect((await shoes.query().where("body").isNull().ids()).sort()).toEqual(["d"]);
    if (!searches) return;
    const query = shoes.query().orderBy("price");
    for (const nothing of ["", " ", "!?", "\u0001"]) {
      // eslint-disable-next-line no-await-in-loop -- one table
      expect(await query.where("body").matchNative(nothing).ids(), JSON.stringify(nothing)).toEqual(["a", "b", "c"]);
    }
    expect(await query.whereNot("body").matchNative("").ids()).toEqual(["d"]);
    expect(await query.whereNot("body").matchNative("runs").ids()).toEqual(["b", "c", "d"]);
    expect(await query.whereNot("body").matchNative("runs house").ids()).toEqual(["b", "c", "d"]);
    const sounds = await expectFailure(query.whereNot("maker").matchNative("smith").ids(), "UNSUPPORTED_QUERY");
    expect(sounds.message).toMatch(
      /^shoe\.maker: no query can name a sound, so that matchNative cannot be turned round/,
    );
    await expectFailure(
      query.where((f) => f.or(f("maker").matchNative("smith"), f.not(f("price").gt(1)))).explain(),
      "UNSUPPORTED_QUERY",
    );
    const both = query.where((f) => f.or(f("maker").matchNative("smith"), f("price").gt(35)));
    expect(await both.ids()).toEqual(["a", "b", "d"]);
    expect(await query.whereNot("maker").matchNative(" ").ids()).toEqual(["c"]);
    expect(await query.whereNot("plain").matchNative("running").ids()).toEqual(["b", "d"]);
    const nested = shoes.query().where((f) => f.or(f("price").gt(30), f.not(f("title").matchNative("runs"))));
    expect(await nested.orderBy("price").ids()).toEqual(["b", "d"]);
    const { plan, roundTrips } = await nested.explain();
    expect(plan[0]).toBe("look up the words of title that are meant");
    expect(roundTrips).toBe(2);
    expect(await query.where("body").matchNative("half \ud800").ids()).toEqual([]);
    expect(await query.where("body").matchNative("nul\u0000").ids()).toEqual([]);
    await expectFailure(
      query
        .where("body")
        .matchNative(undefined as never)
        .ids(),
      "QUERY",
    );
    await expectFailure(
      query
        .where("price" as "body")
        .matchNative("a")
        .ids(),
      "QUERY",
    );
    await expectFailure(
      query
        .where("body")
        .matchNative(["a"] as never)
        .ids(),
      "QUERY",
    );
  });

  test("is kept once, whatever else is remembered", async () => {
    const { repository, raw, namespace } = await open(shoe());
    await repository.insert({
      id: "a",
      title: "a title",
      body: " a body ",
      maker: "its maker",
      plain: "plainly",
      price: 1,
    });
    const snapshot = (await raw("HGET", `${namespace}:{shoe}$s`, "a")) as string | null;
    expect(snapshot).toBe(engine === "scan" ? JSON.stringify(["a title", ["a", "title"], "", "", "", "", "1"]) : null);
    const stored = (await dump(raw, namespace))[`${namespace}:{shoe}:a`] as [Record<string, string> | string, number];
    const document = (typeof stored[0] === "string" ? JSON.parse(stored[0]) : stored[0]) as Record<string, string>;
    expect(document).toMatchObject({ title: "a title", body: " a body " });
    // Only where the field itself is kept safe from trimming.
    const copies = engine === "search" && storage === "hash" ? ["$native.title"] : [];
    expect(Object.keys(document).filter((name) => name.startsWith("$native"))).toEqual(copies);
  });

  test("may be all that there is of an index, and empty", async () => {
    const { repository } = await open(line);
    await repository.insertMany(["", " ", "word"].map((body, at) => ({ id: String(at), body })));
    expect(await repository.count()).toBe(3);
    expect((await repository.query().ids()).sort()).toEqual(["0", "1", "2"]);
    if (!searches) return;
    expect((await repository.query().where("body").matchNative("").ids()).sort()).toEqual(["0", "1", "2"]);
    expect((await repository.query().whereNot("body").matchNative("words").ids()).sort()).toEqual(["0", "1"]);
  });

  test("does not hold what no index can hold", async () => {
    const shoes = await opened();
    const failure = await expectFailure(
      shoes.insert({ title: "x", body: "a\u0000b", plain: "", price: 1 }),
      "VALIDATION",
    );
    expect(failure.message).toMatch(/shoe\.body holds a NUL character/);
  });

  test("takes nothing for language", async () => {
    const { repository } = await open(shoe());
    const found = texts.map((plain, at) => ({ id: `t${at}`, title: "", body: null, plain, price: at }));
    expect((await repository.insertMany(found)).failed).toEqual([]);
    if (!searches) return;
    const wordsOf = (given: string): string[] => nativeWords(given).map((word) => word.toLowerCase());
    const differing = texts.map(async (asked) => {
      const sought = wordsOf(asked);
      const wanted = found.filter(({ plain }) => sought.every((word) => wordsOf(plain).includes(word)));
      const got = await repository.query().where("plain").matchNative(asked).orderBy("price").ids();
      const rest = await repository.query().whereNot("plain").matchNative(asked).count();
      const right = wanted.map(({ id }) => id).join() === got.join() && rest === found.length - got.length;
      return right ? undefined : { asked, got, wanted: wanted.map(({ id }) => id), rest };
    });
    // Servers fold no letter beyond Z.
    expect((await Promise.all(differing)).filter((one) => one !== undefined && one.asked !== "éÉ")).toEqual([]);
  });

  test("goes together with everything else of a query", async () => {
    const shoes = await opened();
    if (!searches) return;
    const run = shoes.query().where("title").matchNative("run");
    expect(await run.where("title").startsWith("A").ids()).toEqual(["c"]);
    expect(await run.where("title").match("shoes").ids()).toEqual(["a"]);
    expect((await run.facets(["price"])).price).toHaveLength(2);
    expect(await run.orderBy("price", "desc").limit(1).page()).toMatchObject({ total: 2, items: [{ id: "c" }] });
    const first = await run.limit(1).keyset();
    expect((await run.limit(1).keyset({ after: first.cursor })).items).toMatchObject([{ id: "c" }]);
    await expectFailure(
      shoes.query().where("title").matchNative("runs").keyset({ after: first.cursor }),
      "INVALID_CURSOR",
    );
    const streamed: string[] = [];
    for await (const { id } of run.stream({ batchSize: 1 })) streamed.push(id);
    expect(streamed).toEqual(["a", "c"]);
    const either = (other: "startsWith" | "match") =>
      shoes.query().where((f) => f.or(f("body").matchNative("horse"), f("title")[other]("Jpad")));
    expect(await either("match").orderBy("price").ids()).toEqual(["b", "d"]);
    const refused = await expectFailure(either("startsWith").ids(), "UNSUPPORTED_QUERY");
    expect(refused.message).toMatch(/shoe\.(body|title): the search engine cannot join/);
    expect(await shoes.query().whereRaw`@body#native:(${"running"} | horse)`.orderBy("price").ids()).toEqual([
      "a",
      "d",
    ]);
    await expectFailure(run.orderByRelevance().all(), "QUERY");
    expect(await run.delete()).toEqual({ matched: 2, changed: 2, conflicts: 0 });
    expect(await shoes.count()).toBe(2);
  });

  test("leaves out stop words, and finds nothing by them alone", async () => {
    const shoes = await opened({ stopWords: ["the", "He", "of"] });
    if (!searches) return;
    const query = shoes.query().orderBy("price");
    expect(await query.where("body").matchNative("THE house").ids()).toEqual(["a"]);
    expect(await query.where("body").matchNative("the of").ids()).toEqual([]);
    expect(await query.whereNot("body").matchNative("he").ids()).toEqual(["a", "b", "c", "d"]);
  });

  test("is indexed anew when its rules change", async () => {
    const { repository, namespace } = await open(shoe());
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    const french = await open(shoe({ language: "french" }), { namespace, synced: false });
    await expectFailure(french.repository.query().where("price").gt(0).ids(), "INDEX_NOT_READY");
    await french.repository.indexes.sync();
    await expectFailure(repository.query().where("price").gt(0).ids(), "INDEX_NOT_READY");
    expect(await french.repository.query().where("price").gt(0).count()).toBe(4);
    expect(await french.repository.query().where("title").eq(" Running shoes").ids()).toEqual(["a"]);
    if (!searches) return;
    // What is no word of that language has another stem.
    expect(await french.repository.query().where("title").matchNative("run").ids()).toEqual(["c"]);
    expect(await french.repository.query().where("title").matchNative("running").ids()).toEqual(["a"]);
  });
});
