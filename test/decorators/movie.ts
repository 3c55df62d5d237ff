// Entities as classes, compiled by whatever compiler a test names: what they say is looked at from outside.
// Written for both flavours of decorators; nothing here depends on type metadata.
import { z } from "zod";

import { exact, range, text } from "remora";
import { CreatedAt, Entity, Field, Id, UpdatedAt, Version } from "remora/decorators";

/** What every entity here has. */
abstract class Dated {
  @CreatedAt() createdAt!: Date;
  @UpdatedAt({ index: range() }) updatedAt!: Date;
}

@Entity({ name: "movie", compound: { byGenre: { eq: ["genre"], orderBy: "year" } }, ttl: {} })
export class Movie extends Dated {
  @Id({ generate: "uuidv7" }) id!: string;
  @Field(z.string(), { index: [exact({ sortable: true }), text()] }) title!: string;
  @Field(z.int(), { index: range() }) year!: number;
  @Field(z.number().nullable(), { index: range() }) rating!: number | null;
  @Field(z.enum(["drama", "western"]), { index: exact() }) genre!: "drama" | "western";
  @Field(z.array(z.string()).default([]), { index: exact() }) tags?: string[];
  @Field(z.string(), { unique: true, caseInsensitive: true }) slug!: string;
  @Field(z.object({ name: z.string(), born: z.date().optional() })) director!: { name: string; born?: Date };
  @Version() version!: number;

  get label(): string {
    return `${this.title} (${this.year})`;
  }
}

/** What extends an entity is an entity of its own. */
@Entity({ name: "shortMovie", results: "plain", index: { "director.name": exact() } })
export class ShortMovie extends Movie {
  @Field(z.int().max(30)) minutes!: number;
}
