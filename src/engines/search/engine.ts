// The search engine: queries by FT.SEARCH and FT.AGGREGATE.
// Counts and rows are compared wherever the server could have cut a result without saying so.
import type { DocumentCodec } from "../../codec/document.ts";
import type { StoredDocument } from "../../codec/stored.ts";
import { ResultTooLargeError, UnsupportedQueryError } from "../../errors.ts";
import { checkQuery, sortIndex } from "../../query/check.ts";
import { every, type Formula, normalise } from "../../query/normalise.ts";
import { closeWords } from "../../query/vocabulary.ts";
import type { QueryNode } from "../../query/node.ts";
import type { NearestNode } from "../../query/vector.ts";
import { type Command, defineScript, type Request } from "../../redis/command.ts";
import { decodeId } from "../../schema/key.ts";
import { perChoice } from "../documents.ts";
import {
  type Answer,
  asStep,
  type Engine,
  isStep,
  noAnswer,
  type Step,
  type StoredRow,
  type Tally,
  together,
  type Want,
} from "../engine.ts";
import type { Layout } from "../layout.ts";
import { attributesOf, hiddenMembers, idAttribute, readableNames } from "./attributes.ts";
import { type CompiledQuery, compileSearch } from "./compile.ts";
import { behindFilter, startOf } from "./position.ts";
import { profilingOf } from "./profile.ts";
import { checked } from "./reply.ts";
import { groupedPart, type TallyPart, tallySteps } from "./tally.ts";
import { waitingIn, withVocabulary } from "./vocabulary.ts";
import { readAggregate, readSearch, type SearchReply, type SearchRow } from "../../redis/replies.ts";

/** Ends every search: the only dialect with parameters and right counts, and never a partial result. */
const closing = ["DIALECT", "2", "TIMEOUT", "0"];
/** Ids that a stream looks up at once: a page by id is a filter over every match, however few it gives. */
const idsAhead = 10_000;
/** What Lua can hand to one command. */
const maxScriptArguments = 7000;

/**
 * Runs a search at the server's own time, so that no clock but one decides who is dead.
 * ARGV: position of the value of the `now` parameter, then the command.
 */
const timedSearch = defineScript(
  "search",
  `#!lua flags=no-writes
local time = redis.call('TIME')
local words = {}
for at = 2, #ARGV do words[at - 1] = ARGV[at] end
words[tonumber(ARGV[1])] = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return redis.call(unpack(words))`,
);

/**
 * Makes the search engine of an entity type.
 *
 * @param layout - the type's layout.
 * @param codec - the type's codec.
 * @returns the engine.
 */
export function searchEngine(layout: Layout, codec: DocumentCodec): Engine {
  const { metadata } = layout;
  const attributes = attributesOf(metadata);
  const hidden = hiddenMembers(layout, attributes);
  const readingOf = perChoice(codec, (part): Reading => {
    return { rowsOf: rowReader(layout, part), names: readableNames(part.fields, attributes, part === codec) };
  });

  const compile = (formula: Formula, { raw }: QueryNode): CompiledQuery | undefined =>
    formula.type === "none" ? undefined : compileSearch(metadata, attributes, formula, raw);
  const prepared = (query: QueryNode, go: (query: CompiledQuery) => Step): Step => {
    checkQuery(query);
    return withVocabulary(layout, attributes, normalise(query.where, metadata), (formula) => {
      const begun = typeof query.after === "object" ? every([formula, startOf(query, query.after)]) : formula;
      const compiled = compile(begun, query);
      if (compiled === undefined) return nothing;
      if (typeof query.after !== "object") return go(compiled);
      const behind = behindFilter(query, query.after, attributes);
      return go({ ...compiled, filter: [compiled.filter, behind].filter((part) => part !== "").join(" && ") });
    });
  };
  const sortBy = (query: QueryNode): string[] => {
    const keys = query.orderBy.map((key) => {
      const index = sortIndex(metadata, key.path);
      const name = attributes.find((attribute) => attribute.index === index)?.name ?? "";
      return [`@${name}`, key.direction.toUpperCase()];
    });
    const last = query.orderBy.at(-1);
    if (last === undefined && query.after === undefined) return [];
    const words = [...keys.flat(), `@${idAttribute}`, (last?.direction ?? "asc").toUpperCase()];
    return ["SORTBY", String(words.length), ...words];
  };
  const send = (name: string, args: readonly string[], { params }: Parameters): Request => {
    const tail = params.length === 0 ? [] : ["PARAMS", String(params.length), ...params];
    return timed({ name, args: [...args, ...tail, ...closing] }, layout);
  };
  const filterOf = ({ filter, load }: CompiledQuery): string[] => [
    ...(load.length === 0 ? [] : ["LOAD", String(load.length), ...load]),
    ...(filter === "" ? [] : ["FILTER", filter]),
  ];
  const count = (query: CompiledQuery): Step => {
    if (query.filter === "") {
      return {
        requests: [send("FT.SEARCH", [layout.alias, query.text, "NOCONTENT", "LIMIT", "0", "0"], query)],
        read: ([reply]) => ({ ...noAnswer, count: readSearch(checked(reply, layout), false).total }),
      };
    }
    const words = [layout.alias, query.text, ...filterOf(query), "GROUPBY", "0", "REDUCE", "COUNT", "0", "AS", "count"];
    return {
      requests: [send("FT.AGGREGATE", words, query)],
      read([reply]) {
        const [row] = readAggregate(checked(reply, layout)).rows;
        return { ...noAnswer, count: Number(valueOf(row?.pairs ?? [], "count") ?? 0) };
      },
    };
  };
  const aggregate = (node: QueryNode, query: CompiledQuery, load: readonly string[]): Request => {
    const window = ["LIMIT", String(node.offset), String(node.limit ?? 0)];
    const words = [layout.alias, query.text, ...filterOf(query), ...sortBy(node), ...window, ...load];
    return send("FT.AGGREGATE", words, query);
  };
  const rows = (node: QueryNode, query: CompiledQuery): Step => {
    const { rowsOf, names } = readingOf(node);
    return {
      requests: [aggregate(node, query, loaded(layout, names))],
      read([reply]) {
        const found = readAggregate(checked(reply, layout));
        return { ...noAnswer, rows: rowsOf(alive(found, layout)) };
      },
    };
  };
  const ids = (node: QueryNode, query: CompiledQuery): Step => ({
    requests: [aggregate(node, query, ["LOAD", "1", `@${idAttribute}`])],
    read: ([reply]) => ({ ...noAnswer, ids: readIds(readAggregate(checked(reply, layout))) }),
  });
  // Without an order one command gives both; its total is the only one that can be trusted.
  const page = (node: QueryNode, query: CompiledQuery): Step => {
    if (node.orderBy.length > 0 || query.filter !== "") return together(rows(node, query), count(query));
    const window = ["LIMIT", String(node.offset), String(node.limit ?? 0)];
    const { rowsOf, names } = readingOf(node);
    const content = returned(layout, names);
    return {
      requests: [send("FT.SEARCH", [layout.alias, query.text, ...content, ...window], query)],
      read([reply]) {
        const result = readSearch(checked(reply, layout), true);
        return { ...noAnswer, rows: rowsOf(result), count: result.total };
      },
    };
  };
  const planned = (node: QueryNode, query: CompiledQuery, want: Want): Step => {
    if (node.limit === 0 && want !== "count" && want !== "page") return nothing;
    if (want === "count" || (want === "page" && node.limit === 0)) return count(query);
    if (want === "page") return complete(page(node, query), node, layout);
    const step = want === "ids" ? ids(node, query) : rows(node, query);
    // A server refuses a limit beyond its cap, but cuts a window that reaches beyond it without a word.
    return node.offset === 0 ? step : confirmed(step, count(query), node, layout);
  };
  const partOf = (node: QueryNode, tally: Tally): TallyPart => {
    const { properties, take } = tally;
    // What is asked for with its id is never equal.
    if (metadata.storage === "hash" && !properties.includes(metadata.idField)) {
      const grouped = groupedPart(codec, metadata.idField, tally);
      if (readableNames([metadata.idField, ...grouped.fields], attributes, false) !== undefined) return grouped;
    }
    const { rowsOf, names } = readingOf({ ...node, select: properties });
    const part = codec.only(properties);
    return {
      words: loaded(layout, names),
      read(pairs) {
        const [row] = rowsOf({ total: 1, rows: [{ key: undefined, pairs: pairs.map(String) }], warnings: [] });
        if (row !== undefined) take(part.decode(row.stored, decodeId(row.encodedId)), 1);
      },
    };
  };
  const plan = (node: QueryNode, want: Want): Step => prepared(node, (query) => planned(node, query, want));
  // The nearest come in the order of ids, all of them: whoever asks sorts by exact distances.
  const neighbours = (node: QueryNode, { path, to, exact }: NearestNode, most: number): Step =>
    prepared(node, (query) => {
      const { name = "", index } =
        attributes.find((one) => one.index.path === path && one.index.vector !== undefined) ?? {};
      // A filter would only see those that are nearest of all.
      if (query.filter !== "" || (exact && index?.vector?.algorithm === "hnsw"))
        return asStep({ ...noAnswer, count: -1 });
      const vector = Buffer.from(Float32Array.from(to).buffer);
      const text = `(${query.text})=>[KNN $k @${name} $vector]`;
      const { rowsOf, names } = readingOf(node);
      const words = [layout.alias, text, ...returned(layout, names), "LIMIT", "0", String(most)];
      const params = ["k", String(most), "vector", vector, ...query.params];
      const step: Step = {
        requests: [send("FT.SEARCH", words, { params })],
        read([reply]) {
          const result = readSearch(checked(reply, layout), true);
          return { ...noAnswer, rows: rowsOf(alive(result, layout)), count: result.total };
        },
      };
      return complete(step, { ...node, limit: most }, layout);
    });
  return {
    name: "search",
    profiling: profilingOf,
    idsAhead,
    plan,
    neighbours,
    exhaust(node, ceiling, want) {
      const capped = { ...node, limit: ceiling };
      return prepared(node, (query) => {
        const step = want === "ids" ? together(ids(capped, query), count(query)) : page(capped, query);
        return complete(step, capped, layout);
      });
    },
    tally(node, tallies) {
      const whole: QueryNode = { ...node, orderBy: [], offset: 0 };
      return prepared(whole, (query) => {
        const words = [layout.alias, query.text, ...filterOf(query)];
        const parts = tallies.map((tally) => partOf(whole, tally));
        return tallySteps(parts, (more) => send("FT.AGGREGATE", [...words, ...more], query), layout);
      });
    },
    estimate: (node) =>
      prepared(node, (query) => {
        if (query.filter !== "" && query.text === "*") return asStep({ ...noAnswer, count: -1 });
        return count({ ...query, filter: "", load: [] });
      }),
    describe(node, want) {
      const { requests } = plan(node, want);
      if (requests.length === 0) return { plan: ["nothing can match: no command is sent"], requests, roundTrips: 0 };
      const formula = normalise(node.where, metadata);
      const waiting = waitingIn(formula);
      const query = compile(closeWords(formula, new Map(waiting.map((leaf) => [leaf, ["..."]]))), node);
      const lines = [
        ...new Set(waiting.map(({ index }) => `look up the words of ${index.path} that are meant`)),
        `search index ${layout.alias}`,
        `query ${query?.text ?? ""}`,
        ...(query === undefined || query.filter === "" ? [] : [`filter ${query.filter}`]),
      ];
      return { plan: lines, requests, roundTrips: waiting.length === 0 ? 1 : 2 };
    },
    hidden: hidden.all,
    hiddenAt: hidden.at,
    termsMember: (position) => attributes[position]?.member,
  };
}

const nothing: Step = { requests: [], read: () => noAnswer };

/** Names and values in turn. */
interface Parameters {
  readonly params: readonly (string | Buffer)[];
}

/** How documents are read: whole, or some fields of them. */
interface Reading {
  readonly rowsOf: (reply: SearchReply) => StoredRow[];
  /** The hash fields to ask for; undefined for the whole document. */
  readonly names: readonly string[] | undefined;
}

function loaded({ metadata }: Layout, names: readonly string[] | undefined): string[] {
  if (metadata.storage === "json") return ["LOAD", "2", "$", `@${idAttribute}`];
  return names === undefined ? ["LOAD", "*"] : ["LOAD", String(names.length), ...names];
}

// Rows come with their keys, which name the id. Whole documents come unasked, and sooner than by their path.
function returned({ metadata }: Layout, names: readonly string[] | undefined): string[] {
  if (metadata.storage === "json" || names === undefined) return [];
  const others = names.filter((name) => name !== metadata.idField);
  const asked = others.length === 0 ? names : others;
  return ["RETURN", String(asked.length), ...asked];
}

// Types that expire are searched through a script that fills in the server's time.
function timed(command: Command, layout: Layout): Request {
  if (layout.metadata.ttl === undefined) return command;
  const words = [command.name, ...command.args];
  if (words.length > maxScriptArguments) {
    throw new UnsupportedQueryError(
      `${layout.metadata.name}: too many values in one query on a type with ttl; split the list`,
      { entity: layout.metadata.name },
    );
  }
  // The compiler puts the `now` parameter last, just before the closing words.
  const position = words.length - closing.length;
  return { script: timedSearch, keys: [], args: [String(position), ...words] };
}

// A document that died since the index was asked stands as nothing among the rows, and took the place of another.
function alive(reply: SearchReply, { metadata }: Layout): SearchReply {
  if (reply.rows.every((row) => row.pairs !== undefined)) return reply;
  throw new ResultTooLargeError(
    `${metadata.name}: entities vanished while they were read, so the rows are not complete; ask again`,
    { entity: metadata.name },
  );
}

// Fewer rows than asked for may be the end of the result, or a cut: then a count tells.
function confirmed(step: Step, count: Step, node: QueryNode, layout: Layout): Step {
  return {
    requests: step.requests,
    read(replies) {
      const answer = step.read(replies);
      if (isStep(answer)) return confirmed(answer, count, node, layout);
      const got = Math.max(answer.rows.length, answer.ids.length);
      const known = { requests: [], read: () => answer };
      return got >= (node.limit ?? 0) ? answer : complete(together(known, count), node, layout);
    },
  };
}

// A result shorter than its count says was cut by the server: that is an error, not an answer.
function complete(step: Step, node: QueryNode, layout: Layout): Step {
  const check = (answer: Answer): Answer => {
    const expected = Math.max(0, Math.min(node.limit ?? 0, answer.count - node.offset));
    const got = Math.max(answer.rows.length, answer.ids.length);
    if (got >= expected) return answer;
    const { name } = layout.metadata;
    throw new ResultTooLargeError(
      `${name}: the search server gave ${got} of ${expected} rows; its MAXSEARCHRESULTS or MAXAGGREGATERESULTS is too low, ` +
        "or entities vanished meanwhile; ask for fewer rows or a smaller offset",
      { entity: name },
    );
  };
  return {
    requests: step.requests,
    read(replies) {
      const outcome = step.read(replies);
      return "requests" in outcome ? complete(outcome, node, layout) : check(outcome);
    },
  };
}

function readIds(reply: SearchReply): string[] {
  return reply.rows.map(({ pairs = [] }) => valueOf(pairs, idAttribute) ?? "");
}

// Names stand at even positions only: a value may well read like a name.
function valueOf(pairs: readonly string[], name: string): string | undefined {
  for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === name) return pairs[at + 1];
  return undefined;
}

function rowReader(layout: Layout, codec: DocumentCodec): (reply: SearchReply) => StoredRow[] {
  const { documents, metadata } = layout;
  // Replies with keys name the id there; the others carry it among the fields.
  const idOf = ({ key, pairs = [] }: SearchRow, field: string): string =>
    key === undefined ? (valueOf(pairs, field) ?? "") : key.slice(documents.length);
  if (metadata.storage === "json") {
    return (reply) =>
      reply.rows.flatMap((row) => {
        const text = row.pairs && valueOf(row.pairs, "$");
        return text === undefined ? [] : [{ encodedId: idOf(row, idAttribute), stored: text }];
      });
  }
  const align = fieldAligner(codec.fields, metadata.idField);
  return (reply) => {
    const found: StoredRow[] = [];
    for (const row of reply.rows) {
      // One without any of the fields is there, and not as its schema says; a dead one is nothing.
      if (row.pairs === undefined) continue;
      const encodedId = idOf(row, metadata.idField);
      found.push({ encodedId, stored: align(row.pairs, encodedId) });
    }
    return found;
  };
}

// Documents of a type mostly list their fields in the same order: where the last one had a field is looked at first.
function fieldAligner(
  fields: readonly string[],
  idField: string,
): (pairs: readonly string[], encodedId: string) => StoredDocument {
  const positions = new Map(fields.map((field, at) => [field, at]));
  const empty: readonly (string | null)[] = fields.map(() => null);
  const order: number[] = [];
  const idPosition = fields.indexOf(idField);
  return (pairs, encodedId) => {
    const stored = empty.slice();
    if (idPosition >= 0) stored[idPosition] = encodedId;
    for (let at = 0; at < pairs.length; at += 2) {
      const name = pairs[at] as string;
      let position = order[at >> 1];
      if (position === undefined || fields[position] !== name) {
        position = positions.get(name) ?? -1;
        order[at >> 1] = position;
      }
      if (position >= 0) stored[position] = pairs[at + 1] as string;
    }
    return stored;
  };
}
