// Boards that are large, or kept small: what goes in parts is as if it had gone at once, and nothing of it stays behind.
// On every server.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { connect, type Database, type LeaderboardOptions } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { dump, type Raw } from "../behaviour/matrix.ts";
import { trips } from "../behaviour/sent.ts";
import { runs, seed } from "../property/seed.ts";
import { describeLegs } from "../setup/legs.ts";
import { Model } from "./model.ts";

const forms = (["desc", "asc"] as const).flatMap((order) =>
  (["member", "time", "scores"] as const).flatMap((breaks) =>
    (["ordinal", "competition", "dense"] as const).map((ties) => ({ order, breaks, ties })),
  ),
);

type Form = (typeof forms)[number];

const optionsOf = ({ order, breaks, ties }: Form): LeaderboardOptions => ({
  order,
  ties,
  keep: "last",
  tieBreak: breaks === "scores" ? { scores: [{ name: "x" }] } : breaks,
});

const modelOf = ({ order, breaks, ties }: Form): Model =>
  new Model({ order, keep: "last", ties, breaks, subs: breaks === "scores" ? ["desc"] : [] });

describeLegs("leaderboards of any size", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "board-scale");
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

  const fresh = (): string => `b${(boards += 1)}`;
  const scores = (form: Form, x: number): object => (form.breaks === "scores" ? { scores: { x } } : {});

  /** A board that was filled with these members and no others holds the very same. */
  async function expectSameAsNew(name: string, form: Form, model: Model): Promise<void> {
    const [kept, other] = [model.rows(), fresh()];
    const board = db.leaderboard(other, optionsOf(form));
    // In the order of the board, since the clock of the second one says something else.
    for (const { member, score, subs } of kept) await board.submit(member, score, scores(form, subs[0] ?? 0) as never);
    const plain = async (of: string): Promise<unknown> => {
      const keys = Object.entries(await dump(raw, namespace.name)).filter(([key]) => key.includes(`{${of}}`));
      const front = form.breaks === "time" ? 19 : 0;
      return keys.map(([key, held]) => {
        const [value] = held as [unknown];
        const letter = key.slice(key.indexOf("#"));
        if (letter === "#t" && front > 0) return [letter, Object.keys(value as object).toSorted()];
        return [
          letter,
          letter === "#z" ? (value as string[]).map((word, at) => (at % 2 ? word : word.slice(front))) : value,
        ];
      });
    };
    expect(await plain(name)).toEqual(await plain(other));
    await board.clear();
  }

  test.each(forms)("a limit keeps the best, $order, ties by $breaks, $ties", async (form) => {
    const entry = fc.record({ m: fc.nat(9), score: fc.nat(4), x: fc.nat(1) });
    const property = fc.asyncProperty(
      fc.array(entry, { minLength: 1, maxLength: 30 }),
      fc.nat(3),
      async (entries, more) => {
        const [name, model, limit] = [fresh(), modelOf(form), 1 + more];
        const board = db.leaderboard(name, { ...optionsOf(form), limit });
        const expected = entries.map(({ m, score, x }) => {
          const member = `m${m}`;
          const result = model.submit(member, score, form.breaks === "scores" ? [x] : [], false);
          const last = model
            .rows()
            .slice(limit)
            .map((row) => row.member);
          model.remove(last);
          return last.includes(member) ? { ...result, rank: null, improved: false } : result;
        });
        const given = entries.map(({ m, score, x }) => ({ member: `m${m}`, score, ...scores(form, x) }));
        const half = given.length >> 1;
        const results = await board.submitMany(given.slice(0, half) as never);
        for (const { member, score, ...rest } of given.slice(half)) {
          results.push(await board.submit(member, score, rest as never));
        }
        expect(results).toMatchObject(expected);
        await expectSameAsNew(name, form, model);
        await board.clear();
      },
    );
    await fc.assert(property, { seed, numRuns: runs(6) });
  });

  test.each(forms)("members go by scores and by ranks, in slices, $order, ties by $breaks, $ties", async (form) => {
    const [name, model] = [fresh(), modelOf(form)];
    const board = db.leaderboard(name, optionsOf(form));
    for (let from = 0; from < 1500; from += 125) {
      const entries = Array.from({ length: 125 }, (_, at) => ({
        member: `m${from + at}`,
        score: (from + at) % 97,
        x: at % 3,
      }));
      for (const { member, score, x } of entries) model.add(member, score, form.breaks === "scores" ? [x] : []);
      await board.submitMany(entries.map(({ x, ...each }) => ({ ...each, ...scores(form, x) })) as never);
    }
    const within = model.rows().filter(({ score }) => score >= 10 && score <= 60);
    expect(within.length).toBeGreaterThan(500);
    expect(await trips(async () => expect(await board.removeBetween(10, 60)).toBe(within.length))).toBe(
      Math.floor(within.length / 250) + 1,
    );
    model.remove(within.map(({ member }) => member));
    const behind = model.rows().slice(40);
    expect(behind.length).toBeGreaterThan(500);
    expect(await board.trim(40)).toBe(behind.length);
    expect(await board.trim(40)).toBe(0);
    model.remove(behind.map(({ member }) => member));
    await expectSameAsNew(name, form, model);
    await board.clear();
  });

  test("a limit that was lowered is reached by and by, with every new member", async () => {
    const name = fresh();
    const wide = db.leaderboard(name, { ties: "dense" });
    for (let from = 0; from < 500; from += 125) {
      await wide.submitMany(Array.from({ length: 125 }, (_, at) => ({ member: `m${from + at}`, score: from + at })));
    }
    const board = db.leaderboard(name, { ties: "dense", limit: 100 });
    expect(await board.submit("m0", 1000)).toMatchObject({ rank: 1, previousRank: 500 });
    expect(await board.total()).toBe(500);
    const totals: number[] = [];
    for (let at = 0; at < 6; at += 1) {
      await board.submit(`new ${at}`, 2000 + at);
      totals.push(await board.total());
    }
    expect(totals).toEqual([400, 300, 200, 100, 100, 100]);
    // No member, no text and no distinct score of those that went is left.
    expect(await raw("HLEN", `${namespace.name}:{${name}}#t`)).toBe(100);
    expect(await raw("ZCARD", `${namespace.name}:{${name}}#d`)).toBe(100);
    expect(await raw("HLEN", `${namespace.name}:{${name}}#c`)).toBe(100);
  });

  test.each(["member", "time"] as const)(
    "thousands of members are asked about in one round trip, ties by %s",
    async (tieBreak) => {
      const board = db.leaderboard(fresh(), { tieBreak, ties: "competition" });
      const all = Array.from({ length: 2500 }, (_, at) => `m${at}`);
      for (let from = 0; from < 2500; from += 125) {
        await board.submitMany(all.slice(from, from + 125).map((member, at) => ({ member, score: from + at })));
      }
      const asked = [...all, "nobody"];
      const ranks = await board.ranksOf(asked);
      expect(ranks.map((row) => row?.rank)).toEqual([...all.map((_, at) => 2500 - at), undefined]);
      const rows = await board.among(asked);
      expect(rows.map(({ member }) => member)).toEqual(all.toReversed());
      expect(rows.map(({ rank }) => rank)).toEqual(all.map((_, at) => at + 1));
      expect(await board.remove(asked)).toBe(2500);
      expect(await board.total()).toBe(0);
      // One bad name among them, and nothing is sent.
      expect(await trips(() => board.remove([...asked, ""]).catch(() => undefined))).toBe(0);
    },
  );
});
