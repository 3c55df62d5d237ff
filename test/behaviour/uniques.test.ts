// Unique values: one live holder at most, given back by changes, deletes and expiry.
// Absent values never collide; inside one batch earlier entities count already.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { sent } from "./sent.ts";
import { describeMatrix } from "./matrix.ts";

const user = (storage: Storage) =>
  defineEntity({
    name: "user",
    storage,
    schema: z.object({
      id: z.string(),
      email: z.string().nullable(),
      team: z.string(),
      seat: z.number().optional(),
      since: z.date().optional(),
      flag: z.boolean().optional(),
    }),
    index: { team: exact() },
    unique: { email: ["email"], seat: ["team", "seat"], since: ["since", "flag"] },
    ttl: {},
  });

const plain = (storage: Storage) =>
  defineEntity({
    name: "plain",
    storage,
    schema: z.object({ id: z.string(), slug: z.string() }),
    unique: { slug: ["slug"] },
  });

describeMatrix("unique values", ({ open }) => {
  test("a taken value refuses, and tells who has it", async () => {
    const opened = await open(user);
    const { repository } = opened;
    await repository.insert({ id: "a:1", email: "x@y", team: "t" });
    const error = await expectRefusal(
      opened,
      () => repository.insert({ id: "b", email: "x@y", team: "t" }),
      "UNIQUE_VIOLATION",
    );
    expect(error).toMatchObject({ entity: "user", id: "b", field: "email", unique: "email", holderId: "a:1" });
    expect(await repository.findById("b")).toBeNull();
    await repository.insert({ id: "c", email: "X@y", team: "t" });
    await repository.save({ id: "a:1", email: "x@y", team: "other" });
    expect(await repository.count()).toBe(2);
  });

  test("several fields are unique together only, and do not run together", async () => {
    const opened = await open(user);
    const { repository } = opened;
    await repository.insert({ id: "a", email: null, team: "t", seat: 1 });
    await repository.insert({ id: "b", email: null, team: "t", seat: 2 });
    await repository.insert({ id: "c", email: null, team: "u", seat: 1 });
    await repository.insert({ id: "d", email: null, team: 't","1', seat: 1 });
    await repository.insert({ id: "e", email: null, team: "t", since: new Date(5), flag: true });
    const error = await expectRefusal(
      opened,
      () => repository.insert({ id: "f", email: null, team: "t", seat: 1 }),
      "UNIQUE_VIOLATION",
    );
    expect(error).toMatchObject({ id: "f", field: "team", unique: "seat", holderId: "a" });
    const times = await expectRefusal(
      opened,
      () => repository.insert({ id: "f", email: null, team: "t", since: new Date(5), flag: true }),
      "UNIQUE_VIOLATION",
    );
    expect(times).toMatchObject({ unique: "since", holderId: "e" });
    await repository.insert({ id: "g", email: null, team: "t", seat: 0 });
    expect(
      await expectRefusal(
        opened,
        () => repository.insert({ id: "h", email: null, team: "t", seat: -0 }),
        "UNIQUE_VIOLATION",
      ),
    ).toMatchObject({ holderId: "g" });
  });

  test("absent values never collide, the empty string does", async () => {
    const opened = await open(user);
    const { repository } = opened;
    await repository.insert({ id: "a", email: null, team: "t" });
    await repository.insert({ id: "b", email: null, team: "t" });
    await repository.insert({ id: "c", email: "", team: "t" });
    expect(
      await expectRefusal(opened, () => repository.insert({ id: "d", email: "", team: "t" }), "UNIQUE_VIOLATION"),
    ).toMatchObject({ holderId: "c" });
  });

  test("a change gives the old value back", async () => {
    const opened = await open(user);
    const { repository } = opened;
    await repository.insert({ id: "a", email: "old", team: "t" });
    await repository.save({ id: "a", email: "new", team: "t" });
    await repository.insert({ id: "b", email: "old", team: "t" });
    expect(
      await expectRefusal(opened, () => repository.save({ id: "a", email: "old", team: "t" }), "UNIQUE_VIOLATION"),
    ).toMatchObject({ holderId: "b" });
    await repository.save({ id: "b", email: null, team: "t" });
    await repository.save({ id: "a", email: "old", team: "t" });
  });

  test("a delete gives the value back", async () => {
    const { repository } = await open(user);
    await repository.insert({ id: "a", email: "x", team: "t", seat: 1 });
    await repository.delete("a");
    await repository.insert({ id: "b", email: "x", team: "t", seat: 1 });
    expect(await repository.delete("a")).toBe(false);
    expect((await repository.insertMany([{ id: "c", email: "x", team: "t" }])).failed).toHaveLength(1);
  });

  test("a refused entity claims nothing", async () => {
    const { repository } = await open(user);
    await repository.insert({ id: "a", email: "x", team: "t", seat: 1 });
    const result = await repository.saveMany([
      { id: "b", email: "free", team: "t", seat: 1 },
      { id: "c", email: "free", team: "t" },
    ]);
    expect(result.failed.map(({ index, error }) => [index, error.code])).toEqual([[0, "UNIQUE_VIOLATION"]]);
    expect(await repository.exists("c")).toBe(true);
  });

  test("a refused entity gives nothing back", async () => {
    const opened = await open(user);
    const { repository } = opened;
    await repository.insertMany([
      { id: "a", email: "x", team: "t" },
      { id: "b", email: "y", team: "t", seat: 1 },
    ]);
    const result = await repository.saveMany([
      { id: "a", email: "z", team: "t", seat: 1 },
      { id: "c", email: "x", team: "t" },
    ]);
    expect(result.failed.map(({ index }) => index)).toEqual([0, 1]);
  });

  test("a key of another type claims nothing", async () => {
    const opened = await open(plain);
    const { repository, raw } = opened;
    await raw("LPUSH", repository.key("x"), "foreign");
    expect(await expectRefusal(opened, () => repository.save({ id: "x", slug: "s" }), "CORRUPT_ENTITY")).toMatchObject({
      entity: "plain",
      id: "x",
    });
    await repository.save({ id: "y", slug: "s" });
  });

  test("inside one batch the first comes first", async () => {
    const { repository } = await open(user);
    const result = await repository.saveMany([
      { id: "a", email: "x", team: "t" },
      { id: "b", email: "x", team: "t" },
      { id: "c", email: "z", team: "t" },
    ]);
    expect(result.failed.map(({ index, error }) => [index, error.code, error.id])).toEqual([
      [1, "UNIQUE_VIOLATION", "b"],
    ]);
    expect((await repository.findByIds(["a", "b", "c"])).map((found) => found?.email)).toEqual(["x", undefined, "z"]);
  });

  test("inside one batch a value passes on, and a swap is refused", async () => {
    const opened = await open(user);
    const { repository } = opened;
    await repository.insertMany([
      { id: "a", email: "x", team: "t" },
      { id: "b", email: "y", team: "t" },
    ]);
    const before = await repository.findByIds(["a", "b"]);
    const swap = await repository.saveMany([
      { id: "a", email: "y", team: "t" },
      { id: "b", email: "x", team: "t" },
    ]);
    expect(swap.failed.map(({ error }) => error.code)).toEqual(["UNIQUE_VIOLATION", "UNIQUE_VIOLATION"]);
    expect(await repository.findByIds(["a", "b"])).toEqual(before);
    const chain = await repository.saveMany([
      { id: "a", email: "z", team: "t" },
      { id: "b", email: "x", team: "t" },
      { id: "c", email: "y", team: "t" },
    ]);
    expect(chain.failed).toEqual([]);
    expect(
      await expectRefusal(opened, () => repository.save({ id: "d", email: "z", team: "t" }), "UNIQUE_VIOLATION"),
    ).toMatchObject({ holderId: "a" });
  });

  test("an expired holder blocks nobody", async () => {
    const { repository, raw } = await open(user);
    const at = new Date(Date.now() + 60);
    await repository.insertMany(
      [
        { id: "a", email: "x", team: "t" },
        { id: "b", email: "y", team: "t" },
      ],
      { ttl: { at } },
    );
    await serverTimePassed(raw, at);
    await repository.insert({ id: "c", email: "x", team: "t" });
    await repository.insert({ id: "b", email: "z", team: "t" });
    await repository.insert({ id: "d", email: "y", team: "t" });
    expect((await repository.saveMany([{ id: "e", email: "x", team: "t" }])).failed[0]?.error).toMatchObject({
      holderId: "c",
    });
    expect(await repository.count()).toBe(3);
  });

  test("a holder that vanished behind our back blocks nobody", async () => {
    const { repository, raw } = await open(plain);
    await repository.insert({ id: "a", slug: "s" });
    await raw("DEL", repository.key("a"));
    await repository.insert({ id: "b", slug: "s" });
    await repository.insert({ id: "a", slug: "t" });
    expect((await repository.findByIds(["a", "b"])).map((found) => found?.slug)).toEqual(["t", "s"]);
  });

  test("of many at once exactly one gets the value", async () => {
    const { repository } = await open(plain);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => repository.insert({ id: `i${at}`, slug: "s" })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await repository.count()).toBe(1);
  });
});

describeMatrix("entities by their unique values", ({ open }) => {
  const since = new Date(5);

  test("are found in one round trip", async () => {
    const { repository, raw } = await open(user);
    await repository.insert({ id: "a:1", email: "x@y", team: "t", seat: 1, since, flag: true });
    await repository.insert({ id: "b", email: null, team: "t", seat: 2 }, { ttl: { ms: 5 } });
    const commands = await sent(async () => {
      expect(await repository.findUnique({ email: "x@y" })).toMatchObject({ id: "a:1", seat: 1 });
    });
    expect(commands).toEqual(["EVALSHA_RO lookup"]);
    expect(await repository.findUnique({ team: "t", seat: 1 })).toMatchObject({ id: "a:1" });
    expect(await repository.findUnique({ since, flag: true })).toMatchObject({ id: "a:1" });
    expect(await repository.findUnique({ email: "X@y" })).toBeNull();
    expect(await repository.findUnique({ team: "t", seat: 3 })).toBeNull();
    await serverTimePassed(raw, new Date((await serverTime(raw)) + 6));
    expect(await repository.findUnique({ team: "t", seat: 2 })).toBeNull();
    await repository.delete("a:1");
    expect(await repository.findUnique({ email: "x@y" })).toBeNull();
    for (const where of [
      {},
      { email: 5 },
      { team: "t" },
      { email: null },
      { email: "x", team: "t" },
      { nothing: 1 },
      null,
    ]) {
      // eslint-disable-next-line no-await-in-loop -- one at a time
      expect(await expectFailure(repository.findUnique(where as never), "QUERY")).toMatchObject({ entity: "user" });
    }
    await expectFailure(repository.findUnique({ since: new Date(Number.NaN), flag: true }), "QUERY");
  });

  test("are saved over, or made", async () => {
    const opened = await open(user);
    const { repository } = opened;
    const made = await repository.upsert({ email: "x@y", team: "t", seat: 1 }, { by: "email" });
    const changed = await repository.upsert({ email: "x@y", team: "u", flag: true }, { by: "email" });
    expect(changed).toEqual({ id: made.id, email: "x@y", team: "u", flag: true });
    expect(await repository.findById(made.id)).toEqual(changed);
    expect(await repository.count()).toBe(1);
    expect(await repository.query().where("team").eq("u").ids()).toEqual([made.id]);
    await repository.insert({ id: "other", email: "z", team: "t", seat: 9 });
    await expectRefusal(
      opened,
      () => repository.upsert({ email: "x@y", team: "t", seat: 9 }, { by: "email" }),
      "UNIQUE_VIOLATION",
    );
    await expectRefusal(opened, () => repository.upsert({ email: null, team: "t" }, { by: "email" }), "VALIDATION");
    await expectRefusal(opened, () => repository.upsert({ email: "q", team: "t" }, { by: "none" as never }), "QUERY");
  });

  test("of many at once one is made, and all others save over it", async () => {
    const { repository, namespace } = await open(plain);
    const other = (await open(plain, { namespace })).repository;
    const saved = await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        (at % 2 === 0 ? repository : other).upsert({ slug: `s${at % 4}` }, { by: "slug" }),
      ),
    );
    expect(new Set(saved.map(({ id }) => id)).size).toBe(4);
    expect(await repository.count()).toBe(4);
  });
});

const login = (storage: Storage) =>
  defineEntity({
    name: "login",
    storage,
    schema: z.object({ id: z.string(), email: z.string(), realm: z.string(), n: z.number().default(0) }),
    unique: { email: { fields: ["email", "realm"], caseInsensitive: true }, exact: { fields: ["n", "email"] } },
  });

describeMatrix("unique values without regard to case", ({ open }) => {
  test("are one value, however they are written", async () => {
    const opened = await open(login);
    const { repository } = opened;
    await repository.insert({ id: "a", email: "Ada@Example.ORG", realm: "R" });
    const error = await expectRefusal(
      opened,
      () => repository.insert({ id: "b", email: "ada@example.org", realm: "r", n: 5 }),
      "UNIQUE_VIOLATION",
    );
    expect(error).toMatchObject({ unique: "email", holderId: "a" });
    expect(await repository.findUnique({ email: "ADA@example.org", realm: "r" })).toMatchObject({ id: "a" });
    expect(await repository.findUnique({ n: 0, email: "ada@example.org" })).toBeNull();
    await repository.upsert({ email: "ADA@EXAMPLE.ORG", realm: "r", n: 7 }, { by: "email" });
    expect(await repository.findById("a")).toEqual({ id: "a", email: "ADA@EXAMPLE.ORG", realm: "r", n: 7 });
    await repository.update("a", { email: "Straße", realm: "ς" });
    await repository.insert({ id: "c", email: "ada@example.org", realm: "r" });
    await expectRefusal(opened, () => repository.insert({ id: "d", email: "STRASSE", realm: "Σ" }), "UNIQUE_VIOLATION");
  });
});
