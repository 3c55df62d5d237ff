// Every operator, on both engines: what it finds, and how each engine looks for it.
// Run it with `npx tsx examples/queries.ts`; it gets a server, checks every claim, and ends.
import assert from "node:assert/strict";
import Table from "cli-table3";
import { z } from "zod";
import {
  connect,
  type Database,
  defineEntity,
  type EntityOf,
  exact,
  geo,
  geoPoint,
  type IndexesOf,
  isRemoraError,
  type Query,
  range,
  text,
  vector,
} from "../src/index.ts";
import { startServer } from "../src/testing/index.ts";
import { OwnNamespace } from "./demo/namespace.ts";

const Town = defineEntity({
  name: "town",
  schema: z.object({
    id: z.string(),
    name: z.string(),
    code: z.string(),
    people: z.int().nullable(),
    serial: z.bigint(),
    founded: z.date().optional(),
    walled: z.boolean(),
    tags: z.array(z.string()),
    about: z.string(),
    at: geoPoint(),
    /** How much of a fortress, a port and a ruin it is. */
    character: z.array(z.number()),
  }),
  index: {
    name: exact({ sortable: true, caseInsensitive: true, substring: true }),
    code: range(),
    people: range(),
    serial: range(),
    founded: range(),
    walled: exact(),
    tags: exact(),
    about: text({ phrase: true }),
    at: geo(),
    character: vector({ dim: 3, metric: "cosine" }),
  },
  compound: { walledByPeople: { eq: ["walled"], orderBy: "people" } },
});
type Towns = Query<EntityOf<typeof Town>, IndexesOf<typeof Town>>;

const towns = [
  {
    id: "ava",
    name: "Ávila",
    code: "ES-AV",
    people: 58_000,
    serial: 9n,
    founded: new Date("1085-01-01"),
    walled: true,
    tags: ["unesco", "cold"],
    about: "Town of walls and saints",
    at: { longitude: -4.7, latitude: 40.66 },
    character: [0.9, 0, 0.1],
  },
  {
    id: "car",
    name: "Carcassonne",
    code: "FR-11",
    people: 46_000,
    serial: 10n,
    walled: true,
    tags: ["unesco"],
    about: "The walls of the old town were rebuilt",
    at: { longitude: 2.35, latitude: 43.21 },
    character: [0.8, 0.1, 0.2],
  },
  {
    id: "suv",
    name: "Suva",
    code: "FJ-C",
    people: 93_000,
    serial: 2n ** 64n,
    founded: new Date("1882-01-01"),
    walled: false,
    tags: [],
    about: "A harbour town, capital of Fiji",
    at: { longitude: 178.44, latitude: -18.14 },
    character: [0.1, 1, 0],
  },
  {
    id: "ghost",
    name: "ghost town",
    code: "US-\\",
    people: null,
    serial: -1n,
    walled: false,
    tags: ["cold"],
    about: "Nobody home",
    at: { longitude: -180, latitude: 51 },
    character: [0, 0.1, 2],
  },
];
const avila = { longitude: -4.7, latitude: 40.66 };

/** Each operator once: how it is written, what it finds in order of the ids. */
const cases: readonly (readonly [written: string, ask: (towns: Towns) => Towns, ids: readonly string[]])[] = [
  [`name eq "SUVA"`, (q) => q.where("name").eq("SUVA"), ["suv"]],
  [`name ne "suva"`, (q) => q.where("name").ne("suva"), ["ava", "car", "ghost"]],
  [`code in [..]`, (q) => q.where("code").in(["FJ-C", "FR-11"]), ["car", "suv"]],
  [`code notIn [..]`, (q) => q.where("code").notIn(["FJ-C", "FR-11"]), ["ava", "ghost"]],
  [`people gt 46000`, (q) => q.where("people").gt(46_000), ["ava", "suv"]],
  [`code gte "FR"`, (q) => q.where("code").gte("FR"), ["car", "ghost"]],
  [`serial lt 10n`, (q) => q.where("serial").lt(10n), ["ava", "ghost"]],
  [`founded lte 1500`, (q) => q.where("founded").lte(new Date("1500-01-01")), ["ava"]],
  [`people between`, (q) => q.where("people").between(46_000, 58_000, { excludeLower: true }), ["ava"]],
  [`tags contains`, (q) => q.where("tags").contains("cold"), ["ava", "ghost"]],
  [`tags containsAny`, (q) => q.where("tags").containsAny(["cold", "unesco"]), ["ava", "car", "ghost"]],
  [`tags containsAll`, (q) => q.where("tags").containsAll(["cold", "unesco"]), ["ava"]],
  [`tags containsNone`, (q) => q.where("tags").containsNone(["unesco"]), ["ghost", "suv"]],
  [`code startsWith "F"`, (q) => q.where("code").startsWith("F"), ["car", "suv"]],
  [`code startsWith "US-\\"`, (q) => q.where("code").startsWith("US-\\"), ["ghost"]],
  [`name endsWith "VA"`, (q) => q.where("name").endsWith("VA"), ["suv"]],
  [`name includes "cass"`, (q) => q.where("name").includes("cass"), ["car"]],
  [`about match`, (q) => q.where("about").match("walls town"), ["ava", "car"]],
  [`about matchPrefix`, (q) => q.where("about").matchPrefix("town cap"), ["suv"]],
  [`about fuzzy`, (q) => q.where("about").fuzzy("harbor"), ["suv"]],
  [`about fuzzy, 2 edits`, (q) => q.where("about").fuzzy("wells sants", { distance: 2 }), ["ava"]],
  [`about phrase`, (q) => q.where("about").phrase("old town"), ["car"]],
  [`at within a circle`, (q) => q.where("at").within({ center: avila, radius: 700, unit: "km" }), ["ava", "car"]],
  [`at within a box`, (q) => q.where("at").within({ west: 170, south: -30, east: -170, north: 60 }), ["ghost", "suv"]],
  [`people isNull`, (q) => q.where("people").isNull(), ["ghost"]],
  [`not walled`, (q) => q.whereNot("walled").eq(true), ["ghost", "suv"]],
  [`or`, (q) => q.where((t) => t.or(t("tags").contains("cold"), t("people").gt(90_000))), ["ava", "ghost", "suv"]],
];

await using server = await startServer();
await using namespace = new OwnNamespace(server.url, "example");
const engines = server.search ? (["scan", "search"] as const) : (["scan"] as const);
const databases: Database[] = [];
try {
  const open = engines.map(async (engine) => {
    const db = await connect(server.url, { namespace: `${namespace.name}.${engine}`, engine });
    databases.push(db);
    const repository = db.repository(Town);
    await repository.indexes.sync();
    assert.deepEqual((await repository.insertMany(towns)).failed, []);
    return repository;
  });
  const repositories = await Promise.all(open);

  const table = new Table({
    head: ["condition", "finds", ...engines],
    colWidths: [24, 16, ...engines.map(() => 58)],
    style: { head: [], border: [] },
    wordWrap: true,
    wrapOnWordBoundary: false,
  });
  for (const [written, ask, ids] of cases) {
    // oxlint-disable-next-line no-await-in-loop -- row after row
    const plans = await Promise.all(
      repositories.map(async (repository) => {
        const query = ask(repository.query());
        assert.deepEqual((await query.ids()).sort(), ids, written);
        assert.equal(await query.count(), ids.length, written);
        const { plan, roundTrips } = await query.explain();
        assert.ok(plan.length > 0 && roundTrips > 0, written);
        return shown(plan);
      }),
    );
    table.push([written, ids.join(" "), ...plans]);
  }
  console.log(table.toString());

  const further = repositories.map(async (repository) => {
    // Filter objects say the same.
    assert.equal(await repository.query({ about: { fuzzy: ["hous", { distance: 2 }] }, walled: false }).count(), 1);
    // Some fields only.
    const names = repository.query().where("code").startsWith("FR-").select("name", "people");
    assert.deepEqual(await names.all(), [{ name: "Carcassonne", people: 46_000 }]);

    // Equality and the order of another field, by a compound index on the scan engine.
    const walled = repository.query().where("walled").eq(false).orderBy("people", "desc");
    assert.deepEqual(await walled.ids(), ["suv", "ghost"]);
    const { engine, plan } = await walled.explain();
    assert.equal(plan.join().includes("compound index walledByPeople"), engine === "scan");

    // Pages by place, and a stream of them.
    const byName = repository.query().orderBy("name").limit(3);
    const first = await byName.keyset();
    const second = await byName.keyset({ after: first.cursor });
    assert.deepEqual(
      [...first.items, ...second.items].map(({ id }) => id),
      ["car", "ghost", "suv", "ava"],
    );
    assert.equal(second.cursor, null);
    const streamed: string[] = [];
    for await (const { id } of repository.query().stream({ batchSize: 2 })) streamed.push(id);
    assert.deepEqual(streamed, ["ava", "car", "ghost", "suv"]);
    assert.equal((await repository.query().where("walled").eq(true).where("tags").contains("cold").one())?.id, "ava");
    const several: unknown = await repository
      .query()
      .one()
      .catch((error: unknown) => error);
    assert.ok(isRemoraError(several, "QUERY"));

    // Nearest first, across the antimeridian too, with the distance.
    const toledo = { longitude: -4.02, latitude: 39.86 };
    const near = repository.query().orderByDistance("at", toledo).withDistance("at", toledo, { unit: "km" });
    assert.deepEqual(await near.ids(), ["ava", "car", "ghost", "suv"]);
    assert.equal(Math.round((await near.firstOrThrow()).distance ?? 0), 106);

    // The best first, with the words marked.
    const best = repository.query().search("town").orderByRelevance().highlight(["about"], { open: "*", close: "*" });
    assert.match((await best.firstOrThrow()).highlights.about ?? "", /\*[Tt]own\*/);

    // What is nearest to a vector, among what is asked for.
    const alike = await repository
      .query()
      .where("walled")
      .eq(true)
      .nearest("character", { to: [1, 0, 0], k: 2 });
    assert.deepEqual(
      alike.map(({ id, distance }) => `${id} ${distance.toFixed(3)}`),
      ["ava 0.006", "car 0.037"],
    );

    // Values with their numbers, and numbers about groups.
    const { tags } = await repository.query().facets(["tags"], { limit: 1 });
    assert.equal(tags.length, 1);
    const walls = repository.query().aggregate().groupBy("walled");
    const grouped = await walls.reduce((of) => ({ towns: of.count(), people: of.sum("people") })).all();
    assert.equal(
      grouped.reduce((sum, { towns }) => sum + towns, 0),
      4,
    );

    // Deleting what is found, unless others changed it meanwhile.
    const emptied = await repository.query().where("people").isNull().delete();
    assert.deepEqual(emptied, { matched: 1, changed: 1, conflicts: 0 });
  });
  await Promise.all(further);
} finally {
  await Promise.all(databases.map((db) => db.close()));
}
console.log(`queries.ts: every claim holds on ${server.flavour} ${server.version}, ${engines.join(" and ")}`);

/** The telling lines of a plan, without the namespace. */
function shown(plan: readonly string[]): string {
  return plan
    .filter((line) => !/^(search index|or list|no filter)|by one script call/.test(line))
    .map((line) => line.replaceAll(/remora-example-[^:]*:\{town\}/g, ""))
    .join("\n");
}
