// Bulk saves: one naive awaited pipeline per 1000 records against the mapper's saveMany and insertMany.
// One case per guarantee, since each has a price of its own.
import type { BulkResult, Database, EntityDefinition, InputOf } from "remora";

import { changed, type City, grown, loadCities } from "../data.ts";
import {
  flatten,
  IndexedCity,
  IndexedJsonCity,
  JsonCity,
  omSchema,
  plain,
  PlainCity,
  StrictCity,
  strictCitySchema,
  type FlatCity,
  unflatten,
  UniqueCity,
  VersionedCity,
  VersionedIndexedCity,
  ScannedCity,
} from "../entities.ts";
import { type Case, type Contestant, gate, type Race, type Scale } from "../race.ts";
import { createRawIndex, readHashes, readJson, saveHashes, saveJson } from "../raw-city.ts";
import { type BenchServer, indexed, type Rig, type ServerKind, wipe } from "../rig.ts";

type Storage = "hash" | "json";

interface Plan {
  readonly kind: ServerKind;
  readonly storage: Storage;
  readonly indexed: boolean;
  /** insert: documents are new each time. save: they are there, and one field changes. same: nothing changes. */
  readonly mode: "insert" | "save" | "same";
  readonly definition: EntityDefinition;
  readonly redisOm: boolean;
  /** Also a hand-written contestant that parses with zod first. */
  readonly validated: boolean;
}

/** Two states of the records, so that each save changes something; and how they are cut into calls. */
class Workload {
  readonly cities: readonly City[];
  readonly #variants: readonly (readonly City[])[];
  readonly #records: number;

  constructor({ records, batches }: Scale, mode: Plan["mode"]) {
    this.cities = loadCities(records * batches);
    this.#variants = mode === "save" ? [this.cities, grown(this.cities, 1)] : [this.cities];
    this.#records = records;
  }

  at(round: number): readonly City[] {
    return this.#variants[round % this.#variants.length] as readonly City[];
  }

  batches<T>(items: readonly T[]): T[][] {
    const batches: T[][] = [];
    for (let at = 0; at < items.length; at += this.#records) batches.push(items.slice(at, at + this.#records));
    return batches;
  }
}

async function open(rig: Rig, scale: Scale, plan: Plan): Promise<Race> {
  const load = new Workload(scale, plan.mode);
  const server = await rig.server(plan.kind);
  const contestants = [await rawContestant(rig, server, plan, load, false)];
  if (plan.validated) contestants.push(await rawContestant(rig, server, plan, load, true));
  contestants.push(await remoraContestant(rig, server, plan, load));
  if (plan.redisOm) contestants.push(await omContestant(rig, server, plan, load));
  return { operations: load.cities.length, expected: load.at(0), contestants };
}

// Runs the batches one after another, as a loop over chunks of a large import would.
async function eachBatch<T>(batches: readonly T[][], save: (batch: T[]) => Promise<unknown>): Promise<void> {
  for (const batch of batches) {
    // oxlint-disable-next-line no-await-in-loop -- one call after another is what is measured
    await save(batch);
  }
}

async function rawContestant(
  rig: Rig,
  server: BenchServer,
  plan: Plan,
  load: Workload,
  parse: boolean,
): Promise<Contestant> {
  const { raw } = server;
  const namespace = rig.namespace();
  const prefix = `${namespace}:{city}:`;
  if (plan.indexed) {
    await createRawIndex(raw, `${namespace}:index`, prefix, plan.storage);
    await indexed(raw, `${namespace}:index`);
  }
  const write = plan.storage === "hash" ? saveHashes : saveJson;
  const read = plan.storage === "hash" ? readHashes : readJson;
  const save = (cities: readonly City[]): Promise<void> =>
    write(raw, prefix, parse ? cities.map((city) => strictCitySchema.parse(city)) : cities);
  if (plan.mode !== "insert") await eachBatch(load.batches(load.cities), save);
  let batches: City[][] = [];
  return {
    name: parse ? "raw + zod" : "raw",
    server,
    before: (round) => ready(() => (batches = load.batches(load.at(round)))),
    run: () => eachBatch(batches, save),
    rows: () =>
      read(
        raw,
        prefix,
        load.cities.map(({ id }) => id),
      ),
    after: () => (plan.mode === "insert" ? wipe(raw, namespace) : Promise.resolve()),
  };
}

async function remoraContestant(rig: Rig, server: BenchServer, plan: Plan, load: Workload): Promise<Contestant> {
  const namespace = rig.namespace();
  const database: Database = await rig.remora(server, namespace);
  const cities = database.repository(plan.definition);
  if (plan.indexed || plan.kind === "plain") await cities.indexes.sync();
  type Input = InputOf<EntityDefinition>;
  // What was read or saved last: of versioned types it carries the version to save from.
  let stored = (plan.mode === "insert" ? load.cities : await savedBefore()) as unknown as readonly Input[];
  let batches: Input[][] = [];
  const saved: Input[] = [];
  async function savedBefore(): Promise<readonly unknown[]> {
    const result = await cities.insertMany(load.cities as unknown as readonly Input[]);
    return entitiesOf(result);
  }
  return {
    name: "remora",
    server,
    before: (round) =>
      ready(() => {
        const wanted = load.at(round);
        stored = saved.length === 0 ? stored : saved.splice(0);
        batches = load.batches(stored.map((input, at) => changed(input, wanted[at]) as Input));
      }),
    run: () =>
      eachBatch(batches, async (batch) => {
        const result = plan.mode === "insert" ? await cities.insertMany(batch) : await cities.saveMany(batch);
        if (plan.mode !== "insert") saved.push(...(entitiesOf(result) as Input[]));
        else entitiesOf(result);
      }),
    async rows() {
      const found = await cities.findByIds(load.cities.map(({ id }) => id));
      return found.map((city) => plain(city as unknown as City));
    },
    after: () => (plan.mode === "insert" ? wipe(server.raw, namespace) : Promise.resolve()),
  };
}

// A save that was refused must not look fast.
function entitiesOf(result: BulkResult<unknown>): unknown[] {
  return result.outcomes.map((outcome) => {
    if (!outcome.ok) throw outcome.error;
    return outcome.entity;
  });
}

async function omContestant(rig: Rig, server: BenchServer, plan: Plan, load: Workload): Promise<Contestant> {
  const namespace = rig.namespace();
  const client = await rig.redisOm(server);
  const cities = client.fetchRepository(omSchema(`${namespace}:{city}`, plan.storage));
  if (plan.indexed) await cities.createIndex();
  type Stored = City | FlatCity;
  const convert = (city: City): Stored => (plan.storage === "hash" ? flatten(city) : city);
  const save = (batch: Stored[]): Promise<unknown> =>
    Promise.all(batch.map((city) => cities.save(city.id, { ...city })));
  if (plan.mode !== "insert") await eachBatch(load.batches(load.cities.map(convert)), save);
  let batches: Stored[][] = [];
  return {
    name: "redis-om",
    server,
    before: (round) => ready(() => (batches = load.batches(load.at(round).map(convert)))),
    run: () => eachBatch(batches, save),
    async rows() {
      const found = await cities.fetch(load.cities.map(({ id }) => id));
      return found.map((city) => (plan.storage === "hash" ? unflatten(city as FlatCity) : plain(city as City)));
    },
    after: () => (plan.mode === "insert" ? wipe(server.raw, namespace) : Promise.resolve()),
  };
}

function ready(work: () => unknown): Promise<void> {
  work();
  return Promise.resolve();
}

const base = {
  kind: "search",
  storage: "hash",
  indexed: false,
  mode: "insert",
  redisOm: true,
  validated: false,
} as const;

function bulk(
  name: string,
  title: string,
  gates: Case["gates"],
  plan: Partial<Plan> & Pick<Plan, "definition">,
  measure: Case["measure"] = "throughput",
): Case {
  return { name, title, measure, gates, open: (rig, scale) => open(rig, scale, { ...base, ...plan }) };
}

/** Every bulk save. */
export const saveManyCases: readonly Case[] = [
  bulk("save-many", "insert many, plain documents", [gate("bulk insert, plain", 1, 1.2, true)], {
    definition: PlainCity,
  }),
  bulk("save-many-validated", "insert many, a schema with bounds", [gate("bulk insert, validated", 0.9, 1, true)], {
    definition: StrictCity,
    validated: true,
    redisOm: false,
  }),
  bulk("save-many-indexed", "insert many, 11 search indexes", [gate("bulk insert, search index", 1.2, 1.4, true)], {
    definition: IndexedCity,
    indexed: true,
  }),
  bulk("save-many-json", "insert many, JSON", [], { definition: JsonCity, storage: "json" }),
  bulk("save-many-json-indexed", "insert many, JSON, 10 search indexes", [], {
    definition: IndexedJsonCity,
    storage: "json",
    indexed: true,
  }),
  bulk("replace-many", "save many over existing ones", [gate("bulk replace", 0.65, 0.9, true)], {
    definition: PlainCity,
    mode: "save",
  }),
  bulk(
    "replace-many-indexed",
    "save many over existing ones, 11 search indexes",
    [gate("bulk replace, search index", 0.8, 1.1, true)],
    {
      definition: IndexedCity,
      mode: "save",
      indexed: true,
    },
  ),
  bulk("versioned-many", "save many with a version check", [gate("bulk versioned", 0.65, 0.9, true)], {
    definition: VersionedCity,
    mode: "save",
    redisOm: false,
  }),
  bulk(
    "versioned-many-indexed",
    "save many with a version check, 11 search indexes",
    [gate("bulk versioned, search index", 0.8, 1.1, true)],
    {
      definition: VersionedIndexedCity,
      mode: "save",
      indexed: true,
      redisOm: false,
    },
  ),
  bulk("save-many-unique", "insert many with a unique constraint", [gate("bulk insert, uniques", 0.5, 0.6, true)], {
    definition: UniqueCity,
    redisOm: false,
  }),
  bulk("save-many-scan", "insert many, plain documents, scan engine", [], {
    definition: PlainCity,
    kind: "plain",
    redisOm: false,
  }),
  bulk(
    "scan-insert",
    "insert many, 8 index fields, scan engine",
    [gate("scan insert, 8 fields", 2.5)],
    {
      definition: ScannedCity,
      kind: "plain",
      redisOm: false,
    },
    "time",
  ),
  bulk(
    "scan-unchanged",
    "save many unchanged, 8 index fields, scan engine",
    [gate("scan save, unchanged", 1.4)],
    {
      definition: ScannedCity,
      kind: "plain",
      mode: "same",
      redisOm: false,
    },
    "time",
  ),
];
