// A process that fills one place in the cache and tells what it finds there; several of them run at once in a test.
// Arguments: a folder in which they wait for each other, and how many they are, so that all of them race to the end.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { keep } from "../../src/testing/cache.ts";

const [meeting = "", count = ""] = process.argv.slice(2);
const files = ["one", "two"];

const folder = await keep("shared", files, async (partial) => {
  for (const file of files) await writeFile(join(partial, file), String(process.pid));
  await writeFile(join(meeting, String(process.pid)), "");
  while ((await readdir(meeting)).length < Number(count)) await delay(5);
});
const contents = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
process.stdout.write(JSON.stringify({ folder, contents }));
