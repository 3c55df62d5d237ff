// The scan engine: queries over sets and sorted sets, on any server.
// Each step is one script call; the state between calls is held here, not on the server.
import type { DocumentCodec } from "../../codec/document.ts";
import type { StoredDocument } from "../../codec/stored.ts";
import { UnsupportedQueryError } from "../../errors.ts";
import { checkQuery } from "../../query/check.ts";
import { type Formula, normalise } from "../../query/normalise.ts";
import { closeWords, waitingLeaves } from "../../query/vocabulary.ts";
import type { Position, QueryNode } from "../../query/node.ts";
import { comparePositions } from "../../query/position.ts";
import { refuseNative } from "../../query/native.ts";
import { refuseRaw } from "../../query/raw.ts";
import { propertiesRead } from "../../query/select.ts";
import type { NearestNode } from "../../query/vector.ts";
import { type Reply, ReplyFailure, type ScriptCall } from "../../redis/command.ts";
import { DocumentReader, perChoice } from "../documents.ts";
import {
  type Answer,
  asStep,
  type Engine,
  everyMatch,
  isStep,
  noAnswer,
  type Step,
  type StoredRow,
  type Tally,
  mapAnswer,
  together,
  type Want,
} from "../engine.ts";
import { decodeId } from "../../schema/key.ts";
import type { Layout } from "../layout.ts";
import { stampError } from "../stamp.ts";
import { readCommand } from "../write/text.ts";
import { compileScan, type Compiled, type Program, type ScanCursor } from "./compile.ts";
import { queryScript } from "./script.ts";
import { isNarrowed } from "./unfold.ts";
import { isShort, withVocabulary } from "./vocabulary.ts";

/** What the script answers, decoded. */
interface ScriptState {
  readonly ids: unknown;
  readonly ghosts: unknown;
  readonly rest?: unknown;
  readonly count: number;
  readonly skip: number;
  readonly cursor?: ScanCursor;
  /** How many ids were looked at. */
  readonly used?: number;
  /** What each id is sorted by, where the client sorts. */
  readonly sort?: unknown;
  readonly edge?: readonly [string | false] | 0;
  /** Nothing that follows can be among those needed. */
  readonly full?: boolean;
  /** The ids were read off a set, and some of them may come again. */
  readonly drawn?: boolean;
}

/** How documents are read: whole, or some fields of them. */
interface Reading {
  readonly reader: DocumentReader;
  /** The hash fields as the script takes them, or the command that reads a document. */
  readonly fields: string;
}

/** What has been gathered so far. */
interface Gathered {
  readonly rows: StoredRow[];
  readonly ids: string[];
  readonly ghosts: string[];
  /** Ids that were read off a set. */
  readonly drawn: Set<string>;
  count: number;
}

/** A compiled query that goes on for as long as it may. */
interface Walk extends Compiled {
  /** Told of the ids that were looked at, where that was not the end of it. */
  readonly goOn: (looked: number) => void;
}

/** What a query may look at that no index narrows, unless its caller says that it may look at everything. */
const mostLookedAt = 10_000;

/** Documents read per request when a long result is completed. */
const chunkSize = 200;

/**
 * Makes the scan engine of an entity type.
 *
 * @param layout - the type's layout.
 * @param codec - the type's codec.
 * @returns the engine.
 */
export function scanEngine(layout: Layout, codec: DocumentCodec): Engine {
  const readingOf = perChoice(codec, (part): Reading => {
    const { storage } = layout.metadata;
    const fields = storage === "hash" ? JSON.stringify(part.fields) : readCommand(storage);
    return { reader: new DocumentReader(layout, part), fields };
  });
  const call = ({ keys, program }: Compiled, { fields }: Reading): ScriptCall => ({
    script: queryScript,
    keys,
    args: [JSON.stringify(program), layout.documents, fields, layout.stamp],
  });
  const compile = (query: QueryNode, formula: Formula, want: Want, whole?: boolean): Compiled | undefined => {
    const compiled = compileScan(layout, query, formula, want === "page" ? "rows" : want, whole);
    const empty = formula.type === "none" || (want !== "count" && query.limit === 0);
    return empty ? undefined : compiled;
  };
  const step = (compiled: Walk, gathered: Gathered, reading: Reading): Step => ({
    requests: [call(compiled, reading)],
    read: ([reply]) => next(compiled, readReply(reply, layout), gathered, reading),
  });
  const next = (compiled: Walk, part: ScriptPart, gathered: Gathered, reading: Reading): Answer | Step => {
    const taken = gather(gathered, part);
    const { cursor, skip } = part.state;
    const enough = part.state.drawn === true && compiled.program.want !== "count" && taken >= compiled.program.limit;
    if (cursor === undefined || enough) return complete(reading.reader, gathered, list(part.state.rest));
    compiled.goOn(part.state.used ?? 0);
    const { program } = compiled;
    const limit = program.limit - taken;
    const continued: Program = { ...program, cursor, skip, limit };
    return step({ ...compiled, program: continued }, gathered, reading);
  };
  // Several sort keys: whoever may be among the first is named by the script, sorted here, and read at last.
  const sorted = (query: QueryNode, compiled: Walk, want: Want, best: Position[]): Step => ({
    requests: [call(compiled, readingOf(query))],
    read([reply]) {
      const { ids, state } = readReply(reply, layout);
      const { program } = compiled;
      const { sort } = program;
      if (sort === 0) throw new TypeError("a query without several sort keys");
      const keys = list<readonly (string | false)[]>(state.sort);
      const named = ids.map((id, at) => ({ id, terms: (keys[at] ?? []).map((key) => (key === false ? null : key)) }));
      const { after } = query;
      const behind = typeof after === "object" ? named.filter((one) => comparePositions(one, after, query) > 0) : named;
      const all = best.concat(behind).sort((left, right) => comparePositions(left, right, query));
      const first = all.slice(0, sort.need);
      const enough = state.full === true && first.length >= sort.need;
      if (state.cursor === undefined || enough) {
        const wanted = first.slice(query.offset).map(({ id }) => id);
        const gathered = { ...nothingYet(), ids: wanted };
        return want === "ids" ? gathered : complete(readingOf(query).reader, gathered, wanted);
      }
      compiled.goOn(state.used ?? 0);
      const edge = state.full === true ? 0 : (state.edge ?? 0);
      const continued = { ...program, cursor: state.cursor, sort: { ...sort, have: first.length, edge } };
      return sorted(query, { ...compiled, program: continued }, want, first);
    },
  });
  const plan = (query: QueryNode, want: Want, whole?: boolean, gathered = nothingYet()): Step => {
    if (want === "page") return together(plan(query, "rows"), plan(query, "count"));
    checkQuery(query);
    refuseRaw(query, "scan");
    refuseNative(query, "scan");
    return asStep(
      withVocabulary(layout, normalise(query.where, layout.metadata), (formula) => {
        const compiled = compile(query, formula, want, whole);
        if (compiled === undefined) return noAnswer;
        // An index counts a single condition, unless many expired entities have not been swept yet.
        const counted = want === "count" && formula.type !== "every" && formula.type !== "some";
        const walk = { ...compiled, goOn: query.fullScan === true || counted ? onAndOn : lookout(layout, formula) };
        if (compiled.program.sort !== 0) return sorted(query, walk, want, []);
        return step(walk, gathered, readingOf(query));
      }),
    );
  };
  const tally = (query: QueryNode, tallies: readonly Tally[]): Step => {
    const select = [layout.metadata.idField, ...tallies.flatMap(({ properties }) => properties)];
    const whole: QueryNode = { ...query, select, orderBy: [], offset: 0, limit: everyMatch };
    const part = codec.only(propertiesRead(whole));
    const gathered = nothingYet();
    // What has been taken is forgotten, so that a million entities are no more than a few at a time.
    return drained(plan(whole, "rows", true, gathered), () => {
      for (const { stored, encodedId } of gathered.rows.splice(0)) {
        const entity = part.decode(stored, decodeId(encodedId));
        for (const { take } of tallies) take(entity, 1);
      }
      gathered.ids.length = 0;
    });
  };
  const neighbours = (query: QueryNode, { path, to, exact }: NearestNode, want: number): Step => {
    checkQuery(query);
    refuseRaw(query, "scan");
    const slot = layout.slots.find(({ kind, index }) => kind === "vectors" && index.path === path);
    if (slot === undefined) return asStep({ ...noAnswer, count: -1 });
    const { algorithm, efRuntime = 0 } = slot.index.vector ?? {};
    const effort = algorithm === "hnsw" && !exact ? efRuntime : 0;
    const limited = { ...query, limit: want };
    return asStep(
      withVocabulary(layout, normalise(query.where, layout.metadata), (formula) => {
        const compiled = compile(limited, formula, "rows");
        if (compiled === undefined) return noAnswer;
        const keys = [...compiled.keys, slot.key];
        const program: Program = { ...compiled.program, sort: 0, nearest: { key: keys.length, want, effort } };
        const reading = readingOf(query);
        const { script, args } = call({ ...compiled, keys, program }, reading);
        return {
          requests: [{ script, keys, args: [...args, Buffer.from(Float32Array.from(to).buffer)] }],
          read([reply]) {
            const part = readReply(reply, layout);
            const gathered = nothingYet();
            gather(gathered, part);
            return complete(reading.reader, gathered, list(part.state.rest));
          },
        };
      }),
    );
  };
  return {
    name: "scan",
    plan,
    neighbours,
    tally,
    estimate(query) {
      checkQuery(query);
      const first = withVocabulary(layout, normalise(query.where, layout.metadata), (formula) => {
        const compiled = compile(query, formula, "count");
        if (compiled === undefined) return noAnswer;
        const program: Program = { ...compiled.program, estimate: true };
        return {
          requests: [call({ ...compiled, program }, readingOf(query))],
          read: ([reply]) => ({ ...noAnswer, count: readReply(reply, layout).state.count }),
        };
      });
      return asStep(first);
    },
    exhaust(query, ceiling, want) {
      // One more than may be returned tells that there is more.
      const anyOrder = query.orderBy.length === 0 && query.offset === 0 && query.after === undefined;
      return mapAnswer(plan({ ...query, limit: ceiling + 1 }, want, anyOrder || undefined), (answer) => ({
        ...answer,
        count: Math.max(answer.rows.length, answer.ids.length),
      }));
    },
    describe(query, want) {
      checkQuery(query);
      const first = plan(query, want);
      if (first.requests.length === 0) {
        return { plan: ["nothing can match: no command is sent"], requests: [], roundTrips: 0 };
      }
      const formula = normalise(query.where, layout.metadata);
      const looks = waitingLeaves(formula, isShort).map(
        ({ index }) => `look up the words of ${index.path} that are meant`,
      );
      const known = closeWords(formula, new Map(waitingLeaves(formula, isShort).map((leaf) => [leaf, ["..."]])));
      const compiled = compile(query, known, want === "page" ? "rows" : want);
      const lines = compiled === undefined ? [] : describeProgram(compiled);
      return {
        plan: [...looks, ...lines],
        all: goesOverAll(known),
        requests: first.requests,
        roundTrips: 1 + looks.length,
      };
    },
    hidden: () => ({}),
    hiddenAt: () => ({}),
    termsMember: () => undefined,
  };
}

const onAndOn = (): void => undefined;

// Conditions without an index to narrow them cost as much as there are entities: beyond some, the caller has to want that.
function lookout({ metadata: { name } }: Layout, formula: Formula): Walk["goOn"] {
  if (!goesOverAll(formula)) return onAndOn;
  let looked = 0;
  return (more) => {
    looked += more;
    if (looked < mostLookedAt) return;
    throw new UnsupportedQueryError(
      `${name}: no index of the scan engine narrows this query, and ${looked} ids were looked at without an end; ` +
        "add a condition that an index narrows, or say allowFullScan()",
      { entity: name },
    );
  };
}

function goesOverAll(formula: Formula): boolean {
  return formula.type !== "all" && !isNarrowed(formula);
}

function nothingYet(): Gathered {
  return { rows: [], ids: [], ghosts: [], drawn: new Set(), count: 0 };
}

function drained(step: Step, drain: () => void): Step {
  return {
    requests: step.requests,
    read(replies) {
      const outcome = step.read(replies);
      drain();
      return isStep(outcome) ? drained(outcome, drain) : { ...noAnswer, ghosts: outcome.ghosts };
    },
  };
}

interface ScriptPart {
  readonly state: ScriptState;
  readonly ids: readonly string[];
  readonly documents: readonly StoredDocument[];
}

function readReply(reply: Reply, layout: Layout): ScriptPart {
  if (reply instanceof ReplyFailure) throw reply.error;
  const [text, documents] = reply as [string, string | string[]];
  if (text === "STAMP") throw stampError(layout, String(documents));
  const state = JSON.parse(text) as ScriptState;
  return {
    state,
    ids: list(state.ids),
    documents:
      layout.metadata.storage === "hash"
        ? (JSON.parse(documents as string) as StoredDocument[])
        : (documents as string[]),
  };
}

// An empty list is written as an empty object by the server's JSON library.
function list<T = string>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}

// Adds what came, and tells how many that is.
function gather(gathered: Gathered, { state, ids, documents }: ScriptPart): number {
  gathered.ghosts.push(...list(state.ghosts));
  if (state.drawn !== true) {
    gathered.count += state.count;
    gathered.ids.push(...ids);
    for (const [at, stored] of documents.entries()) gathered.rows.push({ encodedId: ids[at] as string, stored });
    return ids.length;
  }
  let added = 0;
  for (const [at, id] of ids.entries()) {
    if (gathered.drawn.has(id)) continue;
    gathered.drawn.add(id);
    gathered.ids.push(id);
    const stored = documents[at];
    if (stored !== undefined) gathered.rows.push({ encodedId: id, stored });
    added += 1;
  }
  gathered.count += added;
  return added;
}

// A long listed result names its last entities by id only: they are read in plain batches.
function complete(reader: DocumentReader, gathered: Gathered, rest: readonly string[]): Answer | Step {
  if (rest.length === 0) return gathered;
  const chunk = rest.slice(0, chunkSize);
  return {
    requests: reader.many(chunk),
    read(replies) {
      for (const [at, stored] of reader.readMany(replies, chunk).entries()) {
        const encodedId = chunk[at] as string;
        if (stored === undefined || stored instanceof ReplyFailure) gathered.ghosts.push(encodedId);
        else gathered.rows.push({ encodedId, stored });
      }
      return complete(reader, gathered, rest.slice(chunkSize));
    },
  };
}

function describeProgram({ keys, program, compound }: Compiled): string[] {
  const named = compound === undefined ? "" : ` of compound index ${compound}`;
  const phases = program.phases.map((phase) => {
    const bounds = phase.range === 0 ? "" : ", within bounds";
    return `walk ${keys[phase.key - 1]?.replaceAll("\u0000", ",")}${named}${program.desc === 1 ? " downwards" : ""}${bounds}`;
  });
  const sorting = program.sort === 0 ? [] : ["sort what may be among the first here, by all keys, then read it"];
  return [
    `${program.want} by one script call per ${program.budget} ids looked at`,
    ...phases,
    program.filter === 0 ? "no filter" : `filter ${describeNode(program.filter, keys)}`,
    ...(program.spread ? ["from many places by turns, where much is to be walked"] : []),
    "or list the smallest conjunct and sort, where cardinalities say that is cheaper",
    ...sorting,
  ];
}

function describeNode(node: Program["filter"], keys: readonly string[]): string {
  if (node === 0) return "everything";
  const [kind, ...parts] = node;
  if (kind === "every" || kind === "some") {
    const joined = parts.map((part) => describeNode(part as Program["filter"], keys));
    return `(${joined.join(kind === "every" ? " and " : " or ")})`;
  }
  const [negated, where] = parts;
  const place = typeof where === "number" ? keys[where - 1] : String(where);
  return `${negated === 1 ? "not " : ""}${String(kind)} of ${place}`;
}
