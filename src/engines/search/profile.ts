// The server's own profile of a search: the same command again under FT.PROFILE, and its reply in plain form.
// Servers write it in several ways, by version and protocol; they are told apart by shape.
import type { ProfiledIterator, ProfiledProcessor, ServerProfile } from "../../query/profile.ts";
import { type Reply, ReplyFailure, type Request } from "../../redis/command.ts";
import { readMap } from "../../redis/replies.ts";
import type { Profiling } from "../engine.ts";
import { cursorWords } from "./tally.ts";

/** Names by which servers of different versions call how often something was read or given. */
const counters = ["Counter", "Number of reading operations", "Results processed"];
/** Behind these names stand the iterators below one. */
const childNames = ["Child iterators", "Child iterator"];

/**
 * What asks the server for its profile of a request.
 *
 * @param request - what was sent to answer a query.
 * @returns the request under FT.PROFILE and what reads its reply; undefined for what is no search.
 */
export function profilingOf(request: Request): Profiling | undefined {
  if ("rest" in request) return undefined;
  if (!("script" in request)) {
    const { name: command, args: words } = request;
    // Vectors travel as bytes, and what is nearest is not explained.
    return words.every(isText) ? profiled(command, words, (name, args) => ({ name, args })) : undefined;
  }
  // A search that a script sends at the server's time; its first argument says where the time belongs.
  const { script, keys, args } = request;
  const [position, name, ...words] = args.map(String);
  return profiled(name ?? "", words, (under, more) => {
    const moved = Number(position) + more.length - words.length;
    return { script, keys, args: [String(moved), under, ...more] };
  });
}

function isText(word: string | Buffer): word is string {
  return typeof word === "string";
}

function profiled(
  command: string,
  args: readonly string[],
  make: (name: string, args: readonly string[]) => Request,
): Profiling | undefined {
  if (command !== "FT.SEARCH" && command !== "FT.AGGREGATE") return undefined;
  const [index = "", ...words] = withoutCursor(args);
  return {
    request: make("FT.PROFILE", [index, command.slice("FT.".length), "QUERY", ...words]),
    read: (reply) => readProfiles(command, reply),
  };
}

// A profiled aggregation has no cursor.
function withoutCursor(args: readonly string[]): string[] {
  const at = args.findIndex((_, start) => cursorWords.every((word, offset) => args[start + offset] === word));
  return at < 0 ? [...args] : [...args.slice(0, at), ...args.slice(at + cursorWords.length)];
}

// One per shard: a server that is no cluster has one.
function readProfiles(command: string, reply: Reply): ServerProfile[] | string {
  if (reply instanceof ReplyFailure) {
    if (reply.error.name !== "ReplyError") throw reply.error;
    return reply.error.message;
  }
  const list = Array.isArray(reply) && typeof reply[0] !== "string" ? reply : undefined;
  const whole = sectionsOf(list === undefined ? profileIn(readMap(reply)) : list[1]);
  const shards = whole["Shards"];
  return (Array.isArray(shards) ? shards.map(sectionsOf) : [whole]).map((sections) => ({
    command,
    milliseconds: numberOf(sections["Total profile time"]) ?? 0,
    parsing: numberOf(sections["Parsing time"]) ?? 0,
    pipeline: numberOf(sections["Pipeline creation time"]) ?? 0,
    iterators: listOf(sections["Iterators profile"]).flatMap((iterator) => iteratorsOf(iterator, 0)),
    processors: listOf(sections["Result processors profile"]).map(processorOf),
  }));
}

function profileIn(map: Record<string, unknown>): unknown {
  return map["profile"] ?? map["Profile"];
}

// Names and values in turn, or a list for each name that begins with it.
function sectionsOf(profile: unknown): Record<string, unknown> {
  if (!Array.isArray(profile) || !Array.isArray(profile[0])) return readMap(profile);
  return Object.fromEntries(
    (profile as unknown[][]).map(([name, ...values]) => [String(name), values.length === 1 ? values[0] : values]),
  );
}

// One thing, or a list of several.
function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) && typeof value[0] !== "string" ? value : [value];
}

function iteratorsOf(iterator: unknown, depth: number): ProfiledIterator[] {
  const list = Array.isArray(iterator) ? (iterator as unknown[]) : undefined;
  const below = list?.findIndex((name) => childNames.includes(String(name))) ?? -1;
  const facts = readMap(list === undefined || below < 0 ? iterator : list.slice(0, below));
  // Oldest form: every child behind the name; otherwise one list of them, or text where they were left out.
  const children =
    list === undefined
      ? listOf(facts[childNames.find((name) => name in facts) ?? ""])
      : below < 0
        ? []
        : list.slice(below + 1).flatMap(listOf);
  const own: ProfiledIterator = {
    depth,
    type: String(facts["Type"]),
    term: textOf(facts["Term"] ?? facts["Query type"]),
    count: countOf(facts),
    size: numberOf(facts["Size"]),
    milliseconds: numberOf(facts["Time"]),
  };
  return [
    own,
    ...children.filter((child) => typeof child === "object").flatMap((child) => iteratorsOf(child, depth + 1)),
  ];
}

function processorOf(processor: unknown): ProfiledProcessor {
  const facts = readMap(processor);
  return { type: String(facts["Type"]), count: countOf(facts), milliseconds: numberOf(facts["Time"]) };
}

function countOf(facts: Record<string, unknown>): number {
  return numberOf(facts[counters.find((name) => name in facts) ?? ""]) ?? 0;
}

function numberOf(value: unknown): number | null {
  const number = value === undefined || value === null ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : null;
}

function textOf(value: unknown): string | null {
  return value === undefined || value === null ? null : String(value as string | number);
}
