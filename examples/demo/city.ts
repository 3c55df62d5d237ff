// The entity of the demo: one zod schema, and what to index.
// The demo prints the definition from this very file.
import { z } from "zod";
import { defineEntity, exact, geoPoint, range, text, type EntityOf, type InputOf } from "../../src/index.ts";

export const City = defineEntity({
  name: "city",
  schema: z.object({
    id: z.string(),
    name: z.string(),
    country: z.string().length(2),
    roles: z.array(z.enum(["capital", "government", "seat"])),
    population: z.int().positive().nullable(), // null: not known
    location: geoPoint(),
    version: z.int(),
  }),
  index: {
    name: [exact({ sortable: true }), text()],
    country: exact(),
    roles: exact(),
    population: range(),
  },
  version: "version",
});

export type City = EntityOf<typeof City>;
export type CityInput = InputOf<typeof City>;
