// Queries of several calls while others write: whoever did not change is found once, neither skipped nor repeated.
// The calls are made one by one here, so that the writes come between them.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, range, type Repository } from "remora";
import { DocumentCodec } from "../../src/codec/document.ts";
import { type Answer, isStep, type Step } from "../../src/engines/engine.ts";
import { layoutOf } from "../../src/engines/layout.ts";
import { scanEngine } from "../../src/engines/scan/engine.ts";
import { type Condition, everything, type QueryNode } from "../../src/query/node.ts";
import type { ScriptCall } from "../../src/redis/command.ts";
import { keyspace } from "../../src/schema/key.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { describeMatrix, type Raw } from "./matrix.ts";

const part = (storage: Storage) =>
  defineEntity({
    name: "part",
    storage,
    schema: z.object({ id: z.string(), kind: z.string(), colour: z.string(), size: z.number() }),
    index: { kind: exact(), colour: exact({ sortable: true }), size: range() },
    compound: { byColour: { eq: ["colour"], orderBy: "size" } },
  });

type Parts = Repository<ReturnType<typeof part>>;

const count = 11_000;
const idOf = (at: number): string => `p${String((at * 7919) % 100_003).padStart(6, "0")}`;
// A few of each hundred come and go; the others stay as they are.
const moves = (at: number): boolean => at % 100 < 4;
const row = (at: number) => ({
  id: idOf(at),
  kind: at % 10 < 4 ? "small" : "large",
  colour: at % 5 === 0 ? "red" : "blue",
  size: (at * 31) % 400,
});
const all = Array.from({ length: count }, (_, at) => at);

async function gone(repository: Parts, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map(async (id) => repository.delete(id)));
}

const isKind = (...values: string[]): Condition => ({ type: "in", path: "kind", values });
const isColour = (...values: string[]): Condition => ({ type: "in", path: "colour", values });
const not = (item: Condition): Condition => ({ type: "not", item });
const and = (...items: Condition[]): Condition => ({ type: "and", items });
const small: Condition = { type: "range", path: "size", lower: undefined, upper: { value: 300, exclusive: false } };

describeMatrix(
  "queries of several calls",
  ({ open, storage }) => {
    const opened = async () => {
      const { repository, raw, namespace } = await open(part);
      expect((await repository.saveMany(all.map(row))).failed).toEqual([]);
      const { metadata } = part(storage);
      const layout = layoutOf(metadata, "scan", keyspace(metadata, namespace));
      const engine = scanEngine(layout, new DocumentCodec(metadata));
      return { repository, raw, engine, metadata };
    };

    // Runs the steps of a query, with something else between them.
    const stepped = async (
      raw: Raw,
      first: Step,
      between: (turn: number) => Promise<void>,
      change = (program: string): string => program,
    ) => {
      let outcome: Answer | Step = first;
      let calls = 0;
      while (isStep(outcome)) {
        const replies: unknown[] = [];
        for (const request of outcome.requests) {
          const { script, keys, args } = request as ScriptCall;
          const [program = "", ...others] = args as string[];
          replies.push(await raw("EVAL", script.lua, keys.length, ...keys, change(program), ...others));
        }
        outcome = outcome.read(replies);
        calls += 1;
        await between(calls);
      }
      return { ...outcome, calls };
    };

    // Some go, some come back elsewhere, new ones come in between.
    const others = (repository: Parts) => async (turn: number) => {
      const moving = all.filter((at) => moves(at) && at % 7 === turn % 7);
      if (turn % 2 === 0) await gone(repository, moving.map(idOf));
      else await repository.saveMany(moving.map((at) => ({ ...row(at), size: 1 + turn, colour: "blue" })));
      await repository.saveMany(all.slice(0, 150).map((at) => ({ ...row(at), id: `${idOf(at * 70)}-${turn}` })));
    };

    const unchanged = (ids: readonly string[]): string[] => ids.filter((id) => steady.has(id)).toSorted();
    const steady = new Set(all.filter((at) => !moves(at)).map(idOf));

    test.each<[string, Condition, (one: ReturnType<typeof row>) => boolean]>([
      ["an exclusion", not(isKind("small")), ({ kind }) => kind !== "small"],
      [
        "a range and an exclusion",
        and(small, not(isKind("small"))),
        ({ kind, size }) => kind !== "small" && size <= 300,
      ],
      [
        "a compound and an exclusion",
        and(isColour("blue"), not(isKind("small"))),
        ({ kind, colour }) => kind !== "small" && colour === "blue",
      ],
    ])("%s", async (_name, where, holds) => {
      const { repository, raw, engine, metadata } = await opened();
      const query: QueryNode = { metadata, where, orderBy: [], limit: 200_000, offset: 0, fullScan: true };
      const { ids, calls } = await stepped(raw, engine.plan(query, "ids"), others(repository as Parts));
      expect(calls).toBeGreaterThan(2);
      expect(new Set(ids).size).toBe(ids.length);
      const wanted = all.filter((at) => !moves(at) && holds(row(at))).map(idOf);
      expect(unchanged(ids)).toEqual(wanted.toSorted());
      const { rows } = await stepped(raw, engine.plan(query, "rows"), async () => undefined);
      const { ids: again } = await stepped(raw, engine.plan(query, "ids"), async () => undefined);
      expect(rows.map(({ encodedId }) => encodedId)).toEqual(again);
    });

    test("goes over everything only when it is told to", async () => {
      const { repository } = await opened();
      const more = Array.from({ length: 3000 }, (_, at) => ({
        ...row(at),
        id: `q${at}`,
        kind: "other",
        colour: "grey",
      }));
      await repository.saveMany(more);
      const query = (repository as Parts).query();
      const excluded = query.where("kind").notIn(["small", "large"]).where("colour").ne("red");
      const refused = {
        code: "UNSUPPORTED_QUERY",
        message: expect.stringMatching(/^part: no index .* \d{5} ids were looked at .* allowFullScan\(\)$/),
      };
      await expect(excluded.count()).rejects.toMatchObject(refused);
      await expect(excluded.orderBy("size").orderBy("colour").limit(5000).all()).rejects.toMatchObject(refused);
      await expect(excluded.limit(5000).ids()).rejects.toMatchObject(refused);
      expect(await excluded.allowFullScan().count()).toBe(more.length);
      expect(await excluded.allowFullScan().orderBy("size").orderBy("colour").limit(5000).all()).toHaveLength(
        more.length,
      );
      const asked = "beyond 10,000 of them only with allowFullScan()";
      expect((await excluded.explain()).plan).toContain(asked);
      expect((await excluded.allowFullScan().explain()).plan).not.toContain(asked);
      // What ends soon, what an index counts and what is asked for without a condition needs no leave.
      expect(await query.where("kind").ne("small").limit(3).all()).toHaveLength(3);
      expect(await query.where("kind").ne("other").count()).toBe(count);
      expect(await query.where("kind").eq("other").where("colour").ne("red").count()).toBe(more.length);
      let read = 0;
      for await (const _ of query.stream()) read += 1;
      expect(read).toBe(count + more.length);
    });

    test("a set that another server has in another order is read from its beginning", async () => {
      const { raw, engine, metadata } = await opened();
      const where = and(isKind("small"), not(isColour("red")));
      const query: QueryNode = { metadata, where, orderBy: [], limit: undefined, offset: 0 };
      const wanted = all.filter((at) => at % 10 < 4 && at % 5 !== 0).length;
      let turned = 0;
      // As if the first reply had come from elsewhere, and its place were near the end here.
      const elsewhere = (program: string): string => {
        const told = JSON.parse(program) as { cursor: { at?: string; head?: string } | 0 };
        if (told.cursor === 0 || told.cursor.at === undefined || turned > 0) return program;
        turned += 1;
        return JSON.stringify({ ...told, cursor: { ...told.cursor, at: "4095", head: `${told.cursor.head}x` } });
      };
      const { count: counted } = await stepped(raw, engine.plan(query, "count"), async () => undefined, elsewhere);
      expect(turned).toBe(1);
      expect(counted).toBe(wanted);
    });

    test("a set that shrinks is read once", async () => {
      const { repository, raw, engine, metadata } = await opened();
      const where = and(isKind("small"), not(isColour("red")));
      const query: QueryNode = { metadata, where, orderBy: [], limit: undefined, offset: 0 };
      const ask = engine.exhaust(query, 100_000, "ids");
      const leaving = all.filter((at) => at % 10 < 4 && at % 30 !== 1);
      // Most of the set goes, so that the server makes its table smaller.
      const shrinking = async (turn: number): Promise<void> => {
        if (turn === 1) await gone(repository, leaving.map(idOf));
      };
      const { ids, calls } = await stepped(raw, ask, shrinking);
      expect(calls).toBeGreaterThan(1);
      expect(new Set(ids).size).toBe(ids.length);
      const stays = all.filter((at) => at % 30 === 1).map(idOf);
      expect(ids.filter((id) => stays.includes(id)).toSorted()).toEqual(stays.toSorted());
      const counted = await stepped(raw, engine.plan({ ...query, where: everything }, "count"), async () => undefined);
      expect(counted.count).toBe(count - leaving.length);
    });
  },
  ({ engine, driver }) => engine === "scan" && driver === "ioredis6",
);
