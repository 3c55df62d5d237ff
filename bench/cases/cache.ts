// Cached values: hits of getOrSet and of a wrapped function, against a GET whose text is parsed.
// The values are cities, as JSON; validated on the way where the mapper does it.
import { cache } from "remora/toolkit";

import { type City, loadCities } from "../data.ts";
import { citySchema, plain } from "../entities.ts";
import { type Case, type Contestant, gate, type Race, type Scale } from "../race.ts";
import type { Rig } from "../rig.ts";

async function open(rig: Rig, { singles }: Scale, wrapped: boolean): Promise<Race> {
  const server = await rig.server("plain");
  const cities = loadCities(singles);
  const byId = new Map(cities.map((city) => [city.id, city]));
  const prefix = rig.namespace();
  const { raw } = server;
  for (const city of cities) {
    // oxlint-disable-next-line no-await-in-loop -- not timed
    await raw.set(`${prefix}:cache:{city:${city.id}}:v`, JSON.stringify(city));
  }
  const load = (id: string): City => byId.get(id) as City;
  const db = await rig.remora(server, rig.namespace());
  const cached = cache(db, "city", { schema: citySchema, ttl: 3600 });
  const find = cached.wrap(load, { name: "find" });
  const ask = wrapped ? (id: string) => find(id) : (id: string) => cached.getOrSet(id, () => load(id));
  // Loaded once, so that what is timed are hits.
  for (const { id } of cities) {
    // oxlint-disable-next-line no-await-in-loop
    await ask(id);
  }
  const contestant = (name: string, one: (id: string) => Promise<City>): Contestant => {
    let found: City[] = [];
    return {
      name,
      server,
      async run() {
        const rows: City[] = [];
        for (const { id } of cities) {
          // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
          rows.push(await one(id));
        }
        found = rows;
      },
      // Dates come out as text where nobody but JSON looked at them.
      rows: () => Promise.resolve(found.map((city) => plain({ ...city, founded: new Date(city.founded) }))),
    };
  };
  return {
    operations: cities.length,
    expected: cities,
    contestants: [
      contestant("raw", async (id) => {
        const text = (await raw.get(`${prefix}:cache:{city:${id}}:v`)) as string;
        return JSON.parse(text) as City;
      }),
      contestant("remora", ask),
    ],
  };
}

/** Caches. */
export const cacheCases: readonly Case[] = [
  {
    name: "cache-hit",
    title: "a hit of getOrSet, against GET and JSON.parse",
    measure: "time",
    gates: [gate("getOrSet, hit", 1.15)],
    open: (rig, scale) => open(rig, scale, false),
  },
  {
    name: "cache-wrapped",
    title: "a hit of a wrapped function, against GET and JSON.parse",
    measure: "time",
    gates: [gate("wrapped function, hit", 1.15)],
    open: (rig, scale) => open(rig, scale, true),
  },
];
