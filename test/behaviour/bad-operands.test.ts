// Operands that are none, as callers without types pass them: refused by entity and field before anything is sent.
// By the chain and by the filter object alike, and on every terminal.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, geo, geoPoint, operationChannel, type OperationEvent, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { hostileStrings } from "../property/strings.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const spot = (storage: Storage) =>
  defineEntity({
    name: "spot",
    storage,
    schema: z.object({
      id: z.string(),
      word: z.string(),
      name: z.string(),
      plain: z.string(),
      size: z.number(),
      big: z.bigint(),
      note: z.string(),
      at: geoPoint(),
    }),
    index: {
      word: exact({ sortable: true, substring: true }),
      name: range(),
      plain: [exact(), text()],
      size: range(),
      big: range(),
      note: text({ phrase: true }),
      at: geo(),
    },
  });

const row = {
  id: "a",
  word: "w",
  name: "n",
  plain: "p",
  size: 1,
  big: 1n,
  note: "some words",
  at: { longitude: 1, latitude: 2 },
};

const noText: readonly unknown[] = [5, Number.NaN, true, null, undefined, 1n, {}, [], ["a"], new Date(0)];
const center = { longitude: 1, latitude: 2 };
const noArea: readonly unknown[] = [
  ...["here", 5, null, undefined, true, [], {}],
  { center },
  { center, radius: 0 },
  { center, radius: -1 },
  { center, radius: Number.NaN },
  { center, radius: Infinity },
  { center, radius: "5" },
  { center, radius: 5n },
  { center, radius: 5, unit: "yd" },
  { center, radius: 5, unit: null },
  { center, radius: 5, unit: "toString" },
  { center: null, radius: 5 },
  { center: "here", radius: 5 },
  { center: {}, radius: 5 },
  { center: [1, 2], radius: 5 },
  { center: { longitude: 181, latitude: 0 }, radius: 5 },
  { center: { longitude: 0, latitude: -90 }, radius: 5 },
  { center: { longitude: Number.NaN, latitude: 0 }, radius: 5 },
  { center: { longitude: "1", latitude: 0 }, radius: 5 },
  { west: 0, south: 0, east: 1 },
  { west: 0, south: 2, east: 1, north: 1 },
  { west: -181, south: 0, east: 1, north: 1 },
  { west: 0, south: 0, east: 1, north: 91 },
  { west: 0, south: Number.NaN, east: 1, north: 1 },
  { west: "0", south: 0, east: 1, north: 1 },
];

type Apply = (...operands: readonly unknown[]) => unknown;
type Case = readonly [field: string, operator: string, operands: readonly unknown[]];
const cases: readonly Case[] = [
  ...(["startsWith", "endsWith", "includes"] as const).flatMap((operator) =>
    noText.map((operand): Case => ["word", operator, [operand]]),
  ),
  ...noText.map((operand): Case => ["name", "startsWith", [operand]]),
  ...(["match", "matchPrefix", "phrase", "fuzzy"] as const).flatMap((operator) =>
    noText.map((operand): Case => ["note", operator, [operand]]),
  ),
  ...[0, 3, 1.5, -1, Number.NaN, "1", null, 1n].map((distance): Case => ["note", "fuzzy", ["a", { distance }]]),
  ...noArea.map((area): Case => ["at", "within", [area]]),
  ...[5, null, undefined, true].flatMap((bound): Case[] => [
    ["name", "gt", [bound]],
    ["name", "between", ["a", bound]],
  ]),
  ["name", "gte", ["\ud800"]],
  ["name", "between", ["a", "b\udc00"]],
  ...[5, "5", null, undefined].map((bound): Case => ["big", "lte", [bound]]),
  // Operators that the field's indexes do not have.
  ["plain", "startsWith", ["a"]],
  ["size", "startsWith", ["1"]],
  ["big", "startsWith", ["1"]],
  ["name", "endsWith", ["a"]],
  ["plain", "includes", ["a"]],
  ["plain", "phrase", ["a b"]],
  ["word", "matchPrefix", ["a"]],
  ["word", "fuzzy", ["a"]],
  ["note", "within", [{ center, radius: 5 }]],
  ["at", "startsWith", ["1"]],
];

describeMatrix("bad operands", ({ open }) => {
  test("are refused by entity and field, and nothing is sent", async () => {
    const { repository } = await open(spot);
    await repository.insert(row);
    const sent: string[] = [];
    const listen = (event: unknown): void => void sent.push(...(event as OperationEvent).commands);
    subscribe(operationChannel, listen);
    try {
      for (const [field, operator, operands] of cases) {
        const label = `${field} ${operator} ${inspect(operands)}`;
        const query = () => {
          const operators = repository.query().where(field as "word") as unknown as Record<string, Apply>;
          return (operators[operator] as Apply)(...operands) as ReturnType<typeof repository.query>;
        };
        const written = operands.length > 1 || Array.isArray(operands[0]) ? operands : operands[0];
        const works: (() => Promise<unknown>)[] = [
          async () => query().all(),
          async () => query().limit(1).count(),
          async () => query().keyset(),
          async () => query().stream().next(),
          async () => repository.query({ [field]: { [operator]: written } }).ids(),
        ];
        for (const work of works) {
          const outcome = work().then(
            () => "accepted",
            (error: unknown) => error,
          );
          expect(await outcome, label).toMatchObject({ code: "QUERY", field });
        }
        expect(await expectFailure((async () => query().all())(), "QUERY"), label).toMatchObject({ entity: "spot" });
      }
    } finally {
      unsubscribe(operationChannel, listen);
    }
    expect(sent).toEqual([]);
  });

  test("are not what is merely strange: any text may be looked for", async () => {
    const { repository } = await open(spot);
    await repository.insert(row);
    const none = null as unknown as undefined;
    expect(await repository.query().where("note").fuzzy("same", none).ids()).toEqual(["a"]);
    expect(await repository.query().where("size").between(0, 2, none).ids()).toEqual(["a"]);
    for (const operand of [...hostileStrings, "a\u0000b", "\u0000", "x".repeat(5000)]) {
      for (const query of [
        repository.query().where("word").startsWith(operand),
        repository.query().where("name").startsWith(operand),
        repository.query().where("word").endsWith(operand),
        repository.query().where("word").includes(operand),
        repository.query().where("note").matchPrefix(operand),
        repository.query().where("note").fuzzy(operand, { distance: 2 }),
        repository.query().where("note").phrase(operand),
        repository.query().where("name").between(operand, `${operand}z`),
      ]) {
        expect(await query.count(), JSON.stringify(operand)).toBeLessThan(2);
      }
    }
  });
});
