// Where ids come from: a strategy by name, or the user's own function.
import { ulid } from "ulid";
import { v7 as uuidv7 } from "uuid";

/** How ids are made: sortable ULIDs, UUID version 7, or from the input by a function. */
export type IdStrategy<Input = never> = "ulid" | "uuidv7" | ((input: Input) => string);

/**
 * Turns a strategy into a function.
 *
 * @param strategy - the strategy named in a definition.
 * @returns a function from the input to a new id.
 */
export function idGenerator(strategy: IdStrategy<never>): (input: unknown) => string {
  if (strategy === "ulid") return () => ulid();
  if (strategy === "uuidv7") return () => uuidv7();
  return strategy as (input: unknown) => string;
}
