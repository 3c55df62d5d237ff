// The stream of changes: every write that was applied is told once, none that was refused, in the order of the writes.
// Readers of a group share it; what one of them did not finish comes again.
import { z } from "zod";
import { expect, test } from "vitest";

import {
  type Change,
  connect,
  defineEntity,
  exact,
  inc,
  push,
  range,
  type Repository,
  type EntityDefinition,
} from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix, keysOf } from "./matrix.ts";

const task = (storage: Storage) =>
  defineEntity({
    name: "task",
    storage,
    colocate: "desk",
    schema: z.object({
      id: z.string(),
      title: z.string(),
      n: z.number().max(100),
      tags: z.array(z.string()).default([]),
      box: z.object({ size: z.number() }).default({ size: 1 }),
      version: z.int(),
    }),
    index: { title: exact(), n: range() },
    unique: { title: ["title"] },
    version: "version",
    ttl: {},
    changes: true,
  });

const plain = (storage: Storage) =>
  defineEntity({
    name: "plain",
    storage,
    colocate: "desk",
    schema: z.object({ id: z.string(), n: z.number() }),
    changes: { maxLength: 100 },
  });

const silent = (storage: Storage) => defineEntity({ name: "silent", storage, schema: z.object({ id: z.string() }) });

/** So many changes, from the start. */
async function told(
  repository: Pick<Repository<EntityDefinition>, "watch">,
  count: number,
  from = "start",
): Promise<Change[]> {
  const found: Change[] = [];
  if (count === 0) return found;
  for await (const change of repository.watch({ from })) if (found.push(change) >= count) break;
  return found;
}

const brief = ({ op, id, version, fields }: Change): unknown[] => [op, id, version, fields];

describeMatrix("changes", ({ open, storage, engine, leg }) => {
  test("are told by every kind of write, in order", async () => {
    const { repository, db, raw } = await open(task);
    const from = await serverTime(raw);
    const first = await repository.insert({ id: "a:1", title: "x", n: 1 });
    await repository.save({ ...first, n: 2 });
    await repository.update("a:1", { n: inc(3), "box.size": 2 });
    await repository.modify("a:1", (entity) => ({ ...entity, tags: ["t"] }));
    await repository.saveMany([
      { id: "b", title: "y", n: 0 },
      { id: "c", title: "z", n: 0 },
    ]);
    await repository
      .query()
      .where("n")
      .eq(0)
      .update({ tags: push("u") });
    await expectFailure(repository.insert({ id: "d", title: "x", n: 1 }), "UNIQUE_VIOLATION");
    await expectFailure(repository.update("b", { n: inc(1000) }), "VALIDATION");
    await expectFailure(repository.update("b", { title: "x" }), "UNIQUE_VIOLATION");
    await repository.touch("b").catch(() => repository.expire("b", 1000));
    await db
      .transaction(async (tx) => {
        const tasks = tx.repository(task(storage));
        await tasks.delete("c").catch(() => undefined);
      })
      .catch(() => undefined);
    await repository.delete("b");
    expect(await repository.delete("b")).toBe(false);
    await repository.query().where("title").eq("x").delete();
    const changes = await told(repository as never, 9);
    expect(changes.slice(0, 4).map(brief)).toEqual([
      ["insert", "a:1", 1, undefined],
      ["save", "a:1", 2, undefined],
      ["update", "a:1", 3, ["n", "box.size"]],
      ["update", "a:1", 4, expect.arrayContaining(["tags"])],
    ]);
    expect(
      changes
        .slice(4, 8)
        .map(({ op, id }) => `${op} ${id}`)
        .toSorted(),
    ).toEqual(["insert b", "insert c", "update b", "update c"]);
    expect(changes[8]).toMatchObject({ op: "delete", id: "b" });
    for (const { at } of changes) expect(at.getTime()).toBeGreaterThanOrEqual(from);
    const rest = await told(repository as never, 1, changes[8]?.position);
    expect(rest.map(brief)).toEqual([["delete", "a:1", undefined, undefined]]);
    // One call, one operation; each call its own.
    const operations = changes.map(({ operation }) => operation);
    expect(operations.every((operation) => typeof operation === "string")).toBe(true);
    expect(new Set(operations.slice(0, 4)).size).toBe(4);
    expect(new Set(operations.slice(4, 6)).size).toBe(1);
  });

  test("of a transaction are told when it is applied, of all types", async () => {
    const { repository, db } = await open(task);
    const [Task, Plain] = [task(storage), plain(storage)];
    const plains = db.repository(Plain);
    await plains.indexes.sync();
    const tasks = repository;
    await tasks.insert({ id: "a", title: "x", n: 1 });
    void Task;
    await db.transaction(async (tx) => {
      await tx.repository(Plain).insert({ id: "p", n: 1 });
      await tx.repository(Plain).save({ id: "q", n: 2 });
    });
    await plains.save({ id: "q", n: 3 });
    await db.transaction((tx) => tx.repository(Plain).delete("p"));
    expect((await told(plains as never, 4)).map(brief)).toEqual([
      ["insert", "p", undefined, undefined],
      ["insert", "q", undefined, undefined],
      ["save", "q", undefined, undefined],
      ["delete", "p", undefined, undefined],
    ]);
    const operations = (await told(plains as never, 4)).map(({ operation }) => operation);
    expect(operations[0]).toBe(operations[1]);
    expect(new Set(operations).size).toBe(3);
  });

  test("tell of the dead when they are noticed", async () => {
    const { repository, raw } = await open(task);
    await repository.insert({ id: "a", title: "x", n: 1 }, { ttl: { ms: 20 } });
    await serverTimePassed(raw, new Date((await serverTime(raw)) + 21));
    // Saves of several forget some of the dead.
    await repository.saveMany([
      { id: "b", title: "y", n: 0 },
      { id: "c", title: "z", n: 0 },
    ]);
    const changes = await told(repository as never, 4);
    expect(changes.map(({ op, id }) => `${op} ${id}`)).toEqual(["insert a", "insert b", "insert c", "expire a"]);
  });

  test("come while they are waited for, until the watch ends", async () => {
    const { repository, namespace } = await open(task);
    await repository.insert({ id: "before", title: "x", n: 1 });
    const stop = new AbortController();
    const found: string[] = [];
    const watch = repository.watch({ signal: stop.signal });
    const first = watch.next();
    // The watch begins at what is the last change when it has started: tried until it is seen.
    let seen = false;
    void first.then(() => (seen = true));
    for (let n = 0; !seen; n += 1) {
      // eslint-disable-next-line no-await-in-loop
      await repository.save({ id: `later ${n}`, title: `${n}`, n });
    }
    found.push(((await first).value as Change).id);
    expect(found[0]).toMatch(/^later/);
    stop.abort();
    expect((await watch.next()).done).toBe(true);
    // Closing the database ends what waits, and nothing begins afterwards.
    const other = await connect(leg.url, { namespace, engine });
    const others = other.repository(task(storage));
    await others.exists("before");
    const waiting = others.watch({ from: "start", batchSize: 1000 });
    await waiting.next();
    const drained = (async () => {
      for await (const _change of waiting);
    })();
    await other.close();
    await drained;
    await expectFailure(others.watch().next(), "CONNECTION");
  });

  test("are shared by the readers of a group, and come again when one did not finish", async () => {
    const { repository } = await open(task);
    const count = 40;
    await repository.insertMany(Array.from({ length: count }, (_, at) => ({ id: `t${at}`, title: `${at}`, n: at })));
    const group = { group: "workers", from: "start", batchSize: 5 } as const;
    const failing = repository.watch({ ...group, consumer: "dying" });
    const left = ((await failing.next()).value as Change).id;
    // Ended in the middle of its work: the change is not done.
    await failing.return();
    const done = new Set<string>();
    for await (const { id } of repository.watch({ ...group, consumer: "heir", takeOverAfter: 0 })) {
      if (done.add(id).size === count) break;
    }
    expect(done.has(left)).toBe(true);
    // Of two readers at once each change goes to one.
    const stop = new AbortController();
    const shared: string[] = [];
    const work = async (consumer: string): Promise<void> => {
      for await (const { id } of repository.watch({
        group: "pair",
        from: "start",
        batchSize: 3,
        consumer,
        signal: stop.signal,
      })) {
        if (shared.push(id) === count) stop.abort();
      }
    };
    await Promise.all([work("one"), work("two")]);
    expect(shared.toSorted()).toEqual(Array.from({ length: count }, (_, at) => `t${at}`).toSorted());
  });

  test("that are gone from the stream are not passed over in silence", async () => {
    const { repository, raw, namespace } = await open(plain);
    await repository.insert({ id: "a", n: 1 });
    const [change] = await told(repository as never, 1);
    await raw("XTRIM", `${namespace}:{desk}plain$k`, "MAXLEN", "0");
    const watch = repository.watch({ from: (change as Change).position });
    expect(await expectFailure(watch.next(), "INVALID_CURSOR")).toMatchObject({ entity: "plain" });
    await repository.insertMany(Array.from({ length: 1000 }, (_, at) => ({ id: `p${at}`, n: at })));
    expect(Number(await raw("XLEN", `${namespace}:{desk}plain$k`))).toBeLessThan(400);
  });

  test("cost nothing where they are not wanted, and make no sense there", async () => {
    const { repository, raw, namespace } = await open(silent);
    await repository.insert({ id: "a" });
    expect((await keysOf(raw, namespace)).filter((key) => key.endsWith("$k"))).toEqual([]);
    await expectFailure(repository.watch().next(), "QUERY");
    const { repository: tasks } = await open(task);
    for (const options of [{ from: "yesterday" }, { batchSize: 0 }, { takeOverAfter: -1 }, { group: "" }]) {
      // eslint-disable-next-line no-await-in-loop -- one at a time
      await expectFailure(tasks.watch(options).next(), "QUERY");
    }
  });
});
