// Bulk saves next to what one would write by hand with ioredis, in the same run, taking turns.
// The hand-written side checks nothing, validates nothing and is not atomic: it is the floor, not an equal.
import type { RedisClient, Repository } from "../../src/index.ts";
import { City, type CityInput } from "./city.ts";
import { median, say, table, whole } from "./screen.ts";
import type { Engine, Stage } from "./stage.ts";

const rounds = 7;
const batch = 2000;

/** One way to store a batch of cities. */
interface Contender {
  readonly name: string;
  readonly writes: string;
  /** Name of the contender that its speed is divided by. */
  readonly beside?: string;
  readonly store: (cities: readonly CityInput[]) => Promise<void>;
}

/** Measures, and prints cities per second and ratios. */
export async function showThroughput(stage: Stage, cities: readonly CityInput[]): Promise<void> {
  const contenders = (await Promise.all(stage.engines.map((engine) => contendersOf(stage, engine)))).flat();
  const some = cities.slice(0, batch);
  const speeds = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    const fresh = some.map((city) => ({ ...city, id: `${round}-${city.id ?? ""}` }));
    // Whoever begins changes from round to round.
    const first = round % contenders.length;
    for (const { name, store } of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const started = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- taking turns is the purpose
      await store(fresh);
      // The first round warms up.
      if (round > 0) speeds.get(name)?.push((fresh.length / (performance.now() - started)) * 1000);
    }
  }
  const speedOf = (name: string): number => median(speeds.get(name) ?? []);
  const ratio = (name: string, to: string | undefined): string =>
    to === undefined || to === name ? "" : (speedOf(name) / speedOf(to)).toFixed(2);
  const rows = contenders.map(({ name, writes, beside }) => [
    name,
    writes,
    whole(speedOf(name)),
    ratio(name, beside),
    ratio(name, "ioredis, bare"),
  ]);
  const right = ["cities per second", "to the line above", "to bare HSET"];
  table(["", "writes", ...right], rows, { right });
  say(
    `Batches of ${whole(some.length)} new cities, median of ${rounds - 1} rounds; ratios of speed, above 1 is faster.`,
  );
}

async function contendersOf(stage: Stage, engine: Engine): Promise<Contender[]> {
  const [bare, raw, mapped] = await Promise.all([
    stage.connect(engine, "bare"),
    stage.connect(engine, "raw"),
    stage.connect(engine, "bulk"),
  ]);
  const [bareCities, rawCities, mappedCities] = [bare.repository(City), raw.repository(City), mapped.repository(City)];
  // On the search engine, what is written by hand lies in the prefix of an index as well.
  await Promise.all([rawCities.indexes.sync(), mappedCities.indexes.sync()]);
  const remora = async (cities: readonly CityInput[]): Promise<void> => {
    const { failed } = await mappedCities.saveMany(cities);
    if (failed[0] !== undefined) throw failed[0].error;
  };
  if (engine === "search") {
    return [
      {
        name: "ioredis, search",
        writes: "HSET, indexed by the server",
        store: (cities) => storeByHand(raw.redis, rawCities, cities, false),
      },
      { name: "remora, search", writes: "the same, checked and atomic", beside: "ioredis, search", store: remora },
    ];
  }
  return [
    {
      name: "ioredis, bare",
      writes: "HSET, no index",
      store: (cities) => storeByHand(bare.redis, bareCities, cities, false),
    },
    {
      name: "ioredis, sets",
      writes: "HSET and index entries",
      store: (cities) => storeByHand(raw.redis, rawCities, cities, true),
    },
    { name: "remora, scan", writes: "the same, checked and atomic", beside: "ioredis, sets", store: remora },
  ];
}

async function storeByHand(
  redis: RedisClient,
  repository: Repository<typeof City>,
  cities: readonly CityInput[],
  withIndexes: boolean,
): Promise<void> {
  const pipeline = redis.pipeline();
  for (const { id = "", name, country, roles, population, location } of cities) {
    const key = repository.key(id);
    const point = `${location.longitude},${location.latitude}`;
    const size = population === null ? [] : ["population", population];
    const fields = ["id", id, "name", name, "country", country, "roles", JSON.stringify(roles), "location", point];
    pipeline.call("HSET", key, ...fields, "version", 1, ...size);
    if (!withIndexes) continue;
    const index = (field: string): string => `${key.slice(0, -id.length)}by:${field}`;
    const words = name.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
    pipeline.call("ZADD", index("id"), 0, id);
    pipeline.call("ZADD", index("name"), 0, `${name}\u0000${id}`);
    pipeline.call("SADD", index(`name:${name}`), id);
    pipeline.call("SADD", index(`country:${country}`), id);
    for (const role of roles) pipeline.call("SADD", index(`role:${role}`), id);
    for (const word of words) pipeline.call("SADD", index(`word:${word}`), id);
    if (population !== null) pipeline.call("ZADD", index("population"), population, id);
  }
  for (const [error] of (await pipeline.exec()) ?? []) {
    if (error !== null) throw error;
  }
}
