// Single saves, one after another: HSET against a save with version check and time to live in one script call.
// The time of a call, since nothing overlaps.
import { changed, type City, grown, loadCities } from "../data.ts";
import { flatten, type FlatCity, LockedCity, omSchema, plain, PlainCity, unflatten } from "../entities.ts";
import { type Case, type Contestant, gate, type Race, type Scale } from "../race.ts";
import { readHashes, saveHashes, toHash } from "../raw-city.ts";
import type { BenchServer, Rig } from "../rig.ts";

const hour = 3600;

/** What one writes by hand for a save that checks the version and ends in an hour. */
const guardedSave = `#!lua
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`;

interface Workload {
  readonly ids: readonly string[];
  readonly at: (round: number) => readonly City[];
}

function workload({ singles }: Scale): Workload {
  const cities = loadCities(singles);
  const variants = [cities, grown(cities, 1)] as const;
  return { ids: cities.map(({ id }) => id), at: (round) => (round % 2 === 0 ? variants[0] : variants[1]) };
}

async function raw(rig: Rig, server: BenchServer, load: Workload, expiring: boolean): Promise<Contestant> {
  const prefix = `${rig.namespace()}:{city}:`;
  await saveHashes(server.raw, prefix, load.at(0));
  let cities: readonly City[] = [];
  const one = expiring
    ? (city: City): Promise<unknown> =>
        server.raw
          .pipeline()
          .hset(prefix + city.id, toHash(city))
          .expire(prefix + city.id, hour)
          .exec()
    : (city: City): Promise<unknown> => server.raw.hset(prefix + city.id, toHash(city));
  return {
    name: expiring ? "raw + EXPIRE" : "raw",
    server,
    before(round) {
      cities = load.at(round);
      return Promise.resolve();
    },
    run: () => inTurn(cities, one),
    rows: () => readHashes(server.raw, prefix, load.ids),
  };
}

async function rawGuarded(rig: Rig, server: BenchServer, load: Workload): Promise<Contestant> {
  const prefix = `${rig.namespace()}:{city}:`;
  const { raw } = server;
  await saveHashes(raw, prefix, load.at(0));
  await Promise.all(load.ids.map((id) => raw.hset(prefix + id, "version", 1)));
  const sha = String(await raw.script("LOAD", guardedSave));
  let cities: readonly City[] = [];
  let version = 0;
  return {
    name: "raw script",
    server,
    before(round) {
      cities = load.at(round);
      version += 1;
      return Promise.resolve();
    },
    run: () =>
      inTurn(cities, async (city) => {
        const words = Object.entries(toHash(city)).flat();
        const saved = await raw.evalsha(sha, 1, prefix + city.id, version, hour * 1000, ...words);
        if (saved !== 1) throw new RangeError(`${city.id} is not at version ${version}`);
      }),
    rows: () => readHashes(raw, prefix, load.ids),
  };
}

async function remora(rig: Rig, server: BenchServer, load: Workload, locked: boolean): Promise<Contestant> {
  const database = await rig.remora(server, rig.namespace());
  const cities = database.repository(locked ? LockedCity : PlainCity);
  type Input = Parameters<typeof cities.save>[0];
  let stored: Input[] = [];
  for (const outcome of (await cities.insertMany([...load.at(0)])).outcomes) {
    if (outcome.ok) stored.push(outcome.entity);
  }
  let inputs: Input[] = [];
  return {
    name: locked ? "remora" : "remora, no version or ttl",
    server,
    before(round) {
      inputs = load.at(round).map((city, at) => changed(stored[at], city));
      stored = [];
      return Promise.resolve();
    },
    run: () =>
      inTurn(inputs, async (input) => {
        stored.push(await cities.save(input));
      }),
    async rows() {
      return (await cities.findByIds(load.ids)).map((city) => plain(city as City));
    },
  };
}

async function redisOm(rig: Rig, server: BenchServer, load: Workload): Promise<Contestant> {
  const client = await rig.redisOm(server);
  const cities = client.fetchRepository(omSchema(`${rig.namespace()}:{city}`, "hash"));
  let inputs: FlatCity[] = [];
  return {
    name: "redis-om",
    server,
    before(round) {
      inputs = load.at(round).map(flatten);
      return Promise.resolve();
    },
    run: () =>
      inTurn(inputs, async (input) => {
        await cities.save(input.id, { ...input });
        await cities.expire(input.id, hour);
      }),
    async rows() {
      return (await cities.fetch([...load.ids])).map((city) => unflatten(city as FlatCity));
    },
  };
}

async function inTurn<T>(items: readonly T[], save: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) {
    // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
    await save(item);
  }
}

async function open(rig: Rig, scale: Scale): Promise<Race> {
  const server = await rig.server("search");
  const load = workload(scale);
  const contestants = [
    await raw(rig, server, load, false),
    await raw(rig, server, load, true),
    await remora(rig, server, load, true),
    await remora(rig, server, load, false),
    await redisOm(rig, server, load),
  ];
  return { operations: load.ids.length, expected: load.at(0), contestants };
}

async function openGuarded(rig: Rig, scale: Scale): Promise<Race> {
  const server = await rig.server("search");
  const load = workload(scale);
  const contestants = [await rawGuarded(rig, server, load), await remora(rig, server, load, true)];
  return { operations: load.ids.length, expected: load.at(0), contestants };
}

/** Single saves. */
export const saveOneCases: readonly Case[] = [
  {
    name: "save-one",
    title: "save one, version and ttl",
    measure: "time",
    gates: [gate("save one, version and ttl", 1.2, 1.12, true)],
    open,
  },
  {
    name: "save-one-guarded",
    title: "save one, version and ttl, against a script by hand",
    measure: "time",
    gates: [gate("save one, against a script by hand", 1.2, 1.12, true)],
    open: openGuarded,
  },
];
