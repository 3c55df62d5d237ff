// Every case of the benchmark, in the order they are run and reported.
// The contestants are described beside each case.
import type { Case } from "../race.ts";
import { boardCases } from "./leaderboard.ts";
import { cacheCases } from "./cache.ts";
import { changeCases } from "./changes.ts";
import { codecCases } from "./codec.ts";
import { defineCases } from "./define.ts";
import { findCases } from "./find.ts";
import { limitCases } from "./limit.ts";
import { saveManyCases } from "./save-many.ts";
import { saveOneCases } from "./save-one.ts";
import { searchCases } from "./search.ts";

/** Every case. */
export const allCases: readonly Case[] = [
  ...saveManyCases,
  ...saveOneCases,
  ...changeCases,
  ...findCases,
  ...searchCases,
  ...codecCases,
  ...defineCases,
  ...boardCases,
  ...limitCases,
  ...cacheCases,
];
