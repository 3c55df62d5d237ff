// Collections that entities own: what each of them does, and that they live and die with their entity, whatever ends it.
// On every storage and engine.
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { decimal, defineEntity, exact, ownedCounter, ownedList, ownedSet, ownedSortedSet, type Storage } from "remora";
import { expectFailure } from "./failures.ts";
import { describeMatrix, keysOf } from "./matrix.ts";
import { sent } from "./sent.ts";

const comment = z.object({ by: z.string(), at: z.date(), note: z.string().optional() });

const post = (storage: Storage) =>
  defineEntity({
    name: "post",
    storage,
    schema: z.object({ id: z.string(), title: z.string(), version: z.int() }),
    index: { title: exact() },
    version: "version",
    ttl: { onUpdate: "keep" },
    collections: {
      comments: ownedList(comment),
      lines: ownedList(z.string()),
      tags: ownedSet(z.string()),
      days: ownedSet(z.date()),
      votes: ownedSortedSet(z.bigint()),
      views: ownedCounter(),
    },
  });

const plain = (storage: Storage) =>
  defineEntity({
    name: "plain",
    storage,
    schema: z.object({ id: z.string(), n: z.number() }),
    collections: { words: ownedSet(z.string()) },
  });

const hostile = ["", " a ", "a\u0000b", '{"x":1}', "\u{1F600}", "a|b", "é", "$", "1"];

describeMatrix("owned collections", ({ open, storage }) => {
  const opened = async () => {
    const all = await open(post);
    await all.repository.insert({ id: "p {1}", title: "t" });
    return { ...all, owned: all.repository.owned("p {1}") };
  };

  test("lists", async () => {
    const { owned } = await opened();
    const [first, second] = [
      { by: "ada", at: new Date(5) },
      { by: "bob", at: new Date(6), note: "" },
    ];
    expect(await owned.comments.push(first, second)).toBe(2);
    expect(await owned.comments.unshift(second, first)).toBe(4);
    expect(await owned.comments.range()).toEqual([second, first, first, second]);
    expect(await owned.comments.range(-2, -1)).toEqual([first, second]);
    expect(await owned.comments.remove(second)).toBe(2);
    expect(await owned.comments.pop()).toEqual(first);
    expect(await owned.comments.shift()).toEqual(first);
    expect(await owned.comments.shift()).toBeNull();
    expect(await owned.lines.push(...hostile)).toBe(hostile.length);
    expect(await owned.lines.range()).toEqual(hostile);
    await owned.lines.trim(1, 2);
    expect(await owned.lines.range()).toEqual(hostile.slice(1, 3));
    expect(await owned.lines.push()).toBe(2);
    expect(await owned.lines.at(-1)).toBe(hostile[2]);
    expect(await owned.lines.at(2)).toBeNull();
    expect(await owned.lines.replace(-2, "new")).toBe(true);
    expect(await owned.lines.replace(2, "none")).toBe(false);
    expect(await owned.lines.replace(-3, "none")).toBe(false);
    expect(await owned.lines.range()).toEqual(["new", hostile[2]]);
    await owned.lines.clear();
    expect(await owned.lines.length()).toBe(0);
  });

  test("sets, sorted sets and counters", async () => {
    const { owned } = await opened();
    expect(await owned.tags.add(...hostile, "a")).toBe(hostile.length + 1);
    expect(await owned.tags.add("a", "b")).toBe(1);
    expect((await owned.tags.members()).toSorted()).toEqual([...hostile, "a", "b"].toSorted());
    expect(await owned.tags.has("\u{1F600}")).toBe(true);
    expect(await owned.tags.remove("a", "c")).toBe(1);
    expect(await owned.tags.has("a")).toBe(false);
    expect(await owned.tags.size()).toBe(hostile.length + 1);
    expect([...hostile, "b"]).toContain((await owned.tags.random())[0]);
    expect(new Set(await owned.tags.random(99)).size).toBe(hostile.length + 1);
    const [popped] = await owned.tags.pop();
    expect(await owned.tags.has(popped as string)).toBe(false);
    expect(await owned.tags.pop(99)).toHaveLength(hostile.length);
    expect(await owned.tags.pop()).toEqual([]);
    await owned.days.add(new Date(7));
    expect(await owned.days.members()).toEqual([new Date(7)]);
    expect(await owned.votes.set(2n ** 70n, 1.5)).toBe(true);
    expect(await owned.votes.set(2n ** 70n, 2)).toBe(false);
    expect(await owned.votes.increment(3n, 0.25)).toBe(0.25);
    expect(await owned.votes.score(3n)).toBe(0.25);
    expect(await owned.votes.score(4n)).toBeNull();
    const scored = [
      { member: 3n, score: 0.25 },
      { member: 2n ** 70n, score: 2 },
    ];
    expect(await owned.votes.range()).toEqual(scored);
    expect(await owned.votes.range(0, 0, { reverse: true })).toEqual([scored[1]]);
    expect(await owned.votes.byScore({ min: 0.25, max: 2 })).toEqual(scored);
    expect(await owned.votes.byScore({ reverse: true, limit: 1, offset: 1 })).toEqual([scored[0]]);
    expect(await owned.votes.count({ max: 1 })).toBe(1);
    expect([await owned.votes.rank(3n), await owned.votes.rank(3n, { reverse: true })]).toEqual([0, 1]);
    expect(await owned.votes.rank(4n)).toBeNull();
    expect(await owned.votes.remove(3n)).toBe(1);
    expect(await owned.votes.removeByScore({ max: 1 })).toBe(0);
    expect(await owned.votes.size()).toBe(1);
    expect(await owned.views.get()).toBe(0);
    expect(await owned.views.increment()).toBe(1);
    expect(await owned.views.increment(-5)).toBe(-4);
    expect(await owned.views.get()).toBe(-4);
    expect(await owned.views.reset()).toBe(-4);
    expect(await owned.views.reset()).toBe(0);
    await owned.views.increment();
    await owned.views.clear();
    expect(await owned.views.get()).toBe(0);
  });

  test("take one round trip each, and change neither version nor document", async () => {
    const { owned, repository } = await opened();
    expect(await sent(() => owned.views.increment())).toEqual(["EVALSHA own"]);
    expect(await sent(() => owned.tags.has("x"))).toEqual(["SISMEMBER"]);
    expect(await repository.findById("p {1}")).toEqual({ id: "p {1}", title: "t", version: 1 });
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
  });

  test("refuse what does not fit, and what belongs to nobody", async () => {
    const { owned, repository, raw, namespace } = await opened();
    await owned.tags.add("x");
    const before = await keysOf(raw, namespace);
    const error = await expectFailure(
      owned.comments.push({ by: "a", at: new Date(1) }, { by: 5 } as never),
      "VALIDATION",
    );
    expect(error).toMatchObject({ entity: "post", id: "p {1}", field: "comments" });
    await expectFailure(owned.lines.push("\ud800"), "VALIDATION");
    await expectFailure(owned.votes.set(1n, Number.NaN), "QUERY");
    await expectFailure(owned.views.increment(0.5), "QUERY");
    await expectFailure(owned.lines.range(0.5), "QUERY");
    await expectFailure(owned.tags.pop(-1), "QUERY");
    await expectFailure(owned.votes.byScore({ offset: 1 }), "QUERY");
    await expectFailure(owned.votes.byScore({ min: Number.NaN }), "QUERY");
    const nobody = repository.owned("nobody");
    expect(await nobody.tags.members()).toEqual([]);
    for (const work of [nobody.tags.add("x"), nobody.views.increment(), nobody.comments.pop()]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await expectFailure(work, "ENTITY_NOT_FOUND")).toMatchObject({ entity: "post", id: "nobody" });
    }
    await expectFailure(repository.owned("").tags.add("x"), "VALIDATION");
    expect(await keysOf(raw, namespace)).toEqual(before);
    const key = before.find((each) => each.includes("$d:tags:")) as string;
    await raw("DEL", key);
    await raw("RPUSH", key, "x");
    await expectFailure(owned.tags.add("y"), "CORRUPT_ENTITY");
    await expectFailure(owned.tags.members(), "CORRUPT_ENTITY");
    await raw("RPUSH", key.replace("tags", "comments"), "no JSON");
    expect(await expectFailure(owned.comments.range(), "CORRUPT_ENTITY")).toMatchObject({ field: "comments" });
  });

  test("go with their entity, however it is deleted", async () => {
    const { repository, raw, namespace } = await opened();
    const left = async (): Promise<string[]> => (await keysOf(raw, namespace)).filter((key) => key.includes("$d:"));
    const make = async (...ids: readonly string[]): Promise<void> => {
      await repository.insertMany(ids.map((id) => ({ id, title: "t" })));
      await Promise.all(
        ids.map(async (id) => {
          const owned = repository.owned(id);
          await Promise.all([owned.tags.add("x"), owned.views.increment(), owned.lines.push("l")]);
        }),
      );
    };
    await make("a", "b", "c", "d", "e");
    expect(await left()).toHaveLength(15);
    await repository.delete("a");
    expect(await left()).toHaveLength(12);
    await repository.deleteMany(["b"]);
    expect(await left()).toHaveLength(9);
    await repository.deleteMany(["c"], { atomic: true });
    expect(await left()).toHaveLength(6);
    await repository.query().where("title").eq("t").delete();
    expect(await left()).toEqual([]);
    await make("g");
    await repository.delete("g");
    await make("f");
    // Past the mapper: the next of that name begins with nothing.
    await raw("DEL", repository.key("f"));
    await repository.insert({ id: "f", title: "u" });
    expect(await repository.owned("f").tags.members()).toEqual([]);
    expect(await left()).toEqual([]);
  });

  test("stay while their entity is saved, patched, rebuilt, or cannot be read", async () => {
    const { repository, raw, owned } = await opened();
    await owned.tags.add("x");
    const found = await repository.findByIdOrThrow("p {1}");
    await repository.save({ ...found, title: "u" });
    await repository.update("p {1}", { title: "v" });
    await repository.indexes.sync({ rebuild: true });
    await repository.indexes.repair();
    expect(await owned.tags.members()).toEqual(["x"]);
    const key = repository.key("p {1}");
    await (storage === "hash" ? raw("HSET", key, "version", "none") : raw("JSON.SET", key, "$.version", '"none"'));
    await repository.indexes.sync({ rebuild: true });
    expect(await owned.tags.members()).toEqual(["x"]);
    await repository.indexes.drop();
    expect(await owned.tags.members()).toEqual(["x"]);
  });

  test("expire with their entity, and live on with it", async () => {
    const { repository, raw, namespace, owned } = await opened();
    await owned.tags.add("x");
    const key = (await keysOf(raw, namespace)).find((each) => each.includes("$d:tags:")) as string;
    const times = async (): Promise<unknown[]> => [
      await raw("PEXPIRETIME", repository.key("p {1}")),
      await raw("PEXPIRETIME", key),
    ];
    expect(await times()).toEqual([-1, -1]);
    await repository.expire("p {1}", 1000);
    const [document, collection] = await times();
    expect(document).toBeGreaterThan(0);
    expect(collection).toBe(document);
    await owned.views.increment();
    expect(await raw("PEXPIRETIME", key.replace("tags", "views"))).toBe(document);
    await repository.save({ ...(await repository.findByIdOrThrow("p {1}")), title: "w" }, { ttl: 500 });
    const [sooner, too] = await times();
    expect(too).toBe(sooner);
    expect(Number(sooner)).toBeLessThan(Number(document));
    await repository.persist("p {1}");
    expect(await times()).toEqual([-1, -1]);
  });

  test("of types without versions and times are not lost by a save", async () => {
    const { repository } = await open(plain);
    await repository.save({ id: "a", n: 1 });
    await repository.owned("a").words.add("x");
    await repository.save({ id: "a", n: 2 });
    await repository.saveMany([{ id: "a", n: 3 }]);
    expect(await repository.owned("a").words.members()).toEqual(["x"]);
  });
});

describe("definitions of collections", () => {
  const schema = z.object({ id: z.string() });
  test.each([
    [{ "a b": ownedCounter() }, 'collection "a b": bad name'],
    [{ a: {} as never }, "make it by ownedList, ownedSet, ownedSortedSet or ownedCounter"],
    [{ a: ownedSet(z.object({ x: z.string() })) }, "its members must be single values, not object"],
    [{ a: ownedSortedSet(z.array(z.string())) }, "its members must be single values, not array"],
    [{ a: ownedList(z.string().optional()) }, "its items may not be absent"],
    [{ a: ownedList(z.map(z.string(), z.string())) }, "z.map cannot be stored"],
  ])("%j is refused", (collections, reason) => {
    expect(() => defineEntity({ name: "x", schema, collections })).toThrow(reason);
  });

  test("members may be decimals", () => {
    expect(() => defineEntity({ name: "x", schema, collections: { a: ownedSet(decimal()) } })).not.toThrow();
  });
});
