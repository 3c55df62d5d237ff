// `remora doctor`: what the doctor finds on a server, as lines to read or as JSON.
// Reads only.
import { diagnose, type Diagnosis } from "../redis/doctor.ts";
import { Executor } from "../redis/executor.ts";
import { openServer, patience } from "./server.ts";

/** What `remora doctor` was told. */
export interface DoctorCommandOptions {
  readonly url: string;
  readonly sample: number;
}

/**
 * Looks at a server.
 *
 * @param options - where it is, and how many keys to look at.
 * @returns what was found.
 * @throws RemoraError of the class that fits the failure.
 */
export async function doctor({ url, sample }: DoctorCommandOptions): Promise<Diagnosis> {
  const client = await openServer(url);
  const executor = new Executor(client, patience);
  try {
    return await diagnose(executor, client, { sample });
  } finally {
    executor.close();
    client.disconnect();
  }
}

/**
 * Writes a diagnosis for people.
 *
 * @param diagnosis - what was found.
 * @returns lines.
 */
export function described({ findings, unknown, sampled }: Diagnosis): readonly string[] {
  const lines = findings.flatMap(({ severity, server, what, cure }) => [
    `${severity.padEnd(7)}  ${server}  ${what}`,
    `         ${cure}`,
  ]);
  const asked = unknown.length === 0 ? [] : [`unknown, since the user may not ask: ${unknown.join(", ")}`];
  const verdict = findings.length === 0 ? "nothing was found" : `${findings.length} findings`;
  return [...lines, ...asked, `${verdict}; ${sampled} keys were looked at`];
}
