// Random families: whatever is asked for beside entities, and whatever is deleted, is as in a model that holds everything in memory.
// Ids lead nowhere, to many and round in circles; a failing run prints its seed.
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";

import { type Database, defineEntity, type EntityDefinition, exact, isRemoraError, range, relations } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { runs, seed } from "./seed.ts";

/** One entity: a rank to order by, the id of a parent, and ids of friends. */
interface Person {
  readonly id: string;
  readonly rank: number | null;
  readonly parentId: string | null;
  readonly friendIds: string[];
}

interface Link {
  readonly id: string;
  readonly fromId: string;
  readonly toId: string;
}

interface World {
  readonly people: readonly Person[];
  readonly links: readonly Link[];
}

/** What is wanted beside people: names of relations to options. */
interface Wanted {
  readonly parent?: { readonly with?: Wanted };
  readonly children?: Many;
  readonly linked?: Many;
  readonly friends?: Many;
}

interface Many {
  readonly least?: number | undefined;
  readonly order?: "asc" | "desc" | undefined;
  readonly limit?: number | undefined;
  readonly count: boolean;
  readonly with?: Wanted | undefined;
}

type Action = "cascade" | "restrict" | "setNull" | undefined;

function types(storage: Storage, onChild: Action, onLink: Action) {
  const Person = defineEntity({
    name: "person",
    storage,
    schema: z.object({
      id: z.string(),
      rank: z.number().nullable(),
      parentId: z.string().nullable(),
      friendIds: z.array(z.string()),
    }),
    index: { rank: range(), parentId: exact() },
  });
  const Link = defineEntity({
    name: "link",
    storage,
    schema: z.object({ id: z.string(), fromId: z.string(), toId: z.string() }),
    index: { fromId: exact(), toId: exact() },
  });
  const ruled = <A>(onDelete: A | undefined) => (onDelete === undefined ? {} : { onDelete });
  const declared = relations(Person, ({ one, many }) => ({
    parent: one(Person, { field: "parentId" }),
    children: many(Person, { field: "parentId", ...ruled(onChild) }),
    linked: many(Person, { through: Link, from: "fromId", to: "toId", ...ruled(onLink as "cascade") }),
    friends: many(Person, { ids: "friendIds" }),
  }));
  return { Person, Link, declared };
}

const idOf = fc.integer({ min: 0, max: 6 }).map((at) => `p${at}`);
const worlds: fc.Arbitrary<World> = fc.record({
  people: fc
    .uniqueArray(
      fc.record({
        id: idOf,
        rank: fc.option(fc.integer({ min: 0, max: 4 })),
        parentId: fc.option(idOf, { freq: 3 }),
        friendIds: fc.array(idOf, { maxLength: 4 }),
      }),
      { selector: ({ id }) => id, maxLength: 7 },
    )
    .map((people) => people as Person[]),
  links: fc
    .array(fc.record({ fromId: idOf, toId: idOf }), { maxLength: 12 })
    .map((links) => links.map((link, at) => ({ id: `${at}`, ...link }))),
});

const wanteds: fc.Arbitrary<Wanted> = fc
  .letrec<{ wanted: Wanted; many: Many }>((tie) => ({
    many: fc.record({
      least: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      order: fc.constantFrom("asc", "desc", undefined),
      limit: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
      count: fc.boolean(),
      with: fc.option(tie("wanted"), { nil: undefined, maxDepth: 2, depthIdentifier: "with" }),
    }) as fc.Arbitrary<Many>,
    wanted: fc.record(
      {
        parent: fc.record({ with: tie("wanted") }, { requiredKeys: [] }),
        children: tie("many"),
        linked: tie("many"),
        friends: tie("many"),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<Wanted>,
  }))
  .wanted.filter((wanted) => depthOf(wanted) <= 3);

function depthOf(wanted: Wanted | undefined): number {
  if (wanted === undefined) return 0;
  return 1 + Math.max(0, ...Object.values(wanted).map((each: { with?: Wanted }) => depthOf(each.with)));
}

/** As the mapper takes it. */
function asked(wanted: Wanted): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(wanted).map(([name, options]: [string, Many]) => {
      const { least, order, limit, count, with: inner } = options;
      const where = least === undefined ? {} : { where: { rank: { gte: least } } };
      if (count === true) return [name, { count, ...where }];
      const window = limit === undefined ? {} : { limit };
      const sorted = order === undefined ? {} : { orderBy: ["rank", order] };
      return [name, { ...where, ...sorted, ...window, ...(inner === undefined ? {} : { with: asked(inner) }) }];
    }),
  );
}

/** What comes of it, in the model. */
function joined(world: World, person: Person, wanted: Wanted): Record<string, unknown> {
  const byId = new Map(world.people.map((each) => [each.id, each]));
  const present = (ids: readonly (string | null)[]) => ids.flatMap((id) => byId.get(id ?? "") ?? []);
  const result: Record<string, unknown> = { ...person };
  const { parent, children, linked, friends } = wanted;
  if (parent !== undefined) {
    const [found] = present([person.parentId]);
    result["parent"] = found === undefined ? null : joined(world, found, parent.with ?? {});
  }
  const lists: [string, Many | undefined, readonly Person[]][] = [
    ["children", children, sorted(world.people.filter(({ parentId }) => parentId === person.id))],
    [
      "linked",
      linked,
      sorted(present([...new Set(world.links.flatMap(({ fromId, toId }) => (fromId === person.id ? [toId] : [])))])),
    ],
    ["friends", friends, present(person.friendIds)],
  ];
  for (const [name, options, all] of lists) {
    if (options === undefined) continue;
    const { least, order, limit, count, with: inner = {} } = options;
    const matching = all.filter(({ rank }) => least === undefined || (rank !== null && rank >= least));
    if (count) result[name] = matching.length;
    else {
      const ordered = order === undefined ? matching : sorted(matching, order);
      result[name] = ordered.slice(0, limit).map((each) => joined(world, each, inner));
    }
  }
  return result;
}

function sorted(people: readonly Person[], order?: "asc" | "desc"): Person[] {
  const sign = order === "desc" ? -1 : 1;
  const byId = (left: Person, right: Person) => (left.id < right.id ? -1 : left.id > right.id ? 1 : 0) * sign;
  return people.toSorted((left, right) => {
    if (order === undefined || left.rank === right.rank) return byId(left, right);
    if (left.rank === null || right.rank === null) return left.rank === null ? 1 : -1;
    return (left.rank - right.rank) * sign;
  });
}

/** A deletion in the model: what is left, or undefined where it is refused. */
function without(world: World, id: string, onChild: Action, onLink: Action): World | undefined {
  if (!world.people.some((person) => person.id === id)) return world;
  const gone = new Set([id]);
  if (onChild === "cascade") {
    for (const each of gone) for (const { id: child, parentId } of world.people) if (parentId === each) gone.add(child);
  }
  const children = world.people.filter(({ parentId }) => parentId !== null && gone.has(parentId));
  if (onChild === "restrict" && children.some((child) => child.id !== id)) return undefined;
  const links = world.links.filter(({ fromId }) => gone.has(fromId));
  if (onLink === "restrict" && links.length > 0) return undefined;
  return {
    people: world.people
      .filter((person) => !gone.has(person.id))
      .map((person) => (onChild === "setNull" && person.parentId === id ? { ...person, parentId: null } : person)),
    links: onLink === "cascade" ? world.links.filter((link) => !links.includes(link)) : world.links,
  };
}

describeMatrix(
  "random relations",
  ({ open, storage, engine }) => {
    const opened = async (onChild: Action, onLink: Action) => {
      const { Person, Link, declared } = types(storage, onChild, onLink);
      const { db } = await open((): EntityDefinition => Person, { relations: [declared] });
      const people = (db as Database<typeof declared>).repository(Person);
      const links = db.repository(Link);
      await links.indexes.sync();
      const fill = async (world: World): Promise<void> => {
        const old = [await people.query().ids(), await links.query().ids()] as const;
        // In a transaction each, which follows no relation.
        for (const id of old[0]) await db.transaction(async (tx) => tx.repository(Person).delete(id));
        await links.deleteMany(old[1]);
        await people.insertMany(world.people);
        await links.insertMany(world.links);
      };
      return { people, links, fill };
    };

    test("come as in the model", async () => {
      const { people, fill } = await opened(undefined, undefined);
      const property = fc.asyncProperty(
        worlds,
        fc.array(wanteds, { minLength: 3, maxLength: 3 }),
        async (world, list) => {
          await fill(world);
          for (const wanted of list) {
            const found = await people
              .query()
              .with(asked(wanted) as never)
              .all();
            const byId = (left: { id: string }, right: { id: string }) => (left.id < right.id ? -1 : 1);
            expect((found as unknown as Person[]).toSorted(byId)).toEqual(
              sorted(world.people).map((person) => joined(world, person, wanted)),
            );
          }
        },
      );
      await fc.assert(property, { seed, numRuns: runs(engine === "memory" ? 5 : 25) });
    });

    test.each([
      ["cascade", "cascade"],
      ["cascade", "restrict"],
      ["restrict", "cascade"],
      ["setNull", "cascade"],
      ["setNull", undefined],
    ] as const)("are followed by deletions as in the model: %s, %s", async (onChild, onLink) => {
      const { people, links, fill } = await opened(onChild, onLink);
      const property = fc.asyncProperty(worlds, fc.array(idOf, { minLength: 1, maxLength: 4 }), async (start, ids) => {
        await fill(start);
        let world = start;
        for (const id of ids) {
          const wanted = without(world, id, onChild, onLink);
          const outcome = await people.delete(id).catch((error: unknown) => {
            if (isRemoraError(error, "RELATION")) return undefined;
            throw error;
          });
          expect(outcome).toBe(wanted === undefined ? undefined : world.people.some((person) => person.id === id));
          world = wanted ?? world;
          expect(sorted(await people.query().all())).toEqual(sorted(world.people));
          expect((await links.query().ids()).sort()).toEqual(world.links.map((link) => link.id).sort());
        }
      });
      await fc.assert(property, { seed, numRuns: runs(engine === "memory" ? 3 : 15) });
    });
  },
  ({ driver }) => driver === "ioredis6",
);
