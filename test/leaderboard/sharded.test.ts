// Boards in shards against a sorted array: every order, policy, rank type and tie rule, with members that move from shard to shard.
// On every server; what is cut in the middle of a move is in the file beside this one.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { type BoardRow, connect, type Database, proposeEdges, type ShardedLeaderboardOptions } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { BoardSender } from "../../src/leaderboard/sending.ts";
import { shardedSettings, shardOf } from "../../src/leaderboard/sharded-options.ts";
import { shardScripts } from "../../src/leaderboard/sharded-scripts.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { dump, type Raw } from "../behaviour/matrix.ts";
import { runs, seed } from "../property/seed.ts";
import { describeLegs } from "../setup/legs.ts";
import type { Model, ModelRow } from "./model.ts";
import { expectWhole, shardedModel } from "./shards.ts";

const names = ["a", "b", "B", "ab", "é", "\u{1F600}", "\uFFFD", "{a}:*", " x", "0000000000000001"];
const edges = [-1, 0, 1, 2.5];
const score = fc.constantFrom(0, 1, 2, 3, -1, -2, 0.5, 2.5, -0.25);
const call = fc.record({
  kind: fc.constantFrom(
    "submit" as const,
    "submit" as const,
    "submit" as const,
    "increment" as const,
    "remove" as const,
  ),
  member: fc.constantFrom(...names),
  score,
});

const combinations: ShardedLeaderboardOptions[] = (["desc", "asc"] as const).flatMap((order) =>
  (["best", "last", "sum", "first", "worst"] as const).flatMap((keep) =>
    (["ordinal", "competition", "dense"] as const).flatMap((ties) =>
      (["time", "member"] as const).map((tieBreak) => ({ order, keep, ties, tieBreak, edges, top: 3 })),
    ),
  ),
);

const plain = ({ member, score: points, rank }: BoardRow): Omit<ModelRow, "subs"> => ({ member, score: points, rank });

describeLegs("boards in shards", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "board-shards");
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

  const fresh = (): string => `s${(boards += 1)}`;

  test.each(combinations)("$order, $keep, $ties, ties by $tieBreak", { timeout: 60_000 }, async (options) => {
    const property = fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 16 }), async (calls) => {
      const name = fresh();
      const board = db.shardedLeaderboard(name, options);
      const model = shardedModel(options);
      for (const { kind, member, score: points } of calls) {
        if (kind === "remove") {
          expect(await board.remove(member)).toBe(model.remove([member]));
          continue;
        }
        const expected = model.submit(member, points, [], kind === "increment");
        const { enteredTop, ...result } = await board[kind](member, points);
        expect(result).toEqual(expected);
        const { rank, previousRank } = result;
        expect(enteredTop).toBe(rank <= 3 && (previousRank === null || previousRank > 3));
      }
      await expectWhole(raw, namespace.name, name, options, model);
      await expectSame(board, model);
      expect(await board.repair()).toBe(0);
      await board.clear();
      expect(Object.keys(await dump(raw, namespace.name)).filter((key) => key.includes(`{${name}.`))).toEqual([]);
    });
    await fc.assert(property, { seed, numRuns: runs(4) });
  });

  async function expectSame(board: ReturnType<typeof db.shardedLeaderboard>, model: Model): Promise<void> {
    const all = model.rows().map(({ subs: _subs, ...row }) => row);
    const { order } = model.options;
    const rows = async (work: Promise<BoardRow[]>): Promise<unknown[]> => (await work).map(plain);
    expect(await rows(board.top(100))).toEqual(all);
    expect(await rows(board.top(2))).toEqual(all.slice(0, 2));
    expect(await rows(board.bottom(3))).toEqual(all.slice(-3).toReversed());
    const page = await board.page(2, 3);
    expect({ ...page, items: page.items.map(plain) }).toEqual({ items: all.slice(3, 6), total: all.length });
    expect(await board.total()).toBe(all.length);
    for (const batch of [1, 3]) {
      const streamed: unknown[] = [];
      for await (const row of board.entries({ batch })) streamed.push(plain(row));
      expect(streamed).toEqual(all);
    }
    expect((await board.ranksOf(names)).map((row) => row && plain(row))).toEqual(
      names.map((name) => all.find((row) => row.member === name) ?? null),
    );
    const friends = model.rows((name) => ["a", "b", "é"].includes(name)).map(({ subs: _subs, ...row }) => row);
    expect(await rows(board.among(["a", "b", "b", "é", "nobody"]))).toEqual(friends);
    for (const name of [...names.slice(0, 4), "nobody"]) {
      const at = all.findIndex((row) => row.member === name);
      const own = all[at];
      expect(await board.rankOf(name)).toBe(own?.rank ?? null);
      expect(await board.scoreOf(name)).toBe(own?.score ?? null);
      const start = Math.max(0, Math.min(at - 1, all.length - 3));
      expect(await rows(board.around(name, 1))).toEqual(own === undefined ? [] : all.slice(start, start + 3));
      const better = (row: { score: number }) => (order === "desc" ? row.score > own!.score : row.score < own!.score);
      expect(await board.percentileOf(name)).toBe(
        own === undefined ? null : all.filter((row) => !better(row)).length / all.length,
      );
    }
    for (const [low, high] of [
      [-1, 1],
      [-5, 5],
      [1, 1],
    ] as const) {
      const within = all.filter((row) => row.score >= low && row.score <= high);
      expect(await board.countBetween(low, high)).toBe(within.length);
    }
  }

  test.each(["best", "sum", "last"] as const)("many at once end as the model says, keep %s", async (keep) => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(leg.url, { namespace: namespace.name })));
    const options = {
      keep,
      ties: "competition",
      tieBreak: "member",
      edges,
    } as const satisfies ShardedLeaderboardOptions;
    const [name, model] = [fresh(), shardedModel(options)];
    const work = Array.from({ length: 600 }, (_, at) => ({ member: `m${at % 23}`, score: ((at * 7919) % 11) - 5 }));
    for (const { member, score: points } of work) model.submit(member, points, [], false);
    // Which of a member's scores is the last is known when one connection sends them all, in order.
    const results = await Promise.all(
      work.map(({ member, score: points }, at) =>
        (clients[keep === "last" ? Number(member.slice(1)) % 4 : at % 4] as Database)
          .shardedLeaderboard(name, options)
          .submit(member, points),
      ),
    );
    await expectWhole(raw, namespace.name, name, options, model);
    const board = db.shardedLeaderboard(name, options);
    expect((await board.top(100)).map(plain)).toEqual(model.rows().map(({ subs: _subs, ...row }) => row));
    expect(results.every(({ rank }) => rank >= 1)).toBe(true);
    await Promise.all(clients.map((client) => client.close()));
  });

  describe("what comes late", () => {
    const options = { keep: "last", edges: [10, 20] } as const;
    const settings = (name: string) => shardedSettings(name, options);
    const entryOf = async (name: string, member: string): Promise<string[]> => {
      const texts = await Promise.all(
        [0, 1, 2].map((shard) => raw("HGET", `${namespace.name}:{${name}.${shard}}#e`, member)),
      );
      return (texts.find((text) => text !== null) as string).split(" ");
    };
    const put = (name: string, shard: number, member: string, words: readonly string[]): Promise<unknown> => {
      const base = `${namespace.name}:{${name}.${shard}}#`;
      const keys = ["z", "t", "v", "x", "e", "p", "n", "m"].map((letter) => base + letter);
      return raw("EVAL", shardScripts(settings(name)).put.lua, keys.length, ...keys, "0", member, ...words);
    };

    test("is refused by the place that is newer, in the same shard and in the one that was left", async () => {
      const [name, model] = [fresh(), shardedModel(options)];
      const board = db.shardedLeaderboard(name, options);
      const submit = async (points: number): Promise<void> => {
        model.submit("ada", points, [], false);
        await board.submit("ada", points);
      };
      await submit(5);
      const [version = "", , , tie = ""] = await entryOf(name, "ada");
      await submit(6);
      await put(name, 0, "ada", [version, "5", tie]);
      await expectWhole(raw, namespace.name, name, options, model);
      await submit(15);
      // Nobody is there, and this is where the older place would stand.
      expect(await put(name, 0, "ada", [version, "5", tie])).toEqual([null, 0, 0, 1]);
      await expectWhole(raw, namespace.name, name, options, model);
      await board.remove("ada");
      model.remove(["ada"]);
      await put(name, 0, "ada", [version, "5", tie]);
      await put(name, 1, "ada", [version, "15", tie]);
      await expectWhole(raw, namespace.name, name, options, model);
      await submit(5);
      await expectWhole(raw, namespace.name, name, options, model);
    });

    test("is refused by its age where it was forgotten that the member left", async () => {
      const [name, model] = [fresh(), shardedModel(options)];
      const board = db.shardedLeaderboard(name, options);
      await board.submit("ada", 5);
      const [version = "", , , tie = ""] = await entryOf(name, "ada");
      await board.submit("ada", 15);
      const base = `${namespace.name}:{${name}.0}#`;
      expect(await raw("ZRANGE", `${base}x`, 0, -1)).toEqual(["ada"]);
      // As if it had been long ago.
      await raw("ZADD", `${base}x`, Number(version) - 1_000_000_000, "ada");
      await board.submit("bob", 1);
      expect([await raw("EXISTS", `${base}x`), await raw("HEXISTS", `${base}v`, "ada")]).toEqual([0, 0]);
      expect(await put(name, 0, "ada", [String(Number(version) - 301_000_000), "5", tie])).toEqual(["LATE"]);
      model.submit("ada", 15, [], false);
      model.submit("bob", 1, [], false);
      await expectWhole(raw, namespace.name, name, options, model);
    });

    test("is decided anew by who notices", async () => {
      const [name, model] = [fresh(), shardedModel(options)];
      const board = db.shardedLeaderboard(name, options);
      // eslint-disable-next-line typescript/unbound-method -- called with the sender that it belongs to
      const { write } = BoardSender.prototype;
      let slow = 1;
      const spy = vi.spyOn(BoardSender.prototype, "write").mockImplementation(function (this: BoardSender, ...given) {
        const [operation, script, args, ...rest] = given;
        // The process stood still for six minutes before it sent this.
        const late = script.name === "board.put" && slow > 0;
        if (late) slow -= 1;
        const aged = (): readonly (string | number)[] =>
          args().map((word, at) => (late && at === 1 ? Number(word) - 360_000_000 : word));
        return write.call(this, operation, script, aged, ...rest);
      });
      try {
        expect(await board.submit("ada", 15)).toMatchObject({ score: 15, rank: 1 });
        model.submit("ada", 15, [], false);
        await expectWhole(raw, namespace.name, name, options, model);
        // Again and again: the clocks must be wrong, and it says so.
        slow = Number.POSITIVE_INFINITY;
        expect((await expectFailure(board.submit("bob", 25), "CAPABILITY")).message).toContain("clocks");
      } finally {
        spy.mockRestore();
      }
      model.submit("bob", 25, [], false);
      expect(await board.repair()).toBe(1);
      await expectWhole(raw, namespace.name, name, options, model);
    });

    test("is finished by repair, however long ago it was left", async () => {
      const [name, model] = [fresh(), shardedModel(options)];
      const board = db.shardedLeaderboard(name, options);
      await board.submit("ada", 5);
      const [version = "", , , tie = ""] = await entryOf(name, "ada");
      const home = (
        await Promise.all([0, 1, 2].map((at) => raw("HLEN", `${namespace.name}:{${name}.${at}}#e`)))
      ).indexOf(1);
      // Decided a day ago, and nobody heard of it since; but the old place stands.
      const old = String(Number(version) - 86_400_000_000);
      await raw("HSET", `${namespace.name}:{${name}.${home}}#e`, "ada", `${old} 2 25 ${tie} 0`);
      await raw("ZADD", `${namespace.name}:{${name}.${home}}#p`, old, "ada");
      model.submit("ada", 25, [], false);
      expect(await board.repair()).toBe(1);
      expect(await board.repair()).toBe(0);
      await expectWhole(raw, namespace.name, name, options, model);
    });
  });

  test("bad input is refused, and changes nothing", async () => {
    const board = db.shardedLeaderboard("bad", { edges, keep: "sum" });
    await board.submit("ada", 2 ** 53 - 1);
    const before = await dump(raw, namespace.name);
    const long = Array.from({ length: 501 }, (_, at) => `m${at}`);
    for (const attempt of [
      () => board.submit("bob", Number.NaN),
      () => board.submit("", 1),
      () => board.submit("ada", 1),
      () => board.increment("bob", Infinity),
      () =>
        board.submitMany([
          { member: "bob", score: 1 },
          { member: "bob", score: Number.NaN },
        ]),
      () => board.submitMany(long.map((member) => ({ member, score: 1 }))),
      () => board.remove(long),
      () => board.remove(["ada", ""]),
      () => board.ranksOf(long),
      () => board.among(long),
      () => board.top(0),
      () => board.page(0),
      () => board.around("ada", 1000),
      () => board.rankOf("\ud800"),
      () => board.countBetween(2, 1),
      () => board.entries({ batch: 0 }).next(),
    ] as (() => Promise<unknown>)[]) {
      expect((await expectFailure(attempt(), "VALIDATION")).message).toMatch(/^bad: /);
    }
    expect(await dump(raw, namespace.name)).toEqual(before);
  });

  test("boards stored with other edges, and ordinary boards of the same name, are left alone", async () => {
    const board = db.shardedLeaderboard("held", { edges: [1, 2] });
    await board.submitMany(names.map((member, at) => ({ member, score: at })));
    const before = await dump(raw, namespace.name);
    const other = db.shardedLeaderboard("held", { edges: [1, 3] });
    await expectFailure(other.submit("ada", 1), "DEFINITION");
    await expectFailure(other.total(), "DEFINITION");
    await expectFailure(db.leaderboard("held.0").submit("ada", 1), "DEFINITION");
    await expectFailure(db.leaderboard("held.1").top(), "DEFINITION");
    expect(await dump(raw, namespace.name)).toEqual(before);
    await db.leaderboard("plain.0", { tieBreak: "member" }).submit("ada", 1);
    await expectFailure(db.shardedLeaderboard("plain", { edges: [1], tieBreak: "member" }).total(), "DEFINITION");
  });
});

describe("options of boards in shards", () => {
  test.each([
    [{}],
    [{ edges: [] }],
    [{ edges: 5 }],
    [{ edges: [1, 1] }],
    [{ edges: [2, 1] }],
    [{ edges: [Number.NaN] }],
    [{ edges: [Infinity] }],
    [{ edges: [2 ** 53] }],
    [{ edges: ["1"] }],
    [{ edges: Array.from({ length: 256 }, (_, at) => at) }],
    [{ edges: [1], limit: 5 }],
    [{ edges: [1], tieBreak: { scores: [{ name: "x" }] } }],
    [{ edges: [1], order: "up" }],
  ])("%j is refused", (options) => {
    expect(() => shardedSettings("a", options as never)).toThrow(expect.objectContaining({ code: "DEFINITION" }));
  });

  test("every score lies in one shard, at or above its edge", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.double({ noNaN: true }), { minLength: 1 }),
        fc.double({ noNaN: true }),
        (given, x) => {
          const rising = given.toSorted((a, b) => a - b);
          expect(shardOf(rising, x)).toBe(rising.filter((edge) => edge <= x).length);
        },
      ),
      { seed },
    );
  });

  test("edges are proposed so that shards have about as many members", () => {
    const sample = Array.from({ length: 10_000 }, (_, at) => ((at * 7919) % 10_007) ** 2);
    const proposed = proposeEdges(sample, 8);
    expect(() => shardedSettings("a", { edges: proposed })).not.toThrow();
    const counts = Array.from({ length: 8 }, () => 0);
    for (const points of sample) counts[shardOf(proposed, points)]! += 1;
    for (const count of counts) expect(Math.abs(count - 1250)).toBeLessThanOrEqual(1);
    expect(proposeEdges([5, 5, 5, 5, 5, 9], 4)).toEqual([9]);
    expect(proposeEdges([1, 2, 2, 2, 2, 3], 3)).toEqual([2]);
    for (const bad of [[], [1], [1, 1], [1, Number.NaN]]) expect(() => proposeEdges(bad, 2)).toThrow(/proposeEdges/);
    expect(() => proposeEdges([1, 2], 1)).toThrow(/shards/);
  });
});
