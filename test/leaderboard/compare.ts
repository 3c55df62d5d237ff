// A board and its model: every read must say the same.
// Boards over entities are read like others, so both are held against one model.
import { expect } from "vitest";

import type { BoardRow, EntityBoard, Leaderboard } from "remora";
import type { Model, ModelRow } from "./model.ts";

/** What rows of all boards have. */
type ComparedRow = Pick<BoardRow, "member" | "score" | "rank" | "scores">;

/** A board of whatever kind. */
type ComparedBoard = Leaderboard | EntityBoard<ComparedRow & { readonly entity: unknown }>;

function plain({ member: name, score: points, rank, scores }: ComparedRow): ModelRow {
  return { member: name, score: points, rank, subs: Object.values(scores ?? {}) };
}

/** Every read of a board, held against the model. Some names stand on neither. */
export async function expectSame(board: ComparedBoard, model: Model, names: readonly string[]): Promise<void> {
  const all = model.rows();
  const { order } = model.options;
  const rows = async (work: Promise<readonly ComparedRow[]>): Promise<ModelRow[]> => (await work).map(plain);
  expect(await rows(board.top(100))).toEqual(all);
  expect(await rows(board.top(2))).toEqual(all.slice(0, 2));
  expect(await rows(board.bottom(3))).toEqual(all.slice(-3).toReversed());
  const page = await board.page(2, 3);
  expect({ ...page, items: page.items.map(plain) }).toEqual({ items: all.slice(3, 6), total: all.length });
  expect(await board.total()).toBe(all.length);
  for (const batch of [1, 3]) {
    const streamed: ModelRow[] = [];
    for await (const row of board.entries({ batch })) streamed.push(plain(row));
    expect(streamed).toEqual(all);
  }
  expect((await board.ranksOf(names)).map((row) => row && plain(row))).toEqual(
    names.map((name) => all.find((row) => row.member === name) ?? null),
  );
  const [one = "", two = "", three = ""] = names;
  expect(await rows(board.among([one, two, two, three, "nobody"]))).toEqual(
    model.rows((name) => [one, two, three].includes(name)),
  );
  for (const name of [...names.slice(0, 4), "nobody"]) {
    const at = all.findIndex((row) => row.member === name);
    const own = all[at];
    expect(await board.rankOf(name)).toBe(own?.rank ?? null);
    expect(await board.scoreOf(name)).toBe(own?.score ?? null);
    const start = Math.max(0, Math.min(at - 1, all.length - 3));
    expect(await rows(board.around(name, 1))).toEqual(own === undefined ? [] : all.slice(start, start + 3));
    const percentile = await board.percentileOf(name);
    const worse = (row: ModelRow) => (order === "desc" ? row.score < own!.score : row.score > own!.score);
    const better = (row: ModelRow) => (order === "desc" ? row.score > own!.score : row.score < own!.score);
    const neighbours = await board.neighbours(name);
    if (own === undefined) {
      expect([percentile, neighbours]).toEqual([null, null]);
      continue;
    }
    expect(percentile).toBe(all.filter((row) => !better(row)).length / all.length);
    expect(await board.scoreAt(percentile as number)).toBe(own.score);
    const gap = (row: ModelRow | undefined) =>
      row === undefined ? null : { member: row.member, score: row.score, points: Math.abs(row.score - own.score) };
    expect(plain(neighbours!.row)).toEqual(own);
    const { ahead, behind } = neighbours!;
    const plainGap = (found: typeof ahead) =>
      found && { member: found.member, score: found.score, points: found.points };
    expect([ahead, behind].map(plainGap)).toEqual([gap(all.findLast(better)), gap(all.find(worse))]);
  }
  const within = all.filter((row) => row.score >= -1 && row.score <= 1);
  expect(await rows(board.between(-1, 1))).toEqual(within);
  expect(await rows(board.between(-1, 1, { offset: 1, limit: 2 }))).toEqual(within.slice(1, 3));
  expect(await board.countBetween(-1, 1)).toBe(within.length);
  const counted = await board.histogram([-2, 0, 1, 3]);
  expect(counted.map(({ count }) => count)).toEqual([
    all.filter((row) => row.score >= -2 && row.score < 0).length,
    all.filter((row) => row.score >= 0 && row.score < 1).length,
    all.filter((row) => row.score >= 1 && row.score <= 3).length,
  ]);
  const even = await board.histogram(4);
  expect(even.reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
  const scores = all.map((row) => row.score);
  if (scores.length > 0) {
    expect([even[0]?.from, even.at(-1)?.to]).toEqual([Math.min(...scores), Math.max(...scores)]);
    expect(await board.scoreAt(1)).toBe(all[0]?.score);
    expect(await board.scoreAt(0)).toBe(all.at(-1)?.score);
  } else expect([even, await board.scoreAt(0.5)]).toEqual([[], null]);
}
