// An entity with an index of each kind that takes text or numbers, and what it means that a text is taken literally.
// For the tables of hostile inputs.
import { z } from "zod";
import { expect } from "vitest";

import { defineEntity, exact, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import type { Check } from "./hostile.ts";

export const thing = (storage: Storage) =>
  defineEntity({
    name: "thing",
    storage,
    schema: z.object({
      id: z.string(),
      word: z.string().default(""),
      tags: z.array(z.string()).default([]),
      note: z.string().default(""),
      size: z.number().nullable().default(null),
      big: z.bigint().optional(),
      tenant: z.string().default("a"),
      list: z.array(z.number()).default([]),
    }),
    index: {
      word: exact({ sortable: true }),
      tags: exact(),
      note: text({ phrase: true }),
      size: range(),
      big: range(),
      tenant: exact(),
    },
  });

/** The ids of what matches, in the order of ids. */
export async function sorted(query: { ids(): Promise<string[]> }): Promise<string[]> {
  return (await query.ids()).toSorted();
}

/** The text equals itself only: others that a language would take it for are not found. */
export const literal =
  (input: string, ...others: string[]): Check =>
  async ({ open }) => {
    const { repository } = await open(thing);
    const strangers = others.map((word, at) => ({ id: `other ${at}`, word, tags: [word, `${word}!`], tenant: "b" }));
    expect((await repository.insertMany(strangers)).failed).toEqual([]);
    const query = () => repository.query();
    const queries = [
      query().where("word").eq(input),
      query().where("word").in([input]),
      query().where("tags").contains(input),
      query().where("tags").containsAll([input]),
      repository.query({ word: input, tags: { containsAny: [input] } }),
    ];
    for (const each of queries) expect([await each.count(), await each.ids()]).toEqual([0, []]);
    const own = await repository.insert({ id: "own", word: input, tags: [input] });
    for (const each of queries) expect([await each.count(), await each.all()]).toEqual([1, [own]]);
    const ids = strangers.map(({ id }) => id);
    expect(await sorted(query().where("word").ne(input))).toEqual(ids);
    expect(await sorted(query().whereNot("tags").contains(input))).toEqual(ids);
    expect(await query().where("word").eq(input).where("tenant").eq("b").ids()).toEqual([]);
  };
