// The mapper's definitions of the same city, one per guarantee that is measured.
// And redis-om's, the peer, as its documentation would have it.
import { Schema } from "redis-om";
import { defineEntity, exact, geo, geoPoint, range, text } from "remora";
import { z } from "zod";

import type { City } from "./data.ts";

const fields = {
  id: z.string(),
  name: z.string(),
  country: z.string(),
  feature: z.string(),
  population: z.int(),
  elevation: z.number(),
  capital: z.boolean(),
  founded: z.date(),
  tags: z.array(z.string()),
  location: geoPoint(),
  admin: z.object({ code: z.string(), zone: z.string() }),
};

const hour = 3600;

/** The types alone. */
export const citySchema = z.object(fields);

/** With the bounds that a careful schema has. */
export const strictCitySchema = z.object({
  ...fields,
  id: z.string().min(1).max(64),
  name: z.string().min(1).max(200),
  country: z.string().regex(/^[A-Z]{2}$/),
  feature: z.string().max(10),
  population: z.int().min(0).max(100_000_000),
  elevation: z.number().min(-500).max(9000),
  tags: z.array(z.string().max(40)).max(20),
});

const searchable = {
  name: text(),
  country: exact(),
  feature: exact(),
  population: range(),
  elevation: range(),
  capital: exact(),
  founded: range(),
  tags: exact(),
  location: geo(),
  "admin.code": exact(),
  "admin.zone": exact(),
} as const;

// JSON documents keep points as objects, which the hand-written index cannot read either.
const { location: _location, ...searchableJson } = searchable;

const eight = {
  country: exact(),
  feature: exact(),
  population: range(),
  elevation: range(),
  capital: exact(),
  founded: range(),
  tags: exact(),
  "admin.code": exact(),
} as const;

const version = z.int().default(1);

/** No index, version or ttl. */
export const PlainCity = defineEntity({ name: "city", schema: citySchema });
/** The same as JSON. */
export const JsonCity = defineEntity({ name: "city", schema: citySchema, storage: "json" });
/** A schema with bounds. */
export const StrictCity = defineEntity({ name: "city", schema: strictCitySchema });
/** Eleven search indexes. */
export const IndexedCity = defineEntity({ name: "city", schema: citySchema, index: searchable });
/** Ten search indexes, as JSON. */
export const IndexedJsonCity = defineEntity({
  name: "city",
  schema: citySchema,
  storage: "json",
  index: searchableJson,
});
/** Eight indexes, for the scan engine. */
export const ScannedCity = defineEntity({ name: "city", schema: citySchema, index: eight });
const growing = {
  name: [exact({ sortable: true }), text()],
  country: exact(),
  feature: exact(),
  population: range(),
  capital: exact(),
  founded: range(),
  tags: exact(),
  location: geo(),
} as const;
const compound = { byFeature: { eq: ["feature"], orderBy: "population" } } as const;
/** Every kind of index, on either storage. */
export const GrowingCity = defineEntity({ name: "city", schema: citySchema, index: growing, compound });
export const GrowingJsonCity = defineEntity({
  name: "city",
  storage: "json",
  schema: citySchema,
  index: growing,
  compound,
});
/** Optimistic locking. */
export const VersionedCity = defineEntity({
  name: "city",
  schema: z.object({ ...fields, version }),
  version: "version",
});
/** Optimistic locking and search indexes. */
export const VersionedIndexedCity = defineEntity({
  name: "city",
  schema: z.object({ ...fields, version }),
  version: "version",
  index: searchable,
});
/** Optimistic locking and a time to live. */
export const LockedCity = defineEntity({
  name: "city",
  schema: z.object({ ...fields, version }),
  version: "version",
  ttl: { seconds: hour, onUpdate: "reset" },
});
/** Twenty kilobytes, of which a save that changes little need not send all. */
export const LongCity = defineEntity({
  name: "city",
  schema: z.object({
    ...fields,
    ...Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`page${at}`, z.string()])),
    version,
    createdAt: z.date(),
    updatedAt: z.date(),
  }),
  version: "version",
  timestamps: { createdAt: "createdAt", updatedAt: "updatedAt" },
});
/** A unique constraint. */
export const UniqueCity = defineEntity({
  name: "city",
  schema: citySchema,
  unique: { place: ["name", "country", "id"] },
});

/** redis-om cannot nest in hashes, so the nested object is flattened beforehand. */
export type FlatCity = Omit<City, "admin"> & { adminCode: string; adminZone: string };

/** A city as redis-om keeps it in a hash. */
export function flatten({ admin, ...city }: City): FlatCity {
  return { ...city, adminCode: admin.code, adminZone: admin.zone };
}

/** A city from what redis-om read from a hash. */
export function unflatten(flat: FlatCity): City {
  const { id, name, country, feature, population, elevation, capital, founded, tags, location, adminCode, adminZone } =
    flat;
  const admin = { code: adminCode, zone: adminZone };
  return { id, name, country, feature, population, elevation, capital, founded, tags, location, admin };
}

/** A city from what redis-om read from JSON, without the symbols it adds. */
export function plain(entity: City): City {
  const { id, name, country, feature, population, elevation, capital, founded, tags, location, admin } = entity;
  return { id, name, country, feature, population, elevation, capital, founded, tags, location, admin };
}

/** redis-om's definition; key prefixes are part of it. */
export function omSchema(prefix: string, storage: "hash" | "json"): Schema {
  const common = {
    id: { type: "string", indexed: false },
    name: { type: "text" },
    country: { type: "string" },
    feature: { type: "string" },
    population: { type: "number", sortable: true },
    elevation: { type: "number", sortable: true },
    capital: { type: "boolean" },
    founded: { type: "date", sortable: true },
    tags: { type: "string[]" },
    location: { type: "point" },
  } as const;
  const nested =
    storage === "hash"
      ? ({ adminCode: { type: "string" }, adminZone: { type: "string" } } as const)
      : ({
          adminCode: { type: "string", path: "$.admin.code" },
          adminZone: { type: "string", path: "$.admin.zone" },
        } as const);
  return new Schema(prefix, { ...common, ...nested }, { dataStructure: storage === "hash" ? "HASH" : "JSON" });
}
