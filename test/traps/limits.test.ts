// Limits of servers that cut, overflow or fail without a word: each is met by whole answers or a clear error.
// On servers of their own, since their settings are changed and their keys let die.
import { setImmediate as nextTurn } from "node:timers/promises";

import { z } from "zod";
import { afterAll, beforeAll, expect, test } from "vitest";

import { connect, type Database, defineEntity, exact, isRemoraError, range } from "remora";
import { type Flavour, startServer, type TestServer } from "remora/testing";
import { layoutOf } from "../../src/engines/layout.ts";
import { readMap } from "../../src/redis/replies.ts";
import { keyspace } from "../../src/schema/key.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { serverTimePassed } from "../behaviour/clock.ts";
import type { Raw } from "../behaviour/matrix.ts";
import { describeLegs } from "../setup/legs.ts";

const storages = ["hash", "json"] as const;
const plain = (name: string, storage: Storage) =>
  defineEntity({
    name: `${name}-${storage}`,
    storage,
    schema: z.object({ id: z.string(), word: z.string(), n: z.number() }),
    index: { word: exact(), n: range() },
  });
const rows = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `t${n}`, word: `w${n % 7}`, n }));

/** Rows, or an error of the library that says why not; never fewer rows than there are. */
async function expectWhole(work: Promise<readonly unknown[]>, count: number): Promise<void> {
  try {
    expect(await work).toHaveLength(count);
  } catch (error) {
    if (!isRemoraError(error)) throw error;
    expect(error.code).toBe("RESULT_TOO_LARGE");
  }
}

describeLegs("limits", { search: true }, (leg) => {
  let server: TestServer;
  let db: Database;
  let raw: Raw;

  beforeAll(async () => {
    server = await startServer({
      flavour: leg.flavour === "other" ? "any" : (leg.flavour as Flavour),
      needs: "search",
      args: ["--enable-debug-command", "yes"],
    });
    db = await connect(server.url, { namespace: "limits", engine: "search" });
    raw = (command, ...args) => db.redis.call(command, ...args);
  });
  afterAll(async () => {
    await db.close();
    await server.stop();
  });

  test.each(storages)("rows beyond a cap below ten thousand are missing without a word, %s", async (storage) => {
    await raw("FT.CONFIG", "SET", "MAXAGGREGATERESULTS", 100);
    // The setting is read when a connection is made.
    const narrow = await connect(server.url, { namespace: "limits", engine: "search" });
    try {
      const repository = narrow.repository(plain("capped", storage));
      await repository.indexes.sync();
      await repository.insertMany(rows(300));
      const query = () => repository.query();
      await expectWhole(query().orderBy("n").offset(95).limit(10).ids(), 10);
      await expectWhole(query().orderBy("n").offset(95).limit(10).all(), 10);
      await expectWhole(query().orderBy("n").offset(150).limit(10).all(), 10);
      await expectWhole(query().orderBy("n").limit(200).all(), 200);
      await expectWhole(query().ids(), 300);
      const groups = query()
        .aggregate()
        .groupBy("n")
        .reduce((of) => ({ ids: of.countDistinct("id") }));
      expect(await groups.all()).toHaveLength(300);
    } finally {
      await raw("FT.CONFIG", "SET", "MAXAGGREGATERESULTS", -1);
      await narrow.close();
    }
  });

  // Whoever sets a time to live by hand, on a type without ttl, leaves dead documents in the index for a while.
  test.each(storages)("a document that a stranger let die is a failed connection, %s", async (storage) => {
    const repository = db.repository(plain("stranger", storage));
    await repository.indexes.sync();
    await raw("DEBUG", "SET-ACTIVE-EXPIRE", 0);
    try {
      await repository.insertMany(rows(2));
      const at = new Date(Date.now() + 30);
      await raw("PEXPIREAT", repository.key("t0"), at.getTime());
      await serverTimePassed(raw, at);
      const query = repository.query();
      expect(
        await query
          .aggregate()
          .reduce((of) => ({ count: of.count(), least: of.min("n") }))
          .all(),
      ).toEqual([{ count: 1, least: 1 }]);
      for (const work of [() => query.orderBy("n").all(), () => query.limit(5).all()]) {
        let found: readonly unknown[];
        try {
          found = await work();
        } catch (error) {
          if (!isRemoraError(error)) throw error;
          expect(error.code).toBe("RESULT_TOO_LARGE");
          continue;
        }
        expect(found.map((row) => (typeof row === "string" ? row : (row as { id: string }).id))).toEqual(["t1"]);
      }
    } finally {
      await raw("DEBUG", "SET-ACTIVE-EXPIRE", 1);
    }
  });

  test.each(storages)("a cursor is open until somebody closes it, %s", async (storage) => {
    const definition = plain("cursor", storage);
    const { alias } = layoutOf(definition.metadata, "search", keyspace(definition.metadata, "limits"));
    const repository = db.repository(definition);
    await repository.indexes.sync();
    await repository.insertMany(rows(6000));
    const groups = repository.query().aggregate().groupBy("n");
    const open = async (): Promise<number> => {
      const info = readMap(await raw("FT.INFO", alias));
      return Number(readMap(info["cursor_stats"])["index_total"]);
    };
    expect(await groups.all()).toHaveLength(6000);
    expect(await open()).toBe(0);

    // Given up while the rows are read: the signal fires as soon as the server has a cursor.
    let given = 0;
    for (let attempt = 0; attempt < 50 && given === 0; attempt += 1) {
      const controller = new AbortController();
      const work = groups.all({ signal: controller.signal }).then(
        () => 0,
        (error: unknown) => (isRemoraError(error) ? 1 : 0),
      );
      while ((await Promise.race([work.then(() => 1), open()])) === 0);
      // The reply that names the cursor was there before; now it has been read as well.
      await nextTurn();
      controller.abort();
      given = await work;
    }
    expect(given).toBe(1);
    expect(await open()).toBe(0);

    // A document that cannot be read, wherever it comes.
    for (const { id } of rows(6000).filter(({ n }) => n % 100 === 0)) {
      if (storage === "hash") await raw("HDEL", repository.key(id), "word");
      else await raw("JSON.DEL", repository.key(id), "$.word");
    }
    await expect(repository.query().aggregate().groupBy("id", "word").all()).rejects.toMatchObject({
      code: "CORRUPT_ENTITY",
    });
    expect(await open()).toBe(0);
  });

  test("a query of a hundred thousand values overflows the stack", async () => {
    const repository = db.repository(plain("values", "hash"));
    await repository.indexes.sync();
    const list = (at: number) => Array.from({ length: 10_000 }, (_, n) => `w${n + at}`);
    const query = repository
      .query()
      .where((f) => f.and(...Array.from({ length: 12 }, (_, at) => f("word").in(list(at)))));
    try {
      expect(await query.count()).toBe(0);
    } catch (error) {
      expect(error).toMatchObject({ entity: "values-hash" });
      expect(isRemoraError(error)).toBe(true);
    }
  });

  test.each(storages)("more indexes than the server has room for is a failed connection, %s", async (storage) => {
    const names = Array.from({ length: 1100 }, (_, at) => `f${at}`);
    const define = () =>
      defineEntity({
        name: `wide-${storage}`,
        storage,
        schema: z.object({ id: z.string(), ...Object.fromEntries(names.map((name) => [name, z.string().optional()])) }),
        index: Object.fromEntries(names.map((name) => [name, exact()])) as never,
      });
    const error = await expectFailure(
      Promise.resolve().then(() => db.repository(define()).indexes.sync()),
      "CAPABILITY",
    );
    expect(error).toMatchObject({ entity: `wide-${storage}` });
  });

  test("a schema nested deeper than the server reads is taken for a key of another type", async () => {
    let list: z.ZodType = z.string();
    let value: unknown = "x";
    for (let level = 0; level < 130; level += 1) {
      list = z.array(list);
      value = [value];
    }
    const define = () =>
      defineEntity({ name: "deep", storage: "json", schema: z.object({ id: z.string(), list }), index: {} });
    const work = Promise.resolve().then(() => db.repository(define()).insert({ id: "a", list: value } as never));
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(isRemoraError(error, "DEFINITION") || isRemoraError(error, "VALIDATION")).toBe(true);
    expect(error).toMatchObject({ entity: "deep" });
  });
});
