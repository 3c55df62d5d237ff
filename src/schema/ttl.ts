// How long entities live, as a definition says it: checked, and made plain for the rooms that write.
// A time that slides is one that every write resets; whether reads prolong it is told apart.

/** What happens to an entity's remaining time when it is saved again. */
export type TtlOnUpdate = "keep" | "reset" | "clear";

/** What begins an entity's time anew: nothing, every write, or reads by id and unique value as well. */
type TtlSliding = "none" | "write" | "read";

/** How long entities live. */
export interface TtlMetadata {
  /** The default; undefined for none. */
  readonly milliseconds: number | undefined;
  /** `reset` where the time slides. */
  readonly onUpdate: TtlOnUpdate;
  /** Reads by id and unique value prolong the time. */
  readonly prolongs: boolean;
}

/** How long entities live, as the user writes it. */
export interface TtlDefinition {
  readonly seconds?: number;
  readonly sliding?: TtlSliding;
  readonly onUpdate?: TtlOnUpdate;
}

/**
 * Checks what a definition says of times.
 *
 * @param ttl - what the user wrote.
 * @param problem - told of what is wrong.
 * @returns what the other rooms go by.
 */
export function ttlMetadata(ttl: TtlDefinition, problem: (message: string) => void): TtlMetadata {
  const milliseconds = ttl.seconds === undefined ? undefined : Math.round(ttl.seconds * 1000);
  if (milliseconds !== undefined && !(milliseconds >= 1 && Number.isSafeInteger(milliseconds))) {
    problem("ttl.seconds must be a positive number");
  }
  const { sliding = "none", onUpdate } = ttl;
  if (!["none", "write", "read"].includes(sliding)) problem('ttl.sliding is "none", "write" or "read"');
  const slides = sliding !== "none";
  if (slides && milliseconds === undefined) problem(`ttl.sliding "${sliding}" needs ttl.seconds`);
  if (slides && onUpdate !== undefined && onUpdate !== "reset") {
    problem(`ttl.sliding "${sliding}" begins the time anew, which onUpdate "${onUpdate}" contradicts`);
  }
  return Object.freeze({
    milliseconds,
    onUpdate: slides ? "reset" : (onUpdate ?? "keep"),
    prolongs: sliding === "read",
  });
}
