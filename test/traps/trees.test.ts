// Traps of boolean trees and of lists: wrong answers to nested conditions, elements that are not told apart.
// Random formulas, and those that hang a server, are in test/property/formulas.test.ts, on servers of their own.
import { z } from "zod";
import { expect, test } from "vitest";

import { defineEntity, exact, isRemoraError, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix } from "../behaviour/matrix.ts";
import { expectTrap, Naive, searching, searchingOnce, tellTrap } from "./naive.ts";

const node = (storage: Storage) =>
  defineEntity({
    name: "node",
    storage,
    schema: z.object({
      id: z.string(),
      a: z.string(),
      b: z.string(),
      c: z.string().nullable(),
      d: z.string(),
      tags: z.array(z.string()).nullable(),
    }),
    index: { a: exact(), b: exact(), c: exact(), d: exact(), tags: exact() },
  });
const letters = ["x", "y"];
const nodes = letters.flatMap((a) =>
  letters.flatMap((b) =>
    [...letters, null].flatMap((c) =>
      letters.map((d) => ({ id: `${a}${b}${c ?? "-"}${d}`, a, b, c, d, tags: c === null ? null : [a, b] })),
    ),
  ),
);
type Node = (typeof nodes)[number];
const idsWhere = (test: (each: Node) => boolean): string[] =>
  nodes
    .filter(test)
    .map(({ id }) => id)
    .sort();

/** What a definition that must be refused is refused for. */
function refusal(define: () => unknown): unknown {
  try {
    define();
  } catch (error) {
    if (!isRemoraError(error, "DEFINITION")) throw error;
    return { entity: error.entity, field: error.field };
  }
  return expect.unreachable("the definition was taken");
}

describeMatrix(
  "trap",
  ({ open, leg }) => {
    test("a negation of a negation loses rows", async () => {
      const opened = await open(node);
      const naive = await Naive.make(opened, "hash", ["a", "TAG", "b", "TAG"]);
      const content = [
        ["1", "x", "p"],
        ["2", "x", "r"],
        ["3", "y", "r"],
      ] as const;
      await Promise.all(content.map(([id, a, b]) => naive.put(id, "a", a, "b", b)));
      const found = await naive.ids("(@a:{x}|@b:{r}) (-(-(@b:{p}|@b:{r})))");
      // Which rows are lost is not always the same.
      tellTrap(leg, "rows are lost by a double negation", found.length < 3);
      const { repository } = opened;
      await repository.insertMany(content.map(([id, a, b]) => ({ id, a, b, c: null, d: "", tags: null })));
      const query = repository.query().where((f) => {
        const either = f.or(f("b").eq("p"), f("b").eq("r"));
        return f.and(f.or(f("a").eq("x"), f("b").eq("r")), f.not(f.not(either)));
      });
      expect((await query.ids()).sort()).toEqual(["1", "2", "3"]);
      expect(await query.count()).toBe(3);
    });

    test("what may hang a server is never sent: an or over anything but plain conditions", async () => {
      const { repository } = await open(node);
      const query = repository
        .query()
        .where((f) =>
          f.or(
            ...Array.from({ length: 25 }, (_, at) => f.and(f("a").ne(`n${at}`), f.or(f("b").eq("x"), f("c").isNull()))),
            f("d").ne("x"),
          ),
        );
      const text = (await query.explain()).plan.join("\n");
      expect(text).toContain("query -(");
      // Between the bars of an or stand conditions that hold neither a negation nor another group.
      const groups = [...text.matchAll(/\(([^()]*)\)/g)].flatMap(([, inner = ""]) =>
        inner.includes(")|") ? [inner] : [],
      );
      expect(groups.filter((inner) => inner.includes("-@"))).toEqual([]);
      expect(text).not.toMatch(/\|-|-\([^()]*\)\||\)\|/);
    });

    test("each element of a list of numbers may meet another bound", async () => {
      const opened = await open(node);
      const naive = await Naive.make(opened, "json", ["$.n[*]", "AS", "n", "NUMERIC"]);
      await naive.put("both", '{"n":[1,9]}');
      const found = await naive.ids("@n:[2 inf] @n:[-inf 3]");
      expectTrap(leg, "1 and 9 count as between 2 and 3", found.join() === "both");
      // So the mapper has no ranges on lists at all.
      const define = (): unknown =>
        defineEntity({
          name: "list",
          schema: z.object({ id: z.string(), n: z.array(z.number()) }),
          index: { n: range() } as never,
        });
      expect(refusal(define)).toEqual({ entity: "list", field: "n" });
    });

    test("elements of a list of objects are not told apart", async () => {
      const opened = await open(node);
      const schema = ["$.o[*].p", "AS", "p", "TAG", "$.o[*].q", "AS", "q", "NUMERIC"];
      const naive = await Naive.make(opened, "json", schema);
      await naive.put("cross", '{"o":[{"p":"A","q":1},{"p":"B","q":2}]}');
      const found = await naive.ids("@p:{A} @q:[2 2]");
      expectTrap(leg, "A of one and 2 of another element are found together", found.join() === "cross");
      const items = z.array(z.object({ p: z.string(), q: z.number() }));
      for (const path of ["o.p", "o.q", "o[*].p", "o[].p"]) {
        const define = (): unknown =>
          defineEntity({
            name: "crossed",
            storage: "json",
            schema: z.object({ id: z.string(), o: items }),
            index: { [path]: exact() } as never,
          });
        expect(refusal(define), path).toEqual({ entity: "crossed", field: path });
      }
    });

    test("a list has no order, though the server takes its first element for one", async () => {
      const opened = await open(node);
      const naive = await Naive.make(opened, "json", ["$.n[*]", "AS", "n", "NUMERIC", "SORTABLE"]);
      await naive.put("a", '{"n":[2,0]}');
      await naive.put("b", '{"n":[1,9]}');
      const { ids } = await naive.ask("*", "SORTBY", "n");
      expectTrap(leg, "a list is sorted by its first element", ids.join() === "b,a");
      const define = (): unknown =>
        defineEntity({
          name: "ordered",
          schema: z.object({ id: z.string(), tags: z.array(z.string()) }),
          index: { tags: exact({ sortable: true }) } as never,
        });
      expect(refusal(define)).toEqual({ entity: "ordered", field: "tags" });
      expect(() => opened.repository.query().orderBy("tags" as never)).not.toThrow();
      await expect(
        opened.repository
          .query()
          .orderBy("tags" as never)
          .ids(),
      ).rejects.toMatchObject({
        code: "QUERY",
        entity: "node",
        field: "tags",
      });
    });
  },
  (combination) => searchingOnce(combination) && combination.leg.json,
);

describeMatrix(
  "trap",
  ({ open }) => {
    test("ands and ors inside one another, with negations among them, lose rows now and then", async () => {
      const { repository } = await open(node);
      await repository.insertMany(nodes);
      for (const [p, q] of [...letters, "none"].flatMap((one) => letters.map((two) => [one, two] as const))) {
        const inner = repository
          .query()
          .where((f) => f.and(f.or(f.and(f("a").eq(p), f.not(f("b").eq(q))), f("c").eq(q)), f("d").eq(q)));
        const wanted = idsWhere((n) => ((n.a === p && n.b !== q) || n.c === q) && n.d === q);
        expect((await inner.ids()).sort(), `${p}${q}`).toEqual(wanted);
        expect(await inner.count()).toBe(wanted.length);
        const wide = repository
          .query()
          .where((f) =>
            f.or(
              ...Array.from({ length: 25 }, (_, at) => f.and(f("a").eq(`n${at}`), f("b").ne(q))),
              f.and(f("a").eq(p), f.not(f.or(f("c").isNull(), f("d").eq(q)))),
              f.not(f.or(f("c").ne(q), f("b").eq(q))),
            ),
          );
        const some = idsWhere((n) => (n.a === p && !(n.c === null || n.d === q)) || (n.c === q && n.b !== q));
        expect((await wide.ids()).sort(), `wide ${p}${q}`).toEqual(some);
      }
    });

    test("a negation standing alone has everything else, also where there is no value", async () => {
      const { repository } = await open(node);
      await repository.insertMany(nodes);
      const query = () => repository.query();
      expect((await query().where("c").ne("x").ids()).sort()).toEqual(idsWhere((n) => n.c !== "x"));
      expect((await query().where("c").notIn(["x", "y"]).ids()).sort()).toEqual(idsWhere((n) => n.c === null));
      expect((await query().whereNot("c").isNull().ids()).sort()).toEqual(idsWhere((n) => n.c !== null));
      expect(await query().where("c").ne("x").count()).toBe(idsWhere((n) => n.c !== "x").length);
      // Of a list, a negation means that no element is the value.
      expect((await query().where("tags").containsNone(["x"]).ids()).sort()).toEqual(
        idsWhere((n) => !(n.tags ?? []).includes("x")),
      );
      expect((await query().where("tags").containsAll(["x", "y"]).ids()).sort()).toEqual(
        idsWhere((n) => n.c !== null && n.a !== n.b),
      );
    });
  },
  searching,
);
