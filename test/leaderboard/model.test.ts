// Random boards against a sorted array: every order, policy, rank type and tie rule, after random calls, by every read.
// On every server.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { connect, type Database, type LeaderboardOptions, type TieBreak } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { runs, seed } from "../property/seed.ts";
import { describeLegs } from "../setup/legs.ts";
import { expectSame } from "./compare.ts";
import { Model, type ModelOptions } from "./model.ts";

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
      await expectSame(board, model, names);
      await board.clear();
      expect(await db.redis.call("EXISTS", `${namespace.name}:{b${boards}}#z`)).toBe(0);
    });
    await fc.assert(property, { seed, numRuns: runs(6) });
  });
});
