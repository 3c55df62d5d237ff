// The floor: what somebody writes by hand on ioredis, codec included.
// Only as much conversion as the types need, no checks, and the driver's own reply shapes.
import type { Redis } from "ioredis";

import type { City } from "./data.ts";

/** Hash fields of a city, as one object for HSET. */
export function toHash(city: City): Record<string, string | number> {
  return {
    id: city.id,
    name: city.name,
    country: city.country,
    feature: city.feature,
    population: city.population,
    elevation: city.elevation,
    capital: city.capital ? "true" : "false",
    founded: city.founded.getTime(),
    tags: city.tags.join("|"),
    location: `${city.location.longitude},${city.location.latitude}`,
    "admin.code": city.admin.code,
    "admin.zone": city.admin.zone,
  };
}

/** A city from the object that HGETALL gives. */
export function fromHash(hash: Readonly<Record<string, string>>): City {
  const { id = "", name = "", country = "", feature = "", tags = "", location = "" } = hash;
  const comma = location.indexOf(",");
  return {
    id,
    name,
    country,
    feature,
    population: Number(hash["population"]),
    elevation: Number(hash["elevation"]),
    capital: hash["capital"] === "true",
    founded: new Date(Number(hash["founded"])),
    tags: tags === "" ? [] : tags.split("|"),
    location: { longitude: Number(location.slice(0, comma)), latitude: Number(location.slice(comma + 1)) },
    admin: { code: hash["admin.code"] ?? "", zone: hash["admin.zone"] ?? "" },
  };
}

/** A city from the flat list of names and values that FT.SEARCH gives. */
export function fromPairs(pairs: readonly string[]): City {
  const hash: Record<string, string> = {};
  for (let at = 0; at < pairs.length; at += 2) hash[pairs[at] as string] = pairs[at + 1] as string;
  return fromHash(hash);
}

/** A city as JSON text, dates as milliseconds. */
export function toJson(city: City): string {
  return JSON.stringify({ ...city, founded: city.founded.getTime() });
}

/** A city from JSON text. */
export function fromJson(text: string): City {
  const parsed = JSON.parse(text) as Omit<City, "founded"> & { founded: number };
  return { ...parsed, founded: new Date(parsed.founded) };
}

/** A city from one element of JSON.MGET, which is a list of one. */
function fromJsonList(text: string): City {
  const [parsed] = JSON.parse(text) as [Omit<City, "founded"> & { founded: number }];
  return { ...parsed, founded: new Date(parsed.founded) };
}

/** Saves cities as hashes: one pipeline, awaited. */
export async function saveHashes(redis: Redis, prefix: string, cities: readonly City[]): Promise<void> {
  const pipeline = redis.pipeline();
  for (const city of cities) pipeline.hset(prefix + city.id, toHash(city));
  refuseErrors(await pipeline.exec());
}

/** Saves cities as JSON: one pipeline, awaited. */
export async function saveJson(redis: Redis, prefix: string, cities: readonly City[]): Promise<void> {
  const pipeline = redis.pipeline();
  for (const city of cities) pipeline.call("JSON.SET", prefix + city.id, "$", toJson(city));
  refuseErrors(await pipeline.exec());
}

/** Reads hashes: one pipeline of HGETALL, awaited. */
export async function readHashes(redis: Redis, prefix: string, ids: readonly string[]): Promise<City[]> {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hgetall(prefix + id);
  return refuseErrors(await pipeline.exec()).map((reply) => fromHash(reply as Record<string, string>));
}

/** Reads JSON documents: one JSON.MGET. */
export async function readJson(redis: Redis, prefix: string, ids: readonly string[]): Promise<City[]> {
  const reply = (await redis.call("JSON.MGET", ...ids.map((id) => prefix + id), "$")) as string[];
  return reply.map(fromJsonList);
}

/** The replies of a pipeline, or the first error in it. */
function refuseErrors(results: [Error | null, unknown][] | null): unknown[] {
  return (results ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}

/** Creates the index that somebody would declare by hand for the same questions. */
export async function createRawIndex(
  redis: Redis,
  name: string,
  prefix: string,
  storage: "hash" | "json",
): Promise<void> {
  const json = storage === "json";
  const field = (path: string, each = false): string => (json ? `$.${path}${each ? "[*]" : ""}` : path);
  const as = (path: string, ...type: string[]): string[] => [field(path), "AS", path.replace(".", "_"), ...type];
  await redis.call(
    "FT.CREATE",
    ...[name, "ON", json ? "JSON" : "HASH", "PREFIX", "1", prefix, "STOPWORDS", "0", "SCHEMA"],
    ...as("name", "TEXT"),
    ...as("country", "TAG"),
    ...as("feature", "TAG"),
    ...as("population", "NUMERIC", "SORTABLE"),
    ...as("elevation", "NUMERIC", "SORTABLE"),
    ...as("capital", "TAG"),
    ...as("founded", "NUMERIC", "SORTABLE"),
    ...[field("tags", true), "AS", "tags", "TAG", ...(json ? [] : ["SEPARATOR", "|"])],
    ...(json ? [] : as("location", "GEO")),
    ...as("admin.code", "TAG"),
    ...as("admin.zone", "TAG"),
  );
}
