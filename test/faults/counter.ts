// The entity that many processes raise at once.
// Its version counts the saves, so that a lost one shows.
import { z } from "zod";

import { defineEntity, range } from "../../src/index.ts";

export const Counter = defineEntity({
  name: "counter",
  schema: z.object({ id: z.string(), value: z.int(), version: z.int() }),
  index: { value: range() },
  version: "version",
});
