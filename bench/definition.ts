// The definition whose making is timed: ten fields beside the id, nine of them indexed.
// A function, since each call has to make all of it anew.
import { defineEntity, type EntityDefinition, exact, geo, geoPoint, range, text } from "remora";
import { z } from "zod";

/** The schema alone. */
export function defineSchema() {
  return z.object({
    id: z.string(),
    name: z.string(),
    country: z.string(),
    feature: z.string(),
    population: z.int(),
    elevation: z.number(),
    capital: z.boolean(),
    founded: z.date(),
    tags: z.array(z.string()),
    location: geoPoint(),
    admin: z.object({ code: z.string(), zone: z.string() }),
  });
}

/** The schema, and the entity type made from it. */
export function defineCity(): EntityDefinition {
  return defineEntity({
    name: "city",
    schema: defineSchema(),
    index: {
      name: [exact({ sortable: true }), text()],
      country: exact(),
      feature: exact(),
      population: range(),
      elevation: range(),
      capital: exact(),
      founded: range(),
      tags: exact(),
      location: geo(),
    },
    unique: { place: ["name", "country"] },
  });
}
