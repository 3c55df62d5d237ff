// Documents as JSON text in strings, where they differ from the others: what strangers wrote, and who may not have them.
// All else of them is told by the suites that run on every storage.
import { expect, test } from "vitest";
import { z } from "zod";

import { connect, defineEntity, exact, inc, push, range, type Storage, unset } from "remora";
import { expectFailure, expectRefusal } from "./failures.ts";
import { describeMatrix, tidy } from "./matrix.ts";

const draft = (storage: Storage) =>
  defineEntity({
    name: "draft",
    storage,
    schema: z.object({
      id: z.string(),
      size: z.int(),
      title: z.string().optional(),
      notes: z.array(z.string()),
      author: z.object({ "full name": z.string() }),
      version: z.int(),
    }),
    index: { size: range(), title: exact(), notes: exact() },
    version: "version",
  });

const strange = `{
  "id": "a",
  "si\\u007ae": 1,
  "notes" : [ "x" , "{\\"y\\"}" ],
  "author": { "full name": "A \\u00e9", "more": [1.50, {"deep": "}"}] },
  "extra": 1.10,
  "version": 3
}
`;

describeMatrix(
  "documents as text",
  ({ open }) => {
    test("keep what strangers wrote in them, around what is changed", async () => {
      const { repository, raw } = await open(draft);
      await raw("SET", repository.key("a"), strange);
      await repository.indexes.sync({ rebuild: true });
      const entity = { id: "a", size: 1, notes: ["x", '{"y"}'], author: { "full name": "A é" }, version: 3 };
      expect(await repository.findById("a")).toEqual(entity);
      await repository.update("a", { size: inc(2), title: "T", "author.full name": "B", notes: push("z") });
      expect(await raw("GET", repository.key("a"))).toBe(
        strange
          .replace('"si\\u007ae": 1', '"si\\u007ae": 3')
          .replace('[ "x" , "{\\"y\\"}" ]', '["x","{\\"y\\"}","z"]')
          .replace('"A \\u00e9"', '"B"')
          .replace('"version": 3\n}', '"version": 4\n,"title":"T"}'),
      );
      expect(await repository.query().where("notes").contains("z").where("size").eq(3).ids()).toEqual(["a"]);
      await repository.update("a", { title: unset() });
      expect(await repository.findById("a")).toEqual({
        ...entity,
        size: 3,
        notes: [...entity.notes, "z"],
        author: { "full name": "B" },
        version: 5,
      });
    });

    test("are not changed where they are no JSON", async () => {
      const opened = await open(draft);
      const { repository, raw } = opened;
      for (const text of ["", "text", '{"id":"a","version":1', '{"id":"a","version":1}]', '["a"]']) {
        // oxlint-disable-next-line no-await-in-loop -- one key
        await raw("SET", repository.key("a"), text);
        // oxlint-disable-next-line no-await-in-loop
        await expectRefusal(opened, () => repository.update("a", { size: 5 }), "CORRUPT_ENTITY");
        // oxlint-disable-next-line no-await-in-loop
        await expectFailure(repository.findById("a"), "CORRUPT_ENTITY");
      }
    });

    test("are left to the scan engine", async () => {
      const { namespace, db } = await open(draft);
      const { host = "", port = 0 } = db.redis.options as { host?: string; port?: number };
      const auto = await connect({ host, port }, { namespace: `${namespace}-auto` });
      expect((await auto.repository(draft("string")).indexes.sync()).engine).toBe("scan");
      await tidy((command, ...args) => auto.redis.call(command, ...args), `${namespace}-auto`, false);
      await auto.close();
      if (!db.capabilities.search) return;
      const search = await connect({ host, port }, { namespace, engine: "search" });
      const error = await expectFailure(search.repository(draft("string")).count(), "UNSUPPORTED_STORAGE");
      expect(error.message).toMatch(/^draft: search indexes do not see storage string; use storage json or hash/);
      await search.close();
    });
  },
  ({ storage }) => storage === "string",
);
