// Classes as entities: what the compiler knows of properties and operands, and what it leaves to the definition.
import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";

import { type Database, exact, geo, range, text } from "remora";
import { Entity, Field, Id, Version } from "remora/decorators";

@Entity({ name: "film" })
class Film {
  @Id() id!: string;
  @Field(z.string(), { index: [exact(), text()] }) title!: string;
  @Field(z.int(), { index: range() }) year!: number;
  @Field(z.enum(["drama", "western"]), { index: exact() }) genre!: "drama" | "western";
  @Field(z.array(z.string()), { index: exact() }) tags!: string[];
  @Field(z.date().optional(), { index: range() }) seen?: Date;
  @Version() version!: number;
  get label(): string {
    return this.title;
  }
  shout(): string {
    return this.title.toUpperCase();
  }
}

declare const db: Database;

describe("classes", () => {
  test("decorators state the types of their properties", () => {
    class Wrong {
      // @ts-expect-error a number is no text
      @Field(z.number()) name!: string;
      // @ts-expect-error an id is a text
      @Id() id!: number;
      // @ts-expect-error a version is a number
      @Version() version!: string;
      // @ts-expect-error a number has no place
      @Field(z.number(), { index: geo() }) place!: number;
      // @ts-expect-error a number has no words
      @Field(z.number(), { index: [range(), text()] }) words!: number;
      // @ts-expect-error a name is a text
      @Field(z.number(), { name: 1 }) named!: number;
      @Field(z.number().nullable(), { name: "r" }) rating!: number | null;
    }
    expectTypeOf<Wrong>().toHaveProperty("rating");
  });

  test("entities are instances", () => {
    const films = db.repository(Film);
    expectTypeOf(films.findByIdOrThrow("a")).resolves.toHaveProperty("label").toEqualTypeOf<string>();
    expectTypeOf(films.findByIdOrThrow("a")).resolves.toHaveProperty("genre").toEqualTypeOf<"drama" | "western">();
    void films.findByIdOrThrow("a").then((film) => film.shout());
  });

  test("inputs need every property but those that are filled in", () => {
    const films = db.repository(Film);
    void films.insert({ title: "x", year: 1, genre: "drama", tags: [] });
    void films.insert({ id: "a", title: "x", year: 1, genre: "drama", tags: [], seen: new Date() });
    // @ts-expect-error no title
    void films.insert({ year: 1, genre: "drama", tags: [] });
    // @ts-expect-error no such genre
    void films.insert({ title: "x", year: 1, genre: "opera", tags: [] });
  });

  test("queries name properties, and take their operands", () => {
    const query = db.repository(Film).query();
    query.where("title").eq("x").where("title").match("y").where("year").gte(3).orderBy("year");
    query.where("tags").contains("a").where("genre").in(["drama"]).where("seen").lt(new Date());
    // @ts-expect-error no such property
    query.where("nope");
    // @ts-expect-error a getter is no field
    query.where("label");
    // @ts-expect-error a number is no text
    query.where("title").eq(3);
    // @ts-expect-error numbers have no words
    query.where("year").match("x");
    // @ts-expect-error no such genre
    query.where("genre").eq("opera");
  });
});
