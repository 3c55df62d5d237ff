// Definitions with leaderboards: what makes no sense is refused, all of it at once, by path.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, leaderboard, range } from "remora";

const schema = z.object({
  id: z.string(),
  name: z.string(),
  points: z.number().nullable(),
  wins: z.int(),
  stats: z.object({ pace: z.number() }).optional(),
});
const define =
  (index: object, more: object = {}) =>
  () =>
    defineEntity({ name: "racer", schema, index, ...more } as never);

test("the numbers that boards need are known once each", () => {
  const { metadata } = defineEntity({
    name: "racer",
    schema,
    index: {
      points: [range(), leaderboard({ tieBreak: { fields: [{ field: "wins", order: "asc" }] } })],
      wins: leaderboard({ ties: "dense", order: "asc" }),
    },
  });
  expect(metadata.indexes.map(({ path, kind }) => `${path} ${kind}`)).toEqual(["points range"]);
  expect(metadata.ranked.map(({ path }) => path)).toEqual(["points", "wins"]);
  expect(metadata.boards).toEqual([
    { path: "points", order: "desc", ties: "ordinal", breaks: "scores", fields: [{ field: "wins", order: "asc" }] },
    { path: "wins", order: "asc", ties: "dense", breaks: "time", fields: [] },
  ]);
});

test("a board changes the layout, and types without one have none of it", () => {
  const layout = (index: object) => (define(index)() as { metadata: { layout: string } }).metadata.layout;
  expect(layout({ points: leaderboard() })).not.toBe(layout({}));
  expect(layout({ points: leaderboard() })).not.toBe(layout({ points: leaderboard({ order: "asc" }) }));
});

test.each([
  [{ name: leaderboard() }, /name: leaderboard\(\) cannot stand on string/],
  [{ stats: leaderboard() }, /stats: leaderboard\(\) cannot stand on object/],
  [{ gone: leaderboard() }, /gone: has an index but is not in the schema/],
  [{ points: leaderboard({ order: "up" } as never) }, /order is one of desc, asc/],
  [{ points: leaderboard({ ties: "none" } as never) }, /ties is one of ordinal, competition, dense/],
  [{ points: leaderboard({ tieBreak: "luck" } as never) }, /tieBreak is one of time, member/],
  [{ points: leaderboard({ tieBreak: { fields: [] } } as never) }, /1 to 3 fields/],
  [{ points: leaderboard({ tieBreak: { fields: [{ field: "name" }] } }) }, /"name" cannot break ties/],
  [{ wins: leaderboard({ tieBreak: { fields: [{ field: "points" }] } }) }, /"points" cannot break ties/],
  [{ points: leaderboard({ tieBreak: { fields: [{ field: "stats.pace" }] } }) }, /"stats.pace" cannot break ties/],
  [{ wins: leaderboard({ tieBreak: { fields: [{ field: "wins" }] } }) }, /different ones/],
  [{ points: leaderboard({ ties: "dense", tieBreak: { fields: [{ field: "wins" }] } } as never) }, /dense ranks/],
  [{ points: [leaderboard(), leaderboard({ order: "asc" })] }, /two indexes of the same kind/],
])("%j is refused", (index, message) => {
  expect(define(index)).toThrow(message);
});

test("nor is a type over several partitions ranked", () => {
  expect(define({ points: leaderboard() }, { partitions: 2 })).toThrow(
    /points: leaderboard\(\) needs a type of one partition/,
  );
});
