// Random patches: what a patched entity leaves in the database is what saving the changed entity would have left.
// Documents, hidden members, snapshots, index keys and uniques are expectAsSaved key by key, on every engine and storage.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import {
  addToSet,
  connect,
  defineEntity,
  type EntityDefinition,
  exact,
  inc,
  isRemoraError,
  merge,
  type PatchOperator,
  pop,
  pull,
  push,
  range,
  type Repository,
  text,
  toggle,
  unset,
  vector,
} from "remora";
import { applySteps } from "../../src/codec/patch/apply.ts";
import { planPatch } from "../../src/codec/patch/plan.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { content } from "../behaviour/items.ts";
import { type Raw, tidy } from "../behaviour/matrix.ts";
import { sent } from "../behaviour/sent.ts";
import { freshNamespace } from "../setup/legs.ts";
import { anyEntity, canonical, thing } from "./entities.ts";
import { runs, seed } from "./seed.ts";
import { anyBigint, hostileString, storableNumber } from "./strings.ts";
import { targets } from "./targets.ts";

type Row = Record<string, unknown>;
type Patch = Readonly<Record<string, unknown>>;

/** A type whose patches need versions, times, uniques, bounds and nested objects. */
const account = (storage: Storage) =>
  defineEntity({
    name: "item",
    storage,
    schema: z.object({
      id: z.string(),
      slug: z.string().nullable(),
      first: z.string(),
      last: z.string().optional(),
      stock: z.int().min(-5).max(100),
      rate: z.number(),
      live: z.boolean(),
      seen: z.boolean().optional(),
      tags: z.array(z.string()).default([]),
      dates: z.array(z.date()),
      counts: z.array(z.number()),
      spot: z.array(z.number()).optional(),
      free: z.unknown(),
      scores: z.record(z.string(), z.number()),
      address: z.object({ city: z.string(), zip: z.string().optional(), at: z.object({ floor: z.int() }) }),
      version: z.int(),
    }),
    index: {
      slug: exact(),
      first: [exact({ sortable: true }), text({ phrase: true })],
      last: [exact({ caseInsensitive: true, substring: true }), range(), text({ native: {} })],
      stock: range(),
      rate: range(),
      live: exact({ sortable: true }),
      seen: exact(),
      tags: exact(),
      spot: vector({ dim: 2, metric: "l2" }),
      "address.city": exact(),
      "address.zip": exact(),
      "address.at.floor": range(),
    },
    unique: { slug: ["slug"], name: ["first", "last"] },
    compound: {
      inCity: { eq: ["address.city"], orderBy: "stock" },
      live: { eq: ["live", "slug"], orderBy: "first" },
      seen: { eq: ["seen"] },
    },
    version: "version",
    ttl: {},
  });

const noNul = hostileString.map((text) => text.replaceAll("\u0000", ""));

const accountEntity = fc.record({
  id: fc.constant("a:1"),
  slug: fc.option(hostileString),
  first: hostileString,
  last: fc.option(noNul, { nil: undefined }),
  stock: fc.integer({ min: -5, max: 100 }),
  rate: storableNumber,
  live: fc.boolean(),
  seen: fc.option(fc.boolean(), { nil: undefined }),
  tags: fc.array(hostileString, { maxLength: 3 }),
  dates: fc.array(
    fc.integer({ min: -1e12, max: 1e12 }).map((time) => new Date(time)),
    { maxLength: 3 },
  ),
  counts: fc.array(storableNumber, { maxLength: 3 }),
  spot: fc.option(fc.constantFrom([0.1 + 0.2, -3], [0, 0]), { nil: undefined }),
  free: fc.constantFrom(null, {}, [], { a: [1, "x"] }, "s", 5),
  scores: fc.dictionary(fc.constantFrom("a", "b"), fc.integer()),
  address: fc.record({
    city: hostileString,
    zip: fc.option(hostileString, { nil: undefined }),
    at: fc.record({ floor: fc.integer({ min: -9, max: 9 }) }),
  }),
});

const list = (item: fc.Arbitrary<unknown>): fc.Arbitrary<PatchOperator> =>
  fc.oneof(
    fc.array(item, { maxLength: 2 }).map((items) => push(...items)),
    fc.array(item, { maxLength: 2 }).map((items) => addToSet(...items)),
    fc.array(item, { maxLength: 2 }).map((items) => pull(...items)),
    fc.constantFrom(pop(), pop("first")),
  );
const few = fc.constantFrom("a", "b", " a", "\u0001", "b\n");
const amount = fc.oneof(fc.integer({ min: -7, max: 7 }), storableNumber);
const absent = fc.constant(unset());

/** A few of the fields: most such patches need no read. */
function some(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Patch> {
  return fc
    .subarray(Object.keys(fields), { minLength: 1, maxLength: 3 })
    .chain((names) =>
      fc.record(Object.fromEntries(names.map((name) => [name, fields[name] as fc.Arbitrary<unknown>]))),
    );
}

const accountPatch = some({
  slug: fc.oneof(hostileString, fc.constant(null), absent),
  first: hostileString,
  last: fc.oneof(hostileString, absent),
  stock: fc.oneof(
    fc.integer({ min: -9, max: 110 }).map((by) => inc(by)),
    fc.integer({ min: -5, max: 5 }).map((by) => inc(by, { min: 0, max: 50 })),
    fc.integer({ min: -5, max: 100 }),
  ),
  rate: fc.oneof(
    amount.map((by) => inc(by)),
    storableNumber,
  ),
  live: fc.oneof(fc.boolean(), fc.constant(toggle())),
  seen: fc.oneof(fc.boolean(), fc.constant(toggle()), absent),
  tags: fc.oneof(list(fc.oneof(few, hostileString)), fc.array(few, { maxLength: 2 }), absent),
  dates: list(fc.constantFrom(new Date(0), new Date(1e12))),
  counts: list(fc.oneof(fc.constantFrom(0, 1, 1.5), storableNumber)),
  spot: fc.oneof(fc.constantFrom([1 / 3, 2], [0, -1e15], [1]), absent, fc.constantFrom(pop(), push(5))),
  free: fc.jsonValue({ maxDepth: 2 }),
  scores: fc.dictionary(fc.constantFrom("a", "c"), fc.integer()).map((scores) => merge(scores)),
  "address.city": hostileString,
  "address.zip": fc.oneof(hostileString, absent),
  "address.at": fc.record({ floor: fc.integer({ min: -9, max: 9 }) }),
});

const wholeAddress: fc.Arbitrary<Patch> = fc
  .record({
    address: fc.oneof(
      fc.record({ city: hostileString, at: fc.record({ floor: fc.integer({ min: 0, max: 3 }) }) }),
      hostileString.map((city) => merge({ city })),
    ),
    "address.none": fc.constant(undefined),
  })
  .map(({ address }) => ({ address }));

const thingPatch = some({
  title: hostileString,
  name: fc.oneof(hostileString, fc.constant(null), absent),
  code: fc.oneof(hostileString, absent),
  both: fc.oneof(hostileString, fc.constant(null), absent),
  n: fc.oneof(
    storableNumber,
    amount.map((by) => inc(by)),
    absent,
  ),
  at: fc.oneof(fc.constant(new Date(5)), absent),
  big: fc.oneof(
    anyBigint,
    anyBigint.map((by) => inc(by)),
    absent,
  ),
  flag: fc.oneof(fc.boolean(), fc.constant(toggle()), absent),
  note: fc.oneof(fc.constantFrom("old new", "New words", ""), absent),
  tags: fc.oneof(list(hostileString), fc.array(hostileString, { maxLength: 2 }), absent),
  labels: fc.oneof(list(fc.option(hostileString)), absent),
  bits: list(fc.boolean()),
  bigs: list(anyBigint),
  inner: fc.oneof(fc.constant(merge({ deep: 5 })), absent, fc.constant({ colour: "red" })),
  place: fc.oneof(fc.constant({ longitude: 180, latitude: -3.5 }), absent),
});

describe.each(targets())("random patches of $storage documents on the $engine engine, $leg.name", (target) => {
  const { leg, storage, engine } = target;

  async function expectAsSaved<D extends EntityDefinition>(
    definition: D,
    entity: fc.Arbitrary<Row>,
    patch: fc.Arbitrary<Patch>,
    count: number,
  ): Promise<void> {
    const [one, other] = [freshNamespace(), freshNamespace()];
    const patched = await connect(leg.url, { namespace: one, engine });
    const saved = await connect(leg.url, { namespace: other, engine });
    const raw: Raw = (command, ...args) => patched.redis.call(command, ...args);
    try {
      const left = patched.repository(definition) as unknown as Repository<EntityDefinition>;
      const right = saved.repository(definition) as unknown as Repository<EntityDefinition>;
      await left.indexes.sync();
      await right.indexes.sync();
      const property = fc.asyncProperty(
        entity,
        fc.array(patch, { minLength: 1, maxLength: 3 }),
        async (row, patches) => {
          const id = row["id"] as string;
          // What an earlier case left behind, when it failed.
          await Promise.all([left.delete(id), right.delete(id)]);
          let model = (await left.insert(row as never)) as Row;
          await right.insert(row as never);
          for (const change of patches) {
            const wanted = changed(definition.metadata, model, change);
            let outcome: unknown;
            const update = async (): Promise<void> => {
              outcome = await left.update(id, change as never, { returning: true }).catch(codeOf);
            };
            // eslint-disable-next-line no-await-in-loop -- patches follow each other
            const commands = await sent(update);
            // What cannot be stored is refused before anything is sent.
            if (isDirect(definition.metadata, change)) expect([[], ["EVALSHA patch"]]).toContainEqual(commands);
            // eslint-disable-next-line no-await-in-loop
            const expected = wanted === undefined ? "VALIDATION" : await right.save(wanted as never).catch(codeOf);
            if (typeof expected === "string") expect(outcome).toBe(expected);
            else {
              // eslint-disable-next-line no-await-in-loop
              model = (await right.findByIdOrThrow(id)) as Row;
              expect(canonical(outcome)).toEqual(model);
            }
          }
          expect(await content(raw, one)).toEqual(await content(raw, other));
          expect(await left.indexes.verify()).toMatchObject({ found: 0, findings: [] });
          await left.delete(id);
          await right.delete(id);
          expect(await content(raw, one)).toEqual(await content(raw, other));
        },
      );
      await fc.assert(property, { numRuns: runs(count), seed });
    } finally {
      await tidy(raw, one, leg.search);
      await tidy(raw, other, leg.search);
      await patched.close();
      await saved.close();
    }
  }

  test("every kind of field, absent or not", { timeout: 120_000 }, async () => {
    await expectAsSaved(anyEntity(storage), thing as fc.Arbitrary<Row>, thingPatch, 60);
  });

  test("versions, uniques, bounds and nested objects", { timeout: 120_000 }, async () => {
    const patch = fc.oneof({ weight: 4, arbitrary: accountPatch }, { weight: 1, arbitrary: wholeAddress });
    await expectAsSaved(account(storage), accountEntity as fc.Arbitrary<Row>, patch, 60);
  });
});

function codeOf(error: unknown): string {
  if (isRemoraError(error)) return error.code;
  throw error;
}

function isDirect(metadata: EntityDefinition["metadata"], patch: Patch): boolean {
  try {
    return planPatch(metadata, patch, undefined).direct;
  } catch {
    return false;
  }
}

/** The entity as the operators say, or nothing when the schema refuses it. */
function changed(metadata: EntityDefinition["metadata"], entity: Row, patch: Patch): Row | undefined {
  try {
    const wanted = applySteps(metadata, entity, planPatch(metadata, patch, undefined).steps);
    return metadata.validate(wanted).ok ? wanted : undefined;
  } catch (error) {
    if (isRemoraError(error, "VALIDATION")) return undefined;
    throw error;
  }
}
