// A changed definition: what the indexes hold after `sync` is what they would hold in a fresh database.
// Compared key by key and member by member; whoever still has another definition is refused, never answered wrongly.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import {
  type Change,
  content,
  entity,
  everyIndex,
  expectAsFresh,
  expectRefused,
  fill,
  indexed,
  item,
} from "./items.ts";
import { describeMatrix } from "./matrix.ts";

const compound = {
  titled: { eq: ["live"], orderBy: "title" },
  sized: { eq: ["note", "live"], orderBy: "size" },
  noted: { eq: ["note"] },
};

const changes: [string, Change, Change][] = [
  ["an index added", { index: { title: exact() } }, { index: { title: exact(), size: range() } }],
  ["an index removed", { index: { title: exact(), size: range() } }, { index: { size: range() } }],
  ["another kind of index", { index: { title: exact() } }, { index: { title: text() } }],
  ["an index made sortable", { index: { title: exact() } }, { index: { title: exact({ sortable: true }) } }],
  ["case folded", { index: { title: exact() } }, { index: { title: exact({ caseInsensitive: true }) } }],
  ["every index added", {}, { index: everyIndex }],
  ["every index removed", { index: everyIndex }, {}],
  ["a unique added", { index: { title: exact() } }, { index: { title: exact() }, unique: { slug: ["slug"] } }],
  ["a unique removed", { unique: { slug: ["slug"] } }, {}],
  ["a unique changed", { unique: { slug: ["slug"] } }, { unique: { pair: ["place.name", "slug"] } }],
  ["a ttl added", { index: everyIndex }, { index: everyIndex, ttl: {} }],
  [
    "an indexed field added",
    { index: { title: exact() } },
    { index: { title: exact(), kind: exact() }, more: { kind: z.string().default("none") } },
  ],
];

const compoundChanges: [string, Change, Change][] = [
  ["compounds added", { index: everyIndex }, { index: everyIndex, compound }],
  ["compounds removed", { index: everyIndex, compound }, { index: everyIndex }],
  [
    "a compound changed",
    { index: everyIndex, compound: { one: { eq: ["live"], orderBy: "size" } } },
    { index: everyIndex, compound: { one: { eq: ["live"], orderBy: "born" } } },
  ],
];

describeMatrix(
  "a changed definition",
  (bench) => {
    test.each(changes)("%s", async (_name, before, after) => {
      const { namespace } = await fill(bench, before, 130);
      const { repository } = await bench.open(item(after), { namespace, synced: false });
      const progress: number[] = [];
      const status = await repository.indexes.sync({ onProgress: ({ done }) => progress.push(done) });
      expect(status).toMatchObject({ state: "ready", faulty: 0, faults: [], failures: 0 });
      expect(status.documents).toBe(130);
      // A server that moves its keys about may name some of them twice.
      expect(progress.at(-1)).toBeGreaterThanOrEqual(130);
      await expectAsFresh(bench, after, namespace, 130);
    });

    test.each(compoundChanges)("%s: rebuilt where they are kept", async (_name, before, after) => {
      const { namespace } = await fill(bench, before, 130);
      const { repository } = await bench.open(item(after), { namespace, synced: false });
      const progress: unknown[] = [];
      await repository.indexes.sync({ onProgress: (each) => progress.push(each) });
      expect(progress.length > 0).toBe(bench.engine === "scan");
      await expectAsFresh(bench, after, namespace, 130);
    });

    test("there and back again", async () => {
      const [one, other] = [{ index: { title: exact() } }, { index: { size: range() }, unique: { slug: ["slug"] } }];
      const { namespace } = await fill(bench, one, 60);
      await bench.open(item(other), { namespace });
      await bench.open(item(one), { namespace });
      await expectAsFresh(bench, one, namespace, 60);
    });

    test("a field that no index needs is noted, and nothing is rebuilt", async () => {
      const before = { index: { title: exact() } };
      const after = { ...before, more: { extra: z.string().optional() } };
      const former = await fill(bench, before, 20);
      const { namespace } = former;
      const { repository } = await bench.open(item(after), { namespace, synced: false });
      const progress: unknown[] = [];
      await repository.indexes.sync({ onProgress: (each) => progress.push(each) });
      expect(progress).toEqual([]);
      await expectAsFresh(bench, after, namespace, 20);
      await expectRefused(former);
    });

    test("keeps versions, timestamps and times", async () => {
      const page = (index: Record<string, unknown>) => (storage: Storage) =>
        defineEntity({
          name: "item",
          storage,
          schema: z.object({ id: z.string(), name: z.string(), version: z.int(), made: z.date(), seen: z.date() }),
          index: index as { name?: ReturnType<typeof exact> },
          version: "version",
          timestamps: { createdAt: "made", updatedAt: "seen" },
          ttl: {},
        });
      const { repository, raw, namespace } = await bench.open(page({}));
      const first = await repository.insert({ id: "a", name: " a" }, { ttl: 1000 });
      const second = await repository.save({ ...first, name: "b " });
      const expires = await raw("PEXPIRETIME", repository.key("a"));
      const { repository: changed } = await bench.open(page({ name: exact() }), { namespace });
      expect(await changed.findById("a")).toEqual(second);
      expect(await raw("PEXPIRETIME", repository.key("a"))).toBe(expires);
      expect(await changed.query().where("name").eq("b ").all()).toEqual([second]);
      await changed.save({ ...second, name: "c" });
      expect(await changed.query().where("name").eq("b ").count()).toBe(0);
      expect(await changed.count()).toBe(1);
    });
  },
  ({ driver }) => driver === "ioredis6",
);

describeMatrix("a process with the former definition", (bench) => {
  test("is refused, and changes nothing", async () => {
    const [before, after] = [{ index: { title: exact() } }, { index: { size: range() }, unique: { slug: ["slug"] } }];
    const former = await fill(bench, before, 30);
    const { namespace, repository } = former;
    await bench.open(item(after), { namespace });
    await expectRefused(former);
    await expectRefused(await bench.open(item(before), { namespace, synced: false }));
    expect(await repository.indexes.status()).toMatchObject({ state: "outdated" });
    await expectFailure(repository.indexes.ready(), "INDEX_NOT_READY");
    await expectAsFresh(bench, after, namespace, 30);
  });

  test("without a sync, refuses the later one", async () => {
    const { namespace } = await fill(bench, { index: { title: exact() } }, 3);
    const later = await bench.open(item({ index: { size: range() } }), { namespace, synced: false });
    await expectRefused(later);
    expect(await later.repository.indexes.status()).toMatchObject({ state: "outdated" });
  });
});

describeMatrix(
  "sync",
  (bench) => {
    const { open, storage, engine, leg } = bench;
    test("of a type that nobody touched makes nothing but its note", async () => {
      const { repository, raw, namespace } = await open(item({ index: everyIndex }), { synced: false });
      if (engine === "scan") expect(await repository.query().all()).toEqual([]);
      else await expectFailure(repository.query().all(), "INDEX_NOT_READY");
      expect(await repository.indexes.status()).toMatchObject({ state: "missing", faulty: 0 });
      expect(await repository.indexes.sync()).toMatchObject({ state: "ready", documents: 0 });
      expect(Object.keys(await content(raw, namespace))).toEqual([":{item}$m"]);
      expect(await repository.query().all()).toEqual([]);
    });

    test("does not change the engine", async () => {
      const { repository, raw, namespace } = await open(item({}));
      await raw("HSET", `${namespace}:{item}$m`, "engine", "other", "stamp", "else");
      await expectFailure(repository.indexes.sync(), "ENGINE_MISMATCH");
      await expectFailure(repository.indexes.sync({ rebuild: true }), "ENGINE_MISMATCH");
    });

    test.runIf(leg.json)("does not change the storage of what is stored", async () => {
      const { repository, namespace, raw } = await open(item({}));
      const turned = item({})(storage === "json" ? "hash" : "json");
      const other = await open(() => turned, { namespace, synced: false });
      expect(await other.repository.indexes.sync()).toMatchObject({ state: "ready" });
      await repository.indexes.sync();
      await repository.insert(entity(1));
      const before = await content(raw, namespace);
      const error = await expectFailure(other.repository.indexes.sync(), "INDEX_NOT_READY");
      expect(error.message).toContain(storage);
      expect(await content(raw, namespace)).toEqual(before);
    });

    test("makes anew what drop removed", async () => {
      const change = { index: everyIndex, unique: { slug: ["slug"] } };
      const filled = await fill(bench, change, 20);
      const { repository, raw, namespace } = filled;
      await repository.indexes.drop();
      const left = Object.keys(await content(raw, namespace)).filter((key) => !key.startsWith(":{item}:"));
      expect(left).toEqual([":{item}$m"]);
      expect(await repository.indexes.status()).toMatchObject({ state: "missing" });
      await expectRefused(filled);
      await repository.indexes.drop();
      await repository.indexes.sync();
      await expectAsFresh(bench, change, namespace, 20);
    });

    test.runIf(engine === "search")("makes a search index anew that was dropped", async () => {
      const { repository, raw, namespace } = await open(item({ index: { title: exact() } }));
      await repository.insert(entity(1));
      const index = ((await raw("FT._LIST")) as string[]).find((name) => name.startsWith(namespace)) ?? "";
      await raw("FT.DROPINDEX", index);
      await expectFailure(repository.query().all(), "INDEX_NOT_READY");
      await repository.indexes.sync();
      expect(await repository.query().where("title").eq(entity(1).title).ids()).toEqual(["id 1"]);
    });
  },
  indexed,
);
