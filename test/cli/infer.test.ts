// `remora infer` from its words to its file: data written by hand and by redis-om, the printed file compiled, and the data
// read back through what it defines.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Redis } from "ioredis";
import { Client as RedisOm, Schema } from "redis-om";
import { afterAll, describe, expect, it } from "vitest";

import { ownCluster } from "../redis/own-cluster.ts";
import { describeLegs, freshNamespace } from "../setup/legs.ts";
import { omFields } from "../setup/redis-om.ts";

const root = join(import.meta.dirname, "..", "..");
const patience = 60_000;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: root, timeout: patience };
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

const remora = (...words: string[]): Promise<Ended> => run("--import", "tsx", join(root, "src/cli/main.ts"), ...words);

/** Compiles a printed file as a reader would, and reads everything through what it defines. */
async function readBack(source: string, name: string, url: string): Promise<unknown[]> {
  const folder = mkdtempSync(join(tmpdir(), "remora-infer-"));
  try {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    const compilerOptions = { rewriteRelativeImportExtensions: false, allowImportingTsExtensions: true };
    const project = { extends: join(root, "tsconfig.json"), compilerOptions, include: ["*.ts"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
    writeFileSync(join(folder, "draft.ts"), source);
    writeFileSync(
      join(folder, "read.ts"),
      `import { connect } from "remora";
import { ${name} } from "./draft.ts";
const db = await connect(${JSON.stringify(url)}, { engine: "scan" });
const all = db.repository(${name});
await all.indexes.sync();
const rows: unknown[] = [];
for await (const row of all.query().stream()) rows.push(row);
process.stdout.write(JSON.stringify(rows));
await db.close();
`,
    );
    const compiled = await run(join(root, "node_modules/typescript/bin/tsc"), "-p", folder);
    expect(compiled.stdout).toBe("");
    const read = await run("--import", "tsx", join(folder, "read.ts"));
    expect({ code: read.code, stderr: read.stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(read.stdout) as unknown[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const person = (at: number): Record<string, unknown> => ({
  name: `name ${at}`,
  bio: `they live in house number ${at}`,
  age: 20 + at,
  active: at % 2 === 0,
  joined: new Date(1_700_000_000_500 + at * 1000),
  tags: ["new", at % 3 === 0 ? "first" : "other"],
  place: { longitude: 2.35 + at / 10, latitude: 48.85 },
});

describeLegs("remora infer", {}, (leg) => {
  const redis = new Redis(leg.url);
  const prefix = freshNamespace();

  afterAll(async () => {
    const keys = await redis.keys(`*${prefix}*`);
    if (keys.length > 0) await redis.unlink(...keys);
    redis.disconnect();
  });

  it("drafts what was written as JSON text into strings", { timeout: patience }, async () => {
    const base = `${prefix}-draft`;
    for (let at = 0; at < 12; at += 1) {
      const note = { title: `Note ${at}`, size: at / 2, tags: ["a"], by: { name: "ada", since: "2024-02-29" } };
      await redis.set(`${base}:${at}`, JSON.stringify(note, null, 2));
    }
    const { code, stdout } = await remora("infer", base, "--url", leg.url);
    expect(code).toBe(0);
    for (const line of ['storage: "string",', "size: z.number(),", '"by.since": range(),'])
      expect(stdout).toContain(line);
    const rows = await readBack(stdout, /export type (\w+)/.exec(stdout)?.[1] ?? "", leg.url);
    expect(rows).toHaveLength(12);
    const by = { name: "ada", since: "2024-02-29" };
    expect(rows).toContainEqual({ id: "9", title: "Note 9", size: 4.5, tags: ["a"], by });
  });

  it("drafts what was written by hand into hashes", { timeout: patience }, async () => {
    const base = `${prefix}-user`;
    for (let at = 0; at < 30; at += 1) {
      await redis.hset(`${base}:${at}`, {
        name: `Ada ${at}`,
        mail: `ada${at}@example.org`,
        role: ["admin", "guest"][at % 2] as string,
        logins: String(at),
        balance: at % 2 === 0 ? "1.50" : "2",
        created: String(1_700_000_000_000 + at),
        open: String(at % 2 === 0),
        "address.city": "Paris",
        ...(at < 10 ? { "address.street": "Rue" } : {}),
        labels: JSON.stringify(["all", `own ${at}`]),
        spot: "2.35,48.85",
      });
    }
    await redis.pexpire(`${base}:7`, 3_600_000);
    await redis.lpush(`${base}:list`, "x");
    await redis.set(`${base}:text`, "no json");

    const { code, stdout, stderr } = await remora("infer", base, "--url", leg.url);
    expect(code).toBe(0);
    expect(stderr).toContain(`32 keys that begin with "${base}" were looked at, which is all of them:`);
    expect(stderr).toContain("  hash: 30\n  list: 1\n  string: 1\n");
    expect(stderr).toContain("left out: 1 strings that are not the text of a JSON object");
    expect(stderr).toMatch(/1 of 30 documents expire, the last of them in 3[56]\d\d s/);
    for (const line of [
      `keyPrefix: "${base}:",`,
      'storage: "hash",',
      "mail: z.email(),",
      'role: z.enum(["admin", "guest"]),',
      "logins: z.int(),",
      "balance: z.number(),",
      "created: z.date(), // milliseconds since 1970",
      "open: z.boolean(),",
      "street: z.string().optional(), // in 10 of 30",
      "labels: z.array(z.string()),",
      "spot: geoPoint(),",
      '"address.city": exact(),',
      "ttl: {}, // 1 of 30 expire",
    ]) {
      expect(stdout).toContain(line);
    }
    expect((await remora("infer", base, "--url", leg.url)).stdout).toBe(stdout);
    const type = /export type (\w+)/.exec(stdout)?.[1] ?? "";
    const rows = await readBack(stdout, type, leg.url);
    expect(rows).toHaveLength(30);
    expect(rows).toContainEqual({
      id: "9",
      name: "Ada 9",
      mail: "ada9@example.org",
      role: "guest",
      logins: 9,
      balance: 2,
      created: new Date(1_700_000_000_009).toJSON(),
      open: false,
      address: { city: "Paris", street: "Rue" },
      labels: ["all", "own 9"],
      spot: { longitude: 2.35, latitude: 48.85 },
    });
  });

  it.each(leg.json ? (["HASH", "JSON"] as const) : (["HASH"] as const))(
    "drafts what redis-om wrote as %s",
    { timeout: patience },
    async (dataStructure) => {
      const base = `${prefix}-om-${dataStructure.toLowerCase()}`;
      const client = await new RedisOm().open(leg.url);
      const people = client.fetchRepository(new Schema(base, omFields, { dataStructure }));
      for (let at = 0; at < 12; at += 1) await people.save(String(at), person(at));
      await client.close();

      const { code, stdout } = await remora("infer", `${base}:`, "--url", leg.url);
      expect(code).toBe(0);
      const type = /export type (\w+)/.exec(stdout)?.[1] ?? "";
      const rows = await readBack(stdout, type, leg.url);
      expect(rows).toHaveLength(12);
      expect(rows).toContainEqual({
        id: "3",
        name: "name 3",
        bio: "they live in house number 3",
        age: 23,
        active: false,
        joined: new Date(1_700_000_003_500).toJSON(),
        tags: ["new", "first"],
        place: { longitude: 2.65, latitude: 48.85 },
      });
    },
  );

  it("is limited as it is told, and says so", async () => {
    const { code, stdout, stderr } = await remora("infer", `${prefix}-user:`, "--samples", "5", "--url", leg.url);
    expect(code).toBe(0);
    expect(stderr).toContain("5 keys that begin with");
    expect(stderr).toContain("not all of them");
    expect(stdout).toContain("inferred from");
  });

  it("takes a prefix as it stands, whatever it means to a pattern", async () => {
    await redis.hset(`${prefix}[a-z]*?:1`, { odd: "yes" });
    await redis.hset(`${prefix}bcd:1`, { even: "yes" });
    const { stdout } = await remora("infer", `${prefix}[a-z]*?`, "--url", leg.url);
    expect(stdout).toContain("odd: z.string(),");
    expect(stdout).not.toContain("even");
  });

  it("writes nothing", async () => {
    const monitored: string[] = [];
    const watched = freshNamespace();
    await redis.hset(`${watched}:1`, { a: "1" });
    const monitor = await redis.duplicate().monitor();
    monitor.on("monitor", (_time: string, [command = "", ...args]: string[]) => {
      if (args.some((arg) => arg.includes(watched))) monitored.push(command.toUpperCase());
    });
    await remora("infer", watched, "--url", leg.url);
    await redis.unlink(`${watched}:1`);
    await expect.poll(() => monitored.at(-1)).toBe("UNLINK");
    monitor.disconnect();
    expect(new Set(monitored)).toEqual(new Set(["SCAN", "TYPE", "HLEN", "HGETALL", "PTTL", "UNLINK"]));
  });

  it("fails by name where there is nothing", async () => {
    const { code, stdout, stderr } = await remora("infer", `${prefix}-nobody`, "--url", leg.url);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`no document has a key that begins with "${prefix}-nobody"`);
  });
});

describe("remora infer on a cluster", () => {
  it("looks at every primary", { timeout: patience }, async () => {
    const cluster = await ownCluster();
    try {
      const [{ host, port }] = cluster.nodes as [{ host: string; port: number }];
      const client = new Redis.Cluster([{ host, port }]);
      for (let at = 0; at < 40; at += 1) await client.hset(`thing:${at}`, { at: String(at) });
      client.disconnect();
      const perNode = await cluster.keysByNode();
      expect(perNode.every((keys) => keys.length > 0)).toBe(true);
      const { code, stderr, stdout } = await remora("infer", "thing:", "--url", `redis://${host}:${port}`);
      expect(code).toBe(0);
      expect(stderr).toContain("  hash: 40");
      expect(stdout).toContain("inferred from 40 documents");
    } finally {
      await cluster.stop();
    }
  });
});

describe("the words of remora", () => {
  it.each([
    [0, ["--help"]],
    [0, ["infer", "--help"]],
    [2, []],
    [2, ["infer"]],
    [2, ["guess", "x"]],
    [2, ["infer", "x", "--samples", "many"]],
    [2, ["infer", "x", "--url", "http://u:topsecret@localhost"]],
    [2, ["infer", "x", "--lru=redis://u:topsecret@localhost"]],
    [1, ["infer", "x", "--url", "redis://u:topsecret@127.0.0.1:1"]],
  ])("exit %i: %j", async (expected, words) => {
    const { code, stdout, stderr } = await remora(...words);
    expect(code).toBe(expected);
    expect(expected === 0 ? stdout : stderr).not.toBe("");
    expect(stdout + stderr).not.toContain("topsecret");
  });

  it("are those of the published command", () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { bin: Record<string, string> };
    expect(manifest.bin).toEqual({ remora: "./dist/cli/main.js" });
  });
});
