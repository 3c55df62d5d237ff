// Loading the cities through the mapper, in slices, once per engine.
// The same entities go to both, so that later answers can be compared.
import type { Repository } from "../../src/index.ts";
import { City, type CityInput } from "./city.ts";
import { progress, table, time, whole } from "./screen.ts";
import type { Engine, Stage } from "./stage.ts";

/** The cities on one engine. */
export interface Loaded {
  readonly engine: Engine;
  readonly cities: Repository<typeof City>;
}

const slice = 5000;

/** Loads the cities on every engine there is. */
export async function loadCities(stage: Stage, cities: readonly CityInput[]): Promise<Loaded[]> {
  const loaded: Loaded[] = [];
  const rows: string[][] = [];
  for (const engine of stage.engines) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, so that the times mean something
    const db = await stage.connect(engine, "cities");
    const repository = db.repository(City);
    // oxlint-disable-next-line no-await-in-loop
    await repository.indexes.sync();
    // oxlint-disable-next-line no-await-in-loop
    const milliseconds = await load(engine, repository, cities);
    // oxlint-disable-next-line no-await-in-loop
    const stored = await repository.count();
    rows.push([engine, whole(stored), time(milliseconds), whole((cities.length / milliseconds) * 1000)]);
    loaded.push({ engine, cities: repository });
  }
  const head = ["cities stored", "time", "per second"];
  table(["engine", ...head], rows, { right: head });
  return loaded;
}

async function load(
  engine: Engine,
  repository: Repository<typeof City>,
  cities: readonly CityInput[],
): Promise<number> {
  const bar = progress(engine.padEnd(7), cities.length);
  const started = performance.now();
  try {
    for (let from = 0; from < cities.length; from += slice) {
      const part = cities.slice(from, from + slice);
      // oxlint-disable-next-line no-await-in-loop -- saveMany keeps several calls in flight by itself
      const { failed } = await repository.saveMany(part);
      if (failed[0] !== undefined) throw failed[0].error;
      bar.add(part.length);
    }
    return performance.now() - started;
  } finally {
    bar.end();
  }
}
