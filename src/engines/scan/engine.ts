// The scan engine: queries over sets and sorted sets, on any server.
// Each step is one script call; the state between calls is held here, not on the server.
import type { DocumentCodec } from "../../codec/document.ts";
import type { StoredDocument } from "../../codec/stored.ts";
import { checkQuery } from "../../query/check.ts";
import { type Formula, normalise } from "../../query/normalise.ts";
import { closeWords, waitingLeaves } from "../../query/vocabulary.ts";
import type { QueryNode } from "../../query/node.ts";
import { type Reply, ReplyFailure, type ScriptCall } from "../../redis/command.ts";
import { DocumentReader } from "../documents.ts";
import {
  type Answer,
  asStep,
  type Engine,
  noAnswer,
  type Step,
  type StoredRow,
  mapAnswer,
  together,
  type Want,
} from "../engine.ts";
import type { Layout } from "../layout.ts";
import { stampError } from "../stamp.ts";
import { compileScan, type Compiled, type Program, type ScanCursor } from "./compile.ts";
import { queryScript } from "./script.ts";
import { isShort, withVocabulary } from "./vocabulary.ts";

/** What the script answers, decoded. */
interface ScriptState {
  readonly ids: unknown;
  readonly ghosts: unknown;
  readonly rest?: unknown;
  readonly count: number;
  readonly skip: number;
  readonly cursor?: ScanCursor;
}

/** What has been gathered so far. */
interface Gathered {
  readonly rows: StoredRow[];
  readonly ids: string[];
  readonly ghosts: string[];
  count: number;
}

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
  const reader = new DocumentReader(layout, codec);
  const fields = layout.metadata.storage === "hash" ? JSON.stringify(codec.fields) : "";
  const call = ({ keys, program }: Compiled): ScriptCall => ({
    script: queryScript,
    keys,
    args: [JSON.stringify(program), layout.documents, fields, layout.stamp],
  });
  const compile = (query: QueryNode, formula: Formula, want: Want): Compiled | undefined => {
    const compiled = compileScan(layout, query, formula, want === "page" ? "rows" : want);
    const empty = formula.type === "none" || (want !== "count" && query.limit === 0);
    return empty ? undefined : compiled;
  };
  const step = (compiled: Compiled, gathered: Gathered): Step => ({
    requests: [call(compiled)],
    read: ([reply]) => next(compiled, readReply(reply, layout), gathered),
  });
  const next = (compiled: Compiled, part: ScriptPart, gathered: Gathered): Answer | Step => {
    gather(gathered, part);
    const { cursor, skip } = part.state;
    if (cursor === undefined) return complete(reader, gathered, list(part.state.rest));
    const { program } = compiled;
    const limit = program.limit - part.ids.length;
    const continued: Program = { ...program, cursor, skip, limit };
    return step({ keys: compiled.keys, program: continued }, gathered);
  };
  const plan = (query: QueryNode, want: Want): Step => {
    if (want === "page") return together(plan(query, "rows"), plan(query, "count"));
    checkQuery(query);
    return asStep(
      withVocabulary(layout, normalise(query.where, layout.metadata), (formula) => {
        const compiled = compile(query, formula, want);
        return compiled === undefined ? noAnswer : step(compiled, { rows: [], ids: [], ghosts: [], count: 0 });
      }),
    );
  };
  return {
    name: "scan",
    plan,
    exhaust(query, ceiling, want) {
      // One more than may be returned tells that there is more.
      return mapAnswer(plan({ ...query, limit: ceiling + 1 }, want), (answer) => ({
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
      return { plan: [...looks, ...lines], requests: first.requests, roundTrips: 1 + looks.length };
    },
    hidden: () => ({}),
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
function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}

function gather(gathered: Gathered, part: ScriptPart): void {
  gathered.count += part.state.count;
  gathered.ids.push(...part.ids);
  gathered.ghosts.push(...list(part.state.ghosts));
  for (const [at, stored] of part.documents.entries()) {
    gathered.rows.push({ encodedId: part.ids[at] as string, stored });
  }
}

// A long listed result names its last entities by id only: they are read in plain batches.
function complete(reader: DocumentReader, gathered: Gathered, rest: readonly string[]): Answer | Step {
  if (rest.length === 0) return gathered;
  const chunk = rest.slice(0, chunkSize);
  return {
    requests: reader.many(chunk),
    read(replies) {
      for (const [at, stored] of reader.readMany(replies, chunk.length).entries()) {
        const encodedId = chunk[at] as string;
        if (stored === undefined || stored instanceof ReplyFailure) gathered.ghosts.push(encodedId);
        else gathered.rows.push({ encodedId, stored });
      }
      return complete(reader, gathered, rest.slice(chunkSize));
    },
  };
}

function describeProgram({ keys, program }: Compiled): string[] {
  const phases = program.phases.map((phase) => {
    const bounds = phase.range === 0 ? "" : ", within bounds";
    return `walk ${keys[phase.key - 1]}${program.desc === 1 ? " downwards" : ""}${bounds}`;
  });
  return [
    `${program.want} by one script call per ${program.budget} ids looked at`,
    ...phases,
    program.filter === 0 ? "no filter" : `filter ${describeNode(program.filter, keys)}`,
    "or list the smallest conjunct and sort, where cardinalities say that is cheaper",
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
