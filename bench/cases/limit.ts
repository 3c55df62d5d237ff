// Rate limits, against a bare EVALSHA of the very same script with the same keys and arguments.
// Every caller takes in turn, and nobody is refused.
import { createHash } from "node:crypto";

import type { Redis } from "ioredis";
import { type LimitRule, rateLimit } from "remora/toolkit";

import { limitScript } from "../../src/toolkit/limit-scripts.ts";
import { type City, loadCities } from "../data.ts";
import { type Case, gate } from "../race.ts";

/** Cities are the callers. */
const callers = 50;
const window = 3600;
/** More than any run takes. */
const plenty = 1_000_000;

const bound = 1.2;

/** One rule of a case; the words of its script are those that ours is told. */
interface Subject {
  readonly name: string;
  readonly title: string;
  readonly rule: LimitRule;
  readonly words: readonly string[];
}

const subjects: readonly Subject[] = [
  {
    name: "limit-gcra",
    title: "a rate limit (gcra), against its bare EVALSHA",
    rule: { algorithm: "gcra", limit: plenty, window },
    words: [String(plenty), String((window * 1_000_000) / plenty)],
  },
  {
    name: "limit-counter",
    title: "a rate limit (slidingCounter), against its bare EVALSHA",
    rule: { algorithm: "slidingCounter", limit: plenty, window },
    words: [String(plenty), String(window * 1_000_000)],
  },
  {
    name: "limit-log",
    title: "a rate limit (slidingLog), against its bare EVALSHA",
    rule: { algorithm: "slidingLog", limit: 100_000, window },
    words: ["100000", String(window * 1_000_000)],
  },
];

async function inTurn(cities: readonly City[], take: (caller: string) => Promise<boolean>): Promise<City[]> {
  const allowed: City[] = [];
  // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
  for (const city of cities) if (await take(city.id)) allowed.push(city);
  return allowed;
}

function limitCase({ name, title, rule, words }: Subject): Case {
  return {
    name,
    title,
    measure: "time",
    gates: [gate(title, bound)],
    open: async (rig, { singles }) => {
      const server = await rig.server("plain");
      const [namespace, other] = [rig.namespace(), rig.namespace()];
      const { lua } = limitScript([rule.algorithm], "take");
      await server.raw.script("LOAD", lua);
      const sha = createHash("sha1").update(lua).digest("hex");
      const bare = async (redis: Redis, caller: string): Promise<boolean> => {
        const tag = `${namespace}:limit:{bench:${caller}}`;
        const keys = [`${tag}:block`, `${tag}:${rule.algorithm}:${window * 1000}`];
        const [allowed] = (await redis.evalsha(sha, 2, ...keys, "1", ...words)) as number[];
        return allowed === 1;
      };
      const limit = rateLimit(await rig.remora(server, other), "bench", rule);
      const cities = loadCities(callers);
      const expected = Array.from({ length: singles }, (_, at) => cities[at % callers] as City);
      const contestant = (contender: string, take: (caller: string) => Promise<boolean>) => {
        let allowed: City[] = [];
        return {
          name: contender,
          server,
          run: async () => {
            allowed = await inTurn(expected, take);
          },
          rows: () => Promise.resolve(allowed),
        };
      };
      return {
        operations: singles,
        expected,
        contestants: [
          contestant("raw", (caller) => bare(server.raw, caller)),
          contestant("remora", async (caller) => (await limit.take(caller)).allowed),
        ],
      };
    },
  };
}

/** Rate limits. */
export const limitCases: readonly Case[] = subjects.map(limitCase);
