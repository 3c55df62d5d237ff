// A type spread over several partitions: each is asked in the same round trips, and the answers are merged here.
// What the partitions' own engines cannot say of the whole, such as what is nearest, is left to whoever reads everything.
import type { DocumentCodec } from "../codec/document.ts";
import { isRemoraError } from "../errors.ts";
import type { Position, QueryNode } from "../query/node.ts";
import { comparePositions, positionOf } from "../query/position.ts";
import { propertiesOf, propertiesRead } from "../query/select.ts";
import { cutter } from "./documents.ts";
import {
  type Answer,
  asStep,
  type Engine,
  everyMatch,
  isStep,
  type Step,
  type StoredRow,
  type Want,
} from "./engine.ts";

/**
 * Makes one engine of those of a type's partitions.
 *
 * @param engines - one per partition, alike but for their keys.
 * @param codec - the type's codec.
 * @returns the engine.
 */
export function partitionedEngine(engines: readonly [Engine, ...Engine[]], codec: DocumentCodec): Engine {
  const [first] = engines;
  const { neighbours: _, ...alike } = first;
  const plan = (query: QueryNode, want: Want): Step => {
    const { each, wanted } = perPartition(query, want);
    const merge = merger(query, each, want, codec);
    return joined(
      engines.map((engine) => engine.plan(each, wanted)),
      merge,
    );
  };
  return {
    ...alike,
    plan,
    exhaust(query, ceiling, want) {
      const { each, wanted } = perPartition(query, want);
      const merge = merger(query, each, want, codec);
      return joined(
        engines.map((engine) => engine.exhaust(each, ceiling, wanted as "rows" | "ids")),
        merge,
      );
    },
    tally: (query, tallies) =>
      joined(
        engines.map((engine) => engine.tally(query, tallies)),
        (answers) => ({ rows: [], ids: [], count: 0, ghosts: answers.flatMap(({ ghosts }) => ghosts) }),
      ),
    estimate: (query) =>
      joined(
        engines.map((engine) => engine.estimate(query)),
        (answers) => {
          const known = answers.every(({ count }) => count >= 0);
          return { rows: [], ids: [], count: known ? sum(answers) : -1, ghosts: [] };
        },
      ),
    describe(query, want) {
      const { each, wanted } = perPartition(query, want);
      const described = engines.map((engine) => engine.describe(each, wanted));
      const [one] = described as [ReturnType<Engine["describe"]>];
      return {
        ...one,
        plan: [
          `ask ${engines.length} partitions in the same round trips, and merge what they answer here`,
          ...one.plan,
        ],
        requests: described.flatMap(({ requests }) => requests),
      };
    },
  };
}

// Each partition may hold all of the window; ids that have to be put in order need what the order is made of.
function perPartition(query: QueryNode, want: Want): { readonly each: QueryNode; readonly wanted: Want } {
  const { limit, offset, select, orderBy } = query;
  const each: QueryNode = { ...query, offset: 0, limit: limit === undefined ? undefined : limit + offset };
  if (want === "count" || !isOrdered(query)) return { each, wanted: want };
  const paths = orderBy.map(({ path }) => path);
  if (want === "ids") {
    if (paths.length === 0) return { each, wanted: want };
    return { each: { ...each, select: [query.metadata.idField, ...paths] }, wanted: "rows" };
  }
  return { each: select === undefined ? each : { ...each, select: [...select, ...paths] }, wanted: want };
}

function isOrdered({ orderBy, after }: QueryNode): boolean {
  return orderBy.length > 0 || after !== undefined;
}

type Merge = (answers: readonly Answer[]) => Answer;

/** What one partition gave, in order. */
interface Found {
  readonly id: string;
  readonly row: StoredRow | undefined;
  readonly place: Position;
}

function merger(query: QueryNode, each: QueryNode, want: Want, codec: DocumentCodec): Merge {
  const { limit = Number.POSITIVE_INFINITY, offset } = query;
  const window = <T>(found: readonly T[]): readonly T[] => found.slice(offset, offset + limit);
  const merge: Merge = (answers) => {
    const ghosts = answers.flatMap((answer) => answer.ghosts);
    const count = sum(answers);
    if (!isOrdered(query)) {
      const rows = window(answers.flatMap((answer) => answer.rows));
      return { rows, ids: window(answers.flatMap((answer) => answer.ids)), count, ghosts };
    }
    const found = window(inOrder(query, each, answers, codec));
    const cut = cutter(codec.only(propertiesRead(each)), codec.only(propertiesRead(query)));
    const rows = found.flatMap(({ row }) =>
      row === undefined || want === "ids" ? [] : [{ encodedId: row.encodedId, stored: cut(row.stored) }],
    );
    return { rows, ids: found.map(({ id }) => id), count, ghosts };
  };
  return merge;
}

function inOrder(query: QueryNode, each: QueryNode, answers: readonly Answer[], codec: DocumentCodec): Found[] {
  const entityOf = sortReader(query, each, codec);
  const lists = answers.map(({ rows, ids }): Found[] =>
    rows.length > 0
      ? rows.map((row) => ({ id: row.encodedId, row, place: positionOf(entityOf(row), row.encodedId, query) }))
      : ids.map((id) => ({ id, row: undefined, place: { terms: [], id } })),
  );
  const compare = (left: Found, right: Found): number => comparePositions(left.place, right.place, query);
  const all = lists.flat().sort(compare);
  // Where documents vanished, a partition may have more behind its last one that nobody has seen yet.
  const ends = answers.flatMap(({ ghosts }, at): (Found | undefined)[] => {
    const list = lists[at] as Found[];
    return ghosts.length > 0 && list.length + ghosts.length >= (each.limit ?? everyMatch) ? [list.at(-1)] : [];
  });
  if (ends.length === 0) return all;
  return all.filter((one) => ends.every((end) => end !== undefined && compare(one, end) <= 0));
}

// Reads what the order is made of. A document that does not fit the schema there comes last; whoever reads all of it says so.
function sortReader(query: QueryNode, each: QueryNode, codec: DocumentCodec): (row: StoredRow) => unknown {
  if (query.orderBy.length === 0) return () => ({});
  const keys = codec.values(propertiesOf(query.orderBy.map(({ path }) => path)));
  const cut = cutter(codec.only(propertiesRead(each)), keys);
  return ({ stored }) => {
    try {
      return keys.decode(cut(stored));
    } catch (error) {
      if (isRemoraError(error, "CORRUPT_ENTITY")) return {};
      throw error;
    }
  };
}

/**
 * Runs steps in the same round trips, as long as one has more to ask.
 *
 * @param steps - the first step of each.
 * @param merge - makes one answer of theirs.
 * @returns a step for all of them.
 */
export function joined(steps: readonly Step[], merge: Merge): Step {
  const abandon = steps.flatMap((step) => step.abandon ?? []);
  return {
    requests: steps.flatMap(({ requests }) => requests),
    ...(abandon.length === 0 ? {} : { abandon }),
    read(replies) {
      let from = 0;
      const outcomes = steps.map((step) => {
        const to = from + step.requests.length;
        const outcome = step.read(replies.slice(from, to));
        from = to;
        return outcome;
      });
      if (outcomes.some(isStep)) return joined(outcomes.map(asStep), merge);
      return merge(outcomes as Answer[]);
    },
  };
}

function sum(answers: readonly Answer[]): number {
  return answers.reduce((total, { count }) => total + count, 0);
}
