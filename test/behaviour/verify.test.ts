// Checking and mending indexes: a healthy database has no findings, each kind of damage is found under its name and mended.
// Damage is done past the mapper, by raw commands; what a repair leaves is compared with what the mapper itself keeps.
import { z } from "zod";
import { expect, test } from "vitest";

import {
  defineEntity,
  exact,
  type FindingKind,
  geo,
  geoPoint,
  inc,
  isRemoraError,
  push,
  range,
  text,
  unset,
  vector,
  type VerifyReport,
} from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTimePassed } from "./clock.ts";
import { expectFailure } from "./failures.ts";
import { type Bench, describeMatrix, dump, type Raw } from "./matrix.ts";

/** A type with every kind of index, of which each is absent at times. */
const define = (storage: Storage) =>
  defineEntity({
    name: "parcel",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string().optional(),
      size: z.number().nullable(),
      note: z.string().optional(),
      tags: z.array(z.string()),
      at: geoPoint().optional(),
      serial: z.bigint().optional(),
      live: z.boolean(),
      feel: z.array(z.number()).optional(),
      slug: z.string().optional(),
      free: z.string(),
      version: z.int(),
    }),
    index: {
      title: [exact({ sortable: true, substring: true }), text({ phrase: true })],
      size: range(),
      note: exact({ caseInsensitive: true }),
      tags: exact(),
      at: geo(),
      serial: range(),
      live: exact(),
      feel: vector({ dim: 3 }),
    },
    unique: { slug: ["slug"], pair: ["live", "serial"] },
    compound: { sized: { eq: ["live"], orderBy: "size" }, titled: { eq: ["live", "note"], orderBy: "title" } },
    version: "version",
    ttl: {},
  });

const parcels = { hash: define("hash"), json: define("json"), string: define("string") };
const parcel = (storage: Storage) => parcels[storage];

function input(at: number) {
  return {
    id: `p ${at}`,
    size: at % 4 === 0 ? null : at / 8,
    ...(at % 5 === 0 ? {} : { title: ` Red box ${at}` }),
    ...(at % 2 === 0 ? { note: `Note ${at % 6}` } : {}),
    tags: [`t${at % 5}`, " u", "t\n"].slice(0, at % 4),
    ...(at % 3 === 0 ? { at: { longitude: (at % 3000) / 10 - 180, latitude: -(at % 500) / 7 } } : {}),
    ...(at % 7 === 0 ? {} : { serial: BigInt(at) - 50n }),
    live: at % 2 === 0,
    ...(at % 2 === 1 ? { feel: [at, 1 / 3, -0.25] } : {}),
    ...(at % 3 === 1 ? { slug: `slug ${at} ` } : {}),
    free: "x",
  };
}

const inputs = (count: number) => Array.from({ length: count }, (_, at) => input(at));

async function filled({ open }: Bench, count = 30) {
  const opened = await open(parcel);
  expect((await opened.repository.saveMany(inputs(count))).failed).toEqual([]);
  const prefix = `${opened.namespace}:{parcel}`;
  // The order of members in a JSON document means nothing.
  const state = async (): Promise<Record<string, unknown>> => {
    const stored = (await dump(opened.raw, opened.namespace)) as Record<string, [unknown, number]>;
    const plain = ([value, time]: [unknown, number]): unknown => [
      typeof value === "string" ? (JSON.parse(value) as unknown) : value,
      time,
    ];
    return Object.fromEntries(Object.entries(stored).map(([key, value]) => [key, plain(value)]));
  };
  return { ...opened, prefix, state };
}

const kinds = ({ findings }: VerifyReport): FindingKind[] => [...new Set(findings.map(({ kind }) => kind))].sort();

type Filled = Awaited<ReturnType<typeof filled>>;

/** Expects damage to be found as this, and mended to what it was before. */
async function expectMended(
  opened: Filled,
  damage: () => Promise<unknown>,
  found: readonly FindingKind[],
): Promise<void> {
  const { repository, state } = opened;
  const before = await state();
  await damage();
  const report = await repository.indexes.verify();
  expect(kinds(report), JSON.stringify(report.findings)).toEqual([...found].sort());
  const repaired = await repository.indexes.repair();
  expect(repaired).toMatchObject({ found: 0, findings: [] });
  expect(repaired.rewritten + repaired.removed).toBeGreaterThan(0);
  expect(await repository.indexes.verify()).toMatchObject({ found: 0, findings: [] });
  expect(await state()).toEqual(before);
  expect(await repository.indexes.repair()).toMatchObject({ found: 0, rewritten: 0, removed: 0 });
}

async function setField(raw: Raw, storage: Storage, key: string, field: string, value: string): Promise<void> {
  if (storage !== "hash") await raw("JSON.SET", key, `$["${field}"]`, JSON.stringify(value));
  else await raw("HSET", key, field, value);
}

const newest = ({ driver }: { readonly driver: string }): boolean => driver === "ioredis6";

describeMatrix(
  "verify",
  (bench) => {
    const { engine, storage, open } = bench;

    test("finds nothing wrong in a busy database", async () => {
      const { repository, db, raw, prefix } = await filled(bench);
      const progress: number[] = [];
      const first = await repository.indexes.verify({ onProgress: ({ done }) => progress.push(done) });
      expect(first).toMatchObject({ documents: 30, found: 0, findings: [], garbage: 0 });
      expect(progress.at(-1)).toBe(30);
      expect(first.entries > 200).toBe(engine === "scan");
      for (let at = 0; at < 10; at += 1) {
        const size = at % 4 === 0 ? 5 : inc(1);
        // eslint-disable-next-line no-await-in-loop -- one after another
        await repository.update(`p ${at}`, { size, tags: push("more"), title: unset(), note: `N${at}` });
      }
      await repository.modify("p 11", (row) => ({ ...row, title: "Other words", feel: [3, 2, 1] }));
      await repository.delete("p 12");
      await repository.save({ ...input(40), slug: "other" });
      await repository.expire("p 13", 1000);
      await repository.update("p 14", { live: true }, { ttl: 500 });
      await db.transaction(async (transaction) => {
        const rows = transaction.repository(parcel(storage));
        const row = await rows.findByIdOrThrow("p 15");
        await rows.save({ ...row, tags: ["from", "a", "transaction"] });
        await rows.delete("p 16");
      });
      const at = new Date(Date.now() + 200);
      expect((await repository.saveMany([input(50), input(51)], { ttl: { at } })).failed).toEqual([]);
      await serverTimePassed(raw, at);
      const second = await repository.indexes.verify();
      expect(second).toMatchObject({ documents: 29, found: 0, findings: [], garbage: 2 });
      expect(await repository.indexes.repair()).toMatchObject({ found: 0, rewritten: 0, removed: 0 });
      expect(Number(await raw("ZCARD", `${prefix}$e`))).toBe(4);
    });

    test("demands indexes that are ready", async () => {
      const { repository } = await open(parcel);
      await repository.insert(input(1));
      await repository.indexes.drop();
      await expectFailure(repository.indexes.verify(), "INDEX_NOT_READY");
      await expectFailure(repository.indexes.repair(), "INDEX_NOT_READY");
    });

    test("heeds deadline and signal", async () => {
      const { repository } = await filled(bench, 3);
      await expectFailure(repository.indexes.verify({ deadline: 0 }), "DEADLINE");
      await expectFailure(repository.indexes.repair({ signal: AbortSignal.abort() }), "DEADLINE");
    });
  },
  newest,
);

type Damage = readonly [
  name: string,
  work: (raw: Raw, prefix: string) => Promise<unknown>,
  found: readonly FindingKind[],
];

const entryDamage: readonly Damage[] = [
  ["an exact entry lost", (raw, prefix) => raw("SREM", `${prefix}$t:live:true`, "p%202"), ["missing-entry"]],
  ["a term of a list lost", (raw, prefix) => raw("SREM", `${prefix}$t:tags:t\n`, "p%203"), ["missing-entry"]],
  ["a stray exact entry", (raw, prefix) => raw("SADD", `${prefix}$t:live:true`, "p%201"), ["stray-entry"]],
  ["an entry of a stranger", (raw, prefix) => raw("SADD", `${prefix}$t:tags:t1`, "nobody"), ["stray-entry"]],
  ["a term that nobody has", (raw, prefix) => raw("SADD", `${prefix}$w:title:nope`, "p%201"), ["stray-entry"]],
  ["a posting lost", (raw, prefix) => raw("SREM", `${prefix}$w:title:red`, "p%201"), ["missing-entry"]],
  ["a word lost from the vocabulary", (raw, prefix) => raw("ZREM", `${prefix}$w:title`, "red"), ["missing-entry"]],
  ["a stray word in the vocabulary", (raw, prefix) => raw("ZADD", `${prefix}$w:title`, 0, "no"), ["stray-entry"]],
  ["a part of a string lost", (raw, prefix) => raw("SREM", `${prefix}$i:title:box`, "p%201"), ["missing-entry"]],
  ["a stray part of a string", (raw, prefix) => raw("SADD", `${prefix}$i:title:box`, "p%200"), ["stray-entry"]],
  ["a number lost", (raw, prefix) => raw("ZREM", `${prefix}$n:size`, "p%201"), ["missing-entry"]],
  [
    "a number in another place",
    (raw, prefix) => raw("ZADD", `${prefix}$n:size`, 77, "p%201"),
    ["missing-entry", "stray-entry"],
  ],
  ["a stray number", (raw, prefix) => raw("ZADD", `${prefix}$n:size`, 1, "p%200"), ["stray-entry"]],
  [
    "a text lost from its order",
    (raw, prefix) => raw("ZREM", `${prefix}$l:title`, " Red box 1\0p%201"),
    ["missing-entry"],
  ],
  ["a stray text in the order", (raw, prefix) => raw("ZADD", `${prefix}$l:title`, 0, "x\0p%201"), ["stray-entry"]],
  ["what is no entry in the order", (raw, prefix) => raw("ZADD", `${prefix}$l:title`, 0, "x"), ["stray-entry"]],
  ["zero in place of nothing", (raw, prefix) => raw("ZADD", `${prefix}$l:title`, 0, "0\0p%200"), ["stray-entry"]],
  ["an absence lost", (raw, prefix) => raw("ZREM", `${prefix}$0:size`, "p%200"), ["missing-entry"]],
  ["a stray absence", (raw, prefix) => raw("ZADD", `${prefix}$0:size`, 0, "p%201"), ["stray-entry"]],
  ["a point lost", (raw, prefix) => raw("ZREM", `${prefix}$g:at`, "p%203"), ["missing-entry"]],
  [
    "a point moved by ten metres",
    (raw, prefix) => raw("GEOADD", `${prefix}$g:at`, -179.7001, -3 / 7, "p%203"),
    ["missing-entry"],
  ],
  ["a stray point", (raw, prefix) => raw("GEOADD", `${prefix}$g:at`, 1, 1, "p%201"), ["stray-entry"]],
  [
    "a place in a compound index lost",
    (raw, prefix) => raw("ZREM", `${prefix}$c:sized:true`, "p%202"),
    ["missing-entry"],
  ],
  [
    "a stray in a compound index",
    (raw, prefix) => raw("ZADD", `${prefix}$c:sized:true`, 0.1, "p%201"),
    ["stray-entry"],
  ],
  [
    "a stray in a compound index by text",
    (raw, prefix) => raw("ZADD", `${prefix}$c:titled:true\0note 2`, 0, "a\0p%202"),
    ["stray-entry"],
  ],
  [
    "a stray among what a compound index cannot order",
    (raw, prefix) => raw("ZADD", `${prefix}$c0:sized:true`, 0, "p%202"),
    ["stray-entry"],
  ],
  ["a key that belongs to nothing", (raw, prefix) => raw("SADD", `${prefix}$t:gone:x`, "p%201"), ["key"]],
  [
    "a snapshot that is none",
    (raw, prefix) => raw("HSET", `${prefix}$s`, "p%201", "[1,[2],{}]"),
    ["snapshot", "stray-entry", "unique"],
  ],
  [
    "an index of another type",
    async (raw, prefix) => {
      await raw("DEL", `${prefix}$t:live:true`, `${prefix}$n:size`);
      await raw("SET", `${prefix}$t:live:true`, "x");
      await raw("LPUSH", `${prefix}$n:size`, "x");
    },
    ["key", "missing-entry"],
  ],
];

const registryDamage: readonly Damage[] = [
  ["an id lost", (raw, prefix) => raw("ZREM", `${prefix}$a`, "p%202"), ["registry"]],
  ["an id that nobody has", (raw, prefix) => raw("ZADD", `${prefix}$a`, 0, "nobody"), ["registry"]],
  [
    "a list of ids of another type",
    async (raw, prefix) => {
      await raw("DEL", `${prefix}$a`);
      await raw("SADD", `${prefix}$a`, "x");
    },
    ["key", "registry"],
  ],
];

const everywhereDamage: readonly Damage[] = [
  ["a unique value lost", (raw, prefix) => raw("HDEL", `${prefix}$u:slug`, "slug 1 "), ["unique"]],
  ["a unique value in other hands", (raw, prefix) => raw("HSET", `${prefix}$u:slug`, "slug 1 ", "p%202"), ["unique"]],
  ["a unique value of nobody's", (raw, prefix) => raw("HSET", `${prefix}$u:slug`, "slug 1 ", "nobody"), ["unique"]],
  ["a unique value that nothing has", (raw, prefix) => raw("HSET", `${prefix}$u:slug`, "else", "p%201"), ["unique"]],
  ["a time that is noted wrongly", (raw, prefix) => raw("ZADD", `${prefix}$e`, 1e13, "p%20dying"), ["deadline"]],
  ["a time that is not noted", (raw, prefix) => raw("ZREM", `${prefix}$e`, "p%20dying"), ["deadline"]],
  ["a time of what does not die", (raw, prefix) => raw("ZADD", `${prefix}$e`, 1, "p%201"), ["deadline"]],
  ["a time of nobody", (raw, prefix) => raw("ZADD", `${prefix}$e`, 1e13, "nobody"), ["deadline"]],
  ["a snapshot of nobody", (raw, prefix) => raw("HSET", `${prefix}$s`, "nobody", "[]"), ["snapshot"]],
  [
    "unique values of another type",
    async (raw, prefix) => {
      await raw("DEL", `${prefix}$u:slug`);
      await raw("SET", `${prefix}$u:slug`, "x");
    },
    ["key", "unique"],
  ],
];

describeMatrix(
  "damage",
  (bench) => {
    const { engine, storage } = bench;
    const dying = async (): Promise<Filled> => {
      const opened = await filled(bench);
      await opened.repository.insert({ ...input(0), id: "p dying" }, { ttl: 1000 });
      return opened;
    };

    const damages = everywhereDamage.concat(
      engine === "search" ? [] : registryDamage,
      engine === "scan" ? entryDamage : [],
    );
    test.each(damages)("%s is found and mended", async (_name, work, found) => {
      const opened = await dying();
      await expectMended(opened, () => work(opened.raw, opened.prefix), found);
    });

    test("a snapshot lost is found and mended", async () => {
      const opened = await dying();
      const found: FindingKind[] = engine === "scan" ? ["snapshot", "stray-entry", "unique"] : ["snapshot", "unique"];
      await expectMended(opened, () => opened.raw("HDEL", `${opened.prefix}$s`, "p%201"), found);
    });

    test("all snapshots lost are found and mended", async () => {
      const { repository, raw, prefix, state } = await dying();
      const before = await state();
      await raw("DEL", `${prefix}$s`);
      const report = await repository.indexes.verify();
      expect(report.findings.filter(({ kind }) => kind === "snapshot")).toHaveLength(31);
      expect(report.findings.length).toBe(Math.min(report.found, 100));
      expect(await repository.indexes.repair()).toMatchObject({ found: 0, rewritten: 31, removed: 0 });
      expect(await state()).toEqual(before);
    });

    test("a document deleted by hand is found and mended", async () => {
      const opened = await dying();
      const { repository, raw } = opened;
      const gone = { ...input(1), id: "gone", slug: "gone", serial: 777n };
      // A version is never the same twice, so the entity is made and taken away.
      const work = async (): Promise<void> => {
        await repository.insert(gone);
        await raw("UNLINK", repository.key("gone"));
      };
      const found: Record<string, FindingKind[]> = {
        scan: ["registry", "snapshot", "stray-entry", "unique"],
        memory: ["registry", "snapshot", "unique"],
        search: ["snapshot", "unique"],
      };
      await expectMended(opened, work, found[engine] ?? []);
      expect(await repository.insert(gone)).toMatchObject({ id: "gone" });
    });

    test("a document changed by hand is found and mended, and queries follow", async () => {
      const { repository, raw } = await dying();
      const key = repository.key("p 1");
      await setField(raw, storage, key, "title", "Blue box");
      await setField(raw, storage, key, "slug", "new");
      if (storage !== "hash") await raw("JSON.SET", key, "$.size", "4.5");
      else await raw("HSET", key, "size", "4.5");
      const report = await repository.indexes.verify();
      expect(kinds(report)).toContain("snapshot");
      expect(report.findings.every(({ id }) => id === "p 1")).toBe(true);
      expect(await repository.indexes.repair()).toMatchObject({ found: 0, rewritten: 1 });
      expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
      const query = () => repository.query();
      expect(await query().where("title").eq("Blue box").where("size").eq(4.5).ids()).toEqual(["p 1"]);
      expect(await query().where("title").match("blue").ids()).toEqual(["p 1"]);
      expect(await query().where("title").includes("lue").ids()).toEqual(["p 1"]);
      expect(await query().where("title").eq(" Red box 1").ids()).toEqual([]);
      expect(await repository.findUnique({ slug: "new" })).toMatchObject({ id: "p 1" });
      expect(await repository.findUnique({ slug: "slug 1 " })).toBeNull();
      await expectFailure(repository.insert({ ...input(2), id: "other", slug: "new" }), "UNIQUE_VIOLATION");
    });

    test("a unique value in other hands changes hands at once", async () => {
      const { repository, raw, prefix } = await dying();
      await raw("HSET", `${prefix}$u:slug`, "slug 1 ", "p%202");
      expect(await repository.indexes.repair()).toMatchObject({ found: 0, rewritten: 1, removed: 0 });
      expect(await repository.findUnique({ slug: "slug 1 " })).toMatchObject({ id: "p 1" });
    });

    test("a document that changes between reading and writing is read again", async () => {
      const { repository, raw, db, prefix, namespace } = await dying();
      const other = await bench.open(parcel, { namespace });
      await raw("HDEL", `${prefix}$s`, "p%201");
      // Before the first script that writes what was read is sent, somebody else saves; later ones go another way.
      const client = db.redis as unknown as { call: (...words: unknown[]) => Promise<unknown> };
      const call = client.call.bind(client);
      let writes = 0;
      client.call = async (...words) => {
        if (String(words.at(-1)).startsWith('[["p%201"')) {
          writes += 1;
          if (writes === 1) await other.repository.modify("p 1", (row) => ({ ...row, title: "Meanwhile" }));
        }
        return call(...words);
      };
      // What was read before would have been mended once more by the next round.
      expect(await repository.indexes.repair()).toMatchObject({ found: 0, rewritten: 1 });
      expect(writes).toBe(1);
      expect(await repository.query().where("title").eq("Meanwhile").ids()).toEqual(["p 1"]);
    });

    test("a document written by hand becomes an entity", async () => {
      const { repository, raw } = await dying();
      const key = repository.key("p new");
      const { serial: _serial, feel: _feel, ...rest } = { ...input(1), slug: "by hand", version: 1 };
      if (storage !== "hash") await raw("JSON.SET", key, "$", JSON.stringify({ ...rest, id: "p%20new" }));
      else {
        const words = Object.entries({ ...rest, tags: JSON.stringify(rest.tags) }).map(([name, value]) => [
          name,
          `${value as string | number | boolean}`,
        ]);
        await raw("HSET", key, ...words.flat());
      }
      expect(kinds(await repository.indexes.verify())).toContain("snapshot");
      expect(await repository.indexes.repair()).toMatchObject({ found: 0, rewritten: 1 });
      expect(
        await repository
          .query()
          .where("size")
          .eq(1 / 8)
          .ids(),
      ).toEqual(["p 1", "p new"]);
      expect(await repository.findUnique({ slug: "by hand" })).toMatchObject({ id: "p new" });
    });

    test("a corrupt document is told of, and nothing of it is left in the indexes", async () => {
      const { repository, raw, prefix } = await dying();
      const key = repository.key("p 1");
      if (storage !== "hash") await raw("JSON.SET", key, "$.size", '"many"');
      else await raw("HSET", key, "size", "many");
      const report = await repository.indexes.verify();
      expect(kinds(report)).toEqual(["corrupt", "snapshot"]);
      expect(report.findings.find(({ kind }) => kind === "corrupt")).toMatchObject({ id: "p 1", field: "size" });
      const repaired = await repository.indexes.repair();
      expect(kinds(repaired)).toEqual(["corrupt"]);
      expect(repaired).toMatchObject({ found: 1, rewritten: 1 });
      expect(await repository.indexes.repair()).toMatchObject({ found: 1, rewritten: 0, removed: 0 });
      expect(await raw("HEXISTS", `${prefix}$s`, "p%201")).toBe(0);
      if (storage !== "hash") await raw("JSON.SET", key, "$.size", "5");
      else await raw("HSET", key, "size", "5");
      expect(await repository.indexes.repair()).toMatchObject({ found: 0, rewritten: 1 });
      expect(await repository.query().where("size").eq(5).ids()).toEqual(["p 1"]);
    });

    test("of two holders of a unique value the noted one stays, and the other is told of", async () => {
      const { repository, raw } = await dying();
      await setField(raw, storage, repository.key("p 4"), "slug", "slug 1 ");
      expect(kinds(await repository.indexes.verify())).toContain("snapshot");
      const repaired = await repository.indexes.repair();
      expect(repaired.findings).toMatchObject([{ kind: "unique", id: "p 4", field: "slug" }]);
      expect(repaired.findings[0]?.message).toContain('"p 1"');
      expect(await repository.findUnique({ slug: "slug 1 " })).toMatchObject({ id: "p 1" });
      await repository.delete("p 1");
      expect(await repository.indexes.repair()).toMatchObject({ found: 0 });
      expect(await repository.findUnique({ slug: "slug 1 " })).toMatchObject({ id: "p 4" });
    });

    test("a time changed by hand is found and noted", async () => {
      const { repository, raw } = await dying();
      await raw("PERSIST", repository.key("p dying"));
      await raw("EXPIRE", repository.key("p 1"), 500);
      const report = await repository.indexes.verify();
      expect(kinds(report)).toEqual(["deadline"]);
      expect(new Set(report.findings.map(({ id }) => id))).toEqual(new Set(["p 1", "p dying"]));
      expect(await repository.indexes.repair()).toMatchObject({ found: 0, rewritten: 2 });
      expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
      expect(await repository.count()).toBe(31);
    });

    test("a key that no id leads to is told of", async () => {
      const { repository, raw, prefix } = await dying();
      if (storage !== "hash") await raw("JSON.SET", `${prefix}:a b`, "$", "{}");
      else await raw("HSET", `${prefix}:a b`, "id", "a b");
      const repaired = await repository.indexes.repair();
      expect(kinds(repaired)).toEqual(["corrupt"]);
      expect(repaired.found).toBe(1);
    });

    test.runIf(engine === "search")("hidden members lost or wrong are found and mended", async () => {
      const opened = await dying();
      const { raw, repository } = opened;
      const key = repository.key("p 2");
      const remove = (name: string): Promise<unknown> =>
        storage !== "hash" ? raw("JSON.DEL", key, `$["${name}"]`) : raw("HDEL", key, name);
      await expectMended(opened, () => remove("$exact.note"), ["document"]);
      await expectMended(opened, () => setField(raw, storage, key, "$phrase.title", "_x_"), ["document"]);
      await expectMended(opened, () => remove("$absent"), ["document"]);
      await expectMended(opened, () => setField(raw, storage, key, "$exact.else", "x"), ["document"]);
      if (storage === "hash") {
        const other = repository.key("p 1");
        await expectMended(opened, () => raw("HSET", other, "$vector.feel", "x".repeat(12)), ["document"]);
        await expectMended(opened, () => raw("HDEL", other, "$vector.feel"), ["document"]);
      }
    });

    test.runIf(engine === "search")(
      "a document that the server dropped from its index is found and mended",
      async () => {
        const opened = await dying();
        const { raw, repository } = opened;
        const key = repository.key("p dying");
        const spoil = (): Promise<unknown> => setField(raw, storage, key, "$deadline", "never");
        await expectMended(opened, spoil, ["deadline", "unindexed"]);
        expect(await repository.query().where("size").isNull().ids()).toContain("p dying");
      },
    );

    test.runIf(engine === "scan")("vectors lost, moved and left behind are found and mended", async () => {
      const opened = await dying();
      const { raw, prefix, db } = opened;
      if (!db.capabilities.vectorSets) return;
      const key = `${prefix}$v:feel`;
      await expectMended(opened, () => raw("VREM", key, "p%201"), ["missing-entry"]);
      await expectMended(opened, () => raw("VADD", key, "VALUES", 3, 1, 2, 3, "p%201", "NOQUANT", "M", 4), [
        "missing-entry",
      ]);
      await expectMended(opened, () => raw("VADD", key, "VALUES", 3, 1, 2, 3, "p%200", "NOQUANT", "M", 4), [
        "stray-entry",
      ]);
      const wrongType = async (): Promise<void> => {
        await raw("DEL", key);
        await raw("SET", key, "x");
      };
      await expectMended(opened, wrongType, ["key", "missing-entry"]);
    });
  },
  newest,
);

describeMatrix(
  "writers at work",
  (bench) => {
    const { engine } = bench;
    // Writes without a pause, as different as can be, until it is told to stop.
    const writing = (repositories: readonly Filled["repository"][], stop: { readonly stopped: boolean }) =>
      repositories.map(async (repository, writer) => {
        let turns = 0;
        /* eslint-disable no-await-in-loop -- a writer writes one thing after another */
        for (; !stop.stopped; turns += 1) {
          const at = (turns * 7 + writer * 11) % 60;
          const fresh = { ...input(at), slug: `slug ${at} ${turns % 3}`, size: turns % 5, title: `Turn ${turns % 9}` };
          const work = [
            () => repository.saveMany([fresh, { ...input(60 + at), tags: [`x${turns % 4}`] }]),
            () => repository.update(`p ${at}`, { tags: push(`y${turns % 3}`), size: inc(1) }),
            () => repository.delete(`p ${(at * 3) % 120}`),
            () => repository.modify(`p ${at}`, (row) => ({ ...row, title: "Modified", note: `n ${turns % 4}` })),
            () => repository.expire(`p ${at}`, { ms: 20 + (turns % 50) }),
            () => repository.update(`p ${at}`, { title: unset() }, { ttl: 100 }),
          ][turns % 6];
          await work?.().catch((error: unknown) => {
            // What they take from each other is what they are for.
            if (!isRemoraError(error) || !taken.has(error.code)) throw error;
          });
        }
        /* eslint-enable no-await-in-loop */
        return turns;
      });
    const taken = new Set(["ENTITY_NOT_FOUND", "VERSION_CONFLICT", "UNIQUE_VIOLATION", "VALIDATION", "ENTITY_EXISTS"]);

    test("make no false findings, and repairs take nothing from them", async () => {
      const opened = await filled(bench, 120);
      const others = await Promise.all([0, 1].map(() => bench.open(parcel, { namespace: opened.namespace })));
      const stop = { stopped: false };
      const writers = writing([opened.repository, ...others.map(({ repository }) => repository)], stop);
      const { indexes } = opened.repository;
      try {
        /* eslint-disable no-await-in-loop -- one look after another */
        for (let look = 0; look < 8; look += 1)
          expect(await indexes.verify()).toMatchObject({ found: 0, findings: [] });
        for (let look = 0; look < 6; look += 1) {
          if (engine === "scan") {
            await opened.raw(
              "DEL",
              `${opened.prefix}$t:live:true`,
              `${opened.prefix}$n:size`,
              `${opened.prefix}$w:title:turn`,
            );
          } else if (engine === "memory") await opened.raw("DEL", `${opened.prefix}$a`);
          await opened.raw("DEL", `${opened.prefix}$s`, `${opened.prefix}$u:pair`);
          expect(await indexes.repair()).toMatchObject({ found: 0, findings: [] });
        }
        /* eslint-enable no-await-in-loop */
      } finally {
        stop.stopped = true;
      }
      const turns = await Promise.all(writers);
      const ids = Array.from({ length: 120 }, (_, at) => `p ${at}`);
      // Whoever is alive now stays so.
      await Promise.all(ids.map((id) => opened.repository.persist(id)));
      expect(Math.min(...turns)).toBeGreaterThan(20);
      expect(await indexes.verify()).toMatchObject({ found: 0, findings: [] });
      // What queries find is what the documents say.
      const rows = await opened.repository.findByIds(ids);
      const live = rows.flatMap((row) => (row?.live === true ? [row.id] : []));
      expect((await opened.repository.query().where("live").eq(true).ids()).sort()).toEqual(live.sort());
    });
  },
  newest,
);

const crowd = (storage: Storage) =>
  defineEntity({
    name: "crowd",
    storage,
    schema: z.object({ id: z.string(), name: z.string(), size: z.number(), tags: z.array(z.string()) }),
    index: { name: [exact(), text()], size: range(), tags: exact() },
    unique: { name: ["name"] },
  });

describeMatrix(
  "twenty thousand documents",
  ({ open, engine }) => {
    test("are checked in slices", { timeout: 120_000 }, async () => {
      const { repository, raw, namespace } = await open(crowd);
      const rows = Array.from({ length: 20_000 }, (_, at) => ({
        id: String(at),
        name: `name ${at}`,
        size: at,
        tags: [`t${at % 7}`],
      }));
      expect((await repository.saveMany(rows)).failed).toEqual([]);
      let slices = 0;
      const report = await repository.indexes.verify({ onProgress: () => (slices += 1) });
      expect(report).toMatchObject({ found: 0, garbage: 0 });
      expect(report.documents).toBeGreaterThanOrEqual(20_000);
      expect(slices).toBeGreaterThanOrEqual(400);
      const key = `${namespace}:{crowd}$t:tags:t1`;
      if (engine === "scan") await Promise.all([raw("SREM", key, "15002"), raw("SADD", key, "15003")]);
      await raw("HDEL", `${namespace}:{crowd}$u:name`, "name 15001");
      const wanted = engine === "scan" ? ["15001", "15002", "15003"] : ["15001"];
      const { found, findings } = await repository.indexes.verify();
      expect(found).toBe(wanted.length);
      expect(new Set(findings.map(({ id }) => id))).toEqual(new Set(wanted));
      // A stranger's change of many documents is mended in slices too.
      await raw("DEL", `${namespace}:{crowd}$s`);
      expect(await repository.indexes.repair()).toMatchObject({
        found: 0,
        rewritten: 20_000,
        removed: engine === "scan" ? 1 : 0,
      });
    });
  },
  (combination) => newest(combination) && combination.storage === "hash" && combination.engine !== "memory",
);
