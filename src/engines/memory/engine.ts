// The memory engine: reads every entity of the type and evaluates the query in the application.
// Needs no index; meant for tests, tiny types, and as the judge of the other engines.
import type { DocumentCodec } from "../../codec/document.ts";
import { checkQuery } from "../../query/check.ts";
import { matches } from "../../query/matches.ts";
import { everything, type QueryNode } from "../../query/node.ts";
import { standsBehind } from "../../query/position.ts";
import { comparator } from "../../query/order.ts";
import { refuseNative } from "../../query/native.ts";
import { refuseRaw } from "../../query/raw.ts";
import { propertiesRead } from "../../query/select.ts";
import { decodeId } from "../../schema/key.ts";
import { cutter } from "../documents.ts";
import type { Answer, Engine, Step } from "../engine.ts";
import { asStep, everyMatch, mapAnswer, noAnswer } from "../engine.ts";
import type { Layout } from "../layout.ts";
import { scanEngine } from "../scan/engine.ts";

/**
 * Makes the memory engine of an entity type.
 *
 * @param layout - the type's layout.
 * @param codec - the type's codec.
 * @returns the engine.
 */
export function memoryEngine(layout: Layout, codec: DocumentCodec): Engine {
  const reader = scanEngine(layout, codec);
  const { metadata } = layout;
  const readAll = (): Step =>
    reader.plan({ metadata, where: everything, orderBy: [], limit: everyMatch, offset: 0 }, "rows");
  const plan = (query: QueryNode): Step => {
    checkQuery(query);
    refuseRaw(query, "memory");
    refuseNative(query, "memory");
    return mapAnswer(readAll(), (answer) => evaluate(query, answer, codec));
  };
  return {
    name: "memory",
    plan,
    exhaust: (query) => plan(query),
    tally(query, tallies) {
      const { select: _, ...whole } = query;
      return mapAnswer(plan(whole), ({ rows, ghosts }) => {
        for (const { stored, encodedId } of rows) {
          const entity = codec.decode(stored, decodeId(encodedId));
          for (const { take } of tallies) take(entity, 1);
        }
        return { ...noAnswer, ghosts };
      });
    },
    describe(query) {
      checkQuery(query);
      refuseRaw(query, "memory");
      refuseNative(query, "memory");
      return {
        plan: ["read every entity of the type", "evaluate the conditions and sort in the application"],
        all: true,
        requests: readAll().requests,
        roundTrips: 1,
      };
    },
    // Without indexes only the number of all entities is known.
    estimate: (query) => (query.where === everything ? reader.estimate(query) : asStep({ ...noAnswer, count: -1 })),
    hidden: () => ({}),
    hiddenAt: () => ({}),
    termsMember: () => undefined,
  };
}

function evaluate(query: QueryNode, answer: Answer, codec: DocumentCodec): Answer {
  const { metadata, offset, after, limit = Number.POSITIVE_INFINITY } = query;
  const order = comparator(metadata, query.orderBy);
  const found = answer.rows
    .map((row) => ({ row, entity: codec.decode(row.stored, decodeId(row.encodedId)) }))
    .filter(({ entity }) => matches(query.where, entity, metadata))
    .filter(
      ({ row, entity }) =>
        after === undefined || after === "start" || standsBehind(entity, row.encodedId, after, query),
    )
    .sort((left, right) => order(left.entity, right.entity));
  // Everything was read to evaluate the query.
  const part = cutter(codec, codec.only(propertiesRead(query)));
  const rows = found
    .slice(offset, offset + limit)
    .map(({ row }) => ({ encodedId: row.encodedId, stored: part(row.stored) }));
  return { rows, ids: rows.map((row) => row.encodedId), count: found.length, ghosts: answer.ghosts };
}
