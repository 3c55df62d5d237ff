// Boards on a cluster of three nodes: an ordinary one on the node of its slot, one in shards on all of them.
// Every call as on a single server.
import { afterAll, beforeAll, expect, test } from "vitest";

import { type BoardRow, connect, type Database } from "remora";
import { type OwnCluster, ownCluster } from "../redis/own-cluster.ts";
import { Model } from "./model.ts";
import { shardedModel } from "./shards.ts";

let cluster: OwnCluster;
let db: Database;
beforeAll(async () => {
  cluster = await ownCluster();
  db = await connect({ cluster: cluster.nodes.slice(0, 1) }, { namespace: "boards" });
});
afterAll(async () => {
  await db.close();
  await cluster.stop();
});

const work = Array.from({ length: 400 }, (_, at) => ({ member: `m${at % 97}`, score: ((at * 7919) % 1009) - 100 }));
const plain = ({ member, score, rank }: BoardRow): object => ({ member, score, rank, subs: [] });

test.each(["apple", "banana", "cherry"])("an ordinary board: %s", async (name) => {
  const board = db.leaderboard(name, { ties: "dense", limit: 60 });
  const model = new Model({ order: "desc", keep: "best", ties: "dense", breaks: "time", subs: [] });
  for (const { member, score } of work) model.submit(member, score, [], false);
  // Only the best of each is submitted, so that none was dropped with a worse one.
  const best = new Map(model.rows().map(({ member, score }) => [member, score]));
  model.remove(
    model
      .rows()
      .slice(60)
      .map(({ member }) => member),
  );
  await board.submitMany([...best].map(([member, score]) => ({ member, score })));
  const rows = model.rows();
  expect((await board.top(100)).map(plain)).toEqual(rows);
  expect((await board.page(2, 25)).items.map(plain)).toEqual(rows.slice(25, 50));
  expect((await board.ranksOf(rows.map(({ member }) => member))).map((row) => row?.rank)).toEqual(
    rows.map(({ rank }) => rank),
  );
  expect((await board.around(rows[30]?.member ?? "", 2)).map(plain)).toEqual(rows.slice(28, 33));
  expect(await board.removeBetween(-1000, 500)).toBe(rows.filter(({ score }) => score <= 500).length);
  await board.clear();
});

test.each(["ordinal", "competition", "dense"] as const)("a board in shards: %s", async (ties) => {
  const options = { ties, keep: "last", tieBreak: "member", edges: [0, 200, 400, 600, 800] } as const;
  const board = db.shardedLeaderboard(`world-${ties}`, options);
  const model = shardedModel(options);
  for (const { member, score } of work) model.submit(member, score, [], false);
  for (let from = 0; from < work.length; from += 100) await board.submitMany(work.slice(from, from + 100));
  for (const keys of await cluster.keysByNode()) {
    expect(keys.some((key) => key.startsWith(`boards:{world-${ties}.`) && key.endsWith("#z"))).toBe(true);
  }
  const rows = model.rows();
  expect((await board.top(200)).map(plain)).toEqual(rows);
  expect((await board.top(3)).map(plain)).toEqual(rows.slice(0, 3));
  const page = await board.page(3, 20);
  expect([page.total, page.items.map(plain)]).toEqual([97, rows.slice(40, 60)]);
  const members = rows.map(({ member }) => member);
  expect((await board.ranksOf(members)).map((row) => row && plain(row))).toEqual(rows);
  for (const at of [0, 40, 96]) {
    const start = Math.max(0, Math.min(at - 5, 97 - 11));
    expect((await board.around(members[at] as string)).map(plain)).toEqual(rows.slice(start, start + 11));
  }
  expect((await board.among(["m1", "m2", "nobody"])).map(plain)).toEqual(model.rows((name) => /^m[12]$/.test(name)));
  expect(await board.percentileOf(members[0] as string)).toBe(1);
  expect(await board.countBetween(100, 700)).toBe(rows.filter(({ score }) => score >= 100 && score <= 700).length);
  const streamed: object[] = [];
  for await (const row of board.entries({ batch: 7 })) streamed.push(plain(row));
  expect(streamed).toEqual(rows);
  expect(await board.remove(members.slice(0, 50))).toBe(50);
  expect([await board.total(), await board.repair()]).toEqual([47, 0]);
  await board.clear();
  expect((await cluster.keys()).filter((key) => key.startsWith(`boards:{world-${ties}.`))).toEqual([]);
});
