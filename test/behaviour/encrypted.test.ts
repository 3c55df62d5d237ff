// Encrypted fields: nothing in the database, in errors, events or explanations tells what they hold.
// They are found by blind terms, keys can be changed, and what was moved or altered is not read.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, encrypted, type EncryptionKeys, exact } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { everythingIn, expectFailure } from "./failures.ts";
import { describeMatrix, dump } from "./matrix.ts";

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const index = key(9);
const old: EncryptionKeys = { current: "a", keys: { a: key(1) }, index };
const both: EncryptionKeys = { current: "b", keys: { a: key(1), b: Buffer.from(key(2)).toString("base64") }, index };
const lost: EncryptionKeys = { current: "b", keys: { b: key(2) }, index };

const patient =
  (keys: EncryptionKeys, name = "patient") =>
  (storage: Storage) =>
    defineEntity({
      name,
      storage,
      schema: z.object({
        id: z.string(),
        name: z.string(),
        mail: encrypted(z.email(), keys),
        number: encrypted(z.string().max(20), keys).optional(),
        notes: z.array(encrypted(z.string(), keys)).default([]),
      }),
      index: { mail: exact(), number: exact(), name: exact() },
      unique: { mail: ["mail"], both: ["number", "name"] },
      changes: true,
      hooks: { afterDelete: () => undefined },
    });

const mail = "ada.hidden@example.org";
const number = "secret-4711";
const ada = { id: "1", name: "Ada", mail, number, notes: ["note-hidden"] };
const clear = /ada\.hidden|secret-4711|note-hidden/;

describeMatrix(
  "encrypted fields",
  ({ open, storage }) => {
    test("are found and unique, and nothing tells what they hold", async () => {
      const opened = await open(patient(both));
      const { repository, raw, namespace } = opened;
      const told: unknown[] = [];
      const listen = (event: unknown): unknown => told.push(event);
      subscribe("remora:operation", listen);
      try {
        await repository.insert(ada);
        await repository.insert({ id: "2", name: "Bob", mail: "bob@example.org" });
        expect(await repository.findById("1")).toEqual(ada);
        expect(await repository.query().where("mail").eq(mail).all()).toEqual([ada]);
        expect(await repository.query().where("mail").in([mail, "bob@example.org"]).count()).toBe(2);
        expect(await repository.query().where("number").ne(number).ids()).toEqual(["2"]);
        expect(await repository.query().where("number").isNull().ids()).toEqual(["2"]);
        expect(await repository.query({ mail: "nobody@example.org" }).ids()).toEqual([]);
        expect(await repository.findUnique({ mail })).toEqual(ada);
        expect(await repository.findUnique({ number, name: "Ada" })).toEqual(ada);
        const errors = [
          await expectFailure(repository.insert({ ...ada, id: "3", number: "other" }), "UNIQUE_VIOLATION"),
          await expectFailure(repository.insert({ ...ada, mail: "secret-4711" }), "VALIDATION"),
          await expectFailure(
            repository.insert({ ...ada, id: "3", number: `${number}${number}${number}` }),
            "VALIDATION",
          ),
          await expectFailure(repository.update("1", { mail: "secret-4711" }), "VALIDATION"),
        ];
        for (const error of errors) expect(everythingIn(error)).not.toMatch(clear);
        const explained = await repository.query().where("mail").eq(mail).explain({ analyze: true });
        expect(everythingIn(explained)).not.toMatch(clear);
        expect(explained.text).toContain("mail = (hidden)");
        const many = await repository.query().where("number").notIn([number, "x"]).explain();
        expect(many.query).toContain("number is one of [(hidden), (hidden)]");
        expect(everythingIn(told)).not.toMatch(clear);
        expect(told.length).toBeGreaterThan(10);
      } finally {
        unsubscribe("remora:operation", listen);
      }
      expect(JSON.stringify(await dump(raw, namespace))).not.toMatch(clear);
      expect((await repository.indexes.verify()).findings).toEqual([]);
    });

    test("keys are changed by writing anew, and equal texts look different", async () => {
      const first = await open(patient(old));
      await first.repository.insert(ada);
      await first.repository.insert({ ...ada, id: "2", name: "Bob", mail: "b@example.org" });
      const text = async (id: string): Promise<string> =>
        storage !== "hash"
          ? (JSON.parse(
              (await first.raw("JSON.GET", `${first.namespace}:{patient}:${id}`, "$.number")) as string,
            )[0] as string)
          : ((await first.raw("HGET", `${first.namespace}:{patient}:${id}`, "number")) as string);
      expect(await text("1")).toMatch(/^v1\.a\./);
      expect(await text("1")).not.toBe(await text("2"));
      const before = await text("1");
      await first.repository.modify("1", (entity) => ({ ...entity, name: "Eve" }));
      expect(await text("1")).toBe(before);

      const { repository } = await open(patient(both), { namespace: first.namespace });
      expect(await repository.query().where("number").eq(number).count()).toBe(2);
      await repository.modify("1", (entity) => entity);
      expect(await text("1")).toMatch(/^v1\.b\./);
      const { repository: later } = await open(patient(lost), { namespace: first.namespace });
      expect(await later.findById("1")).toMatchObject({ name: "Eve", mail, number });
      const error = await expectFailure(later.findById("2"), "CORRUPT_ENTITY");
      expect(error.message).toContain('the key "a" is not among the keys');
      expect(await later.findById("2", { validate: "lenient" } as never)).not.toHaveProperty("number");
    });

    test("what was moved to another field, or altered, is not read", async () => {
      const { repository, raw, namespace } = await open(patient(both));
      await repository.insert(ada);
      const at = `${namespace}:{patient}:1`;
      const read = async (field: string): Promise<string> =>
        storage !== "hash"
          ? (JSON.parse((await raw("JSON.GET", at, `$.${field}`)) as string)[0] as string)
          : ((await raw("HGET", at, field)) as string);
      const write = (field: string, text: string): Promise<unknown> =>
        storage !== "hash" ? raw("JSON.SET", at, `$.${field}`, JSON.stringify(text)) : raw("HSET", at, field, text);
      const kept = await read("number");
      const altered = `${kept.slice(0, -3)}${kept.at(-3) === "A" ? "B" : "A"}${kept.slice(-2)}`;
      for (const text of [await read("mail"), altered, "plain", "v1.b.", `${kept}.x`]) {
        await write("number", text);
        const error = await expectFailure(repository.findById("1"), "CORRUPT_ENTITY");
        expect(error.field).toBe("number");
        expect(everythingIn(error)).not.toMatch(clear);
      }
      await write("number", kept);
      expect(await repository.findById("1")).toEqual(ada);
    });
  },
  ({ driver }) => driver === "ioredis6",
);
