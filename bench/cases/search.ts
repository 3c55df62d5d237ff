// Searches: 100 rows with their total on the search engine, and first pages on the scan engine.
// Server-bound, so every contestant has a server with nothing else on it.
import { type City, loadCities } from "../data.ts";
import {
  flatten,
  type FlatCity,
  IndexedCity,
  IndexedJsonCity,
  omSchema,
  plain,
  ScannedCity,
  unflatten,
} from "../entities.ts";
import { type Case, type Contestant, gate, type Race, type Scale } from "../race.ts";
import { createRawIndex, fromJson, fromPairs, readHashes, saveHashes, saveJson } from "../raw-city.ts";
import { indexed, type Rig } from "../rig.ts";

type Storage = "hash" | "json";

const country = "IT";
const pageSize = 100;
const firstPage = 20;
const searchesPerRun = 20;
const loadedAtOnce = 1000;

async function eachThousand(cities: readonly City[], save: (cities: City[]) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < cities.length; at += loadedAtOnce) {
    // oxlint-disable-next-line no-await-in-loop -- in order, so that every index meets the records in the same order
    await save(cities.slice(at, at + loadedAtOnce));
  }
}

/** A contestant that asks the same question several times and keeps the last answer. */
function asking<T>(
  parts: Pick<Contestant, "name" | "server">,
  searches: number,
  ask: () => Promise<T>,
  read: (answer: T) => readonly City[],
): Contestant {
  let answer: T | undefined;
  return {
    ...parts,
    async run() {
      for (let at = 0; at < searches; at += 1) {
        // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
        answer = await ask();
      }
    },
    rows: () => Promise.resolve(answer === undefined ? [] : read(answer)),
  };
}

interface Found {
  readonly total: number;
  readonly items: readonly City[];
}

async function openSearch(rig: Rig, { stored, singles }: Scale, storage: Storage): Promise<Race> {
  const cities = loadCities(stored);
  const matching = cities.filter((city) => city.country === country);
  const searches = Math.min(searchesPerRun, singles);
  const total = ({ total: found, items }: Found): readonly City[] => {
    if (found !== matching.length) throw new Error(`a total of ${found} instead of ${matching.length}`);
    return items.map(plain);
  };
  const contestants = [
    await rawSearch(rig, storage, cities, searches, total),
    await remoraSearch(rig, storage, cities, searches, total),
    await omSearch(rig, storage, cities, searches, total),
  ];
  return { operations: searches, expected: matching, some: Math.min(pageSize, matching.length), contestants };
}

async function rawSearch(
  rig: Rig,
  storage: Storage,
  cities: readonly City[],
  searches: number,
  read: (found: Found) => readonly City[],
): Promise<Contestant> {
  const server = await rig.server("search", "raw");
  const { raw } = server;
  const namespace = rig.namespace();
  const index = `${namespace}:index`;
  await createRawIndex(raw, index, `${namespace}:{city}:`, storage);
  const save = storage === "hash" ? saveHashes : saveJson;
  await eachThousand(cities, (part) => save(raw, `${namespace}:{city}:`, part));
  await indexed(raw, index);
  const returned = storage === "hash" ? [] : ["RETURN", "1", "$"];
  const words = [index, "@country:{$country}", ...returned, "LIMIT", "0", String(pageSize)];
  const tail = ["PARAMS", "2", "country", country, "DIALECT", "2"];
  return asking(
    { name: "raw", server },
    searches,
    async () => {
      const [total, ...rows] = (await raw.call("FT.SEARCH", ...words, ...tail)) as [number, ...(string | string[])[]];
      const items: City[] = [];
      for (let at = 1; at < rows.length; at += 2) {
        const pairs = rows[at] as string[];
        items.push(storage === "hash" ? fromPairs(pairs) : fromJson(pairs[1] as string));
      }
      return { total, items };
    },
    read,
  );
}

async function remoraSearch(
  rig: Rig,
  storage: Storage,
  cities: readonly City[],
  searches: number,
  read: (found: Found) => readonly City[],
): Promise<Contestant> {
  const server = await rig.server("search", "remora");
  const database = await rig.remora(server, rig.namespace());
  const repository = storage === "hash" ? database.repository(IndexedCity) : undefined;
  const jsonRepository = storage === "json" ? database.repository(IndexedJsonCity) : undefined;
  const some = repository ?? jsonRepository;
  await some?.indexes.sync();
  await eachThousand(cities, async (part) => some?.insertMany(part));
  await some?.indexes.ready();
  const ask =
    repository === undefined
      ? jsonRepository?.query().where("country").eq(country).limit(pageSize)
      : repository.query().where("country").eq(country).limit(pageSize);
  return asking({ name: "remora", server }, searches, async () => (await ask?.page()) ?? { total: 0, items: [] }, read);
}

async function omSearch(
  rig: Rig,
  storage: Storage,
  cities: readonly City[],
  searches: number,
  read: (found: Found) => readonly City[],
): Promise<Contestant> {
  const server = await rig.server("search", "redis-om");
  const client = await rig.redisOm(server);
  const repository = client.fetchRepository(omSchema(`${rig.namespace()}:{city}`, storage));
  await repository.createIndex();
  const convert = storage === "hash" ? flatten : (city: City): City => ({ ...city });
  await eachThousand(cities, (part) => Promise.all(part.map((city) => repository.save(city.id, convert(city)))));
  const back = storage === "hash" ? (city: City): City => unflatten(city as unknown as FlatCity) : plain;
  return asking(
    { name: "redis-om", server },
    searches,
    async () => {
      const search = repository.search().where("country").equals(country);
      // It gives rows and total by two searches.
      const items = (await search.return.page(0, pageSize)) as unknown as City[];
      return { total: await search.return.count(), items };
    },
    ({ total, items }) => read({ total, items: items.map(back) }),
  );
}

/** The hand-written scan: a set of ids per country, a sorted set by population, and HGETALL of the page. */
async function openScan(rig: Rig, { stored, singles }: Scale, ordered: boolean): Promise<Race> {
  const cities = loadCities(stored);
  const limit = ordered ? pageSize : firstPage;
  const searches = Math.min(searchesPerRun, singles);
  const least = 50_000;
  const expected = ordered
    ? cities
        .filter(({ population }) => population >= least)
        .sort((left, right) => left.population - right.population || (left.id < right.id ? -1 : 1))
    : cities.filter((city) => city.country === country).sort((left, right) => (left.id < right.id ? -1 : 1));

  const rawServer = await rig.server("plain", "raw");
  const { raw } = rawServer;
  const namespace = rig.namespace();
  const prefix = `${namespace}:{city}:`;
  await eachThousand(cities, async (part) => {
    await saveHashes(raw, prefix, part);
    const pipeline = raw.pipeline();
    for (const city of part) {
      pipeline.sadd(`${namespace}:country:${city.country}`, city.id);
      pipeline.zadd(`${namespace}:population`, city.population, city.id);
    }
    await pipeline.exec();
  });
  const ids = ordered
    ? (): Promise<string[]> => raw.zrange(`${namespace}:population`, least, "+inf", "BYSCORE", "LIMIT", 0, limit)
    : async (): Promise<string[]> => (await raw.smembers(`${namespace}:country:${country}`)).sort().slice(0, limit);

  const server = await rig.server("plain", "remora");
  const database = await rig.remora(server, rig.namespace(), { engine: "scan" });
  const repository = database.repository(ScannedCity);
  await repository.indexes.sync();
  await eachThousand(cities, (part) => repository.insertMany(part));
  const query = ordered
    ? repository.query().where("population").gte(least).orderBy("population").limit(limit)
    : repository.query().where("country").eq(country).limit(limit);
  return {
    operations: searches,
    expected: expected.slice(0, limit),
    contestants: [
      asking(
        { name: "raw", server: rawServer },
        searches,
        async () => readHashes(raw, prefix, await ids()),
        (rows) => rows,
      ),
      asking(
        { name: "remora", server },
        searches,
        () => query.all(),
        (rows) => rows.map(plain),
      ),
    ],
  };
}

/** Searches. */
export const searchCases: readonly Case[] = [
  {
    name: "search",
    title: "100 rows with total, hash",
    measure: "time",
    gates: [gate("search, hash", 1.1, 1.05)],
    open: (rig, scale) => openSearch(rig, scale, "hash"),
  },
  {
    name: "search-json",
    title: "100 rows with total, JSON",
    measure: "time",
    gates: [gate("search, JSON", 1.1, 1.05)],
    open: (rig, scale) => openSearch(rig, scale, "json"),
  },
  {
    name: "scan-first-page",
    title: "first 20 of a filter, scan engine",
    measure: "time",
    gates: [],
    open: (rig, scale) => openScan(rig, scale, false),
  },
  {
    name: "scan-page",
    title: "100 rows in order, scan engine",
    measure: "time",
    gates: [gate("scan page of 100, hydrated", 0.4)],
    open: (rig, scale) => openScan(rig, scale, true),
  },
];
