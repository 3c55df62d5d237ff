// Random boolean formulas against the search module, on a server of their own: wide, deep, negated, with numbers.
// A server that stops answering fails the test and is killed; REMORA_FORMULAS=n asks for more of them.
import fc from "fast-check";
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, defineEntity, exact, isRemoraError, range, text } from "remora";
import { type Flavour, startServer, type TestServer } from "remora/testing";
import { matches } from "../../src/query/matches.ts";
import type { Condition } from "../../src/query/node.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { legs } from "../setup/legs.ts";
import { seed } from "./seed.ts";

const formulas = Number(process.env["REMORA_FORMULAS"] ?? 1500);
const documents = 250;
const paths = ["a", "b", "c", "d"] as const;
const letters = ["x", "y", "z"];

const record = (storage: Storage) =>
  defineEntity({
    name: "record",
    storage,
    schema: z.object({
      id: z.string(),
      a: z.string().nullable(),
      b: z.string().nullable(),
      c: z.string(),
      d: z.string(),
      n: z.number().nullable(),
      m: z.number(),
      tags: z.array(z.string()),
      note: z.string(),
      stems: z.string(),
    }),
    index: {
      a: exact(),
      b: exact(),
      c: exact(),
      d: exact(),
      n: range(),
      m: range(),
      tags: exact(),
      note: text({ native: {} }),
      stems: text(),
    },
  });

// Words that a server finds by their stems, which stand in a text of their own for the judge.
const forms = { walk: ["walk", "walks", "walking"], jump: ["jump", "jumped"], rest: ["rests", "resting"] };
const stemmed = Object.entries(forms).flatMap(([stem, words]) => words.map((word) => [word, stem] as const));
const stemOf = new Map<string, string>(stemmed);

const letter = (mixed: number, place: number): string => letters[Math.floor(mixed / 3 ** place) % 3] as string;
const rows = Array.from({ length: documents }, (_, at) => {
  const mixed = (at * 2_654_435_761) % 4_294_967_296;
  return {
    id: `r${at}`,
    a: mixed % 5 === 0 ? null : letter(mixed, 0),
    b: mixed % 7 === 0 ? null : letter(mixed, 1),
    c: letter(mixed, 2),
    d: letter(mixed, 3),
    n: mixed % 4 === 0 ? null : mixed % 9,
    m: mixed % 30,
    tags: letters.filter((_letter, bit) => (mixed >> bit) % 2 === 1),
    ...noteOf(stemmed.filter((_word, bit) => (mixed >> (bit + 5)) % 4 === 1)),
  };
});

function noteOf(words: typeof stemmed): { note: string; stems: string } {
  return { note: words.map(([word]) => word).join(" "), stems: words.map(([, stem]) => stem).join(" ") };
}

// What the judge is asked: by stems it knows nothing.
function judged(condition: Condition): Condition {
  switch (condition.type) {
    case "and":
    case "or":
      return { type: condition.type, items: condition.items.map(judged) };
    case "not":
      return { type: "not", item: judged(condition.item) };
    case "matchNative": {
      const stems = condition.text.split(" ").map((word) => stemOf.get(word) ?? word);
      return { type: "match", path: "stems", text: stems.join(" ") };
    }
    default:
      return condition;
  }
}

const leaf: fc.Arbitrary<Condition> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...paths), fc.subarray(letters, { minLength: 1 }))
      .map(([path, values]): Condition => ({ type: "in", path, values })),
  },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 })
      .map((values): Condition => ({ type: "in", path: "n", values })),
  },
  {
    weight: 1,
    arbitrary: fc
      .uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 15, maxLength: 40 })
      .map((values): Condition => ({ type: "in", path: "m", values })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.integer({ min: 0, max: 30 }), fc.boolean()).map(([value, exclusive]): Condition => ({
      type: "range",
      path: "m",
      lower: { value, exclusive },
      upper: undefined,
    })),
  },
  { weight: 1, arbitrary: fc.constantFrom("a", "b", "n").map((path): Condition => ({ type: "isNull", path })) },
  {
    weight: 1,
    arbitrary: fc.subarray(letters).map((values): Condition => ({ type: "containsAll", path: "tags", values })),
  },
  {
    weight: 2,
    arbitrary: fc
      .subarray([...stemOf.keys(), "unknown"], { minLength: 1, maxLength: 3 })
      .map((words): Condition => ({ type: "matchNative", path: "note", text: words.join(" ") })),
  },
);

const formula: fc.Arbitrary<Condition> = fc.letrec<{ tree: Condition }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    { weight: 3, arbitrary: leaf },
    { weight: 3, arbitrary: list("and", tie("tree"), 4) },
    { weight: 3, arbitrary: list("or", tie("tree"), 4) },
    { weight: 1, arbitrary: list("or", leaf, 30) },
    { weight: 1, arbitrary: list("or", list("and", leaf, 3), 25) },
    { weight: 2, arbitrary: tie("tree").map((item): Condition => ({ type: "not", item })) },
  ),
})).tree;

function list(type: "and" | "or", item: fc.Arbitrary<Condition>, maxLength: number): fc.Arbitrary<Condition> {
  return fc.array(item, { maxLength, size: "max" }).map((items): Condition => ({ type, items }));
}

describe.each(legs({ search: true }).map((leg) => [leg.name, leg] as const))("boolean formulas on %s", (_name, leg) => {
  let server: TestServer | undefined;

  beforeAll(async () => {
    if (leg.flavour !== "other") server = await startServer({ flavour: leg.flavour as Flavour, needs: "search" });
  });
  afterAll(async () => {
    await server?.stop();
  });

  test.each(["hash", "json"] as const)("are answered as they mean, %s", { timeout: 3_600_000 }, async (storage) => {
    const { metadata } = record(storage);
    const database = await connect(server?.url ?? leg.url, { namespace: storage, engine: "search", deadline: 10_000 });
    const repository = database.repository(record(storage));
    try {
      await repository.indexes.sync();
      expect((await repository.insertMany(rows)).failed).toEqual([]);
      const property = fc.asyncProperty(formula, async (where) => {
        const wanted = rows.filter((row) => matches(judged(where), row, metadata)).map(({ id }) => id);
        const query = repository.query().where(() => where as never);
        const [ids, count] = await Promise.all([query.ids(), query.count()]);
        expect(ids.sort()).toEqual(wanted.sort());
        expect(count).toBe(wanted.length);
      });
      await fc.assert(property, { seed, numRuns: formulas });
    } catch (error) {
      if (hung(error) && server?.pid !== undefined) process.kill(server.pid, "SIGKILL");
      throw error;
    } finally {
      await database.close();
    }
  });
});

// A call that met its deadline: nothing this small takes seconds.
function hung(error: unknown): boolean {
  const { cause } = error as { cause?: unknown };
  return isRemoraError(error, "DEADLINE") || isRemoraError(cause, "DEADLINE");
}
