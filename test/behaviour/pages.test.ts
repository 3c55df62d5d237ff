// Pages by place: exact in every order, while others write, and from cursors that come from anywhere.
// The expected orders are sorted here, by bytes and numbers, with nothing of the library's own comparison.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, type EntityOf, exact, type IndexesOf, type KeysetPage, type Query, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { encodeId } from "../../src/schema/key.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const leaf = (storage: Storage) =>
  defineEntity({
    name: "leaf",
    storage,
    schema: z.object({
      id: z.string(),
      word: z.string().nullable(),
      name: z.string(),
      size: z.number().nullable(),
      when: z.date().optional(),
      big: z.bigint().optional(),
      live: z.boolean(),
    }),
    index: {
      word: exact({ sortable: true }),
      name: range(),
      size: range(),
      when: range(),
      big: range(),
      live: exact(),
    },
  });

type Leaf = ReturnType<typeof leaf>;
type Entity = EntityOf<Leaf>;
type Chain = Query<Entity, IndexesOf<Leaf>>;
type Field = "word" | "name" | "size" | "when" | "big";
type Direction = "asc" | "desc";

const fields: readonly Field[] = ["word", "name", "size", "when", "big"];
const directions: readonly Direction[] = ["asc", "desc"];
// What servers trim, split, escape or compare otherwise; several of them twice, so that there are ties.
const hostile = [
  "",
  " ",
  " a",
  "a ",
  "a\n",
  "\u0001",
  "\u0001a",
  "\u0002",
  "\u0002A",
  "a\\",
  "\\",
  "\\ ",
  '"',
  "'",
  '\\"',
  "a|b",
  "{$p0}",
  "%s",
  "é",
  "\uffee",
  "🎉",
  "\u{10ffff}",
];
const numbers = [0, -1.5, 0.1, 1 / 3, 1e21, 5e-324, -1e308, 2 ** 53 - 1];

function entity(at: number): Entity {
  const word = hostile[at % hostile.length] as string;
  return {
    id: at % 7 === 0 ? `i:${at} %` : `i${String(at).padStart(3, "0")}`,
    word: at % 4 === 0 ? null : word,
    name: hostile[(at * 5) % hostile.length] as string,
    size: at % 5 === 0 ? null : (numbers[at % numbers.length] as number),
    ...(at % 3 === 0 ? {} : { when: new Date((at % 6) * 1000 - 2000) }),
    ...(at % 6 === 0 ? {} : { big: BigInt(at % 9) ** 40n * (at % 2 === 0 ? 1n : -1n) }),
    live: at % 2 === 0,
  };
}

const entities = Array.from({ length: 45 }, (_, at) => entity(at));

const bytes = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right));

/** The ids in the order that pages promise. */
function inOrder(rows: readonly Entity[], field?: Field, direction: Direction = "asc"): string[] {
  const sign = direction === "asc" ? 1 : -1;
  const compare = (left: Entity, right: Entity): number => {
    const ids = bytes(encodeId(left.id, "leaf"), encodeId(right.id, "leaf")) * sign;
    if (field === undefined) return ids;
    const [a, b] = [left[field] ?? undefined, right[field] ?? undefined];
    if (a === undefined || b === undefined) return a === b ? ids : a === undefined ? 1 : -1;
    const order = typeof a === "string" ? bytes(a, b as string) : a < b ? -1 : a > b ? 1 : 0;
    return order === 0 ? ids : order * sign;
  };
  return rows.toSorted(compare).map(({ id }) => id);
}

/** Every page of a query, with something done between each two. */
async function pagesOf(query: Chain, between: () => Promise<void> = () => Promise.resolve()): Promise<Entity[][]> {
  const pages: Entity[][] = [];
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page: KeysetPage<Entity> = await query.keyset({ after: cursor });
    pages.push(page.items);
    cursor = page.cursor;
    await between();
  }
  return pages;
}

const idsOf = (pages: readonly (readonly Entity[])[]): string[] => pages.flat().map(({ id }) => id);

/** A cursor with its parts changed. */
function forged(cursor: string, change: (parts: unknown[]) => unknown): string {
  const parts = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
  return Buffer.from(JSON.stringify(change(parts))).toString("base64url");
}

describeMatrix("keyset pages", ({ open }) => {
  const filled = async () => {
    const opened = await open(leaf);
    expect((await opened.repository.insertMany(entities)).failed).toEqual([]);
    return opened;
  };

  test("hold everything once, in every order", async () => {
    const { repository } = await filled();
    for (const field of fields) {
      for (const direction of directions) {
        const ordered = repository.query().orderBy(field, direction);
        const pages = await pagesOf(ordered.limit(7));
        expect(idsOf(pages), `${field} ${direction}`).toEqual(inOrder(entities, field, direction));
        expect(pages.slice(0, -1).every(({ length }) => length === 7)).toBe(true);
        const live = entities.filter((each) => each.live);
        const narrowed = await pagesOf(ordered.where("live").eq(true).limit(4));
        expect(idsOf(narrowed), `${field} ${direction}`).toEqual(inOrder(live, field, direction));
      }
    }
  });

  test("go by id without an order", async () => {
    const { repository } = await filled();
    expect(idsOf(await pagesOf(repository.query().limit(8)))).toEqual(inOrder(entities));
    const some = entities.filter(({ size }) => size !== null && size >= 0);
    expect(idsOf(await pagesOf(repository.query().where("size").gte(0).limit(3)))).toEqual(inOrder(some));
    const parts = entities.filter(({ name }) => bytes(name, "a") >= 0);
    expect(idsOf(await pagesOf(repository.query().where("name").gte("a").limit(3)))).toEqual(inOrder(parts));
  });

  test("stay within a range on the field they are ordered by", async () => {
    const { repository } = await filled();
    for (const direction of directions) {
      const sized = entities.filter(({ size }) => size !== null && size >= 0 && size < 1);
      const query = repository.query().where("size").gte(0).where("size").lt(1).orderBy("size", direction);
      expect(idsOf(await pagesOf(query.limit(2)))).toEqual(inOrder(sized, "size", direction));
      const named = entities.filter(({ name }) => name.startsWith("a"));
      const begun = repository.query().where("name").startsWith("a").orderBy("name", direction);
      expect(idsOf(await pagesOf(begun.limit(2)))).toEqual(inOrder(named, "name", direction));
    }
  });

  test("end with null, and have 100 entities when nothing is said", async () => {
    const { repository } = await open(leaf);
    expect(await repository.query().keyset()).toEqual({ items: [], cursor: null });
    await repository.insertMany(
      Array.from({ length: 101 }, (_, at) => ({ ...entity(1), id: String(at).padStart(3, "0") })),
    );
    const first = await repository.query().orderBy("size").keyset();
    expect([first.items.length, first.cursor === null]).toEqual([100, false]);
    expect(await repository.query().orderBy("size").keyset({ after: first.cursor })).toEqual({
      items: [{ ...entity(1), id: "100" }],
      cursor: null,
    });
    // A full last page cannot know that it is the last one.
    const full = await repository.query().limit(101).keyset();
    expect(await repository.query().limit(101).keyset({ after: full.cursor })).toEqual({ items: [], cursor: null });
  });

  test("neither skip nor repeat what others leave alone", async () => {
    for (const [field, direction] of [
      [undefined, "asc"],
      ["size", "asc"],
      ["when", "desc"],
      ["word", "asc"],
      ["big", "desc"],
    ] as const) {
      const { repository } = await filled();
      const [calm, busy] = [entities.filter((_, at) => at % 3 > 0), entities.filter((_, at) => at % 3 === 0)];
      let turn = 0;
      const query = field === undefined ? repository.query() : repository.query().orderBy(field, direction);
      const pages = await pagesOf(query.limit(4), async () => {
        turn += 1;
        const [gone, moved] = [busy[turn % busy.length] as Entity, busy[(turn * 5 + 2) % busy.length] as Entity];
        await repository.delete(gone.id);
        // To other places, before and behind the one that was reached.
        await repository.save({ ...entity(turn * 11), id: moved.id });
        await repository.insertMany([
          { ...entity(turn), id: `a${turn}` },
          { ...entity(turn + 20), id: `z${turn}` },
        ]);
        // What is inserted behind every page would keep the pages coming.
        if (turn > 30) await repository.delete(`z${turn}`);
      });
      const known = new Set(calm.map(({ id }) => id));
      expect(
        idsOf(pages).filter((id) => known.has(id)),
        field ?? "by id",
      ).toEqual(inOrder(calm, field, direction));
    }
  });

  test("go on behind an entity that was deleted, or moved", async () => {
    const { repository } = await filled();
    for (const field of fields) {
      const query = repository.query().orderBy(field).limit(5);
      const order = inOrder(entities, field);
      const { cursor } = await query.keyset();
      const last = entities.find(({ id }) => id === order[4]) as Entity;
      await repository.delete(last.id);
      expect(idsOf([(await query.keyset({ after: cursor })).items]), field).toEqual(order.slice(5, 10));
      await repository.insert({ id: last.id, word: null, name: "\u{10ffff}\u{10ffff}", size: null, live: true });
      expect(idsOf([(await query.keyset({ after: cursor })).items]), field).toEqual(order.slice(5, 10));
      await repository.save(last);
      // Among those without a value as well, which are the last.
      const tail = await query.limit(order.length - 2).keyset();
      await repository.delete(order.at(-3) as string);
      expect(idsOf([(await query.keyset({ after: tail.cursor })).items]), field).toEqual(order.slice(-2));
      await repository.insert(entities.find(({ id }) => id === order.at(-3)) as Entity);
    }
  });

  test("go on where documents vanished behind our back", async () => {
    const { repository, raw } = await open(leaf);
    // More than a server reads at once, so that some are found gone only later.
    const many = Array.from({ length: 430 }, (_, at) => ({ ...entity(3), id: `v${1000 + at}`, size: at }));
    // And enough of others, for a condition to be worth listing.
    const others = Array.from({ length: 500 }, (_, at) => ({ ...entity(2), id: `w${at}`, size: at }));
    expect((await repository.insertMany([...many, ...others])).failed).toEqual([]);
    const gone = many.filter((_, at) => (at > 250 && at % 20 === 0) || at >= 400).map(({ id }) => id);
    await raw("UNLINK", ...gone.map((id) => repository.key(id)));
    const left = many.map(({ id }) => id).filter((id) => !gone.includes(id));
    const query = repository.query().where("live").eq(false).orderBy("size");
    expect(idsOf(await pagesOf(query.limit(300)))).toEqual(left);
    expect(idsOf(await pagesOf(repository.query().where("live").eq(false).limit(390)))).toEqual(left);
  });

  test("take no cursor that is not theirs", async () => {
    const { repository } = await filled();
    const query = repository.query().where("live").eq(true).orderBy("size").limit(3);
    const cursor = (await query.keyset()).cursor as string;
    const others = [
      query.where("size").gt(0),
      query.orderBy("when"),
      repository.query().where("live").eq(true),
      repository.query().where("live").eq(true).orderBy("size", "desc"),
      repository.query().where("live").eq(true).orderBy("word"),
      repository.query().where("live").eq(false).orderBy("size"),
    ];
    for (const other of others) {
      expect(await expectFailure(other.keyset({ after: cursor }), "INVALID_CURSOR")).toMatchObject({ entity: "leaf" });
    }
    const wrong: readonly unknown[] = [
      "",
      "?",
      "null",
      "[]",
      "e30",
      "W10",
      "\u0000",
      "x".repeat(100_000),
      42,
      true,
      {},
      [cursor],
      cursor.slice(1),
      ...Array.from({ length: 12 }, (_, at) => cursor.slice(0, -1 - at * 3)),
      forged(cursor, () => "text"),
      forged(cursor, () => []),
      forged(cursor, ([_version, ...rest]) => [2, ...rest]),
      forged(cursor, ([_version, ...rest]) => ["1", ...rest]),
      forged(cursor, ([version, _print, ...rest]) => [version, "AAAAAAAAAAA", ...rest]),
      forged(cursor, ([version, print]) => [version, print]),
      forged(cursor, ([version, print, id]) => [version, print, id]),
      forged(cursor, (parts) => [...parts, "1"]),
      ...["", 5, null, {}, ["a"], "a\u0000b", "\ud800", "x".repeat(100_000)].map((id) =>
        forged(cursor, ([version, print, _id, ...terms]) => [version, print, id, ...terms]),
      ),
      ...[
        "",
        "x",
        "nan",
        "inf",
        "Infinity",
        "1e400",
        "0x10",
        "0b1",
        " 1",
        "1 ",
        "+1",
        "1_0",
        "\u0000",
        5,
        true,
        {},
      ].map((term) => forged(cursor, ([version, print, id]) => [version, print, id, term])),
    ];
    for (const after of wrong) {
      const outcome = query.keyset({ after: after as string }).catch((error: unknown) => error);
      expect(await outcome, String(after).slice(0, 99)).toMatchObject({
        code: "INVALID_CURSOR",
        entity: "leaf",
      });
    }
    const named = repository.query().orderBy("name").limit(3);
    const place = (await named.keyset()).cursor as string;
    for (const term of [null, "a\u0000", "\ud800", 5]) {
      const after = forged(place, ([version, print, id]) => [version, print, id, term]);
      expect(await expectFailure(named.keyset({ after }), "INVALID_CURSOR")).toMatchObject({ entity: "leaf" });
    }
  });

  test("take a place where nothing stands, whatever it is called", async () => {
    const { repository } = await filled();
    const query = repository.query().orderBy("name").limit(99);
    const cursor = (await query.limit(1).keyset()).cursor as string;
    for (const text of hostile) {
      const after = forged(cursor, ([version, print]) => [version, print, encodeId(`a${text}`, "leaf"), text]);
      const behind = entities.filter(({ name }) => bytes(name, text) >= 0);
      expect(idsOf([(await query.keyset({ after })).items]), text).toEqual(inOrder(behind, "name"));
    }
  });

  test("have a limit from 1 and no offset", async () => {
    const { repository } = await open(leaf);
    for (const query of [
      repository.query().limit(0),
      repository.query().offset(1),
      repository.query().limit(-1),
      repository.query().limit(1.5),
    ]) {
      expect(await expectFailure(query.keyset(), "QUERY")).toMatchObject({ entity: "leaf" });
    }
  });
});
