// What the engines make of a query: the search engine's text and parameters, the scan engine's program.
// Whole texts, so that nothing slips in between.
import { expect, test } from "vitest";

import { DocumentCodec } from "../../src/codec/document.ts";
import { isStep } from "../../src/engines/engine.ts";
import { layoutOf } from "../../src/engines/layout.ts";
import { compileScan } from "../../src/engines/scan/compile.ts";
import { scanEngine } from "../../src/engines/scan/engine.ts";
import { attributesOf } from "../../src/engines/search/attributes.ts";
import { compileSearch } from "../../src/engines/search/compile.ts";
import type { Condition, QueryNode } from "../../src/query/node.ts";
import { normalise } from "../../src/query/normalise.ts";
import type { ScriptCall } from "../../src/redis/command.ts";
import { keyspace } from "../../src/schema/key.ts";
import { absent, and, any, between, from, isIn, match, metadata, not, or } from "../query/things.ts";

const layout = layoutOf(metadata, "scan", keyspace(metadata, "n"));

function search(condition: Condition): { text: string; params: readonly string[]; filter: string } {
  const { text, params, filter } = compileSearch(metadata, attributesOf(metadata), normalise(condition, metadata));
  const deadline = "-@__deadline:[-inf ($now]";
  expect(text.endsWith(deadline)).toBe(true);
  expect(params.slice(-2)).toEqual(["now", "0"]);
  return {
    text: text.slice(0, -deadline.length).trim(),
    params: params.slice(0, -2).filter((_value, at) => at % 2 === 1),
    filter,
  };
}

test.each<[string, Condition, string, string[]]>([
  ["everything", and(), "", []],
  ["a tag", isIn("word", "a"), "@word_0:{$p0}", ["a"]],
  ["tags", isIn("word", "a", "b"), "@word_0:{$p0|$p1}", ["a", "b"]],
  ["no tag", not(isIn("word", "a")), "-@word_0:{$p0}", ["a"]],
  ["a hostile tag", isIn("word", " x} | @n:{y\\"), "@word_0:{$p0}", ["\u0002`x} | @n:{y\\\\"]],
  ["a number", isIn("size", 1.5), "@size_3:[$p0 $p0]", ["1.5"]],
  ["numbers", isIn("size", 1, 2), "(@size_3:[$p0 $p0]|@size_3:[$p1 $p1])", ["1", "2"]],
  ["a range", from("size", 5, true), "@size_3:[($p0 +inf]", ["5"]],
  ["both bounds", between("size", 1, 2), "@size_3:[$p0 $p1]", ["1", "2"]],
  ["absence", absent("size"), "@__absent:{$p0}", ["size"]],
  ["words", match("note", "A b"), "(@note_10:{$p0} @note_10:{$p1})", ["a", "b"]],
  ["and", and(isIn("yes", true), any("tags", "x")), "(@yes_8:{$p0} @tags_9:{$p1})", ["true", "x"]],
  ["or of plain leaves", or(isIn("yes", true), any("tags", "x")), "(@yes_8:{$p0}|@tags_9:{$p1})", ["true", "x"]],
  ["or with a negation", or(isIn("yes", true), not(any("tags", "x"))), "-(-@yes_8:{$p0} @tags_9:{$p1})", ["true", "x"]],
  [
    "or of ands of plain leaves",
    or(and(isIn("yes", true), isIn("word", "a")), any("tags", "x")),
    "((@yes_8:{$p0} @word_0:{$p1})|@tags_9:{$p2})",
    ["true", "a", "x"],
  ],
  [
    "or of an and that holds an or",
    or(and(isIn("yes", true), or(isIn("word", "a"), absent("size"))), any("tags", "x")),
    "-(-(@yes_8:{$p0} (@word_0:{$p1}|@__absent:{$p2})) -@tags_9:{$p3})",
    ["true", "a", "size", "x"],
  ],
])("the search engine says %s", (_name, condition, text, values) => {
  const compiled = search(condition);
  expect(compiled.params).toEqual(values);
  expect(compiled.text).toBe(text);
});

test("no value ever stands in the text of a search", () => {
  const marker = "zzmarkerzz";
  const conditions = [
    isIn("word", marker),
    any("tags", marker),
    match("note", marker),
    isIn("loose", marker),
    not(or(isIn("word", marker), absent("tags"))),
  ];
  for (const condition of conditions) expect(search(condition).text).not.toContain(marker);
});

test("text is ordered by a filter, behind the rest of the query", () => {
  const both = search({ type: "and", items: [from("word", 'a"\\*'), match("note", "x")] });
  expect(both.filter).toBe('(exists(@word_1) && @word_1 >= format("%s%s%s", "a\\"", substr("x\\\\y", 1, 1), "*"))');
  expect(both.text).not.toContain("word_");
  const either: Condition = { type: "or", items: [from("word", "a"), match("note", "x")] };
  expect(search(either).filter).toContain(
    '|| (exists(@note_10) && (contains(format("\u0001%s\u0001", @note_10), "\u0001x\u0001"))))',
  );
  const json = { ...metadata, storage: "json" as const };
  expect(() => compileSearch(json, attributesOf(json), normalise(either, json))).toThrowError(
    expect.objectContaining({ code: "UNSUPPORTED_QUERY", entity: "thing", field: "note" }),
  );
});

function scan(condition: Condition, change: Partial<QueryNode> = {}) {
  const query: QueryNode = { metadata, where: condition, orderBy: [], limit: 10, offset: 0, ...change };
  const { keys, program } = compileScan(layout, query, normalise(condition, metadata), "rows");
  return { keys: keys.map((key) => key.replace("n:{thing}", "")), program };
}

test("the scan engine names ids, times and snapshots first", () => {
  const { keys, program } = scan(and());
  expect(keys).toEqual(["$a", "$e", "$s"]);
  expect(program).toMatchObject({
    want: "rows",
    filter: 0,
    order: 0,
    desc: 0,
    expiry: true,
    skip: 0,
    limit: 10,
    cursor: 0,
  });
  expect(program.phases).toEqual([{ kind: "ids", key: 1, range: 0, filter: "whole" }]);
});

test("the scan engine filters by sets, sorted sets and snapshots", () => {
  const { keys, program } = scan(
    and(isIn("word", "a"), not(isIn("size", 1, 2)), absent("tags"), between("word", "b", "c"), match("note", "x")),
  );
  expect(keys).toEqual(["$a", "$e", "$s", "$n:size", "$0:tags", "$l:word"]);
  expect(program.filter).toEqual([
    "every",
    ["terms", 0, "n:{thing}$t:word:", ["a"], 1, 1],
    ["points", 1, 4, ["1", "2"], 4, 1],
    ["absent", 0, 5],
    ["lex", 0, 6, "b", 0, "c", 0, 2],
    ["terms", 0, "n:{thing}$w:note:", ["x"], 11, 0],
  ]);
});

test("the scan engine walks the sort index within its bounds, then those without a value", () => {
  const { keys, program } = scan(isIn("yes", true), { orderBy: [{ path: "size", direction: "desc" }], offset: 5 });
  expect(program).toMatchObject({ desc: 1, skip: 5, order: { numeric: 1, position: 4 } });
  expect(program.phases.map((phase) => [phase.kind, keys[phase.key - 1], phase.range])).toEqual([
    ["scores", "$n:size", 0],
    ["ids", "$0:size", 0],
  ]);
  const bounded = scan(from("size", 5), { orderBy: [{ path: "size", direction: "asc" }] });
  expect(bounded.program.phases.map((phase) => [phase.kind, bounded.keys[phase.key - 1]])).toEqual([
    ["scores", "$n:size"],
  ]);
});

test("without an order the scan engine keeps one all the same", () => {
  const { keys, program } = scan(and(from("size", 5), isIn("yes", true)));
  expect(program.phases.map((phase) => [phase.kind, keys[phase.key - 1]])).toEqual([["scores", "$n:size"]]);
  expect(program.order).toMatchObject({ numeric: 1, position: 4 });
});

test("several orders go by the first, and name the others", () => {
  const orderBy = [
    { path: "size", direction: "asc" },
    { path: "word", direction: "desc" },
  ] as const;
  const { keys, program } = scan(and(), { orderBy, limit: 10, offset: 3 });
  const { sort, phases } = program;
  expect(phases[0]?.kind).toBe("scores");
  expect(sort).toMatchObject({ need: 13, have: 0, edge: 0, from: 0 });
  if (sort === 0) throw new Error("no sort keys");
  expect(keys[(sort.keys[0]?.[1] ?? 0) - 1]).toBe("$n:size");
  expect(sort.keys[1]?.[0]).toBe(0);
});

test("ids that a set names twice count once", () => {
  const query: QueryNode = { metadata, where: isIn("word", "a"), orderBy: [], limit: undefined, offset: 0 };
  const reply = (ids: string[], cursor?: object) => [
    JSON.stringify({ ids, ghosts: [], count: 0, skip: 0, drawn: true, ...(cursor && { cursor }) }),
    "[]",
  ];
  const first = scanEngine(layout, new DocumentCodec(metadata)).plan(query, "count");
  const second = first.read([reply(["x", "y"], { phase: 1, set: "s", at: "7" })]);
  if (!isStep(second)) throw new Error("there is more to ask");
  expect(JSON.parse(String((second.requests[0] as ScriptCall).args[0]))).toMatchObject({ cursor: { at: "7" } });
  expect(second.read([reply(["y", "z"])])).toMatchObject({ count: 3 });
});

test("a walk within bounds does not ask for them again", () => {
  const bounds = between("size", 1, 2);
  expect(scan(bounds).program.phases[0]?.filter).toBe(0);
  const { program } = scan(and(bounds, isIn("yes", true)));
  expect(program.phases[0]?.filter).toEqual(scan(isIn("yes", true)).program.filter);
});

test("what lies outside of a range lies below, above, or has no value", () => {
  const below = ["scores", 0, 4, 0, 0, "1", 1, 5];
  const bounded = scan(and(isIn("yes", true), not(between("full", 1, 2))));
  expect(bounded.program.filter).toEqual([
    "every",
    ["terms", 0, "n:{thing}$t:yes:", ["true"], 9, 1],
    ["some", below, ["scores", 0, 4, "2", 1, 0, 0, 5]],
  ]);
  expect(scan(not(from("full", 1))).program.phases[0]).toEqual({ kind: "scores", key: 4, range: below, filter: 0 });
  const { program, keys } = scan(or(isIn("yes", true), not(from("size", 1, true))));
  expect(program.filter).toEqual([
    "some",
    ["terms", 0, "n:{thing}$t:yes:", ["true"], 9, 1],
    ["scores", 0, 4, 0, 0, "1", 0, 4],
    ["absent", 0, 5],
  ]);
  expect(keys.slice(3)).toEqual(["$n:size", "$0:size"]);
  // By itself it is counted as it is.
  expect(scan(not(from("size", 1))).program.filter).toEqual(["scores", 1, 4, "1", 0, 0, 0, 4]);
});
