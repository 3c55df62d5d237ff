// Random boards with seasons against a sorted array for each season and one for all time: every order, policy, rank type and tie rule.
// A season ends when the list of them says so, as it does where a program is deployed with a longer list. On every server.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type BoardRow, connect, type Database, type LeaderboardOptions, type Standings, type TieBreak } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { serverTime, serverTimePassed } from "../behaviour/clock.ts";
import type { Raw } from "../behaviour/matrix.ts";
import { runs, seed } from "../property/seed.ts";
import { describeLegs } from "../setup/legs.ts";
import { Model, type ModelOptions, type ModelRow } from "./model.ts";

const names = ["a", "b", "B", "ab", "é", "\u{1F600}", "{a}:*"];
const score = fc.constantFrom(0, 1, 2, -1, 0.5, -0.25, 2 ** 40);
const entry = fc.record({ member: fc.constantFrom(...names), score, sub: score });
const call = fc.record({
  kind: fc.constantFrom("submit", "submit", "submitMany", "increment", "remove"),
  entries: fc.array(entry, { minLength: 1, maxLength: 4 }),
});
const seasons = fc.array(fc.array(call, { maxLength: 5 }), { minLength: 2, maxLength: 4 });

const combinations = fc.record({
  order: fc.constantFrom("desc", "asc"),
  keep: fc.constantFrom("best", "last", "sum", "first", "worst"),
  ties: fc.constantFrom("ordinal", "competition", "dense"),
  breaks: fc.constantFrom("time", "member", "scores"),
}) as fc.Arbitrary<Omit<ModelOptions, "subs">>;

function plain({ member, score: points, rank, scores }: BoardRow): ModelRow {
  return { member, score: points, rank, subs: Object.values(scores ?? {}) };
}

describeLegs("boards with seasons are as their models", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "season-model");
  let db: Database;
  let raw: Raw;
  let boards = 0;
  beforeAll(async () => {
    db = await connect(leg.url, { namespace: namespace.name });
    raw = (command, ...args) => db.redis.call(command, ...args.map(String));
  });
  afterAll(async () => {
    await db.close();
    await namespace[Symbol.asyncDispose]();
  });

  test("after random calls in random seasons", { timeout: 120_000 }, async () => {
    const property = fc.asyncProperty(combinations, seasons, async (rules, given) => {
      boards += 1;
      const scored = rules.breaks === "scores";
      if (scored && rules.keep === "sum") return;
      const options: ModelOptions = { ...rules, subs: scored ? ["asc"] : [] };
      const allTime = new Model(options);
      const starts: Date[] = [];
      const models: Model[] = [];
      for (const calls of given) {
        // A season begins now.
        const now = new Date(await serverTime(raw));
        starts.push(now);
        await serverTimePassed(raw, now);
        const board = boardOf(options, starts);
        const season = new Model(options);
        models.push(season);
        for (const { kind, entries } of calls) await expectSame(board, [allTime, season], kind, entries);
      }
      await expectRows(boardOf(options, starts), allTime);
      const standings = boardOf(options, starts).period("season");
      for (const [at, start] of starts.entries()) await expectRows(standings.at(start), models[at] as Model);
      for (const name of names) {
        const history = await standings.history(name, starts.length);
        expect(history.map(({ row }) => row && plain(row))).toEqual(
          models.toReversed().map((model) => model.rows().find(({ member }) => member === name) ?? null),
        );
        expect(history.map(({ from }) => from)).toEqual(starts.toReversed());
      }
      await boardOf(options, starts).clear();
      expect(await raw("KEYS", `${namespace.name}:{b${boards}}*`)).toEqual([]);
    });
    await fc.assert(property, { seed, numRuns: runs(40) });
  });

  function boardOf({ order, keep, ties, breaks }: ModelOptions, starts: readonly Date[]) {
    const tieBreak = (breaks === "scores" ? { scores: [{ name: "sub", order: "asc" }] } : breaks) as TieBreak;
    const periods = { season: { keep: 1000, starts: [...starts] }, allTime: true };
    const all: LeaderboardOptions = { order, keep, ties, tieBreak, periods };
    return db.leaderboard(`b${boards}`, all);
  }

  async function expectSame(
    board: ReturnType<typeof boardOf>,
    models: readonly [Model, Model],
    kind: string,
    entries: readonly { readonly member: string; readonly score: number; readonly sub: number }[],
  ): Promise<void> {
    const scored = models[0].options.subs.length > 0;
    const scoresOf = ({ sub }: { readonly sub: number }): object => (scored ? { scores: { sub } } : {});
    const [first] = entries as [(typeof entries)[0]];
    if (kind === "remove") {
      const gone = entries.map(({ member }) => member);
      const [removed] = models.map((model) => model.remove(gone));
      expect(await board.remove(gone)).toBe(removed);
      return;
    }
    const used = kind === "submitMany" ? entries : [first];
    const expected = models.map((model) =>
      used.map((each) => model.submit(each.member, each.score, scored ? [each.sub] : [], kind === "increment")),
    );
    const results =
      kind === "submitMany"
        ? await board.submitMany(
            used.map((each) => ({ member: each.member, score: each.score, ...scoresOf(each) })) as never,
          )
        : kind === "submit"
          ? [await board.submit(first.member, first.score, scoresOf(first) as never)]
          : [await board.increment(first.member, first.score)];
    expect(results).toMatchObject(expected[0] as object[]);
    expect(results.map(({ periods }) => periods?.["season"])).toMatchObject(expected[1] as object[]);
  }

  async function expectRows(standings: Standings, model: Model): Promise<void> {
    expect((await standings.top(100)).map(plain)).toEqual(model.rows());
    expect((await standings.ranksOf(names)).map((row) => row && plain(row))).toEqual(
      names.map((name) => model.rows().find(({ member }) => member === name) ?? null),
    );
  }
});
