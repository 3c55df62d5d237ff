// Random boards against a sorted array: every order, policy, rank type and tie rule, after random calls, by every read.
// On every server.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type BoardRow, connect, type Database, type LeaderboardOptions, type TieBreak } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { runs, seed } from "../property/seed.ts";
import { describeLegs } from "../setup/legs.ts";
import { Model, type ModelOptions, type ModelRow } from "./model.ts";

const names = ["a", "b", "B", "ab", "é", "\u{1F600}", "\uFFFD", "{a}:*", " x", "0000000000000001"];
const member = fc.constantFrom(...names);
// Few values, so that ties are common; sums of these are exact.
const score = fc.constantFrom(0, 1, 2, -1, 0.5, -0.25, 2 ** 40, -(2 ** 40) - 0.5);
const call = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("submit" as const), entries: entries(1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("submitMany" as const), entries: entries(6) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("increment" as const), entries: entries(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), entries: entries(3) }) },
);

function entries(maxLength: number) {
  const subs = fc.tuple(score, score, score);
  return fc.array(fc.record({ member, score, subs }), { minLength: 1, maxLength });
}

const combinations: ModelOptions[] = (["desc", "asc"] as const).flatMap((order) =>
  (["best", "last", "sum", "first", "worst"] as const).flatMap((keep) =>
    (["ordinal", "competition", "dense"] as const).flatMap((ties) => [
      { order, keep, ties, breaks: "time" as const, subs: [] },
      { order, keep, ties, breaks: "member" as const, subs: [] },
      ...(keep === "sum"
        ? []
        : [
            { order, keep, ties, breaks: "scores" as const, subs: ["desc" as const] },
            { order, keep, ties, breaks: "scores" as const, subs: ["asc" as const, "desc" as const, "asc" as const] },
          ]),
    ]),
  ),
);

function optionsOf({ order, keep, ties, breaks, subs }: ModelOptions): LeaderboardOptions {
  const scores = subs.map((each, at) => ({ name: `s${at}`, order: each }));
  const tieBreak = breaks === "scores" ? { scores } : breaks;
  return { order, keep, ties, tieBreak: tieBreak as TieBreak, top: 3 };
}

const named = (subs: readonly number[]) => Object.fromEntries(subs.map((value, at) => [`s${at}`, value]));

function plain({ member: name, score: points, rank, scores }: BoardRow): ModelRow {
  return { member: name, score: points, rank, subs: Object.values(scores ?? {}) };
}

describeLegs("boards are as their model", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "board-model");
  let db: Database;
  let boards = 0;
  beforeAll(async () => {
    db = await connect(leg.url, { namespace: namespace.name });
  });
  afterAll(async () => {
    await db.close();
    await namespace[Symbol.asyncDispose]();
  });

  test.each(combinations)("$order, $keep, $ties, ties by $breaks $subs", { timeout: 60_000 }, async (options) => {
    const property = fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 14 }), async (calls) => {
      boards += 1;
      const board = db.leaderboard(`b${boards}`, optionsOf(options));
      const model = new Model(options);
      const width = options.subs.length;
      for (const { kind, entries: given } of calls) {
        const cut = given.map((entry) => ({ ...entry, subs: entry.subs.slice(0, width) }));
        if (kind === "remove") {
          const gone = cut.map((entry) => entry.member);
          expect(await board.remove(gone)).toBe(model.remove(gone));
          continue;
        }
        const expected = cut.map((entry) => model.submit(entry.member, entry.score, entry.subs, kind === "increment"));
        const [first] = cut as [(typeof cut)[0]];
        const scores = width === 0 ? {} : { scores: named(first.subs) };
        const results =
          kind === "submitMany"
            ? await board.submitMany(
                cut.map((entry) => ({
                  member: entry.member,
                  score: entry.score,
                  ...(width === 0 ? {} : { scores: named(entry.subs) }),
                })) as never,
              )
            : [
                kind === "submit"
                  ? await board.submit(first.member, first.score, scores as never)
                  : await board.increment(first.member, first.score),
              ];
        const entered = ({ rank, previousRank }: { rank: number | null; previousRank: number | null }): boolean =>
          rank !== null && rank <= 3 && (previousRank === null || previousRank > 3);
        expect(results).toEqual(expected.map((result) => ({ ...result, enteredTop: entered(result) })));
      }
      await expectSame(board, model);
      await board.clear();
      expect(await db.redis.call("EXISTS", `${namespace.name}:{b${boards}}#z`)).toBe(0);
    });
    await fc.assert(property, { seed, numRuns: runs(6) });
  });

  async function expectSame(board: ReturnType<typeof db.leaderboard<LeaderboardOptions>>, model: Model) {
    const all = model.rows();
    const { order } = model.options;
    const rows = async (work: Promise<BoardRow[]>): Promise<ModelRow[]> => (await work).map(plain);
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
    expect(await rows(board.among(["a", "b", "b", "é", "nobody"]))).toEqual(
      model.rows((name) => ["a", "b", "é"].includes(name)),
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
      expect(neighbours!.ahead).toEqual(gap(all.findLast(better)));
      expect(neighbours!.behind).toEqual(gap(all.find(worse)));
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
});
