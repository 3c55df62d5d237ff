// Definitions of one type that differ in their indexes, entities with hostile values, and what a fresh database holds.
// For tests of changed definitions: what a rebuild makes is compared with this.
import { z } from "zod";
import { expect } from "vitest";

import { defineEntity, exact, geo, geoPoint, range, text } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { freshNamespace } from "../setup/legs.ts";
import { expectFailure } from "./failures.ts";
import { type Bench, dump, type Raw } from "./matrix.ts";

const shape = {
  id: z.string(),
  title: z.string(),
  size: z.number().nullable(),
  note: z.string().optional(),
  tags: z.array(z.string()).default([]),
  place: z.object({ at: geoPoint().optional(), name: z.string() }),
  born: z.date().optional(),
  serial: z.bigint().optional(),
  live: z.boolean(),
  slug: z.string(),
};

/** What the definitions of one type differ in. */
export type Change = Partial<{
  index: Record<string, unknown>;
  unique: Record<string, string[]>;
  compound: Record<string, { eq: string[]; orderBy?: string }>;
  ttl: { seconds?: number };
  more: Record<string, z.ZodType>;
}>;

export const item =
  ({ index = {}, unique, compound, ttl, more = {} }: Change) =>
  (storage: Storage) =>
    defineEntity({
      name: "item",
      storage,
      schema: z.object({ ...shape, ...more }),
      index: index as { title?: ReturnType<typeof exact>; size?: ReturnType<typeof range> },
      ...(unique === undefined ? {} : { unique: unique as never }),
      ...(compound === undefined ? {} : { compound: compound as never }),
      ...(ttl === undefined ? {} : { ttl }),
    });

// Blanks and control characters that a search server would trim or split at, and what looks like our escapes.
const hostile = [" pad", "tail\n", "\u0002Ab", "a\u0001b", "\u0001", "", "plain", "É é", "\u0002", "x\u0002"];

export function entity(at: number) {
  return {
    id: `id ${at}`,
    title: `${hostile[at % hostile.length]}${at % 3 === 0 ? "" : at}`,
    size: at % 4 === 0 ? null : at / 8,
    ...(at % 2 === 0 ? { note: `${hostile[at % hostile.length]} New words ${at}` } : {}),
    tags: [`t${at % 5}`, " u", "t\n"].slice(0, at % 4),
    place: { name: ` ${at}`, ...(at % 3 === 0 ? { at: { longitude: at / 10, latitude: -at / 7 } } : {}) },
    ...(at % 5 === 0 ? {} : { born: new Date(at * 1000) }),
    ...(at % 6 === 0 ? {} : { serial: BigInt(at) - 50n }),
    live: at % 2 === 0,
    slug: `slug ${at} `,
  };
}

const entities = (count: number) => Array.from({ length: count }, (_, at) => entity(at));

/** Everything of a namespace, as a database would hold it that never had another definition. */
export async function content(raw: Raw, namespace: string): Promise<Record<string, unknown>> {
  const stored = (await dump(raw, namespace)) as Record<string, [unknown, number]>;
  const found = Object.entries(stored).map(([key, [value, time]]) => {
    const plain: unknown = typeof value === "string" ? JSON.parse(value) : value;
    return [key.slice(namespace.length), [plain, time]] as const;
  });
  const everything = Object.fromEntries(found);
  const meta = (everything[":{item}$m"]?.[0] ?? {}) as Record<string, unknown>;
  // What a rebuild found is noted only where there was one.
  delete meta["faulty"];
  delete meta["faults"];
  return everything;
}

export async function fill({ open }: Bench, change: Change, count: number, namespace = freshNamespace()) {
  const opened = await open(item(change), { namespace });
  expect((await opened.repository.saveMany(entities(count))).failed).toEqual([]);
  return opened;
}

/** Checks that a namespace holds what a fresh one does, entities and all. */
export async function expectAsFresh(bench: Bench, change: Change, namespace: string, count: number): Promise<void> {
  const fresh = await fill(bench, change, count);
  // Saves of a type with defaults store them; they are part of what is compared.
  expect(await content(fresh.raw, namespace)).toEqual(await content(fresh.raw, fresh.namespace));
  const changed = await bench.open(item(change), { namespace, synced: false });
  const ask = async ({ repository }: typeof fresh): Promise<unknown> => [
    (await repository.query().all()).toSorted((left, right) => (left.id < right.id ? -1 : 1)),
    await repository.count(),
  ];
  expect(await ask(changed)).toEqual(await ask(fresh));
}

export const everyIndex = {
  title: [exact({ sortable: true }), text()],
  size: range(),
  note: exact({ caseInsensitive: true }),
  tags: exact(),
  "place.at": geo(),
  "place.name": range(),
  born: range(),
  serial: range(),
  live: exact(),
};

export const indexed = ({ engine }: { readonly engine: string }) => engine !== "memory";

/** Checks that a process with another definition can neither ask nor write. */
export async function expectRefused({ repository }: Awaited<ReturnType<typeof fill>>): Promise<void> {
  await expectFailure(repository.query().all(), "INDEX_NOT_READY");
  await expectFailure(repository.query().ids(), "INDEX_NOT_READY");
  await expectFailure(repository.query().first(), "INDEX_NOT_READY");
  await expectFailure(repository.query().limit(2).page(), "INDEX_NOT_READY");
  await expectFailure(repository.count(), "INDEX_NOT_READY");
  await expectFailure(repository.save(entity(1)), "INDEX_NOT_READY");
  await expectFailure(repository.insert(entity(1000)), "INDEX_NOT_READY");
  await expectFailure(repository.delete("id 1"), "INDEX_NOT_READY");
  const { failed } = await repository.saveMany([entity(1), entity(1001)]);
  expect(failed.map(({ error }) => error.code)).toEqual(["INDEX_NOT_READY", "INDEX_NOT_READY"]);
}

/** Writes a document as a stranger would: no id in it, nothing hidden. */
export async function strange(raw: Raw, storage: Storage, key: string, fields: Record<string, unknown>): Promise<void> {
  if (storage !== "hash") await raw("JSON.SET", key, "$", JSON.stringify(fields));
  else await raw("HSET", key, ...Object.entries(fields).flatMap(([name, value]) => [name, String(value)]));
}

interface Pipeline {
  call: (...words: unknown[]) => unknown;
  exec: () => Promise<unknown>;
}

interface Client {
  pipeline: () => Pipeline;
  sendCommand: (command: { toWritable: () => unknown }, stream?: unknown) => Promise<unknown>;
}

// A script that writes index entries takes a list of items at the stamp of the rebuild.
const writesEntries = (text: string): boolean => text.includes("building|") && text.includes('\n[["');

/** Runs something before the first script that writes index entries is sent, which waits for it, as do the next; counts them. */
export function betweenChunks(client: Client, work: () => Promise<void>): { calls: number } {
  const seen = { calls: 0 };
  let gate: Promise<void> | undefined;
  const [pipelineOf, sendCommand] = [client.pipeline.bind(client), client.sendCommand.bind(client)];
  client.sendCommand = async (command, stream) => {
    // What a pipeline sends was waited for already.
    if (stream === undefined && writesEntries(String(command.toWritable()))) {
      seen.calls += 1;
      gate ??= work();
      await gate;
    }
    return sendCommand(command, stream);
  };
  client.pipeline = () => {
    const pipeline = pipelineOf();
    const [call, exec] = [pipeline.call.bind(pipeline), pipeline.exec.bind(pipeline)];
    let writes = false;
    pipeline.call = (...words) => {
      writes ||= writesEntries(`\n${words.map(String).join("\n")}`);
      if (writes) seen.calls += 1;
      return call(...words);
    };
    pipeline.exec = async () => {
      if (writes) {
        gate ??= work();
        await gate;
      }
      return exec();
    };
    return pipeline;
  };
  return seen;
}
