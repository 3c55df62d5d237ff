// Tables of hostile inputs, one numbered row each, run on every server, storage, engine and driver.
// A row that is lost, or stands there twice, fails as well.
import { expect, test } from "vitest";

import { type Bench, describeMatrix } from "./matrix.ts";

/** Gives the input to a mapper of its own, and looks at what is stored and found. */
export type Check = (bench: Bench) => Promise<unknown>;

/** Number, input, where it comes in, and what must come of it. */
export type Row = readonly [number: number, input: string, where: string, expectOutcome: Check];

/** The whole numbers from one to another. */
export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Declares the tests of a table, which must have just these rows. */
export function testTable(name: string, wanted: readonly number[], rows: readonly Row[]): void {
  test(`${name}: every number has its row`, () => {
    expect(rows.map(([number]) => number)).toEqual(wanted);
  });
  describeMatrix(name, (bench) => {
    test.each(rows)("#%i %s %s", async (_number, _input, _where, expectOutcome) => {
      await expectOutcome(bench);
    });
  });
}
