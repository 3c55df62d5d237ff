// How long an entity lives: the caller's wish and the definition's default, as the save script reads them.
// Times are decided by the server's clock; only absolute dates come from the caller.
import { ValidationError } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";

/** A time to live in milliseconds. */
export interface TtlMilliseconds {
  /** Milliseconds from now, by the server's clock. */
  readonly ms: number;
}

/** A time to live that ends at a date. */
export interface TtlDate {
  /** The end, a date to come. */
  readonly at: Date;
}

/** How long an entity lives: seconds, milliseconds, until a date, or for ever (null). */
export type Ttl = number | TtlMilliseconds | TtlDate | null;

/** Mode and value, as the save script takes them. */
export type TtlArguments = readonly [mode: string, value: string];

const leave = "0";
const fromNow = "1";
const at = "2";
const forEver = "3";
const fromNowIfNew = "4";
const onlyIfNew = "5";

/**
 * Turns a wish and the definition's default into the script's arguments.
 *
 * @param metadata - the entity type.
 * @param ttl - the caller's wish; the definition's when left out.
 * @returns mode and value.
 * @throws ValidationError when the type has no `ttl`, or the value is not a time to come.
 */
export function ttlArguments(metadata: EntityMetadata, ttl: Ttl | undefined): TtlArguments {
  if (ttl === undefined) return defaultTtl(metadata.ttl);
  if (metadata.ttl === undefined) {
    throw new ValidationError(`${metadata.name}: a ttl needs \`ttl\` in the definition; \`ttl: {}\` is enough`, {
      entity: metadata.name,
    });
  }
  if (ttl === null) return [forEver, "0"];
  const [kind, value] = wishedTime(metadata, ttl);
  return [kind === "at" ? at : fromNow, value];
}

/**
 * Reads a wish.
 *
 * @param metadata - the entity type.
 * @param ttl - the wish.
 * @returns milliseconds from now on, or a time, as text.
 * @throws ValidationError when it is not a time to come.
 */
export function wishedTime(
  metadata: Pick<EntityMetadata, "name">,
  ttl: Exclude<Ttl, null>,
): readonly [kind: "at" | "in", milliseconds: string] {
  if (typeof ttl === "object" && "at" in ttl) {
    const time = ttl.at instanceof Date ? ttl.at.getTime() : Number.NaN;
    if (!(time > Date.now())) throw refused(metadata, "`at` must be a date to come");
    return ["at", String(time)];
  }
  const given: unknown = typeof ttl === "number" ? ttl * 1000 : ttl.ms;
  const milliseconds = typeof given === "number" ? Math.round(given) : Number.NaN;
  // Far enough below the largest integer that adding the present stays exact.
  if (!(milliseconds >= 1 && milliseconds <= 2 ** 52)) throw refused(metadata, "must be a positive time");
  return ["in", String(milliseconds)];
}

function defaultTtl(ttl: EntityMetadata["ttl"]): TtlArguments {
  const milliseconds = ttl?.milliseconds;
  switch (ttl?.onUpdate) {
    case undefined:
      return [leave, "0"];
    case "clear":
      return milliseconds === undefined ? [forEver, "0"] : [onlyIfNew, String(milliseconds)];
    case "reset":
      return milliseconds === undefined ? [leave, "0"] : [fromNow, String(milliseconds)];
    case "keep":
      return milliseconds === undefined ? [leave, "0"] : [fromNowIfNew, String(milliseconds)];
  }
}

function refused(metadata: Pick<EntityMetadata, "name">, reason: string): ValidationError {
  return new ValidationError(`${metadata.name}: ttl ${reason}`, { entity: metadata.name });
}
