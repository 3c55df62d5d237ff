// Reads by id: HGETALL, JSON.GET and JSON.MGET against findById and findByIds.
// Every contestant reads the documents it wrote itself.
import { type City, loadCities } from "../data.ts";
import { flatten, type FlatCity, JsonCity, omSchema, plain, PlainCity, unflatten } from "../entities.ts";
import { type Case, type Contestant, gate, type Race, type Scale } from "../race.ts";
import { fromHash, fromJson, readHashes, readJson, saveHashes, saveJson } from "../raw-city.ts";
import type { BenchServer, Rig } from "../rig.ts";

type Storage = "hash" | "json";

/** What a contestant can do: read one, or many at once. */
interface Reader {
  readonly name: string;
  readonly one: (id: string) => Promise<City | null>;
  readonly many: (ids: string[]) => Promise<readonly (City | null)[]>;
  /** From what was read to a plain city, outside the time. */
  readonly plain: (found: City) => City;
}

async function rawReader(rig: Rig, { raw }: BenchServer, storage: Storage, cities: readonly City[]): Promise<Reader> {
  const prefix = `${rig.namespace()}:{city}:`;
  await (storage === "hash" ? saveHashes : saveJson)(raw, prefix, cities);
  return {
    name: "raw",
    one:
      storage === "hash"
        ? async (id) => fromHash(await raw.hgetall(prefix + id))
        : async (id) => fromJson((await raw.call("JSON.GET", prefix + id)) as string),
    many: (ids) => (storage === "hash" ? readHashes : readJson)(raw, prefix, ids),
    plain,
  };
}

async function remoraReader(rig: Rig, server: BenchServer, storage: Storage, cities: readonly City[]): Promise<Reader> {
  const database = await rig.remora(server, rig.namespace());
  const repository = database.repository(storage === "hash" ? PlainCity : JsonCity);
  await repository.insertMany([...cities]);
  return { name: "remora", one: (id) => repository.findById(id), many: (ids) => repository.findByIds(ids), plain };
}

async function omReader(rig: Rig, server: BenchServer, storage: Storage, cities: readonly City[]): Promise<Reader> {
  const client = await rig.redisOm(server);
  const repository = client.fetchRepository(omSchema(`${rig.namespace()}:{city}`, storage));
  await Promise.all(cities.map((city) => repository.save(city.id, storage === "hash" ? flatten(city) : { ...city })));
  return {
    name: "redis-om",
    one: async (id) => (await repository.fetch(id)) as City,
    many: async (ids) => (await repository.fetch(ids)) as City[],
    plain: storage === "hash" ? (city) => unflatten(city as unknown as FlatCity) : plain,
  };
}

async function open(rig: Rig, { records, singles, batches }: Scale, storage: Storage, several: boolean): Promise<Race> {
  const server = await rig.server("search");
  const cities = loadCities(records);
  const ids = cities.map(({ id }) => id);
  const readers = [
    await rawReader(rig, server, storage, cities),
    await remoraReader(rig, server, storage, cities),
    await omReader(rig, server, storage, cities),
  ];
  const asked = several ? ids : Array.from({ length: singles }, (_, at) => ids[at % ids.length] as string);
  const contestants = readers.map((reader): Contestant => {
    let found: readonly (City | null)[] = [];
    return {
      name: reader.name,
      server,
      async run() {
        if (several) {
          for (let batch = 0; batch < batches; batch += 1) {
            // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
            found = await reader.many(ids);
          }
          return;
        }
        const rows: (City | null)[] = [];
        for (const id of asked) {
          // oxlint-disable-next-line no-await-in-loop
          rows.push(await reader.one(id));
        }
        found = rows;
      },
      rows: () => Promise.resolve(found.flatMap((city) => (city === null ? [] : [reader.plain(city)]))),
    };
  });
  const byId = new Map(cities.map((city) => [city.id, city]));
  return {
    operations: several ? ids.length * batches : asked.length,
    expected: asked.map((id) => byId.get(id) as City),
    contestants,
  };
}

function reading(name: string, title: string, storage: Storage, several: boolean, gates: Case["gates"]): Case {
  return {
    name,
    title,
    measure: several ? "throughput" : "time",
    gates,
    open: (rig, scale) => open(rig, scale, storage, several),
  };
}

/** Reads by id. */
export const findCases: readonly Case[] = [
  reading("find-one", "find by id, hash", "hash", false, [gate("findById, hash", 1.08, 1.03, true)]),
  reading("find-one-json", "find by id, JSON", "json", false, [gate("findById, JSON", 1.08, 1.03, true)]),
  reading("find-many", "find 1000 by ids, hash", "hash", true, [gate("findByIds, hash", 1.25, 1.45, true)]),
  reading("find-many-json", "find 1000 by ids, JSON", "json", true, [gate("findByIds, JSON", 0.9, 0.95, true)]),
];
