// Documents that were there before, written by hand under the type's prefix: `sync` takes them over.
// What cannot be indexed as it should be is told of by id and field, and does not hold up the others.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { freshNamespace } from "../setup/legs.ts";
import { expectFailure } from "./failures.ts";
import { content, indexed, strange } from "./items.ts";
import { describeMatrix } from "./matrix.ts";

const guest = (storage: Storage) =>
  defineEntity({
    name: "item",
    storage,
    schema: z.object({
      id: z.string(),
      name: z.string(),
      age: z.number(),
      role: z.string().default("guest"),
      vip: z.boolean(),
    }),
    index: { name: [exact({ sortable: true }), text()], age: range(), role: exact(), vip: exact() },
    unique: { name: ["name"] },
    ttl: {},
  });

const guestParts = {
  schema: z.object({ id: z.string(), name: z.string(), age: z.number() }),
  index: { age: range() },
} as const;

describeMatrix(
  "documents that others wrote",
  ({ open, storage, engine }) => {
    test("are found after sync, as if they had been saved", async () => {
      const { repository, raw, namespace } = await open(guest, { synced: false });
      const names = [" a ", "b", "\u0002C", "d\n"];
      for (const [at, name] of names.entries()) {
        await strange(raw, storage, repository.key(`${at}`), { name, age: at, vip: at % 2 === 0, extra: "kept" });
      }
      await raw("PEXPIRE", repository.key("3"), 100_000);
      expect(await repository.indexes.sync()).toMatchObject({ state: "ready", documents: 4, faulty: 0, failures: 0 });
      expect((await repository.query().orderBy("age").all()).map((each) => each.name)).toEqual(names);
      for (const name of names) expect(await repository.query().where("name").eq(name).count()).toBe(1);
      expect(await repository.query().where("role").eq("guest").count()).toBe(4);
      expect(await repository.query().where("vip").eq(true).orderBy("name").ids()).toEqual(["2", "0"]);
      await expectFailure(repository.insert({ name: "b", age: 1, vip: true }), "UNIQUE_VIOLATION");
      const expires = String(await raw("PEXPIRETIME", repository.key("3")));
      const member = storage !== "hash" ? ["JSON.GET", '$["$deadline"]'] : ["HGET", "$deadline"];
      const noted =
        engine === "scan"
          ? await raw("ZSCORE", `${namespace}:{item}$e`, "3")
          : await raw(member[0] as string, repository.key("3"), member[1] as string);
      expect(String(noted)).toBe(engine === "search" && storage !== "hash" ? `[${expires}]` : expires);

      const fresh = await open(guest);
      await fresh.repository.saveMany(names.map((name, at) => ({ id: `${at}`, name, age: at, vip: at % 2 === 0 })));
      const internal = async (where: string): Promise<unknown> =>
        Object.entries(await content(raw, where)).filter(([key]) => key.includes("$") && !key.endsWith("$e"));
      expect(await internal(namespace)).toEqual(await internal(fresh.namespace));
      const kept = storage !== "hash" ? '["kept"]' : "kept";
      const read = storage !== "hash" ? ["JSON.GET", "$.extra"] : ["HGET", "extra"];
      expect(await raw(read[0] as string, repository.key("0"), read[1] as string)).toBe(kept);
    });

    test("are found after sync where the type's own saves came first", async () => {
      const { repository, raw } = await open(guest, { synced: false });
      await repository.insert({ id: "own", name: "own", age: 1, vip: false });
      await strange(raw, storage, repository.key("other"), { name: "other", age: 2, vip: true });
      await repository.indexes.sync();
      expect((await repository.query().orderBy("age").ids()).toSorted()).toEqual(["other", "own"]);
    });

    test("are found after a sync that was told to rebuild", async () => {
      const { repository, raw } = await open(guest);
      await strange(raw, storage, repository.key("late"), { name: "late", age: 2, vip: true });
      await repository.indexes.sync();
      if (engine === "scan") expect(await repository.count()).toBe(0);
      await repository.indexes.sync({ rebuild: true });
      expect(await repository.query().where("name").eq("late").ids()).toEqual(["late"]);
    });

    test("under a prefix of their own, beside keys that are none of ours", async () => {
      const prefix = `${freshNamespace()}:guest:`;
      const definition = (form: Storage) =>
        defineEntity({ ...guestParts, name: "guest", keyPrefix: prefix, storage: form });
      const { repository, raw } = await open(definition, { synced: false });
      await strange(raw, storage, `${prefix}1`, { name: "a", age: 1 });
      await strange(raw, storage, `${prefix}2:extra`, { name: "b", age: 2 });
      await raw("SADD", `${prefix}1:friends`, "2");
      await raw("LPUSH", `${prefix}3`, "text");
      await strange(raw, storage, `${prefix.slice(0, -1)}s:4`, { name: "c", age: 1 });
      const { faulty, faults } = await repository.indexes.sync();
      expect(await repository.findById("1")).toEqual({ id: "1", name: "a", age: 1 });
      expect(await repository.query().where("age").eq(1).ids()).toEqual(["1"]);
      expect(faulty).toBe(1);
      expect(faults[0]).toMatchObject({ id: "2:extra", code: "CORRUPT_ENTITY" });
      expect(faults[0]?.message).toContain("2%3Aextra");
      const own = (await raw("KEYS", `${prefix.slice(0, -1)}*`)) as string[];
      await raw("UNLINK", ...own);
    });
  },
  indexed,
);

describeMatrix(
  "documents that cannot be indexed",
  ({ open, storage, engine }) => {
    const user =
      (more: Record<string, unknown>, unique: Record<string, never> = {}) =>
      (form: Storage) =>
        defineEntity({
          name: "item",
          storage: form,
          schema: z.object({ id: z.string(), name: z.string(), mail: z.string(), age: z.number() }),
          index: { name: exact(), ...more } as Record<"name" | "mail", ReturnType<typeof exact>>,
          unique,
        });

    test("are told of, and the others are indexed", async () => {
      const { repository, raw, namespace } = await open(user({}));
      await repository.saveMany(
        ["a", "b", "c"].map((id) => ({ id, name: id, mail: id === "c" ? "m".repeat(5000) : id, age: 1 })),
      );
      await strange(raw, storage, repository.key("bad"), { id: "bad", name: "bad", mail: "x", age: "old" });
      const { repository: changed } = await open(user({ mail: exact() }), { namespace, synced: false });
      const { state, faulty, faults } = await changed.indexes.sync();
      expect(state).toBe("ready");
      expect(faulty).toBe(2);
      expect(faults.map(({ id, code, field }) => [id, code, field].join(" ")).toSorted()).toEqual([
        "bad CORRUPT_ENTITY age",
        "c VALIDATION mail",
      ]);
      expect(faults.every(({ id, message }) => message.includes(`item "${id}"`))).toBe(true);
      // Told again by every later look, also in other processes.
      expect(await changed.indexes.sync()).toMatchObject({ faulty, faults });
      expect(await changed.indexes.status()).toMatchObject({ faulty, faults });
      expect(await changed.query().where("mail").eq("a").ids()).toEqual(["a"]);
      // What does not fit is not passed over in silence.
      await expectFailure(changed.query().all(), "CORRUPT_ENTITY");
      await changed.save({ id: "bad", name: "bad", mail: "good", age: 7 });
      await changed.save({ id: "c", name: "c", mail: "short", age: 1 });
      expect(await changed.count()).toBe(4);
      expect((await changed.query().where("mail").in(["good", "short"]).ids()).toSorted()).toEqual(["bad", "c"]);
      expect(await changed.indexes.sync({ rebuild: true })).toMatchObject({ faulty: 0, faults: [], documents: 4 });
    });

    test("duplicates of a unique value have one holder, and are told of", async () => {
      const { repository, raw, namespace } = await open(user({}));
      const mails = ["a", "b", "a", "c", "a"];
      await repository.saveMany(mails.map((mail, at) => ({ id: `${at}`, name: "n", mail, age: at })));
      const { repository: changed } = await open(user({ age: range() }, { mail: ["mail"] as never }), {
        namespace,
        synced: false,
      });
      const { state, faulty, faults } = await changed.indexes.sync();
      expect(state).toBe("ready");
      expect(faulty).toBe(2);
      const holder = (await raw("HGET", `${namespace}:{item}$u:mail`, "a")) as string;
      expect(["0", "2", "4"]).toContain(holder);
      expect(faults.map(({ id }) => id).toSorted()).toEqual(["0", "2", "4"].filter((id) => id !== holder));
      for (const fault of faults) {
        expect(fault).toMatchObject({ code: "UNIQUE_VIOLATION", field: "mail" });
        expect(fault.message).toContain(`"${holder}"`);
      }
      expect(await changed.query().where("name").eq("n").count()).toBe(5);
      const [{ id } = { id: "" }] = faults;
      await expectFailure(changed.save({ id, name: "n", mail: "a", age: 1 }), "UNIQUE_VIOLATION");
      await changed.save({ id, name: "n", mail: "d", age: 1 });
      expect(await changed.indexes.sync({ rebuild: true })).toMatchObject({ faulty: 1 });
    });

    test("documents that will expire without a ttl in the definition are told of", async () => {
      const { repository, raw } = await open(user({}));
      await repository.insert({ id: "a", name: "a", mail: "a", age: 1 });
      await raw("PEXPIRE", repository.key("a"), 100_000);
      const { faults } = await repository.indexes.sync({ rebuild: true });
      expect(faults).toMatchObject([{ id: "a", code: "CORRUPT_ENTITY" }]);
      expect(engine).not.toBe("memory");
    });
  },
  indexed,
);
