// The nearest of random vectors among random filters: the definition of distance decides, on every engine and storage.
// Crowds of vectors nearer to each other than 32 bits can tell are where a server's own order goes wrong.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import {
  connect,
  defineEntity,
  exact,
  isRemoraError,
  range,
  type Repository,
  text,
  vector,
  type VectorMetric,
} from "remora";
import { matches } from "../../src/query/matches.ts";
import type { Condition } from "../../src/query/node.ts";
import type { EngineName } from "../../src/engines/layout.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { tidy } from "../behaviour/matrix.ts";
import { type AvailableLeg, freshNamespace } from "../setup/legs.ts";
import { evenly } from "./places.ts";
import { runs, seed } from "./seed.ts";
import { targets } from "./targets.ts";
import { away, crowded } from "./vectors.ts";

const dim = 5;
const define = (storage: Storage, metric: VectorMetric, algorithm: "flat" | "hnsw" = "flat", numbers = dim) =>
  defineEntity({
    name: "pin",
    storage,
    schema: z.object({
      id: z.string(),
      kind: z.string(),
      rank: z.int().nullable(),
      words: z.string(),
      at: z.array(z.number()).nullable(),
    }),
    index: {
      kind: exact({ sortable: true }),
      rank: range(),
      words: text({ phrase: true }),
      at: vector({ dim: numbers, metric, algorithm }),
    },
  });
type Pin = { id: string; kind: string; rank: number | null; words: string; at: number[] | null };

const pin = fc.record({
  kind: fc.constantFrom("a", "b", "c"),
  rank: fc.option(fc.integer({ min: 0, max: 9 })),
  words: fc.constantFrom("one two", "two one", "three"),
  at: fc.option(crowded(dim), { freq: 12 }),
});
const leaf: fc.Arbitrary<Condition> = fc.oneof(
  fc.subarray(["a", "b", "c", "d"]).map((values): Condition => ({ type: "in", path: "kind", values })),
  fc.tuple(fc.nat(9), fc.nat(9)).map(([low, high]): Condition => ({
    type: "range",
    path: "rank",
    lower: { value: low, exclusive: false },
    upper: { value: high, exclusive: true },
  })),
  fc.constantFrom("rank", "at").map((path): Condition => ({ type: "isNull", path })),
  fc.constantFrom("one two", "two", "").map((words): Condition => ({ type: "phrase", path: "words", text: words })),
  fc.constant<Condition>({ type: "startsWith", path: "kind", text: "a" }),
);
const condition = fc.letrec<{ any: Condition }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    { weight: 3, arbitrary: leaf },
    tie("any").map((item): Condition => ({ type: "not", item })),
    fc
      .tuple(fc.constantFrom("and" as const, "or" as const), fc.array(tie("any"), { maxLength: 3 }))
      .map(([type, items]): Condition => ({ type, items })),
  ),
})).any;
const question = fc.record({
  where: fc.oneof(fc.constant<Condition>({ type: "and", items: [] }), condition),
  to: crowded(dim),
  k: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 400 })),
  share: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 3 }),
});
const scene = fc.record({
  pins: fc
    .array(pin, { minLength: 150, maxLength: 300, size: "max" })
    .map((pins) => pins.map((one, at): Pin => ({ ...one, id: `p${(at * 7919) % 1009}` }))),
  questions: fc.array(question, { minLength: 12, maxLength: 12, size: "max" }),
  metric: fc.constantFrom<VectorMetric>("cosine", "cosine", "l2", "l2", "ip"),
});

async function opened(
  { leg, engine }: { leg: AvailableLeg; engine: EngineName },
  definition: ReturnType<typeof define>,
  work: (repository: Repository<ReturnType<typeof define>>) => Promise<void>,
): Promise<void> {
  const namespace = freshNamespace();
  const db = await connect(leg.url, { namespace, engine, deadline: 30_000 });
  try {
    const repository = db.repository(definition);
    await repository.indexes.sync();
    await work(repository);
  } finally {
    await tidy((command, ...args) => db.redis.call(command, ...args), namespace, leg.search);
    await db.close();
  }
}

function nearestOf(pins: readonly Pin[], metric: VectorMetric, to: readonly number[]): { id: string; away: number }[] {
  return pins
    .flatMap(({ id, at }) => (at === null ? [] : [{ id, away: away(metric, to, at) }]))
    .sort((left, right) => left.away - right.away || (left.id < right.id ? -1 : 1));
}

async function refused(plain: Promise<unknown>, nearest: Promise<unknown>): Promise<boolean> {
  const [first, second] = await Promise.all(
    [plain, nearest].map((work) =>
      work.then(
        () => false,
        (error: unknown) => isRemoraError(error, "UNSUPPORTED_QUERY"),
      ),
    ),
  );
  expect(second).toBe(first);
  return first === true;
}

describe.each(targets())("$engine on $storage documents, $leg.name", (target) => {
  const { storage } = target;

  test("the nearest of any are those, in that order, at that distance", { timeout: 240_000 }, async () => {
    const property = fc.asyncProperty(scene, async ({ pins, questions, metric }) => {
      const definition = define(storage, metric);
      await opened(target, definition, async (repository) => {
        expect((await repository.insertMany(pins)).failed).toEqual([]);
        for (const { where, to, k, share } of questions) {
          const all = nearestOf(
            pins.filter((one) => matches(where, one, definition.metadata)),
            metric,
            to,
          );
          const maxDistance =
            share === null ? Number.POSITIVE_INFINITY : (all[Math.floor(share * (all.length - 1))]?.away ?? 0);
          const wanted = all.filter((one) => one.away <= maxDistance).slice(0, k);
          const query = repository.query().where(() => where as never);
          const nearest = query.select("id").nearest("at", { to, k, maxDistance, as: "away" });
          // What an engine cannot answer it refuses by name, with or without vectors.
          if (await refused(query.ids(), nearest)) continue;
          expect(await nearest).toEqual(wanted);
        }
      });
    });
    await fc.assert(property, { seed, numRuns: runs(15) });
  });

  test.each(["flat", "hnsw"] as const)("among thousands, %s", { timeout: 120_000 }, async (algorithm) => {
    const [numbers] = fc.sample(
      fc.array(fc.array(evenly(-1, 1), { minLength: 16, maxLength: 16 }), {
        minLength: 2000,
        maxLength: 2000,
        size: "max",
      }),
      { numRuns: 1, seed: 7 },
    ) as [number[][]];
    const pins = numbers.map((at, n): Pin => ({ id: `p${n}`, kind: "ab"[n % 2] as string, rank: n, words: "", at }));
    for (const metric of ["cosine", "l2", "ip"] as const) {
      await opened(target, define(storage, metric, algorithm, 16), async (repository) => {
        expect((await repository.insertMany(pins)).failed).toEqual([]);
        let hits = 0;
        for (const to of numbers.slice(0, 20).map((vector) => vector.toReversed())) {
          const query = (kind: string) => repository.query().where("kind").in(["a", kind]);
          for (const kind of ["a", "b"]) {
            const all = nearestOf(
              pins.filter((one) => one.kind === "a" || one.kind === kind),
              metric,
              to,
            );
            const found = await query(kind).nearest("at", { to, k: 10 });
            const distances = new Map(all.map((one) => [one.id, one.away]));
            expect(found.map(({ distance }) => distance)).toEqual(found.map(({ id }) => distances.get(id)));
            expect(found).toEqual(found.toSorted((left, right) => left.distance - right.distance));
            const nearest = all.slice(0, 10).map(({ id }) => id);
            hits += found.filter(({ id }) => nearest.includes(id)).length;
            if (algorithm === "flat") expect(found.map(({ id }) => id)).toEqual(nearest);
          }
        }
        // A graph finds nearly all of them.
        expect(hits).toBeGreaterThanOrEqual(0.9 * 400);
      });
    }
  });
});
