// The stopwatch: interleaved rounds, order rotated, rows checked first, ratios within each round.
// Medians of ratios are trusted; milliseconds on a shared machine are not.
import { isDeepStrictEqual } from "node:util";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";

import type { City } from "./data.ts";
import type { Case, Contestant, Gate, Race, Scale } from "./race.ts";
import type { Rig } from "./rig.ts";

/** What one contestant took. */
export interface Score {
  readonly contestant: string;
  /** Relative to the floor: of throughput, or of time. Median, least and most over the rounds. */
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  /** The same of the quickest quarter of each one's runs: what is left when the machine is left alone. */
  readonly undisturbed: number;
  /** Client CPU per operation in these, by themselves and beyond the floor's. */
  readonly quickCpu: number;
  readonly quickCpuMore: number;
  /** Median microseconds per operation. */
  readonly microseconds: number;
  /** Median client and server CPU per operation, in microseconds. */
  readonly clientCpu: number;
  readonly serverCpu: number;
}

/** A gate and what became of it. */
export interface Verdict extends Gate {
  /** What was measured, in the bound's unit. */
  readonly found: number;
  readonly passed: boolean;
}

/** A case measured. */
export interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly measure: Case["measure"];
  readonly rounds: number;
  readonly scores: readonly Score[];
  readonly verdicts: readonly Verdict[];
}

interface Sample {
  readonly time: number;
  readonly clientCpu: number;
  readonly serverCpu: number;
}

/**
 * Measures one case.
 *
 * @param rig - servers and clients.
 * @param subject - the case.
 * @param scale - how much, how often.
 * @returns ratios, spreads and verdicts.
 * @throws Error when a contestant stores or reads something else than expected.
 */
export async function measure(rig: Rig, subject: Case, scale: Scale): Promise<CaseResult> {
  const race = await subject.open(rig, scale);
  await checkRows(subject, race);
  const { contestants } = race;
  const samples = new Map<Contestant, Sample[]>(contestants.map((contestant) => [contestant, []]));
  // Compilers need time rather than rounds: each contestant runs warm before anything counts.
  const cold = new Map(contestants.map((contestant) => [contestant, scale.warmup * 1000]));
  for (let round = 1, counted = 0; counted < scale.rounds; round += 1) {
    const warm = [...cold.values()].every((left) => left <= 0);
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const contestant = contestants[(round + turn) % contestants.length] as Contestant;
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the point
      const sample = await timed(contestant, round, race.operations);
      cold.set(contestant, (cold.get(contestant) ?? 0) - sample.time * race.operations);
      if (warm) samples.get(contestant)?.push(sample);
    }
    if (warm) counted += 1;
  }
  const floor = samples.get(contestants[0] as Contestant) ?? [];
  const scores = contestants.map((contestant) => score(contestant.name, samples.get(contestant) ?? [], floor, subject));
  return {
    name: subject.name,
    title: subject.title,
    measure: subject.measure,
    rounds: scale.rounds,
    scores,
    verdicts: subject.gates.flatMap((bound) => verdict(bound, scores, subject)),
  };
}

/**
 * Lets every contestant run once, and compares what it stored or read.
 *
 * @param subject - the case.
 * @param race - its contestants.
 * @throws Error naming the first difference.
 */
export async function checkRows(subject: Case, race: Race): Promise<void> {
  const wanted = new Map(race.expected.map((city) => [city.id, city]));
  for (const contestant of race.contestants) {
    // oxlint-disable-next-line no-await-in-loop -- one at a time, as when timed
    await contestant.before?.(0);
    // oxlint-disable-next-line no-await-in-loop
    await contestant.run();
    // oxlint-disable-next-line no-await-in-loop
    const problem = difference(await contestant.rows(), wanted, race.some ?? wanted.size);
    if (problem !== undefined) throw new Error(`${subject.name}, ${contestant.name}: ${problem}`);
    // oxlint-disable-next-line no-await-in-loop
    await contestant.after?.();
  }
}

function difference(found: readonly City[], wanted: ReadonlyMap<string, City>, count: number): string | undefined {
  const distinct = new Map(found.map((city) => [city.id, city]));
  if (distinct.size !== count) return `${distinct.size} different rows instead of ${count}`;
  const wrong = found.find((city) => !isDeepStrictEqual(city, wanted.get(city.id)));
  return wrong && `${JSON.stringify(wrong)} instead of ${JSON.stringify(wanted.get(wrong.id))}`;
}

async function timed(contestant: Contestant, round: number, operations: number): Promise<Sample> {
  await contestant.before?.(round);
  const served = (await contestant.server?.cpu()) ?? 0;
  collectYoung();
  const cpu = process.cpuUsage();
  const started = process.hrtime.bigint();
  await contestant.run();
  const elapsed = Number(process.hrtime.bigint() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const took = contestant.took?.();
  const serverCpu = ((await contestant.server?.cpu()) ?? 0) - served;
  await contestant.after?.();
  return {
    time: (took ?? elapsed) / operations,
    clientCpu: (took ?? user + system) / operations,
    serverCpu: serverCpu / operations,
  };
}

function score(contestant: string, samples: readonly Sample[], floor: readonly Sample[], subject: Case): Score {
  const ratios = samples.map(({ time }, round) => {
    const base = floor[round]?.time ?? time;
    return subject.measure === "throughput" ? base / time : time / base;
  });
  const [quick, quickFloor] = [quarter(samples, "time"), quarter(floor, "time")];
  return {
    contestant,
    ratio: median(ratios),
    undisturbed: subject.measure === "throughput" ? quickFloor / quick : quick / quickFloor,
    quickCpu: quarter(samples, "clientCpu"),
    quickCpuMore: quarter(samples, "clientCpu") - quarter(floor, "clientCpu"),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    microseconds: median(samples.map(({ time }) => time)),
    clientCpu: median(samples.map(({ clientCpu }) => clientCpu)),
    serverCpu: median(samples.map(({ serverCpu }) => serverCpu)),
  };
}

function verdict(bound: Gate, scores: readonly Score[], subject: Case): Verdict[] {
  const found = scores.find(({ contestant }) => contestant === bound.contestant);
  if (found === undefined) return [];
  const value = bound.unit === undefined ? found.ratio : bound.unit === "µs" ? found.quickCpu : found.quickCpuMore;
  const passed = subject.measure === "throughput" ? value >= bound.bound : value <= bound.bound;
  return [{ ...bound, found: value, passed }];
}

// The lower quartile of the times.
function quarter(samples: readonly Sample[], what: "time" | "clientCpu"): number {
  const times = samples.map((sample) => sample[what]).sort((left, right) => left - right);
  return times[Math.floor(times.length / 4)] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  const ordered = [...values].sort((left, right) => left - right);
  const middle = ordered.length >> 1;
  const upper = ordered[middle] ?? Number.NaN;
  return ordered.length % 2 === 1 ? upper : (upper + (ordered[middle - 1] ?? upper)) / 2;
}

// What one contestant dropped must not be collected in another's time. Young objects only: a full
// collection would also throw away compiled code.
let collector: ((options: { type: "minor" }) => void) | undefined;

function collectYoung(): void {
  if (collector === undefined) {
    setFlagsFromString("--expose-gc");
    collector = runInNewContext("gc") as (options: { type: "minor" }) => void;
  }
  collector({ type: "minor" });
}
