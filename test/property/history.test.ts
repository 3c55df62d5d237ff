// Random histories of one type: inserts, saves, deletes, deaths and vanished documents.
// After each history the index keys are exactly those of what is still alive.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { connect, defineEntity, exact, isRemoraError, range, type Repository, text } from "remora";
import { dump, type Raw, tidy } from "../behaviour/matrix.ts";
import { serverTimePassed } from "../behaviour/clock.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { freshNamespace, legs } from "../setup/legs.ts";
import { runs, seed } from "./seed.ts";

const entry = (storage: Storage) =>
  defineEntity({
    name: "entry",
    storage,
    schema: z.object({
      id: z.string(),
      word: z.string().nullable(),
      rank: z.int().optional(),
      tags: z.array(z.string()),
      slug: z.string().nullable(),
    }),
    index: { word: [exact({ sortable: true, substring: true }), text()], rank: range(), tags: exact() },
    unique: { slug: ["slug"] },
    ttl: {},
  });

type Definition = ReturnType<typeof entry>;
interface Entry {
  id: string;
  word: string | null;
  rank?: number;
  tags: string[];
  slug: string | null;
}
type Step =
  | { readonly kind: "insert" | "save"; readonly entry: Entry; readonly dying: boolean }
  | { readonly kind: "bulk"; readonly entries: readonly Entry[] }
  | { readonly kind: "delete"; readonly id: string }
  | { readonly kind: "wait" }
  | { readonly kind: "vanish"; readonly id: string };

const id = fc.constantFrom("a", "b", "c:d", "e f");
const value: fc.Arbitrary<Entry> = fc
  .record({
    id,
    word: fc.option(fc.constantFrom("x", "y", "x y", " ", "")),
    rank: fc.option(fc.integer({ min: -1, max: 1 }), { nil: undefined }),
    tags: fc.array(fc.constantFrom("p", "q", ""), { maxLength: 3 }),
    slug: fc.option(fc.constantFrom("s", "t", "")),
  })
  .map(({ rank, ...rest }) => (rank === undefined ? rest : { ...rest, rank }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("insert" as const, "save" as const),
      entry: value,
      dying: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("bulk" as const), entries: fc.array(value, { maxLength: 5 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("vanish" as const), id }) },
);

// What is alive, as plain data: the rules of the mapper in a few lines.
class Model {
  readonly entries = new Map<string, Entry>();
  dying = new Set<string>();

  put(entry: Entry, fresh: boolean): boolean {
    if (fresh && this.entries.has(entry.id)) return false;
    if (
      entry.slug !== null &&
      [...this.entries.values()].some((other) => other.id !== entry.id && other.slug === entry.slug)
    )
      return false;
    this.entries.set(entry.id, entry);
    return true;
  }

  remove(gone: string): void {
    this.entries.delete(gone);
    this.dying.delete(gone);
  }
}

const cases = legs().flatMap((leg) =>
  (["hash", "json"] as const).filter((storage) => storage === "hash" || leg.json).map((storage) => ({ leg, storage })),
);

describe.each(cases)("histories of $storage documents, $leg.name", ({ leg, storage }) => {
  test("leave exactly the keys of what is alive", { timeout: 300_000 }, async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25, size: "max" }), async (steps) => {
      const namespace = freshNamespace();
      const db = await connect(leg.url, { namespace, engine: "scan" });
      const raw: Raw = (command, ...args) => db.redis.call(command, ...args);
      try {
        const repository = db.repository(entry(storage));
        const model = new Model();
        for (const each of steps) await play(each, repository, model, raw);
        await passed(model, raw, repository);
        // A bulk save tidies up after every death, and the query after every document that vanished.
        const last: Entry = { id: "last", word: null, tags: [], slug: null };
        await repository.saveMany([last, { ...last, id: "last2" }, { ...last, id: "last3" }, { ...last, id: "last4" }]);
        await Promise.all(["last2", "last3", "last4"].map((extra) => repository.delete(extra)));
        const ids = (await repository.query().all()).map((row) => row.id);
        model.put(last, false);
        expect(ids.sort()).toEqual([...model.entries.keys()].sort());
        expect(await repository.count()).toBe(model.entries.size);
        const { [`${namespace}:{entry}$m`]: _meta, ...stored } = await dump(raw, namespace);
        const internal = Object.fromEntries(
          Object.entries(stored).filter(([key]) => key.startsWith(`${namespace}:{entry}$`)),
        );
        expect(internal).toEqual(keysOf(`${namespace}:{entry}$`, model));
        expect(await repository.indexes.verify()).toMatchObject({ found: 0, findings: [], garbage: 0 });
      } finally {
        await tidy(raw, namespace, leg.search);
        await db.close();
      }
    });
    await fc.assert(property, { seed, numRuns: runs(120) });
  });
});

async function play(each: Step, repository: Repository<Definition>, model: Model, raw: Raw): Promise<void> {
  switch (each.kind) {
    case "insert":
    case "save": {
      const wanted = model.put(each.entry, each.kind === "insert");
      const ttl = each.dying ? { at: new Date(Date.now() + 5000) } : null;
      const [outcome] = await Promise.allSettled([repository[each.kind](each.entry, { ttl })]);
      if (outcome?.status === "rejected" && !isRemoraError(outcome.reason)) throw outcome.reason;
      expect(outcome?.status === "fulfilled").toBe(wanted);
      if (!wanted) return;
      if (each.dying) model.dying.add(each.entry.id);
      else model.dying.delete(each.entry.id);
      return;
    }
    case "bulk": {
      const wanted = each.entries.map((one) => model.put(one, false));
      const { outcomes } = await repository.saveMany(each.entries, { ttl: null });
      expect(outcomes.map(({ ok }) => ok)).toEqual(wanted);
      for (const [at, one] of each.entries.entries()) if (wanted[at] === true) model.dying.delete(one.id);
      return;
    }
    case "delete":
      expect(await repository.delete(each.id)).toBe(model.entries.has(each.id));
      model.remove(each.id);
      return;
    case "wait":
      await passed(model, raw, repository);
      return;
    case "vanish":
      await raw("DEL", repository.key(each.id));
      model.remove(each.id);
      return;
  }
}

// Lets those who shall die, die now: their time is brought forward, as the mapper itself would set it.
async function passed(model: Model, raw: Raw, repository: Repository<Definition>): Promise<void> {
  const dying = [...model.dying].flatMap((gone) => model.entries.get(gone) ?? []);
  if (dying.length === 0) return;
  const at = new Date(Date.now() + 30);
  await repository.saveMany(dying, { ttl: { at } });
  await serverTimePassed(raw, at);
  for (const { id: gone } of dying) model.remove(gone);
}

function keysOf(prefix: string, model: Model): Record<string, unknown> {
  const sets = new Map<string, string[]>();
  const sorted = new Map<string, [string, number][]>();
  const hashes = new Map<string, Record<string, string>>();
  const encode = (text: string): string =>
    text.replace(/[: ]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  const add = (key: string, member: string): unknown => sets.set(key, [...(sets.get(key) ?? []), member]);
  const score = (key: string, member: string, at = 0): unknown =>
    sorted.set(key, [...(sorted.get(key) ?? []), [member, at]]);
  // A set of its own, and a line in the vocabulary as long as there is one.
  const post = (family: string, term: string, member: string): void => {
    if (!sets.has(`${family}:${term}`)) score(family, term);
    add(`${family}:${term}`, member);
  };
  for (const { id: raw, word, rank, tags, slug } of model.entries.values()) {
    const member = encode(raw);
    score("a", member);
    const words = word === null ? 0 : word.split(" ").filter((part) => part !== "");
    if (word === null) score("0:word", member);
    else {
      add(`t:word:${word}`, member);
      score("l:word", `${word}\u0000${member}`);
      for (const part of words as string[]) post("w:word", part, member);
      const padded = `${word}\u0000`;
      const grams = Array.from(word, (_character, at) => padded.slice(at, at + 3));
      for (const gram of new Set(grams)) post("i:word", gram, member);
    }
    if (rank === undefined) score("0:rank", member);
    else score("n:rank", member, rank);
    for (const tag of new Set(tags)) add(`t:tags:${tag}`, member);
    if (slug !== null) hashes.set("u:slug", { ...hashes.get("u:slug"), [slug]: member });
    const snapshot = JSON.stringify([
      word ?? 0,
      words,
      rank === undefined ? 0 : String(rank),
      [...new Set(tags)],
      slug ?? 0,
    ]);
    hashes.set("s", { ...hashes.get("s"), [member]: snapshot });
  }
  const flat = (pairs: [string, number][]): string[] =>
    pairs
      .toSorted((left, right) => left[1] - right[1] || Buffer.compare(Buffer.from(left[0]), Buffer.from(right[0])))
      .flatMap(([member, at]) => [member, String(at)]);
  return Object.fromEntries([
    ...[...sets].map(([key, members]) => [prefix + key, [members.sort(), -1]]),
    ...[...sorted].map(([key, pairs]) => [prefix + key, [flat(pairs), -1]]),
    ...[...hashes].map(([key, fields]) => [prefix + key, [fields, -1]]),
  ]) as Record<string, unknown>;
}
