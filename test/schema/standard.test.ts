// Validators of other libraries: what they say is heard, with its place, and what a document cannot wait for is refused.
// Without a server.
import * as v from "valibot";
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, standard, type StandardSchema } from "remora";

const { metadata } = defineEntity({
  name: "house",
  schema: z.object({
    id: z.string(),
    address: standard(v.object({ street: v.string(), zip: v.pipe(v.string(), v.length(5)) })),
    owner: standard(v.object({ name: v.string() })).optional(),
  }),
});

const address = { street: "Main St", zip: "12345" };

test("what is right is taken", () => {
  expect(metadata.validate({ id: "a", address })).toEqual({ ok: true, value: { id: "a", address } });
  const owned = { id: "a", address, owner: { name: "x" } };
  expect(metadata.validateEntity(owned)).toEqual({ ok: true, value: owned });
});

test("what is wrong is told with its place", () => {
  for (const validate of [metadata.validate, metadata.validateEntity]) {
    expect(validate({ id: "a", address: { street: 5, zip: "1" } })).toMatchObject({
      ok: false,
      issues: [{ path: ["address", "street"] }, { path: ["address", "zip"] }],
    });
  }
});

const answers = (validate: StandardSchema["~standard"]["validate"]): StandardSchema => ({
  "~standard": { version: 1, vendor: "test", validate },
});

test.each<[string, StandardSchema, RegExp]>([
  ["a validator that takes its time", answers(async (value) => ({ value })), /takes its time/],
  ["one that gives nothing", answers(() => ({ value: undefined })), /say \.optional\(\) around standard\(\)/],
  ["one that never settles", answers((value) => ({ value: `${String(value)}!` })), /changes its own result/],
  ["one that does not take what it gives", v.pipe(v.string(), v.transform(Number)) as never, /changes its own result/],
])("%s is refused", (_name, schema, reason) => {
  const one = defineEntity({ name: "one", schema: z.object({ id: z.string(), field: standard(schema) }) }).metadata;
  const result = one.validate({ id: "a", field: "1" });
  expect(result).toMatchObject({ ok: false, issues: [{ path: ["field"], message: expect.stringMatching(reason) }] });
});

test("what it gives is indexed by custom() alone", () => {
  const schema = z.object({ id: z.string(), field: standard(v.string()) });
  expect(() =>
    defineEntity({ name: "x", schema, index: { field: { kind: "exact", features: [], weight: 1 } } as never }),
  ).toThrow(/field: exact\(\) cannot stand on json/);
});
