// Some properties of everything that matches: hashes as groups of equal ones with their number, other documents one by one.
// The server puts equal texts together and counts them; numbers are computed by the caller, since the server rounds them.
import { randomUUID } from "node:crypto";

import type { DocumentCodec } from "../../codec/document.ts";
import { ReplyFailure, type Request } from "../../redis/command.ts";
import { readCursor } from "../../redis/replies.ts";
import { noAnswer, type Step, type Tally } from "../engine.ts";
import type { Layout } from "../layout.ts";
import { checked } from "./reply.ts";

/** Rows per reply; the others are fetched by cursor. */
const batch = 2000;
/** Milliseconds after which the server forgets a cursor that nobody reads. */
const idle = 15_000;

/** Makes an aggregation come in parts. */
export const cursorWords: readonly string[] = ["WITHCURSOR", "COUNT", String(batch), "MAXIDLE", String(idle)];

/**
 * Stands between the values of a group: the server tells groups apart by their texts run together, and would take
 * ("ab", "c") for ("a", "bc"). Nobody can store what nobody can guess.
 */
const border = randomUUID();

/** Names and values in turn. */
type Pairs = readonly (string | null)[];

/** One aggregation, and what is done with its rows. */
export interface TallyPart {
  /** The words of FT.AGGREGATE behind the query and its filter. */
  readonly words: readonly string[];
  readonly read: (row: Pairs) => void;
}

/** An aggregation that names fields of hashes. */
export interface GroupedPart extends TallyPart {
  readonly fields: readonly string[];
}

/**
 * Tallies hashes: equal ones are counted by the server.
 *
 * @param codec - the type's codec.
 * @param idField - the field that every document has.
 * @param tally - which properties, and who takes them.
 * @returns the aggregation.
 */
export function groupedPart(codec: DocumentCodec, idField: string, { properties, take }: Tally): GroupedPart {
  const part = codec.values(properties);
  const { fields } = part;
  const load = [...fields.flatMap((field, at) => [field, "AS", `__f${at}`]), idField, "AS", "__held"];
  const borders = fields.slice(1).flatMap((_, at) => ["APPLY", `"${border}"`, "AS", `__b${at}`]);
  const keys = fields.flatMap((_, at) => (at === 0 ? ["@__f0"] : [`@__b${at - 1}`, `@__f${at}`]));
  // A document that died since it was found has no id any more.
  const held = ["LOAD", String(load.length), ...load, "FILTER", "exists(@__held)"];
  const count = ["REDUCE", "COUNT", "0", "AS", "__count"];
  return {
    fields,
    words: [...held, ...borders, "GROUPBY", String(keys.length), ...keys, ...count],
    read(row) {
      const values = new Map<string | null, string | null>();
      for (let at = 0; at < row.length; at += 2) values.set(row[at] ?? null, row[at + 1] ?? null);
      const stored = fields.map((_, at) => values.get(`__f${at}`) ?? null);
      const number = Number(values.get("__count"));
      if (number > 0) take(part.decode(stored), number);
    },
  };
}

/**
 * The steps that read all rows of some aggregations, in the same round trips.
 *
 * @param parts - the aggregations.
 * @param send - makes a request of the words behind the query.
 * @param layout - the type's layout.
 * @returns the first step.
 */
export function tallySteps(
  parts: readonly TallyPart[],
  send: (words: readonly string[]) => Request,
  layout: Layout,
): Step {
  const cursorCall = (verb: string, cursor: string, ...more: string[]): Request => ({
    name: "FT.CURSOR",
    args: [verb, layout.alias, cursor, ...more],
  });
  const step = (open: readonly (readonly [TallyPart, Request])[]): Step => ({
    requests: open.map(([, request]) => request),
    read(replies) {
      const found = replies.map((reply) => (reply instanceof ReplyFailure ? reply : readCursor(reply)));
      const unread = open.flatMap(([part], at) => {
        const reply = found[at] as (typeof found)[number];
        return reply instanceof ReplyFailure || reply.cursor === undefined ? [] : [[part, reply.cursor] as const];
      });
      try {
        for (const [at, [part]] of open.entries()) {
          const reply = found[at] as (typeof found)[number];
          if (reply instanceof ReplyFailure) checked(reply, layout);
          else for (const row of reply.rows) if (row !== undefined) part.read(row);
        }
      } catch (error) {
        return freed(unread, error as Error);
      }
      return unread.length === 0 ? noAnswer : rest(unread);
    },
  });
  const rest = (unread: readonly (readonly [TallyPart, string])[]): Step => ({
    ...step(unread.map(([part, cursor]) => [part, cursorCall("READ", cursor, "COUNT", String(batch))])),
    abandon: unread.map(([, cursor]) => cursorCall("DEL", cursor)),
  });
  const freed = (unread: readonly (readonly [TallyPart, string])[], error: Error): Step => ({
    requests: unread.map(([, cursor]) => cursorCall("DEL", cursor)),
    read() {
      throw error;
    },
  });
  return step(parts.map((part) => [part, send([...part.words, ...cursorWords])]));
}
