// Ids that are more than a random text: numbers of a sequence, made of the entity's fields, or by a function that takes its time.
// On every storage, one by one, in bulk and by other ways of saving.
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, type Storage } from "remora";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";
import { sent } from "./sent.ts";

const invoice = (storage: Storage) =>
  defineEntity({
    name: "invoice",
    storage,
    schema: z.object({ id: z.string().regex(/^\d+$/), text: z.string(), slug: z.string(), version: z.int() }),
    id: { generate: "sequence" },
    index: { text: exact() },
    unique: { slug: ["slug"] },
    version: "version",
    changes: true,
  });

const plain = (storage: Storage) =>
  defineEntity({
    name: "plain",
    storage,
    schema: z.object({ text: z.string(), id: z.string() }),
    id: { generate: "sequence" },
  });

const seat = (storage: Storage) =>
  defineEntity({
    name: "seat",
    storage,
    schema: z.object({
      id: z.string(),
      hall: z.string(),
      row: z.int().default(1),
      sold: z.boolean(),
      label: z.string(),
      version: z.int(),
    }),
    id: { from: ["hall", "row"] },
    derive: { label: ({ id }) => `seat ${id}` },
    version: "version",
    index: { hall: exact() },
  });

const slow = (storage: Storage) =>
  defineEntity({
    name: "slow",
    storage,
    schema: z.object({ id: z.string(), text: z.string(), code: z.string() }),
    id: {
      generate: async ({ text }) => {
        await Promise.resolve();
        if (text === "bad") throw new TypeError("no id for this");
        return `id of ${text}`;
      },
    },
    unique: { code: ["code"] },
  });

const one = (slug: string) => ({ text: "t", slug });

describeMatrix("ids of a sequence", ({ open, storage }) => {
  test("count from one, in the round trip of the save", async () => {
    const { repository, raw } = await open(invoice);
    const commands = await sent(async () => {
      expect(await repository.insert(one("a"))).toEqual({ ...one("a"), id: "1", version: 1 });
      expect(await repository.save(one("b"))).toMatchObject({ id: "2" });
    });
    expect(commands).toEqual(["EVALSHA save", "EVALSHA save"]);
    expect(await repository.findById("1")).toEqual({ ...one("a"), id: "1", version: 1 });
    expect((await repository.query().where("text").eq("t").ids()).toSorted()).toEqual(["1", "2"]);
    expect(await repository.findUnique({ slug: "b" })).toMatchObject({ id: "2" });
    const found = await repository.findByIdOrThrow("2");
    expect(await repository.save({ ...found, text: "u" })).toMatchObject({ id: "2", version: 2 });
    expect(await repository.update("2", { text: "v" }, { returning: true })).toMatchObject({ id: "2", version: 3 });
    await repository.delete("2");
    // What was deleted leaves its number alone.
    expect(await repository.insert(one("c"))).toMatchObject({ id: "3" });
    expect(await raw("EXISTS", repository.key("4"))).toBe(0);
    expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
    const told: string[] = [];
    for await (const change of repository.watch({ from: "start" })) {
      told.push(`${change.op} ${change.id}`);
      if (change.id === "3") break;
    }
    expect(told).toEqual(["insert 1", "insert 2", "save 2", "update 2", "delete 2", "insert 3"]);
  });

  test("in bulk each gets its own, and what is refused gets none", async () => {
    const { repository } = await open(invoice);
    await repository.insert(one("taken"));
    const inputs = Array.from({ length: 120 }, (_, at) => one(at === 70 ? "taken" : `s${at}`));
    const result = await repository.insertMany(inputs);
    expect(result).toMatchObject({ saved: 119 });
    const [failure] = result.failed;
    expect(failure?.error).toMatchObject({ code: "UNIQUE_VIOLATION", id: undefined, holderId: "1" });
    expect(failure?.error.message).toMatch(/^a new invoice: slug \(unique slug\) belongs to "1"$/);
    const ids = result.outcomes.flatMap((outcome) => (outcome.ok ? [outcome.entity.id] : []));
    expect(new Set(ids).size).toBe(119);
    for (const id of ids) expect(id).toMatch(/^[1-9]\d*$/);
    const stored = await repository.findByIds(ids);
    expect(stored).toEqual(result.outcomes.flatMap((outcome) => (outcome.ok ? [outcome.entity] : [])));
    await expectFailure(repository.insert(one("taken")), "UNIQUE_VIOLATION");
    const all = await Promise.all(Array.from({ length: 50 }, (_, at) => repository.insert(one(`p${at}`))));
    expect(new Set([...ids, ...all.map(({ id }) => id)]).size).toBe(169);
  });

  test("given by hand they are kept, and passed over", async () => {
    const { repository } = await open(plain);
    await repository.insert({ id: "2", text: "by hand" });
    await repository.insertMany(Array.from({ length: 60 }, (_, at) => ({ id: String(at + 5), text: "by hand" })));
    const ids: string[] = [];
    for (let at = 0; at < 8; at += 1) {
      // oxlint-disable-next-line no-await-in-loop -- the order is what is looked at
      ids.push((await repository.insert({ text: '"$1"' })).id);
    }
    expect(new Set(ids).size).toBe(8);
    expect(ids.map(Number).toSorted((left, right) => left - right)).toEqual(ids.map(Number));
    expect(await repository.count()).toBe(69);
    expect(await repository.findById("2")).toEqual({ id: "2", text: "by hand" });
    expect(await repository.findById(ids[3] as string)).toEqual({ id: ids[3], text: '"$1"' });
    await repository.save({ id: ids[3] as string, text: "again" });
    expect(await repository.count()).toBe(69);
  });

  test("that are none are refused, and so is not knowing them in time", async () => {
    const Invoice = invoice(storage);
    const opened = await open(() => Invoice);
    const { repository, db } = opened;
    for (const id of ["0", "01", "9007199254740993", "1234567890123456789"]) {
      // oxlint-disable-next-line no-await-in-loop -- nothing may be changed by any of them
      const error = await expectRefusal(opened, () => repository.insert({ id, ...one("x") }), "VALIDATION");
      expect(error.message).toContain("ids of a sequence are whole numbers from 1, as text");
    }
    const error = await expectRefusal(opened, () => repository.insert({ text: 5 as never, slug: "s" }), "VALIDATION");
    expect(error.message).toMatch(/^invoice does not fit the schema: text/);
    const early = await expectFailure(
      db.transaction((tx) => tx.repository(Invoice).insert(one("x"))),
      "QUERY",
    );
    expect(early.message).toMatch(/the next id of a sequence is not known before the end/);
    await expectFailure(repository.insertMany([one("x")], { atomic: true }), "QUERY");
    expect(await repository.count()).toBe(0);
  });

  test("come with upserts and imports as well", async () => {
    const { repository } = await open(invoice);
    expect(await repository.upsert(one("a"), { by: "slug" })).toMatchObject({ id: "1", version: 1 });
    expect(await repository.upsert({ ...one("a"), text: "u" }, { by: "slug" })).toMatchObject({ id: "1", text: "u" });
    const seen: unknown[] = [];
    const lines = ['{"text":"t","slug":"x"}', '{"text":"t","slug":"a"}'].join("\n");
    const result = await repository.import([lines], { onOutcome: (outcome) => void seen.push(outcome) });
    expect(result).toMatchObject({ imported: 1, failed: 1 });
    expect(seen[0]).toEqual({ ok: true, line: 1, id: "2" });
  });
});

describeMatrix("ids made of fields", ({ open, storage }) => {
  test("are made whenever the entity is saved", async () => {
    const { repository } = await open(seat);
    const { idOf } = seat(storage);
    expect(idOf({ hall: "a:b%", row: 7 })).toBe("a%3Ab%25:7");
    expect(await repository.insert({ hall: "a", sold: false })).toEqual({
      id: "a:1",
      hall: "a",
      row: 1,
      sold: false,
      label: "seat a:1",
      version: 1,
    });
    await expectFailure(repository.insert({ hall: "a", row: 1, sold: true }), "ENTITY_EXISTS");
    const found = await repository.findByIdOrThrow(idOf({ hall: "a", row: 1 }));
    expect(await repository.save({ ...found, sold: true })).toMatchObject({ id: "a:1", version: 2 });
    const many = await repository.insertMany([
      { hall: "a:1", row: 2, sold: false },
      { hall: "a", row: 12, sold: false },
      { hall: "", row: 1, sold: false },
    ]);
    expect(many.outcomes.map((outcome) => (outcome.ok ? outcome.entity.id : outcome.error.code))).toEqual([
      "a%3A1:2",
      "a:12",
      ":1",
    ]);
    expect(await repository.findById(idOf({ hall: "a:1", row: 2 }))).toMatchObject({ hall: "a:1", row: 2 });
  });

  test("never change", async () => {
    const opened = await open(seat);
    const { repository } = opened;
    const stored = await repository.insert({ hall: "a", row: 2, sold: false });
    const refused = async (work: () => Promise<unknown>, reason: RegExp): Promise<void> => {
      expect((await expectRefusal(opened, work, "VALIDATION")).message).toMatch(reason);
    };
    await refused(
      () => repository.save({ ...stored, row: 3 }),
      /seat "a:2": the id is made of hall, row, which say "a:3"/,
    );
    await refused(() => repository.insert({ id: "x", hall: "b", row: 1, sold: true }), /which say "b:1"/);
    await refused(() => repository.update("a:2", { row: 5 }), /row.*the id is made of it, so it never changes/);
    await refused(() => repository.modify("a:2", (row) => ({ ...row, hall: "c" })), /which say "c:2"/);
    expect(() => seat(storage).idOf({ hall: "a" } as never)).toThrow(/the id needs a value for row/);
  });
});

describeMatrix("ids made by a function that takes its time", ({ open }) => {
  test("are waited for, whatever way an entity is saved", async () => {
    const opened = await open(slow);
    const { repository } = opened;
    expect(await repository.insert({ text: "a", code: "a" })).toEqual({ id: "id of a", text: "a", code: "a" });
    expect(await repository.save({ text: "b", code: "b" })).toMatchObject({ id: "id of b" });
    expect(await repository.save({ id: "own", text: "c", code: "c" })).toMatchObject({ id: "own" });
    const many = await repository.saveMany([
      { text: "d", code: "d" },
      { text: "bad", code: "e" },
    ]);
    expect(many.outcomes[0]).toMatchObject({ ok: true, entity: { id: "id of d" } });
    const reason = { code: "VALIDATION", message: "slow: id.generate failed: no id for this" };
    expect(many.failed[0]?.error).toMatchObject(reason);
    await expectRefusal(opened, () => repository.insert({ text: "bad", code: "x" }), "VALIDATION");
    expect(await repository.upsert({ text: "f", code: "f" }, { by: "code" })).toMatchObject({ id: "id of f" });
    await repository.import(['{"text":"g","code":"g"}']);
    expect(await repository.exists("id of g")).toBe(true);
    expect(await repository.insertMany([{ text: "h", code: "h" }], { atomic: true })).toMatchObject({ saved: 1 });
    expect(await repository.exists("id of h")).toBe(true);
  });
});

describe("definitions of ids", () => {
  const schema = z.object({ id: z.string(), a: z.string(), b: z.number().optional(), c: z.array(z.string()) });
  test.each<[object, RegExp]>([
    [{ id: { from: ["b"] } }, /b: id.from needs single values that are always there, not number/],
    [{ id: { from: ["c"] } }, /c: id.from needs single values that are always there, not array/],
    [{ id: { from: ["d"] } }, /d: named by id.from but no property/],
    [{ id: { from: [] } }, /id.from names no field/],
    [{ id: { from: ["a", "a"] } }, /id.from names a field twice/],
    [{ id: { from: ["a"], generate: "ulid" } }, /id has both `generate` and `from`/],
    [{ id: { generate: "sequence" }, derive: { a: () => "x" } }, /derive does not go with ids of a sequence/],
    [{ id: { generate: "sequence" }, partitions: 2 }, /partitions do not go with ids of a sequence/],
    [{ id: { generate: "toString" } }, /id.generate must be ulid, uuidv7, uuid, nanoid, sequence or a function/],
  ])("%j is refused", (options, reason) => {
    expect(() => defineEntity({ name: "x", schema, ...options })).toThrow(reason);
  });
});
