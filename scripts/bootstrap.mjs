// Runs the demo or the tests on a fresh clone: checks node, installs what is missing, hands over.
// Plain JavaScript without dependencies, because it runs before there are any.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const vitest = ["node_modules/vitest/vitest.mjs", "run"];

/** What each word runs, always under this very node. */
const tasks = {
  demo: { args: ["--import", "tsx", "examples/demo/main.ts"] },
  test: { args: vitest, tests: true },
  matrix: { args: vitest, tests: true, env: { REMORA_MATRIX: "all" } },
  differential: { args: [...vitest, "test/property/differential.test.ts"], tests: true },
  install: {},
};

/** Options that become variables, which the random tests read. */
const settings = { "--cases": "REMORA_CASES", "--seed": "REMORA_SEED" };

const [name, ...extra] = process.argv.slice(2);
const task = tasks[name];
if (task === undefined) {
  fail(`usage: node scripts/bootstrap.mjs ${Object.keys(tasks).join("|")} [arguments]`);
}
const chosen = name === "differential" ? takeSettings() : {};
checkNode();
if (!installed()) install();
if (task.args !== undefined) run(task);

/** Takes the settings out of the arguments; the others are vitest's. */
function takeSettings() {
  // This command is for queries that nobody has asked yet.
  const found = { REMORA_SEED: process.env.REMORA_SEED ?? "random" };
  for (const [option, variable] of Object.entries(settings)) {
    const at = extra.indexOf(option);
    if (at < 0) continue;
    const [, value = ""] = extra.splice(at, 2);
    if (!/^[1-9][0-9]{0,9}$/.test(value)) fail(`${option} takes a whole number from 1, not ${JSON.stringify(value)}`);
    found[variable] = value;
  }
  return found;
}

function checkNode() {
  const wanted = readJson("package.json").engines.node;
  const [major, minor] = wanted.match(/\d+/g).map(Number);
  const [hasMajor, hasMinor] = process.versions.node.split(".").map(Number);
  if (hasMajor < major || (hasMajor === major && hasMinor < minor)) {
    fail(`remora needs node ${wanted}; this is node ${process.versions.node}.`);
  }
}

/** Compares npm's own record of node_modules with the lock file, so file times do not matter. */
function installed() {
  if (!existsSync(join(root, "node_modules/.package-lock.json"))) return false;
  const present = readJson("node_modules/.package-lock.json").packages;
  return Object.entries(readJson("package-lock.json").packages).every(([path, wanted]) => {
    if (path === "") return true;
    const found = present[path];
    // Packages for other platforms are in the lock file only.
    return found === undefined ? wanted.optional === true : found.version === wanted.version;
  });
}

function install() {
  console.error("Installing dependencies with npm ci (once, about a minute) ...");
  const { status } = spawnSync("npm ci --include=dev --loglevel=error", {
    cwd: root,
    shell: true,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) fail("npm ci failed; its messages are above.");
}

function run({ args, env, tests }) {
  const child = spawn(process.execPath, [...args, ...extra], {
    cwd: root,
    env: { ...process.env, ...env, ...chosen },
    stdio: tests ? ["inherit", "inherit", "inherit", "ipc"] : "inherit",
  });

  let reporting = false;
  child.on("message", (message) => (reporting ||= message === "summary-reporter"));

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the child as well; twice would cut its shutdown short.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }

  // npm hands a kill to its shell only; without this, demo and servers would outlive it.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event !== undefined) {
    setInterval(() => process.ppid === parent || child.kill("SIGTERM"), 500).unref();
  }

  child.on("exit", (code, signal) => {
    // The reporter ends the run with its one line, unless vitest died before or without it.
    if (tests && code !== 0 && (!reporting || signal !== null)) {
      console.log("0 passed, 1 failed, 0 skipped");
    }
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
