// Sizes of documents: large ones are told of by field, without their values; those beyond the limit are refused unsent.
// The limits are given, so that nothing large has to be made.
import diagnostics from "node:diagnostics_channel";
import { z } from "zod";
import { expect, test } from "vitest";

import { connect, defineEntity, exact, largeDocumentChannel, type LargeDocumentEvent } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix } from "./matrix.ts";
import { sent } from "./sent.ts";

const page = (storage: Storage) =>
  defineEntity({
    name: "page",
    storage,
    schema: z.object({
      id: z.string(),
      title: z.string(),
      body: z.object({ text: z.string(), notes: z.array(z.string()).default([]) }),
    }),
    index: { title: exact() },
  });

async function told(work: () => Promise<unknown>): Promise<LargeDocumentEvent[]> {
  const events: LargeDocumentEvent[] = [];
  const listen = (event: unknown): void => void events.push(event as LargeDocumentEvent);
  diagnostics.subscribe(largeDocumentChannel, listen);
  try {
    await work();
  } finally {
    diagnostics.unsubscribe(largeDocumentChannel, listen);
  }
  return events;
}

describeMatrix("large documents", ({ open, storage }) => {
  test("are told of, by entity, id, bytes and the largest field", async () => {
    const { repository } = await open(page, { largeDocument: 2000 });
    const events = await told(async () => {
      await repository.insert({ id: "small", title: "t", body: { text: "x".repeat(1500) } });
      // Bytes count, not characters.
      await repository.insert({ id: "bytes", title: "t", body: { text: "é".repeat(1500) } });
      await repository.saveMany([{ id: "list", title: "t", body: { text: "", notes: ["n".repeat(3000)] } }]);
      await repository.update("small", { "body.text": "secret".repeat(500) });
    });
    const field = (name: string): string => (storage === "hash" ? name : "body");
    expect(events).toMatchObject([
      { entity: "page", id: "bytes", field: field("body.text") },
      { entity: "page", id: "list", field: field("body.notes") },
      { entity: "page", id: "small", field: "body.text" },
    ]);
    for (const { bytes, fieldBytes } of events) {
      expect(fieldBytes).toBeGreaterThanOrEqual(3000);
      expect(bytes).toBeGreaterThanOrEqual(fieldBytes);
      expect(bytes).toBeLessThan(3200);
    }
    expect(JSON.stringify(events)).not.toContain("secret");
  });

  test("beyond the limit are refused before anything is sent", async () => {
    const { repository } = await open(page, { maxDocument: 5000 });
    await repository.insert({ id: "kept", title: "t", body: { text: "x".repeat(4000) } });
    const text = "x".repeat(6000);
    const facts = { entity: "page", id: "a", field: storage === "hash" ? "body.text" : "body" };
    const commands = await sent(async () => {
      const error = await expectFailure(repository.save({ id: "a", title: "t", body: { text } }), "VALIDATION");
      expect(error).toMatchObject(facts);
      expect(error.message).toContain("5000 bytes");
      expect(error.message).not.toContain("xxx");
      const refused = await expectFailure(repository.update("kept", { "body.text": text }), "VALIDATION");
      expect(refused).toMatchObject({ id: "kept", field: "body.text" });
    });
    expect(commands).toEqual([]);
    const { failed, saved } = await repository.saveMany([
      { id: "a", title: "t", body: { text } },
      { id: "b", title: "t", body: { text: "" } },
    ]);
    expect([failed[0]?.error, saved]).toMatchObject([facts, 1]);
    expect(await repository.findById("kept")).toMatchObject({ body: { text: "x".repeat(4000) } });
  });
});

test("limits are numbers of bytes", async () => {
  await expectFailure(connect("redis://127.0.0.1:1", { maxDocument: 0 }), "DEFINITION");
  await expectFailure(connect("redis://127.0.0.1:1", { largeDocument: Number.NaN }), "DEFINITION");
});
