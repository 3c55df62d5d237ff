// The mapper's own work on one entity: to its stored form and back, validation apart, against the same by hand.
// No server has a part in it.
import { DocumentCodec } from "../../src/codec/document.ts";
import { steadyFields } from "../../src/codec/hash.ts";
import type { EncodedDocument, StoredDocument } from "../../src/codec/stored.ts";
import { type City, loadCities } from "../data.ts";
import { JsonCity, PlainCity } from "../entities.ts";
import { atMost, type Case, type Contestant, type Race, type Scale } from "../race.ts";
import { fromHash, fromJson, toHash, toJson } from "../raw-city.ts";

type Storage = "hash" | "json";

/** So many entities are in work at a time, as in a chunk of a bulk call. */
const count = 1000;

/** What each contestant makes of every city, and how a city is read back from that. */
interface Work<T> {
  readonly name: string;
  readonly each: (city: City, at: number) => T;
  readonly back: (made: T, id: string) => City;
}

function contestant<T>({ name, each, back }: Work<T>, cities: readonly City[], batches: number): Contestant {
  let made: T[] = [];
  return {
    name,
    run() {
      for (let batch = 0; batch < batches; batch += 1) {
        made = [];
        for (let at = 0; at < cities.length; at += 1) made.push(each(cities[at] as City, at));
      }
      return Promise.resolve();
    },
    rows: () => Promise.resolve(made.map((one, at) => back(one, (cities[at] as City).id))),
  };
}

function race(cities: readonly City[], { batches }: Scale, contestants: (runs: number) => Contestant[]): Race {
  const runs = batches * 10;
  return { operations: cities.length * runs, expected: cities, contestants: contestants(runs) };
}

const { metadata } = PlainCity;
const steady = steadyFields(metadata.shape, metadata.idField);

// The steady fields' values first, then names and values of the others.
function fieldsOf({ body }: EncodedDocument): Record<string, string> {
  const pairs = body.slice(steady.length);
  const hash = Object.fromEntries(steady.map((name, at) => [name, body[at] as string]));
  for (let at = 0; at < pairs.length; at += 2) hash[pairs[at] as string] = pairs[at + 1] as string;
  return hash;
}

// Lists are JSON in the mapper's hashes, and joined by hand.
function ownHash(city: City): Record<string, string | number> {
  return { ...toHash(city), tags: JSON.stringify(city.tags) };
}

function openEncode(scale: Scale, storage: Storage): Race {
  const cities = loadCities(count);
  const codec = new DocumentCodec((storage === "hash" ? PlainCity : JsonCity).metadata);
  const encode = (city: City): EncodedDocument => codec.encode(city as never, city.id, {});
  return race(cities, scale, (runs) =>
    storage === "hash"
      ? [
          contestant(
            { name: "raw", each: toHash, back: (hash) => fromHash(hash as Record<string, string>) },
            cities,
            runs,
          ),
          contestant(
            {
              name: "remora",
              each: encode,
              back(document, id) {
                const { tags = "[]", ...hash } = fieldsOf(document);
                return { ...fromHash(hash), id, tags: JSON.parse(tags) as string[] };
              },
            },
            cities,
            runs,
          ),
        ]
      : [
          contestant({ name: "raw", each: toJson, back: fromJson }, cities, runs),
          contestant({ name: "remora", each: encode, back: ({ body }) => fromJson(body as string) }, cities, runs),
        ],
  );
}

function openDecode(scale: Scale, storage: Storage): Race {
  const cities = loadCities(count);
  const codec = new DocumentCodec((storage === "hash" ? PlainCity : JsonCity).metadata);
  const hashes = cities.map((city) =>
    Object.fromEntries(Object.entries(toHash(city)).map(([name, value]) => [name, String(value)])),
  );
  const texts = cities.map(toJson);
  const rows = cities.map((city) => {
    const hash = ownHash(city);
    return codec.fields.map((name) => (hash[name] === undefined ? null : String(hash[name])));
  });
  const stored: readonly StoredDocument[] = storage === "hash" ? rows : texts;
  const byHand = (at: number): City =>
    storage === "hash" ? fromHash(hashes[at] as Record<string, string>) : fromJson(texts[at] as string);
  const back = (city: City): City => city;
  return race(cities, scale, (runs) => [
    contestant({ name: "raw", each: (_city, at) => byHand(at), back }, cities, runs),
    contestant(
      {
        name: "remora",
        each: ({ id }, at) => codec.decode(stored[at] as StoredDocument, id, "none") as unknown as City,
        back,
      },
      cities,
      runs,
    ),
  ]);
}

function coding(direction: "encode" | "decode", storage: Storage): Case {
  const named = storage === "hash" ? "hash" : "JSON";
  return {
    name: `codec-${direction}-${storage}`,
    title: direction === "encode" ? `entity to ${named}, no server` : `${named} to entity, no server`,
    measure: "time",
    // JSON.stringify and JSON.parse take that long by themselves: the mapper's part is what counts.
    gates: [atMost(`codec, ${direction} ${named}`, 1.5, storage === "hash" ? "µs" : "µs more")],
    open: (_rig, scale) => Promise.resolve((direction === "encode" ? openEncode : openDecode)(scale, storage)),
  };
}

/** The codec alone. */
export const codecCases: readonly Case[] = [
  coding("encode", "hash"),
  coding("decode", "hash"),
  coding("encode", "json"),
  coding("decode", "json"),
];
