// What an engine is: it turns a query into steps of requests, and replies into rows.
// Engines are pure; whoever runs the steps does the talking.
import type { HiddenMembers, StoredDocument } from "../codec/stored.ts";
import type { IndexValue } from "../codec/term.ts";
import type { QueryNode } from "../query/node.ts";
import type { NearestNode } from "../query/vector.ts";
import type { ServerProfile } from "../query/profile.ts";
import type { Reply, Request } from "../redis/command.ts";

/** A document as found by a query. */
export interface StoredRow {
  /** The id as it stands in the key. */
  readonly encodedId: string;
  readonly stored: StoredDocument;
}

/** What came out of a query. */
export interface Answer {
  /** Documents, when rows were wanted. */
  readonly rows: readonly StoredRow[];
  /** Encoded ids, when ids were wanted. */
  readonly ids: readonly string[];
  /** How many match, when a count or a page was wanted. */
  readonly count: number;
  /** Encoded ids that the indexes name but whose documents are gone. */
  readonly ghosts: readonly string[];
}

/** What a query is to give; a page is rows and count together. */
export type Want = "rows" | "ids" | "count" | "page";

/** One round trip of a query. */
export interface Step {
  readonly requests: readonly Request[];
  /** Reads the replies: the answer, or the next step. */
  readonly read: (replies: readonly Reply[]) => Answer | Step;
  /** What frees the server of the query when it is given up before its end. */
  readonly abandon?: readonly Request[];
}

/** Takes an entity, or several that are alike in what was asked for. */
type Take = (entity: Readonly<Record<string, unknown>>, count: number) => void;

/** Some properties of every match, for whoever takes them. */
export interface Tally {
  readonly properties: readonly string[];
  readonly take: Take;
}

/** How a query would be answered. */
interface PlanDescription {
  readonly plan: readonly string[];
  /** Conditions that no index narrows: every entity may be looked at. */
  readonly all?: boolean;
  readonly requests: readonly Request[];
  readonly roundTrips: number;
}

/** What asks a server for its own profile of something that it was sent. */
export interface Profiling {
  readonly request: Request;
  /** Reads the reply: the profiles, or why the server gave none. */
  readonly read: (reply: Reply) => readonly ServerProfile[] | string;
}

/** An engine for one entity type. */
export interface Engine {
  readonly name: string;
  /**
   * The first step of a query, whose limit is set unless only a count is wanted.
   *
   * @throws UnsupportedQueryError when the engine cannot answer it exactly.
   */
  readonly plan: (query: QueryNode, want: Want) => Step;
  /** The first step towards everything that matches; the answer's count is above the ceiling if there is more. */
  readonly exhaust: (query: QueryNode, ceiling: number, want: "rows" | "ids") => Step;
  /** The first step towards giving some properties of everything that matches; its order and window do not count. */
  readonly tally: (query: QueryNode, tallies: readonly Tally[]) => Step;
  /**
   * The first step towards so many entities whose vectors an index says are nearest, in no order; the answer's count is -1
   * where it cannot say so for the query. Left out where no index can.
   */
  readonly neighbours?: (query: QueryNode, node: NearestNode, count: number) => Step;
  /** The first step towards how many entities the indexes say a query holds for; -1 where they do not tell. */
  readonly estimate: (query: QueryNode) => Step;
  /** What asks for the server's profile of a request, where servers profile such; undefined for other requests. */
  readonly profiling?: (request: Request) => Profiling | undefined;
  /** How many ids to look up at once for a stream by id, where each look goes over everything that matches. */
  readonly idsAhead?: number;
  /** Describes the plan; the requests are those of the first round trip. */
  readonly describe: (query: QueryNode, want: Want) => PlanDescription;
  /** What the engine keeps inside the document. */
  readonly hidden: (values: readonly IndexValue[]) => HiddenMembers;
  /** The part of it that some positions decide alone: all but what is told of absent values. */
  readonly hiddenAt: (values: readonly IndexValue[], positions: ReadonlySet<number>) => HiddenMembers;
  /** Name of the hidden member that lists the terms of an array; undefined where the document itself does. */
  readonly termsMember: (position: number) => string | undefined;
}

/**
 * Tells a step from an answer.
 *
 * @param outcome - what a step's `read` gave.
 * @returns true when there is more to ask.
 */
export function isStep(outcome: Answer | Step): outcome is Step {
  return "requests" in outcome;
}

/**
 * Makes a step of what may be an answer already.
 *
 * @param outcome - an answer or a step.
 * @returns a step; for an answer one that asks nothing.
 */
export function asStep(outcome: Answer | Step): Step {
  return isStep(outcome) ? outcome : { requests: [], read: () => outcome };
}

/**
 * Runs two steps in the same round trips and joins their answers.
 *
 * @param left - gives rows or ids.
 * @param right - gives the count.
 * @returns a step for both.
 */
export function together(left: Step, right: Step): Step {
  const join = (a: Answer | Step, b: Answer | Step): Answer | Step => {
    if (isStep(a) || isStep(b)) return together(asStep(a), asStep(b));
    return { ...a, count: b.count };
  };
  return {
    requests: [...left.requests, ...right.requests],
    read: (replies) =>
      join(left.read(replies.slice(0, left.requests.length)), right.read(replies.slice(left.requests.length))),
  };
}

/**
 * Changes the answer that some steps lead to.
 *
 * @param step - the first step.
 * @param change - from the answer to another.
 * @returns a step that leads to the changed answer.
 */
export function mapAnswer(step: Step, change: (answer: Answer) => Answer): Step {
  return {
    requests: step.requests,
    read(replies) {
      const outcome = step.read(replies);
      return isStep(outcome) ? mapAnswer(outcome, change) : change(outcome);
    },
  };
}

/** A limit that no result reaches. */
export const everyMatch = Number.MAX_SAFE_INTEGER - 1;

/** An answer with nothing in it. */
export const noAnswer: Answer = Object.freeze({ rows: [], ids: [], count: 0, ghosts: [] });
