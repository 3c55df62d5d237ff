// Functions and methods whose results are cached: equal arguments are one call, others never are.
// The decorator in both flavours of the language, as compilers make them.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { z } from "zod";

import { cache, Cached } from "remora/toolkit";
import { argumentsKey } from "../../src/toolkit/cache-arguments.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { sent } from "../behaviour/sent.ts";
import { compilers } from "../decorators/compile.ts";
import { runs, seed } from "../property/seed.ts";
import { describePiece } from "./open.ts";

const key = (...args: unknown[]): string => argumentsKey("f", args);

test("arguments that differ in anything have other keys", () => {
  const different: unknown[][] = [
    [],
    [undefined],
    [null],
    ["null"],
    ["undefined"],
    [""],
    [0],
    [-0],
    ["0"],
    [0n],
    [false],
    [Number.NaN],
    ["NaN"],
    [Number.POSITIVE_INFINITY],
    [1, 2],
    [[1, 2]],
    ["1,2"],
    ["1", "2"],
    [[1], 2],
    [{}],
    [{ a: undefined }],
    [{ a: null }],
    [[undefined]],
    [[]],
    [new Map()],
    [new Set()],
    [new Map([["a", 1]])],
    [{ a: 1 }],
    [new Set(["a"])],
    [new Map([[{ a: 1 }, 1]])],
    [new Date(0)],
    ["Date(0)"],
    [new Date(0).toISOString()],
    [new Uint8Array([1])],
    [new Int8Array([1])],
    [Buffer.from([1, 2])],
    [new URL("http://a/")],
    ["http://a/"],
    ["\ud800"],
    ["\ufffd"],
    ["é"],
    ["e\u0301"],
    ["x".repeat(200)],
    ["x".repeat(201)],
    [{ ["__proto__"]: 1 }],
    [{ a: { b: 1 } }],
    [{ a: 1, b: 1 }],
  ];
  const keys = different.map((args) => key(...args));
  expect(new Set(keys).size).toBe(different.length);
  for (const each of keys) expect(each.length).toBeLessThanOrEqual(98);
});

test("arguments that are equal have the same, whatever the order of their properties", () => {
  expect(key({ a: 1, b: [2, { d: 3, c: 4 }] })).toBe(key({ b: [2, { c: 4, d: 3 }], a: 1 }));
  expect(key(new Map([["a", 1], ["b", 2]]))).toBe(key(new Map([["b", 2], ["a", 1]]))); // prettier-ignore
  expect(key(new Set([1, 2]))).toBe(key(new Set([2, 1])));
  expect(key(Object.assign(Object.create(null), { a: 1 }))).toBe(key({ a: 1 }));
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).toReversed());
      return key(value) === key(turned) && key(value) === key(structuredClone(value));
    }),
    { seed, numRuns: runs(300) },
  );
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      // Zeros have two signs, of which JSON knows one.
      const same = JSON.stringify(one) === JSON.stringify(other);
      return same || key(one) !== key(other);
    }),
    { seed, numRuns: runs(1000) },
  );
});

test("what no key can be made of is refused", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  const bad: [unknown, string][] = [
    [() => 1, "function"],
    [Symbol("x"), "symbol"],
    [new (class Money {})(), "an instance of Money"],
    [new Date(Number.NaN), "invalid date"],
    [circle, "circle"],
    [Promise.resolve(1), "Promise"],
    [/x/, "RegExp"],
    [{ deep: [new WeakMap()] }, "WeakMap"],
  ];
  for (const [value, message] of bad) {
    expect(() => key(1, value)).toThrow(
      expect.objectContaining({
        code: "VALIDATION",
        message: expect.stringMatching(`argument 2.*${message}`) as string,
      }) as Error,
    );
  }
});

describePiece("a wrapped function", "cache-wrap", (box) => {
  test("is called once for equal arguments, in one command after that", async () => {
    const users = cache(box.db, "wrapped", { schema: z.object({ id: z.int(), tags: z.array(z.string()) }), ttl: 60 });
    const load = vi.fn<(id: number, options?: { deep: boolean }) => { id: number; tags: string[] }>((id) => ({
      id,
      tags: [],
    }));
    const find = users.wrap(load, { name: "find", tags: (id) => [`user:${id}`], ttl: 30 });
    expect(await find(1)).toEqual({ id: 1, tags: [] });
    expect(await sent(() => find(1))).toEqual(["MGET"]);
    await find(2);
    await find(1, { deep: true });
    expect(load).toHaveBeenCalledTimes(3);
    await users.invalidateTags(["user:1"]);
    await Promise.all(Array.from({ length: 50 }, () => find(1)));
    expect(load).toHaveBeenCalledTimes(4);
    expect(find.keyOf(2)).toBe("find(2)");
    expect(await users.delete(find.keyOf(2))).toBe(1);
    await find(2);
    expect(load).toHaveBeenCalledTimes(5);
    const byName = users.wrap((who: { id: number }) => ({ id: who.id, tags: [] }), {
      name: "own",
      key: ({ id }) => `${id}`,
    });
    await byName({ id: 7 });
    expect(await users.get("own:7")).toEqual({ id: 7, tags: [] });
    await expectFailure(find(Symbol("x") as unknown as number), "VALIDATION");
  });

  test("is not mistaken for another one", () => {
    const words = cache(box.db, "names", { ttl: 60 });
    const one = (): string => "x";
    words.wrap(one);
    expect(words.wrap(one).keyOf()).toBe("one()");
    expect(() => words.wrap(() => "y", { name: "one" })).toThrow("another function is wrapped");
    expect(() =>
      words.wrap(
        (
          () => () =>
            "y"
        )(),
      ),
    ).toThrow("needs a name");
  });
});

describePiece("a cached method", "cache-method", (box) => {
  const program = `
export function make(Cached, from, count) {
  class Weather {
    constructor(place) { this.place = place; }
    @Cached(from, { tags: (city) => ["city:" + city] })
    async forecast(city) { count(); return city + " from " + this.place; }
    @Cached(() => from, { name: "all" })
    static async all(query) { count(); return JSON.stringify(query); }
  }
  class Better extends Weather {}
  return { Weather, Better };
}`;
  test.each(Object.keys(compilers))("is one in the flavour of %s", async (name) => {
    const text = await (compilers[name] as (typeof compilers)[string])(program);
    const folder = mkdtempSync(join(tmpdir(), "remora-cached-"));
    const file = join(folder, "weather.mjs");
    writeFileSync(file, text);
    try {
      const { make } = (await import(/* @vite-ignore */ file)) as {
        make: (
          decorator: unknown,
          from: unknown,
          count: () => void,
        ) => Record<
          string,
          new (place: string) => {
            forecast: (city: string) => Promise<string>;
          }
        > & { Weather: { all: (query: object) => Promise<string> } };
      };
      const words = cache(box.db, `weather-${name.replaceAll(/[^a-z]/g, "-")}`, { schema: z.string(), ttl: 60 });
      const count = vi.fn<() => void>();
      const { Weather, Better } = make(Cached, words, count);
      const first = new (Weather as never as new (place: string) => { forecast: (city: string) => Promise<string> })(
        "A",
      );
      expect(await first.forecast("Oslo")).toBe("Oslo from A");
      expect(await first.forecast("Oslo")).toBe("Oslo from A");
      expect(count).toHaveBeenCalledTimes(1);
      expect(await words.get('Weather.forecast("Oslo")')).toBe("Oslo from A");
      const better = new (Better as new (place: string) => { forecast: (city: string) => Promise<string> })("B");
      expect(await better.forecast("Oslo")).toBe("Oslo from B");
      expect(await Weather.all({ a: 1, b: 2 })).toBe('{"a":1,"b":2}');
      expect(await Weather.all({ b: 2, a: 1 })).toBe('{"a":1,"b":2}');
      expect(count).toHaveBeenCalledTimes(3);
      await words.invalidateTags(["city:Oslo"]);
      await Promise.all(Array.from({ length: 50 }, () => first.forecast("Oslo")));
      expect(count).toHaveBeenCalledTimes(4);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
