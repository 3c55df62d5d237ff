// One seed for every random test of a run: fresh each time, printed, and settable to repeat a run.
// REMORA_SEED=n repeats; REMORA_RUNS=n multiplies the number of runs.

/** The seed of this run. */
export const seed = Number(process.env["REMORA_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

process.stderr.write(`random tests: REMORA_SEED=${seed}\n`);

/** How often to run a property. */
export function runs(usual: number): number {
  return Math.max(1, Math.round(usual * Number(process.env["REMORA_RUNS"] ?? 1)));
}
