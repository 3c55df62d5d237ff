// Hooks: which of them run around which writes, what they see, and what their errors leave behind.
// Every way of writing ends in the same places.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, type EntityHooks, exact, inc, isRemoraError, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix, dump, readNames } from "./matrix.ts";
import { sent } from "./sent.ts";

type Row = { id: string; name: string; mail: string; count: number; version: number };
type Hooks = EntityHooks<Partial<Row> & { name: string }, Row>;

const person = (storage: Storage, hooks: Hooks) =>
  defineEntity({
    name: "person",
    storage,
    schema: z.object({ id: z.string(), name: z.string().min(1), mail: z.string(), count: z.int(), version: z.int() }),
    index: { name: exact(), count: range() },
    unique: { mail: ["mail"] },
    version: "version",
    hooks: hooks as never,
  });

/** Hooks that write down when they ran; `refuse` names the one that throws, for an entity of that name or id. */
function recorder(refuse: Record<string, string> = {}, log: string[] = []): { log: string[]; hooks: Hooks } {
  const check = (hook: string, value: string): void => {
    if (refuse[hook] === value) throw new RangeError(`${hook} says no`);
  };
  return {
    log,
    hooks: {
      async beforeSave(input, { operation }) {
        await Promise.resolve();
        check("beforeSave", input.name);
        log.push(`beforeSave ${operation} ${input.name}`);
        input.name = input.name.trim();
      },
      afterSave(entity, { operation }) {
        log.push(`afterSave ${operation} ${entity.name} ${entity.version}`);
        check("afterSave", entity.name);
      },
      async beforeDelete(entity) {
        await Promise.resolve();
        log.push(`beforeDelete ${entity.name}`);
        check("beforeDelete", entity.name);
      },
      afterDelete(id) {
        log.push(`afterDelete ${id}`);
        check("afterDelete", id);
      },
    },
  };
}

describeMatrix("hooks", ({ open, storage }) => {
  const input = (id: string, name = ` ${id} `) => ({ id, name, mail: `${id}@x`, count: 0 });

  test("run around every way of saving, and change what is stored", async () => {
    const { log, hooks } = recorder();
    const { repository } = await open(() => person(storage, hooks));
    const given = input("a");
    const first = await repository.insert(given);
    expect(first).toEqual({ ...given, name: "a", version: 1 });
    // What the caller gave is the caller's.
    expect(given.name).toBe(" a ");
    await repository.save({ ...first, name: "b " });
    await repository.update("a", { count: inc(1) });
    expect(await repository.update("a", { name: " c" }, { returning: true })).toMatchObject({ name: "c", count: 1 });
    await repository.modify("a", (entity) => ({ ...entity, name: `${entity.name}d ` }));
    await repository.upsert({ ...input("a"), name: "e " }, { by: "mail" });
    await repository.upsert({ ...input("f"), name: "f " }, { by: "mail" });
    await repository.query().where("name").in(["e", "f"]).update({ name: " g " });
    expect(log).toEqual([
      ...["beforeSave insert  a ", "afterSave insert a 1", "beforeSave save b ", "afterSave save b 2"],
      ...["beforeSave update b", "afterSave update b 3", "beforeSave update  c", "afterSave update c 4"],
      ...["beforeSave modify cd ", "afterSave modify cd 5", "beforeSave upsert e ", "afterSave upsert e 6"],
      ...["beforeSave upsert f ", "afterSave upsert f 1"],
      ...["beforeSave update  g ", "beforeSave update  g ", "afterSave update g 7", "afterSave update g 2"],
    ]);
    expect(await repository.query().where("name").eq("g").count()).toBe(2);
  });

  test("run for each entity of a bulk save", async () => {
    const { log, hooks } = recorder({ beforeSave: "no", afterSave: "late" });
    const { repository } = await open(() => person(storage, hooks));
    const result = await repository.insertMany([
      input("a"),
      input("b", "no"),
      input("c", "late"),
      input("d", ""),
      input("e"),
    ]);
    expect(result.outcomes.map((outcome) => (outcome.ok ? outcome.entity.name : outcome.error.code))).toEqual([
      "a",
      "VALIDATION",
      "OUTCOME_UNKNOWN",
      "VALIDATION",
      "e",
    ]);
    expect(result.saved).toBe(3 - 1);
    const [refused, late] = result.failed;
    expect(refused?.error.cause).toBeInstanceOf(RangeError);
    expect(refused?.error.message).toContain("beforeSave says no");
    expect(late?.error).toMatchObject({ id: "c", message: expect.stringContaining("was saved") });
    expect(late?.error.cause).toBeInstanceOf(RangeError);
    expect(await repository.findByIds(["a", "b", "c", "d", "e"])).toMatchObject([
      { id: "a" },
      null,
      { id: "c" },
      null,
      { id: "e" },
    ]);
    await repository.saveMany([input("z")]);
    expect(log.slice(-2)).toEqual(["beforeSave save  z ", "afterSave save z 1"]);
  });

  test("an error beforehand is thrown as it is, and nothing was written", async () => {
    const { hooks } = recorder({ beforeSave: "no", beforeDelete: "kept" });
    const Person = person(storage, hooks);
    const opened = await open(() => Person);
    const { repository, db, raw, namespace } = opened;
    await repository.insertMany([input("a", "kept"), input("b")]);
    const before = await dump(raw, namespace);
    const works: (() => Promise<unknown>)[] = [
      () => repository.insert(input("x", "no")),
      () => repository.save(input("x", "no")),
      () => repository.update("a", { name: "no" }),
      () => repository.modify("a", (entity) => ({ ...entity, name: "no" })),
      () => repository.upsert(input("a", "no"), { by: "mail" }),
      () => repository.query().where("name").eq("b").update({ name: "no" }),
      () => repository.delete("a"),
      () => repository.query().where("count").eq(0).delete(),
      () => db.transaction((tx) => tx.repository(Person).insert(input("x", "no"))),
      () => db.transaction((tx) => tx.repository(Person).save(input("x", "no"))),
      () => db.transaction((tx) => tx.repository(Person).update("a", { name: "no" })),
      () => db.transaction((tx) => tx.repository(Person).delete("a")),
    ];
    for (const work of works) {
      // eslint-disable-next-line no-await-in-loop -- one after another
      await expect(work()).rejects.toBeInstanceOf(RangeError);
    }
    expect(await dump(raw, namespace)).toEqual(before);
  });

  test("an error afterwards says that the write stands", async () => {
    const { hooks } = recorder({ afterSave: "late", afterDelete: "a" });
    const Person = person(storage, hooks);
    const { repository, db } = await open(() => Person);
    const stands = async (work: Promise<unknown>, word: string): Promise<void> => {
      const error = await expectFailure(work, "OUTCOME_UNKNOWN");
      expect(error.message).toContain(`was ${word}`);
      expect(error).toMatchObject({ entity: "person", id: "a" });
      expect(error.cause).toBeInstanceOf(RangeError);
    };
    await stands(repository.insert(input("a", "late")), "saved");
    await stands(repository.save({ ...input("a", "late"), version: 1 }), "saved");
    await stands(repository.update("a", { count: 5 }), "saved");
    await stands(
      repository.modify("a", (entity) => ({ ...entity, count: 6 })),
      "saved",
    );
    await stands(repository.upsert({ ...input("a", "late"), count: 7 }, { by: "mail" }), "saved");
    await stands(repository.query().where("count").eq(7).update({ count: 8 }), "saved");
    expect(await repository.findById("a")).toMatchObject({ count: 8, version: 6 });
    await stands(
      db.transaction((tx) => tx.repository(Person).update("a", { count: 9 })),
      "saved",
    );
    expect(await repository.findById("a")).toMatchObject({ count: 9 });
    await stands(repository.delete("a"), "deleted");
    expect(await repository.findById("a")).toBeNull();
    await expectFailure(repository.insert(input("a", "late")), "OUTCOME_UNKNOWN");
    await stands(repository.query().where("name").eq("late").delete(), "deleted");
    expect(await repository.count()).toBe(0);
    expect(await repository.findUnique({ mail: "a@x" })).toBeNull();
  });

  test("run around deletions, with the entity before and its id after", async () => {
    const { log, hooks } = recorder();
    const { repository } = await open(() => person(storage, hooks));
    await repository.insertMany(["a", "b", "c", "d"].map((id) => input(id)));
    log.length = 0;
    expect(await repository.delete("a")).toBe(true);
    expect(await repository.delete("none")).toBe(false);
    expect(log).toEqual(["beforeDelete a", "afterDelete a"]);
    log.length = 0;
    expect(await repository.query().where("name").in(["b", "c"]).delete()).toMatchObject({ changed: 2 });
    expect(log.slice().sort()).toEqual(["afterDelete b", "afterDelete c", "beforeDelete b", "beforeDelete c"]);
    expect(log.slice(0, 2).every((line) => line.startsWith("before"))).toBe(true);
    expect(await repository.query().ids()).toEqual(["d"]);
  });

  test("an entity that changed while its hook ran is asked about again", async () => {
    const seen: number[] = [];
    const { repository } = await open((kind) =>
      person(kind, {
        async beforeDelete({ count }) {
          seen.push(count);
          if (count === 0) await repository.update("a", { count: 1 });
        },
      }),
    );
    await repository.insert(input("a"));
    expect(await repository.delete("a")).toBe(true);
    expect(seen).toEqual([0, 1]);
    await repository.insert(input("a"));
    expect(await repository.query().where("name").eq(" a ").delete()).toMatchObject({ changed: 0, conflicts: 1 });
  });

  test("in a transaction run beforehand at the call, and afterwards when it was written", async () => {
    const { log, hooks } = recorder();
    const Person = person(storage, hooks);
    const { repository, db } = await open(() => Person);
    await repository.insertMany([input("a"), input("b"), input("c")]);
    log.length = 0;
    let tries = 0;
    await db.transaction(async (tx) => {
      const people = tx.repository(Person);
      tries += 1;
      await people.findById("c");
      if (tries === 1) await repository.update("c", { count: 9 });
      await people.insert(input("new"));
      await people.update("new", { name: "newer " });
      await people.update("a", { name: "a2 " });
      await people.delete("b");
      await people.delete("none");
      log.push("end");
    });
    expect(tries).toBe(2);
    const before = ["beforeSave insert  new ", "beforeSave update newer ", "beforeSave update a2 ", "beforeDelete b"];
    const after = ["afterSave insert newer 1", "afterSave update a2 2", "afterDelete b"];
    expect(log).toEqual([
      ...["beforeSave update c", "afterSave update c 2"],
      ...[...before, "end", ...before, "end"],
      ...after,
    ]);
    expect(await repository.findByIds(["new", "a", "b"])).toMatchObject([{ name: "newer" }, { name: "a2" }, null]);
    // Changes of one entity that are not awaited one by one all count.
    await db.transaction(async (tx) => {
      const people = tx.repository(Person);
      await Promise.all([people.update("a", { count: inc(1) }), people.update("a", { count: inc(1) })]);
    });
    expect(await repository.findById("a")).toMatchObject({ count: 2 });
    await db.transaction((tx) => {
      void tx.repository(Person).update("a", { count: inc(5) });
      return Promise.resolve();
    });
    expect(await repository.findById("a")).toMatchObject({ count: 7 });
  });

  test("hooks cost what they see, and no more", async () => {
    const log: string[] = [];
    const plain = await open(() => person(storage, {}));
    await plain.repository.insert(input("a"));
    expect(await sent(() => plain.repository.update("a", { count: 1 }))).toEqual(["EVALSHA patch"]);
    expect(await sent(() => plain.repository.delete("a"))).toEqual(["EVALSHA delete"]);
    const told = await open(() =>
      person(storage, {
        afterSave: (entity) => void log.push(`saved ${entity.count}`),
        afterDelete: (id) => void log.push(`deleted ${id}`),
      }),
    );
    await told.repository.insert(input("a"));
    expect(await sent(() => told.repository.update("a", { count: 1 }))).toEqual(["EVALSHA patch"]);
    expect(await sent(() => told.repository.delete("a"))).toEqual(["EVALSHA delete"]);
    expect(log).toEqual(["saved 0", "saved 1", "deleted a"]);
    const read = readNames[storage];
    const seeing = await open(() => person(storage, recorder().hooks));
    await seeing.repository.insert(input("a"));
    expect(await sent(() => seeing.repository.update("a", { count: 1 }))).toEqual([read, "EVALSHA patch"]);
    expect(await sent(() => seeing.repository.delete("a"))).toEqual([read, "EVALSHA delete-unchanged"]);
  });

  test("may give another entity, which is validated like any other", async () => {
    const opened = await open((kind) =>
      person(kind, {
        beforeSave: (given) => (given.name === "bad" ? (5 as never) : { ...given, name: given.mail ?? "" }),
      }),
    );
    const { repository } = opened;
    expect(await repository.insert(input("a"))).toMatchObject({ name: "a@x" });
    const error = await expectRefusal(opened, () => repository.insert(input("b", "bad")), "VALIDATION");
    expect(error.message).toContain("beforeSave must give");
    await expectRefusal(opened, () => repository.insert({ ...input("b"), mail: "" }), "VALIDATION");
    await expectRefusal(opened, () => repository.insert(null as never), "VALIDATION");
    expect(isRemoraError(error)).toBe(true);
  });

  test("may be methods of an object, which they know", async () => {
    class Audit {
      readonly seen: string[] = [];
      afterSave(entity: Row): void {
        this.seen.push(entity.id);
      }
    }
    const audit = new Audit();
    const { repository } = await open((kind) => person(kind, audit));
    await repository.insert(input("a"));
    expect(audit.seen).toEqual(["a"]);
  });
});
