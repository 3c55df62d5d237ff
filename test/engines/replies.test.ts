// Replies of the search module in every shape that drivers and protocols give them.
// One plain form comes out of all of them.
import { expect, test } from "vitest";

import { readAggregate, readMap, readSearch } from "../../src/redis/replies.ts";

const plain = {
  total: 2,
  warnings: [],
  rows: [
    { key: "e:1", pairs: ["a", "x", "b", "id"] },
    { key: "e:2", pairs: ["a", "y"] },
  ],
};

test.each<[string, unknown]>([
  ["RESP2", [2, "e:1", ["a", "x", "b", "id"], "e:2", ["a", "y"]]],
  [
    "RESP3, flattened",
    [
      "attributes",
      [],
      "total_results",
      2,
      "format",
      "STRING",
      "results",
      [
        ["id", "e:1", "extra_attributes", ["a", "x", "b", "id"], "values", []],
        ["id", "e:2", "extra_attributes", ["a", "y"], "values", []],
      ],
      "warning",
      [],
    ],
  ],
  [
    "RESP3, as objects",
    {
      total_results: 2,
      results: [
        { id: "e:1", extra_attributes: { a: "x", b: "id" } },
        { id: "e:2", extra_attributes: { a: "y" } },
      ],
      warning: [],
    },
  ],
])("a search in %s", (_name, reply) => {
  expect(readSearch(reply, true)).toEqual(plain);
});

test.each<[string, unknown]>([
  ["RESP2", [2, "e:1", "e:2"]],
  [
    "RESP3, flattened",
    [
      "total_results",
      2,
      "results",
      [
        ["id", "e:1", "values", []],
        ["id", "e:2", "values", []],
      ],
    ],
  ],
  ["RESP3, as objects", { total_results: 2, results: [{ id: "e:1" }, { id: "e:2" }] }],
])("a search for keys in %s", (_name, reply) => {
  const { total, rows } = readSearch(reply, false);
  expect([total, rows]).toEqual([
    2,
    [
      { key: "e:1", pairs: undefined },
      { key: "e:2", pairs: undefined },
    ],
  ]);
});

test.each<[string, unknown]>([
  ["RESP2", [1, ["a", "x"], ["a", "y"]]],
  [
    "RESP3, flattened",
    [
      "total_results",
      1,
      "results",
      [
        ["extra_attributes", ["a", "x"]],
        ["extra_attributes", ["a", "y"]],
      ],
    ],
  ],
  [
    "RESP3, as objects",
    { total_results: 1, results: [{ extra_attributes: { a: "x" } }, { extra_attributes: { a: "y" } }] },
  ],
])("an aggregation in %s", (_name, reply) => {
  expect(readAggregate(reply).rows).toEqual([
    { key: undefined, pairs: ["a", "x"] },
    { key: undefined, pairs: ["a", "y"] },
  ]);
});

test("a document that died meanwhile has no fields", () => {
  expect(readSearch([2, "e:1", null, "e:2", ["a", "y"]], true).rows).toEqual([
    { key: "e:1", pairs: undefined },
    { key: "e:2", pairs: ["a", "y"] },
  ]);
});

test("empty results, and warnings", () => {
  expect(readSearch([0], true)).toEqual({ total: 0, rows: [], warnings: [] });
  expect(readAggregate([0])).toEqual({ total: 0, rows: [], warnings: [] });
  expect(readSearch({ total_results: 0, results: [], warning: ["Timeout limit was reached"] }, true).warnings).toEqual([
    "Timeout limit was reached",
  ]);
});

test("maps of every shape", () => {
  expect(readMap(["a", 1, "b", ["x"]])).toEqual({ a: 1, b: ["x"] });
  expect(readMap({ a: 1 })).toEqual({ a: 1 });
  expect(readMap(null)).toEqual({});
  expect(readMap(undefined)).toEqual({});
});
