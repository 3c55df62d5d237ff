// Fields that expire by themselves, where the server has it: they read as absent, and nothing else changes.
// Everywhere else, and for every field that something else holds, it is refused by name.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTime, serverTimePassed } from "./clock.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";
import { sent } from "./sent.ts";

const user = (storage: Storage) =>
  defineEntity({
    name: "user",
    storage,
    schema: z.object({
      id: z.string(),
      name: z.string(),
      mail: z.string().optional(),
      age: z.number().optional(),
      code: z.string().optional(),
      hint: z.string().nullable(),
      both: z.string().nullable().optional(),
      tags: z.array(z.string()).optional(),
      inner: z.object({ token: z.string().optional() }),
      outer: z.object({ token: z.string().optional() }).optional(),
      version: z.int(),
    }),
    index: { name: exact(), age: range() },
    unique: { mail: ["mail"] },
    version: "version",
    ttl: {},
  });

const row = {
  id: "a",
  name: "ada",
  mail: "a@x",
  age: 3,
  code: "123",
  hint: "h",
  both: "b",
  tags: ["t"],
  inner: { token: "i" },
  outer: { token: "o" },
};

describeMatrix(
  "fields that expire",
  ({ open, leg }) => {
    test("read as absent, and leave everything else as it is", async (context) => {
      const { repository, raw, db } = await open(user);
      expect(db.capabilities.fieldExpiry).toBe(leg.flavour !== "redis70");
      if (!db.capabilities.fieldExpiry)
        context.skip("this server cannot let a field expire (Redis 7.4 or Valkey 9 can)");
      const first = await repository.insert(row);
      const at = new Date((await serverTime(raw)) + 250);
      const paths = ["code", "hint", "both", "tags", "inner.token"] as const;
      const expired = await Promise.all(paths.map((path) => repository.expireField("a", path, { at })));
      expect(expired).toEqual(paths.map(() => true));
      await serverTimePassed(raw, at);
      const { code: _code, both: _both, tags: _tags, ...rest } = first;
      const left = { ...rest, hint: null, inner: {} };
      expect(await repository.findById("a")).toEqual(left);
      expect(await repository.query().where("name").eq("ada").all()).toEqual([left]);
      expect(await repository.findUnique({ mail: "a@x" })).toEqual(left);
      expect(await repository.fieldTtl("a", "code")).toBe("missing");
      expect(await repository.expireField("a", "code", 5)).toBe(false);
      expect(await repository.persistField("a", "code")).toBe(false);
      expect(await repository.ttl("a")).toBe("never");
      expect(await repository.update("a", { code: "4" }, { returning: true })).toEqual({
        ...left,
        code: "4",
        version: 2,
      });
      expect(await repository.fieldTtl("a", "code")).toBe("never");
    });

    test("are asked, prolonged and kept, in one round trip each", async (context) => {
      const { repository, db } = await open(user);
      if (!db.capabilities.fieldExpiry)
        context.skip("this server cannot let a field expire (Redis 7.4 or Valkey 9 can)");
      const first = await repository.insert(row);
      expect(await repository.fieldTtl("a", "code")).toBe("never");
      expect(await sent(() => repository.expireField("a", "code", 50))).toEqual(["HPEXPIRE"]);
      const left = await repository.fieldTtl("a", "code");
      expect(left).toBeGreaterThan(40_000);
      expect(left).toBeLessThanOrEqual(50_000);
      // Patches of other fields leave the time, as does what the mapper does with the entity's own.
      await repository.update("a", { name: "eve" });
      await repository.modify("a", (entity) => ({ ...entity, age: 4 }));
      await repository.expire("a", 1000);
      expect(await repository.fieldTtl("a", "code")).toBeGreaterThan(10_000);
      expect(await sent(() => repository.persistField("a", "code"))).toEqual(["HPERSIST"]);
      expect(await sent(() => repository.fieldTtl("a", "code"))).toEqual(["HPTTL"]);
      expect(await repository.fieldTtl("a", "code")).toBe("never");
      await repository.expireField("a", "code", { ms: 70_000 });
      expect(await repository.expireField("a", "code", null)).toBe(true);
      expect(await repository.fieldTtl("a", "code")).toBe("never");
      // A save writes the field anew.
      await repository.expireField("a", "code", 50);
      await repository.save({ ...first, version: 3 });
      expect(await repository.fieldTtl("a", "code")).toBe("never");
      expect(await repository.fieldTtl("none", "code")).toBe("missing");
      expect(await repository.expireField("none", "code", 5)).toBe(false);
      expect(await repository.persistField("none", "code")).toBe(false);
    });

    test("are none that something else holds", async () => {
      const opened = await open(user);
      const { repository } = opened;
      await repository.insert(row);
      const paths: [string, RegExp][] = [
        ["name", /must be there/],
        ["id", /must be there/],
        ["version", /must be there/],
        ["age", /index/],
        ["mail", /unique/],
        ["inner", /single fields/],
        ["outer", /single fields/],
        ["outer.token", /object that may be absent/],
        ["nope", /not in the schema/],
      ];
      for (const [path, reason] of paths) {
        for (const work of [
          () => repository.expireField("a", path as "code", 5),
          () => repository.persistField("a", path as "code"),
          () => repository.fieldTtl("a", path as "code"),
        ]) {
          // eslint-disable-next-line no-await-in-loop -- one after another
          const error = await expectRefusal(opened, work, "VALIDATION");
          expect(error.message).toMatch(reason);
          expect(error.field).toBe(path);
        }
      }
    });

    test("take a time to come, and a server that can", async () => {
      const opened = await open(user);
      const { repository, db } = opened;
      await repository.insert(row);
      if (!db.capabilities.fieldExpiry) {
        await expectRefusal(opened, () => repository.expireField("a", "code", 5), "CAPABILITY");
        await expectRefusal(opened, () => repository.persistField("a", "code"), "CAPABILITY");
        const error = await expectRefusal(opened, () => repository.fieldTtl("a", "code"), "CAPABILITY");
        expect(error.message).toContain("Redis 7.4");
        return;
      }
      const far = new Date(2 ** 48);
      for (const ttl of [0, -1, Number.NaN, { ms: 0 }, { at: new Date(1) }, { at: far }, { ms: 2 ** 48 }]) {
        // eslint-disable-next-line no-await-in-loop -- one after another
        await expectRefusal(opened, () => repository.expireField("a", "code", ttl), "VALIDATION");
      }
    });
  },
  ({ storage }) => storage === "hash",
);

describeMatrix(
  "fields of JSON documents",
  ({ open }) => {
    test("do not expire", async () => {
      const { repository } = await open(user);
      await expectFailure(repository.expireField("a", "code", 5), "UNSUPPORTED_STORAGE");
      await expectFailure(repository.persistField("a", "code"), "UNSUPPORTED_STORAGE");
      await expectFailure(repository.fieldTtl("a", "code"), "UNSUPPORTED_STORAGE");
    });
  },
  ({ storage }) => storage === "json",
);
