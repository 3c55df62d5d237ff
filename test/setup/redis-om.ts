// What redis-om is told of a person: a field of each of its kinds.
// The tests of adopted data and those of the drafts made from it share it.

/** Fields for redis-om's `Schema`. */
export const omFields = {
  name: { type: "string" },
  bio: { type: "text" },
  age: { type: "number" },
  active: { type: "boolean" },
  joined: { type: "date" },
  tags: { type: "string[]" },
  place: { type: "point" },
} as const;
