// Expecting an error of the library: its code, its facts, and that nothing was changed.
// A promise that resolves, or rejects with anything else, fails the test.
import { inspect } from "node:util";

import { expect } from "vitest";

import { type ErrorByCode, type ErrorCode, isRemoraError } from "remora";
import { dump, type Opened } from "./matrix.ts";

/** The error a promise rejects with, which must be of the library and of the code. */
export async function expectFailure<C extends ErrorCode>(promise: Promise<unknown>, code: C): Promise<ErrorByCode[C]> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (!isRemoraError(error, code)) throw error;
    return error;
  }
  return expect.unreachable(`expected ${code}, but it resolved with ${JSON.stringify(value)}`);
}

/** As {@link expectFailure}, and the whole namespace is afterwards as it was before. */
export async function expectRefusal<C extends ErrorCode>(
  { raw, namespace }: Pick<Opened<never>, "raw" | "namespace">,
  work: () => Promise<unknown>,
  code: C,
): Promise<ErrorByCode[C]> {
  const before = await dump(raw, namespace);
  const error = await expectFailure(work(), code);
  expect(await dump(raw, namespace)).toEqual(before);
  return error;
}

/** Everything that an error or another thing could show to a log: its text, its stack, its data, its inner errors. */
export function everythingIn(thing: unknown): string {
  const inner = (thing as { cause?: unknown }).cause;
  return [
    String(thing),
    (thing as Error).stack,
    JSON.stringify(thing),
    inspect(thing, { depth: 10, showHidden: true }),
    inner === undefined ? "" : everythingIn(inner),
  ].join("\n");
}
