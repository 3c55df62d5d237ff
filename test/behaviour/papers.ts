// An entity with a version, a lifetime and fields of many kinds, two of them stored, and what it means that an input is refused.
// For the tables of hostile values and documents.
import { z } from "zod";
import { expect } from "vitest";

import { bytes, defineEntity, exact, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectRefusal } from "./failures.ts";
import type { Check } from "./hostile.ts";
import type { Bench, Opened } from "./matrix.ts";

export const paper = (storage: Storage) =>
  defineEntity({
    name: "paper",
    storage,
    schema: z.object({
      id: z.string(),
      name: z.string(),
      folded: z.string().default(""),
      age: z.number().nullable().default(null),
      born: z.date().optional(),
      nick: z.string().optional(),
      plain: z.string().default(""),
      blob: bytes().optional(),
      tags: z.array(z.string()).default([]),
      free: z.record(z.string(), z.unknown()).default({}),
      version: z.int(),
    }),
    index: {
      name: exact({ sortable: true }),
      folded: exact({ caseInsensitive: true }),
      age: range(),
      born: range(),
      tags: exact(),
    },
    version: "version",
    ttl: {},
  });
export type Papers = Opened<ReturnType<typeof paper>>;

/** Opens a repository with the entities a and b. */
export async function two({ open }: Bench, options: Parameters<Bench["open"]>[1] = {}): Promise<Papers> {
  const opened = await open(paper, options);
  const { failed } = await opened.repository.insertMany(["a", "b"].map((id) => ({ id, name: `name ${id}` })));
  expect(failed).toEqual([]);
  return opened;
}

/** The inputs are refused by every write, with the field, and nothing is changed. */
export const refused =
  (field: string, ...inputs: readonly Record<string, unknown>[]): Check =>
  async (bench) => {
    const opened = await two(bench);
    const { repository } = opened;
    for (const bad of inputs) {
      const input = bad as Partial<{ name: string }>;
      const works = [
        () => repository.insert({ id: "c", name: "c", ...input }),
        () => repository.save({ id: "a", name: "a", version: 1, ...input }),
        () => repository.update("a", input),
        () => repository.modify("a", (row) => ({ ...row, ...input })),
        () => repository.query().where("name").eq("name a").update(input),
      ];
      for (const work of works) {
        expect(await expectRefusal(opened, work, "VALIDATION")).toMatchObject({ entity: "paper", field });
      }
      const { failed } = await repository.insertMany([{ id: "c", name: "c", ...input }]);
      expect(failed.map(({ error }) => [error.code, error.field])).toEqual([["VALIDATION", field]]);
    }
    expect(await repository.query().orderBy("name").ids()).toEqual(["a", "b"]);
  };
