// The benchmark compares like with like: every contestant of every case stores or reads the same rows.
// A tiny run, and nothing about time.
import { afterAll, describe, expect, it } from "vitest";

import { allCases } from "../../bench/cases/all.ts";
import { checkRows } from "../../bench/measure.ts";
import type { Scale } from "../../bench/race.ts";
import { Rig } from "../../bench/rig.ts";
import { legs } from "../setup/legs.ts";

const tiny: Scale = { records: 20, batches: 2, singles: 5, stored: 300, rounds: 1, warmup: 0 };

describe.skipIf(legs({ search: true }).length === 0)("the benchmark", () => {
  const rig = new Rig(() => undefined);

  afterAll(() => rig.close());

  it.each(allCases)("has equal contestants: $name", async (subject) => {
    const race = await subject.open(rig, tiny);
    // Hand-written code, or the mapper's own bulk call where a transaction is measured against it.
    expect(race.contestants[0]?.name).toMatch(/^raw|^saveMany/);
    expect(race.expected.length).toBeGreaterThan(0);
    await expect(checkRows(subject, race)).resolves.toBeUndefined();
  });

  it.each(allCases)("refuses wrong rows: $name", async (subject) => {
    const race = await subject.open(rig, tiny);
    const [first, ...others] = race.expected.map((city) => ({ ...city, name: `${city.name}!` }));
    const wrong = { ...race, expected: [...others, ...(first === undefined ? [] : [first])] };
    await expect(checkRows(subject, wrong)).rejects.toThrow(`${subject.name}, ${race.contestants[0]?.name}`);
  });
});
