// A repository that only reads: it finds what is there, and refuses by name whatever would write, before it is sent.
// On every server, storage and engine.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, type Repository } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectRefusal } from "./failures.ts";
import { type Bench, describeMatrix, dump } from "./matrix.ts";

const note = (storage: Storage) =>
  defineEntity({
    name: "note",
    storage,
    schema: z.object({ id: z.string(), text: z.string(), count: z.int() }),
    index: { text: exact() },
    unique: { text: ["text"] },
    ttl: { seconds: 1000, sliding: "read" },
  });
type Notes = Repository<ReturnType<typeof note>>;

const first = { id: "1", text: "x", count: 1 };

async function opened({ open, storage }: Bench, synced = true) {
  const definition = note(storage);
  const all = await open(() => definition, { synced });
  if (synced) await all.repository.insert(first);
  return { ...all, reader: all.db.repository(definition, { readOnly: true }) };
}

describeMatrix("a repository that only reads", (bench) => {
  test("reads, and leaves everything as it is, times included", async () => {
    const { reader, raw, namespace } = await opened(bench);
    const before = await dump(raw, namespace);
    expect(await reader.findById("1")).toEqual(first);
    expect(await reader.findByIds(["1", "2"])).toEqual([first, null]);
    expect(await reader.findUnique({ text: "x" })).toEqual(first);
    expect(await reader.exists("1")).toBe(true);
    expect(await reader.count()).toBe(1);
    expect(await reader.ttl("1")).toBeGreaterThan(1000);
    expect(await reader.query().where("text").eq("x").all()).toEqual([first]);
    expect((await reader.query().keyset()).items).toEqual([first]);
    expect(await reader.loader().load("1")).toEqual(first);
    for await (const line of reader.export()) expect(line).toContain('"count":1');
    expect((await reader.indexes.verify()).findings).toEqual([]);
    await reader.indexes.ready();
    expect(await dump(raw, namespace)).toEqual(before);
  });

  test("does not forget what vanished behind its back", async () => {
    const { reader, raw, namespace, repository } = await opened(bench);
    await raw("UNLINK", repository.key("1"));
    const before = await dump(raw, namespace);
    expect(await reader.query().where("text").eq("x").all()).toEqual([]);
    expect(await dump(raw, namespace)).toEqual(before);
  });

  test("refuses to write, by name", async () => {
    const context = await opened(bench);
    const notes = context.reader as unknown as Notes;
    const second = { ...first, id: "2", text: "y" };
    const writes: Record<string, () => Promise<unknown>> = {
      insert: () => notes.insert(second),
      save: () => notes.save(second),
      update: () => notes.update("1", { count: 2 }),
      modify: () => notes.modify("1", (one) => ({ ...one, count: 2 })),
      upsert: () => notes.upsert(second, { by: "text" } as never),
      delete: () => notes.delete("1"),
      purge: () => notes.purge("1"),
      expire: () => notes.expire("1", 5),
      persist: () => notes.persist("1"),
      touch: () => notes.touch("1"),
      touchMany: () => notes.touchMany(["1"]),
      saveMany: () => notes.saveMany([second]),
      insertMany: () => notes.insertMany([second], { atomic: true }),
      patchMany: () => notes.patchMany([{ id: "1", patch: { count: 2 } }]),
      deleteMany: () => notes.deleteMany(["1"]),
      import: () => notes.import('{"id":"2","text":"y","count":2}\n'),
      "query.update": () => notes.query().where("text").eq("x").update({ count: 2 }),
      "query.delete": () => notes.query().where("text").eq("x").delete(),
      "indexes.sync": () => notes.indexes.sync({ rebuild: true }),
      "indexes.drop": () => notes.indexes.drop(),
    };
    for (const [operation, write] of Object.entries(writes)) {
      const error = await expectRefusal(context, write, "CAPABILITY");
      expect(error.message).toBe(
        `note: ${operation} writes, and this repository only reads; take one without readOnly for it`,
      );
    }
    // The other repository of the same type may still do all of it.
    await context.repository.insert(second);
    expect(await context.reader.count()).toBe(2);
  });

  test("does not make a type", async () => {
    const context = await opened(bench, false);
    await expectRefusal(context, () => (context.reader as unknown as Notes).indexes.sync(), "CAPABILITY");
    expect(await context.reader.findById("1")).toBeNull();
  });
});
