// Validators of other libraries, by the interface that they share: the Standard Schema specification, version 1.
// They say whether a value is right, and nothing of how it is made up.
import { isDeepStrictEqual } from "node:util";

/** A validator of any library that follows the specification. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What the specification asks for. */
  readonly "~standard": StandardProperties<Input, Output>;
}

/** What the specification asks of a validator. */
export interface StandardProperties<Input, Output> {
  /** The version of the specification. */
  readonly version: 1;
  /** The name of the library. */
  readonly vendor: string;
  /** Checks a value. */
  readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
  /** Carries the types only. */
  readonly types?: StandardTypes<Input, Output> | undefined;
}

/** The types of a validator. */
export interface StandardTypes<Input, Output> {
  /** What it takes. */
  readonly input: Input;
  /** What it gives. */
  readonly output: Output;
}

/** What such a validator answers: a value, or what is wrong. */
export type StandardResult<Output> = StandardSuccess<Output> | StandardFailure;

/** A value that is right. */
export interface StandardSuccess<Output> {
  /** The value. */
  readonly value: Output;
  /** Nothing is wrong. */
  readonly issues?: undefined;
}

/** A value that is wrong. */
export interface StandardFailure {
  /** What is wrong. */
  readonly issues: readonly StandardIssue[];
}

/** One thing that is wrong with a value. */
export interface StandardIssue {
  /** What it is. */
  readonly message: string;
  /** Where it is: names, or objects with names. */
  readonly path?: readonly (PropertyKey | StandardSegment)[] | undefined;
}

/** A name in the place of what is wrong. */
export interface StandardSegment {
  /** The name. */
  readonly key: PropertyKey;
}

/** A value that was checked, or what is wrong with it. */
type Checked =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path: readonly (string | number)[] }[] };

/**
 * Asks a validator of another library.
 *
 * @param schema - the validator.
 * @param value - anything.
 * @returns the value that it gives back, which it must take as it is; or what is wrong.
 */
export function checkedBy(schema: StandardSchema, value: unknown): Checked {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) return wrong("the validator takes its time, and documents cannot wait for it");
  if (result.issues !== undefined) return { issues: result.issues.map(plainIssue) };
  if (result.value === undefined) return wrong("the validator gives nothing; say .optional() around standard()");
  if (isSettled(schema, result.value, value)) return { value: result.value };
  return wrong("the validator changes its own result, so that each save would change it again; give it back unchanged");
}

function wrong(message: string): Checked {
  return { issues: [{ message, path: [] }] };
}

// What was read is validated again, and what was read may be saved again.
function isSettled(schema: StandardSchema, result: unknown, given: unknown): boolean {
  if (isDeepStrictEqual(result, given)) return true;
  const again = schema["~standard"].validate(result);
  return !(again instanceof Promise) && again.issues === undefined && isDeepStrictEqual(again.value, result);
}

function plainIssue({ message, path = [] }: StandardIssue): { message: string; path: (string | number)[] } {
  return {
    message,
    path: path.map((part) => {
      const key = typeof part === "object" ? part.key : part;
      return typeof key === "symbol" ? String(key) : key;
    }),
  };
}
