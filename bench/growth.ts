// How each kind of query grows with the number of entities: times, commands, and the longest single call on the server.
// One mapper at a time on a server of its own; written to GROWTH.md.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { performance } from "node:perf_hooks";

import { type OperationEvent, operationChannel, type Repository } from "remora";
import { type City, loadCities } from "./data.ts";
import { GrowingCity, GrowingJsonCity } from "./entities.ts";
import { machine, tableLines } from "./report.ts";
import { type BenchServer, Rig } from "./rig.ts";

type Cities = Repository<typeof GrowingCity>;

/** One kind of query. */
interface Question {
  readonly name: string;
  readonly ask: (cities: Cities, size: number) => Promise<unknown>;
}

/** What was measured of one question at one size. */
interface Figure {
  readonly milliseconds: number;
  readonly commands: number;
  /** Microseconds of the longest call that the server worked off without a break. */
  readonly longest: number;
}

const here = { longitude: 9.19, latitude: 45.46 };
const firstId = `${(loadCities(1)[0] as City).id}-0`;
const rounds = 5;
/** Beyond so many milliseconds, one round has to do. */
const patience = 2000;
const loadedAtOnce = 2000;
/** Far above everything: what is not found within it is no answer. */
const deadline = 600_000;
const page = 20;

const first = (query: ReturnType<Cities["query"]>): Promise<unknown> => query.limit(page).all({ deadline });

const questions: readonly Question[] = [
  { name: "findById", ask: (cities) => cities.findById(firstId) },
  { name: "one value, first 20", ask: (cities) => first(cities.query().where("country").eq("IT")) },
  { name: "range, first 20", ask: (cities) => first(cities.query().where("population").gte(50_000)) },
  {
    name: "range in order, first 20",
    ask: (cities) => first(cities.query().where("population").gte(50_000).orderBy("population")),
  },
  {
    name: "one value in order, first 20",
    ask: (cities) => first(cities.query().where("country").eq("IT").orderBy("population", "desc")),
  },
  {
    name: "compound index in order, first 20",
    ask: (cities) => first(cities.query().where("feature").eq("PPLA2").orderBy("population", "desc")),
  },
  {
    name: "compound index and a condition, first 20",
    ask: (cities) =>
      first(cities.query().where("feature").eq("PPLA2").where("tags").contains("coast").orderBy("population", "desc")),
  },
  {
    name: "two conditions in order, first 20",
    ask: (cities) => first(cities.query().where("country").eq("IT").where("tags").contains("coast").orderBy("founded")),
  },
  {
    name: "two conditions, first 20",
    ask: (cities) => first(cities.query().where("country").eq("IT").where("tags").contains("coast")),
  },
  {
    name: "three conditions, first 20",
    ask: (cities) =>
      first(cities.query().where("country").eq("IT").where("tags").contains("coast").where("population").lt(5000)),
  },
  {
    name: "either or not, first 20",
    ask: (cities) =>
      first(cities.query().where((f) => f.or(f("country").eq("SM"), f.not(f("population").lt(5_000_000))))),
  },
  { name: "exclusion, first 20", ask: (cities) => first(cities.query().whereNot("country").eq("US")) },
  { name: "words, first 20", ask: (cities) => first(cities.query().where("name").match("san pietro")) },
  { name: "beginning, first 20", ask: (cities) => first(cities.query().where("name").startsWith("Mila")) },
  { name: "beginning of a word, first 20", ask: (cities) => first(cities.query().where("name").matchPrefix("mila")) },
  {
    name: "circle of 20 km, first 20",
    ask: (cities) => first(cities.query().where("location").within({ center: here, radius: 20, unit: "km" })),
  },
  { name: "nearest 10", ask: (cities) => cities.query().orderByDistance("location", here).limit(10).all({ deadline }) },
  {
    name: "most relevant 10",
    ask: (cities) => cities.query().where("name").match("san").orderByRelevance().limit(10).all({ deadline }),
  },
  { name: "count of one value", ask: (cities) => cities.query().where("country").eq("IT").count({ deadline }) },
  {
    name: "count of two conditions",
    ask: (cities) => cities.query().where("country").eq("IT").where("tags").contains("coast").count({ deadline }),
  },
  {
    name: "count by a compound index",
    ask: (cities) => cities.query().where("feature").eq("PPL").where("population").lt(5000).count({ deadline }),
  },
  {
    name: "page of 100 with total",
    ask: (cities) => cities.query().where("country").eq("IT").limit(100).page({ deadline }),
  },
  {
    name: "100 at an offset of 90 %",
    ask: (cities, size) =>
      cities
        .query()
        .orderBy("population")
        .offset(Math.min(9000, size * 0.9))
        .limit(100)
        .all({ deadline }),
  },
  {
    name: "facet of a country's tags",
    ask: (cities) => cities.query().where("country").eq("IT").facets(["tags"], { deadline }),
  },
  {
    name: "sum by country, everything",
    ask: (cities) =>
      cities
        .query()
        .aggregate()
        .groupBy("country")
        .reduce((of) => ({ people: of.sum("population") }))
        .all({ deadline }),
  },
  {
    name: "stream of 10,000",
    async ask(cities) {
      let seen = 0;
      for await (const _city of cities.query().limit(10_000).stream({ batchSize: 1000, deadline })) seen += 1;
      return seen;
    },
  },
];

/**
 * Measures every question at every size, on both engines and storages.
 *
 * @param sizes - numbers of entities, ascending.
 * @param print - takes lines of text.
 * @param only - parts of the titles of tables that are wanted; all of them when left out.
 * @returns the report, as markdown.
 */
export async function growth(
  sizes: readonly number[],
  print: (line: string) => void,
  only: readonly string[] = [""],
): Promise<string> {
  const tables: string[] = [];
  for (const engine of ["scan", "search"] as const) {
    for (const definition of [GrowingCity, GrowingJsonCity]) {
      const title = `${engine === "scan" ? "Scan" : "Search"} engine, ${definition === GrowingCity ? "hashes" : "JSON"}`;
      if (!only.some((part) => title.includes(part))) continue;
      const columns: Figure[][] = [];
      for (const size of sizes) {
        // oxlint-disable-next-line no-await-in-loop -- one store at a time
        columns.push(await column(engine, definition as unknown as typeof GrowingCity, size, print));
      }
      const table = markdownTable(title, sizes, columns);
      tables.push(table);
      print(`\n${table}`);
    }
  }
  const { cores, node, platform } = machine();
  const head = [
    "# How queries grow",
    "",
    `${cores} cores, Node ${node} on ${platform}. Each cell: median milliseconds, as seen by the caller · commands · the longest call on the server in ms.`,
    "Run it with `npm run bench -- --growth 1000,10000,100000,1000000`.",
  ];
  return `${head.join("\n")}\n\n${tables.join("\n\n")}\n`;
}

async function column(
  engine: "scan" | "search",
  definition: typeof GrowingCity,
  size: number,
  print: (line: string) => void,
): Promise<Figure[]> {
  const rig = new Rig(() => undefined);
  try {
    const server = await rig.server("search", "growth");
    const database = await rig.remora(server, "g", { engine, deadline });
    const cities = database.repository(definition);
    await cities.indexes.sync();
    const started = performance.now();
    await load(cities, size);
    await cities.indexes.ready();
    print(`${engine} ${definition.metadata.storage} ${size}: loaded in ${Math.round(performance.now() - started)} ms`);
    const figures: Figure[] = [];
    for (const question of questions) {
      // oxlint-disable-next-line no-await-in-loop -- one question at a time
      const figure = await measured(question, cities, size, server);
      figures.push(figure);
      print(`  ${question.name.padEnd(36)} ${cell(figure)}`);
    }
    return figures;
  } finally {
    await rig.close();
  }
}

async function load(cities: Cities, size: number): Promise<void> {
  const source = loadCities(Math.min(size, 135_000));
  for (let at = 0; at < size; at += loadedAtOnce) {
    const part: City[] = [];
    for (let next = at; next < Math.min(size, at + loadedAtOnce); next += 1) {
      const city = source[next % source.length] as City;
      part.push({ ...city, id: `${city.id}-${Math.floor(next / source.length)}` });
    }
    // oxlint-disable-next-line no-await-in-loop -- in order
    await cities.insertMany(part);
  }
}

async function measured({ ask }: Question, cities: Cities, size: number, { raw }: BenchServer): Promise<Figure> {
  let commands = 0;
  const listen = (event: unknown): void => void (commands += (event as OperationEvent).commands.length);
  await raw.config("SET", "slowlog-log-slower-than", "0");
  await raw.config("SET", "slowlog-max-len", "100000");
  await ask(cities, size);
  await raw.call("SLOWLOG", "RESET");
  subscribe(operationChannel, listen);
  await ask(cities, size);
  unsubscribe(operationChannel, listen);
  const log = (await raw.call("SLOWLOG", "GET", "-1")) as [number, number, number, string[]][];
  const longest = Math.max(
    0,
    ...log.filter(([, , , [name]]) => name !== "SLOWLOG").map(([, , microseconds]) => microseconds),
  );
  await raw.config("SET", "slowlog-log-slower-than", "-1");
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- one round after another
    await ask(cities, size);
    times.push(performance.now() - started);
    if ((times[0] as number) > patience) break;
  }
  times.sort((left, right) => left - right);
  return { milliseconds: times[times.length >> 1] as number, commands, longest };
}

function cell({ milliseconds, commands, longest }: Figure): string {
  const short = (value: number): string =>
    value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
  return `${short(milliseconds)} · ${commands} · ${short(longest / 1000)}`;
}

function markdownTable(title: string, sizes: readonly number[], columns: readonly (readonly Figure[])[]): string {
  const rows = questions.map(({ name }, at) => [name].concat(columns.map((figures) => cell(figures[at] as Figure))));
  const head = ["query", ...sizes.map((size) => size.toLocaleString("en"))];
  return `## ${title}\n\n${tableLines([head, ...rows]).join("\n")}`;
}
