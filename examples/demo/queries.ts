// The same typed queries on every engine, timed, and their answers compared entity by entity.
// The text of each query on screen is read from this file, so that what is shown is what runs.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { Repository } from "../../src/index.ts";
import type { City } from "./city.ts";
import type { Loaded } from "./load.ts";
import { cut, median, say, table, time, whole } from "./screen.ts";

type CityQuery = ReturnType<Repository<typeof City>["query"]>;

const questions: readonly ((cities: CityQuery) => CityQuery)[] = [
  (cities) => cities.where("country").eq("FR").where("population").gte(100_000).orderBy("population", "desc"),
  (cities) => cities.where("name").match("san jose").orderBy("population", "desc"),
  (cities) => cities.where("roles").contains("capital").where("population").lt(50_000).orderBy("name"),
  (cities) => cities.where("country").in(["NO", "SE", "DK"]).whereNot("roles").contains("seat").orderBy("name"),
  (cities) => cities.where("population").between(1_000_000, 2_000_000).orderBy("population"),
  (cities) => cities.where("population").isNull().where("country").eq("JP").orderBy("name", "desc"),
  (cities) =>
    cities
      .where((city) => city.or(city("roles").contains("capital"), city("population").gt(5_000_000)))
      .orderBy("population", "desc"),
  (cities) =>
    cities
      .where((city) => city.not(city.or(city("country").in(["US", "CN"]), city("roles").contains("seat"))))
      // Nothing but exclusions: no index narrows that, so it says that every city may be looked at.
      .allowFullScan()
      .orderBy("population", "desc"),
];

const pageSize = 25;
const mostIds = 10_000;
const rounds = 5;

/** What one engine answered. */
export interface Answer {
  readonly total: number;
  /** All ids in order, up to a ceiling. */
  readonly ids: readonly string[];
  /** The entities of the first page. */
  readonly items: readonly unknown[];
}

/** Tells whether all answers are one and the same: total, ids in their order, entities. */
export function allEqual(answers: readonly Answer[]): boolean {
  return answers.every((answer) => isDeepStrictEqual(answer, answers[0]));
}

/** Runs every query on every engine; true when all answers agree. */
export async function compareQueries(loaded: readonly Loaded[]): Promise<boolean> {
  const engines = loaded.map(({ engine }) => engine);
  const comparing = loaded.length > 1;
  const texts = questionTexts();
  const rows: string[][] = [];
  let equal = true;
  for (const [at, ask] of questions.entries()) {
    const queries = loaded.map(({ cities }) => ask(cities.query()));
    // oxlint-disable-next-line no-await-in-loop -- one after the other, so that the times mean something
    const answers = await Promise.all(queries.map(answerOf));
    // oxlint-disable-next-line no-await-in-loop
    const times = await timesOf(queries);
    const same = allEqual(answers);
    equal &&= same;
    const verdict = comparing ? [same ? "equal" : "DIFFERENT"] : [];
    rows.push([texts[at] ?? "", whole(answers[0]?.total ?? 0), ...times.map(time), ...verdict]);
  }
  table(["query", "matches", ...engines, ...(comparing ? ["answers"] : [])], rows, {
    right: ["matches", ...engines],
    wrap: 62,
  });
  say(`Times are for page(): the first ${pageSize} entities and the total, median of ${rounds}.`);
  if (comparing) {
    say(`Compared are the total, the ids in their order (up to ${whole(mostIds)}) and the entities of the page.`);
  }
  return equal;
}

async function answerOf(query: CityQuery): Promise<Answer> {
  const [{ items, total }, ids] = await Promise.all([query.limit(pageSize).page(), query.limit(mostIds).ids()]);
  return { total, ids, items };
}

async function timesOf(queries: readonly CityQuery[]): Promise<number[]> {
  const taken: number[][] = queries.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, query] of queries.entries()) {
      const started = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- the engines take turns
      await query.limit(pageSize).page();
      taken[at]?.push(performance.now() - started);
    }
  }
  return taken.map(median);
}

// One line per step of the chain, however the source is laid out.
function questionTexts(): string[] {
  const source = readFileSync(new URL(import.meta.url), "utf8");
  const list = source.slice(source.indexOf("const questions"), source.indexOf("const pageSize"));
  const [, ...texts] = list.split(/\(cities\) =>\s+cities\b/);
  return texts.map((text) =>
    text
      .replace(/^\s*\/\/.*\n/gm, "")
      .replace(/,\s*(\];)?\s*$/, "")
      .trim()
      .split(/\s*(?=\.(?:where|whereNot|allowFullScan|orderBy)\()/)
      .join("\n"),
  );
}

/** Shows how the first of the queries is answered by each engine. */
export async function explainQuery(loaded: readonly Loaded[]): Promise<void> {
  const [ask] = questions;
  if (ask === undefined) return;
  say((questionTexts()[0] ?? "").replaceAll("\n", ""));
  for (const { engine, cities } of loaded) {
    // oxlint-disable-next-line no-await-in-loop -- in the order of the screen
    const { plan, commands, roundTrips } = await ask(cities.query()).limit(pageSize).explain();
    const namespace = cities.key("x").split("{")[0] ?? "";
    const lines = [...plan, ...commands.map((words) => words.map(quoted).join(" "))];
    say(`\n${engine}, ${roundTrips} round trip${roundTrips === 1 ? "" : "s"} (keys without their namespace)`);
    for (const line of lines) say(`  ${cut(line.replaceAll(namespace, ""), 200)}`);
  }
}

function quoted(word: string): string {
  return word === "" || /[\s"']/.test(word) ? `'${word}'` : word;
}

/** Prints the largest cities; true when every engine names the same. */
export async function showTopList(loaded: readonly Loaded[]): Promise<boolean> {
  const topTen = ({ cities }: Loaded): Promise<City[]> => cities.query().orderBy("population", "desc").limit(10).all();
  const lists = await Promise.all(loaded.map(topTen));
  const rows = (lists[0] ?? []).map(({ name, country, population, location }, at) => [
    String(at + 1),
    name,
    country,
    whole(population ?? 0),
    `${location.latitude.toFixed(2)}, ${location.longitude.toFixed(2)}`,
  ]);
  table(["", "city", "country", "population", "latitude, longitude"], rows, {
    right: ["", "population", "latitude, longitude"],
  });
  return lists.every((list) => isDeepStrictEqual(list, lists[0]));
}
