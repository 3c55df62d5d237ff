// One set of decorators under every compiler, in both flavours: the classes become the same definitions.
// With type metadata, fields need no schema; without it, they are refused with the cure.
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, range, text } from "remora";
import { compilers, outcomeOf } from "./compile.ts";

const shape = {
  createdAt: z.date(),
  updatedAt: z.date(),
  id: z.string(),
  title: z.string(),
  year: z.int(),
  rating: z.number().nullable(),
  genre: z.enum(["drama", "western"]),
  tags: z.array(z.string()).default([]),
  slug: z.string(),
  director: z.object({ name: z.string(), born: z.date().optional() }),
  version: z.int(),
};
const index = {
  updatedAt: range(),
  title: [exact({ sortable: true }), text()],
  year: range(),
  rating: range(),
  genre: exact(),
  tags: exact(),
} as const;
const common = {
  version: "version",
  timestamps: { createdAt: "createdAt", updatedAt: "updatedAt" },
  unique: { slug: { fields: ["slug"], caseInsensitive: true } },
} as const;
const movie = defineEntity({
  name: "movie",
  schema: z.object(shape),
  index,
  ...common,
  compound: { byGenre: { eq: ["genre"], orderBy: "year" } },
  ttl: {},
});
const short = defineEntity({
  name: "shortMovie",
  schema: z.object({ ...shape, minutes: z.int().max(30) }),
  index: { ...index, "director.name": exact() },
  ...common,
});

const look = `
if (file.error) print({ error: file.error.message });
else {
  const { Movie, ShortMovie } = file;
  const told = (type) => {
    const { name, metadata } = definitionOf(type);
    const { idField, version, createdAt, updatedAt, layout, indexes, uniques, compounds } = metadata;
    return { name, idField, version, createdAt, updatedAt, layout, indexes, uniques, compounds: compounds.length };
  };
  const date = new Date(0);
  const input = { id: "a", title: "Rio Bravo", year: 1959, rating: null, genre: "western", slug: "rio", version: 1,
    director: { name: "Hawks" }, createdAt: date, updatedAt: date, minutes: 7 };
  const { value } = definitionOf(Movie).metadata.validate(input);
  const { value: plain } = definitionOf(ShortMovie).metadata.validate(input);
  print({
    movie: told(Movie), short: told(ShortMovie), label: value.label, tags: value.tags, minutes: value.minutes,
    kinds: [value instanceof Movie, plain instanceof Movie, Object.getPrototypeOf(plain) === Object.prototype],
    id: definitionOf(Movie).metadata.generateId({}).length,
  });
}`;
const imports = 'import { definitionOf } from "remora";\nimport "remora/decorators";';

function told({ name, metadata }: typeof movie | typeof short) {
  const { idField, version, createdAt, updatedAt, layout, indexes, uniques, compounds } = metadata;
  const whole = { name, idField, version, createdAt, updatedAt, layout, indexes, uniques, compounds: compounds.length };
  return JSON.parse(JSON.stringify(whole)) as unknown;
}

describe.each(Object.keys(compilers))("classes compiled by %s", (name) => {
  const compiler = compilers[name] as (typeof compilers)[string];
  const metadata = name === "tsc, legacy with metadata";

  test("are the definitions that defineEntity makes", async () => {
    const found = await outcomeOf("movie.ts", compiler, look, imports);
    expect(found).toEqual({
      movie: told(movie),
      short: told(short),
      label: "Rio Bravo (1959)",
      tags: [],
      kinds: [true, false, true],
      id: 36,
    });
  });

  test("whose fields have no schema take what the compiler notes, or say what to do", async () => {
    const withMetadata = `${imports}\nimport "reflect-metadata";`;
    const program = `print(file.error ? { code: file.error.code, message: file.error.message }
      : [...definitionOf(file.Plain).metadata.shape.fields].map(([field, { kind }]) => [field, kind]))`;
    const found = await outcomeOf("plain.ts", compiler, program, withMetadata);
    const refused = {
      code: "DEFINITION",
      message: expect.stringMatching(
        /^entity "plain": name: @Field\(\) has no schema, .* @Field\(z\.string\(\)\); size: /,
      ) as string,
    };
    const noted = [
      ["id", "string"],
      ["name", "string"],
      ["size", "number"],
      ["live", "boolean"],
      ["at", "date"],
    ];
    expect(found).toEqual(metadata ? noted : refused);
    // Nobody keeps metadata where reflect-metadata is not loaded.
    expect(await outcomeOf("plain.ts", compiler, program, imports)).toEqual(refused);
    const unclear = program.replace("Plain", "Unclear");
    const wanted = metadata ? "the compiler noted no more than Object for it" : "the compiler noted no type for it";
    expect(await outcomeOf("unclear.ts", compiler, unclear, withMetadata)).toMatchObject({
      code: "DEFINITION",
      message: expect.stringContaining(wanted) as string,
    });
  });
});
