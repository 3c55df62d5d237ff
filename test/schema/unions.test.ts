// Unions as the schemas of entities: what has to be the same in every option, and what tells the options apart.
// Each definition that cannot work is refused with the places that do not go together, and a cure.
import { z } from "zod";
import { describe, expect, it } from "vitest";

import { dateAs, defineEntity, exact, isRemoraError } from "remora";

// As plain JavaScript would call it.
const define = defineEntity as unknown as (options: Record<string, unknown>) => ReturnType<typeof defineEntity>;
const id = z.string();
const a = { kind: z.literal("a"), id };
const b = { kind: z.literal("b"), id };

function refusal(options: Record<string, unknown>): string {
  try {
    define({ name: "thing", ...options });
  } catch (error) {
    if (isRemoraError(error, "DEFINITION")) return error.message;
    throw error;
  }
  return expect.unreachable("the definition was accepted");
}

function either(one: z.core.$ZodLooseShape, other: z.core.$ZodLooseShape) {
  return z.discriminatedUnion("kind", [z.object({ ...a, ...one }), z.object({ ...b, ...other })]);
}

describe("unions of entities", () => {
  it.each([
    ["kinds", { x: z.string() }, { x: z.number() }],
    ["forms", { x: z.date() }, { x: dateAs("iso") }],
    ["elements", { x: z.array(z.string()) }, { x: z.array(z.number()) }],
    ["objects", { x: z.object({ y: z.string() }) }, { x: z.object({ y: z.date() }) }],
  ])("need one stored form of a property, not two %s", (_, one, other) => {
    const message = refusal({ schema: either(one, other) });
    expect(message).toContain("x: is stored as");
    expect(message).toContain('where kind is "a", but as');
    expect(message).toContain('where kind is "b"; give it one type, or a name of its own');
  });

  it("need what the mapper keeps in every option", () => {
    const schema = either({ version: z.int(), at: z.date(), gone: z.date().optional() }, { x: z.string() });
    const timestamps = { createdAt: "at" };
    const message = refusal({ schema, version: "version", timestamps, softDelete: "gone", derive: { x: () => "" } });
    for (const name of ["version", "at", "gone", "x"])
      expect(message).toContain(`${name}: must be in every option of the schema`);
    const options = [z.object({ kind: z.literal("a") }), z.object(b)] as const;
    expect(refusal({ schema: z.discriminatedUnion("kind", options) })).toContain("id: must be in every option");
  });

  it("need a string that tells their options apart", () => {
    expect(refusal({ schema: z.union([z.object({ id }), z.object({ id, x: id })]) })).toContain("z.discriminatedUnion");
    expect(refusal({ schema: z.union([z.object(a), z.object(a)]) })).toContain("apart");
    expect(refusal({ schema: z.union([z.string(), z.number()]) })).toContain("apart");
    const numbers = [z.object({ n: z.literal(1), id }), z.object({ n: z.literal(2), id })] as const;
    expect(refusal({ schema: z.discriminatedUnion("n", numbers) })).toContain("must be a string");
  });

  it("hold unknown properties only where JSON is stored", () => {
    const schema = z.discriminatedUnion("kind", [z.looseObject(a), z.object(b)]);
    expect(refusal({ schema })).toContain("unknown properties");
    expect(define({ name: "thing", schema, storage: "json" }).metadata.shape.open).toBe(true);
  });

  it("are of one shape, in which what is not in every option may be missing", () => {
    const { shape, indexes } = define({
      name: "thing",
      schema: z.union([
        z.object({ ...a, x: z.number(), both: z.string(), at: dateAs("s") }),
        z.object({ ...b, y: z.object({ z: z.string() }), both: z.string().nullable(), at: dateAs("s") }),
      ]),
      index: { kind: exact(), "y.z": exact(), both: exact() },
    }).metadata;
    const absentable = [...shape.fields].filter(([, { optional, nullable }]) => optional || nullable);
    expect([...shape.fields.keys()]).toEqual(["kind", "id", "x", "both", "at", "y"]);
    expect(absentable.map(([name]) => name)).toEqual(["x", "both", "y"]);
    expect(indexes.map(({ absentable: empty }: { absentable: boolean }) => empty)).toEqual([false, true, true]);
  });

  it("tell of what is wrong with a shared property once", () => {
    const map = z.map(z.string(), z.string());
    expect(refusal({ schema: either({ map }, { map }) }).match(/z\.map/g)).toHaveLength(1);
  });
});
