// Saving what is different from what was read before, one entity or many.
// It counts only if the document is still the one that was read; otherwise the whole entity decides.
import { changedDocument, type DocumentChange, type StoredDocument } from "../codec/stored.ts";
import { isRemoraError, type RemoraError } from "../errors.ts";
import type { RunOptions } from "../redis/executor.ts";
import { decodeId, encodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import type { Note } from "./observe.ts";
import { differenceItem, type PatchItem } from "./patch-item.ts";
import { saveError, type Valid } from "./save.ts";
import type { Ttl } from "./ttl.ts";
import { type PatchOutcome, sendItems } from "./update.ts";

/** An entity of which only the difference is sent. */
export interface DifferentEntity {
  readonly encodedId: string;
  readonly valid: Valid;
  readonly stored: StoredDocument;
  readonly item: PatchItem;
  readonly change: DocumentChange;
}

/**
 * Finds what is different in an entity that was read before.
 *
 * @param context - the entity type.
 * @param valid - the entity.
 * @param ttl - the caller's wish.
 * @returns the difference; undefined where the whole entity is to be sent.
 * @throws ValidationError when a value cannot be stored or indexed exactly.
 */
export function differenceOf(context: TypeContext, valid: Valid, ttl: Ttl | undefined): DifferentEntity | undefined {
  const { loaded, metadata } = context;
  if (loaded === undefined || valid.expected === undefined) return undefined;
  const encodedId = encodeId(valid.entity[metadata.idField], metadata.name);
  const known = loaded.take(encodedId, valid.expected);
  if (known === undefined) return undefined;
  const { stored, before } = known;
  const parts = { stored, before, after: valid.entity, ttl, saved: true };
  const { item, change } = differenceItem(context, encodedId, parts);
  return { encodedId, valid, stored, item, change };
}

/**
 * Sends differences in one call per partition.
 *
 * @param context - the entity type.
 * @param entities - distinct entities.
 * @param attempt - what it is, for errors and deadlines.
 * @param note - told of what is sent.
 * @returns per entity undefined when it was saved, why it was not, or `whole` where the whole entity has to be sent.
 */
export async function sendDifferences(
  context: TypeContext,
  entities: readonly DifferentEntity[],
  attempt: RunOptions,
  note: Note,
): Promise<(RemoraError | "whole" | undefined)[]> {
  const items = entities.map(({ item }) => item);
  const outcomes = await sendItems(context, items, false, attempt, note);
  return entities.map((entity, at) => resultOf(context, entity, outcomes[at] as PatchOutcome));
}

function resultOf(
  context: TypeContext,
  { encodedId, valid, stored, change }: DifferentEntity,
  outcome: PatchOutcome,
): RemoraError | "whole" | undefined {
  const conflict = (version: string): RemoraError =>
    saveError(context, { encodedId, ...valid }, "VERSION", version, "");
  switch (outcome.kind) {
    case "done": {
      const now = changedDocument(context.codec.fields, stored, change);
      if (now !== undefined) context.loaded?.remember(decodeId(encodedId), valid.entity, now);
      return undefined;
    }
    case "failed":
      return isRemoraError(outcome.error, "ENTITY_NOT_FOUND") ? conflict("") : outcome.error;
    case "conflict":
      // Of the version that was read, and yet another one: it was deleted and made anew.
      return outcome.version === undefined ? "whole" : conflict(String(outcome.version));
    case "unread":
      return "whole";
  }
}
