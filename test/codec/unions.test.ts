// Entities of several kinds without a server: every kind of field in one option, hostile texts in another, and what both have.
// Each comes back as it was, from documents of both storages and from a line of an export.
import fc from "fast-check";
import { z } from "zod";
import { describe, expect, test } from "vitest";

import { defineEntity } from "remora";
import { DocumentCodec } from "../../src/codec/document.ts";
import { LineCodec } from "../../src/codec/line.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { type Kind, kinds } from "../property/kinds.ts";
import { seed } from "../property/seed.ts";
import { hostileString } from "../property/strings.ts";
import { stored } from "./stored.ts";

const typeOf = ({ schema, index }: Kind, storage: Storage) =>
  defineEntity({
    name: "thing",
    storage,
    schema: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("one"), id: z.string(), field: schema, both: schema, note: z.string().optional() }),
      z.object({
        kind: z.literal("other"),
        id: z.string(),
        text: z.string(),
        both: schema,
        note: z.string().nullable(),
      }),
    ]),
    index: (index === undefined ? {} : { field: index, both: index }) as never,
  });

const entities = ({ value }: Kind) =>
  fc.oneof(
    fc.record(
      { kind: fc.constant("one"), id: fc.constant("x"), field: value, both: value, note: hostileString },
      { requiredKeys: ["kind", "id", "field", "both"] },
    ),
    fc.record({
      kind: fc.constant("other"),
      id: fc.constant("x"),
      text: hostileString,
      both: value,
      note: fc.option(hostileString),
    }),
  );

describe.each(kinds)("$name in an option", (kind) => {
  test.each(["hash", "json"] as const)("comes back from %s and from a line", (storage) => {
    const definition = typeOf(kind, storage);
    const { metadata } = definition;
    const [codec, lines] = [new DocumentCodec(metadata), new LineCodec(metadata)];
    fc.assert(
      fc.property(entities(kind), (entity) => {
        expect(metadata.validate({ ...entity, none: 1 })).toEqual({ ok: true, value: entity });
        const { body } = codec.encode(entity, "x", {});
        expect(codec.decode(stored(codec, definition, body), "x")).toEqual(entity);
        expect(metadata.validate(lines.read(lines.write(entity), []))).toEqual({ ok: true, value: entity });
      }),
      { numRuns: 100, seed },
    );
  });
});
