// Boards whose rows carry entities: by every read, one round trip more, as the repository reads them.
// On every server and every storage that it has.
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";

import { connect, type Database, defineEntity, range, type Repository } from "remora";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { trips } from "../behaviour/sent.ts";
import { describeLegs } from "../setup/legs.ts";

const schema = z.object({ id: z.string(), nick: z.string(), left: z.date().optional() });
const definitions = {
  hash: defineEntity({ name: "hashed", schema, ttl: {} }),
  json: defineEntity({ name: "jsoned", schema, storage: "json", ttl: {} }),
  string: defineEntity({ name: "texted", schema, storage: "string", ttl: {} }),
  spread: defineEntity({ name: "spread", schema, partitions: 5, ttl: {} }),
};
const Member = defineEntity({
  name: "member",
  schema,
  index: { left: range() },
  softDelete: "left",
});

describeLegs("joined boards", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "joined");
  let db: Database;
  beforeAll(async () => {
    db = await connect(leg.url, { namespace: namespace.name });
  });
  afterAll(async () => {
    await db.close();
    await namespace[Symbol.asyncDispose]();
  });

  const kinds = (["hash", "json", "string", "spread"] as const).filter((kind) => kind !== "json" || leg.json);
  test.each(kinds)("every read gives entities: %s", async (kind) => {
    const players = db.repository(definitions[kind]) as Repository<(typeof definitions)["hash"]>;
    await players.insertMany(["ada", "bob", "eve", "kim"].map((id) => ({ id, nick: id.toUpperCase() })));
    const board = db.leaderboard(`of-${kind}`, { join: players, ties: "competition" });
    const scores = { ada: 9, bob: 7, eve: 7, kim: 2, nobody: 1 };
    await board.submitMany(Object.entries(scores).map(([member, score]) => ({ member, score })));
    // What the first reads of a process ask once is not counted.
    await board.top();

    const entity = (id: string) => (id === "nobody" ? null : { id, nick: id.toUpperCase() });
    const all = ["ada", "bob", "eve", "kim", "nobody"];
    const expected = all.map((member, at) => ({
      member,
      score: scores[member as keyof typeof scores],
      rank: [1, 2, 2, 4, 5][at],
      at: expect.any(Date) as Date,
      entity: entity(member),
    }));
    const counted = async <T>(read: () => Promise<T>, most = 2): Promise<T> => {
      let result: T | undefined;
      expect(await trips(async () => void (result = await read()))).toBe(most);
      return result as T;
    };
    expect(await counted(() => board.top(10))).toEqual(expected);
    expect(await counted(() => board.bottom(2))).toEqual([expected[4], expected[3]]);
    expect(await counted(() => board.page(2, 2))).toEqual({ items: [expected[2], expected[3]], total: 5 });
    expect(await counted(() => board.around("bob", 1))).toEqual(expected.slice(0, 3));
    expect(await counted(() => board.between(2, 7))).toEqual(expected.slice(1, 4));
    expect(await counted(() => board.among(["nobody", "kim"]))).toEqual([
      { ...expected[3], rank: 1 },
      { ...expected[4], rank: 2 },
    ]);
    expect(await counted(() => board.ranksOf(["eve", "stranger", "nobody"]))).toEqual([expected[2], null, expected[4]]);
    expect(await counted(() => board.ranksOf(["stranger"]), 1)).toEqual([null]);
    expect(await counted(() => board.neighbours("bob"))).toEqual({
      row: expected[1],
      ahead: { member: "ada", score: 9, points: 2, entity: entity("ada") },
      behind: { member: "kim", score: 2, points: 5, entity: entity("kim") },
    });
    const rows = [];
    for await (const row of board.entries({ batch: 2 })) rows.push(row);
    expect(rows).toEqual(expected);

    await db.redis.call("PEXPIREAT", players.key("eve"), "1");
    await players.delete("kim");
    expect((await board.top()).map((row) => row.entity?.id ?? null)).toEqual(["ada", "bob", null, null, null]);
  });

  test("members lead to ids, and entities come as the repository is told to read them", async () => {
    const members = db.repository(Member);
    await members.indexes.sync();
    await members.insertMany([
      { id: "1", nick: "one" },
      { id: "2", nick: "two" },
    ]);
    await members.delete("2");
    const board = db.leaderboard("mapped", { join: { repository: members, id: (member) => member.slice(1) } });
    await board.submitMany([
      { member: "#1", score: 1 },
      { member: "#2", score: 2 },
    ]);
    expect((await board.top()).map((row) => row.entity?.nick ?? null)).toEqual([null, "one"]);
    expect((await board.top(5, { withDeleted: true })).map((row) => row.entity?.nick)).toEqual(["two", "one"]);
    await db.redis.call("HDEL", members.key("1"), "nick");
    await expectFailure(board.top(), "CORRUPT_ENTITY");
    const corrupt: string[] = [];
    const rows = await board.top(5, { onCorrupt: (error) => corrupt.push(error.id ?? "") });
    expect([rows.map(({ entity }) => entity), corrupt]).toEqual([[null, null], ["1"]]);
    expect((await board.top(5, { validate: "none" }))[1]?.entity).toMatchObject({ id: "1" });
  });

  test("what is no repository is refused", () => {
    expect(() => db.leaderboard("a", { join: {} as never })).toThrow(/join is a repository/);
    expect(() => db.leaderboard("a", { join: { repository: {} } as never })).toThrow(/join is a repository/);
    expect(() => db.leaderboard("a", { join: null as never })).toThrow(/join is a repository/);
    const repository = db.repository(Member);
    expect(() => db.leaderboard("a", { join: { repository, id: "x" } as never })).toThrow(/join is a repository/);
  });
});
