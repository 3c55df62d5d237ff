// The server's profile in every shape that versions and protocols give it, and the commands that ask for it.
// One plain form comes out of all of them.
import { describe, expect, test } from "vitest";

import { profilingOf } from "../../src/engines/search/profile.ts";
import { describeProfile } from "../../src/query/profile.ts";
import { defineScript, fixedWords, ReplyFailure, type Request, requestWords } from "../../src/redis/command.ts";

const search: Request = { name: "FT.SEARCH", args: ["i", "@t:{$p0}", "LIMIT", "0", "5"] };
const rows = [2, "e:1", ["a", "x"], "e:2", ["a", "y"]];
const tags = [
  ["Type", "TAG", "Term", "t1", "Time", "0.5", "Counter", 17, "Size", 20],
  ["Type", "TAG", "Term", "t2", "Time", "0", "Counter", 16, "Size", 16],
];
const negated = ["Type", "NUMERIC", "Term", "0 - 13", "Time", "0", "Counter", 4, "Size", 14];
const union = ["Type", "UNION", "Query type", "TAG", "Time", "1", "Counter", 33];
const processors = [
  ["Type", "Index", "Time", "2", "Counter", 29],
  ["Type", "Sorter", "Time", "3", "Counter", 5],
];
const times = { "Total profile time": "4.5", "Parsing time": "1", "Pipeline creation time": "2" };

const flat = (map: Record<string, unknown>): unknown[] => Object.entries(map).flat();
const object = (list: readonly unknown[]): Record<string, unknown> =>
  Object.fromEntries(list.flatMap((name, at) => (at % 2 === 0 ? [[String(name), list[at + 1]]] : [])));
// What RediSearch 8 calls the counters.
const renamed = (list: readonly unknown[], name: string): unknown[] =>
  list.map((word) => (word === "Counter" ? name : word));

const oldTree = [
  ...["Type", "INTERSECT", "Time", "2", "Counter", 29, "Child iterators"],
  [...union, "Child iterators", ...tags],
  ["Type", "NOT", "Time", "0", "Counter", 33, "Child iterator", negated],
];
const listTree = [
  ...["Type", "INTERSECT", "Time", "2", "Counter", 29, "Child iterators"],
  [
    [...union, "Child iterators", tags],
    ["Type", "NOT", "Time", "0", "Counter", 33, "Child iterator", negated],
  ],
];
const objectTree = {
  ...object(listTree.slice(0, 6)),
  "Child iterators": [
    { ...object(union), "Child iterators": tags.map(object) },
    { Type: "NOT", Time: 0, Counter: 33, "Child iterator": object(negated) },
  ],
};
const reads = (list: readonly unknown[]): unknown[] =>
  renamed(list, "Number of reading operations").map((word) =>
    Array.isArray(word) ? reads(word as readonly unknown[]) : word,
  );

const plain = {
  command: "FT.SEARCH",
  milliseconds: 4.5,
  parsing: 1,
  pipeline: 2,
  iterators: [
    { depth: 0, type: "INTERSECT", term: null, count: 29, size: null, milliseconds: 2 },
    { depth: 1, type: "UNION", term: "TAG", count: 33, size: null, milliseconds: 1 },
    { depth: 2, type: "TAG", term: "t1", count: 17, size: 20, milliseconds: 0.5 },
    { depth: 2, type: "TAG", term: "t2", count: 16, size: 16, milliseconds: 0 },
    { depth: 1, type: "NOT", term: null, count: 33, size: null, milliseconds: 0 },
    { depth: 2, type: "NUMERIC", term: "0 - 13", count: 4, size: 14, milliseconds: 0 },
  ],
  processors: [
    { type: "Index", count: 29, milliseconds: 2 },
    { type: "Sorter", count: 5, milliseconds: 3 },
  ],
};

test.each<[string, unknown]>([
  [
    "RESP2",
    [
      rows,
      [
        ...Object.entries(times),
        ["Warning"],
        ["Iterators profile", oldTree],
        ["Result processors profile", ...processors],
      ],
    ],
  ],
  [
    "RESP3, flattened",
    [
      ...["attributes", [], "total_results", 2, "results", [], "warning", [], "profile"],
      flat({ ...times, Warning: "None", "Iterators profile": [listTree], "Result processors profile": processors }),
    ],
  ],
  [
    "RESP3, as objects",
    {
      total_results: 2,
      profile: {
        ...times,
        Warning: "None",
        "Iterators profile": [objectTree],
        "Result processors profile": processors.map(object),
      },
    },
  ],
  [
    "RESP2 of RediSearch 8, by shard",
    [
      rows,
      [
        "Shards",
        [
          flat({
            ...times,
            Warning: "None",
            "Iterators profile": reads(listTree),
            "Result processors profile": processors.map((one) => renamed(one, "Results processed")),
          }),
        ],
        "Coordinator",
        [],
      ],
    ],
  ],
  [
    "RESP3 of RediSearch 8",
    {
      Results: {},
      Profile: {
        Shards: [{ ...times, "Iterators profile": objectTree, "Result processors profile": processors.map(object) }],
        Coordinator: {},
      },
    },
  ],
])("a profile in %s", (_name, reply) => {
  expect(profilingOf(search)?.read(reply)).toEqual([plain]);
});

test("what a server leaves out is not made up", () => {
  const few = [
    "Type",
    "UNION",
    "Query type",
    "NUMERIC",
    "Counter",
    2,
    "Child iterators",
    "The number of iterators is 12",
  ];
  const reply = [[0], [["Total profile time", "1"], ["Iterators profile", few], ["Result processors profile"]]];
  const none = [[0], [["Total profile time", "1"]]];
  const bare = { command: "FT.SEARCH", milliseconds: 1, parsing: 0, pipeline: 0, processors: [] };
  const union0 = { depth: 0, type: "UNION", term: "NUMERIC", count: 2, size: null, milliseconds: null };
  expect(profilingOf(search)?.read(reply)).toEqual([{ ...bare, iterators: [union0] }]);
  expect(profilingOf(search)?.read(none)).toEqual([{ ...bare, iterators: [] }]);
});

describe("asking for a profile", () => {
  const words = (request: Request): string[] | undefined => {
    const found = profilingOf(request);
    return found && requestWords(found.request);
  };

  test("is the same command under another name", () => {
    expect(words(search)).toEqual(["FT.PROFILE", "i", "SEARCH", "QUERY", "@t:{$p0}", "LIMIT", "0", "5"]);
    const aggregate = [
      "i",
      "*",
      "LOAD",
      "1",
      "WITHCURSOR",
      "WITHCURSOR",
      "COUNT",
      "2000",
      "MAXIDLE",
      "15000",
      "DIALECT",
      "2",
    ];
    expect(words({ name: "FT.AGGREGATE", args: aggregate })).toEqual([
      "FT.PROFILE",
      "i",
      "AGGREGATE",
      "QUERY",
      "*",
      "LOAD",
      "1",
      "WITHCURSOR",
      "DIALECT",
      "2",
    ]);
  });

  test("keeps the place of the time in a script", () => {
    const script = defineScript("search", "#!lua flags=no-writes\nreturn 1");
    const args = ["6", "FT.SEARCH", "i", "*", "PARAMS", "now", "0", "DIALECT"];
    const sent = words({ script, keys: [], args }) ?? [];
    expect(sent.slice(3)).toEqual(["8", "FT.PROFILE", "i", "SEARCH", "QUERY", ...args.slice(3)]);
    expect(sent[3 + 8]).toBe("0");
  });

  test("is for searches only", () => {
    const script = defineScript("other", "#!lua\nreturn 1");
    expect(words({ name: "FT.TAGVALS", args: ["i", "t"] })).toBe(undefined);
    expect(words({ name: "HMGET", key: "k", rest: fixedWords("HMGET", ["a"]) })).toBe(undefined);
    expect(words({ script, keys: [], args: ["1", "2"] })).toBe(undefined);
  });

  test("tells a refusal from a failure", () => {
    const refused = Object.assign(new Error("NOPERM"), { name: "ReplyError" });
    expect(profilingOf(search)?.read(new ReplyFailure(refused))).toBe("NOPERM");
    expect(() => profilingOf(search)?.read(new ReplyFailure(new Error("gone")))).toThrow("gone");
  });
});

test("a profile in words", () => {
  expect(describeProfile(plain)).toEqual([
    "server: 4.5 ms, parsing 1 ms, pipeline 2 ms",
    "  INTERSECT  29 read, 2 ms",
    '    UNION "TAG"  33 read, 1 ms',
    '      TAG "t1"  17 of 20 read, 0.5 ms',
    '      TAG "t2"  16 of 16 read, 0 ms',
    "    NOT  33 read, 0 ms",
    '      NUMERIC "0 - 13"  4 of 14 read, 0 ms',
    "  Index  29 rows, 2 ms",
    "  Sorter  5 rows, 3 ms",
  ]);
  const many = { ...plain, iterators: Array.from({ length: 25 }, () => plain.iterators[0]!), processors: [] };
  expect(describeProfile(many)).toHaveLength(22);
  expect(describeProfile(many).at(-1)).toBe("  and 5 more");
});
