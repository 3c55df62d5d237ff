// How ids are made, by each strategy: their form, that no two are alike, and which of them sort by their making.
// Without a server.
import { afterEach, expect, test, vi } from "vitest";
import { z } from "zod";

import { defineEntity } from "remora";

const forms: Readonly<Record<string, RegExp>> = {
  ulid: /^[0-9A-HJKMNP-TV-Z]{26}$/,
  uuidv7: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  nanoid: /^[\w-]{21}$/,
};

function made(generate: "ulid" | "uuidv7" | "uuid" | "nanoid", count: number): string[] {
  const { metadata } = defineEntity({ name: "e", schema: z.object({ id: z.string() }), id: { generate } });
  return Array.from({ length: count }, () => metadata.generateId({}) as string);
}

afterEach(() => {
  vi.useRealTimers();
});

test.each(Object.keys(forms))("%s", (name) => {
  const ids = made(name as "ulid", 2000);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(forms[name] as RegExp);
  if (name === "ulid" || name === "uuidv7") expect(ids.toSorted()).toEqual(ids);
});

test("ULIDs go up even when the clock goes back", () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1_000_000 });
  const [before = ""] = made("ulid", 1);
  vi.setSystemTime(1000);
  const after = made("ulid", 3);
  expect([before, ...after].toSorted()).toEqual([before, ...after]);
});

test("a function makes them of the input", () => {
  const { metadata } = defineEntity({
    name: "e",
    schema: z.object({ id: z.string(), shop: z.string(), number: z.int() }),
    id: { generate: ({ shop, number }) => `${shop}/${number}` },
  });
  expect(metadata.generateId({ shop: "a", number: 7 })).toBe("a/7");
});
