// Leaderboards of cities by population: ranks, surroundings, submitted scores and friends, against the bare commands and redis-rank.
// Ties go by member, so that all of them keep the same sorted set.
import type { Redis } from "ioredis";
import { Leaderboard as RedisRank } from "redis-rank";
import type { Leaderboard } from "remora";

import { type City, grown, loadCities } from "../data.ts";
import { plain, PlainCity } from "../entities.ts";
import { type Case, gate, type Race, type Scale } from "../race.ts";
import { fromHash, saveHashes } from "../raw-city.ts";
import type { BenchServer, Rig } from "../rig.ts";

const options = { tieBreak: "member", keep: "last" } as const;
const friendsAtOnce = 200;
/** A single call would be lost in the noise; each asks about others. */
const repeats = 30;
const million = 1_000_000;
const topAtOnce = 100;
const side = 5;

type Board = Leaderboard<typeof options>;

/** What is asked about cities; the number stands in place of its population in the rows that are compared. */
interface Question {
  /** How many cities one run asks about. */
  readonly asked: (scale: Scale) => number;
  readonly raw: (redis: Redis, key: string, cities: readonly City[], turn: number) => Promise<number[]>;
  readonly remora: (board: Board, cities: readonly City[], turn: number) => Promise<number[]>;
  readonly redisRank?: (board: RedisRank, cities: readonly City[], turn: number) => Promise<number[]>;
  /** Operations of one run, where many are asked about at once. */
  readonly operations?: (asked: number) => number;
  /** Further members of the board, which nobody asks about. */
  readonly others?: number;
}

async function fill(redis: Redis, key: string, cities: readonly Pick<City, "id" | "population">[]): Promise<void> {
  for (let at = 0; at < cities.length; at += 1000) {
    const words = cities.slice(at, at + 1000).flatMap(({ id, population }) => [population, id]);
    // oxlint-disable-next-line no-await-in-loop -- in parts, not timed
    await redis.zadd(key, ...words);
  }
}

async function inTurn(cities: readonly City[], ask: (city: City, at: number) => Promise<number>): Promise<number[]> {
  const answers: number[] = [];
  // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
  for (const [at, city] of cities.entries()) answers.push(await ask(city, at));
  return answers;
}

/** Asks about so many at once, and about others the next time. */
function friends<T>(ask: (target: T, cities: readonly City[]) => Promise<number[]>) {
  return async (target: T, cities: readonly City[]): Promise<number[]> => {
    const answers: number[] = [];
    for (let from = 0; from < cities.length; from += friendsAtOnce) {
      // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
      answers.push(...(await ask(target, cities.slice(from, from + friendsAtOnce))));
    }
    return answers;
  };
}

const others = (count: number): Pick<City, "id" | "population">[] =>
  Array.from({ length: count }, (_, at) => ({ id: `other:${at}`, population: Math.imul(at, 0x9e3779b1) >>> 8 }));

async function open(rig: Rig, scale: Scale, question: Question): Promise<Race> {
  const server: BenchServer = await rig.server("plain");
  const cities = loadCities(scale.stored);
  const asked = grown(cities.slice(0, question.asked(scale)), 1);
  const [namespace, other, third] = [rig.namespace(), rig.namespace(), rig.namespace()];
  const [key, ours, theirs] = [namespace, other, third].map((each) => `${each}:{cities}#z`) as [string, string, string];
  const members = [...cities, ...asked, ...others(question.others ?? 0)];
  for (const each of question.redisRank === undefined ? [key, ours] : [key, ours, theirs])
    // oxlint-disable-next-line no-await-in-loop -- in turn, not timed
    await fill(server.raw, each, members);
  const board = (await rig.remora(server, other)).leaderboard("cities", options);
  await board.submit(asked[0]?.id ?? "", asked[0]?.population ?? 0);
  const peer = new RedisRank(server.raw, theirs, { sortPolicy: "high-to-low", updatePolicy: "replace" });
  const expected = await question.raw(server.raw, key, asked, 0);
  const rows = (answers: readonly number[]): City[] =>
    asked.map((city, at) => Object.assign({}, city, { population: answers[at] }));
  const contestant = (name: string, ask: (turn: number) => Promise<number[]>) => {
    let answers: number[] = [];
    let turn = -1;
    return {
      name,
      server,
      run: async () => {
        answers = await ask((turn += 1));
      },
      rows: () => Promise.resolve(rows(answers)),
    };
  };
  const redisRank = question.redisRank as NonNullable<Question["redisRank"]>;
  return {
    operations: question.operations?.(asked.length) ?? asked.length,
    expected: rows(expected),
    contestants: [
      contestant("raw", (turn) => question.raw(server.raw, key, asked, turn)),
      contestant("remora", (turn) => question.remora(board, asked, turn)),
      ...(question.redisRank === undefined ? [] : [contestant("redis-rank", (turn) => redisRank(peer, asked, turn))]),
    ],
  };
}

const topRows = 100;

/** Fields of a city's hash, in the order in which they are asked for. */
const cityFields = [
  ...["id", "name", "country", "feature", "population", "elevation", "capital", "founded", "tags", "location"],
  ...["admin.code", "admin.zone"],
];

async function topByHand(redis: Redis, key: string, prefix: string): Promise<City[]> {
  const rows = await redis.zrange(key, "0", String(topRows - 1), "REV", "WITHSCORES");
  const pipeline = redis.pipeline();
  for (let at = 0; at < rows.length; at += 2) pipeline.hmget(prefix + (rows[at] as string), ...cityFields);
  return ((await pipeline.exec()) ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    const hash: Record<string, string> = {};
    for (const [at, value] of (reply as (string | null)[]).entries()) hash[cityFields[at] as string] = value ?? "";
    return fromHash(hash);
  });
}

async function openEntities(rig: Rig, scale: Scale): Promise<Race> {
  const server: BenchServer = await rig.server("plain");
  const cities = loadCities(scale.records);
  const [namespace, other] = [rig.namespace(), rig.namespace()];
  const [key, prefix] = [`${namespace}:{cities}#z`, `${namespace}:{city}:`];
  await fill(server.raw, key, cities);
  await saveHashes(server.raw, prefix, cities);
  const db = await rig.remora(server, other);
  const repository = db.repository(PlainCity);
  await repository.insertMany([...cities]);
  await fill(server.raw, `${other}:{cities}#z`, cities);
  const board = db.leaderboard("cities", { ...options, join: repository });
  const contestant = (name: string, ask: () => Promise<City[]>) => {
    let rows: City[] = [];
    return {
      name,
      server,
      run: async () => {
        // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
        for (let at = 0; at < repeats; at += 1) rows = await ask();
      },
      rows: () => Promise.resolve(rows.map(plain)),
    };
  };
  return {
    operations: repeats,
    expected: await topByHand(server.raw, key, prefix),
    contestants: [
      contestant("raw", () => topByHand(server.raw, key, prefix)),
      contestant("remora", async () => (await board.top(topRows)).map(({ entity }) => entity as City)),
    ],
  };
}

function boardCase(name: string, title: string, bound: number, question: Question): Case {
  return {
    name,
    title,
    measure: "time",
    gates: [gate(title, bound)],
    open: (rig, scale) => open(rig, scale, question),
  };
}

/** Cities in the middle of the board, whose surroundings the bare command is told. */
const places = new Map<string, number>();

/** Leaderboards. */
export const boardCases: readonly Case[] = [
  boardCase("board-rank", "rank of a member, against ZREVRANK", 1.1, {
    asked: ({ singles }) => singles,
    raw: (redis, key, cities) => inTurn(cities, async ({ id }) => Number(await redis.zrevrank(key, id)) + 1),
    remora: (board, cities) => inTurn(cities, async ({ id }) => Number(await board.rankOf(id))),
    redisRank: (board, cities) => inTurn(cities, async ({ id }) => Number(await board.rank(id))),
  }),
  boardCase("board-around", "a member and 5 on each side, against ZREVRANK and ZRANGE", 1.1, {
    asked: ({ singles }) => singles,
    raw: (redis, key, cities) =>
      inTurn(cities, async ({ id }) => {
        const place = Number(await redis.zrevrank(key, id));
        const start = Math.max(0, place - side);
        const rows = await redis.zrange(key, String(start), String(start + 2 * side), "REV", "WITHSCORES");
        return rows.indexOf(id) / 2 + start + 1;
      }),
    remora: (board, cities) =>
      inTurn(cities, async ({ id }) => (await board.around(id, side)).find(({ member }) => member === id)?.rank ?? 0),
    redisRank: (board, cities) =>
      inTurn(cities, async ({ id }) => (await board.around(id, side, true)).find((row) => row.id === id)?.rank ?? 0),
  }),
  boardCase("board-around-bare", "the same, against a ZRANGE that knows the place", 1.1, {
    asked: ({ singles }) => singles,
    raw: (redis, key, cities) =>
      inTurn(cities, async ({ id }) => {
        const known = places.get(id) ?? Number(await redis.zrevrank(key, id));
        places.set(id, known);
        const start = Math.max(0, known - side);
        const rows = await redis.zrange(key, String(start), String(start + 2 * side), "REV", "WITHSCORES");
        return rows.indexOf(id) / 2 + start + 1;
      }),
    remora: (board, cities) =>
      inTurn(cities, async ({ id }) => (await board.around(id, side)).find(({ member }) => member === id)?.rank ?? 0),
  }),
  boardCase("board-top", "the top 100, against ZRANGE", 1.2, {
    asked: ({ singles }) => singles,
    raw: (redis, key, cities) =>
      inTurn(cities, async (_, at) => {
        const rows = await redis.zrange(key, "0", String(topAtOnce - 1), "REV", "WITHSCORES");
        return Number(rows[2 * (at % topAtOnce) + 1]);
      }),
    remora: (board, cities) =>
      inTurn(cities, async (_, at) => (await board.top(topAtOnce))[at % topAtOnce]?.score ?? 0),
    redisRank: (board, cities) =>
      inTurn(cities, async (_, at) => (await board.top(topAtOnce))[at % topAtOnce]?.score ?? 0),
  }),
  boardCase("board-submit", "a new score with its rank, against ZADD and ZREVRANK in a pipeline", 1.3, {
    asked: ({ singles }) => singles,
    raw: (redis, key, cities, turn) =>
      inTurn(cities, async ({ id, population }) => {
        const replies = await redis
          .pipeline()
          .zadd(key, population + (turn % 2), id)
          .zrevrank(key, id)
          .exec();
        return Number(replies?.[1]?.[1]) + 1;
      }),
    remora: (board, cities, turn) =>
      inTurn(cities, async ({ id, population }) => (await board.submit(id, population + (turn % 2))).rank),
    redisRank: (board, cities, turn) =>
      inTurn(cities, async ({ id, population }) => {
        await board.updateOne(id, population + (turn % 2));
        return Number(await board.rank(id));
      }),
  }),
  ...[0, million].map((count) =>
    boardCase(
      count === 0 ? "board-friends" : "board-friends-million",
      `200 friends in order${count === 0 ? "" : ", of a million"}, against 200 ZREVRANKs in a pipeline`,
      0.2,
      {
        asked: () => friendsAtOnce * repeats,
        operations: (asked) => asked / friendsAtOnce,
        others: count,
        raw: (redis, key, all) =>
          friends(async (target: Redis, cities) => {
            const pipeline = target.pipeline();
            for (const { id } of cities) pipeline.zrevrank(key, id);
            const ranks = ((await pipeline.exec()) ?? []).map(([, place]) => Number(place));
            const order = cities.map((_, at) => at).toSorted((a, b) => (ranks[a] as number) - (ranks[b] as number));
            const among: number[] = [];
            for (const [rank, at] of order.entries()) among[at] = rank + 1;
            return among;
          })(redis, all),
        remora: friends(async (board: Board, cities) => {
          const rows = await board.among(cities.map(({ id }) => id));
          const ranks = new Map(rows.map(({ member, rank }) => [member, rank]));
          return cities.map(({ id }) => ranks.get(id) ?? 0);
        }),
      },
    ),
  ),
  {
    name: "board-entities",
    title: "top 100 with their entities, against ZRANGE and HMGET in a pipeline",
    measure: "time",
    gates: [gate("top 100 with entities", 1.2)],
    open: openEntities,
  },
];
