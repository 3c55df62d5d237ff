// Leaderboards over entities: whatever is done to entities, the boards say what a sorted array of them does, at once.
// On every server, storage and engine.
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";

import { connect, defineEntity, inc, leaderboard, range, unset } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectSame } from "../leaderboard/compare.ts";
import { Model } from "../leaderboard/model.ts";
import { runs, seed } from "../property/seed.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix, type Opened } from "./matrix.ts";

const racer = (storage: Storage) =>
  defineEntity({
    name: "racer",
    storage,
    schema: z.object({
      id: z.string(),
      points: z.number().nullable(),
      stats: z.object({ pace: z.number() }),
      rating: z.number().optional(),
      level: z.number().optional(),
      wins: z.int(),
      cards: z.number(),
      gone: z.date().optional(),
    }),
    index: {
      points: leaderboard({ ties: "competition", tieBreak: "member" }),
      "stats.pace": leaderboard({ order: "asc", ties: "dense" }),
      rating: leaderboard({
        ties: "competition",
        tieBreak: { fields: [{ field: "wins" }, { field: "cards", order: "asc" }] },
      }),
      level: [range(), leaderboard({ order: "asc", ties: "dense", tieBreak: "member" })],
      gone: range(),
    },
    softDelete: "gone",
    ttl: {},
  });
type Racer = ReturnType<typeof racer>;
interface Row {
  id: string;
  points: number | null;
  stats: { pace: number };
  rating?: number | undefined;
  level?: number | undefined;
  wins: number;
  cards: number;
}

const ids = ["a", "b", "B", "ab", "é", "\u{1F600}", "0000000000000001"];
const row = (id: string, more: Partial<Row> = {}): Row => ({
  ...{ id, points: 1, stats: { pace: 1 }, rating: 1, level: 1, wins: 1, cards: 1 },
  ...more,
});

// What is undefined is not there; properties may come in any order.
const properties = ["cards", "id", "level", "pace", "points", "rating", "stats", "wins"];
const textOf = (entity: object | null | undefined) => JSON.stringify(entity, properties);

/** The boards of a type, and what they should say. */
class Boards {
  readonly #models = {
    points: new Model({ order: "desc", keep: "last", ties: "competition", breaks: "member", subs: [] }),
    "stats.pace": new Model({ order: "asc", keep: "last", ties: "dense", breaks: "time", subs: [] }),
    rating: new Model({ order: "desc", keep: "last", ties: "competition", breaks: "scores", subs: ["desc", "asc"] }),
    level: new Model({ order: "asc", keep: "last", ties: "dense", breaks: "member", subs: [] }),
  };
  readonly rows = new Map<string, Row>();

  saved(entity: Row): void {
    this.rows.set(entity.id, entity);
    this.#scored("points", entity, entity.points);
    this.#scored("stats.pace", entity, entity.stats.pace);
    this.#scored("rating", entity, entity.rating, [entity.wins, entity.cards]);
    this.#scored("level", entity, entity.level);
  }

  #scored(path: keyof Boards["models"], { id }: Row, score: number | null | undefined, subs: number[] = []): void {
    if (typeof score === "number") this.#models[path].submit(id, score, subs, false);
    else this.#models[path].remove([id]);
  }

  get models() {
    return this.#models;
  }

  removed(id: string): void {
    this.rows.delete(id);
    for (const model of Object.values(this.#models)) model.remove([id]);
  }

  /** Every read of every board; gives the entities that came in other than they are. */
  async compare({ repository }: Pick<Opened<Racer>, "repository">): Promise<unknown[]> {
    const others: unknown[] = [];
    for (const [path, model] of Object.entries(this.#models)) {
      const board = repository.leaderboard(path as keyof Boards["models"]);
      // eslint-disable-next-line no-await-in-loop -- one after another
      await expectSame(board as never, model, ids);
      // eslint-disable-next-line no-await-in-loop
      const rows = await board.top(100);
      others.push(...rows.filter(({ member, entity }) => textOf(entity) !== textOf(this.rows.get(member))));
    }
    return others;
  }
}

const score = fc.constantFrom(0, 1, 2, -1, 0.5, -0.25, 2 ** 40, -(2 ** 40) - 0.5, 1e21, 1e-7);
const one = fc.record({
  id: fc.constantFrom(...ids),
  points: fc.option(score),
  stats: fc.record({ pace: score }),
  rating: fc.option(score, { nil: undefined }),
  level: fc.option(score, { nil: undefined }),
  wins: fc.constantFrom(0, 1, 2, -3),
  cards: fc.constantFrom(0, 1, -0.5, 2.25),
});
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("save" as const), row: one }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("expiring" as const), row: one }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("saveMany" as const),
      rows: fc.uniqueArray(one, { selector: ({ id }) => id, minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("set" as const), row: one }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("inc" as const), row: one }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), row: one }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restore" as const), row: one }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("purge" as const), row: one }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("together" as const), row: one, other: one }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function run(
  { repository, db, raw, type }: Opened<Racer> & { readonly type: Racer },
  boards: Boards,
  deleted: Map<string, Row>,
  next: Step,
): Promise<void> {
  if (next.kind === "saveMany") {
    await repository.saveMany(next.rows);
    for (const each of next.rows) {
      deleted.delete(each.id);
      boards.saved(each);
    }
    return;
  }
  const { id } = next.row;
  const held = boards.rows.get(id);
  switch (next.kind) {
    case "save":
      await repository.save(next.row, { ttl: null });
      deleted.delete(id);
      boards.saved(next.row);
      break;
    case "expiring":
      await repository.save(next.row, { ttl: { ms: 1 } });
      await serverTimePassed(raw, new Date((await serverTime(raw)) + 1));
      deleted.delete(id);
      boards.removed(id);
      break;
    case "set": {
      if (held === undefined) break;
      const { points, stats, wins } = next.row;
      await repository.update(id, { points, stats, wins });
      boards.saved({ ...held, points, stats, wins });
      break;
    }
    case "inc": {
      if (held === undefined) break;
      const after = { ...held, stats: { pace: held.stats.pace + 1 }, cards: held.cards + 0.5 };
      await repository.update(id, { "stats.pace": inc(1), cards: inc(0.5) });
      boards.saved(after);
      break;
    }
    case "delete":
      if (held !== undefined) deleted.set(id, held);
      expect(await repository.delete(id)).toBe(held !== undefined);
      boards.removed(id);
      break;
    case "restore": {
      const before = deleted.get(id);
      expect(await repository.restore(id)).toBe(before !== undefined);
      deleted.delete(id);
      if (before !== undefined) boards.saved(before);
      break;
    }
    case "purge":
      await repository.purge(id);
      deleted.delete(id);
      boards.removed(id);
      break;
    case "together": {
      await db.transaction(async (transaction) => {
        const racers = transaction.repository(type);
        await racers.save(next.row);
        if (next.other.id !== id) await racers.save(next.other);
      });
      for (const each of next.other.id === id ? [next.row] : [next.row, next.other]) {
        deleted.delete(each.id);
        boards.saved(each);
      }
    }
  }
}

describeMatrix("leaderboards over entities", ({ open, storage, engine, leg }) => {
  test("say what a sorted array says, whatever is done to entities", { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const type = racer(storage);
      const opened = { ...(await open(() => type)), type };
      const boards = new Boards();
      const deleted = new Map<string, Row>();
      // eslint-disable-next-line no-await-in-loop -- one after another
      for (const next of steps) await run(opened, boards, deleted, next);
      expect(await boards.compare(opened)).toEqual([]);
      expect(await opened.repository.indexes.verify()).toMatchObject({ found: 0 });
    });
    await fc.assert(property, { seed, numRuns: runs(3) });
  });

  test("do not show who has died, from the first moment on, nor count them", async () => {
    const { repository, raw } = await open(racer);
    const points = repository.leaderboard("points");
    const pace = repository.leaderboard("stats.pace");
    await repository.insertMany(
      Array.from({ length: 450 }, (_, at) => row(`m${at}`, { points: at, stats: { pace: at } })),
    );
    // Times that are set past the saves, which would sweep on their way.
    const [prefix] = repository.key("x").split("x");
    const dying = Array.from({ length: 420 }, (_, at) => `m${at + 20}`);
    await Promise.all(
      dying.flatMap((id) => [raw("ZADD", prefix!.replace(/:$/, "$e"), 1, id), raw("PEXPIREAT", `${prefix}${id}`, 1)]),
    );
    expect(await points.total()).toBe(30);
    expect((await points.top(11)).map(({ member }) => member)).toEqual([
      ...Array.from({ length: 10 }, (_, at) => `m${449 - at}`),
      "m19",
    ]);
    expect(await pace.rankOf("m440")).toBe(21);
    expect(await points.countBetween(15, 1000)).toBe(15);
    expect((await repository.indexes.status()).garbage).toBe(0);
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
    // And one whose time passes by itself.
    await repository.save(row("short", { points: 5000 }), { ttl: { ms: 5 } });
    await serverTimePassed(raw, new Date((await serverTime(raw)) + 5));
    expect((await points.top(1))[0]?.member).toBe("m449");
  });

  test("follow what is done by query, by import and in bulk", async () => {
    const { repository } = await open(racer);
    const level = repository.leaderboard("level");
    const order = async () => (await level.top()).map(({ member, rank }) => `${member} ${rank}`);
    const lines = ["a", "b", "c", "d"].map((id, at) => JSON.stringify(row(id, { level: at + 1 })));
    expect(await repository.import(lines.join("\n"))).toMatchObject({ imported: 4, failed: 0 });
    expect(await order()).toEqual(["a 1", "b 2", "c 3", "d 4"]);
    await repository
      .query()
      .where("level")
      .lte(2)
      .update({ level: inc(2) });
    expect(await order()).toEqual(["a 1", "c 1", "b 2", "d 2"]);
    await repository.patchMany([
      { id: "a", patch: { level: 9 } },
      { id: "d", patch: { level: unset() } },
    ]);
    expect(await order()).toEqual(["c 1", "b 2", "a 3"]);
    await repository.query().where("level").gte(9).delete();
    expect(await order()).toEqual(["c 1", "b 2"]);
    await repository.deleteMany(["c", "d"]);
    expect(await order()).toEqual(["b 1"]);
    expect([await repository.expire("b", 1000), await repository.persist("b")]).toEqual([true, true]);
    expect(await order()).toEqual(["b 1"]);
  });

  test("rows say what breaks ties, and since when; the board itself cannot be written", async () => {
    const { repository, raw } = await open(racer);
    const before = await serverTime(raw);
    await repository.insert(row("{a}:*", { rating: 5, wins: -3, cards: 0.1 }));
    const pace = repository.leaderboard("stats.pace");
    const [first] = await pace.top();
    expect(first?.member).toBe("{a}:*");
    expect(first?.at.getTime()).toBeGreaterThanOrEqual(before);
    expect(await pace.rankOf("{a}:*")).toBe(1);
    expect((await pace.among(["{a}:*", "b"]))[0]?.entity?.id).toBe("{a}:*");
    // A save that leaves the score as it is leaves its time, too.
    await repository.save(row("{a}:*", { rating: 5, wins: -3, cards: 0.1, points: 8 }));
    expect((await pace.top())[0]?.at).toEqual(first?.at);
    expect((await repository.leaderboard("rating").top())[0]?.scores).toEqual({ wins: -3, cards: 0.1 });
    // The entities are the truth: what would write the board itself is not there.
    expect(["submit", "increment", "remove", "trim", "clear"].filter((name) => name in pace)).toEqual([]);
    await expectFailure(pace.rankOf(""), "VALIDATION");
    await expectFailure(pace.top(0), "VALIDATION");
    await expectFailure(pace.page(0), "VALIDATION");
    await expectFailure(pace.scoreAt(2), "VALIDATION");
    expect(() => repository.leaderboard("wins" as never)).toThrow(/has no leaderboard/);
  });

  test("are made for what is stored already, and mended when they drifted", async () => {
    const plain = () =>
      defineEntity({
        name: "racer",
        storage,
        schema: racer(storage).schema,
        index: { gone: range() },
        softDelete: "gone",
        ttl: {},
      });
    const { repository: earlier, namespace, raw } = await open(plain);
    await earlier.insertMany([...ids.keys()].map((at) => row(ids[at] as string, { points: at, level: at % 2 })));
    await earlier.delete("b");
    const other = await connect(leg.url, { namespace, engine });
    const repository = other.repository(racer(storage));
    await expectFailure(repository.leaderboard("points").top(), "INDEX_NOT_READY");
    await repository.indexes.sync();
    const board = repository.leaderboard("points");
    const pace = repository.leaderboard("stats.pace");
    expect((await board.top()).map(({ score }) => score)).toEqual([6, 5, 4, 3, 2, 0]);
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });

    const since = (await pace.ranksOf(ids)).map((found) => found?.at);
    await repository.indexes.sync({ rebuild: true });
    expect((await pace.ranksOf(ids)).map((found) => found?.at)).toEqual(since);

    const internal = repository.key("x").replace(/:x$/, "$");
    await raw("ZADD", `${internal}b:points`, 77, "a");
    await raw("ZADD", `${internal}b:points`, 5, "nobody");
    await raw("ZREM", `${internal}b:points`, "B");
    await raw("ZADD", `${internal}bd:level`, 12, "12");
    await raw("ZREM", `${internal}bd:level`, "1");
    await raw("HDEL", `${internal}bt:rating`, "a");
    await raw("HSET", `${internal}bt:stats.pace`, "nobody", "1");
    await raw("ZADD", `${internal}b:stats.pace`, 1, "0000000000000000000nobody");
    const found = await repository.indexes.verify();
    expect(found.found).toBeGreaterThanOrEqual(7);
    expect(new Set(found.findings.map(({ field }) => field))).toEqual(
      new Set(["points", "level", "rating", "stats.pace"]),
    );
    await repository.indexes.repair();
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
    expect((await board.top()).map(({ score }) => score)).toEqual([6, 5, 4, 3, 2, 0]);
    expect((await repository.leaderboard("level").top()).map(({ rank }) => rank)).toEqual([1, 1, 1, 1, 2, 2]);
    await other.close();
  });
});
