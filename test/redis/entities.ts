// Entity types of the connection tests: a plain one, and one with an index and a version.
import { z } from "zod";

import { defineEntity, exact } from "remora";

/** Nothing but fields. */
export const Plain = defineEntity({ name: "plain", schema: z.object({ id: z.string(), text: z.string() }) });

/** Indexed and versioned. */
export const Rich = defineEntity({
  name: "rich",
  schema: z.object({ id: z.string(), text: z.string(), version: z.int() }),
  index: { text: exact() },
  unique: { text: ["text"] },
  version: "version",
});

/** Read times slide. */
export const Sliding = defineEntity({
  name: "sliding",
  schema: z.object({ id: z.string(), text: z.string() }),
  unique: { text: ["text"] },
  ttl: { seconds: 1000, sliding: "read" },
});

/** Plain, as a JSON document. */
export const Json = defineEntity({
  name: "json",
  storage: "json",
  schema: z.object({ id: z.string(), text: z.string() }),
});
