// What a board in shards must be when everything has settled: each member once, where its score belongs, and nothing left to do.
// Looked at past the mapper.
import { expect } from "vitest";

import type { ShardedLeaderboardOptions } from "remora";
import { shardOf } from "../../src/leaderboard/sharded-options.ts";
import type { Raw } from "../behaviour/matrix.ts";
import { Model } from "./model.ts";

/** The model of a board in shards: it does not know of them. */
export function shardedModel({
  order = "desc",
  keep = "best",
  ties = "ordinal",
  tieBreak = "time",
}: ShardedLeaderboardOptions): Model {
  return new Model({ order, keep, ties, breaks: tieBreak, subs: [] });
}

/** What the shards hold: member, score and shard, in the order of members. */
async function placesOf(
  raw: Raw,
  namespace: string,
  name: string,
  { edges, tieBreak = "time" }: ShardedLeaderboardOptions,
): Promise<[member: string, score: number, shard: number][]> {
  const shards = Array.from({ length: edges.length + 1 }, (_, at) => at);
  const found = await Promise.all(
    shards.map(async (shard) => {
      const flat = (await raw("ZRANGE", `${namespace}:{${name}.${shard}}#z`, 0, -1, "WITHSCORES")) as string[];
      const rows = flat.flatMap((text, at) => (at % 2 === 0 ? [[text, Number(flat[at + 1])] as const] : []));
      return rows.map(([text, score]): [string, number, number] => [
        tieBreak === "time" ? text.slice(19) : text,
        score,
        shard,
      ]);
    }),
  );
  return found.flat().sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Expects every member of the model once, in the shard of its score, as the directory says, and nothing unsettled. */
export async function expectWhole(
  raw: Raw,
  namespace: string,
  name: string,
  options: ShardedLeaderboardOptions,
  model: Model,
): Promise<void> {
  const expected = model
    .rows()
    .map(({ member, score }): [string, number, number] => [member, score, shardOf(options.edges, score)]);
  expected.sort(([a], [b]) => (a < b ? -1 : 1));
  expect(await placesOf(raw, namespace, name, options)).toEqual(expected);
  const entries: [string, number, number][] = [];
  for (let shard = 0; shard <= options.edges.length; shard += 1) {
    const key = `${namespace}:{${name}.${shard}}#`;
    expect(await raw("ZCARD", `${key}p`)).toBe(0);
    const flat = (await raw("HGETALL", `${key}e`)) as string[];
    for (const [at, member] of flat.entries()) {
      const [, place, score, , stale] = (flat[at + 1] ?? "").split(" ");
      if (at % 2 > 0) continue;
      expect(stale).toBe("-");
      entries.push([member, Number(score), Number(place)]);
    }
    // Every place has its version and, where ties go by time, its text; no other has.
    const places = expected.filter(([, , at]) => at === shard).length;
    const given = Number(await raw("ZCARD", `${key}x`));
    expect(await raw("HLEN", `${key}v`)).toBe(places + given);
    if ((options.tieBreak ?? "time") === "time") expect(await raw("HLEN", `${key}t`)).toBe(places);
    if (options.ties === "dense") {
      const distinct = new Set(expected.filter(([, , at]) => at === shard).map(([, score]) => score)).size;
      expect([await raw("ZCARD", `${key}d`), await raw("HLEN", `${key}c`)]).toEqual([distinct, distinct]);
    }
  }
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  expect(entries).toEqual(expected);
}
