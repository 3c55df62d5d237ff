// How long stored entities live: asked, changed, or begun anew, without touching what they hold.
// Index entries, registries and the deadlines that searches look at move along in the same call.
import { ValidationError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { inFlight } from "./flight.ts";
import { callOptions } from "./load.ts";
import type { Note } from "./observe.ts";
import { expiryItem } from "./patch-item.ts";
import type { Ttl } from "./ttl.ts";
import { sendItems } from "./update.ts";

/** How long an entity still lives: milliseconds, `never` when it does not expire, `missing` when there is none. */
export type RemainingTime = number | "never" | "missing";

/** Entities per script call. */
const chunkSize = 200;
const chunksInFlight = 4;

/**
 * Changes how long some entities live.
 *
 * @param context - the entity type.
 * @param encodedIds - their ids as they stand in keys, in any number.
 * @param ttl - how long, from now on; the definition's default when left out.
 * @param operation - what is being done, for errors.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns how many there were.
 * @throws ValidationError when the type has no `ttl`, or the value is not a time to come.
 */
export async function expireMany(
  context: TypeContext,
  encodedIds: readonly string[],
  ttl: Ttl | undefined,
  operation: string,
  options: CallOptions,
  note: Note,
): Promise<number> {
  const { metadata } = context;
  const time = ttl === undefined ? defaultTime(context) : ttl;
  const ids = [...new Set(encodedIds)];
  const chunks: (readonly string[])[] = [];
  for (let at = 0; at < ids.length; at += chunkSize) chunks.push(ids.slice(at, at + chunkSize));
  let changed = 0;
  await inFlight(chunks, chunksInFlight, async (chunk) => {
    const items = chunk.map((id) => expiryItem(context, id, time));
    const id = chunk.length === 1 ? { id: decodeId(chunk[0] as string) } : {};
    const attempt = { operation, write: true, entity: metadata.name, ...id, ...callOptions(options) };
    const outcomes = await sendItems(context, items, false, attempt, note);
    for (const outcome of outcomes) {
      if (outcome.kind === "done") changed += 1;
      if (outcome.kind === "failed" && outcome.error.code !== "ENTITY_NOT_FOUND") throw outcome.error;
    }
  });
  return changed;
}

function defaultTime({ metadata }: TypeContext): Ttl {
  const milliseconds = metadata.ttl?.milliseconds;
  if (milliseconds !== undefined) return { ms: milliseconds };
  throw new ValidationError(
    `${metadata.name}: touch needs \`ttl.seconds\` in the definition; expire takes a time of its own`,
    {
      entity: metadata.name,
    },
  );
}

/**
 * Asks how long an entity still lives.
 *
 * @param context - the entity type.
 * @param encodedId - its id as it stands in the key.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns milliseconds, `never` or `missing`.
 */
export async function remainingTime(
  { executor, layout, metadata }: TypeContext,
  encodedId: string,
  options: CallOptions,
  note: Note,
): Promise<RemainingTime> {
  const request = { name: "PTTL", args: [layout.documents + encodedId] };
  note([request], 1);
  const attempt = { operation: "ttl", write: false, entity: metadata.name, id: decodeId(encodedId) };
  const left = Number(await executor.one(request, { ...attempt, ...callOptions(options) }));
  if (left === -2) return "missing";
  return left === -1 ? "never" : left;
}
