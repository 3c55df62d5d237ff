// The project whose type check is measured: entity types as an application has them, each with the code that uses it.
// The same project with nothing but its zod schemas is what it is compared with.

/** A generated file. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** What one entity is about; no two have the same words, so that the compiler cannot take one for another. */
interface Subject {
  readonly type: string;
  readonly name: string;
  /** Puts the entity's own word in front of a field's name. */
  readonly field: (name: string) => string;
}

const kinds = ["order", "person", "article", "device", "invoice", "ticket", "vehicle", "room", "course", "parcel"];

function subject(at: number): Subject {
  const word = `${kinds[at % kinds.length]}${Math.floor(at / kinds.length)}`;
  const type = `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
  return { type, name: word, field: (name) => `${word}${name}` };
}

// Ten fields: every scalar, lists, a nested object and a point, some optional, some null.
function schemaOf({ type, field }: Subject): string {
  return `const ${type}Schema = z.object({
  id: z.string(),
  ${field("Title")}: z.string().min(1).max(200),
  ${field("State")}: z.enum(["draft", "open", "closed", "gone"]),
  ${field("Amount")}: z.number().nullable(),
  ${field("Count")}: z.int(),
  ${field("Active")}: z.boolean().default(true),
  ${field("Due")}: z.date().optional(),
  ${field("Tags")}: z.array(z.string()).default([]),
  ${field("Owner")}: z.object({ name: z.string(), email: z.email(), born: z.date().optional() }),
  ${field("Place")}: z.object({ longitude: z.number(), latitude: z.number() }).optional(),
  version: z.int(),
});
`;
}

function plainFile(at: number): SourceFile {
  const about = subject(at);
  const { type, name, field } = about;
  return {
    name: `${name}.ts`,
    text: `import { z } from "zod";

${schemaOf(about)}
export type ${type} = z.output<typeof ${type}Schema>;

export function use${type}(input: unknown): string {
  const found: ${type} = ${type}Schema.parse(input);
  return \`\${found.${field("Title")}} \${found.${field("Owner")}.name} \${found.${field("Tags")}.length}\`;
}
`,
  };
}

function mapperFile(at: number): SourceFile {
  const about = subject(at);
  const { type, name, field } = about;
  return {
    name: `${name}.ts`,
    text: `import { z } from "zod";
import { type Database, defineEntity, type EntityOf, exact, geo, inc, type InputOf, push, range, text, unset } from "remora";

${schemaOf(about)}
export const ${type} = defineEntity({
  name: "${name}",
  schema: ${type}Schema,
  index: {
    ${field("Title")}: [exact({ sortable: true }), text()],
    ${field("State")}: exact(),
    ${field("Amount")}: range(),
    ${field("Count")}: range(),
    ${field("Active")}: exact(),
    ${field("Due")}: range(),
    ${field("Tags")}: exact(),
    "${field("Owner")}.email": exact({ caseInsensitive: true }),
    ${field("Place")}: geo(),
  },
  unique: { title: ["${field("Title")}"], owner: ["${field("Owner")}.email", "${field("State")}"] },
  version: "version",
  ttl: { seconds: 3600 },
});
export type ${type} = EntityOf<typeof ${type}>;
export type ${type}Input = InputOf<typeof ${type}>;

export async function use${type}(db: Database, input: ${type}Input): Promise<string> {
  const repository = db.repository(${type});
  const saved = await repository.insert(input);
  await repository.saveMany([saved, input]);
  await repository.update(saved.id, { ${field("Count")}: inc(1), ${field("Tags")}: push("new"), ${field("Due")}: unset() });
  await repository.update(saved.id, { "${field("Owner")}.name": "someone", ${field("Amount")}: 3 });
  const unique = await repository.findUnique({ ${field("Title")}: "a title" });
  const page = await repository
    .query()
    .where("${field("State")}")
    .in(["open", "draft"])
    .where("${field("Count")}")
    .between(1, 10)
    .where((f) => f.or(f("${field("Tags")}").containsAny(["a", "b"]), f.not(f("${field("Due")}").lt(new Date()))))
    .orderBy("${field("Title")}", "desc")
    .limit(20)
    .page();
  const chosen = await repository.query({ ${field("Active")}: true, OR: [{ ${field("Amount")}: { gte: 5 } }] }).select("${field("Title")}", "${field("Owner")}.name").all();
  const near = await repository
    .query()
    .where("${field("Place")}")
    .within({ center: { longitude: 2, latitude: 48 }, radius: 5, unit: "km" })
    .where("${field("Title")}")
    .match("words")
    .count();
  const first: ${type} | undefined = page.items[0];
  return \`\${first?.${field("Title")}} \${chosen[0]?.${field("Owner")}.name} \${unique?.version} \${near}\`;
}
`,
  };
}

/** What a project is written with. */
export type Flavour = "zod" | "remora";

/**
 * The files of a project.
 *
 * @param flavour - with the mapper, or with zod alone.
 * @param entities - how many types it has.
 */
export function projectFiles(flavour: Flavour, entities: number): SourceFile[] {
  const file = flavour === "zod" ? plainFile : mapperFile;
  return Array.from({ length: entities }, (_, at) => file(at));
}
