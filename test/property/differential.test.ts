// The same queries on every engine and storage, against the plain meaning of the operators.
// Ids, order, counts and whole entities must agree, for random data and random queries.
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { connect, type GeoPoint, isRemoraError, type Repository } from "remora";
import type { EngineName } from "../../src/engines/layout.ts";
import { matches } from "../../src/query/matches.ts";
import { comparator } from "../../src/query/order.ts";
import type { EntityMetadata, Storage } from "../../src/schema/metadata.ts";
import { tidy } from "../behaviour/matrix.ts";
import { freshNamespace } from "../setup/legs.ts";
import { type AnyEntity, anyEntity, canonical, thing } from "./entities.ts";
import { isOnBorder } from "./places.ts";
import { areasOf, isEntangled, type RandomQuery, randomQuery } from "./queries.ts";
import { cases, seed } from "./seed.ts";
import { targets } from "./targets.ts";

type Entity = Record<string, unknown>;

/** Types in one slot, and such as are spread over some: their answers are merged. */
const spreads = [1, 3];
const definitions = (storage: Storage): readonly AnyEntity[] => spreads.map((count) => anyEntity(storage, count));
const known: Readonly<Record<Storage, readonly AnyEntity[]>> = {
  hash: definitions("hash"),
  json: definitions("json"),
  string: definitions("string"),
};
const metadataOf = (storage: Storage) => (known[storage][0] as AnyEntity).metadata;

const all = targets().flatMap((target) =>
  known[target.storage].map((definition, at) => ({ ...target, definition, partitions: spreads[at] as number })),
);
/** Answers that are compared on each target. Merging them is the same whatever they are of: one in six has to be merged. */
const shareOf = (partitions: number): number =>
  Math.ceil(((cases / Math.max(1, all.length)) * (partitions === 1 ? 5 : 1)) / 3);
/** Enough for a slow machine; a server that hangs is found by the deadline of its call long before. */
const timeout = 120_000 + shareOf(1) * 200;

describe.each(all)("$engine on $storage documents, $leg.name, partitions: $partitions", (target) => {
  const { leg, storage, engine, definition, partitions } = target;
  const share = shareOf(partitions);
  test("answers as the operators mean", { timeout }, async () => {
    let [compared, others] = [0, 0];
    const property = fc.asyncProperty(
      fc.uniqueArray(thing, { selector: ({ id }) => id, minLength: 1, maxLength: 40, size: "max" }),
      fc.array(randomQuery, { minLength: 1, maxLength: 60, size: "max" }),
      async (entities, queries) => {
        const namespace = freshNamespace();
        const db = await connect(leg.url, { namespace, engine });
        try {
          const repository = db.repository(definition);
          await repository.indexes.sync();
          const { failed, outcomes } = await repository.saveMany(entities as never);
          expect(failed).toEqual([]);
          const stored = outcomes.flatMap((outcome) => (outcome.ok ? [canonical(outcome.entity) as Entity] : []));
          for (const query of queries) {
            if (await check(repository, storage, engine, stored, query)) compared += 1;
            else others += 1;
          }
        } finally {
          await tidy((command, ...args) => db.redis.call(command, ...args), namespace, leg.search);
          await db.close();
        }
      },
    );
    // How many queries a run asks is random too. Each round has the next seed, and the one that fails is repeated by it.
    for (let round = 0; compared < share; round += 1) await fc.assert(property, { seed: seed + round, numRuns: 20 });
    process.stderr.write(
      `${engine} on ${storage} documents, ${leg.name}, partitions: ${partitions}: ${compared} answers equal, ${others} queries without one\n`,
    );
  });
});

// Whether there was an answer to compare: some queries an engine may refuse, or no model can decide.
async function check(
  repository: Repository<AnyEntity>,
  storage: Storage,
  engine: EngineName,
  stored: readonly Entity[],
  query: RandomQuery,
): Promise<boolean> {
  const metadata = metadataOf(storage);
  if (
    areasOf(query.where).some((area) => stored.some((entity) => isOnBorder(entity["place"] as GeoPoint | null, area)))
  )
    return false;
  const matching = stored
    .filter((entity) => matches(query.where, entity, metadata))
    .sort(comparator(metadata, query.orderBy));
  const end = query.limit === undefined ? undefined : query.offset + query.limit;
  const wanted = matching.slice(query.offset, end);
  const chain = chainOf(repository, query);
  let found: { ids: string[]; count: number; page: { items: unknown[]; total: number } };
  try {
    found = { ids: await chain.ids(), count: await chain.count(), page: await chain.page() };
  } catch (error) {
    if (isRemoraError(error, "UNSUPPORTED_QUERY") && mayRefuse(engine, storage, query)) return false;
    throw error;
  }
  await checkPages(metadata, chain, query, matching);
  expect(found.count).toBe(matching.length);
  expect(found.page.total).toBe(matching.length);
  const items = found.page.items as Entity[];
  if (query.orderBy.length > 0) {
    expect(found.ids).toEqual(wanted.map(idOf));
    expect(items).toEqual(wanted);
    return true;
  }
  // Without an order any of them may come, but as many as asked for and each only once.
  const byId = new Map(matching.map((entity) => [idOf(entity), entity]));
  for (const ids of [found.ids, items.map(idOf)]) {
    expect(ids).toHaveLength(wanted.length);
    expect(new Set(ids).size).toBe(wanted.length);
    expect(ids.filter((id) => !byId.has(id))).toEqual([]);
  }
  expect(items).toEqual(items.map((item) => byId.get(idOf(item))));
  return true;
}

// Pages by keyset give everything that matches once, in the order of a query without a window; every other time
// only some properties of it.
async function checkPages(
  metadata: EntityMetadata,
  chain: ReturnType<typeof chainOf>,
  query: RandomQuery,
  matching: readonly Entity[],
) {
  const size = 1 + ((query.offset + (query.limit ?? 0)) % 5);
  const chosen = size % 2 === 0 ? propertiesOf(metadata).filter((_, at) => at % 3 === matching.length % 3) : [];
  const [first, ...others] = chosen;
  const paged = chain.offset(0).limit(size);
  const pages = first === undefined ? paged : paged.select(first as never, ...(others as never[]));
  const items: unknown[] = [];
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await pages.keyset({ after: cursor });
    items.push(...page.items);
    cursor = page.cursor;
    expect(items.length).toBeLessThanOrEqual(matching.length);
  }
  const part = (entity: Entity) => Object.fromEntries(Object.entries(entity).filter(([name]) => chosen.includes(name)));
  expect(items).toEqual(first === undefined ? matching : matching.map(part));
}

function propertiesOf({ shape }: EntityMetadata): string[] {
  return [...shape.fields.keys()];
}

function chainOf(repository: Repository<AnyEntity>, query: RandomQuery) {
  let chain = repository
    .query()
    .where(() => query.where as never)
    .offset(query.offset);
  for (const { path, direction } of query.orderBy) chain = chain.orderBy(path as "n", direction);
  return query.limit === undefined ? chain : chain.limit(query.limit);
}

// What an engine may refuse, by name; everything else it must answer.
function mayRefuse(engine: EngineName, storage: Storage, query: RandomQuery): boolean {
  return engine === "search" && storage === "json" && isEntangled(query.where);
}

function idOf(entity: Entity): string {
  return entity["id"] as string;
}
