// Conditions on lists, words and unsorted fields, joined by OR to what a search query cannot say.
// Hashes are answered on every engine; what the search engine cannot say of JSON documents it refuses by name.
import { expect, test } from "vitest";
import { z } from "zod";

import { type ConditionOf, conditions, defineEntity, exact, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const song = (storage: Storage) =>
  defineEntity({
    name: "song",
    storage,
    schema: z.object({
      id: z.string(),
      code: z.string(),
      kind: z.string().nullable(),
      folded: z.string(),
      live: z.boolean(),
      serial: z.bigint(),
      tags: z.array(z.string()).nullable(),
      body: z.string(),
    }),
    index: {
      code: range(),
      kind: exact(),
      folded: exact({ caseInsensitive: true }),
      live: exact(),
      serial: exact(),
      tags: exact(),
      body: text(),
    },
  });
// What stands between the values of a list, what escapes, and what filters read as their own.
const hostile = [
  "\u0001",
  "\u0002",
  "a\u0001b",
  " pad ",
  '"',
  "\\",
  "%s",
  "a,b",
  "",
  'x") || ("1"=="1',
  "\n",
  "$absent",
];
const rows = hostile.map((value, at) => ({
  id: String.fromCharCode(97 + at),
  code: `c${at}`,
  kind: at % 4 === 0 ? null : value,
  folded: value.toUpperCase(),
  live: at % 3 === 0,
  serial: BigInt(at) - 3n,
  tags: at % 5 === 0 ? null : at % 5 === 1 ? [] : [value, "common"],
  body: at % 2 === 0 ? "one two" : "",
}));

type Row = (typeof rows)[0];

describeMatrix("conditions joined by OR", ({ open, engine, storage }) => {
  const answers = engine !== "search" || storage === "hash";
  const opened = async () => {
    const { repository } = await open(song);
    expect((await repository.insertMany(rows)).failed).toEqual([]);
    return repository;
  };
  const idsOf = (holds: (row: Row) => boolean): string[] => rows.filter(holds).map(({ id }) => id);

  const f = conditions(song("hash"));
  const one = f("code").startsWith("c1");
  const isOne = ({ code }: Row): boolean => code.startsWith("c1");

  const cases: (readonly [string, ConditionOf<ReturnType<typeof song>>, (row: Row) => boolean])[] = [
    ...hostile
      .concat("common", "comm", "absent")
      .flatMap((value) => [
        [
          `tags ${value}`,
          f.or(one, f("tags").contains(value)),
          (row: Row) => isOne(row) || row.tags?.includes(value) === true,
        ] as const,
        [
          `kind ${value}`,
          f.or(one, f.and(f("kind").eq(value), f("live").eq(false))),
          (row: Row) => isOne(row) || (row.kind === value && !row.live),
        ] as const,
        [
          `folded ${value}`,
          f.or(one, f("folded").eq(value)),
          (row: Row) => isOne(row) || row.folded === value.toUpperCase(),
        ] as const,
      ]),
    ["serial", f.or(one, f("serial").in([-3n, 2n])), (row) => isOne(row) || [-3n, 2n].includes(row.serial)],
    ["no kind", f.or(one, f("kind").isNull()), (row) => isOne(row) || row.kind === null],
    ["no tags", f.or(one, f("tags").isNull()), (row) => isOne(row) || row.tags === null],
    ["no list is no empty list", f.or(one, f("tags").containsAll([])), (row) => isOne(row) || row.tags !== null],
    ["words", f.or(one, f("body").match("two one")), (row) => isOne(row) || row.body !== ""],
    ["a beginning", f.or(one, f("body").matchPrefix("tw")), (row) => isOne(row) || row.body !== ""],
  ];

  test("hold where one of them does", { timeout: 60_000 }, async () => {
    const songs = await opened();
    for (const [name, condition, holds] of cases) {
      const query = songs.query().where(condition).orderBy("code");
      if (!answers) {
        // eslint-disable-next-line no-await-in-loop -- one table
        const { message } = await expectFailure(query.ids(), "UNSUPPORTED_QUERY");
        expect(message, name).toMatch(/^song\.\w+: the search engine cannot join this condition \((terms|absent)\)/);
        continue;
      }
      // eslint-disable-next-line no-await-in-loop
      expect((await query.ids()).toSorted(), name).toEqual(idsOf(holds));
      // eslint-disable-next-line no-await-in-loop
      expect(await query.count(), name).toBe(idsOf(holds).length);
      const turned = songs.query().where(f.not(condition));
      // eslint-disable-next-line no-await-in-loop
      expect((await turned.ids()).toSorted(), name).toEqual(idsOf((row) => !holds(row)));
      // eslint-disable-next-line no-await-in-loop
      const items = (await query.all()).toSorted((left, right) => (left.id < right.id ? -1 : 1));
      expect(items, name).toEqual(rows.filter(holds));
    }
  });

  test("are as many as a filter looks for", async () => {
    const songs = await opened();
    const values = (count: number): string[] => Array.from({ length: count }, (_, at) => `v${at}`);
    const query = (count: number) => songs.query().where(f.or(one, f("tags").containsAny(values(count))));
    if (answers) expect((await query(100).ids()).toSorted()).toEqual(idsOf(isOne));
    if (engine !== "search") expect((await query(101).ids()).toSorted()).toEqual(idsOf(isOne));
    else await expectFailure(query(101).ids(), "UNSUPPORTED_QUERY");
  });
});
