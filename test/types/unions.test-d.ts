// Type tests of entities of several kinds: what is read is told apart, what is written must be of one kind.
import { z } from "zod";
import { expectTypeOf, test } from "vitest";

import {
  defineEntity,
  type EntityOf,
  exact,
  inc,
  type InputOf,
  type PatchOf,
  range,
  type Repository,
  unset,
} from "remora";

const common = { id: z.string(), colour: z.string().optional(), version: z.int(), at: z.date() };
const when = z.codec(z.string(), z.date(), { decode: (text) => new Date(text), encode: (date) => date.toISOString() });
const schema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("circle"), ...common, radius: z.number(), made: when }),
  z.object({ kind: z.literal("square"), ...common, side: z.number().default(1), corner: z.object({ x: z.number() }) }),
]);
const Shape = defineEntity({
  name: "shape",
  schema,
  index: { kind: exact(), radius: range(), "corner.x": range(), colour: exact() },
  unique: { radius: ["radius"] },
  version: "version",
  timestamps: { updatedAt: "at" },
});
type Shape = EntityOf<typeof Shape>;
declare const repository: Repository<typeof Shape>;

test("what is read is told apart", async () => {
  const shape = await repository.findByIdOrThrow("1");
  expectTypeOf(shape).toEqualTypeOf<Shape>();
  if (shape.kind === "circle") expectTypeOf(shape.radius).toEqualTypeOf<number>();
  else expectTypeOf(shape.corner.x).toEqualTypeOf<number>();
  // @ts-expect-error -- only circles have it
  expectTypeOf(shape.radius).toEqualTypeOf<number>();
});

test("what is written is of one kind", () => {
  expectTypeOf({ kind: "circle" as const, radius: 1, made: "2020-01-01" }).toExtend<InputOf<typeof Shape>>();
  expectTypeOf({ kind: "circle" as const, radius: 1, made: new Date() }).toExtend<InputOf<typeof Shape>>();
  void repository.insert({ kind: "square", corner: { x: 1 } });
  // @ts-expect-error -- squares have no radius
  void repository.insert({ kind: "square", corner: { x: 1 }, radius: 1 });
  // @ts-expect-error -- circles need a radius
  void repository.insert({ kind: "circle", made: new Date() });
  // @ts-expect-error -- there is no such kind
  void repository.insert({ kind: "line" });
});

test("patches are those of one kind", () => {
  expectTypeOf({ radius: inc(1) }).toExtend<PatchOf<typeof Shape>>();
  void repository.update("1", { "corner.x": 2, colour: unset() });
  void repository.update("1", { kind: "circle", radius: 1, made: new Date() });
  // @ts-expect-error -- squares have no radius
  void repository.update("1", { kind: "square", radius: 1 });
  // @ts-expect-error -- circles need their radius
  void repository.update("1", { radius: unset() });
  // @ts-expect-error -- no kind has it
  void repository.update("1", { width: 1 });
});

test("queries ask for what any kind has", async () => {
  void repository.query().where("radius").gte(1).where("corner.x").isNull();
  void repository.query().where("radius").isNull();
  // @ts-expect-error -- every kind has one
  void repository.query().where("kind").isNull();
  // @ts-expect-error -- no kind is called so
  void repository.query().where("kind").eq("line");
  const [row] = await repository.query().select("kind", "radius").all();
  if (row?.kind === "circle") expectTypeOf(row.radius).toEqualTypeOf<number>();
});

test("definitions refuse what is not in every kind", () => {
  const name = "wrong";
  // @ts-expect-error -- only circles have it
  defineEntity({ name, schema, version: "radius" });
  // @ts-expect-error -- only circles have it
  defineEntity({ name, schema, timestamps: { createdAt: "made" } });
  // @ts-expect-error -- no kind has it
  defineEntity({ name, schema, index: { width: range() } });
  // @ts-expect-error -- a number has no text index
  defineEntity({ name, schema, index: { radius: exact() } });
});
