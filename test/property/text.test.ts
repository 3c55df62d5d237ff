// JSON text in strings, as anybody may have written it: what the scripts find and change there is what a parser would.
// The Lua is run by itself, against objects in JavaScript.
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";

import { jsonPath } from "../../src/codec/place.ts";
import { shorthands } from "../../src/engines/write/text.ts";
import { describeLegs, freshNamespace } from "../setup/legs.ts";
import { runs, seed } from "./seed.ts";
import { hostileStrings } from "./strings.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const run = `${shorthands("string")}\nreturn call(ARGV[1], KEYS[1], unpack(ARGV, 2))`;

const names = fc.constantFrom(
  ...["a", "b", "c", " a", "é", "\u{1F600}", "a]", '"', "\\", "a\\", '["a"]', "{", "}", ":", ",", "$", ""],
);
const text = fc.oneof(fc.constantFrom(...hostileStrings), fc.string({ unit: "binary", maxLength: 6 }));
const { value } = fc.letrec<{ value: Json; object: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, -1, 1.5, 1e300, 2 ** 53),
    text,
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(names, tie("value"), { maxKeys: 4 }),
}));
const document = fc.dictionary(names, value, { maxKeys: 5 });
const path = fc.array(names, { minLength: 1, maxLength: 3 });

/** JSON as somebody else might write it: blanks anywhere, names and texts with escapes that are not needed. */
function written(json: Json, blanks: () => string, escapes: () => boolean): string {
  const quoted = (part: string): string => {
    const plain = JSON.stringify(part);
    if (!escapes()) return plain;
    return `"${Array.from(part)
      .flatMap((character) => character.split(""))
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join("")}"`;
  };
  const joined = (open: string, parts: readonly string[], close: string): string =>
    `${open}${blanks()}${parts.join(`${blanks()},${blanks()}`)}${blanks()}${close}`;
  if (Array.isArray(json))
    return joined(
      "[",
      (json as readonly Json[]).map((each) => written(each, blanks, escapes)),
      "]",
    );
  if (typeof json === "string") return quoted(json);
  if (typeof json !== "object" || json === null) return JSON.stringify(json);
  const members = Object.entries(json).map(
    ([name, each]) => `${quoted(name)}${blanks()}:${blanks()}${written(each, blanks, escapes)}`,
  );
  return joined("{", members, "}");
}

type Holder = Record<string, Json>;

/** The object that has, or would have, the last of some names; undefined where a path leads nowhere. */
function holderOf(json: Json, [...parents]: readonly string[]): Holder | undefined {
  parents.pop();
  let holder: Json | undefined = json;
  for (const name of parents) {
    if (typeof holder !== "object" || holder === null || Array.isArray(holder)) return undefined;
    holder = Object.hasOwn(holder, name) ? (holder as Holder)[name] : undefined;
  }
  return typeof holder === "object" && holder !== null && !Array.isArray(holder) ? (holder as Holder) : undefined;
}

describeLegs("JSON text in strings", {}, (leg) => {
  let redis: Redis;
  const key = `${freshNamespace()}:text`;
  const send = (...words: string[]): Promise<unknown> => redis.eval(run, 1, ...words) as Promise<unknown>;

  beforeAll(() => {
    redis = new Redis(leg.url);
  });
  afterAll(async () => {
    await redis.del(key);
    redis.disconnect();
  });

  test("what is found and changed in it", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        document,
        path,
        value,
        fc.array(fc.constantFrom("", " ", "\n\t"), { minLength: 1, maxLength: 7 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
        async (json, at, fresh, spaces, choices) => {
          let [space, choice] = [0, 0];
          const blanks = (): string => spaces[space++ % spaces.length] as string;
          const escapes = (): boolean => choices[choice++ % choices.length] as boolean;
          const before = `${blanks()}${written(json, blanks, escapes)}${blanks()}`;
          const [place, last] = [jsonPath(at), at.at(-1) as string];
          const held = async (): Promise<Json> => JSON.parse((await redis.get(key)) as string) as Json;

          await redis.set(key, before, "PX", 1_000_000);
          expect(await send(key, "JSON.GET")).toBe(before);
          const holder = holderOf(json, at);
          const there = holder !== undefined && Object.hasOwn(holder, last);
          expect(JSON.parse((await send(key, "JSON.GET", place)) as string)).toEqual(there ? [holder[last]] : []);
          const found = there ? holder[last] : undefined;
          const isObject = typeof found === "object" && found !== null && !Array.isArray(found);
          expect(await send(key, "JSON.TYPE", place)).toEqual(isObject ? ["object"] : []);
          expect(await send(key, "JSON.TYPE", "$")).toEqual(["object"]);

          await send(key, "JSON.DEL", place);
          const without = structuredClone(json);
          const rest = holderOf(without, at);
          if (rest !== undefined) delete rest[last];
          expect(await held()).toEqual(without);

          await redis.set(key, before, "KEEPTTL");
          await send(key, "JSON.SET", place, written(fresh, blanks, escapes));
          const changed = structuredClone(json);
          const target = holderOf(changed, at);
          if (target !== undefined) Object.defineProperty(target, last, { value: fresh, enumerable: true });
          expect(await held()).toEqual(changed);
          expect(await redis.pttl(key)).toBeGreaterThan(0);
        },
      ),
      { seed, numRuns: runs(400) },
    );
  });

  test("what is no object is taken for none, and left alone", async () => {
    const broken = [
      "",
      "{",
      '{"a"}',
      '{"a":}',
      '{"a":1',
      '{"a":1,}',
      '{"a":1} x',
      '{"a":"',
      "{a:1}",
      '["a"]',
      '"a"',
      "x",
      '{"a":[1}',
    ];
    for (const each of broken) {
      // oxlint-disable-next-line no-await-in-loop -- one key
      await redis.set(key, each);
      // oxlint-disable-next-line no-await-in-loop
      expect(await send(key, "JSON.TYPE", "$"), each).toEqual([]);
      // oxlint-disable-next-line no-await-in-loop
      expect(await send(key, "JSON.GET", '$["b"]'), each).toBe("[]");
      // oxlint-disable-next-line no-await-in-loop
      await send(key, "JSON.DEL", '$["b"]');
      // oxlint-disable-next-line no-await-in-loop
      expect(await redis.get(key)).toBe(each);
    }
    await redis.set(key, '{"a":1,"a":2}');
    expect(await send(key, "JSON.GET", '$["a"]')).toBe("[2]");
    await redis.del(key);
    expect(await send(key, "JSON.GET", '$["a"]')).toBeNull();
    await redis.rpush(key, "x");
    await expect(send(key, "JSON.SET", "$", "{}")).rejects.toThrow("WRONGTYPE");
    expect(await redis.lrange(key, 0, -1)).toEqual(["x"]);
  });
});
