// What a definition costs: the first one of a process, when nothing is warm, and those after it.
// Against its zod schema alone, which the application would have in any case.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { type City, loadCities } from "../data.ts";
import { defineCity, defineSchema } from "../definition.ts";
import { atMost, type Case, type Contestant, type Race, type Scale } from "../race.ts";

type Flavour = "raw" | "remora";

// Both kinds give what accepts the cities, and that is asked of them.
const makers: Readonly<Record<Flavour, () => (city: City) => City>> = {
  raw() {
    const schema = defineSchema();
    return (city) => schema.parse(city);
  },
  remora() {
    const { metadata } = defineCity();
    return (city) => {
      const validated = metadata.validate(city);
      return (validated.ok ? validated.value : {}) as unknown as City;
    };
  },
};

function contestant(flavour: Flavour, cities: readonly City[], definitions: number): Contestant {
  let accept = makers[flavour]();
  return {
    name: flavour,
    run() {
      for (let at = 0; at < definitions; at += 1) accept = makers[flavour]();
      return Promise.resolve();
    },
    rows: () => Promise.resolve(cities.map((city) => accept(city))),
  };
}

// From sources, when tests run it, node needs the loader that runs them.
const program = import.meta.url.endsWith(".ts")
  ? ["--import", "tsx", fileURLToPath(new URL("../define-first.ts", import.meta.url))]
  : [fileURLToPath(new URL("define-first.mjs", import.meta.url))];
const start = promisify(execFile);

function firstContestant(flavour: Flavour, cities: readonly City[]): Contestant {
  let took = Number.NaN;
  return {
    ...contestant(flavour, cities, 1),
    async run() {
      const { stdout } = await start(process.execPath, [...program, flavour]);
      took = Number(stdout);
    },
    took: () => took,
  };
}

function open({ singles }: Scale, first: boolean): Race {
  const cities = loadCities(10);
  const operations = first ? 1 : singles;
  const made = (flavour: Flavour): Contestant =>
    first ? firstContestant(flavour, cities) : contestant(flavour, cities, operations);
  return { operations, expected: cities, contestants: [made("raw"), made("remora")] };
}

/** Definitions of entity types. */
export const defineCases: readonly Case[] = [
  {
    name: "define-first",
    title: "the first definition of a process, no server",
    measure: "time",
    gates: [atMost("the first definition, beside its schema", 5000, "µs more")],
    open: (_rig, scale) => Promise.resolve(open(scale, true)),
  },
  {
    name: "define",
    title: "a definition after the first, no server",
    measure: "time",
    gates: [atMost("a definition", 5000, "µs")],
    open: (_rig, scale) => Promise.resolve(open(scale, false)),
  },
];
