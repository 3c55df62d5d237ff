// Saves that change little, and saves that count together: the difference against the whole, a transaction against a bulk call.
// Large documents for the first, since small ones are sent whole.
import { changed, type City, grown, loadCities } from "../data.ts";
import { LockedCity, LongCity, plain } from "../entities.ts";
import { type Case, type Contestant, gate, type Race, type Scale } from "../race.ts";
import { fromHash, toHash } from "../raw-city.ts";
import type { BenchServer, Rig } from "../rig.ts";

/** Fields of a thousand characters beside a city's own. */
const pages = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`page${at}`, String(at).padEnd(1000, "~")]));
const inTransaction = 10;

interface Workload {
  readonly cities: readonly City[];
  readonly at: (round: number) => readonly City[];
}

function workload(count: number): Workload {
  const cities = loadCities(count);
  const variants = [cities, grown(cities, 1)] as const;
  return { cities, at: (round) => (round % 2 === 0 ? variants[0] : variants[1]) };
}

async function raw(
  rig: Rig,
  { raw: client, ...server }: BenchServer,
  load: Workload,
  many: boolean,
): Promise<Contestant> {
  const prefix = `${rig.namespace()}:{city}:`;
  let [cities, version]: [readonly City[], number] = [[], 0];
  const stamp = Date.now();
  return {
    name: "raw",
    server: { raw: client, ...server },
    before(round) {
      [cities, version] = [load.at(round), version + 1];
      return Promise.resolve();
    },
    async run() {
      const wordsOf = (city: City): Record<string, string | number> =>
        Object.assign(toHash(city), pages, { version, createdAt: stamp, updatedAt: stamp });
      if (!many) {
        // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
        for (const city of cities) await client.hset(prefix + city.id, wordsOf(city));
        return;
      }
      const pipeline = client.pipeline();
      for (const city of cities) pipeline.hset(prefix + city.id, wordsOf(city));
      await pipeline.exec();
    },
    rows: () => Promise.all(load.cities.map(async ({ id }) => fromHash(await client.hgetall(prefix + id)))),
  };
}

async function remora(
  rig: Rig,
  server: BenchServer,
  load: Workload,
  many: boolean,
  dirtySaves: boolean,
): Promise<Contestant> {
  const database = await rig.remora(server, rig.namespace(), { dirtySaves });
  const cities = database.repository(LongCity);
  type Input = Parameters<typeof cities.save>[0];
  const ids = load.cities.map(({ id }) => id);
  await cities.insertMany(load.at(0).map((city) => Object.assign({}, city, pages) as Input));
  let inputs: Input[] = [];
  return {
    name: dirtySaves ? "remora" : "remora, whole",
    server,
    async before(round) {
      const stored = await cities.findByIds(ids);
      inputs = load.at(round).map((city, at) => changed(stored[at] as Input, city));
    },
    async run() {
      // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
      if (!many) for (const input of inputs) await cities.save(input);
      else await cities.saveMany(inputs);
    },
    async rows() {
      return (await cities.findByIds(ids)).map((city) => plain(city as unknown as City));
    },
  };
}

async function together(rig: Rig, server: BenchServer, load: Workload, transaction: boolean): Promise<Contestant> {
  const database = await rig.remora(server, rig.namespace());
  const cities = database.repository(LockedCity);
  type Input = Parameters<typeof cities.save>[0];
  const ids = load.cities.map(({ id }) => id);
  await cities.insertMany([...load.at(0)]);
  let tens: Input[][] = [];
  const run = async (inputs: readonly Input[]): Promise<unknown> => {
    if (!transaction) return cities.saveMany(inputs);
    return database.transaction(async (tx) => {
      const own = tx.repository(LockedCity);
      // oxlint-disable-next-line no-await-in-loop -- nothing is sent before the end
      for (const input of inputs) await own.save(input);
    });
  };
  return {
    name: transaction ? "remora" : "saveMany of ten",
    server,
    async before(round) {
      const stored = await cities.findByIds(ids);
      const inputs = load.at(round).map((city, at) => changed(stored[at] as Input, city));
      tens = [];
      for (let at = 0; at < inputs.length; at += inTransaction) tens.push(inputs.slice(at, at + inTransaction));
    },
    async run() {
      for (const ten of tens) {
        // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
        await run(ten);
      }
    },
    async rows() {
      return (await cities.findByIds(ids)).map((city) => plain(city as City));
    },
  };
}

async function openChanged(rig: Rig, count: number, many: boolean): Promise<Race> {
  const server = await rig.server("search");
  const load = workload(count);
  const contestants = [
    await raw(rig, server, load, many),
    await remora(rig, server, load, many, true),
    await remora(rig, server, load, many, false),
  ];
  return { operations: load.cities.length, expected: load.at(0), contestants };
}

async function openTogether(rig: Rig, { singles }: Scale): Promise<Race> {
  const server = await rig.server("search");
  const load = workload(singles);
  const contestants = [await together(rig, server, load, false), await together(rig, server, load, true)];
  return { operations: load.cities.length, expected: load.at(0), contestants };
}

/** Saves of differences, and transactions. */
export const changeCases: readonly Case[] = [
  {
    name: "save-changed",
    title: "save one of 20 kB that was read, one field changed",
    measure: "throughput",
    gates: [],
    open: (rig, { singles }) => openChanged(rig, singles, false),
  },
  {
    name: "save-many-changed",
    title: "save many of 20 kB that were read, one field changed",
    measure: "throughput",
    gates: [gate("saves of changed entities, against full HSETs", 3, 3.9)],
    open: (rig, { records }) => openChanged(rig, Math.min(records, 500), true),
  },
  {
    name: "transaction",
    title: "ten saves in a transaction, against a bulk call",
    measure: "time",
    gates: [gate("transaction of ten entities", 1.3)],
    open: openTogether,
  },
];
