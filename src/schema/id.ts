// Where ids come from: a strategy by name, or the user's own function.
// Names are those of the libraries that make them.
import { nanoid } from "nanoid";
import { monotonicFactory } from "ulid";
import { v4 as uuid, v7 as uuidv7 } from "uuid";

/**
 * How ids are made: `ulid` and `uuidv7` sort by the time they were made, those of one process in their very order; `uuid` and
 * `nanoid` are random; a function makes them of the input.
 */
export type IdStrategy<Input = never> = "ulid" | "uuidv7" | "uuid" | "nanoid" | ((input: Input) => string);

/** By name. The ULIDs of a process go up, whatever its clock does. */
const generators: Readonly<Record<string, () => string>> = Object.freeze({
  ulid: monotonicFactory(),
  uuidv7: () => uuidv7(),
  uuid: () => uuid(),
  nanoid: () => nanoid(),
});

/**
 * Turns a strategy into a function.
 *
 * @param strategy - the strategy named in a definition.
 * @param problem - takes what is wrong.
 * @returns a function from the input to a new id.
 */
export function idGenerator(
  strategy: IdStrategy<never>,
  problem: (message: string) => void,
): (input: unknown) => string {
  if (typeof strategy === "function") return strategy as (input: unknown) => string;
  if (!Object.hasOwn(generators, strategy)) {
    problem(`id.generate must be ${Object.keys(generators).join(", ")} or a function, not ${JSON.stringify(strategy)}`);
  }
  const generate = generators[strategy] as () => string;
  return () => generate();
}
