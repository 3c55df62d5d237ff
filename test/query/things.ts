// The entity type of the query tests, and short names for conditions.
// Conditions are written as the typed chain would make them.
import { z } from "zod";

import { defineEntity, exact, geo, geoPoint, range, text } from "remora";
import type { Condition, Operand } from "../../src/query/node.ts";

/** Every kind of index once. */
const Thing = defineEntity({
  name: "thing",
  schema: z.object({
    id: z.string(),
    word: z.string(),
    loose: z.string().nullable(),
    size: z.number().nullable(),
    full: z.number(),
    when: z.date().optional(),
    big: z.bigint().optional(),
    yes: z.boolean(),
    tags: z.array(z.string()).nullable(),
    note: z.string().nullable(),
    place: geoPoint().optional(),
    plain: z.string(),
  }),
  index: {
    word: [exact({ sortable: true }), range()],
    loose: exact({ caseInsensitive: true, sortable: true }),
    size: range(),
    full: range(),
    when: range(),
    big: [exact(), range()],
    yes: exact(),
    tags: exact(),
    note: text(),
    place: geo(),
  },
  ttl: {},
});

export const { metadata } = Thing;

export const isIn = (path: string, ...values: Operand[]): Condition => ({ type: "in", path, values });
export const any = (path: string, ...values: Operand[]): Condition => ({ type: "containsAny", path, values });
export const every = (path: string, ...values: Operand[]): Condition => ({ type: "containsAll", path, values });
export const match = (path: string, words: string): Condition => ({ type: "match", path, text: words });
export const absent = (path: string): Condition => ({ type: "isNull", path });
export const from = (path: string, value: Operand, exclusive = false): Condition => ({
  type: "range",
  path,
  lower: { value, exclusive },
  upper: undefined,
});
export const to = (path: string, value: Operand, exclusive = false): Condition => ({
  type: "range",
  path,
  lower: undefined,
  upper: { value, exclusive },
});
export const between = (path: string, low: Operand, high: Operand): Condition => ({
  type: "range",
  path,
  lower: { value: low, exclusive: false },
  upper: { value: high, exclusive: false },
});
export const not = (item: Condition): Condition => ({ type: "not", item });
export const and = (...items: Condition[]): Condition => ({ type: "and", items });
export const or = (...items: Condition[]): Condition => ({ type: "or", items });
