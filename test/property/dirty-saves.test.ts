// Saves of entities that were read before: what the difference leaves in the database is what the whole entity would have left.
// Random entities and random successors of them, on every engine and storage; and rivals in between.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { connect, type Database, defineEntity, exact, isRemoraError, type Repository } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { dump, type Raw, tidy } from "../behaviour/matrix.ts";
import { sent } from "../behaviour/sent.ts";
import { freshNamespace } from "../setup/legs.ts";
import { thing, thingIndex, thingShape } from "./entities.ts";
import { runs, seed } from "./seed.ts";
import { targets } from "./targets.ts";

/** Large enough for a difference to be worth it. */
const filler = "f".repeat(1100);
const created = new Date(1_700_000_000_000);

const large = (storage: Storage) =>
  defineEntity({
    name: "large",
    storage,
    schema: z.object({ ...thingShape, filler: z.string(), version: z.int(), createdAt: z.date() }),
    index: thingIndex,
    unique: { code: ["code"] },
    compound: { flagged: { eq: ["flag"], orderBy: "n" } },
    version: "version",
    timestamps: { createdAt: "createdAt" },
    ttl: {},
    changes: true,
  });
const undated = (storage: Storage) =>
  defineEntity({
    name: "undated",
    storage,
    schema: z.object({ id: z.string(), a: z.string(), filler: z.string(), version: z.int() }),
    index: { a: exact() },
    version: "version",
  });
type Larges = Repository<ReturnType<typeof large>>;

describe.each(targets())("saves of $storage documents that were read, on the $engine engine, $leg.name", (target) => {
  const { leg, storage, engine } = target;
  const [one, other] = [freshNamespace(), freshNamespace()];
  let [dirty, whole]: Database[] = [];
  let [left, right]: Larges[] = [];
  const raw: Raw = (command, ...args) => (dirty as Database).redis.call(command, ...args);

  beforeAll(async () => {
    dirty = await connect(leg.url, { namespace: one, engine });
    whole = await connect(leg.url, { namespace: other, engine, dirtySaves: false });
    left = dirty.repository(large(storage));
    right = whole.repository(large(storage));
    await left.indexes.sync();
    await right.indexes.sync();
  });
  afterAll(async () => {
    await tidy(raw, one, leg.search);
    await tidy(raw, other, leg.search);
    await dirty?.close();
    await whole?.close();
  });

  const both = (): [Larges, Larges] => [left as Larges, right as Larges];

  /** Everything that a namespace holds, but for the times and ids of its changes; JSON documents whatever their order. */
  async function held(namespace: string): Promise<unknown> {
    const stored = (await dump(raw, namespace)) as Record<string, [unknown, unknown]>;
    const entries = Object.entries(stored)
      .filter(([key]) => !key.endsWith("$k"))
      .map(([key, [value, time]]) => [
        key.slice(namespace.length),
        [typeof value === "string" ? (JSON.parse(value) as unknown) : value, time],
      ]);
    return Object.fromEntries(entries);
  }

  test("leave what whole saves leave", { timeout: 120_000 }, async () => {
    const [mine, theirs] = both();
    const property = fc.asyncProperty(thing, fc.array(thing, { minLength: 1, maxLength: 3 }), async (first, next) => {
      const input = { ...first, filler, createdAt: created };
      // What an earlier case left behind, when it failed.
      await mine.delete(first.id);
      await theirs.delete(first.id);
      await mine.insert(input as never);
      await theirs.insert(input as never);
      let loaded = await mine.findByIdOrThrow(first.id);
      for (const values of next) {
        const changed = { ...values, id: first.id, filler, createdAt: created, version: loaded.version };
        let saved: unknown;
        // eslint-disable-next-line no-await-in-loop -- saves follow each other
        const commands = await sent(async () => {
          saved = await mine.save(changed as never);
        });
        expect(commands).toEqual(["EVALSHA patch"]);
        // eslint-disable-next-line no-await-in-loop
        expect(saved).toEqual(await theirs.save(changed as never));
        // JSON text is the server's, so it is read again; a hash is remembered as it is written.
        // eslint-disable-next-line no-await-in-loop
        loaded = storage !== "hash" ? await mine.findByIdOrThrow(first.id) : (saved as typeof loaded);
        // eslint-disable-next-line no-await-in-loop
        expect(await held(one)).toEqual(await held(other));
      }
      expect(await mine.indexes.verify()).toMatchObject({ found: 0, findings: [] });
      await mine.delete(first.id);
      await theirs.delete(first.id);
    });
    await fc.assert(property, { numRuns: runs(40), seed });
  });

  const row = {
    id: "a",
    title: "t",
    both: null,
    n: 1,
    big: null,
    note: null,
    tags: null,
    bits: [],
    bigs: [],
    place: null,
  };

  async function prepared(): Promise<{
    readonly mine: Larges;
    readonly loaded: Awaited<ReturnType<Larges["insert"]>>;
  }> {
    const [mine] = both();
    await mine.delete("a");
    await mine.insert({ ...row, filler, code: "c" }, { ttl: 600 });
    return { mine, loaded: await mine.findByIdOrThrow("a") };
  }

  test("found by a query, or with others, are known as well", async () => {
    const { mine, loaded } = await prepared();
    const [found] = await mine.query().where("title").eq("t").all();
    expect(await sent(() => mine.save({ ...loaded, ...found, n: 2 }))).toEqual(["EVALSHA patch"]);
    const [read] = await mine.findByIds(["a"]);
    expect(await sent(() => mine.save({ ...loaded, ...read, n: 3 }))).toEqual(["EVALSHA patch"]);
    const part = await mine.findById("a", { select: ["title", "n", "version"] });
    expect(part).toEqual({ title: "t", n: 3, version: 3 });
  });

  test("keep the time, or change it as is wished", async () => {
    const { mine, loaded } = await prepared();
    await mine.save({ ...loaded, n: 2 });
    expect(await mine.ttl("a")).toBeLessThanOrEqual(600_000);
    const again = await mine.findByIdOrThrow("a");
    expect(await sent(() => mine.save({ ...again, n: 3 }, { ttl: null }))).toEqual(["EVALSHA patch"]);
    expect(await mine.ttl("a")).toBe("never");
  });

  test("are told as saves, with the fields that changed", async () => {
    const { mine, loaded } = await prepared();
    const saved = await mine.save({ ...loaded, n: 2, title: "u" });
    const told: unknown[] = [];
    for await (const change of mine.watch({ from: "start" })) {
      if (change.id !== "a" || change.op !== "save") continue;
      told.push(change);
      if (change.fields?.includes("title") === true) break;
    }
    expect(told.at(-1)).toMatchObject({ op: "save", version: saved.version, fields: ["title", "n", "version"] });
  });

  test("fail as whole saves do", async () => {
    const { mine, loaded } = await prepared();
    await mine.update("a", { n: 5 });
    const refusal = { code: "VERSION_CONFLICT", expected: 1, actual: 2 };
    await expect(mine.save({ ...loaded, n: 2 })).rejects.toMatchObject(refusal);
    await expect(mine.save({ ...loaded, n: 2 })).rejects.toMatchObject(refusal);
    const current = await mine.findByIdOrThrow("a");
    await mine.insert({ ...row, filler, id: "b", code: "taken" });
    const taken = mine.save({ ...current, code: "taken" });
    await expect(taken).rejects.toMatchObject({ code: "UNIQUE_VIOLATION", unique: "code", holderId: "b" });
    await mine.delete("b");
    const last = await mine.findByIdOrThrow("a");
    await mine.delete("a");
    const gone = { code: "VERSION_CONFLICT", expected: 2, actual: null };
    await expect(mine.save({ ...last, n: 3 })).rejects.toMatchObject(gone);
    expect(await mine.exists("a")).toBe(false);
  });

  test("are whole when the entity was made anew under the same version", async () => {
    const { mine, loaded } = await prepared();
    await mine.delete("a");
    await mine.insert({ ...row, filler, title: "another", code: "d", createdAt: created });
    const commands = await sent(() => mine.save({ ...loaded, n: 7 }));
    expect(commands).toEqual(["EVALSHA patch", "EVALSHA save"]);
    expect(await mine.findByIdOrThrow("a")).toEqual({ ...loaded, n: 7, version: 2 });
    expect(await mine.indexes.verify()).toMatchObject({ found: 0 });
  });

  test("of many at once are mixed with whole ones, and each has its outcome", async () => {
    const [mine] = both();
    const ids = ["m0", "m1", "m2", "m3", "m4"];
    await mine.deleteMany(ids);
    await mine.insertMany(ids.slice(0, 4).map((id) => ({ ...row, filler, id, code: `code ${id}` })));
    const [first, second, third, fourth] = (await mine.findByIds(ids)) as Awaited<ReturnType<Larges["insert"]>>[];
    if (!first || !second || !third || !fourth) return expect.unreachable("they were inserted");
    await mine.update("m1", { n: 7 });
    await mine.delete("m2");
    await mine.insert({ ...row, filler, id: "m2", title: "anew", createdAt: created });
    const inputs = [
      { ...first, n: 10 },
      { ...second, n: 10 },
      { ...third, n: 10 },
      { ...fourth, code: "code m0" },
      { ...row, filler, id: "m4" },
    ];
    let outcomes: Awaited<ReturnType<typeof mine.saveMany>>["outcomes"] = [];
    const commands = await sent(async () => {
      ({ outcomes } = await mine.saveMany(inputs));
    });
    expect(commands.toSorted()).toEqual(["EVALSHA patch", "EVALSHA save", "EVALSHA save"]);
    expect(outcomes.map((outcome) => outcome.ok || outcome.error.code)).toEqual([
      true,
      "VERSION_CONFLICT",
      true,
      "UNIQUE_VIOLATION",
      true,
    ]);
    expect(await mine.findByIds(ids)).toMatchObject([
      { n: 10, version: 2 },
      { n: 7, version: 2 },
      { ...third, n: 10, version: 2 },
      { code: "code m3", version: 1 },
      { id: "m4", version: 1 },
    ]);
    expect(await mine.indexes.verify()).toMatchObject({ found: 0 });
    await mine.deleteMany(ids);
  });

  test("of rivals count once each", async () => {
    const { mine } = await prepared();
    const workers = Array.from({ length: 8 }, async () => {
      for (let done = 0; done < 10;) {
        // eslint-disable-next-line no-await-in-loop -- one try after the other
        const entity = await mine.findByIdOrThrow("a");
        // eslint-disable-next-line no-await-in-loop
        const outcome = await mine.save({ ...entity, n: (entity.n ?? 0) + 1 }).catch((error: unknown) => error);
        if (!(outcome instanceof Error)) done += 1;
        else if (!isRemoraError(outcome, "VERSION_CONFLICT")) throw outcome;
      }
    });
    await Promise.all(workers);
    expect(await mine.findByIdOrThrow("a")).toMatchObject({ n: 81, version: 81 });
  });

  test("of small documents, or without a time of creation, are whole", async () => {
    const [mine] = both();
    await mine.delete("s");
    await mine.insert({ ...row, filler: "", id: "s" });
    const small = await mine.findByIdOrThrow("s");
    expect(await sent(() => mine.save({ ...small, n: 2 }))).toEqual(["EVALSHA save"]);
    const plain = (dirty as Database).repository(undated(storage));
    await plain.indexes.sync();
    await plain.insert({ id: "u", a: "x", filler });
    const loaded = await plain.findByIdOrThrow("u");
    expect(await sent(() => plain.save({ ...loaded, a: "y" }))).toEqual(["EVALSHA save"]);
    const [, theirs] = both();
    await theirs.insert({ ...row, filler, id: "w" });
    const opted = await theirs.findByIdOrThrow("w");
    expect(await sent(() => theirs.save({ ...opted, n: 2 }))).toEqual(["EVALSHA save"]);
  });

  test("know no more than a thousand documents", async () => {
    const [mine] = both();
    const ids = Array.from({ length: 1001 }, (_, at) => `k${at}`);
    await mine.saveMany(ids.map((id) => ({ ...row, filler, id })));
    const all = await mine.findByIds(ids);
    const [first, last] = [all[0], all[1000]] as [NonNullable<(typeof all)[0]>, NonNullable<(typeof all)[0]>];
    expect(await sent(() => mine.save({ ...first, n: 2 }))).toEqual(["EVALSHA save"]);
    expect(await sent(() => mine.save({ ...last, n: 2 }))).toEqual(["EVALSHA patch"]);
    await mine.deleteMany(ids);
  });
});
