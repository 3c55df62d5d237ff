// Streams in batches, left and stopped at any time, and the one entity that a query may have.
// What a stream sends is counted through the diagnostics channel, on which each batch is an operation.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { z } from "zod";
import { afterEach, beforeEach, expect, test } from "vitest";

import { defineEntity, exact, operationChannel, type OperationEvent, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";

const drop = (storage: Storage) =>
  defineEntity({
    name: "drop",
    storage,
    schema: z.object({ id: z.string(), size: z.int().nullable(), kind: z.string() }),
    index: { size: range(), kind: exact() },
  });

// Sizes come in pairs, and every seventh entity has none.
const rows = Array.from({ length: 25 }, (_, at) => ({
  id: `d${10 + at}`,
  size: at % 7 === 6 ? null : at >> 1,
  kind: at % 2 === 0 ? "even" : "odd",
}));
const bySize = [...rows.filter(({ size }) => size !== null), ...rows.filter(({ size }) => size === null)];

describeMatrix("streams", ({ open }) => {
  let batches: OperationEvent[] = [];
  const listen = (event: unknown): void => {
    if ((event as OperationEvent).operation === "query.keyset") batches.push(event as OperationEvent);
  };
  beforeEach(() => {
    batches = [];
    subscribe(operationChannel, listen);
  });
  afterEach(() => void unsubscribe(operationChannel, listen));

  const filled = async () => {
    const opened = await open(drop);
    expect((await opened.repository.insertMany(rows)).failed).toEqual([]);
    return opened;
  };
  const gather = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
    const found: T[] = [];
    for await (const each of stream) found.push(each);
    return found;
  };

  test("give everything in order, over several batches", async () => {
    const { repository } = await filled();
    expect(await gather(repository.query().stream())).toEqual(rows);
    expect(batches).toHaveLength(1);
    expect(await gather(repository.query().orderBy("size").stream({ batchSize: 4 }))).toEqual(bySize);
    expect(batches).toHaveLength(1 + 7);
    const odd = rows.filter(({ kind }) => kind === "odd");
    expect(await gather(repository.query({ kind: "odd" }).stream({ batchSize: 1 }))).toEqual(odd);
    expect(await gather(repository.query({ kind: "none" }).stream({ batchSize: 1 }))).toEqual([]);
    const down = repository.query().where("size").gte(0).orderBy("size", "desc");
    expect((await gather(down.stream({ batchSize: 3 }))).map(({ id }) => id)).toEqual(
      bySize
        .filter(({ size }) => size !== null)
        .toReversed()
        .map(({ id }) => id),
    );
  });

  test("send nothing more when they are left, and nothing at all before they are begun", async () => {
    const { repository } = await filled();
    const seen: string[] = [];
    const stream = repository.query().stream({ batchSize: 2 });
    expect(batches).toHaveLength(0);
    for await (const { id } of stream) if (seen.push(id) === 3) break;
    expect(seen).toEqual(["d10", "d11", "d12"]);
    expect(batches.map((batch) => batch.rows)).toEqual([2, 2]);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    // Whatever had been sent behind our back would be answered before this.
    await repository.count();
    expect(batches).toHaveLength(2);
    const thrown = new Error("left by an error");
    const failing = async (): Promise<void> => {
      for await (const _each of repository.query().stream({ batchSize: 2 })) throw thrown;
    };
    await expect(failing()).rejects.toBe(thrown);
    await repository.count();
    expect(batches).toHaveLength(3);
  });

  test("end at the limit, which counts entities and not batches", async () => {
    const { repository } = await filled();
    const ids = async (limit: number, batchSize: number): Promise<string[]> =>
      (await gather(repository.query().limit(limit).stream({ batchSize }))).map(({ id }) => id);
    expect(await ids(5, 2)).toEqual(["d10", "d11", "d12", "d13", "d14"]);
    expect(batches.map((batch) => batch.rows)).toEqual([2, 2, 1]);
    expect(await ids(4, 2)).toHaveLength(4);
    expect(await ids(3, 1000)).toHaveLength(3);
    expect(await ids(99, 10)).toHaveLength(25);
    batches = [];
    expect(await ids(0, 2)).toEqual([]);
    expect(batches).toHaveLength(0);
  });

  test("refuse what is no batch size, and an offset", async () => {
    const { repository } = await open(drop);
    for (const batchSize of [0, -1, 1.5, 1001, Number.NaN, Infinity, "5", null, 2n]) {
      const stream = repository.query().stream({ batchSize: batchSize as number });
      expect(await expectFailure(stream.next(), "QUERY"), String(batchSize)).toMatchObject({ entity: "drop" });
    }
    for (const query of [
      repository.query().offset(1),
      repository.query().limit(-1),
      repository.query().limit(Number.NaN),
    ]) {
      expect(await expectFailure(query.stream().next(), "QUERY")).toMatchObject({ entity: "drop" });
    }
    expect(batches.flatMap(({ commands }) => commands)).toEqual([]);
  });

  test("stop when the signal fires", async () => {
    const { repository } = await filled();
    const controller = new AbortController();
    const seen: string[] = [];
    const reading = async (): Promise<void> => {
      for await (const { id } of repository.query().stream({ batchSize: 4, signal: controller.signal })) {
        if (seen.push(id) === 6) controller.abort();
      }
    };
    expect(await expectFailure(reading(), "DEADLINE")).toMatchObject({ entity: "drop" });
    // What had arrived is still handed out.
    expect(seen).toHaveLength(8);
    expect(await repository.query().count()).toBe(25);
  });

  test("by id, give what is there and matches by the time it comes", async () => {
    const { repository } = await filled();
    const sized = repository.query().where("size").gte(0);
    const seen: (number | null | undefined)[] = [];
    for await (const row of sized.select("size").stream({ batchSize: 2 })) {
      expect(Object.keys(row)).toEqual(["size"]);
      // The first page has come, and with the second one the ids that follow.
      if (seen.push(row.size) === 3) {
        await repository.delete("d14");
        await repository.save({ id: "d15", size: null, kind: "x" });
        await repository.save({ id: "d17", size: 77, kind: "x" });
      }
    }
    const gone = new Set(["d14", "d15"]);
    const wanted = rows.filter(({ id, size }) => size !== null && !gone.has(id));
    expect(seen).toEqual(wanted.map(({ id, size }) => (id === "d17" ? 77 : size)));
  });

  test("by id, go on behind the ids that are looked up at once", { timeout: 60_000 }, async () => {
    const { repository } = await open(drop);
    const many = Array.from({ length: 12_500 }, (_, at) => ({ id: `m${10_000_000 + at}`, size: at, kind: "many" }));
    expect((await repository.insertMany(many)).failed).toEqual([]);
    const ids = many.map(({ id }) => id);
    const kind = repository.query({ kind: "many" });
    expect((await gather(kind.stream({ batchSize: 900 }))).map(({ id }) => id)).toEqual(ids);
    const limited = await gather(kind.limit(11_111).stream({ batchSize: 1000 }));
    expect(limited.map(({ id }) => id)).toEqual(ids.slice(0, 11_111));
  });

  test("see what is written while they run, and lose nothing by it", async () => {
    const { repository } = await filled();
    const seen: string[] = [];
    for await (const { id } of repository.query().orderBy("size").stream({ batchSize: 3 })) {
      seen.push(id);
      // Behind the place that is reached, and before it; what moves there has been seen.
      if (seen.length === 4) await repository.saveMany([{ id: "later", size: 99, kind: "x" }]);
      if (seen.length === 5) await repository.saveMany([{ id: "early", size: -1, kind: "x" }]);
      if (seen.length === 7) await repository.delete("d10");
    }
    const known = bySize.map(({ id }) => id);
    expect(seen.filter((id) => id.startsWith("d"))).toEqual(known);
    expect(seen).toContain("later");
    expect(seen).not.toContain("early");
  });
});

describeMatrix("one", ({ open }) => {
  test("is the only entity, null, or an error", async () => {
    const { repository } = await open(drop);
    await repository.insertMany(rows);
    expect(await repository.query().where("size").eq(99).one()).toBeNull();
    expect(await repository.query().where("size").eq(12).one()).toEqual(rows[24]);
    expect(await expectFailure(repository.query({ kind: "odd" }).one(), "QUERY")).toMatchObject({ entity: "drop" });
    expect(await expectFailure(repository.query().where("size").eq(0).one(), "QUERY")).toMatchObject({
      entity: "drop",
    });
    // A limit and an offset leave out what must not count.
    expect(await repository.query({ kind: "odd" }).orderBy("size", "desc").offset(10).limit(1).one()).toEqual(rows[1]);
    expect(await repository.query().limit(0).one()).toBeNull();
  });
});
