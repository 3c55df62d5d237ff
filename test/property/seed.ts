// One seed for every random test of a run: the same unless told, so that the same code gives the same result.
// REMORA_SEED=n chooses, REMORA_SEED=random draws a fresh one; REMORA_RUNS=n multiplies the number of runs; REMORA_CASES=n is for the differential suite.

/** The seed of this run. */
export const seed = seedOf(process.env["REMORA_SEED"] ?? "1");

function seedOf(text: string): number {
  return text === "random" ? Math.floor(Math.random() * 2 ** 31) : Number(text);
}

process.stderr.write(`random tests: REMORA_SEED=${seed}\n`);

/** How many random queries the differential suite asks in all. */
export const cases = Number(process.env["REMORA_CASES"] ?? 10_000 * Number(process.env["REMORA_RUNS"] ?? 1));

/** How often to run a property. */
export function runs(usual: number): number {
  return Math.max(1, Math.round(usual * Number(process.env["REMORA_RUNS"] ?? 1)));
}
