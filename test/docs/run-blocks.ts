// Run by tsx in a process of its own: imports modules one after the other and tells how each ended.
// Arguments: the file to write the outcomes to, then the modules.
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";

/** How one module ended: what it threw or left open, or undefined when all was well. */
export type Outcome = string | undefined;

const patience = 30_000;

async function run(path: string): Promise<Outcome> {
  const late = pause(patience, `it still runs after ${patience} ms`, { ref: false });
  try {
    const problem = await Promise.race([import(pathToFileURL(path).href).then(() => undefined), late]);
    return problem ?? (await leftOpen());
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : `it threw ${String(error)}`;
  }
}

// A connection that a block forgot would keep the reader's program alive.
async function leftOpen(): Promise<Outcome> {
  for (let tries = 0; tries < 50; tries += 1) {
    if (!process.getActiveResourcesInfo().includes("TCPSocketWrap")) return undefined;
    await pause(20);
  }
  return "it left a connection open";
}

const [file = "", ...paths] = process.argv.slice(2);
const outcomes: Outcome[] = [];
for (const path of paths) outcomes.push(await run(path));
writeFileSync(file, JSON.stringify(outcomes.map((outcome) => outcome ?? null)));
process.exit(0);
